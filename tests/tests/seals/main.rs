//! What holds the root key, from `init` to a restart after the root key has been followed by another, by the real binary.
#![allow(clippy::unwrap_used)]

mod change;
mod key_file;
mod shamir;
mod token;

use std::process::{Command, Output};

use coffer_tests::harness::{Home, Serving, Staff, binary};
use serde_json::json;

const SORT_CODE: &str = "00-00-01";

/// A security admin of this name.
fn admin(vault: &impl Serving, name: &str) -> Staff {
    let token = vault.home().token_of(name, &["security-admin"], "console", &["oakvale"]);
    Staff::new(vault.raw("console"), token, "oakvale", "erasure")
}

async fn write(vault: &impl Serving, record: &str) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", record, json!({ "sort_code": SORT_CODE })).await.granted();
}

async fn reads(vault: &impl Serving, record: &str) {
    let officer = vault.staff("bank-officer", "oakvale");
    let read = officer.read("bank", "p", record, &["sort_code"]).await.granted();
    assert_eq!(read.item(0)["fields"]["sort_code"], SORT_CODE);
}

/// A start that is refused before it listens.
fn refused(mut command: Command, home: &Home) -> String {
    let Output { status, stderr, .. } = command.arg("serve").arg(home.dir()).output().unwrap();
    assert_eq!(status.code(), Some(78), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stderr).unwrap()
}

fn init(args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let mut command = Command::new(binary());
    command.arg("init").arg(&home).args(["--controller", "oakvale=Oakvale"]).args(args);
    let Output { status, stderr, .. } = command.output().unwrap();
    assert!(!home.exists(), "something was written");
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn options_that_do_not_go_with_the_seal_are_refused_and_nothing_is_written() {
    for (args, said) in [
        (&["--seal", "shamir", "--shares", "3"][..], "--threshold"),
        (&["--seal", "shamir", "--shares", "3", "--threshold", "1"], "1 of 3 shares cannot be"),
        (&["--seal", "shamir", "--shares", "2", "--threshold", "3"], "3 of 2 shares cannot be"),
        (&["--seal", "shamir", "--shares", "3", "--threshold", "2", "--key-file", "k"], "--key-file is not for"),
        (&["--seal", "pkcs11", "--module", "m", "--token", "t"], "--pin-file"),
        (&["--key-file", "k", "--same-disk", "--shares", "3"], "--shares is not for --seal key-file"),
        (&["--seal", "paper"], "key-file, shamir, pkcs11"),
        (&[], "--key-file"),
    ] {
        let (code, stderr) = init(args);
        assert!(matches!(code, Some(2 | 64 | 78)), "{args:?}: {code:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}
