//! The log as a file that can be checked without a vault.
//!
//! ```text
//! coffer.example/demo                                 the checkpoint's signed note, as C2SP writes it
//! 2
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — coffer.example/demo ZmQ0…
//!                                                     an empty line
//! 1fC7uP…Gk {"t":1780000000000,"controller":…}        for each leaf: its hash, a space, its bytes
//! c0mv4S…xQ {"t":1780000000250,"controller":…}
//! ```
//!
//! Where the log was handed on, the notes that say so stand before it, each with an empty line behind it; behind a note by which a
//! log ended stand its leaves, as far as they were kept, and an empty line.
//!
//! The hashes prove nothing, since who alters a leaf can write the hash anew; then the root differs.
//! They are there so that damage to one line is named by its index.

use std::io::{self, BufRead, Read, Write};

use coffer_wire::note::{NOTE_BYTES_MAX, NoteError};
use coffer_wire::succession::{HANDOVERS_MAX, Handover, NotFollowed, Trust};
use coffer_wire::tree::leaf_hash;

use super::line::Line;
use super::{Audit, Fault};

/// Bytes of a line, at most; no leaf with its hash is near.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// Why a dump cannot be checked leaf by leaf.
#[derive(Debug)]
pub enum Unusable {
    /// The file cannot be read.
    Io(io::Error),
    /// There is no checkpoint at its beginning, or it is not one of the log's key.
    Note(NoteError),
    /// The log was handed on in a way that does not follow from the log's key.
    NotFollowed(NotFollowed),
}

/// Writes the beginning of a dump.
pub fn write_note(out: &mut impl Write, note: &str) -> io::Result<()> {
    writeln!(out, "{note}")
}

/// Writes one leaf. One with a line end in it is none and cannot be written.
pub fn write_leaf(out: &mut impl Write, leaf: &str) -> io::Result<()> {
    if leaf.contains('\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a leaf has a line end in it"));
    }
    writeln!(out, "{} {leaf}", leaf_hash(leaf.as_bytes()))
}

/// Writes what ends the leaves of a log that another follows.
pub fn write_end(out: &mut impl Write) -> io::Result<()> {
    writeln!(out)
}

/// Reads a dump to its end: notes and checkpoint, whose signatures are checked by what `trust` leads to, and what the leaves
/// of each log show.
pub fn read(mut file: impl BufRead, mut trust: Trust) -> Result<Line, Unusable> {
    let (mut notes, mut closed) = (Vec::new(), Vec::new());
    loop {
        let note = read_note(&mut file)?;
        let Ok(handover) = Handover::parse(&note) else {
            trust.follow(notes.iter().map(String::as_str)).map_err(Unusable::NotFollowed)?;
            let checkpoint = trust.verify(&note).map_err(Unusable::Note)?;
            let audit = read_leaves(&mut file, Some(checkpoint.size))?;
            return Ok(Line { trust, closed, checkpoint, note, audit });
        };
        notes.push(note);
        if let Handover::Succession(_) = handover {
            closed.push(read_leaves(&mut file, None)?);
        }
        if notes.len() > HANDOVERS_MAX {
            return Err(Unusable::NotFollowed(NotFollowed::TooMany));
        }
    }
}

/// The leaves up to an empty line or, where their number is known, to the end.
fn read_leaves(file: &mut impl BufRead, size: Option<u64>) -> Result<Audit, Unusable> {
    let mut audit = Audit::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(Unusable::Io)?;
        if read == 0 || (size.is_none() && line == b"\n") {
            break;
        }
        take_line(&mut audit, &line);
        if let Some(size) = size.filter(|size| audit.size() > *size) {
            audit.blame(size, Fault::NotSigned);
            break;
        }
    }
    if let Some(size) = size.filter(|size| audit.size() < *size) {
        audit.blame(audit.size().min(size), Fault::Missing);
    }
    Ok(audit)
}

/// The note, up to the second empty line; the first stands between its text and its signatures.
fn read_note(file: &mut impl BufRead) -> Result<String, Unusable> {
    let (mut note, mut empty_lines) = (Vec::new(), 0);
    while empty_lines < 2 {
        let start = note.len();
        let room = (NOTE_BYTES_MAX + 1).saturating_sub(start) as u64;
        let read = file.take(room).read_until(b'\n', &mut note).map_err(Unusable::Io)?;
        if read == 0 {
            return Err(Unusable::Note(NoteError::NotANote));
        }
        empty_lines += usize::from(note[start..] == *b"\n");
    }
    note.pop();
    String::from_utf8(note).map_err(|_| Unusable::Note(NoteError::NotANote))
}

