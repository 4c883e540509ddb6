//! Canaries: texts that stand in every place where personal data or a secret goes in, and must be
//! found nowhere afterwards but in the answers to those who may see them. Not in the data folder, not
//! in the head, not in the logs of the real process at its most talkative, not in errors, not in `Debug`.
#![allow(clippy::unwrap_used)]

use coffer_client::wire::api::{Form, ReadItem};
use coffer_client::{ExternalId, Token, ask};
use coffer_keys::row::Row;
use coffer_tests::harness::{
    Home, Process, Raw, Reply, Running, Serving, Staff, Store, application_of, name, purpose_of, tls,
};
use coffer_tests::search::{Search, encodings};
use coffer_vault::ledger::history::leaf_key;
use coffer_vault::store::rocks::Rocks;
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::leaf::Leaf;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::json;

const PERSON: &str = "cnry-person-8Kq2v";
const OTHER: &str = "cnry-witness-5Rt9x";
const RECORD: &str = "cnry-record-3Lm7w";
const CASE: &str = "cnry-case-9Pz4t";
const REASON: &str = "cnry-reason, asked at the door 6Yb1s";
const STAFF: &str = "cnry.staff.2Hd8n@example";
/// A name that no schema has, so that it is whatever a caller likes.
const UNKNOWN: &str = "cnry-unknown-4jw6q";
/// A path that is none.
const PATH: &str = "cnry-path-7Fc3m";

/// Role, category, and a value for every field that takes free text, a date, an amount or a number; of the
/// first version and the second.
type Canaries = (&'static str, &'static str, &'static [(&'static str, [&'static str; 2])]);

const VALUES: [Canaries; 4] = [
    (
        "bank-officer",
        "bank",
        &[
            ("account_name", ["Mx Cnry-Name-1Vr5", "Mx Cnry-Name-2Bq6"]),
            ("sort_code", ["73-19-58", "84-26-71"]),
            ("account_number", ["90817263", "80716254"]),
            ("mandate_date", ["1931-07-19", "1937-11-23"]),
        ],
    ),
    (
        "support-worker",
        "care",
        &[
            ("needs", ["needs a canary, Xw31", "needs two canaries, Xw32"]),
            ("access_notes", ["key under the cnry Jt51", "key under the cnry Jt52"]),
            ("contact_phone", ["07700 900731", "07700 900842"]),
            ("next_review", ["1941-02-27", "1943-03-29"]),
        ],
    ),
    (
        "debt-adviser",
        "debts",
        &[
            ("creditor", ["Cnry Credit Union Uo61", "Cnry Credit Union Uo62"]),
            ("balance", ["87654321.09", "87654322.09"]),
            ("monthly_plan", ["76543210.98", "76543211.98"]),
        ],
    ),
    (
        "complaints-handler",
        "complaints",
        &[
            ("summary", ["the cnry sang all night Ea71", "the cnry sang all day Ea72"]),
            ("callback_phone", ["01632 960853", "01632 960964"]),
            ("redress", ["65432109.87", "65432108.87"]),
            ("witness_statement", ["I heard the cnry Mn81", "I saw the cnry Mn82"]),
        ],
    ),
];

/// Values that their field does not take.
const INVALID: [(&str, &str); 4] = [
    ("sort_code", "cnry-too-long-for-it-0Gs5"),
    ("payment_method", "cnry-no-choice-8Ud2"),
    ("mandate_date", "cnry-no-date-1Xe6"),
    ("account_name", "cnry\u{7}control-3Ha9"),
];

fn values() -> impl Iterator<Item = &'static str> {
    VALUES.iter().flat_map(|(.., fields)| fields.iter()).flat_map(|(_, versions)| *versions)
}

/// Looks for all that may show nowhere; `tokens` and the root key are secrets of one run.
fn search(home: &Home, tokens: &[String]) -> Search {
    let mut search = Search::new();
    let ids = [PERSON, OTHER, RECORD, CASE, REASON, STAFF, UNKNOWN, PATH];
    for canary in ids.into_iter().chain(values()).chain(INVALID.map(|(_, value)| value)) {
        search.add(canary.as_bytes(), canary);
    }
    for token in tokens {
        for (part, name) in token.split('.').skip(1).zip(["claims", "signature"]) {
            search.add(part.as_bytes(), &format!("a token's {name}"));
        }
    }
    search.add(&root_key(home), "the root key");
    search
}

/// The bytes of the root key, as the key file has them.
fn root_key(home: &Home) -> Vec<u8> {
    let text = std::fs::read_to_string(&home.config.seal.key_file).unwrap();
    let encoded = text.split_whitespace().nth(2).unwrap().trim_end_matches('=');
    let key = BASE64_NOPAD.decode(encoded.as_bytes()).or_else(|_| BASE64URL_NOPAD.decode(encoded.as_bytes())).unwrap();
    assert_eq!(key.len(), 32);
    key
}

/// People with a canary for a name, and a case and reason that are canaries.
struct People<'a> {
    vault: &'a dyn Serving,
    tokens: Vec<String>,
}

