//! Legal holds as they are kept, and whether one stands on a person whose data are to end.
//!
//! A hold lies under the locator of the controller's audit category, so that nothing of it can be joined with the rows of
//! any category, and sealed under the controller's unattributed key: whoever writes to the disk makes none up.

use coffer_keys::{Altered, Context, Label};
use coffer_wire::approvals::Person;
use coffer_wire::holds::{Hold, HoldId};
use coffer_wire::{ExternalId, Name};
use serde::{Deserialize, Serialize};

use super::House;
use super::desk::Desk;
use super::step::Halt;
use crate::clock::Period;
use crate::keyring::Audited;
use crate::store::{Family, Precondition, View, meta, prefix_digest};

/// Rows are padded to at least this, so that most have one size.
pub(super) const BYTES_MIN: usize = 512;

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) person: ExternalId,
    pub(super) reason: String,
    pub(super) set_ms: u64,
    pub(super) set_by: Person,
    pub(super) until_ms: Option<u64>,
}

/// The holds on a person, and that no more came and none went.
pub(super) struct Holds {
    pub(super) all: Vec<Hold>,
    pub(super) unchanged: Precondition,
}

impl Holds {
    /// Whether anything keeps the person's data from being erased.
    pub(super) fn stand(&self) -> bool {
        self.all.iter().any(|hold| hold.stands)
    }
}

/// The holds on one person. Looked at before anything else of the person is, and whether or not there is anything, so that it
/// tells nothing of that.
pub(super) fn on(desk: &Desk, view: &View<'_>, person: &str) -> Result<Result<Holds, Altered>, Halt> {
    let controller = desk.common.controller;
    let prefix = prefix_of(desk, person)?;
    let rows = view.under(Family::Meta, &prefix)?;
    let unchanged = Precondition::Prefix { family: Family::Meta, prefix, digest: prefix_digest(&rows) };
    Ok(open_all(&desk.house, view, controller, &rows)?.map(|all| Holds { all, unchanged }))
}

/// All holds of a controller.
pub(super) fn all(house: &House, view: &View<'_>, controller: Name) -> Result<Result<Vec<Hold>, Altered>, Halt> {
    let rows = view.under(Family::Meta, &prefix_of_all(controller))?;
    open_all(house, view, controller, &rows)
}

/// The store's key of a hold.
pub(super) fn row_key(desk: &Desk, person: &str, id: &HoldId) -> Result<Vec<u8>, Halt> {
    Ok([prefix_of(desk, person)?, id.0.to_vec()].concat())
}

/// What a hold is sealed to: its place.
pub(super) fn context(key: &[u8]) -> Context {
    Context::new(Label::Private).text("hold").part(key)
}

fn prefix_of(desk: &Desk, person: &str) -> Result<Vec<u8>, Halt> {
    let controller = desk.common.controller;
    let audit = desk.keyring.audit(&controller).ok_or(Halt::NotMade)?;
    let locator = audit.audit_locator(Audited::Person(person));
    Ok([prefix_of_all(controller), locator.to_vec()].concat())
}

/// No name has a colon, so that no controller's prefix begins another's.
fn prefix_of_all(controller: Name) -> Vec<u8> {
    [meta::HOLD_PREFIX, controller.as_str().as_bytes(), b":"].concat()
}

type Rows = [(Vec<u8>, Vec<u8>)];

fn open_all(house: &House, view: &View<'_>, controller: Name, rows: &Rows) -> Result<Result<Vec<Hold>, Altered>, Halt> {
    let now_ms = house.clock.now_ms();
    let mut holds = Vec::with_capacity(rows.len());
    for (key, row) in rows {
        match open(house, view, controller, (key, row), now_ms)? {
            Ok(hold) => holds.push(hold),
            Err(altered) => return Ok(Err(altered)),
        }
    }
    holds.sort_by_key(|hold| (hold.set_ms, hold.id));
    Ok(Ok(holds))
}

fn open(
    house: &House,
    view: &View<'_>,
    controller: Name,
    (key, row): (&[u8], &[u8]),
    now_ms: u64,
) -> Result<Result<Hold, Altered>, Halt> {
    let (Some(id), Some((code, sealed))) = (key.last_chunk().copied().map(HoldId), row.split_first_chunk()) else {
        return Ok(Err(Altered));
    };
    let Some(period) = Period::of_code(code) else { return Ok(Err(Altered)) };
    let Ok(audit) = house.kept_unattributed(view, &controller, period)? else { return Ok(Err(Altered)) };
    let plain = audit.open(&context(key), sealed);
    let kept = plain.and_then(|plain| serde_json::from_slice::<Kept>(plain.as_bytes()).map_err(|_| Altered));
    Ok(kept.map(|kept| Hold {
        id,
        stands: kept.until_ms.is_none_or(|until| now_ms < until),
        person: kept.person,
        reason: kept.reason,
        set_ms: kept.set_ms,
        set_by: kept.set_by,
        until_ms: kept.until_ms,
    }))
}
