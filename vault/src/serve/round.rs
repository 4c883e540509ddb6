//! Lists in, an outcome for each item out: prepare, submit together, finish; what the sequencer
//! tells to start again is prepared again.

use std::sync::Arc;
use std::time::Duration;

use coffer_wire::api::{self, Answer, ITEMS_MAX, Outcome, WORDS_BYTES_MAX};
use coffer_wire::leaf::Action;
use coffer_wire::problem::{Code, Problem};
use serde::de::DeserializeOwned;

use super::answer::{Answered, body, code_of, code_of_halt};
use super::desk::{Desk, Envelope};
use super::guard::{Guarded, Item};
use super::step::{Finish, Finished, Halt, Step, receipts, refused};
use super::{House, Incoming};
use crate::ledger::{Recorded, Rejected, Submission};
use crate::store::{Overlay, View};

/// Rounds without any item getting ahead, after which the caller is told to come again.
const IDLE_ROUNDS_MAX: u32 = 16;
/// Pause between rounds that got nothing ahead.
const IDLE_PAUSE: Duration = Duration::from_millis(1);

/// What one item needs from its operation, which sees no item with a card number.
pub(super) type Prepare<T> = fn(&Arc<Desk>, &T, &View<'_>) -> Result<Step, Halt>;

/// A request of items, from its body to its answer.
pub(super) async fn items<T>(
    house: Arc<House>,
    incoming: Incoming,
    action: Action,
    blocking: bool,
    prepare: Prepare<T>,
) -> Answered
where
    T: Item,
{
    let _in_flight = house.ledger.shared().enter();
    let parsed = parse::<T>(&incoming.body);
    let envelope = parsed.as_ref().map(Envelope::of).unwrap_or_default();
    let mut desk = Arc::new(Desk::sit(&house, &incoming, action, &envelope, true).await?);
    let request = match parsed {
        Ok(request) => request,
        Err(problem) => return Err(desk.refuse_envelope(problem.code, problem.detail).await),
    };
    if let Some(at) = envelope.card {
        return Err(desk.refuse_envelope(Code::CardNumber, Some(at.detail())).await);
    }
    if request.atomic && action != Action::RecordsWrite {
        return Err(desk.refuse_envelope(Code::Malformed, Some("`atomic` is for writes".into())).await);
    }
    let items: Arc<Vec<Guarded<T>>> = Arc::new(request.items.into_iter().map(Guarded::from).collect());
    let atomic = request.atomic;
    let mut answer = Answer::default();
    let mut outcomes: Vec<Option<Outcome>> = items.iter().map(|_| None).collect();
    let mut idle = 0;
    loop {
        let open: Vec<usize> = (0..items.len()).filter(|at| outcomes[*at].is_none()).collect();
        if open.is_empty() {
            break;
        }
        if idle == IDLE_ROUNDS_MAX {
            open.iter().for_each(|at| outcomes[*at] = Some(refused(Code::Busy)));
            break;
        }
        if idle > 0 {
            tokio::time::sleep(IDLE_PAUSE).await;
            // Whoever may no longer come in has what was done before that, and no more.
            match Desk::sit(&house, &incoming, action, &envelope, true).await {
                Ok(next) => desk = Arc::new(next),
                Err(problem) => {
                    open.iter().for_each(|at| outcomes[*at] = Some(refused(problem.code)));
                    break;
                }
            }
        }
        let before = open.len();
        let done = match atomic {
            true => all_or_none(&desk, &items, prepare, &mut answer.notes).await,
            false => each(&desk, &items, open, blocking, prepare, &mut answer.notes).await,
        };
        let ahead = done.len();
        done.into_iter().for_each(|(at, outcome)| outcomes[at] = Some(outcome));
        idle = if ahead > 0 && ahead < before { 1 } else { idle + 1 };
    }
    answer.items = outcomes.into_iter().flatten().collect();
    answer_of(answer)
}

/// Items that are independent of each other.
async fn each<T: Item>(
    desk: &Arc<Desk>,
    items: &Arc<Vec<Guarded<T>>>,
    open: Vec<usize>,
    blocking: bool,
    prepare: Prepare<T>,
    notes: &mut Vec<String>,
) -> Vec<(usize, Outcome)> {
    let (prepared, mut done) = prepare_all(desk, items, open, blocking, prepare).await;
    let (places, steps): (Vec<usize>, Vec<Step>) = prepared.into_iter().unzip();
    let (submissions, finishes): (Vec<_>, Vec<_>) = steps.into_iter().map(|s| (s.submission, s.finish)).unzip();
    if submissions.is_empty() {
        return done;
    }
    let results = desk.house.ledger.submit(submissions).await;
    let mut failed = Vec::new();
    for ((at, finish), result) in places.into_iter().zip(finishes).zip(results) {
        match finished(finish, result, notes) {
            None => {}
            Some(Finished::Outcome(outcome)) => done.push((at, outcome)),
            Some(Finished::Failed(submission)) => failed.push((at, *submission)),
        }
    }
    done.extend(record_failures(desk, failed, notes).await);
    done
}

fn finished(finish: Finish, result: Result<Vec<Recorded>, Rejected>, notes: &mut Vec<String>) -> Option<Finished> {
    match result {
        Ok(recorded) => Some(finish(recorded, notes)),
        Err(Rejected::Again) => None,
        Err(rejected) => Some(Finished::Outcome(refused(code_of(&rejected)))),
    }
}

/// An item goes to its operation unless a card number stood in it.
fn prepared<T>(desk: &Arc<Desk>, item: &Guarded<T>, view: &View<'_>, prepare: Prepare<T>) -> Result<Step, Halt> {
    match item {
        Guarded::Clean(item) => prepare(desk, item, view),
        Guarded::Card(remains) => desk.refuse_card(remains, view),
    }
}

type Prepared = (Vec<(usize, Step)>, Vec<(usize, Outcome)>);

/// Prepares what memory can answer on the spot, and the rest on a thread that may block.
async fn prepare_all<T: Item>(
    desk: &Arc<Desk>,
    items: &Arc<Vec<Guarded<T>>>,
    open: Vec<usize>,
    blocking: bool,
    prepare: Prepare<T>,
) -> Prepared {
    let (mut steps, mut done, mut later) = (Vec::with_capacity(open.len()), Vec::new(), Vec::new());
    for at in open {
        let result = match blocking {
            true => Err(Halt::NotCached),
            false => prepared(desk, &items[at], &View::on_the_spot(&*desk.house.engine), prepare),
        };
        match result {
            Ok(step) => steps.push((at, step)),
            Err(Halt::NotCached) => later.push(at),
            Err(halt) => done.push((at, refused(code_of_halt(&halt)))),
        }
    }
    if later.is_empty() {
        return (steps, done);
    }
    let (desk, items, places) = (Arc::clone(desk), Arc::clone(items), later.clone());
    let blocking = tokio::task::spawn_blocking(move || {
        let look = |at: usize| (at, prepared(&desk, &items[at], &View::blocking(&*desk.house.engine), prepare));
        later.into_iter().map(look).collect::<Vec<_>>()
    });
    match blocking.await {
        Ok(results) => {
            for (at, result) in results {
                match result {
                    Ok(step) => steps.push((at, step)),
                    Err(halt) => done.push((at, refused(code_of_halt(&halt)))),
                }
            }
        }
        Err(_) => done.extend(places.into_iter().map(|at| (at, refused(Code::Internal)))),
    }
    (steps, done)
}

/// All items in one batch, each seeing what those before it wrote. One that is refused refuses all;
/// then only the refusals are recorded.
async fn all_or_none<T: Item>(
    desk: &Arc<Desk>,
    items: &Arc<Vec<Guarded<T>>>,
    prepare: Prepare<T>,
    notes: &mut Vec<String>,
) -> Vec<(usize, Outcome)> {
    let (at_desk, at_items) = (Arc::clone(desk), Arc::clone(items));
    let steps = tokio::task::spawn_blocking(move || {
        let mut overlay = Overlay::new(&*at_desk.house.engine);
        let mut steps = Vec::with_capacity(at_items.len());
        for item in at_items.iter() {
            let view = View::blocking(&*at_desk.house.engine).with_pending(&overlay);
            let step = prepared(&at_desk, item, &view, prepare)?;
            overlay.apply(step.submission.rows());
            steps.push(step);
        }
        Ok::<_, Halt>(steps)
    });
    let everywhere = |code| (0..items.len()).map(|at| (at, refused(code))).collect();
    let steps = match steps.await {
        Ok(Ok(steps)) => steps,
        Ok(Err(halt)) => return everywhere(code_of_halt(&halt)),
        Err(_) => return everywhere(Code::Internal),
    };
    if steps.iter().any(|step| step.submission.rows().is_empty()) {
        return refuse_all(desk, steps, notes).await;
    }
    let leaves: Vec<usize> = steps.iter().map(|step| step.submission.leaves()).collect();
    let (submissions, finishes): (Vec<_>, Vec<_>) = steps.into_iter().map(|s| (s.submission, s.finish)).unzip();
    let Some(joined) = submissions.into_iter().reduce(Submission::join) else { return Vec::new() };
    match desk.house.ledger.submit(vec![joined]).await.pop() {
        Some(Ok(recorded)) => {
            let mut recorded = recorded.into_iter();
            let mut outcomes = Vec::with_capacity(finishes.len());
            for (at, (finish, count)) in finishes.into_iter().zip(leaves).enumerate() {
                match finish(recorded.by_ref().take(count).collect(), notes) {
                    Finished::Outcome(outcome) => outcomes.push((at, outcome)),
                    Finished::Failed(_) => outcomes.push((at, refused(Code::Altered))),
                }
            }
            outcomes
        }
        Some(Err(Rejected::Again)) => Vec::new(),
        Some(Err(rejected)) => everywhere(code_of(&rejected)),
        None => everywhere(Code::Internal),
    }
}

/// Records the refusals of an atomic request; its other items were not done and say so.
async fn refuse_all(desk: &Arc<Desk>, steps: Vec<Step>, notes: &mut Vec<String>) -> Vec<(usize, Outcome)> {
    let mut outcomes = Vec::with_capacity(steps.len());
    for (at, step) in steps.into_iter().enumerate() {
        if !step.submission.rows().is_empty() {
            outcomes.push((at, refused(Code::NotDone)));
            continue;
        }
        match desk.house.ledger.submit(vec![step.submission]).await.pop() {
            Some(Ok(recorded)) => match (step.finish)(recorded, notes) {
                Finished::Outcome(outcome) => outcomes.push((at, outcome)),
                Finished::Failed(_) => outcomes.push((at, refused(Code::Altered))),
            },
            Some(Err(rejected)) => outcomes.push((at, refused(code_of(&rejected)))),
            None => outcomes.push((at, refused(Code::Internal))),
        }
    }
    outcomes
}

/// The second leaves of what did not open; then the callers learn it.
async fn record_failures(
    desk: &Arc<Desk>,
    failed: Vec<(usize, Submission)>,
    notes: &mut Vec<String>,
) -> Vec<(usize, Outcome)> {
    if failed.is_empty() {
        return Vec::new();
    }
    let (places, submissions): (Vec<usize>, Vec<Submission>) = failed.into_iter().unzip();
    let results = desk.house.ledger.submit(submissions).await;
    let outcome = |(at, result): (usize, Result<Vec<Recorded>, Rejected>)| match result {
        Ok(recorded) => (at, Outcome { receipts: receipts(recorded, notes), ..refused(Code::Altered) }),
        Err(rejected) => (at, refused(code_of(&rejected))),
    };
    places.into_iter().zip(results).map(outcome).collect()
}

/// Where every item met the same 503, the envelope says it.
fn answer_of(answer: Answer) -> Answered {
    const UNAVAILABLE: u16 = 503;
    let first = answer.items.first().filter(|o| o.status == UNAVAILABLE).and_then(|o| o.code);
    match first {
        Some(code) if answer.items.iter().all(|o| o.code == Some(code)) => Err(Problem::new(code)),
        _ => body(&answer),
    }
}

/// Reads the body. What is said of a broken one names the place and no value.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<api::Request<T>, Problem> {
    let request: api::Request<T> = super::manage::json(bytes)?;
    let too_long = |words: &Option<String>| words.as_ref().is_some_and(|w| w.len() > WORDS_BYTES_MAX);
    if request.items.is_empty() || request.items.len() > ITEMS_MAX {
        return Err(Problem::new(Code::Malformed).with_detail(format!("`items` takes 1 to {ITEMS_MAX}")));
    }
    if too_long(&request.case) || too_long(&request.reason) {
        let detail = format!("`case` and `reason` take at most {WORDS_BYTES_MAX} bytes");
        return Err(Problem::new(Code::Malformed).with_detail(detail));
    }
    Ok(request)
}
