//! What holds the root key while the vault is shut, and gives it when the vault opens.
//!
//! [`KeyFile`] gives it by itself, again and again. [`Shamir`](SealKind::Shamir) gives it to people who hand in enough shares, and
//! [`Pkcs11`](SealKind::Pkcs11) has a token unwrap it. Whoever opens a vault talks to the trait [`Seal`] and does not ask which one it is.

mod change;
mod key_file;
#[cfg(feature = "pkcs11")]
mod pkcs11;
pub(crate) mod shamir;
mod share;
pub(crate) mod share_set;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::keyfile::KeyFileError;
use crate::{KeyId, NoRandomness, RootKey, file};

pub use change::{Change, SealAt};
pub use key_file::KeyFile;
#[cfg(feature = "pkcs11")]
pub use pkcs11::{Pkcs11, Token, TokenError};
pub use shamir::Shamir;
pub use share::{SHARE_CHARS_MAX, SHARES_MAX, Share, ShareError, THRESHOLD_MIN};

/// The kinds of seal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealKind {
    /// A file with the root key, mode 0600.
    KeyFile,
    /// Shares of the root key, of which some number is needed.
    Shamir,
    /// A token that is spoken to by PKCS#11.
    Pkcs11,
}

impl SealKind {
    /// The text form, as in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::Shamir => "shamir",
            Self::Pkcs11 => "pkcs11",
        }
    }
}

/// What holds the root key.
pub trait Seal: Send + Sync {
    /// Of which kind it is.
    fn kind(&self) -> SealKind;

    /// Of which kind the seal is that holds what [`prepare`](Seal::prepare) draws: the same, unless it is a [`Change`].
    fn next_kind(&self) -> SealKind {
        self.kind()
    }

    /// How many shares [`open`](Seal::open) needs. `None`: it gives the root key by itself, again and again.
    fn shares_needed(&self) -> Option<u8>;

    /// Whether a share goes with those that were handed in before. It does not say whether the share is right: nobody can
    /// before enough of them are there.
    ///
    /// # Errors
    /// [`SealError::NoShares`], [`SealError::OtherSet`], [`SealError::Twice`].
    fn admit(&self, share: &Share, before: &[Share]) -> Result<(), SealError>;

    /// The root key. A seal that needs no shares is given none.
    ///
    /// # Errors
    /// Why it is not given; nothing has changed then.
    fn open(&self, shares: &[Share]) -> Result<RootKey, SealError>;

    /// Draws the root key that is to follow the one of this id, which is in force, and keeps it beside that; one that was prepared before and never
    /// came into force is forgotten. One that did, and could not take its place yet, takes it first ([`settle`](Seal::settle)): it is not the one to forget. Nothing lies under it yet: once everything does, [`settle`](Seal::settle) puts it in the present one's place.
    ///
    /// # Errors
    /// [`SealError::NoShares`] for a split where there are no shares; and why it could not be kept. The present root key stands in any case.
    fn prepare(&self, in_force: KeyId, split: Option<Split>) -> Result<Prepared, SealError>;

    /// What holds the root key that was prepared.
    ///
    /// # Errors
    /// [`SealError::NothingPrepared`].
    fn next(&self) -> Result<Box<dyn Seal>, SealError>;

    /// Makes what the seal holds agree with the store, all of whose keys lie under the root key of this id: if that is the one that was prepared, it takes
    /// the place of the one before, which is gone. Called at each start, and after each rotation; what was cut off in between is finished so.
    ///
    /// # Errors
    /// [`SealError::OtherRoot`] where it holds neither; and why the place could not be taken.
    fn settle(&self, in_force: KeyId) -> Result<(), SealError>;
}

/// Into how many shares a root key is split, and how many of them open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Split {
    /// How many are needed.
    pub threshold: u8,
    /// How many there are.
    pub shares: u8,
}

impl Split {
    /// # Errors
    /// [`SealError::Split`] where no set can be of these numbers.
    pub fn check(self) -> Result<(), SealError> {
        let possible = THRESHOLD_MIN <= self.threshold && self.threshold <= self.shares && self.shares <= SHARES_MAX;
        if possible { Ok(()) } else { Err(SealError::Split(self.threshold, self.shares)) }
    }
}

/// A root key that is to follow.
pub enum Prepared {
    /// The seal gives it by itself.
    Key(RootKey),
    /// It is in these shares alone, which whoever asked for them hands out; the key itself is forgotten.
    Shares(Vec<Share>),
}

/// Why a seal does not give the root key, and what to do.
#[derive(Debug, Error)]
pub enum SealError {
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[cfg(feature = "pkcs11")]
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("this vault's seal takes no shares: it opens by itself, so nothing needs to be handed in")]
    NoShares,
    #[error(
        "this is a share of another set ({0}): find the share that was given out for this vault last, older ones no longer count"
    )]
    OtherSet(KeyId),
    #[error("share {0} was handed in already: another officer's share is needed")]
    Twice(u8),
    #[error("{have} of {needed} shares are there: hand in the others")]
    TooFew { have: u8, needed: u8 },
    #[error(
        "these shares together do not give the root key: at least one of them is wrong, and it cannot be told which; start again, each officer from the record that was kept"
    )]
    WrongShares,
    #[error(
        "{0} of {1} shares cannot be: at least {THRESHOLD_MIN} must be needed, at most {SHARES_MAX} can be given out, and no more can be needed than there are"
    )]
    Split(u8, u8),
    #[error("no new root key waits to come into force: ask for new shares first")]
    NothingPrepared,
    #[error(
        "{0} is there already and is not overwritten: declare another place under [next_seal], or move the file away"
    )]
    PlaceTaken(PathBuf),
    #[error(
        "the store lies under the root key {in_force}, and {path} holds another ({held}): put back the file that belongs to this store"
    )]
    OtherRoot { path: PathBuf, held: KeyId, in_force: KeyId },
    #[error(
        "there is no {0}: put back the copy that was kept of it (it holds no secret: who has the shares and not this file can still not open the vault)"
    )]
    SetMissing(PathBuf),
    #[error("{0} is damaged, or is not what is public of a set of shares: put back the copy that was kept of it")]
    SetDamaged(PathBuf),
    #[error(
        "{0} is there already and is not overwritten: choose another path, or move the old file away if nothing was ever sealed with it"
    )]
    SetExists(PathBuf),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Where what is prepared lies beside what is present.
fn next_of(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    next.into()
}

/// Where what was prepared lies, if anything was.
fn prepared(path: &Path) -> Result<PathBuf, SealError> {
    let next = next_of(path);
    if next.exists() { Ok(next) } else { Err(SealError::NothingPrepared) }
}

/// Has the file of the root key that is in force at `path`, whether it lies there or still beside it.
fn settle(path: &Path, in_force: KeyId, id_in: impl Fn(&Path) -> Result<KeyId, SealError>) -> Result<(), SealError> {
    let held = id_in(path);
    if matches!(held, Ok(held) if held == in_force) {
        return Ok(());
    }
    let next = next_of(path);
    if id_in(&next).is_ok_and(|id| id == in_force) {
        return file::replace(&next, path).map_err(|source| SealError::Io { path: path.into(), source });
    }
    Err(SealError::OtherRoot { path: path.into(), held: held?, in_force })
}
