//! The format of a whole store: which program may open it.

use super::{Batch, Engine, Family, StoreError, meta};

/// The format that this program makes and opens. Rises when a store of the one before can no longer be read as it is.
pub const FORMAT: u32 = 3;

/// Why a store is not for this program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was made by a program that knows more than this one.
    #[error(
        "the store has format {0}, and this coffer-vault knows {FORMAT} and none above: start it with the version \
         that made it, or a newer one"
    )]
    Newer(u32),
    /// It was made by a program from before the first release.
    #[error("the store has format {0}, and this coffer-vault knows {FORMAT}: nothing was released that made it")]
    Older(u32),
    /// It says nothing, or nonsense.
    #[error("the store does not say which format it has: it is no whole vault. Bring a whole copy of it back")]
    Unsaid,
}

/// Marks a new store.
pub fn mark(batch: &mut Batch) {
    batch.put(Family::Meta, meta::FORMAT, FORMAT.to_be_bytes());
}

/// Whether this program may open a store.
pub fn check(engine: &dyn Engine) -> Result<(), FormatError> {
    let said = engine.get(Family::Meta, meta::FORMAT)?;
    match said.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(FormatError::Newer(newer)),
        Some(older) if older > 0 => Err(FormatError::Older(older)),
        _ => Err(FormatError::Unsaid),
    }
}
