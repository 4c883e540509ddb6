//! Work without a request: what an act has begun and is too long for its answer.
//!
//! A job is a row of the meta family. The act that opens it puts the row in the batch of its own leaf, whose position is the job's
//! number, so that there is no job without its leaf. What each job may do is permitted by that leaf
//! ([`Gate::permit_job`]), read again at each start.
//!
//! Each step is one submission of bounded size, which holds its rows, the preconditions of what it has read, and the job's row
//! as the step leaves it. So a kill at any moment costs one step at most, and a step that is done twice does nothing the second time.
//! One thread works, on one step of one job at a time, the oldest first, and pauses between them as the job's rate says.

mod on_line;
mod pace;
mod reseal;
mod rewrap;
mod row;

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use coffer_keys::{AuditKey, wipe_stack};
use coffer_wire::leaf::Leaf;
use coffer_wire::problem::Problem;
use tokio::runtime::Runtime;

use self::on_line::OnLine;
use crate::admit::{Gate, Job, Permit};
use crate::keyring::Keyring;
use crate::ledger::history::{History, HistoryError};
use crate::ledger::{Circumstances, HandedOver, Ledger, NotMade, Recorded, Rejected, Submission, Volume};
use crate::store::{Engine, StoreError};

pub use pace::{RATE_DEFAULT, RATE_MAX};
pub use row::{JOBS_KEPT, JobRow, Kind, Progress, Read, list};

/// How long is waited after what may pass by itself: a full queue, a late head, a disk without room.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// What a job works with: the vault around it.
pub trait Workshop: Send + Sync + Sized + 'static {
    /// The store.
    fn engine(&self) -> &Arc<dyn Engine>;
    /// The log.
    fn ledger(&self) -> &Ledger;
    /// What is permitted.
    fn gate(&self) -> &Gate;
    /// The keys that are open.
    fn keyring(&self) -> Arc<Keyring>;
    /// Unix time in milliseconds.
    fn now_ms(&self) -> u64;
    /// What a leaf of a controller says that the vault does by itself, and under whose key its private part lies.
    fn leaf_of(
        self: &Arc<Self>,
        controller: coffer_wire::Name,
    ) -> impl Future<Output = Result<(Circumstances, Arc<AuditKey>), Problem>> + Send;
}

/// The thread that works, once there was something to do.
#[derive(Default)]
pub struct Jobs {
    signal: Arc<Signal>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why a step came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// What it had read has changed: it looks again at once.
    #[error("what was read has changed")]
    Again,
    /// It may pass by itself.
    #[error("the log does not take it: {0:?}")]
    Later(Rejected),
    /// Nothing more is taken; the process ends.
    #[error("the log takes nothing more")]
    Over,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] HistoryError),
    /// No leaf or key could be made.
    #[error("the operating system gave no randomness")]
    NotMade,
    /// The vault could not say what a leaf needs.
    #[error("{}", .0.title)]
    Vault(Problem),
    /// No leaf opened this job, so that nobody permitted it.
    #[error("no leaf opened job {0}: run `coffer-vault check`")]
    NotPermitted(u64),
}

impl From<NotMade> for Trouble {
    fn from(_: NotMade) -> Self {
        Trouble::NotMade
    }
}

/// What a step has come to.
pub(crate) enum Step {
    /// More is to be done after this pause.
    More(Duration),
    /// The job has ended.
    Ended,
}

impl Jobs {
    /// Works on whatever is to be done, from now on. The thread is made when it is first needed, and ends with the vault.
    pub fn wake<W: Workshop>(&self, workshop: &Arc<W>) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        self.signal.wake();
        if thread.is_some() || self.signal.is_stopped() {
            return;
        }
        let (signal, workshop) = (Arc::clone(&self.signal), Arc::downgrade(workshop));
        let spawned = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            run(&signal, &workshop);
            // What it has opened has stood on this stack, which may be another thread's next.
            wipe_stack();
        });
        match spawned {
            Ok(handle) => *thread = Some(handle),
            Err(error) => tracing::error!(%error, "no thread for jobs"),
        }
    }

    /// Ends after the step under way. What is left is taken up at the next start.
    pub fn stop(&self) {
        self.signal.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // A thread that panicked has told why on standard error.
            let _ = thread.join();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Until there is nothing more to work for. Not inlined: [`wipe_stack`] reaches what lay under its caller's frame.
#[inline(never)]
fn run<W: Workshop>(signal: &Signal, workshop: &Weak<W>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "no runtime for jobs"),
    };
    while !signal.is_stopped() {
        let Some(workshop) = workshop.upgrade() else { return };
        let worked = work(&runtime, &workshop);
        drop(workshop);
        match worked {
            Ok(Some(Step::Ended)) | Err(Trouble::Again) => {}
            Ok(Some(Step::More(pause))) => signal.pause(pause),
            Ok(None) => signal.wait(),
            Err(Trouble::Over) => return,
            Err(error) => {
                tracing::warn!(%error, "a job waits");
                signal.pause(TROUBLE_PAUSE);
            }
        }
    }
}

