//! After a deep rotation: every record that lies under an old version is sealed again under new keys of the people in it, whose
//! old keys end with it. Then what is left wraps nothing that anybody can find, and is moved as after any rotation.
//!
//! It goes through the rows, and takes all rows of a person together: the person's key ends with the last of them. There are no
//! more of them than one batch may hold, since a write sees to that (`serve/write.rs`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_keys::row::Row;
use coffer_keys::{AuditKey, HALF_BYTES, KeyId};
use coffer_wire::ExternalId;
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;

use super::on_line::OnLine;
use super::pace::{pause, step_keys};
use super::row::{JobRow, Read};
use super::{Step, Trouble, Workshop, rewrap, submit_all};
use crate::keyring::NotRenewed;
use crate::ledger::{Attribution, Circumstances, Detail, Entry, Submission};
use crate::schema::Category;
use crate::seal::{NotSealed, Renewed, Stored, reseal};
use crate::store::{Batch, Family, Precondition, Unread, View, prefix_digest};

/// Rows that are looked at at a time.
const PAGE_ROWS: usize = 256;
/// Bytes of rows that one step takes, and then the person's at which it got there.
const STEP_BYTES: usize = 1 << 20;

/// What stands in the store under a person's half of the row key.
type Rows = [(Vec<u8>, Vec<u8>)];

/// One step: some people's records are sealed again, or it is found that there are none left.
pub(super) fn step<W: Workshop>(work: &OnLine<'_, W>, job: Read) -> Result<Step, Trouble> {
    if job.row.rows_done {
        return rewrap::step(work, job);
    }
    let began = Instant::now();
    // Whoever is written all the time is taken alone, so that little comes between the look and the batch.
    for records in [step_keys(job.row.rate), 1] {
        let walked = Walk::from(work, &job, records)?;
        if walked.people.is_empty() {
            return walked.nothing_found(work, job);
        }
        let resealed = walked.submit(work, &job)?;
        if resealed > 0 {
            return Ok(Step::More(pause(job.row.rate, resealed, began)));
        }
    }
    Err(Trouble::Again)
}

/// One look at the rows from the job's cursor on.
struct Walk {
    people: Vec<Person>,
    altered: u64,
}

/// A person's records under new keys.
struct Person {
    submission: Submission,
    /// Keys that end with it.
    keys: u64,
    records: u64,
    /// Behind the last of the rows.
    cursor: Vec<u8>,
}

/// Whom the leaves are about.
struct Telling {
    common: Circumstances,
    unattributed: Arc<AuditKey>,
}

