//! `coffer-vault check`: a home held against its log, and the log against what stands outside it. Where a server has the
//! home open, a copy of its store is looked at, of one moment.

pub(super) mod bar;
pub(super) mod mend;
mod report;
pub mod successor;

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_keys::RootKey;
use coffer_vault::check::{CheckError, Home, check};
use coffer_vault::config::Config;
use coffer_vault::store::StoreError;
use coffer_vault::store::rocks::Rocks;
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::Why;

use super::exit::{Failure, Status};
use super::init::LOG_KEY_FILE;
use super::live::Copy;
use super::{memory, open};
use bar::{Bar, Stop};
use mend::Bench;

#[derive(Args)]
#[command(
    after_help = "Exit status: 0 nothing is wrong, or it was put right; 1 something is, or nothing can be put right so; 73 the running server made no copy, 78 the home cannot be checked, \
                  130 stopped."
)]
pub struct Check {
    /// The home directory; a server may run on it, and is asked for a copy of its store then
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
    #[command(flatten)]
    mend: Mend,
    /// Why the log cannot go on: leaves are damaged; the head is lost, or has seen more than the store; others may hold the log's
    /// key, which is replaced then and handed out anew
    #[arg(long, value_parser = successor::why, requires = "request_successor")]
    why: Option<Why>,
    /// A checkpoint of this log that somebody remembers, for a successor: what it has seen counts as seen
    #[arg(long, value_name = "FILE", requires = "mend")]
    seen: Vec<PathBuf>,
    /// Do it: without this, what would be done is told and nothing is changed
    #[arg(long, requires = "mend")]
    yes: bool,
}

/// What can be put right, of a stopped home; one at a time.
#[derive(Args)]
#[group(id = "mend", multiple = false, conflicts_with_all = ["show_ids", "cards"])]
struct Mend {
    /// Make again what can be made out of the log: tiles, controllers' last numbers, and with the root key the rows that say
    /// which keys a person has
    #[arg(long)]
    rebuild: bool,
    /// Cut what lies behind the newest checkpoint, and the damaged end of a write-ahead log, if what is left is all that the
    /// head has seen. The store as it was is kept
    #[arg(long)]
    repair_tail: bool,
    /// Write into FILE what an admin has to approve where the head is lost or another log's
    #[arg(long, value_name = "FILE", conflicts_with = "yes")]
    request_head: Option<PathBuf>,
    /// Take the store's newest checkpoint for the head, as the approval in FILE permits (`coffer approve`)
    #[arg(long, value_name = "FILE")]
    adopt_head: Option<PathBuf>,
    /// Write into FILE what two admins have to approve where the log cannot go on and is to be followed by another (--why)
    #[arg(long, value_name = "FILE", requires = "why", conflicts_with = "yes")]
    request_successor: Option<PathBuf>,
    /// Close the log and open its successor, as the approvals in the files permit (`coffer approve`); the store as it was is kept
    #[arg(long, value_name = "APPROVAL", num_args = 1..)]
    succeed: Vec<PathBuf>,
}

/// Checks and tells. Fails with status 1 where anything is wrong.
pub fn run(args: &Check, json: bool) -> Result<(), Failure> {
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let stop = Stop::on_signals()?;
    let config = open::config(&args.dir)?;
    let log_key = match &args.log_key {
        Some(key) => key.clone(),
        None => pinned(&args.dir)?,
    };
    let root = root_key(args, &config)?;
    Copy::sweep(&config.store.data);
    let bar = Bar::new(json, stop);
    let bench = Bench { config: &config, log_key: &log_key, root: root.as_ref(), yes: args.yes, json };
    match &args.mend {
        Mend { rebuild: true, .. } => return bench.rebuild(&bar),
        Mend { repair_tail: true, .. } => return bench.repair_tail(),
        Mend { request_head: Some(file), .. } => return bench.request_head(file),
        Mend { adopt_head: Some(file), .. } => return bench.adopt_head(file),
        Mend { request_successor: Some(file), .. } => {
            return bench.request_successor(file, args.why.unwrap_or(Why::Damaged), &args.seen);
        }
        Mend { succeed, .. } if !succeed.is_empty() => return bench.succeed(&args.dir, succeed, &args.seen),
        _ => {}
    }
    let seen = Seen::of(&config)?;
    let Check { show_ids, cards, .. } = *args;
    let home =
        Home { engine: &seen.engine, log_key: &log_key, head: &seen.head, erasures: &seen.erasures, show_ids, cards };
    let report = check(&home, root.as_ref(), &bar).map_err(failed_check)?;
    match json {
        true => report::print_json(&config.home, seen.is_live(), &report),
        false => report::print_table(seen.is_live(), &report, cards),
    }
    match report.findings.total() {
        0 => Ok(()),
        1 => Err(Failure::new(Status::Failed, "1 finding")),
        total => Err(Failure::new(Status::Failed, format!("{total} findings"))),
    }
}

fn failed_check(error: CheckError) -> Failure {
    match error {
        CheckError::Stopped => Failure::new(Status::Interrupted, error),
        CheckError::NoBasis(_) => Failure::new(Status::Failed, error),
        other => Failure::config(other),
    }
}

/// What is looked at: the home's own store and head, or copies of them where a server has the store open.
pub(super) struct Seen {
    // Closed before the copy is removed.
    pub(super) engine: Rocks,
    head: PathBuf,
    erasures: PathBuf,
    copy: Option<Copy>,
}

impl Seen {
    pub(super) fn of(config: &Config) -> Result<Seen, Failure> {
        let locked = match Rocks::open(&config.store.data, &open::tuning(config)) {
            Ok(engine) => {
                let (head, erasures) = (config.log.head.clone(), config.log.erasures.clone());
                return Ok(Seen { engine, head, erasures, copy: None });
            }
            Err(locked @ StoreError::Locked { .. }) => locked,
            Err(other) => return Err(unopened(other)),
        };
        let Some(copy) = Copy::of(&config.store.data)? else { return Err(Failure::config(locked)) };
        let engine = Rocks::open(&copy.data(), &open::tuning(config)).map_err(unopened)?;
        Ok(Seen { engine, head: copy.head(), erasures: copy.erasures(), copy: Some(copy) })
    }

    pub(super) fn is_live(&self) -> bool {
        self.copy.is_some()
    }
}

/// The log key that was kept when the home was made.
pub fn pinned(dir: &Path) -> Result<VerifierKey, Failure> {
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
    if !config.held().key_file.exists() && args.cards {
        let file = config.held().key_file.display();
        return Err(Failure::config(format!("{file} is not there: without the root key nothing can be searched")));
    }
    if !config.held().key_file.exists() {
        eprintln!("coffer-vault: {} is not there: what is sealed is not looked at", config.held().key_file.display());
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
                "the store is damaged and does not open ({detail}): keep a copy of its folder and head, then try --repair-tail; \
                 where that is refused, bring back a copy, data and head together"
            ),
        ),
        other => Failure::config(other),
    }
}
