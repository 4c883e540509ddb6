use crate::context::{Context, Label};
use crate::locator::HALF_BYTES;
use crate::place::KeyKind;
use crate::prf::{KEY_BYTES, Prf};
use crate::sealed::{self, Plaintext};
use crate::wrapped::Kept;
use crate::{Altered, Unsealable};

/// The key of one person or member of staff, for life: names them in the log and seals what the log says of them in
/// private. A controller's *unattributed* key is one too; it speaks of whoever has none.
pub struct AuditKey(Prf);

impl AuditKey {
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

    /// The name in the log of the person whose key this is. With the category inside, names of one person in two categories cannot be joined.
    pub fn alias(&self, controller: &str, category: &str, period: &str) -> [u8; HALF_BYTES] {
        self.0.short_name(&alias_context(controller, category, period))
    }

    /// The name in the log of someone who has no key: `self` is then the controller's unattributed key, and the person
    /// stands inside. It never equals an [`Self::alias`].
    pub fn alias_of(&self, controller: &str, category: &str, period: &str, person: &str) -> [u8; HALF_BYTES] {
        self.0.short_name(&alias_context(controller, category, period).text(person))
    }
}

impl Kept for AuditKey {
    const KIND: KeyKind = KeyKind::Audit;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self(Prf::new(raw))
    }
}

fn alias_context(controller: &str, category: &str, period: &str) -> Context {
    Context::new(Label::Alias).text(controller).text(category).text(period)
}
