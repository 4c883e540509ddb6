//! Deep rotations: every record is sealed again under new keys of the people in it, while the vault serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer_keys::row::Row;
use coffer_tests::harness::{Running, Serving, name};
use coffer_vault::check::{self, Code as Finding, Silent};
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::leaf::Action;
use serde_json::{Value, json};

use super::{
    PEOPLE, ask, bank, both, checked, everybody_is_read, jobs_end, leaves_of, peopled, person, rotate_bank, versions,
};

/// Records of somebody who has as many as one person may have, nearly.
const MANY: usize = 1_000;

fn deep(category: &str) -> Value {
    json!({ "controller": "oakvale", "category": category, "reason": "a copy of the keys was lost", "deep": true })
}

/// Every row of a category, by where it lies.
fn rows(engine: &dyn Engine, category: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    engine.scan(Family::Rows(name(category)), b"", None, usize::MAX).unwrap().into_iter().collect()
}

/// The ids that the rows of a category name.
fn keys_in(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeSet<[u8; 16]> {
    rows.values().flat_map(|row| Row::parse(row).unwrap().head.keys).map(|id| *id.as_bytes()).collect()
}

/// The rows of keys that live.
fn living(engine: &dyn Engine) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let rows = engine.scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap().into_iter();
    rows.filter(|(_, row)| matches!(SubjectRow::decode(row), Some(SubjectRow::Living { .. }))).collect()
}

async fn complains(vault: &Running, person: &str, record: &str, witness: &str) {
    let item = json!({ "category": "complaints", "person": person, "record": record, "source": "person",
        "fields": { "summary": "noise", "witness_statement": format!("heard it, {person} {record}") },
        "about": { "witness_statement": witness } });
    vault
        .staff("complaints-handler", "oakvale")
        .on_case(Some("case-1"))
        .items("/v1/records/write", json!([item]))
        .await
        .granted();
}

