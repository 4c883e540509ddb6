//! The description of the API, held against a vault: its examples are answered, its schemas refuse what the vault
//! refuses, and what the vault answers is what they say.
#![allow(clippy::unwrap_used)]

mod document;

use std::path::Path;

use coffer_tests::harness::{Home, Reply, Running, Serving, Store, application_of, controllers};
use coffer_vault::serve::routes::{OPERATIONS, Operation};
use reqwest::Method;
use serde_json::{Value, json};

use document::Document;

/// A vault whose schema and policy are those that the document's own examples put in force.
fn vault(document: &Document) -> Running {
    let files = |path: &str, folder: &Path| {
        for (name, text) in document.example(path)["files"].as_object().unwrap() {
            std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
        }
    };
    let home = Home::with(Store::Memory, |dir| {
        let schema = dir.join("schema");
        std::fs::remove_dir_all(&schema).unwrap();
        std::fs::create_dir(&schema).unwrap();
        files("/v1/schema/apply", &schema);
        files("/v1/access/apply", dir);
    });
    home.serve()
}

async fn ask(vault: &Running, operation: &Operation, role: &str, token: Option<&str>, body: &Value) -> Reply {
    let raw = vault.raw(application_of(role));
    let (media, body) = match operation.method == Method::POST {
        true => (Some("application/json"), body.to_string().into_bytes()),
        false => (None, Vec::new()),
    };
    raw.send(operation.method.clone(), operation.path, token, media, body).await
}

#[test]
fn every_schema_is_one() {
    let document = Document::new();
    let schemas = document.json["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 30, "the schemas were not found");
    for (name, schema) in schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name} is no JSON Schema 2020-12");
    }
}

/// What another admin asks for, that the example may decide it.
async fn asked(vault: &Running, path: &str) -> Value {
    let access = vault.home().text("access.toml");
    let wider = format!("# {path}\n{access}\n[[duty]]\nname = \"more\"\nrole = \"dpo\"\nacts = [\"status\"]\n");
    let second = vault.home().token_of("second@example", &["security-admin"], "console", &["oakvale"]);
    let body = json!({ "files": { "access.toml": wider } });
    let reply = vault.raw("console").post("/v1/access/apply", Some(&second), &body).await;
    reply.refused(409, "approval_needed").json()["approval"].clone()
}

