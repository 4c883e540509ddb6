//! `coffer keys list`: the keys and their states, without key material.

use coffer_wire::api::KeyInfo;

use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, count, faint, green, grouped, maybe, plain, red};
use crate::time::moment;

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.keys().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    let rows = answer.keys.iter().map(row).collect();
    desk.screen.table(["controller", "category", "kind", "version", "state", "under it", "made", "id"], rows)?;
    desk.screen.line([faint(format!(
        "and {} of persons and staff, each wrapped by one of these",
        count(answer.personal, "key", "keys")
    ))])
}

fn row(key: &KeyInfo) -> [Piece; 8] {
    [
        plain(key.controller),
        maybe(key.category),
        plain(&key.kind),
        plain(key.version),
        state(&key.state),
        maybe(key.under.map(grouped)),
        plain(moment(key.created_ms)),
        faint(&key.id),
    ]
}

fn state(state: &str) -> Piece {
    match state {
        "active" => green(state),
        "compromised" => red(state),
        _ => plain(state),
    }
}
