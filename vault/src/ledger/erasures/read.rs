//! Reading an erasure ledger, a line at a time: the memory that it takes does not grow with the file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::text::{self, Entry, LINE_BYTES_MAX, Line};
use super::{Erased, ErasuresError};
use crate::keyring::Voucher;

/// What stands in a ledger, its entries aside.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Contents {
    /// The first log of the line that it is about.
    pub origin: String,
    /// Up to which position, itself not counted, every destroyed key is named.
    pub complete: u64,
    /// How many keys it names.
    pub entries: u64,
    /// How many groups there are.
    pub groups: u64,
    /// Bytes up to the end of the last `complete` line.
    pub whole_bytes: u64,
    /// Whether something stands behind that which was never acknowledged, as a loss of power leaves it.
    pub torn: bool,
}

/// Reads a ledger and hands on each key that it names, also those of a group without an end: they were destroyed, though
/// nobody was told yet. Without a voucher lines are held against their checksums alone.
pub fn read(
    path: &Path,
    voucher: Option<&Voucher>,
    each: &mut dyn FnMut(Erased) -> Result<(), ErasuresError>,
) -> Result<Contents, ErasuresError> {
    entries(path, voucher, &mut |entry| match entry {
        Entry::Erased(erased) => each(erased),
        _ => Ok(()),
    })
}

/// The same with every line.
pub(super) fn entries(
    path: &Path,
    voucher: Option<&Voucher>,
    each: &mut dyn FnMut(Entry) -> Result<(), ErasuresError>,
) -> Result<Contents, ErasuresError> {
    let mut lines = Lines { file: BufReader::new(File::open(path)?), number: 0, bytes: 0, line: Vec::new() };
    let mut reading = Reading { voucher, contents: Contents::default(), damage: Damage::None };
    let first = lines.next()?.and_then(|(line, ..)| text::decode(line)).filter(|line| line.entry == Entry::Format);
    let first = first.ok_or(ErasuresError::NotALedger)?;
    if !reading.is_ours(&first) {
        return Err(ErasuresError::OfAnotherVault);
    }
    each(first.entry)?;
    while let Some((line, number, end)) = lines.next()? {
        match text::decode(line) {
            None => reading.damage = reading.damage.and(number),
            Some(line) => each(reading.take(line, number, end)?)?,
        }
    }
    if reading.contents.whole_bytes == 0 {
        return Err(ErasuresError::Damaged(2));
    }
    reading.contents.torn = lines.bytes != reading.contents.whole_bytes;
    Ok(reading.contents)
}

/// How far a reading is.
struct Reading<'a> {
    voucher: Option<&'a Voucher>,
    contents: Contents,
    damage: Damage,
}

/// A line that cannot be read belongs to the last group, which was never acknowledged; or else the file is damaged.
#[derive(Clone, Copy)]
enum Damage {
    None,
    /// At this line; what follows may be the rest of its group.
    Open(u64),
    /// The same, and its group has ended: nothing may follow.
    Ended(u64),
}

impl Damage {
    fn and(self, number: u64) -> Damage {
        match self {
            Damage::None => Damage::Open(number),
            other => other,
        }
    }

    fn first(self) -> Option<u64> {
        match self {
            Damage::None => None,
            Damage::Open(number) | Damage::Ended(number) => Some(number),
        }
    }
}

impl Reading<'_> {
    fn take(&mut self, line: Line<'_>, number: u64, end: u64) -> Result<Entry, ErasuresError> {
        if let Damage::Ended(first) = self.damage {
            return Err(ErasuresError::Damaged(first));
        }
        // The log is named once, before everything else.
        let misplaced = match &line.entry {
            Entry::Format => true,
            Entry::Log(origin) => !std::mem::replace(&mut self.contents.origin, origin.clone()).is_empty(),
            _ => self.contents.origin.is_empty(),
        };
        if misplaced || !self.is_ours(&line) {
            return Err(ErasuresError::Damaged(number));
        }
        match (&line.entry, self.damage) {
            // Numbered, so that a group whose end is damaged is not taken for the beginning of the next.
            (Entry::Complete { group, .. }, damage) if *group != self.contents.groups + 1 => {
                return Err(ErasuresError::Damaged(damage.first().unwrap_or(number)));
            }
            (Entry::Complete { to, .. }, Damage::None) => self.ends(*to, end),
            (Entry::Complete { .. }, _) => self.damage = Damage::Ended(number),
            (Entry::Erased(_), _) => self.contents.entries += 1,
            _ => {}
        }
        Ok(line.entry)
    }

    /// A group has ended, and is whole.
    fn ends(&mut self, complete: u64, end: u64) {
        let contents = &mut self.contents;
        contents.groups += 1;
        (contents.complete, contents.whole_bytes) = (complete, end);
    }

    fn is_ours(&self, line: &Line<'_>) -> bool {
        self.voucher.is_none_or(|voucher| line.is_vouched(&self.contents.origin, voucher))
    }
}

struct Lines {
    file: BufReader<File>,
    number: u64,
    /// Bytes that were read.
    bytes: u64,
    line: Vec<u8>,
}

impl Lines {
    /// The next line without its end, its number, and how many bytes there are up to its end. One that is too long comes in pieces, none of which can be read; the last one may
    /// have no end, and then cannot be read either.
    fn next(&mut self) -> Result<Option<(&[u8], u64, u64)>, ErasuresError> {
        self.line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let got = (&mut self.file).take(most).read_until(b'\n', &mut self.line)?;
        self.number += 1;
        self.bytes += got as u64;
        // One without an end is no line: cut just before it, it must not pass for whole.
        let line = self.line.strip_suffix(b"\n").unwrap_or_default();
        Ok((got > 0).then_some((line, self.number, self.bytes)))
    }
}
