//! `records/erase`: one record ends. The person's other records in the category are sealed again
//! under a new key, so that the key of the erased one can be destroyed.

use std::sync::Arc;

use coffer_keys::{Altered, KeyId};
use coffer_wire::api::{EraseItem, Outcome};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::{ExternalId, Name};

use super::answer::Answered;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::step::{Finished, Halt, Step, receipts};
use super::{House, Incoming, erasure, round};
use crate::admit::{Ask, Erase, Permit};
use crate::keyring::{Line, SubjectIndex};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::schema::Category;
use crate::seal::{NotSealed, Stored, reseal};
use crate::store::{Batch, Family, Precondition, View};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    round::items::<EraseItem>(house, incoming, Action::RecordsErase, true, prepare).await
}

fn prepare(desk: &Arc<Desk>, item: &EraseItem, view: &View<'_>) -> Result<Step, Halt> {
    let about = desk.attribution(view, item.person.as_str())?;
    let ask =
        Ask { category: Some(item.category), person: Some(&item.person), record: Some(&item.record), ..desk.ask() };
    let permit = match desk.house.gate.permit_erase(&desk.caller, &ask) {
        Ok(permit) => permit,
        Err(refusal) => return desk.refuse(refusal.code, &about, item.category, item.private()),
    };
    let known = desk.force.schema.category(&item.category).zip(desk.line(&item.category));
    let Some((category, line)) = known else { return desk.absent(&about, item.category, item.private()) };
    let Ok(mut rows) = erasure::rows(desk, line, &permit, view)? else {
        return desk.altered(&about, item.category, item.private());
    };
    let Some(at) = rows.stored.iter().position(|s| s.target().record == item.record.as_str()) else {
        return desk.absent(&about, item.category, item.private());
    };
    let ending = rows.stored.swap_remove(at);
    let work = Work { desk, view, line, category, permit: &permit, about: &about };
    match work.submission(ending, rows)? {
        Err(_) => desk.altered(&about, item.category, item.private()),
        Ok(submission) => Ok(Step::new(submission, |recorded, notes| {
            Finished::Outcome(Outcome {
                status: 200,
                erased: Some(1),
                receipts: receipts(recorded, notes),
                ..Outcome::default()
            })
        })),
    }
}

struct Work<'a> {
    desk: &'a Desk,
    view: &'a View<'a>,
    line: &'a Line,
    category: &'a Category,
    permit: &'a Permit<Erase>,
    about: &'a Attribution,
}

impl Work<'_> {
    fn submission(&self, ending: Stored, rest: erasure::Rows) -> Result<Result<Submission, Altered>, Halt> {
        let index = SubjectIndex::own(self.line, &ending.target().person);
        let destroyed: Vec<KeyId> = std::iter::once(ending.own_key()).chain(ending.other_keys()).collect();
        let (mut batch, mut needs) = (Batch::new(), vec![rest.unchanged]);
        erasure::delete(self.line, self.view, &ending, &mut batch)?;
        let entry = erasure::ended(self.desk, self.permit, self.about, &ending, &destroyed)?;
        let mut used: Vec<KeyId> = ending.key_ids().collect();
        let mut entries = Vec::new();
        if rest.stored.is_empty() {
            let taken = self.line.index_row(self.view, &index)?;
            batch.delete(Family::Keys, index.row_key());
            needs.push(Precondition::unchanged(Family::Keys, index.row_key(), taken.as_deref()));
        } else {
            match self.move_rest(&index, &rest.stored, &mut batch, &mut needs)? {
                Ok(moved) => entries = moved,
                Err(altered) => return Ok(Err(altered)),
            }
            used.extend(rest.stored.iter().flat_map(Stored::key_ids));
        }
        let mut submission = Submission::new(entry, self.permit.epoch(), self.desk.born)
            .with_rows(batch, needs)
            .using(used)
            .destroying(destroyed);
        for entry in entries {
            submission = submission.and(entry);
        }
        Ok(Ok(submission))
    }

    /// The other rows under a new key, each with a leaf that names its new hash.
    fn move_rest(
        &self,
        index: &SubjectIndex,
        rest: &[Stored],
        batch: &mut Batch,
        needs: &mut Vec<Precondition>,
    ) -> Result<Result<Vec<Entry>, Altered>, Halt> {
        let taken = self.line.index_row(self.view, index)?;
        let made = self.line.make_subject(index, taken, batch, needs).map_err(|_| Halt::NotMade)?;
        let (id, key) = (made.0, &made.1);
        let mut entries = Vec::with_capacity(rest.len());
        for stored in rest {
            let resealed = match reseal(self.permit, stored, self.category, &self.desk.keyring, (id, key)) {
                Ok(resealed) => resealed,
                Err(NotSealed::Altered) => return Ok(Err(Altered)),
                Err(NotSealed::Unsealable) => return Err(Halt::NotMade),
            };
            let detail = Detail {
                category: Some(self.category.name),
                version: Some(resealed.sealed.version),
                written: Some(resealed.sealed.written),
                ..Detail::default()
            };
            let private = Private {
                person: ExternalId::new(stored.target().person.as_str()).ok(),
                record: ExternalId::new(resealed.record).ok(),
                version: Some(resealed.sealed.version),
                made: vec![id.to_string()],
                ..Private::default()
            };
            let (common, about) = (&self.desk.common, self.about.about());
            entries.push(Entry::own(Action::RecordsReseal, common, about, detail, private)?);
            batch.put(stored.target().family(), resealed.row_key, resealed.sealed.bytes);
        }
        Ok(Ok(entries))
    }
}

impl Texts for EraseItem {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let EraseItem { category, person, record } = self;
        [Text::of("category", category), Text::of("person", person), Text::of("record", record)].into_iter()
    }
}

impl Item for EraseItem {
    fn category(&self) -> Option<Name> {
        Some(self.category)
    }

    fn private(&self) -> Private {
        Private { person: Some(self.person.clone()), record: Some(self.record.clone()), ..Private::default() }
    }
}
