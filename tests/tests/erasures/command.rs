//! The command line: a certificate is fetched into a file, and checked with the public key and nothing else.

use std::path::Path;
use std::process::{Command, Output};

use coffer_tests::harness::{Home, Running, Serving, Store, command_line, name};
use coffer_vault::local::write_client_config;
use coffer_wire::leaf::Action;
use serde_json::{Value, json};

use crate::write;

fn fetch(vault: &Running, role: &str, leaf: u64, out: &Path) -> Output {
    let mut command = at_desk(vault, role);
    command.args(["subject", "certificate", "--leaf", &leaf.to_string(), "--out"]).arg(out);
    command.output().unwrap()
}

/// The command line as a role, over a configuration that knows the log's first key.
fn at_desk(vault: &Running, role: &str) -> Command {
    let home = vault.home();
    let url = format!("https://localhost:{}", vault.address().port());
    let config = write_client_config(home.dir(), &name("console"), &url, &home.log_key.to_string()).unwrap();
    let token = home.folder().join(format!("{role}.token"));
    std::fs::write(&token, vault.token(role, &["oakvale"])).unwrap();
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).arg("--token-file").arg(token);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_rotation_is_checked_by_the_first_key_of_the_log_and_its_notes() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file);
    let rotate = ["keys", "rotate", "bank", "--controller", "oakvale", "--reason", "yearly"];
    let succeeds = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    succeeds(at_desk(&vault, "security-admin").args(rotate));
    succeeds(at_desk(&vault, "security-admin").args(["keys", "rotate-log"]));
    let leaves = (0u64..).zip(vault.leaves_since(0));
    let leaf = leaves.filter(|(_, leaf)| leaf.action == Action::KeysRewrap).last().unwrap().0.to_string();
    let (file, key, head) = (path("rotated.cert"), path("log.pub"), path("head"));
    let told = succeeds(at_desk(&vault, "security-admin").args(["keys", "certificate", &leaf, "--out"]).arg(&file));
    assert!(told.contains("rotation") && told.contains("1 key of a person"), "{told}");
    succeeds(at_desk(&vault, "auditor").args(["log", "verify", "--remember"]).arg(&head));
    std::fs::write(&key, vault.home().log_key.to_string()).unwrap();
    vault.stop().await;
    assert_eq!(verify(&file, &key).status.code(), Some(1), "the key that signed it is not known");
    let mut command = Command::new(command_line());
    command.args(["--json", "log", "verify", "--certificate"]).arg(&file).arg("--log-key").arg(&key);
    let told: Value = serde_json::from_str(&succeeds(command.arg("--since").arg(&head))).unwrap();
    let said = [&told["verified"], &told["kind"], &told["record_count"], &told["key_count"]];
    assert_eq!(said, [&json!(true), &json!("rotation"), &json!(1), &json!(1)]);
}

/// Without a vault, a configuration or a token.
fn verify(certificate: &Path, key: &Path) -> Output {
    let mut command = Command::new(command_line());
    command.args(["--json", "log", "verify", "--certificate"]).arg(certificate).arg("--key").arg(key);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_offline_and_says_which_check_failed() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    let erased = vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    let leaf = erased.item(0)["receipts"][0]["index"].as_u64().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("erased.cert"), folder.path().join("log.pub"));
    std::fs::write(&key, vault.home().log_key.to_string()).unwrap();
    let fetched = fetch(&vault, "dpo", leaf, &file);
    assert_eq!(fetched.status.code(), Some(0), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert!(String::from_utf8_lossy(&fetched.stdout).contains("The certificate holds."));
    // A file is never written over, and who may not has none.
    assert_eq!(fetch(&vault, "dpo", leaf, &file).status.code(), Some(1));
    let other = folder.path().join("other");
    assert_ne!(fetch(&vault, "auditor", leaf, &other).status.code(), Some(0));
    assert!(!other.exists());
    vault.stop().await;

    let held = verify(&file, &key);
    assert_eq!(held.status.code(), Some(0), "{}", String::from_utf8_lossy(&held.stderr));
    let told: Value = serde_json::from_slice(&held.stdout).unwrap();
    let said = [&told["verified"], &told["kind"], &told["state"], &told["leaf"], &told["key_count"]];
    assert_eq!(said, [&json!(true), &json!("erasure"), &json!("refused"), &json!(leaf), &json!(1)]);

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("ada"));
    let wrong = folder.path().join("wrong.cert");
    std::fs::write(&wrong, text.replacen("refused", "refuses", 1)).unwrap();
    let refused = verify(&wrong, &key);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("certificate_signature"));
}
