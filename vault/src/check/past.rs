//! The private parts, opened in the log's order, come to what must be there now: each record with its
//! version and the hash of its row, each key that was made and not destroyed.

use std::collections::{BTreeSet, HashMap, HashSet};

use coffer_keys::{KeyId, ROW_KEY_BYTES};
use coffer_wire::leaf::{Action, Decision, Leaf};
use coffer_wire::private::Private;
use coffer_wire::succession::Why;
use coffer_wire::{Hash, Name};

use super::keys::Wraps;
use super::log::Log;
use super::people::People;
use super::privates::Opener;
use super::{Check, CheckError, Code, Place, Who, index_of};
use crate::keyring::record::State;
use crate::ledger::history::leaf_key;
use crate::ledger::{StoredPrivate, Volume};
use crate::seal::verify::Verifier;
use crate::store::{Engine, Family};

pub(super) type RowKey = [u8; ROW_KEY_BYTES];

/// The families without which nobody knows what the log comes to.
const NEEDED: [Family; 3] = [Family::Leaves, Family::Private, Family::Keys];

/// What the last leaf about a record says.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) version: u32,
    pub(super) written: Hash,
    pub(super) leaf: u64,
    /// Whether its row, or what is left of it, was met in the store.
    pub(super) met: bool,
}

/// What the log comes to.
pub(super) struct Past<'v> {
    opener: Opener<'v>,
    verifier: &'v Verifier,
    engine: &'v dyn Engine,
    records: HashMap<(Name, Name), HashMap<RowKey, Known>>,
    /// Hashes of writes whose private part does not open: of which record they are is not known.
    unplaced: HashMap<Hash, u64>,
    /// Keys that were made and not destroyed, and the leaf that made them.
    pub(super) made: HashMap<KeyId, u64>,
    /// Keys that were destroyed, and the leaf that says so.
    pub(super) destroyed: HashMap<KeyId, u64>,
    /// Keys in whose place others came, and the leaf that says so: nothing is left of them.
    pub(super) replaced: HashMap<KeyId, u64>,
    /// Of each key that lives and came in the place of others: these, oldest first.
    pub(super) former: HashMap<KeyId, Vec<KeyId>>,
    /// Those of the destroyed ones that had come back and were destroyed again: the rows under them stay, and nobody reads them.
    pub(super) again: HashSet<KeyId>,
    /// The states of the log's keys, as the last leaf about each says.
    pub(super) states: HashMap<KeyId, State>,
    /// The keys that sign the log, or did.
    log_keys: BTreeSet<KeyId>,
    /// What it says of requests for a second person and of holds.
    pub(super) people: People,
    /// Whether something could not be read that may have made or destroyed keys.
    pub(super) has_gaps: bool,
}

