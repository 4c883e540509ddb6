//! How far an import has got: a file beside the CSV, synced before a batch leaves and after its answer is there.
//!
//! ```text
//! coffer-import 1
//! csv n4bQ…            SHA-256 of the CSV, of the map, and of the log key of the vault
//! map YDA6…
//! vault _WG4…
//! mode create          or update
//! batch 2 145 1002 80123          from this line and byte up to this one: about to be sent
//! expect 17 0 3                   update: the version that line 17's first record is to have
//! out 18 18 0 invalid_value bank sort_code    line, its last line, record, code, category, field
//! in 19 0                         written; told only where a batch could not be ended
//! unsent                          nothing of the batch was taken by the vault
//! done 1000 987                   the batch is over: lines, records written
//! end
//! ```
//!
//! Line numbers, names and versions alone: no value and no id of a person or record.
//!
//! *Order of persistence.* A crash behind `batch` leaves a batch of which nobody knows: it is sent again under the
//! same expected versions, so that what the vault has of it is found and not written twice. A crash behind `done`
//! leaves nothing open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use coffer_wire::{Hash, Name};

use super::folder;
use super::lines::Place;
use super::refused::{Refused, Why};
use crate::failure::Failure;

const TITLE: &str = "coffer-import 1";
/// What is put behind the name of the CSV.
const SUFFIX: &str = ".coffer-import";
/// For its owner alone: it says which lines were refused.
const MODE: u32 = 0o600;
/// Bytes of one line, at most: none that is written comes near.
const ENTRY_BYTES_MAX: u64 = 512;

/// One record of a line.
pub type Item = (u64, usize);

/// What a journal belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    pub csv: Hash,
    pub map: Hash,
    pub vault: Hash,
    pub update: bool,
}

/// A journal, open for the one import that has it.
pub struct Journal {
    path: PathBuf,
    file: File,
    head: String,
    state: State,
}

/// What the entries come to.
#[derive(Default, Debug)]
pub struct State {
    /// Where the first line stands that no batch has taken.
    pub next: Option<Place>,
    pub lines: u64,
    pub written: u64,
    /// Lines that are not in the vault, whole or in part.
    pub refused: u64,
    /// How often which reason.
    pub reasons: BTreeMap<Why, u64>,
    /// A batch that was begun and is not over.
    pub open: Option<Open>,
    pub ended: bool,
}

/// A batch that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    pub from: Place,
    pub to: Place,
    /// The versions that records are to have.
    pub expected: BTreeMap<Item, u32>,
    /// What was written for certain.
    pub written: BTreeSet<Item>,
    /// What was refused for certain.
    pub refused: BTreeSet<Item>,
    refused_lines: BTreeSet<u64>,
}

