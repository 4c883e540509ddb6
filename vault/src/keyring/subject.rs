//! Keys of persons: one for each controller, category and person, and one for each record of
//! somebody else in which the person appears.

use std::sync::Arc;

use coffer_keys::{Altered, Context, KeyId, KeyKind, Label, SubjectKey};
use subtle::ConstantTimeEq;

use super::record::{FormerRow, IndexRow, SubjectRow, TAG_BYTES};
use super::versions::{Standing, Version};
use super::{KeyringError, Line};
use crate::store::{Batch, Family, Precondition, Unread, View};

/// Where the key of a person in a category is found: the person's half, then the record's.
///
/// The second half is zero for the person's own key, and the locator of (owner, record) for a
/// person who appears in somebody else's record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SubjectIndex([u8; 32]);

impl SubjectIndex {
    /// Of a person's own key in the category.
    pub fn own(line: &Line, person: &str) -> SubjectIndex {
        SubjectIndex::joined(line.locator.person(person), [0; 16])
    }

    /// Of a person's key in one record of somebody else.
    pub fn within(line: &Line, person: &str, owner: &str, record: &str) -> SubjectIndex {
        SubjectIndex::joined(line.locator.person(person), line.locator.record(owner, record))
    }

    /// The store's key of the index row.
    pub fn row_key(&self) -> Vec<u8> {
        IndexRow::key(&self.0)
    }

    fn joined(person: [u8; 16], record: [u8; 16]) -> SubjectIndex {
        let mut index = [0; 32];
        index[..16].copy_from_slice(&person);
        index[16..].copy_from_slice(&record);
        SubjectIndex(index)
    }
}

/// Why there is no new key in the place of an old one.
#[derive(Debug, thiserror::Error)]
pub enum NotRenewed {
    /// The store did not answer.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// No key could be made.
    #[error(transparent)]
    NotMade(#[from] KeyringError),
}

/// A person's key, wrapped, with what a submission must say of it.
pub struct OwnKey {
    /// The key's id.
    pub id: KeyId,
    /// The id of the category key that wraps it.
    pub wrapped_by: KeyId,
    wrapped: coffer_keys::Wrapped,
    version: Arc<Version>,
}

impl Line {
    /// The key of this id, if it lives. A key that was destroyed has left a tombstone: a row that is gone, or is no row,
    /// counts as altered, or a loss would pass for an erasure.
    ///
    /// The row and the versions of the key above it are two looks, and between them a job may have moved the key to another
    /// version and an admin destroyed the one before: what does not open is looked at again, until it is the same twice. The
    /// version that was found is kept with the key, since it opens only after its leaf.
    pub fn subject(&self, view: &View<'_>, id: KeyId) -> Result<Result<Option<OwnKey>, Altered>, Unread> {
        self.subject_by(view, id, |wrapped_by| self.standing(wrapped_by))
    }

    /// The same where what is withheld opens too: for the job that moves it. Whoever asks has shown its permit (`seal/stored.rs`).
    pub(crate) fn subject_though_withheld(
        &self,
        view: &View<'_>,
        id: KeyId,
    ) -> Result<Result<Option<OwnKey>, Altered>, Unread> {
        self.subject_by(view, id, |wrapped_by| match self.standing(wrapped_by) {
            Standing::Withheld => self.version(wrapped_by).map_or(Standing::Unknown, Standing::Opens),
            other => other,
        })
    }

    fn subject_by(
        &self,
        view: &View<'_>,
        id: KeyId,
        standing: impl Fn(&KeyId) -> Standing,
    ) -> Result<Result<Option<OwnKey>, Altered>, Unread> {
        let look = || view.get(Family::Keys, &SubjectRow::key(&id));
        let mut row = look()?;
        loop {
            let (wrapped_by, wrapped) = match row.as_deref().and_then(SubjectRow::decode) {
                Some(SubjectRow::Living { wrapped_by, wrapped, .. }) => (wrapped_by, wrapped),
                Some(SubjectRow::Destroyed { .. }) => return Ok(Ok(None)),
                None => return Ok(Err(Altered)),
            };
            let found = standing(&wrapped_by);
            if let Standing::Opens(version) = found {
                return Ok(Ok(Some(OwnKey { id, wrapped_by, wrapped, version })));
            }
            let before = std::mem::replace(&mut row, look()?);
            if before == row {
                return match found {
                    // What stood under a key that was destroyed all the same is erased with it.
                    Standing::Destroyed => Ok(Ok(None)),
                    Standing::Withheld => Err(Unread::Withheld),
                    Standing::Opens(_) | Standing::Unknown => Ok(Err(Altered)),
                };
            }
        }
    }

