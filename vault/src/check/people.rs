//! What two people have to do with: requests for a second person, legal holds and counts of erasures, opened with the seal and
//! held against what their leaves come to. Nothing of what they say is told.

use std::collections::HashMap;

use coffer_keys::AuditKey;
use coffer_wire::approvals::{ASKED_MS_MAX, ApprovalState, GIVEN_MS_MAX};
use coffer_wire::holds::HoldId;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::{Hash, Name};

use super::past::Past;
use super::{Check, CheckError, Code, Place};
use crate::admit::tally::CountedRow;
use crate::admit::{Asked, Held, HeldAt, id_of, used_in};
use crate::clock::{Clock, Period, System};
use crate::keyring::{Audited, audit_category};
use crate::seal::verify::Verifier;
use crate::store::{Family, View, meta};

/// What stands before the name of a hold in the private part of its leaves.
const HOLD: &str = "hold ";
/// Characters of a hold's name.
const HOLD_ID: usize = 22;

/// What the log says of requests and holds.
#[derive(Default)]
pub(super) struct People {
    /// By the hash that the leaves of a request bear.
    asked: HashMap<Hash, Request>,
    /// Holds that were set and not lifted, and the leaf that set each.
    held: HashMap<HoldId, (Name, u64)>,
}

struct Request {
    state: ApprovalState,
    /// When it was asked for, by its leaf.
    asked_ms: u64,
    leaf: u64,
}

impl People {
    /// What a leaf changes. `private`: its private part.
    pub(super) fn follow(&mut self, index: u64, leaf: &Leaf, private: &Private) {
        let note = private.note.as_deref().unwrap_or_default();
        match (leaf.action, leaf.row) {
            (Action::ApprovalAsk, Some(hash)) => {
                let request = Request { state: ApprovalState::Asked, asked_ms: leaf.t, leaf: index };
                self.asked.insert(hash, request);
            }
            (Action::ApprovalGrant, Some(hash)) => self.comes_to(&hash, ApprovalState::Approved),
            // The vault itself says so where nobody did in time.
            (Action::ApprovalDeny, Some(hash)) => {
                let by_itself = leaf.granted.as_deref() == Some("vault");
                self.comes_to(&hash, if by_itself { ApprovalState::Expired } else { ApprovalState::Refused });
            }
            (Action::ApprovalList, _) => {}
            (action, _) => {
                if let Some(id) = used_in(note) {
                    self.comes_to(&Hash::sha256(&id.0), ApprovalState::Used);
                }
                self.hold(index, action, leaf.controller, note);
            }
        }
    }

    fn comes_to(&mut self, hash: &Hash, state: ApprovalState) {
        if let Some(request) = self.asked.get_mut(hash) {
            request.state = state;
        }
    }

    fn hold(&mut self, index: u64, action: Action, controller: Name, note: &str) {
        let id = note.strip_prefix(HOLD).and_then(|rest| rest.get(..HOLD_ID)?.parse().ok());
        match (action, id) {
            (Action::HoldSet, Some(id)) => drop(self.held.insert(id, (controller, index))),
            (Action::HoldLift, Some(id)) => drop(self.held.remove(&id)),
            _ => {}
        }
    }
}

/// Whether a row is as far as its leaves say. That it was used is told by the leaf of the act; a row that says so approves
/// nothing, whatever that leaf says.
fn agree(kept: ApprovalState, logged: ApprovalState) -> bool {
    kept == logged || (kept == ApprovalState::Used && logged == ApprovalState::Approved)
}

