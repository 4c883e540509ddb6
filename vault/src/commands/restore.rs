//! `coffer-vault restore`: what is in an archive becomes the data of a home that has none. The log that the archive holds is
//! closed and a successor opened, since others may have seen more of it.
//!
//! Everything is put together in a folder beside the data. Head and erasure ledger take their places first and the data last, so
//! that what is interrupted leaves a home without data, which every start says, and which can be restored into again.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use coffer_keys::RootKey;
use coffer_vault::archive::{self, ArchiveError, Manifest, Opened, generations};
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::keyring::{Keyring, reroot};
use coffer_vault::ledger::{Volume, erasures, line};
use coffer_vault::serve::{Closing, Ending, Mended, succeed};
use coffer_vault::store::rocks::Rocks;
use coffer_vault::store::{Batch, Engine};
use coffer_wire::Hash;
use coffer_wire::approval::{Act, Request};
use coffer_wire::leaf::Action;
use coffer_wire::succession::Why;
use serde::Serialize;

use super::approvals::{Judge, refused};
use super::check::mend::{ask, named};
use super::check::successor::hand_out;
use super::exit::{Failure, Status};
use super::init::LOG_KEY_FILE;
use super::{memory, open};

const BUFFER_BYTES: usize = 256 * 1024;
const ERASURES_UNKNOWN: &str = "no erasure ledger is newer than the archive, so nobody knows who was erased since: give the newest with --erasures, \
                                or have two admins approve it (--request)";
const KEY_LOST: &str = "the log's key was rotated after the archive was made, and the new one is lost with the store: restore a newer archive if \
                        there is one, or have two admins approve that the log goes on under a key which is handed out anew (--request)";

#[derive(Args)]
#[command(
    after_help = "Example: coffer-vault restore /mnt/backups/2026-10-28.coffer --into /var/lib/coffer --erasures /mnt/head/erasures\n\n\
    The home holds its coffer.toml, certificates and whatever its seal needs, and no data yet. Without an erasure ledger that is newer \
    than the archive nobody knows who was erased since: two admins have to approve it (--request, `coffer approve`, --approval)."
)]
pub struct Restore {
    /// The archive
    archive: PathBuf,
    /// The home directory, with its configuration and without data
    #[arg(long, value_name = "HOME")]
    into: PathBuf,
    /// The newest erasure ledger that there is; left out, the one in its place is taken, if one is there
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    /// A checkpoint of this log that somebody remembers: what it has seen counts as seen
    #[arg(long, value_name = "FILE")]
    seen: Vec<PathBuf>,
    /// Write into FILE what two admins have to approve where no newer erasure ledger is there
    #[arg(long, value_name = "FILE", conflicts_with = "approval")]
    request: Option<PathBuf>,
    /// An approval of it; given twice
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,
}

/// What was done.
#[derive(Serialize)]
struct Told {
    home: PathBuf,
    archive: String,
    log: String,
    leaves: u64,
    successor: String,
    log_key: String,
    /// Whether clients go on by the note that the old key signed, or need the new key.
    clients_follow: bool,
    erasures_known: bool,
}

pub fn run(args: &Restore, json: bool) -> Result<(), Failure> {
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let config = open::config(&args.into)?;
    has_no_data(&config)?;
    let root = open::root_key(&config)?;
    let opened = opened(&args.archive, &config, &root)?;
    if opened.manifest().origin.vault != config.name.as_str() {
        let why =
            format!("the archive is of the vault `{}`, and this home is of another", opened.manifest().origin.vault);
        return Err(Failure::config(why));
    }
    let bed = Bed::of(&config)?;
    let told = bed.made(args, &config, &root, opened)?;
    match (told, json) {
        (None, _) => {}
        (Some(told), true) => println!("{}", serde_json::to_string_pretty(&told).unwrap_or_default()),
        (Some(told), false) => println!(
            "Restored. {} ended at {} leaves; {} follows, under {}; {}.\nLook at it with `coffer-vault check {}` before it serves.",
            told.log,
            told.leaves,
            told.successor,
            told.log_key,
            match told.clients_follow {
                true => "clients follow by the note that the old key signed",
                false => "no client follows by itself: hand this key out anew",
            },
            told.home.display()
        ),
    }
    Ok(())
}