impl Journal {
    /// The journal of a CSV, made where there is none. `csv` is its file.
    pub fn open(csv: &Path, bound: &Bound) -> Result<Journal, Failure> {
        let mut path = csv.as_os_str().to_owned();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        let failed = |error| Failure::failed(path.display(), error);
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(MODE);
            options
        };
        let file = options().open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::usage(format!("{}: another import of this file runs", path.display()), ""));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut journal = Journal { path: path.clone(), file, head: bound.head(), state: State::default() };
        journal.take_up()?;
        Ok(journal)
    }

    /// What it says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A batch is about to be sent.
    pub fn begin(&mut self, from: Place, to: Place, expected: &BTreeMap<Item, u32>) -> Result<(), Failure> {
        let mut text = format!("batch {} {} {} {}\n", from.line, from.byte, to.line, to.byte);
        for ((line, block), version) in expected {
            let _ = writeln!(text, "expect {line} {block} {version}");
        }
        self.append(&text)
    }

    /// What is certain of the open batch, which could not be ended.
    pub fn settle(&mut self, written: &[Item], refused: &[Refused]) -> Result<(), Failure> {
        let mut text = outs(refused);
        for (line, block) in written {
            let _ = writeln!(text, "in {line} {block}");
        }
        self.append(&text)
    }

    /// Nothing of the open batch was taken by the vault.
    pub fn unsent(&mut self) -> Result<(), Failure> {
        self.append("unsent\n")
    }

    /// The open batch is over. `written` counts all that it wrote, `refused` what was not told before.
    pub fn done(&mut self, lines: u64, written: u64, refused: &[Refused]) -> Result<(), Failure> {
        let text = format!("{}done {lines} {written}\n", outs(refused));
        self.append(&text)
    }

    /// All of the file was imported.
    pub fn end(&mut self) -> Result<(), Failure> {
        self.append("end\n")
    }

    /// Every line that was refused, in the order of the file but for lines of one batch.
    pub fn refused(&self, mut see: impl FnMut(&Refused) -> Result<(), Failure>) -> Result<(), Failure> {
        let failed = |error| Failure::failed(self.path.display(), error);
        let file = File::open(&self.path).map_err(failed)?;
        for line in BufReader::new(file).lines() {
            if let Some(Entry::Out(refused)) = Entry::parse(&line.map_err(failed)?) {
                see(&refused)?;
            }
        }
        Ok(())
    }

    /// Reads what is there, forgets a last entry that was cut, and writes the head where there is nothing.
    fn take_up(&mut self) -> Result<(), Failure> {
        let failed = |path: &Path, error| Failure::failed(path.display(), error);
        let mut reader = BufReader::new(&self.file);
        let (mut whole, mut head) = (0, String::new());
        loop {
            let mut line = Vec::new();
            let read = (&mut reader).take(ENTRY_BYTES_MAX).read_until(b'\n', &mut line);
            read.map_err(|error| failed(&self.path, error))?;
            // A power cut leaves an entry without its end, which was never relied on.
            if line.pop() != Some(b'\n') {
                break;
            }
            whole += line.len() as u64 + 1;
            let line = String::from_utf8(line).unwrap_or_default();
            if head.len() < self.head.len() {
                head.push_str(&line);
                head.push('\n');
                if !self.head.starts_with(&head) {
                    return Err(self.foreign(&head));
                }
                continue;
            }
            let entry = Entry::parse(&line).filter(|entry| self.state.take(entry));
            if entry.is_none() {
                let message = format!("{}: the journal is damaged at byte {whole}", self.path.display());
                return Err(Failure::check("journal_damaged", message, DAMAGED));
            }
        }
        // Nothing was begun before the head was whole.
        if head.len() < self.head.len() {
            self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(|error| failed(&self.path, error))?;
            let head = self.head.clone();
            self.append(&head)?;
            let synced = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
            return synced.map_err(|error| failed(&self.path, error));
        }
        let cut = self.file.set_len(whole).and_then(|()| self.file.seek(SeekFrom::End(0)));
        cut.map(drop).map_err(|error| failed(&self.path, error))
    }

    /// Says what the journal is of, if not of this.
    fn foreign(&self, head: &str) -> Failure {
        let differ = self.head.lines().zip(head.lines()).find(|(own, other)| own != other);
        let what = match differ.map(|(own, _)| own.split(' ').next().unwrap_or_default()) {
            Some("csv") => "the CSV is not the one that was begun with",
            Some("map") => "the map is not the one that was begun with",
            Some("vault") => "the import was begun into another vault",
            Some("mode") => "the import was begun with, or without, `--update`",
            _ => "this is not a journal of an import",
        };
        Failure::usage(format!("{}: {what}", self.path.display()), FOREIGN)
    }

    /// Appends whole lines, on the disk when this returns.
    fn append(&mut self, text: &str) -> Result<(), Failure> {
        let mut write = || -> io::Result<()> {
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()
        };
        write().map_err(|error| Failure::failed(self.path.display(), error))?;
        for line in text.lines() {
            if let Some(entry) = Entry::parse(line) {
                self.state.take(&entry);
            }
        }
        Ok(())
    }
}

const DAMAGED: &str = "move it away and run again: what is in the vault already is found and reported as `exists`";
const FOREIGN: &str = "go on with what it was begun with, or move the journal away to begin anew";

impl Bound {
    fn head(&self) -> String {
        let Bound { csv, map, vault, update } = self;
        let mode = if *update { "update" } else { "create" };
        format!("{TITLE}\ncsv {csv}\nmap {map}\nvault {vault}\nmode {mode}\n")
    }
}

impl State {
    /// Where reading goes on.
    pub fn place(&self) -> Option<Place> {
        self.open.as_ref().map(|open| open.from).or(self.next)
    }

