//! A card number is refused wherever it stands, on record, and nothing of it is kept.

use coffer_client::{Token, ask};
use coffer_tests::harness::{Home, Process, Raw, Reply, Running, Serving, Staff, Store, application_of, binary, name};
use coffer_tests::search::Search;
use coffer_vault::serve::routes::OPERATIONS;
use coffer_vault::store::Family;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

use crate::number::{card, in_fours};
use crate::positions::{Planted, planted};

/// The code as a caller sees it.
const REFUSED: (u16, &str) = (422, "card_number");
/// Fewer places than this, and some were not looked for.
const PLACES_MIN: usize = 30;

async fn send(raw: &Raw, token: Option<&str>, planted: &Planted) -> Reply {
    raw.post(planted.path, token, &planted.body).await
}

/// Everybody's first leaf is written, and the records that requests speak of are there.
async fn prepare(vault: &impl Serving) {
    let handler = vault.staff("complaints-handler", "oakvale");
    handler.write("complaints", "p", "r", json!({ "summary": "a leak" })).await.granted();
    for role in ["complaints-handler", "dpo", "auditor", "rents", "security-admin"] {
        let staff = vault.staff(role, "oakvale");
        staff.post("/v1/whoami", &json!({})).await.granted();
        staff.list("bank", "nobody").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_is_refused_in_every_place_with_one_leaf_that_says_so() {
    let vault = Home::new(Store::Memory).serve();
    prepare(&vault).await;
    let all = planted(vault.home());
    assert!(all.len() >= PLACES_MIN, "{} places", all.len());
    for planted in &all {
        let raw = vault.raw(application_of(planted.role));
        let token = vault.token(planted.role, &["oakvale"]);
        let before = vault.log_size();
        let reply = send(&raw, Some(&token), planted).await;
        let (path, place) = (planted.path, &planted.place);
        assert_eq!(reply.outcome(), (REFUSED.0, REFUSED.1.to_owned()), "{path} {place}: {reply}");
        assert_eq!(reply.status, if planted.in_item { 200 } else { REFUSED.0 }, "{path} {place}: {reply}");
        let said = if planted.in_item { reply.item(0) } else { reply.json() };
        assert_eq!(said["field"].as_str(), planted.field.as_deref(), "{path} {place}: {reply}");
        assert!(said["detail"].as_str().unwrap().contains(&format!("`{}`", planted.member)), "{path} {place}: {reply}");
        let mut leaves = vault.leaves_since(before);
        assert_eq!(leaves.len(), 1, "{path} {place}: {leaves:?}");
        told(planted, &leaves.remove(0));
    }
}

/// The leaf of an attempt: who, what, about whom; but no alias of an id that is a card number.
fn told(planted: &Planted, leaf: &Leaf) {
    let (path, place) = (planted.path, &planted.place);
    assert_eq!(leaf.refused, Some(Code::CardNumber), "{path} {place}");
    let operation = OPERATIONS.iter().find(|operation| operation.path == path).unwrap();
    assert_eq!(Some(leaf.action), operation.action, "{path} {place}");
    assert!(leaf.actor.is_some() && leaf.app.is_some(), "{path} {place}: the leaf does not say who");
    if !planted.in_item {
        return;
    }
    let is = |member: &str| planted.member == member;
    assert_eq!(leaf.controller.as_str(), "oakvale", "{path} {place}");
    assert_eq!(leaf.subject.is_some(), !is("person"), "{path} {place}: about whom");
    let names_category = !is("category") && !is("categories");
    assert_eq!(leaf.category.is_some(), names_category, "{path} {place}: of which category");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_a_card_number_is_told_of_the_token_alone() {
    let vault = Home::new(Store::Memory).serve();
    prepare(&vault).await;
    for planted in planted(vault.home()) {
        let raw = vault.raw(application_of(planted.role));
        let before = vault.log_size();
        let reply = send(&raw, None, &planted).await;
        assert_eq!(reply.outcome(), (401, "credential_missing".to_owned()), "{}: {reply}", planted.place);
        assert_eq!(vault.leaves_since(before).len(), 1, "{}", planted.place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_refused_card_number_is_in_the_home_the_logs_or_an_answer() {
    let process = Process::start(Home::by_binary(), "trace");
    prepare(&process).await;
    let all = planted(process.home());
    let mut search = Search::new();
    for planted in &all {
        for form in [planted.card.clone(), in_fours(&planted.card, " "), in_fours(&planted.card, "-")] {
            search.add(form.as_bytes(), &format!("{} {}", planted.path, planted.place));
        }
    }
    for planted in &all {
        let raw = process.raw(application_of(planted.role));
        let token = process.token(planted.role, &["oakvale"]);
        for token in [Some(token.as_str()), None] {
            let reply = send(&raw, token, planted).await;
            assert_ne!(reply.outcome().0, 200, "{}: {reply}", planted.place);
            clean(search.found_in(&reply.body), &format!("answer to {} {}", planted.path, planted.place));
            clean(search.found_in(format!("{:?}", reply.headers).as_bytes()), "headers");
        }
    }
    let said = process.said();
    assert!(!said.is_empty(), "the process says nothing at trace");
    let home = process.kill();
    clean(search.found_in(&said), "log of the process");
    let (found, bytes) = search.found_below(home.dir());
    clean(found, "home");
    assert!(bytes > 20_000, "hardly anything was searched: {bytes} bytes");
    // What is sealed cannot be searched from outside: the check opens it, the log's private parts among it.
    let checked = check(&home, &["--cards", "--json"]);
    assert_eq!(checked.0, Some(0), "{}", checked.1);
    assert!(checked.1["looked"]["fields"].as_u64().unwrap() >= 1, "{}", checked.1);
    // The test of the test: in the same folder it would be found.
    let planted_in_clear = format!("note: {}", in_fours(&all[0].card, "-"));
    std::fs::write(home.config.store.data.join("planted"), planted_in_clear).unwrap();
    assert_eq!(search.found_below(home.dir()).0.len(), 1);
}

fn check(home: &Home, args: &[&str]) -> (Option<i32>, Value) {
    let output = std::process::Command::new(binary()).arg("check").arg(home.dir()).args(args).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[track_caller]
fn clean(found: Vec<String>, where_: &str) {
    assert!(found.is_empty(), "{where_}: {found:#?}");
}

fn summary(text: &str) -> Value {
    json!({ "summary": text })
}

async fn stored(handler: &Staff, person: &str) -> Value {
    handler.read("complaints", person, "r", &["summary"]).await.granted().item(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_paste_is_refused_and_what_stands_there_stays() {
    let vault = Home::new(Store::Memory).serve();
    let handler = vault.staff("complaints-handler", "oakvale");
    handler.write("complaints", "p", "r", summary("a leak")).await.granted();
    let number = card(0);
    for text in [
        format!("card no:{number}."),
        format!("{} exp 12/29 cvv 123", in_fours(&number, " ")),
        format!("{} exp 12/29 cvv 123", in_fours(&number, "\u{a0}")),
        format!("rang 07700 900123, paid with {}", in_fours(&number, "\u{2013}")),
        format!("%B{number}^TENANT/A^29121010000000000?"),
        number.chars().map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0xff10).unwrap()).collect(),
        number.replace('0', "O"),
    ] {
        let reply = handler.write("complaints", "p", "r", summary(&text)).await.refused(REFUSED.0, REFUSED.1);
        assert_eq!(reply.item(0)["field"], "summary", "{text}");
        let now = stored(&handler, "p").await;
        assert_eq!((&now["version"], &now["fields"]["summary"]), (&json!(1), &json!("a leak")), "{text}");
    }
    let reply = handler.write("complaints", "new", "r", summary(&number)).await;
    reply.refused(REFUSED.0, REFUSED.1);
    handler.read("complaints", "new", "r", &["summary"]).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_item_with_a_card_number_leaves_the_others_alone_unless_the_request_is_atomic() {
    let vault = Home::new(Store::Memory).serve();
    let handler = vault.staff("complaints-handler", "oakvale");
    let item = |person: &str, text: &str| json!({ "category": "complaints", "person": person, "record": "r", "fields": { "summary": text } });
    let items = json!([item("a", "damp"), item("b", &card(1)), item("c", "noise")]);
    let reply = handler.items("/v1/records/write", items.clone()).await;
    let codes = |reply: &Reply| (0..3).map(|at| reply.item(at)["code"].clone()).collect::<Vec<_>>();
    assert_eq!(codes(&reply), [Value::Null, json!("card_number"), Value::Null], "{reply}");
    let mut envelope = handler.envelope(items);
    envelope["atomic"] = json!(true);
    let before = rows(&vault);
    let reply = handler.post("/v1/records/write", &envelope).await;
    assert_eq!(codes(&reply), ["not_done", "card_number", "not_done"], "{reply}");
    assert_eq!(rows(&vault), before, "something was written");
}

fn rows(vault: &Running) -> Vec<(Vec<u8>, Vec<u8>)> {
    let family = Family::Rows(name("complaints"));
    vault.engine().scan(family, b"", None, usize::MAX).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn telephone_numbers_accounts_and_references_are_taken() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault
        .staff("bank-officer", "oakvale")
        .because("refund to 20-00-00 12345678 or GB29 NWBK 6016 1331 9268 19, rang 07700 900123 twice");
    let fields = json!({ "sort_code": "40-11-22", "account_number": "12345678" });
    officer.write("bank", "T-000001", "B-000001", fields).await.granted();
    let handler = vault.staff("complaints-handler", "oakvale").on_case(Some("2026-000123"));
    let text =
        "Statement of 2026-03-09: 650.00, 12.50. Readings 45210 and 45388. Invoice 4500012345-10, NI QQ 12 34 56 C";
    let fields = json!({ "summary": text, "callback_phone": "+44 7700 900123" });
    handler.write("complaints", "T-000001", "K-000001", fields).await.granted();
}

/// What an application sees of it through the client crate.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_crate_tells_the_code_and_the_field_and_not_the_number() {
    let vault = Home::new(Store::Memory).serve();
    let client = vault.client("complaints-desk");
    let token = Token::new(vault.token("complaints-handler", &["oakvale"])).unwrap();
    let session = client.on_behalf_of(token).for_controller("oakvale").unwrap();
    let handling = session.for_purpose("complaint-handling").unwrap().with_case("case-1");
    let number = card(3);
    let draft = ask::write("complaints", "p", "r").unwrap().set("summary", &number).unwrap();
    let error = handling.write(draft).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.code, refusal.field), (Code::CardNumber, Some(name("summary"))));
    assert_eq!(refusal.logged().len(), 1);
    assert!(!format!("{error:?} {error}").contains(&number));
    let reason = handling.with_reason(&number);
    let error = reason.read(ask::clear("complaints", "p", "r", &["summary"]).unwrap()).await.err().unwrap();
    assert_eq!((error.code(), error.refusal().unwrap().field), ("card_number", None));
    assert!(!format!("{error:?} {error}").contains(&number));
}

/// The number with which an auditor asks for leaves is a text in the log's private part.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_leaves_that_reads_like_a_card_number_is_not_kept_as_one() {
    let vault = Home::new(Store::Memory).serve();
    let auditor = vault.staff("auditor", "oakvale");
    let start: u64 = card(2).parse().unwrap();
    let before = vault.log_size();
    let reply = auditor.post("/v1/log/entry", &json!({ "start": start, "count": 1 })).await.granted();
    let private = reply.json()["receipt"]["private"].as_str().unwrap().to_owned();
    assert!(!private.contains(&start.to_string()), "{private}");
    let leaf = vault.leaves_since(before).pop().unwrap();
    assert_eq!((leaf.action, leaf.refused), (Action::LogEntry, None));
}
