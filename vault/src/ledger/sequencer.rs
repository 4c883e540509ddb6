//! The single writer: numbers what waits, and commits rows, leaves, tree and one signed checkpoint
//! in one synced batch.
//!
//! Order in the log is order of effect. What was decided under another policy epoch, names a key
//! destroyed since, or relies on rows that have changed since, starts again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coffer_keys::KeyId;
use coffer_wire::note::Checkpoint;
use coffer_wire::tree::leaf_hash;
use coffer_wire::{Hash, Name, leaf};

use super::ended::Final;
use super::erasures::Erased;
use super::figures::Figures;
use super::history::{Growth, leaf_key};
use super::last::{Last, number_key};
use super::line::Line;
use super::mirror::{self, Order, Orders, Waiting};
use super::patience::Patience;
use super::queue::{Job, Queue, Results};
use super::shared::Newest;
use super::signers::{NewKey, Signers};
use super::space::Space;
use super::{Entry, Recorded, Rejected, Shared, Submission};
use crate::clock::{Clock, Forward};
use crate::keyring::record::{FormerRow, SubjectRow};
use crate::store::{Batch, Engine, Family, Overlay, StoreError, meta};

/// How long destroyed ids are remembered; who looked longer ago than this starts again.
const MEMORY: Duration = Duration::from_secs(60);
/// Of the reserve of free space, one part in so many is left to nobody. What is above it is kept for what is urgent.
const LEFT_TO_NOBODY: u64 = 4;
/// How long the sequencer waits for those who are about to come, so that one sync serves them all.
const WINDOW: Duration = Duration::from_micros(450);

pub(super) struct Sequencer {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) clock: Arc<Forward>,
    pub(super) shared: Arc<Shared>,
    pub(super) signers: Signers,
    pub(super) growth: Growth,
    pub(super) numbers: HashMap<Name, Last>,
    /// Controllers whose number has risen since the last commit.
    pub(super) numbered: BTreeSet<Name>,
    pub(super) reserve_bytes: u64,
    pub(super) patience: Patience,
    pub(super) space: Space,
    pub(super) graveyard: Graveyard,
    /// Ids in whose place others came. Whoever ends the others ends these too, and is not late for that.
    pub(super) replaced: Graveyard,
    /// The notes once the batch stands, where it adds one.
    pub(super) handed_over: Option<Line>,
    /// The leaf of the newest act in the batch by which keys end that leave no tombstone.
    pub(super) ended: Option<u64>,
    /// To whoever keeps the erasure ledger; nobody does while a new log is made.
    pub(super) orders: Option<Orders>,
}

type Reply = tokio::sync::oneshot::Sender<Results>;

/// Leaves of one submission that have their index and wait for the commit.
struct Numbered {
    leaves: Vec<(Entry, u64, Vec<u8>, Hash)>,
    /// Whether rows go with them.
    writes: bool,
    /// Whether its answer tells that something is erased.
    tells_of_erasure: bool,
}

/// Free space on the store's disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Above the reserve.
    Ample,
    /// Below it: what is left is for what is urgent.
    Scarce,
}

impl Sequencer {
    /// Serves the queue until it is closed and empty, or a commit fails.
    pub(super) fn run(mut self, queue: &Queue) {
        loop {
            let Some(jobs) = queue.take(self.patience.worth_waiting_for(), WINDOW) else { return };
            if let Err(error) = self.serve(jobs) {
                queue.close();
                // Whoever still waits is told that nothing was kept: it was never taken.
                while let Some(jobs) = queue.take(0, Duration::ZERO) {
                    jobs.into_iter().for_each(|job| refuse(job, &Rejected::Unwritable));
                }
                self.shared.fail(&error);
                return;
            }
        }
    }