    /// The living key that a person has, beside the row that led to it, or to none: both of one look, so that whoever makes a
    /// key there relies on what it has seen. A key in whose place another one came meanwhile is looked for again.
    #[allow(clippy::type_complexity)] // the inner result is what is stored, the outer one the look at it
    pub fn living_at(
        &self,
        view: &View<'_>,
        index: &SubjectIndex,
    ) -> Result<Result<(Option<Vec<u8>>, Option<OwnKey>), Altered>, Unread> {
        let at = index.row_key();
        let mut taken = self.index_row(view, index)?;
        loop {
            let Some(row) = &taken else { return Ok(Ok((None, None))) };
            let found = match self.indexed_row(&at, row) {
                Ok(id) => self.subject(view, id)?,
                Err(altered) => return Ok(Err(altered)),
            };
            if let Ok(found) = found {
                return Ok(Ok((taken, found)));
            }
            let before = std::mem::replace(&mut taken, self.index_row(view, index)?);
            if before == taken {
                return Ok(Err(Altered));
            }
        }
    }

    /// The rows that lead to all keys of a person in this category, and those of the keys that live. Looked at again while another
    /// key comes in the place of one.
    #[allow(clippy::type_complexity)] // as above
    pub fn subjects_of(
        &self,
        view: &View<'_>,
        person: &str,
    ) -> Result<Result<(Vec<(Vec<u8>, Vec<u8>)>, Vec<KeyId>), Altered>, Unread> {
        let look = || view.under(Family::Keys, &self.subjects_prefix(person));
        let mut rows = look()?;
        loop {
            let living = match self.indexed(&rows) {
                Ok(ids) => self.living(view, ids)?,
                Err(altered) => return Ok(Err(altered)),
            };
            let before = match living {
                Ok(living) => return Ok(Ok((rows, living))),
                Err(_) => std::mem::replace(&mut rows, look()?),
            };
            if before == rows {
                return Ok(Err(Altered));
            }
        }
    }

    /// The prefix of all index rows of a person, for a precondition.
    pub fn subjects_prefix(&self, person: &str) -> Vec<u8> {
        IndexRow::key(&self.locator.person(person))
    }

