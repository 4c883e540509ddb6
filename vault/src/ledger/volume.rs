//! Logs that follow each other in one store are its volumes: the first is `name`, the second `name/2`. The leaves of all of
//! them lie in one family, each volume's behind those before it, so that what was recorded is one sequence; indices begin anew
//! with each.
//!
//! A *position* is where a leaf lies: 16 bits of volume, from 0, then 48 bits of index. In the first volume it is the index.

use coffer_wire::succession::{ordinal, origin_of};

use super::history::{TILE_HEIGHT, tile_key};

/// Bits of an index.
const INDEX_BITS: u32 = 48;

/// One of the logs that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Volume(u16);

impl Volume {
    /// The log that was opened when the vault was made.
    pub const FIRST: Volume = Volume(1);

    /// The log of this origin.
    pub fn of_origin(origin: &str) -> Volume {
        Volume(ordinal(origin).1)
    }

    /// The volume and the index of a position.
    pub fn split(position: u64) -> (Volume, u64) {
        (Volume((position >> INDEX_BITS) as u16 + 1), position & ((1 << INDEX_BITS) - 1))
    }

    /// The place among all, from 1.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The one behind it.
    pub fn next(self) -> Option<Volume> {
        self.0.checked_add(1).map(Volume)
    }

    /// The origin, where the first one's is `name`.
    pub fn origin(self, name: &str) -> String {
        origin_of(name, self.0)
    }

    /// Where the leaf of this index lies.
    pub fn position(self, index: u64) -> u64 {
        self.above() << INDEX_BITS | index
    }

    /// What the store's keys of its leaves begin with.
    pub fn prefix(self) -> [u8; 2] {
        (self.0 - 1).to_be_bytes()
    }

    /// The index under which one of its full tiles lies. No volume fills a tile that spans more than its indices.
    fn tile(self, level: u8, index: u64) -> u64 {
        let spanned = (u32::from(level) + 1) * u32::from(TILE_HEIGHT);
        self.above().checked_shl(INDEX_BITS.saturating_sub(spanned)).unwrap_or(0) | index
    }

    /// The store's key of one of its full tiles.
    pub fn tile_key(self, level: u8, index: u64) -> [u8; 9] {
        tile_key(level, self.tile(level, index))
    }

    /// The volume of a tile, and its index there.
    pub fn split_tile(level: u8, index: u64) -> (Volume, u64) {
        let bits = INDEX_BITS.saturating_sub((u32::from(level) + 1) * u32::from(TILE_HEIGHT));
        (Volume(((index >> bits) as u16).saturating_add(1)), index & ((1 << bits) - 1))
    }

    fn above(self) -> u64 {
        u64::from(self.0 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_on_where_indices_begin_anew() {
        let (first, second) = (Volume::FIRST, Volume::of_origin("x/2"));
        assert_eq!(first.next(), Some(second));
        for index in [0, 7, (1 << INDEX_BITS) - 1] {
            assert_eq!(first.position(index), index);
            assert!(second.position(index) > first.position((1 << INDEX_BITS) - 1));
            assert_eq!(Volume::split(second.position(index)), (second, index));
            assert!(second.position(index).to_be_bytes().starts_with(&second.prefix()));
            for level in 0..5 {
                let tile = index >> ((u32::from(level) + 1) * 8);
                assert_eq!(first.tile(level, tile), tile);
                assert_eq!(Volume::split_tile(level, second.tile(level, tile)), (second, tile));
            }
        }
    }
}
