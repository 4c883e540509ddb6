//! `coffer seal`: the vault's keys leave its memory.

use serde::Serialize;

use crate::commands::{InLog, in_log};
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{green, plain};

#[derive(Serialize)]
struct Report {
    state: &'static str,
    log: InLog,
}

/// That the leaf is in the log cannot be proved by a vault that is sealed; its receipt is signed for all the same.
pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let logged = session.seal().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { state: "sealed", log: logged.into() });
    }
    desk.screen.line([green("The vault is sealed"), plain(": no key is in its memory.  "), in_log(&logged)])?;
    desk.screen.line([plain("`coffer unseal` opens it again.")])
}
