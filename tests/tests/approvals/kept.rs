//! What is asked for lies in the store: across a restart, in bounds, sealed, and not for whoever writes to the disk.

use coffer_tests::harness::{Home, Serving, Store};
use coffer_vault::store::{Engine, Family};
use serde_json::json;

use crate::{Admins, approve, epoch, listed, refuse, wider, with};

const PREFIX: &[u8] = b"approval:";
/// Open requests of one person, at most.
const OPEN_MAX: usize = 16;
/// Requests of one person that are kept, at most.
const KEPT_MAX: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_approval_outlive_restarts() {
    let vault = Home::new(Store::Rocks).serve();
    let body = wider(&vault, "intake");
    let id = Admins::of(&vault).await.ask(&body).await;
    let vault = vault.restart().await;
    approve(&Admins::of(&vault).await.second, &id).await.granted();
    let vault = vault.restart().await;
    let before = epoch(&vault).await;
    Admins::of(&vault).await.first.post("/v1/access/apply", &with(&body, &id)).await.granted();
    let vault = vault.restart().await;
    assert_eq!(epoch(&vault).await, before + 1);
    assert_eq!(listed(&Admins::of(&vault).await.second).await[0]["state"], "used");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_sixteen_open_and_another_is_not_held_up() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let body = |number: usize| {
        let mut body = wider(&vault, "intake");
        body["files"]["access.toml"] = json!(format!("{}# {number}\n", body["files"]["access.toml"].as_str().unwrap()));
        body
    };
    let mut ids = Vec::new();
    for number in 0..OPEN_MAX {
        ids.push(admins.ask(&body(number)).await);
    }
    admins.first.post("/v1/access/apply", &body(OPEN_MAX)).await.refused(409, "too_many_approvals");
    assert_eq!(listed(&admins.first).await.len(), OPEN_MAX);
    admins.second.post("/v1/access/apply", &body(0)).await.refused(409, "approval_needed");
    // Taken back, there is room for another.
    refuse(&admins.first, &ids[3]).await.granted();
    admins.ask(&body(OPEN_MAX)).await;
}

/// What has ended is kept for a while, so that nobody fills the store with requests that are taken back.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_person_a_thousand_are_kept_whatever_became_of_them() {
    let vault = Home::new(Store::Memory).without_limits().serve();
    let (first, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    let body = |count: usize| {
        json!({
            "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": count, "hours": 1, "reason": "r",
        })
    };
    for number in 1..=KEPT_MAX {
        let asked = first.post("/v1/erasures/allow", &body(number)).await.refused(409, "approval_needed").json();
        refuse(&first, &asked["approval"]).await.granted();
    }
    first.post("/v1/erasures/allow", &body(KEPT_MAX + 1)).await.refused(409, "too_many_approvals");
    second.post("/v1/erasures/allow", &body(1)).await.refused(409, "approval_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_to_the_disk_approves_nothing_and_reads_no_name() {
    let home = Home::new(Store::Memory);
    let memory = home.memory();
    let vault = home.serve();
    let admins = Admins::of(&vault).await;
    let rows = || memory.scan(Family::Meta, PREFIX, None, 10).unwrap();
    let body = wider(&vault, "intake");
    let id = admins.ask(&body).await;
    let (key, open) = rows().remove(0);
    for text in ["security-admin@example", "intake", "asked"] {
        assert!(!open.windows(text.len()).any(|window| window == text.as_bytes()), "{text} lies in clear");
    }
    // Another request that was approved, under the name of this one.
    let other = wider(&vault, "rents");
    let approved = admins.ask(&other).await;
    approve(&admins.second, &approved).await.granted();
    let (_, given) = rows().into_iter().find(|(other, _)| *other != key).unwrap();
    memory.tamper(Family::Meta, &key, Some(given));
    admins.first.post("/v1/access/apply", &with(&body, &id)).await.refused(500, "altered");
    for at in [0, 3, open.len() / 2, open.len() - 1] {
        let mut flipped = open.clone();
        flipped[at] ^= 1;
        memory.tamper(Family::Meta, &key, Some(flipped));
        admins.first.post("/v1/access/apply", &with(&body, &id)).await.refused(500, "altered");
        approve(&admins.second, &id).await.refused(500, "altered");
    }
    memory.tamper(Family::Meta, &key, Some(open));
    approve(&admins.second, &id).await.granted();
}
