//! The access log. Nothing is released before its leaf is committed and synced: [`Recorded`] is
//! minted here only, by the sequencer, after that commit. docs/LOG.md describes the log for those
//! who read it.

mod attribution;
mod entry;
mod figures;
pub mod head;
pub mod history;
mod last;
mod patience;
mod prove;
mod queue;
mod recorded;
mod remembered;
mod sequencer;
mod shared;
mod space;
pub mod start;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use coffer_keys::LogKey;
use coffer_wire::note::VerifierKey;
use tokio::sync::oneshot;

use crate::clock::Forward;
use crate::store::Engine;
use head::HeadFile;
use history::{Growth, History};
use queue::{Job, Queue};
use sequencer::Sequencer;
use shared::Newest;
use start::StartError;

pub use attribution::{Attribution, Unattributed};
pub use entry::{About, Circumstances, Detail, Entry, NotMade, StoredPrivate, Submission};
pub use figures::Figures;
pub use last::{Last, has_leaves, number_key};
pub use prove::{NotProved, prove};
pub use recorded::{Recorded, Spent};
pub use remembered::Remembered;
pub use shared::{InFlight, Shared};

/// The pause before what has to come into the log is handed to a full queue again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// Leaves that may wait for the sequencer.
const QUEUE_LEAVES_MAX: usize = 16_384;

/// Why a submission is not in the log (or, of a failed sync, perhaps is).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejected {
    /// What it relies on has changed: look again and submit again.
    Again,
    /// It looked at the store more than 60 s ago.
    TooOld,
    /// Too much waits already.
    Busy,
    /// The log cannot be written; nothing is released, and no row was kept.
    Unwritable,
    /// The sync failed; the batch, which holds rows of this submission, may yet have persisted.
    OutcomeUnknown,
    /// The head outside the database is more than 10 s late.
    HeadLate,
    /// Free space is down to the reserve.
    NoSpace,
}

/// Where the log is kept and under which name.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The origin of its checkpoints, such as `coffer.example/demo`.
    pub origin: String,
    /// The head file.
    pub head: PathBuf,
    /// Bytes of free space below which only what is urgent is taken, and below a quarter of which nothing is.
    pub reserve_bytes: u64,
}

impl LogPlace {
    fn verifier_key(&self, key: &LogKey) -> Result<VerifierKey, StartError> {
        VerifierKey::new(&self.origin, key.public()).map_err(|_| StartError::Origin)
    }
}

/// The running log. Dropping it serves what waits, writes the head and ends its threads.
pub struct Ledger {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    vkey: VerifierKey,
}

impl Ledger {
    /// Makes a new log whose first batch is `first`, and its head; starts no thread. Returns the
    /// log's public key.
    pub fn create(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        key: LogKey,
        first: Submission,
    ) -> Result<VerifierKey, StartError> {
        let (mut head, note) = HeadFile::open(&place.head, true).map_err(StartError::Head)?;
        if note.is_some() {
            return Err(StartError::HeadOfAnotherLog);
        }
        let growth = Growth::resume(&History::new(&**engine), 0)?;
        let newest = Newest { note: "".into(), size: 0, growing: Default::default() };
        let shared = Arc::new(Shared::new(newest, 0));
        let mut sequencer = Sequencer {
            vkey: place.verifier_key(&key)?,
            engine: Arc::clone(engine),
            clock: Arc::clone(clock),
            shared: Arc::clone(&shared),
            key,
            growth,
            numbers: HashMap::new(),
            numbered: Default::default(),
            reserve_bytes: place.reserve_bytes,
            patience: Default::default(),
            space: Default::default(),
            graveyard: Default::default(),
        };
        serve_now(&mut sequencer, first)?;
        head.write(&shared.newest()).map_err(StartError::Head)?;
        Ok(sequencer.vkey)
    }

