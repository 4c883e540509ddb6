//! Each controller's last number, and the leaf that bears it, so that the number need not be believed.

use std::collections::HashMap;

use coffer_wire::leaf::Leaf;
use coffer_wire::note::Checkpoint;
use coffer_wire::tree::{ProofError, inclusion_proof, leaf_hash, verify_inclusion};
use coffer_wire::{Hash, Name};

use super::history::{History, HistoryError};
use super::start::StartError;
use super::volume::Volume;
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
        // A controller that has no leaf in this log had some in one before it.
        if last == Last::default() && history.volume() != Volume::FIRST {
            numbers.insert(controller, last);
            continue;
        }
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
    let path = match inclusion_proof(history, index, checkpoint.size) {
        Ok(path) => path,
        Err(ProofError::OutOfRange) => return Ok(false),
        Err(ProofError::Nodes(error)) => return Err(error),
    };
    Ok(verify_inclusion(leaf, index, checkpoint.size, &path, &checkpoint.root))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use coffer_wire::leaf::{Action, Decision, Tail, encode_head};
    use coffer_wire::name::VAULT;

    use super::super::history::{Growth, leaf_key, tile_key};
    use super::*;
    use crate::store::Batch;
    use crate::store::memory::Memory;

    const LEAVES: u64 = 600;

    fn leaf(number: u64) -> Vec<u8> {
        let tail = Tail {
            action: Action::Status,
            category: None,
            purpose: None,
            decision: Decision::Granted("vault"),
            app: None,
            actor: None,
            subject: None,
            version: None,
            row: None,
            policy: 1,
            commit: Hash::sha256(b""),
        };
        let mut leaf = Vec::new();
        encode_head(&mut leaf, 1_700_000_000_000, &VAULT, number);
        [leaf, tail.encode()].concat()
    }

    /// A log of one controller, and its checkpoint.
    fn log() -> (Memory, Checkpoint) {
        let memory = Memory::new();
        let mut growth = Growth::resume(&History::new(&memory), 0).unwrap();
        let mut batch = Batch::new();
        for index in 0..LEAVES {
            batch.put(Family::Leaves, leaf_key(index), leaf(index + 1));
            growth.push(leaf_hash(&leaf(index + 1)), &mut batch);
        }
        batch.put(Family::Meta, number_key(&VAULT), Last { number: LEAVES, leaf: LEAVES - 1 }.encode());
        memory.commit(&batch).unwrap();
        (memory, Checkpoint { origin: "coffer.example/tests".into(), size: LEAVES, root: growth.root() })
    }

    #[test]
    fn a_leaf_that_was_made_for_a_number_proves_nothing() {
        const AT: u64 = 100;
        let (memory, checkpoint) = log();
        let proved = || proved(&memory, &History::new(&memory), &checkpoint);
        assert_eq!(proved().unwrap()[&VAULT], Last { number: LEAVES, leaf: LEAVES - 1 });
        // A leaf far behind the end says what the row says, and its tile has its hash.
        let forged = leaf(LEAVES);
        memory.tamper(Family::Meta, &number_key(&VAULT), Some(Last { number: LEAVES, leaf: AT }.encode().to_vec()));
        memory.tamper(Family::Leaves, &leaf_key(AT), Some(forged.clone()));
        assert!(matches!(proved(), Err(StartError::Numbers)));
        let mut tile = memory.get(Family::Nodes, &tile_key(0, 0)).unwrap().unwrap();
        tile[AT as usize * 32..][..32].copy_from_slice(leaf_hash(&forged).as_bytes());
        memory.tamper(Family::Nodes, &tile_key(0, 0), Some(tile));
        assert!(matches!(proved(), Err(StartError::Numbers)));
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_in_no_other_length() {
        let last = Last { number: 7, leaf: 41 };
        assert_eq!(Last::decode(&last.encode()), Some(last));
        for length in [0, 8, 15] {
            assert_eq!(Last::decode(&last.encode()[..length]), None);
        }
        assert_eq!(Last::decode(&[0; 17]), None);
    }
}
