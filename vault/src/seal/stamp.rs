//! How values came in: for each version at which a field of a row was sealed, the source that was
//! named and the notice that was in force.
//!
//! It lies in the row as a field of the vault's own, under the person's key, with a number that no
//! schema may give. A field's version says which stamp is its.

use std::collections::BTreeMap;

use coffer_keys::Altered;
use coffer_wire::api::Stamp;

use super::stored::{OpenKeys, Stored};

/// The number under which the stamps of a row are stored. Numbers of a schema begin at 1.
pub(super) const STAMPS_NUMBER: u16 = 0;
/// Stamps of a record are filled up to this at least, so that one does not tell its source by its
/// size. Bytes.
pub(super) const STAMPS_PADDED_BYTES: usize = 252;

/// The stamps of a row, by version.
#[derive(Default)]
pub(super) struct Stamps(BTreeMap<u32, Stamp>);

impl Stamps {
    /// Those of a stored row.
    pub(super) fn open(stored: &Stored, keys: &OpenKeys) -> Result<Stamps, Altered> {
        let Some(at) = stored.row.head.fields.iter().position(|field| field.number == STAMPS_NUMBER) else {
            return Ok(Stamps::default());
        };
        let (context, number) = stored.field_context(at)?;
        let key = keys.by_number(number).ok_or(Altered)?;
        let sealed = stored.row.fields.get(at).ok_or(Altered)?;
        serde_json::from_slice(key.open(&context, sealed)?.as_bytes()).map(Stamps).map_err(|_| Altered)
    }

    /// What is known of the values that were sealed at this version.
    pub(super) fn of(&self, version: u32) -> Option<&Stamp> {
        self.0.get(&version)
    }

    /// Of a version that is written now. Nothing known leaves nothing behind.
    pub(super) fn put(&mut self, version: u32, stamp: Stamp) {
        if stamp != Stamp::default() {
            self.0.insert(version, stamp);
        }
    }

    /// Forgets the stamps of versions of which the row holds nothing more.
    pub(super) fn keep(&mut self, is_held: impl Fn(u32) -> bool) {
        self.0.retain(|version, _| is_held(*version));
    }

    /// What is sealed, if there is anything to seal.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        if self.0.is_empty() { None } else { serde_json::to_vec(&self.0).ok() }
    }
}