/// A line with its end. Whatever is wrong with it is a fault of the leaf at its place.
fn take_line(audit: &mut Audit, line: &[u8]) {
    let index = audit.size();
    let whole = line.strip_suffix(b"\n");
    let bytes = whole.unwrap_or(line);
    let split = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (hash, leaf) = (&bytes[..split], bytes.get(split + 1..).unwrap_or_default());
    audit.push(leaf);
    if whole.is_none() || hash != leaf_hash(leaf).to_string().as_bytes() {
        audit.blame(index, Fault::OtherHash);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Wrong;
    use super::super::synthetic::{Log, key};
    use super::*;
    use coffer_wire::note::VerifierKey;

    fn dump(log: &Log) -> Vec<u8> {
        let mut out = Vec::new();
        write_note(&mut out, &log.note()).unwrap();
        for leaf in &log.leaves {
            write_leaf(&mut out, std::str::from_utf8(leaf).unwrap()).unwrap();
        }
        out
    }

    fn trust() -> Trust {
        Trust::of(key())
    }

    /// The first wrong index; `None` where everything is right.
    fn check(dump: &[u8]) -> Result<Option<u64>, Unusable> {
        let Line { checkpoint, audit, .. } = read(dump, trust())?;
        match audit.wrong() {
            Some(Wrong { index, .. }) => Ok(Some(index)),
            None => Ok((!audit.agrees_with(&checkpoint)).then_some(u64::MAX)),
        }
    }

    #[test]
    fn a_dump_as_it_was_written_is_right() {
        for size in [0, 1, 2, 25] {
            let log = Log::of(size);
            let Line { checkpoint, note, audit, .. } = read(&*dump(&log), trust()).unwrap();
            assert_eq!(audit.wrong(), None);
            assert!(audit.agrees_with(&checkpoint));
            assert_eq!((checkpoint, note), (log.checkpoint(), log.note()));
        }
    }

    #[test]
    fn one_flipped_byte_is_named_by_its_index_wherever_it_stands() {
        let (log, mut flipped) = (Log::of(20), 0);
        let whole = dump(&log);
        let note_bytes = log.note().len() + 1;
        let mut line = 0;
        for at in note_bytes..whole.len() {
            for bits in [0x01, 0x20, 0xff] {
                let mut wrong = whole.clone();
                wrong[at] ^= bits;
                assert_eq!(check(&wrong).unwrap(), Some(line), "byte {at} ^ {bits:#x}");
                flipped += 1;
            }
            line += u64::from(whole[at] == b'\n');
        }
        assert_eq!(line, 20);
        assert!(flipped > 10_000);
    }

    #[test]
    fn one_flipped_byte_of_the_checkpoint_is_found() {
        let log = Log::of(3);
        let (whole, note_bytes) = (dump(&log), log.note().len() + 1);
        for at in 0..note_bytes {
            for bits in [0x01, 0x20, 0xff] {
                let mut wrong = whole.clone();
                wrong[at] ^= bits;
                assert!(!matches!(check(&wrong), Ok(None)), "byte {at} ^ {bits:#x}");
            }
        }
    }

    #[test]
    fn a_leaf_rewritten_with_its_hash_still_shows_in_the_root() {
        let mut log = Log::of(9);
        let note = log.note();
        let text = String::from_utf8(log.leaves[4].clone()).unwrap();
        log.leaves[4] = text.replace("rents-bank", "rents-care").into_bytes();
        let forged = dump(&log);
        let forged = [format!("{note}\n").as_bytes(), &forged[log.note().len() + 1..]].concat();
        assert_eq!(check(&forged).unwrap(), Some(u64::MAX));
    }

    #[test]
    fn leaves_that_are_missing_or_too_many_are_named() {
        let log = Log::of(9);
        let whole = dump(&log);
        let lines: Vec<_> = whole.split_inclusive(|b| *b == b'\n').collect();
        assert_eq!(check(&lines[..lines.len() - 1].concat()).unwrap(), Some(8));
        assert_eq!(check(&whole[..whole.len() - 1]).unwrap(), Some(8));
        let more = dump(&Log::of(10));
        let more = [format!("{}\n", log.note()).as_bytes(), &more[Log::of(10).note().len() + 1..]].concat();
        assert_eq!(check(&more).unwrap(), Some(9));
    }

    #[test]
    fn another_key_or_no_dump_at_all_is_refused() {
        let other = VerifierKey::new(super::super::synthetic::ORIGIN, [9; 32]).unwrap();
        assert!(matches!(read(&*dump(&Log::of(3)), Trust::of(other)), Err(Unusable::Note(NoteError::NotSigned))));
        for wrong in [&b""[..], b"\n\n", b"{}\n", &[b'x'; 100_000]] {
            assert!(matches!(read(wrong, trust()), Err(Unusable::Note(_))));
        }
    }
}
