//! Imports that are cut: by kill -9, by Ctrl-C, by an answer that is lost, by a token that ends.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_vault::clock::{Clock, Manual, System};
use serde_json::json;

use super::clerk::{Clerk, Done};

const MAP: &str = "person = \"{person}\"\ncontroller = \"oakvale\"\npurpose = \"payments\"\n[[record]]\ncategory = \"bank\"\n\
                   record = \"{record}\"\n[record.fields]\naccount_name = \"{name}\"\n";
const WORDS: [&str; 8] = ["--json", "record", "import", "a.csv", "--map", "map.toml", "--schema", "schema.json"];
/// Enough for several batches.
const LINES: usize = 6_000;
/// Every so many lines one is wrong.
const WRONG_EACH: usize = 500;

fn clerk<'a>(vault: &'a Running) -> Clerk<'a> {
    let clerk = Clerk::at_the_bank(vault);
    clerk.save_schema();
    clerk.file("map.toml", MAP);
    let mut csv = String::from("person,record,name\n");
    for line in 0..LINES {
        let name = if line % WRONG_EACH == 7 { "\u{7}" } else { "Ada" };
        csv += &format!("P-{},R-{line},{name} {line}\n", line / 3);
    }
    clerk.file("a.csv", csv);
    clerk
}

fn start(clerk: &Clerk<'_>) -> Child {
    clerk.command(&WORDS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: &str) {
    let _ = std::process::Command::new("kill").arg(signal).arg(child.id().to_string()).status();
}

/// Waits until the journal has a number of finished batches.
fn wait_for_batches(clerk: &Clerk<'_>, batches: usize) {
    let journal = clerk.path("a.csv.coffer-import");
    for _ in 0..2_000 {
        let done = std::fs::read_to_string(&journal).unwrap_or_default().matches("\ndone ").count();
        if done >= batches {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the import does not get on");
}

/// Every record that is not wrong stands, once.
async fn all_is_there(clerk: &Clerk<'_>) {
    for line in (0..LINES).step_by(97).chain([LINES - 1]) {
        let (person, record) = (format!("P-{}", line / 3), format!("R-{line}"));
        let read = clerk.read("payments", "bank", (&person, &record), &["account_name"]).await;
        match line % WRONG_EACH == 7 {
            true => assert!(read.is_none()),
            false => {
                let read = read.unwrap_or_else(|| panic!("line {line} is not there"));
                assert_eq!((read.version, read.values[0].as_deref()), (1, Some(format!("Ada {line}").as_str())));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_again_and_again_ends_with_every_line_in_once() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = clerk(&vault);
    for batches in 1..=4 {
        let mut child = start(&clerk);
        wait_for_batches(&clerk, batches);
        // Somewhere in the batch that follows.
        std::thread::sleep(Duration::from_millis(7 * batches as u64));
        signal(&child, "-KILL");
        child.wait().unwrap();
    }
    let done = clerk.coffer(&WORDS).ended(1);
    let summary = &done.json()["import"];
    assert_eq!(summary["lines"], LINES);
    let count = |code: &str| {
        let reasons = summary["reasons"].as_array().unwrap().iter();
        reasons.filter(|reason| reason["code"] == code).map(|reason| reason["count"].as_u64().unwrap()).sum::<u64>()
    };
    let wrong = (LINES / WRONG_EACH) as u64;
    let written = summary["written"].as_u64().unwrap();
    assert_eq!((count("invalid_value"), count("exists")), (wrong, 0));
    assert_eq!(written + count("in_doubt"), LINES as u64 - wrong, "{summary}");
    all_is_there(&clerk).await;
    // Done is done: another run sends nothing.
    let before = vault.log_size();
    let again = clerk.coffer(&WORDS).ended(1);
    again.says("imported before");
    assert_eq!(again.json()["import"]["written"], written);
    assert_eq!(vault.log_size(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_batch_under_way_and_says_how_to_go_on() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = clerk(&vault);
    let child = start(&clerk);
    wait_for_batches(&clerk, 2);
    signal(&child, "-INT");
    let done = Done::from(child.wait_with_output().unwrap()).ended(1);
    done.says("stopped").says("run the same command again");
    let journal = clerk.text("a.csv.coffer-import");
    assert!(journal.trim_end().lines().last().unwrap().starts_with("done "), "a batch was left open: {journal}");
    let done = clerk.coffer(&WORDS).ended(1);
    done.says("going on at line");
    let summary = &done.json()["import"];
    assert_eq!((&summary["lines"], &summary["written"]), (&json!(LINES), &json!(LINES - LINES / WRONG_EACH)));
    all_is_there(&clerk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_was_lost_writes_nothing_twice_and_over_nothing_newer() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = Clerk::at_the_bank(&vault);
    clerk.save_schema();
    clerk.file("map.toml", MAP);
    clerk.file("a.csv", "person,record,name\np,one,Ada\np,two,Bea\np,three,Cai\n");
    for update in [false, true] {
        let words = [&WORDS[..], if update { &["--update"] } else { &[] }].concat();
        clerk.coffer(&words).ok();
        // As if the power had gone before the answer was there.
        let journal = clerk.text("a.csv.coffer-import");
        clerk.file("a.csv.coffer-import", &journal[..journal.find("done ").unwrap()]);
        // Meanwhile somebody works on one of them.
        let officer = vault.staff("bank-officer", "oakvale");
        officer.write("bank", "p", "two", json!({ "account_name": "Newer" })).await.granted();
        let done = clerk.coffer(&words).ended(1);
        let summary = &done.json()["import"];
        let reasons = summary["reasons"].as_array().unwrap();
        let reason = |at: usize| (reasons[at]["code"].as_str().unwrap(), reasons[at]["count"].as_u64().unwrap());
        assert_eq!(summary["written"], 0);
        let (in_doubt, other) = (("in_doubt", 2), (if update { "version_conflict" } else { "exists" }, 1));
        assert_eq!([reason(0), reason(1)], if update { [in_doubt, other] } else { [other, in_doubt] });
        let version = if update { 2 } else { 1 };
        for (record, version, name) in
            [("one", version, "Ada"), ("two", 2 * version, "Newer"), ("three", version, "Cai")]
        {
            let read = clerk.read("payments", "bank", ("p", record), &["account_name"]).await.unwrap();
            assert_eq!((read.version, read.values[0].as_deref()), (version, Some(name)));
        }
        std::fs::remove_file(clerk.path("a.csv.coffer-import")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_read_again_from_its_file() {
    const LATER_MS: u64 = 16 * 60 * 1_000;
    let now_ms = System.now_ms();
    let clock = Arc::new(Manual::new(now_ms));
    let mut home = Home::new(Store::Memory);
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    let clerk = clerk(&vault);
    let home = vault.home();
    let wanted = home.request("bank-officer@example", &["bank-officer"], "rents-desk", &["oakvale"]);
    let child = start(&clerk);
    wait_for_batches(&clerk, 1);
    clerk.take_token(&home.mint(&wanted, now_ms + LATER_MS));
    clock.advance(LATER_MS);
    let done = Done::from(child.wait_with_output().unwrap()).ended(1);
    assert_eq!(done.json()["import"]["written"], LINES - LINES / WRONG_EACH);

    // Without a new one the import waits for it, with nothing lost.
    std::fs::remove_file(clerk.path("a.csv.coffer-import")).unwrap();
    clock.advance(LATER_MS);
    clerk.coffer(&WORDS).ended(1).says("credential_expired").says("run the same command again");
    assert!(!clerk.text("a.csv.coffer-import").contains("\nout "), "a token is not a line's fault");
}
