//! The bounded queue before the sequencer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Recorded, Rejected, Submission};

/// One result for each submission, in order.
pub(super) type Results = Vec<Result<Vec<Recorded>, Rejected>>;

/// Submissions that one request hands over at once, and where their results go.
pub(super) struct Job {
    pub(super) submissions: Vec<Submission>,
    pub(super) reply: oneshot::Sender<Results>,
}

/// What waits for the sequencer. Full is an answer, not a wait.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    leaves: usize,
    closed: bool,
    /// The sequencer sleeps until this many jobs wait: it is woken once a batch, not once a job.
    wanted: usize,
}

impl Queue {
    /// A queue of at most `limit` leaves.
    pub(super) fn new(limit: usize) -> Queue {
        Queue { waiting: Mutex::default(), arrived: Condvar::new(), limit }
    }

    /// Takes a job, unless the queue is full or closed: then it is handed back.
    pub(super) fn push(&self, job: Job) -> Result<(), (Rejected, Job)> {
        let mut waiting = self.lock();
        let leaves: usize = job.submissions.iter().map(|s| s.entries.len()).sum();
        if waiting.closed {
            return Err((Rejected::Unwritable, job));
        }
        if waiting.leaves > 0 && waiting.leaves + leaves > self.limit {
            return Err((Rejected::Busy, job));
        }
        waiting.leaves += leaves;
        waiting.jobs.push(job);
        let enough = waiting.jobs.len() >= waiting.wanted;
        drop(waiting);
        if enough {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Everything that waits; blocks until there is something, and then up to `window` until `wanted`
    /// jobs wait, so that one sync serves them all. `None` once closed and empty.
    pub(super) fn take(&self, wanted: usize, window: Duration) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        waiting.wanted = 1;
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.wanted = wanted;
        let more = |w: &mut Waiting| w.jobs.len() < w.wanted && !w.closed;
        let gathered = self.arrived.wait_timeout_while(waiting, window, more);
        let mut waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        waiting.leaves = 0;
        Some(std::mem::take(&mut waiting.jobs))
    }

    /// Leaves that wait.
    pub(super) fn leaves(&self) -> usize {
        self.lock().leaves
    }

    /// Takes nothing more; what waits is still served.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
