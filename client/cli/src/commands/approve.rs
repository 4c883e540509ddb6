//! `coffer approve`: an admin's signature under what the operator of a vault that does not open asks for.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use coffer_wire::Hash;
use coffer_wire::approval::{Act, Request};
use coffer_wire::note::Checkpoint;
use serde::Serialize;

use super::log::verify::{remembered, trusted};
use crate::args::Approve;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::input;
use crate::output::{grouped, note as tell_note, plain};
use crate::time::moment;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const ADVICE: &str =
    "approve nothing that you do not know to be true; ask the operator, and an auditor for a checkpoint";

#[derive(Serialize)]
struct Report<'a> {
    approved: &'static str,
    home: String,
    log: Option<&'a str>,
    leaves: Option<u64>,
    root: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    old_head: Option<Hash>,
    expires_ms: u64,
}

pub fn run(desk: &Desk, args: &Approve) -> Result<(), Failure> {
    let request = Request::parse(&input::text(&args.request)?);
    let request = request.map_err(|error| Failure::input(args.request.display(), error))?;
    let trust = trusted(desk.log_key(None)?, args.notes.as_deref())?;
    let checkpoint = request.checkpoint.as_deref().map(|note| trust.verify(note)).transpose();
    let checkpoint = checkpoint.map_err(|error| {
        Failure::check("checkpoint_wrong", format!("the checkpoint in the request does not hold: {error}"), ADVICE)
    })?;
    let since = args.since.as_deref().map(|path| remembered(path, &trust)).transpose()?;
    if let Some(since) = &since {
        goes_on(&request, checkpoint.as_ref(), since)?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let expires_ms = made_ms.saturating_add(args.days * DAY_MS);
    let shown = request.clone();
    let approval = desk.configured(|builder| builder.approve(request, &args.reason, made_ms, expires_ms))?;
    let failed = |error| Failure::failed(args.out.display(), error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&args.out).map_err(failed)?;
    file.write_all(approval.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    tell(desk, &shown, checkpoint.as_ref(), expires_ms)
}

/// A head that is adopted must hold all that is remembered. A log that is closed or a copy that is restored may have lost
/// some of it; that is what is approved, so it is said and not refused.
fn goes_on(request: &Request, checkpoint: Option<&Checkpoint>, since: &Checkpoint) -> Result<(), Failure> {
    let has = checkpoint.map_or(0, |checkpoint| checkpoint.size);
    let other = checkpoint.is_some_and(|checkpoint| since.size == checkpoint.size && since.root != checkpoint.root);
    let (old, new) = (grouped(since.size), grouped(has));
    match request.act {
        _ if other => {
            let message = format!("the request is for another log of {new} leaves than the one that is remembered");
            Err(Failure::check("log_not_continuous", message, ADVICE))
        }
        Act::AdoptHead if since.size > has => {
            let message = format!(
                "the log would go back: the request is for {new} leaves, and the remembered checkpoint has {old}"
            );
            Err(Failure::check("log_not_continuous", message, ADVICE))
        }
        Act::Succeed | Act::Restore if since.size > has => {
            tell_note(format!(
                "leaves from {new} on, up to the {old} of the remembered checkpoint, are not in that store"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn tell(desk: &Desk, request: &Request, checkpoint: Option<&Checkpoint>, expires_ms: u64) -> Result<(), Failure> {
    let (home, old_head) = (request.home.to_string(), request.old);
    if desk.screen.is_json() {
        return desk.screen.json(&Report {
            approved: request.act.as_str(),
            home,
            log: checkpoint.map(|checkpoint| checkpoint.origin.as_str()),
            leaves: checkpoint.map(|checkpoint| checkpoint.size),
            root: checkpoint.map(|checkpoint| checkpoint.root),
            detail: (!request.detail.is_empty()).then_some(request.detail.as_str()),
            old_head,
            expires_ms,
        });
    }
    let what = match request.act {
        Act::AdoptHead => "the store's newest checkpoint becomes the head",
        Act::Succeed => "the log is closed and a successor opened",
        Act::Restore => "an older copy takes the vault's place",
    };
    let mut pairs = vec![("approved", plain(what)), ("home", plain(home))];
    if !request.detail.is_empty() {
        pairs.push(("namely", plain(&request.detail)));
    }
    if let Some(checkpoint) = checkpoint {
        pairs.extend([
            ("log", plain(&checkpoint.origin)),
            ("leaves", plain(grouped(checkpoint.size))),
            ("root", plain(checkpoint.root)),
        ]);
    }
    pairs.extend([
        ("head until now", plain(old_head.map_or("none".to_owned(), |hash| format!("note {hash}")))),
        ("counts until", plain(moment(expires_ms))),
    ]);
    desk.screen.pairs(pairs)
}
