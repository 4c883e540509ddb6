//! After a rotation: every key that the old versions of a category key wrap, moved under the new one, and then the proof that
//! none is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_keys::NotRewrapped;
use coffer_wire::private::Private;
use tokio::runtime::Runtime;

use super::pace::{STRETCH, pause, step_keys};
use super::row::{JobRow, Progress, Read, forget_old};
use super::{Step, Trouble, Workshop, submit, wait};
use crate::admit::{Job, Permit};
use crate::keyring::record::RootRow;
use crate::keyring::{Line, Under, Versions};
use crate::ledger::{About, Detail, Entry, Submission};
use crate::store::{Batch, Family, Precondition};

/// Rows of the keys family that are looked at at a time, at least. Where the keys of a line lie close together, a step needs no more
/// rows than it moves keys.
const PAGE_ROWS_MIN: usize = 64;

/// One step: what is left is counted, or some keys are moved, or it is proven that none is left.
pub(super) fn step<W: Workshop>(
    runtime: &Runtime,
    workshop: &Arc<W>,
    permit: Permit<Job>,
    job: Read,
) -> Result<Step, Trouble> {
    let began = Instant::now();
    let keyring = workshop.keyring();
    let line = keyring.line(&job.row.controller, &job.row.category).ok_or(Trouble::NotPermitted(job.id))?;
    if permit.controller() != job.row.controller || permit.category() != Some(job.row.category) {
        return Err(Trouble::NotPermitted(job.id));
    }
    let work = Rewrap { runtime, workshop, line };
    if job.row.total.is_none() {
        let total = Some(Under::count(&**workshop.engine())?.behind(line));
        work.keep(&job, JobRow { total, ..job.row.clone() })?;
        return Ok(Step::More(Duration::ZERO));
    }
    let moving = work.look(&job)?;
    if moving.keys > 0 {
        return work.move_keys(job, moving, began).map(Step::More);
    }
    match Under::count(&**workshop.engine())?.behind(line) {
        0 => work.end(&permit, job),
        left if left <= moving.altered => work.give_up(&job, left),
        // Behind the cursor of a job that was killed, or put there since by nobody who may: once more from the start.
        _ => work.keep(&job, JobRow { cursor: Vec::new(), ..job.row.clone() }).map(|()| Step::More(Duration::ZERO)),
    }
}

struct Rewrap<'a, W> {
    runtime: &'a Runtime,
    workshop: &'a Arc<W>,
    line: &'a Line,
}

/// Keys of one step, under the new version, with what the step relies on.
#[derive(Default)]
struct Moving {
    keys: usize,
    altered: u64,
    batch: Batch,
    needs: Vec<Precondition>,
    /// What they rely on together.
    relied: Vec<Precondition>,
    cursor: Vec<u8>,
}