impl Check<'_> {
    /// Opens every private part in the log's order. `None` where the store does not give them all:
    /// nothing can then be held against the log.
    pub(super) fn past<'v>(
        &mut self,
        verifier: &'v Verifier,
        wraps: &Wraps,
        log: &Log,
    ) -> Result<Option<Past<'v>>, CheckError>
    where
        Self: 'v,
    {
        let mut past = Past {
            opener: self.opener(verifier, wraps)?,
            verifier,
            engine: self.home.engine,
            records: HashMap::new(),
            unplaced: HashMap::new(),
            made: HashMap::new(),
            destroyed: HashMap::new(),
            replaced: HashMap::new(),
            former: HashMap::new(),
            again: HashSet::new(),
            states: HashMap::new(),
            log_keys: wraps.log_keys(),
            people: People::default(),
            has_gaps: false,
        };
        if NEEDED.into_iter().any(|family| self.is_damaged(family)) {
            return Ok(None);
        }
        self.progress.stage("what the log says", Some(self.report.looked.leaves));
        let mut next = 0;
        // Where a log was closed for damage, not all that it said is known.
        past.has_gaps |= self.line.ended().any(|end| end.why == Why::Damaged);
        self.each(Family::Leaves, b"", |check, key, bytes| {
            let index = index_of(key).filter(|position| log.has(check.volume, *position));
            let Some(index) = index else { return Ok(()) };
            let (volume, within) = Volume::split(index);
            past.has_gaps |= index != next && (within != 0 || volume == Volume::FIRST);
            next = index + 1;
            let Ok(leaf) = Leaf::parse(bytes) else {
                past.has_gaps = true;
                return Ok(());
            };
            let Some(stored) = check.get(Family::Private, key)? else {
                past.lost(&leaf, index);
                return Ok(());
            };
            // A part without a head was found already.
            let Some(stored) = StoredPrivate::parse(&stored) else {
                past.lost(&leaf, index);
                return Ok(());
            };
            let place = || Place { category: leaf.category, ..Place::of(Family::Private).leaf(index) };
            if !log.gave_up(index) && !past.opener.knows_actor(&leaf, &stored) {
                check.found(Code::PrivateUnattributed, place().controller(leaf.controller));
            }
            let opened = past.opener.open(&leaf, &stored);
            if let Ok(private) = &opened {
                check.search_private(private, place().controller(leaf.controller));
            }
            if let Err(code) = opened.and_then(|private| past.follow(index, &leaf, &private)) {
                if !log.gave_up(index) {
                    check.found(code, place().controller(leaf.controller));
                }
                past.lost(&leaf, index);
            }
            Ok(())
        })?;
        past.has_gaps |= next != self.volume.position(log.size);
        Ok(if NEEDED.into_iter().any(|family| self.is_damaged(family)) { None } else { Some(past) })
    }
}

