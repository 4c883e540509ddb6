//! What is remembered of the log, all of it bounded: verified notes, roots by size, receipts, and
//! what still waits for its proof.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use coffer_wire::Hash;
use coffer_wire::note::Checkpoint;
use coffer_wire::succession::Trust;
use ring::rand::{SecureRandom, SystemRandom};

use super::{Kept, Signed, Summary};
use crate::error::LogFault;
use crate::outcome::Logged;

/// Verified notes remembered, at most twice this.
const NOTES_MAX: usize = 512;
/// Roots remembered, by size of their tree.
const ROOTS_MAX: usize = 4_096;
/// Receipts remembered; the oldest go first.
const KEPT_MAX: usize = 16_384;
/// Proofs waiting to be fetched.
const WAITING_MAX: usize = 4_096;

/// Something that a proof shall show: that this leaf, if there is one, is in this tree, and that
/// the tree is one with those linked before.
pub(super) struct Claim {
    pub(super) leaf: Option<Logged>,
    pub(super) signed: Arc<Signed>,
    /// The log that it is about, where that ended: what was kept of it is what it is held against.
    pub(super) closed: Option<Arc<Closed>>,
}

/// A log that ended.
pub(super) struct Closed {
    /// The tree of the leaves that were kept.
    pub(super) kept: Checkpoint,
}

struct Remembered {
    leaf_hash: Hash,
    signed: Arc<Signed>,
    granted: bool,
    proved: bool,
}

/// The notes of the last while, in two generations, so that forgetting is cheap.
#[derive(Default)]
struct Notes {
    young: HashMap<String, Arc<Signed>>,
    old: HashMap<String, Arc<Signed>>,
}

pub(super) struct Memory {
    notes: Notes,
    roots: BTreeMap<u64, Hash>,
    kept: BTreeMap<u64, Remembered>,
    /// The logs that ended since.
    ended: Vec<Arc<Closed>>,
    /// Receipts of logs that ended, with what was known of them then.
    before: VecDeque<Kept>,
    waiting: VecDeque<Claim>,
    /// The largest tree seen.
    newest: Option<Arc<Signed>>,
    /// The largest tree shown to continue all that were linked before.
    linked: Option<Arc<Signed>>,
    received: u64,
    proved: u64,
    passed_over: u64,
}

impl Memory {
    /// `known`: of the log that is open, or of one that ended before it.
    pub(super) fn new(known: Option<Arc<Signed>>, trust: &Trust) -> Memory {
        match known.as_ref().map(|known| known.checkpoint.origin.as_str()) {
            Some(origin) if origin != trust.origin() => {
                let mut memory = Memory::with(known.clone());
                memory.succeed(origin, trust);
                memory
            }
            _ => Memory::with(known),
        }
    }

    fn with(known: Option<Arc<Signed>>) -> Memory {
        let roots = known.iter().map(|signed| (signed.checkpoint.size, signed.checkpoint.root)).collect();
        Memory {
            notes: Notes::default(),
            roots,
            kept: BTreeMap::new(),
            ended: Vec::new(),
            before: VecDeque::new(),
            waiting: VecDeque::new(),
            newest: known.clone(),
            linked: known,
            received: 0,
            proved: 0,
            passed_over: 0,
        }
    }

    /// The checkpoint of a note that was verified before.
    pub(super) fn signed(&self, note: &str) -> Option<Arc<Signed>> {
        self.notes.young.get(note).or_else(|| self.notes.old.get(note)).cloned()
    }

    /// Takes a note that was just verified. Two roots for one size are a fork.
    pub(super) fn learn(&mut self, signed: Arc<Signed>) -> Result<(), LogFault> {
        let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
        if *self.roots.entry(size).or_insert(root) != root {
            return Err(LogFault::Fork { size });
        }
        if self.roots.len() > ROOTS_MAX {
            self.roots.pop_first();
        }
        if self.newest.as_ref().is_none_or(|newest| newest.checkpoint.size < size) {
            self.newest = Some(Arc::clone(&signed));
        }
        if self.notes.young.len() >= NOTES_MAX {
            self.notes.old = std::mem::take(&mut self.notes.young);
        }
        self.notes.young.insert(signed.note.clone(), signed);
        Ok(())
    }

