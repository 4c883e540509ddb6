//! Who asks: an application, and behind it a person.

use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;

use super::policy::Rights;
use super::{Ask, InForce, PeerCertificate, Verified};

/// Who asks, as [`super::Gate::admit`] found it, and the policy under which it was found.
pub struct Caller {
    application: Name,
    certificate: [u8; 32],
    staff: Option<Arc<Verified>>,
    in_force: Arc<InForce>,
    rights: Rights,
    /// For whom the application acts under an agreement that has ended.
    ended: Vec<Name>,
}

/// What was refused and to whom, as far as that is certain. This is what the leaf will say.
pub struct Refusal {
    /// What the answer says.
    pub code: Code,
    /// Which check refused, as a stable word for the operator's eye.
    pub rule: &'static str,
    /// The application, if its certificate is one of the configuration's.
    pub application: Option<Name>,
    /// The person, if the token's signature is good.
    pub staff: Option<Arc<Verified>>,
    /// The policy epoch under which it was refused.
    pub epoch: u32,
}

impl Caller {
    pub(super) fn application_alone(application: Name, peer: &PeerCertificate, in_force: Arc<InForce>) -> Caller {
        let rights = Rights { application, roles: 0, controllers: 0 };
        Caller { application, certificate: peer.fingerprint, staff: None, in_force, rights, ended: Vec::new() }
    }

    pub(super) fn with_staff(
        application: Name,
        peer: &PeerCertificate,
        staff: Arc<Verified>,
        in_force: Arc<InForce>,
        ended: Vec<Name>,
    ) -> Caller {
        let names = in_force.policy.compiled();
        let (roles, controllers) = (names.roles.bits(&staff.roles), names.controllers.bits(&staff.controllers));
        let rights = Rights { application, roles, controllers };
        Caller { application, certificate: peer.fingerprint, staff: Some(staff), in_force, rights, ended }
    }

    /// The application, by its name in the configuration.
    pub fn application(&self) -> Name {
        self.application
    }

    /// SHA-256 of the certificate's DER form.
    pub fn certificate(&self) -> &[u8; 32] {
        &self.certificate
    }

    /// The person, if a token came.
    pub fn staff(&self) -> Option<&Arc<Verified>> {
        self.staff.as_ref()
    }

    /// The schema and policy under which this request is decided.
    pub fn in_force(&self) -> &Arc<InForce> {
        &self.in_force
    }

    /// Their epoch.
    pub fn epoch(&self) -> u32 {
        self.in_force.epoch
    }

    /// The person's roles.
    pub fn roles(&self) -> Vec<Name> {
        self.in_force.policy.compiled().roles.of(self.rights.roles).collect()
    }

    /// Controllers of person and application both.
    pub fn controllers(&self) -> Vec<Name> {
        let compiled = self.in_force.policy.compiled();
        compiled.controllers.of(compiled.shared_controllers(&self.rights)).collect()
    }

    /// A refusal of this caller for a reason that another module finds, such as `not_found`.
    pub fn refused(&self, code: Code, rule: &'static str) -> Refusal {
        let (application, staff) = (Some(self.application), self.staff.clone());
        Refusal { code, rule, application, staff, epoch: self.epoch() }
    }

    /// The rule that permits the ask.
    pub(super) fn decide(&self, ask: &Ask<'_>, action: Action) -> Result<String, Refusal> {
        if self.staff.is_none() {
            return Err(self.refused(Code::CredentialMissing, "no-token"));
        }
        let decided = self.in_force.policy.decide(&self.rights, action, ask);
        let rule = decided.map_err(|denied| self.refused(denied.code, denied.rule))?;
        self.under_agreement(ask, action)?;
        Ok(rule)
    }

    /// When an agreement has ended, what remains is to delete what was held under it (GDPR article 28(3)(g)), and to find it.
    fn under_agreement(&self, ask: &Ask<'_>, action: Action) -> Result<(), Refusal> {
        let uses = matches!(action, Action::RecordsRead | Action::RecordsWrite);
        match uses && self.ended.contains(&ask.controller) {
            true => Err(self.refused(Code::AgreementEnded, "agreement-ended")),
            false => Ok(()),
        }
    }

    pub(super) fn refused_act(&self) -> Refusal {
        self.refused(Code::ForbiddenRole, "no-duty")
    }
}
