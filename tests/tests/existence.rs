//! Whether someone is here: never existed, erased, another controller's, no record in this category.
//! One answer, to the byte, but for what names the very request: index, leaf hash, note, request id
//! and date. Those are blanked, and must be of equal length.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::engines::{Counting, Look};
use coffer_tests::harness::{Home, Running, Serving, Staff, Store, application_of, tls};
use coffer_vault::store::{Engine, Family};
use coffer_wire::leaf::Leaf;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

/// Ways of not being there for a bank officer of Oakvale: what it is, and a person of that kind.
const ABSENT: [(&str, &str); 6] = [
    ("never existed", "nobody"),
    ("was erased from everything", "erased-person"),
    ("had one record, which was erased", "erased-record"),
    ("is another controller's", "brooksides"),
    ("has records in another category alone", "in-debts"),
    ("has another record in this category", "another-record"),
];

/// Leaves before the first question, so that all indexes have three digits.
const LEAVES_MIN: u64 = 100;
const LEAVES_END: u64 = 1_000;

/// A vault with a person of each kind.
async fn stage() -> Running {
    stage_counted().await.0
}

/// The same, with what counts the looks at its store.
async fn stage_counted() -> (Running, Arc<Counting>) {
    // Who writes for payments may not list: to them a conflict is not to show.
    let home = Home::with(Store::Memory, |dir| {
        let access = std::fs::read_to_string(dir.join("access.toml")).unwrap();
        let list = "name = \"officer-bank-list\"\nrole = \"bank-officer\"\ncategory = \"bank\"\nactions = [\"list\"]\n";
        let narrowed = access.replace(
            &format!("{list}purposes = [\"payments\", \"refunds\"]"),
            &format!("{list}purposes = [\"refunds\"]"),
        );
        assert_ne!(access, narrowed, "the shipped policy has changed");
        std::fs::write(dir.join("access.toml"), narrowed).unwrap();
    });
    let counting = Arc::new(Counting::over(home.memory()));
    let vault = home.serve_on(Arc::<Counting>::clone(&counting) as Arc<dyn Engine>);
    let (officer, adviser) = (vault.staff("bank-officer", "oakvale"), vault.staff("debt-adviser", "oakvale"));
    let (dpo, elsewhere) = (vault.staff("dpo", "oakvale"), vault.staff("bank-officer", "brookside"));
    for (_, person) in ABSENT.iter().filter(|(_, person)| person.starts_with("erased")) {
        write(&officer, "bank", person, "r").await;
        write(&adviser, "debts", person, "r").await;
    }
    dpo.erase_person("erased-person", &[]).await.granted();
    dpo.erase("bank", "erased-record", "r").await.granted();
    write(&elsewhere, "bank", "brooksides", "r").await;
    write(&adviser, "debts", "in-debts", "r").await;
    write(&officer, "bank", "another-record", "other").await;
    write(&officer, "bank", "present", "r").await;
    while vault.log_size() < LEAVES_MIN {
        officer.read("bank", "present", "r", &["sort_code"]).await.granted();
    }
    (vault, counting)
}

async fn write(staff: &Staff, category: &str, person: &str, record: &str) {
    let field = if category == "bank" { "sort_code" } else { "creditor" };
    staff.write(category, person, record, json!({ field: "00-00-01" })).await.granted();
}

/// One request as bytes, and its answer as bytes, over a connection of its own.
async fn bytes_of(vault: &Running, staff: &Staff, application: &str, path: &str, item: &Value) -> Vec<u8> {
    let home = vault.home();
    let [certificate, key] = ["client.pem", "client.key"].map(|file| home.client_file(application, file));
    let connector = TlsConnector::from(Arc::new(tls(&home.server_ca(), Some((&certificate, &key)))));
    let socket = tokio::net::TcpStream::connect(vault.address()).await.unwrap();
    let mut stream = connector.connect(vault.address().ip().into(), socket).await.unwrap();
    let body = staff.envelope(json!([item])).to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: vault\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        staff.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without close_notify has said all the same.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// What names the very request, from after its beginning to before its end, is blanked in place.
const OWN: [(&str, &str); 6] = [
    ("\"index\":", ","),
    ("\"leaf_hash\":\"", "\""),
    ("\"notes\":[\"", "\"]"),
    ("x-request-id: ", "\r\n"),
    ("\"request\":\"", "\""),
    ("\r\ndate: ", "\r\n"),
];

/// The answer with a dot for each byte of what names the very request.
fn blanked(answer: &[u8]) -> Vec<u8> {
    blanked_with(answer, ".")
}

fn blanked_with(answer: &[u8], blank: &str) -> Vec<u8> {
    let mut text = String::from_utf8(answer.to_vec()).unwrap();
    for (begins, ends) in OWN {
        let mut from = 0;
        while let Some(at) = text[from..].find(begins) {
            let start = from + at + begins.len();
            let end = start + text[start..].find(ends).expect("what begins also ends");
            text.replace_range(start..end, &blank.repeat(end - start));
            from = end;
        }
    }
    text.into_bytes()
}

/// Whether two answers say the same.
fn same(one: &[u8], other: &[u8]) -> bool {
    blanked(one) == blanked(other)
}

/// The same of a leaf: what names the very access, and nothing else, is blanked.
fn blanked_leaf(leaf: &Leaf) -> Value {
    let mut leaf = serde_json::to_value(leaf).unwrap();
    for own in ["t", "n", "subject", "commit"] {
        assert!(!leaf[own].is_null(), "{own} is missing: {leaf}");
        leaf[own] = Value::Null;
    }
    leaf
}

struct Question {
    role: &'static str,
    path: &'static str,
    item: fn(&str) -> Value,
    /// Kinds of [`ABSENT`] that this question does not mean.
    not: &'static [&'static str],
}

