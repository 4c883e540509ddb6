//! The root key wrapped by a key of a token, which does not let that key out (PKCS#11, OASIS, version 2.40 and later).
//!
//! Each root key has a wrapping key of its own in the token, named by the root key's id: AES-256, made there, sensitive, not extractable. The wrapped
//! root key lies in a file. When another root key is in force, the wrapping key of the one before is destroyed, and whatever copies there are of its file are dead.

mod token;
mod wrapped_file;

use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::key_file::none_of;
use super::{Prepared, Seal, SealError, SealKind, Share, Split, next_of, prepared};
use crate::prf::KEY_BYTES;
use crate::random::{fill, random};
use crate::{KeyId, RootKey, file, wipe_stack};
use token::Desk;
use wrapped_file::WrappedFile;

/// A token, and how one gets in.
#[derive(Clone, Debug)]
pub struct Token {
    /// The library that speaks to it.
    pub module: PathBuf,
    /// Its label.
    pub label: String,
    /// The file that holds the user's PIN, mode 0600.
    pub pin_file: PathBuf,
}

/// A root key that a token unwraps.
pub struct Pkcs11 {
    path: PathBuf,
    token: Token,
}

/// Why a token does not give the root key, and what to do.
#[derive(Debug, Error)]
pub enum TokenError {
    #[error("the PKCS#11 module {0} cannot be loaded: install the token's library, or correct the path ({1})")]
    Module(PathBuf, String),
    #[error("there is no token with the label `{0}`: plug it in, or correct the label (tokens that are there: {1})")]
    Missing(String, String),
    #[error("the token takes no AES-GCM: it cannot be a seal ({0})")]
    Unable(String),
    #[error(
        "the token has no key `{0}`: it is another token, or was initialised anew; plug in the one that made it, or its copy. Without it the root key cannot be unwrapped"
    )]
    NoKey(String),
    #[error(
        "the token does not take the PIN in {0}: it was tried once, and a token locks itself after a few; correct the file first"
    )]
    Pin(PathBuf),
    #[error("the token has locked its PIN: its security officer unlocks it with the token's own tool")]
    Locked,
    #[error("there is no PIN file at {0}: write the token's PIN into it, mode 0600")]
    PinMissing(PathBuf),
    #[error(
        "{path} can be read or changed by others (mode {mode:04o}): run `chmod 600 {path}`, and change the PIN if others were on this machine"
    )]
    PinExposed { path: PathBuf, mode: u32 },
    #[error("{0} is no PIN file: one line of at most 255 bytes, the PIN, is expected")]
    PinMalformed(PathBuf),
    #[error(
        "there is no wrapped root key at {0}: put back the copy that was kept of it (without the token it opens nothing)"
    )]
    WrappedMissing(PathBuf),
    #[error("{0} is damaged, or holds no wrapped root key: put back the copy that was kept of it")]
    WrappedDamaged(PathBuf),
    #[error(
        "{0} is there already and is not overwritten: choose another path, or move the old file away if nothing was ever sealed with it"
    )]
    WrappedExists(PathBuf),
    #[error(
        "what lies in {0} does not unwrap under the token's key: it was altered, or the key in the token is another of the same name"
    )]
    Altered(PathBuf),
    #[error("the token refused: {0}")]
    Refused(String),
}

impl Pkcs11 {
    /// Draws a root key, has the token make a key for it, and writes the wrapped root key to a new file. When this returns, all is kept.
    ///
    /// # Errors
    /// [`SealError::Token`], [`SealError::NoRandomness`], [`SealError::Io`]. A key that the token made for nothing is destroyed again.
    pub fn create(path: impl AsRef<Path>, token: &Token) -> Result<RootKey, SealError> {
        let made = make(path.as_ref(), token);
        wipe_stack();
        made
    }

    /// The seal of a token and a file; both are looked at when the key is asked for.
    pub fn at(path: impl Into<PathBuf>, token: Token) -> Self {
        Self { path: path.into(), token }
    }
}

impl Seal for Pkcs11 {
    fn kind(&self) -> SealKind {
        SealKind::Pkcs11
    }

    fn shares_needed(&self) -> Option<u8> {
        None
    }

    fn admit(&self, _: &Share, _: &[Share]) -> Result<(), SealError> {
        Err(SealError::NoShares)
    }

    fn open(&self, shares: &[Share]) -> Result<RootKey, SealError> {
        none_of(shares)?;
        unwrap(&self.path, &self.token)
    }

    fn prepare(&self, in_force: KeyId, split: Option<Split>) -> Result<Prepared, SealError> {
        if split.is_some() {
            return Err(SealError::NoShares);
        }
        self.settle(in_force)?;
        draw(&self.path, &self.token)
    }

    fn next(&self) -> Result<Box<dyn Seal>, SealError> {
        Ok(Box::new(Self::at(prepared(&self.path)?, self.token.clone())))
    }

    fn settle(&self, in_force: KeyId) -> Result<(), SealError> {
        // The wrapping key first: as long as the old file is there, it says which one has to go.
        let next = WrappedFile::load(&next_of(&self.path));
        if next.is_ok_and(|next| next.id == in_force)
            && let Ok(old) = WrappedFile::load(&self.path)
            && old.id != in_force
        {
            Desk::open(&self.token)?.forget(&old.id)?;
        }
        super::settle(&self.path, in_force, |path| Ok(WrappedFile::load(path)?.id))
    }
}

/// A root key that the token wraps, in a file beside a path, in place of one that never came into force.
pub(super) fn draw(path: &Path, token: &Token) -> Result<Prepared, SealError> {
    let next = next_of(path);
    forget(&next, token)?;
    file::remove(&next).map_err(|source| SealError::Io { path: next.clone(), source })?;
    Ok(Prepared::Key(Pkcs11::create(&next, token)?))
}

/// Destroys the token's key for what a file holds, if it holds anything.
pub(super) fn forget(path: &Path, token: &Token) -> Result<(), SealError> {
    match WrappedFile::load(path) {
        Ok(file) => Ok(Desk::open(token)?.forget(&file.id)?),
        Err(_) => Ok(()),
    }
}

pub(super) fn id_in(path: &Path) -> Result<KeyId, SealError> {
    Ok(WrappedFile::load(path)?.id)
}

/// Not inlined, here and below: the raw key has been in these frames, and [`wipe_stack`] reaches only what lies under its caller's.
#[inline(never)]
fn make(path: &Path, token: &Token) -> Result<RootKey, SealError> {
    let (id, nonce) = (KeyId::random()?, random()?);
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    fill(&mut *raw)?;
    let desk = Desk::open(token)?;
    let key = desk.make_key(&id)?;
    let kept = desk
        .encrypt(key, nonce, &WrappedFile::bound_to(&id), &raw)
        .map_err(SealError::from)
        .and_then(|wrapped| WrappedFile { id, nonce, wrapped }.create(path));
    match kept {
        Ok(()) => Ok(RootKey::from_raw(id, &raw)),
        Err(error) => {
            // What matters is why; a key of the token that nothing was wrapped with is litter.
            let _ = desk.forget(&id);
            Err(error)
        }
    }
}

fn unwrap(path: &Path, token: &Token) -> Result<RootKey, SealError> {
    let file = WrappedFile::load(path)?;
    let desk = Desk::open(token)?;
    let key = desk.key(&file.id)?;
    let raw = desk.decrypt(key, file.nonce, &WrappedFile::bound_to(&file.id), &file.wrapped)?;
    let root = raw.map(|raw| RootKey::from_raw(file.id, &raw)).ok_or_else(|| TokenError::Altered(path.into()));
    wipe_stack();
    Ok(root?)
}
