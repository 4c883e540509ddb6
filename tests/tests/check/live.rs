//! A home that is checked while it is served: nothing is found that only the server's going on would make, what is wrong
//! is found all the same, and nothing is left lying about.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Process, Serving, binary};
use coffer_vault::store::{Batch, Engine};
use serde_json::{Value, json};

use crate::binary::{run, told};
use crate::scene::rows_of;

/// Checks while others write.
const CHECKS: usize = 4;
/// Writes that go on meanwhile, at once.
const WRITERS: usize = 4;
/// How long a check may take to have its copy.
const COPY_TIME: Duration = Duration::from_secs(30);

/// The copies that lie beside the data.
fn copies(home: &Home) -> Vec<PathBuf> {
    let beside = std::fs::read_dir(home.dir().join("data-live")).unwrap().map(|entry| entry.unwrap().path());
    beside.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("check-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_is_written_to_meanwhile_is_clean() {
    let vault = Arc::new(Process::start(Home::by_binary(), "warn"));
    let ended = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (vault, ended) = (Arc::clone(&vault), Arc::clone(&ended));
            tokio::spawn(async move {
                let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale"));
                let mut written = 0;
                while !ended.load(Ordering::SeqCst) {
                    let person = format!("tenant-{number}-{}", written % 7);
                    officer.write("bank", &person, "main", json!({ "account_name": "A. Tenant" })).await.granted();
                    officer.read("bank", &person, "main", &["account_name"]).await.granted();
                    written += 1;
                    if written % 5 == 0 {
                        dpo.erase_person(&person, &["bank"]).await.granted();
                    }
                }
                written
            })
        })
        .collect();
    let mut leaves = 0;
    for _ in 0..CHECKS {
        let vault = Arc::clone(&vault);
        let checked = tokio::task::spawn_blocking(move || run(vault.home(), &["--json"])).await.unwrap();
        let report = told(&checked);
        assert_eq!(checked.status.code(), Some(0), "{report}");
        assert_eq!((&report["live"], &report["clean"]), (&json!(true), &json!(true)));
        let seen = report["looked"]["leaves"].as_u64().unwrap();
        assert!(seen > leaves, "the copy is of the moment: {seen} leaves after {leaves}");
        leaves = seen;
    }
    ended.store(true, Ordering::SeqCst);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
    assert_eq!(copies(vault.home()), Vec::<PathBuf>::new());
    let Ok(vault) = Arc::try_unwrap(vault) else { panic!("the writers have ended") };
    let (home, said) = vault.terminate();
    assert_eq!(String::from_utf8_lossy(&said).matches("WARN").count(), 0, "{}", String::from_utf8_lossy(&said));
    // The server is gone, and so is its socket; the home itself is checked.
    assert!(!home.dir().join("data-live/socket").exists());
    assert_eq!(told(&run(&home, &["--json"]))["live"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_home_that_is_served_is_found() {
    let home = Home::by_binary();
    let vault = Process::start(home, "warn");
    let write = async |vault: &Process| {
        let officer = vault.staff("bank-officer", "oakvale");
        officer.write("bank", "tenant-1", "main", json!({ "account_name": "A. Tenant" })).await.granted();
    };
    write(&vault).await;
    let (home, _) = vault.terminate();
    let row = |home: &Home| home.rocks().scan(rows_of("bank"), b"", None, 1).unwrap().remove(0);
    let (key, older) = row(&home);
    let vault = Process::start(home, "warn");
    write(&vault).await;
    let (home, _) = vault.terminate();
    let mut batch = Batch::new();
    batch.put(rows_of("bank"), key, older);
    home.rocks().commit(&batch).unwrap();
    let vault = Process::start(home, "warn");
    let report = told(&run(vault.home(), &["--json"]));
    assert_eq!((&report["live"], &report["found"]), (&json!(true), &json!(1)), "{report}");
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["found"], &finding["expected"]),
        (&json!("row_older"), &json!(1), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_stopped_tidies_up_and_what_a_kill_leaves_is_swept() {
    let vault = Process::start(Home::by_binary(), "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    // Enough that a check of them takes its time.
    let items: Vec<Value> = (0..500)
        .map(|record| {
            let fields = json!({ "account_name": "A. Tenant" });
            json!({ "category": "bank", "person": format!("p{record}"), "record": "r", "fields": fields })
        })
        .collect();
    officer.items("/v1/records/write", json!(items)).await.granted();

    let mut stopped = checking(vault.home());
    signal(&stopped, "-INT");
    assert_eq!(stopped.wait().unwrap().code(), Some(130));
    assert_eq!(copies(vault.home()), Vec::<PathBuf>::new());

    let mut killed = checking(vault.home());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = copies(vault.home());
    assert_eq!(left.len(), 1);
    // Another check that still runs keeps its copy.
    let mut other = checking(vault.home());
    assert!(!left[0].exists());
    let held = copies(vault.home());
    assert_eq!(held.len(), 1);
    let third = run(vault.home(), &["--json"]);
    assert_eq!(third.status.code(), Some(0));
    assert_eq!(other.wait().unwrap().code(), Some(0));
    assert_eq!(copies(vault.home()), Vec::<PathBuf>::new());
}

/// A check that has its copy.
fn checking(home: &Home) -> Child {
    let before = copies(home);
    let mut command = Command::new(binary());
    command.arg("check").arg(home.dir()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while !copies(home).iter().any(|copy| !before.contains(copy) && copy.join("data/CURRENT").exists()) {
        assert!(started.elapsed() < COPY_TIME, "no copy was made");
        assert!(child.try_wait().unwrap().is_none(), "it has ended already");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn signal(child: &Child, which: &str) {
    assert!(Command::new("kill").arg(which).arg(child.id().to_string()).status().unwrap().success());
}
