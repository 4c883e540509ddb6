//! A security admin's keys: rotated while the vault serves, counted, destroyed, shredded; and what is refused.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Reply, Running, Serving, Store};
use coffer_vault::jobs::{self, Progress};
use coffer_vault::keyring::Under;
use coffer_vault::keyring::record::{RootRow, State, Use};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

/// People with bank details.
const PEOPLE: usize = 40;
/// Longer than any of these jobs takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A vault with people in it.
async fn peopled() -> Running {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for number in 0..PEOPLE {
        officer.write("bank", &person(number), "r", json!({ "sort_code": "00-00-01" })).await.granted();
    }
    vault
}

fn person(number: usize) -> String {
    format!("person-{number}")
}

async fn ask(vault: &Running, verb: &str, body: &Value) -> Reply {
    vault.staff("security-admin", "oakvale").post(&format!("/v1/keys/{verb}"), body).await
}

fn rotate_bank() -> Value {
    json!({ "controller": "oakvale", "category": "bank", "reason": "yearly" })
}

fn bank(version: u32) -> Value {
    json!({ "controller": "oakvale", "category": "bank", "version": version, "reason": "because" })
}

async fn jobs_end(vault: &Running) {
    let started = Instant::now();
    loop {
        let jobs = jobs::list(&**vault.engine()).unwrap();
        if jobs.iter().all(|job| job.row.progress != Progress::Running) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{:?}", jobs.iter().map(|job| &job.row).collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// State of each version of the key of bank details, and how much lies under it.
fn versions(vault: &Running) -> Vec<(u32, State, u64)> {
    let under = Under::count(&**vault.engine()).unwrap();
    let rows = coffer_vault::keyring::root_rows(&**vault.engine()).unwrap();
    let of_bank = |row: &RootRow| {
        row.usage == Use::Category && row.controller.as_str() == "oakvale" && row.category.as_str() == "bank"
    };
    let rows = rows.iter().filter(|(_, row)| of_bank(row));
    let mut versions: Vec<_> = rows.map(|(id, row)| (row.version, row.state, under.of(id))).collect();
    versions.sort_by_key(|(version, ..)| *version);
    versions
}

async fn everybody_is_read(vault: &Running) {
    let rents = vault.staff("rents", "oakvale");
    for number in 0..PEOPLE {
        rents.read("bank", &person(number), "r", &["sort_code"]).await.granted();
    }
}

fn leaves_of(vault: &Running, action: Action) -> Vec<Leaf> {
    vault.leaves_since(0).into_iter().filter(|leaf| leaf.action == action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_moves_every_key_and_the_old_version_can_then_be_destroyed() {
    let vault = peopled().await;
    assert_eq!(versions(&vault), [(1, State::Active, PEOPLE as u64)]);
    let told = ask(&vault, "rotate", &rotate_bank()).await.granted().json();
    assert_eq!(told["rotated"][0]["version"], 2);
    jobs_end(&vault).await;
    assert_eq!(versions(&vault), [(1, State::DecryptOnly, 0), (2, State::Active, PEOPLE as u64)]);
    everybody_is_read(&vault).await;
    let rewrapped = leaves_of(&vault, Action::KeysRewrap);
    assert_eq!(rewrapped.iter().map(|leaf| leaf.version).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(rewrapped[0].controller.as_str(), "oakvale");

    ask(&vault, "destroy", &bank(1)).await.granted();
    assert_eq!(versions(&vault), [(1, State::Destroyed, 0), (2, State::Active, PEOPLE as u64)]);
    everybody_is_read(&vault).await;
    let vault = vault.restart().await;
    everybody_is_read(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_stopped_goes_on_at_the_next_start() {
    let vault = peopled().await;
    let slowly = json!({ "controller": "oakvale", "category": "bank", "reason": "yearly", "rate": 1 });
    ask(&vault, "rotate", &slowly).await.granted();
    let refused = ask(&vault, "destroy", &bank(1)).await;
    assert_eq!(refused.outcome(), (409, "key_in_use".to_owned()), "{refused}");
    assert_eq!(ask(&vault, "rotate", &rotate_bank()).await.outcome(), (409, "rotation_runs".to_owned()));
    let vault = vault.restart().await;
    everybody_is_read(&vault).await;
    let listed = ask(&vault, "jobs", &json!({})).await.granted().json();
    assert_eq!((listed["jobs"][0]["state"].as_str(), listed["jobs"][0]["rate"].as_u64()), (Some("running"), Some(1)));
    let started = Instant::now();
    while ask(&vault, "jobs", &json!({})).await.granted().json()["jobs"][0]["done"].as_u64().unwrap() < 2 {
        assert!(started.elapsed() < PATIENCE, "the job does not go on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
