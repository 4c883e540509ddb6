//! An engine in memory that keeps apart what is synced from what is not, and fails when a test tells it to.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Batch, Cached, Change, Engine, Family, StoreError};

/// A store that lasts as long as its value, shared between a vault and the test that pulls its plug.
pub struct Memory {
    state: Mutex<State>,
    synced: bool,
}

/// How a commit goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The commit gives an error and nothing of the batch is kept.
    Failed,
    /// The commit gives an error and yet the whole batch is kept and synced, as a failed sync may.
    FailedButKept,
    /// The commit succeeds, and with its return the power goes: every later call gives an error.
    PowerGone,
}

impl Memory {
    /// An empty store that syncs each commit before it returns.
    pub fn new() -> Self {
        Memory::with_sync(true)
    }

    /// An empty store; with `synced` false its commits return before they are synced. That breaks the promise of
    /// [`Engine::commit`]: it is for the tests which must notice.
    pub fn with_sync(synced: bool) -> Self {
        Memory { state: Mutex::new(State::new()), synced }
    }

    /// Syncs what is not yet, as an operating system does in its own time.
    pub fn sync(&self) {
        self.lock().unsynced.clear();
    }

    /// The power fails and comes back: all that was not synced is gone, and the store works again.
    pub fn lose_power(&self) {
        let mut state = self.lock();
        state.roll_back();
        state.stopped = false;
    }

    /// The process is killed and started again: what was committed is there, synced or not, and the store works.
    pub fn restart(&self) {
        self.lock().stopped = false;
    }

    /// How many commits have been tried since the store was made, failed ones too.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    /// Lets the commit with this number go wrong, counted from 1 since the store was made.
    pub fn fault_at(&self, commit: u64, fault: Fault) {
        self.lock().faults.insert(commit, fault);
    }

    /// Lets the next commit go wrong.
    pub fn fault_next(&self, fault: Fault) {
        let mut state = self.lock();
        let next = state.commits + 1;
        state.faults.insert(next, fault);
    }

    /// A change of one row that no commit made, as a disk or an attacker makes it: synced, unseen. `None` removes it.
    pub fn tamper(&self, family: Family, key: &[u8], value: Option<Vec<u8>>) {
        let mut state = self.lock();
        let change = Change { family, key: key.to_vec(), value };
        state.rows.entry(family).or_default();
        state.apply(&change);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}

impl Engine for Memory {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        Ok(state.family(family)?.get(key).cloned())
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
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let state = self.lock();
        let rows = state.family(family)?.range::<[u8], _>((from, Bound::Unbounded));
        let found = rows.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.check(batch)?;
        state.commits += 1;
        let number = state.commits;
        let fault = state.faults.remove(&number);
        state.stopped = fault.is_some();
        if fault == Some(Fault::Failed) {
            return Err(failed());
        }
        state.keep(batch);
        if self.synced || fault == Some(Fault::FailedButKept) {
            state.unsynced.clear();
        }
        match fault {
            Some(Fault::FailedButKept) => Err(failed()),
            _ => Ok(()),
        }
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.running()?;
        for family in families {
            state.rows.entry(*family).or_default();
        }
        Ok(())
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

fn failed() -> StoreError {
    StoreError::WriteFailed { detail: "a fault was injected".into() }
}

struct State {
    rows: HashMap<Family, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// What each unsynced change replaced, oldest first: undone backwards when the power goes.
    unsynced: Vec<Change>,
    commits: u64,
    faults: HashMap<u64, Fault>,
    stopped: bool,
}

impl State {
    fn new() -> Self {
        State {
            rows: Family::FIXED.into_iter().map(|family| (family, BTreeMap::new())).collect(),
            unsynced: Vec::new(),
            commits: 0,
            faults: HashMap::new(),
            stopped: false,
        }
    }

    fn running(&self) -> Result<(), StoreError> {
        if self.stopped { Err(StoreError::Stopped) } else { Ok(()) }
    }

    fn family(&self, family: Family) -> Result<&BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        self.running()?;
        self.rows.get(&family).ok_or(StoreError::NoFamily { family })
    }

    /// Refuses a batch that names an unknown family before anything of it is written.
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        self.running()?;
        batch.iter().try_for_each(|change| self.family(change.family).map(|_| ()))
    }

    fn keep(&mut self, batch: &Batch) {
        for change in batch.iter() {
            let before = self.apply(change);
            let (family, key) = (change.family, change.key.clone());
            self.unsynced.push(Change { family, key, value: before });
        }
    }

    fn roll_back(&mut self) {
        while let Some(before) = self.unsynced.pop() {
            self.apply(&before);
        }
    }

    /// Makes the change and returns the value that was there.
    fn apply(&mut self, change: &Change) -> Option<Vec<u8>> {
        let rows = self.rows.entry(change.family).or_default();
        match &change.value {
            Some(value) => rows.insert(change.key.clone(), value.clone()),
            None => rows.remove(&change.key),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const META: Family = Family::Meta;

    fn put(key: &str, value: &str) -> Batch {
        let mut batch = Batch::new();
        batch.put(META, key, value);
        batch
    }

    fn value(memory: &Memory, key: &str) -> Option<Vec<u8>> {
        memory.get(META, key.as_bytes()).unwrap()
    }

    #[test]
    fn a_synced_commit_survives_a_loss_of_power() {
        let memory = Memory::new();
        memory.commit(&put("row", "kept")).unwrap();
        memory.lose_power();
        assert_eq!(value(&memory, "row"), Some(b"kept".to_vec()));
    }

    #[test]
    fn an_unsynced_commit_survives_a_kill_and_is_lost_with_the_power() {
        let memory = Memory::with_sync(false);
        memory.commit(&put("row", "old")).unwrap();
        memory.sync();
        memory.commit(&put("row", "new")).unwrap();
        memory.commit(&put("other", "new")).unwrap();
        memory.restart();
        assert_eq!(value(&memory, "row"), Some(b"new".to_vec()));
        memory.lose_power();
        assert_eq!(value(&memory, "row"), Some(b"old".to_vec()));
        assert_eq!(value(&memory, "other"), None);
    }

    #[test]
    fn a_failed_commit_keeps_nothing_and_stops_the_engine() {
        let memory = Memory::new();
        memory.fault_next(Fault::Failed);
        let error = memory.commit(&put("row", "new")).unwrap_err();
        assert!(error.outcome_unknown());
        assert_eq!(memory.get(META, b"row"), Err(StoreError::Stopped));
        assert_eq!(memory.commit(&put("row", "new")), Err(StoreError::Stopped));
        memory.restart();
        assert_eq!(value(&memory, "row"), None);
    }

    #[test]
    fn a_commit_that_failed_but_was_kept_is_there_after_power_loss() {
        let memory = Memory::new();
        memory.fault_at(2, Fault::FailedButKept);
        memory.commit(&put("row", "old")).unwrap();
        memory.commit(&put("row", "new")).unwrap_err();
        memory.lose_power();
        assert_eq!(value(&memory, "row"), Some(b"new".to_vec()));
        assert_eq!(memory.commits(), 2);
    }

    #[test]
    fn the_power_goes_after_the_commit_that_was_told_so() {
        let memory = Memory::new();
        memory.fault_at(2, Fault::PowerGone);
        memory.commit(&put("one", "1")).unwrap();
        memory.commit(&put("two", "2")).unwrap();
        assert_eq!(memory.commit(&put("three", "3")), Err(StoreError::Stopped));
        memory.lose_power();
        assert_eq!(value(&memory, "two"), Some(b"2".to_vec()));
        assert_eq!(value(&memory, "three"), None);
    }
}
