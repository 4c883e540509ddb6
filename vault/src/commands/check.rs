//! `coffer-vault check`: a stopped home held against its log, and the log against what stands
//! outside it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_keys::RootKey;
use coffer_vault::check::{Code, Finding, Home, Looked, Place, Progress, Report, Silent, check};
use coffer_vault::config::Config;
use coffer_vault::store::StoreError;
use coffer_vault::store::rocks::Rocks;
use coffer_wire::escape::{clean, clean_json};
use coffer_wire::note::VerifierKey;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::exit::{Failure, Status};
use super::init::LOG_KEY_FILE;
use super::{open, serve};

#[derive(Args)]
#[command(after_help = "Exit status: 0 nothing is wrong, 1 something is, 78 the home cannot be checked.")]
pub struct Check {
    /// The home directory; no server may run on it
    dir: PathBuf,
    /// Do not read the root key: look at log, tree, head and places only
    #[arg(long)]
    no_seal: bool,
    /// The log's public key as it was handed out (left out: the home's own log.pub, which whoever
    /// changed the home may have changed too)
    #[arg(long, value_name = "KEY")]
    log_key: Option<VerifierKey>,
    /// Name person and record of what is found: personal data then stands in the output
    #[arg(long)]
    show_ids: bool,
    /// Also search everything that is sealed for payment card numbers, which must not be there; tells where one is, never
    /// what it is. Needs the root key
    #[arg(long, conflicts_with = "no_seal")]
    cards: bool,
}

/// The report as JSON.
#[derive(Serialize)]
struct Told<'a> {
    home: &'a Path,
    clean: bool,
    with_seal: bool,
    looked: Looked,
    head_behind: Option<u64>,
    found: u64,
    findings: Vec<Described<'a>>,
    /// How many findings of a code are not listed one by one.
    more: Vec<More>,
}

#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    what: &'static str,
    advice: &'static str,
}

impl<'a> Described<'a> {
    fn of(finding: &'a Finding) -> Described<'a> {
        Described { finding, what: finding.code.what(), advice: finding.code.advice() }
    }
}

#[derive(Serialize)]
struct More {
    code: Code,
    count: u64,
}

/// Checks and tells. Fails with status 1 where anything is wrong.
pub fn run(args: &Check, json: bool) -> Result<(), Failure> {
    serve::harden().map_err(|error| Failure::io("process limits", error))?;
    let config = open::config(&args.dir)?;
    let log_key = match &args.log_key {
        Some(key) => key.clone(),
        None => pinned(&args.dir)?,
    };
    let root = root_key(args, &config)?;
    let engine = Rocks::open(&config.store.data, &open::tuning(&config)).map_err(unopened)?;
    let Check { show_ids, cards, .. } = *args;
    let home = Home { engine: &engine, log_key: &log_key, head: &config.log.head, show_ids, cards };
    let report = match std::io::stderr().is_terminal() && !json {
        true => check(&home, root.as_ref(), &Bar::default()),
        false => check(&home, root.as_ref(), &Silent),
    };
    let report = report.map_err(Failure::config)?;
    match json {
        true => print_json(&config.home, &report),
        false => print_table(&report, cards),
    }
    match report.findings.total() {
        0 => Ok(()),
        1 => Err(Failure::new(Status::Failed, "1 finding")),
        total => Err(Failure::new(Status::Failed, format!("{total} findings"))),
    }
}

/// The log key that was kept when the home was made.
fn pinned(dir: &Path) -> Result<VerifierKey, Failure> {
    let path = dir.join(LOG_KEY_FILE);
    let unusable = |why: String| {
        Failure::config(format!("{}: {why}. Give the log's key with --log-key, as `init` printed it", path.display()))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.to_string()))?;
    text.trim().parse().map_err(|error: coffer_wire::note::VerifierKeyError| unusable(error.to_string()))
}

/// The root key, unless it was left out, or is not at this machine.
fn root_key(args: &Check, config: &Config) -> Result<Option<RootKey>, Failure> {
    if args.no_seal {
        return Ok(None);
    }
    if !config.seal.key_file.exists() && args.cards {
        let file = config.seal.key_file.display();
        return Err(Failure::config(format!("{file} is not there: without the root key nothing can be searched")));
    }
    if !config.seal.key_file.exists() {
        eprintln!("coffer-vault: {} is not there: what is sealed is not looked at", config.seal.key_file.display());
        return Ok(None);
    }
    open::root_key(config).map(Some)
}

