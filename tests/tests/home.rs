//! Homes that no server may run on, by the real binary: it exits 78, says what to do, and leaves everything as it was.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use coffer_tests::harness::{Home, Process, Serving, binary, command_line};
use coffer_vault::local::write_client_config;
use coffer_vault::store::format::FORMAT;
use coffer_vault::store::{Batch, Engine, Family, meta};
use coffer_wire::Name;
use serde_json::json;

/// EX_CONFIG of sysexits(3).
const CONFIG: i32 = 78;

fn coffer_vault(command: &str, dir: &Path, args: &[&str]) -> Output {
    Command::new(binary()).arg(command).arg(dir).args(args).output().unwrap()
}

/// It ended as a mistake in home or configuration does, and said these words.
fn told(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(CONFIG), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "`{word}` is not said in: {said}");
    }
}

#[test]
fn an_init_that_is_refused_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir_all(home.join("schema")).unwrap();
    fs::write(home.join("schema/own.toml"), "mine").unwrap();
    fs::write(home.join("notes.txt"), "mine too").unwrap();
    let key = folder.path().join("root.key");
    let args = ["--key-file", key.to_str().unwrap(), "--controller", "oakvale=Oakvale Homes"];
    told(&coffer_vault("init", &home, &args), &["nothing was written", "--same-disk", "--key-file"]);
    assert_eq!(fs::read_to_string(home.join("schema/own.toml")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(home.join("notes.txt")).unwrap(), "mine too");
    assert_eq!(fs::read_dir(&home).unwrap().count(), 2, "something was written");
    assert!(!key.exists());
}

#[test]
fn a_home_that_is_missing_or_half_made_is_told_from_one_that_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    told(&coffer_vault("serve", &folder.path().join("nowhere"), &[]), &["coffer.toml", "coffer-vault init"]);
    let home = Home::by_binary();
    for part in ["data", "tls/server.pem", "tls/clients-ca.pem", "issuer/jwks.json"] {
        let (path, aside) = (home.dir().join(part), home.folder().join("aside"));
        fs::rename(&path, &aside).unwrap();
        told(&coffer_vault("serve", home.dir(), &[]), &[part]);
        assert!(!path.exists(), "{part} was made anew");
        fs::rename(&aside, &path).unwrap();
    }
    Process::start(home, "warn").terminate();
}

#[test]
fn a_key_file_that_others_may_read_or_that_is_gone_opens_nothing() {
    let home = Home::by_binary();
    let key = home.folder().join("root.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    told(&coffer_vault("serve", home.dir(), &[]), &["root.key", "600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&key, home.folder().join("aside")).unwrap();
    told(&coffer_vault("serve", home.dir(), &[]), &["root.key"]);
    assert!(!key.exists(), "a key was made anew");
}

#[test]
fn a_key_file_of_another_vault_opens_nothing() {
    let (home, other) = (Home::by_binary(), Home::by_binary());
    fs::copy(other.folder().join("root.key"), home.folder().join("root.key")).unwrap();
    told(&coffer_vault("serve", home.dir(), &[]), &["another vault"]);
}

#[test]
fn two_servers_do_not_share_a_home() {
    let vault = Process::start(Home::by_binary(), "warn");
    let home = vault.home();
    told(&coffer_vault("serve", home.dir(), &[]), &["data"]);
    // What looks and writes nothing has a copy of its own to look at.
    assert_eq!(coffer_vault("check", home.dir(), &[]).status.code(), Some(0));
    for mending in ["--rebuild", "--repair-tail"] {
        told(&coffer_vault("check", home.dir(), &[mending, "--yes"]), &["data"]);
    }
    vault.terminate();
}

#[test]
fn a_store_of_a_newer_format_is_left_to_a_newer_program() {
    let home = Home::by_binary();
    let set = |format: Option<u32>| {
        let mut batch = Batch::new();
        match format {
            Some(format) => batch.put(Family::Meta, meta::FORMAT, format.to_be_bytes()),
            None => batch.delete(Family::Meta, meta::FORMAT),
        }
        home.rocks().commit(&batch).unwrap();
    };
    for (format, words) in [(Some(FORMAT + 1), "newer"), (Some(0), "does not say"), (None, "does not say")] {
        set(format);
        told(&coffer_vault("serve", home.dir(), &[]), &[words]);
        let checked = coffer_vault("check", home.dir(), &[]);
        match format {
            Some(newer) if newer > FORMAT => told(&checked, &[words]),
            // What it does not know it does not judge; what says nothing was changed.
            _ => {
                assert!(checked.status.code() == Some(1) && checked.stdout.windows(13).any(|at| at == b"format_unsaid"))
            }
        }
    }
    set(Some(FORMAT));
    Process::start(home, "warn").terminate();
}

/// The rows of what is in force, as they stand now.
fn in_force(home: &Home) -> Batch {
    let rocks = home.rocks();
    let mut batch = Batch::new();
    for key in [meta::ACCESS, meta::SCHEMA, meta::EPOCH, meta::IN_FORCE] {
        batch.put(Family::Meta, key, rocks.get(Family::Meta, key).unwrap().unwrap());
    }
    batch
}

