//! The second person's decision, and the evidence of it: an act that needs two people takes an [`Approved`] by value.

use coffer_keys::AuditKey;
use coffer_wire::approvals::{ApprovalId, ApprovalState};
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use coffer_wire::{Hash, Name};

use super::asked::{Asked, Decided, What, person};
use super::policy::Rights;
use super::{Act, Ask, Caller, Gate, InForce, Manage, Permit, Refusal};
use crate::clock::Period;
use crate::store::{Batch, Family, Precondition};

/// That a second person approved this very request, once: who puts it into a batch has it no more, and the batch does not
/// take effect unless the approval is still unused.
///
/// Nobody outside can make one, not even out of another:
///
/// ```compile_fail,E0451
/// use coffer_vault::admit::Approved;
/// fn forge(approved: Approved) -> Approved {
///     Approved { key: Vec::new(), ..approved }
/// }
/// ```
///
/// nor use one twice:
///
/// ```compile_fail,E0382
/// use coffer_vault::admit::Approved;
/// use coffer_vault::store::Batch;
/// fn twice(approved: Approved, batch: &mut Batch) {
///     approved.used_up_in(batch, &mut Vec::new());
///     approved.used_up_in(batch, &mut Vec::new());
/// }
/// ```
///
/// nor keep a copy:
///
/// ```compile_fail,E0599
/// use coffer_vault::admit::Approved;
/// fn copy(approved: &Approved) -> Approved {
///     approved.clone()
/// }
/// ```
#[must_use = "an approval that is not used up with the act would count again"]
pub struct Approved {
    key: Vec<u8>,
    unchanged: Precondition,
    used: Vec<u8>,
    told: String,
}

impl Approved {
    /// What the private part of the act's leaf says of it.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Uses it up in the batch of the act.
    pub fn used_up_in(self, batch: &mut Batch, needs: &mut Vec<Precondition>) {
        needs.push(self.unchanged);
        batch.put(Family::Meta, self.key, self.used);
    }
}

/// What stands before the name of an approval in the private part of the leaf of its use.
const TOLD: &str = "approval ";

/// The approval that was used for an act, as the private part of the act's leaf tells it: behind what else is said there.
pub fn used_in(note: &str) -> Option<ApprovalId> {
    /// Characters of an approval's name.
    const ID: usize = 22;
    note.rmatch_indices(TOLD).find_map(|(at, _)| note.get(at + TOLD.len()..)?.get(..ID)?.parse().ok())
}

/// Under what an approval is kept: the vault's unattributed key of a half-year.
#[derive(Clone, Copy)]
pub struct Under<'a> {
    /// The key.
    pub key: &'a AuditKey,
    /// The half-year.
    pub period: Period,
}

impl Gate {
    /// Whether the caller may see a request: who asked, and who may do the act.
    pub fn may_see(&self, caller: &Caller, asked: &Asked) -> bool {
        asked.is_asked_by(caller) || may_do(caller, asked).is_ok()
    }

    /// Approves a request: needs what the act itself needs, and another person than the one who asked.
    pub fn grant(&self, caller: &Caller, asked: Asked, now_ms: u64) -> Result<(Permit<Manage>, Asked), Refusal> {
        let rule = may_do(caller, &asked)?;
        open(caller, &asked, now_ms)?;
        if asked.is_own(caller) {
            return Err(caller.refused(Code::ApprovalOwn, "same-person"));
        }
        let asked = decided(caller, asked, ApprovalState::Approved, now_ms)?;
        Ok((self.permit_decision(caller, Action::ApprovalGrant, rule), asked))
    }

    /// Refuses a request. Who asked may take it back, whatever the roles are by now.
    pub fn deny(&self, caller: &Caller, asked: Asked, now_ms: u64) -> Result<(Permit<Manage>, Asked), Refusal> {
        let rule = match asked.is_asked_by(caller) {
            true => super::RULE_EVERYONE.to_owned(),
            false => may_do(caller, &asked)?,
        };
        open(caller, &asked, now_ms)?;
        let asked = decided(caller, asked, ApprovalState::Refused, now_ms)?;
        Ok((self.permit_decision(caller, Action::ApprovalDeny, rule), asked))
    }

