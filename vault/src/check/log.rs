//! The log by itself: every leaf hashed and read, the tree made again from all of them, and
//! checkpoint and head held against it. Needs no key but the log's public one.

use std::collections::BTreeMap;

use coffer_wire::leaf::{Action, Decision, Leaf};
use coffer_wire::note::{self, Checkpoint};
use coffer_wire::tree::{Edge, leaf_hash};
use coffer_wire::{Hash, Name};

use super::tree::{Right, Stored, Trees};
use super::{Check, CheckError, Code, Finding, Place, index_of};
use crate::ledger::Last;
use crate::ledger::history::{TILE_HASHES, TILE_HEIGHT, tile_key};
use crate::ledger::start::newest_note;
use crate::store::Family;

/// Bytes of a hash in a tile.
const HASH_BYTES: usize = 32;
/// Bytes of a tile's key: its level and its index.
const TILE_KEY_BYTES: usize = 9;

/// What the leaves say of themselves.
#[derive(Default)]
pub(super) struct Log {
    /// Leaves, by the checkpoint where it can be believed.
    pub(super) size: u64,
    /// Each controller's last number, and the leaf that bears it.
    pub(super) numbers: BTreeMap<Name, Last>,
    /// The hash that the last activation of a policy names, and of a schema.
    pub(super) access: Option<Hash>,
    pub(super) schema: Option<Hash>,
    /// Activations, those of the first files among them.
    pub(super) activations: u64,
    /// Leaves that are missing or cannot be read.
    pub(super) unread: u64,
    last_ms: u64,
}

