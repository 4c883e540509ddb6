//! `coffer record export`: the records that persons have in a category, as CSV or lines of JSON.
//!
//! Whose records is said by the caller. The vault looks a person up under keyed names and keeps no list of persons
//! that it could give (docs/ARCHITECTURE.md), so there is none to ask for.

use std::fs::Permissions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coffer_client::{Error, Record, Records, Session};
use coffer_wire::api::{Form, ListItem, ReadItem};
use coffer_wire::problem::Code;
use coffer_wire::schema::SchemaRequest;
use coffer_wire::{ExternalId, Name};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::args::ExportRecords;
use crate::connect::{Desk, Long, envelope, prove};
use crate::failure::Failure;
use crate::output::{count, faint, grouped, note, plain};
use crate::stop::Stop;
use crate::transfer::folder;
use crate::transfer::sheet::Writer;

/// Persons asked for at a time: all that they have is listed in one answer, of up to 1,024 records each.
const PERSONS: usize = 100;
/// Records read at a time.
const RECORDS: usize = 250;
/// For its owner alone, whatever the mask of the shell: values stand in it.
const MODE: u32 = 0o600;

pub async fn run(desk: &Desk, args: ExportRecords) -> Result<(), Failure> {
    if let Some(out) = args.out.as_deref().filter(|out| out.exists()) {
        return Err(Failure::usage(format!("{} exists already", out.display()), "name another file"));
    }
    let mut long = desk.long()?;
    let persons = desk.inputs.persons(&args.persons)?;
    let fields = fields(&args, &long).await?;
    let stop = Stop::watch("stopping when what is under way is answered; once more ends at once")?;
    let target = Target::open(args.out.as_deref())?;
    let to_terminal = args.out.is_none() && io::stdout().is_terminal();
    let mut sheet = Writer::new(target, args.format, &fields, args.spreadsheet_safe, to_terminal)
        .map_err(|error| unwritable(&args, error))?;
    let mut export =
        Export { args: &args, fields, long: &mut long, stop, released: Released::default(), bar: progress() };
    export.all(persons, &mut sheet).await?;
    let mut released = export.released;
    released.formulas = sheet.formulas();
    prove(&long.vault).await?;
    let target = sheet.finish().map_err(|error| unwritable(&args, error))?;
    target.keep().map_err(|error| unwritable(&args, error))?;
    tell(desk, &args, &released)
}

/// What an export has given out.
#[derive(Default, Serialize)]
struct Released {
    persons: u64,
    /// Of these: nothing is there, or nothing that the caller may know of.
    persons_without: u64,
    records: u64,
    /// Records that were not released: what was asked of them rests on a consent that is not in force.
    records_withheld: u64,
    fields: u64,
    /// First and last leaf of the log that came back.
    leaves: Option<(u64, u64)>,
    /// Cells that a spreadsheet would run.
    #[serde(skip)]
    formulas: u64,
}

struct Export<'a, 'b> {
    args: &'a ExportRecords,
    fields: Vec<Name>,
    long: &'a mut Long<'b>,
    stop: Stop,
    released: Released,
    bar: ProgressBar,
}

