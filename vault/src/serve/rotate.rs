//! `keys/rotate`: a new version of category keys at once. What lies under the old ones is moved by a job for each key.

use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::api::{REWRAP_RATE_MAX, RotateAnswer, RotateRequest, Rotated, Unrotated};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::detached;
use super::desk::{Desk, Envelope};
use super::{House, Incoming, manage};
use crate::admit::{Ask, Manage, Permit};
use crate::jobs::{self, JobRow, Kind, Progress, RATE_DEFAULT, RATE_MAX};
use crate::keyring::record::RootRow;
use crate::keyring::{AnyHeld, Line, Version, audit_category, create_version};
use crate::ledger::{Detail, Recorded, Submission, Volume};
use crate::store::{Batch, Family};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A task of its own, which ends whether or not the caller waits for it: a version that wraps in the log must wrap here.
pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    detached(rotate(house, incoming)).await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))
}

async fn rotate(house: Arc<House>, incoming: Incoming) -> Answered {
    const ACTION: Action = Action::KeysRotate;
    let request: RotateRequest = manage::read(&house, &incoming, ACTION, true).await?;
    let asking = Asking { house: &house, incoming: &incoming, request: &request };
    let desk = asking.sit(request.controller).await?;
    let permit = manage::permit(&desk, None).await?;
    if let Some(why) = asking.malformed() {
        return Err(desk.refuse_envelope(Code::Malformed, Some(why.to_owned())).await);
    }
    // One change of keys or of what is in force at a time.
    let _alone = house.activation.lock().await;
    let lines = asking.lines(&desk);
    if lines.is_empty() && request.category.is_some() {
        return Err(desk.refuse_envelope(Code::UnknownCategory, None).await);
    }
    let lines = asking.old_enough(lines)?;
    let mut answer = RotateAnswer { rotated: Vec::new(), left: Vec::new(), notes: Vec::new() };
    if lines.is_empty() {
        asking.nothing_to_do(&desk, &permit).await?;
        return body(&answer);
    }
    let is_one = lines.len() == 1;
    for line in lines {
        match asking.one(&line, &mut answer).await {
            Ok(()) => {}
            Err(code) if is_one => return Err(asking.refused(&line, code).await),
            Err(code) => {
                answer.left.push(Unrotated { controller: *line.controller(), category: *line.category(), code })
            }
        }
    }
    house.jobs.wake(&house);
    body(&answer)
}

/// What was asked for, by whom.
struct Asking<'a> {
    house: &'a Arc<House>,
    incoming: &'a Incoming,
    request: &'a RotateRequest,
}

