//! `coffer record write`: fields of one record, from a file or standard input.

use coffer_wire::api::WriteItem;
use coffer_wire::{Known, Name};
use serde::Serialize;

use crate::args::Write;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::plain;

#[derive(Serialize)]
struct Report {
    version: u32,
    log: InLog,
}

pub async fn run(desk: &Desk, args: Write) -> Result<(), Failure> {
    // The token first: where both lie on standard input, that is said before anything is read.
    let (vault, records) = desk.records(args.envelope)?;
    let said = |fields: Vec<Name>, is: bool| fields.into_iter().map(move |field| (field, is));
    let disputed = said(args.disputed, true).chain(said(args.settled, false));
    let item = WriteItem {
        category: args.category,
        person: args.person,
        record: args.record,
        expected_version: args.expected_version,
        source: args.source,
        known: Known {
            reference: args.reference,
            verified_at: args.verified_at,
            confidence: args.confidence,
            in_confidence: args.in_confidence,
            verified: args.verified,
            disputed: disputed.collect(),
        },
        fields: desk.inputs.fields(&args.fields_file)?,
        about: args.about.into_iter().collect(),
    };
    let written = records.write(item).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { version: written.version, log: written.logged.into() });
    }
    desk.screen.line([plain(format!("Written as version {}.  ", written.version)), in_log(&written.logged)])
}
