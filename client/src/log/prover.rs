//! The proofs that are fetched after an answer was given: one request shows both that a leaf is in
//! its tree and that the tree is one with those linked before.
//!
//! With `linked` the largest tree so far and `claim` the tree of a receipt, the larger of the two
//! must contain the leaf and must continue the smaller. A smaller tree that the linked one continues
//! holds every leaf below its size that the linked one holds, so the leaf is in it too.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coffer_wire::api::{ProveAnswer, ProveRequest};
use coffer_wire::note::Checkpoint;
use coffer_wire::problem::Code;
use coffer_wire::succession::ordinal;
use coffer_wire::tree::{leaf_hash, verify_consistency, verify_inclusion, verify_range};

use super::memory::Claim;
use super::{Log, Summary, follow};
use crate::error::{Error, LogFault};
use crate::outcome::Logged;
use crate::vault::Core;

/// The pause between two proofs in the background, so that they take little from the vault.
const PAUSE: Duration = Duration::from_millis(1);
/// The pause after a proof that could not be had.
const PAUSE_UNAVAILABLE: Duration = Duration::from_secs(1);

/// Sees to it that a background task works off what waits.
pub(crate) fn wake(core: &Arc<Core>) {
    if !core.log.memory().is_waiting() || core.log.awake.swap(true, Ordering::AcqRel) {
        return;
    }
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(work(Awake(Arc::clone(core))))),
        Err(_) => core.log.awake.store(false, Ordering::Release),
    }
}

/// Proves all that waits, now and in this task.
pub(crate) async fn settle(core: &Core) -> Result<Summary, Error> {
    while prove_next(core).await? {}
    core.log.sound()?;
    Ok(core.log.memory().summary())
}

/// Lets another task be started when this one ends, also when its runtime is shut down.
struct Awake(Arc<Core>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.log.awake.store(false, Ordering::Release);
    }
}

async fn work(awake: Awake) {
    let core = &awake.0;
    loop {
        match prove_next(core).await {
            Ok(true) => tokio::time::sleep(PAUSE).await,
            Ok(false) => break,
            Err(Error::LogInconsistent(_)) => return,
            Err(_) => return tokio::time::sleep(PAUSE_UNAVAILABLE).await,
        }
    }
    let core = Arc::clone(core);
    drop(awake);
    // Something may have come between the last look and the drop.
    wake(&core);
}

/// Proves the claim that is next. `false`: there is none.
async fn prove_next(core: &Core) -> Result<bool, Error> {
    let _alone = core.log.proving.lock().await;
    core.log.sound()?;
    let Some(claim) = core.log.memory().next() else { return Ok(false) };
    match prove(core, &claim).await {
        Ok(()) => {
            tracing::debug!(
                target: "coffer_client::log",
                index = claim.leaf.map(|leaf| leaf.index),
                size = claim.signed.checkpoint.size,
                "proved"
            );
            core.log.memory().proved(claim);
            Ok(true)
        }
        Err(Error::LogInconsistent(fault)) => match follow::has_ended(core, &claim, fault).await {
            Ok(true) => {
                core.log.memory().again(claim);
                Ok(true)
            }
            Ok(false) => Err(core.log.caught(fault).into()),
            Err(error) => {
                core.log.memory().again(claim);
                Err(error)
            }
        },
        Err(error) => {
            core.log.memory().again(claim);
            Err(error)
        }
    }
}

async fn prove(core: &Core, claim: &Claim) -> Result<(), Error> {
    let linked = core.log.memory().linked();
    let trees = match &claim.closed {
        Some(closed) => Trees::closed(&closed.kept, &claim.signed.checkpoint),
        None => Trees::of(linked.as_ref().map(|signed| &signed.checkpoint), &claim.signed.checkpoint),
    };
    let asked = ProveRequest {
        index: claim.leaf.map(|leaf| leaf.index),
        from: trees.old.map(|old| old.size),
        size: Some(trees.new.size),
        // Named always, so that no proof is one of another log.
        log: Some(ordinal(&claim.signed.checkpoint.origin).1),
    };
    if asked.index.is_none() && asked.from.is_none() {
        return Ok(trees.agree()?);
    }
    let answer = core.prove(&asked).await.map_err(|error| unproved(error, trees.new.size))?;
    Ok(trees.check(claim.leaf, &answer)?)
}

