//! The keys family: every row reads, leads where it should, and, with the seal, opens; and the keys
//! are those that the log made and did not destroy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use coffer_keys::KeyId;
use coffer_wire::Name;
use coffer_wire::api::ITEMS_MAX;
use coffer_wire::leaf::{Action, Decision, Leaf};

use super::log::Log;
use super::past::Past;
use super::{Check, CheckError, Code, Place};
use crate::keyring::audit_category;
use crate::keyring::record::{AuditRow, FormerRow, IndexRow, RootRow, State, SubjectRow, Use};
use crate::ledger::history::leaf_key;
use crate::seal::verify::Verifier;
use crate::store::Family;

/// Bytes of a locator, and of an index of two of them.
const LOCATOR_BYTES: usize = 16;
const INDEX_BYTES: usize = 32;

/// The keys under the root key, as they lie in the store.
#[derive(Default)]
pub(super) struct Wraps {
    pub(super) rows: Vec<(KeyId, RootRow)>,
    categories: HashMap<KeyId, (Name, Name)>,
    destroyed: BTreeSet<KeyId>,
    /// Those of the destroyed ones with which all ended that lay under them.
    shredded: BTreeSet<KeyId>,
    /// Those under which the log says that nothing was left.
    below: BTreeSet<KeyId>,
}

/// What is wrong with the key that wraps another.
enum Wrap {
    Sound(Name, Name),
    /// The key under it has ended with it, as a leaf says.
    Shredded,
    Wrong(Code),
}

impl Wraps {
    fn take(&mut self, log: &Log, id: KeyId, row: RootRow) {
        let line = (row.controller, row.category);
        if row.usage == Use::Category {
            self.categories.insert(id, line);
            if row.version < log.keys.floor(line) {
                self.below.insert(id);
            }
        }
        if row.state == State::Destroyed {
            self.destroyed.insert(id);
            if log.keys.shredded_at(line, row.version).is_some() {
                self.shredded.insert(id);
            }
        }
        self.rows.push((id, row));
    }

    /// Controller and category of a category key.
    pub(super) fn category(&self, id: &KeyId) -> Option<(Name, Name)> {
        self.categories.get(id).copied()
    }

    /// Those that sign the log, or did.
    pub(super) fn log_keys(&self) -> BTreeSet<KeyId> {
        self.rows.iter().filter(|(_, row)| row.usage == Use::Log).map(|(id, _)| *id).collect()
    }

    /// Every category that has rows.
    pub(super) fn kept(&self) -> BTreeSet<Name> {
        let kept = self.categories.values().map(|(_, category)| *category);
        kept.filter(|category| *category != audit_category()).collect()
    }
}

impl Wrap {
    /// What is wrong; a line of another kind than the key's is none of its own.
    fn code(self) -> Code {
        match self {
            Wrap::Sound(..) | Wrap::Shredded => Code::KeyForeign,
            Wrap::Wrong(code) => code,
        }
    }
}

/// What a leaf says that was done.
enum Granted {
    Act(Action),
    No,
    Unread,
}

