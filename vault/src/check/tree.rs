//! The tree twice over: from the leaves themselves, and from the stored tiles. The checkpoint says
//! which of the two is right, and so whether leaf or tile was altered where they differ.

use coffer_wire::Hash;
use coffer_wire::tree::Edge;

use crate::ledger::history::{TILE_HASHES, TILE_HEIGHT};

/// Leaves that differ from their tiles and are remembered one by one. A check that finds more says so
/// by the root.
const SUSPECTS_MAX: usize = 65_536;

/// What stands for a hash that neither leaf nor tile gives.
const UNKNOWN: [u8; 32] = [0; 32];

/// A stored tile, as it was read.
pub(super) enum Stored {
    Missing,
    Malformed,
    Whole(Vec<Hash>),
}

/// One of the two trees.
struct Tree {
    edge: Edge,
    /// For each level of tiles above the lowest: the hashes of the tile in the making.
    rising: Vec<Vec<Hash>>,
    /// Stored tiles above the lowest level that do not agree with this tree.
    differing: Vec<(u8, u64)>,
    /// The root at the head's size.
    at_head: Option<Hash>,
}

pub(super) struct Trees {
    leaves: Tree,
    tiles: Tree,
    head_size: Option<u64>,
    /// The lowest tile in the making: hashes of leaves, as far as they are there.
    lowest: Vec<Option<Hash>>,
    pub(super) suspects: Vec<u64>,
    pub(super) absent: Vec<(u8, u64)>,
    pub(super) malformed: Vec<(u8, u64)>,
    pub(super) full: u64,
}

/// Which tree is that of the checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Leaves,
    Tiles,
    Neither,
}

impl Trees {
    pub(super) fn new(head_size: Option<u64>) -> Trees {
        Trees {
            leaves: Tree::new(),
            tiles: Tree::new(),
            head_size,
            lowest: Vec::with_capacity(TILE_HASHES),
            suspects: Vec::new(),
            absent: Vec::new(),
            malformed: Vec::new(),
            full: 0,
        }
    }

    /// The next leaf's hash, `None` where the leaf is missing. `stored` reads a tile.
    pub(super) fn push<E>(
        &mut self,
        leaf: Option<Hash>,
        mut stored: impl FnMut(u8, u64) -> Result<Stored, E>,
    ) -> Result<(), E> {
        self.lowest.push(leaf);
        if self.lowest.len() < TILE_HASHES {
            return Ok(());
        }
        let number = self.leaves.edge.size() / TILE_HASHES as u64;
        let tile = self.take(stored(0, number)?, 0, number);
        self.settle(tile.as_deref());
        let mut below = number;
        for level in 1u8.. {
            // A tile is full when the one below it is the last of its 256.
            if !(below + 1).is_multiple_of(TILE_HASHES as u64) {
                break;
            }
            below /= TILE_HASHES as u64;
            let tile = self.take(stored(level, below)?, level, below);
            for tree in [&mut self.leaves, &mut self.tiles] {
                tree.compare(level, below, tile.as_deref());
            }
        }
        Ok(())
    }

    /// The leaves that fill no tile.
    pub(super) fn finish(&mut self) {
        self.settle(None);
    }

    fn take(&mut self, stored: Stored, level: u8, index: u64) -> Option<Vec<Hash>> {
        self.full += 1;
        match stored {
            Stored::Whole(hashes) => return Some(hashes),
            Stored::Missing => self.absent.push((level, index)),
            Stored::Malformed => self.malformed.push((level, index)),
        }
        None
    }

    fn settle(&mut self, tile: Option<&[Hash]>) {
        let first = self.leaves.edge.size();
        for (at, leaf) in std::mem::take(&mut self.lowest).into_iter().enumerate() {
            let in_tile = tile.and_then(|tile| tile.get(at).copied());
            if let (Some(leaf), Some(in_tile)) = (leaf, in_tile)
                && leaf != in_tile
                && self.suspects.len() < SUSPECTS_MAX
            {
                self.suspects.push(first + at as u64);
            }
            let unknown = Hash::from_bytes(UNKNOWN);
            self.leaves.push(leaf.or(in_tile).unwrap_or(unknown), self.head_size);
            self.tiles.push(in_tile.or(leaf).unwrap_or(unknown), self.head_size);
        }
    }

    pub(super) fn right(&self, root: &Hash) -> Right {
        match () {
            () if self.leaves.edge.root() == *root => Right::Leaves,
            () if self.tiles.edge.root() == *root => Right::Tiles,
            () => Right::Neither,
        }
    }

    /// Tiles above the lowest level that do not agree with the tree that is right.
    pub(super) fn differing(&self, right: Right) -> &[(u8, u64)] {
        match right {
            Right::Leaves => &self.leaves.differing,
            _ => &self.tiles.differing,
        }
    }

    /// Whether the tree, at the head's size, has the head's root.
    pub(super) fn is_heads(&self, right: Right, root: &Hash) -> bool {
        let (leaves, tiles) = (self.leaves.at_head == Some(*root), self.tiles.at_head == Some(*root));
        match right {
            Right::Leaves => leaves,
            Right::Tiles => tiles,
            Right::Neither => leaves || tiles,
        }
    }

