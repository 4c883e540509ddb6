//! Homes that no server may run on, by the real binary: it exits 78, says what to do, and leaves everything as it was.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use coffer_tests::harness::{Home, Process, binary};
use coffer_vault::store::format::FORMAT;
use coffer_vault::store::{Batch, Engine, Family, meta};

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
    let home = coffer_tests::harness::Serving::home(&vault);
    told(&coffer_vault("serve", home.dir(), &[]), &["data"]);
    told(&coffer_vault("check", home.dir(), &[]), &["data"]);
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
        told(&coffer_vault("check", home.dir(), &[]), &[words]);
    }
    set(Some(FORMAT));
    Process::start(home, "warn").terminate();
}
