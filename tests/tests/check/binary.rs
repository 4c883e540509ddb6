//! The command itself, over RocksDB: what it says and how it ends.

use std::process::{Command, Output};
use std::sync::Arc;

use coffer_tests::harness::{Home, Process, Serving, Store, binary};
use coffer_vault::check::Code;
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::store::memory::Memory;
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_vault::store::{Batch, Engine, Family};
use serde_json::{Value, json};

use crate::scene::{Scene, places, rows_of};

pub fn run(home: &Home, args: &[&str]) -> Output {
    Command::new(binary()).arg("check").arg(home.dir()).args(args).output().unwrap()
}

pub fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// A record whose id turns the direction of what is printed behind it.
const RECORD: &str = "main\u{202e}1";

#[tokio::test]
async fn the_command_tells_a_clean_home_from_one_that_was_changed() {
    let home = Home::by_binary();
    let vault = Process::start(home, "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    for _ in 0..2 {
        officer.write("bank", "tenant-1", RECORD, json!({ "account_name": "A. Tenant" })).await.granted();
    }
    let (home, _) = vault.terminate();
    // Someone else has the store open, and nobody answers for it.
    let held = home.rocks();
    let locked = run(&home, &[]);
    assert_eq!(locked.status.code(), Some(78), "{}", String::from_utf8_lossy(&locked.stderr));
    drop(held);

    let clean = run(&home, &["--json"]);
    assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stderr));
    let clean = told(&clean);
    assert_eq!(
        (&clean["clean"], &clean["with_seal"], &clean["looked"]["rows"]),
        (&json!(true), &json!(true), &json!(1))
    );
    assert_eq!(run(&home, &["--no-seal"]).status.code(), Some(0));

    let rocks = home.rocks();
    let row = rocks.scan(rows_of("bank"), b"", None, 1).unwrap().remove(0);
    let mut batch = Batch::new();
    batch.delete(rows_of("bank"), row.0);
    rocks.commit(&batch).unwrap();
    drop(rocks);
    let changed = run(&home, &["--json"]);
    assert_eq!(changed.status.code(), Some(1));
    let changed = told(&changed);
    let finding = &changed["findings"][0];
    assert_eq!((&finding["code"], &finding["expected"]), (&json!("row_missing"), &json!(2)));
    assert!(!changed.to_string().contains("tenant-1"));
    let named = run(&home, &["--json", "--show-ids"]);
    assert_eq!(
        (&told(&named)["findings"][0]["person"], &told(&named)["findings"][0]["record"]),
        (&json!("tenant-1"), &json!(RECORD))
    );
    assert!(!String::from_utf8(named.stdout).unwrap().contains('\u{202e}'), "it acts on a terminal");
    // In words, too.
    let words = run(&home, &["--show-ids"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("row_missing") && words.contains("Person tenant-1, record main\\u{202e}1."), "{words:?}");

    // The root key at no machine that a thief of the disk can reach: the row is not looked for.
    std::fs::rename(&home.config.seal.key_file, home.folder().join("elsewhere")).unwrap();
    let without = run(&home, &["--json"]);
    assert_eq!(without.status.code(), Some(0));
    assert_eq!(told(&without)["with_seal"], json!(false));
    // Without the log's key there is nothing to check against.
    std::fs::remove_file(home.dir().join("log.pub")).unwrap();
    assert_eq!(run(&home, &[]).status.code(), Some(78));
    assert_eq!(run(&home, &["--log-key", &home.log_key.to_string()]).status.code(), Some(0));
}

#[tokio::test]
async fn over_rocksdb_the_same_is_found() {
    let scene = Scene::of(Store::Rocks).await;
    assert_eq!(places(&scene.check(true)), []);
    let (key, mut value) = scene.row("bank", 0);
    *value.last_mut().unwrap() ^= 1;
    let found = places(&scene.with(&[(rows_of("bank"), key, Some(value))], true));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Code::RowAltered);
    let key = (scene.size - 1).to_be_bytes().to_vec();
    let found = places(&scene.with(&[(Family::Leaves, key, None)], true));
    assert!(found.iter().any(|(code, _)| *code == Code::LeafMissing), "{found:?}");
}

