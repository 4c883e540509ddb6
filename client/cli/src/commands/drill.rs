//! `coffer drill`: would the vault open? Shown while it stays open.

use coffer_client::{Drilled, Session, Value};
use coffer_wire::api::Shares;
use serde::Serialize;

use super::unseal::{gathered, needs_share};
use crate::args::Share;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{green, plain};

#[derive(Serialize)]
struct Report {
    would_open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Shares>,
    log: InLog,
}

pub async fn run(desk: &Desk, args: &Share) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let given = args.share_file.as_deref().map(|path| desk.inputs.share(path)).transpose()?;
    let Drilled { would_open, shares, logged } = drill(desk, &session, given).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { would_open, shares, log: logged.into() });
    }
    let said = match &shares {
        Some(shares) => gathered(shares),
        None => vec![green("The vault would open"), plain(", and nothing was changed.")],
    };
    desk.screen.line(said.into_iter().chain([plain("  "), in_log(&logged)]))
}

async fn drill(desk: &Desk, session: &Session, given: Option<Value>) -> Result<Drilled, Failure> {
    let named = given.is_some();
    match session.drill(given).await {
        Err(error) if !named && needs_share(&error) => {
            Ok(session.drill(Some(desk.inputs.typed_share().await?)).await?)
        }
        done => Ok(done?),
    }
}
