//! How much is taken at once.

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
