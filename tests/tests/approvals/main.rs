//! Acts that need two people: asked for, approved, done once; and every way in which that may not go.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod erasures;
mod kept;
mod race;
mod void;

use coffer_tests::harness::{Reply, Running, Serving, Staff, application_of};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

/// Two security admins of one vault.
pub(crate) struct Admins {
    pub(crate) first: Staff,
    pub(crate) second: Staff,
}

impl Admins {
    pub(crate) async fn of(vault: &Running) -> Admins {
        let (first, second) = (vault.staff("security-admin", "oakvale"), vault.second("security-admin", "oakvale"));
        for admin in [&first, &second] {
            admin.post("/v1/whoami", &json!({})).await.granted();
        }
        Admins { first, second }
    }

    /// Asks for what needs two, and answers with its id.
    pub(crate) async fn ask(&self, body: &Value) -> Value {
        self.first.post("/v1/access/apply", body).await.refused(409, "approval_needed").json()["approval"].clone()
    }
}

pub(crate) async fn approve(admin: &Staff, id: &Value) -> Reply {
    admin.post("/v1/approvals/approve", &json!({ "id": id })).await
}

pub(crate) async fn refuse(admin: &Staff, id: &Value) -> Reply {
    admin.post("/v1/approvals/refuse", &json!({ "id": id })).await
}

pub(crate) async fn listed(staff: &Staff) -> Vec<Value> {
    staff.post("/v1/approvals/list", &json!({})).await.granted().json()["approvals"].as_array().unwrap().clone()
}

/// The shipped policy with a duty more for a role.
pub(crate) fn wider(vault: &Running, role: &str) -> Value {
    let access = vault.home().text("access.toml");
    let more = format!("{access}\n[[duty]]\nname = \"more\"\nrole = \"{role}\"\nacts = [\"status\"]\n");
    json!({ "files": { "access.toml": more } })
}

/// A body with its approval.
pub(crate) fn with(body: &Value, id: &Value) -> Value {
    let mut body = body.clone();
    body["approval"] = id.clone();
    body
}

pub(crate) async fn epoch(vault: &Running) -> u64 {
    vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json()["policy"].as_u64().unwrap()
}

pub(crate) fn actions(leaves: &[Leaf]) -> Vec<Action> {
    leaves.iter().map(|leaf| leaf.action).collect()
}

/// The same person with a token for another role or another spelling of the name.
pub(crate) fn as_person(vault: &Running, person: &str, role: &str) -> Staff {
    let token = vault.home().token_of(person, &[role], application_of(role), &["oakvale"]);
    vault.staff(role, "oakvale").with_token(token)
}
