use crate::context::Context;
use crate::place::KeyKind;
use crate::prf::{KEY_BYTES, Prf};
use crate::sealed::{self, Plaintext};
use crate::wrapped::Kept;
use crate::{Altered, Unsealable};

/// The key of one person in one controller and category, or of another person in one record. Destroying its wrapped
/// form erases the person there.
pub struct SubjectKey(Prf);

impl SubjectKey {
    /// Seals `plain` for `context`, under a fresh salt. All values of up to `pad_to` bytes get one size; 0 is no floor.
    ///
    /// # Errors
    /// [`Unsealable`]: no randomness, or `plain` or `pad_to` above [`crate::VALUE_BYTES_MAX`].
    pub fn seal(&self, context: &Context, plain: &[u8], pad_to: usize) -> Result<Vec<u8>, Unsealable> {
        sealed::seal(&self.0, context, plain, pad_to)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the context or the key is another.
    pub fn open(&self, context: &Context, sealed: &[u8]) -> Result<Plaintext, Altered> {
        sealed::open(&self.0, context, sealed)
    }

    #[cfg(test)]
    pub(crate) fn prf(&self) -> &Prf {
        &self.0
    }
}

impl Kept for SubjectKey {
    const KIND: KeyKind = KeyKind::Subject;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self(Prf::new(raw))
    }
}
