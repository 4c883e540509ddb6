//! `coffer log tail`: the newest leaves, and those that are added.
//!
//! What is shown stands in the signed tree, and each tree continues the one before: the client proves both. Each look is
//! itself a leaf. A following tail asks for the checkpoint, which is none, at most once
//! a second, and for leaves only where others than its own have come.

use std::collections::BTreeSet;
use std::time::Duration;

use coffer_client::{Session, Vault};
use coffer_wire::api::ENTRIES_MAX;
use coffer_wire::leaf::{Decision, Leaf};
use serde::Serialize;

use crate::args::Tail;
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{Piece, Screen, faint, green, plain, red};
use crate::time::moment;

/// The pause between two questions to the vault.
const PAUSE: Duration = Duration::from_secs(1);
/// Characters of an alias that a person is shown; 48 bits tell apart all whom one page can hold.
const ALIAS_CHARACTERS: usize = 8;

pub async fn run(desk: &Desk, args: &Tail) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let (checkpoint, _) = vault.checkpoint().await?;
    let mut reader = Reader { next: checkpoint.size.saturating_sub(args.lines), own: BTreeSet::new() };
    reader.show(&session, &desk.screen, checkpoint.size).await?;
    prove(&vault).await?;
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(PAUSE).await;
        let size = newest(&vault).await?;
        reader.pass_own();
        if reader.next < size {
            reader.show(&session, &desk.screen, size).await?;
            prove(&vault).await?;
        }
    }
}

async fn newest(vault: &Vault) -> Result<u64, Failure> {
    Ok(vault.checkpoint().await?.0.size)
}

/// How far the log was shown, and which leaves from there on were made by showing it.
struct Reader {
    next: u64,
    own: BTreeSet<u64>,
}

impl Reader {
    /// Shows the leaves up to a size, as many as one request gives.
    async fn show(&mut self, session: &Session, screen: &Screen, size: u64) -> Result<(), Failure> {
        let count = size.saturating_sub(self.next).min(ENTRIES_MAX);
        if count == 0 {
            return Ok(());
        }
        let entries = session.entries(self.next, count).await?;
        self.own.insert(entries.logged.index);
        for leaf in &entries.leaves {
            if !self.own.remove(&self.next) {
                print(screen, self.next, leaf)?;
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Passes over leaves of one's own, so that they alone are no reason to ask.
    fn pass_own(&mut self) {
        while self.own.remove(&self.next) {
            self.next += 1;
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<&'a Leaf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<&'a str>,
}

fn print(screen: &Screen, index: u64, bytes: &str) -> Result<(), Failure> {
    let leaf = Leaf::parse(bytes.as_bytes()).ok();
    if screen.is_json() {
        let damaged = leaf.is_none().then_some(bytes);
        return screen.json_line(&Line { index, leaf: leaf.as_ref(), damaged });
    }
    match leaf {
        Some(leaf) => screen.line(pieces(index, &leaf)),
        None => screen.line([plain(format!("{index:>8}  ")), red("is not a leaf: "), plain(bytes)]),
    }
}

/// One line: index, time, controller, action, decision; then what there is of category and purpose,
/// application, and aliases.
fn pieces(index: u64, leaf: &Leaf) -> Vec<Piece> {
    let mut pieces = vec![
        faint(format!("{index:>8}  ")),
        plain(moment(leaf.t)),
        plain(format!("  {} {}", leaf.controller, leaf.n)).wide(19),
        plain(leaf.action).wide(14),
        decision(leaf).wide(30),
    ];
    let about = [leaf.category, leaf.purpose].into_iter().flatten().map(|name| name.to_string()).collect::<Vec<_>>();
    pieces.push(plain(about.join(" for ")).wide(27));
    pieces.push(faint(tags(leaf)));
    pieces
}

fn decision(leaf: &Leaf) -> Piece {
    match leaf.decision() {
        Ok(Decision::Granted(rule)) => green(rule),
        Ok(Decision::Refused(code)) => red(format!("refused {code}")),
        Ok(Decision::Failed(code)) => red(format!("failed {code}")),
        Err(_) => red("undecided"),
    }
}

fn tags(leaf: &Leaf) -> String {
    let short = |alias: coffer_wire::leaf::Alias| alias.to_string()[..ALIAS_CHARACTERS].to_owned();
    let tags = [
        leaf.app.map(|app| format!("via {app}")),
        leaf.actor.map(|actor| format!("by {}", short(actor))),
        leaf.subject.map(|subject| format!("about {}", short(subject))),
        leaf.version.map(|version| format!("v{version}")),
    ];
    tags.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_leaves_are_no_reason_to_ask() {
        let mut reader = Reader { next: 10, own: BTreeSet::from([10, 11, 13]) };
        reader.pass_own();
        assert_eq!((reader.next, reader.own.len()), (12, 1));
    }
}
