//! `coffer record list`: the records of a person in a category.

use coffer_wire::api::{ListItem, Listed};
use serde::Serialize;

use crate::args::List;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{list, plain};

#[derive(Serialize)]
struct Report {
    records: Vec<Listed>,
    log: InLog,
}

pub async fn run(desk: &Desk, args: List) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let List { category, person, not_verified_since, .. } = args;
    let asked = not_verified_since.clone();
    let listing = records.list(ListItem { category, person, not_verified_since }).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { records: listing.records, log: listing.logged.into() });
    }
    let row = |listed: &Listed| [plain(listed.record.as_str()), plain(listed.version)];
    match asked {
        None => desk.screen.table(["record", "version"], listing.records.iter().map(row).collect())?,
        Some(day) => {
            let with = |listed: &Listed| {
                let [record, version] = row(listed);
                [record, version, list(&listed.stale)]
            };
            let since = format!("not verified since {day}");
            desk.screen.table(["record", "version", since.as_str()], listing.records.iter().map(with).collect())?;
        }
    }
    desk.screen.line([in_log(&listing.logged)])
}