impl Asking<'_> {
    async fn sit(&self, controller: Option<Name>) -> Result<Desk, Problem> {
        let envelope = Envelope { controller, reason: Some(self.request.reason.clone()), ..Envelope::default() };
        Desk::sit(self.house, self.incoming, Action::KeysRotate, &envelope, true).await
    }

    fn malformed(&self) -> Option<&'static str> {
        if !manage::is_reason(&self.request.reason) {
            return Some(manage::REASON);
        }
        let rate = self.request.rate.is_none_or(|rate| (1..=RATE_MAX).contains(&rate));
        (!rate).then_some("`rate` takes 1 to 1000000")
    }

    /// The keys that were asked for, as far as the caller has a right for their controllers.
    fn lines(&self, desk: &Desk) -> Vec<Arc<Line>> {
        let named = |name: Option<Name>, of: &Name| name.is_none_or(|name| name == *of);
        let may = |controller: &Name| {
            let ask = Ask::of(*controller);
            self.house.gate.permit_manage(&desk.caller, Action::KeysRotate, &ask).is_ok()
        };
        let lines = desk.keyring.lines().filter(|line| {
            named(self.request.controller, line.controller()) && named(self.request.category, line.category())
        });
        lines.filter(|line| may(line.controller())).cloned().collect()
    }

    fn old_enough(&self, lines: Vec<Arc<Line>>) -> Result<Vec<Arc<Line>>, Problem> {
        let Some(days) = self.request.older_than_days else { return Ok(lines) };
        let before_ms = self.house.clock.now_ms().saturating_sub(u64::from(days) * DAY_MS);
        let is_old = |line: &Arc<Line>| {
            let row = self.house.engine.get(Family::Keys, &RootRow::key(&line.active().id)).map_err(manage::unread)?;
            Ok(row.as_deref().and_then(RootRow::decode).is_some_and(|row| row.created_ms <= before_ms))
        };
        let kept = lines.into_iter().map(|line| Ok(is_old(&line)?.then_some(line)));
        Ok(kept.collect::<Result<Vec<_>, Problem>>()?.into_iter().flatten().collect())
    }

    /// That somebody asked, where no key was old enough.
    async fn nothing_to_do(&self, desk: &Desk, permit: &Permit<Manage>) -> Result<(), Problem> {
        let private = Private { note: Some("no key was old enough".to_owned()), ..Private::default() };
        let submission = manage::submission(desk, permit, Detail::default(), private)?;
        manage::submit(desk, submission).await?.map(drop).ok_or_else(|| Problem::new(Code::Busy))
    }

    /// One key: its new version, its leaf and its job in one batch.
    async fn one(&self, line: &Arc<Line>, answer: &mut RotateAnswer) -> Result<(), Code> {
        if self.request.deep && *line.category() == audit_category() {
            return Err(Code::KeptForLife);
        }
        if self.is_under_way(line)? {
            return Err(Code::RotationRuns);
        }
        for _ in 0..manage::TRIES {
            let desk = self.sit(Some(*line.controller())).await.map_err(|problem| problem.code)?;
            let permit = manage::permit(&desk, None).await.map_err(|problem| problem.code)?;
            let (submission, version) = self.prepare(&desk, &permit, line)?;
            let number = version.version;
            if let Some(recorded) = manage::submit(&desk, submission).await.map_err(|problem| problem.code)? {
                // It wraps in the log; nothing after this may fail.
                line.change(|versions| versions.rotated(version));
                let volume = self.house.ledger.shared().volume();
                answer.rotated.push(told(line, number, (volume, recorded), &mut answer.notes));
                return Ok(());
            }
        }
        Err(Code::Busy)
    }

    fn is_under_way(&self, line: &Line) -> Result<bool, Code> {
        let jobs = jobs::list(&*self.house.engine).map_err(|error| manage::unread(error).code)?;
        let is_of_line = |row: &JobRow| row.controller == *line.controller() && row.category == *line.category();
        Ok(jobs.iter().any(|job| is_of_line(&job.row) && job.row.progress == Progress::Running))
    }

    fn prepare(&self, desk: &Desk, permit: &Permit<Manage>, line: &Line) -> Result<(Submission, Version), Code> {
        let (active, now_ms) = (line.active(), self.house.clock.now_ms());
        let read = self.house.engine.get(Family::Keys, &RootRow::key(&active.id));
        let read = read.map_err(|error| manage::unread(error).code)?.ok_or(Code::Altered)?;
        let Ok(AnyHeld::Active(held)) = AnyHeld::of(line, active.id, read) else { return Err(Code::Altered) };
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        let root = self.house.root().map_err(|problem| problem.code)?;
        let made = create_version(&root, line, active.version + 1, now_ms, &mut batch);
        let (version, created) = made.map_err(|_| Code::Internal)?;
        held.retire().write(line, &mut batch, &mut needs);
        let rate = self.request.rate.unwrap_or(RATE_DEFAULT);
        let kind = if self.request.deep { Kind::Reseal } else { Kind::Rewrap };
        let job = JobRow::new(kind, (*line.controller(), *line.category()), rate, now_ms);
        let detail = Detail { category: Some(*line.category()), version: Some(version.version), ..Detail::default() };
        let deep = if self.request.deep { "; every record is sealed again under new keys" } else { "" };
        let note = format!("version {} only opens from here on{deep}", active.version);
        let private = Private { made: vec![created.id.to_string()], note: Some(note), ..Private::default() };
        let submission = manage::submission(desk, permit, detail, private).map_err(|problem| problem.code)?;
        Ok((submission.with_rows(batch, needs).opening(job.encode()), version))
    }

    async fn refused(&self, line: &Line, code: Code) -> Problem {
        match self.sit(Some(*line.controller())).await {
            Ok(desk) => desk.refuse_envelope(code, None).await,
            Err(problem) => problem,
        }
    }
}

fn told(line: &Line, version: u32, (volume, recorded): (Volume, Recorded), notes: &mut Vec<String>) -> Rotated {
    Rotated {
        controller: *line.controller(),
        category: *line.category(),
        version,
        job: volume.position(recorded.index()),
        receipt: recorded.into_receipt(notes),
    }
}

const _: () = assert!(RATE_MAX == REWRAP_RATE_MAX, "the API says how fast a job may go");
