//! A key in memory: HMAC-SHA-256 with the key already in it, on the heap, wiped on drop.
//!
//! HMAC (RFC 2104) with a fixed key begins by hashing that key; the two hash states that follow are all a PRF needs, so
//! they are kept instead of the key. They are worth as much as the key, and the block buffer that hmac keeps beside them is
//! not initialised, so the padded key may stand in it, from the stack where it was built. All of it is wiped on drop.
//!
//! From them come HKDF-Expand (RFC 5869, section 2.3; our keys are uniformly random, so Extract is left out, as section 3.3
//! allows) and keyed names.
//!
//! The two never meet. HKDF-Expand ends each input of HMAC with a counter byte from 1 up, a name ends it with 0.

use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::context::Context;

pub(crate) const KEY_BYTES: usize = 32;
const HASH_BYTES: usize = 32;

/// Ends the input of a keyed name. The counter of HKDF-Expand never takes this value.
const NAME_END: u8 = 0;

/// What an Expand here returns: a cipher key and a commitment.
pub(crate) const EXPANDED_BYTES: usize = 64;

/// A keyed PRF. The members of `Hmac<Sha256>` wipe themselves on drop; `memory.rs` asserts it.
pub(crate) struct Prf(Box<Hmac<Sha256>>);

impl Prf {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Box::new(keyed(key)))
    }

    /// The first 64 bytes of HKDF-Expand, with `info` given in pieces that are read one after the other.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; EXPANDED_BYTES]> {
        let mut out = Zeroizing::new([0; EXPANDED_BYTES]);
        self.expand_into(info, &mut *out);
        out
    }

    /// A name of 32 bytes for a context, which nobody can compute without the key.
    pub(crate) fn name(&self, context: &Context) -> [u8; HASH_BYTES] {
        self.mac(&[context.as_bytes(), &[NAME_END]])
    }

    /// The first half of [`Self::name`].
    pub(crate) fn short_name(&self, context: &Context) -> [u8; HASH_BYTES / 2] {
        let whole = self.name(context);
        let mut half = [0; HASH_BYTES / 2];
        half.copy_from_slice(&whole[..HASH_BYTES / 2]);
        half
    }

    /// HKDF-Expand to any length up to 255 blocks; the counter is one byte.
    pub(crate) fn expand_into(&self, info: &[&[u8]], out: &mut [u8]) {
        debug_assert!(out.len() <= 255 * HASH_BYTES);
        let mut block = Zeroizing::new([0; HASH_BYTES]);
        for (index, chunk) in out.chunks_mut(HASH_BYTES).enumerate() {
            let mut mac = Hmac::clone(&self.0);
            if index > 0 {
                mac.update(&*block);
            }
            for piece in info {
                mac.update(piece);
            }
            mac.update(&[index as u8 + 1]);
            mac.finalize_into((&mut *block).into());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    /// HMAC-SHA-256 of the pieces, read one after the other.
    pub(crate) fn mac(&self, pieces: &[&[u8]]) -> [u8; HASH_BYTES] {
        let mut mac = Hmac::clone(&self.0);
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }

    /// HMAC takes keys of every length; ours are of one. For published vectors.
    #[cfg(test)]
    pub(crate) fn of_any_length(key: &[u8]) -> Self {
        Self(Box::new(keyed(key)))
    }
}

/// `new_from_slice` has an error only for MACs that bound the length of a key; HMAC does not.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
