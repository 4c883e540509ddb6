//! The evidence that an access is in the log.

use std::sync::Arc;

use coffer_wire::Hash;
use coffer_wire::api::Receipt;

use super::entry::{Entry, Shown};

/// An access whose leaf is committed and synced.
///
/// Minted by the sequencer only, after the commit of the batch that holds the leaf; neither `Clone`
/// nor `Copy`, so that one leaf releases one answer.
pub struct Recorded {
    index: u64,
    leaf: Vec<u8>,
    leaf_hash: Hash,
    note: Arc<str>,
    asked: [u8; 32],
    row: Option<Hash>,
    shown: Option<Shown>,
}

impl Recorded {
    /// The one place where it is made.
    pub(super) fn mint(entry: Entry, index: u64, leaf: Vec<u8>, leaf_hash: Hash, note: Arc<str>) -> Recorded {
        Recorded { index, leaf, leaf_hash, note, asked: entry.asked, row: entry.row, shown: entry.shown }
    }

    /// The leaf's index in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The digest of what was asked, as the permit has it; zero for a refusal.
    pub fn asked(&self) -> &[u8; 32] {
        &self.asked
    }

    /// The hash of what was read, where something was.
    pub fn row(&self) -> Option<&Hash> {
        self.row.as_ref()
    }

    /// Uses the evidence up. What is left can become a receipt and opens nothing more.
    pub fn spend(self) -> Spent {
        Spent(self)
    }

    /// The receipt of an access that opens nothing.
    pub fn into_receipt(self, notes: &mut Vec<String>) -> Receipt {
        self.spend().into_receipt(notes)
    }
}

/// The record of an access whose answer is released.
pub struct Spent(Recorded);

impl Spent {
    /// The receipt, and the checkpoint that it refers to. Leaf bytes, salt and private part are in
    /// it for a grant only.
    pub fn into_receipt(self, notes: &mut Vec<String>) -> Receipt {
        self.0.receipt(notes)
    }
}

impl Recorded {
    fn receipt(self, notes: &mut Vec<String>) -> Receipt {
        // The newest one, as a rule.
        let note = notes.iter().rposition(|n| **n == *self.note).unwrap_or_else(|| {
            notes.push(self.note.to_string());
            notes.len() - 1
        });
        let (leaf, salt, private) = match self.shown {
            None => (None, None, None),
            Some(shown) => (
                String::from_utf8(self.leaf).ok(),
                Some(Hash::from_bytes(shown.salt)),
                String::from_utf8(shown.private).ok(),
            ),
        };
        Receipt { index: self.index, leaf_hash: self.leaf_hash, note: note as u32, leaf, salt, private }
    }
}
