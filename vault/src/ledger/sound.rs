//! How much of a log can still be believed, where some of it was damaged.

use coffer_wire::note::Checkpoint;
use coffer_wire::tree::{Edge, leaf_hash};

use super::Volume;
use super::history::{History, HistoryError, TILE_HASHES};
use crate::store::{Engine, StoreError};

/// All leaves of a volume where they are those of its newest checkpoint; else those before the first that is missing or is
/// not what its tile says. What no full tile holds is believed only as a whole. A leaf that was altered together with its tile
/// is not seen here: whoever remembers a checkpoint sees it.
pub fn sound_prefix(engine: &dyn Engine, volume: Volume, signed: &Checkpoint) -> Result<Checkpoint, StoreError> {
    let history = History::of(engine, volume);
    let (mut all, mut sound) = (Edge::new(), Edge::new());
    let (mut wrong, mut tile) = (false, None);
    for index in 0..signed.size {
        let Some(leaf) = there(history.leaf(index))? else { break };
        let hash = leaf_hash(&leaf);
        all.push(hash);
        // Without its tile nothing says that a leaf is wrong.
        if index % TILE_HASHES as u64 == 0 {
            tile = there(history.tile(0, index / TILE_HASHES as u64))?;
        }
        let in_tile = tile.as_ref().and_then(|tile| tile.get(index as usize % TILE_HASHES).copied());
        wrong |= in_tile.is_none_or(|in_tile| in_tile != hash);
        if !wrong {
            sound.push(hash);
        }
    }
    let is_whole = all.size() == signed.size && all.root() == signed.root;
    let edge = if is_whole { all } else { sound };
    Ok(Checkpoint { origin: signed.origin.clone(), size: edge.size(), root: edge.root() })
}

/// What can be read; damage is as good as nothing.
fn there<T>(read: Result<T, HistoryError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(HistoryError::Store(error @ StoreError::Corrupt { .. })) => {
            tracing::warn!(%error, "part of the log cannot be read");
            Ok(None)
        }
        Err(HistoryError::Store(error)) => Err(error),
        Err(HistoryError::LeafMissing(_) | HistoryError::TileMissing(..)) => Ok(None),
    }
}
