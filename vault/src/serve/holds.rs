//! `holds/set`, `holds/lift`, `holds/list`: legal holds. Setting one takes one person, since nothing is lost by it; lifting one
//! takes two, since an erasure may follow that cannot be undone.

use std::sync::Arc;

use coffer_keys::Altered;
use coffer_wire::ExternalId;
use coffer_wire::approvals::Person;
use coffer_wire::holds::{
    HOLDS_MAX, HoldAnswer, HoldId, HoldsAnswer, LiftHoldRequest, ListHoldsRequest, SetHoldRequest,
};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use ring::rand::{SecureRandom, SystemRandom};

use super::answer::{Answered, body, problem_of};
use super::blocking::blocking;
use super::desk::{Desk, Envelope};
use super::hold::{Holds, all, on, place};
use super::step::Halt;
use super::{House, Incoming, approval, manage};
use crate::admit::{Ask, Held, Manage, Permit, What};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::store::{Batch, Family, View};

/// How often an act is tried that the sequencer tells to start again.
const TRIES: usize = 8;

pub(super) async fn set(house: Arc<House>, incoming: Incoming) -> Answered {
    let action = Action::HoldSet;
    let request: SetHoldRequest = manage::read(&house, &incoming, action, true).await?;
    let id = HoldId(random()?);
    for _ in 0..TRIES {
        let (desk, permit) = permitted(&house, &incoming, action, &request.controller, &request.person).await?;
        said(&desk, &request.reason).await?;
        let now_ms = house.clock.now_ms();
        if request.until_ms.is_some_and(|until| until <= now_ms) {
            let detail = Some("`until_ms` is past; leave it out, or name a time to come".to_owned());
            return Err(desk.refuse_envelope(Code::Malformed, detail).await);
        }
        let (holds, about) = look(&desk, &request.person).await?;
        if holds.all.len() >= HOLDS_MAX {
            return Err(desk.refuse_envelope(Code::TooManyHolds, None).await);
        }
        let staff = desk.caller.staff().ok_or_else(|| Problem::new(Code::Internal))?;
        let held = Held {
            person: request.person.clone(),
            reason: request.reason.clone(),
            set_ms: now_ms,
            set_by: Person { issuer: staff.iss.clone(), subject: staff.sub.clone() },
            until_ms: request.until_ms,
        };
        let mut batch = Batch::new();
        let at = place(&desk, request.person.as_str(), id).map_err(problem_of)?;
        let sealed = held.seal(&at, &desk.unattributed, desk.common.period);
        batch.put(Family::Meta, at.key(), sealed.ok_or_else(|| Problem::new(Code::Internal))?);
        let private = private(&request.person, id, &request.reason, None);
        let submission = leaf(&desk, &permit, &about, private)?.with_rows(batch, vec![holds.unchanged]);
        if let Some(answer) = done(&desk, id, submission).await? {
            return answer;
        }
    }
    Err(Problem::new(Code::Busy))
}

pub(super) async fn lift(house: Arc<House>, incoming: Incoming) -> Answered {
    let action = Action::HoldLift;
    let mut request: LiftHoldRequest = manage::read(&house, &incoming, action, true).await?;
    let approval = request.approval.take();
    for _ in 0..TRIES {
        let (desk, permit) = permitted(&house, &incoming, action, &request.controller, &request.person).await?;
        said(&desk, &request.reason).await?;
        let (holds, about) = look(&desk, &request.person).await?;
        let Some(hold) = holds.all.iter().find(|hold| hold.id == request.hold) else {
            return Err(desk.refuse_envelope(Code::NotFound, None).await);
        };
        let shown = format!(
            "lift the hold {} on {}, which was set for: {}\nbecause: {}",
            hold.id,
            request.person.as_str(),
            hold.reason,
            request.reason
        );
        let (controller, digest) = (desk.controller, approval::digest(&request));
        let what = What { act: action, controller, shown: &shown, digest };
        let approved = approval::two_people(&desk, &permit, what, approval).await?;
        let (mut batch, mut needs) = (Batch::new(), vec![holds.unchanged]);
        let private = private(&request.person, hold.id, &request.reason, Some(approved.told()));
        approved.used_up_in(&mut batch, &mut needs);
        let at = place(&desk, request.person.as_str(), request.hold).map_err(problem_of)?;
        batch.delete(Family::Meta, at.key());
        let submission = leaf(&desk, &permit, &about, private)?.with_rows(batch, needs);
        if let Some(answer) = done(&desk, request.hold, submission).await? {
            return answer;
        }
    }
    Err(Problem::new(Code::Busy))
}

