//! How much is taken at once.

use std::path::Path;

use coffer_tests::harness::{Home, Serving, Store};
use coffer_vault::serve::routes::BODY_BYTES_MAX;
use coffer_wire::api::{ENTRIES_MAX, ITEMS_MAX, WORDS_BYTES_MAX};
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_with_a_leaf_and_one_at_the_limit_is_read() {
    let vault = Home::new(Store::Memory).serve();
    let rents = vault.staff("rents", "oakvale");
    rents.post("/v1/whoami", &json!({})).await.granted();
    let ask = |bytes: usize| {
        let whole = rents.envelope(json!([{ "category": "bank", "person": "p" }])).to_string();
        let body = format!("{whole}{}", " ".repeat(bytes - whole.len()));
        let token = Some(rents.token.as_str());
        let media = Some("application/json");
        let raw = rents.raw.clone();
        let (path, method) = ("/v1/records/list", reqwest::Method::POST);
        let token = token.map(str::to_owned);
        async move { raw.send(method, path, token.as_deref(), media, body.into_bytes()).await }
    };
    ask(BODY_BYTES_MAX).await.refused(404, "not_found");
    let before = vault.log_size();
    ask(BODY_BYTES_MAX + 1).await.refused(413, "too_large");
    let leaves = vault.leaves_since(before);
    assert_eq!(leaves.len(), 1, "{leaves:?}");
    assert_eq!((leaves[0].action, leaves[0].refused), (Action::RecordsList, Some(Code::TooLarge)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_words_have_an_end() {
    let vault = Home::new(Store::Memory).serve();
    let (rents, auditor) = (vault.staff("rents", "oakvale"), vault.staff("auditor", "oakvale"));
    let items = |count: usize| json!(vec![json!({ "category": "bank", "person": "p" }); count]);
    rents.items("/v1/records/list", items(0)).await.refused(400, "malformed");
    let whole = rents.items("/v1/records/list", items(ITEMS_MAX)).await;
    assert_eq!(whole.json()["items"].as_array().unwrap().len(), ITEMS_MAX);
    rents.items("/v1/records/list", items(ITEMS_MAX + 1)).await.refused(400, "malformed");
    let words = |count: usize| "w".repeat(count);
    for (count, expected) in [(WORDS_BYTES_MAX, (404, "not_found")), (WORDS_BYTES_MAX + 1, (400, "malformed"))] {
        let word = words(count);
        rents.on_case(Some(&word)).list("bank", "p").await.refused(expected.0, expected.1);
        rents.because(&word).list("bank", "p").await.refused(expected.0, expected.1);
    }
    for (count, expected) in
        [(ENTRIES_MAX, (200, "ok")), (ENTRIES_MAX + 1, (400, "malformed")), (0, (400, "malformed"))]
    {
        let asked = auditor.post("/v1/log/entry", &json!({ "start": 0, "count": count })).await;
        assert_eq!(asked.outcome(), (expected.0, expected.1.to_owned()), "{count}");
    }
}

/// Records of one person in one category that the vault takes, and their bytes as they are stored.
const RECORDS_MAX: usize = 1_024;
const RECORDS_BYTES_MAX: usize = 4 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_so_many_records_in_a_category_and_no_more() {
    let vault = Home::new(Store::Memory).serve();
    let (support, dpo) = (vault.staff("support-worker", "oakvale"), vault.staff("dpo", "oakvale"));
    let item = |at: usize| json!({ "category": "care", "person": "p", "record": format!("r{at}"), "fields": { "mobility": "wheelchair" } });
    for first in (0..RECORDS_MAX).step_by(ITEMS_MAX) {
        let items: Vec<_> = (first..RECORDS_MAX.min(first + ITEMS_MAX)).map(item).collect();
        let count = items.len();
        let reply = support.items("/v1/records/write", json!(items)).await;
        let written = reply.json()["items"].as_array().unwrap().iter().filter(|item| item["status"] == 200).count();
        assert_eq!(written, count);
    }
    let write = |person: &'static str, record: &'static str| {
        let support = support.clone();
        async move { support.write("care", person, record, json!({ "mobility": "stick-or-frame" })).await }
    };
    let before = vault.log_size();
    write("p", "one-more").await.refused(409, "too_many_records");
    assert_eq!(vault.leaves_since(before).last().unwrap().refused, Some(Code::TooManyRecords));
    support.read("care", "p", "one-more", &["mobility"]).await.refused(404, "not_found");
    write("p", "r0").await.granted();
    write("q", "one-more").await.granted();
    dpo.for_purpose("erasure").erase("care", "p", "r7").await.granted();
    write("p", "one-more").await.granted();
    write("p", "two-more").await.refused(409, "too_many_records");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_records_in_a_category_have_so_many_bytes_and_no_more() {
    const NOTES_BYTES: usize = 60_000;
    let widened = |dir: &Path| {
        let file = dir.join("schema/care.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("max_bytes = 400", &format!("max_bytes = {NOTES_BYTES}"), 1)).unwrap();
    };
    let vault = Home::with(Store::Memory, widened).serve();
    let support = vault.staff("support-worker", "oakvale");
    let write = |person: &'static str, record: String, bytes: usize| {
        let support = support.clone();
        async move { support.write("care", person, &record, json!({ "needs": "n".repeat(bytes) })).await }
    };
    let mut taken = 0;
    while write("p", format!("r{taken}"), NOTES_BYTES).await.outcome().0 == 200 {
        taken += 1;
        assert!(taken * NOTES_BYTES <= RECORDS_BYTES_MAX, "{taken} records of {NOTES_BYTES} bytes were taken");
    }
    assert!((taken + 1) * (NOTES_BYTES + NOTES_BYTES / 8) > RECORDS_BYTES_MAX, "only {taken} were taken");
    write("p", format!("r{taken}"), NOTES_BYTES).await.refused(409, "too_many_records");
    write("q", "r".to_owned(), NOTES_BYTES).await.granted();
    // A record that grows is counted like a new one, and one that shrinks makes room.
    write("p", "small".to_owned(), 10).await.granted();
    write("p", "small".to_owned(), NOTES_BYTES).await.refused(409, "too_many_records");
    write("p", "r0".to_owned(), 10).await.granted();
    write("p", "small".to_owned(), NOTES_BYTES).await.granted();
}