    /// Keeps a receipt, to be proved later. One leaf is the record of one access.
    pub(super) fn keep(&mut self, logged: Logged, signed: Arc<Signed>, granted: bool) -> Result<(), LogFault> {
        let Logged { index, leaf_hash } = logged;
        match self.kept.get(&index) {
            Some(before) if before.leaf_hash != leaf_hash || (before.granted && granted) => {
                return Err(LogFault::Reused { index });
            }
            Some(_) => return Ok(()),
            None => {}
        }
        self.received += 1;
        self.kept.insert(index, Remembered { leaf_hash, signed: Arc::clone(&signed), granted, proved: false });
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_first();
        }
        self.wait(Claim { leaf: Some(logged), signed, closed: None });
        Ok(())
    }

    /// A tree without a leaf of ours, to be linked later.
    pub(super) fn link(&mut self, signed: Arc<Signed>) {
        let linked = self.linked.as_ref().is_some_and(|linked| linked.note == signed.note);
        if !linked {
            self.wait(Claim { leaf: None, signed, closed: None });
        }
    }

    /// The log of this origin ended, and another follows. What waits is held against what was kept of it; leaves behind that were
    /// lost, and nobody can prove them.
    pub(super) fn succeed(&mut self, ended: &str, trust: &Trust) {
        let kept = trust.kept().into_iter().find(|kept| kept.origin == ended);
        let Some(kept) = kept else { return };
        self.ended.push(Arc::new(Closed { kept }));
        let claims = std::mem::take(&mut self.waiting);
        let linked = self.linked.take().map(|signed| Claim { leaf: None, signed, closed: None });
        let still = linked.into_iter().chain(claims).filter_map(|claim| self.provable(claim)).collect();
        self.waiting = still;
        let receipts = std::mem::take(&mut self.kept);
        self.before.extend(receipts.iter().map(shown));
        let over = self.before.len().saturating_sub(KEPT_MAX);
        self.before.drain(..over);
        self.roots.clear();
        self.newest = None;
    }

    /// A claim about a log that ended is one about what was kept of it; where that does not hold the leaf, there is no proof.
    fn provable(&mut self, claim: Claim) -> Option<Claim> {
        let origin = &claim.signed.checkpoint.origin;
        let Some(closed) = self.ended.iter().find(|closed| closed.kept.origin == *origin) else { return Some(claim) };
        if claim.leaf.is_some_and(|leaf| leaf.index >= closed.kept.size) {
            self.passed_over += 1;
            return None;
        }
        Some(Claim { closed: Some(Arc::clone(closed)), ..claim })
    }

    /// Where more comes than can be proved, chance decides which claims are passed over, so that no
    /// vault can know where it will not be looked at.
    fn wait(&mut self, claim: Claim) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(claim);
            return;
        }
        let at = below(self.waiting.len() + 1);
        let passed_over = match self.waiting.get_mut(at) {
            Some(place) => std::mem::replace(place, claim),
            None => claim,
        };
        self.passed_over += u64::from(passed_over.leaf.is_some());
    }

    /// The claim that is next.
    pub(super) fn next(&mut self) -> Option<Claim> {
        self.waiting.pop_front()
    }

    /// A claim that could not be proved now.
    pub(super) fn again(&mut self, claim: Claim) {
        if let Some(claim) = self.provable(claim) {
            self.waiting.push_front(claim);
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The largest linked tree.
    pub(super) fn linked(&self) -> Option<Arc<Signed>> {
        self.linked.clone()
    }

    /// The largest tree seen.
    pub(super) fn newest(&self) -> Option<Arc<Signed>> {
        self.newest.clone()
    }

    /// A claim was shown to be true: its tree is one with the linked ones, its leaf is in it.
    pub(super) fn proved(&mut self, claim: Claim) {
        if let Some(logged) = claim.leaf {
            self.proved += 1;
            if self.has_ended(&claim) {
                let receipts = self.before.iter_mut().filter(|kept| kept.leaf_hash == logged.leaf_hash);
                receipts.for_each(|kept| kept.proved = true);
            } else if let Some(kept) = self.kept.get_mut(&logged.index) {
                kept.proved = true;
            }
        }
        if self.has_ended(&claim) {
            return;
        }
        if self.linked.as_ref().is_none_or(|linked| linked.checkpoint.size < claim.signed.checkpoint.size) {
            self.linked = Some(claim.signed);
        }
    }

    /// Whether a claim is about a log that ended, perhaps while it was being proved.
    fn has_ended(&self, claim: &Claim) -> bool {
        self.ended.iter().any(|closed| closed.kept.origin == claim.signed.checkpoint.origin)
    }

    pub(super) fn summary(&self) -> Summary {
        let waiting = self.waiting.iter().filter(|claim| claim.leaf.is_some()).count() as u64;
        Summary { received: self.received, proved: self.proved, waiting, passed_over: self.passed_over }
    }

    /// The newest receipts, in the order of the logs.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let over = (self.before.len() + self.kept.len()).saturating_sub(KEPT_MAX);
        self.before.iter().cloned().chain(self.kept.iter().map(shown)).skip(over).collect()
    }
}