    /// One batch. Also the first one of a new log, on the thread that makes it.
    pub(super) fn serve(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let room = match self.room() {
            Ok(Ok(room)) => room,
            Ok(Err(refusal)) => {
                jobs.into_iter().for_each(|job| refuse(job, &refusal));
                return Ok(());
            }
            Err(error) => {
                jobs.into_iter().for_each(|job| refuse(job, &Rejected::Unwritable));
                return Err(error);
            }
        };
        self.graveyard.forget(Instant::now());
        self.replaced.forget(Instant::now());
        let engine = Arc::clone(&self.engine);
        let mut overlay = Overlay::new(&*engine);
        let mut batch = Batch::new();
        let mut numbered: Result<(), StoreError> = Ok(());
        let mut replies = Vec::with_capacity(jobs.len());
        let mut erased = Vec::new();
        for job in jobs {
            let number = |submission: Submission| {
                if room == Room::Scarce && !submission.is_urgent {
                    return Err(Rejected::NoSpace);
                }
                let number =
                    numbered.clone().and_then(|()| self.number(submission, &mut overlay, &mut batch, &mut erased));
                number.unwrap_or_else(|error| {
                    numbered = Err(error);
                    Err(Rejected::Unwritable)
                })
            };
            replies.push((job.reply, job.submissions.into_iter().map(number).collect::<Vec<_>>()));
        }
        let (before, started) = (self.shared.size(), Instant::now());
        match numbered.and_then(|()| self.commit(batch)) {
            Ok(note) => {
                self.shared.figures.committed(self.growth.size() - before, started.elapsed());
                self.patience.seen(self.shared.in_flight.load(Ordering::Relaxed));
                self.answer(replies, &note, erased);
                Ok(())
            }
            Err(error) => {
                for (reply, results) in replies {
                    let _ = reply.send(results.into_iter().map(|r| Err(failed(r, &error))).collect());
                }
                Err(error)
            }
        }
    }

    /// Each gets its results; who is told that something is erased, once the erasure ledger names it.
    fn answer(&mut self, replies: Vec<(Reply, Vec<Result<Numbered, Rejected>>)>, note: &Arc<str>, erased: Vec<Erased>) {
        if let Some(newest) = erased.last().map(|erased| erased.at).max(self.ended.take()) {
            self.shared.erased(newest);
        }
        let mut waiting = Vec::new();
        for (reply, results) in replies {
            let tells: Vec<bool> = results.iter().map(|r| r.as_ref().is_ok_and(|n| n.tells_of_erasure)).collect();
            let results = mint(results, note, &self.shared.figures);
            if self.orders.is_some() && tells.contains(&true) {
                waiting.push(Waiting { reply, results, tells });
            } else {
                // Whoever no longer waits has its leaf all the same.
                let _ = reply.send(results);
            }
        }
        if let Some(orders) = self.orders.as_ref().filter(|_| !(waiting.is_empty() && erased.is_empty())) {
            mirror::order(orders, Order { erased, complete: self.growth.position(), waiting });
        }
    }

    /// How much room there is, or why nothing at all is taken.
    fn room(&mut self) -> Result<Result<Room, Rejected>, StoreError> {
        if self.shared.head_is_too_late() {
            return Ok(Err(Rejected::HeadLate));
        }
        let free = self.space.free_bytes(&*self.engine)?.unwrap_or(u64::MAX);
        Ok(match () {
            () if free >= self.reserve_bytes => Ok(Room::Ample),
            () if free >= self.reserve_bytes / LEFT_TO_NOBODY => Ok(Room::Scarce),
            () => Err(Rejected::NoSpace),
        })
    }

