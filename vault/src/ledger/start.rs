//! The start check: whether the log in the store is the one that the head outside remembers.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::note::{self, Checkpoint, VerifierKey};
use coffer_wire::succession::{Handover, Trust};
use coffer_wire::tree::leaf_hash;

use super::Rejected;
use super::erasures::ErasuresError;
use super::history::{Growth, History, HistoryError, TILE_HASHES, leaf_key};
use super::last::{self, Last};
use super::line::Line;
use super::volume::Volume;
use crate::store::{Engine, Family, StoreError, meta};

/// How many of the last leaves are hashed again at each start.
const LEAVES_REHASHED: u64 = 65_536;

/// Why the log cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The head file cannot be read or written.
    #[error("the head file: {0}")]
    Head(#[source] io::Error),
    /// The head file holds no whole note.
    #[error("the head file holds no checkpoint")]
    HeadMissing,
    /// The origin of the configuration is none.
    #[error("log.origin is no C2SP key name: no spaces, no plus sign")]
    Origin,
    /// The head names a log of another origin or key.
    #[error("the head belongs to another log")]
    HeadOfAnotherLog,
    /// The head has seen leaves that the store does not hold.
    #[error("the log holds {stored} leaves and its head has seen {seen}: leaves are missing")]
    HeadAhead {
        /// Leaves in the store.
        stored: u64,
        /// Leaves that the head has seen.
        seen: u64,
    },
    /// The store holds another history than the head has seen.
    #[error("the log's first {0} leaves are not those that its head has seen")]
    AnotherHistory(u64),
    /// The newest checkpoint is missing or not signed by the log's key.
    #[error("the newest checkpoint is missing or not signed by the log's key")]
    Checkpoint,
    /// Leaves or tiles do not give the root of the checkpoint.
    #[error("leaves and tree do not give the root of the checkpoint; the first wrong place is leaf {0} or after it")]
    Root(u64),
    /// The last leaf was made under a newer policy than the store holds.
    #[error("the log knows policy epoch {seen} and the store holds {stored}: an older policy was put back")]
    PolicyBehind {
        /// The epoch in the store.
        stored: u32,
        /// The epoch that the last leaf names.
        seen: u32,
    },
    /// A controller's last number is not the one of its last leaf.
    #[error("a controller's last number in the store is not that of its last leaf: run `coffer-vault check`")]
    Numbers,
    /// The notes that lead to the present log are damaged, or not those that its first leaf names.
    #[error(
        "the notes that lead to the present log are damaged, or others than the log itself names: run `coffer-vault check`"
    )]
    Handover,
    /// The notes beside the head are not a beginning of those in the store.
    #[error(
        "the notes beside the head tell of another successor than the store: an older store was put back, or the log goes on elsewhere"
    )]
    AnotherLine,
    /// Two checkpoints of one size that the log's key has signed have different roots.
    #[error("the log's key has signed two logs of {0} leaves")]
    Fork(u64),
    /// There have been as many logs as there can be.
    #[error("no further log can follow")]
    LineFull,
    /// A node or leaf is missing.
    #[error(transparent)]
    History(HistoryError),
    /// The erasure ledger cannot be used.
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    /// The first batch of a new log was not taken.
    #[error("the first batch was not taken: {0:?}")]
    Rejected(Option<Rejected>),
}

impl From<HistoryError> for StartError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Store(error) => StartError::Store(error),
            other => StartError::History(other),
        }
    }
}

impl StartError {
    /// Whether the log is there, but is not the one that was last seen: the vault starts sealed.
    pub fn not_continuous(&self) -> bool {
        match self {
            StartError::Store(_) | StartError::Rejected(_) | StartError::Origin => false,
            StartError::Erasures(ErasuresError::Io(_) | ErasuresError::Store(_)) => false,
            StartError::Head(error) => error.kind() == io::ErrorKind::NotFound,
            _ => true,
        }
    }
}

pub(super) struct Resumed {
    pub(super) growth: Growth,
    pub(super) numbers: HashMap<Name, Last>,
    pub(super) note: Arc<str>,
}

/// Checks checkpoint, tree, last leaves and head, in this order, and takes the log up.
pub(super) fn check(engine: &dyn Engine, keys: &Own, head: Option<&str>, policy: u32) -> Result<Resumed, StartError> {
    let line = Line::stored(engine)?;
    let (key, history) = (&keys.present, History::of(engine, line.volume()));
    let note: Arc<str> = newest_note(engine)?.ok_or(StartError::Checkpoint)?.into();
    let checkpoint = note::verify(&note, key).map_err(|_| StartError::Checkpoint)?;
    let growth = Growth::resume(&history, checkpoint.size)?;
    rehash(&history, checkpoint.size)?;
    if growth.root() != checkpoint.root {
        return Err(StartError::Root(checkpoint.size.saturating_sub(TILE_HASHES as u64)));
    }
    hold_against_line(&history, &line)?;
    hold_against_head(&history, &checkpoint, &line, keys, head)?;
    let last = Leaf::parse(&history.leaf(checkpoint.size.saturating_sub(1))?);
    let last = last.map_err(|_| StartError::Root(checkpoint.size - 1))?;
    let seen = epoch_after(&last);
    if policy < seen {
        return Err(StartError::PolicyBehind { stored: policy, seen });
    }
    Ok(Resumed { growth, numbers: last::proved(engine, &history, &checkpoint)?, note })
}

