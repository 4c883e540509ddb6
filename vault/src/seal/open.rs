//! The one way from a stored row to values in clear.

use std::collections::BTreeMap;

use coffer_keys::{Altered, Plaintext};
use coffer_wire::api::{Form, Stamp};
use coffer_wire::{Name, Value};
use zeroize::Zeroizing;

use super::Plain;
use super::stamp::Stamps;
use super::stored::{OpenKeys, Stored};
use crate::admit::{Permit, Read};
use crate::keyring::Keyring;
use crate::ledger::{Recorded, Spent};
use crate::schema::{Category, Field};

/// What was opened.
pub struct Opened {
    /// The record's version.
    pub version: u32,
    /// The fields that were asked for and that the record has.
    pub plain: Plain,
    /// Of these, what is known of how they came in.
    pub provenance: BTreeMap<Name, Stamp>,
}

/// Opens the fields that the permit names, in the form that it names.
///
/// Permit, record and row must speak of the same thing: the permit's digest is the one in the
/// record, the record names the hash of this very row, and the identity sealed in the row is the
/// record asked for. The evidence is used up; what is left of it can only become the receipt.
///
/// `now_ms` is the moment for which a form that asks after an age is answered, Unix time in milliseconds.
///
/// Fails with [`Altered`], and reveals nothing, if any of it does not agree or does not open.
pub fn open(
    stored: &Stored,
    category: &Category,
    permit: Permit<Read>,
    recorded: Recorded,
    keyring: &Keyring,
    now_ms: u64,
) -> Result<(Opened, Spent), Altered> {
    let agree = permit.digest() == recorded.asked()
        && permit.is_about(&stored.target.person, &stored.target.record)
        && permit.controller() == stored.target.controller
        && permit.category() == Some(stored.target.category)
        && recorded.row() == Some(&stored.hash());
    if !agree {
        return Err(Altered);
    }
    let keys = OpenKeys::of(stored.line(keyring)?, stored)?;
    stored.identify(&keys.own)?;
    let stamps = Stamps::open(stored, &keys)?;
    let (mut plain, mut provenance) = (Plain::new(), BTreeMap::new());
    for name in permit.fields() {
        let field = category.field(name).ok_or(Altered)?;
        if let Some((value, version)) = open_field(stored, &keys, field)? {
            plain.insert(*name, shown(field, permit.form(), value, now_ms)?);
            let stamp = stamps.of(field.number, version).map(|stamp| told(stamp, category, permit.purpose()));
            provenance.extend(stamp.map(|stamp| (*name, stamp)));
        }
    }
    Ok((Opened { version: stored.version(), plain, provenance }, recorded.spend()))
}

/// The value of one field and the version at which it was sealed, or `None` where the record does not have it or its person was erased.
fn open_field(stored: &Stored, keys: &OpenKeys, field: &Field) -> Result<Option<(Plaintext, u32)>, Altered> {
    let Some(at) = stored.row.head.fields.iter().position(|f| f.number == field.number) else { return Ok(None) };
    let (context, number) = stored.field_context(at)?;
    let Some(key) = keys.by_number(number) else { return Ok(None) };
    let sealed = stored.row.fields.get(at).ok_or(Altered)?;
    Ok(Some((key.open(&context, sealed)?, stored.row.head.fields[at].version)))
}

/// Who said something in confidence stays unnamed, but for the purposes for which the category names them.
fn told(stamp: Stamp, category: &Category, purpose: Option<Name>) -> Stamp {
    match stamp.in_confidence && !purpose.is_some_and(|purpose| category.names_confidants(&purpose)) {
        true => Stamp { source: None, reference: None, ..stamp },
        false => stamp,
    }
}

fn shown(field: &Field, form: Option<Form>, value: Plaintext, now_ms: u64) -> Result<Value, Altered> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Altered)?;
    let told = form.and_then(|form| field.told(form, text, now_ms)).ok_or(Altered)?;
    Ok(Value::new(std::mem::take(&mut Zeroizing::new(told))))
}