    /// Checks what a submission relies on; then its leaves have their place and its rows stand in the batch.
    fn number(
        &mut self,
        submission: Submission,
        overlay: &mut Overlay<'_>,
        batch: &mut Batch,
        erased: &mut Vec<Erased>,
    ) -> Result<Result<Numbered, Rejected>, StoreError> {
        if let Some(rejected) = self.outdated(&submission) {
            return Ok(Err(rejected));
        }
        for need in &submission.needs {
            if !overlay.holds(need)? {
                return Ok(Err(self.again()));
            }
        }
        let mut rows = submission.batch;
        for id in &submission.destroys {
            let at = self.growth.position();
            rows.put(Family::Keys, SubjectRow::key(id), SubjectRow::Destroyed { at }.encode());
            rows.delete(Family::Keys, FormerRow::key(id));
            erased.push(Erased { id: *id, at });
        }
        let ends_untold = submission.ends.is_some();
        let ends_persons = submission.ends.as_ref().is_some_and(|under| !under.is_empty());
        if let Some(under) = submission.ends {
            let at = self.growth.position();
            rows.put(Family::Meta, meta::KEYS_ENDED, at.to_be_bytes());
            erased.extend(under.into_iter().map(|id| Erased { id, at }));
        }
        for told in &submission.remembers {
            rows.put(Family::Meta, told.key.clone(), told.value(self.growth.position()));
        }
        for (offset, job) in &submission.opens {
            let key = [meta::JOB_PREFIX, &(self.growth.position() + offset).to_be_bytes()].concat();
            rows.put(Family::Meta, key, job.clone());
        }
        if let Some(before) = submission.ends_before {
            rows.put(Family::Meta, meta::ERASED_FINAL, Final { leaf: self.growth.position(), before }.encode());
        }
        if ends_untold {
            self.ended = Some(self.growth.position());
            self.shared.touch([Family::Keys]);
        }
        if ends_untold || !submission.destroys.is_empty() {
            let rows = rows.iter().map(|change| change.family);
            self.shared.touch(rows.filter(|family| matches!(family, Family::Keys | Family::Rows(_))));
        }
        self.graveyard.bury(&submission.destroys, Instant::now());
        self.graveyard.bury(&submission.buries, Instant::now());
        self.replaced.bury(&submission.replaces, Instant::now());
        let writes = !rows.is_empty();
        let tells_of_erasure = submission.tells_again || ends_persons || !submission.destroys.is_empty();
        if writes {
            overlay.apply(&rows)?;
            batch.extend(rows);
        }
        if let Some(epoch) = submission.activates {
            self.shared.policy.store(epoch, Ordering::SeqCst);
        }
        if let Some(new) = submission.rekeys {
            self.change_key(new, batch);
        }
        let leaves = submission.entries.into_iter().map(|entry| self.place(entry, batch)).collect();
        Ok(Ok(Numbered { leaves, writes, tells_of_erasure }))
    }

    fn outdated(&self, submission: &Submission) -> Option<Rejected> {
        let policy = self.shared.policy.load(Ordering::SeqCst);
        let skips = submission.activates.is_some_and(|epoch| epoch != policy + 1);
        let gone = submission.keys.iter().chain(&submission.destroys).any(|id| self.graveyard.holds(id))
            || submission.keys.iter().any(|id| self.replaced.holds(id));
        // What holds under every policy has looked at nothing that could be too long ago.
        if submission.policy.is_some() && submission.born.elapsed() >= MEMORY {
            return Some(Rejected::TooOld);
        }
        (submission.policy.is_some_and(|under| under != policy) || skips || gone).then(|| self.again())
    }

    fn again(&self) -> Rejected {
        self.shared.figures.restarts.inc();
        Rejected::Again
    }

    /// Writes the leaf's head, hashes it, and puts leaf, private part and full tiles.
    fn place(&mut self, mut entry: Entry, batch: &mut Batch) -> (Entry, u64, Vec<u8>, Hash) {
        let (index, position) = (self.growth.size(), self.growth.position());
        let last = self.numbers.entry(entry.controller).or_default();
        *last = Last { number: last.number + 1, leaf: index };
        let mut bytes = Vec::with_capacity(leaf::LEAF_BYTES_MAX);
        // Never before the leaf before: the clock does not go back.
        leaf::encode_head(&mut bytes, self.clock.now_ms(), &entry.controller, last.number);
        bytes.extend_from_slice(&entry.tail);
        let hash = leaf_hash(&bytes);
        batch.put(Family::Leaves, leaf_key(position), bytes.clone());
        batch.put(Family::Private, leaf_key(position), std::mem::take(&mut entry.private));
        self.numbered.insert(entry.controller);
        self.growth.push(hash, batch);
        (entry, index, bytes, hash)
    }

