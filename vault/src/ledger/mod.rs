//! The access log. Nothing is released before its leaf is committed and synced: [`Recorded`] is
//! minted here only, by the sequencer, after that commit. docs/LOG.md describes the log for those
//! who read it.

mod attribution;
mod ended;
mod entry;
pub mod erasures;
mod figures;
pub mod head;
pub mod history;
mod last;
pub mod line;
mod mirror;
mod patience;
mod prove;
mod queue;
mod recorded;
mod remembered;
mod revived;
mod sequencer;
mod shared;
mod shredded;
mod signers;
mod sound;
mod space;
pub mod start;
mod volume;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use coffer_keys::wipe_whole_stack;
use coffer_wire::certificate::Certificate;
use coffer_wire::note::VerifierKey;
use tokio::sync::oneshot;

use crate::clock::Forward;
use crate::keyring::LogKeys;
use crate::keyring::Voucher;
use crate::keyring::record::State;
use crate::store::Engine;
use erasures::Erasures;
use head::HeadFile;
use history::{Growth, History};
use line::Line;
use queue::{Job, Queue};
use sequencer::Sequencer;
use shared::Newest;
use signers::{Signer, Signers};
use start::{Own, StartError};

pub use attribution::{Attribution, Unattributed};
pub use ended::Final;
pub(crate) use ended::ended_at;
pub use entry::{About, Circumstances, Detail, Entry, NotMade, StoredPrivate, Submission};
pub use figures::Figures;
pub use last::{Last, has_leaves, number_key};
pub use prove::{NotProved, prove};
pub use recorded::{Recorded, Spent};
pub use remembered::Remembered;
pub use revived::{Revived, revived};
pub use shared::{InFlight, Shared};
pub use signers::{NewKey, hand_over};
pub use sound::sound_prefix;
pub use volume::Volume;

/// Where the head's thread stands among the others: behind those that may still move the log.
const HEAD_THREAD: usize = 2;
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
    /// It is in the log and the keys are destroyed; the erasure ledger could not be written yet.
    ErasedNotMirrored,
}

/// Where the log is kept and under which name.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The origin of its checkpoints, such as `coffer.example/demo`.
    pub origin: String,
    /// The head file.
    pub head: PathBuf,
    /// The erasure ledger.
    pub erasures: PathBuf,
    /// Bytes of free space below which only what is urgent is taken, and below a quarter of which nothing is.
    pub reserve_bytes: u64,
}

impl LogPlace {
    /// Who signs the present log of a line.
    fn signers(&self, keys: LogKeys, line: &Line) -> Result<Signers, StartError> {
        let origin = line.volume().origin(&self.origin);
        let LogKeys { present, mut earlier } = keys;
        earlier.retain(|own| own.state == State::DecryptOnly);
        // The newest of them is the one before the present one.
        let before = earlier.into_iter().next().zip(line.overlap_ms());
        let before = before.map(|(own, until_ms)| Ok::<_, StartError>((Signer::new(&origin, own.key)?, until_ms)));
        Ok(Signers::new(Signer::new(&origin, present.key)?, before.transpose()?))
    }
}

/// The running log. Dropping it serves what waits, writes erasure ledger and head, and ends its threads.
pub struct Ledger {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Ledger {
    /// Makes a new log whose first batch is `first`, and its head; starts no thread. Returns the
    /// log's public key.
    pub fn create(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        (keys, voucher): (LogKeys, Voucher),
        first: Submission,
    ) -> Result<VerifierKey, StartError> {
        let (head, note) = HeadFile::open(&place.head, true).map_err(StartError::Head)?;
        if note.is_some() {
            return Err(StartError::HeadOfAnotherLog);
        }
        Erasures::create(&place.erasures, voucher, &place.origin)?;
        Ledger::begin(engine, clock, place, keys, (head, Line::default()), first)
    }

    /// Makes the log that follows another, at the end of a line whose last note says so: `first` is its first batch, which
    /// holds that note. The head of the log before it is overwritten after that batch: a kill between the two leaves a head that
    /// the next start takes for what it is.
    pub fn succeed(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        keys: LogKeys,
        line: Line,
        first: Submission,
    ) -> Result<VerifierKey, StartError> {
        let (head, _) = HeadFile::open(&place.head, true).map_err(StartError::Head)?;
        Ledger::begin(engine, clock, place, keys, (head, line), first)
    }

    fn begin(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        keys: LogKeys,
        (mut head, line): (HeadFile, Line),
        first: Submission,
    ) -> Result<VerifierKey, StartError> {
        let signers = place.signers(keys, &line)?;
        let growth = Growth::resume(&History::of(&**engine, line.volume()), 0)?;
        let newest = Newest { note: "".into(), signer: signers.present(), size: 0, growing: Default::default() };
        let shared = Arc::new(Shared::new(newest, line, 0));
        let mut sequencer = sequencer(engine, clock, place, &shared, signers, growth, HashMap::new());
        serve_now(&mut sequencer, first)?;
        head.write(&shared.newest()).map_err(StartError::Head)?;
        shared.line().keep(&place.head).map_err(StartError::Head)?;
        Ok(shared.verifier_key())
    }

