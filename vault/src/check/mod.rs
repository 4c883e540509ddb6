//! `coffer-vault check`: everything in a stopped home, or in a copy of one that is served, held against its log, and the
//! log against the key and the head that stand outside it.
//!
//! Without the seal: every leaf, tile, checkpoint and the head; and that keys, private parts and rows
//! are where they should be. With the root key also what is sealed: each key opens, each private part
//! is the one that its leaf commits to, and the rows are those, and only those, that the leaves in
//! their order come to. No value is ever opened for anybody; ids are told on request only. On request it is also
//! searched for card numbers, of which none may be stored.

mod cards;
mod erasures;
mod finding;
mod keys;
mod line;
mod log;
mod meta;
mod past;
mod people;
mod privates;
mod rebuild;
mod rows;
mod tail;
mod transitions;
mod tree;

use std::io;
use std::path::Path;

use coffer_keys::RootKey;
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::Trust;
use serde::Serialize;

use crate::ledger::line::Line;
use crate::ledger::{Volume, head};
use crate::seal::verify::Verifier;
use crate::store::format::{self, FormatError};
use crate::store::{Engine, Family, StoreError};

pub use finding::{Code, Finding, Findings, Place, Who};
use keys::Wraps;
pub use rebuild::{Rebuilt, rebuild};
pub use tail::{Cut, NotCut, cut_tail};

/// Rows that are asked of the store at a time.
const PAGE_ROWS: usize = 1_024;

/// What is checked.
pub struct Home<'a> {
    /// The store, which nobody else has open.
    pub engine: &'a dyn Engine,
    /// The log's public key, as it was handed out.
    pub log_key: &'a VerifierKey,
    /// The head file.
    pub head: &'a Path,
    /// The erasure ledger.
    pub erasures: &'a Path,
    /// Whether findings name person and record.
    pub show_ids: bool,
    /// Whether card numbers are looked for, in all that opens.
    pub cards: bool,
}

/// How far it is, for those who wait.
pub trait Progress {
    /// A stage begins; `total` where it is known.
    fn stage(&self, stage: &'static str, total: Option<u64>);
    /// So many more of the stage are done.
    fn advance(&self, count: u64);
    /// Whether nobody waits any more: then the work ends where it is.
    fn stopped(&self) -> bool {
        false
    }
}

/// Nobody waits.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &'static str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
}

/// Why a home cannot be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The store cannot be read, for another reason than damage.
    #[error(transparent)]
    Store(StoreError),
    /// The store is of another format than this program knows.
    #[error(transparent)]
    Format(FormatError),
    /// The head file is there and cannot be read.
    #[error("the head file: {0}")]
    Head(#[source] io::Error),
    /// The erasure ledger is there and cannot be read.
    #[error("the erasure ledger: {0}")]
    Erasures(#[source] io::Error),
    /// The root key is not the one under which this home's keys lie.
    #[error("the key file belongs to another vault: none of this home's keys lies under it")]
    OtherRoot,
    /// Nothing can be made again.
    #[error("the log is not sound ({0}): nothing is made again out of it. `coffer-vault check` says more")]
    NoBasis(&'static str),
    /// Nobody waits for it any more.
    #[error("stopped before its end")]
    Stopped,
}

/// How much was looked at.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Looked {
    /// Leaves.
    pub leaves: u64,
    /// Full tiles of the tree.
    pub tiles: u64,
    /// Private parts; with the seal, opened.
    pub private_parts: u64,
    /// Rows of the keys family.
    pub keys: u64,
    /// Rows of the categories.
    pub rows: u64,
    /// Fields that were searched for card numbers, where that was asked for.
    pub fields: u64,
}

/// What came of a check.
#[derive(Default)]
pub struct Report {
    /// Whether what is sealed was looked at too.
    pub with_seal: bool,
    /// How much was looked at.
    pub looked: Looked,
    /// By how many leaves the head is behind the log, as it is after a kill; `None` where it is no
    /// head of this log.
    pub head_behind: Option<u64>,
    /// What is wrong.
    pub findings: Findings,
}

/// A check on its way.
struct Check<'a> {
    home: &'a Home<'a>,
    progress: &'a dyn Progress,
    report: Report,
    /// The notes that lead to the log that is open, as far as they can be read.
    line: Line,
    /// What they come to, for whoever was given the log key.
    trust: Trust,
    /// The log that is open.
    volume: Volume,
}

/// Checks a home that nobody writes to meanwhile; with the root key also what is sealed.
pub fn check(home: &Home<'_>, root: Option<&RootKey>, progress: &dyn Progress) -> Result<Report, CheckError> {
    let mut check = Check::of(home, progress, root.is_some())?;
    let log = check.log()?;
    check.meta(&log)?;
    check.private_parts(&log)?;
    let wraps = check.wraps(&log)?;
    let verifier = match root {
        None => None,
        Some(root) => Some(check.unseal(root, &wraps)?),
    };
    check.vouched(verifier.as_ref())?;
    check.drilled(verifier.as_ref())?;
    check.erasures(&log, verifier.as_ref())?;
    let mut past = match &verifier {
        None => None,
        Some(verifier) => check.past(verifier, &wraps, &log)?,
    };
    check.people(verifier.as_ref(), past.as_mut())?;
    check.keys(&wraps, verifier.as_ref(), past.as_mut())?;
    check.rows(&wraps, verifier.as_ref(), past)?;
    Ok(check.report)
}