    /// The one place where the evidence comes into being. The permits say that who asked may do it now; that who approved
    /// may do so now is decided here, by the credentials with which they came and under the policy in force.
    pub fn approved<A: Act>(
        &self,
        caller: &Caller,
        permits: &[&Permit<A>],
        what: &What<'_>,
        asked: Asked,
        (under, now_ms): (Under<'_>, u64),
    ) -> Result<Approved, Refusal> {
        let refused = |code, rule| Err(caller.refused(code, rule));
        let scope: Vec<Name> = permits.iter().filter_map(|permit| permit.category()).collect();
        if !asked.is_for(caller, what)
            || asked.row.categories != scope
            || permits.iter().any(|p| p.action() != what.act)
        {
            return refused(Code::ApprovalMismatch, "approval-request");
        }
        match asked.state(now_ms) {
            ApprovalState::Approved => {}
            ApprovalState::Asked => return refused(Code::ApprovalNeeded, "approval-open"),
            ApprovalState::Refused => return refused(Code::ApprovalRefused, "approval-refused"),
            ApprovalState::Used => return refused(Code::ApprovalUsed, "approval-used"),
            ApprovalState::Expired => return refused(Code::ApprovalExpired, "approval-expired"),
        }
        let Some(decided) = asked.row.decided.as_ref().filter(|decided| still_may(caller.in_force(), &asked, decided))
        else {
            return refused(Code::ApprovalVoid, "approval-void");
        };
        let (key, unchanged) = (asked.key(), asked.unchanged());
        let told = format!("{TOLD}{} by {}", asked.id(), decided.by);
        let used = asked.used().seal(under.key, under.period);
        let Some(used) = used else { return refused(Code::Internal, "no-randomness") };
        Ok(Approved { key, unchanged, used, told })
    }
}

/// The rule by which the caller may do what is asked for.
fn may_do(caller: &Caller, asked: &Asked) -> Result<String, Refusal> {
    let mut rules = asks(asked).map(|ask| caller.decide(&ask, asked.row.act)).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(rules.swap_remove(0))
}

/// What has to be permitted for it: never none.
fn asks(asked: &Asked) -> impl Iterator<Item = Ask<'static>> + use<> {
    /// A case is named where one is asked for; which, is for the person who asked to know.
    const CASE: &str = "approval";
    let (controller, purpose) = (asked.row.controller, asked.row.purpose);
    let mut categories: Vec<Option<Name>> = asked.row.categories.iter().copied().map(Some).collect();
    if categories.is_empty() {
        categories.push(None);
    }
    categories.into_iter().map(move |category| Ask { category, purpose, case: Some(CASE), ..Ask::of(controller) })
}

fn open(caller: &Caller, asked: &Asked, now_ms: u64) -> Result<(), Refusal> {
    match asked.state(now_ms) {
        ApprovalState::Asked => Ok(()),
        ApprovalState::Expired => Err(caller.refused(Code::ApprovalExpired, "approval-expired")),
        _ => Err(caller.refused(Code::ApprovalDecided, "approval-decided")),
    }
}

fn decided(caller: &Caller, asked: Asked, state: ApprovalState, now_ms: u64) -> Result<Asked, Refusal> {
    let staff = caller.staff().ok_or_else(|| caller.refused(Code::CredentialMissing, "no-token"))?;
    let decided = Decided {
        by: person(staff),
        at_ms: now_ms,
        application: caller.application(),
        certificate: Hash::from_bytes(*caller.certificate()),
        token: staff.jti.clone(),
        roles: staff.roles.clone(),
        controllers: staff.controllers.clone(),
    };
    Ok(asked.decided(state, decided))
}

/// Whether the credentials of whoever approved would do for the act under this policy, and none of them was revoked.
fn still_may(in_force: &InForce, asked: &Asked, decided: &Decided) -> bool {
    let (policy, revoked) = (&in_force.policy, in_force.policy.revoked());
    let names = policy.compiled();
    let (roles, controllers) = (names.roles.bits(&decided.roles), names.controllers.bits(&decided.controllers));
    let rights = Rights { application: decided.application, roles, controllers };
    let is_revoked = revoked.has_person(&decided.by.issuer, &decided.by.subject)
        || revoked.has_token(&decided.token)
        || revoked.has_application(&decided.application)
        || revoked.has_certificate(decided.certificate.as_bytes());
    let known = decided.roles.iter().all(|role| names.roles.bit(role).is_some());
    !is_revoked
        && known
        && !names.conflict(roles)
        && asks(asked).all(|ask| policy.decide(&rights, asked.row.act, &ask).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_approval_that_an_act_used_is_read_out_of_what_its_leaf_tells() {
        let id = ApprovalId([0x5a; 16]);
        let told = format!("{TOLD}{id} by b@example (https://id.example)");
        for note in [told.clone(), format!("hold x, {told}"), format!("because: the approval of others\nso, {told}")] {
            assert_eq!(used_in(&note), Some(id), "{note}");
        }
        for note in ["", "approval ", "approval of nobody that anybody knows", "approved by b@example"] {
            assert_eq!(used_in(note), None, "{note}");
        }
    }
}
