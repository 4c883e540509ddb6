//! Who comes in and what they may do: credentials become a [`Caller`], a caller's [`Ask`] becomes a
//! [`Permit`] or a [`Refusal`]. Permits are minted here and nowhere else.
//!
//! Right = what the application may (its client certificate) ∩ what the person may (a signed,
//! short-lived token that names the application) ∩ the purpose and, where the category asks for
//! it, the case.

mod applications;
pub mod approval;
mod approved;
mod ask;
mod asked;
mod caller;
mod certificate;
mod held;
mod jwks;
mod jws;
mod permit;
mod policy;
mod quota;
pub mod tally;
mod token;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use coffer_wire::Name;
use coffer_wire::problem::Code;

use crate::clock;
use crate::config::{Agreement, Application, Config, FileError};
use crate::schema::Schema;
use applications::Known;

pub use applications::{Applications, NotAdmitted};
pub use approved::{Approved, Under, used_in};
pub use ask::Ask;
pub use asked::{Asked, What, id_of, row_key};
pub use caller::{Caller, Refusal};
pub use certificate::{NotACertificate, PeerCertificate};
pub use held::{Held, HeldAt};
pub use jws::install_provider;
pub use permit::{Act, Erase, EraseSubject, Job, List, Manage, MoreErasures, Permit, Read, Write};
pub use policy::{GRANTS_MAX, Policy, ROLES_MAX, RULE_EVERYONE, Revoked};
pub use quota::{FOLD_TIME, Limit, Quota, Room, Seat, TooMany, UnderWay};
pub use token::{
    Aliases, CLAIM_BYTES_MAX, LIFE_MS_MAX, Rejected, Reloaded, SKEW_MS_MAX, TOKEN_BYTES_MAX, TOKENS_KEPT_MAX, Tokens,
    Verified,
};

/// The schema and policy that were last activated. A request is decided under one of these from
/// beginning to end; the sequencer refuses it if another has taken its place since.
pub struct InForce {
    /// Rises by one with each activation.
    pub epoch: u32,
    /// What is kept.
    pub schema: Schema,
    /// Who may do what; read against that schema.
    pub policy: Policy,
}

/// Where every request comes in.
pub struct Gate {
    applications: Applications,
    tokens: Tokens,
    agreements: Vec<Agreement>,
    in_force: RwLock<Arc<InForce>>,
}