impl Check<'_> {
    /// Reads the keys under the root key.
    pub(super) fn wraps(&mut self, log: &Log) -> Result<Wraps, CheckError> {
        self.progress.stage("keys of categories", None);
        let mut wraps = Wraps::default();
        let mut unread = false;
        self.each(Family::Keys, RootRow::PREFIX, |check, key, value| {
            let (id, row) = (RootRow::id(key), RootRow::decode(value));
            unread |= id.is_none() || row.is_none();
            match (id, row) {
                (None, _) => check.found(Code::ForeignEntry, Place::of(Family::Keys)),
                (Some(id), None) => check.found(Code::KeyMalformed, Place::of(Family::Keys).key(&id)),
                (Some(id), Some(row)) => {
                    // Leaves that cannot be read may be those that changed it.
                    if log.unread == 0 && !check.is_damaged(Family::Leaves) && !log.keys.agree(&row) {
                        let place = Place::of(Family::Keys).key(&id).entry(row.state.as_str());
                        check.found(Code::KeyStateWrong, place);
                    }
                    wraps.take(log, id, row);
                }
            }
            Ok(())
        })?;
        // What cannot be read may be the version that seems to be missing.
        if !unread && !self.is_damaged(Family::Keys) {
            self.versions(&wraps);
        }
        Ok(wraps)
    }

    /// Each line has versions 1, 2, 3 and so on of its key, and one of them wraps what is new.
    fn versions(&mut self, wraps: &Wraps) {
        let mut lines: BTreeMap<(Name, Name), Vec<(u32, State)>> = BTreeMap::new();
        for (_, row) in wraps.rows.iter().filter(|(_, row)| row.usage != Use::Log) {
            let line = lines.entry((row.controller, row.category)).or_default();
            if row.usage == Use::Category {
                line.push((row.version, row.state));
            }
        }
        for ((controller, category), mut versions) in lines {
            versions.sort_by_key(|(version, _)| *version);
            let in_order = versions.iter().map(|(version, _)| *version).eq(1..=versions.len() as u32);
            let active = versions.iter().filter(|(_, state)| *state == State::Active).count();
            if !in_order || active != 1 {
                self.found(Code::KeyVersions, Place::of(Family::Keys).controller(controller).category(category));
            }
        }
    }

    /// The line of the key that wraps another one. Without the seal nobody knows which keys the log made.
    fn wrap_of(wraps: &Wraps, past: Option<&Past<'_>>, id: &KeyId) -> Wrap {
        match wraps.category(id) {
            Some(_) if wraps.shredded.contains(id) => Wrap::Shredded,
            Some(_) if wraps.destroyed.contains(id) => Wrap::Wrong(Code::KeyUnderDestroyed),
            Some(_) if wraps.below.contains(id) => Wrap::Wrong(Code::KeyBelowFloor),
            Some((controller, category)) => Wrap::Sound(controller, category),
            None if past.is_some_and(|past| past.made.contains_key(id)) => Wrap::Wrong(Code::KeyWrapMissing),
            None => Wrap::Wrong(Code::KeyForeign),
        }
    }

    /// A key of the log is in the state that its leaves come to. Returns the id of any key under the root key that may still be there.
    fn root(&mut self, past: Option<&mut Past<'_>>, key: &[u8], value: &[u8]) -> Option<KeyId> {
        let id = RootRow::id(key)?;
        let expected = past.as_ref().and_then(|past| past.states.get(&id).copied());
        let state = RootRow::decode(value).map(|row| row.state);
        if let (Some(state), Some(expected)) = (state, expected)
            && state != expected
        {
            self.found(Code::KeyStateWrong, Place::of(Family::Keys).key(&id).entry(state.as_str()));
        }
        // What is left of a key that was destroyed says so.
        if let (Some(State::Destroyed), Some(past)) = (state, past)
            && past.destroyed.remove(&id).is_some()
        {
            return None;
        }
        Some(id)
    }

    /// Looks at every row of the family.
    pub(super) fn keys(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        mut past: Option<&mut Past<'_>>,
    ) -> Result<(), CheckError> {
        self.progress.stage("keys", None);
        self.each(Family::Keys, b"", |check, key, value| {
            check.report.looked.keys += 1;
            let there = match key.first_chunk::<1>().map(<[u8; 1]>::as_slice) {
                Some(RootRow::PREFIX) => check.root(past.as_deref_mut(), key, value),
                Some(SubjectRow::PREFIX) => check.subject(wraps, verifier, past.as_deref_mut(), key, value)?,
                Some(AuditRow::PREFIX) => check.audit(wraps, verifier, past.as_deref(), key, value),
                Some(IndexRow::PREFIX) => {
                    check.index(wraps, verifier, key, value)?;
                    None
                }
                Some(FormerRow::PREFIX) => {
                    check.former(past.as_deref_mut(), key, value);
                    None
                }
                _ => {
                    check.found(Code::ForeignEntry, Place::of(Family::Keys));
                    None
                }
            };
            if let (Some(id), Some(past)) = (there, past.as_deref_mut()) {
                check.logged(past, &id);
            }
            Ok(())
        })?;
        if let (Some(past), false) = (past, self.is_damaged(Family::Keys)) {
            self.unmet_keys(past);
        }
        Ok(())
    }

    /// A key that is there must be one that the log made and did not destroy.
    fn logged(&mut self, past: &mut Past<'_>, id: &KeyId) {
        let place = Place::of(Family::Keys).key(id);
        if let Some(leaf) = past.replaced.get(id) {
            return self.found(Code::KeyReplacedThere, place.leaf(*leaf));
        }
        match (past.made.remove(id), past.destroyed.remove(id)) {
            (_, Some(leaf)) => self.found(Code::KeyUndestroyed, place.leaf(leaf)),
            (None, None) if !past.has_gaps => self.found(Code::KeyUnlogged, place),
            _ => {}
        }
    }

    /// What ends a key has to name those before it, so that no archive gives its person back: the row that says which they are is
    /// held against the leaves.
    fn former(&mut self, past: Option<&mut Past<'_>>, key: &[u8], value: &[u8]) {
        let (Some(id), Some(row)) = (FormerRow::id(key), FormerRow::decode(value)) else {
            self.found(Code::KeyMalformed, Place::of(Family::Keys));
            return;
        };
        if let Some(past) = past
            && past.former.remove(&id).as_ref() != Some(&row.ids)
            && !past.has_gaps
        {
            self.found(Code::KeyFormerWrong, Place::of(Family::Keys).key(&id));
        }
    }

    fn unmet_keys(&mut self, past: &Past<'_>) {
        let missing: BTreeSet<_> = past.former.keys().copied().collect();
        missing.iter().for_each(|id| self.found(Code::KeyFormerWrong, Place::of(Family::Keys).key(id)));
        for (code, ids) in [(Code::KeyMissing, &past.made), (Code::TombstoneMissing, &past.destroyed)] {
            let mut ids: Vec<_> = ids.iter().collect();
            ids.sort_by_key(|(_, leaf)| **leaf);
            ids.into_iter().for_each(|(id, leaf)| self.found(code, Place::of(Family::Keys).key(id).leaf(*leaf)));
        }
    }

    /// A key of a person, or its tombstone. Returns the id of a key that is there.
    fn subject(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        past: Option<&mut Past<'_>>,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<KeyId>, CheckError> {
        let Some(id) = SubjectRow::id(key) else {
            self.found(Code::ForeignEntry, Place::of(Family::Keys));
            return Ok(None);
        };
        let place = Place::of(Family::Keys).key(&id);
        let row = match SubjectRow::decode(value) {
            None => {
                self.found(Code::KeyMalformed, place);
                return Ok(Some(id));
            }
            Some(SubjectRow::Destroyed { at }) => {
                self.tombstone(past, &id, at)?;
                return Ok(None);
            }
            Some(row) => row,
        };
        let SubjectRow::Living { wrapped_by, index, .. } = &row else { return Ok(None) };
        let (controller, category) = match Self::wrap_of(wraps, past.as_deref(), wrapped_by) {
            Wrap::Sound(controller, category) if category != audit_category() => (controller, category),
            Wrap::Shredded => return Ok(Some(id)),
            wrong => {
                self.found(wrong.code(), place);
                return Ok(Some(id));
            }
        };
        let place = place.controller(controller).category(category);
        let named = self.get(Family::Keys, &IndexRow::key(index))?.and_then(|row| IndexRow::decode(&row));
        if named.is_none_or(|row| row.id != id) {
            self.found(Code::IndexMissing, place.clone());
        }
        // Where the line did not open, its own key is the finding.
        let line = verifier.and_then(|verifier| verifier.line(&controller, &category));
        if line.is_some_and(|line| line.open_subject_row(id, row).is_err()) {
            self.found(Code::KeyAltered, place);
        }
        Ok(Some(id))
    }

    /// What is left of a destroyed key names the first leaf of what ended it: an erase, a write of a record in which
    /// somebody was and is no more, or a start that met it alive again.
    fn tombstone(&mut self, past: Option<&mut Past<'_>>, id: &KeyId, at: u64) -> Result<(), CheckError> {
        let named = past.as_ref().and_then(|past| past.destroyed.get(id).copied());
        let ends = self.ends_keys(at, named)?;
        let destroyed = past.is_none_or(|past| {
            past.made.remove(id);
            past.destroyed.remove(id).is_some() || past.has_gaps
        });
        if !ends || !destroyed {
            self.found(Code::TombstoneWrong, Place::of(Family::Keys).key(id).leaf(at));
        }
        Ok(())
    }

    /// Whether the leaf begins an act that ends keys. `named`: the leaf whose private part names the key; the writes of one
    /// request stand side by side up to it.
    fn ends_keys(&mut self, at: u64, named: Option<u64>) -> Result<bool, CheckError> {
        match self.granted(at)? {
            Granted::No => Ok(false),
            Granted::Unread | Granted::Act(Action::RecordsErase | Action::SubjectsErase) => Ok(true),
            Granted::Act(act @ (Action::RecordsWrite | Action::ErasedAgain)) => {
                let last = named.unwrap_or(at);
                if last.checked_sub(at).is_none_or(|between| between >= ITEMS_MAX as u64) {
                    return Ok(false);
                }
                for index in at..=last {
                    match self.granted(index)? {
                        Granted::Unread => {}
                        Granted::Act(one) if one == act => {}
                        Granted::Act(_) | Granted::No => return Ok(false),
                    }
                }
                Ok(true)
            }
            Granted::Act(_) => Ok(false),
        }
    }

    fn granted(&mut self, index: u64) -> Result<Granted, CheckError> {
        let leaf = self.get(Family::Leaves, &leaf_key(index))?;
        Ok(match leaf.as_deref().map(Leaf::parse) {
            Some(Ok(leaf)) if matches!(leaf.decision(), Ok(Decision::Granted(_))) => Granted::Act(leaf.action),
            // What cannot be read is a finding of its own.
            Some(Err(_)) => Granted::Unread,
            Some(Ok(_)) | None => Granted::No,
        })
    }

    /// An index row leads to a living key that says the same of itself.
    fn index(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), CheckError> {
        let index = key.strip_prefix(IndexRow::PREFIX).and_then(|key| <[u8; INDEX_BYTES]>::try_from(key).ok());
        let Some(index) = index else {
            self.found(Code::ForeignEntry, Place::of(Family::Keys));
            return Ok(());
        };
        let Some(row) = IndexRow::decode(value) else {
            self.found(Code::KeyMalformed, Place::of(Family::Keys));
            return Ok(());
        };
        let place = Place::of(Family::Keys).key(&row.id);
        let subject = self.get(Family::Keys, &SubjectRow::key(&row.id))?;
        let Some(SubjectRow::Living { wrapped_by, index: own, .. }) = subject.as_deref().and_then(SubjectRow::decode)
        else {
            self.found(Code::IndexDangling, place);
            return Ok(());
        };
        if own != index {
            self.found(Code::IndexDangling, place);
            return Ok(());
        }
        let Some((controller, category)) = wraps.category(&wrapped_by) else { return Ok(()) };
        let line = verifier.and_then(|verifier| verifier.line(&controller, &category));
        if line.is_some_and(|line| line.indexed_row(key, value).is_err()) {
            self.found(Code::IndexAltered, place.controller(controller).category(category));
        }
        Ok(())
    }

    /// An audit key. Returns its id.
    fn audit(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        past: Option<&Past<'_>>,
        key: &[u8],
        value: &[u8],
    ) -> Option<KeyId> {
        let locator = key.strip_prefix(AuditRow::PREFIX).and_then(|key| <[u8; LOCATOR_BYTES]>::try_from(key).ok());
        let Some(locator) = locator else {
            self.found(Code::ForeignEntry, Place::of(Family::Keys));
            return None;
        };
        let Some(row) = AuditRow::decode(value) else {
            self.found(Code::KeyMalformed, Place::of(Family::Keys));
            return None;
        };
        let place = Place::of(Family::Keys).key(&row.id);
        let (controller, category) = match Self::wrap_of(wraps, past, &row.wrapped_by) {
            Wrap::Sound(controller, category) if category == audit_category() => (controller, category),
            wrong => {
                self.found(wrong.code(), place);
                return Some(row.id);
            }
        };
        let line = verifier.and_then(|verifier| verifier.line(&controller, &category));
        if line.is_some_and(|line| line.open_audit(&locator, value).is_err()) {
            self.found(Code::KeyAltered, place.controller(controller).category(category));
        }
        Some(row.id)
    }
}
