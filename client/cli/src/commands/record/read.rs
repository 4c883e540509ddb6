//! `coffer record read`: fields of one record, masked unless told otherwise.

use std::collections::BTreeMap;

use coffer_wire::api::{Form, ReadItem, Stamp};
use coffer_wire::{Name, Value};
use serde::Serialize;

use crate::args::Read;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{Piece, faint, plain};

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    form: Form,
    fields: &'a BTreeMap<Name, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    provenance: &'a BTreeMap<Name, Stamp>,
    log: InLog,
}

pub async fn run(desk: &Desk, args: Read) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let form = args.form.unwrap_or(if args.clear { Form::Clear } else { Form::Masked });
    let Read { category, person, record, fields, .. } = args;
    let record = records.read(ReadItem { category, person, record, fields: fields.clone(), form }).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        let (version, log) = (record.version, record.logged.into());
        return desk.screen.json(&Report {
            version,
            form,
            fields: &record.fields,
            provenance: &record.provenance,
            log,
        });
    }
    let row = |field: &Name| [plain(field), shown(record.fields.get(field)), came_in(record.provenance.get(field))];
    desk.screen.table(["field", form.as_str(), "came in"], fields.iter().map(row).collect())?;
    desk.screen.line([faint(format!("version {}, ", record.version)), in_log(&record.logged)])
}

/// Whether it is disputed, whence it came, how sure it is, and under which privacy notice.
fn came_in(stamp: Option<&Stamp>) -> Piece {
    let Some(stamp) = stamp else { return faint("") };
    let source = stamp.source.map(|source| source.as_str().to_owned());
    let notice = stamp.notice.as_ref().map(|notice| format!("notice {notice}"));
    let reference = stamp.reference.as_ref().map(|reference| format!("reference {}", reference.as_str()));
    let confidence = stamp.confidence.map(|confidence| confidence.as_str().to_owned());
    let verified = stamp.verified_at.as_ref().map(|day| format!("verified {day}"));
    let in_confidence = stamp.in_confidence.then(|| "in confidence".to_owned());
    let disputed = stamp.disputed.then(|| "DISPUTED".to_owned());
    let told = [disputed, source, in_confidence, reference, confidence, verified, notice];
    faint(told.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The one place where this program shows a value.
fn shown(value: Option<&Value>) -> Piece {
    value.map_or_else(|| faint("the record does not have it"), |value| plain(value.expose()))
}
