//! The erasure ledger: which keys of persons were destroyed, kept outside the database, beside the head.
//!
//! A store that is put back brings destroyed keys back with it. This file does not come back with the store, and names
//! every key that has to go again. docs/FORMAT.md draws its lines; each is checksummed, and vouched for by a key of the
//! vault.
//!
//! It is written in groups, each synced before the next begins and ended by a `complete` line. What stands behind the last
//! of these was never acknowledged: it is what a loss of power leaves, and is cut. Damage anywhere else is refused.

mod medium;
mod read;
mod text;

use std::io;
use std::path::{Path, PathBuf};

use coffer_keys::KeyId;

pub use medium::{Disk, Medium};
pub use read::{Contents, read};

use crate::keyring::Voucher;
use text::Entry;

/// Groups above which the file is written anew in one, if these are more than its keys, when it is next taken up.
const GROUPS_MAX: u64 = 4_096;
/// What a new file is called until it takes the place of the old one.
const NEW_SUFFIX: &str = ".new";
/// Entries of one group, at most, where many are written at once.
const GROUP_ENTRIES: usize = 4_096;

/// A destroyed key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Erased {
    /// Its id.
    pub id: KeyId,
    /// The position of the first leaf of the act that destroyed it.
    pub at: u64,
}

/// Why an erasure ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ErasuresError {
    /// It cannot be read or written.
    #[error("the erasure ledger: {0}")]
    Io(#[from] io::Error),
    /// It is another kind of file, or of a format that this program does not know.
    #[error("this is no erasure ledger that this program can read")]
    NotALedger,
    /// It is another vault's.
    #[error("the erasure ledger belongs to another vault")]
    OfAnotherVault,
    /// A line is damaged, or was not written by this vault.
    #[error("line {0} of the erasure ledger is damaged, or was not written by this vault")]
    Damaged(u64),
    /// It is about another line of logs.
    #[error("the erasure ledger is about the log {0}")]
    OfAnotherLog(String),
    /// It has seen leaves that the log does not hold.
    #[error("the log holds {stored} leaves and the erasure ledger has seen {seen}: leaves are missing")]
    Ahead {
        /// Leaves in the log.
        stored: u64,
        /// Leaves that the ledger has seen.
        seen: u64,
    },
    /// Whoever was given its entries could not go on.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// An erasure ledger that is being kept.
pub struct Erasures {
    medium: Box<dyn Medium>,
    origin: String,
    voucher: Voucher,
    /// Bytes up to the end of the last group that is known to be synced.
    end: u64,
    groups: u64,
    complete: u64,
    /// A write has failed: what stands behind `end` is unknown.
    torn: bool,
}

impl Erasures {
    /// Makes the file, which must not be there yet, whole or not at all.
    pub fn create(path: &Path, voucher: Voucher, origin: &str) -> Result<Erasures, ErasuresError> {
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        let new = beside(path);
        let _ = std::fs::remove_file(&new);
        let mut ledger = Erasures {
            medium: Box::new(Disk::create(&new)?),
            origin: origin.to_owned(),
            voucher,
            end: 0,
            groups: 0,
            complete: 0,
            torn: false,
        };
        ledger.write(&[Entry::Format, Entry::Log(origin.to_owned())], 0)?;
        medium::take_name(&new, path)?;
        ledger.medium = Box::new(Disk::open(path)?);
        Ok(ledger)
    }

    /// Takes the file up where it stands, and cuts what a loss of power has left. `origin`: of the first log of the line; leaves
    /// are named by their position, which counts over all logs of it. `each`: what is done with each key that it names.
    pub fn open(
        path: &Path,
        voucher: Voucher,
        origin: &str,
        each: &mut dyn FnMut(Erased) -> Result<(), ErasuresError>,
    ) -> Result<Erasures, ErasuresError> {
        let _ = std::fs::remove_file(beside(path));
        let mut contents = read(path, Some(&voucher), each)?;
        if contents.groups > GROUPS_MAX && contents.groups > contents.entries {
            rewrite(path, &voucher)?;
            contents = read(path, Some(&voucher), &mut |_| Ok(()))?;
        }
        if contents.origin != origin {
            return Err(ErasuresError::OfAnotherLog(contents.origin));
        }
        let mut medium = Disk::open(path)?;
        medium.cut(contents.whole_bytes)?;
        Ok(Erasures {
            medium: Box::new(medium),
            origin: contents.origin,
            voucher,
            end: contents.whole_bytes,
            groups: contents.groups,
            complete: contents.complete,
            torn: false,
        })
    }

    /// Up to which position, itself not counted, every destroyed key is named here.
    pub fn complete(&self) -> u64 {
        self.complete
    }

    /// Adds keys, says up to which position this is complete, and syncs. What failed may be tried again, with whatever has
    /// come since: nothing of it counts until this returns.
    pub fn append(&mut self, erased: &[Erased], complete: u64) -> io::Result<()> {
        let mut groups = erased.chunks(GROUP_ENTRIES).peekable();
        while let Some(group) = groups.next() {
            let to = if groups.peek().is_some() { self.complete } else { complete };
            let entries: Vec<_> = group.iter().map(|erased| Entry::Erased(*erased)).collect();
            self.write(&entries, to)?;
        }
        if erased.is_empty() && complete != self.complete {
            self.write(&[], complete)?;
        }
        Ok(())
    }

    /// One group. The order of persistence: all of it is synced before `end` moves, so that a crash anywhere leaves the
    /// groups before, and at most the beginning of this one, which the next opening cuts.
    fn write(&mut self, entries: &[Entry], complete: u64) -> io::Result<()> {
        let mut lines = String::new();
        for entry in entries.iter().chain([&Entry::Complete { to: complete, group: self.groups + 1 }]) {
            text::encode(entry, &self.origin, &self.voucher, &mut lines);
        }
        // A file that was moved away under the running vault would take entries that nobody finds again.
        self.medium.is_in_place()?;
        if std::mem::replace(&mut self.torn, true) {
            self.medium.cut(self.end)?;
        }
        self.medium.write(self.end, lines.as_bytes())?;
        self.medium.sync()?;
        self.torn = false;
        self.end += lines.len() as u64;
        self.groups += 1;
        self.complete = complete;
        Ok(())
    }
}

/// Writes the file anew without the lines that say nothing any more. The old one stands until the new one is synced and
/// takes its name, so that a crash leaves one of the two, whole.
fn rewrite(path: &Path, voucher: &Voucher) -> Result<(), ErasuresError> {
    let new = beside(path);
    let mut disk = Disk::create(&new)?;
    let mut at = 0;
    let mut origin = String::new();
    let mut put = |entry: &Entry| -> Result<(), ErasuresError> {
        if let Entry::Log(log) = entry {
            origin.clone_from(log);
        }
        let mut line = String::new();
        text::encode(entry, &origin, voucher, &mut line);
        disk.write(at, line.as_bytes())?;
        at += line.len() as u64;
        Ok(())
    };
    // The last `complete` line alone is kept.
    let mut last = None;
    read::entries(path, Some(voucher), &mut |entry| match entry {
        Entry::Complete { to, .. } => {
            last = Some(to);
            Ok(())
        }
        _ => put(&entry),
    })?;
    last.map_or(Ok(()), |to| put(&Entry::Complete { to, group: 1 }))?;
    disk.sync()?;
    Ok(medium::take_name(&new, path)?)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(NEW_SUFFIX);
    name.into()
}

#[cfg(test)]
mod tests;