impl Past<'_> {
    /// A leaf whose private part cannot be read.
    fn lost(&mut self, leaf: &Leaf, index: u64) {
        self.has_gaps = true;
        if let (Action::RecordsWrite | Action::RecordsReseal, Some(hash)) = (leaf.action, leaf.row) {
            self.unplaced.insert(hash, index);
        }
    }

    /// What was refused or failed changed nothing.
    fn follow(&mut self, index: u64, leaf: &Leaf, private: &Private) -> Result<(), Code> {
        if !matches!(leaf.decision(), Ok(Decision::Granted(_))) {
            return Ok(());
        }
        self.people.follow(index, leaf, private);
        match leaf.action {
            Action::RecordsWrite | Action::RecordsReseal => self.written(index, leaf, private)?,
            Action::RecordsErase => self.ended(leaf, private)?,
            // A leaf without a record ends keys alone, in other people's records.
            Action::SubjectsErase if private.record.is_some() => self.ended(leaf, private)?,
            // The row of a category key stays, and says that it is destroyed. A key of the log is of no category.
            Action::KeysDestroy | Action::KeysShred if leaf.category.is_some() => return Ok(()),
            // A root key lies in no store.
            Action::RootRotate => return Ok(()),
            _ => {}
        }
        for id in &private.made {
            let id = id.parse().map_err(|_| Code::PrivateIncomplete)?;
            self.made.entry(id).or_insert(index);
            // Of the keys that sign the log one is active.
            if self.log_keys.contains(&id) {
                self.retire(&id, leaf.action);
                self.states.insert(id, State::Active);
            }
        }
        for (new, id) in private.made.iter().zip(&private.replaced) {
            let (new, id) =
                (new.parse().map_err(|_| Code::PrivateIncomplete)?, id.parse().map_err(|_| Code::PrivateIncomplete)?);
            self.made.remove(&id);
            self.replaced.insert(id, index);
            let mut former = self.former.remove(&id).unwrap_or_default();
            former.push(id);
            self.former.insert(new, former);
        }
        for id in &private.destroyed {
            let id = id.parse().map_err(|_| Code::PrivateIncomplete)?;
            self.made.remove(&id);
            self.replaced.remove(&id);
            self.former.remove(&id);
            match leaf.action == Action::ErasedAgain {
                true => {
                    self.again.insert(id);
                    self.destroyed.insert(id, index);
                }
                false => drop(self.destroyed.entry(id).or_insert(index)),
            }
            self.states.entry(id).and_modify(|state| *state = State::Destroyed);
        }
        Ok(())
    }

    /// A new key of the log takes the place of the one before it: by an act of its own, which signs on for a while, or with a
    /// new log, since others may hold it.
    fn retire(&mut self, new: &KeyId, by: Action) {
        let after = if by == Action::LogRekey { State::DecryptOnly } else { State::Compromised };
        let before = self.states.iter_mut().filter(|(id, state)| *id != new && **state == State::Active);
        before.for_each(|(_, state)| *state = after);
    }

    fn written(&mut self, index: u64, leaf: &Leaf, private: &Private) -> Result<(), Code> {
        let (Some(version), Some(written)) = (leaf.version, leaf.row) else { return Err(Code::PrivateIncomplete) };
        match self.place(leaf, private)? {
            None => {
                self.unplaced.insert(written, index);
            }
            Some((at, key)) => {
                let known = Known { version, written, leaf: index, met: false };
                self.records.entry(at).or_default().insert(key, known);
            }
        }
        Ok(())
    }

    fn ended(&mut self, leaf: &Leaf, private: &Private) -> Result<(), Code> {
        if let Some((at, key)) = self.place(leaf, private)?
            && let Some(records) = self.records.get_mut(&at)
        {
            records.remove(&key);
        }
        Ok(())
    }

    /// Where the record's row lies; `None` where the keys that say so did not open.
    fn place(&self, leaf: &Leaf, private: &Private) -> Result<Option<((Name, Name), RowKey)>, Code> {
        let (Some(category), Some(person), Some(record)) = (leaf.category, &private.person, &private.record) else {
            return Err(Code::PrivateIncomplete);
        };
        let line = self.verifier.line(&leaf.controller, &category);
        Ok(line.map(|line| ((leaf.controller, category), line.locator().row(person.as_str(), record.as_str()))))
    }

    /// What the log says of a place in a category, whoever's it is.
    pub(super) fn find(&mut self, category: Name, key: &RowKey) -> Option<(Name, &mut Known)> {
        let mut lines = self.records.iter_mut().filter(|((_, of), _)| *of == category);
        lines.find_map(|((controller, _), records)| Some((*controller, records.get_mut(key)?)))
    }

    /// Whether a leaf whose private part is lost wrote this.
    pub(super) fn wrote(&self, hash: &Hash) -> bool {
        self.unplaced.contains_key(hash)
    }

    /// Records whose rows were not met, in the order of their last leaves.
    pub(super) fn unmet(&self) -> Vec<(Name, Name, Known)> {
        let lines = self.records.iter();
        let all = lines.flat_map(|((controller, category), records)| {
            records.values().filter(|known| !known.met).map(|known| (*controller, *category, *known))
        });
        let mut unmet: Vec<_> = all.collect();
        unmet.sort_by_key(|(_, _, known)| known.leaf);
        unmet
    }

    /// Person and record of a leaf, for a report that names them.
    pub(super) fn who(&mut self, leaf: u64) -> Option<Who> {
        let private = self.private(leaf)?;
        Who::of(private.person.as_ref(), private.record.as_ref())
    }

    /// The private part of a leaf, where it opens.
    pub(super) fn private(&mut self, leaf: u64) -> Option<Private> {
        let bytes = self.engine.get(Family::Leaves, &leaf_key(leaf)).ok()??;
        let stored = self.engine.get(Family::Private, &leaf_key(leaf)).ok()??;
        self.opener.open(&Leaf::parse(&bytes).ok()?, &StoredPrivate::parse(&stored)?).ok()
    }
}