pub(super) async fn list(house: Arc<House>, incoming: Incoming) -> Answered {
    let action = Action::HoldList;
    let request: ListHoldsRequest = manage::read(&house, &incoming, action, true).await?;
    for _ in 0..TRIES {
        let envelope = Envelope { controller: Some(request.controller), ..Envelope::default() };
        let desk = Desk::sit(&house, &incoming, action, &envelope, true).await?;
        let permit = manage::permit(&desk, None).await?;
        let private = Private { person: request.person.clone(), ..Private::default() };
        let submission = manage::submission(&desk, &permit, Detail::default(), private)?;
        if manage::submit(&desk, submission).await?.is_none() {
            continue;
        }
        let (at, controller) = (Arc::clone(&house), desk.common.controller);
        let found = looked(&desk, move || all(&at, &View::blocking(&*at.engine), controller)).await?;
        let mut holds = found;
        holds.retain(|hold| request.person.as_ref().is_none_or(|person| hold.person == *person));
        return body(&HoldsAnswer { holds });
    }
    Err(Problem::new(Code::Busy))
}

/// The desk of somebody who may do it for this controller, or a recorded refusal that names the person.
async fn permitted(
    house: &Arc<House>,
    incoming: &Incoming,
    action: Action,
    controller: &coffer_wire::Name,
    person: &ExternalId,
) -> Result<(Arc<Desk>, Permit<Manage>), Problem> {
    let envelope = Envelope { controller: Some(*controller), ..Envelope::default() };
    let desk = Desk::sit(house, incoming, action, &envelope, true).await?;
    let ask = Ask { person: Some(person), ..Ask::of(desk.controller) };
    match desk.house.gate.permit_manage(&desk.caller, action, &ask) {
        Ok(permit) => Ok((Arc::new(desk), permit)),
        Err(refusal) => Err(desk.refuse_envelope(refusal.code, None).await),
    }
}

/// A hold is set and lifted for a reason.
async fn said(desk: &Desk, reason: &str) -> Result<(), Problem> {
    match manage::is_reason(reason) {
        true => Ok(()),
        false => Err(desk.refuse_envelope(Code::Malformed, Some(manage::REASON.to_owned())).await),
    }
}

/// The holds on a person, and under whose key the leaf stands.
async fn look(desk: &Arc<Desk>, person: &ExternalId) -> Result<(Holds, Attribution), Problem> {
    let (at, person) = (Arc::clone(desk), person.clone());
    let look = move || {
        let view = View::blocking(&*at.house.engine);
        let about = at.attribution(&view, person.as_str())?;
        Ok(on(&at, &view, person.as_str())?.map(|holds| (holds, about)))
    };
    looked(desk, look).await
}

async fn looked<T: Send + 'static>(
    desk: &Desk,
    look: impl FnOnce() -> Result<Result<T, Altered>, Halt> + Send + 'static,
) -> Result<T, Problem> {
    let looked = blocking(look).await.map_err(|_| Problem::new(Code::Internal))?;
    match looked.map_err(problem_of)? {
        Ok(found) => Ok(found),
        Err(Altered) => Err(desk.house.fail_envelope(desk.action, &desk.common, &desk.unattributed).await),
    }
}

fn private(person: &ExternalId, id: HoldId, reason: &str, approved: Option<&str>) -> Private {
    let approved = approved.map(|told| format!(", {told}")).unwrap_or_default();
    Private {
        person: Some(person.clone()),
        reason: Some(reason.to_owned()),
        note: Some(format!("hold {id}{approved}")),
        ..Private::default()
    }
}

fn leaf(desk: &Desk, permit: &Permit<Manage>, about: &Attribution, private: Private) -> Result<Submission, Problem> {
    let entry = Entry::granted(permit, &desk.common, about.about(), Detail::default(), private);
    let entry = entry.map_err(|_| Problem::new(Code::Internal))?;
    Ok(Submission::new(entry, permit.epoch(), desk.born))
}

/// `None`: start again.
async fn done(desk: &Desk, hold: HoldId, submission: Submission) -> Result<Option<Answered>, Problem> {
    let Some(recorded) = manage::submit(desk, submission).await? else { return Ok(None) };
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    Ok(Some(body(&HoldAnswer { hold, receipt, notes })))
}

fn random() -> Result<[u8; 16], Problem> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Problem::new(Code::Internal))?;
    Ok(bytes)
}
