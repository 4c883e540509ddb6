//! Proofs from the running log.

use coffer_wire::api::{ProveAnswer, ProveRequest};
use coffer_wire::tree::{ProofError, consistency_proof, inclusion_proof};

use super::Shared;
use super::history::{History, HistoryError};
use crate::store::Engine;

/// Why there is no proof.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotProved {
    /// The request asks beyond the log or names an empty tree.
    #[error("index < size and from <= size <= the newest size must hold")]
    OutOfRange,
    /// A node cannot be had.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Inclusion and consistency proofs after RFC 6962 §2.1.1 and §2.1.2. Reads the store.
pub fn prove(engine: &dyn Engine, shared: &Shared, asked: &ProveRequest) -> Result<ProveAnswer, NotProved> {
    let newest = shared.newest_whole();
    let size = asked.size.unwrap_or(newest.size);
    let in_range = size <= newest.size && asked.index.is_none_or(|i| i < size) && asked.from.is_none_or(|f| f <= size);
    if !in_range {
        return Err(NotProved::OutOfRange);
    }
    let history = History::with_growing(engine, &newest.growing);
    let inclusion = asked.index.map(|index| inclusion_proof(&history, index, size).map_err(not_proved)).transpose()?;
    let consistency = asked.from.map(|from| consistency_proof(&history, from, size).map_err(not_proved)).transpose()?;
    Ok(ProveAnswer { size, inclusion, consistency, checkpoint: newest.note.to_string() })
}

fn not_proved(error: ProofError<HistoryError>) -> NotProved {
    match error {
        ProofError::OutOfRange => NotProved::OutOfRange,
        ProofError::Nodes(error) => NotProved::History(error),
    }
}
