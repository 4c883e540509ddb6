//! `coffer-vault backup`: all that is in a vault, in one file. Where a server has the home open, of a copy of its store, of
//! one moment.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_keys::RootKey;
use coffer_vault::archive::{self, ArchiveError, ArchiveRoot, Origin, Source, generations};
use coffer_vault::check::Progress;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::{ACCESS_FILE, CONFIG_FILE, Config, SCHEMA_DIR};
use coffer_vault::keyring::{reroot, root_in_force};
use coffer_vault::ledger::start::newest_note;
use coffer_vault::store::Engine;
use coffer_vault::store::memory::Memory;
use coffer_vault::store::{Batch, Family};
use serde::Serialize;

use super::check::Seen;
use super::check::bar::{Bar, Stop};
use super::exit::{Failure, Status};
use super::init::LOG_KEY_FILE;
use super::live::Copy;
use super::{memory, open};

/// What a file is called until it is whole.
const NEW_SUFFIX: &str = ".part";
/// Why nothing more is written.
const STOPPED: &str = "stopped";
const BUFFER_BYTES: usize = 256 * 1024;

#[derive(Args)]
#[command(after_help = "Example: coffer-vault backup /var/lib/coffer --to /mnt/backups/2026-10-28.coffer\n\n\
    Keep apart from it: what the seal needs (key file, shares, token), the folders of `[backup] generations`, and the \
    erasure ledger. Without the first two an archive cannot be read again, by anybody; without the newest ledger, people who \
    were erased since would come back.")]
pub struct Backup {
    /// The home directory; a server may run on it, and is asked for a copy of its store then
    dir: PathBuf,
    /// The file to make; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// What was made.
#[derive(Serialize)]
struct Made<'a> {
    file: &'a Path,
    bytes: u64,
    archive: String,
    generation: u64,
    new_generation: bool,
    live: bool,
}

pub fn run(args: &Backup, json: bool) -> Result<(), Failure> {
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let bar = Bar::new(json, Stop::on_signals()?);
    let config = open::config(&args.dir)?;
    if args.to.exists() {
        let why = format!("{} is there already and is not overwritten", args.to.display());
        return Err(Failure::new(Status::CannotCreate, why));
    }
    let root = open::root_key(&config)?;
    Copy::sweep(&config.store.data);
    let seen = Seen::of(&config)?;
    // An archive under a root key that is not in force could never be opened.
    if root_in_force(&seen.engine).map_err(Failure::config)? != root.id() {
        return Err(Failure::config("the root key of the seal is not the one that the store lies under"));
    }
    let now_ms = System.now_ms();
    let (generation, key, new_generation) =
        generations::present(&config.backup, &root, now_ms).map_err(Failure::config)?;
    let checkpoint = newest_note(&seen.engine).map_err(Failure::config)?;
    let checkpoint = checkpoint.ok_or_else(|| Failure::config("the store holds no checkpoint"))?;
    let origin = Origin { vault: config.name.to_string(), checkpoint, generation: generation.number, made_ms: now_ms };
    let files = files(&config)?;
    let categories = seen.engine.categories();
    let own = ArchiveRoot::draw(&key).map_err(|error| not_made(&args.to, error))?;
    let keys = under(&own.key, &root, &seen.engine)?;
    let source = Source {
        engine: &seen.engine as &dyn Engine,
        keys: &keys,
        root: &own,
        categories: &categories,
        files: &files,
        origin,
    };
    let part = Unfinished(named(&args.to));
    let _ = std::fs::remove_file(&part.0);
    bar.stage("write", None);
    let manifest = write(&source, &key, &part.0, &bar).map_err(|error| not_made(&args.to, error))?;
    bar.stage("read back", None);
    let back = File::open(&part.0).map_err(|error| Failure::io(part.0.display(), error))?;
    let bytes = back.metadata().map_err(|error| Failure::io(part.0.display(), error))?.len();
    archive::open(BufReader::with_capacity(BUFFER_BYTES, back), &key).map_err(|error| not_made(&args.to, error))?;
    if bar.stopped() {
        return Err(Failure::new(Status::Interrupted, "stopped; no archive was made"));
    }
    put(&part.0, &args.to).map_err(|error| Failure::io(args.to.display(), error))?;
    let archive = manifest.archive;
    let made =
        Made { file: &args.to, bytes, archive, generation: generation.number, new_generation, live: seen.is_live() };
    tell(&made, json);
    Ok(())
}

fn tell(made: &Made<'_>, json: bool) {
    if json {
        println!("{}", serde_json::to_string_pretty(made).unwrap_or_default());
        return;
    }
    println!("{}: {} bytes, under generation {}.", made.file.display(), made.bytes, made.generation);
    if made.new_generation {
        println!("Generation {} is new: see that its file is kept on two disks.", made.generation);
    }
}

/// The rows of the keys family, under the archive's own root key: the one in force may be followed by another.
fn under(own: &RootKey, root: &RootKey, engine: &dyn Engine) -> Result<Memory, Failure> {
    let (keys, mut batch) = (Memory::new(), Batch::new());
    for (key, row) in engine.scan(Family::Keys, b"", None, usize::MAX).map_err(Failure::config)? {
        batch.put(Family::Keys, key, row);
    }
    keys.commit(&batch).map_err(Failure::config)?;
    let mut moved = Batch::new();
    reroot(&keys, (root, own), &mut moved, &mut Vec::new()).map_err(Failure::config)?;
    keys.commit(&moved).map_err(Failure::config)?;
    Ok(keys)
}

/// What the operator has declared: names and settings. Keys, certificates, shares, PINs and generations are other files.
fn files(config: &Config) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut names = vec![CONFIG_FILE.to_owned(), ACCESS_FILE.to_owned(), LOG_KEY_FILE.to_owned()];
    let schema = config.home.join(SCHEMA_DIR);
    if schema.is_dir() {
        for entry in std::fs::read_dir(&schema).map_err(|error| Failure::io(schema.display(), error))? {
            let entry = entry.map_err(|error| Failure::io(schema.display(), error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".toml") {
                names.push(format!("{SCHEMA_DIR}/{name}"));
            }
        }
    }
    names.sort();
    let mut files = Vec::new();
    for name in names {
        match std::fs::read(config.home.join(&name)) {
            Ok(bytes) => files.push((name, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io(name, error)),
        }
    }
    Ok(files)
}

fn write(
    source: &Source<'_>,
    key: &coffer_keys::GenerationKey,
    to: &Path,
    bar: &Bar,
) -> Result<archive::Manifest, ArchiveError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let mut out = Watched { out: BufWriter::with_capacity(BUFFER_BYTES, file), bar };
    let manifest = archive::write(source, key, &mut out)?;
    let file = out.out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(manifest)
}

/// The final name is given to what is whole and synced, and takes no other file's place.
fn put(part: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(part, to)?;
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn named(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(NEW_SUFFIX);
    name.into()
}

fn not_made(to: &Path, error: ArchiveError) -> Failure {
    match error {
        ArchiveError::Io(error) if error.to_string() == STOPPED => {
            Failure::new(Status::Interrupted, "stopped; no archive was made")
        }
        ArchiveError::Io(error) => Failure::io(to.display(), error),
        other => Failure::new(Status::Software, format!("no archive was made: {other}")),
    }
}

/// A file that goes when the command ends: it has got its final name by then, or is of no use.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Shows how far it is, and ends when somebody stops it.
struct Watched<'a> {
    out: BufWriter<File>,
    bar: &'a Bar,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bar.stopped() {
            return Err(io::Error::other(STOPPED));
        }
        let written = self.out.write(bytes)?;
        self.bar.advance(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
