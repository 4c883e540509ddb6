//! From an old key to a new one, without ever giving a value to anybody.

use std::collections::HashMap;

use coffer_keys::row::{self, FieldHead};
use coffer_keys::{Altered, Context, KeyId, SubjectKey};
use coffer_wire::Hash;

use super::Sealed;
use super::draft::{Draft, NotSealed};
use super::stamp::{STAMPS_NUMBER, STAMPS_PADDED_BYTES};
use super::stored::{OpenKeys, Stored, Target};
use crate::admit::{Act, Erase, Job, Permit};
use crate::keyring::Keyring;
use crate::schema::{Category, Field};

/// A row under new keys. Its version stays, since its content does.
pub struct Resealed {
    /// Where it lies.
    pub row_key: [u8; 32],
    /// The record, for the private part of its leaf.
    pub record: String,
    /// The row.
    pub sealed: Sealed,
    /// SHA-256 of the row that it replaces.
    pub old: Hash,
}

/// New keys, each by the id of the one whose place it takes.
pub type Renewed = HashMap<KeyId, (KeyId, SubjectKey)>;

/// Acts that seal rows again: an erase those that its person keeps, a job those of its category.
pub trait Reseals: Act + Sized {
    /// Whether the permit is for this record.
    fn covers(permit: &Permit<Self>, target: &Target) -> bool;
}

impl Reseals for Erase {
    fn covers(permit: &Permit<Self>, target: &Target) -> bool {
        permit.person() == target.person && permit.category() == Some(target.category)
    }
}

impl Reseals for Job {
    fn covers(permit: &Permit<Self>, target: &Target) -> bool {
        permit.controller() == target.controller && permit.category() == Some(target.category)
    }
}

/// Seals a row again: what lies under a key that has a new one under that, all else as it is. The identity is sealed anew, since
/// it binds the whole row.
pub fn reseal<A: Reseals>(
    permit: &Permit<A>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    renewed: &Renewed,
) -> Result<Resealed, NotSealed> {
    if !A::covers(permit, &stored.target) {
        return Err(NotSealed::Altered);
    }
    let line = stored.line(keyring)?;
    let keys = OpenKeys::of(line, stored)?;
    stored.identify(&keys.own)?;
    let old_own = stored.own_key();
    let (own_id, own) = renewed.get(&old_own).map_or((old_own, &keys.own), |(id, key)| (*id, key));
    let mut draft = Draft::new(stored.target.clone(), own_id).keeping_version(stored.version());
    for (at, head) in stored.row.head.fields.iter().enumerate() {
        let sealed = stored.row.fields.get(at).ok_or(Altered)?;
        let (context, number) = stored.field_context(at)?;
        let Some(key) = keys.by_number(number) else { continue };
        let id = stored.row.head.keys[usize::from(number)];
        match renewed.get(&id) {
            None => draft.put_sealed(*head, id, sealed.clone())?,
            Some((new_id, new)) => {
                let value = key.open(&context, sealed)?;
                let pad_to = pad_to(category, head.number);
                let sealed = new.seal(&renewed_context(stored, head, new_id), value.as_bytes(), pad_to)?;
                draft.put_sealed(*head, *new_id, sealed)?;
            }
        }
    }
    Ok(Resealed {
        row_key: stored.target.row_key(line),
        record: stored.target.record.clone(),
        sealed: draft.finish(own)?,
        old: stored.hash(),
    })
}

/// The new row is of the old one's size.
fn pad_to(category: &Category, number: u16) -> usize {
    match number {
        STAMPS_NUMBER => STAMPS_PADDED_BYTES,
        _ => category.field_number(number).map_or(0, Field::pad_to),
    }
}

fn renewed_context(stored: &Stored, head: &FieldHead, id: &KeyId) -> Context {
    let t = &stored.target;
    row::value_context(
        t.controller.as_str(),
        t.category.as_str(),
        id,
        &t.person,
        &t.record,
        head.number,
        head.version,
        row::SUITE,
    )
}
