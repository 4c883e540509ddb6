//! What a check can put right: derived rows, a damaged tail, a lost head. Each tells first what it would do, and does it
//! with `--yes`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use coffer_keys::RootKey;
use coffer_vault::check::{Home, NotCut, Rebuilt, cut_tail, rebuild};
use coffer_vault::clock::System;
use coffer_vault::config::Config;
use coffer_vault::ledger::erasures;
use coffer_vault::ledger::head::{self, HeadFile};
use coffer_vault::ledger::line::Line;
use coffer_vault::ledger::start::newest_note;
use coffer_vault::serve::{House, Mended};
use coffer_vault::store::rocks::Rocks;
use coffer_vault::store::{Engine, StoreError};
use coffer_wire::Hash;
use coffer_wire::approval::{Act, Request};
use coffer_wire::leaf::Action;
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::Trust;
use serde::Serialize;

use super::bar::Bar;
use super::{failed_check, unopened};
use crate::commands::approvals::{Judge, refused};
use crate::commands::exit::{Failure, Status};
use crate::commands::open;

/// A head file that was made on the way.
const SCRATCH_HEAD: &str = "head.new";

/// What every way of putting right needs.
pub struct Bench<'a> {
    pub config: &'a Config,
    pub log_key: &'a VerifierKey,
    pub root: Option<&'a RootKey>,
    /// Do it, and do not only tell.
    pub yes: bool,
    pub json: bool,
}

/// What is told, as JSON.
#[derive(Serialize)]
struct Told<T> {
    home: PathBuf,
    act: &'static str,
    done: bool,
    #[serde(flatten)]
    what: T,
}

