//! What the running log shows to those around it: newest checkpoint, policy epoch, age of the head.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use coffer_wire::note::VerifierKey;

use super::figures::Figures;
use super::head::HeadFile;
use super::history::Growing;
use super::line::Line;
use super::mirror::Mirrored;
use super::signers::Signer;
use super::{HEAD_EVERY, Volume};
use crate::store::{Family, StoreError};

/// A head later than this turns the vault unready: something is wrong with its disk.
const HEAD_SLOW: Duration = Duration::from_secs(1);
/// A head later than this ends grants.
const HEAD_LATE: Duration = Duration::from_secs(10);

/// State that sequencer, head thread and requests share.
pub struct Shared {
    /// The policy epoch that the sequencer holds submissions against.
    pub(super) policy: AtomicU32,
    /// Requests that are under way, so that the sequencer knows whether to wait for more.
    pub(super) in_flight: AtomicUsize,
    /// What the log counts of its work.
    pub(super) figures: Figures,
    newest: RwLock<Newest>,
    line: RwLock<Arc<Line>>,
    head: Mutex<Head>,
    mirrored: Mirrored,
    /// Behind the first leaf of the newest act that destroyed keys; 0 where none has.
    erased_to: AtomicU64,
    /// Before which leaf no byte of destroyed keys is left.
    final_to: AtomicU64,
    /// Families whose rows went with destroyed keys since files were last written anew.
    touched: Mutex<BTreeSet<Family>>,
    changed: Condvar,
    failed: AtomicBool,
}

/// The newest checkpoint.
#[derive(Clone)]
pub(super) struct Newest {
    /// As a signed note.
    pub(super) note: Arc<str>,
    /// The key that signed it.
    pub(super) signer: Arc<Signer>,
    pub(super) size: u64,
    /// What of its tree is not in full tiles, for proofs.
    pub(super) growing: Arc<Growing>,
}

#[derive(Default)]
struct Head {
    /// The note to write, and since when there is one that is not written.
    unwritten: Option<Arc<str>>,
    since: Option<Instant>,
    closed: bool,
}

/// One request under way.
pub struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn new(newest: Newest, line: Line, policy: u32) -> Shared {
        Shared {
            policy: AtomicU32::new(policy),
            in_flight: AtomicUsize::new(0),
            figures: Figures::new(),
            newest: RwLock::new(newest),
            line: RwLock::new(Arc::new(line)),
            head: Mutex::default(),
            mirrored: Mirrored::default(),
            erased_to: AtomicU64::new(0),
            final_to: AtomicU64::new(0),
            touched: Mutex::default(),
            changed: Condvar::new(),
            failed: AtomicBool::new(false),
        }
    }

    /// Says that a request is under way until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// The newest checkpoint, as a signed note.
    pub fn newest(&self) -> Arc<str> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner).note)
    }

    /// The notes that lead to the present log and key.
    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_line(&self, line: Line) {
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(line);
    }

    /// The log's public key, under its origin.
    pub fn verifier_key(&self) -> VerifierKey {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).signer.vkey.clone()
    }

    /// Who has the key that counts.
    pub(super) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner).signer)
    }

    /// Leaves under the newest checkpoint.
    pub fn size(&self) -> u64 {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).size
    }

    /// Which log of its line is open.
    pub fn volume(&self) -> Volume {
        self.line().volume()
    }

    /// The position of the leaf that comes next.
    pub fn position(&self) -> u64 {
        self.volume().position(self.size())
    }

    /// The newest checkpoint and its size, of one moment.
    pub fn newest_with_size(&self) -> (Arc<str>, u64) {
        let newest = self.newest_whole();
        (newest.note, newest.size)
    }

    /// The same with what proofs need.
    pub(super) fn newest_whole(&self) -> Newest {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many submissions were told to start again since the log was started, because what they
    /// relied on had changed before their turn.
    pub fn restarts(&self) -> u64 {
        self.figures.restarts.get()
    }

    /// What the log counts of its work.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether a write failed. The process ends then.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// How long the head has been behind the log; zero when it is not.
    pub fn head_age(&self) -> Duration {
        self.lock_head().since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether the head is later than it is on a disk that works.
    pub fn head_is_slow(&self) -> bool {
        self.head_age() > HEAD_SLOW
    }

    /// Whether keys were destroyed that the erasure ledger does not have, though it should.
    pub fn erasures_are_behind(&self) -> bool {
        self.mirrored.is_behind()
    }

    /// Behind the first leaf of the newest act that destroyed keys; 0 where none has.
    pub fn erased_to(&self) -> u64 {
        self.erased_to.load(Ordering::SeqCst)
    }

    /// Before which leaf no byte of destroyed keys is left in the store's files.
    pub fn final_to(&self) -> u64 {
        self.final_to.load(Ordering::SeqCst)
    }

    /// Says so. The families are touched no more, unless keys were destroyed since.
    pub fn ended(&self, before: u64) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        self.final_to.fetch_max(before, Ordering::SeqCst);
        if self.erased_to() <= before {
            touched.clear();
        }
    }

    /// Families of which rows went with destroyed keys.
    pub fn touched(&self) -> Vec<Family> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Adds such families.
    pub fn touch(&self, families: impl IntoIterator<Item = Family>) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).extend(families);
    }

    pub(super) fn erased(&self, at: u64) {
        self.erased_to.fetch_max(at + 1, Ordering::SeqCst);
    }

    pub(super) fn mirrored(&self) -> &Mirrored {
        &self.mirrored
    }

    pub(super) fn head_is_too_late(&self) -> bool {
        self.head_age() > HEAD_LATE
    }

    pub(super) fn publish(&self, newest: Newest) {
        let note = Arc::clone(&newest.note);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = newest;
        self.head_is_behind(note);
    }

    pub(super) fn head_is_behind(&self, note: Arc<str>) {
        let mut head = self.lock_head();
        head.unwritten = Some(note);
        head.since.get_or_insert_with(Instant::now);
        drop(head);
        self.changed.notify_one();
    }

    pub(super) fn fail(&self, error: &StoreError) {
        tracing::error!(%error, "the log cannot be written; nothing more is taken");
        self.failed.store(true, Ordering::SeqCst);
    }

    pub(super) fn close_head(&self) {
        self.lock_head().closed = true;
        self.changed.notify_one();
    }

    /// The head thread: writes the newest note, at most every [`HEAD_EVERY`], until closed.
    pub(super) fn keep_head(&self, mut file: HeadFile) {
        loop {
            let (note, closed) = self.next_head();
            let Some(note) = note else { return };
            match file.write(&note) {
                Ok(()) => self.head_written(),
                Err(error) => {
                    tracing::error!(%error, "the head cannot be written");
                    self.lock_head().unwritten.get_or_insert(note);
                    if closed {
                        return;
                    }
                }
            }
            if !closed {
                std::thread::sleep(HEAD_EVERY);
            }
        }
    }

    fn next_head(&self) -> (Option<Arc<str>>, bool) {
        let mut head = self.lock_head();
        while head.unwritten.is_none() && !head.closed {
            head = self.changed.wait(head).unwrap_or_else(PoisonError::into_inner);
        }
        (head.unwritten.take(), head.closed)
    }

    fn head_written(&self) {
        let mut head = self.lock_head();
        head.since = head.unwritten.as_ref().map(|_| Instant::now());
    }

    fn lock_head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
