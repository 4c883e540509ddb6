//! `records/erase`: records end. The person's other records in the category are sealed again
//! under a new key, so that the key of the erased ones can be destroyed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use coffer_keys::Altered;
use coffer_wire::api::{EraseItem, Outcome};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::Code;
use coffer_wire::{ExternalId, Name};

use super::answer::Answered;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::round::{self, LotKey, Way};
use super::step::{Finish, Finished, Halt, Lot, Step, receipts};
use super::{House, Incoming, allow, erasure, hold};
use crate::admit::tally::Slot;
use crate::admit::{Ask, Erase, Permit, Refusal};
use crate::keyring::{Line, SubjectIndex};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::schema::Category;
use crate::seal::{Here, NotSealed, Renewed, Stored, Target, reseal};
use crate::store::{Batch, Family, Precondition, Unread, View};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let way = Way::Together(lot_key, prepare);
    round::items::<EraseItem>(house, incoming, Action::RecordsErase, way, Some(rule)).await
}

fn permit(desk: &Desk, item: &EraseItem) -> Result<Permit<Erase>, Refusal> {
    let ask =
        Ask { category: Some(item.category), person: Some(&item.person), record: Some(&item.record), ..desk.ask() };
    desk.house.gate.permit_erase(&desk.caller, &ask)
}

/// What permits the erase today, where it is done already.
fn rule(desk: &Desk, item: &EraseItem) -> Result<String, Refusal> {
    permit(desk, item).map(|permit| permit.rule().to_owned())
}

fn lot_key(item: &EraseItem) -> LotKey {
    (Some(item.category), item.person.clone())
}

/// An item whose record is there, and may be erased.
struct Ending<'a> {
    at: usize,
    item: &'a EraseItem,
    permit: Permit<Erase>,
    slot: Slot,
}

/// Records of one person in one category: their ends are one submission, so that the person's other records there are sealed
/// again once.
fn prepare(desk: &Arc<Desk>, items: &[(usize, &EraseItem)], view: &View<'_>) -> Result<Vec<Lot>, Halt> {
    let (mut lots, mut endings, mut named, mut looked) = (Vec::new(), Vec::new(), HashSet::new(), None);
    for (at, item) in items {
        let (at, item) = (*at, *item);
        let permit = match permit(desk, item) {
            Ok(permit) => permit,
            Err(refusal) => {
                lots.push(desk.refuse(refusal.code, item.category, item.private())?.alone(at));
                continue;
            }
        };
        // Whether or not the record is there, so that it tells nothing of that. They are about one person.
        let holds = match looked.take() {
            Some(holds) => holds,
            None => hold::on(desk, view, item.person.as_str())?,
        };
        match looked.insert(holds) {
            Err(_) => {
                lots.push(desk.altered(view, item.category, item.private())?.alone(at));
                continue;
            }
            Ok(holds) if holds.stand() => {
                lots.push(desk.refuse(Code::OnHold, item.category, item.private())?.alone(at));
                continue;
            }
            Ok(_) => {}
        }
        // Likewise.
        let Some(slot) = allow::slot(desk, vec![item.category]) else {
            lots.push(desk.refuse(Code::TooManyErasures, item.category, item.private())?.alone(at));
            continue;
        };
        // A record that is named twice is not there the second time.
        match named.insert(&item.record) && is_there(desk, item, view)? {
            true => endings.push(Ending { at, item, permit, slot }),
            false => lots.push(desk.absent(item.category, item.private())?.alone(at)),
        }
    }
    if let Some(Ok(holds)) = looked {
        lots.extend(end(desk, endings, holds.unchanged, view)?);
    }
    Ok(lots)
}

/// Whether the record is there; asked of its own row alone, so that the person's others make no difference.
fn is_there(desk: &Desk, item: &EraseItem, view: &View<'_>) -> Result<bool, Unread> {
    let Some(line) = desk.line(&item.category) else { return Ok(false) };
    let target = Target {
        controller: desk.common.controller,
        category: item.category,
        person: item.person.as_str().to_owned(),
        record: item.record.as_str().to_owned(),
    };
    // What does not open is there.
    Ok(!matches!(Stored::find(line, view, &target)?, Ok(Here::Nothing | Here::Erased(_))))
}

