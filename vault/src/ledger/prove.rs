//! Proofs from the running log.

use coffer_wire::api::{ProveAnswer, ProveRequest};
use coffer_wire::tree::{ProofError, consistency_proof, inclusion_proof};

use super::history::{History, HistoryError};
use super::{Shared, Volume};
use crate::store::Engine;

/// Why there is no proof.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotProved {
    /// The request asks beyond the log or names an empty tree.
    #[error("index < size and from <= size <= the newest size must hold")]
    OutOfRange,
    /// It names a log that is none of the line.
    #[error("`log` is not the place of this log or of one before it, from 1")]
    OtherLog,
    /// A node cannot be had.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Inclusion and consistency proofs after RFC 6962 §2.1.1 and §2.1.2. Reads the store.
pub fn prove(engine: &dyn Engine, shared: &Shared, asked: &ProveRequest) -> Result<ProveAnswer, NotProved> {
    let newest = shared.newest_whole();
    let present = Volume::of_origin(newest.signer.vkey.name());
    if asked.log.is_some_and(|log| log != present.number()) {
        return of_closed(engine, shared, asked, &newest.note);
    }
    let size = asked.size.unwrap_or(newest.size);
    let in_range = size <= newest.size && asked.index.is_none_or(|i| i < size) && asked.from.is_none_or(|f| f <= size);
    if !in_range {
        return Err(NotProved::OutOfRange);
    }
    let history = History::with_growing(engine, present, &newest.growing);
    proofs(&history, size, asked, &newest.note)
}

/// The same from a log that ended, as far as its leaves were kept.
fn of_closed(engine: &dyn Engine, shared: &Shared, asked: &ProveRequest, note: &str) -> Result<ProveAnswer, NotProved> {
    let (volume, kept) = shared.line().closed(asked.log.unwrap_or_default()).ok_or(NotProved::OtherLog)?;
    let size = asked.size.unwrap_or(kept.size);
    let in_range = size <= kept.size && asked.index.is_none_or(|i| i < size) && asked.from.is_none_or(|f| f <= size);
    if !in_range {
        return Err(NotProved::OutOfRange);
    }
    proofs(&History::of(engine, volume), size, asked, note)
}

fn proofs(history: &History<'_>, size: u64, asked: &ProveRequest, note: &str) -> Result<ProveAnswer, NotProved> {
    let inclusion = asked.index.map(|index| inclusion_proof(history, index, size).map_err(not_proved)).transpose()?;
    let consistency = asked.from.map(|from| consistency_proof(history, from, size).map_err(not_proved)).transpose()?;
    Ok(ProveAnswer { size, inclusion, consistency, checkpoint: note.to_owned() })
}

fn not_proved(error: ProofError<HistoryError>) -> NotProved {
    match error {
        ProofError::OutOfRange => NotProved::OutOfRange,
        ProofError::Nodes(error) => NotProved::History(error),
    }
}
