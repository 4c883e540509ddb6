//! How a client goes on where the log got a new key, or was closed and followed by another: only by notes that a key which it
//! believes has signed.

use std::sync::PoisonError;

use coffer_wire::api::SuccessionAnswer;

use super::Log;
use super::memory::Claim;
use crate::error::{Error, LogFault};
use crate::vault::Core;

/// Where the notes are.
const PATH: &str = "/v1/log/succession";

/// Sees to it that the keys of these notes are known, if there is a lawful way to them. Asks the vault only where one is not.
pub(crate) async fn meet(core: &Core, notes: &[String]) -> Result<(), Error> {
    if !notes.iter().any(|note| core.log.is_strange(note)) {
        return Ok(());
    }
    match follow(core).await {
        // Who has no way to show is believed no more than one who shows a wrong one: the notes stay strange.
        Err(Error::Refused(_) | Error::UnexpectedAnswer(_)) => Ok(()),
        followed => followed,
    }
}

/// Whether the log that a claim is about has ended by now, so that it has to be proved in another way.
pub(super) async fn has_ended(core: &Core, claim: &Claim, fault: LogFault) -> Result<bool, Error> {
    let origin = &claim.signed.checkpoint.origin;
    if claim.closed.is_none() && core.log.trust().origin() == origin && matches!(fault, LogFault::NotProved { .. }) {
        match follow(core).await {
            Err(Error::Refused(_) | Error::UnexpectedAnswer(_)) | Ok(()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(claim.closed.is_none() && core.log.trust().origin() != origin)
}

/// Asks the vault for the notes that lead to the present log and key, and follows them.
pub(crate) async fn follow(core: &Core) -> Result<(), Error> {
    core.log.sound()?;
    let answer = core.transport.get(PATH).await?;
    let answer: SuccessionAnswer = serde_json::from_str(&answer).map_err(|_| Error::UnexpectedAnswer(200))?;
    Ok(core.log.follow(&answer.notes)?)
}

impl Log {
    /// Whether no known key signed it. What was signed wrongly is no stranger, but a fault.
    fn is_strange(&self, note: &str) -> bool {
        self.memory().signed(note).is_none() && self.trust().is_strange(note)
    }

    fn follow(&self, notes: &[String]) -> Result<(), LogFault> {
        let mut trust = self.trust().clone();
        let before = trust.origin().to_owned();
        let new = trust.follow(notes.iter().map(String::as_str));
        let new = new.map_err(|fault| self.caught_with(fault.into(), notes))?;
        if new == 0 {
            return Ok(());
        }
        // What was seen must still be one of the checkpoints that the log had under that key, before that end.
        let newest = self.memory().newest();
        if let Some(seen) = newest
            && trust.verify(&seen.note).is_err()
        {
            let notes = [notes, std::slice::from_ref(&seen.note)].concat();
            return Err(self.caught_with(LogFault::Passed { seen: seen.checkpoint.size }, &notes));
        }
        tracing::warn!(
            target: "coffer_client::log",
            log = trust.origin(),
            key = %trust.key(),
            "the access log was handed on, and is followed"
        );
        if trust.origin() != before {
            self.memory().succeed(&before, &trust);
        }
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = trust;
        Ok(())
    }

    /// Keeps what was shown beside the fault: the key has signed what cannot be true together.
    fn caught_with(&self, fault: LogFault, shown: &[String]) -> LogFault {
        let followed: Vec<String> = self.trust().notes().map(str::to_owned).collect();
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if evidence.is_empty() {
            evidence.extend(followed.into_iter().chain(shown.iter().cloned()));
        }
        drop(evidence);
        self.caught(fault)
    }

    pub(super) fn evidence(&self) -> Vec<String> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
