//! What is refused whatever else the policy says.

use std::collections::{BTreeMap, BTreeSet};

use coffer_wire::Name;

/// Revoked certificates, applications, persons and tokens.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Revoked {
    pub(super) certificates: BTreeSet<[u8; 32]>,
    pub(super) applications: BTreeSet<Name>,
    /// Subjects by issuer.
    pub(super) persons: BTreeMap<String, BTreeSet<String>>,
    pub(super) tokens: BTreeSet<String>,
}

impl Revoked {
    /// By SHA-256 of the DER form.
    pub fn has_certificate(&self, fingerprint: &[u8; 32]) -> bool {
        self.certificates.contains(fingerprint)
    }

    /// By name.
    pub fn has_application(&self, name: &Name) -> bool {
        self.applications.contains(name)
    }

    /// By issuer and subject.
    pub fn has_person(&self, iss: &str, sub: &str) -> bool {
        self.persons.get(iss).is_some_and(|subjects| subjects.contains(sub))
    }

    /// By `jti`.
    pub fn has_token(&self, jti: &str) -> bool {
        self.tokens.contains(jti)
    }
}