    /// The first leaf that no full tile holds.
    pub(super) fn tail(&self) -> u64 {
        self.leaves.edge.size() / TILE_HASHES as u64 * TILE_HASHES as u64
    }
}

impl Tree {
    fn new() -> Tree {
        let edge = Edge::new();
        Tree { at_head: None, edge, rising: Vec::new(), differing: Vec::new() }
    }

    fn push(&mut self, hash: Hash, head_size: Option<u64>) {
        if head_size == Some(self.edge.size()) {
            self.at_head = Some(self.edge.root());
        }
        let rising = &mut self.rising;
        self.edge.push_noting(hash, |level, _, node| {
            if level > 0 && level.is_multiple_of(TILE_HEIGHT) {
                let tile = usize::from(level / TILE_HEIGHT) - 1;
                if rising.len() <= tile {
                    rising.push(Vec::with_capacity(TILE_HASHES));
                }
                rising[tile].push(node);
            }
        });
        if head_size == Some(self.edge.size()) {
            self.at_head = Some(self.edge.root());
        }
    }

    fn compare(&mut self, level: u8, index: u64, stored: Option<&[Hash]>) {
        let Some(own) = self.rising.get_mut(usize::from(level) - 1).map(std::mem::take) else { return };
        if stored.is_some_and(|stored| stored != own) {
            self.differing.push((level, index));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;

    /// One full tile of level 1, and more.
    const LEAVES: u64 = 256 * 256 + 300;

    type Tiles = HashMap<(u8, u64), Vec<Hash>>;

    fn leaf(index: u64) -> Hash {
        Hash::sha256(&index.to_be_bytes())
    }

    /// The tree, and all its tiles, full or not.
    fn whole() -> (Edge, Tiles) {
        let (mut edge, mut tiles) = (Edge::new(), Tiles::new());
        for index in 0..LEAVES {
            edge.push_noting(leaf(index), |level, index, node| {
                if level.is_multiple_of(TILE_HEIGHT) {
                    let tile = (level / TILE_HEIGHT, index / TILE_HASHES as u64);
                    tiles.entry(tile).or_default().push(node);
                }
            });
        }
        (edge, tiles)
    }

    fn compared(leaf: impl Fn(u64) -> Option<Hash>, tiles: &Tiles, head: u64) -> Trees {
        let mut trees = Trees::new(Some(head));
        for index in 0..LEAVES {
            let stored = |level, index| {
                Ok::<_, Infallible>(tiles.get(&(level, index)).map_or(Stored::Missing, |t| Stored::Whole(t.clone())))
            };
            trees.push(leaf(index), stored).unwrap();
        }
        trees.finish();
        trees
    }

    #[test]
    fn where_leaf_and_tile_differ_the_root_says_which_was_altered() {
        let (edge, tiles) = whole();
        let root = edge.root();
        let sound = compared(|index| Some(leaf(index)), &tiles, LEAVES);
        assert!(sound.right(&root) == Right::Leaves && sound.suspects.is_empty() && sound.absent.is_empty());
        assert!(sound.differing(Right::Leaves).is_empty() && sound.is_heads(Right::Leaves, &root));
        assert_eq!(sound.full, LEAVES / 256 + 1);

        let strange = |index| Some(if index == 4_000 { leaf(1) } else { leaf(index) });
        let altered = compared(strange, &tiles, LEAVES);
        assert!(altered.right(&root) == Right::Tiles && altered.differing(Right::Tiles).is_empty());
        assert_eq!(altered.suspects, [4_000]);
        assert!(altered.is_heads(Right::Tiles, &root));

        let gone = compared(|index| (index != 5).then(|| leaf(index)), &tiles, LEAVES);
        // The tile stands for a leaf that is not there, whose absence is a finding of its own.
        assert!(gone.right(&root) == Right::Leaves && gone.suspects.is_empty());

        let in_the_tail = compared(|index| (index != LEAVES - 1).then(|| leaf(index)), &tiles, 65_536);
        assert!(in_the_tail.right(&root) == Right::Neither && in_the_tail.tail() == LEAVES / 256 * 256);
    }

    #[test]
    fn an_altered_tile_of_any_level_is_named() {
        let (edge, tiles) = whole();
        for place in [(0, 3), (1, 0)] {
            let mut altered = tiles.clone();
            altered.get_mut(&place).unwrap()[9] = leaf(0);
            let trees = compared(|index| Some(leaf(index)), &altered, LEAVES);
            assert!(trees.right(&edge.root()) == Right::Leaves);
            match place.0 {
                0 => assert_eq!(trees.suspects, [3 * 256 + 9]),
                _ => assert_eq!(trees.differing(Right::Leaves), [place]),
            }
            altered.remove(&place);
            assert_eq!(compared(|index| Some(leaf(index)), &altered, LEAVES).absent, [place]);
        }
    }
}
