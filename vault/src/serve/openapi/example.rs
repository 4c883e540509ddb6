//! The requests of the document. They hang together: asked in the order of the table under the schema and the policy
//! below, each is answered 200. `tests/tests/api.rs` asks them.

use serde_json::{Value, json};

const SCHEMA: &str = r#"name = "bank"
title = "Bank details"
case_required = false
purposes = ["payments", "erasure"]
lawful_basis = "6(1)(b)"
source = ["person", "bank"]
retention = "until the last payment is settled"

[[field]]
number = 2
name = "sort_code"
type = "sort-code"
mask = "all"
purposes = ["payments"]

[[field]]
number = 3
name = "account_number"
type = "account-number"
mask = "last4"
purposes = ["payments"]
"#;

const ACCESS: &str = r#"[[role]]
name = "bank-officer"
title = "Bank officer"

[[role]]
name = "dpo"
title = "Data protection officer"

[[role]]
name = "security-admin"
title = "Security administrator"

[[role]]
name = "auditor"
title = "Auditor"

[[grant]]
name = "officers-write-bank"
role = "bank-officer"
category = "bank"
actions = ["write", "list"]
fields = ["sort_code", "account_number"]
purposes = ["payments"]

[[grant]]
name = "officers-read-bank"
role = "bank-officer"
category = "bank"
actions = ["read"]
fields = ["sort_code", "account_number"]
forms = ["clear", "masked"]
purposes = ["payments"]

[[grant]]
name = "dpo-erases-bank"
role = "dpo"
category = "bank"
actions = ["erase"]
purposes = ["erasure"]

[[duty]]
name = "dpo-erases"
role = "dpo"
acts = ["subjects.erase", "cert.issue", "hold.set", "hold.lift", "hold.list"]

[[duty]]
name = "admin-keeps-keys"
role = "security-admin"
acts = ["keys.list", "keys.rotate", "keys.jobs", "keys.destroy", "keys.shred", "key.state", "log.rekey", "access.apply", "schema.apply", "root.rotate", "vault.seal", "vault.drill"]

[[duty]]
name = "auditor-reads-log"
role = "auditor"
acts = ["log.entry", "access.show", "schema.show", "status"]

[[application]]
name = "rents-desk"
categories = ["bank"]
actions = ["read", "list", "write"]
purposes = ["payments"]
acts = []
controllers = ["oakvale"]

[[application]]
name = "console"
categories = ["bank"]
actions = ["erase"]
purposes = ["erasure"]
acts = [
    "keys.list", "keys.rotate", "keys.jobs", "keys.destroy", "keys.shred", "key.state", "log.rekey", "access.apply", "access.show", "schema.apply", "schema.show", "status", "log.entry", "subjects.erase",
    "root.rotate", "vault.seal", "vault.drill", "cert.issue", "hold.set", "hold.lift", "hold.list",
]
controllers = ["oakvale"]
"#;

const PERSON: &str = "T-000017";
const RECORD: &str = "B-000017";

pub(super) fn write() -> Value {
    let first = json!({
        "category": "bank", "person": PERSON, "record": RECORD, "source": "person",
        "fields": { "sort_code": "00-00-01", "account_number": "00000017" },
    });
    let second = json!({
        "category": "bank", "person": PERSON, "record": "B-000018", "fields": { "account_number": "00000018" },
    });
    let mut request = envelope("payments", json!([first, second]));
    request["reason"] = json!("the tenant has a second account");
    request
}

pub(super) fn read() -> Value {
    let fields = json!(["sort_code", "account_number"]);
    let item = json!({ "category": "bank", "person": PERSON, "record": RECORD, "fields": fields, "form": "masked" });
    envelope("payments", json!([item]))
}

pub(super) fn list() -> Value {
    envelope("payments", json!([{ "category": "bank", "person": PERSON }]))
}

pub(super) fn erase() -> Value {
    envelope("erasure", json!([{ "category": "bank", "person": PERSON, "record": RECORD }]))
}

pub(super) fn erase_subject() -> Value {
    envelope("erasure", json!([{ "person": PERSON, "categories": ["bank"] }]))
}

pub(super) fn entry() -> Value {
    json!({ "start": 0, "count": 10 })
}

pub(super) fn certificate() -> Value {
    json!({})
}

pub(super) fn prove() -> Value {
    json!({ "index": 0, "from": 1 })
}

pub(super) fn empty() -> Value {
    json!({})
}

/// The id is whatever the vault has given; no example can know it.
pub(super) fn decide() -> Value {
    json!({ "id": "AAAAAAAAAAAAAAAAAAAAAA", "reason": "agreed in the meeting of the data protection group" })
}

pub(super) fn rotate() -> Value {
    json!({ "controller": "oakvale", "reason": "the yearly rotation" })
}

pub(super) fn state() -> Value {
    json!({ "controller": "oakvale", "category": "bank", "version": 1, "state": "compromised", "reason": "a backup was lost" })
}

pub(super) fn destroy() -> Value {
    json!({ "controller": "oakvale", "category": "audit", "version": 1, "reason": "nothing is left under it" })
}

pub(super) fn shred() -> Value {
    json!({ "controller": "oakvale", "category": "bank", "version": 1, "reason": "what is left may be lost", "count": 0 })
}

pub(super) fn set_hold() -> Value {
    json!({ "controller": "oakvale", "person": "T-000018", "reason": "claim 2026-117 is before the county court" })
}

/// The hold's id is whatever the vault has given.
pub(super) fn lift_hold() -> Value {
    json!({
        "controller": "oakvale", "person": "T-000018", "hold": "AAAAAAAAAAAAAAAAAAAAAA", "reason": "the claim is settled",
    })
}

pub(super) fn allow_erasures() -> Value {
    json!({
        "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": 300, "hours": 2,
        "reason": "the tenancies that ended in 2019",
    })
}

pub(super) fn list_holds() -> Value {
    json!({ "controller": "oakvale" })
}

pub(super) fn show() -> Value {
    json!({ "category": "bank", "field": "account_number", "action": "records.read" })
}

pub(super) fn show_schema() -> Value {
    json!({ "category": "bank" })
}

pub(super) fn access() -> Value {
    json!({ "files": { "access.toml": ACCESS } })
}

pub(super) fn schema() -> Value {
    json!({ "files": { "bank.toml": SCHEMA } })
}

fn envelope(purpose: &str, items: Value) -> Value {
    json!({ "controller": "oakvale", "purpose": purpose, "items": items })
}
