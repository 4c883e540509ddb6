//! A schema that the tests of the documents read: one plain category, one with all that can be marked.
#![allow(clippy::unwrap_used)]

use coffer_wire::schema::SchemaAnswer;
use serde_json::json;

pub fn sample() -> SchemaAnswer {
    let ordinary = json!({ "kind": "ordinary" });
    let special = json!({ "kind": "special", "condition": "9(2)(g)", "schedule1": 8, "policy_document": "APD-1" });
    let criminal = json!({ "kind": "criminal", "schedule1": 36, "policy_document": "APD-2" });
    let answer = json!({
        "policy": 3,
        "controllers": [
            { "name": "oakvale", "title": "Oakvale Homes", "notice": "2026-01" },
            { "name": "brookside", "title": "Brookside Housing" },
        ],
        "categories": [
            {
                "name": "bank", "title": "Bank details", "case_required": false,
                "purposes": ["payments", "refunds", "erasure"], "lawful_basis": "6(1)(b)", "mark": ordinary,
                "source": ["person", "web-form"], "source_required": false,
                "recipients": [{ "kind": "bank", "purposes": ["payments"] }],
                "retention": "until the last payment is settled", "append_only": false,
                "fields": [{
                    "number": 1, "name": "account_number", "type": "account-number", "max_bytes": 8, "mask": "last4",
                    "purposes": ["payments"], "subject": "own", "lawful_basis": "6(1)(b)", "mark": ordinary,
                    "source": ["person"],
                }],
            },
            {
                "name": "incidents", "title": "Incidents", "case_required": true,
                "purposes": ["incident-handling", "erasure"], "lawful_basis": "6(1)(f)", "mark": special,
                "source": ["staff"], "source_required": true, "retention": "six years", "append_only": true,
                "fields": [
                    {
                        "number": 1, "name": "account", "type": "note", "max_bytes": 400, "mask": "all",
                        "purposes": ["incident-handling"], "subject": "own", "lawful_basis": "6(1)(f)",
                        "mark": special, "source": ["staff"],
                    },
                    {
                        "number": 2, "name": "allegation", "type": "enum", "choices": ["yes", "no"], "max_bytes": 3,
                        "mask": "all", "purposes": ["incident-handling"], "subject": "other",
                        "lawful_basis": "6(1)(c)", "mark": criminal, "source": ["staff"],
                    },
                ],
            },
        ],
    });
    serde_json::from_value(answer).unwrap()
}
