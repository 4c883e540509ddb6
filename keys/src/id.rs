use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

use crate::NoRandomness;
use crate::random::random;

/// Length of a key id in bytes.
pub const KEY_ID_BYTES: usize = 16;

/// The name of a key: 16 random bytes, public, never reused. Written as 22 characters of base64url.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId([u8; KEY_ID_BYTES]);

/// A text that is not a key id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a key id: 22 characters of base64url without padding are expected")]
pub struct MalformedKeyId;

impl KeyId {
    /// A new name.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn random() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    pub const fn from_bytes(bytes: [u8; KEY_ID_BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = MalformedKeyId;

    fn from_str(text: &str) -> Result<Self, MalformedKeyId> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| MalformedKeyId)?;
        bytes.try_into().map(Self).map_err(|_| MalformedKeyId)
    }
}
