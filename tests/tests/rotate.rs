//! A security admin's keys: rotated while the vault serves, counted, destroyed, shredded; and what is refused.
#![allow(clippy::unwrap_used)]

#[path = "rotate/deep.rs"]
mod deep;

use std::time::{Duration, Instant};

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Reply, Running, Serving, Store};
use coffer_vault::check::{self, Silent};
use coffer_vault::jobs::{self, JobRow, Progress};
use coffer_vault::keyring::record::{RootRow, State, SubjectRow, Use};
use coffer_vault::keyring::{Keyring, Under};
use coffer_vault::store::{Batch, Engine, Family, Overlay};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
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
    let mut body = body.clone();
    if verb == "compromised" {
        body["state"] = json!(verb);
        return vault.staff("security-admin", "oakvale").post("/v1/key/state", &body).await;
    }
    let body = &body;
    vault.staff("security-admin", "oakvale").post(&format!("/v1/keys/{verb}"), body).await
}

/// The same of what needs two people: asked for, approved by a second admin, and asked again.
async fn both(vault: &Running, verb: &str, body: &Value) -> Reply {
    let asked = ask(vault, verb, body).await;
    if asked.outcome() != (409, "approval_needed".to_owned()) {
        return asked;
    }
    let id = asked.json()["approval"].clone();
    let second = vault.home().token_of("second@example", &["security-admin"], "console", &["oakvale"]);
    let second = vault.staff("security-admin", "oakvale").with_token(second);
    second.post("/v1/approvals/approve", &json!({ "id": id })).await.granted();
    let mut body = body.clone();
    body["approval"] = id;
    ask(vault, verb, &body).await
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

/// The versions of the key of bank details, as they lie in the store.
fn of_bank(vault: &Running) -> Vec<(KeyId, RootRow)> {
    let rows = coffer_vault::keyring::root_rows(&**vault.engine()).unwrap();
    let of_bank = |row: &RootRow| {
        row.usage == Use::Category && row.controller.as_str() == "oakvale" && row.category.as_str() == "bank"
    };
    rows.into_iter().filter(|(_, row)| of_bank(row)).collect()
}

/// State of each version of the key of bank details, and how much lies under it.
fn versions(vault: &Running) -> Vec<(u32, State, u64)> {
    let under = Under::count(&**vault.engine()).unwrap();
    let rows = of_bank(vault);
    let mut versions: Vec<_> = rows.iter().map(|(id, row)| (row.version, row.state, under.of(id))).collect();
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

    both(&vault, "destroy", &bank(1)).await.granted();
    assert_eq!(versions(&vault), [(1, State::Destroyed, 0), (2, State::Active, PEOPLE as u64)]);
    everybody_is_read(&vault).await;
    let vault = vault.restart().await;
    everybody_is_read(&vault).await;
}

/// Everything in the home agrees with its log, with and without the seal.
async fn checked(vault: Running) -> Running {
    let home = vault.stop().await;
    let engine = home.engine();
    for root in [None, Some(home.root_key())] {
        let report = check::check(&home.to_check(&*engine), root.as_ref(), &Silent).unwrap();
        let found: Vec<_> =
            report.findings.kept().iter().map(|finding| (finding.code, finding.place.clone())).collect();
        assert_eq!(found, []);
    }
    drop(engine);
    home.serve()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shredded_key_protected_is_not_found_and_never_altered() {
    let vault = peopled().await;
    let rates = json!({ "controller": "oakvale", "category": "bank", "reason": "lost", "rate": 1 });
    ask(&vault, "rotate", &rates).await.granted();
    let count = versions(&vault)[0].2;
    for wrong in [None, Some(0), Some(count + 1)] {
        let mut body = bank(1);
        body["count"] = json!(wrong);
        let refused = ask(&vault, "shred", &body).await;
        let expected = if wrong.is_none() { "malformed" } else { "count_mismatch" };
        assert_eq!(refused.outcome().1, expected, "{refused}");
    }
    // The job goes on meanwhile, so that the count that was just read may be one too many.
    let shredded = loop {
        let mut body = bank(1);
        body["count"] = json!(versions(&vault)[0].2);
        let reply = both(&vault, "shred", &body).await;
        if reply.outcome().1 != "count_mismatch" {
            break reply.granted().json();
        }
    };
    let gone = shredded["under"].as_u64().unwrap() as usize;
    let (mut absent, rents) = (0, vault.staff("rents", "oakvale"));
    for number in 0..PEOPLE {
        let (status, code) = rents.read("bank", &person(number), "r", &["sort_code"]).await.outcome();
        assert!([(200, "ok"), (404, "not_found")].contains(&(status, code.as_str())), "{status} {code}");
        absent += usize::from(status == 404);
    }
    assert_eq!(absent, gone);
    assert!(gone > PEOPLE / 2, "{gone}");
    // Whoever is written again has a key of the new version.
    let officer = vault.staff("bank-officer", "oakvale");
    for number in 0..PEOPLE {
        officer.write("bank", &person(number), "r", json!({ "sort_code": "00-00-02" })).await.granted();
    }
    everybody_is_read(&vault).await;
    jobs_end(&vault).await;
    let vault = checked(vault).await;
    everybody_is_read(&vault).await;
    assert_eq!(versions(&vault)[0].1, State::Destroyed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_under_a_compromised_key_is_withheld_on_record_until_it_is_moved() {
    let vault = peopled().await;
    let slowly = json!({ "controller": "oakvale", "category": "bank", "reason": "lost", "rate": 20 });
    ask(&vault, "rotate", &slowly).await.granted();
    ask(&vault, "compromised", &bank(1)).await.granted();
    let rents = vault.staff("rents", "oakvale");
    let mut outcomes = Vec::new();
    for number in 0..PEOPLE {
        outcomes.push(rents.read("bank", &person(number), "r", &["sort_code"]).await.outcome());
    }
    let withheld = outcomes.iter().filter(|outcome| **outcome == (503, "key_withheld".to_owned())).count();
    assert!(withheld > 0, "{outcomes:?}");
    assert!(outcomes.iter().all(|(status, _)| [200, 503].contains(status)), "{outcomes:?}");
    let recorded = leaves_of(&vault, Action::RecordsRead);
    let recorded = recorded.iter().filter(|leaf| leaf.refused == Some(Code::KeyWithheld)).count();
    assert_eq!(recorded, withheld, "each was refused on record");
    jobs_end(&vault).await;
    everybody_is_read(&vault).await;
    both(&vault, "destroy", &bank(1)).await.granted();
    let vault = checked(vault).await;
    everybody_is_read(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_on_record_and_changes_nothing() {
    let vault = peopled().await;
    let with = |body: Value, name: &str, value: Value| {
        let mut body = body;
        body[name] = value;
        body
    };
    let refusals = [
        ("destroy", bank(1), "key_active"),
        ("compromised", bank(1), "key_active"),
        ("shred", with(bank(1), "count", json!(PEOPLE)), "key_active"),
        ("destroy", bank(2), "unknown_key"),
        ("destroy", with(bank(1), "category", json!("nothing")), "unknown_category"),
        ("rotate", with(rotate_bank(), "category", json!("nothing")), "unknown_category"),
        ("rotate", with(rotate_bank(), "controller", json!("elsewhere")), "forbidden_controller"),
        ("rotate", with(rotate_bank(), "rate", json!(0)), "malformed"),
        ("rotate", with(rotate_bank(), "reason", json!(" ")), "malformed"),
        ("destroy", with(bank(1), "reason", json!("")), "malformed"),
        ("destroy", with(bank(1), "count", json!(0)), "malformed"),
    ];
    for (verb, body, code) in refusals {
        let (before, keys) = (vault.log_size(), versions(&vault));
        let reply = ask(&vault, verb, &body).await;
        assert_eq!(reply.outcome().1, code, "{verb} {body}: {reply}");
        if code == "key_active" {
            assert!(reply.json()["title"].as_str().unwrap().contains("rotate the key first"), "{reply}");
        }
        let leaves: Vec<_> = vault.leaves_since(before).into_iter().filter(|leaf| leaf.refused.is_some()).collect();
        assert_eq!(leaves.len(), 1, "{verb} {body}");
        assert_eq!(leaves[0].refused.map(|code| code.as_str()), Some(code), "{verb} {body}");
        assert_eq!(versions(&vault), keys, "{verb} {body}");
    }
    ask(&vault, "rotate", &rotate_bank()).await.granted();
    jobs_end(&vault).await;
    both(&vault, "destroy", &bank(1)).await.granted();
    for verb in ["destroy", "compromised"] {
        assert_eq!(ask(&vault, verb, &bank(1)).await.outcome().1, "key_step");
    }
    let audit = with(with(bank(1), "category", json!("audit")), "count", json!(0));
    ask(&vault, "rotate", &json!({ "category": "audit", "reason": "yearly" })).await.granted();
    assert_eq!(ask(&vault, "shred", &audit).await.outcome().1, "key_step");
}

/// What an admin does to a version, as a model of NIST's states sees it. Whatever lies under a key is moved when its rotation has
/// ended, so that nothing is in use.
fn expected(states: &[State], verb: &str, version: u32) -> Result<State, &'static str> {
    match (verb, states.get(version as usize - 1)) {
        (_, None) => Err("unknown_key"),
        (_, Some(State::Active)) => Err("key_active"),
        (_, Some(State::Destroyed)) | ("compromised", Some(State::Compromised)) => Err("key_step"),
        ("compromised", Some(State::DecryptOnly)) => Ok(State::Compromised),
        _ => Ok(State::Destroyed),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_just_being_moved_ends_with_the_one_over_it_that_is_shredded() {
    let vault = peopled().await;
    let slowly = json!({ "controller": "oakvale", "category": "bank", "reason": "lost", "rate": 1 });
    ask(&vault, "rotate", &slowly).await.granted();
    let home = vault.stop().await;
    let engine = home.engine();
    let (keyring, _) = Keyring::open(&*engine, &home.root_key()).unwrap();
    let line = keyring.line(&"oakvale".parse().unwrap(), &"bank".parse().unwrap()).unwrap();
    let rows = engine.scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap();
    let moved = rows.iter().find_map(|(key, row)| line.moved(key, row).unwrap()).unwrap();
    let hold = |engine: &dyn Engine| {
        moved.needs.iter().map(|need| Overlay::new(engine).holds(need).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(hold(&*engine), [true, true]);
    drop(engine);
    let vault = home.serve();
    loop {
        let mut body = bank(1);
        body["count"] = json!(versions(&vault)[0].2);
        let reply = both(&vault, "shred", &body).await;
        if reply.outcome().1 == "ok" {
            break;
        }
    }
    assert_eq!(hold(&**vault.engine()), [true, false], "the step that was to move it looks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erase_under_a_withheld_key_is_refused_with_a_leaf_for_each_record() {
    let vault = peopled().await;
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", &person(PEOPLE - 1), "s", json!({ "sort_code": "00-00-01" })).await.granted();
    let slowly = json!({ "controller": "oakvale", "category": "bank", "reason": "lost", "rate": 1 });
    ask(&vault, "rotate", &slowly).await.granted();
    ask(&vault, "compromised", &bank(1)).await.granted();
    // Whom the job has not moved yet is chance, since keys have random ids: of so many there are some.
    let before = vault.log_size();
    let mut withheld = 0;
    for number in (0..PEOPLE).rev().take(8) {
        let records = if number == PEOPLE - 1 { vec!["r", "s", "never"] } else { vec!["r"] };
        let items = records.iter().map(|r| json!({ "category": "bank", "person": person(number), "record": r }));
        let reply = vault.staff("dpo", "oakvale").items("/v1/records/erase", items.collect()).await.json();
        let told = reply["items"].as_array().cloned().unwrap_or_else(|| vec![reply]);
        withheld += told.iter().filter(|item| item["code"] == "key_withheld").count();
    }
    let refused = vault.leaves_since(before).into_iter().filter(|leaf| leaf.action == Action::RecordsErase);
    let refused = refused.filter(|leaf| leaf.refused == Some(Code::KeyWithheld)).count();
    assert!(withheld > 0);
    assert_eq!(refused, withheld);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_jobs_that_ended_the_newest_thousand_are_kept() {
    let vault = peopled().await;
    ask(&vault, "rotate", &rotate_bank()).await.granted();
    jobs_end(&vault).await;
    let first = jobs::list(&**vault.engine()).unwrap().pop().unwrap();
    let mut batch = Batch::new();
    for later in 1..jobs::JOBS_KEPT as u64 {
        batch.put(Family::Meta, JobRow::key(first.id + 1_000 + later), first.row.encode());
    }
    vault.engine().commit(&batch).unwrap();
    let told = ask(&vault, "rotate", &rotate_bank()).await.granted().json();
    jobs_end(&vault).await;
    let kept: Vec<u64> = jobs::list(&**vault.engine()).unwrap().iter().map(|job| job.id).collect();
    assert_eq!((kept.len(), Some(kept[0])), (jobs::JOBS_KEPT, told["rotated"][0]["job"].as_u64()));
    let home = vault.stop().await;
    let engine = home.engine();
    let report = check::check(&home.to_check(&*engine), None, &Silent).unwrap();
    let missing = report.findings.kept().iter().filter(|finding| finding.code == check::Code::JobMissing).count();
    assert_eq!(missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_steps_comes_to_what_a_model_of_the_states_says() {
    const STEPS: usize = 80;
    let vault = peopled().await;
    let seed = std::env::var("COFFER_SEED").ok().map(|text| text.parse().unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = seed.unwrap_or(now.as_nanos() as u64);
    println!("COFFER_SEED={seed}");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut states = vec![State::Active];
    for step in 0..STEPS {
        let version = 1 + dice.next_u32() % (states.len() as u32 + 1);
        let verb = ["rotate", "compromised", "destroy", "shred"][(dice.next_u32() % 4) as usize];
        if verb == "rotate" {
            ask(&vault, "rotate", &rotate_bank()).await.granted();
            jobs_end(&vault).await;
            states.iter_mut().filter(|state| **state == State::Active).for_each(|state| *state = State::DecryptOnly);
            states.push(State::Active);
        } else {
            let mut body = bank(version);
            if verb == "shred" {
                body["count"] = json!(0);
            }
            let reply = both(&vault, verb, &body).await;
            match expected(&states, verb, version) {
                Ok(state) => {
                    reply.granted();
                    states[version as usize - 1] = state;
                }
                Err(code) => assert_eq!(reply.outcome().1, code, "step {step}: {verb} {version} of {states:?}"),
            }
        }
        let stored: Vec<_> = versions(&vault).into_iter().map(|(_, state, _)| state).collect();
        assert_eq!(stored, states, "step {step}: {verb} {version}");
    }
    everybody_is_read(&vault).await;
    let vault = checked(vault).await;
    let stored: Vec<_> = versions(&vault).into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(stored, states);
    everybody_is_read(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_destroys_a_key_alone_and_no_approval_counts_for_another() {
    let vault = peopled().await;
    for category in ["bank", "care"] {
        let body = json!({ "controller": "oakvale", "category": category, "reason": "yearly" });
        ask(&vault, "rotate", &body).await.granted();
    }
    jobs_end(&vault).await;
    let care = json!({ "controller": "oakvale", "category": "care", "version": 1, "reason": "because" });
    let asked = ask(&vault, "destroy", &bank(1)).await;
    assert_eq!(asked.outcome(), (409, "approval_needed".to_owned()));
    let id = asked.json()["approval"].clone();
    let with = |body: &Value| {
        let mut body = body.clone();
        body["approval"] = id.clone();
        body
    };
    assert_eq!(ask(&vault, "destroy", &with(&bank(1))).await.outcome().1, "approval_needed");
    let own = vault.staff("security-admin", "oakvale").post("/v1/approvals/approve", &json!({ "id": id })).await;
    assert_eq!(own.outcome().1, "approval_own");
    let second = vault.home().token_of("second@example", &["security-admin"], "console", &["oakvale"]);
    let second = vault.staff("security-admin", "oakvale").with_token(second);
    second.post("/v1/approvals/approve", &json!({ "id": id })).await.granted();
    assert_eq!(ask(&vault, "destroy", &with(&care)).await.outcome().1, "approval_mismatch");
    assert_eq!(versions(&vault)[0].1, State::DecryptOnly);
    ask(&vault, "destroy", &with(&bank(1))).await.granted();
    assert_eq!(versions(&vault)[0].1, State::Destroyed);
    assert_eq!(leaves_of(&vault, Action::KeysDestroy).iter().filter(|leaf| leaf.granted.is_some()).count(), 1);
    checked(vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_of_a_landlord_are_rotated_at_once_and_those_that_are_young_are_left() {
    let vault = peopled().await;
    let all = json!({ "controller": "oakvale", "reason": "an officer has left" });
    let told = ask(&vault, "rotate", &all).await.granted().json();
    let rotated = told["rotated"].as_array().unwrap();
    let lines = rotated.iter().filter(|one| one["controller"] == "oakvale" && one["version"] == 2).count();
    assert!(lines > 5 && lines == rotated.len(), "{told}");
    jobs_end(&vault).await;
    let young = json!({ "reason": "yearly", "older_than_days": 1 });
    let told = ask(&vault, "rotate", &young).await.granted().json();
    assert_eq!(told["rotated"], json!([]));
    // Staff and people are still named alike, and found.
    everybody_is_read(&vault).await;
    for verb in ["audit", "bank"] {
        both(&vault, "destroy", &json!({ "controller": "oakvale", "category": verb, "version": 1, "reason": "r" }))
            .await
            .granted();
    }
    let vault = checked(vault).await;
    everybody_is_read(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_an_old_state_back_to_the_disk_has_a_vault_that_does_not_open() {
    let vault = peopled().await;
    let before = of_bank(&vault).pop().unwrap();
    ask(&vault, "rotate", &rotate_bank()).await.granted();
    jobs_end(&vault).await;
    let home = vault.stop().await;
    let engine = home.engine();
    let (id, row) = before;
    let after = engine.get(Family::Keys, &RootRow::key(&id)).unwrap().unwrap();
    let forged = |change: fn(&mut RootRow)| {
        let mut row = RootRow::decode(&after).unwrap();
        change(&mut row);
        row.encode()
    };
    let tampered = [
        (row.encode(), "two versions"),
        (forged(|row| row.state = State::Active), "two versions"),
        (forged(|row| row.state = State::Compromised), "changed by somebody else"),
        (forged(|row| row.state = State::Destroyed), "changed by somebody else"),
        (forged(|row| row.created_ms += 1), "changed by somebody else"),
    ];
    for (bytes, words) in tampered {
        let mut batch = Batch::new();
        batch.put(Family::Keys, RootRow::key(&id), bytes);
        engine.commit(&batch).unwrap();
        let opened = Keyring::open(&*engine, &home.root_key());
        let error = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(words), "{words}: {error}");
    }
    let mut batch = Batch::new();
    batch.put(Family::Keys, RootRow::key(&id), after);
    engine.commit(&batch).unwrap();
    drop(engine);
    everybody_is_read(&home.serve()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_row_that_is_put_back_after_the_rotation_opens_for_nobody() {
    let vault = peopled().await;
    let rows = |vault: &Running| vault.engine().scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap();
    let before = rows(&vault);
    ask(&vault, "rotate", &rotate_bank()).await.granted();
    jobs_end(&vault).await;
    let mut batch = Batch::new();
    for (key, row) in before {
        batch.put(Family::Keys, key, row);
    }
    vault.engine().commit(&batch).unwrap();
    let rents = vault.staff("rents", "oakvale");
    assert_eq!(rents.read("bank", &person(0), "r", &["sort_code"]).await.outcome().1, "altered");
    // And it still lies under the old version, which is therefore not destroyed.
    assert_eq!(ask(&vault, "destroy", &bank(1)).await.outcome().1, "key_in_use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_stopped_goes_on_at_the_next_start() {
    let vault = peopled().await;
    let slowly = json!({ "controller": "oakvale", "category": "bank", "reason": "yearly", "rate": 1 });
    ask(&vault, "rotate", &slowly).await.granted();
    let refused = ask(&vault, "destroy", &bank(1)).await;
    assert_eq!(refused.outcome(), (409, "key_in_use".to_owned()), "{refused}");
    let start = vault.log_size();
    let twice = ask(&vault, "rotate", &rotate_bank()).await.refused(409, "rotation_runs");
    assert!(twice.json()["title"].as_str().unwrap().contains("`coffer keys jobs`"), "{twice}");
    let leaf = vault.leaves_since(start).into_iter().find(|leaf| leaf.refused.is_some()).unwrap();
    assert_eq!((leaf.action, leaf.refused.map(|code| code.as_str())), (Action::KeysRotate, Some("rotation_runs")));
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
