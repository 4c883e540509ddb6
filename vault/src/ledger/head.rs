//! The head: the newest checkpoint, kept outside the database in a file of two slots.
//!
//! The database alone cannot notice a log cut at a record boundary, a deleted write-ahead log or a
//! restored snapshot; a head on another path can. Each slot is 4 KiB and checksummed; they are
//! written in turn, so that a torn write leaves the other.
//!
//! Slot: magic 8 ‖ counter u64 BE ‖ length u32 BE ‖ note ‖ zeros ‖ SHA-256 of all before (32).

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use coffer_wire::Hash;

const SLOT_BYTES: usize = 4_096;
const MAGIC: &[u8; 8] = b"cofhead1";
const HEADER_BYTES: usize = 8 + 8 + 4;
const SUM_BYTES: usize = 32;
/// No note is longer.
const NOTE_BYTES_MAX: usize = SLOT_BYTES - HEADER_BYTES - SUM_BYTES;

/// The open head file.
pub struct HeadFile {
    file: File,
    counter: u64,
}

impl HeadFile {
    /// Opens the file, making it if `create`, and returns the newest note that is whole.
    pub fn open(path: &Path, create: bool) -> io::Result<(HeadFile, Option<String>)> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (counter, note) = newest(&bytes).map_or((0, None), |(counter, note)| (counter, Some(note)));
        if create {
            sync_folder(path)?;
        }
        Ok((HeadFile { file, counter }, note))
    }

    /// Writes the note into the slot that does not hold the newest one, and syncs.
    pub fn write(&mut self, note: &str) -> io::Result<()> {
        let counter = self.counter + 1;
        let slot = encode(counter, note).ok_or(io::ErrorKind::InvalidInput)?;
        self.file.write_all_at(&slot, (counter % 2) * SLOT_BYTES as u64)?;
        self.file.sync_data()?;
        self.counter = counter;
        Ok(())
    }
}

/// The newest note that is whole, of a head that nobody writes meanwhile.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    Ok(newest(&std::fs::read(path)?).map(|(_, note)| note))
}

fn newest(bytes: &[u8]) -> Option<(u64, String)> {
    bytes.chunks(SLOT_BYTES).filter_map(parse).max_by_key(|(counter, _)| *counter)
}

fn encode(counter: u64, note: &str) -> Option<Vec<u8>> {
    if note.len() > NOTE_BYTES_MAX {
        return None;
    }
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&counter.to_be_bytes());
    slot.extend_from_slice(&(note.len() as u32).to_be_bytes());
    slot.extend_from_slice(note.as_bytes());
    slot.resize(SLOT_BYTES - SUM_BYTES, 0);
    let sum = Hash::sha256(&slot);
    slot.extend_from_slice(sum.as_bytes());
    Some(slot)
}

fn parse(slot: &[u8]) -> Option<(u64, String)> {
    let (body, sum) = slot.split_last_chunk::<SUM_BYTES>()?;
    if slot.len() != SLOT_BYTES || Hash::sha256(body).as_bytes() != sum || !body.starts_with(MAGIC) {
        return None;
    }
    let counter = u64::from_be_bytes(body[8..16].try_into().ok()?);
    let len = u32::from_be_bytes(body[16..20].try_into().ok()?) as usize;
    let note = body.get(HEADER_BYTES..HEADER_BYTES + len)?;
    Some((counter, String::from_utf8(note.to_vec()).ok()?))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_slot_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        let (mut head, none) = HeadFile::open(&path, true).unwrap();
        assert_eq!(none, None);
        for note in ["one", "two", "three"] {
            head.write(note).unwrap();
            assert_eq!(HeadFile::open(&path, false).unwrap().1.as_deref(), Some(note));
        }
        // The newest slot is torn anywhere: the one before it is read.
        let whole = std::fs::read(&path).unwrap();
        for at in (SLOT_BYTES..2 * SLOT_BYTES).step_by(97) {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(HeadFile::open(&path, false).unwrap().1.as_deref(), Some("two"));
        }
    }

    #[test]
    fn a_missing_head_is_not_made_unasked() {
        let folder = tempfile::tempdir().unwrap();
        assert!(HeadFile::open(&folder.path().join("head"), false).is_err());
    }
}
