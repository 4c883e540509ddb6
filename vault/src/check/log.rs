//! The log by itself: every leaf hashed and read, the tree made again from all of them, and
//! checkpoint and head held against it. Needs no key but the log's public one.

use std::collections::{BTreeMap, BTreeSet};

use coffer_wire::leaf::{Action, Decision, Leaf};
use coffer_wire::note::Checkpoint;
use coffer_wire::tree::{Edge, leaf_hash};
use coffer_wire::{Hash, Name};

use super::transitions::Transitions;
use super::tree::{Right, Stored, Trees};
use super::{Check, CheckError, Code, Finding, Place, index_of};
use crate::ledger::history::{TILE_HASHES, TILE_HEIGHT};
use crate::ledger::start::newest_note;
use crate::ledger::{Last, Volume};
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
    /// What became of the keys of categories.
    pub(super) keys: Transitions,
    /// Leaves that are missing or cannot be read.
    pub(super) unread: u64,
    /// The hashes that the first leaves of successors name, and those that leaves about new keys do.
    pub(super) succeeded: BTreeMap<Volume, Hash>,
    pub(super) rekeyed: BTreeSet<Hash>,
    last_ms: u64,
    /// The logs that ended, and how many of their leaves were kept; those behind them are given up.
    closed: Vec<(Volume, u64)>,
}

impl Log {
    /// Another log begins: each controller at number one.
    fn begin(&mut self) {
        self.numbers.values_mut().for_each(|last| *last = Last::default());
    }

    /// Each log with its leaves, the one that is open last.
    pub(super) fn volumes(&self, open: Volume) -> Vec<(Volume, u64)> {
        self.closed.iter().copied().chain([(open, self.size)]).collect()
    }

    /// Whether a leaf lies behind what was kept of a log that ended: what is wrong with it was given up.
    pub(super) fn gave_up(&self, position: u64) -> bool {
        let (volume, index) = Volume::split(position);
        self.closed.iter().any(|(closed, kept)| *closed == volume && index >= *kept)
    }

    /// Whether a leaf is one of the open log, or of one that ended.
    pub(super) fn has(&self, open: Volume, position: u64) -> bool {
        let (volume, index) = Volume::split(position);
        volume < open || (volume == open && index < self.size)
    }
}

