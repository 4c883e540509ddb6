//! Every row of the route table, asked rightly and in each way wrongly: status, code, and exactly one
//! leaf that says what was tried. A row without its case here fails the suite.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use coffer_tests::harness::{
    Home, Raw, Reply, Running, STAFF, Serving, Store, application_of, controllers, purpose_of,
};
use coffer_vault::serve::routes::{OPERATIONS, Operation};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

/// What needs a second person before it is done.
const NEED_TWO: [&str; 2] = ["/v1/keys/destroy", "/v1/keys/shred"];

/// How an operation is asked, and who may not.
struct Case {
    path: &'static str,
    /// A role that may.
    role: &'static str,
    /// The body of a request that succeeds once.
    body: fn(&Home) -> Value,
    /// A role that may not, and what it is told.
    wrong_role: (&'static str, Code),
}

/// A role that no policy knows: for what every known role may do.
const UNKNOWN_ROLE: &str = "gardener";

const CASES: &[Case] = &[
    Case {
        path: "/v1/records/write",
        role: "bank-officer",
        body: |_| {
            let item =
                json!({ "category": "bank", "person": "new", "record": "r", "fields": { "sort_code": "00-00-01" } });
            envelope("bank-officer", item)
        },
        wrong_role: ("rents", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/records/read",
        role: "rents",
        body: |_| {
            let fields = json!(["sort_code"]);
            let item =
                json!({ "category": "bank", "person": "kept", "record": "r", "fields": fields, "form": "clear" });
            envelope("rents", item)
        },
        wrong_role: ("support-worker", Code::ForbiddenApplication),
    },
    Case {
        path: "/v1/records/list",
        role: "rents",
        body: |_| envelope("rents", json!({ "category": "bank", "person": "kept" })),
        wrong_role: ("debt-adviser", Code::ForbiddenApplication),
    },
    Case {
        path: "/v1/records/erase",
        role: "dpo",
        body: |_| envelope("dpo", json!({ "category": "bank", "person": "ending", "record": "r" })),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/subjects/erase",
        role: "dpo",
        body: |_| envelope("dpo", json!({ "person": "leaving" })),
        wrong_role: ("security-admin", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/log/entry",
        role: "auditor",
        body: |_| json!({ "start": 0, "count": 3 }),
        wrong_role: ("security-admin", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/log/checkpoint",
        role: "rents",
        body: |_| Value::Null,
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
    Case {
        path: "/v1/log/prove",
        role: "rents",
        body: |_| json!({ "index": 0, "from": 1 }),
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
    Case {
        path: "/v1/log/succession",
        role: "rents",
        body: |_| Value::Null,
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
    Case {
        path: "/v1/log/rekey",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/certificates/issue",
        role: "dpo",
        body: |_| json!({}),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/keys/list",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/keys/rotate",
        role: "security-admin",
        body: |_| json!({ "controller": "oakvale", "category": "debts", "reason": "yearly" }),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/keys/jobs",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/key/state",
        role: "security-admin",
        body: |_| {
            let mut body = key("debts");
            body["state"] = json!("compromised");
            body
        },
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/keys/destroy",
        role: "security-admin",
        body: |_| key("debts"),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/keys/shred",
        role: "security-admin",
        body: |_| {
            let mut body = key("care");
            body["count"] = json!(0);
            body
        },
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case { path: "/v1/status", role: "dpo", body: |_| json!({}), wrong_role: ("rents", Code::ForbiddenApplication) },
    Case { path: "/v1/whoami", role: "rents", body: |_| json!({}), wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole) },
    Case {
        path: "/v1/access/show",
        role: "auditor",
        body: |_| json!({ "category": "bank" }),
        wrong_role: ("complaints-handler", Code::ForbiddenApplication),
    },
    Case {
        path: "/v1/access/apply",
        role: "security-admin",
        body: |home| json!({ "files": { "access.toml": home.text("access.toml") } }),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/schema/apply",
        role: "security-admin",
        body: |home| json!({ "files": home.schema() }),
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/approvals/list",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
    Case {
        path: "/v1/approvals/approve",
        role: "security-admin",
        body: |_| json!({ "id": "to be approved" }),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/approvals/refuse",
        role: "security-admin",
        body: |_| json!({ "id": "to be refused" }),
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/holds/set",
        role: "dpo",
        body: |_| json!({ "controller": "oakvale", "person": "kept", "reason": "a claim" }),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/holds/lift",
        role: "dpo",
        body: |_| json!({ "controller": "oakvale", "person": "contested", "hold": "a hold", "reason": "settled" }),
        wrong_role: ("security-admin", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/holds/list",
        role: "dpo",
        body: |_| json!({ "controller": "oakvale" }),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/erasures/allow",
        role: "dpo",
        body: |_| allowance(),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/schema/show",
        role: "dpo",
        body: |_| json!({ "category": "bank" }),
        wrong_role: ("rents", Code::ForbiddenApplication),
    },
    Case {
        path: "/v1/root/rotate",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/vault/drill",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("auditor", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/vault/seal",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: ("dpo", Code::ForbiddenRole),
    },
    Case {
        path: "/v1/vault/unseal",
        role: "security-admin",
        body: |_| json!({}),
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
    Case {
        path: "/openapi.json",
        role: "rents",
        body: |_| Value::Null,
        wrong_role: (UNKNOWN_ROLE, Code::ForbiddenRole),
    },
];

/// The first version of a category's key, under which nothing lies.
fn key(category: &str) -> Value {
    json!({ "controller": "oakvale", "category": category, "version": 1, "reason": "nothing is left under it" })
}

/// What a second officer is asked for and has approved.
fn allowance() -> Value {
    json!({
        "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": 5, "hours": 1, "reason": "ended",
    })
}

fn envelope(role: &str, item: Value) -> Value {
    json!({ "controller": "oakvale", "purpose": purpose_of(role), "case": "case-1", "items": [item] })
}

/// Each operation with its case.
fn table() -> impl Iterator<Item = (&'static Operation, &'static Case)> {
    OPERATIONS.iter().map(|operation| {
        let case = CASES.iter().find(|case| case.path == operation.path);
        (operation, case.unwrap_or_else(|| panic!("{} has no case in this suite", operation.path)))
    })
}

fn role_name(role: &str) -> &str {
    if role == UNKNOWN_ROLE { "rents" } else { role }
}

/// What an operation that shows hashes alone is called where it is refused.
fn action(operation: &Operation) -> Action {
    operation.action.unwrap_or(Action::LogEntry)
}

/// Whether a request of the operation names whose data it is about.
fn names_controller(operation: &Operation) -> bool {
    const OF_KEYS: [&str; 4] = ["/v1/keys/rotate", "/v1/key/state", "/v1/keys/destroy", "/v1/keys/shred"];
    let of_records = ["records", "subjects", "holds", "erasures"]
        .iter()
        .any(|group| operation.path.starts_with(&format!("/v1/{group}/")));
    of_records || OF_KEYS.contains(&operation.path)
}

/// A vault in which everyone has been seen once at each controller, and whose leaves are counted.
struct Stage {
    vault: Running,
    /// What a second admin has asked for, by the words that stand for it in a case.
    asked: BTreeMap<&'static str, Value>,
    raw: BTreeMap<&'static str, Raw>,
}

impl Stage {
    async fn set() -> Stage {
        let vault = Home::new(Store::Memory).serve();
        let raw = STAFF.iter().map(|(_, application, _)| (*application, vault.raw(application))).collect();
        let mut stage = Stage { vault, raw, asked: BTreeMap::new() };
        for (role, ..) in STAFF {
            for controller in controllers() {
                let staff = stage.vault.staff(role, controller);
                staff.post("/v1/whoami", &json!({})).await.granted();
                staff.list("bank", "nobody").await;
            }
        }
        let officer = stage.vault.staff("bank-officer", "oakvale");
        for person in ["kept", "ending", "leaving"] {
            officer.write("bank", person, "r", json!({ "sort_code": "00-00-01" })).await.granted();
        }
        let rotate =
            json!({ "controller": "oakvale", "category": "care", "reason": "so that there is an old version" });
        stage.vault.staff("security-admin", "oakvale").post("/v1/keys/rotate", &rotate).await.granted();
        for (words, role) in [("to be approved", "intake"), ("to be refused", "contractor")] {
            let access = stage.vault.home().text("access.toml");
            let wider = format!("{access}\n[[duty]]\nname = \"more\"\nrole = \"{role}\"\nacts = [\"status\"]\n");
            let body = json!({ "files": { "access.toml": wider } });
            let second = stage.vault.second("security-admin", "oakvale");
            let asked = second.post("/v1/access/apply", &body).await.refused(409, "approval_needed");
            stage.asked.insert(words, asked.json()["approval"].clone());
        }
        stage.hold().await;
        stage
    }

    /// A hold that one has asked to lift, and another has approved.
    async fn hold(&mut self) {
        let (dpo, second) = (self.vault.staff("dpo", "oakvale"), self.vault.second("dpo", "oakvale"));
        let body = json!({ "controller": "oakvale", "person": "contested", "reason": "a claim" });
        let hold = dpo.post("/v1/holds/set", &body).await.granted().json()["hold"].clone();
        let lift = json!({ "controller": "oakvale", "person": "contested", "hold": hold, "reason": "settled" });
        let asked = dpo.post("/v1/holds/lift", &lift).await.refused(409, "approval_needed").json()["approval"].clone();
        second.post("/v1/approvals/approve", &json!({ "id": asked })).await.granted();
        self.asked.extend([("a hold", hold), ("to lift it", asked)]);
        let asked =
            dpo.post("/v1/erasures/allow", &allowance()).await.refused(409, "approval_needed").json()["approval"]
                .clone();
        second.post("/v1/approvals/approve", &json!({ "id": asked })).await.granted();
        self.asked.insert("to erase more", asked);
    }

    /// The request of a case.
    fn body(&self, case: &Case) -> Value {
        let mut body = (case.body)(self.vault.home());
        if let Some(id) = body.get_mut("id") {
            *id = self.asked[id.as_str().unwrap()].clone();
        }
        if case.path == "/v1/erasures/allow" {
            body["approval"] = self.asked["to erase more"].clone();
        }
        if body.get("hold").is_some() {
            body["hold"] = self.asked["a hold"].clone();
            body["approval"] = self.asked["to lift it"].clone();
        }
        body
    }

    fn raw(&self, role: &str) -> &Raw {
        &self.raw[application_of(role_name(role))]
    }

    /// A token for a role. One that the policy does not know works where rents officers do.
    fn token(&self, role: &str, controller: &str) -> String {
        let known = role_name(role);
        let person = format!("{known}@example");
        self.vault.home().token_of(&person, &[role], application_of(known), &[controller])
    }

    /// Asks, and answers with the leaves that came of it.
    async fn ask(&self, raw: &Raw, asked: Asked<'_>) -> (Reply, Vec<Leaf>) {
        let before = self.vault.log_size();
        let reply = raw.send(asked.method, asked.path, asked.token, asked.content_type, asked.body).await;
        // What a job says when it has ended belongs to no request.
        let leaves = self.vault.leaves_since(before).into_iter().filter(|leaf| leaf.action != Action::KeysRewrap);
        (reply, leaves.collect())
    }

    /// Asks wrongly: exactly this status and code, and one leaf with this action, code and application.
    async fn refused(&self, raw: &Raw, asked: Asked<'_>, action: Action, code: Code) -> Leaf {
        let (path, method) = (asked.path, asked.method.clone());
        let application = self.raw.iter().find(|(_, known)| std::ptr::eq(*known, raw)).map(|(name, _)| *name).unwrap();
        let (reply, mut leaves) = self.ask(raw, asked).await;
        assert_eq!(reply.outcome(), (code.status(), code.as_str().to_owned()), "{method} {path}: {reply}");
        assert_eq!(leaves.len(), 1, "{method} {path}: leaves {leaves:?}");
        let leaf = leaves.remove(0);
        assert_eq!((leaf.action, leaf.refused), (action, Some(code)), "{method} {path}");
        assert_eq!((&leaf.granted, leaf.failed), (&None, None), "{method} {path}");
        assert_eq!(leaf.app.map(|app| app.to_string()).as_deref(), Some(application), "{method} {path}");
        leaf
    }
}

/// One request.
struct Asked<'a> {
    method: Method,
    path: &'a str,
    token: Option<&'a str>,
    content_type: Option<&'a str>,
    body: Vec<u8>,
}

impl<'a> Asked<'a> {
    /// As the operation wants to be asked.
    fn rightly(operation: &'a Operation, token: Option<&'a str>, body: &Value) -> Asked<'a> {
        let is_post = operation.method == Method::POST;
        Asked {
            method: operation.method.clone(),
            path: operation.path,
            token,
            content_type: is_post.then_some("application/json"),
            body: if is_post { body.to_string().into_bytes() } else { Vec::new() },
        }
    }
}

#[test]
fn every_operation_has_its_case_and_every_case_its_operation() {
    assert_eq!(table().count(), OPERATIONS.len());
    for case in CASES {
        assert_eq!(OPERATIONS.iter().filter(|operation| operation.path == case.path).count(), 1, "{}", case.path);
    }
    assert_eq!(CASES.len(), OPERATIONS.len(), "a case stands twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_succeeds_and_leaves_one_leaf_or_none_where_it_shows_hashes_alone() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let token = stage.token(case.role, "oakvale");
        let body = stage.body(case);
        let (reply, leaves) = stage.ask(stage.raw(case.role), Asked::rightly(operation, Some(&token), &body)).await;
        if NEED_TWO.contains(&case.path) {
            // Nobody does it alone: the leaf says that a second person was asked for.
            assert_eq!(reply.outcome(), (409, "approval_needed".to_owned()), "{}: {reply}", case.path);
            let said: Vec<_> = leaves.iter().map(|leaf| leaf.action).collect();
            assert_eq!(said, [Action::ApprovalAsk], "{}", case.path);
            continue;
        }
        assert_eq!(reply.outcome(), (200, "ok".to_owned()), "{}: {reply}", case.path);
        let said: Vec<_> = leaves.iter().map(|leaf| leaf.action).collect();
        assert_eq!(said, Vec::from_iter(operation.action), "{}", case.path);
        for leaf in &leaves {
            assert!(leaf.granted.is_some() && leaf.refused.is_none() && leaf.failed.is_none(), "{leaf:?}");
            assert_eq!(leaf.app.unwrap().as_str(), application_of(case.role), "{}", case.path);
            assert_eq!(leaf.actor.is_some(), operation.needs_person(), "{}: the leaf does not say who", case.path);
            let about = if names_controller(operation) { "oakvale" } else { "vault" };
            assert_eq!(leaf.controller.as_str(), about, "{}", case.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_but_hashes_is_shown() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let body = stage.body(case);
        let asked = Asked::rightly(operation, None, &body);
        match operation.action {
            Some(action) => {
                // The vault is open, so that nobody's token would do more.
                let missing = if operation.needs_person() { Code::CredentialMissing } else { Code::AlreadyOpen };
                let leaf = stage.refused(stage.raw(case.role), asked, action, missing).await;
                assert_eq!(leaf.actor, None, "{}", case.path);
            }
            None => {
                let (reply, leaves) = stage.ask(stage.raw(case.role), asked).await;
                assert_eq!((reply.status, leaves.len()), (200, 0), "{}: {reply}", case.path);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_is_refused_everywhere() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let body = stage.body(case);
        let asked = Asked::rightly(operation, Some("no.token.this"), &body);
        stage.refused(stage.raw(case.role), asked, action(operation), Code::CredentialInvalid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_role_is_refused_everywhere() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let (role, code) = case.wrong_role;
        let token = stage.token(role, "oakvale");
        let body = stage.body(case);
        let asked = Asked::rightly(operation, Some(&token), &body);
        let leaf = stage.refused(stage.raw(role), asked, action(operation), code).await;
        assert!(leaf.actor.is_some(), "{}: the leaf does not say who", case.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_application_is_refused_from_another() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let token = stage.token(case.role, "oakvale");
        let other = if application_of(case.role) == "console" { "rents" } else { "dpo" };
        let body = stage.body(case);
        let asked = Asked::rightly(operation, Some(&token), &body);
        stage.refused(stage.raw(other), asked, action(operation), Code::CredentialInvalid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_controllers_staff_are_refused_and_acts_of_no_controller_take_none() {
    let stage = Stage::set().await;
    for (operation, case) in table().filter(|(operation, _)| operation.method == Method::POST) {
        let token = stage.token(case.role, "brookside");
        let mut body = stage.body(case);
        let expected = if names_controller(operation) {
            Code::ForbiddenController
        } else {
            // It belongs to no controller, and a request that names one is not taken for a narrower one.
            body["controller"] = json!("oakvale");
            Code::Malformed
        };
        let asked = Asked::rightly(operation, Some(&token), &body);
        let leaf = stage.refused(stage.raw(case.role), asked, action(operation), expected).await;
        let about = if names_controller(operation) { "oakvale" } else { "vault" };
        assert_eq!(leaf.controller.as_str(), about, "{}", case.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_does_not_exist_is_refused_like_one_without_right() {
    let stage = Stage::set().await;
    for (operation, case) in table().filter(|(operation, _)| names_controller(operation)) {
        let token = stage.token(case.role, "oakvale");
        let mut body = stage.body(case);
        body["controller"] = json!("elsewhere");
        let asked = Asked::rightly(operation, Some(&token), &body);
        let code = Code::ForbiddenController;
        let leaf = stage.refused(stage.raw(case.role), asked, action(operation), code).await;
        assert_eq!(leaf.controller.as_str(), "vault", "{}", case.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_method_is_refused_everywhere() {
    let stage = Stage::set().await;
    for (operation, case) in table() {
        let token = stage.token(case.role, "oakvale");
        let body = stage.body(case);
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if method == operation.method {
                continue;
            }
            let asked = |method| Asked { method, ..Asked::rightly(operation, Some(&token), &body) };
            stage.refused(stage.raw(case.role), asked(method.clone()), action(operation), Code::MethodNotAllowed).await;
            let (reply, _) = stage.ask(stage.raw(case.role), asked(method)).await;
            assert_eq!(reply.headers["allow"], operation.method.as_str(), "{}", case.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_content_type_is_refused_everywhere() {
    let stage = Stage::set().await;
    for (operation, case) in table().filter(|(operation, _)| operation.method == Method::POST) {
        let token = stage.token(case.role, "oakvale");
        let body = stage.body(case);
        for content_type in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
        {
            let asked = Asked { content_type, ..Asked::rightly(operation, Some(&token), &body) };
            stage.refused(stage.raw(case.role), asked, action(operation), Code::UnsupportedMediaType).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_the_operations_json_is_refused_everywhere() {
    let stage = Stage::set().await;
    for (operation, case) in table().filter(|(operation, _)| operation.method == Method::POST) {
        let token = stage.token(case.role, "oakvale");
        let body = stage.body(case);
        let whole = body.to_string();
        let mut surplus = body.clone();
        surplus["surplus"] = json!(1);
        let broken = [
            String::new(),
            "nonsense".into(),
            whole[..whole.len() - 1].into(),
            format!("{whole}{whole}"),
            surplus.to_string(),
        ];
        for body in broken {
            let asked = Asked { body: body.into_bytes(), ..Asked::rightly(operation, Some(&token), &Value::Null) };
            stage.refused(stage.raw(case.role), asked, action(operation), Code::Malformed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_without_a_token_is_told_of_the_token_alone() {
    let stage = Stage::set().await;
    for (operation, case) in table().filter(|(operation, _)| operation.needs_person()) {
        let asked = Asked { body: b"nonsense".to_vec(), ..Asked::rightly(operation, None, &Value::Null) };
        stage.refused(stage.raw(case.role), asked, action(operation), Code::CredentialMissing).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_operation_is_refused_with_a_leaf() {
    let stage = Stage::set().await;
    let token = stage.token("rents", "oakvale");
    for path in
        ["/", "/v1", "/v1/records", "/v1/records/read/", "/v1/records/readall", "/v2/records/read", "/V1/status"]
    {
        let asked = Asked { path, ..Asked::rightly(&OPERATIONS[0], Some(&token), &json!({})) };
        stage.refused(stage.raw("rents"), asked, Action::Unknown, Code::NoSuchOperation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_kept_by_nobody_and_names_its_request() {
    let stage = Stage::set().await;
    let mut seen = std::collections::BTreeSet::new();
    for (operation, case) in table() {
        for token in [Some(stage.token(case.role, "oakvale")), None] {
            let body = stage.body(case);
            let (reply, _) = stage.ask(stage.raw(case.role), Asked::rightly(operation, token.as_deref(), &body)).await;
            assert_eq!(reply.headers["cache-control"], "no-store", "{}", case.path);
            let request = reply.headers["x-request-id"].to_str().unwrap().to_owned();
            assert_eq!(request.len(), 24, "{}", case.path);
            if reply.status == 401 {
                assert_eq!(reply.headers["content-type"], "application/problem+json", "{}", case.path);
                assert_eq!(reply.headers["www-authenticate"], "Bearer", "{}", case.path);
                assert_eq!(reply.json()["request"], request.as_str(), "{}", case.path);
            }
            assert!(seen.insert(request), "{}: a request id came twice", case.path);
        }
    }
}
