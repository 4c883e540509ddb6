//! What a caller can see of the receipts that its calls brought.

use std::sync::Arc;

use coffer_wire::Hash;

use super::prover;
use crate::error::{Error, LogFault};
use crate::vault::Core;

/// The receipts of one [`crate::Vault`] and how far they are proved.
pub struct Receipts<'a> {
    core: &'a Arc<Core>,
}

/// How far the receipts are proved. `received` = `proved` + `waiting` + `passed_over`, but for those
/// whose proof is being fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Receipts that came; signature, leaf and request of each were compared at once.
    pub received: u64,
    /// Of these: shown to be in the tree.
    pub proved: u64,
    /// Of these: still waiting for the proof.
    pub waiting: u64,
    /// Of these: passed over, by chance, since more came than could be proved.
    pub passed_over: u64,
}

/// One receipt, to be held against the log at any later time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The leaf's index.
    pub index: u64,
    /// The leaf's RFC 6962 hash.
    pub leaf_hash: Hash,
    /// The checkpoint that covers it, as the signed note that came with it.
    pub note: String,
    /// Whether the leaf was shown to be in the tree.
    pub proved: bool,
}

impl<'a> Receipts<'a> {
    pub(crate) fn new(core: &'a Arc<Core>) -> Receipts<'a> {
        Receipts { core }
    }

    /// How many there are.
    pub fn summary(&self) -> Summary {
        self.core.log.summary()
    }

    /// The newest 16,384, in the log's order.
    pub fn recent(&self) -> Vec<Kept> {
        self.core.log.memory().kept()
    }

    /// The signed note of the largest tree seen: what to give to
    /// [`crate::Builder::known_checkpoint`] next time.
    pub fn newest(&self) -> Option<String> {
        self.core.log.memory().newest().map(|signed| signed.note.clone())
    }

    /// The notes by which the log was handed on to a new key or a successor, as far as they were followed: what to give to
    /// [`crate::Builder::known_handovers`] next time, beside the newest checkpoint.
    pub fn handovers(&self) -> Vec<String> {
        self.core.log.trust().notes().map(str::to_owned).collect()
    }

    /// Signed notes that cannot be true together, where the log was caught by them: what to show to others.
    pub fn evidence(&self) -> Vec<String> {
        self.core.log.evidence()
    }

    /// How the log was caught, if it was. Every further call ends in it.
    pub fn fault(&self) -> Option<LogFault> {
        self.core.log.sound().err()
    }

    /// Waits until every receipt that is waiting has its proof. Fails where the log is caught, or
    /// cannot be asked; in the second case what waits stays waiting.
    pub async fn settle(&self) -> Result<Summary, Error> {
        prover::settle(self.core).await
    }
}