impl Export<'_, '_> {
    async fn all(&mut self, persons: impl BufRead, sheet: &mut Writer<Target>) -> Result<(), Failure> {
        let mut chunk = Vec::with_capacity(PERSONS);
        for (at, line) in persons.lines().enumerate() {
            let line = line.map_err(|error| Failure::input("the list of persons", error))?;
            let Some(id) = Some(line.trim()).filter(|id| !id.is_empty()) else { continue };
            let person = ExternalId::new(id).map_err(|error| {
                Failure::input(format!("the list of persons, line {}", grouped(at as u64 + 1)), error)
            })?;
            chunk.push((at as u64 + 1, person));
            if chunk.len() == PERSONS {
                self.persons(std::mem::take(&mut chunk), sheet).await?;
            }
        }
        if !chunk.is_empty() {
            self.persons(chunk, sheet).await?;
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    async fn persons(&mut self, persons: Vec<(u64, ExternalId)>, sheet: &mut Writer<Target>) -> Result<(), Failure> {
        let (args, category) = (self.args, self.args.category);
        let items = || {
            persons.iter().map(|(_, person)| ListItem { category, person: person.clone(), not_verified_since: None })
        };
        let list = async |session: &Session| handle(args, session)?.list_each(items().collect()).await;
        let each = self.long.call(&self.stop, list).await?;
        let mut found = Vec::new();
        for ((line, person), listed) in persons.iter().zip(each) {
            self.released.persons += 1;
            match listed {
                Ok(listing) => {
                    self.see(listing.logged.index);
                    found.extend(listing.records.into_iter().map(|listed| (*line, person.clone(), listed.record)));
                }
                Err(refusal) if refusal.code == Code::NotFound => self.released.persons_without += 1,
                Err(refusal) => return Err(at_line(*line, refusal)),
            }
        }
        for some in found.chunks(RECORDS) {
            self.records(some, sheet).await?;
        }
        let (persons, records) = (self.released.persons, self.released.records);
        self.bar.set_message(format!(
            "{}, {}",
            count(persons, "person", "persons"),
            count(records, "record", "records")
        ));
        self.bar.tick();
        if self.stop.asked().await {
            self.bar.finish_and_clear();
            return Err(self.stopped());
        }
        Ok(())
    }

    async fn records(
        &mut self,
        some: &[(u64, ExternalId, ExternalId)],
        sheet: &mut Writer<Target>,
    ) -> Result<(), Failure> {
        let (args, fields) = (self.args, &self.fields);
        let form = if args.masked { Form::Masked } else { Form::Clear };
        let item = |(_, person, record): &(u64, ExternalId, ExternalId)| ReadItem {
            category: args.category,
            person: person.clone(),
            record: record.clone(),
            fields: fields.clone(),
            form,
        };
        let read = async |session: &Session| handle(args, session)?.read_each(some.iter().map(item).collect()).await;
        let each = self.long.call(&self.stop, read).await?;
        for ((line, person, record), read) in some.iter().zip(each) {
            match read {
                Ok(read) => self.release(person, record, &read, sheet)?,
                // Erased since it was listed.
                Err(refusal) if refusal.code == Code::NotFound => {}
                Err(refusal) if refusal.code == Code::NoConsent => self.released.records_withheld += 1,
                Err(refusal) => return Err(at_line(*line, refusal)),
            }
        }
        Ok(())
    }

    fn release(
        &mut self,
        person: &ExternalId,
        record: &ExternalId,
        read: &Record,
        sheet: &mut Writer<Target>,
    ) -> Result<(), Failure> {
        self.see(read.logged.index);
        self.released.records += 1;
        self.released.fields += read.fields.len() as u64;
        sheet.record(person, record, read).map_err(|error| unwritable(self.args, error))
    }

    fn see(&mut self, index: u64) {
        let (first, last) = self.released.leaves.unwrap_or((index, index));
        self.released.leaves = Some((first.min(index), last.max(index)));
    }

    fn stopped(&self) -> Failure {
        let records = count(self.released.records, "record was", "records were");
        match &self.args.out {
            Some(out) => Failure::check(
                "stopped",
                format!("stopped after {records} read, and the log says so; {} was not written", out.display()),
                "run the same command again for all of it",
            ),
            None => Failure::check("stopped", format!("stopped after {records} written out"), ""),
        }
    }
}

/// The fields that were named, else all of the category that are used for the purpose.
async fn fields(args: &ExportRecords, long: &Long<'_>) -> Result<Vec<Name>, Failure> {
    if !args.fields.is_empty() {
        return Ok(args.fields.clone());
    }
    let asked = SchemaRequest { category: Some(args.category) };
    let schema = crate::commands::record::schema(args.schema.as_deref(), long.session(), &asked).await?;
    let category = schema.categories.iter().find(|category| category.name == args.category);
    let category = category.ok_or_else(|| Failure::usage("the schema has no such category", ""))?;
    let used = category.fields.iter().filter(|field| field.purposes.contains(&args.envelope.purpose));
    let fields: Vec<_> = used.map(|field| field.name).collect();
    match fields.is_empty() {
        true => {
            Err(Failure::usage("no field of the category is used for this purpose", "`coffer schema show CATEGORY`"))
        }
        false => Ok(fields),
    }
}

fn handle(args: &ExportRecords, session: &Session) -> Result<Records, Error> {
    envelope(session, args.envelope.clone())
}

fn at_line(line: u64, refusal: coffer_client::Refusal) -> Failure {
    note(format!("the person on line {} of the list cannot be exported; nothing was kept", grouped(line)));
    Error::Refused(refusal).into()
}

fn unwritable(args: &ExportRecords, error: io::Error) -> Failure {
    match &args.out {
        Some(out) => Failure::failed(out.display(), error),
        None => Failure::printing(&error),
    }
}

/// Where an export goes: a file that takes its name when it is whole, or standard output.
enum Target {
    File { part: Box<NamedTempFile>, out: std::path::PathBuf },
    Standard(io::Stdout),
}

impl Target {
    fn open(out: Option<&Path>) -> Result<Target, Failure> {
        let Some(out) = out else { return Ok(Target::Standard(io::stdout())) };
        let open = || -> io::Result<Target> {
            let permissions = Permissions::from_mode(MODE);
            let mut builder = tempfile::Builder::new();
            let part = builder.prefix(".coffer-export-").permissions(permissions).tempfile_in(folder(out))?;
            Ok(Target::File { part: Box::new(part), out: out.to_owned() })
        };
        open().map_err(|error| Failure::failed(out.display(), error))
    }

    /// Only now does the file stand under its name. One that has come there meanwhile stays.
    fn keep(mut self) -> io::Result<()> {
        self.flush()?;
        if let Target::File { part, out } = self {
            part.as_file().sync_all()?;
            part.persist_noclobber(&out)?;
            std::fs::File::open(folder(&out))?.sync_all()?;
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File { part, .. } => part.write(bytes),
            Target::Standard(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File { part, .. } => part.flush(),
            Target::Standard(out) => out.flush(),
        }
    }
}

/// What was released; on standard error where the records stand on standard output.
fn tell(desk: &Desk, args: &ExportRecords, released: &Released) -> Result<(), Failure> {
    let Released { persons, persons_without, records, records_withheld, fields, leaves, formulas } = released;
    if *records_withheld > 0 {
        let records = count(*records_withheld, "record was", "records were");
        note(format!("{records} withheld for want of consent; other fields of them may still be read"));
    }
    if *formulas > 0 {
        let cells = count(*formulas, "cell begins", "cells begin");
        note(format!("{cells} like a formula, which a spreadsheet would run; `--spreadsheet-safe` marks them"));
    }
    let log = leaves
        .map(|(first, last)| format!("leaves {} to {}, with those of others between", grouped(first), grouped(last)));
    if desk.screen.is_json() {
        let report = serde_json::json!({ "export": released });
        return if args.out.is_some() { desk.screen.json_line(&report) } else { note_json(&report) };
    }
    if args.out.is_none() {
        let sums = (count(*records, "record", "records"), count(*fields, "field", "fields"));
        note(format!("{} with {} released; {}", sums.0, sums.1, log.unwrap_or("no leaf of the log".to_owned())));
        return Ok(());
    }
    let mut pairs = vec![("persons", plain(grouped(*persons)))];
    if *persons_without > 0 {
        pairs.push((
            "of these without",
            plain(format!("{} (nothing there, or not for you to know of)", grouped(*persons_without))),
        ));
    }
    pairs.extend([("records", plain(grouped(*records))), ("fields", plain(grouped(*fields)))]);
    pairs.extend(log.map(|log| ("log", faint(log))));
    desk.screen.pairs(pairs)
}

fn note_json(report: &serde_json::Value) -> Result<(), Failure> {
    eprintln!("{report}");
    Ok(())
}

/// Drawn on standard error, and only where that is a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar
}