fn shown((index, kept): (&u64, &Remembered)) -> Kept {
    Kept { index: *index, leaf_hash: kept.leaf_hash, note: kept.signed.note.clone(), proved: kept.proved }
}

/// An unpredictable number below `end`. Without randomness the newcomer is passed over.
fn below(end: usize) -> usize {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => (u64::from_le_bytes(bytes) % end as u64) as usize,
        Err(_) => end - 1,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signed(size: u64, root: &[u8]) -> Arc<Signed> {
        let checkpoint = Checkpoint { origin: "test".into(), size, root: Hash::sha256(root) };
        Arc::new(Signed { note: checkpoint.body(), checkpoint })
    }

    fn logged(index: u64) -> Logged {
        Logged { index, leaf_hash: Hash::sha256(&index.to_be_bytes()) }
    }

    #[test]
    fn two_roots_for_one_size_are_a_fork() {
        let mut memory = Memory::with(Some(signed(5, b"one")));
        memory.learn(signed(5, b"one")).unwrap();
        memory.learn(signed(6, b"two")).unwrap();
        assert_eq!(memory.learn(signed(5, b"two")), Err(LogFault::Fork { size: 5 }));
    }

    #[test]
    fn one_leaf_is_the_record_of_one_access() {
        let (mut memory, tree) = (Memory::with(None), signed(9, b""));
        memory.keep(logged(3), Arc::clone(&tree), true).unwrap();
        assert_eq!(memory.keep(logged(3), Arc::clone(&tree), true), Err(LogFault::Reused { index: 3 }));
        let other = Logged { index: 3, leaf_hash: Hash::sha256(b"other") };
        assert_eq!(memory.keep(other, tree, false), Err(LogFault::Reused { index: 3 }));
    }

    #[test]
    fn the_newest_checkpoint_is_the_largest_tree_not_the_last_one() {
        let mut memory = Memory::with(None);
        for size in [4, 9, 7] {
            memory.learn(signed(size, &[size as u8])).unwrap();
        }
        assert_eq!(memory.newest().unwrap().checkpoint.size, 9);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_nothing_is_lost_silently() {
        let mut memory = Memory::with(None);
        let count = KEPT_MAX as u64 + 500;
        for index in 0..count {
            let tree = signed(index + 1, &index.to_be_bytes());
            memory.learn(Arc::clone(&tree)).unwrap();
            memory.keep(logged(index), tree, true).unwrap();
        }
        let summary = memory.summary();
        assert_eq!(memory.kept().len(), KEPT_MAX);
        assert_eq!(summary.waiting, WAITING_MAX as u64);
        assert_eq!(summary.received, summary.waiting + summary.passed_over);
        assert!(memory.notes.young.len() + memory.notes.old.len() <= 2 * NOTES_MAX);
        assert!(memory.roots.len() <= ROOTS_MAX);
        // Which ones wait was left to chance: some of the last are among them.
        assert!(memory.waiting.iter().any(|claim| claim.leaf.unwrap().index >= count - 1_000));
    }
}
