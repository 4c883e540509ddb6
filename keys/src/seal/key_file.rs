use std::path::PathBuf;

use super::{Seal, SealError, SealKind, Share};
use crate::{RootKey, keyfile};

/// The default seal: a key file at a path.
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The seal of a file, which is looked at when the key is asked for.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Seal for KeyFile {
    fn kind(&self) -> SealKind {
        SealKind::KeyFile
    }

    fn shares_needed(&self) -> Option<u8> {
        None
    }

    fn admit(&self, _: &Share, _: &[Share]) -> Result<(), SealError> {
        Err(SealError::NoShares)
    }

    fn open(&self, shares: &[Share]) -> Result<RootKey, SealError> {
        if !shares.is_empty() {
            return Err(SealError::NoShares);
        }
        Ok(keyfile::load(&self.path)?)
    }
}
