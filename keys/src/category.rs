use std::hint::black_box;

use crate::audit::AuditKey;
use crate::context::Label;
use crate::id::KeyId;
use crate::place::{KeyKind, Place};
use crate::prf::{KEY_BYTES, Prf};
use crate::subject::SubjectKey;
use crate::wrapped::{self, Kept, Wrapped};
use crate::{Altered, NoRandomness};

/// What the decoy wraps. It protects nothing, so it need not be secret.
const DECOY_KEY: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// The key of one controller and category, in one version. It wraps the keys of people and nothing else.
pub struct CategoryKey {
    prf: Prf,
    decoy: Decoy,
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

    /// Opens a subject key that belongs to nobody, and drops it: for someone of whom there is no key, so that the time
    /// of the answer does not tell. It runs the code of [`Self::open_subject`] to its end, on a context of the same length.
    pub fn open_decoy(&self) {
        let place = self.decoy.place();
        let context = place.context(Label::Decoy, SubjectKey::KIND);
        let opened = wrapped::unwrap(&self.prf, &context, black_box(&self.decoy.wrapped), |raw| {
            SubjectKey::from_raw(raw, &place)
        });
        debug_assert!(opened.is_ok());
        let _ = black_box(opened);
    }
}

impl Kept for CategoryKey {
    const KIND: KeyKind = KeyKind::Category;

    fn from_raw(raw: &[u8; KEY_BYTES], place: &Place<'_>) -> Self {
        let prf = Prf::new(raw);
        let decoy = Decoy::new(&prf, place);
        Self { prf, decoy }
    }
}

/// A wrapped key of nobody, made when the category key comes into memory and never stored.
struct Decoy {
    controller: Box<str>,
    category: Box<str>,
    wrapped_by: KeyId,
    wrapped: Wrapped,
}

impl Decoy {
    /// The salt is constant: the label keeps this use apart, and what is sealed under it is always the same.
    fn new(prf: &Prf, place: &Place<'_>) -> Self {
        let mut decoy = Self {
            controller: place.controller.into(),
            category: place.category.into(),
            wrapped_by: place.id,
            wrapped: Wrapped::from_bytes([0; wrapped::WRAPPED_BYTES]),
        };
        let context = decoy.place().context(Label::Decoy, SubjectKey::KIND);
        decoy.wrapped = wrapped::wrap(prf, &[0; crate::aead::SALT_BYTES], &context, &DECOY_KEY);
        decoy
    }

    fn place(&self) -> Place<'_> {
        Place {
            kind: SubjectKey::KIND,
            controller: &self.controller,
            category: &self.category,
            version: 1,
            id: KeyId::from_bytes([0; crate::id::KEY_ID_BYTES]),
            wrapped_by: self.wrapped_by,
        }
    }
}
