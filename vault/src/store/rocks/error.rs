//! RocksDB's errors in our words.
//!
//! RocksDB gives a kind and a text. Its texts name files and offsets; keys in them are redacted by RocksDB itself
//! (`allow_data_in_errors` is off).

use std::path::Path;

use rocksdb::{Error, ErrorKind};

use crate::store::StoreError;

/// Texts of the operating system that mean a full disk or a reached quota.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// In RocksDB's text when another holds the folder: its lock file, and one of two beginnings.
const LOCK_FILE: &str = "/LOCK:";
const LOCK_HELD: [&str; 2] = ["While lock file", "lock hold by current process"];

/// The operating system's text for a file that the manifest names and the folder lacks.
const FILE_GONE: &str = "No such file or directory";

/// An error while a store is opened.
pub(super) fn opening(path: &Path, error: &Error) -> StoreError {
    let text = error.as_ref();
    if text.contains(LOCK_FILE) && LOCK_HELD.iter().any(|held| text.contains(held)) {
        StoreError::Locked { path: path.display().to_string() }
    } else if FULL.iter().any(|full| text.contains(full)) {
        StoreError::NoSpace
    } else if text.contains(FILE_GONE) {
        StoreError::Corrupt { detail: text.to_owned() }
    } else {
        reading(error)
    }
}

/// An error of a read.
pub(super) fn reading(error: &Error) -> StoreError {
    let detail = error.as_ref().to_owned();
    match error.kind() {
        ErrorKind::Corruption => StoreError::Corrupt { detail },
        _ => StoreError::Io { detail },
    }
}

/// An error of a write. RocksDB cannot tell a full disk from a failed sync in what it kept, so neither do we: in
/// both cases the outcome is unknown.
pub(super) fn writing(error: &Error) -> StoreError {
    let text = error.as_ref();
    if FULL.iter().any(|full| text.contains(full)) {
        StoreError::NoSpace
    } else {
        StoreError::WriteFailed { detail: text.to_owned() }
    }
}
