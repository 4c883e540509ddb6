//! From an old key to a new one, without ever giving a value to anybody.

use coffer_keys::row::{self, FieldHead};
use coffer_keys::{Altered, KeyId, SubjectKey};
use coffer_wire::Hash;

use super::Sealed;
use super::draft::{Draft, NotSealed};
use super::stamp::{STAMPS_NUMBER, STAMPS_PADDED_BYTES};
use super::stored::{OpenKeys, Stored};
use crate::admit::{Erase, Permit};
use crate::keyring::Keyring;
use crate::schema::{Category, Field};

/// A row under the person's new key. Its version stays, since its content does.
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

/// Seals a row again: the identity and the fields of its own person under the new key, the others'
/// fields as they are. Part of an erase: the row must be of the person whose record is erased.
pub fn reseal(
    permit: &Permit<Erase>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    new: (KeyId, &SubjectKey),
) -> Result<Resealed, NotSealed> {
    if permit.person() != stored.target.person || permit.category() != Some(stored.target.category) {
        return Err(NotSealed::Altered);
    }
    let line = stored.line(keyring)?;
    let keys = OpenKeys::of(line, stored)?;
    stored.identify(&keys.own)?;
    let mut draft = Draft::new(stored.target.clone(), new.0).keeping_version(stored.version());
    for (at, head) in stored.row.head.fields.iter().enumerate() {
        let sealed = stored.row.fields.get(at).ok_or(Altered)?;
        let (context, number) = stored.field_context(at)?;
        match keys.by_number(number) {
            None => {}
            Some(_) if number != 0 => {
                draft.put_sealed(*head, stored.row.head.keys[usize::from(number)], sealed.clone())?;
            }
            Some(own) => {
                let value = own.open(&context, sealed)?;
                let pad_to = pad_to(category, head.number);
                let sealed = new.1.seal(&renewed(stored, head, &new.0), value.as_bytes(), pad_to)?;
                draft.put_sealed(*head, new.0, sealed)?;
            }
        }
    }
    Ok(Resealed {
        row_key: stored.target.row_key(line),
        record: stored.target.record.clone(),
        sealed: draft.finish(new.1)?,
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

fn renewed(stored: &Stored, head: &FieldHead, id: &KeyId) -> coffer_keys::Context {
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
