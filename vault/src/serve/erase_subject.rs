//! `subjects/erase`: a person ends in some categories, or in all: every key the person has there is
//! destroyed, also those in other people's records, and every row of the person goes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use coffer_keys::{Altered, KeyId};
use coffer_wire::Name;
use coffer_wire::api::{EraseSubjectItem, Outcome};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::Code;

use super::answer::Answered;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::round::{self, LotKey, Way};
use super::step::{Finished, Halt, Lot, Step, receipts};
use super::{House, Incoming, allow, erasure, hold};
use crate::admit::{Ask, EraseSubject, Permit, Refusal};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::seal::Stored;
use crate::store::{Batch, Family, Precondition, View, prefix_digest};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let way = Way::Together(lot_key, prepare);
    round::items::<EraseSubjectItem>(house, incoming, Action::SubjectsErase, way, Some(rule)).await
}

/// What permits the erase today, where it is done already: the rule of the first category.
fn rule(desk: &Desk, item: &EraseSubjectItem) -> Result<String, Refusal> {
    let permits = permits(desk, item).map_err(|(_, refusal)| refusal)?;
    Ok(permits.first().map(|(_, permit)| permit.rule().to_owned()).unwrap_or_default())
}

fn lot_key(item: &EraseSubjectItem) -> LotKey {
    (None, item.person.clone())
}

/// What items before have come to in a category of the person.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Ended,
    Altered,
}

/// Items about one person: each category is looked at once, and nothing is left there for an item that names it again.
fn prepare(desk: &Arc<Desk>, items: &[(usize, &EraseSubjectItem)], view: &View<'_>) -> Result<Vec<Lot>, Halt> {
    let mut seen = BTreeMap::new();
    let one = |(at, item): &(usize, &EraseSubjectItem)| Ok(erase(desk, item, view, &mut seen)?.alone(*at));
    items.iter().map(one).collect()
}

fn erase(
    desk: &Arc<Desk>,
    item: &EraseSubjectItem,
    view: &View<'_>,
    seen: &mut BTreeMap<Name, Seen>,
) -> Result<Step, Halt> {
    let permits = match permits(desk, item) {
        Ok(permits) => permits,
        Err((category, refusal)) => return desk.refuse(refusal.code, category, item.private()),
    };
    let last = permits.last().map_or(desk.controller, |(category, _)| *category);
    if let Some((category, _)) = permits.iter().find(|(category, _)| seen.get(category) == Some(&Seen::Altered)) {
        return desk.altered(view, *category, item.private());
    }
    let Ok(holds) = hold::on(desk, view, item.person.as_str())? else {
        return desk.altered(view, last, item.private());
    };
    if holds.stand() {
        return desk.refuse_item(Code::OnHold, item.category(), item.private());
    }
    let Some(slot) = allow::slot(desk, permits.iter().map(|(category, _)| *category).collect()) else {
        return desk.refuse_item(Code::TooManyErasures, item.category(), item.private());
    };
    let (mut endings, mut erased, mut about) = (Vec::new(), 0, None);
    for (category, permit) in permits.iter().filter(|(category, _)| !seen.contains_key(category)) {
        match end(desk, *category, permit, &mut about, view)? {
            Err(_) => {
                seen.insert(*category, Seen::Altered);
                return desk.altered(view, *category, item.private());
            }
            Ok(None) => {}
            Ok(Some((submission, rows))) => {
                erased += rows;
                endings.push(submission);
            }
        }
    }
    seen.extend(permits.iter().map(|(category, _)| (*category, Seen::Ended)));
    match Submission::join(endings) {
        None => desk.absent(last, item.private()),
        // A hold that is numbered before this wins: then this starts again, and finds it.
        Some(submission) => {
            let counted = allow::counted(desk, [&slot])?;
            Ok(Step::new(submission.with_rows(counted, vec![holds.unchanged]), move |recorded, notes| {
                slot.keep();
                Finished::Outcome(Outcome {
                    status: 200,
                    erased: Some(erased),
                    receipts: receipts(recorded, notes),
                    ..Outcome::default()
                })
            }))
        }
    }
}

/// A permit for each category, or the first refusal: all or nothing.
fn permits(desk: &Desk, item: &EraseSubjectItem) -> Result<Vec<(Name, Permit<EraseSubject>)>, (Name, Refusal)> {
    let all = || desk.force.schema.iter().map(|category| category.name).collect();
    let mut categories = if item.categories.is_empty() { all() } else { item.categories.clone() };
    categories.sort();
    categories.dedup();
    let permit = |category: Name| {
        let ask = Ask { category: Some(category), person: Some(&item.person), ..desk.ask() };
        let permit = desk.house.gate.permit_erase_subject(&desk.caller, &ask);
        permit.map(|permit| (category, permit)).map_err(|refusal| (category, refusal))
    };
    categories.into_iter().map(permit).collect()
}

