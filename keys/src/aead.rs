//! The one way in which anything is encrypted here: sealed values, identities, wrapped keys.
//!
//! ```text
//! k ‖ c  = HKDF-Expand-SHA-256(key, salt ‖ SHA-256(context), 64)
//! stored = salt (16) ‖ c (32) ‖ AES-256-GCM(k, nonce 0, AAD = SHA-256(context)) ‖ tag (16)
//! ```
//!
//! The salt is drawn anew for each sealing, so k seals once and a constant nonce is right (NIST SP 800-38D, section 8: what must not recur is the
//! pair of key and nonce). `c` is a collision-resistant function of key, salt and context, so it commits to all three.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, Key, KeyInit, Nonce, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Altered;
use crate::context::Context;
use crate::prf::{EXPANDED_BYTES, Prf};

pub(crate) const SALT_BYTES: usize = 16;
pub(crate) const COMMITMENT_BYTES: usize = 32;
pub(crate) const TAG_BYTES: usize = 16;

/// Where the ciphertext begins.
pub(crate) const BODY_START: usize = SALT_BYTES + COMMITMENT_BYTES;

/// What sealing adds to the padded plaintext.
pub(crate) const OVERHEAD_BYTES: usize = BODY_START + TAG_BYTES;

const NONCE: [u8; 12] = [0; 12];

/// The plaintext is longer than AES-GCM takes under one key, 64 GiB; no caller comes near it.
pub(crate) struct TooLong;

/// Seals in place. The plaintext stands in `buffer` between [`BODY_START`] and the last [`TAG_BYTES`], and is overwritten.
///
/// `salt` must be fresh: the same key, salt and context for two plaintexts would break both.
pub(crate) fn seal(prf: &Prf, salt: &[u8; SALT_BYTES], context: &Context, buffer: &mut [u8]) -> Result<(), TooLong> {
    let binding = context.digest();
    let derived = Derived::new(prf, salt, &binding);
    let (front, rest) = buffer.split_at_mut(BODY_START);
    let (body, tag_space) = rest.split_at_mut(rest.len() - TAG_BYTES);

    let tag = derived
        .cipher()
        .encrypt_inout_detached(&Nonce::from(NONCE), &binding, InOutBuf::from(body))
        .map_err(|_| TooLong)?;
    front[..SALT_BYTES].copy_from_slice(salt);
    front[SALT_BYTES..].copy_from_slice(derived.commitment());
    tag_space.copy_from_slice(&tag);
    Ok(())
}

/// Opens `sealed` into `out`, which must have the length of the ciphertext.
///
/// Nothing is written to `out` unless commitment and tag are both right.
pub(crate) fn open(prf: &Prf, context: &Context, sealed: &[u8], out: &mut [u8]) -> Result<(), Altered> {
    let parts = Parts::of(sealed)?;
    let binding = context.digest();
    let derived = Derived::new(prf, parts.salt, &binding);

    // The commitment first: a ciphertext made to open under two keys is refused before the cipher sees it.
    if !bool::from(derived.commitment().ct_eq(parts.commitment)) || out.len() != parts.body.len() {
        return Err(Altered);
    }
    // aes-gcm 0.11 compares the tag before it decrypts, and decrypts from one buffer to the other. Releases before 0.10.3 left
    // the plaintext in the buffer on a wrong tag (RUSTSEC-2023-0096); a test holds that this does not return.
    let buffers = InOutBuf::new(parts.body, out).map_err(|_| Altered)?;
    derived
        .cipher()
        .decrypt_inout_detached(&Nonce::from(NONCE), &binding, buffers, &Tag::from(*parts.tag))
        .map_err(|_| Altered)
}

/// Length of the ciphertext inside a sealed form.
pub(crate) fn body_len(sealed: &[u8]) -> Result<usize, Altered> {
    sealed.len().checked_sub(OVERHEAD_BYTES).ok_or(Altered)
}

/// The commitment in a sealed form, as the identity of a row binds it.
pub(crate) fn commitment(sealed: &[u8]) -> Result<&[u8; COMMITMENT_BYTES], Altered> {
    Parts::of(sealed).map(|parts| parts.commitment)
}

struct Parts<'a> {
    salt: &'a [u8; SALT_BYTES],
    commitment: &'a [u8; COMMITMENT_BYTES],
    body: &'a [u8],
    tag: &'a [u8; TAG_BYTES],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self, Altered> {
        let (salt, rest) = sealed.split_first_chunk().ok_or(Altered)?;
        let (commitment, rest) = rest.split_first_chunk().ok_or(Altered)?;
        let (body, tag) = rest.split_last_chunk().ok_or(Altered)?;
        Ok(Self { salt, commitment, body, tag })
    }
}

/// k ‖ c of one sealed form.
struct Derived(Zeroizing<[u8; EXPANDED_BYTES]>);

impl Derived {
    fn new(prf: &Prf, salt: &[u8; SALT_BYTES], binding: &[u8; 32]) -> Self {
        Self(prf.expand(&[salt, binding]))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&self.halves()[0]))
    }

    fn commitment(&self) -> &[u8; COMMITMENT_BYTES] {
        &self.halves()[1]
    }

    /// In place: neither half is copied.
    fn halves(&self) -> &[[u8; 32]] {
        self.0.as_chunks().0
    }
}
