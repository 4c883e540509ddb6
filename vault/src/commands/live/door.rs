//! The server's side: makes a copy when it is asked for one.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coffer_vault::config::Config;
use coffer_vault::store::Engine;
use coffer_vault::store::rocks::Rocks;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{DATA, DONE, ERASURES, HEAD, LINE_BYTES_MAX, SOCKET, asked_for, folder};

/// Only the vault's own user may enter.
const FOLDER_MODE: u32 = 0o700;
/// How long who has connected may take to ask.
const ASKING_TIME: Duration = Duration::from_secs(5);
/// Of a copy all is linked but the write-ahead log, which is no longer than this, in bytes: the log must not end
/// because somebody looks at it.
const COPIED_BYTES_MAX: u64 = 160 << 20;

/// The socket of a running vault.
pub struct Asked {
    listener: UnixListener,
    maker: Arc<Maker>,
}

struct Maker {
    store: Arc<Rocks>,
    folder: PathBuf,
    head: PathBuf,
    erasures: PathBuf,
    reserve_bytes: u64,
}

impl Asked {
    /// Binds. Whoever has the store open is alone, so a socket that lies there is one that a kill has left.
    pub fn bind(config: &Config, store: Arc<Rocks>) -> io::Result<Asked> {
        let folder = folder(&config.store.data);
        if !folder.exists() {
            DirBuilder::new().mode(FOLDER_MODE).create(&folder)?;
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(FOLDER_MODE))?;
        let socket = folder.join(SOCKET);
        match std::fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        let (head, reserve_bytes) = (config.log.head.clone(), config.store.reserve_mib << 20);
        let erasures = config.log.erasures.clone();
        Ok(Asked { listener, maker: Arc::new(Maker { store, folder, head, erasures, reserve_bytes }) })
    }

    /// Answers, each on a task of its own; returns only where nobody can connect any more.
    pub async fn answer(&self) -> io::Error {
        loop {
            match self.listener.accept().await {
                Ok((asker, _)) => drop(tokio::spawn(Arc::clone(&self.maker).serve(asker))),
                Err(error) => return error,
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // What stays is met by the next bind.
        let _ = std::fs::remove_file(self.maker.folder.join(SOCKET));
    }
}

impl Maker {
    async fn serve(self: Arc<Maker>, mut asker: UnixStream) {
        let mut question = String::new();
        let (reading, mut writing) = asker.split();
        let mut reading = BufReader::new(reading.take(LINE_BYTES_MAX));
        // Who does not ask, or hangs up, is owed nothing.
        let Ok(Ok(_)) = tokio::time::timeout(ASKING_TIME, reading.read_line(&mut question)).await else { return };
        let Some(name) = asked_for(question.trim_end_matches('\n')) else {
            let _ = writing.write_all(b"that is no question\n").await;
            return;
        };
        let name = name.to_owned();
        let made = tokio::task::spawn_blocking(move || self.make(&name)).await;
        let answer = match made {
            Ok(Ok(())) => DONE.to_owned(),
            Ok(Err(why)) => why,
            Err(_) => "the copy was not made".to_owned(),
        };
        let _ = writing.write_all(format!("{answer}\n").as_bytes()).await;
    }

    fn make(&self, name: &str) -> Result<(), String> {
        let into = self.folder.join(name);
        if !into.is_dir() {
            return Err(format!("{} is not there", into.display()));
        }
        let free = self.store.free_bytes().map_err(|error| error.to_string())?;
        if free.is_some_and(|free| free < self.reserve_bytes + COPIED_BYTES_MAX) {
            return Err("there is too little free space for a copy beside the reserve".to_owned());
        }
        // These first: they may then be behind the store, and are never ahead of it.
        copy_file(&self.erasures, &into.join(ERASURES)).map_err(|error| format!("the erasure ledger: {error}"))?;
        copy_file(&self.head, &into.join(HEAD)).map_err(|error| format!("the head file: {error}"))?;
        self.store.copy_to(&into.join(DATA)).map_err(|error| error.to_string())
    }
}

/// A file that is missing is missing in the copy too.
fn copy_file(file: &Path, into: &Path) -> io::Result<()> {
    match std::fs::copy(file, into) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
