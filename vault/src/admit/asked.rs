//! A request for a second person as it is kept: sealed, since it names members of staff, and by that known to be the vault's
//! own: whoever writes to the disk approves nothing.

use coffer_keys::{Altered, AuditKey, Context, Label};
use coffer_wire::approvals::{
    ASKED_MS_MAX, Approval, ApprovalId, ApprovalState, GIVEN_MS_MAX, Person, SHOWN_BYTES_MAX,
};
use coffer_wire::leaf::Action;
use coffer_wire::{Hash, Name};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::{Act, Caller, Permit, Verified};
use crate::clock::Period;
use crate::store::{Family, Precondition, meta};

/// Rows are padded to at least this, so that their size tells little of what was asked.
const BYTES_MIN: usize = 2_048;

/// What is asked for.
pub struct What<'a> {
    /// The act.
    pub act: Action,
    /// The controller; the vault's own name where it is nobody's.
    pub controller: Name,
    /// In words, for the person who is to approve it. Never a value.
    pub shown: &'a str,
    /// SHA-256 over the request, without its approval.
    pub digest: [u8; 32],
}

/// A request for a second person. Its state changes by the decisions of `admit/approved.rs` and the end of its time alone.
pub struct Asked {
    id: ApprovalId,
    pub(super) row: Row,
    /// SHA-256 of the bytes in the store, of one that was read there.
    stored: Option<Hash>,
}

/// What is sealed, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) act: Action,
    pub(super) controller: Name,
    /// Where the act is one on records: from which categories, for what.
    pub(super) categories: Vec<Name>,
    pub(super) purpose: Option<Name>,
    pub(super) shown: String,
    pub(super) digest: Hash,
    pub(super) asked_by: Person,
    pub(super) asked_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) state: ApprovalState,
    pub(super) decided: Option<Decided>,
}

/// Who decided, and by which credentials: they are looked at again when the approval is used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    pub(super) by: Person,
    pub(super) at_ms: u64,
    pub(super) application: Name,
    pub(super) certificate: Hash,
    pub(super) token: String,
    pub(super) roles: Vec<Name>,
    pub(super) controllers: Vec<Name>,
}

impl Asked {
    /// A new request of a caller who may do the act, for as many permits as it needs. None without randomness or a person.
    pub fn new<A: Act>(caller: &Caller, permits: &[&Permit<A>], what: &What<'_>, now_ms: u64) -> Option<Asked> {
        let mut id = [0; 16];
        SystemRandom::new().fill(&mut id).ok()?;
        let row = Row {
            act: what.act,
            controller: what.controller,
            categories: permits.iter().filter_map(|permit| permit.category()).collect(),
            purpose: permits.iter().find_map(|permit| permit.purpose()),
            shown: bounded(what.shown),
            digest: Hash::from_bytes(what.digest),
            asked_by: person(caller.staff()?),
            asked_ms: now_ms,
            expires_ms: now_ms + ASKED_MS_MAX,
            state: ApprovalState::Asked,
            decided: None,
        };
        Some(Asked { id: ApprovalId(id), row, stored: None })
    }

    /// Opens a stored row, under the vault's unattributed key of [`Asked::period`].
    pub fn open(id: ApprovalId, key: &AuditKey, stored: &[u8]) -> Result<Asked, Altered> {
        let sealed = stored.get(3..).ok_or(Altered)?;
        let plain = key.open(&context(&id), sealed)?;
        let row = serde_json::from_slice(plain.as_bytes()).map_err(|_| Altered)?;
        Ok(Asked { id, row, stored: Some(Hash::sha256(stored)) })
    }

    /// The half-year of whose key a stored row is sealed.
    pub fn period(stored: &[u8]) -> Option<Period> {
        Period::of_code(stored.first_chunk()?)
    }

    /// The row's bytes. None without randomness.
    pub fn seal(&self, key: &AuditKey, period: Period) -> Option<Vec<u8>> {
        let plain = serde_json::to_vec(&self.row).ok()?;
        let sealed = key.seal(&context(&self.id), &plain, BYTES_MIN).ok()?;
        Some([&period.code()[..], &sealed].concat())
    }

    /// Its name.
    pub fn id(&self) -> ApprovalId {
        self.id
    }

    /// Its key in the store's meta family.
    pub fn key(&self) -> Vec<u8> {
        row_key(&self.id)
    }

    /// That it still is what was read, or of a new one that there is none of its name.
    pub fn unchanged(&self) -> Precondition {
        match self.stored {
            None => Precondition::Absent { family: Family::Meta, key: self.key() },
            Some(hash) => Precondition::Is { family: Family::Meta, key: self.key(), hash },
        }
    }

