//! The way of a vault from one seal to another, of another kind or at another place (docs/decisions/0035).
//!
//! ```text
//! the destination keeps the next root key beside its place (`.next`), synced; nothing lies under it yet
//! everything comes to lie under it, in one synced batch of the store
//! the destination's root key takes its place: from here on the destination is where the vault's seal is looked for
//! what the seal of before held is destroyed
//! ```
//!
//! Between any two of these the vault opens by one of them, and the store says by which.

use std::path::{Path, PathBuf};

use super::share_set::ShareSet;
use super::{KeyFile, Prepared, Seal, SealError, SealKind, Shamir, Share, Split, next_of};
#[cfg(feature = "pkcs11")]
use super::{Pkcs11, Token};
use crate::{KeyId, RootKey, file};

/// Where a seal is, or is to be.
#[derive(Clone, Debug)]
pub enum SealAt {
    /// A key file.
    KeyFile(PathBuf),
    /// The public file of a set of shares.
    Shamir(PathBuf),
    /// A wrapped root key, and the token that unwraps it.
    #[cfg(feature = "pkcs11")]
    Pkcs11(PathBuf, Token),
}

impl SealAt {
    /// Of which kind it is.
    pub fn kind(&self) -> SealKind {
        match self {
            Self::KeyFile(_) => SealKind::KeyFile,
            Self::Shamir(_) => SealKind::Shamir,
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(..) => SealKind::Pkcs11,
        }
    }

    /// The seal, as it lies there.
    ///
    /// # Errors
    /// Those of [`Shamir::load`]; the others are looked at when the key is asked for.
    pub fn seal(&self) -> Result<Box<dyn Seal>, SealError> {
        self.seal_in(self.path())
    }

    /// Whether something lies in its place.
    pub fn is_there(&self) -> bool {
        self.path().exists()
    }

    fn path(&self) -> &Path {
        match self {
            Self::KeyFile(path) | Self::Shamir(path) => path,
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(path, _) => path,
        }
    }

    fn next(&self) -> PathBuf {
        next_of(self.path())
    }

    fn seal_in(&self, path: &Path) -> Result<Box<dyn Seal>, SealError> {
        Ok(match self {
            Self::KeyFile(_) => Box::new(KeyFile::at(path)),
            Self::Shamir(_) => Box::new(Shamir::load(path)?),
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(_, token) => Box::new(Pkcs11::at(path, token.clone())),
        })
    }

    /// Draws a root key and keeps it beside the place. One that was drawn before and never came into force is forgotten.
    fn draw(&self, split: Option<Split>) -> Result<Prepared, SealError> {
        match (self, split) {
            (Self::Shamir(path), Some(split)) => super::shamir::draw(path, split),
            (Self::Shamir(_), None) => Err(SealError::NothingPrepared),
            (_, Some(_)) => Err(SealError::NoShares),
            (Self::KeyFile(path), None) => super::key_file::draw(path),
            #[cfg(feature = "pkcs11")]
            (Self::Pkcs11(path, token), None) => super::pkcs11::draw(path, token),
        }
    }

    /// The id of the root key that a file of this kind holds.
    fn id_in(&self, path: &Path) -> Result<KeyId, SealError> {
        match self {
            Self::KeyFile(_) => Ok(crate::keyfile::load(path)?.id()),
            Self::Shamir(_) => Ok(ShareSet::load(path)?.set),
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(..) => super::pkcs11::id_in(path),
        }
    }

    fn holds(&self, in_force: KeyId) -> bool {
        let there = |path: &Path| self.id_in(path).is_ok_and(|id| id == in_force);
        there(self.path()) || there(&self.next())
    }

    fn settle(&self, in_force: KeyId) -> Result<(), SealError> {
        match self {
            Self::Shamir(path) => super::settle(path, in_force, |path| self.id_in(path)),
            _ => self.seal()?.settle(in_force),
        }
    }

    /// Destroys what it holds, and what was prepared there: the root key in force is with another seal.
    fn destroy(&self) -> Result<(), SealError> {
        for path in [self.next(), self.path().to_owned()] {
            #[cfg(feature = "pkcs11")]
            if let Self::Pkcs11(_, token) = self {
                super::pkcs11::forget(&path, token)?;
            }
            file::remove(&path).map_err(|source| SealError::Io { path: path.clone(), source })?;
        }
        Ok(())
    }
}

/// From the seal of a vault to another one. Opens by whichever holds the root key; what it prepares is the other one's.
pub struct Change {
    from: SealAt,
    to: SealAt,
    /// The one that holds the root key.
    present: Box<dyn Seal>,
}

impl Change {
    /// The change, however far it has come.
    ///
    /// # Errors
    /// Those of [`SealAt::seal`], of the one that holds the root key.
    pub fn between(from: SealAt, to: SealAt) -> Result<Self, SealError> {
        let present = if to.is_there() { to.seal()? } else { from.seal()? };
        Ok(Self { from, to, present })
    }

    /// Whether neither seal has anything that only the store can say the use of.
    pub fn is_settled(&self) -> bool {
        let waits = self.from.next().exists() || self.to.next().exists();
        !waits && !self.to.is_there()
    }
}

impl Seal for Change {
    fn kind(&self) -> SealKind {
        self.present.kind()
    }

    fn next_kind(&self) -> SealKind {
        self.to.kind()
    }

    fn shares_needed(&self) -> Option<u8> {
        self.present.shares_needed()
    }

    fn admit(&self, share: &Share, before: &[Share]) -> Result<(), SealError> {
        self.present.admit(share, before)
    }

    fn open(&self, shares: &[Share]) -> Result<RootKey, SealError> {
        self.present.open(shares)
    }

    fn prepare(&self, in_force: KeyId, split: Option<Split>) -> Result<Prepared, SealError> {
        // One that came into force and could not take its place yet takes it now: it is not the one to forget.
        self.settle(in_force)?;
        if self.to.is_there() {
            return Err(SealError::PlaceTaken(self.to.path().into()));
        }
        self.to.draw(split)
    }

    fn next(&self) -> Result<Box<dyn Seal>, SealError> {
        self.to.seal_in(&super::prepared(self.to.path())?)
    }

    fn settle(&self, in_force: KeyId) -> Result<(), SealError> {
        if self.to.holds(in_force) {
            // Each root key is drawn for one seal: in both it lies by somebody's hand, and neither may be destroyed for the other.
            if self.from.holds(in_force) {
                return Err(SealError::PlaceTaken(self.to.path().into()));
            }
            self.to.settle(in_force)?;
            // The vault opens by the destination now. A token that is gone, or a medium that cannot be written, must not keep it from that:
            // what still lies there is seen, and tried again at the next start.
            let _ = self.from.destroy();
            return Ok(());
        }
        if self.to.is_there() {
            let path = self.to.path();
            return Err(SealError::OtherRoot { path: path.into(), held: self.to.id_in(path)?, in_force });
        }
        self.from.settle(in_force)
    }
}
