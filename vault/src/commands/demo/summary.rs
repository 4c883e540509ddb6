//! What was done, as a table, from the log that was verified.

use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::import::Imported;
use super::keep::{self, Try};
use super::log_copy::Tally;
use super::steps::keys::Keys;
use super::tell::{Step, Tell};
use crate::commands::dev::ThrowAway;

/// The figures of one run.
#[derive(Serialize)]
pub struct Figures {
    records_written: u64,
    records_written_per_s: u64,
    reads_granted: u64,
    lists_granted: u64,
    records_erased: u64,
    refused: u64,
    leaves: u64,
    keys: usize,
    keys_of_persons: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    demo: &'static str,
    /// With `--keep` alone: the vault that is still there, and commands for a shell in its home.
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<&'a Path>,
    #[serde(skip_serializing_if = "<[Try]>::is_empty")]
    r#try: &'a [Try],
    log_key: &'a str,
    steps: &'a [Step],
    figures: &'a Figures,
}

impl Figures {
    pub fn new(tally: Tally, keys: Keys, imported: Imported, time: Duration) -> Figures {
        Figures {
            records_written: tally.written,
            records_written_per_s: (imported.records as f64 / imported.time.as_secs_f64()) as u64,
            reads_granted: tally.read,
            lists_granted: tally.listed,
            records_erased: tally.erased,
            refused: tally.refused,
            leaves: tally.leaves,
            keys: keys.listed,
            keys_of_persons: keys.personal,
            seconds: (time.as_secs_f64() * 10.0).round() / 10.0,
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let mut row = |what: &str, figure: String, remark: &str| {
            table.add_row(vec![what.to_owned(), figure, remark.to_owned()]);
        };
        row("records written", self.records_written.to_string(), "each value sealed under its person's key");
        row("reads granted", self.reads_granted.to_string(), "each in the log before its data");
        row("lists granted", self.lists_granted.to_string(), "");
        row("records erased", self.records_erased.to_string(), "their keys are destroyed");
        row("accesses refused", self.refused.to_string(), "each in the log too");
        row("leaves in the log", self.leaves.to_string(), "all verified");
        row("keys", self.keys.to_string(), "of landlords and categories");
        row("keys of people", self.keys_of_persons.to_string(), "of tenants and staff, stored wrapped");
        row("writes a second", self.records_written_per_s.to_string(), "one caller, in batches, synced");
        row("seconds in all", format!("{:.1}", self.seconds), "");
        if let Some(figures) = table.column_mut(1) {
            figures.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// What was done, as a table.
pub fn table(figures: &Figures, tell: &Tell) {
    tell.chapter("What was done");
    tell.say(&figures.table().trim_fmt());
}

/// `demo: ok`, or all of it as JSON; with the vault that is kept, if one is.
pub fn end(figures: &Figures, tell: &Tell, kept: Option<(&ThrowAway, &[Try])>) {
    if tell.is_json() {
        let (home, tries) = kept.map_or((None, &[][..]), |(vault, tries)| (Some(vault.home.as_path()), tries));
        let report = Report { demo: "ok", home, r#try: tries, log_key: tell.log_key(), steps: tell.steps(), figures };
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
        return;
    }
    tell.say("");
    if kept.is_none() {
        tell.say(&format!("To try it yourself: {} demo --keep", keep::beside("coffer-vault")));
    }
    tell.say("demo: ok");
}
