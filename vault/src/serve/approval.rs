//! Acts that need two people. Who wants one asks by doing it; a second person approves or refuses; then the first does it
//! again and names the approval, which counts once. What is asked for lies sealed in the meta family (docs/FORMAT.md).

use std::sync::Arc;

use coffer_wire::Hash;
use coffer_wire::api::{Empty, WORDS_BYTES_MAX};
use coffer_wire::approvals::{ApprovalId, ApprovalState, ApprovalsAnswer, DecideAnswer, DecideRequest};
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use serde::Serialize;

use super::answer::{Answered, body, problem_of};
use super::blocking::blocking;
use super::desk::Desk;
use super::step::Halt;
use super::{House, Incoming, manage};
use crate::admit::{Act, Approved, Asked, Caller, Manage, Permit, Refusal, Under, What, id_of, row_key};
use crate::clock::Period;
use crate::ledger::{Attribution, Circumstances, Detail, Entry, Recorded, Submission};
use crate::store::{Batch, Family, View, meta};

/// Requests of one person that wait for a second, at most.
const OPEN_MAX: usize = 16;
/// Requests of one person that are kept, at most, whatever became of them.
const KEPT_MAX: usize = 1_000;
/// How often a decision is tried that the sequencer tells to start again.
const TRIES: usize = 8;

/// The evidence that a second person approved this very request. Without an approval it asks for one, and the problem names
/// it; with one that does not hold, it refuses.
pub(super) async fn two_people<A: Act>(
    desk: &Desk,
    permit: &Permit<A>,
    what: What<'_>,
    approval: Option<ApprovalId>,
) -> Result<Approved, Problem> {
    two_people_for_all(desk, &[permit], what, approval).await
}

/// The same of a request that several permits permit.
pub(super) async fn two_people_for_all<A: Act>(
    desk: &Desk,
    permits: &[&Permit<A>],
    what: What<'_>,
    approval: Option<ApprovalId>,
) -> Result<Approved, Problem> {
    let Some(id) = approval else { return Err(ask(desk, permits, &what).await) };
    let asked = found(desk, id).await?;
    let (now_ms, shelf) = (desk.house.clock.now_ms(), Shelf::of(&desk.house).await?);
    match desk.house.gate.approved(&desk.caller, permits, &what, asked, (shelf.under(), now_ms)) {
        Ok(approved) => Ok(approved),
        Err(refusal) => Err(named(desk.refuse_envelope(refusal.code, None).await, id)),
    }
}

/// SHA-256 over a request, from which its approval was taken out.
pub(super) fn digest<T: Serialize>(request: &T) -> [u8; 32] {
    *Hash::sha256(&serde_json::to_vec(request).unwrap_or_default()).as_bytes()
}

/// What waits for a second person, and what became of it: of the caller's own, and of what the caller may decide.
pub(super) async fn list(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::ApprovalList, true).await?;
    let (desk, _) = manage::record(&house, &incoming, Action::ApprovalList, Private::default()).await?;
    let now_ms = house.clock.now_ms();
    let mut kept = all(&house).await?;
    kept.retain(|asked| house.gate.may_see(&desk.caller, asked));
    let mut approvals: Vec<_> = kept.iter().map(|asked| asked.show(&desk.caller, now_ms)).collect();
    approvals.sort_by_key(|approval| (std::cmp::Reverse(approval.asked_ms), approval.id));
    body(&ApprovalsAnswer { approvals })
}

pub(super) async fn approve(house: Arc<House>, incoming: Incoming) -> Answered {
    let decide = |desk: &Desk, asked, now_ms| desk.house.gate.grant(&desk.caller, asked, now_ms);
    decision(house, incoming, Action::ApprovalGrant, decide).await
}

pub(super) async fn refuse(house: Arc<House>, incoming: Incoming) -> Answered {
    let decide = |desk: &Desk, asked, now_ms| desk.house.gate.deny(&desk.caller, asked, now_ms);
    decision(house, incoming, Action::ApprovalDeny, decide).await
}

