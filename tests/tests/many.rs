//! Many items in one request: what they cost the store grows as their number, also where all of them are about one record or
//! one person; and what they hold in memory is bounded. Counted, not timed.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::engines::{Counting, Work};
use coffer_tests::harness::{Home, Reply, Running, Serving, Staff, Store, name};
use coffer_vault::store::{Engine, Family};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

/// Numbers of items that are compared.
const FEW: usize = 50;
const MANY: usize = 1_000;
/// How much more the many may cost than the few, for each item; room for what a request costs in itself.
const MORE_FOR_EACH: f64 = 1.2;

struct Stage {
    vault: Running,
    counting: Arc<Counting>,
    officer: Staff,
    dpo: Staff,
}

async fn stage() -> Stage {
    let home = Home::new(Store::Memory);
    let counting = Arc::new(Counting::over(home.memory()));
    let vault = home.serve_on(Arc::<Counting>::clone(&counting) as Arc<dyn Engine>);
    let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale"));
    officer.write("bank", "first", "r", json!({ "sort_code": "00-00-00" })).await.granted();
    dpo.erase("bank", "first", "r").await.granted();
    Stage { vault, counting, officer, dpo }
}

fn written(person: &str, record: usize) -> Value {
    json!({ "category": "bank", "person": person, "record": format!("r{record}"), "fields": { "sort_code": "00-00-01" } })
}

fn named(person: &str, record: usize) -> Value {
    json!({ "category": "bank", "person": person, "record": format!("r{record}") })
}

fn items(number: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..number).map(item).collect()
}

impl Stage {
    /// What a request costs, and that nothing of it had to start again.
    async fn cost(&self, staff: &Staff, path: &str, items: Value) -> (Work, Reply) {
        self.counting.work();
        let before = self.vault.house().ledger().shared().restarts();
        let reply = staff.items(path, items).await;
        assert_eq!(self.vault.house().ledger().shared().restarts(), before, "{path}: some items started again");
        (self.counting.work(), reply)
    }

    async fn write_all(&self, person: &str, number: usize) {
        self.officer.items("/v1/records/write", items(number, |n| written(person, n))).await.granted();
    }
}

