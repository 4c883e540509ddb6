use std::path::{Path, PathBuf};

use super::{Prepared, Seal, SealError, SealKind, Share, Split, next_of, prepared};
use crate::{KeyId, RootKey, file, keyfile};

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
        none_of(shares)?;
        Ok(keyfile::load(&self.path)?)
    }

    fn prepare(&self, in_force: KeyId, split: Option<Split>) -> Result<Prepared, SealError> {
        if split.is_some() {
            return Err(SealError::NoShares);
        }
        self.settle(in_force)?;
        draw(&self.path)
    }

    fn next(&self) -> Result<Box<dyn Seal>, SealError> {
        Ok(Box::new(Self::at(prepared(&self.path)?)))
    }

    fn settle(&self, in_force: KeyId) -> Result<(), SealError> {
        super::settle(&self.path, in_force, |path| Ok(keyfile::load(path)?.id()))
    }
}

/// A root key beside a path, in place of one that never came into force.
pub(super) fn draw(path: &Path) -> Result<Prepared, SealError> {
    let next = next_of(path);
    file::remove(&next).map_err(|source| SealError::Io { path: next.clone(), source })?;
    Ok(Prepared::Key(keyfile::create(&next)?))
}

pub(super) fn none_of(shares: &[Share]) -> Result<(), SealError> {
    if shares.is_empty() { Ok(()) } else { Err(SealError::NoShares) }
}