impl Check<'_> {
    /// Opens every one. What the log says of them is compared where all of it is known.
    pub(super) fn people(
        &mut self,
        verifier: Option<&Verifier>,
        past: Option<&mut Past<'_>>,
    ) -> Result<(), CheckError> {
        let Some(verifier) = verifier else { return Ok(()) };
        let said = past.filter(|past| !past.has_gaps).map(|past| std::mem::take(&mut past.people));
        self.progress.stage("requests for a second person, and holds", None);
        let mut said = said;
        self.each(Family::Meta, meta::APPROVAL_PREFIX, |check, key, row| {
            check.request(verifier, said.as_mut(), key, row);
            Ok(())
        })?;
        self.each(Family::Meta, meta::HOLD_PREFIX, |check, key, row| {
            check.hold(verifier, said.as_mut(), key, row);
            Ok(())
        })?;
        self.each(Family::Meta, meta::ERASURES_PREFIX, |check, key, row| {
            let opened = CountedRow::place(key).zip(CountedRow::period(row)).and_then(|((.., controller), period)| {
                CountedRow::open(key, &check.unattributed(verifier, controller, period)?, row).ok()
            });
            if opened.is_none() {
                check.found(Code::CountAltered, Place::of(Family::Meta).entry("erasures"));
            }
            Ok(())
        })?;
        match said {
            Some(said) if !self.is_damaged(Family::Meta) => self.absent(&said),
            _ => {}
        }
        Ok(())
    }

    fn request(&mut self, verifier: &Verifier, said: Option<&mut People>, key: &[u8], row: &[u8]) {
        let place = || Place::of(Family::Meta).entry("approval");
        // What is no entry of this family was found already.
        let (Some(id), Some(period)) = (id_of(key), Asked::period(row)) else { return };
        let hash = Hash::sha256(&id.0);
        let logged = said.map(|said| said.asked.remove(&hash));
        let opened = self.unattributed(verifier, VAULT, period).and_then(|key| Asked::open(id, &key, row).ok());
        match (opened, logged) {
            (None, _) => self.found(Code::ApprovalAltered, place()),
            (Some(_), None) => {}
            (Some(_), Some(None)) => self.found(Code::ApprovalUnlogged, place()),
            (Some(asked), Some(Some(logged))) if !agree(asked.kept_state(), logged.state) => {
                self.found(Code::ApprovalStateWrong, place().leaf(logged.leaf));
            }
            _ => {}
        }
    }

    fn hold(&mut self, verifier: &Verifier, said: Option<&mut People>, key: &[u8], row: &[u8]) {
        let (Some(at), Some(period)) = (HeldAt::of(key), Held::period(row)) else { return };
        let place = || Place::of(Family::Meta).entry("hold").controller(at.controller);
        let logged = said.map(|said| said.held.remove(&at.id));
        let opened = self.unattributed(verifier, at.controller, period).and_then(|key| Held::open(&at, &key, row).ok());
        match (opened, logged) {
            (None, _) => self.found(Code::HoldAltered, place()),
            (Some(_), Some(None)) => self.found(Code::HoldUnlogged, place()),
            _ => {}
        }
    }

    /// Those of which a leaf speaks and no row is left. Requests are forgotten some time after their end.
    fn absent(&mut self, said: &People) {
        let now_ms = System.now_ms();
        let kept = |request: &&Request| now_ms < request.asked_ms + GIVEN_MS_MAX + ASKED_MS_MAX;
        let mut requests: Vec<u64> = said.asked.values().filter(kept).map(|request| request.leaf).collect();
        requests.sort_unstable();
        for leaf in requests {
            self.found(Code::ApprovalMissing, Place::of(Family::Meta).entry("approval").leaf(leaf));
        }
        let mut holds: Vec<(u64, Name)> = said.held.values().map(|(controller, leaf)| (*leaf, *controller)).collect();
        holds.sort_unstable();
        for (leaf, controller) in holds {
            let place = Place::of(Family::Meta).entry("hold").controller(controller);
            self.found(Code::HoldMissing, place.leaf(leaf));
        }
    }

    fn unattributed(&self, verifier: &Verifier, controller: Name, period: Period) -> Option<AuditKey> {
        let line = verifier.line(&controller, &audit_category())?;
        let view = View::blocking(self.home.engine);
        line.audit_key(&view, Audited::Unattributed(period.as_str())).ok()?.ok()?
    }
}
