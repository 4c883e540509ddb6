//! What the callers of a vault remember, kept where the vault's end does not reach it: every answer as
//! a line of a file, and what must be true of each record since.
//!
//! Records are remembered by what they may be: one state after an answer, several after a question
//! that was never answered. Each person's acts are done one after the other; people are independent.
#![allow(clippy::unwrap_used)] // a journal that cannot be written ends the test

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use coffer_wire::note::VerifierKey;
use coffer_wire::problem::Code;

use crate::acts::{Act, Ask, Evidence, Heard, Place};
use crate::outsider::Outsider;

/// Records read back in one request.
const READ_BACK_AT_ONCE: usize = 500;

/// A record: its version and value, or nothing.
pub type State = Option<(u32, String)>;

/// What the callers know.
pub struct Journal {
    file: File,
    key: VerifierKey,
    states: BTreeMap<Place, Vec<State>>,
    evidence: Vec<Evidence>,
    findings: Findings,
    done: u64,
    erased: u64,
}

/// Where a vault did not keep its word.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Findings {
    /// Acknowledged writes that are gone.
    pub lost: Vec<String>,
    /// Records that are back after an acknowledged erase.
    pub risen: Vec<String>,
    /// Answers whose leaf is not in the log, or that came without one.
    pub unlogged: Vec<String>,
    /// A log that is not the one seen before, a vault that does not open, an answer nobody expected.
    pub other: Vec<String>,
}

impl Findings {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Findings::default()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { lost, risen, unlogged, other } = self;
        write!(f, "{} lost, {} risen, {} unlogged", lost.len(), risen.len(), unlogged.len())?;
        if other.is_empty() { Ok(()) } else { write!(f, ", {} other", other.len()) }
    }
}

/// What an answer, or none, says of an act.
enum Fate {
    Done,
    Absent,
    NotDone,
    Unknown,
    Unexpected,
}

impl Journal {
    /// An empty journal in a new file.
    pub fn new(path: &Path, key: VerifierKey) -> Journal {
        Journal {
            file: File::create_new(path).unwrap(),
            key,
            states: BTreeMap::new(),
            evidence: Vec::new(),
            findings: Findings::default(),
            done: 0,
            erased: 0,
        }
    }

    /// Acts acknowledged as done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Erases among them.
    pub fn erased(&self) -> u64 {
        self.erased
    }

