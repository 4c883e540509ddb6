//! `coffer record import`: the lines of a CSV file become records, as a map says. What is known to be wrong is said
//! before anything is sent; what was sent is known after any kind of end (`transfer/journal.rs`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use coffer_wire::schema::{SchemaAnswer, SchemaRequest};
use coffer_wire::{Hash, Name};
use indicatif::{ProgressBar, ProgressStyle};
use ring::digest::{Context, SHA256};
use serde::Serialize;

use super::{saved_schema, schema};
use crate::args::Import;
use crate::connect::{Desk, Long, prove};
use crate::failure::Failure;
use crate::input;
use crate::output::{count, faint, green, grouped, maybe, note, plain, red};
use crate::stop::Stop;
use crate::transfer::batch::{Batch, Batches, Record};
use crate::transfer::journal::{Bound, Item, Journal};
use crate::transfer::lines::{Lines, LinesError, Place};
use crate::transfer::map::Map;
use crate::transfer::plan::Plan;
use crate::transfer::refused::{Refused, Report, Told, Why};
use crate::transfer::send::{Sent, send, versions};

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 1 << 16;
const GO_ON: &str = "run the same command again to go on";

pub async fn run(desk: &Desk, args: &Import) -> Result<(), Failure> {
    let map_text = input::text(&args.map)?;
    let map = Map::read(&args.map.display().to_string(), &map_text).map_err(|mistake| Failure::usage(mistake, ""))?;
    if args.dry_run {
        return rehearse(desk, args, &map).await;
    }
    let csv = digest(&args.file)?;
    let mut long = desk.long()?;
    let schema = schema(args.schema.as_deref(), long.session(), &SchemaRequest::default()).await?;
    let mut batches = open(args, &map, &schema)?;
    let vault = Hash::sha256(desk.log_key(None)?.to_string().as_bytes());
    let bound = Bound { csv, map: Hash::sha256(map_text.as_bytes()), vault, update: args.update };
    let journal = Journal::open(&args.file, &bound)?;
    let mut import = Work { desk, args, journal, stop: Stop::watch(STOPPING)?, leaves: None };
    import.greet(&batches)?;
    if !import.journal.state().ended {
        import.all(&mut long, &mut batches).await?;
        prove(&long.vault).await?;
    }
    import.tell()
}

const STOPPING: &str = "stopping when the batch under way is answered; once more ends at once";

/// An import under way.
struct Work<'a> {
    desk: &'a Desk,
    args: &'a Import,
    journal: Journal,
    stop: Stop,
    leaves: Option<(u64, u64)>,
}

type FileBatches = Batches<BufReader<File>>;

