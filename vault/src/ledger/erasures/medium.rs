//! What the erasure ledger is written to: a file, or what a test puts in its place to fail at will.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes that outlast the process once they are synced.
pub trait Medium: Send {
    /// Puts bytes at a place.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes durable what was put.
    fn sync(&mut self) -> io::Result<()>;
    /// Lets all go that stands behind this many bytes.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
    /// Fails where whoever looks for it would find something else.
    fn is_in_place(&self) -> io::Result<()>;
}

/// A file at its path.
pub struct Disk {
    file: File,
    path: PathBuf,
}

impl Disk {
    /// A new file, which must not be there, for its owner alone.
    pub fn create(path: &Path) -> io::Result<Disk> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Disk { file, path: path.to_owned() })
    }

    /// A file that is there.
    pub fn open(path: &Path) -> io::Result<Disk> {
        Ok(Disk { file: OpenOptions::new().write(true).open(path)?, path: path.to_owned() })
    }
}

impl Medium for Disk {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        if self.file.metadata()?.len() == bytes {
            return Ok(());
        }
        self.file.set_len(bytes)?;
        self.file.sync_data()
    }

    fn is_in_place(&self) -> io::Result<()> {
        let (open, named) = (self.file.metadata()?, std::fs::metadata(&self.path)?);
        if (open.dev(), open.ino()) == (named.dev(), named.ino()) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "another file was put in its place"))
    }
}

/// Gives a file that is synced the name of another, whose place it takes, and makes that durable.
pub(super) fn take_name(new: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(new, path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
