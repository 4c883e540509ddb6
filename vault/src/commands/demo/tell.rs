//! How the story is told: chapters, and in each a line a step: where the log has it, who, does what,
//! and what came of it.

use std::io::IsTerminal;

use coffer_client::{Logged, Refusal};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::ThrowAway;

/// Widths of the columns, in characters.
const LEAF: usize = 6;
const WHO: usize = 18;
const DOES: usize = 46;

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// Says what happens, as it happens; with `--json` it is silent and keeps the steps.
pub struct Tell {
    json: bool,
    colours: bool,
    who: String,
    does: String,
    log_key: String,
    steps: Vec<Step>,
}

/// A step that came out as told.
#[derive(Serialize)]
pub struct Step {
    who: String,
    does: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<u64>,
    refused: bool,
    came: String,
}

impl Tell {
    pub fn new(json: bool) -> Tell {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let (who, does) = ("coffer-vault".to_owned(), "makes the vault".to_owned());
        Tell { json, colours, who, does, log_key: String::new(), steps: Vec::new() }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The log's key, of the vault that the story happens in.
    pub fn log_key(&self) -> &str {
        &self.log_key
    }

    pub fn opening(&self) {
        let lines = [
            &self.paint(BOLD, "Coffer: personal data under keys of its own, nothing released unlogged."),
            "Two landlords share a vault. A line is an act: its leaf in the access log, who does what, what came of it.",
        ];
        lines.iter().for_each(|line| self.say(line));
    }

    /// The vault that the story happens in.
    pub fn vault(&mut self, vault: &ThrowAway) {
        self.log_key.clone_from(&vault.log_key);
        self.chapter("A vault is made");
        let port = vault.served.listener.address().port();
        let controllers: Vec<_> = vault.config.controllers.iter().map(|c| c.title.as_str()).collect();
        self.fact("listens", &format!("https://localhost:{port}, TLS 1.3 only, both sides show a certificate"));
        self.fact("landlords", &controllers.join(", "));
        self.fact("applications", &format!("{}, each with its own certificate", applications(vault)));
        self.fact("log key", &vault.log_key);
    }

    pub fn chapter(&self, title: &str) {
        self.say("");
        self.say(&self.paint(BOLD, title));
    }

    /// What stands in the columns of the lines that follow, where they are no acts of a person.
    pub fn heading(&self, who: &str, does: &str, came: &str) {
        self.say(&self.paint(DIM, &format!("{:>LEAF$}  {who:WHO$}  {does:DOES$}  {came}", "leaf")));
    }

    fn fact(&self, name: &str, text: &str) {
        self.say(&format!("{:LEAF$}  {name:WHO$}  {text}", ""));
    }

    /// What is tried now. A failure names it.
    pub fn step(&mut self, who: &str, does: impl Into<String>) {
        (self.who, self.does) = (who.to_owned(), does.into());
    }

    /// The step that is under way, for the sentence about its failure.
    pub fn now(&self) -> String {
        format!("{} {}", self.who, self.does)
    }

    /// It was granted, and this came of it.
    pub fn granted(&mut self, logged: Option<Logged>, came: impl Into<String>) {
        self.came(logged, false, came.into());
    }

    /// It was refused, as it should be.
    pub fn refused(&mut self, refusal: &Refusal) {
        let came = format!("refused: {} {}", refusal.code.status(), refusal.code);
        self.came(refusal.logged().first().copied(), true, came);
    }

    fn came(&mut self, logged: Option<Logged>, refused: bool, came: String) {
        let leaf = logged.map(|logged| logged.index);
        let number = leaf.map(|leaf| leaf.to_string()).unwrap_or_default();
        let outcome = self.paint(if refused { YELLOW } else { GREEN }, &came);
        let number = self.paint(DIM, &format!("{number:>LEAF$}"));
        self.say(&format!("{number}  {:WHO$}  {:DOES$}  {outcome}", self.who, self.does));
        let (who, does) = (self.who.clone(), self.does.clone());
        self.steps.push(Step { who, does, leaf, refused, came });
    }

    /// Progress of a long step, which is gone when it ends. Shown on a terminal only.
    pub fn progress(&self, what: &str, length: u64) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("        {msg:18}  {bar:40} {pos} of {len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.with_message(what.to_owned())
    }

    /// A line for a person.
    pub fn say(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// As much of a long value as has room.
pub fn short(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn applications(vault: &ThrowAway) -> String {
    let names: Vec<_> = vault.config.applications.iter().map(|a| a.name.as_str()).collect();
    names.join(", ")
}
