//! `erasures/allow`, and how many erasures a person does alone: so many an hour, and beyond that what a second person has
//! approved. What `records/erase` and `subjects/erase` end is counted in the batch in which it ends (`admit/tally.rs`).

use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::api::WORDS_BYTES_MAX;
use coffer_wire::erasures::{ALLOWED_HOURS_MAX, ALLOWED_MAX, AllowErasuresAnswer, AllowErasuresRequest};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::desk::{Desk, Envelope};
use super::house::HouseError;
use super::step::Halt;
use super::{House, Incoming, approval, manage};
use crate::admit::tally::{self, CountedRow, Scope, Slot, Tally};
use crate::admit::{Ask, MoreErasures, Permit, Refusal, What};
use crate::keyring::{Audited, Keyring};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::store::{Batch, Engine, Family, Overlay, View, meta};

/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Rows that are looked at together when those are forgotten whose time is over.
const SWEPT_ROWS: usize = 1_000;

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let action = Action::ErasureAllow;
    let mut request: AllowErasuresRequest = manage::read(&house, &incoming, action, true).await?;
    let approval = request.approval.take();
    request.categories.sort();
    request.categories.dedup();
    for _ in 0..manage::TRIES {
        let envelope = Envelope {
            controller: Some(request.controller),
            purpose: Some(request.purpose),
            case: request.case.clone(),
            ..Envelope::default()
        };
        let desk = Desk::sit(&house, &incoming, action, &envelope, true).await?;
        if let Some(wrong) = wrong(&request) {
            return Err(desk.refuse_envelope(Code::Malformed, Some(wrong)).await);
        }
        let permits = match permits(&desk, &request.categories) {
            Ok(permits) => permits,
            Err(refusal) => return Err(desk.refuse_envelope(refusal.code, None).await),
        };
        let (shown, digest) = (shown(&request), approval::digest(&request));
        let what = What { act: action, controller: desk.controller, shown: &shown, digest };
        let all: Vec<&Permit<MoreErasures>> = permits.iter().collect();
        let approved = approval::two_people_for_all(&desk, &all, what, approval).await?;
        let until_ms = house.clock.now_ms() + u64::from(request.hours) * HOUR_MS;
        let scope =
            Scope { controller: desk.controller, categories: request.categories.clone(), purpose: request.purpose };
        let failed = || Problem::new(Code::Internal);
        let row = tally::allowed(&desk.caller, scope, request.count, until_ms).ok_or_else(failed)?;
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        put(&desk, &row, &mut batch).map_err(|_| failed())?;
        let note = Some(format!("{shown}, {}", approved.told()));
        approved.used_up_in(&mut batch, &mut needs);
        let private = Private { reason: Some(request.reason.clone()), note, ..Private::default() };
        let permit = permits.first().ok_or_else(failed)?;
        let about = Attribution::nobody(&desk.unattributed);
        let entry = Entry::granted(permit, &desk.common, about.about(), Detail::default(), private);
        let submission = Submission::new(entry.map_err(|_| failed())?, permit.epoch(), desk.born);
        if let Some(recorded) = manage::submit(&desk, submission.with_rows(batch, needs).urgent()).await? {
            house.tally.count(&row);
            let mut notes = Vec::new();
            let receipt = recorded.into_receipt(&mut notes);
            return body(&AllowErasuresAnswer { count: request.count, until_ms, receipt, notes });
        }
    }
    Err(Problem::new(Code::Busy))
}

/// One more erasure by whoever sits at the desk, from these categories; none beyond what is allowed.
pub(super) fn slot(desk: &Desk, categories: Vec<Name>) -> Option<Slot> {
    let (house, purpose) = (&desk.house, desk.common.purpose?);
    let scope = Scope { controller: desk.controller, categories, purpose };
    house.tally.take(&desk.caller, &scope, house.config.erasures_an_hour, house.clock.now_ms())
}

/// The rows that count what ends, for the batch in which it does.
pub(super) fn counted<'a>(desk: &Desk, slots: impl IntoIterator<Item = &'a Slot>) -> Result<Batch, Halt> {
    let mut batch = Batch::new();
    for row in Slot::rows(slots, desk.controller).ok_or(Halt::NotMade)? {
        put(desk, &row, &mut batch)?;
    }
    Ok(batch)
}

