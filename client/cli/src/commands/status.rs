//! `coffer status`: the state of the vault, and what must change before it may hold real data.

use coffer_client::{Builder, Vault};
use coffer_wire::api::Status;
use coffer_wire::problem::Code;
use coffer_wire::succession::Trust;

use crate::connect::Desk;
use crate::failure::{Exit, Failure};
use crate::output::{Piece, green, grouped, list, plain, red};
use crate::time::{length, moment};

/// A head as old as this ends grants soon; docs/LOG.md.
const HEAD_AGE_LATE_MS: u64 = 1_000;
/// Stands where the vault gave nothing.
const NOT_SAID: &str = "not said";

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (vault, status) = asked(desk).await?;
    // A sealed vault hands nothing on, and says no key.
    let trusted = match is_open(&status) {
        true => vault.follow().await?,
        false => Trust::of(desk.log_key(None)?),
    };
    if desk.screen.is_json() {
        return desk.screen.json(&status);
    }
    desk.screen.pairs(vec![
        ("vault", plain(format!("{}, coffer-vault {}", status.name, status.version))),
        ("state", state(&status)),
        ("shares", shares(&status)),
        ("last drill", drilled(&status)),
        ("log", plain(log(&status))),
        ("log key", log_key(&status, &trusted)),
        ("head", head(&status)),
        ("certificate", certificate(status.certificate_not_after_ms)),
        ("policy", plain(if is_open(&status) { format!("epoch {}", status.policy) } else { NOT_SAID.to_owned() })),
        ("controllers", list(&status.controllers)),
        ("categories", if is_open(&status) { list(&status.categories) } else { plain(NOT_SAID) }),
    ])?;
    for warning in &status.warnings {
        desk.screen.line([red(format!("! {warning}"))])?;
    }
    Ok(())
}

/// With a token all of it; without one what a sealed vault tells every application that it knows, since what gives out tokens
/// may be what is down.
async fn asked(desk: &Desk) -> Result<(Vault, Status), Failure> {
    if desk.has_token() {
        let (vault, session) = desk.session()?;
        let status = session.status().await?;
        return Ok((vault, status));
    }
    let vault = desk.configured(Builder::build)?;
    match vault.sealed_status().await {
        Ok(status) => Ok((vault, status)),
        Err(error) if error.refusal().is_some_and(|refusal| refusal.code == Code::CredentialMissing) => {
            let message = "the vault is not sealed, and tells its state to a person with a token alone";
            Err(Failure::new(Exit::Failed, "credential_missing", message, "give `--token-file FILE`"))
        }
        Err(error) => Err(error.into()),
    }
}

/// A sealed vault gives no size of its log, no age of its head, no policy and no categories: what stands for them is not shown.
fn is_open(status: &Status) -> bool {
    status.state == "open"
}

/// How far shares are gathered that open it.
fn shares(status: &Status) -> Piece {
    plain(status.shares.as_ref().map_or(NOT_SAID.to_owned(), |s| format!("{} of {} are there", s.have, s.needed)))
}

/// When it was last shown that its seal would open it.
fn drilled(status: &Status) -> Piece {
    match status.drilled_ms {
        Some(at) => plain(moment(at)),
        None if is_open(status) => plain("never: `coffer drill` shows that its seal would open it"),
        None => plain(NOT_SAID),
    }
}

fn log(status: &Status) -> String {
    if is_open(status) {
        format!("{}, {} leaves", status.origin, grouped(status.log_size))
    } else {
        status.origin.clone()
    }
}

fn state(status: &Status) -> Piece {
    match (status.state.as_str(), &status.reason) {
        ("open", None) => green("open"),
        (state, None) => red(state),
        (state, Some(reason)) => red(format!("{state}: {reason}")),
    }
}

/// What the vault says its key is counts for nothing; it is shown since a difference is a warning.
fn log_key(status: &Status, trusted: &Trust) -> Piece {
    match &status.log_key {
        Some(said) if *said == trusted.key().to_string() && trusted.notes().next().is_some() => {
            green("one that your configuration's leads to (`coffer log key`)")
        }
        Some(said) if *said == trusted.key().to_string() => green("the one of your configuration"),
        Some(said) => red(format!("{said} is NOT the one of your configuration")),
        None => plain(NOT_SAID),
    }
}

fn certificate(not_after_ms: Option<u64>) -> Piece {
    plain(not_after_ms.map_or(NOT_SAID.to_owned(), |end| format!("the server's is good until {}", moment(end))))
}

fn head(status: &Status) -> Piece {
    if !is_open(status) {
        return plain(NOT_SAID);
    }
    let said = format!("kept outside the database {} ago", length(status.head_age_ms));
    if status.head_age_ms > HEAD_AGE_LATE_MS { red(said) } else { plain(said) }
}