/// Holds leaves that were shown against the signed tree.
pub(crate) async fn hold_leaves(
    core: &Core,
    start: u64,
    leaves: &[String],
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    let (size, count) = (checkpoint.size, leaves.len() as u64);
    if count == 0 {
        return Ok(());
    }
    let asked = ProveRequest { index: Some(start), from: Some(start + count), size: Some(size), log: None };
    let held = match core.prove(&asked).await {
        Ok(answer) => {
            let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect();
            let proofs = answer.inclusion.as_deref().zip(answer.consistency.as_deref());
            let stand = |(inclusion, consistency)| {
                verify_range(start, &hashes, (size, &checkpoint.root), inclusion, consistency)
            };
            match proofs.map(stand) {
                Some(true) => Ok(()),
                Some(false) => Err(LogFault::OtherLeaves { start, last: start + count - 1, size }.into()),
                None => Err(LogFault::NotProved { size }.into()),
            }
        }
        Err(error) => Err(unproved(error, size)),
    };
    held.map_err(|error| match error {
        Error::LogInconsistent(fault) => core.log.caught(fault).into(),
        error => error,
    })
}

/// A vault that refuses to prove what it has signed is caught; one that cannot be asked is not.
fn unproved(error: Error, size: u64) -> Error {
    match error.refusal().map(|refusal| refusal.code) {
        Some(Code::Malformed | Code::NotFound | Code::NoSuchOperation | Code::Altered) => {
            LogFault::NotProved { size }.into()
        }
        _ => error,
    }
}

/// The larger tree, and the smaller one that it must continue, where there are two.
struct Trees<'a> {
    new: &'a Checkpoint,
    old: Option<&'a Checkpoint>,
}

impl<'a> Trees<'a> {
    fn of(linked: Option<&'a Checkpoint>, claim: &'a Checkpoint) -> Trees<'a> {
        match linked {
            Some(linked) if linked.size > claim.size => Trees { new: linked, old: Some(claim) },
            Some(linked) if linked != claim => Trees { new: claim, old: Some(linked) },
            _ => Trees { new: claim, old: None },
        }
    }

    /// What was kept of a log that ended, which must hold the claim's leaf; and continue its tree, where not some of that was
    /// lost.
    fn closed(kept: &'a Checkpoint, claim: &'a Checkpoint) -> Trees<'a> {
        Trees { new: kept, old: Some(claim).filter(|claim| claim.size <= kept.size && *claim != kept) }
    }

    /// Trees of one size have one root.
    fn agree(&self) -> Result<(), LogFault> {
        match self.old {
            Some(old) if old.size == self.new.size && old.root != self.new.root => {
                Err(LogFault::Fork { size: old.size })
            }
            _ => Ok(()),
        }
    }

    fn check(&self, leaf: Option<Logged>, answer: &ProveAnswer) -> Result<(), LogFault> {
        let (new, missing) = (self.new, LogFault::NotProved { size: self.new.size });
        if answer.size != new.size {
            return Err(missing);
        }
        self.agree()?;
        if let Some(Logged { index, leaf_hash }) = leaf {
            let path = answer.inclusion.as_ref().ok_or(missing)?;
            if !verify_inclusion(&leaf_hash, index, new.size, path, &new.root) {
                return Err(LogFault::NotIncluded { index, size: new.size });
            }
        }
        if let Some(old) = self.old {
            let path = answer.consistency.as_ref().ok_or(missing)?;
            if !verify_consistency(old.size, &old.root, new.size, &new.root, path) {
                return Err(LogFault::NotConsistent { old: old.size, new: new.size });
            }
        }
        Ok(())
    }
}

impl Log {
    pub(super) fn summary(&self) -> Summary {
        self.memory().summary()
    }
}
