//! Policy and schema: in force for the very next request, and after a restart.

use std::sync::Arc;

use coffer_tests::engines::Held;
use coffer_tests::harness::{Home, Running, Serving, Staff, Store, name};
use coffer_vault::store::{Engine, Family};
use coffer_wire::leaf::Action;
use coffer_wire::{Hash, problem::Code};
use serde_json::{Value, json};

const PARKING: &str = r#"
name = "parking"
title = "Parking"
case_required = false
purposes = ["parking-permits"]
lawful_basis = "6(1)(b)"
source = ["person"]
retention = "until the tenancy has ended"

[[field]]
number = 1
name = "what"
type = "text"
max_bytes = 100
mask = "first1"
purposes = ["parking-permits"]
"#;

const PARKING_GRANT: &str = r#"
[[grant]]
name = "adviser-parking"
role = "debt-adviser"
category = "parking"
actions = ["read", "write", "list"]
fields = ["what"]
forms = ["clear", "masked"]
purposes = ["parking-permits"]

[[application]]
"#;

async fn apply(vault: &Running, what: &str, files: Value) -> Value {
    vault.apply(what, files).await.json()
}

/// The shipped policy without what bank officers may read for payments.
fn narrowed(home: &Home) -> String {
    let access = home.text("access.toml");
    let start = access.find("[[grant]]\nname = \"officer-bank-payments\"").unwrap();
    let end = start + access[start + 9..].find("[[grant]]").unwrap() + 9;
    [&access[..start], &access[end..]].concat()
}