    /// Leaves that were promised.
    pub fn promised(&self) -> usize {
        self.evidence.len()
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Notes something that no act shows.
    pub fn other(&mut self, finding: String) {
        self.findings.other.push(finding);
    }

    /// The version that a record is known to have, if it is known to be there.
    pub fn version(&self, place: &Place) -> Option<u32> {
        match self.states.get(place).map(Vec::as_slice) {
            Some([Some((version, _))]) => Some(*version),
            _ => None,
        }
    }

    /// Writes the line, keeps what was promised, and holds the answer against what is remembered.
    pub fn hear(&mut self, act: &Act, heard: &Heard) {
        let fate = self.note(act, heard);
        match (act, fate) {
            (_, Fate::NotDone | Fate::Unexpected) => {}
            (Act::Read(_) | Act::List { .. }, Fate::Unknown) => {}
            (Act::Write(place, value, _), Fate::Done) => self.written(place, value, heard.version()),
            (Act::Write(place, value, _), _) => self.perhaps_written(place, value),
            (Act::Read(place), Fate::Done) => self.read(place, heard),
            (Act::Read(place), _) => self.observed(place, &None),
            (Act::List { kind, person }, _) => self.listed(*kind, person, heard),
            (Act::Erase(place), Fate::Done) => self.ended(place),
            (Act::Erase(place), Fate::Unknown) => self.perhaps(place, None),
            (Act::Erase(place), Fate::Absent) => self.observed(place, &None),
            (Act::EraseSubject(person), fate) => {
                for place in self.places_of(person) {
                    match fate {
                        Fate::Done => self.ended(&place),
                        Fate::Unknown => self.perhaps(&place, None),
                        _ => self.observed(&place, &None),
                    }
                }
            }
        }
    }

    /// The same for an act on somebody else's person, whose state this caller does not follow.
    pub fn hear_only(&mut self, act: &Act, heard: &Heard) {
        let _ = self.note(act, heard);
    }

    /// Reads every record back, and holds the log against all that was promised.
    pub async fn hold_against(&mut self, vault: &impl Ask, outsider: &mut Outsider) {
        for kind in 0..crate::acts::KINDS.len() {
            let reads = self.states.keys().filter(|place| place.kind == kind).cloned().map(Act::Read);
            let reads: Vec<Act> = reads.collect();
            for reads in reads.chunks(READ_BACK_AT_ONCE) {
                let heard = Act::all_on(reads, vault).await;
                reads.iter().zip(&heard).for_each(|(act, heard)| {
                    if heard.outcome.is_none() || matches!(heard.code(), Some(code) if code != Code::NotFound) {
                        self.other(format!("{act:?} cannot be read back: {:?}", heard.code()));
                    }
                    self.hear(act, heard);
                });
            }
        }
        if let Err(error) = outsider.catch_up(vault).await {
            self.other(error);
        }
        self.findings.unlogged.extend(outsider.unlogged(&self.evidence));
    }

    fn note(&mut self, act: &Act, heard: &Heard) -> Fate {
        let fate = fate(heard);
        let indexes: Vec<u64> = heard.receipts().iter().map(|receipt| receipt.index).collect();
        let status = heard.outcome.as_ref().map(|outcome| outcome.status);
        let line = serde_json::json!({ "act": act, "status": status, "version": heard.version(), "leaves": indexes });
        writeln!(self.file, "{line}").unwrap();
        match heard.evidence(act, &self.key) {
            Ok(evidence) => self.evidence.extend(evidence),
            Err(error) => self.findings.unlogged.push(error),
        }
        match fate {
            Fate::Done => {
                self.done += 1;
                self.erased += u64::from(matches!(act, Act::Erase(_) | Act::EraseSubject(_)));
            }
            Fate::Unexpected => self.other(format!("{act:?}: {:?}", heard.code())),
            _ => {}
        }
        fate
    }

    fn written(&mut self, place: &Place, value: &str, version: Option<u32>) {
        let version = version.unwrap_or_default();
        let states = self.states.entry(place.clone()).or_insert_with(|| vec![None]);
        if !states.iter().any(|state| next(state) == version) {
            let finding = format!("{place:?} was {states:?} and was written as version {version}");
            self.findings.lost.push(finding);
        }
        self.states.insert(place.clone(), vec![Some((version, value.to_owned()))]);
    }

    fn perhaps_written(&mut self, place: &Place, value: &str) {
        let states = self.states.entry(place.clone()).or_insert_with(|| vec![None]);
        let written: Vec<State> = states.iter().map(|state| Some((next(state), value.to_owned()))).collect();
        states.extend(written);
    }

    fn perhaps(&mut self, place: &Place, state: State) {
        let states = self.states.entry(place.clone()).or_insert_with(|| vec![None]);
        if !states.contains(&state) {
            states.push(state);
        }
    }

    fn ended(&mut self, place: &Place) {
        self.states.insert(place.clone(), vec![None]);
    }

    fn read(&mut self, place: &Place, heard: &Heard) {
        let observed = heard.version().zip(heard.value(place.kind));
        self.observed(place, &observed);
    }

    /// A record was seen in a state, which must be one of those it may have.
    fn observed(&mut self, place: &Place, state: &State) {
        let Some(states) = self.states.get_mut(place) else {
            if state.is_some() {
                self.other(format!("{place:?} was never written and is {state:?}"));
            }
            return;
        };
        if !states.contains(state) {
            let finding = format!("{place:?} may be {states:?} and is {state:?}");
            let erased = states.iter().all(Option::is_none);
            if erased { self.findings.risen.push(finding) } else { self.findings.lost.push(finding) }
        }
        *states = vec![state.clone()];
    }

    fn listed(&mut self, kind: usize, person: &str, heard: &Heard) {
        let listed = heard.outcome.as_ref().and_then(|outcome| outcome.records.as_ref());
        for place in self.places_of(person).into_iter().filter(|place| place.kind == kind) {
            let version = listed.and_then(|listed| {
                let found = listed.iter().find(|listed| listed.record.as_str() == place.record);
                found.map(|listed| listed.version)
            });
            let states = &self.states[&place];
            let fits = |state: &&State| state.as_ref().map(|(version, _)| *version) == version;
            match states.iter().find(fits).cloned() {
                Some(_) => {
                    let fitting: Vec<State> = states.iter().filter(fits).cloned().collect();
                    self.states.insert(place, fitting);
                }
                None => {
                    let finding = format!("{place:?} may be {states:?} and is listed as {version:?}");
                    let erased = states.iter().all(Option::is_none);
                    if erased { self.findings.risen.push(finding) } else { self.findings.lost.push(finding) }
                }
            }
        }
    }

    fn places_of(&self, person: &str) -> Vec<Place> {
        self.states.keys().filter(|place| place.person == person).cloned().collect()
    }
}

fn next(state: &State) -> u32 {
    state.as_ref().map_or(1, |(version, _)| version + 1)
}

fn fate(heard: &Heard) -> Fate {
    let Some(outcome) = &heard.outcome else { return Fate::Unknown };
    match (outcome.status, outcome.code) {
        (200, None) => Fate::Done,
        (_, Some(Code::NotFound)) => Fate::Absent,
        (_, Some(Code::OutcomeUnknown)) => Fate::Unknown,
        (409, _) => Fate::NotDone,
        (503, _) => Fate::NotDone,
        _ => Fate::Unexpected,
    }
}
