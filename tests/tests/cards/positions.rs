//! Every place of every request where a caller may put a text.

use coffer_tests::harness::Home;
use coffer_vault::serve::routes::OPERATIONS;
use reqwest::Method;
use serde_json::{Value, json};

use crate::number::{card, in_fours};

/// A request that succeeds, with something in every member that takes one.
struct Request {
    path: &'static str,
    role: &'static str,
    body: fn(&Home) -> Value,
}

const REQUESTS: &[Request] = &[
    Request {
        path: "/v1/records/write",
        role: "complaints-handler",
        body: |_| {
            let fields = json!({ "summary": "a leak", "witness_statement": "I saw it" });
            let about = json!({ "witness_statement": "witness" });
            envelope(
                "complaint-handling",
                json!({
                    "category": "complaints", "person": "p", "record": "r", "fields": fields, "about": about,
                    "known": {
                        "reference": "letter-7", "verified_at": "2026-11-20", "confidence": "stated",
                        "verified": ["summary"], "disputed": { "summary": true },
                    },
                }),
            )
        },
    },
    Request {
        path: "/v1/records/read",
        role: "complaints-handler",
        body: |_| {
            let fields = json!(["summary"]);
            let item =
                json!({ "category": "complaints", "person": "p", "record": "r", "fields": fields, "form": "clear" });
            envelope("complaint-handling", item)
        },
    },
    Request {
        path: "/v1/records/list",
        role: "complaints-handler",
        body: |_| {
            envelope(
                "complaint-handling",
                json!({ "category": "complaints", "person": "p", "not_verified_since": "2026-01-31" }),
            )
        },
    },
    Request {
        path: "/v1/records/erase",
        role: "dpo",
        body: |_| envelope("erasure", json!({ "category": "complaints", "person": "p", "record": "r" })),
    },
    Request {
        path: "/v1/subjects/erase",
        role: "dpo",
        body: |_| envelope("erasure", json!({ "person": "p", "categories": ["complaints"] })),
    },
    Request { path: "/v1/log/entry", role: "auditor", body: |_| json!({ "start": 0, "count": 1 }) },
    Request { path: "/v1/log/prove", role: "rents", body: |_| json!({ "index": 0, "from": 1 }) },
    Request { path: "/v1/log/rekey", role: "security-admin", body: |_| json!({}) },
    Request { path: "/v1/certificates/issue", role: "dpo", body: |_| json!({ "leaf": 0 }) },
    Request { path: "/v1/keys/list", role: "security-admin", body: |_| json!({}) },
    Request { path: "/v1/vault/seal", role: "security-admin", body: |_| json!({}) },
    Request { path: "/v1/root/rotate", role: "security-admin", body: |_| json!({}) },
    // A share is no text that is kept, and is not asked.
    Request { path: "/v1/vault/drill", role: "security-admin", body: |_| json!({}) },
    Request { path: "/v1/vault/unseal", role: "security-admin", body: |_| json!({}) },
    Request {
        path: "/v1/keys/rotate",
        role: "security-admin",
        body: |_| json!({ "controller": "oakvale", "category": "bank", "reason": "yearly" }),
    },
    Request { path: "/v1/keys/jobs", role: "security-admin", body: |_| json!({}) },
    Request {
        path: "/v1/key/state",
        role: "security-admin",
        body: |_| {
            let mut body = key(None);
            body["state"] = json!("compromised");
            body
        },
    },
    Request { path: "/v1/keys/destroy", role: "security-admin", body: |_| key(None) },
    Request { path: "/v1/keys/shred", role: "security-admin", body: |_| key(Some(0)) },
    Request { path: "/v1/approvals/list", role: "security-admin", body: |_| json!({}) },
    Request { path: "/v1/approvals/approve", role: "security-admin", body: |_| decision() },
    Request { path: "/v1/approvals/refuse", role: "security-admin", body: |_| decision() },
    Request {
        path: "/v1/holds/set",
        role: "dpo",
        body: |_| json!({ "controller": "oakvale", "person": "p", "reason": "a claim" }),
    },
    Request {
        path: "/v1/holds/lift",
        role: "dpo",
        body: |_| json!({ "controller": "oakvale", "person": "p", "hold": "AAAAAAAAAAAAAAAAAAAAAA", "reason": "settled" }),
    },
    Request { path: "/v1/holds/list", role: "dpo", body: |_| json!({ "controller": "oakvale", "person": "p" }) },
    Request {
        path: "/v1/erasures/allow",
        role: "dpo",
        body: |_| {
            json!({
                "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "case": "c", "count": 1, "hours": 1,
                "reason": "ended",
            })
        },
    },
    Request { path: "/v1/status", role: "dpo", body: |_| json!({}) },
    Request { path: "/v1/whoami", role: "rents", body: |_| json!({}) },
    Request {
        path: "/v1/access/show",
        role: "auditor",
        body: |_| json!({ "category": "bank", "field": "sort_code", "action": "records.read" }),
    },
    Request { path: "/v1/schema/show", role: "auditor", body: |_| json!({ "category": "bank" }) },
    Request {
        path: "/v1/access/apply",
        role: "security-admin",
        body: |home| json!({ "files": { "access.toml": home.text("access.toml") } }),
    },
    Request {
        path: "/v1/schema/apply",
        role: "security-admin",
        body: |home| json!({ "files": { "bank.toml": home.text("schema/bank.toml") } }),
    },
];

