//! The states of category keys that the leaves come to: who has rotated, marked or destroyed them says so in clear, so that this
//! needs no seal.

use std::collections::{BTreeMap, BTreeSet};

use coffer_wire::Name;
use coffer_wire::leaf::{Action, Decision, Leaf};

use crate::keyring::record::{RootRow, State, Use};

/// The version with which each key begins, and below which there is none.
const FIRST: u32 = 1;

/// What the log says of every key that was ever rotated, and of its jobs.
#[derive(Default)]
pub(super) struct Transitions {
    lines: BTreeMap<(Name, Name), Line>,
    /// The leaves that have opened a job.
    pub(super) jobs: BTreeSet<u64>,
}

/// One key in its versions.
struct Line {
    states: BTreeMap<u32, State>,
    floor: u32,
    /// Versions that were, each with its leaf.
    shredded: BTreeMap<u32, u64>,
    emptied: u64,
}

impl Default for Line {
    fn default() -> Self {
        let states = BTreeMap::from([(FIRST, State::Active)]);
        Line { states, floor: FIRST, shredded: BTreeMap::new(), emptied: 0 }
    }
}

impl Transitions {
    /// One leaf more. What was refused or failed changed nothing.
    pub(super) fn follow(&mut self, index: u64, leaf: &Leaf) {
        let Ok(Decision::Granted(_)) = leaf.decision() else { return };
        let (Some(category), Some(version)) = (leaf.category, leaf.version) else { return };
        let is_of_keys = matches!(
            leaf.action,
            Action::KeysRotate
                | Action::KeysRewrap
                | Action::KeysReseal
                | Action::KeyState
                | Action::KeysDestroy
                | Action::KeysShred
        );
        if !is_of_keys {
            return;
        }
        let line = self.lines.entry((leaf.controller, category)).or_default();
        match leaf.action {
            Action::KeysRotate => {
                line.states.values_mut().filter(|state| **state == State::Active).for_each(|state| {
                    *state = State::DecryptOnly;
                });
                line.states.insert(version, State::Active);
                self.jobs.insert(index);
            }
            Action::KeysRewrap | Action::KeysReseal => {
                line.floor = version;
                line.emptied += 1;
            }
            Action::KeyState => drop(line.states.insert(version, State::Compromised)),
            Action::KeysShred => {
                line.states.insert(version, State::Destroyed);
                line.shredded.insert(version, index);
            }
            _ => drop(line.states.insert(version, State::Destroyed)),
        }
    }

    /// Whether a row says of its key what the leaves come to. Of a key that no leaf made nothing is expected.
    pub(super) fn agree(&self, row: &RootRow) -> bool {
        let first = Line::default();
        let line = self.lines.get(&(row.controller, row.category)).unwrap_or(&first);
        match row.usage {
            Use::Category => line.states.get(&row.version).is_none_or(|state| *state == row.state) && row.floor == 0,
            Use::Locator => row.state == State::Active && row.floor == line.floor,
            // Which key signs is told by the private parts of the leaves.
            Use::Log => row.floor == 0,
        }
    }

    /// The leaf by which a version was destroyed with all that lay under it.
    pub(super) fn shredded_at(&self, (controller, category): (Name, Name), version: u32) -> Option<u64> {
        self.lines.get(&(controller, category))?.shredded.get(&version).copied()
    }

    /// Below which version of a key nothing can lie.
    pub(super) fn floor(&self, line: (Name, Name)) -> u32 {
        self.lines.get(&line).map_or(FIRST, |line| line.floor)
    }

    /// How many jobs of a line have ended with nothing left.
    pub(super) fn emptied(&self, line: (Name, Name)) -> u64 {
        self.lines.get(&line).map_or(0, |line| line.emptied)
    }
}
