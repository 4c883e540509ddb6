//! `records/read`: fields of records, clear, masked or, of a date of birth, as an age.
//!
//! The whole read, top to bottom: decide, which needs no look at anything stored; find the sealed row; look under whose
//! key the log speaks of the person; record the access; and only when its leaf is on disk, open what the permit names.

use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::api::{Outcome, ReadItem};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::Code;

use super::answer::Answered;
use super::desk::Desk;
use super::fields;
use super::guard::{Item, Text, Texts};
use super::round::{self, Way};
use super::step::{Finished, Halt, Step};
use super::{House, Incoming};
use crate::admit::Ask;
use crate::ledger::{Detail, Entry, Submission};
use crate::seal::{self, Here, Stored, Target};
use crate::store::{Batch, Precondition, View};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    round::items::<ReadItem>(house, incoming, Action::RecordsRead, Way::Each(prepare), None).await
}

fn prepare(desk: &Arc<Desk>, item: &ReadItem, view: &View<'_>) -> Result<Step, Halt> {
    let ask = Ask {
        category: Some(item.category),
        person: Some(&item.person),
        record: Some(&item.record),
        fields: &item.fields,
        form: Some(item.form),
        ..desk.ask()
    };
    let permit = match desk.house.gate.permit_read(&desk.caller, &ask) {
        Ok(permit) => permit,
        Err(refusal) => return desk.refuse(refusal.code, item.category, item.private()),
    };
    let known = desk.force.schema.category(&item.category).zip(desk.line(&item.category));
    let Some((category, line)) = known else {
        return desk.absent(item.category, item.private());
    };
    let stored = match Stored::find(line, view, &target(desk, item))? {
        Ok(Here::Record(stored)) => stored,
        Ok(Here::Nothing | Here::Erased(_)) => return desk.absent(item.category, item.private()),
        Err(_) => return desk.altered(view, item.category, item.private()),
    };
    if !fields::may_be_shown(category, &stored, &item.fields) {
        return desk.refuse(Code::NoConsent, item.category, item.private());
    }
    // Where consent counts, no read stands behind a withdrawal in the log: it would look again.
    let unchanged = || {
        let row_key = stored.target().row_key(line).to_vec();
        Precondition::unchanged(stored.target().family(), row_key, Some(stored.bytes()))
    };
    let needs = category.consent.is_some().then(unchanged);
    let about = desk.attribution(view, item.person.as_str())?;
    let detail = Detail {
        category: Some(item.category),
        version: Some(stored.version()),
        read: Some(stored.hash()),
        ..Detail::default()
    };
    let entry = Entry::granted(&permit, &desk.common, about.about(), detail, item.private())?;
    let submission = Submission::new(entry, permit.epoch(), desk.born)
        .using(stored.key_ids())
        .with_rows(Batch::new(), needs.into_iter().collect());
    let held = stored.bytes().len();

    let desk = Arc::clone(desk);
    Ok(Step::new(submission, move |mut recorded, notes| {
        let category = desk.force.schema.category(&stored.target().category);
        let opened = match (recorded.pop(), category) {
            (Some(recorded), Some(category)) => {
                let now_ms = desk.house.clock.now_ms();
                seal::open(&stored, category, permit, recorded, &desk.keyring, now_ms)
            }
            _ => Err(coffer_keys::Altered),
        };
        match opened {
            Err(_) => desk.failed(&about, stored.target()),
            Ok((opened, spent)) => Finished::Outcome(Outcome {
                status: 200,
                version: Some(opened.version),
                fields: Some(opened.plain.into_values()),
                provenance: opened.provenance,
                receipts: vec![spent.into_receipt(notes)],
                ..Outcome::default()
            }),
        }
    })
    .holding(held))
}

fn target(desk: &Desk, item: &ReadItem) -> Target {
    Target {
        controller: desk.common.controller,
        category: item.category,
        person: item.person.as_str().to_owned(),
        record: item.record.as_str().to_owned(),
    }
}

impl Texts for ReadItem {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let ReadItem { category, person, record, fields, form: _ } = self;
        let place = [Text::of("category", category), Text::of("person", person), Text::of("record", record)];
        place.into_iter().chain(fields.iter().map(|field| Text::of("fields", field)))
    }
}

impl Item for ReadItem {
    fn category(&self) -> Option<Name> {
        Some(self.category)
    }

    fn private(&self) -> Private {
        Private {
            person: Some(self.person.clone()),
            record: Some(self.record.clone()),
            fields: self.fields.clone(),
            form: Some(self.form),
            ..Private::default()
        }
    }
}