const QUESTIONS: &[Question] = &[
    Question {
        role: "rents",
        path: "/v1/records/read",
        item: |person| json!({ "category": "bank", "person": person, "record": "r", "fields": ["sort_code"], "form": "clear" }),
        not: &[],
    },
    Question {
        role: "rents",
        path: "/v1/records/read",
        item: |person| {
            let fields = json!(["account_name", "sort_code", "mandate_date"]);
            json!({ "category": "bank", "person": person, "record": "r", "fields": fields, "form": "masked" })
        },
        not: &[],
    },
    Question {
        role: "rents",
        path: "/v1/records/list",
        item: |person| json!({ "category": "bank", "person": person }),
        not: &["another-record"],
    },
    Question {
        role: "dpo",
        path: "/v1/records/erase",
        item: |person| json!({ "category": "bank", "person": person, "record": "r" }),
        not: &[],
    },
    Question {
        role: "dpo",
        path: "/v1/subjects/erase",
        item: |person| json!({ "person": person, "categories": ["bank"] }),
        not: &["another-record"],
    },
    Question {
        role: "bank-officer",
        path: "/v1/records/write",
        item: |person| {
            let fields = json!({ "sort_code": "00-00-02" });
            json!({ "category": "bank", "person": person, "record": "r", "fields": fields, "expected_version": 7 })
        },
        not: &[],
    },
];

/// Asks a question about one person: the answer, and the leaf of it.
async fn ask(vault: &Running, staff: &Staff, question: &Question, person: &str) -> (Vec<u8>, Leaf) {
    let before = vault.log_size();
    let answer = bytes_of(vault, staff, application_of(question.role), question.path, &(question.item)(person)).await;
    let mut leaves = vault.leaves_since(before);
    assert_eq!(leaves.len(), 1, "{} about {person}: {leaves:?}", question.path);
    (answer, leaves.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_here_is_not_here_in_the_same_bytes() {
    let vault = stage().await;
    for question in QUESTIONS {
        let staff = vault.staff(question.role, "oakvale");
        // The first token of a kind makes a leaf of its own.
        ask_once(&vault, &staff, question).await;
        let (first, first_leaf) = ask(&vault, &staff, question, "nobody-at-all").await;
        let text = String::from_utf8_lossy(&first);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\"status\":404,\"code\":\"not_found\""), "{text}");
        for (kind, person) in ABSENT.iter().filter(|(_, person)| !question.not.contains(person)) {
            let (answer, leaf) = ask(&vault, &staff, question, person).await;
            assert!(
                same(&first, &answer),
                "{} shows that a person {kind}:\n{text}\n{}",
                question.path,
                String::from_utf8_lossy(&answer)
            );
            assert_eq!(blanked_leaf(&first_leaf), blanked_leaf(&leaf), "{}: {kind}", question.path);
        }
    }
    assert!((LEAVES_MIN..LEAVES_END).contains(&vault.log_size()), "indexes of other lengths were compared");
}

