//! The whole log from the vault, leaf by leaf, up to a checkpoint that was fixed before: reading the
//! log adds leaves to it.

use coffer_client::{Error, Session, Vault};
use coffer_wire::api::{ENTRIES_MAX, ProveRequest};
use coffer_wire::note::Checkpoint;
use coffer_wire::problem::Code;
use coffer_wire::tree::verify_consistency;
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::verify::locate::first_wrong;
use crate::verify::{Audit, Fault};

/// Reads every leaf of the checkpoint, hands each to `see`, and answers what they show. A leaf that
/// is wrong only by the root is looked for with proofs.
pub async fn walk(
    vault: &Vault,
    session: &Session,
    checkpoint: &Checkpoint,
    mut see: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Audit, Failure> {
    let bar = progress(checkpoint.size);
    let mut audit = Audit::default();
    let mut count = ENTRIES_MAX;
    while audit.size() < checkpoint.size {
        let start = audit.size();
        let leaves = match session.unproved_entries(start, count.min(checkpoint.size - start)).await {
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
        let index = locate(vault, &audit, checkpoint).await?;
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

async fn locate(vault: &Vault, audit: &Audit, checkpoint: &Checkpoint) -> Result<u64, Failure> {
    let size = checkpoint.size;
    let begins = async |old, root| {
        let asked = ProveRequest { index: None, from: Some(old), size: Some(size), log: None };
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