/// A damaged store is what a check is there to find; anything else is no home to check.
fn unopened(error: StoreError) -> Failure {
    match error {
        StoreError::Corrupt { detail } => Failure::new(
            Status::Failed,
            format!(
                "the store is damaged and does not open ({detail}): keep a copy of its folder, then restore a backup"
            ),
        ),
        other => Failure::config(other),
    }
}

fn print_json(home: &Path, report: &Report) {
    let findings = &report.findings;
    let told = Told {
        home,
        clean: findings.total() == 0,
        with_seal: report.with_seal,
        looked: report.looked,
        head_behind: report.head_behind,
        found: findings.total(),
        findings: findings.kept().iter().map(Described::of).collect(),
        more: more(report),
    };
    println!("{}", clean_json(&serde_json::to_string_pretty(&told).unwrap_or_default()));
}

fn print_table(report: &Report, cards: bool) {
    let looked = report.looked;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (what, count) in [
        ("leaves", looked.leaves),
        ("tiles", looked.tiles),
        ("private parts", looked.private_parts),
        ("keys", looked.keys),
        ("rows", looked.rows),
    ] {
        table.add_row([what.to_owned(), count.to_string()]);
    }
    if cards {
        table.add_row(["fields searched".to_owned(), looked.fields.to_string()]);
    }
    println!("{table}");
    match report.head_behind {
        Some(0) => println!("The head is at the log's end."),
        Some(behind) => println!("The head is {behind} leaves behind the log's end, as after a kill."),
        None => {}
    }
    if !report.with_seal {
        println!("Without the root key: rows, keys and private parts were not opened.");
    }
    if report.findings.total() == 0 {
        println!("Nothing is wrong.");
        return;
    }
    println!("\n{}", findings_table(report));
    for More { code, count } in more(report) {
        println!("and {count} more of {}", code.as_str());
    }
    println!("\nWhat to do:");
    for code in report.findings.counts().keys() {
        println!("  {:22} {}", code.as_str(), code.advice());
    }
}

fn findings_table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["CODE", "WHERE", "WHAT"]);
    for finding in report.findings.kept() {
        table.add_row([finding.code.as_str().to_owned(), place(&finding.place), what(finding)]);
    }
    table
}

fn more(report: &Report) -> Vec<More> {
    let findings = &report.findings;
    let kept = |code: Code| findings.kept().iter().filter(|finding| finding.code == code).count() as u64;
    let counts = findings.counts().iter().map(|(code, count)| More { code: *code, count: count - kept(*code) });
    counts.filter(|more| more.count > 0).collect()
}

/// Where, in words: `bank of oakvale, leaf 42`.
fn place(place: &Place) -> String {
    let mut text = match (place.category, place.controller) {
        (Some(category), Some(controller)) => format!("{}, {category} of {controller}", place.family),
        (None, Some(controller)) => format!("{}, {controller}", place.family),
        // The family of a category's rows bears its name.
        _ => place.family.clone(),
    };
    // Writing to a String cannot fail.
    if let Some(leaf) = place.leaf {
        let _ = write!(text, ", leaf {leaf}");
    }
    if let Some((level, index)) = place.tile {
        let _ = write!(text, ", level {level} tile {index}");
    }
    if let Some(entry) = place.entry {
        let _ = write!(text, ", {entry}");
    }
    if let Some(key) = &place.key {
        let _ = write!(text, ", key {key}");
    }
    if let Some(field) = place.field {
        let _ = write!(text, ", field {field}");
    }
    text
}

fn what(finding: &Finding) -> String {
    let mut text = finding.code.what().to_owned();
    match (finding.found, finding.expected) {
        (Some(found), Some(expected)) => {
            let _ = write!(text, " There: {found}; should be: {expected}.");
        }
        (None, Some(expected)) => {
            let _ = write!(text, " Should be: {expected}.");
        }
        _ => {}
    }
    if let Some(who) = &finding.who {
        let _ = write!(text, " Person {}, record {}.", clean(&who.person), clean(&who.record));
    }
    text
}

/// Progress on standard error: one bar a stage, gone when it ends.
#[derive(Default)]
struct Bar(RefCell<Option<ProgressBar>>);

impl Progress for Bar {
    fn stage(&self, stage: &'static str, total: Option<u64>) {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg:20} {bar:40} {human_pos} of {human_len}, {eta} to go"),
            None => (ProgressBar::new_spinner(), "{msg:20} {spinner} {human_pos}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        self.end();
        *self.0.borrow_mut() = Some(bar.with_message(stage));
    }

    fn advance(&self, count: u64) {
        if let Some(bar) = &*self.0.borrow() {
            bar.inc(count);
        }
    }
}

impl Bar {
    fn end(&self) {
        if let Some(bar) = self.0.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}
