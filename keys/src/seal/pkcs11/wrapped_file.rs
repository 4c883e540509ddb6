//! The file beside the token: one line, `coffer-root-wrapped-1 <root key id> <nonce> <wrapped key> <checksum>`.

use std::io::ErrorKind;
use std::path::Path;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

use super::{SealError, TokenError};
use crate::prf::KEY_BYTES;
use crate::{KeyId, file};

const FORMAT: &str = "coffer-root-wrapped-1";
const CHECKSUM_CHARS: usize = 16;
const MODE: u32 = 0o600;
const FILE_BYTES_MAX: u64 = 256;

pub(super) const NONCE_BYTES: usize = 12;
/// Ciphertext and tag of AES-256-GCM.
pub(super) const WRAPPED_BYTES: usize = KEY_BYTES + 16;

/// A root key under a key of a token.
pub(super) struct WrappedFile {
    pub(super) id: KeyId,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) wrapped: [u8; WRAPPED_BYTES],
}

impl WrappedFile {
    /// What is authenticated with it. Never empty: there are tokens that an empty text brings down.
    pub(super) fn bound_to(id: &KeyId) -> Vec<u8> {
        format!("{FORMAT} {id}").into_bytes()
    }

    pub(super) fn create(&self, path: &Path) -> Result<(), SealError> {
        file::create(path, self.line().as_bytes(), MODE).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => TokenError::WrappedExists(path.into()).into(),
            _ => SealError::Io { path: path.into(), source },
        })
    }

    pub(super) fn load(path: &Path) -> Result<Self, SealError> {
        let text = file::read_line(path, FILE_BYTES_MAX).map_err(|source| match source.kind() {
            ErrorKind::NotFound => TokenError::WrappedMissing(path.into()).into(),
            ErrorKind::InvalidData => TokenError::WrappedDamaged(path.into()).into(),
            _ => SealError::Io { path: path.into(), source },
        })?;
        Self::parse(&text).ok_or_else(|| TokenError::WrappedDamaged(path.into()).into())
    }

    fn line(&self) -> String {
        let [nonce, wrapped] = [&self.nonce[..], &self.wrapped].map(|bytes| BASE64URL_NOPAD.encode(bytes));
        let text = format!("{FORMAT} {} {nonce} {wrapped}", self.id);
        format!("{text} {}\n", checksum(&text))
    }

    fn parse(line: &str) -> Option<Self> {
        let (text, sum) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        let mut parts = text.strip_prefix(FORMAT)?.strip_prefix(' ')?.split(' ');
        let id = parts.next()?.parse().ok()?;
        let mut bytes = || BASE64URL_NOPAD.decode(parts.next()?.as_bytes()).ok();
        let (nonce, wrapped) = (bytes()?.try_into().ok()?, bytes()?.try_into().ok()?);
        (parts.next().is_none() && checksum(text) == sum).then_some(Self { id, nonce, wrapped })
    }
}

/// Against slips of the hand and of the disk; against anybody else stands the tag.
fn checksum(text: &str) -> String {
    let mut hex = HEXLOWER.encode(&Sha256::digest(text));
    hex.truncate(CHECKSUM_CHARS);
    hex
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_the_format_says() {
        let file = WrappedFile { id: KeyId::from_bytes([0xBB; 16]), nonce: [1; 12], wrapped: [2; 48] };
        let line = file.line();
        let wrapped = "AgIC".repeat(16);
        assert_eq!(
            line,
            format!(
                "coffer-root-wrapped-1 u7u7u7u7u7u7u7u7u7u7uw AQEBAQEBAQEBAQEB {wrapped} {}\n",
                &line[line.len() - 17..line.len() - 1]
            )
        );
        let back = WrappedFile::parse(&line).unwrap();
        assert_eq!((back.id, back.nonce, back.wrapped), (file.id, file.nonce, file.wrapped));
    }

    #[test]
    fn a_character_that_changed_is_noticed() {
        let line = WrappedFile { id: KeyId::from_bytes([0xBB; 16]), nonce: [1; 12], wrapped: [2; 48] }.line();
        for place in 0..line.len() {
            let mut damaged = line.clone().into_bytes();
            damaged[place] ^= 1;
            assert!(WrappedFile::parse(std::str::from_utf8(&damaged).unwrap()).is_none(), "{place}");
        }
    }
}