    /// The key ids that index rows name, each row authenticated.
    pub fn indexed(&self, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<KeyId>, Altered> {
        rows.iter().map(|(key, value)| self.indexed_row(key, value)).collect()
    }

    /// The key id that one index row names, authenticated.
    pub fn indexed_row(&self, key: &[u8], value: &[u8]) -> Result<KeyId, Altered> {
        let index = key.strip_prefix(IndexRow::PREFIX).and_then(|k| k.try_into().ok()).map(SubjectIndex);
        let (Some(index), Some(row)) = (index, IndexRow::decode(value)) else { return Err(Altered) };
        let tag = self.tag(&index, &row.id);
        if bool::from(tag.ct_eq(&row.tag)) { Ok(row.id) } else { Err(Altered) }
    }

    /// Those of the ids whose keys live.
    pub fn living(&self, view: &View<'_>, ids: Vec<KeyId>) -> Result<Result<Vec<KeyId>, Altered>, Unread> {
        let mut living = Vec::with_capacity(ids.len());
        for id in ids {
            match self.subject(view, id)? {
                Ok(Some(_)) => living.push(id),
                Ok(None) => {}
                Err(altered) => return Ok(Err(altered)),
            }
        }
        Ok(Ok(living))
    }

    /// Where the index row of a living key stands.
    pub fn index_key_of(&self, view: &View<'_>, id: &KeyId) -> Result<Option<Vec<u8>>, Unread> {
        let row = view.get(Family::Keys, &SubjectRow::key(id))?;
        Ok(match row.as_deref().and_then(SubjectRow::decode) {
            Some(SubjectRow::Living { index, .. }) => Some(IndexRow::key(&index)),
            _ => None,
        })
    }

    /// Opens a key of a person as it lies in the store.
    pub fn open_subject_row(&self, id: KeyId, row: SubjectRow) -> Result<SubjectKey, Altered> {
        match row {
            SubjectRow::Living { wrapped_by, wrapped, .. } => {
                let version = self.version(&wrapped_by).ok_or(Altered)?;
                self.open_subject(&OwnKey { id, wrapped_by, wrapped, version })
            }
            SubjectRow::Destroyed { .. } => Err(Altered),
        }
    }

    /// Opens a person's key.
    pub fn open_subject(&self, key: &OwnKey) -> Result<SubjectKey, Altered> {
        key.version.key.open_subject(&self.place(KeyKind::Subject, key.id, &key.version), &key.wrapped)
    }

    /// That a key of a person lives when what was sealed under it is numbered: for who found it among rows that may yet come to
    /// nothing.
    pub fn lives(&self, id: &KeyId) -> Precondition {
        Precondition::Begins { family: Family::Keys, key: SubjectRow::key(id), bytes: SubjectRow::living() }
    }

    /// Makes a key for a person. `taken` is what stands at the index now: nothing, or a destroyed key's row.
    pub fn make_subject(
        &self,
        index: &SubjectIndex,
        taken: Option<Vec<u8>>,
        batch: &mut Batch,
        needs: &mut Vec<Precondition>,
    ) -> Result<(KeyId, SubjectKey), KeyringError> {
        let id = KeyId::random()?;
        let version = self.active();
        let (key, wrapped) = version.key.make_subject(&self.place(KeyKind::Subject, id, &version))?;
        needs.push(version.wraps());
        let row = SubjectRow::Living { wrapped_by: version.id, index: index.0, wrapped };
        batch.put(Family::Keys, SubjectRow::key(&id), row.encode());
        let at = IndexRow::key(&index.0);
        batch.put(Family::Keys, at.clone(), IndexRow { id, tag: self.tag(index, &id) }.encode());
        needs.push(Precondition::unchanged(Family::Keys, at, taken.as_deref()));
        Ok((id, key))
    }

    /// Makes a key in the place of a living one, whose row goes: no tombstone stays, since nobody was erased. `None`: the key is not
    /// where its own row says, so that one of them was altered.
    pub fn renew_subject(
        &self,
        view: &View<'_>,
        old: &KeyId,
        batch: &mut Batch,
        needs: &mut Vec<Precondition>,
    ) -> Result<Option<(KeyId, SubjectKey)>, NotRenewed> {
        let at = SubjectRow::key(old);
        let row = view.get(Family::Keys, &at)?;
        let Some(SubjectRow::Living { wrapped_by, index, .. }) = row.as_deref().and_then(SubjectRow::decode) else {
            return Ok(None);
        };
        let Some(from) = self.version(&wrapped_by) else { return Ok(None) };
        let index = SubjectIndex(index);
        let taken = self.index_row(view, &index)?;
        if taken != Some(self.index_row_of(index.0, old)) {
            return Ok(None);
        }
        // Moved or destroyed meanwhile, it is another's to end.
        needs.push(Precondition::unchanged(Family::Keys, at.clone(), row.as_deref()));
        needs.push(from.opens());
        batch.delete(Family::Keys, at);
        let Ok(ids) = self.with_former(view, [*old])? else { return Ok(None) };
        let made = self.make_subject(&index, taken, batch, needs)?;
        batch.delete(Family::Keys, FormerRow::key(old));
        let former = FormerRow { tag: self.former_tag(&made.0, &ids), ids };
        batch.put(Family::Keys, FormerRow::key(&made.0), former.encode());
        Ok(Some(made))
    }

    /// Each key behind those in whose place it came: what an archive may still hold of its person, so that what ends the key must
    /// name them. Their rows come and go with the key's own.
    pub fn with_former(
        &self,
        view: &View<'_>,
        ids: impl IntoIterator<Item = KeyId>,
    ) -> Result<Result<Vec<KeyId>, Altered>, Unread> {
        let mut all = Vec::new();
        for id in ids {
            if let Some(bytes) = view.get(Family::Keys, &FormerRow::key(&id))? {
                match self.former(&id, &bytes) {
                    Ok(former) => all.extend(former),
                    Err(altered) => return Ok(Err(altered)),
                }
            }
            all.push(id);
        }
        Ok(Ok(all))
    }

    /// What the row of a key says of those before it, authenticated.
    pub fn former(&self, id: &KeyId, bytes: &[u8]) -> Result<Vec<KeyId>, Altered> {
        let row = FormerRow::decode(bytes).ok_or(Altered)?;
        let tag = self.former_tag(id, &row.ids);
        if bool::from(tag.ct_eq(&row.tag)) { Ok(row.ids) } else { Err(Altered) }
    }

    fn former_tag(&self, id: &KeyId, ids: &[KeyId]) -> [u8; TAG_BYTES] {
        let context = Context::new(Label::Index).text("former").part(id.as_bytes());
        self.locator.tag(&ids.iter().fold(context, |context, id| context.part(id.as_bytes())))
    }

    /// What stands at an index, for [`make_subject`](Line::make_subject).
    pub fn index_row(&self, view: &View<'_>, index: &SubjectIndex) -> Result<Option<Vec<u8>>, Unread> {
        view.get(Family::Keys, &IndexRow::key(&index.0))
    }

    /// The row that must stand at an index for a key.
    pub fn index_row_of(&self, index: [u8; 32], id: &KeyId) -> Vec<u8> {
        IndexRow { id: *id, tag: self.tag(&SubjectIndex(index), id) }.encode()
    }

    fn tag(&self, index: &SubjectIndex, id: &KeyId) -> [u8; TAG_BYTES] {
        self.locator.tag(&Context::new(Label::Index).part(&index.0).part(id.as_bytes()))
    }
}
