//! What an archive says of itself.

use coffer_keys::ARCHIVE_ID_BYTES;
use serde::{Deserialize, Serialize};

/// The manifest. Nobody without the generation's key can make one, or change it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The archive's own name, in hexadecimal.
    pub archive: String,
    /// The root key that its rows lie under, wrapped under the generation's key, in hexadecimal.
    pub root: String,
    /// Where it is from.
    #[serde(flatten)]
    pub origin: Origin,
    /// Its parts, in the order in which they stand.
    pub parts: Vec<Part>,
}

/// Where an archive is from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The vault's name.
    pub vault: String,
    /// The newest checkpoint of the log, a signed note.
    pub checkpoint: String,
    /// The number of the generation under which the key part lies.
    pub generation: u64,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
}

/// A part of an archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `rows/` and a family, `file/` and a name, or `keys`.
    pub name: String,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The archive's name in bytes.
    pub(super) fn id(&self) -> Option<[u8; ARCHIVE_ID_BYTES]> {
        let id = data_encoding::HEXLOWER.decode(self.archive.as_bytes()).ok()?;
        id.try_into().ok()
    }
}
