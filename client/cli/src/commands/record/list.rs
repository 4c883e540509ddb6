//! `coffer record list`: the records of a person in a category.

use coffer_wire::api::{ListItem, Listed};
use serde::Serialize;

use crate::args::List;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::plain;

#[derive(Serialize)]
struct Report {
    records: Vec<Listed>,
    log: InLog,
}

pub async fn run(desk: &Desk, args: List) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let listing = records.list(ListItem { category: args.category, person: args.person }).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { records: listing.records, log: listing.logged.into() });
    }
    let row = |listed: &Listed| [plain(listed.record.as_str()), plain(listed.version)];
    desk.screen.table(["record", "version"], listing.records.iter().map(row).collect())?;
    desk.screen.line([in_log(&listing.logged)])
}
