//! A copy of the access log as an outsider holds it: leaves and a signed note. Everything is found
//! out from these bytes and the key; nothing is asked of the vault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use coffer_client::wire::api::ENTRIES_MAX;
use coffer_client::wire::leaf::{Action, Leaf};
use coffer_client::{Kept, Logged, Session};
use coffer_wire::Hash;
use coffer_wire::note::{NoteError, VerifierKey, verify};
use coffer_wire::tree::{Edge, leaf_hash};
use indicatif::ProgressBar;

use super::sample::{Row, Sample};
use super::told::NotAsTold;

/// Bytes by which values are looked up; shorter ones would be found in every leaf.
const PREFIX_BYTES: usize = 4;

pub struct LogCopy {
    leaves: Vec<Vec<u8>>,
    note: String,
    logged: Option<Logged>,
}

/// What is known of a log that passed.
pub struct Checked {
    pub root: Hash,
    pub leaves: Vec<Leaf>,
    /// How many different signed checkpoints the receipts came with.
    pub checkpoints: usize,
    pub tally: Tally,
}

/// What the log tells of, counted.
#[derive(Default)]
pub struct Tally {
    pub written: u64,
    pub read: u64,
    pub listed: u64,
    pub erased: u64,
    pub refused: u64,
    pub leaves: u64,
}

/// Why a copy is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("a checkpoint cannot be believed: {0}")]
    Note(#[from] NoteError),
    #[error("the checkpoint speaks of {size} leaves and there are {have}")]
    Size { size: u64, have: u64 },
    #[error("the leaves do not have the signed root; the first leaf that is not as its receipt: {first:?}")]
    Root { first: Option<u64> },
    #[error("leaf {0} is not the one that its receipt names")]
    Receipt(u64),
    #[error("an earlier checkpoint, of {0} leaves, is of another tree")]
    Checkpoint(u64),
    #[error("leaf {0} is no leaf")]
    Leaf(u64),
}

impl LogCopy {
    /// Fetches all leaves. Each call is an access too, and the last one holds its own leaf.
    pub async fn fetch(auditor: &Session, progress: impl Fn(u64) -> ProgressBar) -> Result<LogCopy, NotAsTold> {
        let mut leaves: Vec<Vec<u8>> = Vec::new();
        let mut bar = None;
        loop {
            let entries = auditor.entries(leaves.len() as u64, ENTRIES_MAX).await?;
            let bar = bar.get_or_insert_with(|| progress(entries.checkpoint.size));
            leaves.extend(entries.leaves.into_iter().map(String::into_bytes));
            bar.set_position(leaves.len() as u64);
            if leaves.len() as u64 >= entries.checkpoint.size {
                bar.finish_and_clear();
                return Ok(LogCopy { leaves, note: entries.note, logged: Some(entries.logged) });
            }
        }
    }

    pub fn leaves(&self) -> &[Vec<u8>] {
        &self.leaves
    }

    /// Where the log has its own reading.
    pub fn logged(&self) -> Option<Logged> {
        self.logged
    }

    /// Builds the tree from the leaves; compares it with the signed checkpoint, with every receipt, and with
    /// every earlier checkpoint that came with one.
    pub fn check(&self, key: &VerifierKey, receipts: &[Kept]) -> Result<Checked, Fault> {
        let checkpoint = verify(&self.note, key)?;
        let have = self.leaves.len() as u64;
        if checkpoint.size != have {
            return Err(Fault::Size { size: checkpoint.size, have });
        }
        let earlier = checkpoints(key, receipts)?;
        let hashes: Vec<Hash> = self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let strays = || receipts.iter().find(|r| hashes.get(r.index as usize) != Some(&r.leaf_hash)).map(|r| r.index);
        let mut edge = Edge::new();
        let mut torn = None;
        for hash in &hashes {
            edge.push(*hash);
            let agrees = earlier.get(&edge.size()).is_none_or(|root| *root == edge.root());
            torn = torn.or((!agrees).then(|| edge.size()));
        }
        match (edge.root() == checkpoint.root, strays(), torn) {
            (false, first, _) => return Err(Fault::Root { first }),
            (true, Some(index), _) => return Err(Fault::Receipt(index)),
            (true, None, Some(size)) => return Err(Fault::Checkpoint(size)),
            (true, None, None) => {}
        }
        let leaves = self.parsed()?;
        let tally = Tally::of(&leaves);
        Ok(Checked { root: checkpoint.root, leaves, checkpoints: earlier.len(), tally })
    }

