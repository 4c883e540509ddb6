//! Lists in, an outcome for each item out: prepare, submit together, finish; what the sequencer
//! tells to start again is prepared again, and what does not fit in memory with the rest after it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use coffer_wire::api::{self, Answer, ITEMS_MAX, Outcome, WORDS_BYTES_MAX};
use coffer_wire::leaf::Action;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{ExternalId, Name};
use serde::de::DeserializeOwned;

use super::answer::{Answered, body, code_of, code_of_halt};
use super::blocking::{blocking, detached};
use super::desk::{Desk, Envelope};
use super::guard::{Guarded, Item, Texts};
use super::idempotency::{Decide, Once};
use super::step::{Finish, Finished, Halt, Lot, Step, receipts, refused};
use super::{House, Incoming};
use crate::ledger::{Recorded, Rejected, Submission};
use crate::store::{Overlay, View};

/// Passes without any item getting ahead, after which the caller is told to come again.
const IDLE_PASSES_MAX: u32 = 16;
/// Pause before a pass, where the one before was told to start again.
const IDLE_PAUSE: Duration = Duration::from_millis(1);

/// Bytes that the items of one pass may hold in memory before they are recorded: rows that were read, and rows to be
/// written. What does not fit is prepared after that.
const HELD_BYTES_MAX: usize = 16 << 20;

/// Bytes of an answer at which no further item is done: a client takes 64 MiB, and nothing is released that nobody takes. One
/// pass may add to it what it holds.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Bytes of an answer that one receipt takes, about.
const RECEIPT_BYTES: usize = 1_024;
/// Bytes of an answer that surround a field or a listed record, about.
const ENTRY_BYTES: usize = 32;

