//! How a request looks at the store: on the spot from memory, or from a thread that may block.

use super::{Cached, Engine, Family, Overlay, StoreError, Weight};

/// Why a look gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Only the disk can tell: the whole preparation is run again on a thread that may block.
    #[error("not in memory")]
    NotCached,
    /// What was looked for lies under a key that opens for nobody until it is moved from there.
    #[error("withheld")]
    Withheld,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store as one request sees it.
pub struct View<'a> {
    engine: &'a dyn Engine,
    blocking: bool,
    pending: Option<&'a Overlay<'a>>,
}

impl<'a> View<'a> {
    /// Answers from memory only; anything else is [`Unread::NotCached`].
    pub fn on_the_spot(engine: &'a dyn Engine) -> Self {
        View { engine, blocking: false, pending: None }
    }

    /// May read the disk: only on a thread that may block.
    pub fn blocking(engine: &'a dyn Engine) -> Self {
        View { engine, blocking: true, pending: None }
    }

    /// The same, with rows of an atomic request laid over it that are not committed yet.
    pub fn with_pending(self, pending: &'a Overlay<'a>) -> Self {
        View { pending: Some(pending), ..self }
    }

    /// Whether rows of others are laid over it that may yet come to nothing.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The same without them: what is committed.
    pub fn committed(&self) -> View<'a> {
        View { pending: None, ..*self }
    }

    /// The value of one row.
    pub fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, Unread> {
        if let Some(changed) = self.pending.and_then(|pending| pending.changed(family, key)) {
            return Ok(changed.cloned());
        }
        if self.blocking {
            return Ok(self.engine.get(family, key)?);
        }
        match self.engine.get_cached(family, key)? {
            Cached::Hit(value) => Ok(value),
            Cached::Miss => Err(Unread::NotCached),
        }
    }

    /// How much stands under a prefix: scanned once, and kept with the rows that are laid over the store.
    pub fn weigh(&self, family: Family, prefix: &[u8]) -> Result<Weight, Unread> {
        match self.pending {
            _ if !self.blocking => Err(Unread::NotCached),
            Some(pending) => Ok(pending.weigh(family, prefix)?),
            None => Ok(Overlay::new(self.engine).weigh(family, prefix)?),
        }
    }

    /// All rows under a prefix, ascending.
    pub fn under(&self, family: Family, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Unread> {
        if !self.blocking {
            return Err(Unread::NotCached);
        }
        let rows = match self.pending {
            Some(pending) => pending.under(family, prefix)?,
            None => Overlay::new(self.engine).under(family, prefix)?,
        };
        Ok(rows)
    }
}
