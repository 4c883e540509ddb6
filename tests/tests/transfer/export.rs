//! What an export gives out, to whom, and what it leaves behind.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Running, Serving, Store};
use serde_json::json;

use super::clerk::{Clerk, Done};

const WORDS: [&str; 8] = ["record", "export", "--purpose", "payments", "--category", "bank", "--controller", "oakvale"];
const FIELDS: [&str; 4] = ["--field", "account_name", "--field", "sort_code"];

async fn filled(vault: &Running) -> Clerk<'_> {
    let officer = vault.staff("bank-officer", "oakvale");
    for (person, record, fields) in [
        ("p", "one", json!({ "account_name": "=Ada, \"A\"", "sort_code": "00-00-01" })),
        ("p", "two", json!({ "account_name": "Bea \u{202e}x" })),
        ("q", "+1", json!({ "sort_code": "00-00-03", "account_number": "00000003" })),
    ] {
        officer.write("bank", person, record, fields).await.granted();
    }
    let clerk = Clerk::at_the_bank(vault);
    clerk.file("persons.txt", "p\n\n  q \nnobody\n");
    clerk
}

fn names(clerk: &Clerk<'_>) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(clerk.folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_a_file_for_its_owner_with_what_was_asked_for() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = filled(&vault).await;
    let before = vault.log_size();
    let words = [&["--json"], &WORDS[..], &FIELDS, &["--persons", "persons.txt", "--out", "out.csv"]].concat();
    let done = clerk.coffer(&words).ok();
    let expected = "person,record,version,account_name,sort_code\np,one,1,\"=Ada, \"\"A\"\"\",00-00-01\np,two,1,Bea \u{202e}x,\nq,+1,1,,00-00-03\n";
    assert_eq!(clerk.text("out.csv"), expected);
    assert_eq!(std::fs::metadata(clerk.path("out.csv")).unwrap().permissions().mode() & 0o777, 0o600);
    // Three persons looked up, three records read: six leaves.
    let released = &done.json()["export"];
    let counted = ["persons", "persons_without", "records", "fields"].map(|key| released[key].as_u64().unwrap());
    assert_eq!((counted, vault.log_size() - before), ([3, 1, 3, 4], 6));
    assert_eq!(released["leaves"], json!([before, before + 5]), "the refusal's leaf is the third");
    done.says("2 cells begin like a formula");
    // One that is there stays.
    clerk.coffer(&words).ended(2).says("exists already");
    assert_eq!(vault.log_size(), before + 6);

    let marked =
        [&WORDS[..], &FIELDS, &["--persons", "persons.txt", "--out", "safe.csv", "--spreadsheet-safe"]].concat();
    clerk.coffer(&marked).ok();
    let marked = expected.replace("\"=Ada", "\"'=Ada").replace("q,+1", "q,'+1");
    assert_eq!(clerk.text("safe.csv"), marked);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_json_say_whence_a_value_came_and_nothing_in_them_acts_on_a_terminal() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = filled(&vault).await;
    let item = json!({ "category": "bank", "person": "r", "record": "x", "fields": { "account_name": "Cai" }, "source": "phone-call" });
    vault.staff("bank-officer", "oakvale").items("/v1/records/write", json!([item])).await.granted();
    clerk.file("persons.txt", "p\nr\n");
    let words = [&WORDS[..], &FIELDS, &["--persons", "persons.txt", "--format", "jsonl"]].concat();
    let done = clerk.coffer(&words).ok();
    done.says("3 records with 4 fields released; leaves ");
    assert!(!done.out.contains('\u{202e}') && done.out.contains("Bea \\u202ex"), "{}", done.out);
    let last: serde_json::Value = serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
    let provenance = json!({ "account_name": { "source": "phone-call" } });
    let fields = json!({ "account_name": "Cai" });
    assert_eq!(last, json!({ "person": "r", "record": "x", "version": 1, "fields": fields, "provenance": provenance }));
    // Masked, and with all fields of the category that are used for the purpose.
    clerk.save_schema();
    let words = [&WORDS[..], &["--persons", "persons.txt", "--schema", "schema.json", "--masked"]].concat();
    let masked = clerk.coffer(&words).ok().out;
    assert!(masked.starts_with(
        "person,record,version,account_name,sort_code,account_number,payment_method,mandate_date,payer_name\n"
    ));
    assert!(masked.contains("\np,one,1,=****,****,,,,\n"), "{masked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_may_not_be_leaves_nothing_behind() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = filled(&vault).await;
    let before = names(&clerk);
    let out = ["--persons", "persons.txt", "--out", "out.csv"];
    let refused = [&WORDS[..], &FIELDS, &["--field", "account_numbers"], &out].concat();
    clerk.coffer(&refused).ended(1).says("the person on line 1 of the list cannot be exported");
    // Without a field named the schema is needed, which this role may not see.
    clerk.coffer(&[&WORDS[..], &out].concat()).ended(1).says("--schema FILE");
    clerk.file("persons.txt", format!("p\n{}\n", "x".repeat(65)));
    clerk.coffer(&[&WORDS[..], &FIELDS, &out].concat()).ended(2).says("line 2");
    assert_eq!(names(&clerk), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_takes_the_unfinished_file_away_and_says_so() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = filled(&vault).await;
    clerk.file("persons.txt", "p\n".repeat(20_000));
    let before = names(&clerk);
    let words = [&WORDS[..], &FIELDS, &["--persons", "persons.txt", "--out", "out.csv"]].concat();
    let mut command = clerk.command(&words);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let size = vault.log_size();
    let started = Instant::now();
    while vault.log_size() < size + 500 {
        assert!(started.elapsed() < Duration::from_secs(60), "the export does not get on");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(names(&clerk).len() > before.len(), "there is something to take away");
    assert!(std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let done = Done::from(child.wait_with_output().unwrap()).ended(1);
    done.says("out.csv was not written").says("(stopped)");
    assert_eq!(names(&clerk), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_withdrawn_withholds_its_record_and_refuses_its_line_and_no_other() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = Clerk::new(&vault, "communications", "housing-desk");
    clerk.save_schema();
    let map = "controller = \"oakvale\"\nperson = \"{p}\"\npurpose = \"publicity\"\n[[record]]\ncategory = \"media_consent\"\nrecord = \"photo\"\n\
               [record.fields]\nconsented_on = \"{given}\"\nwithdrawn_on = \"{withdrawn}\"\n";
    let words =
        ["record", "import", "a.csv", "--map", "map.toml", "--schema", "schema.json", "--refused", "refused.csv"];
    clerk.file(
        "a.csv",
        "p,use,given,withdrawn\na,news,2026-01-02,\nb,news,2026-01-02,2026-03-04\nc,,2026-01-02,\nd,news,2026-01-02,\n",
    );
    clerk.file("map.toml", map);
    clerk.coffer(&words).ended(2).says("media_consent has no record without agreed_use");
    clerk.file("map.toml", format!("{map}agreed_use = \"{{use}}\"\n"));
    clerk.coffer(&words).ended(1).says("2 of 4 lines refused");
    let report = clerk.text("refused.csv");
    let told = ["\n3,3,no_consent,media_consent,", "\n4,4,field_required,media_consent,agreed_use,"];
    assert!(told.iter().all(|line| report.contains(line)), "{report}");

    let comms = vault.staff("communications", "oakvale");
    comms.write("media_consent", "a", "photo", json!({ "withdrawn_on": "2026-05-06" })).await.granted();
    clerk.file("persons.txt", "a\nd\n");
    let words =
        ["record", "export", "--controller", "oakvale", "--purpose", "publicity", "--category", "media_consent"];
    let more = ["--persons", "persons.txt", "--field", "agreed_use", "--out", "out.csv"];
    clerk.coffer(&[&words[..], &more].concat()).ok().says("1 record was withheld for want of consent");
    assert_eq!(clerk.text("out.csv"), "person,record,version,agreed_use\nd,photo,1,news\n");
}
