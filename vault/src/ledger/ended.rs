//! Up to where no byte of destroyed keys is left: the newest leaf that says so.

use crate::store::{Engine, Family, StoreError, meta};

/// The newest `erased.final`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Final {
    /// Its leaf.
    pub leaf: u64,
    /// No byte of keys that were destroyed before this leaf is left.
    pub before: u64,
}

impl Final {
    /// As it lies in the store. Derived: what it says is held against the leaf by whoever relies on it.
    pub fn newest(engine: &dyn Engine) -> Result<Option<Final>, StoreError> {
        Ok(engine.get(Family::Meta, meta::ERASED_FINAL)?.and_then(|row| Final::decode(&row)))
    }

    pub(crate) fn decode(row: &[u8]) -> Option<Final> {
        let (leaf, before) = row.split_first_chunk::<8>()?;
        Some(Final { leaf: u64::from_be_bytes(*leaf), before: u64::from_be_bytes(before.try_into().ok()?) })
    }

    /// The row of a leaf that is to say so.
    pub(super) fn encode(self) -> [u8; 16] {
        let mut row = [0; 16];
        row[..8].copy_from_slice(&self.leaf.to_be_bytes());
        row[8..].copy_from_slice(&self.before.to_be_bytes());
        row
    }
}

/// The position of the leaf of the newest act that destroyed a category key. Derived, as above.
pub(super) fn category_keys(engine: &dyn Engine) -> Result<Option<u64>, StoreError> {
    Ok(engine.get(Family::Meta, meta::KEYS_ENDED)?.and_then(|row| ended_at(&row)))
}

/// Reads the row that says so.
pub(crate) fn ended_at(row: &[u8]) -> Option<u64> {
    row.try_into().ok().map(u64::from_be_bytes)
}