fn put(desk: &Desk, row: &CountedRow, batch: &mut Batch) -> Result<(), Halt> {
    let sealed = row.seal(&desk.unattributed, desk.common.period).ok_or(Halt::NotMade)?;
    batch.put(Family::Meta, row.key(), sealed);
    Ok(())
}

/// What no second person is asked for, since it is no request.
fn wrong(request: &AllowErasuresRequest) -> Option<String> {
    let AllowErasuresRequest { categories, case, count, hours, reason, .. } = request;
    match () {
        () if !manage::is_reason(reason) => Some(manage::REASON.to_owned()),
        () if categories.is_empty() => Some("`categories` names at least one".to_owned()),
        () if !(1..=ALLOWED_MAX).contains(count) => Some(format!("`count` is 1 to {ALLOWED_MAX}")),
        () if !(1..=ALLOWED_HOURS_MAX).contains(hours) => Some(format!("`hours` is 1 to {ALLOWED_HOURS_MAX}")),
        () if case.as_ref().is_some_and(|case| case.len() > WORDS_BYTES_MAX) => {
            Some(format!("`case` takes at most {WORDS_BYTES_MAX} bytes"))
        }
        () => None,
    }
}

/// A permit for each category, or the first refusal.
fn permits(desk: &Desk, categories: &[Name]) -> Result<Vec<Permit<MoreErasures>>, Refusal> {
    let permit = |category: &Name| {
        let ask = Ask { category: Some(*category), ..desk.ask() };
        desk.house.gate.permit_more_erasures(&desk.caller, &ask)
    };
    categories.iter().map(permit).collect()
}

/// For whoever is to approve it.
fn shown(request: &AllowErasuresRequest) -> String {
    let AllowErasuresRequest { categories, purpose, count, hours, reason, .. } = request;
    let categories = categories.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    format!("erase up to {count} more from {categories} for {purpose}, within {hours} h\nbecause: {reason}")
}

/// Counts again what the store has kept. A row that does not open counts for nobody: who could alter it could take it away.
pub(super) fn kept(engine: &dyn Engine, keyring: &Keyring, now_ms: u64) -> Result<Tally, HouseError> {
    let view = View::blocking(engine);
    let mut rows = Vec::new();
    for (key, stored) in Overlay::new(engine).under(Family::Meta, meta::ERASURES_PREFIX)? {
        let place = CountedRow::place(&key).zip(CountedRow::period(&stored));
        let audit = place.and_then(|((.., controller), period)| Some((keyring.audit(&controller)?, period)));
        let found = audit.map(|(audit, period)| audit.audit_key(&view, Audited::Unattributed(period.as_str())));
        let row = match found {
            Some(Ok(Ok(Some(unattributed)))) => CountedRow::open(&key, &unattributed, &stored).ok(),
            _ => None,
        };
        match row {
            Some(row) => rows.push(row),
            None => tracing::error!("a count of erasures does not open: run `coffer-vault check`"),
        }
    }
    Ok(Tally::of(rows, now_ms))
}

impl House {
    /// Forgets erasures that are counted no more, and allowances that are over; says of how many rows.
    pub async fn forget_erasures(self: &Arc<Self>) -> usize {
        let now_ms = self.clock.now_ms();
        self.tally.forget(now_ms);
        let mut forgotten = 0;
        loop {
            let house = Arc::clone(self);
            let page = blocking(move || house.engine.scan(Family::Meta, meta::ERASURES_PREFIX, None, SWEPT_ROWS));
            let Ok(Ok(page)) = page.await else { return forgotten };
            // The first to end stand first.
            let is_over = |key: &[u8]| CountedRow::place(key).is_some_and(|(until, ..)| until <= now_ms);
            let mut batch = Batch::new();
            page.iter().filter(|(key, _)| is_over(key)).for_each(|(key, _)| batch.delete(Family::Meta, key.clone()));
            let count = batch.len();
            if count == 0 || self.is_closing() {
                return forgotten;
            }
            match self.ledger.submit(vec![Submission::housekeeping(batch, Vec::new())]).await.pop() {
                Some(Ok(_)) => forgotten += count,
                _ => return forgotten,
            }
        }
    }
}