    /// Takes the log up where it stands, after the start check. `policy` is the epoch in force;
    /// `first` says in the log itself that it was taken up.
    pub fn start(
        engine: &Arc<dyn Engine>,
        clock: &Arc<Forward>,
        place: &LogPlace,
        (keys, voucher): (LogKeys, Voucher),
        policy: u32,
        first: Submission,
    ) -> Result<Ledger, StartError> {
        let (line, beside) = (Line::stored(&**engine)?, Line::beside(&place.head)?);
        if !beside.leads_to(&line) {
            return Err(StartError::AnotherLine);
        }
        let own = Own::new(&line.volume().origin(&place.origin), keys.public())?;
        let (head, note) = HeadFile::open(&place.head, false).map_err(StartError::Head)?;
        let resumed = start::check(&**engine, &own, note.as_deref(), policy)?;
        // Notes that a kill left unwritten beside the head.
        line.keep(&place.head).map_err(StartError::Head)?;
        let signers = place.signers(keys, &line)?;
        let growing = Arc::new(resumed.growth.growing());
        let (note, size) = (Arc::clone(&resumed.note), resumed.growth.size());
        let newest = Newest { note, signer: signers.present(), size, growing };
        let shared = Arc::new(Shared::new(newest, line, policy));
        let queue = Arc::new(Queue::new(QUEUE_LEAVES_MAX));
        let erasures = mirror::take_up(&place.erasures, voucher, &place.origin, &**engine, &shared)?;
        if let Some(at) = ended::category_keys(&**engine)? {
            shared.erased(at);
        }
        shared.ended(Final::newest(&**engine)?.map_or(0, |ended| ended.before));
        let (orders, mirror) = mirror::mirror(erasures, Arc::clone(&shared));
        let mut sequencer = sequencer(engine, clock, place, &shared, signers, resumed.growth, resumed.numbers);
        let (for_sequencer, for_head) = (Arc::clone(&queue), Arc::clone(&shared));
        // A log that was ahead of its head, as after a kill, is carried to the head at once.
        shared.head_is_behind(resumed.note);
        serve_now(&mut sequencer, first)?;
        sequencer.orders = Some(orders);
        let threads = vec![
            spawn("sequencer", move || {
                sequencer.run(&for_sequencer);
                // The stack of a thread that has ended is kept for the next one as it is.
                wipe_whole_stack();
            })?,
            spawn("erasures", mirror)?,
            spawn("head", move || for_head.keep_head(head))?,
        ];
        Ok(Ledger { shared, queue, threads: Mutex::new(threads) })
    }

    /// Hands submissions over and waits for their leaves to be synced. One result each, in order.
    pub async fn submit(&self, submissions: Vec<Submission>) -> Vec<Result<Vec<Recorded>, Rejected>> {
        self.hand_over(submissions).results().await
    }

    /// Hands submissions over, for whoever has something to do until they are synced.
    pub fn hand_over(&self, submissions: Vec<Submission>) -> HandedOver {
        let count = submissions.len();
        let (reply, results) = oneshot::channel();
        let pushed = self.queue.push(Job { submissions, reply });
        HandedOver { count, results: pushed.map(|()| results).map_err(|(rejected, _)| rejected) }
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
        HandedOver { count, results: Ok(results) }.results().await
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
    pub fn verifier_key(&self) -> VerifierKey {
        self.shared.verifier_key()
    }

    /// Signs a certificate with the log's key.
    pub fn certify(&self, certificate: &Certificate) -> String {
        let signer = self.shared.signer();
        certificate.assemble(&signer.vkey, &signer.sign(&certificate.body()))
    }

    /// Takes nothing more, serves what waits, writes erasure ledger and head, and ends.
    pub fn close(&self) {
        self.queue.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, thread) in threads.drain(..).enumerate() {
            if number == HEAD_THREAD {
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

fn sequencer(
    engine: &Arc<dyn Engine>,
    clock: &Arc<Forward>,
    place: &LogPlace,
    shared: &Arc<Shared>,
    signers: Signers,
    growth: Growth,
    numbers: HashMap<coffer_wire::Name, Last>,
) -> Sequencer {
    Sequencer {
        engine: Arc::clone(engine),
        clock: Arc::clone(clock),
        shared: Arc::clone(shared),
        signers,
        growth,
        numbers,
        numbered: Default::default(),
        reserve_bytes: place.reserve_bytes,
        patience: Default::default(),
        space: Default::default(),
        graveyard: Default::default(),
        replaced: Default::default(),
        handed_over: None,
        ended: None,
        orders: None,
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

/// Submissions that were handed over.
pub struct HandedOver {
    count: usize,
    results: Result<oneshot::Receiver<queue::Results>, Rejected>,
}

impl HandedOver {
    /// Once their leaves are synced. One result each, in order.
    pub async fn results(self) -> Vec<Result<Vec<Recorded>, Rejected>> {
        match self.results {
            Ok(results) => results.await.unwrap_or_else(|_| rejected_all(self.count, &Rejected::OutcomeUnknown)),
            Err(rejected) => rejected_all(self.count, &rejected),
        }
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