impl Check<'_> {
    /// Reads the whole log.
    pub(super) fn log(&mut self) -> Result<Log, CheckError> {
        let mut log = Log::default();
        for (volume, kept) in self.line.kept() {
            self.closed(&mut log, volume, &kept)?;
        }
        let checkpoint = self.checkpoint()?;
        let note = self.head_note()?;
        let head = note.as_deref().map(|note| self.trust.verify(note));
        let head = match head {
            None => {
                self.found(Code::HeadMissing, Place::of("head"));
                None
            }
            Some(Err(_)) => {
                self.found(Code::HeadOfAnotherLog, Place::of("head"));
                None
            }
            // A kill before the successor's head leaves that of the log before it, which its last checkpoint holds.
            Some(Ok(head)) if head.origin != self.trust.origin() => {
                Some(Checkpoint { origin: head.origin, size: 0, root: Edge::new().root() })
            }
            Some(Ok(head)) => Some(head),
        };
        let mut trees = Trees::new(head.as_ref().map(|head| head.size));
        self.leaves(&mut log, &mut trees, self.volume, checkpoint.as_ref().map(|c| c.size))?;
        self.judge(&log, &trees, self.volume, checkpoint.as_ref(), head.as_ref());
        self.foreign_tiles(log.size)?;
        self.named(&log);
        Ok(log)
    }

    /// A log that ended, as far as its leaves were kept: those are held against the root that its end names.
    fn closed(&mut self, log: &mut Log, volume: Volume, kept: &Checkpoint) -> Result<(), CheckError> {
        let mut trees = Trees::new(None);
        self.leaves(log, &mut trees, volume, Some(kept.size))?;
        self.judge(log, &trees, volume, Some(kept), None);
        log.closed.push((volume, kept.size));
        log.begin();
        Ok(())
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
        let verified = self.trust.verify(&note).ok().filter(|checkpoint| checkpoint.origin == self.trust.origin());
        if verified.is_none() {
            self.found(Code::CheckpointAltered, place());
        }
        Ok(verified)
    }

    fn leaves(
        &mut self,
        log: &mut Log,
        trees: &mut Trees,
        volume: Volume,
        size: Option<u64>,
    ) -> Result<(), CheckError> {
        self.progress.stage("leaves", size);
        let (mut next, open) = (0, self.volume);
        self.each(Family::Leaves, &self.prefix(volume), |check, key, bytes| {
            let Some(position) = index_of(key) else {
                check.found(Code::ForeignEntry, Place::of(Family::Leaves));
                return Ok(());
            };
            let (of, index) = Volume::split(position);
            if of != volume || size.is_some_and(|size| index >= size) {
                // What is left of a log that ended, behind what was kept of it, was given up.
                if volume == open {
                    check.found(Code::LeafBeyond, Place::of(Family::Leaves).leaf(position));
                }
                return Ok(());
            }
            // Without a checkpoint that can be believed, the log ends before the first gap.
            if size.is_none() && index != next {
                check.found(Code::LeafBeyond, Place::of(Family::Leaves).leaf(position));
                return Ok(());
            }
            check.missing(log, trees, volume, next..index)?;
            check.push(trees, volume, Some(leaf_hash(bytes)))?;
            check.leaf(log, position, bytes);
            next = index + 1;
            Ok(())
        })?;
        if !self.is_damaged(Family::Leaves) {
            self.missing(log, trees, volume, next..size.unwrap_or(next))?;
        }
        trees.finish();
        log.size = size.unwrap_or(next);
        self.report.looked.leaves += log.size;
        self.report.looked.tiles += trees.full;
        Ok(())
    }

    /// What the store's keys of a log's leaves begin with; where there is one log alone, anything.
    pub(super) fn prefix(&self, volume: Volume) -> Vec<u8> {
        if self.volume == Volume::FIRST { Vec::new() } else { volume.prefix().to_vec() }
    }

    fn missing(
        &mut self,
        log: &mut Log,
        trees: &mut Trees,
        volume: Volume,
        range: std::ops::Range<u64>,
    ) -> Result<(), CheckError> {
        for index in range {
            self.found(Code::LeafMissing, Place::of(Family::Leaves).leaf(volume.position(index)));
            self.push(trees, volume, None)?;
            log.unread += 1;
        }
        Ok(())
    }

    fn push(&mut self, trees: &mut Trees, volume: Volume, leaf: Option<Hash>) -> Result<(), CheckError> {
        trees.push(leaf, |level, index| {
            let Some(bytes) = self.get(Family::Nodes, &volume.tile_key(level, index))? else {
                return Ok(Stored::Missing);
            };
            let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
            Ok(match hashes.len() == TILE_HASHES && rest.is_empty() {
                true => Stored::Whole(hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect()),
                false => Stored::Malformed,
            })
        })
    }

    /// What a leaf says, held against those before it.
    fn leaf(&mut self, log: &mut Log, position: u64, bytes: &[u8]) {
        let place = || Place::of(Family::Leaves).leaf(position);
        let (volume, index) = Volume::split(position);
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
        log.keys.follow(position, &leaf);
        if let (Ok(Decision::Granted(_)), Some(hash)) = (leaf.decision(), leaf.row) {
            match leaf.action {
                Action::AccessApply => log.access = Some(hash),
                Action::SchemaApply => log.schema = Some(hash),
                Action::LogSucceed if index == 0 => {
                    log.succeeded.insert(volume, hash);
                    return;
                }
                Action::LogRekey => {
                    log.rekeyed.insert(hash);
                    return;
                }
                _ => return,
            }
            log.activations += 1;
        }
    }

    /// Which is right where leaves and tiles differ, and whether both come to what was signed.
    fn judge(
        &mut self,
        log: &Log,
        trees: &Trees,
        volume: Volume,
        checkpoint: Option<&Checkpoint>,
        head: Option<&Checkpoint>,
    ) {
        let right = match checkpoint {
            Some(checkpoint) if checkpoint.size == 0 => Right::Leaves,
            Some(checkpoint) => trees.right(&checkpoint.root),
            None => Right::Leaves,
        };
        for (level, index) in &trees.absent {
            self.found(Code::TileMissing, Place::of(Family::Nodes).tile(volume, *level, *index));
        }
        for (level, index) in trees.malformed.iter().chain(trees.differing(right)) {
            self.found(Code::TileAltered, Place::of(Family::Nodes).tile(volume, *level, *index));
        }
        let mut tiles: Vec<u64> = Vec::new();
        for index in &trees.suspects {
            match right {
                Right::Leaves => tiles.push(index / TILE_HASHES as u64),
                _ => self.found(Code::LeafAltered, Place::of(Family::Leaves).leaf(volume.position(*index))),
            }
        }
        tiles.dedup();
        for index in tiles {
            self.found(Code::TileAltered, Place::of(Family::Nodes).tile(volume, 0, index));
        }
        let heads = head.is_some_and(|head| head.size <= log.size && trees.is_heads(right, &head.root));
        // Missing leaves say already why there is no root, and so does a store that cannot be read.
        let is_whole = !self.report.findings.counts().contains_key(&Code::LeafMissing);
        if right == Right::Neither && is_whole && !self.is_damaged(Family::Leaves) {
            let seen = head.filter(|_| heads).map_or(0, |head| head.size);
            let from = trees.suspects.first().copied().unwrap_or(trees.tail().max(seen));
            self.found(Code::RootMismatch, Place::of(Family::Leaves).leaf(volume.position(from)));
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
                let (volume, index) = Volume::split_tile(level, index);
                volume < check.volume || (volume == check.volume && index < size.checked_shr(bits).unwrap_or(0))
            });
            if !expected {
                check.found(Code::ForeignEntry, Place::of(Family::Nodes));
            }
            Ok(())
        })
    }
}