/// What destroys a key: once the jobs of the rotations before have ended, and a second admin has approved it.
async fn approved_once_nothing_is_moved(vault: &Running, path: &str, body: &mut Value) {
    let (raw, token) = (vault.raw("console"), vault.token("security-admin", &["oakvale"]));
    loop {
        let listed = raw.post("/v1/keys/jobs", Some(&token), &json!({})).await.granted().json();
        if listed["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "done") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let asked = raw.post(path, Some(&token), body).await.refused(409, "approval_needed");
    let id = asked.json()["approval"].clone();
    let second = vault.home().token_of("second@example", &["security-admin"], "console", &["oakvale"]);
    raw.post("/v1/approvals/approve", Some(&second), &json!({ "id": id })).await.granted();
    body["approval"] = id;
}

/// What a second officer approved.
async fn allowed(vault: &Running, path: &str, body: &mut Value) {
    let officer = vault.token("dpo", &["oakvale"]);
    let second = vault.home().token_of("second@example", &["dpo"], "console", &["oakvale"]);
    let raw = vault.raw("console");
    let asked = raw.post(path, Some(&officer), body).await.refused(409, "approval_needed");
    let id = asked.json()["approval"].clone();
    raw.post("/v1/approvals/approve", Some(&second), &json!({ "id": id })).await.granted();
    body["approval"] = id;
}

/// The hold of the example before, and what a second officer approved.
async fn lift(vault: &Running, body: &mut Value) {
    let officer = vault.token("dpo", &["oakvale"]);
    let second = vault.home().token_of("second@example", &["dpo"], "console", &["oakvale"]);
    let raw = vault.raw("console");
    let listed = raw.post("/v1/holds/list", Some(&officer), &json!({ "controller": "oakvale" })).await.granted();
    body["hold"] = listed.json()["holds"][0]["id"].clone();
    let asked = raw.post("/v1/holds/lift", Some(&officer), body).await.refused(409, "approval_needed");
    let id = asked.json()["approval"].clone();
    raw.post("/v1/approvals/approve", Some(&second), &json!({ "id": id })).await.granted();
    body["approval"] = id;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_example_is_answered_and_each_answer_is_what_the_document_says() {
    let document = Document::new();
    let vault = vault(&document);
    for operation in OPERATIONS {
        let role = document.role(operation.path);
        let token = vault.token(role, &["oakvale"]);
        let mut body = document.example(operation.path);
        if operation.path == "/v1/erasures/allow" {
            allowed(&vault, operation.path, &mut body).await;
        }
        if operation.path == "/v1/holds/lift" {
            lift(&vault, &mut body).await;
        }
        if operation.path.starts_with("/v1/approvals/") && body["id"].is_string() {
            body["id"] = asked(&vault, operation.path).await;
        }
        if ["/v1/keys/destroy", "/v1/keys/shred"].contains(&operation.path) {
            approved_once_nothing_is_moved(&vault, operation.path, &mut body).await;
        }
        if operation.method == Method::POST {
            document.request(operation.path).unwrap_or_else(|why| panic!("{}: {why}", operation.path));
        }
        let reply = ask(&vault, operation, role, Some(&token), &body).await;
        assert_eq!(reply.outcome().0, 200, "{}: {reply}", operation.path);
        document.answer(operation, &reply);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_served_document_is_the_one_that_is_printed() {
    let vault = Home::new(Store::Memory).serve();
    let token = vault.token("rents", &controllers());
    let reply = vault.raw("rents-desk").get("/openapi.json", Some(&token)).await.granted();
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.json(), coffer_vault::serve::openapi::document());
}

/// Every limit in the document is one that the vault holds to: what the schema refuses, it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_schema_refuses_the_vault_refuses() {
    let document = Document::new();
    let vault = vault(&document);
    for operation in OPERATIONS.iter().filter(|operation| operation.method == Method::POST) {
        let role = document.role(operation.path);
        let token = vault.token(role, &["oakvale"]);
        let mut broken = spoiled(&document.example(operation.path));
        broken.push(json!([]));
        broken.push(Value::Null);
        for body in broken {
            let refused = document.refuses(operation.path, &body);
            assert!(refused, "{}: the schema takes {body}", operation.path);
            let reply = ask(&vault, operation, role, Some(&token), &body).await;
            assert_eq!(reply.outcome(), (400, "malformed".to_owned()), "{}: {body}", operation.path);
            document.answer(operation, &reply);
        }
    }
}

/// A change for the worse.
type Spoil = Box<dyn Fn(&mut Value)>;

/// The example, spoiled in one place each time.
fn spoiled(example: &Value) -> Vec<Value> {
    let spoil = |pointer: &str, spoil: &dyn Fn(&mut Value)| {
        let mut body = example.clone();
        let place = body.pointer_mut(pointer)?;
        spoil(place);
        Some(body)
    };
    let long = |letter: &str, count: usize| json!(letter.repeat(count));
    let set = |value: Value| move |place: &mut Value| *place = value.clone();
    let mut places: Vec<(&str, Spoil)> = vec![
        ("", Box::new(|body| body["surplus"] = json!(1))),
        ("/items/0", Box::new(|item| item["surplus"] = json!(1))),
        ("/items/0", Box::new(|item| *item = json!(item.as_object().unwrap().values().collect::<Vec<_>>()))),
        ("/items", Box::new(set(json!([])))),
        ("/items", Box::new(|items| *items = json!(vec![items[0].clone(); 1_001]))),
        ("/start", Box::new(set(json!(-1)))),
        ("/index", Box::new(set(json!("0")))),
        ("/files", Box::new(set(json!({ "access.toml": 1 })))),
        ("/action", Box::new(set(json!("records.peek")))),
        ("/items/0/form", Box::new(set(json!("whole")))),
        ("/items/0/source", Box::new(set(json!("hearsay")))),
        ("/items/0/fields", Box::new(set(json!("sort_code")))),
        ("/items/0", Box::new(|item| drop(item.as_object_mut().unwrap().remove("person")))),
    ];
    // Of leaves there are some to be shown; of keys there may be none left, or many.
    if example["start"].is_number() {
        places.extend([0, 1_001].map(|count| ("/count", Box::new(set(json!(count))) as Spoil)));
    }
    for words in ["case", "reason"] {
        let long = long("w", 257);
        places.push((
            "",
            Box::new(move |body: &mut Value| {
                let is_envelope = body["items"].is_array();
                body[if is_envelope { words } else { "surplus" }] = long.clone();
            }),
        ));
    }
    for name in ["/controller", "/purpose", "/category", "/items/0/category"] {
        for text in [json!("Bank"), json!(""), json!("9a"), long("n", 33), json!(7)] {
            places.push((name, Box::new(set(text))));
        }
    }
    for id in ["/items/0/person", "/items/0/record"] {
        for text in [json!(""), json!("a\u{7}"), long("x", 65), json!(7)] {
            places.push((id, Box::new(set(text))));
        }
    }
    places.iter().filter_map(|(pointer, change)| spoil(pointer, change)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_what_the_document_says() {
    let document = Document::new();
    let vault = vault(&document);
    for operation in OPERATIONS {
        let role = document.role(operation.path);
        let token = vault.token(role, &["oakvale"]);
        let stranger = vault.home().token_of("x@example", &["gardener"], application_of(role), &["oakvale"]);
        let body = document.example(operation.path);
        let mut seen = Vec::new();
        for token in [None, Some("no.token.this"), Some(&stranger)] {
            seen.push(ask(&vault, operation, role, token, &body).await);
        }
        let raw = vault.raw(application_of(role));
        let large = vec![b' '; (4 << 20) + 1];
        let card = json!({ "category": "a4111111111111111", "files": { "4111 1111 1111 1111": "" } });
        for (media, body) in [
            (Some("text/plain"), body.to_string().into_bytes()),
            (Some("application/json"), large),
            (Some("application/json"), card.to_string().into_bytes()),
        ] {
            seen.push(raw.send(operation.method.clone(), operation.path, Some(&token), media, body).await);
        }
        for reply in &seen {
            document.answer(operation, reply);
        }
        let statuses: Vec<u16> = seen.iter().map(|reply| reply.status).collect();
        assert!(statuses.contains(&401) && statuses.contains(&403), "{}: {statuses:?}", operation.path);
    }
}