/// Whether the cost of the many is that of the few, item for item.
#[track_caller]
fn grows_as_their_number(what: &str, few: Work, many: Work) {
    let sum = |work: Work| (work.rows + work.scanned + work.changes) as f64;
    let (few, many) = (sum(few) / FEW as f64, sum(many) / MANY as f64);
    println!("{what}: {few:.1} rows for each of {FEW}, {many:.1} for each of {MANY}");
    assert!(many <= few * MORE_FOR_EACH, "{what}: {few} rows for each of {FEW}, {many} for each of {MANY}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_one_record_grow_as_their_number() {
    let at = stage().await;
    let cost = async |person: &'static str, number| {
        let (work, reply) = at.cost(&at.officer, "/v1/records/write", items(number, |_| written(person, 0))).await;
        let reply = reply.granted();
        assert_eq!(reply.item(number - 1)["version"], number, "each is a version of its own");
        work
    };
    let few = cost("few", FEW).await;
    grows_as_their_number("writes of one record", few, cost("many", MANY).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_records_of_one_person_grow_as_their_number() {
    let at = stage().await;
    for atomic in [false, true] {
        let cost = async |person: &str, number| {
            let person = format!("{person}-{atomic}");
            at.counting.work();
            let mut body = at.officer.envelope(items(number, |n| written(&person, n)));
            body["atomic"] = json!(atomic);
            at.officer.post("/v1/records/write", &body).await.granted();
            at.counting.work()
        };
        let few = cost("few", FEW).await;
        grows_as_their_number("new records of one person", few, cost("many", MANY).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_as_many_records_as_may_be_gets_no_more_in_one_request() {
    const RECORDS_MAX: usize = 1_024;
    let at = stage().await;
    at.write_all("person", MANY).await;
    let reply = at.officer.items("/v1/records/write", items(100, |n| written("person", MANY + n))).await;
    let codes: Vec<_> = (0..100).map(|n| reply.item(n)["code"].as_str().map(str::to_owned)).collect();
    let (fit, rest) = codes.split_at(RECORDS_MAX - MANY);
    assert!(fit.iter().all(Option::is_none), "{fit:?}");
    assert!(rest.iter().all(|code| code.as_deref() == Some("too_many_records")), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasures_of_one_persons_records_grow_as_their_number() {
    let at = stage().await;
    // Some are left, and lie under a new key afterwards.
    const LEFT: usize = 5;
    let cost = async |person: &'static str, number: usize| {
        at.write_all(person, number - LEFT).await;
        at.officer.items("/v1/records/write", items(LEFT, |n| written(person, MANY + n))).await.granted();
        let (work, reply) = at.cost(&at.dpo, "/v1/records/erase", items(number, |n| named(person, n))).await;
        let codes: Vec<Value> = (0..number).map(|n| reply.item(n)["code"].clone()).collect();
        let (ended, absent) = codes.split_at(number - LEFT);
        assert!(ended.iter().all(Value::is_null) && absent.iter().all(|code| code == "not_found"), "{codes:?}");
        let receipts = |n: usize| reply.item(n)["receipts"].as_array().unwrap().len();
        assert_eq!((receipts(0), receipts(1)), (1 + LEFT, 1), "what was sealed again stands with the first");
        let listed = at.officer.list("bank", person).await.granted();
        assert_eq!(listed.item(0)["records"].as_array().unwrap().len(), LEFT);
        at.officer.read("bank", person, &format!("r{MANY}"), &["sort_code"]).await.granted();
        at.dpo.erase_person(person, &["bank"]).await.granted();
        work
    };
    let few = cost("few", FEW).await;
    grows_as_their_number("erasures of one person's records", few, cost("many", MANY).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasures_of_one_person_grow_as_their_number() {
    let at = stage().await;
    let cost = async |person: &'static str, number: usize| {
        at.write_all(person, number).await;
        let person = json!({ "person": person, "categories": ["bank"] });
        let (work, reply) = at.cost(&at.dpo, "/v1/subjects/erase", items(number, |_| person.clone())).await;
        assert_eq!(reply.item(0)["erased"], number);
        assert_eq!(reply.item(number - 1)["code"], "not_found");
        work
    };
    let few = cost("few", FEW).await;
    grows_as_their_number("erasures of one person", few, cost("many", MANY).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_erased_twice_in_one_request_is_not_there_the_second_time() {
    let at = stage().await;
    at.write_all("person", 2).await;
    let both = json!([named("person", 0), named("person", 0), named("nobody", 0), named("person", 1)]);
    let (_, reply) = at.cost(&at.dpo, "/v1/records/erase", both).await;
    let codes: Vec<Value> = (0..4).map(|n| reply.item(n)["code"].clone()).collect();
    assert_eq!(codes, [json!(null), json!("not_found"), json!("not_found"), json!(null)]);
    at.officer.list("bank", "person").await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lists_hold_in_memory_is_bounded() {
    /// What one pass may hold before it is recorded, and what it may pass that by.
    const HELD_BYTES_MAX: usize = 16 << 20;
    const ONE_PERSONS_BYTES_MAX: usize = 4 << 20;
    const LISTS: usize = 160;
    let at = stage().await;
    let record = |n: usize| {
        let fields = json!({ "sort_code": "00-00-01", "account_number": "12345678", "account_name": "A Person" });
        json!({ "category": "bank", "person": "person", "record": format!("r{n}"), "fields": fields })
    };
    at.officer.items("/v1/records/write", items(MANY, record)).await.granted();
    let rows = at.vault.engine().scan(Family::Rows(name("bank")), b"", None, usize::MAX).unwrap();
    let bytes: usize = LISTS * rows.iter().map(|(_, row)| row.len()).sum::<usize>();
    let list = json!({ "category": "bank", "person": "person" });
    at.counting.work();
    let reply = at.officer.items("/v1/records/list", items(LISTS, |_| list.clone())).await.granted();
    assert_eq!(reply.item(LISTS - 1)["records"].as_array().unwrap().len(), MANY);
    let (passes, least) = (at.counting.work().commits, bytes / (HELD_BYTES_MAX + ONE_PERSONS_BYTES_MAX));
    assert!(least > 2 && passes >= least, "{bytes} bytes were held in {passes} passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bounded_and_what_it_has_no_room_for_is_refused_on_record() {
    /// What one answer may hold, and what one pass may add to it.
    const ANSWER_BYTES_MAX: usize = (32 << 20) + (16 << 20);
    const LISTS: usize = 700;
    let at = stage().await;
    let long = "r".repeat(60);
    let record = |n: usize| {
        let fields = json!({ "sort_code": "00-00-01" });
        json!({ "category": "bank", "person": "person", "record": format!("{long}{n}"), "fields": fields })
    };
    at.officer.items("/v1/records/write", items(MANY, record)).await.granted();
    let list = json!({ "category": "bank", "person": "person" });
    let before = at.vault.log_size();
    let reply = at.officer.items("/v1/records/list", items(LISTS, |_| list.clone())).await;
    assert!(reply.body.len() <= ANSWER_BYTES_MAX, "{} bytes", reply.body.len());
    let outcomes = reply.json()["items"].as_array().unwrap().clone();
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome["status"] == 200);
    assert!(done.len() > 100 && refused.len() > 50, "{} {}", done.len(), refused.len());
    assert!(refused.iter().all(|outcome| outcome["code"] == "too_large"), "{:?}", refused[0]);
    let leaves = at.vault.leaves_since(before);
    assert_eq!(leaves.len(), LISTS);
    assert_eq!(leaves.iter().filter(|leaf| leaf.refused == Some(Code::TooLarge)).count(), refused.len());
}