    /// Whether no leaf holds an id or a value of the sample data. Choices from closed lists are words
    /// of the schema and not looked for.
    pub fn holds_none_of(&self, sample: &Sample) -> bool {
        let mut sought: HashMap<[u8; PREFIX_BYTES], Vec<&[u8]>> = HashMap::new();
        for text in sample.rows.iter().flat_map(Row::telling) {
            if let Some(prefix) = text.as_bytes().first_chunk::<PREFIX_BYTES>() {
                sought.entry(*prefix).or_default().push(text.as_bytes());
            }
        }
        let found_at = |rest: &[u8]| {
            let prefix = rest.first_chunk::<PREFIX_BYTES>().and_then(|prefix| sought.get(prefix));
            prefix.is_some_and(|values| values.iter().any(|value| rest.starts_with(value)))
        };
        !self.leaves.iter().any(|leaf| (0..leaf.len()).any(|at| found_at(&leaf[at..])))
    }

    /// A copy in which one bit of one leaf is another.
    pub fn with_a_flipped_bit(&self, index: usize) -> LogCopy {
        let mut leaves = self.leaves.clone();
        if let Some(leaf) = leaves.get_mut(index) {
            let middle = leaf.len() / 2;
            leaf[middle] ^= 1;
        }
        LogCopy { leaves, note: self.note.clone(), logged: self.logged }
    }

    fn parsed(&self) -> Result<Vec<Leaf>, Fault> {
        let parsed = (0..).zip(&self.leaves).map(|(index, leaf)| Leaf::parse(leaf).map_err(|_| Fault::Leaf(index)));
        parsed.collect()
    }
}

/// Size and root of every checkpoint that came with a receipt, each signature checked.
fn checkpoints(key: &VerifierKey, receipts: &[Kept]) -> Result<BTreeMap<u64, Hash>, Fault> {
    let notes: BTreeSet<&str> = receipts.iter().map(|receipt| receipt.note.as_str()).collect();
    let mut roots = BTreeMap::new();
    for note in notes {
        let checkpoint = verify(note, key)?;
        if roots.insert(checkpoint.size, checkpoint.root).is_some_and(|other| other != checkpoint.root) {
            return Err(Fault::Checkpoint(checkpoint.size));
        }
    }
    Ok(roots)
}

impl Tally {
    fn of(leaves: &[Leaf]) -> Tally {
        let mut tally = Tally { leaves: leaves.len() as u64, ..Tally::default() };
        for leaf in leaves {
            let counted = match (leaf.granted.is_some(), leaf.action) {
                (false, _) => &mut tally.refused,
                (true, Action::RecordsWrite) => &mut tally.written,
                (true, Action::RecordsRead) => &mut tally.read,
                (true, Action::RecordsList) => &mut tally.listed,
                (true, Action::RecordsErase | Action::SubjectsErase) => &mut tally.erased,
                _ => continue,
            };
            *counted += 1;
        }
        tally
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn holds_none(planted: &str) -> bool {
        let leaf = format!(r#"{{"t":1,"subject":"{planted}"}}"#).into_bytes();
        let log = LogCopy { leaves: vec![b"{}".to_vec(), leaf], note: String::new(), logged: None };
        log.holds_none_of(&Sample::read().unwrap())
    }

    #[test]
    fn a_planted_value_or_id_is_found_and_an_alias_is_not() {
        let sample = Sample::read().unwrap();
        let row = sample.of_category("bank").next().unwrap();
        assert!(holds_none("pc_QtGOYhhtcNattznFTpA"));
        assert!(!holds_none(row.field("account_number").unwrap()));
        assert!(!holds_none(&format!("x{}x", row.person)));
    }
}
