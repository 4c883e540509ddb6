//! `coffer record list`: the records of a person in a category; of many persons, those in which something is stale.

use std::io::BufRead;
use std::path::Path;

use coffer_client::{Logged, Records};
use coffer_wire::api::{ITEMS_MAX, ListItem, Listed};
use coffer_wire::problem::Code;
use coffer_wire::{Day, ExternalId, Name};
use serde::Serialize;

use crate::args::List;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{count, list, plain};

#[derive(Serialize)]
struct Report {
    records: Vec<Listed>,
    log: InLog,
}

/// A record of one of many persons.
#[derive(Serialize)]
struct Stale {
    person: ExternalId,
    #[serde(flatten)]
    listed: Listed,
}

#[derive(Serialize)]
struct StaleReport {
    persons: u64,
    records: Vec<Stale>,
}

pub async fn run(desk: &Desk, args: List) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let (category, since) = (args.category, args.not_verified_since);
    match (args.person, args.persons, since) {
        (Some(person), _, since) => {
            let asked = since.clone();
            let listing = records.list(ListItem { category, person, not_verified_since: since }).await?;
            prove(&vault).await?;
            show(desk, listing.records, &listing.logged, asked)
        }
        (None, Some(file), Some(since)) => {
            let report = all_stale(desk, &records, &file, category, &since).await?;
            prove(&vault).await?;
            show_stale(desk, &report, &since)
        }
        _ => Err(Failure::usage("whose records?", "give `--person`, or `--persons` with `--not-verified-since`")),
    }
}

fn show(desk: &Desk, records: Vec<Listed>, logged: &Logged, since: Option<Day>) -> Result<(), Failure> {
    if desk.screen.is_json() {
        return desk.screen.json(&Report { records, log: (*logged).into() });
    }
    match since {
        None => {
            let row = |listed: &Listed| [plain(listed.record.as_str()), plain(listed.version)];
            desk.screen.table(["record", "version"], records.iter().map(row).collect())?;
        }
        Some(since) => {
            let row = |listed: &Listed| [plain(listed.record.as_str()), plain(listed.version), list(&listed.stale)];
            let since = format!("not verified since {since}");
            desk.screen.table(["record", "version", since.as_str()], records.iter().map(row).collect())?;
        }
    }
    desk.screen.line([in_log(logged)])
}

/// Asks for as many persons at a time as a request takes. Who has nothing here is passed over.
async fn all_stale(
    desk: &Desk,
    records: &Records,
    file: &Path,
    category: Name,
    since: &Day,
) -> Result<StaleReport, Failure> {
    let mut persons = Vec::new();
    for line in desk.inputs.persons(file)?.lines() {
        let line = line.map_err(|error| Failure::input("the list of persons", error))?;
        if let Some(id) = Some(line.trim()).filter(|id| !id.is_empty()) {
            persons.push(ExternalId::new(id).map_err(|error| Failure::input("the list of persons", error))?);
        }
    }
    let mut report = StaleReport { persons: persons.len() as u64, records: Vec::new() };
    for some in persons.chunks(ITEMS_MAX) {
        let not_verified_since = Some(since.clone());
        let item = |person: &ExternalId| ListItem {
            category,
            person: person.clone(),
            not_verified_since: not_verified_since.clone(),
        };
        let each = records.list_each(some.iter().map(item).collect()).await?;
        for (person, listed) in some.iter().zip(each) {
            match listed {
                Ok(listing) => {
                    let stale = listing.records.into_iter().filter(|listed| !listed.stale.is_empty());
                    report.records.extend(stale.map(|listed| Stale { person: person.clone(), listed }));
                }
                Err(refusal) if refusal.code == Code::NotFound => {}
                Err(refusal) => return Err(coffer_client::Error::Refused(refusal).into()),
            }
        }
    }
    Ok(report)
}

fn show_stale(desk: &Desk, report: &StaleReport, since: &Day) -> Result<(), Failure> {
    if desk.screen.is_json() {
        return desk.screen.json(report);
    }
    let row = |stale: &Stale| {
        let Stale { person, listed } = stale;
        [plain(person.as_str()), plain(listed.record.as_str()), plain(listed.version), list(&listed.stale)]
    };
    let since = format!("not verified since {since}");
    desk.screen.table(["person", "record", "version", since.as_str()], report.records.iter().map(row).collect())?;
    let records = count(report.records.len() as u64, "record", "records");
    desk.screen.line([plain(format!("{records} of {}.", count(report.persons, "person", "persons")))])
}