/// One decision. Of two at the same time the one that is numbered first counts, and the other learns of it.
async fn decision(
    house: Arc<House>,
    incoming: Incoming,
    action: Action,
    decide: impl Fn(&Desk, Asked, u64) -> Result<(Permit<Manage>, Asked), Refusal>,
) -> Answered {
    let request: DecideRequest = manage::read(&house, &incoming, action, true).await?;
    for _ in 0..TRIES {
        let desk = Desk::sit(&house, &incoming, action, &Default::default(), true).await?;
        if request.reason.as_ref().is_some_and(|reason| reason.len() > WORDS_BYTES_MAX) {
            let detail = format!("`reason` is longer than {WORDS_BYTES_MAX} bytes");
            return Err(desk.refuse_envelope(Code::Malformed, Some(detail)).await);
        }
        let asked = found(&desk, request.id).await?;
        let now_ms = house.clock.now_ms();
        let (permit, asked) = match decide(&desk, asked, now_ms) {
            Ok(decided) => decided,
            Err(refusal) => return Err(named(desk.refuse_envelope(refusal.code, None).await, request.id)),
        };
        let private = Private { note: Some(asked.told()), reason: request.reason.clone(), ..Private::default() };
        let submission =
            Shelf::of(&house).await?.keep(&asked, manage::submission(&desk, &permit, detail(&asked), private)?)?;
        if let Some(recorded) = manage::submit(&desk, submission).await? {
            return answer(&desk.caller, &asked, recorded, now_ms);
        }
    }
    Err(Problem::new(Code::Busy))
}

fn answer(caller: &Caller, asked: &Asked, recorded: Recorded, now_ms: u64) -> Answered {
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    body(&DecideAnswer { approval: asked.show(caller, now_ms), receipt, notes })
}

/// Asks for a second person, on record. Who asks for the same again while it waits is told of the request that waits.
async fn ask<A: Act>(desk: &Desk, permits: &[&Permit<A>], what: &What<'_>) -> Problem {
    match asking(desk, permits, what).await {
        Ok(problem) | Err(problem) => problem,
    }
}

async fn asking<A: Act>(desk: &Desk, permits: &[&Permit<A>], what: &What<'_>) -> Result<Problem, Problem> {
    let house = &desk.house;
    // One at a time, so that nobody has more open than may be.
    let _alone = house.asking.lock().await;
    let now_ms = house.clock.now_ms();
    let mut own = all(house).await?;
    own.retain(|asked| asked.is_asked_by(&desk.caller));
    let mut open = own.iter().filter(|asked| asked.state(now_ms) == ApprovalState::Asked);
    if let Some(waits) = open.clone().find(|asked| asked.is_for(&desk.caller, what)) {
        return Ok(named(desk.refuse_envelope(Code::ApprovalNeeded, Some(waits.words().to_owned())).await, waits.id()));
    }
    if open.by_ref().count() >= OPEN_MAX || own.len() >= KEPT_MAX {
        return Ok(desk.refuse_envelope(Code::TooManyApprovals, None).await);
    }
    let failed = || Problem::new(Code::Internal);
    let asked = Asked::new(&desk.caller, permits, what, now_ms).ok_or_else(failed)?;
    let permit = permits.first().ok_or_else(failed)?;
    let private = Private { note: Some(asked.told()), ..Private::default() };
    let about = Attribution::nobody(&desk.unattributed);
    let entry = Entry::asking(permit, &desk.common, about.about(), detail(&asked), private).map_err(|_| failed())?;
    let submission = Submission::new(entry, permit.epoch(), desk.born);
    match manage::submit(desk, Shelf::of(house).await?.keep(&asked, submission)?).await? {
        Some(_) => Ok(named(Problem::new(Code::ApprovalNeeded).with_detail(asked.words()), asked.id())),
        None => Err(Problem::new(Code::Busy)),
    }
}

/// The problem, if it is one of approvals, with the request that it speaks of.
fn named(problem: Problem, id: ApprovalId) -> Problem {
    if problem.code.status() < 500 { problem.with_approval(id) } else { problem }
}

/// Leaves about one request have one hash, by which they are found together: of its name, which tells nothing.
fn detail(asked: &Asked) -> Detail {
    Detail { written: Some(Hash::sha256(&asked.id().0)), ..Detail::default() }
}

/// What requests are sealed under.
struct Shelf {
    key: Arc<coffer_keys::AuditKey>,
    period: Period,
}

impl Shelf {
    async fn of(house: &Arc<House>) -> Result<Shelf, Problem> {
        let period = Period::of(house.clock.now_ms());
        Ok(Shelf { key: house.unattributed_key(&VAULT, period).await?, period })
    }

    fn under(&self) -> Under<'_> {
        Under { key: &self.key, period: self.period }
    }

    /// The submission with the row, which counts if nobody has changed it meanwhile.
    fn keep(&self, asked: &Asked, submission: Submission) -> Result<Submission, Problem> {
        let row = asked.seal(&self.key, self.period).ok_or_else(|| Problem::new(Code::Internal))?;
        let mut batch = Batch::new();
        batch.put(Family::Meta, asked.key(), row);
        Ok(submission.with_rows(batch, vec![asked.unchanged()]))
    }
}