#[test]
fn a_policy_that_was_written_into_the_store_decides_nothing() {
    let home = Home::by_binary();
    let whole = in_force(&home);
    let read = |key: &[u8]| home.rocks().get(Family::Meta, key).unwrap().unwrap();
    let set = |key: &[u8], value: Vec<u8>| {
        let mut batch = Batch::new();
        batch.put(Family::Meta, key, value);
        home.rocks().commit(&batch).unwrap();
    };
    let granted =
        String::from_utf8(read(meta::ACCESS)).unwrap().replacen("Nothing is permitted", "All is permitted", 1);
    let masked = String::from_utf8(read(meta::SCHEMA)).unwrap().replacen("Bank details", "Bank", 1);
    let changes = [
        (meta::ACCESS, granted.into_bytes()),
        (meta::SCHEMA, masked.into_bytes()),
        (meta::EPOCH, 2_u32.to_be_bytes().to_vec()),
        (meta::IN_FORCE, vec![0; 16]),
    ];
    for (key, value) in changes {
        assert!(read(key) != value, "nothing is changed");
        set(key, value);
        told(&coffer_vault("serve", home.dir(), &[]), &["policy or schema in force", "coffer-vault check"]);
        home.rocks().commit(&whole).unwrap();
    }
    Process::start(home, "warn").terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_policy_put_back_whole_keeps_the_vault_sealed() {
    let home = Home::by_binary();
    let (before, access) = (in_force(&home), home.text("access.toml"));
    let vault = Process::start(home, "warn");
    let body = json!({ "files": { "access.toml": format!("{access}\n") } });
    vault.staff("security-admin", "oakvale").post("/v1/access/apply", &body).await.granted();
    let (home, _) = vault.terminate();
    home.rocks().commit(&before).unwrap();
    let vault = Process::start(home, "error");
    let status = vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json();
    assert_eq!((&status["state"], &status["reason"]), (&json!("sealed"), &json!("log_not_continuous")), "{status}");
    let shown = status_as_shown(&vault);
    assert!(shown.contains("sealed: log_not_continuous"), "{shown}");
    for made_up in ["0 leaves", "epoch", "ago", "none"] {
        assert!(!shown.contains(made_up), "`{made_up}` is shown of a sealed vault: {shown}");
    }
}

/// What `coffer status` prints for an auditor.
fn status_as_shown(vault: &Process) -> String {
    let home = vault.home();
    let url = format!("https://localhost:{}", vault.address().port());
    let console = Name::new("console").unwrap();
    let config = write_client_config(home.dir(), &console, &url, &home.log_key.to_string()).unwrap();
    let token = home.folder().join("auditor.token");
    fs::write(&token, vault.token("auditor", &["oakvale"])).unwrap();
    let mut command = Command::new(command_line());
    let done = command.arg("--config").arg(config).arg("--token-file").arg(token).arg("status").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_vault_that_believes_no_issuer_says_that_it_takes_nobody() {
    let home = Home::by_binary();
    let warns = |home: Home| {
        let (home, said) = Process::start(home, "warn").terminate();
        (home, String::from_utf8(said).unwrap().contains("no [[issuer]] is declared"))
    };
    let (home, warned) = warns(home);
    assert!(!warned);
    let text = home.text("coffer.toml");
    let (before, issuers) = text.split_once("\n[[issuer]]").unwrap();
    let (_, after) = issuers.split_once("\n[local_ca]").unwrap();
    fs::write(home.dir().join("coffer.toml"), format!("{before}\n[local_ca]{after}")).unwrap();
    assert!(warns(home).1);
}

#[test]
fn mistakes_of_schema_and_policy_are_found_before_they_are_applied() {
    let home = Home::by_binary();
    let check = || Command::new(binary()).args(["schema", "check"]).arg(home.dir()).output().unwrap();
    let break_file = |file: &str, from: &str, to: &str| {
        let text = home.text(file);
        assert!(text.contains(from), "{file} has changed");
        fs::write(home.dir().join(file), text.replacen(from, to, 1)).unwrap();
        text
    };
    assert!(check().status.success());
    // The policy is right only beside the schema; with a mistake in each file of two, both are told.
    let access = break_file("access.toml", "purposes = [\"payments\"", "purposes = [\"gardening\"");
    told(&check(), &["access.toml line ", "key `purposes`", "1 mistake"]);
    let bank = break_file("schema/bank.toml", "mask = \"last4\"", "mask = \"year\"");
    let care = break_file("schema/care.toml", "schedule1 = 2\n", "");
    told(
        &check(),
        &["schema/bank.toml line ", "key `mask`", "schema/care.toml line ", "key `schedule1`", "2 mistakes"],
    );
    for (file, text) in [("access.toml", access), ("schema/bank.toml", bank), ("schema/care.toml", care)] {
        fs::write(home.dir().join(file), text).unwrap();
    }
    assert!(check().status.success());
}
