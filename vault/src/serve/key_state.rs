//! `keys/destroy`, `keys/shred` and `key/state`: one version of a category key comes into another state.

use std::sync::Arc;

use coffer_keys::KeyId;
use coffer_wire::api::{KeyAnswer, KeyRequest};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::approval::{self, two_people};
use super::blocking::{blocking, detached};
use super::desk::{Desk, Envelope};
use super::{House, Incoming, manage};
use crate::admit::{Approved, Manage, Permit, What};
use crate::jobs::{self, JobRow, Progress};
use crate::keyring::record::{RootRow, State, Use};
use crate::keyring::{AnyHeld, Held, Line, Under, audit_category, root_rows, subjects_under};
use crate::ledger::{Detail, Submission};
use crate::store::{Batch, Engine, Family, Precondition, View};

pub(super) async fn destroy(house: Arc<House>, incoming: Incoming) -> Answered {
    to_its_end(house, incoming, Action::KeysDestroy).await
}

pub(super) async fn shred(house: Arc<House>, incoming: Incoming) -> Answered {
    to_its_end(house, incoming, Action::KeysShred).await
}

pub(super) async fn state(house: Arc<House>, incoming: Incoming) -> Answered {
    to_its_end(house, incoming, Action::KeyState).await
}

/// A task of its own, which ends whether or not the caller waits for it: what has ended in the log must end here.
async fn to_its_end(house: Arc<House>, incoming: Incoming, action: Action) -> Answered {
    detached(step(house, incoming, action)).await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))
}

async fn step(house: Arc<House>, incoming: Incoming, action: Action) -> Answered {
    let request: KeyRequest = manage::read(&house, &incoming, action, true).await?;
    // Who may not do this is refused here, and waits for nobody and keeps nobody waiting.
    let desk = sit(&house, &incoming, action, &request).await?;
    manage::permit(&desk, None).await?;
    if let Some(why) = malformed(action, &request) {
        return Err(desk.refuse_envelope(Code::Malformed, Some(why.to_owned())).await);
    }
    let _alone = house.activation.lock().await;
    for _ in 0..manage::TRIES {
        let desk = sit(&house, &incoming, action, &request).await?;
        let permit = manage::permit(&desk, None).await?;
        let Some(line) = desk.keyring.kept_line(&request.controller, &request.category) else {
            return Err(desk.refuse_envelope(Code::UnknownCategory, None).await);
        };
        let (engine, at, key) = (Arc::clone(&house.engine), Arc::clone(&line), request.version);
        let looked = blocking(move || look(&*engine, &at, key)).await;
        let looked = looked.map_err(|_| Problem::new(Code::Internal))?;
        let stepped = looked.and_then(|looked| take(action, &request, looked));
        let stepped = match stepped {
            Ok(stepped) => stepped,
            Err(Refused { code, detail }) => return Err(desk.refuse_envelope(code, detail).await),
        };
        let Stepped { id, state, under, ends, rests_on, write } = stepped;
        let approved = match state {
            State::Destroyed => Some(second_person(&desk, &permit, &request, under).await?),
            _ => None,
        };
        let detail = Detail { category: Some(request.category), version: Some(request.version), ..Detail::default() };
        let private = private(action, (id, state, under), approved.as_ref());
        let (mut batch, mut needs) = (Batch::new(), rests_on);
        if let Some(approved) = approved {
            approved.used_up_in(&mut batch, &mut needs);
        }
        let mut submission = manage::submission(&desk, &permit, detail, private)?.with_rows(batch, needs);
        if state == State::Destroyed {
            submission = submission.ending_under(ends);
        }
        let submitted = manage::submit(&desk, write(&line, submission)).await;
        // It is so in the log, also where the erasure ledger does not say so yet; nothing after this may fail.
        if matches!(&submitted, Ok(Some(_)) | Err(Problem { code: Code::ErasedNotMirrored, .. })) {
            line.change(|versions| versions.stepped(&id, state));
        }
        if let Some(recorded) = submitted? {
            let mut notes = Vec::new();
            let receipt = recorded.into_receipt(&mut notes);
            return body(&KeyAnswer { state: state.as_str().to_owned(), under, receipt, notes });
        }
    }
    Err(Problem::new(Code::Busy))
}

/// What ends cannot be brought back, so that no one ends it alone.
async fn second_person(
    desk: &Desk,
    permit: &Permit<Manage>,
    request: &KeyRequest,
    under: u64,
) -> Result<Approved, Problem> {
    let KeyRequest { controller, category, version, .. } = request;
    let ends = if under > 0 { format!(", with all that lies under it: {under} keys") } else { String::new() };
    let shown = format!("destroy version {version} of the key of {category} of {controller}{ends}");
    let asked = KeyRequest { approval: None, ..request.clone() };
    let what = What { act: desk.action, controller: *controller, shown: &shown, digest: approval::digest(&asked) };
    two_people(desk, permit, what, request.approval).await
}

async fn sit(house: &Arc<House>, incoming: &Incoming, action: Action, request: &KeyRequest) -> Result<Desk, Problem> {
    let envelope =
        Envelope { controller: Some(request.controller), reason: Some(request.reason.clone()), ..Envelope::default() };
    Desk::sit(house, incoming, action, &envelope, true).await
}

