//! The tree of the log as it lies in the store: leaves, and full tiles of 256 hashes (C2SP
//! tlog-tiles, height 8). What is not yet a full tile is derived from what is below it.

use std::cell::RefCell;

use coffer_wire::Hash;
use coffer_wire::tree::{Edge, Nodes, leaf_hash, node_hash};

use super::volume::Volume;
use crate::store::{Batch, Engine, Family, StoreError};

/// Hashes in a full tile.
pub(crate) const TILE_HASHES: usize = 256;
/// Levels of the tree that one level of tiles spans.
pub(crate) const TILE_HEIGHT: u8 = 8;

/// Why a node of the tree cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A leaf that must be there is not.
    #[error("leaf {0} is missing")]
    LeafMissing(u64),
    /// A tile that must be there is not, or has another length.
    #[error("tile {1} of level {0} is missing or damaged")]
    TileMissing(u8, u64),
}

/// The store's key of a leaf and of its private part, by its position.
pub fn leaf_key(position: u64) -> [u8; 8] {
    position.to_be_bytes()
}

/// The store's key of a full tile of the first volume.
pub fn tile_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The tree over what the store holds.
pub struct History<'a> {
    engine: &'a dyn Engine,
    volume: Volume,
    growing: Option<&'a Growing>,
    /// The full tile that was read last: the nodes of a proof come from few tiles.
    last: RefCell<Option<(u8, u64, Vec<Hash>)>>,
}

impl<'a> History<'a> {
    /// That of the first volume. Reads the store only when asked for a node.
    pub fn new(engine: &'a dyn Engine) -> Self {
        History::of(engine, Volume::FIRST)
    }

    /// That of a volume.
    pub fn of(engine: &'a dyn Engine, volume: Volume) -> Self {
        History { engine, volume, growing: None, last: RefCell::new(None) }
    }

    /// The same with the tiles at hand that are not full: no leaf has to be hashed again for a node.
    pub(super) fn with_growing(engine: &'a dyn Engine, volume: Volume, growing: &'a Growing) -> Self {
        History { growing: Some(growing), ..History::of(engine, volume) }
    }

    /// Whose tree it is.
    pub(super) fn volume(&self) -> Volume {
        self.volume
    }

    /// The bytes of a leaf.
    pub fn leaf(&self, index: u64) -> Result<Vec<u8>, HistoryError> {
        let leaf = self.engine.get(Family::Leaves, &leaf_key(self.volume.position(index)))?;
        leaf.ok_or(HistoryError::LeafMissing(index))
    }

    /// The right edge of the tree of the first `size` leaves.
    pub fn edge(&self, size: u64) -> Result<Edge, HistoryError> {
        let mut roots = Vec::new();
        let mut start = 0;
        for level in (0..64u8).rev().filter(|level| size >> level & 1 == 1) {
            roots.push(self.node(level, start >> level)?);
            start += 1 << level;
        }
        // The roots are one for each bit of the size, which is what an edge is.
        Edge::from_roots(size, roots).ok_or(HistoryError::LeafMissing(size))
    }

    /// The hashes of a full tile.
    pub fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, HistoryError> {
        self.stored_tile(level, index)?.ok_or(HistoryError::TileMissing(level, index))
    }

    fn stored_tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, HistoryError> {
        let Some(bytes) = self.engine.get(Family::Nodes, &self.volume.tile_key(level, index))? else {
            return Ok(None);
        };
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() != TILE_HASHES || !rest.is_empty() {
            return Err(HistoryError::TileMissing(level, index));
        }
        Ok(Some(hashes.iter().map(|h| Hash::from_bytes(*h)).collect()))
    }

    /// Some hashes of a full tile.
    fn stored_hashes(&self, level: u8, first: u64, count: usize) -> Result<Option<Vec<Hash>>, HistoryError> {
        let (index, at) = (first / TILE_HASHES as u64, (first % TILE_HASHES as u64) as usize);
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(l, i, _)| (*l, *i) != (level, index)) {
            let Some(tile) = self.stored_tile(level, index)? else { return Ok(None) };
            *last = Some((level, index, tile));
        }
        Ok(last.as_ref().map(|(_, _, tile)| tile[at..at + count].to_vec()))
    }

    /// One hash at the bottom of a tile: of a leaf, or the root of the full tile below.
    fn base(&self, tile_level: u8, index: u64) -> Result<Hash, HistoryError> {
        match tile_level.checked_sub(1) {
            None => Ok(leaf_hash(&self.leaf(index)?)),
            Some(below) => Ok(fold(self.tile(below, index)?)),
        }
    }
}

impl Nodes for History<'_> {
    type Error = HistoryError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, HistoryError> {
        let (tile_level, within) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let count = 1u64 << within;
        let first = index << within;
        if let Some(hashes) = self.growing.and_then(|growing| growing.hashes(tile_level, first, count)) {
            return Ok(fold(hashes.to_vec()));
        }
        if let Some(hashes) = self.stored_hashes(tile_level, first, count as usize)? {
            return Ok(fold(hashes));
        }
        let hashes = (first..first + count).map(|i| self.base(tile_level, i));
        Ok(fold(hashes.collect::<Result<_, _>>()?))
    }
}

