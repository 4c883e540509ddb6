//! What lies behind the last signed checkpoint of a store is cut off, and what is left is proved to be the log that the
//! head has seen. Nothing that checkpoint or head knows is touched. Works on a copy: `commands/check/repair.rs`.

use coffer_wire::note::VerifierKey;
use serde::Serialize;

use super::{PAGE_ROWS, index_of};
use crate::ledger::Volume;
use crate::ledger::history::{TILE_HEIGHT, leaf_key};
use crate::ledger::line::Line;
use crate::ledger::start::{self, Own, StartError, newest_note};
use crate::store::{Batch, Engine, Family, StoreError, meta};

/// What was behind the checkpoint, and what is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Cut {
    /// Leaves that are left: all that the newest checkpoint covers.
    pub size: u64,
    /// The position behind them.
    #[serde(skip)]
    pub end: u64,
    /// Leaves that the head has seen.
    pub head_size: u64,
    /// Leaves that were cut.
    pub leaves: u64,
    /// Private parts that were cut.
    pub private_parts: u64,
    /// Tiles that were cut.
    pub tiles: u64,
}

/// Why a tail cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum NotCut {
    /// What is left is not the log that was signed and seen.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cuts, and proves what is left as a start does: checkpoint, tree, last leaves, head.
pub fn cut_tail(engine: &dyn Engine, key: &VerifierKey, head: Option<&str>) -> Result<Cut, NotCut> {
    let line = Line::stored(engine)?;
    let trust = line.trusted_from(key).map_err(|_| StartError::Handover)?;
    let (keys, volume) = (Own::trusted(&trust), line.volume());
    let checkpoint = newest_note(engine)?.and_then(|note| trust.verify(&note).ok());
    let size = checkpoint.ok_or(StartError::Checkpoint)?.size;
    let seen = head.ok_or(StartError::HeadMissing)?;
    let head_size = keys.verify(seen, &line).ok_or(StartError::HeadOfAnotherLog)?.size;
    let behind_tiles = |key: &[u8]| match key.split_first() {
        Some((level, index)) => {
            let bits = (u32::from(*level) + 1) * u32::from(TILE_HEIGHT);
            let place = index_of(index).map(|index| Volume::split_tile(*level, index));
            place
                .is_none_or(|(of, index)| of > volume || (of == volume && index >= size.checked_shr(bits).unwrap_or(0)))
        }
        None => true,
    };
    // The key before the first that is too far; where all are, none is before it.
    let end = volume.position(size);
    let last = end.checked_sub(1).map(leaf_key);
    let from = last.as_ref().map(<[u8; 8]>::as_slice);
    let leaves = cut(engine, Family::Leaves, from, |_| true)?;
    let private_parts = cut(engine, Family::Private, from, |_| true)?;
    let tiles = cut(engine, Family::Nodes, None, behind_tiles)?;
    let epoch = engine.get(Family::Meta, meta::EPOCH)?.and_then(|epoch| epoch.try_into().ok());
    start::prove(engine, &keys, Some(seen), epoch.map_or(0, u32::from_be_bytes))?;
    Ok(Cut { size, end, head_size, leaves, private_parts, tiles })
}

fn cut(
    engine: &dyn Engine,
    family: Family,
    after: Option<&[u8]>,
    is_behind: impl Fn(&[u8]) -> bool,
) -> Result<u64, StoreError> {
    let (mut after, mut count) = (after.map(<[u8]>::to_vec), 0);
    loop {
        let page = engine.scan(family, b"", after.as_deref(), PAGE_ROWS)?;
        let mut batch = Batch::new();
        for (key, _) in page.iter().filter(|(key, _)| is_behind(key)) {
            count += 1;
            batch.delete(family, key.clone());
        }
        if !batch.is_empty() {
            engine.commit(&batch)?;
        }
        match page.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return Ok(count),
        }
    }
}