    /// Takes an entry in. False: it cannot stand here.
    fn take(&mut self, entry: &Entry) -> bool {
        match (entry, &mut self.open) {
            (Entry::Batch(from, to), None) => {
                self.open = Some(Open::new(*from, *to));
            }
            // The batch of an import that was cut, begun again. What it was to expect still counts.
            (Entry::Batch(from, to), Some(open)) => return open.from == *from && open.to == *to,
            (Entry::Expect(item, version), Some(open)) => {
                open.expected.entry(*item).or_insert(*version);
            }
            (Entry::In(item), Some(open)) => {
                open.written.insert(*item);
            }
            (Entry::Out(refused), Some(open)) => {
                open.refused.insert((refused.line, refused.block.unwrap_or(usize::MAX)));
                open.refused_lines.insert(refused.line);
                *self.reasons.entry(refused.why).or_default() += 1;
            }
            (Entry::Unsent, Some(_)) => self.open = None,
            (Entry::Done { lines, written }, Some(open)) => {
                self.next = Some(open.to);
                self.lines += lines;
                self.written += written;
                self.refused += open.refused_lines.len() as u64;
                self.open = None;
            }
            (Entry::End, None) => self.ended = true,
            _ => return false,
        }
        true
    }
}

impl Open {
    fn new(from: Place, to: Place) -> Open {
        let (expected, written, refused) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Open { from, to, expected, written, refused, refused_lines: BTreeSet::new() }
    }

    /// Whether it is known what came of a record.
    pub fn is_settled(&self, item: Item) -> bool {
        self.written.contains(&item) || self.refused.contains(&item)
    }

    /// Whether anything of it is known.
    pub fn holds_something(&self) -> bool {
        !self.written.is_empty() || !self.refused.is_empty()
    }

    /// Whether a line was refused before anything of it was sent.
    pub fn is_refused(&self, line: u64) -> bool {
        self.refused.contains(&(line, usize::MAX))
    }
}

/// One line of a journal.
enum Entry {
    Batch(Place, Place),
    Expect(Item, u32),
    In(Item),
    Out(Refused),
    Unsent,
    Done { lines: u64, written: u64 },
    End,
}

impl Entry {
    fn parse(line: &str) -> Option<Entry> {
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        let place = |at: usize| Some(Place { line: number(at)?, byte: number(at + 1)? });
        let item = || Some((number(1)?, usize::try_from(number(2)?).ok()?));
        let name = |at: usize| match *words.get(at)? {
            "-" => Some(None),
            name => Name::new(name).ok().map(Some),
        };
        let entry = match words[0] {
            "batch" if words.len() == 5 => Entry::Batch(place(1)?, place(3)?),
            "expect" if words.len() == 4 => Entry::Expect(item()?, words[3].parse().ok()?),
            "in" if words.len() == 3 => Entry::In(item()?),
            "out" if words.len() == 7 => {
                let block = match words[3] {
                    "-" => None,
                    block => Some(block.parse().ok()?),
                };
                let why = Why::parse(words[4])?.with(name(5)?, name(6)?);
                Entry::Out(Refused { line: number(1)?, last: number(2)?, block, why })
            }
            "unsent" if words.len() == 1 => Entry::Unsent,
            "done" if words.len() == 3 => Entry::Done { lines: number(1)?, written: number(2)? },
            "end" if words.len() == 1 => Entry::End,
            _ => return None,
        };
        Some(entry)
    }
}

