//! A record in the making: what is kept of the old row, what is new, sealed as one row.

use std::collections::BTreeMap;

use coffer_keys::row::{self, FieldHead, Head, Identity, Row};
use coffer_keys::{Altered, KeyId, SubjectKey, Unsealable, random};
use coffer_wire::Day;
use coffer_wire::api::Stamp;
use coffer_wire::{Hash, Value};

use super::ORIGIN_EPOCH;
use super::stamp::{STAMPS_NUMBER, STAMPS_PADDED_BYTES, Stamps};
use super::stored::{OpenKeys, Stored, Target};
use crate::admit::{Permit, Write};
use crate::keyring::Keyring;
use crate::schema::Field;

/// Why a record was not sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSealed {
    /// What is stored does not open: nothing is built on it.
    #[error("what is stored does not open")]
    Altered,
    /// Randomness failed, or more is in the record than a row can hold.
    #[error("the record cannot be sealed")]
    Unsealable,
}

impl From<Altered> for NotSealed {
    fn from(_: Altered) -> Self {
        NotSealed::Altered
    }
}

impl From<Unsealable> for NotSealed {
    fn from(_: Unsealable) -> Self {
        NotSealed::Unsealable
    }
}

impl From<coffer_keys::NoRandomness> for NotSealed {
    fn from(_: coffer_keys::NoRandomness) -> Self {
        NotSealed::Unsealable
    }
}

/// A sealed row, ready for the store.
pub struct Sealed {
    /// The row's bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: u32,
    /// SHA-256 of row salt ‖ row: what the leaf names.
    pub written: Hash,
    /// Ids of the keys of others under which something lies in it.
    pub others: Vec<KeyId>,
}

/// The parts of a row that is being written.
pub struct Draft {
    target: Target,
    version: u32,
    keys: Vec<KeyId>,
    fields: BTreeMap<u16, (FieldHead, Vec<u8>)>,
    stamps: Stamps,
}

impl Draft {
    /// A first version, under the person's key.
    pub fn new(target: Target, own: KeyId) -> Draft {
        Draft { target, version: 1, keys: vec![own], fields: BTreeMap::new(), stamps: Stamps::default() }
    }

    /// The next version of a stored record. Its fields are kept as they are sealed; those whose
    /// person was erased are left behind. The row must open as the record asked for.
    pub fn next(stored: &Stored, keyring: &Keyring) -> Result<(Draft, SubjectKey), NotSealed> {
        let keys = OpenKeys::of(stored.line(keyring)?, stored)?;
        stored.identify(&keys.own)?;
        let mut draft = Draft::new(stored.target.clone(), stored.own.id);
        draft.version = stored.version().checked_add(1).ok_or(NotSealed::Unsealable)?;
        draft.stamps = Stamps::open(stored, &keys)?;
        for (head, sealed) in stored.row.head.fields.iter().zip(&stored.row.fields) {
            if head.number != STAMPS_NUMBER && keys.by_number(head.key).is_some() {
                let key = draft.key_number(stored.row.head.keys[usize::from(head.key)])?;
                draft.fields.insert(head.number, (FieldHead { key, ..*head }, sealed.clone()));
            }
        }
        Ok((draft, keys.own))
    }

    /// Whether the record has the field.
    pub fn has(&self, field: &Field) -> bool {
        self.fields.contains_key(&field.number)
    }

    /// Seals a new value of a field under a key of whom it is about.
    pub fn set(&mut self, field: &Field, value: &Value, id: KeyId, key: &SubjectKey) -> Result<(), NotSealed> {
        self.stamps.unmark(field.number);
        self.put(field.number, value.expose().as_bytes(), field.pad_to(), id, key)
    }

    /// What is known of how the values of this version come in.
    pub fn stamp(&mut self, stamp: Stamp) {
        self.stamps.put(self.version, stamp);
    }

    /// Somebody made sure of a value that stays as it is.
    pub fn verified(&mut self, field: &Field, on: Day) {
        self.stamps.verified(field.number, on);
    }

