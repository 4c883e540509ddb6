//! Records: controllers apart, writes whole, versions that lose nothing.

use std::sync::Arc;

use coffer_tests::engines::Held;
use coffer_tests::harness::{Home, Running, Serving, Staff, Store, name};
use coffer_vault::store::Family;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

fn item(person: &str, record: &str, holder: &str) -> Value {
    json!({ "category": "bank", "person": person, "record": record, "fields": { "account_name": holder } })
}

async fn holder(staff: &Staff, person: &str, record: &str) -> (u64, String) {
    let reply = staff.read("bank", person, record, &["account_name"]).await.granted();
    let item = reply.item(0);
    (item["version"].as_u64().unwrap(), item["fields"]["account_name"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_keep_the_same_ids_apart() {
    let vault = Home::new(Store::Rocks).serve();
    let (oakvale, brookside) = (vault.staff("bank-officer", "oakvale"), vault.staff("bank-officer", "brookside"));
    oakvale.items("/v1/records/write", json!([item("p", "r", "1111")])).await.granted();
    brookside.read("bank", "p", "r", &["account_name"]).await.refused(404, "not_found");
    brookside.list("bank", "p").await.refused(404, "not_found");
    brookside.items("/v1/records/write", json!([item("p", "r", "2222"), item("p", "s", "3333")])).await.granted();
    assert_eq!(holder(&oakvale, "p", "r").await, (1, "1111".to_owned()));
    assert_eq!(holder(&brookside, "p", "r").await, (1, "2222".to_owned()));
    assert_eq!(oakvale.list("bank", "p").await.granted().item(0)["records"], json!([{ "record": "r", "version": 1 }]));
    oakvale.at("brookside").read("bank", "p", "r", &["account_name"]).await.refused(403, "forbidden_controller");
    vault.staff("dpo", "oakvale").erase_person("p", &[]).await.granted();
    oakvale.read("bank", "p", "r", &["account_name"]).await.refused(404, "not_found");
    assert_eq!(holder(&brookside, "p", "r").await, (1, "2222".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_atomic_request_writes_all_or_none() {
    let vault = Home::new(Store::Rocks).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let atomic = |items: Value| {
        let mut envelope = officer.envelope(items);
        envelope["atomic"] = json!(true);
        envelope
    };
    let mut stale = item("b", "r", "2");
    stale["expected_version"] = json!(3);
    let before = vault.log_size();
    let refused =
        officer.post("/v1/records/write", &atomic(json!([item("a", "r", "1"), stale, item("c", "r", "3")]))).await;
    let codes: Vec<_> = (0..3).map(|at| refused.item(at)["code"].clone()).collect();
    assert_eq!(codes, ["not_done", "version_conflict", "not_done"], "{refused}");
    assert!(
        vault.leaves_since(before).iter().all(|leaf| leaf.granted.is_none() || leaf.row.is_none()),
        "one was written"
    );
    for person in ["a", "b", "c"] {
        officer.read("bank", person, "r", &["account_name"]).await.refused(404, "not_found");
    }
    // Each item sees those before it: the second write of a record has the next version.
    let mut second = item("a", "r", "9");
    second["expected_version"] = json!(1);
    let all = json!([item("a", "r", "1"), item("b", "r", "2"), second, item("a", "s", "4")]);
    let done = officer.post("/v1/records/write", &atomic(all)).await.granted();
    let versions: Vec<_> = (0..4).map(|at| done.item(at)["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 1, 2, 1]);
    let vault = vault.restart().await;
    let officer = vault.staff("bank-officer", "oakvale");
    assert_eq!(holder(&officer, "a", "r").await, (2, "9".to_owned()));
    assert_eq!(holder(&officer, "b", "r").await, (1, "2".to_owned()));
    assert_eq!(holder(&officer, "a", "s").await, (1, "4".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_are_not_atomic_stand_each_for_itself() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let mut wrong = item("b", "r", "2");
    wrong["fields"] = json!({ "payment_method": "barter" });
    let reply = officer.items("/v1/records/write", json!([item("a", "r", "1"), wrong, item("c", "r", "3")])).await;
    let statuses: Vec<_> = (0..3).map(|at| reply.item(at)["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 422, 200], "{reply}");
    assert_eq!(holder(&officer, "c", "r").await.1, "3");
}

const WRITERS: usize = 8;
const ADDITIONS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_with_expected_versions_lose_nothing() {
    let vault = Arc::new(Home::new(Store::Rocks).serve());
    let officer = vault.staff("bank-officer", "oakvale");
    officer.items("/v1/records/write", json!([item("p", "r", "0")])).await.granted();
    let writers = (0..WRITERS).map(|_| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move {
            let (officer, mut conflicts) = (vault.staff("bank-officer", "oakvale"), 0);
            for _ in 0..ADDITIONS {
                conflicts += add_one(&officer).await;
            }
            conflicts
        })
    });
    let mut conflicts = 0;
    for writer in writers.collect::<Vec<_>>() {
        conflicts += writer.await.unwrap();
    }
    let all = (WRITERS * ADDITIONS) as u64;
    assert_eq!(holder(&officer, "p", "r").await, (all + 1, all.to_string()));
    assert!(conflicts > 0, "no two writers met");
    println!("{all} additions by {WRITERS} writers, {conflicts} conflicts on the way");
}

/// Reads the number and writes the next, again and again until nobody was faster; how often somebody was.
async fn add_one(officer: &Staff) -> usize {
    for conflicts in 0..10_000 {
        let (version, sum) = holder(officer, "p", "r").await;
        let mut next = item("p", "r", &(sum.parse::<u64>().unwrap() + 1).to_string());
        next["expected_version"] = json!(version);
        match officer.items("/v1/records/write", json!([next])).await.outcome() {
            (200, _) => return conflicts,
            (409, code) => assert_eq!(code, "version_conflict"),
            other => panic!("{other:?}"),
        }
    }
    panic!("a writer starves");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_writes_of_one_person_at_once_are_all_kept() {
    let vault = Arc::new(Home::new(Store::Rocks).serve());
    let officer = vault.staff("bank-officer", "oakvale");
    for round in 0..10 {
        let person = format!("new-{round}");
        let writes = (0..WRITERS).map(|number| {
            let (officer, person) = (officer.clone(), person.clone());
            tokio::spawn(async move {
                let item = item(&person, &format!("r{number}"), &number.to_string());
                officer.items("/v1/records/write", json!([item])).await.granted();
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
        for written in 0..WRITERS {
            assert_eq!(holder(&officer, &person, &format!("r{written}")).await, (1, written.to_string()));
        }
        assert_eq!(officer.list("bank", &person).await.granted().item(0)["records"].as_array().unwrap().len(), WRITERS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_record_is_gone_and_the_persons_others_stay_readable() {
    let vault = Home::new(Store::Rocks).serve();
    let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale"));
    officer
        .items("/v1/records/write", json!([item("p", "r", "1"), item("p", "s", "2"), item("q", "r", "3")]))
        .await
        .granted();
    dpo.erase("bank", "p", "r").await.granted();
    officer.read("bank", "p", "r", &["account_name"]).await.refused(404, "not_found");
    assert_eq!(holder(&officer, "p", "s").await.1, "2");
    assert_eq!(holder(&officer, "q", "r").await.1, "3");
    let vault = vault.restart().await;
    let officer = vault.staff("bank-officer", "oakvale");
    officer.read("bank", "p", "r", &["account_name"]).await.refused(404, "not_found");
    assert_eq!(holder(&officer, "p", "s").await.1, "2");
    // Erased is not forbidden: a new record may stand there.
    officer.items("/v1/records/write", json!([item("p", "r", "4")])).await.granted();
    assert_eq!(holder(&officer, "p", "r").await, (1, "4".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_witness_is_gone_from_another_persons_record_and_the_rest_stays() {
    let vault = Home::new(Store::Rocks).serve();
    let (handler, dpo) = (vault.staff("complaints-handler", "oakvale"), vault.staff("dpo", "oakvale"));
    let fields = json!({ "summary": "a leak", "witness_statement": "I saw it" });
    let about = json!({ "witness_statement": "witness" });
    let item = json!({ "category": "complaints", "person": "p", "record": "r", "fields": fields, "about": about });
    handler.items("/v1/records/write", json!([item])).await.granted();
    let both = ["summary", "witness_statement"];
    let read = handler.read("complaints", "p", "r", &both).await.granted().item(0);
    assert_eq!(read["fields"], json!({ "summary": "a leak", "witness_statement": "I saw it" }));
    dpo.erase_person("witness", &["complaints"]).await.granted();
    let vault = vault.restart().await;
    let handler = vault.staff("complaints-handler", "oakvale");
    let read = handler.read("complaints", "p", "r", &both).await.granted().item(0);
    assert_eq!(read["fields"], json!({ "summary": "a leak" }));
}

/// Both fields are first written at once: one key is made for the two, and an erase finds it.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_record_holds_of_another_person_goes_with_that_person() {
    let vault = Home::new(Store::Rocks).serve();
    let housing = vault.staff("housing-officer", "oakvale").for_purpose("acting-on-behalf");
    let fields = json!({ "name": "Ada Kettlewell", "phone": "07700 900123", "capacity": "appointed" });
    let about = json!({ "name": "friend", "phone": "friend" });
    let item = json!({
        "category": "representatives", "person": "p", "record": "r", "source": "person", "fields": fields, "about": about
    });
    housing.items("/v1/records/write", json!([item])).await.granted();
    let all = ["name", "phone", "capacity"];
    assert_eq!(housing.read("representatives", "p", "r", &all).await.granted().item(0)["fields"], fields);
    vault.staff("dpo", "oakvale").erase_person("friend", &["representatives"]).await.granted();
    let left = housing.read("representatives", "p", "r", &all).await.granted().item(0);
    assert_eq!(left["fields"], json!({ "capacity": "appointed" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_wrong_kind_is_refused_by_its_fields_name_alone() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for (field, value) in [("sort_code", "98 76 54"), ("account_number", "9876543"), ("account_name", "98\n76")] {
        let before = vault.log_size();
        let refused = officer.write("bank", "p", "r", json!({ field: value })).await.refused(422, "invalid_value");
        let item = refused.item(0);
        assert_eq!(item["field"], field);
        assert!(!item["detail"].as_str().unwrap().contains("98"), "{refused}");
        assert_eq!(vault.leaves_since(before).pop().and_then(|leaf| leaf.refused), Some(Code::InvalidValue));
        officer.read("bank", "p", "r", &[field]).await.refused(404, "not_found");
    }
}

/// A vault whose debts are append-only, and where advisers may list them for these purposes.
fn append_only(listed_for: &str) -> Running {
    let home = Home::with(Store::Rocks, |dir| {
        let change = |file: &str, from: &str, to: &str| {
            let text = std::fs::read_to_string(dir.join(file)).unwrap();
            assert!(text.contains(from), "{file} has changed");
            std::fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
        };
        change("schema/debts.toml", "\n[[field]]", "append_only = true\n\n[[field]]");
        let list = "actions = [\"list\"]\npurposes = ";
        let both = "[\"debt-advice\", \"arrears-review\"]";
        change("access.toml", &format!("{list}{both}"), &format!("{list}{listed_for}"));
    });
    home.serve()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_append_only_is_not_changed_and_is_corrected_by_a_record_of_its_own() {
    let vault = append_only("[\"debt-advice\"]");
    let adviser = vault.staff("debt-adviser", "oakvale");
    let item = |record: &str, fields: Value| json!([{ "category": "debts", "person": "p", "record": record, "fields": fields }]);
    let owed = |balance: &str| json!({ "creditor": "Gas", "balance": balance });
    adviser.items("/v1/records/write", item("one", owed("12.50"))).await.granted();
    for expected in [json!(null), json!(0), json!(1), json!(7)] {
        for fields in [owed("12.05"), json!({ "creditor": null }), json!({ "status": "settled" })] {
            let before = vault.log_size();
            let mut items = item("one", fields);
            items[0]["expected_version"] = expected.clone();
            let refused = adviser.items("/v1/records/write", items).await.refused(409, "append_only");
            assert_eq!(refused.item(0)["version"], 1);
            let leaf = vault.leaves_since(before).pop().unwrap();
            assert_eq!((leaf.refused, leaf.row), (Some(Code::AppendOnly), None));
        }
    }
    adviser.items("/v1/records/write", item("two", owed("12.05"))).await.granted();
    let read = adviser.read("debts", "p", "one", &["balance"]).await.granted();
    assert_eq!((&read.item(0)["fields"]["balance"], &read.item(0)["version"]), (&json!("12.50"), &json!(1)));
    // Erasing is no change: it stays possible, and the id is free again.
    vault.staff("dpo", "oakvale").erase("debts", "p", "one").await.granted();
    adviser.read("debts", "p", "one", &["balance"]).await.refused(404, "not_found");
    adviser.items("/v1/records/write", item("one", owed("12.05"))).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_first_writes_of_an_append_only_record_at_once_one_stands() {
    let vault = append_only("[\"debt-advice\"]");
    let adviser = vault.staff("debt-adviser", "oakvale");
    let writes = (0..8).map(|number| {
        let adviser = adviser.clone();
        tokio::spawn(async move {
            let fields = json!({ "creditor": format!("creditor {number}") });
            adviser.write("debts", "p", "r", fields).await.outcome()
        })
    });
    let mut outcomes = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        outcomes.push(write.await.unwrap());
    }
    outcomes.sort();
    assert_eq!(outcomes[0].0, 200);
    assert!(outcomes[1..].iter().all(|outcome| *outcome == (409, "append_only".to_owned())), "{outcomes:?}");
    assert_eq!(adviser.read("debts", "p", "r", &["creditor"]).await.granted().item(0)["version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_only_record_looks_absent_to_who_may_not_list_there() {
    let vault = append_only("[\"arrears-review\"]");
    let adviser = vault.staff("debt-adviser", "oakvale");
    let fields = || json!({ "creditor": "Gas" });
    adviser.write("debts", "p", "r", fields()).await.granted();
    let refused = adviser.write("debts", "p", "r", fields()).await.refused(404, "not_found");
    assert!(refused.item(0)["version"].is_null());
}

/// A look that takes the row before an erase moves it, and its key after: the record is there all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_moved_while_somebody_looks_is_neither_absent_nor_new() {
    let home = Home::new(Store::Memory);
    let held = Arc::new(Held::over(home.memory()));
    let vault = home.serve_on(held.clone());
    let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale").for_purpose("erasure"));
    let family = Family::Rows(name("bank"));
    let write = |record: &'static str, text: &'static str| {
        let officer = officer.clone();
        async move { officer.write("bank", "p", record, json!({ "account_name": text })).await.granted() }
    };
    write("stays", "one").await;
    let (key, before) = vault.engine().scan(family, b"", None, 2).unwrap().remove(0);
    write("goes", "other").await;
    dpo.erase("bank", "p", "goes").await.granted();

    held.show_once(family, key.clone(), before.clone());
    let read = officer.read("bank", "p", "stays", &["account_name"]).await.granted().item(0);
    assert_eq!(read["fields"]["account_name"], "one");
    held.show_once(family, key.clone(), before);
    let written = write("stays", "two").await.item(0);
    let version = written["version"].as_u64().unwrap();
    assert!(version > read["version"].as_u64().unwrap(), "{written}");
    let read = officer.read("bank", "p", "stays", &["account_name"]).await.granted().item(0);
    assert_eq!((&read["fields"]["account_name"], read["version"].as_u64()), (&json!("two"), Some(version)));
}
