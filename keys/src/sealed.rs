//! Values, sealed and open.

use zeroize::Zeroizing;

use crate::aead::{self, BODY_START, OVERHEAD_BYTES, SALT_BYTES, TAG_BYTES};
use crate::context::Context;
use crate::padding::{LENGTH_BYTES, VALUE_BYTES_MAX, padded_len};
use crate::prf::Prf;
use crate::random::random;
use crate::{Altered, Unsealable};

/// An opened value. Overwritten on drop; has no `Debug`, `Clone` or `Eq`.
pub struct Plaintext {
    /// Length, value, zeros, exactly as they came out of the cipher: the value is not copied out of it.
    padded: Zeroizing<Vec<u8>>,
    len: usize,
}

impl Plaintext {
    pub fn as_bytes(&self) -> &[u8] {
        &self.padded[LENGTH_BYTES..LENGTH_BYTES + self.len]
    }

    /// Takes length and padding off, and refuses a padding that [`seal`] would not have written.
    fn from_padded(padded: Zeroizing<Vec<u8>>) -> Result<Self, Altered> {
        let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(Altered)?;
        let len = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Altered)?;
        let padding = rest.get(len..).ok_or(Altered)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Altered);
        }
        Ok(Self { padded, len })
    }
}

/// Seals under a fresh salt.
pub(crate) fn seal(prf: &Prf, context: &Context, plain: &[u8], pad_to: usize) -> Result<Vec<u8>, Unsealable> {
    seal_with_salt(prf, &random()?, context, plain, pad_to)
}

/// The deterministic half of [`seal`]; outside it, only the golden vectors choose a salt.
pub(crate) fn seal_with_salt(
    prf: &Prf,
    salt: &[u8; SALT_BYTES],
    context: &Context,
    plain: &[u8],
    pad_to: usize,
) -> Result<Vec<u8>, Unsealable> {
    let padded = padded_len(plain.len(), pad_to).ok_or(Unsealable::TooLarge)?;
    let length = u32::try_from(plain.len()).map_err(|_| Unsealable::TooLarge)?;

    // One allocation of the final size: a buffer that grew would leave the plaintext behind. It is wiped if sealing fails.
    let mut buffer = Zeroizing::new(vec![0; padded + OVERHEAD_BYTES]);
    let value_start = BODY_START + LENGTH_BYTES;
    buffer[BODY_START..value_start].copy_from_slice(&length.to_be_bytes());
    buffer[value_start..value_start + plain.len()].copy_from_slice(plain);
    aead::seal(prf, salt, context, &mut buffer).map_err(|_| Unsealable::TooLarge)?;
    Ok(std::mem::take(&mut *buffer))
}

pub(crate) fn open(prf: &Prf, context: &Context, sealed: &[u8]) -> Result<Plaintext, Altered> {
    // Bounded before anything is allocated: the largest padded size is below twice the largest value.
    if sealed.len() > 2 * VALUE_BYTES_MAX + BODY_START + TAG_BYTES {
        return Err(Altered);
    }
    let mut padded = Zeroizing::new(vec![0; aead::body_len(sealed)?]);
    aead::open(prf, context, sealed, &mut padded)?;
    Plaintext::from_padded(padded)
}