impl Check<'_> {
    /// Reads the whole log.
    pub(super) fn log(&mut self) -> Result<Log, CheckError> {
        let checkpoint = self.checkpoint()?;
        let note = self.head_note()?;
        let head = note.as_deref().map(|note| note::verify(note, self.home.log_key));
        let head = match head {
            None => {
                self.found(Code::HeadMissing, Place::of("head"));
                None
            }
            Some(Err(_)) => {
                self.found(Code::HeadOfAnotherLog, Place::of("head"));
                None
            }
            Some(Ok(head)) => Some(head),
        };
        let mut log = Log::default();
        let mut trees = Trees::new(head.as_ref().map(|head| head.size));
        self.leaves(&mut log, &mut trees, checkpoint.as_ref().map(|c| c.size))?;
        self.judge(&log, &trees, checkpoint.as_ref(), head.as_ref());
        self.foreign_tiles(log.size)?;
        Ok(log)
    }

    /// The newest checkpoint, if it is one of this log.
    fn checkpoint(&mut self) -> Result<Option<Checkpoint>, CheckError> {
        let place = || Place::of(Family::Meta).entry("checkpoint");
        let note = match newest_note(self.home.engine) {
            Ok(note) => note,
            Err(error) => return self.damaged(Family::Meta, error).map(|()| None),
        };
        let Some(note) = note else {
            self.found(Code::CheckpointMissing, place());
            return Ok(None);
        };
        let verified = note::verify(&note, self.home.log_key).ok();
        if verified.is_none() {
            self.found(Code::CheckpointAltered, place());
        }
        Ok(verified)
    }

    fn leaves(&mut self, log: &mut Log, trees: &mut Trees, size: Option<u64>) -> Result<(), CheckError> {
        self.progress.stage("leaves", size);
        let mut next = 0;
        self.each(Family::Leaves, b"", |check, key, bytes| {
            let Some(index) = index_of(key) else {
                check.found(Code::ForeignEntry, Place::of(Family::Leaves));
                return Ok(());
            };
            if size.is_some_and(|size| index >= size) {
                check.found(Code::LeafBeyond, Place::of(Family::Leaves).leaf(index));
                return Ok(());
            }
            // Without a checkpoint that can be believed, the log ends before the first gap.
            if size.is_none() && index != next {
                check.found(Code::LeafBeyond, Place::of(Family::Leaves).leaf(index));
                return Ok(());
            }
            check.missing(log, trees, next..index)?;
            check.push(trees, Some(leaf_hash(bytes)))?;
            check.leaf(log, index, bytes);
            next = index + 1;
            Ok(())
        })?;
        if !self.is_damaged(Family::Leaves) {
            self.missing(log, trees, next..size.unwrap_or(next))?;
        }
        trees.finish();
        log.size = size.unwrap_or(next);
        self.report.looked.leaves = log.size;
        self.report.looked.tiles = trees.full;
        Ok(())
    }

    fn missing(&mut self, log: &mut Log, trees: &mut Trees, range: std::ops::Range<u64>) -> Result<(), CheckError> {
        for index in range {
            self.found(Code::LeafMissing, Place::of(Family::Leaves).leaf(index));
            self.push(trees, None)?;
            log.unread += 1;
        }
        Ok(())
    }

    fn push(&mut self, trees: &mut Trees, leaf: Option<Hash>) -> Result<(), CheckError> {
        trees.push(leaf, |level, index| {
            let Some(bytes) = self.get(Family::Nodes, &tile_key(level, index))? else { return Ok(Stored::Missing) };
            let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
            Ok(match hashes.len() == TILE_HASHES && rest.is_empty() {
                true => Stored::Whole(hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect()),
                false => Stored::Malformed,
            })
        })
    }

    /// What a leaf says, held against those before it.
    fn leaf(&mut self, log: &mut Log, index: u64, bytes: &[u8]) {
        let place = || Place::of(Family::Leaves).leaf(index);
        let Ok(leaf) = Leaf::parse(bytes) else {
            self.found(Code::LeafMalformed, place());
            log.unread += 1;
            return;
        };
        if leaf.t < log.last_ms {
            self.add(Finding::new(Code::TimeFell, place()).against(leaf.t, log.last_ms));
        }
        log.last_ms = log.last_ms.max(leaf.t);
        let last = log.numbers.entry(leaf.controller).or_default();
        let expected = last.number + 1;
        // Leaves that could not be read may have borne the numbers between.
        let sound = (expected..=expected + log.unread).contains(&leaf.n);
        *last = Last { number: leaf.n, leaf: index };
        if !sound {
            let finding = Finding::new(Code::NumberGap, place().controller(leaf.controller));
            self.add(finding.against(leaf.n, expected));
        }
        if let (Ok(Decision::Granted(_)), Some(hash)) = (leaf.decision(), leaf.row) {
            match leaf.action {
                Action::AccessApply => log.access = Some(hash),
                Action::SchemaApply => log.schema = Some(hash),
                _ => return,
            }
            log.activations += 1;
        }
    }

    /// Which is right where leaves and tiles differ, and whether both come to what was signed.
    fn judge(&mut self, log: &Log, trees: &Trees, checkpoint: Option<&Checkpoint>, head: Option<&Checkpoint>) {
        let right = match checkpoint {
            Some(checkpoint) if checkpoint.size == 0 => Right::Leaves,
            Some(checkpoint) => trees.right(&checkpoint.root),
            None => Right::Leaves,
        };
        for (level, index) in &trees.absent {
            self.found(Code::TileMissing, Place::of(Family::Nodes).tile(*level, *index));
        }
        for (level, index) in trees.malformed.iter().chain(trees.differing(right)) {
            self.found(Code::TileAltered, Place::of(Family::Nodes).tile(*level, *index));
        }
        let mut tiles: Vec<u64> = Vec::new();
        for index in &trees.suspects {
            match right {
                Right::Leaves => tiles.push(index / TILE_HASHES as u64),
                _ => self.found(Code::LeafAltered, Place::of(Family::Leaves).leaf(*index)),
            }
        }
        tiles.dedup();
        for index in tiles {
            self.found(Code::TileAltered, Place::of(Family::Nodes).tile(0, index));
        }
        let heads = head.is_some_and(|head| head.size <= log.size && trees.is_heads(right, &head.root));
        // Missing leaves say already why there is no root, and so does a store that cannot be read.
        let is_whole = !self.report.findings.counts().contains_key(&Code::LeafMissing);
        if right == Right::Neither && is_whole && !self.is_damaged(Family::Leaves) {
            let seen = head.filter(|_| heads).map_or(0, |head| head.size);
            let from = trees.suspects.first().copied().unwrap_or(trees.tail().max(seen));
            self.found(Code::RootMismatch, Place::of(Family::Leaves).leaf(from));
        }
        if let Some(head) = head {
            self.judge_head(log, right, heads, head);
        }
    }

    fn judge_head(&mut self, log: &Log, right: Right, heads: bool, head: &Checkpoint) {
        if head.size > log.size {
            self.add(Finding::new(Code::HeadAhead, Place::of("head")).against(log.size, head.size));
        } else if heads || (head.size == 0 && head.root == Edge::new().root()) {
            self.report.head_behind = Some(log.size - head.size);
        } else if right != Right::Neither {
            self.add(Finding::new(Code::HeadOtherHistory, Place::of("head")).against(log.size, head.size));
        }
    }

    /// Tiles that the tree does not have.
    fn foreign_tiles(&mut self, size: u64) -> Result<(), CheckError> {
        self.progress.stage("tiles and numbers", None);
        self.each(Family::Nodes, b"", |check, key, _| {
            let expected = <[u8; TILE_KEY_BYTES]>::try_from(key).is_ok_and(|key| {
                let (level, index) = (key[0], index_of(&key[1..]).unwrap_or(u64::MAX));
                let bits = (u32::from(level) + 1) * u32::from(TILE_HEIGHT);
                index < size.checked_shr(bits).unwrap_or(0)
            });
            if !expected {
                check.found(Code::ForeignEntry, Place::of(Family::Nodes));
            }
            Ok(())
        })
    }
}