fn malformed(action: Action, request: &KeyRequest) -> Option<&'static str> {
    match (action, request.count) {
        (Action::KeyState, _) if request.approval.is_some() => Some("`key/state` needs no second person"),
        _ if !manage::is_reason(&request.reason) => Some(manage::REASON),
        (Action::KeysShred, None) => Some("`count` is missing: how many keys lie under it, which `keys/list` says"),
        (Action::KeysDestroy | Action::KeyState, Some(_)) => Some("`count` is for `keys/shred`"),
        (Action::KeyState, None) if request.state.is_none() => Some("`state` is missing: `compromised`"),
        (Action::KeysDestroy | Action::KeysShred, _) if request.state.is_some() => Some("`state` is for `key/state`"),
        _ => None,
    }
}

/// Why the state stays as it is.
struct Refused {
    code: Code,
    detail: Option<String>,
}

impl From<Code> for Refused {
    fn from(code: Code) -> Refused {
        Refused { code, detail: None }
    }
}

/// A version as it lies in the store.
struct Looked {
    held: AnyHeld,
    /// How much lies under it.
    under: u64,
    /// The keys of persons among these, and those in whose place they came.
    subjects: Vec<KeyId>,
    /// That none of them is moved away meanwhile: the jobs of its line have gone no further.
    rests_on: Vec<Precondition>,
}

fn look(engine: &dyn Engine, line: &Line, version: u32) -> Result<Looked, Refused> {
    let unread = |error| manage::unread(error).code;
    let jobs = jobs::list(engine).map_err(unread)?.into_iter().filter(|job| {
        let JobRow { controller, category, progress, .. } = &job.row;
        (controller, category, *progress) == (line.controller(), line.category(), Progress::Running)
    });
    // Before the keys: whatever a job has moved since then changes its row.
    let rests_on = jobs.map(|job| job.unchanged()).collect();
    let rows = root_rows(engine).map_err(|error| {
        tracing::error!(%error, "the keys cannot be read");
        Code::Internal
    })?;
    let of_line = |row: &RootRow| row.controller == *line.controller() && row.category == *line.category();
    let found = rows.iter().find(|(_, row)| row.usage == Use::Category && of_line(row) && row.version == version);
    let (id, _) = found.ok_or(Code::UnknownKey)?;
    let read = engine.get(Family::Keys, &RootRow::key(id)).map_err(unread)?;
    let held = AnyHeld::of(line, *id, read.ok_or(Code::Altered)?).map_err(|_| Code::Altered)?;
    let under = Under::count(engine).map_err(unread)?.of(id);
    let subjects = if under > 0 { subjects_under(engine, id).map_err(unread)? } else { Vec::new() };
    // Archives may still hold those in whose place they came.
    let subjects = line.with_former(&View::blocking(engine), subjects).map_err(|_| Code::Internal)?;
    let subjects = subjects.map_err(|_| Code::Altered)?;
    Ok(Looked { held, under, subjects, rests_on })
}

/// A step that may be taken.
struct Stepped {
    id: KeyId,
    state: State,
    under: u64,
    /// The keys of persons that end with it, where it ends.
    ends: Vec<KeyId>,
    rests_on: Vec<Precondition>,
    write: Box<dyn FnOnce(&Line, Submission) -> Submission + Send>,
}

impl Stepped {
    fn of<S: Send + 'static>(held: Held<S>, looked: (u64, Vec<KeyId>, Vec<Precondition>)) -> Stepped {
        let (under, ends, rests_on) = looked;
        let (id, state) = (held.id(), held.state());
        let write = move |line: &Line, submission: Submission| {
            let (mut batch, mut needs) = (Batch::new(), Vec::new());
            held.write(line, &mut batch, &mut needs);
            // Whoever has used it and is numbered behind this starts again: no read is granted under what has ended.
            submission.with_rows(batch, needs).ending([id])
        };
        Stepped { id, state, under, ends, rests_on, write: Box::new(write) }
    }
}

fn take(action: Action, request: &KeyRequest, looked: Looked) -> Result<Stepped, Refused> {
    let Looked { held, under, subjects, rests_on } = looked;
    if matches!(held, AnyHeld::Active(_)) {
        return Err(Code::KeyActive.into());
    }
    match action {
        Action::KeysDestroy if under > 0 => {
            return Err(Refused { code: Code::KeyInUse, detail: Some(format!("{under} keys lie under it")) });
        }
        // Its private parts are the log's own, and whoever is in it is looked for under this key.
        Action::KeysShred if request.category == audit_category() => {
            return Err(Refused { code: Code::KeyStep, detail: Some("what the log keeps is not shredded".to_owned()) });
        }
        Action::KeysShred if request.count != Some(under) => {
            return Err(Refused { code: Code::CountMismatch, detail: Some(format!("{under} keys lie under it")) });
        }
        _ => {}
    }
    let looked = (under, subjects, rests_on);
    Ok(match (action, held) {
        (Action::KeyState, AnyHeld::DecryptOnly(held)) => Stepped::of(held.compromise(), looked),
        (Action::KeysDestroy | Action::KeysShred, AnyHeld::DecryptOnly(held)) => Stepped::of(held.destroy(), looked),
        (Action::KeysDestroy | Action::KeysShred, AnyHeld::Compromised(held)) => Stepped::of(held.destroy(), looked),
        _ => return Err(Code::KeyStep.into()),
    })
}

/// Of a key that ends its id, as of every key that ends; else the state that it has from here on.
fn private(action: Action, (id, state, under): (KeyId, State, u64), approved: Option<&Approved>) -> Private {
    let note = match (action, approved) {
        (Action::KeyState, _) | (_, None) => state.as_str().to_owned(),
        (_, Some(approved)) => format!("{under} keys lay under it; {}", approved.told()),
    };
    let destroyed = if state == State::Destroyed { vec![id.to_string()] } else { Vec::new() };
    Private { destroyed, note: Some(note), ..Private::default() }
}
