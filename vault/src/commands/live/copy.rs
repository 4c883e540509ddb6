//! The asker's side: a copy that is gone when it is dropped, and sweeps away what a kill has left of others.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::{COPY, DATA, DONE, ERASURES, HEAD, LINE_BYTES_MAX, QUESTION, SOCKET, folder};
use crate::commands::exit::{Failure, Status};

/// How long the server may take: it links files, and copies at most one write-ahead log.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// A copy of a running vault's store and head.
pub struct Copy {
    folder: TempDir,
    /// Held as long as the copy is looked at: a kill lets go of it, and then the copy is swept.
    _held: File,
}

impl Copy {
    /// Asks the server that has the store open. Nothing where none answers.
    pub fn of(data: &Path) -> Result<Option<Copy>, Failure> {
        let beside = folder(data);
        let Ok(mut server) = UnixStream::connect(beside.join(SOCKET)) else { return Ok(None) };
        let failed = |error| Failure::io(beside.display(), error);
        let copy = Copy::made_in(&beside).map_err(failed)?;
        server.set_read_timeout(Some(ANSWER_TIME)).map_err(failed)?;
        let name = copy.folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        server.write_all(format!("{QUESTION}{name}\n").as_bytes()).map_err(failed)?;
        let mut answer = String::new();
        BufReader::new(server.take(LINE_BYTES_MAX)).read_line(&mut answer).map_err(failed)?;
        match answer.trim_end() {
            DONE => Ok(Some(copy)),
            "" => Err(Failure::config("the server stopped before it had made a copy of its store")),
            why => Err(Failure::new(Status::CannotCreate, format!("the server made no copy of its store: {why}"))),
        }
    }

    /// Removes what a kill has left of other copies.
    pub fn sweep(data: &Path) {
        let beside = folder(data);
        if let Ok(held) = hold(&beside, FlockOperation::LockExclusive) {
            sweep(&beside);
            drop(held);
        }
    }

    /// The store.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// The head.
    pub fn head(&self) -> PathBuf {
        self.folder.path().join(HEAD)
    }

    /// The erasure ledger.
    pub fn erasures(&self) -> PathBuf {
        self.folder.path().join(ERASURES)
    }

    /// An empty folder that is held. Nobody sweeps between its making and its holding.
    fn made_in(beside: &Path) -> std::io::Result<Copy> {
        let alone = hold(beside, FlockOperation::LockExclusive)?;
        sweep(beside);
        let folder = tempfile::Builder::new().prefix(COPY).tempdir_in(beside)?;
        let held = hold(folder.path(), FlockOperation::NonBlockingLockExclusive)?;
        drop(alone);
        Ok(Copy { folder, _held: held })
    }
}

fn hold(folder: &Path, how: FlockOperation) -> std::io::Result<File> {
    let folder = File::open(folder)?;
    flock(&folder, how)?;
    Ok(folder)
}

/// What cannot be removed now is met again the next time.
fn sweep(beside: &Path) {
    let Ok(entries) = std::fs::read_dir(beside) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(COPY)) {
        if hold(&entry.path(), FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