/// `unheld`: no hold came meanwhile. One that is numbered before this wins: then this starts again, and finds it.
fn end(desk: &Arc<Desk>, endings: Vec<Ending<'_>>, unheld: Precondition, view: &View<'_>) -> Result<Vec<Lot>, Halt> {
    let Some(Ending { item: EraseItem { category, person, .. }, permit, .. }) = endings.first() else {
        return Ok(Vec::new());
    };
    let (about, category) = (desk.attribution(view, person.as_str())?, *category);
    let alone = |step: Result<Step, Halt>, ending: &Ending<'_>| Ok(step?.alone(ending.at));
    let altered = |ending: &Ending<'_>| alone(desk.altered(view, category, ending.item.private()), ending);
    let Some((category, line)) = desk.force.schema.category(&category).zip(desk.line(&category)) else {
        return endings.iter().map(altered).collect();
    };
    let Ok(rows) = erasure::rows(desk, line, permit, view)? else { return endings.iter().map(altered).collect() };
    let rows_of = |stored: Stored| (stored.target().record.clone(), stored);
    let mut rest: BTreeMap<String, Stored> = rows.stored.into_iter().map(rows_of).collect();
    // One that went since it was looked up is not there.
    let (ending, gone): (Vec<_>, Vec<_>) =
        endings.into_iter().map(|e| (rest.remove(e.item.record.as_str()), e)).partition(|(stored, _)| stored.is_some());
    let absent = gone.iter().map(|(_, e)| alone(desk.absent(category.name, e.item.private()), e));
    let mut lots = absent.collect::<Result<Vec<_>, Halt>>()?;
    let ending: Vec<_> = ending.into_iter().filter_map(|(stored, e)| Some((stored?, e))).collect();
    let rest: Vec<Stored> = rest.into_values().collect();
    let work = Work { desk, view, line, category, about: &about };
    match work.submission(&ending, &rest, vec![rows.unchanged, unheld])? {
        None => {}
        Some(Err(_)) => lots.extend(ending.iter().map(|(_, e)| altered(e)).collect::<Result<Vec<_>, Halt>>()?),
        Some(Ok(submission)) => {
            let counted = allow::counted(desk, ending.iter().map(|(_, e)| &e.slot))?;
            // The leaves of what was sealed again stand behind that of the first record that ended.
            let leaves = std::iter::once(1 + rest.len()).chain(std::iter::repeat(1));
            let parts = ending.into_iter().zip(leaves).map(|((_, e), leaves)| (e.at, leaves, finish(e.slot))).collect();
            lots.push(Lot { submission: submission.with_rows(counted, Vec::new()), parts });
        }
    }
    Ok(lots)
}

fn finish(slot: Slot) -> Finish {
    Box::new(|recorded, notes| {
        slot.keep();
        Finished::Outcome(Outcome {
            status: 200,
            erased: Some(1),
            receipts: receipts(recorded, notes),
            ..Outcome::default()
        })
    })
}

struct Work<'a> {
    desk: &'a Desk,
    view: &'a View<'a>,
    line: &'a Line,
    category: &'a Category,
    about: &'a Attribution,
}

impl Work<'_> {
    /// The ends of some rows, with the rest under a new key. `None` of none.
    fn submission(
        &self,
        ending: &[(Stored, Ending<'_>)],
        rest: &[Stored],
        unchanged: Vec<Precondition>,
    ) -> Result<Option<Result<Submission, Altered>>, Halt> {
        let Some((_, Ending { item, permit, .. })) = ending.first() else { return Ok(None) };
        let (mut batch, mut needs) = (Batch::new(), unchanged);
        let (mut ended, mut destroyed) = (Vec::with_capacity(ending.len()), BTreeSet::new());
        for (stored, Ending { permit, .. }) in ending {
            let ends = std::iter::once(stored.own_key()).chain(stored.other_keys());
            let ends = match self.line.with_former(self.view, ends)? {
                Ok(ends) => ends,
                Err(altered) => return Ok(Some(Err(altered))),
            };
            erasure::delete(self.line, self.view, stored, &mut batch)?;
            ended.push(erasure::ended(self.desk, permit, self.about, stored, &ends)?);
            destroyed.extend(ends);
        }
        let index = SubjectIndex::own(self.line, item.person.as_str());
        let mut moved = Vec::new();
        if rest.is_empty() {
            let taken = self.line.index_row(self.view, &index)?;
            batch.delete(Family::Keys, index.row_key());
            needs.push(Precondition::unchanged(Family::Keys, index.row_key(), taken.as_deref()));
        } else {
            match self.move_rest(permit, &index, rest, &mut batch, &mut needs)? {
                Ok(entries) => moved = entries,
                Err(altered) => return Ok(Some(Err(altered))),
            }
        }
        let mut ended = ended.into_iter();
        let Some(first) = ended.next() else { return Ok(None) };
        let used = ending.iter().map(|(stored, _)| stored).chain(rest).flat_map(Stored::key_ids);
        let submission = Submission::new(first, permit.epoch(), self.desk.born)
            .with_rows(batch, needs)
            .using(used)
            .destroying(destroyed)
            .urgent();
        Ok(Some(Ok(moved.into_iter().chain(ended).fold(submission, Submission::and))))
    }

    /// The other rows under a new key, each with a leaf that names its new hash.
    fn move_rest(
        &self,
        permit: &Permit<Erase>,
        index: &SubjectIndex,
        rest: &[Stored],
        batch: &mut Batch,
        needs: &mut Vec<Precondition>,
    ) -> Result<Result<Vec<Entry>, Altered>, Halt> {
        let taken = self.line.index_row(self.view, index)?;
        let made = self.line.make_subject(index, taken, batch, needs).map_err(|_| Halt::NotMade)?;
        let id = made.0;
        // The rest lies under one key, that of the records which end.
        let Some(old) = rest.first().map(Stored::own_key) else { return Ok(Ok(Vec::new())) };
        let renewed = Renewed::from([(old, made)]);
        let mut entries = Vec::with_capacity(rest.len());
        for stored in rest {
            let resealed = match reseal(permit, stored, self.category, &self.desk.keyring, &renewed) {
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