impl Work<'_> {
    /// Says what is not imported, and where an import goes on.
    fn greet(&self, batches: &FileBatches) -> Result<(), Failure> {
        if batches.unused() > 0 {
            note(format!(
                "{} not used by the map",
                count(batches.unused() as u64, "column of the file is", "columns of the file are")
            ));
        }
        let (state, path) = (self.journal.state(), self.journal.path().display());
        match (state.ended, state.place()) {
            (true, _) => note(format!("the file was imported before; {path} says so, and without it all begins anew")),
            (false, Some(place)) => note(format!("going on at line {}, as {path} says", grouped(place.line))),
            (false, None) => {}
        }
        Ok(())
    }

    async fn all(&mut self, long: &mut Long<'_>, batches: &mut FileBatches) -> Result<(), Failure> {
        let path = &self.args.file;
        if let Some(place) = self.journal.state().place() {
            batches.resume(place).map_err(|error| Failure::failed(path.display(), error))?;
        }
        let bar = progress(path)?;
        loop {
            let open = self.journal.state().open.clone();
            let Some(batch) = batches.next(open.as_ref()).map_err(|error| unreadable(path, error))? else { break };
            self.one(long, &batch).await?;
            bar.set_position(batch.to.byte);
            bar.set_message(count(self.journal.state().lines, "line", "lines"));
            if self.stop.asked().await {
                bar.finish_and_clear();
                return Err(self.stopped(batch.to));
            }
        }
        bar.finish_and_clear();
        self.journal.end()
    }

    /// One batch, from the journal's "about to be sent" to its "over".
    async fn one(&mut self, long: &mut Long<'_>, batch: &Batch) -> Result<(), Failure> {
        let open = self.journal.state().open.clone();
        let settled = |record: &&Record| open.as_ref().is_some_and(|open| open.is_settled(record.item()));
        let records: Vec<_> = batch.records.iter().filter(|record| !settled(record)).collect();
        let expected = match &open {
            Some(open) if !open.expected.is_empty() => open.expected.clone(),
            _ if self.args.update => versions(long, &self.stop, &records).await?,
            _ => BTreeMap::new(),
        };
        self.journal.begin(batch.from, batch.to, &expected)?;
        let sent = send(long, &self.stop, &records, &expected, open.is_some()).await;
        let Sent { written, mut refused, leaves, cut, in_doubt } = sent;
        self.leaves = span(self.leaves, leaves);
        if let Some(failure) = cut {
            return self.cut(batch, &written, &refused, in_doubt, failure);
        }
        let told_before = |line| open.as_ref().is_some_and(|open| open.is_refused(line));
        refused.extend(batch.refused.iter().filter(|refused| !told_before(refused.line)));
        refused.sort_by_key(|refused| (refused.line, refused.block));
        let before = open.as_ref().map_or(0, |open| open.written.len());
        let written = (before + written.len()) as u64;
        self.journal.done(batch.lines, written, &refused)?;
        self.tell_batch(batch, written, &refused)
    }

    /// Keeps what is certain of a batch that could not be ended.
    fn cut(
        &mut self,
        batch: &Batch,
        written: &[Item],
        refused: &[Refused],
        in_doubt: bool,
        failure: Failure,
    ) -> Result<(), Failure> {
        let before = self.journal.state().open.as_ref().is_some_and(|open| open.holds_something());
        if written.is_empty() && refused.is_empty() && !in_doubt && !before {
            self.journal.unsent()?;
        } else {
            self.journal.settle(written, refused)?;
        }
        note(format!("not all lines from {} on are in the vault; {GO_ON}", grouped(batch.from.line)));
        Err(failure)
    }

    /// What came of a batch, as lines of JSON.
    fn tell_batch(&self, batch: &Batch, written: u64, refused: &[Refused]) -> Result<(), Failure> {
        if !self.desk.screen.is_json() {
            return Ok(());
        }
        for refused in refused {
            self.desk.screen.json_line(&serde_json::json!({ "refused": Told::from(refused) }))?;
        }
        let (from, next) = (batch.from.line, batch.to.line);
        let batch =
            serde_json::json!({ "from_line": from, "next_line": next, "lines": batch.lines, "written": written });
        self.desk.screen.json_line(&serde_json::json!({ "batch": batch }))
    }

    /// What the whole import came to, and how it ends.
    fn tell(&self) -> Result<(), Failure> {
        let state = self.journal.state();
        if let Some(path) = &self.args.refused {
            let mut report = Report::new(path)?;
            self.journal
                .refused(|refused| report.add(refused).map_err(|error| Failure::failed(path.display(), error)))?;
            report.finish(path)?;
        }
        let tally = Tally { lines: state.lines, refused: state.refused, reasons: &state.reasons };
        tally.tell(self.desk, Some((state.written, self.leaves)))?;
        tally.verdict(self.args)
    }

    fn stopped(&self, at: Place) -> Failure {
        let message = format!("stopped before line {}, with all lines before it answered for", grouped(at.line));
        Failure::check("stopped", message, GO_ON)
    }
}

/// What lines came to.
struct Tally<'a> {
    lines: u64,
    refused: u64,
    reasons: &'a BTreeMap<Why, u64>,
}

#[derive(Serialize)]
struct Summary<'a> {
    lines: u64,
    refused_lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<(u64, u64)>,
    reasons: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Name>,
    count: u64,
}

impl Tally<'_> {
    /// `written`: how many records, and in which leaves of the log this run found itself. None: nothing was sent.
    fn tell(&self, desk: &Desk, written: Option<(u64, Option<(u64, u64)>)>) -> Result<(), Failure> {
        let leaves = written.and_then(|(_, leaves)| leaves);
        let written = written.map(|(written, _)| written);
        if desk.screen.is_json() {
            let reason = |(why, count): (&Why, &u64)| {
                let (category, field) = (why.category(), why.field());
                Reason { code: why.as_str(), category, field, count: *count }
            };
            let reasons = self.reasons.iter().map(reason).collect();
            let summary = Summary { lines: self.lines, refused_lines: self.refused, written, leaves, reasons };
            return desk.screen.json_line(&serde_json::json!({ "import": summary }));
        }
        let refused = grouped(self.refused);
        let mut pairs = vec![("lines", plain(grouped(self.lines)))];
        if let Some(written) = written {
            pairs.push(("records written", plain(grouped(written))));
        }
        pairs.push(("lines refused", if self.refused == 0 { green(refused) } else { red(refused) }));
        if let Some((first, last)) = leaves {
            pairs.push((
                "log",
                faint(format!("leaves {} to {}, with those of others between", grouped(first), grouped(last))),
            ));
        }
        desk.screen.pairs(pairs)?;
        if self.reasons.is_empty() {
            return Ok(());
        }
        desk.screen.line([])?;
        let row = |(why, count): (&Why, &u64)| {
            [plain(why.as_str()), maybe(why.category()), maybe(why.field()), plain(grouped(*count)), faint(why.title())]
        };
        desk.screen.table(["code", "category", "field", "times", "what"], self.reasons.iter().map(row).collect())
    }

    fn verdict(&self, args: &Import) -> Result<(), Failure> {
        if self.refused == 0 {
            return Ok(());
        }
        let message = format!("{} of {} refused", grouped(self.refused), count(self.lines, "line", "lines"));
        Err(match &args.refused {
            Some(path) => Failure::check("lines_refused", format!("{message}; {} names them", path.display()), ""),
            None => Failure::check("lines_refused", message, "`--refused FILE` names them by number"),
        })
    }
}