/// More findings than this would bury the one that matters.
const FINDINGS_MAX: u64 = 12;

/// From this size on, in bytes, the first fifth of a table file holds rows.
const TABLE_BYTES_MIN: usize = 4_096;

#[tokio::test]
async fn a_damaged_table_file_is_a_finding_and_not_a_flood() {
    let mut scene = Scene::of(Store::Rocks).await;
    // Another engine in its place, so that the store can be closed and opened.
    scene.engine = Arc::new(Memory::new());
    scene.home.rocks().flush().unwrap();
    let files = std::fs::read_dir(&scene.home.config.store.data).unwrap().map(|file| file.unwrap().path());
    let tables: Vec<_> = files.filter(|file| file.extension().is_some_and(|ending| ending == "sst")).collect();
    let mut damaged = 0;
    for table in &tables {
        let sound = std::fs::read(table).unwrap();
        // A small file is mostly filter and statistics, which hold nothing of ours.
        if sound.len() < TABLE_BYTES_MIN {
            continue;
        }
        let mut flipped = sound.clone();
        flipped[sound.len() / 5] ^= 1;
        std::fs::write(table, &flipped).unwrap();
        if let Ok(rocks) = Rocks::open(&scene.home.config.store.data, &tuning()) {
            scene.engine = Arc::new(rocks);
            let report = scene.check(true);
            scene.engine = Arc::new(Memory::new());
            let named = report.findings.counts().contains_key(&Code::StoreDamaged);
            assert!(named, "{} of {} bytes: {:?}", table.display(), sound.len(), places(&report));
            assert!(report.findings.total() <= FINDINGS_MAX, "{:?}", places(&report));
            damaged += 1;
        }
        std::fs::write(table, &sound).unwrap();
    }
    assert!(damaged >= 4, "{damaged} of {} files could be opened", tables.len());
}

fn tuning() -> Tuning {
    Tuning { memory_bytes: 16 << 20, durability: Durability::Synced }
}

/// How many keys of persons live in a home.
fn living_keys(home: &Home) -> usize {
    let rows = home.rocks().scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap();
    let living = |(_, row): &&(Vec<u8>, Vec<u8>)| matches!(SubjectRow::decode(row), Some(SubjectRow::Living { .. }));
    rows.iter().filter(living).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_longer_in_a_record_has_no_key_in_it_and_the_check_agrees() {
    let mut home = Home::by_binary();
    let statements = [("walter", Some("I saw it")), ("vera", Some("So did I")), ("vera", None)];
    for (version, (witness, statement)) in (1..).zip(statements) {
        let vault = home.serve();
        let handler = vault.staff("complaints-handler", "oakvale");
        let mut item = json!({
            "category": "complaints", "person": "p", "record": "r",
            "fields": { "summary": format!("the {version}th"), "witness_statement": statement },
        });
        if statement.is_some() {
            item["about"] = json!({ "witness_statement": witness });
        }
        handler.items("/v1/records/write", json!([item])).await.granted();
        let read = handler.read("complaints", "p", "r", &["witness_statement"]).await.granted().item(0);
        assert_eq!(read["fields"]["witness_statement"].as_str(), statement);
        home = vault.stop().await;
        // The complainant's, and that of whoever is the witness now.
        assert_eq!(living_keys(&home), 1 + usize::from(statement.is_some()), "version {version}");
        let checked = run(&home, &[]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
    // Who comes back has a new key, and goes with the record.
    let vault = home.serve();
    let (handler, dpo) = (vault.staff("complaints-handler", "oakvale"), vault.staff("dpo", "oakvale"));
    let item = json!({
        "category": "complaints", "person": "p", "record": "r", "fields": { "witness_statement": "Once more" },
        "about": { "witness_statement": "walter" },
    });
    handler.items("/v1/records/write", json!([item])).await.granted();
    dpo.for_purpose("erasure").erase("complaints", "p", "r").await.granted();
    let home = vault.stop().await;
    assert_eq!(living_keys(&home), 0);
    assert!(run(&home, &[]).status.success());
}
