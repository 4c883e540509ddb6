//! Engines that break their promise or keep it late, for the tests that must notice.
#![allow(clippy::unwrap_used)] // a lock that is poisoned ends the test

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coffer_vault::store::memory::Memory;
use coffer_vault::store::{Batch, Cached, Engine, Family, StoreError};
use tokio::sync::watch;

/// Answers before it commits: each batch reaches the disk only when the next one comes.
pub struct Early {
    shown: Memory,
    disk: Arc<Memory>,
    owed: Mutex<Option<Batch>>,
}

impl Early {
    /// Over what is on the disk, in the categories' families.
    pub fn over(disk: Arc<Memory>, families: &[Family]) -> Early {
        let shown = Memory::new();
        copy(&disk, &shown, families);
        Early { shown, disk, owed: Mutex::new(None) }
    }
}

impl Engine for Early {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shown.get(family, key)
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        self.shown.get_cached(family, key)
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.shown.scan(family, prefix, after, limit)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.shown.commit(batch)?;
        match self.owed.lock().unwrap().replace(batch.clone()) {
            Some(before) => self.disk.commit(&before),
            None => Ok(()),
        }
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.shown.ensure(families)?;
        self.disk.ensure(families)
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

/// Puts all rows of the fixed families and of those named into another store.
pub fn copy(from: &Memory, to: &Memory, families: &[Family]) {
    let mut batch = Batch::new();
    for family in Family::FIXED.iter().chain(families) {
        from.ensure(&[*family]).unwrap();
        for (key, value) in from.scan(*family, b"", None, usize::MAX).unwrap() {
            batch.put(*family, key, value);
        }
    }
    to.ensure(families).unwrap();
    to.commit(&batch).unwrap();
}

/// An engine in which a test stages what rarely happens: commits wait while it is held, and one look may see a row as it was.
pub struct Held {
    disk: Arc<Memory>,
    late: Mutex<Option<(Family, Vec<u8>, Vec<u8>)>>,
    held: watch::Sender<bool>,
    waiting: watch::Sender<bool>,
}

impl Held {
    /// Over this engine, and not held.
    pub fn over(disk: Arc<Memory>) -> Held {
        Held { disk, late: Mutex::default(), held: watch::Sender::new(false), waiting: watch::Sender::new(false) }
    }

    /// The next look at this row sees this value, as one that was taken just before a change.
    pub fn show_once(&self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        *self.late.lock().unwrap() = Some((family, key, value));
    }

    fn late(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        let mut late = self.late.lock().unwrap();
        late.take_if(|(of, at, _)| *of == family && at == key).map(|(_, _, value)| value)
    }

    /// From now on commits wait.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Until a commit waits.
    pub async fn waits(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }

    /// Lets them all go.
    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

impl Engine for Held {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.late(family, key) {
            Some(value) => Ok(Some(value)),
            None => self.disk.get(family, key),
        }
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        match self.late(family, key) {
            Some(value) => Ok(Cached::Hit(Some(value))),
            None => self.disk.get_cached(family, key),
        }
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.disk.scan(family, prefix, after, limit)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        while *self.held.borrow() {
            self.waiting.send_replace(true);
            std::thread::sleep(Duration::from_millis(1));
        }
        self.disk.commit(batch)
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.disk.ensure(families)
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.disk.free_bytes()
    }
}

/// One look at a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// At one row; whether it was there.
    Row(Family, Vec<u8>, bool),
    /// At all rows under a prefix, or a page of them; how many.
    Rows(Family, Vec<u8>, usize),
}

/// What was asked of an engine.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Work {
    /// Single rows looked at.
    pub rows: usize,
    /// Rows that scans gave.
    pub scanned: usize,
    /// Batches committed.
    pub commits: usize,
    /// Changes in them.
    pub changes: usize,
}

/// An engine that notes what is asked of it.
pub struct Counting {
    disk: Arc<Memory>,
    looks: Mutex<Vec<Look>>,
    commits: Mutex<(usize, usize)>,
}

impl Counting {
    /// Over this engine.
    pub fn over(disk: Arc<Memory>) -> Counting {
        Counting { disk, looks: Mutex::default(), commits: Mutex::default() }
    }

    /// The looks since this was asked last.
    pub fn looks(&self) -> Vec<Look> {
        std::mem::take(&mut *self.looks.lock().unwrap())
    }

    /// All that was done since this or [`looks`](Counting::looks) was asked last.
    pub fn work(&self) -> Work {
        let (commits, changes) = std::mem::take(&mut *self.commits.lock().unwrap());
        let count = |work: Work, look: Look| match look {
            Look::Row(..) => Work { rows: work.rows + 1, ..work },
            Look::Rows(_, _, found) => Work { scanned: work.scanned + found, ..work },
        };
        self.looks().into_iter().fold(Work { commits, changes, ..Work::default() }, count)
    }
}

impl Engine for Counting {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.disk.get(family, key)?;
        self.looks.lock().unwrap().push(Look::Row(family, key.to_vec(), found.is_some()));
        Ok(found)
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        self.get(family, key).map(Cached::Hit)
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let found = self.disk.scan(family, prefix, after, limit)?;
        self.looks.lock().unwrap().push(Look::Rows(family, prefix.to_vec(), found.len()));
        Ok(found)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut commits = self.commits.lock().unwrap();
        *commits = (commits.0 + 1, commits.1 + batch.len());
        drop(commits);
        self.disk.commit(batch)
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.disk.ensure(families)
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.disk.free_bytes()
    }
}

/// A disk with as much free space as a test says.
pub struct Narrow {
    disk: Arc<Memory>,
    free: AtomicU64,
}

impl Narrow {
    /// With all the room there can be.
    pub fn over(disk: Arc<Memory>) -> Narrow {
        Narrow { disk, free: AtomicU64::new(u64::MAX) }
    }

    /// Says how many bytes are free from now on.
    pub fn set_free(&self, bytes: u64) {
        self.free.store(bytes, Ordering::SeqCst);
    }
}

impl Engine for Narrow {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.get(family, key)
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        self.disk.get_cached(family, key)
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.disk.scan(family, prefix, after, limit)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.disk.commit(batch)
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.disk.ensure(families)
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.free.load(Ordering::SeqCst)))
    }
}
