//! `log/entry`: leaves of the log, for auditors. One call is one leaf, recorded before it is answered.

use std::sync::Arc;

use coffer_wire::api::{ENTRIES_MAX, EntryAnswer, EntryRequest};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::{House, Incoming, manage};
use crate::ledger::Volume;
use crate::ledger::history::{History, HistoryError};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let asked = match manage::parse::<EntryRequest>(&incoming.body).and_then(in_range) {
        Ok(asked) => asked,
        Err(problem) => return Err(manage::refuse(&house, &incoming, Action::LogEntry, true, problem).await),
    };
    // Behind the log's end there is nothing to show, and a number of the caller's own choice is not kept.
    let Some(log) = Range::of(&house, asked.log) else {
        let problem =
            Problem::new(Code::Malformed).with_detail("`log` is not the place of this log or of one before it");
        return Err(manage::refuse(&house, &incoming, Action::LogEntry, true, problem).await);
    };
    let start = asked.start.min(log.size);
    let of = if log.is_present { String::new() } else { format!(" of log {}", log.volume.number()) };
    let note = format!("leaves from {start} on, at most {}{of}", asked.count);
    let private = Private { note: Some(note), ..Private::default() };
    let (desk, recorded) = manage::record(&house, &incoming, Action::LogEntry, private).await?;
    let (checkpoint, size) = house.ledger.shared().newest_with_size();
    // This very call is a leaf of the log that is open.
    let size = if log.is_present { size } else { log.size };
    let engine = Arc::clone(&house.engine);
    let leaves = blocking(move || {
        let history = History::of(&*engine, log.volume);
        let end = asked.start.saturating_add(asked.count).min(size);
        (asked.start..end).map(|index| text(history.leaf(index)?)).collect::<Result<Vec<_>, HistoryError>>()
    });
    let leaves = leaves.await.map_err(|_| Problem::new(Code::Internal))?;
    let leaves = match leaves {
        Ok(leaves) => leaves,
        Err(error) => {
            tracing::error!(%error, "leaves cannot be read");
            return Err(house.fail_envelope(Action::LogEntry, &desk.common, &desk.unattributed).await);
        }
    };
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    body(&EntryAnswer { start: asked.start, leaves, checkpoint: checkpoint.to_string(), receipt, notes })
}

/// The log that is asked about, and how many leaves it has.
struct Range {
    volume: Volume,
    size: u64,
    is_present: bool,
}

impl Range {
    /// `None` for a log that is none of the line.
    fn of(house: &House, number: Option<u16>) -> Option<Range> {
        let shared = house.ledger.shared();
        let line = shared.line();
        if number.is_none_or(|number| number == line.volume().number()) {
            return Some(Range { volume: line.volume(), size: shared.size(), is_present: true });
        }
        let (volume, kept) = line.closed(number?)?;
        Some(Range { volume, size: kept.size, is_present: false })
    }
}

fn in_range(asked: EntryRequest) -> Result<EntryRequest, Problem> {
    if (1..=ENTRIES_MAX).contains(&asked.count) {
        return Ok(asked);
    }
    Err(Problem::new(Code::Malformed).with_detail(format!("`count` takes 1 to {ENTRIES_MAX}")))
}

/// A damaged leaf is shown as it is, so that whoever verifies can name it.
fn text(leaf: Vec<u8>) -> Result<String, HistoryError> {
    Ok(String::from_utf8_lossy(&leaf).into_owned())
}
