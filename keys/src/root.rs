use crate::category::CategoryKey;
use crate::context::{Context, Label};
use crate::generation::GenerationKey;
use crate::id::KeyId;
use crate::locator::LocatorKey;
use crate::log::LogKey;
use crate::place::{KeyKind, Place};
use crate::prf::{KEY_BYTES, Prf};
use crate::wrapped::{self, Wrapped};
use crate::{Altered, NoRandomness, NotRewrapped};

/// Bytes of a check value.
pub(crate) const CHECK_BYTES: usize = 32;

/// The key above all others. It comes from a seal ([`crate::keyfile`]) and is never in the store.
pub struct RootKey {
    id: KeyId,
    prf: Prf,
}

impl RootKey {
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Draws a category key.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_category(&self, place: &Place<'_>) -> Result<(CategoryKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the root key is another.
    pub fn open_category(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<CategoryKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }

    /// Draws a locator key.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_locator(&self, place: &Place<'_>) -> Result<(LocatorKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the root key is another.
    pub fn open_locator(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<LocatorKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }

    /// Draws a signing key for the log.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_log(&self, place: &Place<'_>) -> Result<(LogKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the root key is another.
    pub fn open_log(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<LogKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }

    /// Draws the key of a generation of backups.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_generation(&self, place: &Place<'_>) -> Result<(GenerationKey, Wrapped), NoRandomness> {
        wrapped::make(&self.prf, place)
    }

    /// # Errors
    /// [`Altered`] when the bytes, the place or the root key is another.
    pub fn open_generation(&self, place: &Place<'_>, wrapped: &Wrapped) -> Result<GenerationKey, Altered> {
        wrapped::open(&self.prf, place, wrapped)
    }

    /// Takes a key that lies under this root key and wraps it again under another; only [`Place::wrapped_by`] of its place changes. The key itself never
    /// leaves this crate.
    ///
    /// # Errors
    /// [`NotRewrapped`].
    pub fn rewrap(&self, place: &Place<'_>, wrapped: &Wrapped, next: &RootKey) -> Result<Wrapped, NotRewrapped> {
        let moved = Place { wrapped_by: next.id, ..*place };
        match place.kind {
            KeyKind::Category => wrapped::rewrap::<CategoryKey>((&self.prf, place), wrapped, (&next.prf, &moved)),
            KeyKind::Locator => wrapped::rewrap::<LocatorKey>((&self.prf, place), wrapped, (&next.prf, &moved)),
            KeyKind::Log => wrapped::rewrap::<LogKey>((&self.prf, place), wrapped, (&next.prf, &moved)),
            KeyKind::Generation => wrapped::rewrap::<GenerationKey>((&self.prf, place), wrapped, (&next.prf, &moved)),
            KeyKind::Root | KeyKind::Audit | KeyKind::Subject => Err(Altered.into()),
        }
    }

    /// By which the key is known when it comes out of shares: a name of how it was shared, which nobody can compute without it, and from which it
    /// cannot be computed.
    pub(crate) fn check_value(&self, threshold: u8, shares: u8) -> [u8; CHECK_BYTES] {
        let context = Context::new(Label::Check).part(self.id.as_bytes());
        self.prf.name(&context.number(u64::from(threshold)).number(u64::from(shares)))
    }

    /// From the raw bytes, which the caller wipes.
    pub(crate) fn from_raw(id: KeyId, raw: &[u8; KEY_BYTES]) -> Self {
        Self { id, prf: Prf::new(raw) }
    }
}
