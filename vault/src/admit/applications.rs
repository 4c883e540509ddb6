//! The applications that the operator declared, each with its share of the vault. What they say holds whether the vault
//! is open or sealed; what was revoked since is known to an open one alone.

use std::collections::HashMap;
use std::sync::Arc;

use coffer_wire::Name;
use coffer_wire::problem::Code;
use prometheus_client::registry::Registry;

use super::quota::Refused;
use super::{PeerCertificate, Quota};
use crate::config::{Application, Config};

/// By the first DNS name of the certificate.
pub struct Applications {
    known: HashMap<String, Known>,
    strangers: Arc<Quota>,
    refused: Refused,
}

/// An application and its share.
pub(super) struct Known {
    pub(super) application: Application,
    pub(super) quota: Arc<Quota>,
}

/// Why a certificate is not one of an application that may come in.
#[derive(Debug)]
pub struct NotAdmitted {
    /// What the answer says.
    pub code: Code,
    /// Which check refused, as a stable word.
    pub rule: &'static str,
    /// The application, if there is one of this certificate's name.
    pub application: Option<Name>,
}

impl Applications {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Applications {
        let refused = Refused::default();
        let known = |application: &Application| {
            let quota = Arc::new(Quota::new(application.limits, &refused));
            (application.certificate.clone(), Known { application: application.clone(), quota })
        };
        let known = config.applications.iter().map(known).collect();
        Applications { known, strangers: Arc::new(Quota::of_strangers(&refused)), refused }
    }

    /// The application that the configuration lets in with this certificate now.
    pub fn admit(&self, peer: &PeerCertificate, now_ms: u64) -> Result<Name, NotAdmitted> {
        self.find(peer, now_ms).map(|known| known.application.name)
    }

    pub(super) fn find(&self, peer: &PeerCertificate, now_ms: u64) -> Result<&Known, NotAdmitted> {
        let refused = |code, rule, application| NotAdmitted { code, rule, application };
        let Some(known) = self.known.get(&peer.name) else {
            return Err(refused(Code::CredentialUnknown, "certificate-unknown", None));
        };
        let name = Some(known.application.name);
        match () {
            () if !peer.is_current(now_ms) => Err(refused(Code::CredentialExpired, "certificate-dates", name)),
            () if known.application.suspended => Err(refused(Code::CredentialRevoked, "application-suspended", name)),
            () => Ok(known),
        }
    }

    /// The share of a certificate, as far as the configuration alone says.
    pub fn quota(&self, peer: &PeerCertificate, now_ms: u64) -> (&Arc<Quota>, Option<Name>) {
        match self.find(peer, now_ms) {
            Ok(known) => (&known.quota, Some(known.application.name)),
            Err(_) => (&self.strangers, None),
        }
    }

    /// The share of whoever is not admitted, all of them together.
    pub fn strangers(&self) -> &Arc<Quota> {
        &self.strangers
    }

    /// The shares, with the applications they belong to.
    pub fn quotas(&self) -> impl Iterator<Item = (Option<Name>, &Arc<Quota>)> {
        let known = self.known.values().map(|known| (Some(known.application.name), &known.quota));
        known.chain([(None, &self.strangers)])
    }

    /// Names what is counted in the registry that the operator's port shows.
    pub fn register(&self, registry: &mut Registry) {
        self.refused.register(registry);
    }
}
