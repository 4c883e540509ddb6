//! A gate with two controllers, three applications and two issuers, and tokens of every kind.
#![allow(clippy::unwrap_used)]

mod approvals;
mod credentials;
mod decisions;
mod speed;

use std::path::Path;

use coffer_wire::Name;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::Config;

pub(super) const CONFIG: &str = r#"
name = "test"
listen = { address = "127.0.0.1:0", certificate = "s.pem", key = "s.key", client_ca = "ca.pem" }
log = { origin = "coffer.example/test", head = "head" }
seal = { kind = "key-file", key_file = "/elsewhere/root.key" }
store = { data = "data", memory_mib = 16, reserve_mib = 1 }
controller = [{ name = "oakvale", title = "Oakvale" }, { name = "brookside", title = "Brookside" }]
application = [
  { name = "desk", certificate = "desk.apps", client_id = "desk-client" },
  { name = "console", certificate = "console.apps", client_id = "console-client" },
  { name = "closed", certificate = "closed.apps", client_id = "closed-client", suspended = true },
]
issuer = [
  { iss = "https://id.example", jwks = "one.json", audience = "coffer" },
  { iss = "https://other.example", jwks = "two.json", audience = "coffer" },
]
"#;

const BANK: &str = r#"
name = "bank"
title = "Bank"
purposes = ["payments", "refunds", "erasure"]
lawful_basis = "6(1)(b)"
source = ["person"]
retention = "until the tenancy has ended"
field = [
  { number = 1, name = "holder", type = "text", max_bytes = 70, mask = "first1", purposes = ["payments", "refunds"] },
  { number = 2, name = "account", type = "text", max_bytes = 34, mask = "last4", purposes = ["payments", "refunds"] },
  { number = 3, name = "mandate", type = "date", mask = "year", purposes = ["payments"] },
]
"#;

const CARE: &str = r#"
name = "care"
title = "Care"
case_required = true
purposes = ["planning", "erasure"]
lawful_basis = "6(1)(b)"
source = ["person"]
retention = "until the tenancy has ended"
field = [{ number = 1, name = "needs", type = "text", max_bytes = 400, mask = "all", purposes = ["planning"] }]
"#;

pub(super) const ACCESS: &str = r#"
role = [
  { name = "rents", title = "Rents" }, { name = "officer", title = "Officer" }, { name = "carer", title = "Carer" },
  { name = "dpo", title = "DPO" }, { name = "admin", title = "Admin" }, { name = "auditor", title = "Auditor" },
]
grant = [
  { name = "rents-masked", role = "rents", category = "bank", actions = ["read"], fields = ["holder", "account"], forms = ["masked"], purposes = ["payments"] },
  { name = "rents-clear", role = "rents", category = "bank", actions = ["read"], fields = ["holder"], forms = ["clear"], purposes = ["payments"] },
  { name = "rents-date", role = "rents", category = "bank", actions = ["read", "list"], fields = ["mandate"], forms = ["masked", "clear"], purposes = ["payments"] },
  { name = "officer-write", role = "officer", category = "bank", actions = ["write", "list"], fields = ["holder", "account"], purposes = ["payments", "refunds"] },
  { name = "officer-read", role = "officer", category = "bank", actions = ["read"], fields = ["account"], forms = ["clear"], purposes = ["payments"] },
  { name = "carer-all", role = "carer", category = "care", actions = ["read", "write", "list"], fields = ["needs"], forms = ["clear"], purposes = ["planning"] },
  { name = "dpo-bank", role = "dpo", category = "bank", actions = ["list", "erase"], purposes = ["erasure"] },
]
duty = [
  { name = "dpo-erases", role = "dpo", acts = ["subjects.erase"] },
  { name = "admin-keys", role = "admin", acts = ["keys.list", "access.apply", "status"] },
  { name = "auditor-log", role = "auditor", acts = ["log.entry", "status"] },
]
application = [
  { name = "desk", categories = ["bank", "care"], actions = ["read", "write", "list"], purposes = ["payments", "refunds", "planning"], acts = [], controllers = ["oakvale", "brookside"] },
  { name = "console", categories = ["bank"], actions = ["list", "erase"], purposes = ["erasure"], acts = ["subjects.erase", "keys.list", "access.apply", "log.entry", "status"], controllers = ["oakvale"] },
]
[revoked]
"#;

