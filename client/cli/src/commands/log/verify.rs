//! `coffer log verify`: the whole log, recomputed from its leaves' bytes and held against the signed
//! checkpoint, itself and what was seen before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use coffer_wire::note::{self, Checkpoint, VerifierKey};
use coffer_wire::succession::{NotFollowed, Trust};
use coffer_wire::{Hash, Name};
use serde::Serialize;

use super::walk::{Nowhere, walk_all};
use crate::args::Verify;
use crate::commands::certificate;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::input;
use crate::output::{count, faint, green, grouped, plain, red};
use crate::time::moment;
use crate::verify::Continues;
use crate::verify::dump::{self, Unusable};
use crate::verify::line::{Broken, Ended, Line};

/// What a person does about a log that is wrong.
const ADVICE: &str = "keep what you have and call the operator: this must not happen";

pub async fn run(desk: &Desk, args: &Verify) -> Result<(), Failure> {
    let key = desk.log_key(args.log_key.as_deref())?;
    let since = args.since.as_deref().map(Since::read).transpose()?;
    if let Some(file) = &args.offline.certificate {
        return certificate::verify(desk, file, &trust_of(key, since.as_ref())?);
    }
    let line = match &args.offline.file {
        Some(path) => of_file(path, trust_of(key, since.as_ref())?)?,
        None => of_vault(desk, since.as_ref()).await?,
    };
    let since = since.as_ref().map(|since| since.under(&line.trust)).transpose()?;
    let lost = hold(&line, since.as_ref())?;
    if let Some(path) = &args.remember {
        remember(path, &line)?;
    }
    tell(desk, &line, since.as_ref(), lost)
}

/// Everything that was learned, as one verdict: how many leaves of what is remembered were lost when their log ended.
pub fn hold(line: &Line, since: Option<&Checkpoint>) -> Result<u64, Failure> {
    match line.broken() {
        None => {}
        Some(Broken::Leaf { log, wrong }) => {
            let of = if log == line.checkpoint.origin { String::new() } else { format!(" of {log}") };
            let message = format!("leaf {}{of} is wrong: {}", wrong.index, wrong.fault);
            return Err(Failure::check("leaf_wrong", message, ADVICE).at(wrong.index));
        }
        Some(Broken::Root { log }) => {
            let of = if log == line.checkpoint.origin { String::new() } else { format!(" of {log}") };
            let message = format!(
                "the leaves{of} are not those of the signed root: one was altered together with the hash beside it"
            );
            return Err(Failure::check("root_wrong", message, "`coffer log verify` against the vault names it"));
        }
        Some(Broken::Unnamed { log }) => {
            let message =
                format!("the first leaf of {log} does not say that it follows the log before it, as was signed");
            return Err(Failure::check("log_not_continuous", message, ADVICE));
        }
    }
    let Some(since) = since else { return Ok(0) };
    let (old, new) = (grouped(since.size), grouped(line.checkpoint.size));
    let message = match line.continues(since) {
        (Continues::Yes, lost) => return Ok(lost),
        (Continues::Cut, _) => format!("the log has {new} leaves and had {old}: it was cut"),
        (Continues::Rewritten, _) => {
            format!("the first {old} leaves are not those of the remembered checkpoint: the log was rewritten")
        }
        (Continues::OtherLog, _) => format!("the remembered checkpoint is of the log {}", since.origin),
    };
    Err(Failure::check("log_not_continuous", message, ADVICE))
}

async fn of_vault(desk: &Desk, since: Option<&Since>) -> Result<Line, Failure> {
    let (vault, session) = desk.session_knowing(since.map(|since| since.notes.clone()).unwrap_or_default())?;
    walk_all(&vault, &session, &mut Nowhere).await
}

fn of_file(path: &Path, trust: Trust) -> Result<Line, Failure> {
    let file = File::open(path).map_err(|error| Failure::input(path.display(), error))?;
    dump::read(BufReader::new(file), trust).map_err(|error| match error {
        Unusable::Io(error) => Failure::input(path.display(), error),
        Unusable::Note(error) => {
            let message = format!("{}: its checkpoint does not hold: {error}", path.display());
            Failure::check("checkpoint_wrong", message, "is it a dump of this log, and the log key the right one?")
        }
        Unusable::NotFollowed(error) => not_followed(path.display(), error),
    })
}

fn not_followed(what: impl std::fmt::Display, error: NotFollowed) -> Failure {
    Failure::check("log_not_continuous", format!("{what}: {error}"), ADVICE)
}

/// What an earlier run kept: the notes by which the log was handed on until then, and its checkpoint.
pub struct Since {
    path: PathBuf,
    notes: Vec<String>,
    checkpoint: String,
}

impl Since {
    fn read(path: &Path) -> Result<Since, Failure> {
        let text = input::text(path)?;
        let mut notes: Vec<String> = note::in_a_row(&text).unwrap_or_default().into_iter().map(str::to_owned).collect();
        let checkpoint = notes.pop().unwrap_or(text);
        Ok(Since { path: path.to_owned(), notes, checkpoint })
    }

