//! A job as it lies in the meta family: `job:` and the position of the leaf that opened it.

use coffer_wire::Name;
use coffer_wire::leaf::Action;
use serde::{Deserialize, Serialize};

use crate::store::{Batch, Engine, Family, Overlay, Precondition, StoreError, meta};

/// Jobs that have ended and are still shown; older ones are told by their leaves alone.
pub const JOBS_KEPT: usize = 1_000;

/// What a job does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Moves keys of persons or staff under the newest version of their category key.
    Rewrap,
    /// Seals every record under a category key again, under new keys of persons.
    Reseal,
}

impl Kind {
    /// The act whose leaf says that it has ended.
    pub fn ends_with(self) -> Action {
        match self {
            Kind::Rewrap => Action::KeysRewrap,
            Kind::Reseal => Action::KeysReseal,
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Something is left to do.
    Running,
    /// Nothing is left; a leaf says so.
    Done,
    /// What is left does not open, and so cannot be moved.
    Stuck,
}

/// One job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRow {
    /// What it does.
    pub kind: Kind,
    /// How far it is.
    pub progress: Progress,
    /// Whose data.
    pub controller: Name,
    /// Of which category.
    pub category: Name,
    /// Keys a second, at most; of records that are sealed again, so many of them.
    pub rate: u32,
    /// How many there were when it began; not yet counted where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many were moved, or ended for new ones. Those that were erased meanwhile are not among them.
    #[serde(default)]
    pub done: u64,
    /// How many records were sealed again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records: u64,
    /// Whether all rows were gone through, so that what is left are keys under which nothing is found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rows_done: bool,
    /// How many are left that do not open.
    #[serde(default)]
    pub left: u64,
    /// Behind which key of the store it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cursor: Vec<u8>,
    /// When it began, Unix time in milliseconds.
    pub started_ms: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

/// A job as it was read.
pub struct Read {
    /// The position of the leaf that opened it: the job's number.
    pub id: u64,
    /// The row.
    pub row: JobRow,
    bytes: Vec<u8>,
}

impl JobRow {
    /// One that begins.
    pub fn new(kind: Kind, (controller, category): (Name, Name), rate: u32, now_ms: u64) -> JobRow {
        JobRow {
            kind,
            progress: Progress::Running,
            controller,
            category,
            rate,
            total: None,
            done: 0,
            records: 0,
            rows_done: false,
            left: 0,
            cursor: Vec::new(),
            started_ms: now_ms,
            ended_ms: None,
        }
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        // A list of names and numbers is always JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As it was stored.
    pub fn decode(bytes: &[u8]) -> Option<JobRow> {
        serde_json::from_slice(bytes).ok()
    }

    /// The store's key.
    pub fn key(id: u64) -> Vec<u8> {
        [meta::JOB_PREFIX, &id.to_be_bytes()].concat()
    }

    /// The job's number, from the store's key.
    pub fn id(key: &[u8]) -> Option<u64> {
        key.strip_prefix(meta::JOB_PREFIX)?.try_into().ok().map(u64::from_be_bytes)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Read {
    /// The same job once this row has taken the place of the one that was read.
    pub(super) fn followed_by(&self, row: JobRow) -> Read {
        Read { id: self.id, bytes: row.encode(), row }
    }

    /// That nobody else has gone on with it.
    pub fn unchanged(&self) -> Precondition {
        Precondition::unchanged(Family::Meta, JobRow::key(self.id), Some(&self.bytes))
    }
}

/// Every job that is kept, oldest first. A row that cannot be read is left to `check`.
pub fn list(engine: &dyn Engine) -> Result<Vec<Read>, StoreError> {
    let rows = Overlay::new(engine).under(Family::Meta, meta::JOB_PREFIX)?;
    let read =
        |(key, bytes): (Vec<u8>, Vec<u8>)| Some(Read { id: JobRow::id(&key)?, row: JobRow::decode(&bytes)?, bytes });
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Adds the end of the rows of jobs that ended long ago, among which is the one that ends with this batch.
pub(super) fn forget_old(engine: &dyn Engine, ends: u64, batch: &mut Batch) -> Result<(), StoreError> {
    let ended = list(engine)?.into_iter().filter(|job| job.id == ends || job.row.progress != Progress::Running);
    let ended: Vec<u64> = ended.map(|job| job.id).collect();
    let old = ended.len().saturating_sub(JOBS_KEPT);
    ended[..old].iter().filter(|id| **id != ends).for_each(|id| batch.delete(Family::Meta, JobRow::key(*id)));
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written_and_nothing_else_is_one() {
        let names = (Name::new("oakvale").unwrap(), Name::new("bank").unwrap());
        let new = JobRow::new(Kind::Rewrap, names, 7, 1_763_000_000_000);
        let far = JobRow { total: Some(9), done: 4, cursor: vec![83, 0, 255], ended_ms: Some(1), ..new.clone() };
        for row in [new, far] {
            assert_eq!(JobRow::decode(&row.encode()), Some(row));
        }
        assert_eq!(JobRow::decode(b"{}"), None);
        assert_eq!(JobRow::id(&JobRow::key(300)), Some(300));
        assert_eq!(JobRow::id(b"job:1"), None);
    }
}
