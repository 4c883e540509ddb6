use thiserror::Error;

/// What was to be opened does not open: another key, another context, or bytes that are not the ones that were sealed.
/// There is no detail on purpose; a detail is an oracle.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("does not open under this key in this place")]
pub struct Altered;

/// The operating system gave no random bytes. Nothing was made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Why something could not be sealed. Nothing was made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Unsealable {
    /// See [`NoRandomness`].
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The value, or the size it was to be padded to, is above [`crate::VALUE_BYTES_MAX`].
    #[error("the value is larger than a sealed value may be")]
    TooLarge,
    /// The head of a row breaks a rule of the row format (see [`crate::row::Head`]), or does not match the fields given with it.
    #[error("the head of the row breaks the row format")]
    MalformedHead,
}

impl From<NoRandomness> for Unsealable {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// Why a key was not put under another. It lies where it lay.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotRewrapped {
    /// See [`Altered`]; also of a key that never lies under a root key.
    #[error(transparent)]
    Altered(#[from] Altered),
    /// See [`NoRandomness`].
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