impl People<'_> {
    fn staff(&mut self, role: &str) -> Staff {
        let application = application_of(role);
        let token = self.vault.home().token_of(STAFF, &[role], application, &["oakvale"]);
        self.tokens.push(token.clone());
        let staff = Staff::new(self.vault.raw(application), token, "oakvale", purpose_of(role));
        staff.on_case(Some(CASE)).because(REASON)
    }

    /// Every value in, twice; and every one out, for those who may see it.
    async fn write_and_read(&mut self) {
        for (role, category, fields) in VALUES {
            let staff = self.staff(role);
            for version in 0..2 {
                let values: serde_json::Map<_, _> =
                    fields.iter().map(|(field, versions)| ((*field).to_owned(), json!(versions[version]))).collect();
                let mut item = json!({ "category": category, "person": PERSON, "record": RECORD, "fields": values });
                if category == "complaints" {
                    item["about"] = json!({ "witness_statement": OTHER });
                }
                staff.items("/v1/records/write", json!([item])).await.granted();
            }
            let names: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
            let reply = staff.read(category, PERSON, RECORD, &names).await.granted();
            for (field, versions) in fields {
                assert_eq!(reply.item(0)["fields"][*field], versions[1], "{category} {field}");
            }
            staff.read_as("masked", category, PERSON, RECORD, &names).await.granted();
            staff.list(category, PERSON).await.granted();
        }
    }

    /// Everything that can be said no to, with canaries in what is refused.
    async fn be_refused(&mut self) -> Vec<Reply> {
        let (officer, rents, dpo) = (self.staff("bank-officer"), self.staff("rents"), self.staff("dpo"));
        let mut replies = Vec::new();
        for (field, value) in INVALID {
            replies.push(officer.write("bank", PERSON, RECORD, json!({ field: value })).await);
        }
        replies.push(officer.write("bank", PERSON, RECORD, json!({ UNKNOWN: "a value" })).await);
        replies.push(officer.write(UNKNOWN, PERSON, RECORD, json!({ "a": "b" })).await);
        replies.push(officer.for_purpose(UNKNOWN).read("bank", PERSON, RECORD, &["sort_code"]).await);
        replies.push(officer.at(UNKNOWN).read("bank", PERSON, RECORD, &["sort_code"]).await);
        replies.push(officer.read("bank", PERSON, RECORD, &[UNKNOWN]).await);
        replies.push(rents.write("bank", PERSON, RECORD, json!({ "sort_code": values().next() })).await);
        replies.push(rents.read("care", PERSON, RECORD, &["needs"]).await);
        replies.push(rents.read("bank", OTHER, RECORD, &["sort_code"]).await);
        replies.push(dpo.erase("bank", OTHER, RECORD).await);
        let stale = json!({
            "category": "bank", "person": PERSON, "record": RECORD, "fields": { "sort_code": "73-19-58" },
            "expected_version": 1
        });
        replies.push(officer.items("/v1/records/write", json!([stale])).await);
        replies.extend(broken(&officer).await);
        replies
    }
}

/// Requests that are no requests.
async fn broken(officer: &Staff) -> Vec<Reply> {
    let whole =
        officer.envelope(json!([{ "person": PERSON, "fields": { "account_name": values().next() } }])).to_string();
    let (raw, token) = (&officer.raw, Some(officer.token.as_str()));
    let mut replies = Vec::new();
    let long = [PERSON, RECORD, CASE, REASON].concat();
    for body in [
        whole.clone(),
        whole[..whole.len() - 1].to_owned(),
        format!("[{whole}"),
        format!("{PERSON} {RECORD}"),
        json!({ UNKNOWN: PERSON }).to_string(),
        officer.envelope(json!([{ "category": "bank", "person": long, "record": RECORD }])).to_string(),
    ] {
        for path in ["/v1/records/read", "/v1/records/write", "/v1/status", "/v1/log/prove"] {
            replies.push(post(raw, path, token, &body).await);
            replies.push(post(raw, path, None, &body).await);
        }
        replies.push(post(raw, &format!("/v1/{PATH}?{PATH}={PATH}"), token, &body).await);
        replies.push(raw.send(reqwest::Method::PUT, "/v1/records/write", token, Some(PATH), body.into()).await);
    }
    let spoiled = format!("{}x", officer.token);
    replies.push(post(raw, "/v1/whoami", Some(&spoiled), "{}").await);
    replies.push(post(raw, "/v1/whoami", Some(PATH), "{}").await);
    replies
}

