//! `check --request-successor` and `check --succeed`: a log that cannot go on is closed, as two admins approve, and another
//! opened that follows it. Done on a copy, which takes the place of the store; the store as it was is kept.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer_keys::RootKey;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::line;
use coffer_vault::ledger::start::newest_note;
use coffer_vault::serve::{Closing, Ending, succeed};
use coffer_vault::store::rocks::Rocks;
use coffer_vault::store::{Engine, StoreError};
use coffer_wire::Hash;
use coffer_wire::approval::{Act, Approval, Request};
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::{Succession, Why};
use serde::Serialize;

use super::mend::{Aside, Bench, ask, link, not_repaired, swap, take_head, without_seal};
use crate::commands::approvals::{Judge, refused};
use crate::commands::exit::{Failure, Status};
use crate::commands::init::LOG_KEY_FILE;
use crate::commands::open;

/// A head that is made on the way.
const SCRATCH_HEAD: &str = "head.successor";

/// Reasons that an operator may give; a restore is one by itself, and a lost key is found out.
pub fn why(text: &str) -> Result<Why, String> {
    let why = Why::of(text).filter(|why| ![Why::Restore, Why::KeyLost].contains(why));
    why.ok_or_else(|| "damaged, head-lost or compromised".to_owned())
}

/// What was done or would be.
#[derive(Serialize)]
struct Told<'a> {
    why: &'static str,
    log: &'a str,
    leaves: u64,
    kept: u64,
    successor: String,
    log_key: String,
}

/// The copy on which it is done, and its own head.
struct Bed {
    store: Rocks,
    beside: Aside,
    config: Config,
}

