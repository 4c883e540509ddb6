//! The end of category keys: what a shredding ends is in the erasure ledger, no store that is put back brings it again, and
//! certificates say what was rotated and what was destroyed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_vault::jobs::{self, Progress};
use coffer_vault::keyring::record::{RootRow, State as KeyState, Use};
use coffer_vault::keyring::{root_rows, subjects_under};
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::certificate::{Certificate, CertificateError, Kind, State};
use coffer_wire::leaf::Action;
use coffer_wire::succession::Trust;
use serde_json::{Value, json};

use crate::{checked, codes, keys, ledger, write};

const PEOPLE: usize = 12;
/// Longer than any of these jobs takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn person(number: usize) -> String {
    format!("person-{number}")
}

async fn peopled(vault: Running) -> Running {
    for number in 0..PEOPLE {
        write(&vault, &person(number)).await;
    }
    vault
}

async fn rotate(vault: &Running, rate: u32) -> u64 {
    let body = json!({ "controller": "oakvale", "category": "bank", "reason": "yearly", "rate": rate });
    let told = vault.staff("security-admin", "oakvale").post("/v1/keys/rotate", &body).await.granted().json();
    told["rotated"][0]["receipt"]["index"].as_u64().unwrap()
}

async fn by_two(vault: &Running, verb: &str, count: Option<u64>) -> Result<u64, String> {
    let mut body = json!({ "controller": "oakvale", "category": "bank", "version": 1, "reason": "because" });
    if let Some(count) = count {
        body["count"] = json!(count);
    }
    let (admin, second) = (vault.staff("security-admin", "oakvale"), vault.second("security-admin", "oakvale"));
    let path = format!("/v1/keys/{verb}");
    let reply = admin.post_by_two(&second, &path, &body).await;
    let (status, code) = reply.outcome();
    if status == 200 { Ok(reply.json()["receipt"]["index"].as_u64().unwrap()) } else { Err(code) }
}

fn first_version(engine: &dyn Engine) -> (KeyId, RootRow) {
    let of_bank = |row: &RootRow| {
        let line = (row.controller.as_str(), row.category.as_str());
        row.usage == Use::Category && line == ("oakvale", "bank") && row.version == 1
    };
    root_rows(engine).unwrap().into_iter().find(|(_, row)| of_bank(row)).unwrap()
}

fn under_first(engine: &dyn Engine) -> Vec<KeyId> {
    subjects_under(engine, &first_version(engine).0).unwrap()
}

/// Shreds what the job has not moved yet, which goes on meanwhile.
async fn shred(vault: &Running) -> (u64, usize) {
    loop {
        let under = under_first(&**vault.engine()).len();
        assert!(under > 0, "the job was faster");
        match by_two(vault, "shred", Some(under as u64)).await {
            Ok(leaf) => return (leaf, under),
            Err(code) => assert!(["count_mismatch", "busy"].contains(&code.as_str()), "{code}"),
        }
    }
}