impl Walk {
    fn from<W: Workshop>(work: &OnLine<'_, W>, job: &Read, records: usize) -> Result<Walk, Trouble> {
        let engine = &**work.workshop.engine();
        let (mut walk, mut taken, mut bytes, mut telling) = (Walk { people: Vec::new(), altered: 0 }, 0, 0, None);
        let mut cursor = job.row.cursor.clone();
        let family = Family::Rows(job.row.category);
        loop {
            let after = Some(cursor.as_slice()).filter(|cursor| !cursor.is_empty());
            let page = engine.scan(family, b"", after, PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { return Ok(walk) };
            cursor = last.clone();
            let mut seen = Vec::new();
            for (key, row) in &page {
                if key.len() < HALF_BYTES || seen == key[..HALF_BYTES] || !work.lies_under_an_old_version(row)? {
                    continue;
                }
                seen = key[..HALF_BYTES].to_vec();
                let telling = match &mut telling {
                    Some(telling) => telling,
                    None => telling.insert(work.telling(job)?),
                };
                match work.person(job, &seen, telling)? {
                    None => walk.altered += 1,
                    Some(person) => {
                        taken += person.records as usize;
                        bytes += weight(person.submission.rows());
                        walk.people.push(person);
                    }
                }
                if taken >= records || bytes >= STEP_BYTES {
                    return Ok(walk);
                }
                cursor = behind(&seen).max(cursor);
            }
        }
    }

    /// At the end of the rows. Only a whole walk shows that none is left: one that began in the middle is made again.
    fn nothing_found<W: Workshop>(self, work: &OnLine<'_, W>, job: Read) -> Result<Step, Trouble> {
        if !job.row.cursor.is_empty() {
            work.keep(&job, JobRow { cursor: Vec::new(), ..job.row.clone() })?;
            return Ok(Step::More(Duration::ZERO));
        }
        if self.altered > 0 {
            let left = work.behind()?;
            return work.give_up(&job, left);
        }
        work.keep(&job, JobRow { rows_done: true, ..job.row.clone() })?;
        Ok(Step::More(Duration::ZERO))
    }

    /// Hands all of them over at once. Each relies on the job's row as the one before leaves it, so that what went in is what the
    /// row counts. Answers how many records went in.
    fn submit<W: Workshop>(self, work: &OnLine<'_, W>, job: &Read) -> Result<usize, Trouble> {
        let (mut row, mut unchanged, mut records) = (job.row.clone(), job.unchanged(), Vec::new());
        let mut submissions = Vec::with_capacity(self.people.len());
        for person in self.people {
            row.done += person.keys;
            row.records += person.records;
            row.cursor = person.cursor;
            let (key, bytes) = (JobRow::key(job.id), row.encode());
            let mut batch = Batch::new();
            batch.put(Family::Meta, key.clone(), bytes.clone());
            submissions.push(person.submission.with_rows(batch, vec![unchanged]));
            unchanged = Precondition::unchanged(Family::Meta, key, Some(&bytes));
            records.push(person.records as usize);
        }
        let taken = submit_all(work.runtime, work.workshop, submissions)?;
        Ok(records[..taken].iter().sum())
    }
}

impl<W: Workshop> OnLine<'_, W> {
    fn telling(&self, job: &Read) -> Result<Telling, Trouble> {
        let told = self.runtime.block_on(self.workshop.leaf_of(job.row.controller)).map_err(Trouble::Vault)?;
        Ok(Telling { common: told.0, unattributed: told.1 })
    }

    /// Whether a key that the row names in clear lies under a version that is to be emptied. A row that is none is none of anybody's.
    fn lies_under_an_old_version(&self, row: &[u8]) -> Result<bool, Trouble> {
        let Ok(row) = Row::parse(row) else { return Ok(false) };
        let engine = &**self.workshop.engine();
        let behind = row.head.keys.iter().map(|id| self.line.is_behind(engine, id)).collect::<Result<Vec<_>, _>>()?;
        let Some(own) = row.head.own_key().filter(|_| behind.contains(&true)) else { return Ok(false) };
        // What is left of somebody who was erased stays as it is, whoever else is in it.
        let own = self.line.subject_though_withheld(&View::blocking(engine), *own).map_err(unread)?;
        Ok(!matches!(own, Ok(None)))
    }

    /// All rows of a person. `None`: one of them does not open, or its keys are not where they should be.
    fn person(&self, job: &Read, half: &[u8], telling: &Telling) -> Result<Option<Person>, Trouble> {
        let engine = &**self.workshop.engine();
        let (view, family) = (View::blocking(engine), Family::Rows(job.row.category));
        let rows = view.under(family, half).map_err(unread)?;
        let Ok(stored) = Stored::all_of(self.permit, self.line, &view, &rows).map_err(unread)? else {
            // Row and key are two looks: if it changed meanwhile, it is looked at again.
            let same = view.under(family, half).map_err(unread)? == rows;
            return if same { Ok(None) } else { Err(Trouble::Again) };
        };
        let in_force = self.workshop.gate().in_force();
        let category = in_force.schema.category(&job.row.category).ok_or(Trouble::NotPermitted(job.id))?;
        self.under_new_keys(&view, (half, &rows), &stored, category, telling)
    }

