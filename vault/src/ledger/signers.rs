//! Who signs the checkpoints: the log's key, and for a while after a change of keys the one before it too, so that whoever has
//! not heard of the new one yet can go on.

use std::sync::Arc;

use coffer_keys::LogKey;
use coffer_wire::note::{self, Checkpoint, SIGNATURE_BYTES, VerifierKey};
use coffer_wire::succession::{Handover, Rekey};

use super::start::StartError;
use crate::keyring::OwnLogKey;

/// A key and the name under which it signs.
pub(super) struct Signer {
    key: LogKey,
    pub(super) vkey: VerifierKey,
}

impl Signer {
    pub(super) fn new(origin: &str, key: LogKey) -> Result<Signer, StartError> {
        let vkey = VerifierKey::new(origin, key.public()).map_err(|_| StartError::Origin)?;
        Ok(Signer { key, vkey })
    }

    /// Signs what stands outside the log: its verifiers know the key.
    pub(super) fn sign(&self, text: &str) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(text.as_bytes())
    }
}

/// All who sign.
pub(super) struct Signers {
    present: Arc<Signer>,
    /// Signs too, before this Unix time in milliseconds.
    before: Option<(Arc<Signer>, u64)>,
}

/// A key that is to take the place of the present one.
pub struct NewKey {
    /// The key.
    pub key: LogKey,
    /// When it was made, Unix time in milliseconds.
    pub made_ms: u64,
    /// Until when the old one signs beside it.
    pub until_ms: u64,
}

impl Signers {
    pub(super) fn new(present: Signer, before: Option<(Signer, u64)>) -> Signers {
        Signers { present: Arc::new(present), before: before.map(|(signer, until_ms)| (Arc::new(signer), until_ms)) }
    }

    /// The key that counts.
    pub(super) fn vkey(&self) -> &VerifierKey {
        &self.present.vkey
    }

    /// Who has it.
    pub(super) fn present(&self) -> Arc<Signer> {
        Arc::clone(&self.present)
    }

    /// The signed note. The old key is wiped when its time is over.
    pub(super) fn note(&mut self, checkpoint: &Checkpoint, now_ms: u64) -> String {
        if self.before.as_ref().is_some_and(|(_, until_ms)| now_ms >= *until_ms) {
            self.before = None;
        }
        let text = checkpoint.body();
        let both = self.before.iter().map(|(signer, _)| signer).chain([&self.present]);
        let signatures: Vec<_> = both.map(|signer| (&signer.vkey, signer.sign(&text))).collect();
        note::signed(text, signatures.iter().map(|(vkey, signature)| (*vkey, signature)))
    }

    /// The note by which the present key hands on, at a tree of `size` leaves; from now on the new one counts.
    pub(super) fn change(&mut self, new: NewKey, size: u64) -> Result<String, StartError> {
        let NewKey { key, made_ms, until_ms } = new;
        let log = self.present.vkey.name().to_owned();
        let new = Arc::new(Signer::new(&log, key)?);
        let handover = Handover::Rekey(Rekey { log, size, key: new.vkey.clone(), made_ms, until_ms });
        let note = signed(&handover, &self.present.key, &self.present.vkey);
        let old = std::mem::replace(&mut self.present, new);
        self.before = Some((old, until_ms));
        Ok(note)
    }
}

/// The note by which a key hands its log on.
pub fn hand_over(handover: &Handover, by: &OwnLogKey) -> Result<String, StartError> {
    let vkey = VerifierKey::new(handover.log(), by.key.public()).map_err(|_| StartError::Origin)?;
    Ok(signed(handover, &by.key, &vkey))
}

fn signed(handover: &Handover, key: &LogKey, vkey: &VerifierKey) -> String {
    let text = handover.body();
    let signature = key.sign(text.as_bytes());
    note::signed(text, [(vkey, &signature)])
}
