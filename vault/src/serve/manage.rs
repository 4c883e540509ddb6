//! Acts that touch no record: each needs a duty, and each is recorded before it is answered.

use std::sync::Arc;

use coffer_wire::Hash;
use coffer_wire::api::WORDS_BYTES_MAX;
use coffer_wire::leaf::Action;
use coffer_wire::object::Object;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use serde::de::DeserializeOwned;

use super::answer::{code_of, problem_of};
use super::desk::{Desk, Envelope};
use super::guard::Texts;
use super::step::Halt;
use super::{House, Incoming};
use crate::admit::{Ask, Manage, Permit};
use crate::ledger::{Attribution, Detail, Entry, Recorded, Rejected, Submission};
use crate::store::StoreError;

/// How often an act is tried that the sequencer tells to start again.
pub(super) const TRIES: usize = 8;
/// What is said of a reason that is none.
pub(super) const REASON: &str = "`reason` takes 1 to 256 bytes";

/// Reads the body of an act, in which no card number may stand.
pub(super) fn parse<T: DeserializeOwned + Texts>(bytes: &[u8]) -> Result<T, Problem> {
    let body: T = json(bytes)?;
    match body.card() {
        None => Ok(body),
        Some(at) => Err(Problem::new(Code::CardNumber).with_detail(at.detail())),
    }
}

/// Reads a body. What is said of a broken one names the place and no value.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map(|Object(body)| body).map_err(|error| {
        let detail = format!("line {}, column {}: {}", error.line(), error.column(), kind(&error));
        Problem::new(Code::Malformed).with_detail(detail)
    })
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Data => "a name, a type or a length that this operation does not take",
        serde_json::error::Category::Io => "the body could not be read",
    }
}

/// Reads the body of an act. A broken one is refused on record, and only whoever may come in learns
/// what is wrong with it. `person`: as for [`Desk::sit`].
pub(super) async fn read<T: DeserializeOwned + Texts>(
    house: &Arc<House>,
    incoming: &Incoming,
    action: Action,
    person: bool,
) -> Result<T, Problem> {
    match parse(&incoming.body) {
        Ok(body) => Ok(body),
        Err(problem) => Err(refuse(house, incoming, action, person, problem).await),
    }
}

/// Refuses a body on record.
pub(super) async fn refuse(
    house: &Arc<House>,
    incoming: &Incoming,
    action: Action,
    person: bool,
    problem: Problem,
) -> Problem {
    match Desk::sit(house, incoming, action, &Envelope::default(), person).await {
        Ok(desk) => desk.refuse_envelope(problem.code, problem.detail).await,
        Err(refused) => refused,
    }
}

/// Permits and records an act. Its answer may be given once this has returned.
pub(super) async fn record(
    house: &Arc<House>,
    incoming: &Incoming,
    action: Action,
    private: Private,
) -> Result<(Desk, Recorded), Problem> {
    for _ in 0..TRIES {
        let desk = Desk::sit(house, incoming, action, &Envelope::default(), true).await?;
        let permit = permit(&desk, None).await?;
        let submission = submission(&desk, &permit, Detail::default(), private.clone())?;
        if let Some(recorded) = submit(&desk, submission).await? {
            return Ok((desk, recorded));
        }
    }
    Err(Problem::new(Code::Busy))
}

/// The permit for the desk's action, or a recorded refusal.
pub(super) async fn permit(desk: &Desk, proposal: Option<Hash>) -> Result<Permit<Manage>, Problem> {
    let ask = Ask { proposal, ..Ask::of(desk.controller) };
    match desk.house.gate.permit_manage(&desk.caller, desk.action, &ask) {
        Ok(permit) => Ok(permit),
        Err(refusal) => Err(desk.refuse_envelope(refusal.code, None).await),
    }
}

/// Whether these words say why.
pub(super) fn is_reason(words: &str) -> bool {
    !words.trim().is_empty() && words.len() <= WORDS_BYTES_MAX
}

/// What is answered where the store cannot be read.
pub(super) fn unread(error: StoreError) -> Problem {
    problem_of(Halt::Store(error))
}

pub(super) fn submission(
    desk: &Desk,
    permit: &Permit<Manage>,
    detail: Detail,
    private: Private,
) -> Result<Submission, Problem> {
    let about = Attribution::nobody(&desk.unattributed);
    let entry = Entry::granted(permit, &desk.common, about.about(), detail, private);
    let entry = entry.map_err(|_| Problem::new(Code::Internal))?;
    Ok(Submission::new(entry, permit.epoch(), desk.born))
}

/// `None`: start again.
pub(super) async fn submit(desk: &Desk, submission: Submission) -> Result<Option<Recorded>, Problem> {
    match desk.house.ledger.submit(vec![submission]).await.pop() {
        Some(Ok(mut recorded)) if !recorded.is_empty() => Ok(Some(recorded.swap_remove(0))),
        Some(Err(Rejected::Again)) => {
            // The policy that was activated meanwhile is about to be put into force.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            Ok(None)
        }
        Some(Err(rejected)) => Err(Problem::new(code_of(&rejected))),
        _ => Err(Problem::new(Code::Internal)),
    }
}
