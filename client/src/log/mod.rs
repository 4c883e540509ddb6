//! What this client knows of the vault's access log, and how it comes to believe an answer.
//!
//! At once, before a value is handed out: the signature of the note (once for each note), and the
//! receipt against the request ([`coffer_wire::receipt`]). Later, in the background: that the leaf
//! is in the tree, and that every tree shown to this client is one and the same that grows
//! ([`prover`]). Whatever fails is kept as the fault, and every later call ends in it.
//!
//! A note that no known key signed may be one of a new key or of a successor: the notes that lead there are fetched
//! ([`follow`]), and followed if the key that is known signed them.

pub(crate) mod follow;
mod memory;
pub(crate) mod prover;
mod receipts;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use coffer_wire::api::Receipt;
use coffer_wire::note::{Checkpoint, NoteError};
use coffer_wire::receipt::{Asked, ReceiptError, check, note_of};
use coffer_wire::succession::{Trust, ordinal};

use crate::error::LogFault;
use crate::outcome::Logged;
use memory::Memory;

pub use receipts::{Kept, Receipts, Summary};

/// A checkpoint whose signature was verified, and the note that says so.
pub(crate) struct Signed {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
}

/// Leaves that were in the log before a request was made: none of them is its record. Without this a vault could answer a
/// second time with the receipt of the first.
#[derive(Clone, Copy)]
pub(crate) struct Floor {
    /// Of which of the logs that follow each other.
    log: u16,
    size: u64,
}

pub(crate) struct Log {
    trust: RwLock<Trust>,
    /// Notes that cannot be true together.
    evidence: Mutex<Vec<String>>,
    fault: OnceLock<LogFault>,
    memory: Mutex<Memory>,
    /// Held while a proof is fetched and checked, so that the trees are linked one after another.
    proving: tokio::sync::Mutex<()>,
    /// Whether a background task is at work.
    awake: AtomicBool,
}

impl Log {
    /// `known`: a checkpoint that was seen before, under a key of the trust.
    pub(crate) fn new(trust: Trust, known: Option<(Checkpoint, String)>) -> Log {
        let known = known.map(|(checkpoint, note)| Arc::new(Signed { checkpoint, note }));
        Log {
            fault: OnceLock::new(),
            memory: Mutex::new(Memory::new(known, &trust)),
            trust: RwLock::new(trust),
            evidence: Mutex::default(),
            proving: tokio::sync::Mutex::new(()),
            awake: AtomicBool::new(false),
        }
    }

    /// Fails once the log was caught.
    pub(crate) fn sound(&self) -> Result<(), LogFault> {
        self.fault.get().map_or(Ok(()), |fault| Err(*fault))
    }

    /// Keeps the first fault and says it aloud.
    pub(crate) fn caught(&self, fault: LogFault) -> LogFault {
        tracing::error!(
            target: "coffer_client::log",
            code = "log_inconsistent",
            %fault,
            "the access log cannot be believed"
        );
        *self.fault.get_or_init(|| fault)
    }

    /// What is known of the log at the moment in which a request is made.
    pub(crate) fn floor(&self) -> Floor {
        let size = self.memory().newest().map_or(0, |newest| newest.checkpoint.size);
        Floor { log: ordinal(self.trust().origin()).1, size }
    }

    /// Checks the receipts of one outcome: the first against what was asked, the rest against what
    /// follows from it, and all against the `floor` of before the request. Keeps them for the proofs that come later.
    pub(crate) fn believe(
        &self,
        receipts: &[Receipt],
        notes: &[String],
        [asked, following]: [&Asked<'_>; 2],
        floor: Floor,
        granted: bool,
    ) -> Result<Vec<Logged>, LogFault> {
        if granted && receipts.is_empty() {
            return Err(self.caught(ReceiptError::Missing.into()));
        }
        let mut logged = Vec::with_capacity(receipts.len());
        for (at, receipt) in receipts.iter().enumerate() {
            let asked = if at == 0 { asked } else { following };
            logged.push(self.believe_one(receipt, notes, asked, floor, granted).map_err(|fault| self.caught(fault))?);
        }
        Ok(logged)
    }

    fn believe_one(
        &self,
        receipt: &Receipt,
        notes: &[String],
        asked: &Asked<'_>,
        floor: Floor,
        granted: bool,
    ) -> Result<Logged, LogFault> {
        let signed = self.signed(note_of(receipt, notes)?)?;
        let origin = &signed.checkpoint.origin;
        // What is done now is not recorded in a log that ended.
        if origin != self.trust().origin() {
            return Err(NoteError::Closed.into());
        }
        check(receipt, &signed.checkpoint, asked, granted)?;
        if floor.log == ordinal(origin).1 && receipt.index < floor.size {
            return Err(LogFault::Stale { index: receipt.index });
        }
        let logged = Logged { index: receipt.index, leaf_hash: receipt.leaf_hash };
        self.memory().keep(logged, signed, granted)?;
        Ok(logged)
    }

    /// Takes a checkpoint that came without a receipt.
    pub(crate) fn take_note(&self, note: &str) -> Result<Arc<Signed>, LogFault> {
        let signed = self.signed(note).map_err(|fault| self.caught(fault))?;
        if signed.checkpoint.origin != self.trust().origin() {
            return Err(self.caught(NoteError::Closed.into()));
        }
        self.memory().link(Arc::clone(&signed));
        Ok(signed)
    }

    /// The verified checkpoint of a note. The signature of one note is looked at once.
    fn signed(&self, note: &str) -> Result<Arc<Signed>, LogFault> {
        if let Some(signed) = self.memory().signed(note) {
            return Ok(signed);
        }
        let checkpoint = self.trust().verify(note)?;
        let signed = Arc::new(Signed { checkpoint, note: note.to_owned() });
        self.memory().learn(Arc::clone(&signed))?;
        Ok(signed)
    }

    /// The keys and logs that are believed.
    pub(crate) fn trust(&self) -> RwLockReadGuard<'_, Trust> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic while it was held leaves counters that may be off by one and nothing worse.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
