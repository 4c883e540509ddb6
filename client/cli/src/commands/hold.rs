//! `coffer hold`: legal holds, which keep a person from being erased.

use std::time::{SystemTime, UNIX_EPOCH};

use coffer_client::Held;
use coffer_wire::holds::{Hold, HoldId, LiftHoldRequest, ListHoldsRequest, SetHoldRequest};
use serde::Serialize;

use crate::args::{LiftHold, ListHolds, SetHold};
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{Piece, faint, green, plain};
use crate::time::moment;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub async fn set(desk: &Desk, args: SetHold) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let until_ms = args.days.map(|days| now_ms.saturating_add(days * DAY_MS));
    let SetHold { controller, person, reason, days: _ } = args;
    let held = session.set_hold(&SetHoldRequest { controller, person, reason, until_ms }).await?;
    prove(&vault).await?;
    tell(desk, "Set", &held)
}

pub async fn lift(desk: &Desk, args: LiftHold) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let LiftHold { id: hold, controller, person, reason, approval } = args;
    let held = session.lift_hold(&LiftHoldRequest { controller, person, hold, reason, approval }).await?;
    prove(&vault).await?;
    tell(desk, "Lifted", &held)
}

pub async fn list(desk: &Desk, args: ListHolds) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.holds(&ListHoldsRequest { controller: args.controller, person: args.person }).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    if answer.holds.is_empty() {
        return desk.screen.line([faint("no hold".to_owned())]);
    }
    desk.screen.table(["id", "person", "stands", "since", "until", "reason"], answer.holds.iter().map(row).collect())
}

#[derive(Serialize)]
struct Report {
    hold: HoldId,
    log: InLog,
}

fn tell(desk: &Desk, what: &str, held: &Held) -> Result<(), Failure> {
    if desk.screen.is_json() {
        return desk.screen.json(&Report { hold: held.hold, log: held.logged.into() });
    }
    desk.screen.line([green(what), plain(format!(" the hold {}.  ", held.hold)), in_log(&held.logged)])
}

fn row(hold: &Hold) -> [Piece; 6] {
    [
        plain(hold.id),
        plain(hold.person.as_str()),
        if hold.stands { green("yes") } else { faint("ended") },
        plain(moment(hold.set_ms)),
        plain(hold.until_ms.map_or("lifted".to_owned(), moment)),
        plain(&hold.reason),
    ]
}
