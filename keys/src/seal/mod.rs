//! What holds the root key while the vault is shut, and gives it when the vault opens.
//!
//! [`KeyFile`] gives it by itself, again and again. [`Shamir`](SealKind::Shamir) gives it to people who hand in enough shares, and
//! [`Pkcs11`](SealKind::Pkcs11) has a token unwrap it. Whoever opens a vault talks to the trait [`Seal`] and does not ask which one it is.

mod key_file;
mod share;

use thiserror::Error;

use crate::RootKey;
use crate::keyfile::KeyFileError;

pub use key_file::KeyFile;
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
}

/// Why a seal does not give the root key, and what to do.
#[derive(Debug, Error)]
pub enum SealError {
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("this vault's seal takes no shares: it opens by itself, so nothing needs to be handed in")]
    NoShares,
    #[error(
        "this is a share of another set ({0}): find the share that was given out for this vault last, older ones no longer count"
    )]
    OtherSet(crate::KeyId),
    #[error("share {0} was handed in already: another officer's share is needed")]
    Twice(u8),
    #[error("{have} of {needed} shares are there: hand in the others")]
    TooFew { have: u8, needed: u8 },
    #[error(
        "these shares together do not give the root key: at least one of them is wrong, and it cannot be told which; start again, each officer from the record that was kept"
    )]
    WrongShares,
}
