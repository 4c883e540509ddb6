//! `coffer log verify`: the whole log, recomputed from its leaves' bytes and held against the signed
//! checkpoint, itself and what was seen before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use coffer_wire::note::{Checkpoint, VerifierKey, verify};
use coffer_wire::{Hash, Name};
use serde::Serialize;

use super::walk::walk;
use crate::args::Verify;
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::input;
use crate::output::{count, faint, green, grouped, plain};
use crate::time::moment;
use crate::verify::dump::{self, Unusable};
use crate::verify::{Audit, Continues, continues};

/// What a person does about a log that is wrong.
const ADVICE: &str = "keep what you have and call the operator: this must not happen";

pub async fn run(desk: &Desk, args: &Verify) -> Result<(), Failure> {
    let key = desk.log_key(args.log_key.as_deref())?;
    let since = args.since.as_deref().map(|path| remembered(path, &key)).transpose()?;
    let (checkpoint, note, audit) = match &args.file {
        Some(path) => of_file(path, &key)?,
        None => of_vault(desk).await?,
    };
    hold(&checkpoint, &audit, since.as_ref())?;
    if let Some(path) = &args.remember {
        remember(path, &note)?;
    }
    tell(desk, &checkpoint, &audit, since.as_ref())
}

/// Everything that was learned, as one verdict.
pub fn hold(checkpoint: &Checkpoint, audit: &Audit, since: Option<&Checkpoint>) -> Result<(), Failure> {
    if let Some(wrong) = audit.wrong() {
        let message = format!("leaf {} is wrong: {}", wrong.index, wrong.fault);
        return Err(Failure::check("leaf_wrong", message, ADVICE).at(wrong.index));
    }
    if !audit.agrees_with(checkpoint) {
        let message = "the leaves are not those of the signed root: one was altered together with the hash beside it";
        return Err(Failure::check("root_wrong", message, "`coffer log verify` against the vault names it"));
    }
    let Some(since) = since else { return Ok(()) };
    let (old, new) = (grouped(since.size), grouped(checkpoint.size));
    let message = match continues(audit, checkpoint, since) {
        Continues::Yes => return Ok(()),
        Continues::Cut => format!("the log has {new} leaves and had {old}: it was cut"),
        Continues::Rewritten => {
            format!("the first {old} leaves are not those of the remembered checkpoint: the log was rewritten")
        }
        Continues::OtherLog => format!("the remembered checkpoint is of the log {}", since.origin),
    };
    Err(Failure::check("log_not_continuous", message, ADVICE))
}

async fn of_vault(desk: &Desk) -> Result<(Checkpoint, String, Audit), Failure> {
    let (vault, session) = desk.session()?;
    let (checkpoint, note) = vault.checkpoint().await?;
    let audit = walk(&vault, &session, &checkpoint, |_| Ok(())).await?;
    if audit.wrong().is_none() {
        // Every checkpoint that came on the way must be one with this log too.
        prove(&vault).await?;
    }
    Ok((checkpoint, note, audit))
}

fn of_file(path: &Path, key: &VerifierKey) -> Result<(Checkpoint, String, Audit), Failure> {
    let file = File::open(path).map_err(|error| Failure::input(path.display(), error))?;
    dump::read(BufReader::new(file), key).map_err(|error| match error {
        Unusable::Io(error) => Failure::input(path.display(), error),
        Unusable::Note(error) => {
            let message = format!("{}: its checkpoint does not hold: {error}", path.display());
            Failure::check("checkpoint_wrong", message, "is it a dump of this log, and the log key the right one?")
        }
    })
}

/// The checkpoint that an earlier run kept.
pub fn remembered(path: &Path, key: &VerifierKey) -> Result<Checkpoint, Failure> {
    let note = input::text(path)?;
    verify(&note, key).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::check("checkpoint_wrong", message, "`--since` takes what `--remember` wrote, of this log")
    })
}

/// Keeps the checkpoint in one step: there is always an old one or a new one.
fn remember(path: &Path, note: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| Failure::failed(path.display(), error))
}

#[derive(Serialize)]
struct Report<'a> {
    verified: bool,
    origin: &'a str,
    leaves: u64,
    root: Hash,
    first_ms: Option<u64>,
    last_ms: Option<u64>,
    controllers: &'a BTreeMap<Name, u64>,
    since: Option<u64>,
}

/// What was verified.
pub fn tell(desk: &Desk, checkpoint: &Checkpoint, audit: &Audit, since: Option<&Checkpoint>) -> Result<(), Failure> {
    let span_ms = audit.span_ms();
    let since = since.map(|since| since.size);
    if desk.screen.is_json() {
        return desk.screen.json(&Report {
            verified: true,
            origin: &checkpoint.origin,
            leaves: checkpoint.size,
            root: checkpoint.root,
            first_ms: span_ms.map(|span| span.0),
            last_ms: span_ms.map(|span| span.1),
            controllers: audit.numbers(),
            since,
        });
    }
    let mut pairs = vec![("log", plain(&checkpoint.origin)), ("leaves", plain(grouped(checkpoint.size)))];
    if let Some((first_ms, last_ms)) = span_ms {
        pairs.extend([("first", plain(moment(first_ms))), ("last", plain(moment(last_ms)))]);
    }
    pairs.extend([("root", plain(checkpoint.root)), ("signature", green("of the log key that you trust"))]);
    if let Some(size) = since {
        pairs.push(("continues", green(format!("the remembered checkpoint of {}", leaves(size)))));
    }
    desk.screen.pairs(pairs)?;
    let row = |(controller, number): (&Name, &u64)| {
        [plain(controller), plain(grouped(*number)), faint("1 to last, none missing")]
    };
    desk.screen.table(["controller", "leaves", "numbers"], audit.numbers().iter().map(row).collect())?;
    desk.screen.line([green("The log holds."), plain(format!(" Each of {} was checked.", leaves(checkpoint.size)))])
}

fn leaves(number: u64) -> String {
    count(number, "leaf", "leaves")
}
