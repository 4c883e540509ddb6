//! How much room the disk has left, without asking it before each batch.

use std::time::{Duration, Instant};

use crate::store::{Engine, StoreError};

/// What was seen is believed this long. The reserve is far larger than what others can fill and the log can
/// write in that time.
const BELIEVED: Duration = Duration::from_millis(20);

/// The free space that was seen last.
#[derive(Default)]
pub(super) struct Space {
    seen: Option<(Instant, Option<u64>)>,
}

impl Space {
    /// Bytes of free space; `None` where the engine has no disk.
    pub(super) fn free_bytes(&mut self, engine: &dyn Engine) -> Result<Option<u64>, StoreError> {
        match self.seen {
            Some((at, free)) if at.elapsed() < BELIEVED => Ok(free),
            _ => {
                let free = engine.free_bytes()?;
                self.seen = Some((Instant::now(), free));
                Ok(free)
            }
        }
    }
}
