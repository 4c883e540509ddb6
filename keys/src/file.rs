//! Small files that must not be lost, or not be seen: made once, whole, synced; read only where nobody else can.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a file that is not there yet. When this returns, its bytes and its name are on disk; one that could not be completed is removed again.
pub(crate) fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder(path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Puts a file in the place of another. When this returns, that is on disk.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Takes a file away, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(path),
    }
}

/// Why a file is not one that holds a secret.
pub(crate) enum Unfit {
    Missing,
    NotAFile,
    /// Others can read or change it; its mode.
    Exposed(u32),
    Io(io::Error),
}

const GROUP_AND_OTHERS: u32 = 0o077;

/// Opens a file that is its owner's alone. Looks before it opens (a pipe would block), and judges the file that was opened, not the one that was looked at.
pub(crate) fn open_private(path: &Path) -> Result<File, Unfit> {
    let absent = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Unfit::Missing,
        _ => Unfit::Io(error),
    };
    let regular = |metadata: &fs::Metadata| if metadata.is_file() { Ok(()) } else { Err(Unfit::NotAFile) };
    regular(&fs::metadata(path).map_err(absent)?)?;
    let file = File::open(path).map_err(absent)?;
    let metadata = file.metadata().map_err(Unfit::Io)?;
    regular(&metadata)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & GROUP_AND_OTHERS != 0 { Err(Unfit::Exposed(mode)) } else { Ok(file) }
}

/// Reads a small file that holds no secret. `InvalidData` for one that is no text, or larger than it can be.
pub(crate) fn read_line(path: &Path, bytes_max: u64) -> io::Result<String> {
    if fs::metadata(path)?.len() > bytes_max {
        return Err(ErrorKind::InvalidData.into());
    }
    fs::read_to_string(path)
}

/// Without this a power loss may take the name of a file whose bytes are safe.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
