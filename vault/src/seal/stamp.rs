//! How values came in: for each version at which a field of a row was sealed, the source that was
//! named, what else is known of it and the notice that was in force; and for single fields what was marked later: that
//! somebody made sure of the value, or that the person disputes it.
//!
//! It lies in the row as a field of the vault's own, under the person's key, with a number that no
//! schema may give. A field's version says which stamp is its.

use std::collections::BTreeMap;

use coffer_keys::Altered;
use coffer_wire::Day;
use coffer_wire::api::Stamp;
use serde::{Deserialize, Serialize};

use super::stored::{OpenKeys, Stored};

/// The number under which the stamps of a row are stored. Numbers of a schema begin at 1.
pub(super) const STAMPS_NUMBER: u16 = 0;
/// Stamps of a record are filled up to this at least, so that one does not tell its source by its
/// size. Bytes.
pub(super) const STAMPS_PADDED_BYTES: usize = 252;

/// The stamps of a row.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamps {
    /// By version: of all values that were sealed at it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    versions: BTreeMap<u32, Stamp>,
    /// By number of the field: of the value that stands there now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<u16, Mark>,
}

/// What was marked on a value after it was written.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified_at: Option<Day>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    disputed: bool,
}

impl Stamps {
    /// Those of a stored row.
    pub(super) fn open(stored: &Stored, keys: &OpenKeys) -> Result<Stamps, Altered> {
        let Some(at) = stored.row.head.fields.iter().position(|field| field.number == STAMPS_NUMBER) else {
            return Ok(Stamps::default());
        };
        let (context, number) = stored.field_context(at)?;
        let key = keys.by_number(number).ok_or(Altered)?;
        let sealed = stored.row.fields.get(at).ok_or(Altered)?;
        serde_json::from_slice(key.open(&context, sealed)?.as_bytes()).map_err(|_| Altered)
    }

    /// What is known of the value of a field that was sealed at this version.
    pub(super) fn of(&self, number: u16, version: u32) -> Option<Stamp> {
        let mut stamp = self.versions.get(&version).cloned().unwrap_or_default();
        if let Some(mark) = self.fields.get(&number) {
            stamp.verified_at = mark.verified_at.clone().or(stamp.verified_at);
            stamp.disputed = mark.disputed;
        }
        (stamp != Stamp::default()).then_some(stamp)
    }

    /// Of a version that is written now. Nothing known leaves nothing behind.
    pub(super) fn put(&mut self, version: u32, stamp: Stamp) {
        if stamp != Stamp::default() {
            self.versions.insert(version, stamp);
        }
    }

    /// Somebody made sure of a value that stays as it is.
    pub(super) fn verified(&mut self, number: u16, on: Day) {
        self.fields.entry(number).or_default().verified_at = Some(on);
    }

    /// The person disputes a value, or no longer.
    pub(super) fn disputed(&mut self, number: u16, disputed: bool) {
        self.fields.entry(number).or_default().disputed = disputed;
    }

    /// A new value stands there: what was marked on the one before it says nothing of it.
    pub(super) fn unmark(&mut self, number: u16) {
        self.fields.remove(&number);
    }

    /// Forgets what belongs to versions and fields of which the row holds nothing more. `held`: numbers and versions.
    pub(super) fn keep(&mut self, held: &[(u16, u32)]) {
        self.versions.retain(|version, _| held.iter().any(|(_, of)| of == version));
        self.fields.retain(|number, mark| *mark != Mark::default() && held.iter().any(|(of, _)| of == number));
    }

    /// What is sealed, if there is anything to seal.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        match self.versions.is_empty() && self.fields.is_empty() {
            true => None,
            false => serde_json::to_vec(self).ok(),
        }
    }
}
