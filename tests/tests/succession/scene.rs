//! A home that works, its check, and those who hold its log against what they remember.

use std::path::PathBuf;
use std::process::{Command, Output};

use coffer_client::{Builder, Vault};
use coffer_tests::acts::Ask;
use coffer_tests::harness::{Home, Running, Serving, Staff, binary, command_line, name};
use coffer_tests::outsider::Outsider;
use coffer_vault::check::{self, Code, Silent};
use coffer_vault::local::write_client_config;
use serde_json::{Value, json};

/// Reads and writes by an officer of a landlord: so many leaves, and a tile more.
pub(crate) async fn work(vault: &Running, reads: usize) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "account_name": "A. Tenant" })).await.granted();
    let item = json!({ "category": "bank", "person": "p", "record": "r", "fields": ["account_name"], "form": "clear" });
    officer.items("/v1/records/read", json!(vec![item; reads])).await.granted();
}

/// With the log's key as `init` leaves it.
pub(crate) fn pinned(home: Home) -> Home {
    std::fs::write(home.dir().join("log.pub"), format!("{}\n", home.log_key)).unwrap();
    home
}

/// What a check of a stopped home finds.
pub(crate) fn found(home: &Home) -> Vec<Code> {
    let engine = home.engine();
    let report = check::check(&home.to_check(&*engine), Some(&home.root_key()), &Silent).unwrap();
    report.findings.counts().keys().copied().collect()
}

/// `coffer-vault check` on a stopped home.
pub(crate) fn run_check(home: &Home, args: &[&str]) -> Output {
    Command::new(binary()).arg("check").arg(home.dir()).args(args).output().unwrap()
}

/// `coffer` as an auditor who was handed the log's key when the vault was made.
pub(crate) async fn coffer(vault: &Running, args: &[&str]) -> Output {
    coffer_as("auditor", vault, args).await
}

/// The same as somebody of another role.
pub(crate) async fn coffer_as(role: &str, vault: &Running, args: &[&str]) -> Output {
    let home = vault.home();
    let url = format!("https://localhost:{}", vault.address().port());
    let config = write_client_config(home.dir(), &name("console"), &url, &home.log_key.to_string()).unwrap();
    let token = home.folder().join("person.token");
    std::fs::write(&token, vault.token(role, &["oakvale"])).unwrap();
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).arg("--token-file").arg(token).arg("--json").args(args);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) fn told(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A client with the first log key.
pub(crate) fn builder(vault: &Running) -> Builder {
    let home = vault.home();
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    let [certificate, key] = ["client.pem", "client.key"].map(|file| read(home.client_file("console", file)));
    Vault::builder()
        .url(&vault.url())
        .ca_pem(&read(home.server_ca()))
        .identity_pem(&certificate, &key)
        .log_key(home.log_key.clone())
}

/// An auditor whom the outside reader asks through.
struct Auditor(Staff);

impl Ask for Auditor {
    async fn post(&self, _: &str, path: &str, body: String) -> Option<(u16, Vec<u8>)> {
        let reply = self.0.post(path, &serde_json::from_str(&body).unwrap()).await;
        Some((reply.status, reply.json().to_string().into_bytes()))
    }
}

/// The outside reader goes on, over what the vault shows of how the log was handed on.
pub(crate) async fn catch_up(outsider: &mut Outsider, vault: &Running) {
    let line = vault.house().ledger().shared().line();
    outsider.follow(line.notes()).unwrap();
    // Of the time that it is for the vault.
    let home = vault.home();
    let wanted = home.request("auditor@example", &["auditor"], "console", &["oakvale"]);
    let token = home.mint(&wanted, home.clock.now_ms());
    let auditor = Auditor(Staff::new(vault.raw("console"), token, "oakvale", "erasure"));
    outsider.catch_up(&auditor).await.unwrap();
    outsider.read_again(&auditor).await.unwrap();
}