impl Bench<'_> {
    /// `--rebuild`.
    pub fn rebuild(&self, bar: &Bar) -> Result<(), Failure> {
        let engine = self.store()?;
        let head = &self.config.log.head;
        let erasures = &self.config.log.erasures;
        let home = Home { engine: &engine, log_key: self.log_key, head, erasures, show_ids: false, cards: false };
        let made = rebuild(&home, self.root, bar, !self.yes).map_err(failed_check)?;
        let Rebuilt { tiles, numbers, index_rows } = made;
        let seal = if self.root.is_some() { "" } else { " (not looked at without the root key)" };
        let words = format!("{tiles} tiles, {numbers} last numbers, {index_rows} index rows{seal}");
        self.tell("rebuild", made, made != Rebuilt::default(), &words)
    }

    /// `--repair-tail`: on a copy, which takes the place of the store once it is proved.
    pub fn repair_tail(&self) -> Result<(), Failure> {
        let data = &self.config.store.data;
        let failed = |error| Failure::io(data.display(), error);
        // Whoever serves it holds its lock; what does not open for damage, nobody serves.
        let damage = match Rocks::open(data, &open::tuning(self.config)) {
            Ok(engine) => engine.close().map(|()| None),
            Err(StoreError::Corrupt { detail }) => Ok(Some(detail)),
            Err(other) => Err(other),
        };
        let damage = damage.map_err(Failure::config)?;
        let beside = Aside::of(data, "repair").map_err(failed)?;
        link(data, &beside.0).map_err(failed)?;
        let copy = match damage {
            None => Rocks::open(&beside.0, &open::tuning(self.config)),
            Some(_) => Rocks::open_before_damage(&beside.0, &open::tuning(self.config)),
        };
        let copy = copy.map_err(|error| not_repaired(&error))?;
        let seen =
            head::read(&self.config.log.head).map_err(|error| Failure::io(self.config.log.head.display(), error))?;
        let cut = cut_tail(&copy, self.log_key, seen.as_deref()).map_err(|error| match error {
            NotCut::Store(error) => not_repaired(&error),
            NotCut::Start(error) => not_repaired(&error),
        })?;
        // What was erased in the part that is lost must not come back, and nobody is told here whose it was.
        let ledger = erasures::read(&self.config.log.erasures, None, &mut |_| Ok(()));
        if ledger.is_ok_and(|ledger| ledger.origin == self.config.log.origin && ledger.complete > cut.end) {
            let why = "the erasure ledger has seen leaves that would be lost: find the store that has them";
            return Err(refused("erasures_ahead", why));
        }
        let rows = cut.leaves + cut.private_parts + cut.tiles;
        let wrong = damage.is_some() || rows > 0;
        let words = format!(
            "{}{rows} rows behind the newest checkpoint; {} leaves are left, and the head has seen {}",
            if damage.is_some() { "the damaged end of the write-ahead log, and " } else { "" },
            cut.size,
            cut.head_size
        );
        if self.yes && wrong {
            let note = format!("cut {words}");
            let mended = Mended { action: Action::LogRepair, permitted_by: None, note };
            let copy = self.say(copy, seen.as_deref().unwrap_or_default(), mended, &beside.0)?;
            copy.close().map_err(Failure::config)?;
            swap(data, &beside.0).map_err(failed)?;
        }
        self.tell("repair-tail", cut, wrong, &words)
    }

    /// `--request-head`: what an admin has to approve.
    pub fn request_head(&self, into: &Path) -> Result<(), Failure> {
        let request = self.request(&self.store()?)?;
        let failed = |error| Failure::new(Status::CannotCreate, format!("{}: {error}", into.display()));
        ask(into, &request).map_err(failed)?;
        println!("An admin approves it with `coffer approve {} --reason … --out FILE`.", into.display());
        Ok(())
    }

    /// `--adopt-head`: the store's newest checkpoint becomes the head, as an admin has approved.
    pub fn adopt_head(&self, file: &Path) -> Result<(), Failure> {
        let Some(root) = self.root else { return Err(without_seal()) };
        let engine = self.store()?;
        let request = self.request(&engine)?;
        let note = request.checkpoint.clone().unwrap_or_default();
        let approved = Judge { config: self.config, engine: &engine, root }.approved(&request, &[file.to_owned()])?;
        let checkpoint = self.trust(&engine)?.verify(&note).map_err(Failure::config)?;
        let from = request.old.map_or("no head".to_owned(), |hash| format!("the head of another log ({hash})"));
        let words =
            format!("from {from} to {} leaves with root {}, {}", checkpoint.size, checkpoint.root, approved.words);
        if self.yes {
            let permitted_by = Some(approved.permitted_by);
            let mended = Mended { action: Action::LogAdopt, permitted_by, note: words.clone() };
            let head = &self.config.log.head;
            let beside = head.with_file_name(SCRATCH_HEAD);
            self.say_with_head(engine, &note, mended, &beside)?;
            take_head(head, &beside).map_err(|error| Failure::io(head.display(), error))?;
        }
        self.tell("adopt-head", Words { what: &words }, true, &words)
    }

    /// What there is to approve. A head of this log that the store does not reach would have the log go back, which no
    /// approval can permit.
    fn request(&self, engine: &dyn Engine) -> Result<Request, Failure> {
        let trust = self.trust(engine)?;
        let checkpoint = newest_note(engine).map_err(Failure::config)?;
        let checkpoint = checkpoint.filter(|checkpoint| trust.verify(checkpoint).is_ok());
        let why = "the store holds no checkpoint that this log's key signed";
        let checkpoint = checkpoint.ok_or_else(|| refused("checkpoint_wrong", why))?;
        let old = self.head_note()?;
        if old.as_ref().is_some_and(|old| trust.verify(old).is_ok()) {
            let why = "the head is one of this log: where the store has not got all that it has seen, find the store that has";
            return Err(refused("head_is_this_logs", why));
        }
        let old = old.map(|old| Hash::sha256(old.as_bytes()));
        let (home, checkpoint) = (self.config.name, Some(checkpoint));
        Ok(Request { act: Act::AdoptHead, home, old, checkpoint, detail: String::new() })
    }

    /// The note in the head file, where there is one.
    pub(super) fn head_note(&self) -> Result<Option<String>, Failure> {
        match head::read(&self.config.log.head) {
            Ok(old) => Ok(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io(self.config.log.head.display(), error)),
        }
    }

    /// What the log key that was handed out leads to, by the notes in the store.
    fn trust(&self, engine: &dyn Engine) -> Result<Trust, Failure> {
        let line = Line::stored(engine).map_err(Failure::config)?;
        line.trusted_from(self.log_key).map_err(Failure::config)
    }

    /// Opens the vault on a store that is about to take the place of another, so that the log says what was done. The real
    /// head stays as it is: behind the log, as after a kill, once the store is in its place.
    fn say(&self, store: Rocks, seen: &str, mended: Mended, beside: &Path) -> Result<Rocks, Failure> {
        let scratch = beside.with_file_name(SCRATCH_HEAD);
        let store = self.say_with_head(store, seen, mended, &scratch)?;
        std::fs::remove_file(&scratch).map_err(|error| Failure::io(scratch.display(), error))?;
        Ok(store)
    }

    fn say_with_head(&self, store: Rocks, seen: &str, mended: Mended, scratch: &Path) -> Result<Rocks, Failure> {
        let Some(root) = self.root else { return Err(without_seal()) };
        let failed = |error| Failure::io(scratch.display(), error);
        match std::fs::remove_file(scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let (mut head, _) = HeadFile::open(scratch, true).map_err(failed)?;
        head.write(seen).map_err(failed)?;
        drop(head);
        let mut config = self.config.clone();
        config.log.head = scratch.to_owned();
        // What this copy says of itself counts once it has taken the store's place, and not before.
        let erasures = scratch.with_extension("erasures");
        let _ = std::fs::remove_file(&erasures);
        config.log.erasures.clone_from(&erasures);
        let store = Arc::new(store);
        let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&store);
        let house = House::open_mended(Arc::new(config), engine, Arc::new(System), root, Some(mended));
        // Dropped, it has written log and head.
        drop(house.map_err(Failure::config)?);
        let _ = std::fs::remove_file(&erasures);
        Arc::try_unwrap(store).map_err(|_| Failure::new(Status::Software, "the store is still in use"))
    }

    pub(super) fn store(&self) -> Result<Rocks, Failure> {
        Rocks::open(&self.config.store.data, &open::tuning(self.config)).map_err(unopened)
    }

    pub(super) fn tell(
        &self,
        act: &'static str,
        what: impl Serialize,
        anything: bool,
        words: &str,
    ) -> Result<(), Failure> {
        let done = self.yes && anything;
        if self.json {
            let told = Told { home: self.config.home.clone(), act, done, what };
            println!("{}", serde_json::to_string_pretty(&told).unwrap_or_default());
            return Ok(());
        }
        match (anything, done) {
            (false, _) => println!("{act}: nothing to do ({words})."),
            (true, true) => println!("{act}: done: {words}."),
            (true, false) => println!("{act}: would do: {words}.\nNothing was changed. With --yes it is done."),
        }
        Ok(())
    }
}