async fn complaint(vault: &Running, person: &str, record: &str) -> Value {
    let handler = vault.staff("complaints-handler", "oakvale").on_case(Some("case-1"));
    let read = handler.read("complaints", person, record, &["summary", "witness_statement"]).await.granted().json();
    read["items"][0]["fields"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_lies_under_new_keys_and_says_what_it_said() {
    let vault = peopled().await;
    for (person, record, witness) in [("cyd", "a", "dee"), ("cyd", "b", "eve"), ("dee", "a", "cyd")] {
        complains(&vault, person, record, witness).await;
    }
    let mut before = Vec::new();
    for (person, record) in [("cyd", "a"), ("cyd", "b"), ("dee", "a")] {
        before.push(complaint(&vault, person, record).await);
    }
    assert!(before.iter().all(|fields| fields.to_string().contains("heard it")), "{before:?}");
    let old = ["bank", "complaints"].map(|category| rows(&**vault.engine(), category));
    for category in ["bank", "complaints"] {
        let body = deep(category);
        ask(&vault, "rotate", &body).await.granted();
    }
    jobs_end(&vault).await;
    everybody_is_read(&vault).await;
    for ((person, record), before) in [("cyd", "a"), ("cyd", "b"), ("dee", "a")].into_iter().zip(&before) {
        assert_eq!(&complaint(&vault, person, record).await, before);
    }
    for (old, category) in old.iter().zip(["bank", "complaints"]) {
        let new = rows(&**vault.engine(), category);
        assert_eq!(new.keys().collect::<Vec<_>>(), old.keys().collect::<Vec<_>>(), "{category}");
        assert!(keys_in(&new).is_disjoint(&keys_in(old)), "{category}: a key is still the one that it was");
        let version = |row: &Vec<u8>| Row::parse(row).unwrap().head.version;
        assert!(new.values().map(version).eq(old.values().map(version)), "{category}: versions stay");
        assert!(new.values().map(Vec::len).eq(old.values().map(Vec::len)), "{category}: sizes stay");
        for id in keys_in(old) {
            assert_eq!(vault.engine().get(Family::Keys, &[b"S", &id[..]].concat()).unwrap(), None);
        }
    }
    // Own keys of two people, and three of witnesses.
    let jobs = ask(&vault, "jobs", &json!({})).await.granted().json();
    let told: Vec<_> =
        jobs["jobs"].as_array().unwrap().iter().map(|job| (&job["kind"], &job["done"], &job["records"])).collect();
    let people = json!(PEOPLE);
    assert_eq!(told, [(&json!("reseal"), &people, &people), (&json!("reseal"), &json!(5), &json!(3))]);
    let ended = leaves_of(&vault, Action::KeysReseal);
    assert_eq!(
        ended.iter().map(|leaf| (leaf.category, leaf.version)).collect::<Vec<_>>(),
        [(Some(name("bank")), Some(2)), (Some(name("complaints")), Some(2))]
    );
    assert_eq!(leaves_of(&vault, Action::RecordsReseal).len(), PEOPLE + 3);
    assert_eq!(leaves_of(&vault, Action::KeysRewrap).len(), 0);

    // Erased people are gone for all that, also the witness from somebody else's record.
    vault.staff("dpo", "oakvale").items("/v1/subjects/erase", json!([{ "person": "dee" }])).await.granted();
    let left = complaint(&vault, "cyd", "a").await;
    assert!(!left.to_string().contains("heard it"), "{left}");
    both(&vault, "destroy", &bank(1)).await.granted();
    let vault = checked(vault).await;
    everybody_is_read(&vault).await;
    assert_eq!(complaint(&vault, "cyd", "b").await, before[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_writes_or_erases_meanwhile_notices_nothing() {
    let vault = Arc::new(peopled().await);
    let end = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for task in 0..3 {
        let (vault, end) = (Arc::clone(&vault), Arc::clone(&end));
        tasks.push(tokio::spawn(async move {
            let (rents, officer, dpo) = (
                vault.staff("rents", "oakvale"),
                vault.staff("bank-officer", "oakvale"),
                vault.staff("dpo", "oakvale"),
            );
            let mut count = 0;
            while !end.load(Ordering::SeqCst) {
                count += 1;
                let who = person((count * 3 + task) % PEOPLE);
                rents.read("bank", &who, "r", &["sort_code"]).await.granted();
                let new = format!("new-{task}-{count}");
                officer.write("bank", &who, &new, json!({ "sort_code": "00-00-02" })).await.granted();
                rents.read("bank", &who, &new, &["sort_code"]).await.granted();
                dpo.erase("bank", &who, &new).await.granted();
            }
            count
        }));
    }
    const ROTATIONS: u32 = 6;
    for _ in 0..ROTATIONS {
        ask(&vault, "rotate", &deep("bank")).await.granted();
        assert_eq!(ask(&vault, "rotate", &deep("bank")).await.outcome().1, "rotation_runs");
        jobs_end(&vault).await;
    }
    end.store(true, Ordering::SeqCst);
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    println!("{done} rounds of read, write, read and erase beside {ROTATIONS} deep rotations");
    assert!(done > 30, "{done}");
    let vault = Arc::try_unwrap(vault).ok().unwrap();
    everybody_is_read(&vault).await;
    checked(vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_thousand_records_is_done_in_one_step_and_a_restart_in_the_middle_loses_nothing() {
    let vault = peopled().await;
    let officer = vault.staff("bank-officer", "oakvale");
    for start in (0..MANY).step_by(250) {
        let item = |n: usize| json!({ "category": "bank", "person": "zed", "record": format!("z{n}"), "source": "person", "fields": { "sort_code": "00-00-03" } });
        officer.items("/v1/records/write", (start..start + 250).map(item).collect()).await.granted();
    }
    let old = keys_in(&rows(&**vault.engine(), "bank"));
    let mut slowly = deep("bank");
    slowly["rate"] = json!(20);
    ask(&vault, "rotate", &slowly).await.granted();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let home = vault.stop().await;
    let engine = home.engine();
    let mut jobs = coffer_vault::jobs::list(&*engine).unwrap();
    let job = jobs.pop().unwrap();
    assert!(job.row.done > 0 && job.row.done < PEOPLE as u64 + 1, "{:?}", job.row);
    // It need not take longer than it has to.
    let mut batch = Batch::new();
    let faster = coffer_vault::jobs::JobRow { rate: 100_000, ..job.row };
    batch.put(Family::Meta, coffer_vault::jobs::JobRow::key(job.id), faster.encode());
    engine.commit(&batch).unwrap();
    drop(engine);
    let vault = home.serve();
    jobs_end(&vault).await;
    assert!(keys_in(&rows(&**vault.engine(), "bank")).is_disjoint(&old));
    let told = ask(&vault, "jobs", &json!({})).await.granted().json();
    assert_eq!((&told["jobs"][0]["done"], &told["jobs"][0]["records"]), (&json!(PEOPLE + 1), &json!(PEOPLE + MANY)));
    everybody_is_read(&vault).await;
    let rents = vault.staff("rents", "oakvale");
    for record in ["z0", "z500", "z999"] {
        rents.read("bank", "zed", record, &["sort_code"]).await.granted();
    }
    both(&vault, "destroy", &bank(1)).await.granted();
    checked(vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_under_a_compromised_key_comes_back_under_new_keys() {
    let vault = peopled().await;
    let mut slowly = deep("bank");
    slowly["rate"] = json!(20);
    ask(&vault, "rotate", &slowly).await.granted();
    ask(&vault, "compromised", &bank(1)).await.granted();
    let rents = vault.staff("rents", "oakvale");
    let mut withheld = 0;
    for number in 0..PEOPLE {
        let code = rents.read("bank", &person(number), "r", &["sort_code"]).await.outcome().1;
        assert!(["ok", "key_withheld"].contains(&code.as_str()), "{code}");
        withheld += usize::from(code == "key_withheld");
    }
    assert!(withheld > 0);
    jobs_end(&vault).await;
    everybody_is_read(&vault).await;
    both(&vault, "destroy", &bank(1)).await.granted();
    let vault = checked(vault).await;
    everybody_is_read(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_keys_are_for_life_so_that_by_name_they_are_refused_and_else_left_out() {
    let vault = peopled().await;
    let before = vault.log_size();
    let refused = ask(&vault, "rotate", &deep("audit")).await;
    assert_eq!(refused.outcome(), (409, "kept_for_life".to_owned()), "{refused}");
    let leaves: Vec<_> = vault.leaves_since(before).into_iter().filter(|leaf| leaf.refused.is_some()).collect();
    assert_eq!(leaves.iter().map(|leaf| leaf.refused.unwrap().as_str()).collect::<Vec<_>>(), ["kept_for_life"]);
    let told = ask(&vault, "rotate", &json!({ "controller": "oakvale", "reason": "all", "deep": true }))
        .await
        .granted()
        .json();
    let left = told["left"].as_array().unwrap();
    assert_eq!(
        left.iter().map(|one| (&one["category"], &one["code"])).collect::<Vec<_>>(),
        [(&json!("audit"), &json!("kept_for_life"))]
    );
    assert!(told["rotated"].as_array().unwrap().iter().all(|one| one["category"] != "audit"));
    jobs_end(&vault).await;
    checked(vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_and_an_old_record_that_are_put_back_open_for_nobody_and_are_found() {
    let vault = peopled().await;
    let (keys, records) = (living(&**vault.engine()), rows(&**vault.engine(), "bank"));
    ask(&vault, "rotate", &deep("bank")).await.granted();
    jobs_end(&vault).await;
    let mut batch = Batch::new();
    keys.into_iter().for_each(|(key, row)| batch.put(Family::Keys, key, row));
    records.into_iter().for_each(|(key, row)| batch.put(Family::Rows(name("bank")), key, row));
    vault.engine().commit(&batch).unwrap();
    let rents = vault.staff("rents", "oakvale");
    for number in 0..PEOPLE {
        assert_eq!(rents.read("bank", &person(number), "r", &["sort_code"]).await.outcome().1, "altered");
    }
    assert_eq!(versions(&vault)[0].2, PEOPLE as u64);
    assert_eq!(ask(&vault, "destroy", &bank(1)).await.outcome().1, "key_in_use");
    let home = vault.stop().await;
    let engine = home.engine();
    let report = check::check(&home.to_check(&*engine), Some(&home.root_key()), &Silent).unwrap();
    let found: BTreeSet<_> = report.findings.kept().iter().map(|finding| finding.code.as_str()).collect();
    for code in [Finding::KeyReplacedThere, Finding::KeyBelowFloor] {
        assert!(found.contains(code.as_str()), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_open_stops_the_job_at_its_end_and_nobody_elses_is_left() {
    let vault = peopled().await;
    let (at, row) = rows(&**vault.engine(), "bank").pop_first().unwrap();
    let mut altered = row.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let put = |vault: &Running, row: Vec<u8>| {
        let mut batch = Batch::new();
        batch.put(Family::Rows(name("bank")), at.clone(), row);
        vault.engine().commit(&batch).unwrap();
    };
    put(&vault, altered);
    ask(&vault, "rotate", &deep("bank")).await.granted();
    jobs_end(&vault).await;
    let told = ask(&vault, "jobs", &json!({})).await.granted().json();
    assert_eq!((&told["jobs"][0]["state"], &told["jobs"][0]["left"]), (&json!("stuck"), &json!(1)), "{told}");
    assert_eq!(leaves_of(&vault, Action::KeysReseal).len(), 0);
    put(&vault, row);
    everybody_is_read(&vault).await;
    // Put right, it is taken by the next one.
    ask(&vault, "rotate", &rotate_bank()).await.granted();
    jobs_end(&vault).await;
    checked(vault).await;
}