    fn under_new_keys(
        &self,
        view: &View<'_>,
        (half, rows): (&[u8], &Rows),
        stored: &[Stored],
        category: &Category,
        telling: &Telling,
    ) -> Result<Option<Person>, Trouble> {
        let family = Family::Rows(category.name);
        let (mut batch, mut renewed) = (Batch::new(), Renewed::new());
        // No record comes meanwhile under a key that ends.
        let unchanged = Precondition::Prefix { family, prefix: half.to_vec(), digest: prefix_digest(rows) };
        let (mut needs, mut entries) = (vec![unchanged], Vec::new());
        let (active, keyring) = (self.line.active().id, self.workshop.keyring());
        for stored in stored {
            let old: Vec<KeyId> = stored.not_under(active).collect();
            if old.is_empty() {
                continue;
            }
            let first: Vec<KeyId> = old.into_iter().filter(|id| !renewed.contains_key(id)).collect();
            for id in &first {
                match self.line.renew_subject(view, id, &mut batch, &mut needs) {
                    Ok(Some(new)) => drop(renewed.insert(*id, new)),
                    Ok(None) => return Ok(None),
                    Err(NotRenewed::Unread(error)) => return Err(unread(error)),
                    Err(NotRenewed::NotMade(_)) => return Err(Trouble::NotMade),
                }
            }
            let resealed = match reseal(self.permit, stored, category, &keyring, &renewed) {
                Ok(resealed) => resealed,
                Err(NotSealed::Altered) => return Ok(None),
                Err(NotSealed::Unsealable) => return Err(Trouble::NotMade),
            };
            let of_new = |id: &KeyId| renewed.get(id).map(|(new, _)| new.to_string());
            let private = Private {
                person: ExternalId::new(stored.target().person.as_str()).ok(),
                record: ExternalId::new(resealed.record).ok(),
                version: Some(resealed.sealed.version),
                made: first.iter().filter_map(of_new).collect(),
                replaced: first.iter().map(KeyId::to_string).collect(),
                ..Private::default()
            };
            let detail = Detail {
                category: Some(category.name),
                version: Some(resealed.sealed.version),
                written: Some(resealed.sealed.written),
                ..Detail::default()
            };
            entries.push((stored.target().person.clone(), detail, private));
            batch.put(family, resealed.row_key, resealed.sealed.bytes);
        }
        let records = entries.len() as u64;
        let mut leaves = Vec::with_capacity(entries.len());
        if let Some((person, ..)) = entries.first() {
            let about = self.about(view, person, telling)?;
            for (_, detail, private) in entries {
                leaves.push(Entry::own(Action::RecordsReseal, &telling.common, about.about(), detail, private)?);
            }
        }
        let mut leaves = leaves.into_iter();
        // It lay under an old version when it was looked at first: moved or erased since.
        let Some(first) = leaves.next() else { return Err(Trouble::Again) };
        let submission = leaves.fold(Submission::unbound(first), Submission::and);
        let keys = renewed.len() as u64;
        let submission = submission.with_rows(batch, needs).replacing(renewed.into_keys());
        Ok(Some(Person { submission, keys, records, cursor: behind(half) }))
    }

    /// Under whose audit key the leaves speak of the person.
    fn about(&self, view: &View<'_>, person: &str, telling: &Telling) -> Result<Attribution, Trouble> {
        let keyring = self.workshop.keyring();
        let audit = keyring.audit(self.line.controller()).ok_or(Trouble::NotMade)?;
        let about = Attribution::of_person(audit, view, person, &telling.unattributed).map_err(unread)?;
        // What is altered there is found by whoever reads; here the person's alias is all that is missing.
        Ok(about.unwrap_or_else(|_| Attribution::asked(&telling.unattributed, Some(person))))
    }
}

fn weight(batch: &Batch) -> usize {
    batch.iter().map(|change| change.key.len() + change.value.as_ref().map_or(0, Vec::len)).sum()
}

/// The last place that rows of a person can have.
fn behind(half: &[u8]) -> Vec<u8> {
    [half, &[u8::MAX; HALF_BYTES]].concat()
}

/// A look on a thread that may block, for which nothing is withheld.
fn unread(error: Unread) -> Trouble {
    match error {
        Unread::Store(error) => Trouble::Store(error),
        Unread::NotCached | Unread::Withheld => Trouble::Again,
    }
}