/// Places in a request that take a word of a closed list, a day, or a name that the vault gave, and no other text.
const CLOSED: [&str; 8] = ["form", "action", "state", "id", "hold", "verified_at", "confidence", "not_verified_since"];
/// Objects whose keys are the caller's.
const KEYED: [&str; 4] = ["fields", "about", "files", "disputed"];

fn key(count: Option<u64>) -> Value {
    let mut body = json!({ "controller": "oakvale", "category": "bank", "version": 1, "reason": "nothing is left" });
    if let Some(count) = count {
        body["count"] = json!(count);
    }
    body
}

fn decision() -> Value {
    json!({ "id": "AAAAAAAAAAAAAAAAAAAAAA", "reason": "agreed" })
}

fn envelope(purpose: &str, item: Value) -> Value {
    json!({ "controller": "oakvale", "purpose": purpose, "case": "case-1", "reason": "a visit", "items": [item] })
}

/// A request with a card number in one place.
pub(crate) struct Planted {
    pub(crate) path: &'static str,
    pub(crate) role: &'static str,
    /// Which place, as a JSON pointer; a key is marked by `#` at the end.
    pub(crate) place: String,
    /// The member that the place is in, as an answer names it.
    pub(crate) member: String,
    /// Whether it stands in an item.
    pub(crate) in_item: bool,
    /// The field whose value it is.
    pub(crate) field: Option<String>,
    pub(crate) body: Value,
    pub(crate) card: String,
}

/// Each place of each request once, and a card number there that is nowhere else.
pub(crate) fn planted(home: &Home) -> Vec<Planted> {
    let posted = OPERATIONS.iter().filter(|operation| operation.method == Method::POST);
    for operation in posted {
        assert!(
            REQUESTS.iter().any(|request| request.path == operation.path),
            "{} has no request here",
            operation.path
        );
    }
    let mut all = Vec::new();
    for request in REQUESTS {
        let body = (request.body)(home);
        let mut places = Vec::new();
        find(&body, String::new(), &mut places);
        for place in places {
            let card = card(all.len());
            all.push(plant(request, &body, place, card));
        }
    }
    all
}

/// The pointer of every text below, and of every key that is the caller's.
fn find(value: &Value, pointer: String, places: &mut Vec<String>) {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    match value {
        Value::String(_) if CLOSED.contains(&last) => {}
        Value::String(_) => places.push(pointer),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| find(item, format!("{pointer}/{at}"), places));
        }
        Value::Object(members) => {
            for (key, value) in members {
                if KEYED.contains(&last) {
                    places.push(format!("{pointer}/{key}#"));
                }
                find(value, format!("{pointer}/{key}"), places);
            }
        }
        _ => {}
    }
}

fn plant(request: &Request, body: &Value, place: String, card: String) -> Planted {
    let parts: Vec<&str> = place.trim_start_matches('/').trim_end_matches('#').split('/').collect();
    let in_item = parts[0] == "items";
    let member = parts[if in_item { 2 } else { 0 }].to_owned();
    let mut body = body.clone();
    let is_name = is_name(&parts, &place);
    let text = if is_name { format!("a{card}") } else { format!("pay by {}, please", in_fours(&card, " ")) };
    match place.strip_suffix('#') {
        Some(pointer) => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let members = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            let value = members.remove(key).unwrap();
            members.insert(text, value);
        }
        None => *body.pointer_mut(&place).unwrap() = json!(text),
    }
    let is_value = in_item && member == "fields" && parts.len() == 4 && !is_name;
    let field = is_value.then(|| parts[3].to_owned());
    Planted { path: request.path, role: request.role, place, member, in_item, field, body, card }
}

/// Whether only a name may stand there: letters, digits, dashes.
fn is_name(parts: &[&str], place: &str) -> bool {
    match *parts {
        ["controller" | "purpose" | "category" | "field"] => true,
        ["items", _, "category"] => true,
        ["items", _, "categories", _] | ["categories", _] => true,
        ["items", _, "known", "verified" | "disputed", _] => true,
        // Keys are names; so are the fields of a read, which are a list.
        ["items", _, "fields" | "about", key] => place.ends_with('#') || key.parse::<usize>().is_ok(),
        _ => false,
    }
}
