//! Backup and restore with the real binary: a vault that is served is put into one file and comes back out of it; whom the
//! erasure ledger names stays erased; nothing that was changed, or whose generation is gone, is put back.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use coffer_client::Vault;
use coffer_tests::harness::{Home, Process, Serving, binary, command_line, name};
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::local::{LocalCa, write_client_config};
use coffer_vault::store::{Engine, Family};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

fn home() -> Home {
    let mut home = Home::by_binary();
    let folders = ["one", "two"].map(|folder| format!("{:?}", home.folder().join(folder)));
    let backup = format!("[backup]\ngenerations = [{}]\n\n", folders.join(", "));
    home.reconfigure(|text| text + "\n" + &backup);
    home
}

async fn write(vault: &impl Serving, person: &str) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", person, "main", json!({ "account_number": "00000017" })).await.granted();
}

fn run(command: &str, args: &[&Path]) -> Output {
    Command::new(binary()).arg(command).args(args).arg("--json").output().unwrap()
}

fn backup(home: &Home, to: &Path) -> Output {
    run("backup", &[home.dir(), Path::new("--to"), to])
}

fn restore(home: &Home, archive: &Path, more: &[&Path]) -> Output {
    run("restore", &[&[archive, Path::new("--into"), home.dir()], more].concat())
}

fn told(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The disks of data and head are gone; what is kept of the erasure ledger is answered.
fn lose(home: &Home) -> PathBuf {
    let kept = home.folder().join("erasures.kept");
    std::fs::rename(&home.config.log.erasures, &kept).unwrap();
    std::fs::remove_dir_all(&home.config.store.data).unwrap();
    std::fs::remove_file(&home.config.log.head).unwrap();
    kept
}

fn check(home: &Home) {
    let checked = Command::new(binary()).arg("check").arg(home.dir()).output().unwrap();
    assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), said(&checked));
}

