//! `coffer keys rotate-root`: another root key follows the present one. Where officers hold it in shares, new ones are given out first and typed back.

use coffer_client::{Rotated, Session, Value};
use coffer_wire::api::{RotateRootRequest, Shares, SplitRequest};
use serde::Serialize;

use super::unseal::{gathered, needs_share};
use crate::args::RotateRoot;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{count, faint, green, plain};

#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    keys: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    given_out: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Shares>,
    log: InLog,
}

pub async fn run(desk: &Desk, args: &RotateRoot) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let rotated = rotate(desk, &session, args).await?;
    prove(&vault).await?;
    let Rotated { root, keys, given_out, shares, logged } = rotated;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { root, keys, given_out, shares, log: logged.into() });
    }
    for share in &given_out {
        desk.screen.line([plain(share.expose())])?;
    }
    if !given_out.is_empty() {
        desk.screen.line([faint(
            "Each is shown this once, for one officer. They count once enough of them are typed back:",
        )])?;
        let said = match args.to_next_seal {
            true => "`coffer keys rotate-root --to-next-seal` by each. Until then the seal of before opens the vault.",
            false => "`coffer keys rotate-root` by each. Until then the shares of before open the vault.",
        };
        desk.screen.line([faint(said)])?;
    }
    if let Some(root) = root {
        let under = format!("{} under it", count(keys, "key lies", "keys lie"));
        let held = if args.to_next_seal { " and held by the next seal" } else { "" };
        return desk.screen.line([
            green(format!("Root key {root} is in force{held}")),
            plain(format!(", {under}.  ")),
            in_log(&logged),
        ]);
    }
    let said = shares.as_ref().map(gathered).unwrap_or_default();
    desk.screen.line(said.into_iter().chain([plain("  "), in_log(&logged)]))
}

/// What was asked for; where that is nothing and the vault wants a share, what is typed.
async fn rotate(desk: &Desk, session: &Session, args: &RotateRoot) -> Result<Rotated, Failure> {
    let split = args.threshold.zip(args.shares).map(|(threshold, shares)| SplitRequest { threshold, shares });
    let share = args.share.share_file.as_deref().map(|path| desk.inputs.share(path)).transpose()?;
    let to_next_seal = args.to_next_seal;
    let asked = RotateRootRequest { to_next_seal, split, share, approval: args.approval };
    let nothing_given = asked.split.is_none() && asked.share.is_none();
    match session.rotate_root(asked).await {
        Err(error) if nothing_given && needs_share(&error) => {
            let share = Some(desk.inputs.typed_share().await?);
            Ok(session.rotate_root(RotateRootRequest { to_next_seal, share, ..RotateRootRequest::default() }).await?)
        }
        done => Ok(done?),
    }
}