    /// Takes the log up where it stands, after the start check. `policy` is the epoch in force;
    /// `first` says in the log itself that it was taken up.
    pub fn start(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        key: LogKey,
        policy: u32,
        first: Submission,
    ) -> Result<Ledger, StartError> {
        let vkey = place.verifier_key(&key)?;
        let (head, note) = HeadFile::open(&place.head, false).map_err(StartError::Head)?;
        let resumed = start::check(&**engine, &vkey, note.as_deref(), policy)?;
        let growing = Arc::new(resumed.growth.growing());
        let newest = Newest { note: Arc::clone(&resumed.note), size: resumed.growth.size(), growing };
        let shared = Arc::new(Shared::new(newest, policy));
        let queue = Arc::new(Queue::new(QUEUE_LEAVES_MAX));
        let mut sequencer = Sequencer {
            engine: Arc::clone(engine),
            clock: Arc::clone(clock),
            shared: Arc::clone(&shared),
            key,
            vkey: vkey.clone(),
            growth: resumed.growth,
            numbers: resumed.numbers,
            numbered: Default::default(),
            reserve_bytes: place.reserve_bytes,
            patience: Default::default(),
            space: Default::default(),
            graveyard: Default::default(),
        };
        let (for_sequencer, for_head) = (Arc::clone(&queue), Arc::clone(&shared));
        // A log that was ahead of its head, as after a kill, is carried to the head at once.
        shared.head_is_behind(resumed.note);
        serve_now(&mut sequencer, first)?;
        let threads = vec![
            spawn("sequencer", move || sequencer.run(&for_sequencer))?,
            spawn("head", move || for_head.keep_head(head))?,
        ];
        Ok(Ledger { shared, queue, threads: Mutex::new(threads), vkey })
    }

    /// Hands submissions over and waits for their leaves to be synced. One result each, in order.
    pub async fn submit(&self, submissions: Vec<Submission>) -> Vec<Result<Vec<Recorded>, Rejected>> {
        let count = submissions.len();
        let (reply, results) = oneshot::channel();
        if let Err((rejected, _)) = self.queue.push(Job { submissions, reply }) {
            return rejected_all(count, &rejected);
        }
        results.await.unwrap_or_else(|_| rejected_all(count, &Rejected::OutcomeUnknown))
    }

    /// The same for what has to come into the log, however busy it is: what is not taken for that reason is handed over
    /// again. For submissions that hold under every policy and rely on nothing.
    pub async fn submit_until_taken(&self, submissions: Vec<Submission>) -> Vec<Result<Vec<Recorded>, Rejected>> {
        let (reply, results) = oneshot::channel();
        let count = submissions.len();
        let mut job = Job { submissions, reply };
        while let Err((rejected, back)) = self.queue.push(job) {
            if rejected != Rejected::Busy {
                return rejected_all(count, &rejected);
            }
            tokio::time::sleep(BUSY_PAUSE).await;
            job = back;
        }
        results.await.unwrap_or_else(|_| rejected_all(count, &Rejected::OutcomeUnknown))
    }

    /// What others may know of the running log.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Leaves that wait for their batch.
    pub fn waiting(&self) -> usize {
        self.queue.leaves()
    }

    /// The log's public key, under its origin.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.vkey
    }

    /// Takes nothing more, serves what waits, writes the head, and ends.
    pub fn close(&self) {
        self.queue.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, thread) in threads.drain(..).enumerate() {
            if number == 1 {
                self.shared.close_head();
            }
            // A thread that panicked has told why on standard error.
            let _ = thread.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// One submission on this very thread, before there is a queue.
fn serve_now(sequencer: &mut Sequencer, submission: Submission) -> Result<(), StartError> {
    let (reply, mut results) = oneshot::channel();
    sequencer.serve(vec![Job { submissions: vec![submission], reply }])?;
    match results.try_recv() {
        Ok(results) if results.iter().all(Result::is_ok) => Ok(()),
        Ok(results) => Err(StartError::Rejected(results.into_iter().find_map(Result::err))),
        Err(_) => Err(StartError::Rejected(None)),
    }
}

fn rejected_all(count: usize, why: &Rejected) -> Vec<Result<Vec<Recorded>, Rejected>> {
    (0..count).map(|_| Err(why.clone())).collect()
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(StartError::Head)
}

/// The head is written at most this often.
pub(crate) const HEAD_EVERY: Duration = Duration::from_millis(50);