impl<W: Workshop> Rewrap<'_, W> {
    /// The next keys that lie under an old version, from the job's cursor on.
    fn look(&self, job: &Read) -> Result<Moving, Trouble> {
        let (prefix, limit) = (self.line.wrapped_prefix(), step_keys(job.row.rate));
        let page_rows = limit.max(PAGE_ROWS_MIN);
        let mut moving = Moving { cursor: job.row.cursor.clone(), ..Moving::default() };
        loop {
            let after = Some(moving.cursor.as_slice()).filter(|cursor| !cursor.is_empty());
            let page = self.workshop.engine().scan(Family::Keys, prefix, after, page_rows)?;
            let is_last = page.len() < page_rows;
            for (key, row) in page {
                self.take(&key, &row, &mut moving)?;
                moving.cursor = key;
                if moving.keys >= limit {
                    return Ok(moving);
                }
            }
            if is_last {
                return Ok(moving);
            }
        }
    }

    /// A row that has changed when the step is numbered has the step look again: a key that was erased meanwhile must not come
    /// back.
    fn take(&self, key: &[u8], row: &[u8], moving: &mut Moving) -> Result<(), Trouble> {
        match self.line.moved(key, row) {
            Ok(None) => {}
            Ok(Some(moved)) => {
                moving.needs.push(Precondition::unchanged(Family::Keys, key.to_vec(), Some(row)));
                // The same two for nearly every key of a step.
                for need in moved.needs {
                    if !moving.relied.contains(&need) {
                        moving.relied.push(need);
                    }
                }
                moving.batch.put(Family::Keys, key.to_vec(), moved.row);
                moving.keys += 1;
            }
            // It stays where it is, and is counted at the end.
            Err(NotRewrapped::Altered(_)) => moving.altered += 1,
            Err(NotRewrapped::NoRandomness(_)) => return Err(Trouble::NotMade),
        }
        Ok(())
    }

    /// Moves keys until their rate asks for a pause, or for a stretch. What comes next is looked up while the log takes what was
    /// handed over; it lies behind that, so neither sees the other.
    fn move_keys(&self, mut job: Read, mut moving: Moving, began: Instant) -> Result<Duration, Trouble> {
        let mut moved = 0;
        loop {
            moved += moving.keys;
            let next = JobRow { done: job.row.done + moving.keys as u64, cursor: moving.cursor, ..job.row.clone() };
            let step = self.step(&job, &next, moving.batch, [moving.relied, moving.needs].concat());
            let handed_over = self.workshop.ledger().hand_over(vec![step]);
            job = job.followed_by(next);
            let pause = pause(job.row.rate, moved, began);
            let goes_on = pause.is_zero() && began.elapsed() < STRETCH;
            let ahead = goes_on.then(|| self.look(&job));
            wait(self.runtime, handed_over)?;
            match ahead.transpose()?.filter(|ahead| ahead.keys > 0) {
                Some(ahead) => moving = ahead,
                None => return Ok(pause),
            }
        }
    }

    /// The job's row alone.
    fn keep(&self, job: &Read, next: JobRow) -> Result<(), Trouble> {
        submit(self.runtime, self.workshop, self.step(job, &next, Batch::new(), Vec::new())).map(drop)
    }

    fn step(&self, job: &Read, next: &JobRow, mut batch: Batch, mut needs: Vec<Precondition>) -> Submission {
        batch.put(Family::Meta, JobRow::key(job.id), next.encode());
        needs.push(job.unchanged());
        // No leaf: who holds which key has not changed, and the leaf at the end counts them all.
        Submission::housekeeping(batch, needs)
    }

    /// Nothing is left, counted over the whole family. From here on nothing opens below the new version, so that an old row that
    /// somebody puts back is none.
    fn end(&self, permit: &Permit<Job>, job: Read) -> Result<Step, Trouble> {
        let active = self.line.active();
        let (common, key) = self.runtime.block_on(self.workshop.leaf_of(job.row.controller)).map_err(Trouble::Vault)?;
        let note =
            format!("job {}: {} keys moved, none is left below version {}", job.id, job.row.done, active.version);
        let detail = Detail { category: Some(job.row.category), version: Some(active.version), ..Detail::default() };
        let about = About::Unattributed { key: &key, person: None };
        let (began, moved) = (Some(job.id), Some(job.row.done));
        let private = Private { note: Some(note), began, moved, ..Private::default() };
        let leaf = Entry::granted(permit, &common, about, detail, private)?;
        let (mut batch, mut needs) = (Batch::new(), vec![job.unchanged(), active.wraps()]);
        self.raise_floor(active.version, &mut batch, &mut needs)?;
        let ended_ms = Some(self.workshop.now_ms());
        let row = JobRow { progress: Progress::Done, cursor: Vec::new(), ended_ms, ..job.row };
        batch.put(Family::Meta, JobRow::key(job.id), row.encode());
        forget_old(&**self.workshop.engine(), job.id, &mut batch)?;
        submit(self.runtime, self.workshop, Submission::unbound(leaf).with_rows(batch, needs))?;
        self.line.change(|versions| Versions { floor: active.version, ..versions });
        Ok(Step::Ended)
    }

    fn raise_floor(&self, floor: u32, batch: &mut Batch, needs: &mut Vec<Precondition>) -> Result<(), Trouble> {
        let id = self.line.versions().locator;
        let key = RootRow::key(&id);
        let read = self.workshop.engine().get(Family::Keys, &key)?.ok_or(Trouble::Again)?;
        let mut row = RootRow::decode(&read).ok_or(Trouble::Again)?;
        needs.push(Precondition::unchanged(Family::Keys, key.clone(), Some(&read)));
        row.floor = floor;
        row.vouch(&id, self.line.locator());
        batch.put(Family::Keys, key, row.encode());
        Ok(())
    }

    /// Those that are left do not open, and so were altered. They stay, and their version with them.
    fn give_up(&self, job: &Read, left: u64) -> Result<Step, Trouble> {
        tracing::error!(job = job.id, left, "keys that do not open cannot be moved: run `coffer-vault check`");
        let ended_ms = Some(self.workshop.now_ms());
        self.keep(job, JobRow { progress: Progress::Stuck, left, cursor: Vec::new(), ended_ms, ..job.row.clone() })?;
        Ok(Step::Ended)
    }
}