/// Checks every line and sends none.
async fn rehearse(desk: &Desk, args: &Import, map: &Map) -> Result<(), Failure> {
    let schema = match &args.schema {
        Some(path) => saved_schema(path)?,
        None => schema(None, desk.long()?.session(), &SchemaRequest::default()).await?,
    };
    let mut batches = open(args, map, &schema)?;
    let mut report = args.refused.as_deref().map(Report::new).transpose()?;
    let bar = progress(&args.file)?;
    let (mut lines, mut refused, mut reasons) = (0, 0, BTreeMap::<Why, u64>::new());
    while let Some(batch) = batches.next(None).map_err(|error| unreadable(&args.file, error))? {
        for one in &batch.refused {
            *reasons.entry(one.why).or_default() += 1;
            if let Some(report) = &mut report {
                report.add(one).map_err(|error| Failure::failed("the report", error))?;
            }
            if desk.screen.is_json() {
                desk.screen.json_line(&serde_json::json!({ "refused": Told::from(one) }))?;
            }
        }
        lines += batch.lines;
        refused += batch.refused.len() as u64;
        bar.set_position(batch.to.byte);
        bar.set_message(count(lines, "line", "lines"));
    }
    bar.finish_and_clear();
    if let (Some(report), Some(path)) = (report, &args.refused) {
        report.finish(path)?;
    }
    note("nothing was sent; what stands in the vault, rights and payment card numbers only a run shows");
    let tally = Tally { lines, refused, reasons: &reasons };
    tally.tell(desk, None)?;
    tally.verdict(args)
}

/// The file, with the map held against its header and the schema; the header is read.
fn open(args: &Import, map: &Map, schema: &SchemaAnswer) -> Result<FileBatches, Failure> {
    let path = &args.file;
    let file = File::open(path).map_err(|error| Failure::input(path.display(), error))?;
    let mut lines = Lines::new(BufReader::with_capacity(PIECE_BYTES, file), map.delimiter());
    let plan = {
        let header = lines.next().map_err(|error| unreadable(path, error))?;
        let header = header.ok_or_else(|| Failure::input(path.display(), "the file is empty"))?;
        let header = header.cells().ok_or_else(|| Failure::input(path.display(), "the header is not UTF-8 text"))?;
        Plan::new(map, &header, schema, args.update).map_err(|mistake| Failure::usage(mistake, ""))?
    };
    Ok(Batches::new(lines, plan))
}

fn unreadable(path: &Path, error: LinesError) -> Failure {
    Failure::input(path.display(), error)
}

/// SHA-256 of a file, read in pieces.
fn digest(path: &Path) -> Result<Hash, Failure> {
    let read = || -> io::Result<Hash> {
        let (mut file, mut context, mut piece) = (File::open(path)?, Context::new(&SHA256), vec![0; PIECE_BYTES]);
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => context.update(&piece[..read]),
            }
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Ok(Hash::from_bytes(hash))
    };
    read().map_err(|error| Failure::input(path.display(), error))
}

fn span(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    let both = one.zip(other).map(|(one, other)| (one.0.min(other.0), one.1.max(other.1)));
    both.or(one).or(other)
}

/// Drawn on standard error, and only where that is a terminal.
fn progress(path: &Path) -> Result<ProgressBar, Failure> {
    let length = std::fs::metadata(path).map_err(|error| Failure::input(path.display(), error))?.len();
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {msg}, {eta} to go") {
        bar.set_style(style);
    }
    Ok(bar)
}