/// When the last leaf was made, in Unix milliseconds; to be believed once the start check has passed. 0 where none can be
/// read.
pub fn last_ms(engine: &dyn Engine) -> Result<u64, StoreError> {
    let note = newest_note(engine)?.unwrap_or_default();
    let mut lines = note.lines();
    let volume = Volume::of_origin(lines.next().unwrap_or_default());
    let size: u64 = lines.next().and_then(|size| size.parse().ok()).unwrap_or(0);
    let last = engine.get(Family::Leaves, &leaf_key(volume.position(size.saturating_sub(1))))?;
    Ok(last.and_then(|bytes| Leaf::parse(&bytes).ok()).map_or(0, |leaf| leaf.t))
}

/// The same without taking it up.
pub fn prove(engine: &dyn Engine, keys: &Own, head: Option<&str>, policy: u32) -> Result<(), StartError> {
    check(engine, keys, head, policy).map(drop)
}

/// The public keys of this vault's log, under which what lies in the store and beside it must be signed.
pub struct Own {
    /// The key that counts, under the origin of the present log.
    pub present: VerifierKey,
    /// All of them that are there.
    public: Vec<[u8; 32]>,
}

impl Own {
    /// Those of a log of this origin, the present one's first.
    pub fn new(origin: &str, public: impl IntoIterator<Item = [u8; 32]>) -> Result<Own, StartError> {
        let public: Vec<_> = public.into_iter().collect();
        let present = public.first().and_then(|first| VerifierKey::new(origin, *first).ok());
        Ok(Own { present: present.ok_or(StartError::Origin)?, public })
    }

    /// Those of a line, by the key that was handed out.
    pub fn trusted(trust: &Trust) -> Own {
        Own { present: trust.key().clone(), public: trust.keys().map(|key| *key.public()).collect() }
    }

    /// These, and those that somebody believes.
    pub fn and(mut self, trust: &Trust) -> Own {
        self.public.extend(trust.keys().map(|key| *key.public()));
        self
    }

    /// The checkpoint of a note, of this log or of one that ended before it, if one of the keys signed it.
    pub fn verify(&self, note: &str, line: &Line) -> Option<Checkpoint> {
        let origins = std::iter::once(self.present.name()).chain(line.ended().map(|end| end.last.origin.as_str()));
        let keys =
            origins.flat_map(|origin| self.public.iter().filter_map(move |key| VerifierKey::new(origin, *key).ok()));
        keys.into_iter().find_map(|key| note::verify(note, &key).ok())
    }
}

/// The policy epoch in force behind a leaf.
fn epoch_after(leaf: &Leaf) -> u32 {
    let activates = matches!(leaf.action, Action::AccessApply | Action::SchemaApply) && leaf.granted.is_some();
    // The first policy and schema are activated by leaves that name their own epoch.
    let first = leaf.app.is_none();
    leaf.policy + u32::from(activates && !first)
}

/// The newest checkpoint in the store.
pub fn newest_note(engine: &dyn Engine) -> Result<Option<String>, StoreError> {
    let note = engine.get(Family::Meta, meta::CHECKPOINT)?;
    Ok(note.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Hashes the last leaves again and compares them with the full tiles that hold them; nothing may
/// lie behind the last leaf.
fn rehash(history: &History<'_>, size: u64) -> Result<(), StartError> {
    let tile = TILE_HASHES as u64;
    let first = size.saturating_sub(LEAVES_REHASHED) / tile * tile;
    for number in first / tile..size / tile {
        let hashes = history.tile(0, number)?;
        for (index, hash) in (number * tile..).zip(hashes) {
            if leaf_hash(&history.leaf(index)?) != hash {
                return Err(StartError::Root(index));
            }
        }
    }
    match history.leaf(size) {
        Err(HistoryError::LeafMissing(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(StartError::Root(size)),
    }
}

/// The first leaf of a successor names the note by which the log before it ended.
fn hold_against_line(history: &History<'_>, line: &Line) -> Result<(), StartError> {
    let Some(end) = line.ended().next_back() else { return Ok(()) };
    let first = Leaf::parse(&history.leaf(0)?).map_err(|_| StartError::Handover)?;
    let named = first.action == Action::LogSucceed && first.row == Some(Handover::Succession(end.clone()).hash());
    if named { Ok(()) } else { Err(StartError::Handover) }
}

/// A head behind the log is what a kill leaves; a head ahead of it, or of another history, is not.
fn hold_against_head(
    history: &History<'_>,
    stored: &Checkpoint,
    line: &Line,
    keys: &Own,
    head: Option<&str>,
) -> Result<(), StartError> {
    let head = head.ok_or(StartError::HeadMissing)?;
    let seen = keys.verify(head, line).ok_or(StartError::HeadOfAnotherLog)?;
    // A kill between the first batch of a successor and its head leaves the head of the log before it.
    if seen.origin != stored.origin {
        let end = line.ended().find(|end| end.last.origin == seen.origin).ok_or(StartError::HeadOfAnotherLog)?;
        return match seen.size.cmp(&end.last.size) {
            Ordering::Greater => Err(StartError::HeadAhead { stored: end.last.size, seen: seen.size }),
            Ordering::Equal if seen.root != end.last.root => Err(StartError::AnotherHistory(seen.size)),
            _ => Ok(()),
        };
    }
    if seen.size > stored.size {
        return Err(StartError::HeadAhead { stored: stored.size, seen: seen.size });
    }
    if history.edge(seen.size)?.root() != seen.root {
        return Err(StartError::AnotherHistory(seen.size));
    }
    Ok(())
}
