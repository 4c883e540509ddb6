//! The default seal: a file that holds the root key.
//!
//! One line of text, `coffer-root-key-1 <key id> <key> <checksum>`, made with mode 0600 and never overwritten. Who has the file and the data
//! reads everything; it belongs on another disk than the data, and a copy of it in a safe.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::file::{self, Unfit};
use crate::id::KeyId;
use crate::prf::KEY_BYTES;
use crate::random::fill;
use crate::{NoRandomness, RootKey, wipe_stack};

const FORMAT: &str = "coffer-root-key-1";
const ID_CHARS: usize = 22;
const KEY_CHARS: usize = 43;
const CHECKSUM_BYTES: usize = 8;
const CHECKSUM_CHARS: usize = 2 * CHECKSUM_BYTES;
const ID_START: usize = FORMAT.len() + 1;
const KEY_START: usize = ID_START + ID_CHARS + 1;
const CHECKSUM_START: usize = KEY_START + KEY_CHARS + 1;
/// With the line feed at the end.
const FILE_BYTES: usize = CHECKSUM_START + CHECKSUM_CHARS + 1;

const OWNER_ONLY: u32 = 0o600;

type Line = Zeroizing<[u8; FILE_BYTES]>;

/// Why a key file could not be made or read, and what to do.
#[derive(Debug, Error)]
pub enum KeyFileError {
    #[error(
        "there is no key file at {0}: put back the copy that was kept when it was made (a new key cannot open what the old one sealed)"
    )]
    Missing(PathBuf),
    #[error(
        "{0} is there already and is not overwritten: choose another path, or move the old file away if nothing was ever sealed with it"
    )]
    Exists(PathBuf),
    #[error("{0} is not a regular file: name the key file itself")]
    NotAFile(PathBuf),
    #[error(
        "{path} can be read or changed by others (mode {mode:04o}): run `chmod 600 {path}`, and if others were on this machine, rotate the root key"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "{0} is not a key file: it must hold one line `{FORMAT} <key id> <key> <checksum>`; put back the copy that was kept"
    )]
    Malformed(PathBuf),
    #[error("the checksum in {0} does not match: a character was lost or changed; put back the copy that was kept")]
    Checksum(PathBuf),
    #[error("no key was made: {0}")]
    NoRandomness(#[from] NoRandomness),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Draws a root key and writes it to a new file of mode 0600. When this returns, file and directory entry are on disk.
///
/// # Errors
/// [`KeyFileError::Exists`], [`KeyFileError::NoRandomness`], [`KeyFileError::Io`]; a file that could not be completed is removed again.
pub fn create(path: impl AsRef<Path>) -> Result<RootKey, KeyFileError> {
    let root = write_new(path.as_ref());
    wipe_stack();
    root
}

/// Reads the root key.
///
/// # Errors
/// Everything of [`KeyFileError`] but `Exists` and `NoRandomness`.
pub fn load(path: impl AsRef<Path>) -> Result<RootKey, KeyFileError> {
    let root = read(path.as_ref());
    wipe_stack();
    root
}

/// Not inlined, here and below: the raw key has been in these frames, and [`wipe_stack`] reaches only what lies under its caller's.
#[inline(never)]
fn write_new(path: &Path) -> Result<RootKey, KeyFileError> {
    let id = KeyId::random()?;
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    fill(&mut *raw)?;
    let line = write_line(&id, &raw);

    file::create(path, &*line, OWNER_ONLY).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.into()),
        _ => io_error(path, error),
    })?;
    Ok(RootKey::from_raw(id, &raw))
}

#[inline(never)]
fn read(path: &Path) -> Result<RootKey, KeyFileError> {
    let file = open_private(path)?;
    let line = read_exactly(file, path)?;
    let (id, raw) = parse_line(&line, path)?;
    Ok(RootKey::from_raw(id, &raw))
}

fn open_private(path: &Path) -> Result<File, KeyFileError> {
    file::open_private(path).map_err(|unfit| match unfit {
        Unfit::Missing => KeyFileError::Missing(path.into()),
        Unfit::NotAFile => KeyFileError::NotAFile(path.into()),
        Unfit::Exposed(mode) => KeyFileError::Exposed { path: path.into(), mode },
        Unfit::Io(error) => io_error(path, error),
    })
}

/// Into a buffer of the right size, with nothing before it that could keep a copy, and no more than that.
fn read_exactly(mut file: File, path: &Path) -> Result<Line, KeyFileError> {
    let mut line = Zeroizing::new([0; FILE_BYTES]);
    file.read_exact(&mut *line).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => KeyFileError::Malformed(path.into()),
        _ => io_error(path, error),
    })?;
    match file.read(&mut [0]) {
        Ok(0) => Ok(line),
        Ok(_) => Err(KeyFileError::Malformed(path.into())),
        Err(error) => Err(io_error(path, error)),
    }
}

pub(crate) fn write_line(id: &KeyId, raw: &[u8; KEY_BYTES]) -> Line {
    let mut line = Zeroizing::new([b' '; FILE_BYTES]);
    line[..FORMAT.len()].copy_from_slice(FORMAT.as_bytes());
    BASE64URL_NOPAD.encode_mut(id.as_bytes(), &mut line[ID_START..ID_START + ID_CHARS]);
    BASE64URL_NOPAD.encode_mut(raw, &mut line[KEY_START..KEY_START + KEY_CHARS]);
    let checksum = checksum(&line[..CHECKSUM_START - 1]);
    line[CHECKSUM_START..CHECKSUM_START + CHECKSUM_CHARS].copy_from_slice(&checksum);
    line[FILE_BYTES - 1] = b'\n';
    line
}

fn parse_line(line: &Line, path: &Path) -> Result<(KeyId, Zeroizing<[u8; KEY_BYTES]>), KeyFileError> {
    let malformed = || KeyFileError::Malformed(path.into());
    let shaped = line.starts_with(FORMAT.as_bytes())
        && [ID_START, KEY_START, CHECKSUM_START].iter().all(|start| line[start - 1] == b' ')
        && line[FILE_BYTES - 1] == b'\n';
    if !shaped {
        return Err(malformed());
    }
    // The key is secret, its checksum in the same file is not: an ordinary comparison.
    if checksum(&line[..CHECKSUM_START - 1]) != line[CHECKSUM_START..CHECKSUM_START + CHECKSUM_CHARS] {
        return Err(KeyFileError::Checksum(path.into()));
    }
    let mut id = [0; crate::id::KEY_ID_BYTES];
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    decode(&line[ID_START..ID_START + ID_CHARS], &mut id).ok_or_else(malformed)?;
    decode(&line[KEY_START..KEY_START + KEY_CHARS], &mut *raw).ok_or_else(malformed)?;
    Ok((KeyId::from_bytes(id), raw))
}

/// Against slips of the hand and of the disk, not against an attacker, who would have the key itself.
fn checksum(text: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let hash = Sha256::digest(text);
    let mut hex = [0; CHECKSUM_CHARS];
    HEXLOWER.encode_mut(&hash[..CHECKSUM_BYTES], &mut hex);
    hex
}

fn decode(text: &[u8], out: &mut [u8]) -> Option<()> {
    let written = BASE64URL_NOPAD.decode_mut(text, out).ok()?;
    (written == out.len()).then_some(())
}

fn io_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.into(), source }
}
