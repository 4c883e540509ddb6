//! `subjects/erase`: a person ends in some categories, or in all: every key the person has there is
//! destroyed, also those in other people's records, and every row of the person goes.

use std::sync::Arc;

use coffer_keys::{Altered, KeyId};
use coffer_wire::Name;
use coffer_wire::api::{EraseSubjectItem, Outcome};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;

use super::answer::Answered;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::step::{Finished, Halt, Step, receipts};
use super::{House, Incoming, erasure, round};
use crate::admit::{Ask, EraseSubject, Permit, Refusal};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::seal::Stored;
use crate::store::{Batch, Family, Precondition, View, prefix_digest};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    round::items::<EraseSubjectItem>(house, incoming, Action::SubjectsErase, true, prepare).await
}

fn prepare(desk: &Arc<Desk>, item: &EraseSubjectItem, view: &View<'_>) -> Result<Step, Halt> {
    let about = desk.attribution(view, item.person.as_str())?;
    let permits = match permits(desk, item) {
        Ok(permits) => permits,
        Err((category, refusal)) => return desk.refuse(refusal.code, &about, category, item.private()),
    };
    let mut whole: Option<Submission> = None;
    let mut erased = 0;
    let mut last = None;
    for (category, permit) in &permits {
        last = Some(*category);
        match end(desk, *category, permit, &about, view)? {
            Err(_) => return desk.altered(&about, *category, item.private()),
            Ok(None) => {}
            Ok(Some((submission, rows))) => {
                erased += rows;
                whole = Some(match whole {
                    None => submission,
                    Some(whole) => whole.join(submission),
                });
            }
        }
    }
    match whole {
        None => desk.absent(&about, last.unwrap_or(desk.controller), item.private()),
        Some(submission) => Ok(Step::new(submission, move |recorded, notes| {
            Finished::Outcome(Outcome {
                status: 200,
                erased: Some(erased),
                receipts: receipts(recorded, notes),
                ..Outcome::default()
            })
        })),
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

/// What ends in one category; nothing where the person has neither row nor key there.
fn end(
    desk: &Desk,
    category: Name,
    permit: &Permit<EraseSubject>,
    about: &Attribution,
    view: &View<'_>,
) -> Result<Result<Ending, Altered>, Halt> {
    let Some(line) = desk.line(&category) else { return Ok(Ok(None)) };
    let person = permit.person();
    let rows = match erasure::rows(desk, line, permit, view)? {
        Ok(rows) => rows,
        Err(altered) => return Ok(Err(altered)),
    };
    let index = line.subjects_of(view, person)?;
    let keys = match line.indexed(&index) {
        Ok(keys) => match line.living(view, keys)? {
            Ok(keys) => keys,
            Err(altered) => return Ok(Err(altered)),
        },
        Err(altered) => return Ok(Err(altered)),
    };
    if rows.stored.is_empty() && keys.is_empty() {
        return Ok(Ok(None));
    }
    let mut destroyed = keys;
    destroyed.extend(rows.stored.iter().flat_map(Stored::other_keys));
    let (mut batch, mut entries) = (Batch::new(), Vec::new());
    for stored in &rows.stored {
        erasure::delete(line, view, stored, &mut batch)?;
        entries.push(erasure::ended(desk, permit, about, stored, &destroyed)?);
    }
    if rows.stored.is_empty() {
        entries.push(keys_ended(desk, category, permit, about, &destroyed)?);
    }
    index.iter().for_each(|(key, _)| batch.delete(Family::Keys, key.clone()));
    let prefix = line.subjects_prefix(person);
    let unchanged = Precondition::Prefix { family: Family::Keys, prefix, digest: prefix_digest(&index) };
    let mut entries = entries.into_iter();
    let Some(first) = entries.next() else { return Ok(Ok(None)) };
    let mut submission = Submission::new(first, permit.epoch(), desk.born)
        .with_rows(batch, vec![rows.unchanged, unchanged])
        .using(rows.stored.iter().flat_map(Stored::key_ids).collect::<Vec<_>>())
        .destroying(destroyed);
    for entry in entries {
        submission = submission.and(entry);
    }
    Ok(Ok(Some((submission, rows.stored.len() as u32))))
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