    /// The person disputes a value, or no longer.
    pub fn disputed(&mut self, field: &Field, disputed: bool) {
        self.stamps.disputed(field.number, disputed);
    }

    /// Takes a field out of the record.
    pub fn unset(&mut self, field: &Field) {
        self.fields.remove(&field.number);
        self.stamps.unmark(field.number);
    }

    /// Seals the row. The permit must be for this very record.
    pub fn seal(mut self, permit: &Permit<Write>, own: &SubjectKey) -> Result<Sealed, NotSealed> {
        let t = &self.target;
        let agree = permit.is_about(&t.person, &t.record)
            && permit.controller() == t.controller
            && permit.category() == Some(t.category);
        if !agree {
            return Err(NotSealed::Altered);
        }
        let held: Vec<_> = self.fields.values().map(|(head, _)| (head.number, head.version)).collect();
        self.stamps.keep(&held);
        if let Some(stamps) = self.stamps.encode() {
            let own_id = *self.keys.first().ok_or(NotSealed::Unsealable)?;
            self.put(STAMPS_NUMBER, &stamps, STAMPS_PADDED_BYTES, own_id, own)?;
        }
        self.finish(own)
    }

    /// The row without asking for a permit: for a reseal, whose act is recorded by the erase.
    pub(super) fn finish(mut self, own: &SubjectKey) -> Result<Sealed, NotSealed> {
        self.leave_unused_keys();
        let others = self.keys[1..].to_vec();
        let (heads, fields): (Vec<_>, Vec<_>) = self.fields.into_values().unzip();
        let head =
            Head { suite: row::SUITE, origin: ORIGIN_EPOCH, version: self.version, keys: self.keys, fields: heads };
        let salt = random()?;
        let target = &self.target;
        let identity = Identity::new(target.person.clone(), target.record.clone(), salt);
        let sealed_identity =
            row::seal_identity(own, target.controller.as_str(), target.category.as_str(), &head, &fields, &identity)?;
        let bytes = Row { head, identity: sealed_identity, fields }.encode();
        let written = Hash::from_bytes(row::hash(&salt, &bytes));
        Ok(Sealed { bytes, version: self.version, written, others })
    }

    /// A key of somebody of whom the record holds nothing more is none of its keys.
    fn leave_unused_keys(&mut self) {
        let is_used = |number: usize| self.fields.values().any(|(head, _)| usize::from(head.key) == number);
        let kept: Vec<usize> = (0..self.keys.len()).filter(|number| *number == 0 || is_used(*number)).collect();
        for (head, _) in self.fields.values_mut() {
            // Every key that a field names is kept, and there are no more than a byte counts.
            head.key = kept.iter().position(|number| *number == usize::from(head.key)).unwrap_or_default() as u8;
        }
        self.keys = kept.into_iter().map(|number| self.keys[number]).collect();
    }

    pub(super) fn keeping_version(mut self, version: u32) -> Draft {
        self.version = version;
        self
    }

    pub(super) fn put_sealed(&mut self, head: FieldHead, id: KeyId, sealed: Vec<u8>) -> Result<(), NotSealed> {
        let key = self.key_number(id)?;
        self.fields.insert(head.number, (FieldHead { key, ..head }, sealed));
        Ok(())
    }

    fn put(&mut self, number: u16, value: &[u8], pad_to: usize, id: KeyId, key: &SubjectKey) -> Result<(), NotSealed> {
        let head = FieldHead { number, key: self.key_number(id)?, version: self.version };
        let t = &self.target;
        let context = row::value_context(
            t.controller.as_str(),
            t.category.as_str(),
            &id,
            &t.person,
            &t.record,
            number,
            self.version,
            row::SUITE,
        );
        let sealed = key.seal(&context, value, pad_to)?;
        self.fields.insert(number, (head, sealed));
        Ok(())
    }

    fn key_number(&mut self, id: KeyId) -> Result<u8, NotSealed> {
        let at = self.keys.iter().position(|key| *key == id).unwrap_or_else(|| {
            self.keys.push(id);
            self.keys.len() - 1
        });
        u8::try_from(at).map_err(|_| NotSealed::Unsealable)
    }
}
