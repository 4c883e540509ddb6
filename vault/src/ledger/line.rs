//! The line of logs and keys that leads to the present one, as notes in the store and in a file beside the head.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use coffer_wire::note::{self, Checkpoint, VerifierKey};
use coffer_wire::succession::{self, Handover, NotFollowed, Succession, Trust};

use super::start::StartError;
use super::volume::Volume;
use crate::store::{Batch, Engine, Family, Overlay, meta};

/// What is added to the name of the head for the file with the notes.
const BESIDE: &str = "notes";

/// One note after the other, from the first log on.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Line {
    notes: Vec<(String, Handover)>,
}

impl Line {
    /// As the store has it.
    pub fn stored(engine: &dyn Engine) -> Result<Line, StartError> {
        let rows = Overlay::new(engine).under(Family::Meta, meta::HANDOVER_PREFIX)?;
        let mut line = Line::default();
        for (place, (key, value)) in rows.into_iter().enumerate() {
            let note = String::from_utf8(value).map_err(|_| StartError::Handover)?;
            if key != Line::key(place) {
                return Err(StartError::Handover);
            }
            line.push(note)?;
        }
        Ok(line)
    }

    /// As it lies beside the head; empty where there is none.
    pub fn beside(head: &Path) -> Result<Line, StartError> {
        let text = match std::fs::read_to_string(path(head)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Line::default()),
            Err(error) => return Err(StartError::Head(error)),
        };
        let mut line = Line::default();
        for note in note::in_a_row(&text).ok_or(StartError::Handover)? {
            line.push(note.to_owned())?;
        }
        Ok(line)
    }

    /// Writes it beside the head, in one step.
    pub fn keep(&self, head: &Path) -> io::Result<()> {
        if self.notes.is_empty() {
            return Ok(());
        }
        let (kept, new) = (path(head), path(head).with_extension("new"));
        let mut file = File::create(&new)?;
        for (note, _) in &self.notes {
            file.write_all(note.as_bytes())?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        std::fs::rename(new, &kept)?;
        let folder = kept.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// The rows that keep it in a store.
    pub fn put(&self, batch: &mut Batch) {
        for (place, note) in self.notes().enumerate() {
            batch.put(Family::Meta, Line::key(place), note.as_bytes());
        }
    }

    /// The store's key of the note of this place.
    pub(super) fn key(place: usize) -> Vec<u8> {
        [meta::HANDOVER_PREFIX, &(place as u32).to_be_bytes()].concat()
    }

    /// One more note, as it was signed.
    pub fn push(&mut self, note: String) -> Result<(), StartError> {
        let handover = Handover::parse(&note).map_err(|_| StartError::Handover)?;
        self.notes.push((note, handover));
        Ok(())
    }

    /// The notes, oldest first.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|(note, _)| note.as_str())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// What they say, oldest first.
    pub fn handovers(&self) -> impl DoubleEndedIterator<Item = &Handover> {
        self.notes.iter().map(|(_, handover)| handover)
    }

    /// How each log before the present one ended.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Succession> {
        self.handovers().filter_map(|handover| match handover {
            Handover::Succession(succession) => Some(succession),
            Handover::Rekey(_) => None,
        })
    }

    /// The present log.
    pub fn volume(&self) -> Volume {
        self.ended().next_back().map_or(Volume::FIRST, |last| Volume::of_origin(last.successor.name()))
    }

    /// Until when the key before the present one signs beside it, in Unix milliseconds; `None` where it does not.
    pub fn overlap_ms(&self) -> Option<u64> {
        match self.handovers().next_back() {
            Some(Handover::Rekey(rekey)) => Some(rekey.until_ms),
            _ => None,
        }
    }

    /// The logs that ended, and up to where the leaves of each are still there.
    pub fn kept(&self) -> Vec<(Volume, Checkpoint)> {
        let kept = succession::kept(self.ended()).into_iter();
        kept.map(|kept| (Volume::of_origin(&kept.origin), kept)).collect()
    }

    /// The one of this place, from 1.
    pub fn closed(&self, number: u16) -> Option<(Volume, Checkpoint)> {
        self.kept().into_iter().find(|(volume, _)| volume.number() == number)
    }

    /// What whoever was handed a key comes to believe by these notes.
    pub fn trusted_from(&self, key: &VerifierKey) -> Result<Trust, NotFollowed> {
        let mut trust = Trust::of(key.clone());
        trust.follow(self.notes())?;
        Ok(trust)
    }

    /// Whether the other begins with this one.
    pub fn leads_to(&self, other: &Line) -> bool {
        other.notes.starts_with(&self.notes)
    }
}

/// Where the notes lie beside a head.
pub fn path(head: &Path) -> PathBuf {
    let mut name = head.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(BESIDE);
    head.with_file_name(name)
}