async fn jobs_end(vault: &Running) {
    let started = Instant::now();
    while jobs::list(&**vault.engine()).unwrap().iter().any(|job| job.row.progress == Progress::Running) {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn readable(vault: &Running) -> usize {
    let (mut readable, officer) = (0, vault.staff("bank-officer", "oakvale"));
    for number in 0..PEOPLE {
        let reply = officer.read("bank", &person(number), "main", &["account_number"]).await;
        let (status, code) = reply.outcome();
        assert!(status == 200 || (status, code.as_str()) == (404, "not_found"), "{reply}");
        readable += usize::from(status == 200);
    }
    readable
}

fn keys_family(engine: &dyn Engine) -> Vec<(Vec<u8>, Vec<u8>)> {
    engine.scan(Family::Keys, b"", None, usize::MAX).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shredded_does_not_come_back_with_an_older_store_and_what_was_moved_does() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    rotate(&vault, 1).await;
    let then = keys_family(&**vault.engine());
    let (_, ended) = shred(&vault).await;
    jobs_end(&vault).await;
    assert_eq!(readable(&vault).await, PEOPLE - ended);
    let mut named = ledger(vault.home()).1;
    let mut under = under_first(&**vault.engine());
    named.sort();
    under.sort();
    assert_eq!((named.len(), &named), (ended, &under), "each of them is named, and nobody else");
    let home = vault.stop().await;
    assert_eq!(codes(&checked(&home, &*home.engine())), [""; 0]);
    // A start finds nothing to end again where nothing was put back.
    let vault = home.serve();
    assert!(vault.leaves_since(0).iter().all(|leaf| leaf.action != Action::ErasedAgain));
    let home = vault.stop().await;

    // The keys as they were when the rotation had begun: its first version opens again.
    let engine = home.engine();
    let mut batch = Batch::new();
    then.iter().for_each(|(key, row)| batch.put(Family::Keys, key.clone(), row.clone()));
    engine.commit(&batch).unwrap();
    assert_eq!(first_version(&*engine).1.state, KeyState::DecryptOnly);
    assert!(codes(&checked(&home, &*engine)).contains(&"erased_key_lives"));
    drop(engine);
    let vault = home.serve();
    assert!(vault.leaves_since(0).iter().any(|leaf| leaf.action == Action::ErasedAgain));
    let (living, dead) = keys(&**vault.engine());
    assert_eq!((living.len(), dead.len()), (PEOPLE - ended, ended));
    let home = vault.stop().await;
    assert!(!codes(&checked(&home, &*home.engine())).contains(&"erased_key_lives"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_shredding_and_the_ledger_is_made_good_by_the_next_start() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    let path = vault.home().config.log.erasures.clone();
    rotate(&vault, 1).await;
    let before = std::fs::read(&path).unwrap();
    let (leaf, ended) = shred(&vault).await;
    let home = vault.stop().await;
    let whole = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = whole.lines().filter(|line| !line.starts_with("erased ")).collect();
    std::fs::write(&path, format!("{}\n", kept.join("\n"))).unwrap();
    let unmirrored = codes(&checked(&home, &*home.engine()));
    assert_eq!(unmirrored, vec!["erasure_unmirrored"; ended], "a ledger that says that it is complete");
    std::fs::write(&path, before).unwrap();
    let vault = home.serve();
    let named = std::fs::read_to_string(&path).unwrap();
    let of_leaf = named.lines().filter(|line| line.starts_with("erased ") && line.contains(&format!(" {leaf} ")));
    assert_eq!(of_leaf.count(), ended, "{named}");
    assert!(vault.house().has_bytes_to_end());
    let home = vault.stop().await;
    assert_eq!(codes(&checked(&home, &*home.engine())), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_cannot_be_written_it_is_shredded_and_nobody_is_told_so() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    let path = vault.home().config.log.erasures.clone();
    rotate(&vault, 1).await;
    let away = path.with_extension("away");
    std::fs::rename(&path, &away).unwrap();
    loop {
        let under = under_first(&**vault.engine()).len() as u64;
        match by_two(&vault, "shred", Some(under)).await.unwrap_err().as_str() {
            "erased_not_mirrored" => break,
            code => assert!(["count_mismatch", "busy"].contains(&code), "{code}"),
        }
    }
    let ended = under_first(&**vault.engine()).len();
    assert_eq!(readable(&vault).await, PEOPLE - ended, "it counts at once, and for the running vault too");
    std::fs::rename(&away, &path).unwrap();
    let started = Instant::now();
    while vault.house().ledger().shared().erasures_are_behind() {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ledger(vault.home()).1.len(), ended);
    // Where nothing lies under a key there is nothing to be named.
    rotate_on(&vault).await;
    std::fs::rename(&path, &away).unwrap();
    destroy(&vault, 2).await;
    std::fs::rename(&away, &path).unwrap();
}

/// One version more, once the job before has ended.
async fn rotate_on(vault: &Running) {
    jobs_end(vault).await;
    rotate(vault, 10_000).await;
    jobs_end(vault).await;
}

async fn destroy(vault: &Running, version: u32) {
    let body = json!({ "controller": "oakvale", "category": "bank", "version": version, "reason": "because" });
    let (admin, second) = (vault.staff("security-admin", "oakvale"), vault.second("security-admin", "oakvale"));
    admin.post_by_two(&second, "/v1/keys/destroy", &body).await.granted();
}

async fn issued(vault: &Running, leaf: u64) -> String {
    let admin = vault.staff("security-admin", "oakvale");
    let answer = admin.post("/v1/certificates/issue", &json!({ "leaf": leaf })).await.granted().json();
    answer["certificate"].as_str().unwrap().to_owned()
}

async fn certificate(vault: &Running, leaf: u64) -> Certificate {
    Certificate::verify(&issued(vault, leaf).await, &vault.home().log_key).unwrap().0
}

fn leaf_of(vault: &Running, action: Action) -> u64 {
    (0..vault.log_size()).zip(vault.leaves_since(0)).filter(|(_, leaf)| leaf.action == action).last().unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_and_the_end_of_the_old_key_are_certified() {
    let home = Home::new(Store::Rocks);
    let tuning = Tuning { durability: Durability::Synced, ..Tuning::default() };
    let rocks = Arc::new(Rocks::open(&home.config.store.data, &tuning).unwrap());
    let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&rocks);
    let vault = peopled(home.serve_on(Arc::clone(&engine))).await;
    let began = rotate(&vault, 10_000).await;
    jobs_end(&vault).await;
    let rotated = certificate(&vault, leaf_of(&vault, Action::KeysRewrap)).await;
    let (first, _) = first_version(&*engine);
    assert_eq!((rotated.kind, rotated.record_count), (Kind::Rotation, Some(PEOPLE as u64)));
    let named: Vec<_> = rotated.keys.iter().map(|key| (key.id.clone(), key.version)).collect();
    assert_eq!(named, [(first.to_string(), Some(1))]);
    assert_eq!(rotated.from_ms, vault.leaves_since(began)[0].t);

    let leaf = by_two(&vault, "destroy", None).await.unwrap();
    let before = certificate(&vault, leaf).await;
    assert_eq!((before.kind, before.state, before.record_count), (Kind::Destruction, State::Refused, Some(0)));
    assert_eq!(before.keys, rotated.keys);
    let house = vault.house();
    assert!(house.has_bytes_to_end(), "the bytes of a category key count too");
    let store = Arc::clone(&rocks);
    let rewritten = move |families: Vec<Family>| {
        assert!(families.contains(&Family::Keys));
        store.write_anew(&families).map_err(|error| error.to_string())
    };
    house.end_bytes(rewritten).await.unwrap().unwrap();
    let after = certificate(&vault, leaf).await;
    assert_eq!((after.state, after.act.index), (State::Destroyed, leaf));
    // What is no end of anything has none.
    let admin = vault.staff("security-admin", "oakvale");
    admin.post("/v1/certificates/issue", &json!({ "leaf": began })).await.refused(404, "not_found");
    assert_eq!(ledger(vault.home()).1, [], "nothing was under it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_knows_that_bytes_of_a_category_key_are_left() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    rotate(&vault, 10_000).await;
    jobs_end(&vault).await;
    by_two(&vault, "destroy", None).await.unwrap();
    let vault = vault.restart().await;
    assert!(vault.house().has_bytes_to_end());
    vault.house().end_bytes(|_| Ok(())).await.unwrap().unwrap();
    assert!(!vault.restart().await.house().has_bytes_to_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shredding_is_certified_and_is_no_erase_and_a_moved_count_cannot_be_changed() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    rotate(&vault, 1).await;
    let (leaf, ended) = shred(&vault).await;
    jobs_end(&vault).await;
    let shredded = certificate(&vault, leaf).await;
    assert_eq!((shredded.kind, shredded.record_count), (Kind::Destruction, Some(ended as u64)));
    let dpo = vault.staff("dpo", "oakvale");
    dpo.post("/v1/certificates/issue", &json!({})).await.refused(404, "not_found");
    let rotated = issued(&vault, leaf_of(&vault, Action::KeysRewrap)).await;
    let body = rotated.split("\n\n").next().unwrap().to_owned() + "\n";
    let mut told = Certificate::parse_body(&body).unwrap();
    assert_eq!(told.record_count, Some((PEOPLE - ended) as u64));
    told.record_count = Some(PEOPLE as u64);
    let house = vault.house();
    let wrong = house.ledger().certify(&told);
    let refused = Certificate::verify(&wrong, &vault.home().log_key).unwrap_err();
    assert_eq!(refused, CertificateError::Field("record_count"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_under_a_later_key_of_the_log_holds_for_who_trusts_the_first_and_has_the_notes() {
    let vault = peopled(Home::new(Store::Memory).serve()).await;
    rotate(&vault, 10_000).await;
    jobs_end(&vault).await;
    let leaf = leaf_of(&vault, Action::KeysRewrap);
    let under_first = issued(&vault, leaf).await;
    let admin = vault.staff("security-admin", "oakvale");
    let rekeyed: Value = admin.post("/v1/log/rekey", &json!({})).await.granted().json();
    assert!(rekeyed["log_key"].is_string());
    let under_second = issued(&vault, leaf).await;
    let mut trust = Trust::of(vault.home().log_key.clone());
    assert!(Certificate::verify_by(&under_second, &trust).is_err(), "without the notes");
    let line = vault.house().ledger().shared().line();
    trust.follow(line.notes()).unwrap();
    for text in [&under_first, &under_second] {
        assert_eq!(Certificate::verify_by(text, &trust).unwrap().0.act.index, leaf);
    }
}
