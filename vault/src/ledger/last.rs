//! Each controller's last number, and the leaf that bears it, so that the number need not be believed.

use std::collections::HashMap;

use coffer_wire::leaf::Leaf;
use coffer_wire::note::Checkpoint;
use coffer_wire::tree::{inclusion_proof, leaf_hash, verify_inclusion};
use coffer_wire::{Hash, Name};

use super::history::{History, HistoryError};
use super::start::StartError;
use crate::store::{Engine, Family, Overlay, StoreError, meta};

/// The last number of a controller.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Last {
    /// The number; 0 where the controller has no leaf.
    pub number: u64,
    /// The leaf that bears it.
    pub leaf: u64,
}

impl Last {
    /// As it lies in the store.
    pub fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..].copy_from_slice(&self.leaf.to_be_bytes());
        bytes
    }

    /// The same back.
    pub fn decode(bytes: &[u8]) -> Option<Last> {
        let (number, leaf) = bytes.split_first_chunk::<8>()?;
        Some(Last { number: u64::from_be_bytes(*number), leaf: u64::from_be_bytes(leaf.try_into().ok()?) })
    }

    /// Whether these are the bytes of a leaf that bears it.
    pub fn is_borne_by(self, controller: &Name, leaf: &[u8]) -> bool {
        Leaf::parse(leaf).is_ok_and(|leaf| leaf.controller == *controller && leaf.n == self.number)
    }
}

/// The store's key of a controller's last number.
pub fn number_key(controller: &Name) -> Vec<u8> {
    [meta::NUMBER_PREFIX, controller.as_str().as_bytes()].concat()
}

/// Whether the log says anything of a controller.
pub fn has_leaves(engine: &dyn Engine, controller: &Name) -> Result<bool, StoreError> {
    Ok(engine.get(Family::Meta, &number_key(controller))?.is_some())
}

/// The last numbers that the store names, none of them believed: each is borne by a leaf of the signed tree, so that none is
/// too high, and together they are as many as there are leaves, so that none is too low and none is missing.
pub(super) fn proved(
    engine: &dyn Engine,
    history: &History<'_>,
    checkpoint: &Checkpoint,
) -> Result<HashMap<Name, Last>, StartError> {
    let mut numbers = HashMap::new();
    for (key, value) in Overlay::new(engine).under(Family::Meta, meta::NUMBER_PREFIX)? {
        let name = key.strip_prefix(meta::NUMBER_PREFIX).and_then(|name| std::str::from_utf8(name).ok());
        let controller = name.and_then(|name| Name::new(name).ok()).ok_or(StartError::Numbers)?;
        let last = Last::decode(&value).filter(|last| last.leaf < checkpoint.size).ok_or(StartError::Numbers)?;
        let leaf = history.leaf(last.leaf)?;
        if !last.is_borne_by(&controller, &leaf) || !stands(history, &leaf_hash(&leaf), last.leaf, checkpoint)? {
            return Err(StartError::Numbers);
        }
        numbers.insert(controller, last);
    }
    let all = numbers.values().try_fold(0u64, |sum, last| sum.checked_add(last.number));
    if all == Some(checkpoint.size) { Ok(numbers) } else { Err(StartError::Numbers) }
}

/// Whether a leaf stands in the signed tree.
fn stands(history: &History<'_>, leaf: &Hash, index: u64, checkpoint: &Checkpoint) -> Result<bool, HistoryError> {
    use coffer_wire::tree::ProofError;
    let path = match inclusion_proof(history, index, checkpoint.size) {
        Ok(path) => path,
        Err(ProofError::OutOfRange) => return Ok(false),
        Err(ProofError::Nodes(error)) => return Err(error),
    };
    Ok(verify_inclusion(leaf, index, checkpoint.size, &path, &checkpoint.root))
}