/// What one item needs from its operation, which sees no item with a card number.
pub(super) type Prepare<T> = fn(&Arc<Desk>, &T, &View<'_>) -> Result<Step, Halt>;

/// The same for items about one person, in the order of the request, each with its place in it.
pub(super) type PrepareLot<T> = fn(&Arc<Desk>, &[(usize, &T)], &View<'_>) -> Result<Vec<Lot>, Halt>;

/// How an operation goes about many items, so that their cost grows as their number.
pub(super) enum Way<T> {
    /// Each by itself; from memory, where that has the answer.
    Each(Prepare<T>),
    /// Each by itself, with looks that only a thread which may block can take.
    EachBlocking(Prepare<T>),
    /// One after the other, each of which sees what those before it write: otherwise all but one of those about one record
    /// would have to start again.
    InTurn(Prepare<T>),
    /// Those about one person together, which look at the person's rows once.
    Together(fn(&T) -> LotKey, PrepareLot<T>),
}

/// What items have in common that are prepared together.
pub(super) type LotKey = (Option<Name>, ExternalId);

impl<T> Clone for Way<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Way<T> {}

/// A request of items, from its body to its answer. `decide`: of what may be named by an idempotency key.
pub(super) async fn items<T>(
    house: Arc<House>,
    mut incoming: Incoming,
    action: Action,
    way: Way<T>,
    decide: Option<Decide<T>>,
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
    let key = incoming.key.take();
    if let Some(at) = envelope.card.or(key.as_ref().and_then(Texts::card)) {
        return Err(desk.refuse_envelope(Code::CardNumber, Some(at.detail())).await);
    }
    if request.atomic && action != Action::RecordsWrite {
        return Err(desk.refuse_envelope(Code::Malformed, Some("`atomic` is for writes".into())).await);
    }
    incoming.quota.charge(request.items.len());
    let named = key.zip(decide);
    let once = named.map(|(key, decide)| Once::new(key, &incoming.body, decide, house.clock.now_ms()));
    let items = Arc::new(Items { all: request.items.into_iter().map(Guarded::from).collect(), once });
    let atomic = request.atomic;
    let mut answer = Answer::default();
    let mut outcomes: Vec<Option<Outcome>> = items.all.iter().map(|_| None).collect();
    let (mut idle, mut answered) = (0, 0);
    loop {
        let open: Vec<usize> = (0..items.all.len()).filter(|at| outcomes[*at].is_none()).collect();
        let before = open.len();
        let pass = match atomic {
            true => all_or_none(&desk, &items, way, &mut answer.notes).await,
            false if answered >= ANSWER_BYTES_MAX => too_large(&desk, &items, open, &mut answer.notes).await,
            false => each(&desk, &items, open, way, &mut answer.notes).await,
        };
        answered += pass.done.iter().map(|(_, outcome)| bytes_of(outcome)).sum::<usize>();
        let ahead = pass.done.len();
        pass.done.into_iter().for_each(|(at, outcome)| outcomes[at] = Some(outcome));
        if ahead == before {
            break;
        }
        idle = match (ahead, pass.again) {
            (0, _) => idle + 1,
            (_, again) => u32::from(again),
        };
        let ends = match idle {
            0 => None,
            IDLE_PASSES_MAX => Some(Code::Busy),
            _ => {
                tokio::time::sleep(IDLE_PAUSE).await;
                None
            }
        };
        // Whoever may no longer come in has what was done before that, and no more.
        let next = match ends {
            Some(code) => Err(code),
            None => Desk::sit(&house, &incoming, action, &envelope, true).await.map_err(|problem| problem.code),
        };
        match next {
            Ok(next) => desk = Arc::new(next),
            Err(code) => {
                outcomes.iter_mut().filter(|outcome| outcome.is_none()).for_each(|open| *open = Some(refused(code)));
                break;
            }
        }
    }
    answer.items = outcomes.into_iter().flatten().collect();
    answer_of(answer)
}

/// About how many bytes of the answer an outcome is.
fn bytes_of(outcome: &Outcome) -> usize {
    let fields = outcome.fields.iter().flatten().map(|(name, value)| name.as_str().len() + value.expose().len());
    let records = outcome.records.iter().flatten().map(|listed| listed.record.as_str().len());
    let entries: usize = fields.chain(records).map(|bytes| bytes + ENTRY_BYTES).sum();
    entries + RECEIPT_BYTES * (1 + outcome.receipts.len())
}

/// What one pass over the open items came to.
#[derive(Default)]
struct Pass {
    done: Vec<(usize, Outcome)>,
    /// Some were told to start again.
    again: bool,
}

/// What was prepared of a pass: submissions, and for each of them, in order, the items that it is about.
#[derive(Default)]
struct Ready {
    submissions: Vec<Submission>,
    parts: Vec<Part>,
    /// Items that came to nothing.
    done: Vec<(usize, Outcome)>,
    held: usize,
    /// Some took effect before.
    told_again: bool,
}

/// One item of a submission.
struct Part {
    at: usize,
    /// The submission.
    lot: usize,
    /// How many of its leaves are the item's.
    leaves: usize,
    finish: Finish,
}

impl Ready {
    /// Takes what was prepared of an item, unless only the disk could tell.
    fn take(&mut self, at: usize, prepared: Result<Step, Halt>) {
        match prepared {
            Ok(step) => self.add(at, step),
            Err(halt) => self.done.push((at, refused(code_of_halt(&halt)))),
        }
    }

    fn add(&mut self, at: usize, step: Step) {
        self.held += step.held();
        self.told_again |= step.told_again;
        self.parts.push(Part {
            at,
            lot: self.submissions.len(),
            leaves: step.submission.leaves(),
            finish: step.finish,
        });
        self.submissions.push(step.submission);
    }

    fn add_lot(&mut self, lot: Lot) {
        self.held += lot.submission.rows().bytes();
        let number = self.submissions.len();
        let part = |(at, leaves, finish)| Part { at, lot: number, leaves, finish };
        self.parts.extend(lot.parts.into_iter().map(part));
        self.submissions.push(lot.submission);
    }

    /// Whether the rest is to wait until this is recorded.
    fn is_full(&self) -> bool {
        self.held >= HELD_BYTES_MAX
    }
}

/// Items that are independent of each other.
async fn each<T: Item>(
    desk: &Arc<Desk>,
    items: &Arc<Items<T>>,
    open: Vec<usize>,
    way: Way<T>,
    notes: &mut Vec<String>,
) -> Pass {
    record(desk, prepare_all(desk, items, open, way).await, notes).await
}

/// Items for which the answer has no room: refused on record.
async fn too_large<T: Item>(desk: &Arc<Desk>, items: &Items<T>, open: Vec<usize>, notes: &mut Vec<String>) -> Pass {
    let mut ready = Ready::default();
    for at in open {
        let refused = match &items.all[at] {
            Guarded::Clean(item) => desk.refuse_item(Code::TooLarge, item.category(), item.private()),
            Guarded::Card(remains) => desk.refuse_card(remains),
        };
        ready.take(at, refused);
    }
    record(desk, ready, notes).await
}

/// Submits what was prepared, and finishes it.
async fn record(desk: &Arc<Desk>, ready: Ready, notes: &mut Vec<String>) -> Pass {
    let mut pass = Pass { done: ready.done, again: false };
    if ready.submissions.is_empty() {
        return pass;
    }
    let results = desk.house.ledger.submit(ready.submissions).await;
    let mut parts = ready.parts.into_iter().peekable();
    let mut failed = Vec::new();
    for (lot, result) in results.into_iter().enumerate() {
        let mut result = result;
        while let Some(part) = parts.next_if(|part| part.lot == lot) {
            match finished(part.finish, part.leaves, &mut result, notes) {
                None => pass.again = true,
                Some(Finished::Outcome(outcome)) => pass.done.push((part.at, outcome)),
                Some(Finished::Failed(submission)) => failed.push((part.at, *submission)),
            }
        }
    }
    pass.done.extend(record_failures(desk, failed, notes).await);
    pass
}

/// Finishes one item with its share of what was recorded.
fn finished(
    finish: Finish,
    leaves: usize,
    result: &mut Result<Vec<Recorded>, Rejected>,
    notes: &mut Vec<String>,
) -> Option<Finished> {
    match result {
        Ok(recorded) => {
            let rest = recorded.split_off(leaves.min(recorded.len()));
            Some(finish(std::mem::replace(recorded, rest), notes))
        }
        Err(Rejected::Again) => None,
        Err(rejected) => Some(Finished::Outcome(refused(code_of(rejected)))),
    }
}

/// The items of a request, and its own name, if it has one.
struct Items<T> {
    all: Vec<Guarded<T>>,
    once: Option<Once<T>>,
}

/// An item goes to its operation unless a card number stood in it, or it was done already.
fn prepared<T: Item>(
    desk: &Arc<Desk>,
    items: &Items<T>,
    at: usize,
    view: &View<'_>,
    prepare: Prepare<T>,
) -> Result<Step, Halt> {
    let item = match &items.all[at] {
        Guarded::Card(remains) => return desk.refuse_card(remains),
        Guarded::Clean(item) => item,
    };
    let step = match &items.once {
        None => prepare(desk, item, view),
        Some(once) => once.prepare(desk, (at, item), view, prepare),
    };
    match step {
        Err(Halt::Withheld) => desk.refuse_item(Code::KeyWithheld, item.category(), item.private()),
        other => other,
    }
}

/// Prepares what memory can answer on the spot, and the rest on a thread that may block.
async fn prepare_all<T: Item>(desk: &Arc<Desk>, items: &Arc<Items<T>>, open: Vec<usize>, way: Way<T>) -> Ready {
    let mut ready = Ready {
        submissions: Vec::with_capacity(open.len()),
        parts: Vec::with_capacity(open.len()),
        ..Ready::default()
    };
    let spot = match way {
        Way::Each(prepare) => Some(prepare),
        Way::InTurn(prepare) if items.all.len() == 1 => Some(prepare),
        _ => None,
    };
    let mut later = open;
    if let Some(prepare) = spot {
        let view = View::on_the_spot(&*desk.house.engine);
        later.retain(|at| {
            let result = if ready.is_full() { return true } else { prepared(desk, items, *at, &view, prepare) };
            let is_open = matches!(result, Err(Halt::NotCached));
            if !is_open {
                ready.take(*at, result);
            }
            is_open
        });
    }
    if later.is_empty() || ready.is_full() {
        return ready;
    }
    let (desk, items, places) = (Arc::clone(desk), Arc::clone(items), later.clone());
    let prepared = blocking(move || {
        prepare_blocking(&desk, &items, later, way, &mut ready);
        ready
    });
    let failed = |at| (at, refused(Code::Internal));
    prepared.await.unwrap_or_else(|_| Ready { done: places.into_iter().map(failed).collect(), ..Ready::default() })
}

fn prepare_blocking<T: Item>(desk: &Arc<Desk>, items: &Items<T>, open: Vec<usize>, way: Way<T>, ready: &mut Ready) {
    let view = View::blocking(&*desk.house.engine);
    match way {
        Way::Each(prepare) | Way::EachBlocking(prepare) => {
            for at in open {
                if ready.is_full() {
                    return;
                }
                ready.take(at, prepared(desk, items, at, &view, prepare));
            }
        }
        Way::InTurn(prepare) => in_turn(desk, items, open, prepare, ready),
        Way::Together(key, prepare) => {
            for lot in lots(items, open, key) {
                if ready.is_full() {
                    return;
                }
                together(desk, items, &lot, &view, prepare, ready);
            }
        }
    }
}

/// Each item over what those before it write.
fn in_turn<T: Item>(desk: &Arc<Desk>, items: &Items<T>, open: Vec<usize>, prepare: Prepare<T>, ready: &mut Ready) {
    let engine = &*desk.house.engine;
    let mut overlay = Overlay::new(engine);
    for at in open {
        if ready.is_full() {
            return;
        }
        let prepared = prepared(desk, items, at, &View::blocking(engine).with_pending(&overlay), prepare);
        let applied = prepared.and_then(|step| {
            overlay.apply(step.submission.rows()).map_err(Halt::Store)?;
            Ok(step)
        });
        ready.take(at, applied);
    }
}

/// Places of items that are prepared together, in the order in which each lot begins. One with a card number is a lot of
/// its own.
fn lots<T: Item>(items: &Items<T>, open: Vec<usize>, key: fn(&T) -> LotKey) -> Vec<Vec<usize>> {
    let (mut lots, mut known): (Vec<Vec<usize>>, HashMap<LotKey, usize>) = (Vec::new(), HashMap::new());
    for at in open {
        let number = match &items.all[at] {
            Guarded::Clean(item) => *known.entry(key(item)).or_insert(lots.len()),
            Guarded::Card(_) => lots.len(),
        };
        match lots.get_mut(number) {
            Some(lot) => lot.push(at),
            None => lots.push(vec![at]),
        }
    }
    lots
}

fn together<T: Item>(
    desk: &Arc<Desk>,
    items: &Items<T>,
    places: &[usize],
    view: &View<'_>,
    prepare: PrepareLot<T>,
    ready: &mut Ready,
) {
    let mut lot = Vec::with_capacity(places.len());
    for at in places {
        match &items.all[*at] {
            Guarded::Clean(item) => lot.push((*at, item)),
            Guarded::Card(remains) => ready.take(*at, desk.refuse_card(remains)),
        }
    }
    let prepared = match &items.once {
        None => prepare(desk, &lot, view),
        Some(once) => once.prepare_lot(desk, &lot, view, prepare),
    };
    match prepared {
        Ok(lots) => lots.into_iter().for_each(|lot| ready.add_lot(lot)),
        // Each by itself, so that whoever may not is told that, and nothing about keys.
        Err(Halt::Withheld) if places.len() > 1 => {
            places.iter().for_each(|at| together(desk, items, &[*at], view, prepare, ready));
        }
        Err(Halt::Withheld) => {
            for (at, item) in lot {
                ready.take(at, desk.refuse_item(Code::KeyWithheld, item.category(), item.private()));
            }
        }
        Err(halt) => ready.done.extend(lot.iter().map(|(at, _)| (*at, refused(code_of_halt(&halt))))),
    }
}

/// All items in one batch, each seeing what those before it wrote. One that is refused refuses all;
/// then only the refusals are recorded.
async fn all_or_none<T: Item>(desk: &Arc<Desk>, items: &Arc<Items<T>>, way: Way<T>, notes: &mut Vec<String>) -> Pass {
    let everywhere = |code| {
        let done = (0..items.all.len()).map(|at| (at, refused(code))).collect();
        Pass { done, again: false }
    };
    let Way::InTurn(prepare) = way else { return everywhere(Code::Internal) };
    let (at_desk, at_items) = (Arc::clone(desk), Arc::clone(items));
    let ready = blocking(move || {
        let mut ready = Ready::default();
        in_turn(&at_desk, &at_items, (0..at_items.all.len()).collect(), prepare, &mut ready);
        ready
    });
    let Ok(ready) = ready.await else { return everywhere(Code::Internal) };
    if let Some((_, outcome)) = ready.done.first() {
        return everywhere(outcome.code.unwrap_or(Code::Internal));
    }
    if ready.parts.len() < items.all.len() {
        return everywhere(desk.refuse_envelope(Code::TooLarge, None).await.code);
    }
    if ready.told_again && ready.submissions.iter().any(|submission| !submission.rows().is_empty()) {
        // A twin has done all of it between two looks.
        return Pass { done: Vec::new(), again: true };
    }
    if ready.submissions.iter().any(|submission| submission.rows().is_empty()) {
        return refuse_all(desk, ready, notes).await;
    }
    let Some(joined) = Submission::join(ready.submissions) else { return Pass::default() };
    let Some(mut result) = desk.house.ledger.submit(vec![joined]).await.pop() else {
        return everywhere(Code::Internal);
    };
    let mut pass = Pass::default();
    for part in ready.parts {
        match finished(part.finish, part.leaves, &mut result, notes) {
            None => pass.again = true,
            Some(Finished::Outcome(outcome)) => pass.done.push((part.at, outcome)),
            Some(Finished::Failed(_)) => pass.done.push((part.at, refused(Code::Altered))),
        }
    }
    pass
}

/// Records the refusals of an atomic request, all at once; its other items were not done and say so. Refusals that are told
/// to start again, all of them are, and so is the whole.
async fn refuse_all(desk: &Arc<Desk>, ready: Ready, notes: &mut Vec<String>) -> Pass {
    let mut pass = Pass::default();
    let (mut refusals, mut finishes) = (Vec::new(), Vec::new());
    for (part, submission) in ready.parts.into_iter().zip(ready.submissions) {
        match submission.rows().is_empty() {
            true => {
                refusals.push(submission);
                finishes.push((part.at, part.finish));
            }
            false => pass.done.push((part.at, refused(Code::NotDone))),
        }
    }
    let results = desk.house.ledger.submit(refusals).await;
    for ((at, finish), mut result) in finishes.into_iter().zip(results) {
        match finished(finish, 1, &mut result, notes) {
            None => return Pass { done: Vec::new(), again: true },
            Some(Finished::Outcome(outcome)) => pass.done.push((at, outcome)),
            Some(Finished::Failed(_)) => pass.done.push((at, refused(Code::Altered))),
        }
    }
    pass
}

/// The second leaves of what did not open; then the callers learn it. In a task of its own: whether or not the caller waits
/// for it, what did not open is in the log.
async fn record_failures(
    desk: &Arc<Desk>,
    failed: Vec<(usize, Submission)>,
    notes: &mut Vec<String>,
) -> Vec<(usize, Outcome)> {
    if failed.is_empty() {
        return Vec::new();
    }
    let (places, submissions): (Vec<usize>, Vec<Submission>) = failed.into_iter().unzip();
    let house = Arc::clone(&desk.house);
    let results = detached(async move { house.ledger.submit_until_taken(submissions).await }).await;
    let results = results.unwrap_or_else(|_| places.iter().map(|_| Err(Rejected::Unwritable)).collect());
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
    if request.items.is_empty() {
        return Err(Problem::new(Code::Malformed).with_detail(format!("`items` takes 1 to {ITEMS_MAX}")));
    }
    if too_long(&request.case) || too_long(&request.reason) {
        let detail = format!("`case` and `reason` take at most {WORDS_BYTES_MAX} bytes");
        return Err(Problem::new(Code::Malformed).with_detail(detail));
    }
    Ok(request)
}
