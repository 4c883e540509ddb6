//! `coffer access apply`: a policy from a file comes into force.

use std::collections::BTreeMap;

use coffer_client::Activated;
use coffer_wire::Hash;
use serde::Serialize;

use crate::args::ApplyAccess;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::input::proposal;
use crate::output::{faint, green, plain};

pub async fn run(desk: &Desk, args: &ApplyAccess) -> Result<(), Failure> {
    let files = proposal(&[&args.file])?;
    let (vault, session) = desk.session()?;
    let activated = session.apply_access(files.clone()).await?;
    prove(&vault).await?;
    tell(desk, "policy", &files, &activated)
}

#[derive(Serialize)]
struct Report {
    policy: u32,
    hash: Hash,
    log: InLog,
}

/// What came into force. The hash in the log must be that of the very files that were sent.
pub fn tell(desk: &Desk, what: &str, files: &BTreeMap<String, String>, activated: &Activated) -> Result<(), Failure> {
    if activated.hash != files_hash(files) {
        let advice = "keep the files and call the auditor: this must not happen";
        return Err(Failure::check("other_files", "the vault has activated other files than were sent", advice));
    }
    if desk.screen.is_json() {
        return desk.screen.json(&Report {
            policy: activated.policy,
            hash: activated.hash,
            log: activated.logged.into(),
        });
    }
    desk.screen
        .line([green(format!("The {what} is in force")), plain(format!(" as policy epoch {}.", activated.policy))])?;
    desk.screen.line([faint(format!("files {}, ", activated.hash)), in_log(&activated.logged)])
}

/// SHA-256 over the JSON of names and texts, names sorted: what the leaf of an activation names.
fn files_hash(files: &BTreeMap<String, String>) -> Hash {
    Hash::sha256(&serde_json::to_vec(files).unwrap_or_default())
}
