//! Rows, batches and the seam to the engine that keeps them.
//!
//! The seam is small on purpose: point reads, bounded scans, one atomic commit. It has two engines:
//! [`memory::Memory`], which can lose power and fail on demand, and `rocks::Rocks`, which keeps real data.
//! Nothing here knows a key or a plaintext: values arrive sealed.

mod batch;
mod error;
mod family;
pub mod format;
pub mod memory;
pub mod meta;
mod overlay;
mod precondition;
#[cfg(feature = "rocksdb")]
pub mod rocks;

mod view;

#[cfg(test)]
mod contract;

pub use batch::{Batch, Change};
pub use error::StoreError;
pub use family::Family;
pub use overlay::{Overlay, Weight};
pub use precondition::{Precondition, prefix_digest};
pub use view::{Unread, View};

/// What a look into memory alone found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// The answer is known: the value, or that there is none.
    Hit(Option<Vec<u8>>),
    /// Only the disk can tell: ask again with [`Engine::get`], from a thread that may block.
    Miss,
}

/// A store of ordered rows in families.
///
/// All methods may be called from any thread. After a failed [`commit`](Engine::commit) an engine answers
/// everything with [`StoreError::Stopped`]: nobody can tell what a failed sync has kept, so the process has to
/// end and start again from what the disk holds.
pub trait Engine: Send + Sync {
    /// The value of one row. May read the disk.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The value of one row if memory holds the answer. Never touches the disk.
    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError>;

    /// Up to `limit` rows whose key starts with `prefix`, ascending by key; with `after`, only those whose key is
    /// greater than it. The key of the last row is the next call's `after`. May read the disk.
    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>;

    /// Writes all of the batch or none of it. When this returns `Ok`, the batch is on the disk and synced.
    ///
    /// An error after which [`StoreError::outcome_unknown`] is true may yet have kept the batch.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Creates the families that do not exist yet. Those of [`Family::FIXED`] always exist.
    fn ensure(&self, families: &[Family]) -> Result<(), StoreError>;

    /// Bytes that an unprivileged process may still write where the store lies; `None` if it lies on no disk.
    fn free_bytes(&self) -> Result<Option<u64>, StoreError>;
}