impl<'a> Check<'a> {
    fn of(home: &'a Home<'a>, progress: &'a dyn Progress, with_seal: bool) -> Result<Check<'a>, CheckError> {
        let (line, trust) = (Line::default(), Trust::of(home.log_key.clone()));
        let report = Report { with_seal, ..Report::default() };
        let mut check = Check { home, progress, report, line, trust, volume: Volume::FIRST };
        check.format()?;
        check.follow()?;
        Ok(check)
    }
}

impl Check<'_> {
    fn add(&mut self, finding: Finding) {
        self.report.findings.add(finding);
    }

    /// What this program does not understand it cannot call wrong. Damage is told by the look at the meta family; a store
    /// that says nothing is looked at all the same, since no vault leaves one so.
    fn format(&mut self) -> Result<(), CheckError> {
        match format::check(self.home.engine) {
            Err(FormatError::Store(_)) | Ok(()) => {}
            Err(FormatError::Unsaid) => self.found(Code::FormatUnsaid, Place::of(Family::Meta).entry("format")),
            Err(other @ (FormatError::Newer(_) | FormatError::Older(_))) => return Err(CheckError::Format(other)),
        }
        Ok(())
    }

    fn found(&mut self, code: Code, place: Place) {
        self.add(Finding::new(code, place));
    }

    /// The wrapping keys, open as far as they open.
    fn unseal(&mut self, root: &RootKey, wraps: &Wraps) -> Result<Verifier, CheckError> {
        if !wraps.rows.is_empty() && wraps.rows.iter().all(|(_, row)| row.wrapped_by != root.id()) {
            return Err(CheckError::OtherRoot);
        }
        let (verifier, survey) = Verifier::open(&wraps.rows, root);
        for (id, row) in wraps.rows.iter().filter(|(id, _)| survey.unopened.contains(id)) {
            let place = Place::of(Family::Keys).controller(row.controller).category(row.category).key(id);
            self.found(Code::KeyAltered, place);
        }
        for (id, row) in wraps.rows.iter().filter(|(id, _)| survey.unvouched.contains(id)) {
            let place = Place::of(Family::Keys).controller(row.controller).category(row.category).key(id);
            self.found(Code::KeyStateAltered, place);
        }
        if survey.log.is_some_and(|public| public != *self.trust.key().public()) {
            self.found(Code::LogKeyOther, Place::of(Family::Keys));
        }
        Ok(verifier)
    }

    /// Every row under a prefix, in order, a page at a time. Damage ends the family and is a finding.
    fn each(
        &mut self,
        family: Family,
        prefix: &[u8],
        mut row: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), CheckError>,
    ) -> Result<(), CheckError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = match self.home.engine.scan(family, prefix, after.as_deref(), PAGE_ROWS) {
                Ok(page) => page,
                Err(error) => return self.damaged(family, error),
            };
            for (key, value) in &page {
                row(self, key, value)?;
            }
            self.progress.advance(page.len() as u64);
            if self.progress.stopped() {
                return Err(CheckError::Stopped);
            }
            let whole = page.len() < PAGE_ROWS;
            after = page.into_iter().next_back().map(|(key, _)| key);
            if whole {
                return Ok(());
            }
        }
    }

    /// One row; damage is a finding, and then there is none.
    fn get(&mut self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, CheckError> {
        match self.home.engine.get(family, key) {
            Ok(value) => Ok(value),
            Err(error) => self.damaged(family, error).map(|()| None),
        }
    }

    /// Whether the store could not read a family to its end: what was not met may yet be there.
    fn is_damaged(&self, family: Family) -> bool {
        let findings = self.report.findings.kept();
        findings.iter().any(|finding| finding.code == Code::StoreDamaged && finding.place.family == family.column())
    }

    fn damaged(&mut self, family: Family, error: StoreError) -> Result<(), CheckError> {
        match error {
            StoreError::Corrupt { .. } if self.is_damaged(family) => {}
            StoreError::Corrupt { .. } => self.found(Code::StoreDamaged, Place::of(family)),
            StoreError::NoFamily { .. } => self.found(Code::FamilyMissing, Place::of(family)),
            other => return Err(CheckError::Store(other)),
        }
        Ok(())
    }

    /// The note in the head file, if there is a whole one.
    fn head_note(&self) -> Result<Option<String>, CheckError> {
        match head::read(self.home.head) {
            Ok(note) => Ok(note),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CheckError::Head(error)),
        }
    }
}

/// The index of a leaf or a private part, from its key in the store.
fn index_of(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}
