//! A delete takes no byte away: the wrapped key lies in the store's files until they are written anew, and the certificate
//! says `refused` before and `destroyed` after.

use std::path::Path;
use std::sync::Arc;

use coffer_tests::acts::Ask;
use coffer_tests::harness::{Home, Store};
use coffer_tests::near::Near;
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_vault::store::{Engine, Family};
use coffer_wire::certificate::{Certificate, State};
use coffer_wire::leaf::Leaf;
use memchr::memmem;
use serde_json::{Value, json};

use crate::{checked, codes};

async fn ask(near: &Near, role: &str, path: &str, body: Value) -> Value {
    let (status, answer) = near.post(role, path, body.to_string()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn certificate(home: &Home, near: &Near, leaf: Option<u64>) -> Certificate {
    let body = leaf.map_or(json!({}), |leaf| json!({ "leaf": leaf }));
    let answer = ask(near, "dpo", "/v1/certificates/issue", body).await;
    Certificate::verify(answer["certificate"].as_str().unwrap(), &home.log_key).unwrap().0
}

/// Whether the bytes stand in any file under a folder.
fn found(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { found(&path, bytes) } else { memmem::find(&std::fs::read(&path).unwrap(), bytes).is_some() }
    })
}

/// The wrapped key of a person, the only one there is.
fn wrapped(rocks: &Rocks) -> Vec<u8> {
    let rows = rocks.scan(Family::Keys, SubjectRow::PREFIX, None, 2).unwrap();
    let [(_, row)] = &rows[..] else { panic!("{} keys", rows.len()) };
    let Some(SubjectRow::Living { wrapped, .. }) = SubjectRow::decode(row) else { panic!("it does not live") };
    wrapped.as_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_the_key_is_left_once_the_certificate_says_destroyed() {
    let home = Home::new(Store::Rocks);
    let tuning = Tuning { durability: Durability::Synced, ..Tuning::default() };
    let rocks = Arc::new(Rocks::open(&home.config.store.data, &tuning).unwrap());
    let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&rocks);
    let near = Near::over(&home, &engine).unwrap();
    let data = home.config.store.data.clone();

    let envelope = |purpose: &str, item: Value| json!({ "controller": "oakvale", "purpose": purpose, "items": [item] });
    let place = json!({ "category": "bank", "person": "ada", "record": "main" });
    let mut write = place.clone();
    write["fields"] = json!({ "account_number": "00000017" });
    ask(&near, "bank-officer", "/v1/records/write", envelope("payments", write)).await;
    let key = wrapped(&rocks);
    // Once in a table, once in the write-ahead log: both must go.
    rocks.flush().unwrap();
    assert!(found(&data, &key));
    let erased = ask(&near, "dpo", "/v1/records/erase", envelope("erasure", place)).await;
    let leaf = erased["items"][0]["receipts"][0]["index"].as_u64().unwrap();
    rocks.flush().unwrap();
    assert!(found(&data, &key), "a delete takes no byte away");
    let house = near.house();
    assert!(house.has_bytes_to_end());
    let before = certificate(&home, &near, Some(leaf)).await;
    assert_eq!((before.state, before.key_count, before.act.index), (State::Refused, 1, leaf));
    // Nothing in it tells who was erased.
    let text = before.body();
    assert!(!text.contains("ada") && !text.contains("main"));

    // A copy of before holds them still: nothing is said then.
    let failed = house.end_bytes(|_| Err("a copy is looked at".into())).await.unwrap();
    assert_eq!((failed, certificate(&home, &near, None).await.state), (None, State::Refused));

    let store = Arc::clone(&rocks);
    let rewritten = move |families: Vec<Family>| store.write_anew(&families).map_err(|error| error.to_string());
    let ended = house.end_bytes(rewritten).await.unwrap().unwrap();
    assert!(ended > leaf && !house.has_bytes_to_end());
    assert!(!found(&data, &key), "a byte is left");
    let after = certificate(&home, &near, Some(leaf)).await;
    assert_eq!((after.state, after.act.index), (State::Destroyed, leaf));
    let last = Leaf::parse(after.last.unwrap().leaf.as_bytes()).unwrap();
    assert_eq!((last.action.as_str(), after.to_ms), ("erased.final", last.t));
    drop(near);
    assert_eq!(codes(&checked(&home, &*rocks)), [""; 0]);

    // A start knows how far it has come.
    let near = Near::over(&home, &engine).unwrap();
    assert!(!near.house().has_bytes_to_end());
    assert_eq!(certificate(&home, &near, Some(leaf)).await.state, State::Destroyed);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_certificate_of_what_was_no_erase() {
    let home = Home::new(Store::Memory);
    let near = Near::over(&home, &home.engine()).unwrap();
    for body in [json!({}), json!({ "leaf": 0 }), json!({ "leaf": 9_999_999 })] {
        let (status, answer) = near.post("dpo", "/v1/certificates/issue", body.to_string()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{body}");
    }
}