/// Writes what is asked for into a file that is not there yet.
pub(in crate::commands) fn ask(into: &Path, request: &Request) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(into)?;
    file.write_all(request.encode().as_bytes())
}

/// What was done or would be, where words say it all.
#[derive(Serialize)]
pub(super) struct Words<'a> {
    pub(super) what: &'a str,
}

pub(super) fn not_repaired(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Status::Failed, format!("what is left would not be the log that was seen: {why}; nothing was changed"))
}

pub(super) fn without_seal() -> Failure {
    Failure::config("this needs the root key: who did it, and what, is written into the log")
}

/// A folder beside the data that is removed again, unless it takes the data's place.
pub(super) struct Aside(pub(super) PathBuf);

impl Aside {
    pub(super) fn of(data: &Path, what: &str) -> io::Result<Aside> {
        let folder = data.with_file_name(named(data, what));
        // What an earlier try has left: it never was the store.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir(&folder)?;
        Ok(Aside(folder))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Gone where it has taken the data's place.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(in crate::commands) fn named(path: &Path, what: &str) -> String {
    format!("{}-{what}", path.file_name().unwrap_or_default().to_string_lossy())
}

/// A copy of a store that nobody has open. Table files are never changed in place, so a link is as good.
pub(super) fn link(data: &Path, into: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        let (from, to) = (entry.path(), into.join(entry.file_name()));
        if entry.file_name() == "LOCK" || !entry.file_type()?.is_file() {
            continue;
        }
        let is_table = from.extension().is_some_and(|ending| ending == "sst");
        if !is_table || std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// The old store is kept beside the new one. A crash between the two leaves no store in its place and both beside it,
/// which every start says.
pub(super) fn swap(data: &Path, by: &Path) -> io::Result<()> {
    let kept = data.with_file_name(named(data, &format!("before-{}", seconds())));
    std::fs::rename(data, &kept)?;
    std::fs::rename(by, data)?;
    sync_folder(data)?;
    eprintln!("coffer-vault: the store as it was is kept in {}", kept.display());
    Ok(())
}

/// Puts the new head in its place; another log's is kept beside it.
pub(super) fn take_head(head: &Path, new: &Path) -> io::Result<()> {
    if head.exists() {
        let kept = head.with_file_name(named(head, &format!("before-{}", seconds())));
        std::fs::rename(head, &kept)?;
        eprintln!("coffer-vault: the other head is kept in {}", kept.display());
    }
    std::fs::rename(new, head)?;
    sync_folder(head)
}

fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
