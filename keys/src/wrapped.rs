//! A key under another key.

use zeroize::Zeroizing;

use crate::aead::{self, BODY_START, OVERHEAD_BYTES, SALT_BYTES};
use crate::context::{Context, Label};
use crate::place::{KeyKind, Place};
use crate::prf::{KEY_BYTES, Prf};
use crate::random::{fill, random};
use crate::{Altered, NoRandomness, NotRewrapped};

/// Length of a wrapped key in bytes.
pub const WRAPPED_BYTES: usize = KEY_BYTES + OVERHEAD_BYTES;

/// A wrapped key: salt 16 ‖ commitment 32 ‖ ciphertext 32 ‖ tag 16. Public bytes; they may lie in any store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wrapped([u8; WRAPPED_BYTES]);

impl Wrapped {
    pub const fn from_bytes(bytes: [u8; WRAPPED_BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; WRAPPED_BYTES] {
        &self.0
    }
}

/// A kind of key that lies wrapped in the store.
pub(crate) trait Kept: Sized {
    const KIND: KeyKind;

    /// From the raw bytes, which the caller wipes.
    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self;
}

/// Draws a key and wraps it.
pub(crate) fn make<K: Kept>(wrapping: &Prf, place: &Place<'_>) -> Result<(K, Wrapped), NoRandomness> {
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    fill(&mut *raw)?;
    let wrapped = wrap(wrapping, &random()?, &place.context(Label::Wrap, K::KIND), &raw);
    Ok((K::from_raw(&raw), wrapped))
}

/// Takes a key back.
pub(crate) fn open<K: Kept>(wrapping: &Prf, place: &Place<'_>, wrapped: &Wrapped) -> Result<K, Altered> {
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    aead::open(wrapping, &place.context(Label::Wrap, K::KIND), &wrapped.0, &mut *raw)?;
    Ok(K::from_raw(&raw))
}

/// Takes a key from under one key and puts it under another, under a fresh salt. The raw bytes are wiped and given to nobody.
pub(crate) fn rewrap<K: Kept>(
    (from, at): (&Prf, &Place<'_>),
    wrapped: &Wrapped,
    (to, next): (&Prf, &Place<'_>),
) -> Result<Wrapped, NotRewrapped> {
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    aead::open(from, &at.context(Label::Wrap, K::KIND), &wrapped.0, &mut *raw)?;
    Ok(wrap(to, &random()?, &next.context(Label::Wrap, K::KIND), &raw))
}

/// Wraps under a salt that the caller has drawn.
pub(crate) fn wrap(wrapping: &Prf, salt: &[u8; SALT_BYTES], context: &Context, raw: &[u8; KEY_BYTES]) -> Wrapped {
    let mut bytes = Zeroizing::new([0; WRAPPED_BYTES]);
    bytes[BODY_START..BODY_START + KEY_BYTES].copy_from_slice(raw);
    if aead::seal(wrapping, salt, context, &mut *bytes).is_err() {
        // 32 bytes are never too long for AES-GCM, and there is no other failure. Should there ever be one, what
        // is stored must not be the raw key.
        return Wrapped([0; WRAPPED_BYTES]);
    }
    Wrapped(*bytes)
}