/// Nothing that is there is written over.
fn has_no_data(config: &Config) -> Result<(), Failure> {
    let data = &config.store.data;
    match std::fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(data.display(), error)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => {
                let why = format!("{} is there already and is not overwritten: nothing was changed", data.display());
                Err(Failure::config(why))
            }
        },
    }
}

/// The archive, of which every byte was found to be the one that was written.
fn opened(path: &Path, config: &Config, root: &RootKey) -> Result<Opened<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path.display(), error))?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    let number = archive::generation_of(&mut input).map_err(|error| unusable(&error))?;
    let key = generations::numbered(&config.backup, root, number).map_err(Failure::config)?;
    archive::open(input, &key).map_err(|error| unusable(&error))
}

fn unusable(error: &ArchiveError) -> Failure {
    Failure::config(format!("{error}; nothing was changed"))
}

/// A home on its way, beside the data. Gone when it is dropped.
struct Bed(PathBuf);

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Bed {
    /// An empty one, in the place of what an interrupted restore has left.
    fn of(config: &Config) -> Result<Bed, Failure> {
        let folder = config.store.data.with_file_name(named(&config.store.data, "restore"));
        let failed = |error| Failure::io(folder.display(), error);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        std::fs::create_dir(&folder).map_err(failed)?;
        Ok(Bed(folder))
    }

    /// Nothing where only a request was written.
    fn made(
        &self,
        args: &Restore,
        config: &Config,
        root: &RootKey,
        mut opened: Opened<BufReader<File>>,
    ) -> Result<Option<Told>, Failure> {
        let data = self.0.join("data");
        let store = Rocks::create(&data, &open::tuning(config)).map_err(Failure::config)?;
        opened.restore(&store).map_err(|error| unusable(&error))?;
        let mut moved = Batch::new();
        reroot(&store, (opened.root(), root), &mut moved, &mut Vec::new()).map_err(Failure::config)?;
        store.commit(&moved).map_err(Failure::config)?;
        let here = self.config(config)?;
        let seen = notes(&args.seen)?;
        let (keyring, keys) = Keyring::open(&store, root).map_err(Failure::config)?;
        let closing = Closing::of(&here, &store, &keys, &seen).map_err(Failure::config)?;
        let ledger =
            args.erasures.clone().or_else(|| config.log.erasures.exists().then(|| config.log.erasures.clone()));
        let known = match &ledger {
            Some(ledger) => {
                let voucher = keyring.voucher();
                let read = erasures::read(ledger, voucher.as_ref(), &mut |_| Ok(()));
                let read = read.map_err(|error| Failure::config(format!("{error}; nothing was changed")))?;
                let kept = Volume::of_origin(&closing.kept.origin).position(closing.kept.size);
                read.origin == config.log.origin && read.complete >= kept
            }
            None => false,
        };
        let said = match known {
            true => format!("archive {}, erasure ledger known", opened.manifest().archive),
            false => {
                format!("archive {}, erasures unknown since {} leaves", opened.manifest().archive, closing.kept.size)
            }
        };
        let is_lost = closing.why(Why::Restore) == Why::KeyLost;
        let mut permitted_by = None;
        let mut said = if is_lost { format!("{said}; the log's key is newer and lost") } else { said };
        if !known || is_lost {
            let request = request(config, opened.manifest(), &said);
            if let Some(into) = &args.request {
                ask(into, &request)
                    .map_err(|error| Failure::new(Status::CannotCreate, format!("{}: {error}", into.display())))?;
                println!(
                    "Two admins approve it, each with `coffer approve {} --reason … --out FILE`: {}.",
                    into.display(),
                    request.detail
                );
                return Ok(None);
            }
            if args.approval.is_empty() {
                return Err(refused("approval_needed", if known { KEY_LOST } else { ERASURES_UNKNOWN }));
            }
            let approved = Judge { config, engine: &store, root }.approved(&request, &args.approval)?;
            permitted_by = Some(approved.permitted_by);
            said = format!("{said}; {}", approved.words);
        } else if args.request.is_some() {
            return Err(refused("approval_not_needed", "the erasure ledger is newer than the archive"));
        }
        let (vkey, succession) = {
            let store = Arc::new(store);
            let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&store);
            let clock: Arc<dyn Clock> = Arc::new(System);
            let mended = Some(Mended { action: Action::VaultRestore, permitted_by, note: said.clone() });
            let ending = Ending { why: Why::Restore, seen: &seen, said: &said, mended };
            let (succession, vkey) = succeed(&here, &engine, &clock, root, ending).map_err(Failure::config)?;
            drop(engine);
            let store =
                Arc::try_unwrap(store).map_err(|_| Failure::new(Status::Software, "the store is still in use"))?;
            store.close().map_err(Failure::config)?;
            (vkey, succession)
        };
        self.beside(&mut opened, config)?;
        if succession.why.is_without_key() {
            hand_out(&config.home, &vkey).map_err(|error| Failure::io(LOG_KEY_FILE, error))?;
        }
        self.take_places(config, &here, ledger.as_deref())
            .map_err(|error| Failure::io(config.home.display(), error))?;
        Ok(Some(Told {
            home: config.home.clone(),
            archive: opened.manifest().archive.clone(),
            log: succession.last.origin,
            leaves: succession.last.size,
            clients_follow: !succession.why.is_without_key(),
            successor: vkey.name().to_owned(),
            log_key: vkey.to_string(),
            erasures_known: known,
        }))
    }

    /// The configuration with head and ledger in this folder; a head that has survived is looked at, and not written.
    fn config(&self, config: &Config) -> Result<Config, Failure> {
        let mut here = config.clone();
        here.log.head = self.0.join("head");
        here.log.erasures = self.0.join("erasures");
        for (from, to) in
            [(&config.log.head, here.log.head.clone()), (&line::path(&config.log.head), line::path(&here.log.head))]
        {
            if from.exists() {
                std::fs::copy(from, &to).map_err(|error| Failure::io(from.display(), error))?;
            }
        }
        Ok(here)
    }

    /// Files that lay beside the store, where they are missing.
    fn beside(&self, opened: &mut Opened<BufReader<File>>, config: &Config) -> Result<(), Failure> {
        let to = config.home.join(LOG_KEY_FILE);
        if !to.exists() {
            let bytes = opened.file(LOG_KEY_FILE).map_err(|error| unusable(&error))?;
            std::fs::write(&to, bytes).map_err(|error| Failure::io(to.display(), error))?;
        }
        Ok(())
    }

    fn take_places(&self, config: &Config, here: &Config, ledger: Option<&Path>) -> io::Result<()> {
        if let Some(ledger) = ledger.filter(|ledger| **ledger != *config.log.erasures) {
            place(ledger, &config.log.erasures)?;
        }
        place(&here.log.head, &config.log.head)?;
        place(&line::path(&here.log.head), &line::path(&config.log.head))?;
        let data = &config.store.data;
        match std::fs::remove_dir(data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::rename(self.0.join("data"), data)?;
        sync_folder(data)
    }
}

/// What two admins approve.
fn request(config: &Config, manifest: &Manifest, said: &str) -> Request {
    let detail = said.to_owned();
    let old = Some(Hash::sha256(manifest.archive.as_bytes()));
    Request { act: Act::Restore, home: config.name, old, checkpoint: Some(manifest.origin.checkpoint.clone()), detail }
}

fn notes(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| Failure::io(file.display(), error));
    files.iter().map(read).collect()
}

/// Puts a copy in a place, which may be on another disk. What was there is kept beside it.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    let new = to.with_file_name(named(to, "restored"));
    std::fs::copy(from, &new)?;
    File::open(&new)?.sync_all()?;
    if to.exists() {
        std::fs::rename(to, to.with_file_name(named(to, "before-restore")))?;
    }
    std::fs::rename(&new, to)?;
    sync_folder(to)
}

fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