fn outs(refused: &[Refused]) -> String {
    let mut text = String::new();
    for Refused { line, last, block, why } in refused {
        let block = block.map_or("-".to_owned(), |block| block.to_string());
        let name = |name: Option<Name>| name.map_or("-".to_owned(), |name| name.to_string());
        let (category, field) = (name(why.category()), name(why.field()));
        let _ = writeln!(text, "out {line} {last} {block} {} {category} {field}", why.as_str());
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use coffer_wire::problem::Code;

    use super::*;

    fn bound() -> Bound {
        let [csv, map, vault] = [1, 2, 3].map(|byte| Hash::sha256(&[byte]));
        Bound { csv, map, vault, update: false }
    }

    fn at(line: u64) -> Place {
        Place { line, byte: line * 10 }
    }

    fn refused(line: u64) -> Refused {
        let why =
            Why::code(Code::InvalidValue).in_category(Name::new("bank").unwrap()).at(Name::new("sort_code").unwrap());
        Refused { line, last: line + 1, block: Some(0), why }
    }

    #[test]
    fn what_was_told_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        let mut journal = Journal::open(&csv, &bound()).unwrap();
        assert_eq!(journal.state().place(), None);
        journal.begin(at(2), at(5), &BTreeMap::new()).unwrap();
        journal.done(3, 2, &[refused(3)]).unwrap();
        journal.begin(at(5), at(9), &BTreeMap::from([((6, 1), 4)])).unwrap();
        journal.settle(&[(5, 0)], &[refused(7)]).unwrap();
        drop(journal);

        let mut journal = Journal::open(&csv, &bound()).unwrap();
        let state = journal.state();
        assert_eq!(
            (state.next, state.place(), state.lines, state.written, state.refused),
            (Some(at(5)), Some(at(5)), 3, 2, 1)
        );
        let open = state.open.clone().unwrap();
        assert_eq!((open.to, open.expected.get(&(6, 1))), (at(9), Some(&4)));
        assert!(open.is_settled((5, 0)) && open.is_settled((7, 0)) && !open.is_settled((6, 1)));
        journal.begin(at(5), at(9), &BTreeMap::from([((6, 1), 5)])).unwrap();
        assert_eq!(journal.state().open.as_ref().unwrap().expected[&(6, 1)], 4, "the first look counts");
        journal.done(4, 3, &[]).unwrap();
        journal.end().unwrap();
        let state = journal.state();
        assert_eq!((state.lines, state.written, state.refused, state.ended), (7, 5, 2, true));
        let mut seen = Vec::new();
        journal
            .refused(|refused| {
                seen.push(*refused);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [refused(3), refused(7)]);
    }

    /// A power cut may leave the file cut anywhere in what was not synced yet.
    #[test]
    fn a_journal_that_was_cut_anywhere_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        let mut journal = Journal::open(&csv, &bound()).unwrap();
        journal.begin(at(2), at(5), &BTreeMap::from([((3, 0), 7)])).unwrap();
        journal.done(3, 2, &[refused(3)]).unwrap();
        let path = journal.path().to_owned();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            for tail in [&b""[..], b"\0\0\0"] {
                std::fs::write(&path, [&whole[..cut], tail].concat()).unwrap();
                let mut journal = Journal::open(&csv, &bound()).unwrap();
                if journal.state().lines == 0 {
                    journal.begin(at(2), at(5), &BTreeMap::new()).unwrap();
                    let told = journal.state().open.as_ref().unwrap().is_settled((3, 0));
                    let refused = if told { vec![] } else { vec![refused(3)] };
                    journal.done(3, 2, &refused).unwrap();
                }
                let state = Journal::open(&csv, &bound());
                assert!(state.is_err(), "one import at a time");
                drop(journal);
                let journal = Journal::open(&csv, &bound()).unwrap();
                let state = journal.state();
                assert_eq!(
                    (state.lines, state.written, state.refused, state.open.is_some()),
                    (3, 2, 1, false),
                    "{cut}"
                );
            }
        }
    }

    #[test]
    fn a_journal_of_anything_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        drop(Journal::open(&csv, &bound()).unwrap());
        let other = Hash::sha256(b"other");
        for (other, what) in [
            (Bound { csv: other, ..bound() }, "CSV"),
            (Bound { map: other, ..bound() }, "map"),
            (Bound { vault: other, ..bound() }, "vault"),
            (Bound { update: true, ..bound() }, "--update"),
        ] {
            let failure = Journal::open(&csv, &other).err().unwrap();
            assert_eq!(failure.code(), "usage");
            assert!(format!("{failure:?}").contains(what), "{failure:?}");
        }
        let path = folder.path().join("a.csv.coffer-import");
        std::fs::write(&path, [bound().head().as_str(), "done 3 2\n"].concat()).unwrap();
        assert_eq!(Journal::open(&csv, &bound()).err().unwrap().code(), "journal_damaged");
        std::fs::write(&path, "some notes\nof mine\n".repeat(40)).unwrap();
        assert_eq!(Journal::open(&csv, &bound()).err().unwrap().code(), "usage");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("some notes"), "it was written over");
    }

    #[test]
    fn a_journal_is_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("a.csv"), &bound()).unwrap();
        assert_eq!(std::fs::metadata(journal.path()).unwrap().permissions().mode() & 0o777, MODE);
    }
}