async fn epoch(vault: &Running) -> u64 {
    vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json()["policy"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_policy_is_in_force_for_the_next_request_and_after_a_restart() {
    let vault = Home::new(Store::Rocks).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    officer.read("bank", "p", "r", &["sort_code"]).await.granted();
    let before = epoch(&vault).await;
    let applied = apply(&vault, "access", json!({ "access.toml": narrowed(vault.home()) })).await;
    assert_eq!(applied["policy"], before + 1);
    let vault = still_narrowed(vault, officer, before + 1).await;
    let officer = vault.staff("bank-officer", "oakvale");
    let vault = still_narrowed(vault.restart().await, officer, before + 1).await;
    // And the other way: what is given back counts at once too.
    apply(&vault, "access", json!({ "access.toml": vault.home().text("access.toml") })).await;
    vault.staff("bank-officer", "oakvale").read("bank", "p", "r", &["sort_code"]).await.granted();
}

/// Reads for payments are refused, those for refunds and writes are not.
async fn still_narrowed(vault: Running, officer: Staff, policy: u64) -> Running {
    let officer = officer.through(vault.raw("rents-desk"));
    let start = vault.log_size();
    officer.read("bank", "p", "r", &["sort_code"]).await.refused(403, "purpose_not_permitted");
    let refusal = vault.leaves_since(start).pop().unwrap();
    assert_eq!((refusal.refused, u64::from(refusal.policy)), (Some(Code::PurposeNotPermitted), policy));
    officer.for_purpose("refunds").read("bank", "p", "r", &["sort_code"]).await.granted();
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-02" })).await.granted();
    assert_eq!(epoch(&vault).await, policy);
    vault
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_after_an_activation_is_decided_under_it_however_many_ask() {
    let vault = Home::new(Store::Rocks).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let asking = (0..8).map(|_| {
        let officer = officer.clone();
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            while outcomes.iter().filter(|(status, _)| *status == 403).count() < 5 {
                outcomes.push(officer.read("bank", "p", "r", &["sort_code"]).await.outcome());
            }
            outcomes
        })
    });
    let asking: Vec<_> = asking.collect();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let next = epoch(&vault).await + 1;
    apply(&vault, "access", json!({ "access.toml": narrowed(vault.home()) })).await;
    officer.read("bank", "p", "r", &["sort_code"]).await.refused(403, "purpose_not_permitted");
    for asker in asking {
        let outcomes = asker.await.unwrap();
        let granted = outcomes.iter().position(|(status, _)| *status != 200).unwrap();
        assert!(outcomes[granted..].iter().all(|outcome| *outcome == (403, "purpose_not_permitted".to_owned())));
    }
    let mut applied = false;
    for leaf in vault.leaves_since(0) {
        applied |= leaf.action == Action::AccessApply && u64::from(leaf.policy) + 1 == next && leaf.app.is_some();
        if leaf.action == Action::RecordsRead {
            assert_eq!(leaf.granted.is_none(), applied, "a read stands on the wrong side of the activation: {leaf:?}");
        }
    }
    assert!(applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_category_can_be_used_at_once_and_after_a_restart() {
    let vault = Home::new(Store::Rocks).serve();
    let adviser = vault.staff("debt-adviser", "oakvale").for_purpose("parking-permits");
    let fields = || json!({ "what": "a blue van" });
    adviser.write("parking", "p", "r", fields()).await.refused(422, "unknown_category");
    let mut files = vault.home().schema();
    files.insert("parking.toml".to_owned(), PARKING.to_owned());
    let start = vault.log_size();
    let applied = apply(&vault, "schema", json!(files)).await;
    let leaves = vault.leaves_since(start);
    let activation = leaves.iter().find(|leaf| leaf.action == Action::SchemaApply).unwrap();
    assert_eq!(activation.row, Some(Hash::sha256(&serde_json::to_vec(&files).unwrap())));
    assert_eq!(applied["hash"], activation.row.unwrap().to_string());
    let made = leaves.iter().filter(|leaf| leaf.action == Action::KeyCreate && leaf.version.is_some());
    assert!(made.count() >= 4, "a category key and a locator key for each of two controllers: {leaves:?}");
    // Nobody has a grant yet.
    adviser.write("parking", "p", "r", fields()).await.refused(403, "forbidden_application");

    let access = vault.home().text("access.toml").replacen("\n[[application]]\n", PARKING_GRANT, 1);
    let access =
        access.replace("categories = [\"care\", \"debts\"]", "categories = [\"care\", \"debts\", \"parking\"]");
    let access =
        access.replace("\"debt-advice\", \"arrears-review\"]\nacts", "\"debt-advice\", \"parking-permits\"]\nacts");
    apply(&vault, "access", json!({ "access.toml": access })).await;
    adviser.write("parking", "p", "r", fields()).await.granted();
    vault
        .staff("debt-adviser", "brookside")
        .for_purpose("parking-permits")
        .write("parking", "p", "r", fields())
        .await
        .granted();
    let read = adviser.read("parking", "p", "r", &["what"]).await.granted();
    assert_eq!(read.item(0)["fields"]["what"], "a blue van");
    let policy = epoch(&vault).await;

    let vault = vault.restart().await;
    assert_eq!(epoch(&vault).await, policy);
    let adviser = vault.staff("debt-adviser", "oakvale").for_purpose("parking-permits");
    let read = adviser.read_as("masked", "parking", "p", "r", &["what"]).await.granted();
    assert_ne!(read.item(0)["fields"]["what"], "a blue van");
    adviser.write("parking", "q", "r", fields()).await.granted();
    adviser.for_purpose("arrears-review").list("debts", "p").await.refused(403, "purpose_not_permitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_with_a_mistake_changes_nothing_and_is_told_where_it_is() {
    let vault = Home::new(Store::Memory).serve();
    let admin = vault.staff("security-admin", "oakvale");
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let access = vault.home().text("access.toml");
    let policy = epoch(&vault).await;
    admin.post("/v1/whoami", &json!({})).await.granted();
    let united = access.replace("role = \"dpo\"\ncategory = \"bank\"", "role = \"auditor\"\ncategory = \"bank\"");
    let proposals = [
        ("access", json!({})),
        ("access", json!({ "access.toml": format!("{access}\nsurplus = 1\n") })),
        ("access", json!({ "access.toml": access.replace("category = \"bank\"", "category = \"banks\"") })),
        ("access", json!({ "access.toml": united })),
        ("access", json!({ "access.toml": access, "more.toml": "" })),
        ("schema", json!({})),
        ("schema", json!({ "bank.toml": vault.home().text("schema/bank.toml") })),
        ("schema", json!({ "bank.toml": "name = " })),
    ];
    for (what, files) in proposals {
        let start = vault.log_size();
        let reply = admin.post(&format!("/v1/{what}/apply"), &json!({ "files": files })).await;
        assert_eq!(reply.outcome(), (422, "invalid_proposal".to_owned()), "{what} {files}: {reply}");
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{reply}");
        let leaves = vault.leaves_since(start);
        assert_eq!(leaves.len(), 1);
        assert_eq!(leaves[0].refused, Some(Code::InvalidProposal));
        officer.read("bank", "p", "r", &["sort_code"]).await.granted();
    }
    assert_eq!(epoch(&vault).await, policy);
}

/// What is in force in the log must come into force in the vault, whoever waits for the answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_hangs_up_during_an_activation_does_not_stop_the_vault() {
    let home = Home::new(Store::Memory);
    let held = Arc::new(Held::over(home.memory()));
    let vault = home.serve_on(held.clone());
    let (admin, rents) = (vault.staff("security-admin", "oakvale"), vault.staff("rents", "oakvale"));
    rents.list("bank", "p").await.refused(404, "not_found");
    admin.post("/v1/whoami", &json!({})).await.granted();
    let (before, access) = (epoch(&vault).await, vault.home().text("access.toml"));
    held.hold();
    let body = json!({ "files": { "access.toml": format!("{access}\n") } });
    let asking = tokio::spawn(async move { admin.post("/v1/access/apply", &body).await });
    held.waits().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // The connection is closed by now; give the vault the time to see it.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    held.release();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while rents.list("bank", "p").await.outcome() != (404, "not_found".to_owned()) {
        assert!(std::time::Instant::now() < patience, "the vault decides under a policy that is no more");
    }
    assert_eq!(epoch(&vault).await, before + 1);
}

/// What did not open is in the log, once, also where a policy comes into force between the access and that.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_recorded_once_whatever_comes_into_force_before_it() {
    let home = Home::new(Store::Memory);
    let (held, memory) = (Arc::new(Held::over(home.memory())), home.memory());
    let vault = home.serve_on(held.clone());
    let (admin, officer) = (vault.staff("security-admin", "oakvale"), vault.staff("bank-officer", "oakvale"));
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    admin.post("/v1/whoami", &json!({})).await.granted();
    let bank = Family::Rows(name("bank"));
    let (key, mut row) = memory.scan(bank, b"", None, 1).unwrap().remove(0);
    *row.last_mut().unwrap() ^= 1;
    memory.tamper(bank, &key, Some(row));

    let (before, access) = (vault.log_size(), vault.home().text("access.toml"));
    held.hold();
    let reading = tokio::spawn(async move { officer.read("bank", "p", "r", &["sort_code"]).await });
    held.waits().await;
    let body = json!({ "files": { "access.toml": format!("{access}\n") } });
    let applying = tokio::spawn(async move { admin.post("/v1/access/apply", &body).await });
    while vault.house().ledger().waiting() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    held.release();
    applying.await.unwrap().granted();
    let reply = reading.await.unwrap().refused(500, "altered");
    let leaves = vault.leaves_since(before);
    let of_the_read: Vec<_> = leaves.iter().filter(|leaf| leaf.action == Action::RecordsRead).collect();
    let [access, failure] = &of_the_read[..] else { panic!("{leaves:?}") };
    assert!(access.granted.is_some() && failure.failed.is_some(), "{leaves:?}");
    assert_eq!(leaves.len(), 3, "{leaves:?}");
    assert_eq!(reply.item(0)["receipts"][0]["index"], before + 2, "{reply}");
}