    /// The present key signs for the one that takes its place; both sign this batch.
    fn change_key(&mut self, new: NewKey, batch: &mut Batch) {
        let mut line = self.handed_over.take().unwrap_or_else(|| (*self.shared.line()).clone());
        let (place, size) = (line.len(), self.growth.size());
        // The origin is the one under which the present key signs already, and the note one that was just written.
        let Ok(note) = self.signers.change(new, size) else { return };
        batch.put(Family::Meta, Line::key(place), note.as_bytes());
        if line.push(note).is_ok() {
            self.handed_over = Some(line);
        }
    }

    /// The order of persistence: the batch with its checkpoint is synced first, and only then is
    /// anything minted; the head outside follows on its own thread. A crash before the sync leaves
    /// nothing; one after it leaves leaves of accesses that were never released: the safe side.
    fn commit(&mut self, mut batch: Batch) -> Result<Arc<str>, StoreError> {
        if batch.is_empty() {
            return Ok(self.shared.newest());
        }
        for controller in std::mem::take(&mut self.numbered) {
            let last = self.numbers.get(&controller).copied().unwrap_or_default();
            batch.put(Family::Meta, number_key(&controller), last.encode());
        }
        let checkpoint = Checkpoint {
            origin: self.signers.vkey().name().to_owned(),
            size: self.growth.size(),
            root: self.growth.root(),
        };
        let note: Arc<str> = self.signers.note(&checkpoint, self.clock.now_ms()).into();
        batch.put(Family::Meta, meta::CHECKPOINT, note.as_bytes());
        self.engine.commit(&batch)?;
        let growing = Arc::new(self.growth.growing());
        let signer = self.signers.present();
        self.shared.publish(Newest { note: Arc::clone(&note), signer, size: checkpoint.size, growing });
        if let Some(line) = self.handed_over.take() {
            self.shared.set_line(line);
        }
        Ok(note)
    }
}

fn mint(results: Vec<Result<Numbered, Rejected>>, note: &Arc<str>, figures: &Figures) -> Results {
    let recorded = |(entry, index, bytes, hash): (Entry, u64, Vec<u8>, Hash)| {
        figures.decided(entry.verdict);
        Recorded::mint(entry, index, bytes, hash, Arc::clone(note))
    };
    let one = |numbered: Numbered| numbered.leaves.into_iter().map(recorded).collect();
    results.into_iter().map(|result| result.map(one)).collect()
}

/// A read whose leaf may not stand releases nothing, and that is all its caller needs to know; a write
/// whose sync failed may yet have persisted.
fn failed(result: Result<Numbered, Rejected>, error: &StoreError) -> Rejected {
    match result {
        Ok(numbered) if numbered.writes && error.outcome_unknown() => Rejected::OutcomeUnknown,
        Ok(_) => Rejected::Unwritable,
        Err(rejected) => rejected,
    }
}

fn refuse(job: Job, why: &Rejected) {
    let results = job.submissions.iter().map(|_| Err(why.clone())).collect();
    let _ = job.reply.send(results);
}

/// Ids destroyed in the last 60 s, from the moment they were numbered.
#[derive(Default)]
pub(super) struct Graveyard {
    ids: HashSet<KeyId>,
    order: VecDeque<(Instant, KeyId)>,
}

impl Graveyard {
    fn holds(&self, id: &KeyId) -> bool {
        !self.ids.is_empty() && self.ids.contains(id)
    }

    fn bury(&mut self, ids: &[KeyId], now: Instant) {
        for id in ids {
            if self.ids.insert(*id) {
                self.order.push_back((now, *id));
            }
        }
    }

    /// Twice the age at which a submission is refused, so that no clock edge lets one through.
    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) > 2 * MEMORY) {
            if let Some((_, id)) = self.order.pop_front() {
                self.ids.remove(&id);
            }
        }
    }
}
