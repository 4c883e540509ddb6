//! The whole log from the vault, leaf by leaf, up to a checkpoint that was fixed before: reading the
//! log adds leaves to it.

use coffer_client::{Error, Session, Vault};
use coffer_wire::api::{ENTRIES_MAX, ProveRequest};
use coffer_wire::note::Checkpoint;
use coffer_wire::problem::Code;
use coffer_wire::succession::{Handover, ordinal};
use coffer_wire::tree::verify_consistency;
use indicatif::{ProgressBar, ProgressStyle};

use crate::connect::prove;
use crate::failure::Failure;
use crate::verify::line::Line;
use crate::verify::locate::first_wrong;
use crate::verify::{Audit, Fault};

/// Where what is read goes.
pub trait Sink {
    /// A note, before the leaves that it speaks of.
    fn note(&mut self, note: &str) -> Result<(), Failure>;
    /// A leaf.
    fn leaf(&mut self, leaf: &str) -> Result<(), Failure>;
    /// The end of the leaves of a log that another follows.
    fn end(&mut self) -> Result<(), Failure>;
}

/// It is read, and that is all.
pub struct Nowhere;

impl Sink for Nowhere {
    fn note(&mut self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn leaf(&mut self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Reads the log and those before it, each as far as it was kept.
pub async fn walk_all(vault: &Vault, session: &Session, sink: &mut impl Sink) -> Result<Line, Failure> {
    let trust = vault.follow().await?;
    let (mut kept, mut closed) = (trust.kept().into_iter(), Vec::new());
    for (note, handover) in trust.notes().zip(trust.handovers()) {
        sink.note(note)?;
        if let Handover::Succession(_) = handover
            && let Some(kept) = kept.next()
        {
            let number = ordinal(&kept.origin).1;
            closed.push(walk(vault, session, Some(number), &kept, |leaf| sink.leaf(leaf)).await?);
            sink.end()?;
        }
    }
    let (checkpoint, note) = vault.checkpoint().await?;
    sink.note(&note)?;
    let audit = walk(vault, session, None, &checkpoint, |leaf| sink.leaf(leaf)).await?;
    let line = Line { trust, closed, checkpoint, note, audit };
    if line.broken().is_none() {
        // Every checkpoint that came on the way must be one with this log too.
        prove(vault).await?;
    }
    Ok(line)
}

/// Reads every leaf of the checkpoint, hands each to `see`, and answers what they show. A leaf that
/// is wrong only by the root is looked for with proofs.
async fn walk(
    vault: &Vault,
    session: &Session,
    log: Option<u16>,
    checkpoint: &Checkpoint,
    mut see: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Audit, Failure> {
    let bar = progress(checkpoint.size);
    let mut audit = Audit::default();
    let mut count = ENTRIES_MAX;
    while audit.size() < checkpoint.size {
        let start = audit.size();
        let leaves = match session.entries_of(log, start, count.min(checkpoint.size - start)).await {
            Ok(entries) if entries.leaves.is_empty() => return Ok(blamed(audit, start, Fault::Missing)),
            Ok(entries) => entries.leaves,
            // One leaf of the range cannot be read: which one shows in ever smaller ranges.
            Err(error) if is_altered(&error) && count > 1 => {
                count /= 2;
                continue;
            }
            Err(error) if is_altered(&error) => return Ok(blamed(audit, start, Fault::Unreadable)),
            // What was seen with one's own eyes says more than that something was inconsistent.
            Err(Error::LogInconsistent(_)) if audit.wrong().is_some() => return Ok(audit),
            Err(error) => return Err(error.into()),
        };
        for leaf in &leaves {
            audit.push(leaf.as_bytes());
            see(leaf)?;
        }
        bar.set_position(audit.size());
    }
    bar.finish_and_clear();
    if !audit.agrees_with(checkpoint) {
        let index = locate(vault, log, &audit, checkpoint).await?;
        audit.blame(index, Fault::NotSigned);
    }
    Ok(audit)
}

fn blamed(mut audit: Audit, index: u64, fault: Fault) -> Audit {
    audit.blame(index, fault);
    audit
}

fn is_altered(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| refusal.code == Code::Altered)
}

async fn locate(vault: &Vault, log: Option<u16>, audit: &Audit, checkpoint: &Checkpoint) -> Result<u64, Failure> {
    let size = checkpoint.size;
    let begins = async |old, root| {
        let asked = ProveRequest { index: None, from: Some(old), size: Some(size), log };
        let path = vault.prove(&asked).await?.consistency.unwrap_or_default();
        Ok(verify_consistency(old, &root, size, &checkpoint.root, &path))
    };
    first_wrong(audit.hashes(), begins).await.map_err(|error: Error| {
        let message =
            format!("the leaves are not those of the signed root, and which one is wrong cannot be found: {error}");
        Failure::check("log_wrong", message, "keep what you have and call the operator")
    })
}

/// Drawn on standard error, and only where that is a terminal.
fn progress(leaves: u64) -> ProgressBar {
    let bar = ProgressBar::new(leaves);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} leaves, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
