//! The check of a whole access log by somebody who trusts its public key and nothing else.
//!
//! [`Audit`] takes every leaf's bytes once, in order, and holds them against themselves: form, time,
//! each controller's numbers. [`Audit::root_at`] is what the signed checkpoint must agree with.
//! [`locate`] names the first leaf that does not where only the root shows it. [`dump`] is the log
//! as a file.

pub mod dump;
pub mod line;
pub mod locate;
#[cfg(test)]
pub mod synthetic;

use std::collections::BTreeMap;
use std::fmt;

use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::note::Checkpoint;
use coffer_wire::succession::{Handover, Succession};
use coffer_wire::tree::{Edge, leaf_hash};
use coffer_wire::{Hash, Name};

/// What is wrong with a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Its bytes are not what the log's one encoder writes.
    NotALeaf,
    /// Its time is before the leaf's before it.
    Earlier,
    /// The controller's number is not the one that follows.
    Number { controller: Name, expected: u64, found: u64 },
    /// It is another leaf than the one that the log signed.
    NotSigned,
    /// In a dump: it does not have the hash that stands beside it.
    OtherHash,
    /// It is not there.
    Missing,
    /// The vault has it and cannot read it.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotALeaf => f.write_str("its bytes are not a leaf"),
            Fault::Earlier => f.write_str("it is dated before the leaf before it"),
            Fault::Number { controller, expected, found } => {
                write!(f, "it has number {found} of controller {controller}, where {expected} follows")
            }
            Fault::NotSigned => f.write_str("it is not the leaf that the log signed"),
            Fault::OtherHash => f.write_str("its bytes do not have the hash beside them"),
            Fault::Missing => f.write_str("it is missing"),
            Fault::Unreadable => f.write_str("the vault cannot read it"),
        }
    }
}

/// The first leaf that is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wrong {
    pub index: u64,
    pub fault: Fault,
}

/// What was learned of the leaves so far. Holds 32 bytes for each, so that the tree of every smaller
/// size can be had.
#[derive(Default)]
pub struct Audit {
    edge: Edge,
    hashes: Vec<Hash>,
    numbers: BTreeMap<Name, u64>,
    first_ms: Option<u64>,
    last_ms: u64,
    wrong: Option<Wrong>,
    /// The note that the first leaf names, where that says that the log follows another.
    succeeds: Option<Hash>,
}

impl Audit {
    /// Takes the next leaf.
    pub fn push(&mut self, bytes: &[u8]) {
        let fault = match Leaf::parse(bytes) {
            Ok(leaf) => {
                if self.size() == 0 && leaf.action == Action::LogSucceed {
                    self.succeeds = leaf.row;
                }
                self.follow(&leaf)
            }
            Err(_) => Some(Fault::NotALeaf),
        };
        if let Some(fault) = fault {
            self.blame(self.size(), fault);
        }
        let hash = leaf_hash(bytes);
        self.edge.push(hash);
        self.hashes.push(hash);
    }

    /// Whether time and number follow those before. Faults after a first one may be its echo.
    fn follow(&mut self, leaf: &Leaf) -> Option<Fault> {
        let expected = self.numbers.get(&leaf.controller).copied().unwrap_or_default() + 1;
        let earlier = leaf.t < self.last_ms;
        self.numbers.insert(leaf.controller, leaf.n);
        self.first_ms.get_or_insert(leaf.t);
        self.last_ms = self.last_ms.max(leaf.t);
        match leaf.n == expected {
            _ if earlier => Some(Fault::Earlier),
            true => None,
            false => Some(Fault::Number { controller: leaf.controller, expected, found: leaf.n }),
        }
    }

    /// Notes a fault; the first one in the log's order is kept.
    pub fn blame(&mut self, index: u64, fault: Fault) {
        if self.wrong.is_none_or(|wrong| index < wrong.index) {
            self.wrong = Some(Wrong { index, fault });
        }
    }

    /// The first leaf that is known to be wrong.
    pub fn wrong(&self) -> Option<Wrong> {
        self.wrong
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The hash of each leaf so far.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Whether the leaves are those of this checkpoint.
    pub fn agrees_with(&self, checkpoint: &Checkpoint) -> bool {
        self.size() == checkpoint.size && self.edge.root() == checkpoint.root
    }

    /// The root of the first `size` leaves; none where there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        let leaves = self.hashes.get(..usize::try_from(size).ok()?)?;
        let mut edge = Edge::new();
        leaves.iter().for_each(|leaf| edge.push(*leaf));
        Some(edge.root())
    }