impl Bench<'_> {
    /// `--request-successor`: what two admins have to approve.
    pub fn request_successor(&self, into: &Path, why: Why, seen: &[PathBuf]) -> Result<(), Failure> {
        let root = self.root.ok_or_else(without_seal)?;
        let bed = self.bed()?;
        let (request, _) = self.asked(&bed, root, why, &notes(seen)?)?;
        ask(into, &request)
            .map_err(|error| Failure::new(Status::CannotCreate, format!("{}: {error}", into.display())))?;
        println!(
            "Two admins approve it, each with `coffer approve {} --reason … --out FILE`: {}.",
            into.display(),
            request.detail
        );
        Ok(())
    }

    /// `--succeed`: closes the log and opens its successor.
    pub fn succeed(&self, home: &Path, files: &[PathBuf], seen: &[PathBuf]) -> Result<(), Failure> {
        let root = self.root.ok_or_else(without_seal)?;
        let why = why_of(files)?;
        let (bed, seen) = (self.bed()?, notes(seen)?);
        let (request, closing) = self.asked(&bed, root, why, &seen)?;
        let approved = Judge { config: self.config, engine: &bed.store, root }.approved(&request, files)?;
        let said = format!("{}, {} (approvals {})", request.detail, approved.words, approved.permitted_by);
        if !self.yes {
            return self.tell("succeed", super::mend::Words { what: &request.detail }, true, &said);
        }
        drop(closing);
        let Bed { store, beside, config } = bed;
        let store = Arc::new(store);
        let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&store);
        let clock: Arc<dyn Clock> = Arc::new(System);
        let ending = Ending { why, seen: &seen, said: &said, mended: None };
        let (succession, key) = succeed(&config, &engine, &clock, root, ending).map_err(Failure::config)?;
        drop(engine);
        let store = Arc::try_unwrap(store).map_err(|_| Failure::new(Status::Software, "the store is still in use"))?;
        store.close().map_err(Failure::config)?;
        let data = &self.config.store.data;
        swap(data, &beside.0).map_err(|error| Failure::io(data.display(), error))?;
        self.take_heads(&config.log.head)?;
        if succession.why.is_without_key() {
            hand_out(home, &key).map_err(|error| Failure::io(LOG_KEY_FILE, error))?;
        }
        self.told(&succession, &key)
    }

    fn told(&self, succession: &Succession, key: &VerifierKey) -> Result<(), Failure> {
        let Succession { last, kept, why, .. } = succession;
        let told = Told {
            why: why.as_str(),
            log: &last.origin,
            leaves: last.size,
            kept: kept.size,
            successor: key.name().to_owned(),
            log_key: key.to_string(),
        };
        let how = match why {
            why if why.is_without_key() => "no client follows by itself: hand this key out anew",
            _ => "clients follow by the note that the old key signed",
        };
        let words =
            format!("{} ended at {} leaves; {} follows, under {key}; {how}", last.origin, last.size, key.name());
        self.tell("succeed", told, true, &words)
    }

    /// A copy of the store, as far as it can be read, and of what lies outside it.
    fn bed(&self) -> Result<Bed, Failure> {
        let data = &self.config.store.data;
        let failed = |error| Failure::io(data.display(), error);
        // Whoever serves it holds its lock; what does not open for damage, nobody serves.
        let is_damaged = match Rocks::open(data, &open::tuning(self.config)) {
            Ok(engine) => engine.close().map(|()| false),
            Err(StoreError::Corrupt { .. }) => Ok(true),
            Err(other) => Err(other),
        };
        let is_damaged = is_damaged.map_err(Failure::config)?;
        let beside = Aside::of(data, "successor").map_err(failed)?;
        link(data, &beside.0).map_err(failed)?;
        let opened = match is_damaged {
            false => Rocks::open(&beside.0, &open::tuning(self.config)),
            true => Rocks::open_before_damage(&beside.0, &open::tuning(self.config)),
        };
        let store = opened.map_err(|error| not_repaired(&error))?;
        let (head, scratch) = (&self.config.log.head, self.config.log.head.with_file_name(SCRATCH_HEAD));
        for (from, to) in [(head.clone(), scratch.clone()), (line::path(head), line::path(&scratch))] {
            copied(&from, &to).map_err(|error| Failure::io(to.display(), error))?;
        }
        let mut config = self.config.clone();
        config.log.head = scratch;
        Ok(Bed { store, beside, config })
    }

    /// What there is to approve.
    fn asked(&self, bed: &Bed, root: &RootKey, why: Why, seen: &[String]) -> Result<(Request, Closing), Failure> {
        let (_, keys) = Keyring::open(&bed.store, root).map_err(Failure::config)?;
        let closing = Closing::of(&bed.config, &bed.store, &keys, seen).map_err(Failure::config)?;
        let (last, kept) = (&closing.last, &closing.kept);
        let lost = if closing.why(why) == Why::KeyLost { "; its key is lost, clients need the new one" } else { "" };
        let detail = format!(
            "{}; {} ends at {} leaves, root {}; kept are {} of {}{lost}",
            why.as_str(),
            last.origin,
            last.size,
            last.root,
            kept.size,
            kept.origin
        );
        let old = self.head_note()?.map(|old| Hash::sha256(old.as_bytes()));
        let checkpoint = newest_note(&bed.store).map_err(Failure::config)?;
        let request = Request { act: Act::Succeed, home: self.config.name, old, checkpoint, detail };
        Ok((request, closing))
    }

    /// Head and notes of the successor take the place of those before it. A crash behind the store's change leaves the old
    /// ones, which the next start knows for what they are.
    fn take_heads(&self, scratch: &Path) -> Result<(), Failure> {
        let head = &self.config.log.head;
        let failed = |error| Failure::io(head.display(), error);
        take_head(head, scratch).map_err(failed)?;
        std::fs::rename(line::path(scratch), line::path(head)).map_err(failed)
    }
}

/// Why, as the first of the approvals says it; that all say the same is seen later.
fn why_of(files: &[PathBuf]) -> Result<Why, Failure> {
    let Some(file) = files.first() else { return Err(refused("approval_needed", "there is no approval")) };
    let text = std::fs::read_to_string(file).map_err(|error| Failure::io(file.display(), error))?;
    let (approval, ..) = Approval::parse(&text).map_err(Failure::config)?;
    let word = approval.request.detail.split(';').next().unwrap_or_default();
    why(word).map_err(|_| refused("approval_other", "it was given for another act"))
}

fn notes(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| Failure::io(file.display(), error));
    files.iter().map(read).collect()
}

/// What is not there is not copied, and what an earlier try has left is removed.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    for done in [std::fs::remove_file(to), std::fs::copy(from, to).map(drop)] {
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The new key takes the place of the one that was handed out with the home; that one is kept beside it.
pub fn hand_out(home: &Path, key: &VerifierKey) -> io::Result<()> {
    let path = home.join(LOG_KEY_FILE);
    if path.exists() {
        std::fs::rename(&path, path.with_extension("pub.before"))?;
    }
    std::fs::write(path, format!("{key}\n"))
}