/// A moment in 2026, Unix time in milliseconds.
pub(super) const NOW_MS: u64 = 1_790_000_000_000;

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn schema() -> Schema {
    Schema::read(&[("bank.toml".to_owned(), BANK.to_owned()), ("care.toml".to_owned(), CARE.to_owned())]).unwrap()
}

pub(super) fn config(home: &Path) -> Config {
    Config::read(home, "coffer.toml", CONFIG).unwrap()
}

pub(super) fn peer(name: &str) -> PeerCertificate {
    PeerCertificate {
        name: name.to_owned(),
        fingerprint: [7; 32],
        x5t: BASE64URL_NOPAD.encode(&[7; 32]),
        not_before_ms: NOW_MS - 1_000_000_000,
        not_after_ms: NOW_MS + 1_000_000_000,
    }
}

/// A gate and the keys of its issuers.
pub(super) struct House {
    pub(super) gate: Gate,
    pub(super) home: TempDir,
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
}

impl House {
    pub(super) fn new() -> House {
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed25519 = Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap();
        let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("one.json"), jwks(&[ed25519_key("e", &ed25519), p256_key("p", &p256)]))
            .unwrap();
        let stranger = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        std::fs::write(home.path().join("two.json"), jwks(&[ed25519_key("t", &stranger)])).unwrap();
        let config = config(home.path());
        let gate = Gate::new(&config, in_force(1, ACCESS, home.path())).unwrap();
        House { gate, home, ed25519, p256 }
    }

    /// Signs with the key that the header's `alg` asks for.
    pub(super) fn sign(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.as_bytes()));
        let signature = match header["alg"].as_str() {
            Some("ES256") => self.p256.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            _ => self.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", base64(&signature))
    }

    pub(super) fn token_with(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        self.sign(&json!({"alg": "EdDSA", "kid": "e", "typ": "at+jwt"}), &claims.to_string())
    }

    /// A caller at an application with these roles, at both controllers.
    pub(super) fn caller(&self, application: &str, roles: &[&str]) -> Caller {
        let token = self.token_with(|claims| {
            claims["roles"] = json!(roles);
            claims["azp"] = json!(format!("{application}-client"));
        });
        self.gate.admit(&peer(&format!("{application}.apps")), Some(&token), NOW_MS).ok().unwrap()
    }

    pub(super) fn refusal(&self, token: &str) -> (Code, &'static str) {
        self.refusal_at(token, NOW_MS)
    }

    pub(super) fn refusal_at(&self, token: &str, now_ms: u64) -> (Code, &'static str) {
        let refusal = self.gate.admit(&peer("desk.apps"), Some(token), now_ms).err().unwrap();
        (refusal.code, refusal.rule)
    }
}

pub(super) fn in_force(epoch: u32, access: &str, home: &Path) -> InForce {
    let schema = schema();
    let policy = Policy::read(access, "access.toml", &schema, &config(home)).unwrap();
    InForce { epoch, schema, policy }
}

/// Good claims of a rents officer of both controllers.
pub(super) fn claims() -> Value {
    let seconds = NOW_MS / 1_000;
    json!({
        "iss": "https://id.example", "sub": "alice", "aud": "coffer", "azp": "desk-client", "jti": "1",
        "iat": seconds - 10, "exp": seconds + 600, "roles": ["rents"], "controllers": ["oakvale", "brookside"],
    })
}

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub(super) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

pub(super) fn ed25519_key(kid: &str, key: &Ed25519KeyPair) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": base64(key.public_key().as_ref())})
}

fn p256_key(kid: &str, key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": base64(&point[1..33]), "y": base64(&point[33..])})
}

pub(super) fn codes<T>(result: Result<T, Refusal>) -> (Code, &'static str) {
    let refusal = result.err().unwrap();
    (refusal.code, refusal.rule)
}

/// Every action on a record.
pub(super) const DATA_ACTIONS: [Action; 4] =
    [Action::RecordsRead, Action::RecordsWrite, Action::RecordsList, Action::RecordsErase];