type Ending = Option<(Submission, u32)>;

/// What ends in one category; nothing where the person has neither row nor key there. `about` is looked up where there is
/// something.
fn end(
    desk: &Desk,
    category: Name,
    permit: &Permit<EraseSubject>,
    about: &mut Option<Attribution>,
    view: &View<'_>,
) -> Result<Result<Ending, Altered>, Halt> {
    let Some(line) = desk.line(&category) else { return Ok(Ok(None)) };
    let person = permit.person();
    let rows = match erasure::rows(desk, line, permit, view)? {
        Ok(rows) => rows,
        Err(altered) => return Ok(Err(altered)),
    };
    let (index, keys) = match line.subjects_of(view, person)? {
        Ok(found) => found,
        Err(altered) => return Ok(Err(altered)),
    };
    if rows.stored.is_empty() && keys.is_empty() {
        return Ok(Ok(None));
    }
    let about = match about {
        Some(about) => about,
        None => about.insert(desk.attribution(view, person)?),
    };
    let in_rows: HashSet<KeyId> = rows.stored.iter().flat_map(ends_with).collect();
    // The first leaf also names keys that the person has in other people's records.
    let elsewhere = keys.iter().filter(|id| !in_rows.contains(id)).copied();
    let mut elsewhere = match line.with_former(view, elsewhere)? {
        Ok(elsewhere) => elsewhere,
        Err(altered) => return Ok(Err(altered)),
    };
    let mut destroyed: HashSet<KeyId> = elsewhere.iter().copied().collect();
    let (mut batch, mut entries) = (Batch::new(), Vec::new());
    for stored in &rows.stored {
        erasure::delete(line, view, stored, &mut batch)?;
        let mut ends = match line.with_former(view, ends_with(stored))? {
            Ok(ends) => ends,
            Err(altered) => return Ok(Err(altered)),
        };
        ends.append(&mut elsewhere);
        destroyed.extend(&ends);
        entries.push(erasure::ended(desk, permit, about, stored, &ends)?);
    }
    if rows.stored.is_empty() {
        entries.push(keys_ended(desk, category, permit, about, &elsewhere)?);
    }
    index.iter().for_each(|(key, _)| batch.delete(Family::Keys, key.clone()));
    let prefix = line.subjects_prefix(person);
    let unchanged = Precondition::Prefix { family: Family::Keys, prefix, digest: prefix_digest(&index) };
    let mut entries = entries.into_iter();
    let Some(first) = entries.next() else { return Ok(Ok(None)) };
    let submission = Submission::new(first, permit.epoch(), desk.born)
        .with_rows(batch, vec![rows.unchanged, unchanged])
        .using(rows.stored.iter().flat_map(Stored::key_ids).collect::<Vec<_>>())
        .destroying(destroyed)
        .urgent();
    Ok(Ok(Some((entries.fold(submission, Submission::and), rows.stored.len() as u32))))
}

/// The keys that end with a row of the person's.
fn ends_with(stored: &Stored) -> impl Iterator<Item = KeyId> + '_ {
    std::iter::once(stored.own_key()).chain(stored.other_keys())
}

/// The leaf of a person who had no record here, but a part in other people's.
fn keys_ended(
    desk: &Desk,
    category: Name,
    permit: &Permit<EraseSubject>,
    about: &Attribution,
    destroyed: &[KeyId],
) -> Result<Entry, Halt> {
    let detail = Detail { category: Some(category), ..Detail::default() };
    let private = Private {
        person: coffer_wire::ExternalId::new(permit.person()).ok(),
        destroyed: destroyed.iter().map(KeyId::to_string).collect(),
        ..Private::default()
    };
    Ok(Entry::granted(permit, &desk.common, about.about(), detail, private)?)
}

impl Texts for EraseSubjectItem {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let EraseSubjectItem { person, categories } = self;
        let categories = categories.iter().map(|category| Text::of("categories", category));
        [Text::of("person", person)].into_iter().chain(categories)
    }
}

impl Item for EraseSubjectItem {
    fn category(&self) -> Option<Name> {
        match self.categories[..] {
            [category] => Some(category),
            _ => None,
        }
    }

    fn private(&self) -> Private {
        Private { person: Some(self.person.clone()), ..Private::default() }
    }
}
