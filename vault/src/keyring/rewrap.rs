//! Keys of persons and staff from under an old version of their category key to under the one that wraps what is new.

use std::collections::HashMap;

use coffer_keys::{Altered, KeyId, KeyKind, NotRewrapped, Wrapped};

use super::record::{AuditRow, SubjectRow};
use super::versions::Version;
use super::{Line, audit_category};
use crate::store::{Engine, Family, Precondition, StoreError};

/// Rows that are asked of the store at a time while all are counted.
const PAGE_ROWS: usize = 4_096;

/// A row under the active version.
pub struct Moved {
    /// The row.
    pub row: Vec<u8>,
    /// That the version which wraps it is still the active one, and the one from under which it comes has not ended.
    pub needs: [Precondition; 2],
}

impl Line {
    /// Where the rows begin of the keys that this line's category key wraps; they lie among those of all other lines.
    pub fn wrapped_prefix(&self) -> &'static [u8] {
        if self.category == audit_category() { AuditRow::PREFIX } else { SubjectRow::PREFIX }
    }

    /// The row with its key under the active version; nothing where it is not of this line, is there already, or is what is left of a
    /// destroyed key. What lies below the floor is not moved up: nothing was left there, so somebody put it back.
    pub fn moved(&self, store_key: &[u8], row: &[u8]) -> Result<Option<Moved>, NotRewrapped> {
        let active = self.active();
        let old = |wrapped_by: &KeyId| self.version(wrapped_by).filter(|version| version.id != active.id);
        let (row, from) = match self.wrapped_prefix() {
            AuditRow::PREFIX => {
                let Some(row) = AuditRow::decode(row) else { return Err(Altered.into()) };
                let Some(old) = old(&row.wrapped_by) else { return Ok(None) };
                let wrapped = self.rewrapped(KeyKind::Audit, row.id, (&old, &row.wrapped), &active)?;
                (AuditRow { wrapped_by: active.id, wrapped, ..row }.encode(), old)
            }
            _ => {
                let id = SubjectRow::id(store_key).ok_or(Altered)?;
                let (wrapped_by, index, wrapped) = match SubjectRow::decode(row) {
                    Some(SubjectRow::Living { wrapped_by, index, wrapped }) => (wrapped_by, index, wrapped),
                    Some(SubjectRow::Destroyed { .. }) => return Ok(None),
                    None => return Err(Altered.into()),
                };
                let Some(old) = old(&wrapped_by) else { return Ok(None) };
                let wrapped = self.rewrapped(KeyKind::Subject, id, (&old, &wrapped), &active)?;
                (SubjectRow::Living { wrapped_by: active.id, index, wrapped }.encode(), old)
            }
        };
        Ok(Some(Moved { row, needs: [active.wraps(), from.opens()] }))
    }

    /// Whether a key of a person lies under a version that a rotation has to empty.
    pub fn is_behind(&self, engine: &dyn Engine, id: &KeyId) -> Result<bool, StoreError> {
        let row = engine.get(Family::Keys, &SubjectRow::key(id))?;
        let wrapped_by = row.and_then(|row| wrapped_by(SubjectRow::PREFIX, &row));
        let version = wrapped_by.and_then(|wrapped_by| self.version(&wrapped_by));
        Ok(version.is_some_and(|version| version.id != self.active().id))
    }

    fn rewrapped(
        &self,
        kind: KeyKind,
        id: KeyId,
        (old, wrapped): (&Version, &Wrapped),
        new: &Version,
    ) -> Result<Wrapped, NotRewrapped> {
        let (from, to) = (self.place(kind, id, old), self.place(kind, id, new));
        match kind {
            KeyKind::Audit => old.key.rewrap_audit(&from, wrapped, &new.key, &to),
            _ => old.key.rewrap_subject(&from, wrapped, &new.key, &to),
        }
    }
}

/// How many keys of persons and staff each key wraps.
#[derive(Default)]
pub struct Under {
    counts: HashMap<KeyId, u64>,
    /// Of all of them together.
    pub total: u64,
}

impl Under {
    /// Counts them all, walking the key family once. Needs no key.
    pub fn count(engine: &dyn Engine) -> Result<Under, StoreError> {
        let mut under = Under::default();
        for prefix in [SubjectRow::PREFIX, AuditRow::PREFIX] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = engine.scan(Family::Keys, prefix, after.as_deref(), PAGE_ROWS)?;
                page.iter().filter_map(|(_, row)| wrapped_by(prefix, row)).for_each(|id| under.add(id));
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
            }
        }
        Ok(under)
    }

    /// What lies under one key.
    pub fn of(&self, id: &KeyId) -> u64 {
        self.counts.get(id).copied().unwrap_or(0)
    }

    /// What a line's rotation has to move: what lies under versions that open and are not the active one.
    pub fn behind(&self, line: &Line) -> u64 {
        let versions = line.versions();
        let active = versions.active().id;
        let old = versions.list.iter().filter(|version| version.id != active && version.version >= versions.floor);
        old.map(|version| self.of(&version.id)).sum()
    }

    fn add(&mut self, id: KeyId) {
        *self.counts.entry(id).or_default() += 1;
        self.total += 1;
    }
}

/// The keys of persons that lie under a key, in no order that says anything. Needs no key.
pub fn subjects_under(engine: &dyn Engine, id: &KeyId) -> Result<Vec<KeyId>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let page = engine.scan(Family::Keys, SubjectRow::PREFIX, after.as_deref(), PAGE_ROWS)?;
        let of_it = page.iter().filter(|(_, row)| wrapped_by(SubjectRow::PREFIX, row) == Some(*id));
        found.extend(of_it.filter_map(|(key, _)| SubjectRow::id(key)));
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(last.clone());
    }
}

fn wrapped_by(prefix: &[u8], row: &[u8]) -> Option<KeyId> {
    if prefix == AuditRow::PREFIX {
        return AuditRow::decode(row).map(|row| row.wrapped_by);
    }
    match SubjectRow::decode(row) {
        Some(SubjectRow::Living { wrapped_by, .. }) => Some(wrapped_by),
        Some(SubjectRow::Destroyed { .. }) | None => None,
    }
}
