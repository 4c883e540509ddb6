//! `coffer approvals`: what one person alone may not do, and what a second says to it.

use coffer_client::Decision;
use coffer_wire::approvals::{Approval, ApprovalState};
use serde::Serialize;

use crate::args::{Decide, ShowApproval};
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{Piece, faint, green, plain, red};
use crate::time::moment;

pub async fn list(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.approvals().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    if answer.approvals.is_empty() {
        return desk.screen.line([faint("nothing that you asked for, and nothing for you to decide".to_owned())]);
    }
    desk.screen
        .table(["id", "act", "controller", "state", "asked by", "until"], answer.approvals.iter().map(row).collect())
}

pub async fn show(desk: &Desk, args: &ShowApproval) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.approvals().await?;
    let found = answer.approvals.into_iter().find(|approval| approval.id == args.id).ok_or_else(|| {
        let message = "there is no such approval, or it is not for you to see";
        Failure::check("approval_unknown", message, "`coffer approvals list` shows yours")
    })?;
    if desk.screen.is_json() { desk.screen.json(&found) } else { tell(desk, &found) }
}

pub async fn approve(desk: &Desk, args: &Decide) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let decision = session.approve(args.id, args.reason.as_deref()).await?;
    prove(&vault).await?;
    decided(desk, &decision)
}

pub async fn refuse(desk: &Desk, args: &Decide) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let decision = session.refuse(args.id, args.reason.as_deref()).await?;
    prove(&vault).await?;
    decided(desk, &decision)
}

#[derive(Serialize)]
struct Report<'a> {
    approval: &'a Approval,
    log: InLog,
}

fn decided(desk: &Desk, decision: &Decision) -> Result<(), Failure> {
    let Decision { approval, logged } = decision;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { approval, log: (*logged).into() });
    }
    desk.screen.line([
        state(approval.state),
        plain(format!(" {} for {}.  ", approval.act, approval.asked_by)),
        in_log(logged),
    ])?;
    if approval.state != ApprovalState::Approved {
        return Ok(());
    }
    let (id, until) = (approval.id, moment(approval.expires_ms));
    desk.screen.line([faint(format!("who asked now does it with `--approval {id}`, until {until}"))])
}

fn tell(desk: &Desk, approval: &Approval) -> Result<(), Failure> {
    let mut pairs = vec![
        ("id", plain(approval.id)),
        ("act", plain(approval.act)),
        ("controller", plain(approval.controller)),
        ("state", state(approval.state)),
        ("asked by", plain(&approval.asked_by)),
        ("asked", plain(moment(approval.asked_ms))),
        ("until", plain(moment(approval.expires_ms))),
    ];
    if let Some(by) = &approval.decided_by {
        pairs.push(("decided by", plain(by)));
    }
    desk.screen.pairs(pairs)?;
    for line in approval.shown.lines() {
        desk.screen.line([plain(line)])?;
    }
    Ok(())
}

fn row(approval: &Approval) -> [Piece; 6] {
    [
        plain(approval.id),
        plain(approval.act),
        plain(approval.controller),
        state(approval.state),
        plain(if approval.own { "you".to_owned() } else { approval.asked_by.to_string() }),
        plain(moment(approval.expires_ms)),
    ]
}

fn state(state: ApprovalState) -> Piece {
    match state {
        ApprovalState::Approved => green(state.as_str()),
        ApprovalState::Refused => red(state.as_str()),
        _ => plain(state.as_str()),
    }
}