impl Gate {
    /// A gate for the applications and issuers of a configuration. Reads the issuers' keys.
    pub fn new(config: &Config, in_force: InForce) -> Result<Gate, FileError> {
        Ok(Gate {
            applications: Applications::of(config),
            tokens: Tokens::load(&config.issuers)?,
            agreements: config.agreements.clone(),
            in_force: RwLock::new(Arc::new(in_force)),
        })
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts an activated schema and policy in force: the next request is decided under them. An
    /// epoch that is not above the one in force is left alone, so that none can come back.
    pub fn activate(&self, next: InForce) {
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        if next.epoch > in_force.epoch {
            *in_force = Arc::new(next);
        }
    }

    /// The declared applications and their shares.
    pub fn applications(&self) -> &Applications {
        &self.applications
    }

    /// Whether this certificate is one of an application that may come in now.
    pub fn is_welcome(&self, peer: &PeerCertificate, now_ms: u64) -> bool {
        self.known(peer, &self.in_force(), now_ms).is_ok()
    }

    /// The share that a certificate's connections and requests are taken of, and the application whose it is.
    /// A certificate that was revoked takes nothing from the one that took its place.
    pub fn quota(&self, peer: &PeerCertificate, now_ms: u64) -> (&Arc<Quota>, Option<Name>) {
        match self.known(peer, &self.in_force(), now_ms) {
            Ok(known) => (&known.quota, Some(known.application.name)),
            Err(_) => (self.applications.strangers(), None),
        }
    }

    /// The checker of tokens, for reading keys again.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Looks at the credentials of one request. `bearer` is the text behind `Bearer `; without it
    /// the caller is an application alone, which may look at hashes and do nothing else.
    ///
    /// Everything is looked at on each request: dates and revocation of the certificate, state of
    /// the application, the token's time, revocation and bond to this application and certificate.
    pub fn admit(&self, peer: &PeerCertificate, bearer: Option<&str>, now_ms: u64) -> Result<Caller, Refusal> {
        let in_force = self.in_force();
        let application = self.application(peer, &in_force, now_ms)?;
        let Some(token) = bearer else {
            return Ok(Caller::application_alone(application.name, peer, in_force));
        };
        let refused = |code, rule, staff| Refusal {
            code,
            rule,
            application: Some(application.name),
            staff,
            epoch: in_force.epoch,
        };
        let staff = self
            .tokens
            .verify(token, now_ms)
            .map_err(|rejected| refused(rejected.code, rejected.rule, rejected.staff))?;
        if let Err((code, rule)) = check_staff(&staff, application, peer, &in_force) {
            return Err(refused(code, rule, Some(staff)));
        }
        let ended = self.ended(&application.name, now_ms);
        Ok(Caller::with_staff(application.name, peer, staff, in_force, ended))
    }

    /// Whether somebody with a security admin's duty may work at an application.
    pub fn is_admins(&self, application: &Name) -> bool {
        self.in_force().policy.compiled().is_admins(application)
    }

    /// For whom an application acts under an agreement whose last day is over, as the calendar in the United Kingdom shows it.
    fn ended(&self, application: &Name, now_ms: u64) -> Vec<Name> {
        let mut with_end = self
            .agreements
            .iter()
            .filter(|one| one.ends.is_some() && one.applications.contains(application))
            .peekable();
        if with_end.peek().is_none() {
            return Vec::new();
        }
        // A day that no calendar has is behind every agreement.
        let today = clock::day_in_london(now_ms).unwrap_or_else(|| "9999-12-31".to_owned());
        with_end.filter(|one| one.has_ended(&today)).map(|one| one.controller).collect()
    }

    fn application(&self, peer: &PeerCertificate, in_force: &InForce, now_ms: u64) -> Result<&Application, Refusal> {
        match self.known(peer, in_force, now_ms) {
            Ok(known) => Ok(&known.application),
            Err(NotAdmitted { code, rule, application }) => {
                Err(Refusal { code, rule, application, staff: None, epoch: in_force.epoch })
            }
        }
    }

    /// What the configuration says, and what was revoked since.
    fn known(&self, peer: &PeerCertificate, in_force: &InForce, now_ms: u64) -> Result<&Known, NotAdmitted> {
        let known = self.applications.find(peer, now_ms)?;
        let revoked = in_force.policy.revoked();
        let rule = match () {
            () if revoked.has_certificate(&peer.fingerprint) => "certificate-revoked",
            () if revoked.has_application(&known.application.name) => "application-revoked",
            () => return Ok(known),
        };
        Err(NotAdmitted { code: Code::CredentialRevoked, rule, application: Some(known.application.name) })
    }
}

/// What binds a good token to this application, this connection and the policy in force.
fn check_staff(
    staff: &Verified,
    application: &Application,
    peer: &PeerCertificate,
    in_force: &InForce,
) -> Result<(), (Code, &'static str)> {
    let revoked = in_force.policy.revoked();
    let names = in_force.policy.compiled();
    let checks = [
        (staff.azp == application.client_id, Code::CredentialInvalid, "token-client"),
        (staff.cnf_x5t.as_ref().is_none_or(|x5t| *x5t == peer.x5t), Code::CredentialInvalid, "token-certificate"),
        (!revoked.has_token(&staff.jti), Code::CredentialRevoked, "token-revoked"),
        (!revoked.has_person(&staff.iss, &staff.sub), Code::CredentialRevoked, "person-revoked"),
        (staff.roles.iter().all(|role| names.roles.bit(role).is_some()), Code::ForbiddenRole, "role-unknown"),
        (!names.conflict(names.roles.bits(&staff.roles)), Code::RolesConflict, "roles-conflict"),
    ];
    match checks.into_iter().find(|(holds, ..)| !holds) {
        Some((_, code, rule)) => Err((code, rule)),
        None => Ok(()),
    }
}
