//! Bodies that are not what an operation takes: each a stable code and exactly one leaf, and nothing changed.

use coffer_tests::harness::{Home, Serving, Staff, Store};
use coffer_wire::api::{CATEGORIES_MAX, FIELDS_MAX, ITEMS_MAX};
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

/// Levels of a JSON value that no parser should follow to the end.
const DEEP: usize = 100_000;
/// Elements of a list that is four bytes each in the body and much more in memory.
const HUGE: usize = 1_000_000;

fn deep(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(DEEP), close.repeat(DEEP))
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("n{at}")).collect()
}

/// A body of a request with one item, written by hand.
fn with_item(item: &str) -> String {
    format!(r#"{{"controller":"oakvale","purpose":"payments","case":"case-1","items":[{item}]}}"#)
}

fn read_of(fields: &str) -> String {
    with_item(&format!(r#"{{"category":"bank","person":"p","record":"r","fields":{fields},"form":"clear"}}"#))
}

fn write_of(fields: &str) -> String {
    with_item(&format!(r#"{{"category":"bank","person":"p","record":"r","fields":{fields}}}"#))
}

/// What is wrong, where it is sent, and the body.
fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let map =
        |count| json!(names(count).into_iter().map(|name| (name, Value::Null)).collect::<serde_json::Map<_, _>>());
    let (read, write, erase) = ("/v1/records/read", "/v1/records/write", "/v1/subjects/erase");
    let person = |categories: Value| with_item(&json!({ "person": "p", "categories": categories }).to_string());
    let texts = vec![
        ("nothing", read, String::new()),
        ("no JSON", read, "{".to_owned()),
        ("two values", read, format!("{0}{0}", read_of(r#"["sort_code"]"#))),
        ("another type", read, "[]".to_owned()),
        ("a level too many, in a list", read, read_of(&deep("[", "]"))),
        ("a level too many, in a map", write, write_of(&deep(r#"{"a":"#, "}").replace(":}", ":1}"))),
        ("a level too many, alone", read, deep("[", "]")),
        ("an unknown name", read, read_of(r#"["sort_code"],"surplus":1"#)),
        ("an unknown name around", read, read_of("[]").replacen('{', r#"{"surplus":1,"#, 1)),
        ("a name twice", read, read_of(r#"["sort_code"],"person":"q""#)),
        ("a name twice around", read, read_of(r#"["sort_code"]"#).replacen('{', r#"{"controller":"brookside","#, 1)),
        ("a field twice", write, write_of(r#"{"sort_code":"00-00-01","sort_code":"00-00-02"}"#)),
        (
            "a missing name",
            read,
            with_item(r#"{"category":"bank","person":"p","fields":["sort_code"],"form":"clear"}"#),
        ),
        ("no item", read, with_item("")),
        ("an item too many", read, with_item(&vec!["0"; ITEMS_MAX + 1].join(","))),
        ("a field too many to read", read, read_of(&json!(names(FIELDS_MAX + 1)).to_string())),
        ("a field too many to write", write, write_of(&map(FIELDS_MAX + 1).to_string())),
        ("a category too many", erase, person(json!(names(CATEGORIES_MAX + 1)))),
        ("a huge list of fields", read, read_of(&format!("[{}\"a\"]", "\"a\",".repeat(HUGE)))),
        ("a huge list of items", read, with_item(&format!("{}{{}}", "{},".repeat(HUGE)))),
        ("a huge list of categories", erase, person(json!(vec!["a"; HUGE]))),
        ("a number that is no text", read, read_of("[1]")),
        ("half a surrogate pair", read, read_of(r#"["\ud800"]"#)),
    ];
    let mut bodies: Vec<_> = texts.into_iter().map(|(what, path, text)| (what, path, text.into_bytes())).collect();
    bodies.push(("no UTF-8", read, read_of("[\"\u{e9}\"]").chars().map(|char| char as u8).collect()));
    bodies
}

/// A vault and somebody who may read and write there.
async fn stage() -> (coffer_tests::harness::Running, Staff, Staff) {
    let vault = Home::new(Store::Memory).serve();
    let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale").for_purpose("erasure"));
    for staff in [&officer, &dpo] {
        staff.post("/v1/whoami", &json!({})).await.granted();
        staff.list("bank", "p").await;
    }
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    (vault, officer, dpo)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_the_operations_is_refused_with_one_leaf_and_changes_nothing() {
    let (vault, officer, dpo) = stage().await;
    for (what, path, body) in bodies() {
        let staff = if path == "/v1/subjects/erase" { &dpo } else { &officer };
        let (before, token) = (vault.log_size(), Some(staff.token.as_str()));
        let reply = staff.raw.send(reqwest::Method::POST, path, token, Some("application/json"), body).await;
        assert_eq!(reply.outcome(), (400, "malformed".to_owned()), "{what}: {reply}");
        let detail = reply.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(!detail.is_empty() && !detail.contains("surplus"), "{what}: {detail}");
        let leaves = vault.leaves_since(before);
        assert_eq!(leaves.len(), 1, "{what}: {leaves:?}");
        let action = Action::from_text(&path["/v1/".len()..].replace('/', ".")).unwrap();
        assert_eq!((leaves[0].action, leaves[0].refused), (action, Some(Code::Malformed)), "{what}");
    }
    let kept = officer.read("bank", "p", "r", &["sort_code"]).await.granted();
    assert_eq!(kept.item(0)["fields"]["sort_code"], "00-00-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_the_greatest_length_are_read() {
    let (_vault, officer, dpo) = stage().await;
    // Unknown fields and categories: what is refused is what they say, not how many they are.
    let item =
        json!({ "category": "bank", "person": "p", "record": "r", "fields": names(FIELDS_MAX), "form": "clear" });
    officer.items("/v1/records/read", json!([item])).await.refused(422, "unknown_field");
    let item = json!({ "person": "p", "categories": names(CATEGORIES_MAX) });
    dpo.items("/v1/subjects/erase", json!([item])).await.refused(422, "unknown_category");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_of_too_many_files_is_refused_while_it_is_read() {
    let (vault, ..) = stage().await;
    let admin = vault.staff("security-admin", "oakvale");
    admin.post("/v1/whoami", &json!({})).await.granted();
    let files: serde_json::Map<_, _> = names(CATEGORIES_MAX + 1).into_iter().map(|name| (name, json!(""))).collect();
    for what in ["access", "schema"] {
        let before = vault.log_size();
        let reply = admin.post(&format!("/v1/{what}/apply"), &json!({ "files": files })).await;
        assert_eq!(reply.outcome(), (400, "malformed".to_owned()), "{what}: {reply}");
        assert_eq!(vault.leaves_since(before).len(), 1, "{what}");
    }
}
