//! Requests for a second person and holds, as the log tells of them: what was put back, and what only a holder of the keys
//! could have written.

use coffer_keys::{Context, Label};
use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_vault::admit::Asked;
use coffer_vault::check::{self, Code, Report, Silent};
use coffer_vault::keyring::{Audited, Keyring};
use coffer_vault::store::{Batch, Family, View, meta};
use coffer_wire::name::VAULT;
use serde_json::{Value, json};

type Row = (Vec<u8>, Vec<u8>);

fn rows(vault: &Running, prefix: &[u8]) -> Vec<Row> {
    vault.engine().scan(Family::Meta, prefix, None, 100).unwrap()
}

fn put(home: &Home, (key, value): &Row) {
    let mut batch = Batch::new();
    batch.put(Family::Meta, key.clone(), value.clone());
    home.engine().commit(&batch).unwrap();
}

fn checked(home: &Home) -> Report {
    let (engine, root) = (home.engine(), home.root_key());
    check::check(&home.to_check(&*engine), Some(&root), &Silent).unwrap()
}

/// What is found, and that it names what it is.
fn found(home: &Home, entry: &str) -> Vec<Code> {
    let report = checked(home);
    assert!(report.findings.kept().iter().all(|finding| finding.place.entry == Some(entry)));
    report.findings.counts().keys().copied().collect()
}

/// A hold on a person, which two lift; and its row as it stood.
async fn lifted(vault: &Running) -> Row {
    let (dpo, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    let body = json!({ "controller": "oakvale", "person": "p", "reason": "a claim" });
    let hold = dpo.post("/v1/holds/set", &body).await.granted().json()["hold"].clone();
    let row = rows(vault, meta::HOLD_PREFIX).remove(0);
    let lift = json!({ "controller": "oakvale", "person": "p", "hold": hold, "reason": "settled" });
    dpo.post_by_two(&second, "/v1/holds/lift", &lift).await.granted();
    row
}

/// A request in each state that it comes to.
async fn requests(vault: &Running) -> Vec<Row> {
    let (dpo, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    let mut seen: Vec<_> = rows(vault, meta::APPROVAL_PREFIX).into_iter().map(|(key, _)| key).collect();
    let mut kept = Vec::new();
    let ask = async |count: u32| {
        let body = json!({
            "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": count, "hours": 1, "reason": "r",
        });
        let asked = dpo.post("/v1/erasures/allow", &body).await.refused(409, "approval_needed");
        (body, asked.json()["approval"].clone())
    };
    let decide = async |verb: &str, id: &Value| {
        second.post(&format!("/v1/approvals/{verb}"), &json!({ "id": id })).await.granted();
    };
    for verb in ["approve", "refuse"] {
        let (mut body, id) = ask(seen.len() as u32 + 1).await;
        let new: Vec<Row> = rows(vault, meta::APPROVAL_PREFIX);
        let open = new.into_iter().find(|(key, _)| !seen.contains(key)).unwrap();
        seen.push(open.0.clone());
        kept.push(open.clone());
        decide(verb, &id).await;
        if verb == "approve" {
            kept.push((open.0.clone(), vault.engine().get(Family::Meta, &open.0).unwrap().unwrap()));
            body["approval"] = id;
            dpo.post("/v1/erasures/allow", &body).await.granted();
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifted_hold_and_a_decided_request_that_are_put_back_are_found() {
    let vault = Home::new(Store::Memory).serve();
    let hold = lifted(&vault).await;
    let older = requests(&vault).await;
    assert_eq!(older.len(), 3);
    let home = vault.stop().await;
    assert_eq!(checked(&home).findings.total(), 0);
    for (at, row) in older.iter().enumerate() {
        let now = (row.0.clone(), home.engine().get(Family::Meta, &row.0).unwrap().unwrap());
        put(&home, row);
        assert_eq!(found(&home, "approval"), [Code::ApprovalStateWrong], "row {at}");
        put(&home, &now);
    }
    put(&home, &hold);
    assert_eq!(found(&home, "hold"), [Code::HoldUnlogged]);
}

/// A holder of the keys copies an approved request to another name: it opens there, and no leaf speaks of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_asked_for_is_found_though_it_opens() {
    let vault = Home::new(Store::Memory).serve();
    let (key, row) = requests(&vault).await.remove(1);
    let home = vault.stop().await;
    let engine = home.engine();
    let (keyring, _) = Keyring::open(&*engine, &home.root_key()).unwrap();
    let period = Asked::period(&row).unwrap();
    let audit = keyring.audit(&VAULT).unwrap();
    let unattributed = audit.audit_key(&View::blocking(&*engine), Audited::Unattributed(period.as_str()));
    let unattributed = unattributed.ok().unwrap().unwrap().unwrap();
    let place = |id: &[u8]| Context::new(Label::Private).text("approval").part(id);
    let plain = unattributed.open(&place(&key[meta::APPROVAL_PREFIX.len()..]), &row[3..]).ok().unwrap();
    let sealed = unattributed.seal(&place(&[7; 16]), plain.as_bytes(), 2_048).ok().unwrap();
    put(&home, &([meta::APPROVAL_PREFIX, &[7; 16]].concat(), [&row[..3], &sealed].concat()));
    assert_eq!(found(&home, "approval"), [Code::ApprovalUnlogged]);
}