    /// How far it has come by now.
    pub fn state(&self, now_ms: u64) -> ApprovalState {
        match self.row.state {
            ApprovalState::Asked | ApprovalState::Approved if now_ms >= self.row.expires_ms => ApprovalState::Expired,
            state => state,
        }
    }

    /// How far it has come, as the row says it: a request whose time has ended may still be told as before.
    pub fn kept_state(&self) -> ApprovalState {
        self.row.state
    }

    /// The end of its time, if it has just been seen: the row that says so.
    pub fn expired(self, now_ms: u64) -> Option<Asked> {
        let ends = self.state(now_ms) == ApprovalState::Expired && self.row.state != ApprovalState::Expired;
        let row = Row { state: ApprovalState::Expired, ..self.row };
        ends.then_some(Asked { row, ..self })
    }

    /// From when on it need not be kept: as long again as it could be decided, so that who comes late is told why.
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.row.expires_ms + ASKED_MS_MAX
    }

    /// Whether it asks for the same, and the same member of staff asked.
    pub fn is_for(&self, caller: &Caller, what: &What<'_>) -> bool {
        let Row { act, controller, digest, .. } = &self.row;
        let same = *act == what.act && *controller == what.controller && *digest.as_bytes() == what.digest;
        same && self.is_asked_by(caller)
    }

    /// Whether the caller asked, as the same issuer names them.
    pub fn is_asked_by(&self, caller: &Caller) -> bool {
        caller.staff().is_some_and(|staff| person(staff) == self.row.asked_by)
    }

    /// Whether the caller is the person who asked, whoever vouches for them: another application, another role and another
    /// issuer make no second person of one.
    pub fn is_own(&self, caller: &Caller) -> bool {
        caller.staff().is_some_and(|staff| same_person(&staff.sub, &self.row.asked_by.subject))
    }

    /// What is asked for, in words.
    pub fn words(&self) -> &str {
        &self.row.shown
    }

    /// As it is shown.
    pub fn show(&self, caller: &Caller, now_ms: u64) -> Approval {
        let Row { act, controller, shown, asked_by, asked_ms, expires_ms, decided, .. } = &self.row;
        Approval {
            id: self.id,
            act: *act,
            controller: *controller,
            shown: shown.clone(),
            state: self.state(now_ms),
            asked_by: asked_by.clone(),
            asked_ms: *asked_ms,
            expires_ms: *expires_ms,
            decided_by: decided.as_ref().map(|decided| decided.by.clone()),
            decided_ms: decided.as_ref().map(|decided| decided.at_ms),
            own: self.is_own(caller),
        }
    }

    /// In words, for the private part of a leaf.
    pub fn told(&self) -> String {
        format!("approval {} of {} for {}", self.id, self.row.act, self.row.controller)
    }

    /// The same request with a decision, which holds for a day at most.
    pub(super) fn decided(self, state: ApprovalState, decided: Decided) -> Asked {
        let expires_ms = self.row.expires_ms.min(decided.at_ms + GIVEN_MS_MAX);
        let row = Row { state, expires_ms, decided: Some(decided), ..self.row };
        Asked { row, ..self }
    }

    /// The same request, used.
    pub(super) fn used(self) -> Asked {
        let row = Row { state: ApprovalState::Used, ..self.row };
        Asked { row, ..self }
    }
}

/// The store's key of a request.
pub fn row_key(id: &ApprovalId) -> Vec<u8> {
    [meta::APPROVAL_PREFIX, &id.0].concat()
}

/// The request whose key this is.
pub fn id_of(key: &[u8]) -> Option<ApprovalId> {
    key.strip_prefix(meta::APPROVAL_PREFIX)?.try_into().ok().map(ApprovalId)
}

/// The one rule of who is the same: the subject, whoever vouches for it, in whichever case it is written. Two people whom two
/// issuers name alike count as one, which is the safe side.
fn same_person(one: &str, other: &str) -> bool {
    one_person(one) == one_person(other)
}

/// What all spellings of a subject have in common.
pub(super) fn one_person(subject: &str) -> String {
    subject.trim().to_lowercase()
}

pub(super) fn person(staff: &Verified) -> Person {
    Person { issuer: staff.iss.clone(), subject: staff.sub.clone() }
}

fn context(id: &ApprovalId) -> Context {
    Context::new(Label::Private).text("approval").part(&id.0)
}

/// Words that are too long end at a character, and say so.
fn bounded(words: &str) -> String {
    const MORE: &str = " …";
    if words.len() <= SHOWN_BYTES_MAX {
        return words.to_owned();
    }
    let fits = |end: &usize| words.is_char_boundary(*end);
    let end = (0..=SHOWN_BYTES_MAX - MORE.len()).rev().find(fits).unwrap_or(0);
    format!("{}{MORE}", &words[..end])
}