/// A handshake without a certificate: the one thing of these that the process logs for certain.
async fn be_turned_away(process: &Process) {
    let stranger = Raw::new(process.url(), tls(&process.home().server_ca(), None));
    let path = format!("/{PATH}");
    let asked = stranger.try_send(reqwest::Method::GET, &path, None, None, PERSON.into());
    assert!(asked.await.is_err());
}

async fn post(raw: &Raw, path: &str, token: Option<&str>, body: &str) -> Reply {
    raw.send(reqwest::Method::POST, path, token, Some("application/json"), body.as_bytes().to_vec()).await
}

#[track_caller]
fn clean(found: Vec<String>, where_: &str) {
    assert!(found.is_empty(), "{where_}: {found:#?}");
}

/// Flushes and compacts every family: what is left is in table files.
fn compact(rocks: &Rocks) {
    let categories = VALUES.map(|(_, category, _)| Family::Rows(name(category)));
    for family in Family::FIXED.into_iter().chain(categories) {
        rocks.compact(family).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_in_the_data_folder_the_head_the_logs_or_an_error() {
    let process = Process::start(Home::new(Store::Rocks), "trace");
    let mut people = People { vault: &process, tokens: Vec::new() };
    people.write_and_read().await;
    let refused = people.be_refused().await;
    be_turned_away(&process).await;
    let tokens = people.tokens;
    let search = search(process.home(), &tokens);
    for (number, reply) in refused.iter().enumerate() {
        assert_ne!(reply.outcome(), (200, "ok".to_owned()), "request {number} was not refused");
        clean(search.found_in(&reply.body), &format!("answer {number}: {reply}"));
        clean(search.found_in(format!("{:?}", reply.headers).as_bytes()), "headers");
    }

    let said = process.said();
    // The log in memory of the process goes as it is, and nothing is tidied up behind it.
    let home = process.kill();
    let head = std::fs::read(&home.config.log.head).unwrap();
    assert!(head.starts_with(b"cofhead1") || head[4_096..].starts_with(b"cofhead1"));
    clean(search.found_in(&head), "head");
    let (found, before) = search.found_below(home.dir());
    clean(found, "home with its write-ahead log");

    let again = Process::start(home, "trace");
    let mut people = People { vault: &again, tokens: Vec::new() };
    people.staff("rents").read("bank", PERSON, RECORD, &["sort_code"]).await.granted();
    people.staff("dpo").erase_person(PERSON, &["debts"]).await.granted();
    let (home, said_again) = again.terminate();
    let told = String::from_utf8_lossy(&said);
    assert!(told.contains("handshake refused"), "the process does not log what it is to log at trace: {told}");
    clean(search.found_in(&said), "log");
    clean(search.found_in(&said_again), "log of the second run");
    let rocks = home.rocks();
    compact(&rocks);
    let (found, after) = search.found_below(home.dir());
    clean(found, "home after flush and compaction");
    assert!(before > 20_000 && after > 20_000, "hardly anything was searched: {before}, {after} bytes");
    println!("searched {before} and {after} bytes of files, {} of log", said.len() + said_again.len());
    planted_in_clear_is_found(&search, &home, &rocks);
}

/// The test of the test: whatever is planted in the same folder is found, in the log of the store
/// and in its table files.
fn planted_in_clear_is_found(search: &Search, home: &Home, rocks: &Rocks) {
    let canaries = [PERSON, RECORD, CASE, STAFF].into_iter().chain(values());
    let planted: Vec<_> = canaries.flat_map(|canary| encodings(canary.as_bytes())).collect();
    let mut batch = Batch::new();
    for (number, (_, bytes)) in planted.iter().enumerate() {
        batch.put(Family::Meta, format!("planted-{number}"), [b"some bytes, ", &bytes[..], b", more"].concat());
    }
    rocks.commit(&batch).unwrap();
    for state in ["write-ahead log", "table files"] {
        let (found, _) = search.found_below(home.dir());
        for (_, bytes) in &planted {
            // The search finds it in the folder; which pattern it was is told by a search of its bytes.
            let pattern = search.found_in(bytes).pop().unwrap();
            let pattern = pattern.split(" at byte").next().unwrap();
            assert!(
                found.iter().any(|found| found.contains(pattern)),
                "{pattern}, planted, is not found in the {state}"
            );
        }
        compact(rocks);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_answer_holds_no_value_whose_mask_hides_all_or_most() {
    let vault = Home::new(Store::Memory).serve();
    let mut people = People { vault: &vault, tokens: Vec::new() };
    people.write_and_read().await;
    let mut search = Search::new();
    values().for_each(|value| search.add(value.as_bytes(), value));
    for (role, category, fields) in VALUES {
        let names: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        let reply = people.staff(role).read_as("masked", category, PERSON, RECORD, &names).await.granted();
        // The receipt's private part names ids, which are the caller's own; values stand in `fields` alone.
        clean(search.found_in(&reply.body), &format!("{category}: {reply}"));
        assert_eq!(reply.item(0)["fields"].as_object().unwrap().len(), fields.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_public_type_shows_a_canary_when_it_is_printed() {
    let vault = Home::new(Store::Memory).serve();
    let mut people = People { vault: &vault, tokens: Vec::new() };
    people.write_and_read().await;
    let tokens = people.tokens;
    let search = search(vault.home(), &tokens);
    let mut printed = printed_by_the_client(&vault, &tokens[0]).await;
    printed.extend(printed_of_the_store(&vault));
    let config = &vault.home().config;
    printed.push(("configuration", format!("{config:?}")));
    assert!(printed.len() > 20);
    for (what, text) in printed {
        clean(search.found_in(text.as_bytes()), &format!("Debug of {what}: {text}"));
    }
}

/// What an application could print of what it has in hand.
async fn printed_by_the_client(vault: &Running, token: &str) -> Vec<(&'static str, String)> {
    let client = vault.client("rents-desk");
    let session = client.on_behalf_of(Token::new(token.to_owned()).unwrap()).for_controller("oakvale").unwrap();
    let payments = session.for_purpose("payments").unwrap().with_case(CASE).with_reason(REASON);
    let item: ReadItem = ask::clear("bank", PERSON, RECORD, &["account_name"]).unwrap();
    let record = payments.read(item).await.unwrap();
    assert_eq!(record.field("account_name").unwrap().expose(), VALUES[0].2[0].1[1]);
    let draft = ask::write("bank", PERSON, RECORD).unwrap().set("account_name", VALUES[0].2[0].1[1]).unwrap();
    let written = payments.write(draft).await.unwrap();
    let invalid = ask::write("bank", PERSON, RECORD).unwrap().set(INVALID[1].0, INVALID[1].1).unwrap();
    let refusal = payments.write(invalid).await.unwrap_err();
    let absent = payments.read(ask::masked("bank", OTHER, RECORD, &["sort_code"]).unwrap()).await.err().unwrap();
    let forbidden = payments.read(ask::clear("care", PERSON, RECORD, &["needs"]).unwrap()).await.err().unwrap();
    let no_token = Token::new(format!("{token} {PERSON}")).err().unwrap();
    let no_name = ask::clear(PERSON, PERSON, RECORD, &[REASON]).err().unwrap();
    let no_id = ExternalId::new([PERSON, RECORD, REASON, CASE].concat()).unwrap_err();
    vec![
        ("a written record", format!("{written:?}")),
        ("where the log has it", format!("{:?}", record.logged)),
        ("a refusal", format!("{refusal:?} {refusal} {:?}", refusal.refusal())),
        ("an absent person", format!("{absent:?} {absent}")),
        ("a forbidden read", format!("{forbidden:?} {forbidden}")),
        ("a token that is none", format!("{no_token:?} {no_token}")),
        ("a name that is none", format!("{no_name:?} {no_name}")),
        ("an id that is none", format!("{no_id:?} {no_id}")),
        ("an id", format!("{:?}", ExternalId::new(PERSON).unwrap())),
        ("a form", format!("{:?}", Form::Clear)),
        ("receipts", format!("{:?} {:?}", client.receipts().recent(), client.receipts().summary())),
    ]
}

/// What an operator could print of what lies in the store.
fn printed_of_the_store(vault: &Running) -> Vec<(&'static str, String)> {
    let engine = vault.engine();
    let mut printed = Vec::new();
    for (_, category, _) in VALUES {
        for (_, bytes) in engine.scan(Family::Rows(name(category)), b"", None, 100).unwrap() {
            printed.push(("a row", format!("{:?}", Row::parse(&bytes).unwrap())));
        }
    }
    for index in 0..vault.log_size() {
        let bytes = engine.get(Family::Leaves, &leaf_key(index)).unwrap().unwrap();
        printed.push(("a leaf", format!("{:?}", Leaf::parse(&bytes).unwrap())));
    }
    let all = Family::FIXED.into_iter().chain(VALUES.map(|(_, category, _)| Family::Rows(name(category))));
    let mut batch = Batch::new();
    for family in all {
        let rows = engine.scan(family, b"", None, usize::MAX).unwrap();
        rows.into_iter().for_each(|(key, value)| batch.put(family, key, value));
    }
    printed.push(("a batch", format!("{batch:?}")));
    printed
}
