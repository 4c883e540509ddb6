use crate::category::CategoryKey;
use crate::id::KeyId;
use crate::locator::LocatorKey;
use crate::log::LogKey;
use crate::place::Place;
use crate::prf::{KEY_BYTES, Prf};
use crate::wrapped::{self, Wrapped};
use crate::{Altered, NoRandomness};

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

    /// From the raw bytes, which the caller wipes.
    pub(crate) fn from_raw(id: KeyId, raw: &[u8; KEY_BYTES]) -> Self {
        Self { id, prf: Prf::new(raw) }
    }
}
