use crate::audit::AuditKey;
use crate::place::{KeyKind, Place};
use crate::prf::{KEY_BYTES, Prf};
use crate::subject::SubjectKey;
use crate::wrapped::{self, Kept, Wrapped};
use crate::{Altered, NoRandomness, NotRewrapped};

/// The key of one controller and category, in one version. It wraps the keys of people and nothing else.
pub struct CategoryKey {
    prf: Prf,
}

impl CategoryKey {
    /// Draws a subject key.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_subject(&self, place: &Place<'_>) -> Result<(SubjectKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the category key is another.
    pub fn open_subject(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<SubjectKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }

    /// Takes a subject key from under this key and puts it under the next version of it. Nobody is given the key between.
    ///
    /// # Errors
    /// [`NotRewrapped`]: it does not open here, or the operating system gave no randomness.
    pub fn rewrap_subject(
        &self,
        from: &Place<'_>,
        wrapped: &Wrapped,
        next: &CategoryKey,
        to: &Place<'_>,
    ) -> Result<Wrapped, NotRewrapped> {
        wrapped::rewrap::<SubjectKey>((&self.prf, from), wrapped, (&next.prf, to))
    }

    /// The same with an audit key.
    ///
    /// # Errors
    /// [`NotRewrapped`]: it does not open here, or the operating system gave no randomness.
    pub fn rewrap_audit(
        &self,
        from: &Place<'_>,
        wrapped: &Wrapped,
        next: &CategoryKey,
        to: &Place<'_>,
    ) -> Result<Wrapped, NotRewrapped> {
        wrapped::rewrap::<AuditKey>((&self.prf, from), wrapped, (&next.prf, to))
    }

    /// Draws an audit key; `self` is then the category key of a controller's reserved category for audit.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_audit(&self, place: &Place<'_>) -> Result<(AuditKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the category key is another.
    pub fn open_audit(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<AuditKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }
}

impl Kept for CategoryKey {
    const KIND: KeyKind = KeyKind::Category;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self { prf: Prf::new(raw) }
    }
}
