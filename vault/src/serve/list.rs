//! `records/list`: which records a person has in a category.

use std::sync::Arc;

use coffer_wire::api::{ListItem, Listed, Outcome};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::{ExternalId, Name};

use super::answer::Answered;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::round::{self, Way};
use super::step::{Finished, Halt, Step};
use super::{House, Incoming};
use crate::admit::Ask;
use crate::ledger::{Detail, Entry, Submission};
use crate::seal::{self, Found, ListedRow, Stored, Target};
use crate::store::{View, prefix_digest};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    round::items::<ListItem>(house, incoming, Action::RecordsList, Way::EachBlocking(prepare), None).await
}

fn prepare(desk: &Arc<Desk>, item: &ListItem, view: &View<'_>) -> Result<Step, Halt> {
    let ask = Ask { category: Some(item.category), person: Some(&item.person), ..desk.ask() };
    let permit = match desk.house.gate.permit_list(&desk.caller, &ask) {
        Ok(permit) => permit,
        Err(refusal) => return desk.refuse(refusal.code, item.category, item.private()),
    };
    let Some(line) = desk.line(&item.category) else { return desk.absent(item.category, item.private()) };
    let person = item.person.as_str();
    let (found, rows) = match Stored::all(line, view, (desk.common.controller, item.category, person))? {
        Ok(found) => found,
        Err(_) => return desk.altered(view, item.category, item.private()),
    };
    let (listed, held) = (prefix_digest(&rows), rows.iter().map(|(_, row)| row.len()).sum());
    if found.is_empty() {
        return desk.absent(item.category, item.private());
    }
    let about = desk.attribution(view, person)?;
    let detail = Detail { category: Some(item.category), read: Some(listed), ..Detail::default() };
    let entry = Entry::granted(&permit, &desk.common, about.about(), detail, item.private())?;
    let keys: Vec<_> = found.iter().flat_map(Found::key_ids).collect();
    let submission = Submission::new(entry, permit.epoch(), desk.born).using(keys);

    let desk = Arc::clone(desk);
    let (controller, category) = (desk.common.controller, item.category);
    let since = item.not_verified_since.clone();
    let target = Target { controller, category, person: person.to_owned(), record: String::new() };
    Ok(Step::new(submission, move |mut recorded, notes| {
        let opened = match recorded.pop() {
            Some(recorded) => {
                let stale = desk.force.schema.category(&category).zip(since.as_ref());
                seal::open_list(found, &listed, permit, recorded, &desk.keyring, stale)
            }
            None => Err(coffer_keys::Altered),
        };
        match opened {
            Err(_) => desk.failed(&about, &target),
            Ok((list, spent)) => Finished::Outcome(Outcome {
                status: 200,
                records: Some(list.records.into_iter().filter_map(listed_record).collect()),
                receipts: vec![spent.into_receipt(notes)],
                ..Outcome::default()
            }),
        }
    })
    .holding(held))
}

fn listed_record(listed: ListedRow) -> Option<Listed> {
    let ListedRow { record, version, stale } = listed;
    Some(Listed { record: ExternalId::new(record).ok()?, version, stale })
}

impl Texts for ListItem {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ListItem { category, person, not_verified_since: _ } = self;
        [Text::of("category", category), Text::of("person", person)].into_iter()
    }
}

impl Item for ListItem {
    fn category(&self) -> Option<Name> {
        Some(self.category)
    }

    fn private(&self) -> Private {
        Private { person: Some(self.person.clone()), ..Private::default() }
    }
}
