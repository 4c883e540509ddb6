//! What a check tells: a table for a person, an object for a program.

use std::fmt::Write as _;
use std::path::Path;

use coffer_vault::check::{Code, Finding, Looked, Place, Report};
use coffer_wire::escape::{clean, clean_json};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// The report as JSON.
#[derive(Serialize)]
struct Told<'a> {
    home: &'a Path,
    /// Whether a server had the home open, so that a copy of its store was checked.
    live: bool,
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

pub fn print_json(home: &Path, live: bool, report: &Report) {
    let findings = &report.findings;
    let told = Told {
        home,
        live,
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

pub fn print_table(live: bool, report: &Report, cards: bool) {
    if live {
        println!("A server has this home open: what it held a moment ago was checked.");
    }
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