/// A request by its name, or on record that there is none, or none that opens.
async fn found(desk: &Desk, id: ApprovalId) -> Result<Asked, Problem> {
    match find(&desk.house, id).await {
        Ok(Some(asked)) => Ok(asked),
        Ok(None) => Err(desk.refuse_envelope(Code::ApprovalUnknown, None).await),
        Err(problem) if problem.code == Code::Altered => {
            Err(desk.house.fail_envelope(desk.action, &desk.common, &desk.unattributed).await)
        }
        Err(problem) => Err(problem),
    }
}

async fn find(house: &Arc<House>, id: ApprovalId) -> Result<Option<Asked>, Problem> {
    looked(house, move |house, view| {
        let row = view.get(Family::Meta, &row_key(&id)).map_err(Halt::from)?;
        row.map(|row| open(house, view, id, &row)).transpose()
    })
    .await
}

/// All that are kept. One that does not open stops nobody else: it approves nothing, and whoever names it is told.
async fn all(house: &Arc<House>) -> Result<Vec<Asked>, Problem> {
    looked(house, |house, view| {
        let rows = view.under(Family::Meta, meta::APPROVAL_PREFIX).map_err(Halt::from)?;
        let mut kept = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let opened = id_of(&key).ok_or(Unopened::Altered).and_then(|id| open(house, view, id, &row));
            match opened {
                Ok(asked) => kept.push(asked),
                Err(Unopened::Altered) => tracing::error!("{DAMAGED}"),
                Err(halt) => return Err(halt),
            }
        }
        Ok(kept)
    })
    .await
}

/// What the operator reads where a row was altered.
const DAMAGED: &str = "a request for a second person does not open: run `coffer-vault check`";

/// Why a request cannot be looked at.
enum Unopened {
    Halt(Halt),
    Altered,
}

impl From<Halt> for Unopened {
    fn from(halt: Halt) -> Unopened {
        Unopened::Halt(halt)
    }
}

async fn looked<T: Send + 'static>(
    house: &Arc<House>,
    look: impl FnOnce(&House, &View<'_>) -> Result<T, Unopened> + Send + 'static,
) -> Result<T, Problem> {
    let at = Arc::clone(house);
    let looked = blocking(move || look(&at, &View::blocking(&*at.engine))).await;
    match looked.map_err(|_| Problem::new(Code::Internal))? {
        Ok(found) => Ok(found),
        Err(Unopened::Halt(halt)) => Err(problem_of(halt)),
        Err(Unopened::Altered) => {
            tracing::error!("{DAMAGED}");
            Err(Problem::new(Code::Altered))
        }
    }
}

fn open(house: &House, view: &View<'_>, id: ApprovalId, row: &[u8]) -> Result<Asked, Unopened> {
    let period = Asked::period(row).ok_or(Unopened::Altered)?;
    let key = house.kept_unattributed(view, &VAULT, period)?.map_err(|_| Unopened::Altered)?;
    Asked::open(id, &key, row).map_err(|_| Unopened::Altered)
}

impl House {
    /// Marks requests whose time has ended, with a leaf for each, and forgets those that ended long ago. Says how many it
    /// looked after; what cannot be done now is done the next time.
    pub async fn end_approvals(self: &Arc<Self>) -> usize {
        let Ok(kept) = all(self).await else { return 0 };
        let mut done = 0;
        for asked in kept {
            let ended = match asked.is_over(self.clock.now_ms()) {
                true => self.forget_approval(&asked).await,
                false => self.end_approval(asked).await,
            };
            done += usize::from(ended);
        }
        done
    }

    async fn forget_approval(&self, asked: &Asked) -> bool {
        let mut batch = Batch::new();
        batch.delete(Family::Meta, asked.key());
        let submission = Submission::housekeeping(batch, vec![asked.unchanged()]);
        matches!(self.ledger.submit(vec![submission]).await.pop(), Some(Ok(_)))
    }

    async fn end_approval(self: &Arc<Self>, asked: Asked) -> bool {
        let Some(ended) = asked.expired(self.clock.now_ms()) else { return false };
        let Ok(shelf) = Shelf::of(self).await else { return false };
        let common = Circumstances::of_the_vault(VAULT, shelf.period, self.gate.in_force().epoch);
        let private = Private { note: Some(format!("{}: its time ended", ended.told())), ..Private::default() };
        let about = Attribution::nobody(&shelf.key);
        let entry = Entry::own(Action::ApprovalDeny, &common, about.about(), detail(&ended), private);
        let Some(submission) = entry.ok().and_then(|entry| shelf.keep(&ended, Submission::unbound(entry)).ok()) else {
            return false;
        };
        self.record_one(submission).await.is_ok()
    }
}
