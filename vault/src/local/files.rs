//! Files that are written once and stay as they are, and secrets that only their owner reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readable {
    /// Its owner alone (0600): private keys and tokens.
    Owner,
    /// Everybody on the machine (0644, less the umask): certificates and configuration.
    All,
}

impl Readable {
    fn mode(self) -> u32 {
        match self {
            Readable::Owner => 0o600,
            Readable::All => 0o644,
        }
    }
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is there already, and what is there may be in use.
    #[error("{} is there already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a new file and syncs it; never overwrites. A file that could not be written whole is
/// taken away again.
///
/// # Errors
/// [`FileError::Exists`] if there is a file; [`FileError::Io`] for all else.
pub fn create(path: &Path, bytes: &[u8], readable: Readable) -> Result<(), FileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(readable.mode()).open(path);
    let written = opened.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.into()),
        _ => FileError::Io { path: path.into(), source },
    })?;
    fill(written, bytes).map_err(|source| {
        let _ = std::fs::remove_file(path);
        FileError::Io { path: path.into(), source }
    })
}

/// Writes a file in one step, in the place of one that may be there: a reader finds the old or the
/// new, never half. For what is made anew each time, such as a token.
///
/// # Errors
/// As for [`create`]; [`FileError::Exists`] then names the leftover of an interrupted attempt.
pub fn replace(path: &Path, bytes: &[u8], readable: Readable) -> Result<(), FileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    create(&fresh, bytes, readable)?;
    std::fs::rename(&fresh, path).map_err(|source| {
        let _ = std::fs::remove_file(&fresh);
        FileError::Io { path: path.into(), source }
    })
}

/// Makes a directory, and those above it, that only its owner enters (0700). One that is there
/// stays as it is.
///
/// # Errors
/// [`FileError::Io`].
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| FileError::Io { path: path.into(), source })
}

/// Reads a small file.
///
/// # Errors
/// [`FileError::Io`].
pub fn read(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|source| FileError::Io { path: path.into(), source })
}

fn fill(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        create(&path, b"secret", Readable::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        replace(&path, b"another", Readable::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read(&path).unwrap(), "another");
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        create(&path, b"first", Readable::Owner).unwrap();
        let second = create(&path, b"second", Readable::Owner);
        assert!(matches!(second, Err(FileError::Exists(named)) if named == path));
        assert_eq!(read(&path).unwrap(), "first");
    }

    #[test]
    fn a_directory_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clients/rents-desk");
        make_directory(&path).unwrap();
        make_directory(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}