    /// Whether the first leaf says that the log follows another, by this note.
    pub fn succeeds(&self, end: &Succession) -> bool {
        self.succeeds == Some(Handover::Succession(end.clone()).hash())
    }

    /// How many leaves each controller has.
    pub fn numbers(&self) -> &BTreeMap<Name, u64> {
        &self.numbers
    }

    /// Time of the first and of the last leaf, in Unix milliseconds.
    pub fn span_ms(&self) -> Option<(u64, u64)> {
        self.first_ms.map(|first| (first, self.last_ms))
    }
}

/// What holding a log against an older checkpoint of it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Continues {
    Yes,
    /// The log is shorter than it was.
    Cut,
    /// It does not begin with what it was.
    Rewritten,
    /// It is another log.
    OtherLog,
}

/// Whether the leaves continue an older checkpoint: its root is computed again from them.
pub fn continues(audit: &Audit, now: &Checkpoint, since: &Checkpoint) -> Continues {
    match audit.root_at(since.size) {
        _ if since.origin != now.origin => Continues::OtherLog,
        _ if since.size > now.size => Continues::Cut,
        Some(root) if root == since.root => Continues::Yes,
        _ => Continues::Rewritten,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::synthetic::Log;
    use super::*;

    fn audit(leaves: &[Vec<u8>]) -> Audit {
        let mut audit = Audit::default();
        leaves.iter().for_each(|leaf| audit.push(leaf));
        audit
    }

    #[test]
    fn a_log_as_it_was_written_is_right() {
        let log = Log::of(25);
        let audit = audit(&log.leaves);
        assert_eq!(audit.wrong(), None);
        assert!(audit.agrees_with(&log.checkpoint()));
        assert_eq!(audit.numbers().values().sum::<u64>(), 25);
        assert!(audit.span_ms().unwrap().0 < audit.span_ms().unwrap().1);
    }

    #[test]
    fn a_leaf_that_is_left_out_shows_in_its_controllers_numbers() {
        let mut log = Log::of(25);
        let (gone, controller) = (log.leaves.remove(9), |leaf: &[u8]| Leaf::parse(leaf).unwrap().controller);
        let next = 9 + log.leaves[9..].iter().position(|leaf| controller(leaf) == controller(&gone)).unwrap();
        let wrong = audit(&log.leaves).wrong().unwrap();
        assert_eq!(wrong.index, next as u64);
        assert!(matches!(wrong.fault, Fault::Number { expected, found, .. } if found == expected + 1));
    }

    #[test]
    fn a_log_begins_with_number_one() {
        let log = Log::of(5);
        let wrong = audit(&log.leaves[2..]).wrong().unwrap();
        assert!(wrong.index == 0 && matches!(wrong.fault, Fault::Number { expected: 1, .. }));
    }

    #[test]
    fn time_does_not_run_backwards() {
        let mut log = Log::of(4);
        let late = String::from_utf8(log.leaves[1].clone()).unwrap().replace("{\"t\":1", "{\"t\":2");
        log.leaves[1] = late.into_bytes();
        assert_eq!(audit(&log.leaves).wrong(), Some(Wrong { index: 2, fault: Fault::Earlier }));
    }

    #[test]
    fn the_first_fault_in_the_logs_order_is_kept() {
        let mut audit = Audit::default();
        audit.blame(7, Fault::NotALeaf);
        audit.blame(9, Fault::Earlier);
        audit.blame(3, Fault::NotSigned);
        assert_eq!(audit.wrong(), Some(Wrong { index: 3, fault: Fault::NotSigned }));
    }

    #[test]
    fn an_older_checkpoint_is_continued_cut_or_rewritten() {
        let (log, now) = (Log::of(25), Log::of(25).checkpoint());
        let audit = audit(&log.leaves);
        for size in 0..=25 {
            assert_eq!(continues(&audit, &now, &log.at(size).checkpoint()), Continues::Yes, "{size}");
        }
        let longer = Log::of(26).checkpoint();
        assert_eq!(continues(&audit, &now, &longer), Continues::Cut);
        let other = Checkpoint { root: Hash::sha256(b"other"), ..log.at(9).checkpoint() };
        assert_eq!(continues(&audit, &now, &other), Continues::Rewritten);
        let foreign = Checkpoint { origin: "coffer.example/other".into(), ..log.at(9).checkpoint() };
        assert_eq!(continues(&audit, &now, &foreign), Continues::OtherLog);
    }
}