/// What of a look a caller might tell by its time: where it was, and whether something was there; of the keys, of which kind.
fn telling(looks: &[Look]) -> Vec<String> {
    let place = |family: &Family, key: &[u8]| match family {
        Family::Keys => format!("keys {}", key[0] as char),
        other => other.to_string(),
    };
    let one = |look: &Look| match look {
        Look::Row(family, key, found) => format!("{}: {found}", place(family, key)),
        Look::Rows(family, prefix, found) => format!("all of {}: {found}", place(family, prefix)),
    };
    looks.iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_looks_at_the_same_whoever_is_not_here() {
    let (vault, counting) = stage_counted().await;
    for question in QUESTIONS {
        let staff = vault.staff(question.role, "oakvale");
        ask_once(&vault, &staff, question).await;
        let looks = async |person: &str| {
            counting.looks();
            staff.items(question.path, json!([(question.item)(person)])).await.refused(404, "not_found");
            telling(&counting.looks())
        };
        let nobody = looks("nobody-at-all").await;
        assert!(!nobody.iter().any(|look| look.starts_with("keys A")), "{}: {nobody:?}", question.path);
        for (kind, person) in ABSENT.iter().filter(|(_, person)| !question.not.contains(person)) {
            assert_eq!(looks(person).await, nobody, "{}: a person who {kind}", question.path);
        }
    }
    // To whom a conflict is not to show, it is not there either.
    let officer = vault.staff("bank-officer", "oakvale");
    let conflict = async |person: &str| {
        counting.looks();
        let item = (QUESTIONS[5].item)(person);
        officer.items("/v1/records/write", json!([item])).await.refused(404, "not_found");
        // That the row is there shows; what it leads to is not looked at.
        counting.looks().len()
    };
    // The first request with a token looks for its person.
    conflict("first").await;
    assert_eq!(conflict("present").await, conflict("nobody").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused_before_anything_is_looked_at() {
    let (vault, counting) = stage_counted().await;
    let rents = vault.staff("rents", "oakvale");
    let officer = vault.staff("bank-officer", "oakvale");
    let read = |person: &str| json!({ "category": "bank", "person": person, "record": "r", "fields": ["sort_code"], "form": "clear" });
    let with = |item: Value, name: &str, value: Value| {
        let mut item = item;
        item[name] = value;
        item
    };
    let write =
        |person: &str, fields: Value| json!({ "category": "bank", "person": person, "record": "r", "fields": fields });
    type Case<'a> = (&'static str, &'static str, Staff, Box<dyn Fn(&str) -> Value + 'a>);
    let cases: Vec<Case<'_>> = vec![
        ("/v1/records/read", "forbidden_controller", rents.at("brookside"), Box::new(read)),
        ("/v1/records/read", "purpose_not_permitted", rents.for_purpose("nothing"), Box::new(read)),
        ("/v1/records/read", "unknown_field", rents.clone(), Box::new(|p| with(read(p), "fields", json!(["nothing"])))),
        (
            "/v1/records/read",
            "unknown_category",
            rents.clone(),
            Box::new(|p| with(read(p), "category", json!("nothing"))),
        ),
        (
            "/v1/records/read",
            "purpose_not_permitted",
            rents.clone(),
            Box::new(|p| with(read(p), "category", json!("care"))),
        ),
        (
            "/v1/records/read",
            "card_number",
            rents.clone(),
            Box::new(|p| with(read(p), "record", json!("4111111111111111"))),
        ),
        (
            "/v1/records/list",
            "forbidden_controller",
            rents.at("brookside"),
            Box::new(|p| json!({ "category": "bank", "person": p })),
        ),
        ("/v1/records/write", "invalid_value", officer.clone(), Box::new(|p| write(p, json!({ "sort_code": "none" })))),
        ("/v1/records/write", "unknown_field", officer.clone(), Box::new(|p| write(p, json!({ "nothing": "none" })))),
        (
            "/v1/records/erase",
            "forbidden_application",
            officer.clone(),
            Box::new(|p| json!({ "category": "bank", "person": p, "record": "r" })),
        ),
        (
            "/v1/subjects/erase",
            "forbidden_application",
            officer.clone(),
            Box::new(|p| json!({ "person": p, "categories": ["bank"] })),
        ),
    ];
    for (path, code, staff, item) in cases {
        let ask = async |person: &str| staff.items(path, json!([item(person)])).await;
        // The first request of a person makes a leaf, and looks.
        ask("first").await;
        for person in ["present", "brooksides", "nobody"] {
            let (before, _) = (vault.log_size(), counting.looks());
            let reply = ask(person).await;
            assert_eq!(reply.outcome().1, code, "{path}: {reply}");
            assert_eq!(counting.looks(), [], "{path} {code}: {person}");
            ask(person).await;
            let leaves = vault.leaves_since(before);
            let [first, second] = &leaves[..] else { panic!("{leaves:?}") };
            assert!(first.refused.is_some() && first.actor.is_some(), "{first:?}");
            assert!(first.subject.is_some() && first.subject == second.subject, "{path} {code}: {first:?} {second:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_adds_no_look_at_a_person_and_none_where_who_may_not_sends_it() {
    let (vault, counting) = stage_counted().await;
    let officer = vault.staff("bank-officer", "oakvale").named("key-1");
    let wrong = |person: &str| json!({ "category": "bank", "person": person, "record": "r", "fields": { "sort_code": "none" } });
    let end = |person: &str| json!({ "category": "bank", "person": person, "record": "r" });
    officer.items("/v1/records/write", json!([wrong("first")])).await.refused(422, "invalid_value");
    for person in ["present", "brooksides", "nobody"] {
        counting.looks();
        officer.items("/v1/records/erase", json!([end(person)])).await.refused(403, "forbidden_application");
        assert_eq!(counting.looks(), [], "{person}");
        officer.items("/v1/records/write", json!([wrong(person)])).await.refused(422, "invalid_value");
        let looks = counting.looks();
        let is_of_keys = |look: &Look| matches!(look, Look::Row(Family::Meta, _, false));
        assert!(!looks.is_empty() && looks.iter().all(is_of_keys), "{person}: {looks:?}");
    }
}

async fn ask_once(vault: &Running, staff: &Staff, question: &Question) {
    bytes_of(vault, staff, application_of(question.role), question.path, &(question.item)("first")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_looks_absent_to_who_may_neither_list_nor_read_there() {
    let vault = stage().await;
    let question = &QUESTIONS[5];
    let officer = vault.staff("bank-officer", "oakvale");
    ask_once(&vault, &officer, question).await;
    let (absent, absent_leaf) = ask(&vault, &officer, question, "nobody").await;
    let (present, present_leaf) = ask(&vault, &officer, question, "present").await;
    assert!(same(&absent, &present), "{}", String::from_utf8_lossy(&present));
    assert_eq!(blanked_leaf(&absent_leaf), blanked_leaf(&present_leaf));
    let read = officer.read("bank", "present", "r", &["sort_code"]).await.granted();
    assert_eq!(read.item(0)["version"], 1, "the write was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_the_version_to_who_may_list_there() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    write(&officer, "bank", "present", "r").await;
    let item = (QUESTIONS[5].item)("present");
    let reply = officer.items("/v1/records/write", json!([item])).await.refused(409, "version_conflict");
    assert_eq!(reply.item(0)["version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_of_one_landlord_cannot_tell_whether_the_other_has_a_person() {
    let vault = stage().await;
    let question = &QUESTIONS[0];
    let rents = vault.staff("rents", "oakvale").at("brookside");
    ask_once(&vault, &rents, question).await;
    let (theirs, _) = ask(&vault, &rents, question, "brooksides").await;
    let (nobodys, _) = ask(&vault, &rents, question, "nobody").await;
    assert!(same(&theirs, &nobodys));
    assert!(String::from_utf8_lossy(&theirs).contains("\"code\":\"forbidden_controller\""));
}

/// The test of the test.
#[tokio::test(flavor = "multi_thread")]
async fn one_byte_more_or_other_fails_the_comparison() {
    let vault = stage().await;
    let rents = vault.staff("rents", "oakvale");
    ask_once(&vault, &rents, &QUESTIONS[0]).await;
    let (answer, _) = ask(&vault, &rents, &QUESTIONS[0], "nobody").await;
    let shapes = [blanked(&answer), blanked_with(&answer, "#")];
    let (mut compared, mut own) = (0, 0);
    // The dash of a signed note is three bytes, of which no single one can be another.
    for at in (0..answer.len()).filter(|at| answer[*at].is_ascii()) {
        let mut planted = answer.clone();
        planted[at] = if planted[at] == b'0' { b'1' } else { b'0' };
        if shapes[0][at] != shapes[1][at] {
            own += 1;
            assert!(same(&answer, &planted), "byte {at} is the request's own");
        } else {
            compared += 1;
            assert!(!broken_or_same(&answer, &planted), "byte {at} is not compared");
        }
        let mut longer = answer.clone();
        longer.insert(at, b'0');
        assert!(!broken_or_same(&answer, &longer), "a byte more at {at} is not noticed");
    }
    assert!(compared > 200 && own > 100, "{compared} compared, {own} the request's own");
}

/// A planted byte that leaves an answer without end is noticed too.
fn broken_or_same(answer: &[u8], planted: &[u8]) -> bool {
    std::panic::catch_unwind(|| same(answer, planted)).unwrap_or(false)
}
