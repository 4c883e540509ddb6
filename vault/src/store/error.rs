//! What can go wrong in a store, and what to do then. No message holds a key or a value of a row.

use super::Family;

/// Why a store did not do what it was asked. Knows nothing of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the store open.
    #[error("the store at {path} is open in another process: stop that one, or name another home")]
    Locked {
        /// The folder of the store.
        path: String,
    },
    /// There is no store where one should be opened.
    #[error("there is no store at {path}: check `data` in coffer.toml, or make a new home with `coffer-vault init`")]
    Missing {
        /// The folder of the store.
        path: String,
    },
    /// There is a store, or something else, where a new one should be made.
    #[error("{path} is not empty: a new store is made in an empty folder only")]
    Exists {
        /// The folder that was to hold the store.
        path: String,
    },
    /// Bytes on disk are not those that were written.
    #[error("the store is damaged ({detail}): keep a copy of its folder as it is, then run `coffer-vault check`")]
    Corrupt {
        /// What the engine said: files and offsets.
        detail: String,
    },
    /// The store holds a column family that this version does not know.
    #[error(
        "the store holds a column family `{column}` unknown to this version: open it with the version that wrote it"
    )]
    Foreign {
        /// The name of the column family.
        column: String,
    },
    /// The family has never been created.
    #[error("the store has no family `{family}`: it is created when the schema that names it is activated")]
    NoFamily {
        /// The family asked for.
        family: Family,
    },
    /// The disk is full, or a quota is reached. Whether the batch was kept is unknown.
    #[error("the store's disk is full: free some space, then start the server again")]
    NoSpace,
    /// A write or its sync failed. Whether the batch was kept is unknown.
    #[error("a write did not reach the disk ({detail}): look at the disk, then start the server again")]
    WriteFailed {
        /// What the engine said.
        detail: String,
    },
    /// An earlier write failed: nothing is read or written until the process has started again.
    #[error("the store stopped after a failed write: start the server again")]
    Stopped,
    /// A read, or opening, failed for a reason that is neither damage nor absence.
    #[error("the store cannot be read ({detail}): look at the disk and at the folder's permissions")]
    Io {
        /// What the engine said.
        detail: String,
    },
}

impl StoreError {
    /// Whether the batch whose commit gave this error may yet be on the disk. Otherwise nothing of it is.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, StoreError::NoSpace | StoreError::WriteFailed { .. })
    }
}
