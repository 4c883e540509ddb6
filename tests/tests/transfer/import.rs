//! What an import refuses, leaves alone and writes over.

use coffer_tests::harness::{Home, Serving, Store};
use serde_json::json;

use super::clerk::{Clerk, Values};

const MAP: &str = r#"controller = "oakvale"
person = "{person}"
purpose = "payments"

[[record]]
category = "bank"
record = "{record}"

[record.fields]
account_name = "{name}"
sort_code = "{sort}"
"#;

fn clerk<'a>(vault: &'a coffer_tests::harness::Running, map: &str, csv: &str) -> Clerk<'a> {
    let clerk = Clerk::at_the_bank(vault);
    clerk.save_schema();
    clerk.file("map.toml", map);
    clerk.file("a.csv", csv);
    clerk
}

const WORDS: [&str; 7] = ["record", "import", "a.csv", "--map", "map.toml", "--schema", "schema.json"];

fn with<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&WORDS[..], words].concat()
}

fn bank(version: u32, name: Option<&str>, sort: Option<&str>) -> Option<Values> {
    Some(Values { version, values: vec![name.map(str::to_owned), sort.map(str::to_owned)] })
}

const FIELDS: [&str; 2] = ["account_name", "sort_code"];

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_does_not_fit_is_refused_before_anything_is_sent() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = clerk(&vault, MAP, "person,record,name,sort\np,r,Ada,00-00-01\n");
    let before = vault.log_size();
    for (from, to, words) in [
        ("{sort}", "{sorting}", "map.toml line 11, key `sort_code`: the file's first line names no column `sorting`"),
        ("sort_code", "sort_cod", "map.toml line 11, key `sort_cod`: bank has no such field"),
        (
            "category = \"bank\"",
            "category = \"banks\"",
            "map.toml line 6, key `category`: the schema has no such category",
        ),
        ("\"payments\"", "\"gardening\"", "map.toml line 3, key `purpose`: none of the purposes of bank"),
        ("\"bank\"", "\"bank\"\nsource = \"hearsay\"", "map.toml line 7, key `source`"),
        ("\"bank\"", "\"bank\"\nsource = \"neighbour\"", "map.toml line 7, key `source`"),
        ("\"bank\"", "\"bank\"\nverified_at = \"31 May\"", "map.toml line 7, key `verified_at`"),
        ("\"bank\"", "\"bank\"\nconfidence = \"sure\"", "map.toml line 7, key `confidence`"),
        ("\"bank\"", "\"bank\"\nin_confidence = \"perhaps\"", "map.toml line 7, key `in_confidence`"),
        ("\"oakvale\"", "\"Oakvale\"", "map.toml line 1, key `controller`"),
        ("\"{sort}\"", "\"five\"", "map.toml line 11, key `sort_code`: this text does not fit the field"),
        ("\"{sort}\"", "{ from = \"{sort}\", format = \"%d\" }", "key `format`: the formats of sort code"),
        (
            "\"{sort}\"",
            "{ from = \"{sort}\", about = \"{person}\" }",
            "key `about`: the field is about the record's own",
        ),
        ("\"{sort}\"", "{ from = \"{sort}\", words = { a = \"b\" } }", "key `words`"),
        ("[[record]]", "colour = \"red\"\n[[record]]", "map.toml line 5, key `colour`: unknown key"),
    ] {
        clerk.file("map.toml", MAP.replace(from, to));
        for more in [&["--dry-run"][..], &[]] {
            clerk.coffer(&with(more)).ended(2).says(words);
        }
    }
    clerk.file("map.toml", MAP);
    clerk.file("a.csv", "person,record,name,sort,sort\n");
    clerk.coffer(&WORDS).ended(2).says("several columns `sort`");
    clerk.file("a.csv", "");
    clerk.coffer(&WORDS).ended(2).says("the file is empty");
    assert_eq!(vault.log_size(), before, "something was sent");
    assert!(!clerk.path("a.csv.coffer-import").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_asks_for_case_and_witness_gets_them_from_the_map() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = Clerk::new(&vault, "complaints-handler", "complaints-desk");
    clerk.save_schema();
    clerk.file(
        "a.csv",
        "who,no,text,saw,witness\nT-1,1,\"It leaks.\r\nAgain.\",I saw it.,T-2\nT-1,2,Noise,He said so,\n",
    );
    let map = "person = \"{who}\"\npurpose = \"complaint-handling\"\ncontroller = \"oakvale\"\n[[record]]\ncategory = \"complaints\"\n\
               record = \"K-{no}\"\n[record.fields]\nsummary = { from = \"{text}\", format = \"crlf\" }\n";
    clerk.file("map.toml", map);
    clerk.coffer(&WORDS).ended(2).says("key `case`");
    let map = map.replace("record = ", "case = \"MIG-{no}\"\nrecord = ");
    clerk.file("map.toml", map.clone() + "witness_statement = \"{saw}\"\n");
    clerk.coffer(&WORDS).ended(2).says("key `witness_statement`: is about somebody else");
    clerk.file("map.toml", map + "witness_statement = { from = \"{saw}\", about = \"{witness}\" }\n");
    let done = clerk.coffer(&with(&["--refused", "refused.csv"])).ended(1);
    assert!(
        clerk.text("refused.csv").contains("\n4,4,subject_mismatch,complaints,witness_statement,"),
        "{}",
        done.said
    );
    let read = clerk.read("complaint-handling", "complaints", ("T-1", "K-1"), &["summary", "witness_statement"]).await;
    let values = vec![Some("It leaks.\nAgain.".to_owned()), Some("I saw it.".to_owned())];
    assert_eq!(read, Some(Values { version: 1, values }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_stands_is_left_alone_unless_it_is_to_be_updated() {
    let vault = Home::new(Store::Memory).serve();
    let csv = "person,record,name,sort\np,old,Ada,00-00-01\np,new,Bea,\nq,new,Cai,00-00-03\nq,new,Dee,00-00-04\n";
    let clerk = clerk(&vault, MAP, csv);
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "old", json!({ "account_name": "Zed", "sort_code": "00-00-09" })).await.granted();

    let done = clerk.coffer(&with(&["--json", "--refused", "refused.csv"])).ended(1);
    let summary = &done.json()["import"];
    assert_eq!((&summary["lines"], &summary["written"], &summary["refused_lines"]), (&json!(4), &json!(2), &json!(2)));
    let report = clerk.text("refused.csv");
    assert!(report.contains("\n2,2,exists,bank,,") && report.contains("\n5,5,exists,bank,,"), "{report}");
    assert_eq!(clerk.read("payments", "bank", ("p", "old"), &FIELDS).await, bank(1, Some("Zed"), Some("00-00-09")));
    assert_eq!(clerk.read("payments", "bank", ("q", "new"), &FIELDS).await, bank(1, Some("Cai"), Some("00-00-03")));

    // The journal is of an import that creates; one that updates is another.
    clerk.coffer(&with(&["--update"])).ended(2).says("--update");
    std::fs::remove_file(clerk.path("a.csv.coffer-import")).unwrap();
    clerk.file(
        "map.toml",
        MAP.replace("sort_code = \"{sort}\"", "sort_code = { from = \"{sort}\", empty = \"remove\" }"),
    );
    let done = clerk.coffer(&with(&["--update", "--json"])).ok();
    assert_eq!(done.json()["import"]["written"], 4);
    assert_eq!(clerk.read("payments", "bank", ("p", "old"), &FIELDS).await, bank(2, Some("Ada"), Some("00-00-01")));
    assert_eq!(clerk.read("payments", "bank", ("p", "new"), &FIELDS).await, bank(2, Some("Bea"), None));
    assert_eq!(clerk.read("payments", "bank", ("q", "new"), &FIELDS).await, bank(3, Some("Dee"), Some("00-00-04")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_write_writes_nothing_and_is_told_once() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = clerk(&vault, MAP, "person,record,name,sort\np,r,Ada,00-00-01\n");
    let rents = Clerk::new(&vault, "rents", "rents-desk");
    for file in ["a.csv", "map.toml", "schema.json"] {
        std::fs::copy(clerk.path(file), rents.path(file)).unwrap();
    }
    rents.coffer(&WORDS).ended(1).says("forbidden_role").says("run the same command again");
    assert!(!rents.text("a.csv.coffer-import").contains("\nout "), "a right is not a line's fault");
    // The same file goes on once somebody may.
    std::fs::copy(rents.path("a.csv.coffer-import"), clerk.path("a.csv.coffer-import")).unwrap();
    clerk.coffer(&WORDS).ok();
    assert_eq!(clerk.read("payments", "bank", ("p", "r"), &FIELDS).await, bank(1, Some("Ada"), Some("00-00-01")));
    // Nor may they see the schema, without which there is no import.
    clerk.coffer(&WORDS[..5]).ended(1).says("--schema FILE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_the_values_comes_out_of_columns_too() {
    let vault = Home::new(Store::Memory).serve();
    let map = MAP.replace(
        "[[record]]",
        "reference = \"{doc}\"\nverified_at = \"{seen}\"\nconfidence = \"{sure}\"\nin_confidence = \"{secret}\"\n[[record]]",
    );
    let csv = "person,record,name,sort,doc,seen,sure,secret\np,r,Ada,00-00-01,letter-7,2026-01-31,confirmed,true\n\
               q,r,Bo,00-00-02,,,,\nz,r,Cai,00-00-03,letter-8,yesterday,,\n";
    let clerk = clerk(&vault, &map, csv);
    clerk.coffer(&with(&["--refused", "refused.csv"])).ended(1);
    assert!(clerk.text("refused.csv").contains("\n4,4,invalid_known,bank,,"), "{}", clerk.text("refused.csv"));
    let officer = vault.staff("bank-officer", "oakvale");
    let stamp = async |person: &str| {
        officer.read("bank", person, "r", &["sort_code"]).await.granted().item(0)["provenance"]["sort_code"].clone()
    };
    let known = json!({ "verified_at": "2026-01-31", "confidence": "confirmed", "in_confidence": true });
    assert_eq!(stamp("p").await, known, "who said it in confidence is not named");
    assert_eq!(stamp("q").await, json!(null));

    // The command names what is stale of many persons, and passes over who has nothing here.
    clerk.file("persons.txt", "p\n\nq\nnobody\n");
    let words = [
        "--json",
        "record",
        "list",
        "--controller",
        "oakvale",
        "--purpose",
        "payments",
        "--category",
        "bank",
        "--persons",
        "persons.txt",
    ];
    let told = clerk.coffer(&[&words[..], &["--not-verified-since", "2026-01-31"]].concat()).ended(0);
    let stale = json!({ "person": "q", "record": "r", "version": 1, "stale": ["account_name", "sort_code"] });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&told.out).unwrap(),
        json!({ "persons": 3, "records": [stale] })
    );
    clerk.coffer(&words).ended(2);
}
