//! `coffer access apply`: a policy from a file comes into force.

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
    let activated = session.apply_access(files, args.approval).await?;
    prove(&vault).await?;
    tell(desk, "policy", &activated)
}

#[derive(Serialize)]
struct Report {
    policy: u32,
    hash: Hash,
    log: InLog,
}

/// What came into force: by its receipt, the very files that were sent.
pub fn tell(desk: &Desk, what: &str, activated: &Activated) -> Result<(), Failure> {
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