/// One step of the oldest job that is under way. `None`: there is none.
fn work<W: Workshop>(runtime: &Runtime, workshop: &Arc<W>) -> Result<Option<Step>, Trouble> {
    let jobs = list(&**workshop.engine())?;
    let Some(job) = jobs.into_iter().find(|job| job.row.progress == Progress::Running) else { return Ok(None) };
    let permit = permitted(workshop, &job)?;
    let keyring = workshop.keyring();
    let line = keyring.line(&job.row.controller, &job.row.category).ok_or(Trouble::NotPermitted(job.id))?;
    if permit.controller() != job.row.controller || permit.category() != Some(job.row.category) {
        return Err(Trouble::NotPermitted(job.id));
    }
    let work = OnLine { runtime, workshop, line, permit: &permit };
    if job.row.total.is_none() {
        let total = Some(work.behind()?);
        work.keep(&job, JobRow { total, ..job.row.clone() })?;
        return Ok(Some(Step::More(Duration::ZERO)));
    }
    match job.row.kind {
        Kind::Rewrap => rewrap::step(&work, job).map(Some),
        Kind::Reseal => reseal::step(&work, job).map(Some),
    }
}

/// The permit of a job: the leaf of the act that opened it.
fn permitted<W: Workshop>(workshop: &Arc<W>, job: &Read) -> Result<Permit<Job>, Trouble> {
    let id = job.id;
    let (volume, index) = Volume::split(id);
    let bytes = History::of(&**workshop.engine(), volume).leaf(index)?;
    let leaf = Leaf::parse(&bytes).map_err(|_| Trouble::NotPermitted(id))?;
    workshop.gate().permit_job(&leaf, job.row.kind.ends_with()).ok_or(Trouble::NotPermitted(id))
}

/// Hands a step over and waits until it is synced.
pub(crate) fn submit<W: Workshop>(
    runtime: &Runtime,
    workshop: &Arc<W>,
    submission: Submission,
) -> Result<Vec<Recorded>, Trouble> {
    wait(runtime, workshop.ledger().hand_over(vec![submission]))
}

/// Until a step that was handed over is synced.
pub(crate) fn wait(runtime: &Runtime, step: HandedOver) -> Result<Vec<Recorded>, Trouble> {
    match runtime.block_on(step.results()).pop() {
        Some(Ok(recorded)) => Ok(recorded),
        Some(Err(Rejected::Again | Rejected::TooOld)) => Err(Trouble::Again),
        Some(Err(Rejected::Unwritable | Rejected::OutcomeUnknown)) | None => Err(Trouble::Over),
        Some(Err(rejected)) => Err(Trouble::Later(rejected)),
    }
}

/// Hands submissions over of which each relies on the one before it, and waits until they are synced. Answers how many went in.
pub(crate) fn submit_all<W: Workshop>(
    runtime: &Runtime,
    workshop: &Arc<W>,
    submissions: Vec<Submission>,
) -> Result<usize, Trouble> {
    let results = runtime.block_on(workshop.ledger().submit(submissions));
    let taken = results.iter().take_while(|result| result.is_ok()).count();
    match results.into_iter().nth(taken) {
        None | Some(Ok(_)) | Some(Err(Rejected::Again | Rejected::TooOld)) => Ok(taken),
        Some(Err(Rejected::Unwritable | Rejected::OutcomeUnknown)) => Err(Trouble::Over),
        Some(Err(_)) if taken > 0 => Ok(taken),
        Some(Err(rejected)) => Err(Trouble::Later(rejected)),
    }
}

/// How others tell the thread that there is work, or that it is to end.
#[derive(Default)]
struct Signal {
    state: Mutex<SignalState>,
    changed: Condvar,
}

#[derive(Default)]
struct SignalState {
    woken: bool,
    stopped: bool,
}

impl Signal {
    fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Until there may be work.
    fn wait(&self) {
        let mut state = self.lock();
        while !state.woken && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.woken = false;
    }

    /// So long, or until it is to end.
    fn pause(&self, pause: Duration) {
        let state = self.lock();
        let ended = self.changed.wait_timeout_while(state, pause, |state| !state.stopped);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
