//! After a rotation: every key that the old versions of a category key wrap, moved under the new one, and then the proof that
//! none is left.

use std::time::{Duration, Instant};

use coffer_keys::NotRewrapped;

use super::on_line::OnLine;
use super::pace::{STRETCH, pause, step_keys};
use super::row::{JobRow, Read};
use super::{Step, Trouble, Workshop, wait};
use crate::store::{Batch, Family, Precondition};

/// Rows of the keys family that are looked at at a time, at least. Where the keys of a line lie close together, a step needs no more
/// rows than it moves keys.
const PAGE_ROWS_MIN: usize = 64;

/// One step: some keys are moved, or it is proven that none is left.
pub(super) fn step<W: Workshop>(work: &OnLine<'_, W>, job: Read) -> Result<Step, Trouble> {
    let began = Instant::now();
    let moving = work.look(&job)?;
    if moving.keys > 0 {
        return work.move_keys(job, moving, began).map(Step::More);
    }
    match work.behind()? {
        0 => work.end(job),
        left if left <= moving.altered => work.give_up(&job, left),
        // Behind the cursor of a job that was killed, or put there since by nobody who may: once more from the start.
        _ => work.keep(&job, JobRow { cursor: Vec::new(), ..job.row.clone() }).map(|()| Step::More(Duration::ZERO)),
    }
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

impl<W: Workshop> OnLine<'_, W> {
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
}
