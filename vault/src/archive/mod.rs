//! A backup in one file: what is in a store, at one moment, and the files beside it.
//!
//! The rows of all families but one stand in it as they are: ciphertext, and leaves, which say nothing of anybody. The rows of
//! the keys family are the *key part*, sealed under the key of a generation. So once that key is destroyed, nothing in an
//! archive opens any more, whoever has the root key and all that was erased since. Rows are copied, not the store's own
//! files: in these, and in the write-ahead log, wrapped keys stand between everything else.
//!
//! docs/FORMAT.md draws the bytes. The manifest comes last, when all lengths and hashes are known, and is looked for from the
//! end: a file without its end is no archive.

pub mod generations;
mod manifest;
mod parts;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::io;

pub use manifest::{Manifest, Origin, Part};
pub use read::{Opened, generation_of, open};
pub use write::{ArchiveRoot, Source, write};

use crate::store::StoreError;

/// Begins every archive.
const MAGIC: &[u8; 16] = b"coffer-archive-1";
/// Bytes behind the manifest: its voucher, its length, and the magic again.
const END_BYTES: usize = coffer_keys::VOUCHER_BYTES + 4 + MAGIC.len();
/// Bytes of a manifest, at most.
const MANIFEST_BYTES_MAX: u32 = 1 << 20;
/// The part that holds the keys family.
const KEY_PART: &str = "keys";
/// Rows that are asked of the store, or given to it, at a time.
const PAGE_ROWS: usize = 1_024;
/// Bytes of a row's key or value, at most: no row of any family comes near it.
const ROW_BYTES_MAX: u32 = 64 << 20;

/// Why there is no archive, or nothing is taken out of one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read or written.
    #[error("the archive: {0}")]
    Io(#[from] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is another kind of file, was cut, or is of a format that this program does not know.
    #[error(
        "this is no whole archive that this program can read: it was cut, or is another kind of file, or a newer program made it"
    )]
    NotAnArchive,
    /// Its manifest was not made with this generation's key, or was changed.
    #[error("the manifest was changed, or this is not the generation that the archive was made under")]
    Manifest,
    /// A part is not the one that the manifest names.
    #[error("the archive's part `{0}` is not the one that was written: the archive is damaged, or was changed")]
    Altered(String),
    /// The store that the rows were to go to is in use.
    #[error("the store that the archive was to be put into is not empty")]
    NotEmpty,
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

impl From<coffer_keys::NoRandomness> for ArchiveError {
    fn from(_: coffer_keys::NoRandomness) -> Self {
        ArchiveError::NoRandomness
    }
}