    fn under(&self, trust: &Trust) -> Result<Checkpoint, Failure> {
        trust.verify(&self.checkpoint).map_err(|error| {
            let message = format!("{}: {error}", self.path.display());
            Failure::check("checkpoint_wrong", message, "`--since` takes what `--remember` wrote, of this log")
        })
    }
}

/// What a log key leads to, by the notes of an earlier run.
fn trust_of(key: VerifierKey, since: Option<&Since>) -> Result<Trust, Failure> {
    let mut trust = Trust::of(key);
    if let Some(since) = since {
        let followed = trust.follow(since.notes.iter().map(String::as_str));
        followed.map_err(|error| not_followed(since.path.display(), error))?;
    }
    Ok(trust)
}

/// What a log key leads to, by the notes in a file.
pub fn trusted(key: VerifierKey, notes: Option<&Path>) -> Result<Trust, Failure> {
    let mut trust = Trust::of(key);
    let Some(path) = notes else { return Ok(trust) };
    let text = input::text(path)?;
    let notes = note::in_a_row(&text).unwrap_or_default();
    trust.follow(notes).map_err(|error| not_followed(path.display(), error))?;
    Ok(trust)
}

/// The checkpoint that an earlier run kept.
pub fn remembered(path: &Path, trust: &Trust) -> Result<Checkpoint, Failure> {
    let since = Since::read(path)?;
    let mut trust = trust.clone();
    let followed = trust.follow(since.notes.iter().map(String::as_str));
    // Fewer notes than are known by now are no fault of a file that is older.
    if let Err(error) = followed
        && error != NotFollowed::Missing
    {
        return Err(not_followed(path.display(), error));
    }
    since.under(&trust)
}

/// Keeps notes and checkpoint in one step: there is always an old one or a new one.
fn remember(path: &Path, line: &Line) -> Result<(), Failure> {
    let text: String = line.trust.notes().flat_map(|note| [note, "\n"]).chain([line.note.as_str()]).collect();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
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
    /// The logs that this one follows, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    follows: Vec<Before>,
    /// Leaves of the remembered checkpoint that were lost when their log ended.
    #[serde(skip_serializing_if = "is_none")]
    lost: u64,
    /// The key that signs now, where it is not the one that was handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_key: Option<String>,
}

#[derive(Serialize)]
struct Before {
    origin: String,
    why: &'static str,
    leaves: u64,
    kept: u64,
}

fn is_none(lost: &u64) -> bool {
    *lost == 0
}

/// What was verified.
pub fn tell(desk: &Desk, line: &Line, since: Option<&Checkpoint>, lost: u64) -> Result<(), Failure> {
    let Line { checkpoint, audit, trust, .. } = line;
    let span_ms = audit.span_ms();
    let since = since.map(|since| since.size);
    let new_key = trust.notes().next().map(|_| trust.key().to_string());
    if desk.screen.is_json() {
        let before = |ended: Ended<'_>| Before {
            origin: ended.end.last.origin.clone(),
            why: ended.end.why.as_str(),
            leaves: ended.end.last.size,
            kept: ended.kept.size,
        };
        return desk.screen.json(&Report {
            verified: true,
            origin: &checkpoint.origin,
            leaves: checkpoint.size,
            root: checkpoint.root,
            first_ms: span_ms.map(|span| span.0),
            last_ms: span_ms.map(|span| span.1),
            controllers: audit.numbers(),
            since,
            follows: line.ended().into_iter().map(before).collect(),
            lost,
            log_key: new_key,
        });
    }
    let mut pairs = vec![("log", plain(&checkpoint.origin)), ("leaves", plain(grouped(checkpoint.size)))];
    if let Some((first_ms, last_ms)) = span_ms {
        pairs.extend([("first", plain(moment(first_ms))), ("last", plain(moment(last_ms)))]);
    }
    pairs.extend([("root", plain(checkpoint.root)), ("signature", green("of the log key that you trust"))]);
    if let Some(key) = new_key {
        pairs.push(("signed now by", plain(format!("{key}, to which your log key leads"))));
    }
    for Ended { end, kept } in line.ended() {
        let (origin, had, kept) = (&end.last.origin, leaves(end.last.size), grouped(kept.size));
        pairs.push(("follows", plain(format!("{origin}, ended ({}) at {had}, {kept} kept", end.why.as_str()))));
    }
    if let Some(size) = since {
        pairs.push(("continues", green(format!("the remembered checkpoint of {}", leaves(size)))));
    }
    if lost > 0 {
        pairs.push(("lost", red(format!("{} of that checkpoint, when its log ended", leaves(lost)))));
    }
    desk.screen.pairs(pairs)?;
    let row = |(controller, number): (&Name, &u64)| {
        [plain(controller), plain(grouped(*number)), faint("1 to last, none missing")]
    };
    desk.screen.table(["controller", "leaves", "numbers"], audit.numbers().iter().map(row).collect())?;
    let all = checkpoint.size + line.ended().iter().map(|ended| ended.kept.size).sum::<u64>();
    desk.screen.line([green("The log holds."), plain(format!(" Each of {} was checked.", leaves(all)))])
}

fn leaves(number: u64) -> String {
    count(number, "leaf", "leaves")
}
