//! What both jobs of a rotation share: where they are, and their end, which is the proof that nothing is left under the old versions.

use std::sync::Arc;

use coffer_wire::private::Private;
use tokio::runtime::Runtime;

use super::row::{JobRow, Kind, Progress, Read, forget_old};
use super::{Step, Trouble, Workshop, submit};
use crate::admit::{Job, Permit};
use crate::keyring::record::RootRow;
use crate::keyring::{Line, Under, Versions};
use crate::ledger::{About, Detail, Entry, Submission};
use crate::store::{Batch, Family, Precondition};

/// A job at work on the key of a controller and category.
pub(super) struct OnLine<'a, W> {
    pub(super) runtime: &'a Runtime,
    pub(super) workshop: &'a Arc<W>,
    pub(super) line: &'a Line,
    pub(super) permit: &'a Permit<Job>,
}

impl<W: Workshop> OnLine<'_, W> {
    /// How many keys lie under the old versions, counted over the whole family.
    pub(super) fn behind(&self) -> Result<u64, Trouble> {
        Ok(Under::count(&**self.workshop.engine())?.behind(self.line))
    }

    /// The job's row alone.
    pub(super) fn keep(&self, job: &Read, next: JobRow) -> Result<(), Trouble> {
        submit(self.runtime, self.workshop, self.step(job, &next, Batch::new(), Vec::new())).map(drop)
    }

    /// A step, with the job's row as it leaves it.
    pub(super) fn step(&self, job: &Read, next: &JobRow, mut batch: Batch, mut needs: Vec<Precondition>) -> Submission {
        batch.put(Family::Meta, JobRow::key(job.id), next.encode());
        needs.push(job.unchanged());
        // No leaf: who holds which key has not changed, and the leaf at the end counts them all.
        Submission::housekeeping(batch, needs)
    }

    /// Nothing is left, counted over the whole family. From here on nothing opens below the new version, so that an old row that
    /// somebody puts back is none.
    pub(super) fn end(&self, job: Read) -> Result<Step, Trouble> {
        let active = self.line.active();
        let (common, key) = self.runtime.block_on(self.workshop.leaf_of(job.row.controller)).map_err(Trouble::Vault)?;
        let note = match job.row.kind {
            Kind::Rewrap => format!("{} keys moved", job.row.done),
            Kind::Reseal => format!("{} records sealed again, {} keys ended or moved", job.row.records, job.row.done),
        };
        let note = format!("job {}: {note}, none is left below version {}", job.id, active.version);
        let detail = Detail { category: Some(job.row.category), version: Some(active.version), ..Detail::default() };
        let about = About::Unattributed { key: &key, person: None };
        let (began, moved) = (Some(job.id), Some(job.row.done));
        let resealed = (job.row.kind == Kind::Reseal).then_some(job.row.records);
        let private = Private { note: Some(note), began, moved, resealed, ..Private::default() };
        let leaf = Entry::granted(self.permit, &common, about, detail, private)?;
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
    pub(super) fn give_up(&self, job: &Read, left: u64) -> Result<Step, Trouble> {
        tracing::error!(job = job.id, left, "keys that do not open cannot be moved: run `coffer-vault check`");
        let ended_ms = Some(self.workshop.now_ms());
        self.keep(job, JobRow { progress: Progress::Stuck, left, cursor: Vec::new(), ended_ms, ..job.row.clone() })?;
        Ok(Step::Ended)
    }
}