fn actions(home: &Home) -> Vec<Action> {
    let rows = home.rocks().scan(Family::Leaves, b"", None, usize::MAX).unwrap();
    rows.iter().map(|(_, leaf)| Leaf::parse(leaf).unwrap().action).collect()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_vault_comes_back_out_of_one_file_and_who_was_erased_since_does_not() {
    let vault = Process::start(home(), "warn");
    for person in ["ada", "ben"] {
        write(&vault, person).await;
    }
    let url = vault.url();
    let file = |file: &str| std::fs::read(vault.home().client_file("console", file)).unwrap();
    let builder = |url: &str, home: &Home| {
        let ca = std::fs::read(home.server_ca()).unwrap();
        let vault = Vault::builder().url(url).ca_pem(&ca).log_key(home.log_key.clone());
        vault.identity_pem(&file("client.pem"), &file("client.key"))
    };
    let knows = builder(&url, vault.home()).build().unwrap();
    knows.checkpoint().await.unwrap();
    let remembered = knows.receipts().newest().unwrap();
    let archive = vault.home().folder().join("archive");
    let (made, ()) = tokio::join!(async { tokio::task::block_in_place(|| backup(vault.home(), &archive)) }, async {
        for number in 0..20 {
            write(&vault, &format!("meanwhile-{number}")).await;
        }
    });
    let made = told(&made);
    assert_eq!((&made["live"], &made["generation"], &made["new_generation"]), (&json!(true), &json!(1), &json!(true)));
    assert!(said(&backup(vault.home(), &archive)).contains("is not overwritten"));
    vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    // The root key is another by the time of the restore.
    vault.staff("security-admin", "oakvale").post("/v1/root/rotate", &json!({})).await.granted();
    let over = restore(vault.home(), &archive, &[]);
    assert!(over.status.code() == Some(78) && said(&over).contains("not overwritten"), "{}", said(&over));
    let identity = [file("client.pem"), file("client.key")];
    let (home, _) = vault.terminate();

    // No wrapped key stands in the archive, and those who look for one in the store find it.
    let bytes = std::fs::read(&archive).unwrap();
    let keys = home.rocks().scan(Family::Keys, b"", None, usize::MAX).unwrap();
    let wrapped = keys.iter().filter(|(_, row)| matches!(SubjectRow::decode(row), Some(SubjectRow::Living { .. })));
    let tails: Vec<_> = wrapped.map(|(_, row)| row[row.len() - 48..].to_vec()).collect();
    assert!(!tails.is_empty());
    let store = std::fs::read_dir(&home.config.store.data).unwrap();
    let store: Vec<u8> =
        store.flatten().filter(|e| e.path().is_file()).flat_map(|e| std::fs::read(e.path()).unwrap()).collect();
    assert!(tails.iter().any(|tail| holds(&store, tail)), "the search would find them");
    assert!(!tails.iter().any(|tail| holds(&bytes, tail)));
    for secret in ["tls/server.key", "tls/clients-ca.key"] {
        assert!(!holds(&bytes, home.text(secret).as_bytes()), "{secret}");
    }

    let ledger = lose(&home);
    let refused = restore(&home, &archive, &[]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("approval_needed"), "{}", said(&refused));
    assert!(!home.config.store.data.exists() && !home.config.log.head.exists(), "nothing was changed");
    let done = told(&restore(&home, &archive, &[Path::new("--erasures"), &ledger]));
    assert_eq!(done["erasures_known"], json!(true));
    assert_eq!(done["successor"], json!(format!("{}/2", home.log_key.name())));
    assert_eq!(actions(&home).iter().filter(|action| **action == Action::VaultRestore).count(), 1);

    let vault = Process::start(home, "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    officer.read("bank", "ada", "main", &["account_number"]).await.refused(404, "not_found");
    officer.read("bank", "ben", "main", &["account_number"]).await.granted();
    write(&vault, "cleo").await;
    let ca = std::fs::read(vault.home().server_ca()).unwrap();
    let [certificate, key] = &identity;
    let again = Vault::builder().url(&vault.url()).ca_pem(&ca).log_key(vault.home().log_key.clone());
    let again = again.identity_pem(certificate, key).known_checkpoint(remembered).build().unwrap();
    again.checkpoint().await.unwrap();
    check(&vault.terminate().0);
}

/// A certificate of its own for a second admin's application.
fn second_admin(home: &Home) {
    let ca = LocalCa::load(&home.dir().join("tls/clients-ca.pem"), &home.dir().join("tls/clients-ca.key")).unwrap();
    let second = ca
        .client("console.apps.coffer.internal", coffer_vault::clock::Clock::now_ms(&coffer_vault::clock::System))
        .unwrap();
    let folder = home.dir().join("clients/second");
    std::fs::create_dir_all(&folder).unwrap();
    second.save(&folder.join("client.pem"), &folder.join("client.key")).unwrap();
}

fn approved(home: &Home, admin: &str, request: &Path) -> PathBuf {
    let key = home.log_key.to_string();
    let config = write_client_config(home.dir(), &name(admin), "https://localhost:1", &key).unwrap();
    let out = home.folder().join(format!("approval-of-{admin}"));
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).arg("approve").arg(request).args(["--reason", "both disks failed", "--out"]);
    let done = command.arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_newer_ledger_two_admins_approve_a_restore_and_neither_alone() {
    let vault = Process::start(home(), "warn");
    write(&vault, "ada").await;
    let (home, _) = vault.terminate();
    second_admin(&home);
    let archive = home.folder().join("archive");
    assert_eq!(told(&backup(&home, &archive))["live"], json!(false));
    lose(&home);
    let request = home.folder().join("request");
    let asked = restore(&home, &archive, &[Path::new("--request"), &request]);
    assert!(asked.status.success(), "{}", said(&asked));
    let [one, other] = ["console", "second"].map(|admin| approved(&home, admin, &request));
    let flag = Path::new("--approval");
    for (files, why) in [(vec![flag, &one], "approval_needed"), (vec![flag, &one, flag, &one], "approval_twice")] {
        let refused = restore(&home, &archive, &files);
        assert!(refused.status.code() == Some(1) && said(&refused).contains(why), "{}", said(&refused));
        assert!(!home.config.store.data.exists());
    }
    let done = told(&restore(&home, &archive, &[flag, &one, flag, &other]));
    assert_eq!(done["erasures_known"], json!(false));
    let vault = Process::start(home, "warn");
    vault.staff("bank-officer", "oakvale").read("bank", "ada", "main", &["account_number"]).await.granted();
    let (home, _) = vault.terminate();
    check(&home);
    let rows = home.rocks().scan(Family::Leaves, b"", None, usize::MAX).unwrap();
    let leaves: Vec<_> = rows.iter().map(|(_, leaf)| Leaf::parse(leaf).unwrap()).collect();
    let leaf = leaves.iter().find(|leaf| leaf.action == Action::VaultRestore).unwrap();
    let both = [std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap()].concat();
    assert_eq!(leaf.row, Some(coffer_wire::Hash::sha256(&both)), "the leaf names both approvals");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_whose_log_was_followed_comes_back_with_the_newest_ledger_and_with_none_of_before() {
    let vault = Process::start(home(), "warn");
    for person in ["ada", "ben", "cleo"] {
        write(&vault, person).await;
    }
    let (home, _) = vault.terminate();
    let [first, second] = ["first", "second"].map(|archive| home.folder().join(archive));
    told(&backup(&home, &first));
    // Much of the first log, so that an index of the second alone would pass for less.
    let vault = Process::start(home, "warn");
    vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    let (home, _) = vault.terminate();
    let ledger = lose(&home);
    let stale = home.folder().join("stale");
    std::fs::copy(&ledger, &stale).unwrap();
    told(&restore(&home, &first, &[Path::new("--erasures"), &ledger]));

    told(&backup(&home, &second));
    let vault = Process::start(home, "warn");
    vault.staff("dpo", "oakvale").erase("bank", "ben", "main").await.granted();
    let (home, _) = vault.terminate();
    check(&home);
    let newest = lose(&home);
    let refused = restore(&home, &second, &[Path::new("--erasures"), &stale]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("approval_needed"), "{}", said(&refused));
    let done = told(&restore(&home, &second, &[Path::new("--erasures"), &newest]));
    assert_eq!(done["erasures_known"], json!(true));
    assert_eq!(done["successor"], json!(format!("{}/3", home.log_key.name())));
    let vault = Process::start(home, "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    for erased in ["ada", "ben"] {
        officer.read("bank", erased, "main", &["account_number"]).await.refused(404, "not_found");
    }
    officer.read("bank", "cleo", "main", &["account_number"]).await.granted();
    check(&vault.terminate().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_put_back_that_was_changed_or_whose_generation_is_gone() {
    let vault = Process::start(home(), "warn");
    write(&vault, "ada").await;
    let (home, _) = vault.terminate();
    let archive = home.folder().join("archive");
    told(&backup(&home, &archive));
    let ledger = lose(&home);
    let erasures = [Path::new("--erasures"), ledger.as_path()];
    let bytes = std::fs::read(&archive).unwrap();
    let altered = home.folder().join("altered");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&altered, bytes).unwrap();
        let output = restore(&home, &altered, &erasures);
        assert_eq!(output.status.code(), Some(78), "{what}: {}", said(&output));
        assert!(!home.config.store.data.exists() && !home.config.log.head.exists(), "{what}");
    };
    for at in [0, 15, 16, bytes.len() / 3, bytes.len() / 2, bytes.len() - 2_000, bytes.len() - 60, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        refused(&flipped, &format!("byte {at}"));
    }
    refused(&bytes[..bytes.len() - 1], "cut");
    refused(&[], "empty");
    let aside = home.folder().join("aside");
    for folder in &home.config.backup.generations {
        std::fs::rename(folder, aside.with_extension(folder.file_name().unwrap())).unwrap();
    }
    refused(&bytes, "its generation is in no folder");
    for folder in &home.config.backup.generations {
        std::fs::rename(aside.with_extension(folder.file_name().unwrap()), folder).unwrap();
    }
    told(&restore(&home, &archive, &erasures));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_leaves_no_archive_and_the_next_one_is_made() {
    let vault = Process::start(home(), "warn");
    for person in 0..50 {
        write(&vault, &format!("person-{person}")).await;
    }
    let archive = vault.home().folder().join("archive");
    let part = archive.with_file_name("archive.part");
    for _ in 0..10 {
        let _ = std::fs::remove_file(&part);
        let mut command = Command::new(binary());
        command.arg("backup").arg(vault.home().dir()).arg("--to").arg(&archive);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // As soon as anything is written under either name.
        while !part.exists() && !archive.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        // Whoever was too fast to be killed has made a whole one.
        assert!(!archive.exists() || is_whole(vault.home(), &archive));
        let _ = std::fs::remove_file(&archive);
    }
    told(&backup(vault.home(), &archive));
    assert!(is_whole(vault.home(), &archive));
}

fn is_whole(home: &Home, archive: &Path) -> bool {
    let root = home.root_key();
    let key = coffer_vault::archive::generations::numbered(&home.config.backup, &root, 1).unwrap();
    coffer_vault::archive::open(std::fs::File::open(archive).unwrap(), &key).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_from_before_a_deep_rotation_gives_every_record_with_the_newest_ledger() {
    let vault = Process::start(home(), "warn");
    for person in ["ada", "ben", "cyd"] {
        write(&vault, person).await;
    }
    let archive = vault.home().folder().join("archive");
    told(&backup(vault.home(), &archive));
    let admin = vault.staff("security-admin", "oakvale");
    let deep = json!({ "controller": "oakvale", "category": "bank", "deep": true, "reason": "a copy was lost" });
    admin.post("/v1/keys/rotate", &deep).await.granted();
    let started = std::time::Instant::now();
    while admin.post("/v1/keys/jobs", &json!({})).await.granted().json()["jobs"][0]["state"] != "done" {
        assert!(started.elapsed().as_secs() < 60);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    vault.staff("dpo", "oakvale").erase("bank", "cyd", "main").await.granted();
    let (home, _) = vault.terminate();
    check(&home);
    let ledger = lose(&home);
    let done = told(&restore(&home, &archive, &[Path::new("--erasures"), &ledger]));
    assert_eq!(done["erasures_known"], json!(true));
    let vault = Process::start(home, "warn");
    let rents = vault.staff("rents", "oakvale");
    for person in ["ada", "ben"] {
        rents.read("bank", person, "main", &["account_number"]).await.granted();
    }
    // Erased under a key that the archive has never seen, and gone from it all the same.
    assert_eq!(rents.read("bank", "cyd", "main", &["account_number"]).await.outcome().1, "not_found");
    let (home, _) = vault.terminate();
    check(&home);
}
