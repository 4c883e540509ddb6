//! `coffer approve`: an admin's signature under what the operator of a vault that does not open asks for.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use coffer_wire::Hash;
use coffer_wire::approval::Request;
use coffer_wire::note;
use serde::Serialize;

use super::log::verify::remembered;
use crate::args::Approve;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::input;
use crate::output::{grouped, plain};
use crate::time::moment;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const ADVICE: &str =
    "approve nothing that you do not know to be true; ask the operator, and an auditor for a checkpoint";

#[derive(Serialize)]
struct Report<'a> {
    approved: &'static str,
    home: String,
    log: &'a str,
    leaves: u64,
    root: Hash,
    old_head: Option<Hash>,
    expires_ms: u64,
}

pub fn run(desk: &Desk, args: &Approve) -> Result<(), Failure> {
    let request = Request::parse(&input::text(&args.request)?);
    let request = request.map_err(|error| Failure::input(args.request.display(), error))?;
    let key = desk.log_key(None)?;
    let checkpoint = note::verify(&request.checkpoint, &key);
    let checkpoint = checkpoint.map_err(|error| {
        Failure::check("checkpoint_wrong", format!("the checkpoint in the request does not hold: {error}"), ADVICE)
    })?;
    let since = args.since.as_deref().map(|path| remembered(path, &key)).transpose()?;
    if let Some(since) = since
        .filter(|since| since.size > checkpoint.size || since.size == checkpoint.size && since.root != checkpoint.root)
    {
        let (old, new) = (grouped(since.size), grouped(checkpoint.size));
        let message =
            format!("the log would go back: the request is for {new} leaves, and the remembered checkpoint has {old}");
        return Err(Failure::check("log_not_continuous", message, ADVICE));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let expires_ms = made_ms.saturating_add(args.days * DAY_MS);
    let (home, old_head) = (request.home.to_string(), request.old);
    let approval = desk.configured(|builder| builder.approve(request, &args.reason, made_ms, expires_ms))?;
    let failed = |error| Failure::failed(args.out.display(), error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&args.out).map_err(failed)?;
    file.write_all(approval.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    if desk.screen.is_json() {
        let (log, leaves, root) = (checkpoint.origin.as_str(), checkpoint.size, checkpoint.root);
        return desk.screen.json(&Report { approved: "adopt-head", home, log, leaves, root, old_head, expires_ms });
    }
    desk.screen.pairs(vec![
        ("approved", plain("the store's newest checkpoint becomes the head")),
        ("home", plain(home)),
        ("log", plain(&checkpoint.origin)),
        ("leaves", plain(grouped(checkpoint.size))),
        ("root", plain(checkpoint.root)),
        ("head until now", plain(old_head.map_or("none".to_owned(), |hash| format!("another log's, note {hash}")))),
        ("counts until", plain(moment(expires_ms))),
    ])
}
