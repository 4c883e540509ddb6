//! `access/apply` and `schema/apply`: a proposal comes into force, with a leaf that names its hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer_wire::Hash;
use coffer_wire::api::{ApplyAnswer, ApplyRequest, files_hash};
use coffer_wire::approvals::ApprovalId;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::approval;
use super::blocking::detached;
use super::desk::{Desk, Envelope};
use super::genesis::{Proposal, key_detail};
use super::house::{HouseError, families};
use super::{House, Incoming, manage};
use crate::admit::{Approved, InForce, Manage, Permit, What};
use crate::keyring::{Created, Line, create_line};
use crate::ledger::{Attribution, Detail, Entry};
use crate::store::Batch;

/// Lines of what widens that are shown, at most.
const WIDER_SHOWN_MAX: usize = 24;

pub(super) async fn access(house: Arc<House>, incoming: Incoming) -> Answered {
    to_its_end(house, incoming, Action::AccessApply).await
}

pub(super) async fn schema(house: Arc<House>, incoming: Incoming) -> Answered {
    to_its_end(house, incoming, Action::SchemaApply).await
}

/// A task of its own, which ends whether or not the caller waits for it: what is in force in the log must come into force here.
async fn to_its_end(house: Arc<House>, incoming: Incoming, action: Action) -> Answered {
    detached(apply(house, incoming, action)).await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))
}

async fn apply(house: Arc<House>, incoming: Incoming, action: Action) -> Answered {
    // Who may not do this is refused here, and waits for nobody and keeps nobody waiting.
    permitted(&house, &incoming, action).await?;
    // One activation at a time: the second is read against what the first has put into force.
    let _alone = house.activation.lock().await;
    let (desk, mut request, hash, permit) = permitted(&house, &incoming, action).await?;
    let approval = request.approval.take();
    let (next, in_force) = match propose(&house, action, request.files) {
        Ok(proposed) => proposed,
        Err(error) => return Err(desk.refuse_envelope(Code::InvalidProposal, Some(error.to_string())).await),
    };
    let approved = second_person(&desk, &permit, &in_force, hash, approval).await?;
    house.engine.ensure(&families(&in_force)).map_err(|_| Problem::new(Code::Internal))?;
    let (mut batch, mut needs, mut private) = (Batch::new(), Vec::new(), Private::default());
    if let Some(approved) = approved {
        private.note = Some(approved.told().to_owned());
        approved.used_up_in(&mut batch, &mut needs);
    }
    let keyring = house.keyring();
    next.put(&mut batch, keyring.audit(&VAULT).ok_or_else(|| Problem::new(Code::Internal))?);
    let (lines, made) = make_lines(&house, &in_force, &mut batch)?;
    let epoch = in_force.epoch;
    let detail = Detail { written: Some(hash), ..Detail::default() };
    let mut submission = manage::submission(&desk, &permit, detail, private)?.with_rows(batch, needs).activating(epoch);
    if action == Action::AccessApply {
        // A policy is how somebody is revoked.
        submission = submission.urgent();
    }
    for created in &made {
        submission = submission.and(key_leaf(&desk, created)?);
    }
    let recorded = manage::submit(&desk, submission).await?.ok_or_else(|| Problem::new(Code::Busy))?;
    // It is in force in the log; nothing after this may fail.
    house.set_keyring(house.keyring().with(lines));
    house.gate.activate(in_force);
    let mut notes = Vec::new();
    body(&ApplyAnswer { policy: epoch, hash, receipt: recorded.into_receipt(&mut notes), notes })
}

/// Who takes rights away does so alone and at once; who gives some needs a second person, who sees what is given. What was
/// approved holds over the policy epoch on which it was asked for: over another one the same files might give something else.
async fn second_person(
    desk: &Desk,
    permit: &Permit<Manage>,
    next: &InForce,
    files: Hash,
    approval: Option<ApprovalId>,
) -> Result<Option<Approved>, Problem> {
    let now = &desk.force;
    let mut wider = next.schema.widens(&now.schema);
    wider.extend(next.policy.widens(&now.policy));
    if wider.is_empty() && approval.is_none() {
        return Ok(None);
    }
    let what = What {
        act: desk.action,
        controller: VAULT,
        shown: &told(desk.action, &files, &wider),
        digest: approval::digest(&(desk.action, files, now.epoch)),
    };
    approval::two_people(desk, permit, what, approval).await.map(Some)
}

/// What widens, for the eye of whoever is to approve it.
fn told(action: Action, files: &Hash, wider: &[String]) -> String {
    let mut words = format!("{action} of files {files} permits what is not permitted now:");
    for line in wider.iter().take(WIDER_SHOWN_MAX) {
        words.push('\n');
        words.push_str(line);
    }
    if let Some(more) = wider.len().checked_sub(WIDER_SHOWN_MAX).filter(|more| *more > 0) {
        words.push_str(&format!("\nand {more} more"));
    }
    words
}

/// The request of somebody who may make it, or a recorded refusal.
async fn permitted(
    house: &Arc<House>,
    incoming: &Incoming,
    action: Action,
) -> Result<(Desk, ApplyRequest, Hash, Permit<Manage>), Problem> {
    let desk = Desk::sit(house, incoming, action, &Envelope::default(), true).await?;
    let request: ApplyRequest = match manage::parse(&incoming.body) {
        Ok(request) => request,
        Err(problem) => return Err(desk.refuse_envelope(problem.code, problem.detail).await),
    };
    let hash = files_hash(&request.files);
    let permit = manage::permit(&desk, Some(hash)).await?;
    Ok((desk, request, hash, permit))
}

/// The files in force with some of them replaced, read and checked.
fn propose(house: &House, action: Action, files: BTreeMap<String, String>) -> Result<(Proposal, InForce), HouseError> {
    let mut next = Proposal::stored(&*house.engine)?;
    next.epoch = house.gate.in_force().epoch + 1;
    match action {
        Action::SchemaApply => next.schema = files,
        _ => next.access = files,
    }
    let in_force = next.in_force(&house.config)?;
    in_force.schema.may_follow(&house.gate.in_force().schema)?;
    Ok((next, in_force))
}

/// Keys for categories that are new.
fn make_lines(house: &House, in_force: &InForce, batch: &mut Batch) -> Result<(Vec<Line>, Vec<Created>), Problem> {
    let keyring = house.keyring();
    // Also of one that coffer.toml does not name at this moment: should it come back, it has all keys.
    let missing: Vec<_> = keyring
        .controllers()
        .filter(|controller| *controller != VAULT)
        .flat_map(|controller| in_force.schema.iter().map(move |category| (controller, category.name)))
        .filter(|(controller, category)| keyring.line(controller, category).is_none())
        .collect();
    if missing.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let root = house.root()?;
    let (mut lines, mut made) = (Vec::new(), Vec::new());
    for (controller, category) in missing {
        let line = create_line(&root, controller, category, house.clock.now_ms(), batch);
        let (line, created) = line.map_err(|_| Problem::new(Code::Internal))?;
        lines.push(line);
        made.extend(created);
    }
    Ok((lines, made))
}

fn key_leaf(desk: &Desk, created: &Created) -> Result<Entry, Problem> {
    let about = Attribution::nobody(&desk.unattributed);
    let (detail, private) = key_detail(created);
    let entry = Entry::own(Action::KeyCreate, &desk.common, about.about(), detail, private);
    entry.map_err(|_| Problem::new(Code::Internal))
}
