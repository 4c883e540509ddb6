//! Whether a legal hold stands on a person whose data are to end.

use coffer_keys::Altered;
use coffer_wire::Name;
use coffer_wire::holds::{Hold, HoldId};

use super::House;
use super::desk::Desk;
use super::step::Halt;
use crate::admit::{Held, HeldAt};
use crate::keyring::Audited;
use crate::store::{Family, Precondition, View, prefix_digest};

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
    let rows = view.under(Family::Meta, &HeldAt::prefix(controller))?;
    open_all(house, view, controller, &rows)
}

/// Where a hold on a person lies.
pub(super) fn place(desk: &Desk, person: &str, id: HoldId) -> Result<HeldAt, Halt> {
    let controller = desk.common.controller;
    let audit = desk.keyring.audit(&controller).ok_or(Halt::NotMade)?;
    Ok(HeldAt { controller, locator: audit.audit_locator(Audited::Person(person)), id })
}

fn prefix_of(desk: &Desk, person: &str) -> Result<Vec<u8>, Halt> {
    let at = place(desk, person, HoldId([0; 16]))?;
    Ok([HeldAt::prefix(at.controller), at.locator.to_vec()].concat())
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
    let (Some(at), Some(period)) = (HeldAt::of(key), Held::period(row)) else { return Ok(Err(Altered)) };
    let Ok(audit) = house.kept_unattributed(view, &controller, period)? else { return Ok(Err(Altered)) };
    Ok(Held::open(&at, &audit, row).map(|kept| Hold {
        id: at.id,
        stands: kept.until_ms.is_none_or(|until| now_ms < until),
        person: kept.person,
        reason: kept.reason,
        set_ms: kept.set_ms,
        set_by: kept.set_by,
        until_ms: kept.until_ms,
    }))
}