/// The root over 2^n hashes.
fn fold(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    hashes[0]
}

/// The tiles that are not full, as they were under one checkpoint; in the store they are nowhere.
#[derive(Default)]
pub struct Growing {
    size: u64,
    tiles: Vec<Vec<Hash>>,
}

impl Growing {
    /// Hashes of one level of tiles, if all of them are in its growing tile.
    fn hashes(&self, level: u8, first: u64, count: u64) -> Option<&[Hash]> {
        let whole = self.size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))?;
        let at = first.checked_sub(whole - whole % TILE_HASHES as u64)?;
        self.tiles.get(usize::from(level))?.get(at as usize..(at + count) as usize)
    }
}

/// The growing tree: its right edge, and the tiles that are not full yet.
pub struct Growth {
    volume: Volume,
    edge: Edge,
    partial: Vec<Vec<Hash>>,
}

impl Growth {
    /// Takes up a log of `size` leaves where it stands.
    pub fn resume(history: &History<'_>, size: u64) -> Result<Growth, HistoryError> {
        let mut partial = Vec::new();
        for level in 0.. {
            let whole = size.checked_shr(u32::from(level * TILE_HEIGHT)).unwrap_or(0);
            if whole == 0 {
                break;
            }
            let first = whole - whole % TILE_HASHES as u64;
            let hashes = (first..whole).map(|index| history.base(level, index));
            partial.push(hashes.collect::<Result<_, _>>()?);
        }
        Ok(Growth { volume: history.volume, edge: history.edge(size)?, partial })
    }

    /// The log that grows.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// Where the next leaf will lie.
    pub fn position(&self) -> u64 {
        self.volume.position(self.size())
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root so far.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// A copy of the tiles that are not full.
    pub(super) fn growing(&self) -> Growing {
        Growing { size: self.size(), tiles: self.partial.clone() }
    }

    /// Adds a leaf's hash; tiles that it fills go into the batch.
    pub fn push(&mut self, hash: Hash, batch: &mut Batch) {
        self.edge.push(hash);
        let mut rising = hash;
        for level in 0u8.. {
            if self.partial.len() <= usize::from(level) {
                self.partial.push(Vec::with_capacity(TILE_HASHES));
            }
            let tile = &mut self.partial[usize::from(level)];
            tile.push(rising);
            if tile.len() < TILE_HASHES {
                return;
            }
            let full = std::mem::replace(tile, Vec::with_capacity(TILE_HASHES));
            let index = (self.edge.size() >> (u32::from(level + 1) * u32::from(TILE_HEIGHT))) - 1;
            let bytes: Vec<u8> = full.iter().flat_map(|h| *h.as_bytes()).collect();
            batch.put(Family::Nodes, self.volume.tile_key(level, index), bytes);
            rising = fold(full);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;
    use coffer_wire::tree::{inclusion_proof, verify_inclusion};

    /// Past one full tile of level 1.
    const LEAVES: u64 = 256 * 256 + 700;

    #[test]
    fn a_log_is_taken_up_where_it_stands_and_proves_its_leaves() {
        let memory = Memory::new();
        let history = History::new(&memory);
        let mut growth = Growth::resume(&history, 0).unwrap();
        let mut whole = Edge::new();
        for index in 0..LEAVES {
            let mut batch = Batch::new();
            let leaf = format!("leaf {index}");
            batch.put(Family::Leaves, leaf_key(index), leaf.as_bytes());
            whole.push(leaf_hash(leaf.as_bytes()));
            growth.push(leaf_hash(leaf.as_bytes()), &mut batch);
            memory.commit(&batch).unwrap();
            if index % 9_973 == 0 {
                growth = Growth::resume(&history, index + 1).unwrap();
            }
            assert_eq!(growth.size(), index + 1);
        }
        assert_eq!(growth.root(), whole.root());
        assert_eq!(history.edge(LEAVES).unwrap().root(), whole.root());
        let growing = growth.growing();
        let at_hand = History::with_growing(&memory, Volume::FIRST, &growing);
        for size in [LEAVES - 1, LEAVES, 65_536 + 511, 65_537, 300] {
            for index in [0, 255, 256, 65_535, 65_536, LEAVES - 2].into_iter().filter(|index| *index < size) {
                let derived = inclusion_proof(&history, index, size).unwrap();
                assert_eq!(inclusion_proof(&at_hand, index, size).unwrap(), derived);
            }
        }
        for index in [0, 255, 256, 65_535, 65_536, LEAVES - 1] {
            let proof = inclusion_proof(&history, index, LEAVES).unwrap();
            let leaf = leaf_hash(&history.leaf(index).unwrap());
            assert!(verify_inclusion(&leaf, index, LEAVES, &proof, &whole.root()), "leaf {index}");
        }
    }
}
