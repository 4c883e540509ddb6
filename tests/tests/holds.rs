//! Legal holds: while one stands, nothing of the person is erased, whoever asks and whatever comes at the same time.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::harness::{Home, Reply, Running, Serving, Staff, Store};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::store::{Engine, Family};
use coffer_wire::holds::HOLDS_MAX;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

const ROUNDS: usize = 60;

async fn vault() -> Running {
    let vault = Home::new(Store::Memory).serve();
    for person in ["held", "free"] {
        bank(&vault, person).await;
    }
    vault
}

async fn bank(vault: &Running, person: &str) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", person, "r", json!({ "sort_code": "00-00-01" })).await.granted();
}

fn hold(person: &str) -> Value {
    json!({ "controller": "oakvale", "person": person, "reason": "claim 7 is before the court" })
}

async fn set(dpo: &Staff, person: &str) -> Value {
    dpo.post("/v1/holds/set", &hold(person)).await.granted().json()["hold"].clone()
}

fn lifting(person: &str, hold: &Value) -> Value {
    json!({ "controller": "oakvale", "person": person, "hold": hold, "reason": "the claim is settled" })
}

async fn lift(vault: &Running, person: &str, hold: &Value) -> Reply {
    let (dpo, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    dpo.post_by_two(&second, "/v1/holds/lift", &lifting(person, hold)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_held_person_is_erased_until_two_have_lifted_it() {
    let vault = vault().await;
    let dpo = vault.staff("dpo", "oakvale");
    let start = vault.log_size();
    let hold = set(&dpo, "held").await;
    let leaf = vault.leaves_since(start).pop().unwrap();
    assert_eq!((leaf.action, leaf.controller.as_str()), (Action::HoldSet, "oakvale"));
    assert!(leaf.granted.is_some() && leaf.subject.is_some());
    for _ in 0..2 {
        let start = vault.log_size();
        dpo.erase_person("held", &[]).await.refused(409, "on_hold");
        dpo.erase_person("held", &["bank"]).await.refused(409, "on_hold");
        dpo.erase("bank", "held", "r").await.refused(409, "on_hold");
        let leaves = vault.leaves_since(start);
        assert!(leaves.len() == 3 && leaves.iter().all(|leaf| leaf.refused == Some(Code::OnHold)), "{leaves:?}");
    }
    dpo.erase("bank", "free", "r").await.granted();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.read("bank", "held", "r", &["sort_code"]).await.granted();

    // One person lifts nothing, and neither does the same one twice.
    let asked = dpo.post("/v1/holds/lift", &lifting("held", &hold)).await.refused(409, "approval_needed");
    let id = json!({ "id": asked.json()["approval"] });
    dpo.post("/v1/approvals/approve", &id).await.refused(403, "approval_own");
    vault.staff("security-admin", "oakvale").post("/v1/approvals/approve", &id).await.refused(403, "forbidden_role");
    dpo.erase_person("held", &[]).await.refused(409, "on_hold");
    lift(&vault, "held", &hold).await.granted();
    let listed = dpo.post("/v1/approvals/list", &json!({})).await.granted().json();
    assert_eq!(listed["approvals"][0]["state"], "used", "{listed}");
    lift(&vault, "held", &hold).await.refused(404, "not_found");
    dpo.erase_person("held", &[]).await.granted();
    officer.read("bank", "held", "r", &["sort_code"]).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_holds_each_one_stands_by_itself() {
    let vault = vault().await;
    let dpo = vault.staff("dpo", "oakvale");
    let (one, other) = (set(&dpo, "held").await, set(&dpo, "held").await);
    let listed = dpo.post("/v1/holds/list", &json!({ "controller": "oakvale" })).await.granted().json();
    let ids: Vec<&Value> = listed["holds"].as_array().unwrap().iter().map(|hold| &hold["id"]).collect();
    assert!(ids.len() == 2 && ids.contains(&&one) && ids.contains(&&other), "{listed}");
    assert_eq!((&listed["holds"][0]["person"], &listed["holds"][0]["stands"]), (&json!("held"), &json!(true)));
    lift(&vault, "held", &one).await.granted();
    dpo.erase_person("held", &[]).await.refused(409, "on_hold");
    lift(&vault, "held", &other).await.granted();
    dpo.erase_person("held", &[]).await.granted();
}

/// A hold tells nothing to whoever may not erase, and nothing of whether there is anything to erase.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_does_not_tell_that_somebody_exists() {
    let vault = vault().await;
    let dpo = vault.staff("dpo", "oakvale");
    for person in ["held", "nobody"] {
        set(&dpo, person).await;
        dpo.erase_person(person, &[]).await.refused(409, "on_hold");
        dpo.erase("bank", person, "r").await.refused(409, "on_hold");
        dpo.erase("bank", person, "other").await.refused(409, "on_hold");
        for role in ["rents", "bank-officer", "auditor", "security-admin"] {
            let staff = vault.staff(role, "oakvale");
            assert_eq!(staff.erase_person(person, &[]).await.outcome().0, 403, "{role}");
            assert_eq!(staff.post("/v1/holds/set", &hold(person)).await.outcome().0, 403, "{role}");
            assert_eq!(
                staff.post("/v1/holds/list", &json!({ "controller": "oakvale" })).await.outcome().0,
                403,
                "{role}"
            );
        }
    }
    dpo.erase_person("nobody-else", &[]).await.refused(404, "not_found");
    // Another controller's person of the same id is another person.
    let other = vault.staff("dpo", "brookside");
    other.erase_person("held", &[]).await.refused(404, "not_found");
    let listed = other.post("/v1/holds/list", &json!({ "controller": "brookside" })).await.granted().json();
    assert_eq!(listed["holds"], json!([]));
    other.post("/v1/holds/set", &hold("held")).await.refused(403, "forbidden_controller");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_without_a_reason_or_with_a_past_end_is_refused() {
    let vault = vault().await;
    let dpo = vault.staff("dpo", "oakvale");
    for (member, value) in [
        ("reason", json!("")),
        ("reason", json!("  ")),
        ("reason", json!("w".repeat(257))),
        ("until_ms", json!(1)),
        ("until_ms", json!("soon")),
    ] {
        let mut body = hold("held");
        body[member] = value;
        let start = vault.log_size();
        dpo.post("/v1/holds/set", &body).await.refused(400, "malformed");
        assert_eq!(vault.leaves_since(start).pop().unwrap().refused, Some(Code::Malformed));
    }
    let none = json!("AAAAAAAAAAAAAAAAAAAAAA");
    dpo.post("/v1/holds/lift", &lifting("held", &none)).await.refused(404, "not_found");
    dpo.erase_person("held", &[]).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_with_an_end_ends_by_itself_at_that_millisecond_and_outlives_restarts() {
    let mut home = Home::new(Store::Memory);
    let clock = Arc::new(Manual::new(System.now_ms()));
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    bank(&vault, "held").await;
    let mut body = hold("held");
    body["until_ms"] = json!(clock.now_ms() + 60_000);
    vault.staff("dpo", "oakvale").post("/v1/holds/set", &body).await.granted();
    let vault = vault.restart().await;
    clock.advance(59_999);
    vault.staff("dpo", "oakvale").erase_person("held", &[]).await.refused(409, "on_hold");
    clock.advance(1);
    vault.staff("dpo", "oakvale").erase_person("held", &[]).await.granted();
}

/// Whichever is numbered first counts: no erase stands behind a hold in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_numbered_before_an_erase_always_wins() {
    let vault = vault().await;
    let (dpo, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    for staff in [&dpo, &second] {
        staff.post("/v1/holds/list", &json!({ "controller": "oakvale" })).await.granted();
    }
    let (mut held, mut erased) = (0, 0);
    for round in 0..ROUNDS {
        let person = format!("p{round}");
        bank(&vault, &person).await;
        let body = hold(&person);
        let setting = dpo.post("/v1/holds/set", &body);
        let (set, erase) = match round % 2 {
            0 => tokio::join!(setting, second.erase_person(&person, &[])),
            _ => tokio::join!(setting, second.erase("bank", &person, "r")),
        };
        let set = set.granted().json()["receipt"]["index"].as_u64().unwrap();
        match erase.outcome() {
            (200, _) => {
                let ended = erase.item(0)["receipts"][0]["index"].as_u64().unwrap();
                assert!(ended < set, "round {round}: erased at {ended}, held at {set}");
                erased += 1;
            }
            (409, code) => {
                assert_eq!(code, "on_hold");
                vault.staff("bank-officer", "oakvale").read("bank", &person, "r", &["sort_code"]).await.granted();
                held += 1;
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
    println!("{held} held, {erased} erased before");
    assert!(held > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_lies_sealed_apart_from_the_rows_and_does_not_open_when_it_is_altered() {
    let home = Home::new(Store::Memory);
    let memory = home.memory();
    let vault = home.serve();
    bank(&vault, "held").await;
    let dpo = vault.staff("dpo", "oakvale");
    set(&dpo, "held").await;
    let (key, row) = memory.scan(Family::Meta, b"hold:", None, 10).unwrap().remove(0);
    for text in ["held", "claim 7", "dpo@example"] {
        assert!(!row.windows(text.len()).any(|window| window == text.as_bytes()), "{text} lies in clear");
    }
    let bank = Family::Rows(coffer_tests::harness::name("bank"));
    let (of_the_row, _) = memory.scan(bank, b"", None, 1).unwrap().remove(0);
    let locator = &key[b"hold:oakvale:".len()..][..16];
    assert_ne!(&of_the_row[..16], locator, "a hold can be joined with the rows");
    let mut flipped = row.clone();
    *flipped.last_mut().unwrap() ^= 1;
    memory.tamper(Family::Meta, &key, Some(flipped));
    dpo.erase_person("held", &[]).await.refused(500, "altered");
    dpo.erase("bank", "held", "r").await.refused(500, "altered");
    memory.tamper(Family::Meta, &key, Some(row.clone()));
    dpo.erase("bank", "held", "r").await.refused(409, "on_hold");
    // Nor does one that stands count at another person's place.
    set(&dpo, "free").await;
    let rows = memory.scan(Family::Meta, b"hold:", None, 10).unwrap();
    let (other, _) = rows.into_iter().find(|(other, _)| *other != key).unwrap();
    memory.tamper(Family::Meta, &other, Some(row));
    dpo.erase("bank", "free", "r").await.refused(500, "altered");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_holds_as_may_stand_on_a_person_and_no_more() {
    let vault = vault().await;
    let dpo = vault.staff("dpo", "oakvale");
    for _ in 0..HOLDS_MAX {
        set(&dpo, "held").await;
    }
    let start = vault.log_size();
    dpo.post("/v1/holds/set", &hold("held")).await.refused(409, "too_many_holds");
    assert_eq!(vault.leaves_since(start).pop().unwrap().refused, Some(Code::TooManyHolds));
    set(&dpo, "free").await;
}
