//! What a release has made is opened by every later one. `tests/formats/store-N/` is a home as the program of format N left it,
//! with what stands in it: this program serves it, reads it, goes on with it, checks it, and puts its archive back.
//!
//! Nothing in it is ever made again: [`frozen`] holds each byte. A format that changes on purpose has another number and a folder of
//! its own beside the old ones; `COFFER_WRITE_FORMAT=1 cargo test -p coffer-tests --test formats` makes it.
#![allow(clippy::unwrap_used)]

mod frozen;
mod kept;
mod make;

use std::path::Path;
use std::process::{Command, Output};

use coffer_client::Vault;
use coffer_tests::harness::{Home, Process, Serving, binary, command_line, name};
use coffer_vault::local::write_client_config;
use coffer_vault::store::format::FORMAT;
use serde_json::json;

use kept::{Kept, Place};

#[test]
fn this_programs_format_is_kept() {
    let newest = kept::all().iter().map(|kept| kept.format).max();
    assert_eq!(newest, Some(FORMAT), "no store of this format is kept: COFFER_WRITE_FORMAT=1 makes one");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kept_store_is_served_read_changed_and_found_whole() {
    for kept in kept::all() {
        let home = kept.home();
        checked(&home);
        let vault = Process::start(home, "warn");
        goes_on_from(&vault, &kept.log.checkpoint).await;
        reads(&vault, &kept).await;
        changes(&vault, &kept.records[0]).await;
        let vault = Process::start(vault.terminate().0, "warn");
        reads(&vault, &kept).await;
        let home = vault.terminate().0;
        checked(&home);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kept_archive_is_restored_with_the_kept_erasure_ledger() {
    for kept in kept::all() {
        let home = kept.home();
        let ledger = home.folder().join("ledger");
        std::fs::rename(&home.config.log.erasures, &ledger).unwrap();
        std::fs::rename(&home.config.log.head, home.folder().join("head.kept")).unwrap();
        std::fs::remove_dir_all(&home.config.store.data).unwrap();
        let mut command = Command::new(binary());
        command.arg("restore").arg(kept.archive()).arg("--into").arg(home.dir());
        done(command.arg("--erasures").arg(ledger).output().unwrap());
        let vault = Process::start(home, "warn");
        reads(&vault, &kept).await;
        checked(&vault.terminate().0);
    }
}

#[test]
fn each_kept_certificate_is_verified_without_a_vault() {
    for kept in kept::all() {
        let home = kept.home();
        let key = kept.log.key.clone();
        let config = write_client_config(home.dir(), &name("console"), "https://localhost:1", &key).unwrap();
        for certificate in kept.certificates() {
            let mut command = Command::new(command_line());
            command.arg("--config").arg(&config).args(["log", "verify", "--certificate"]);
            done(command.arg(certificate).output().unwrap());
        }
    }
}

/// The log is the one whose checkpoint somebody has kept, and only longer.
async fn goes_on_from(vault: &Process, checkpoint: &str) {
    let home = vault.home();
    let read = |path: &Path| std::fs::read(path).unwrap();
    let [certificate, key] = ["client.pem", "client.key"].map(|file| read(&home.client_file("console", file)));
    let builder = Vault::builder().url(&vault.url()).ca_pem(&read(&home.server_ca())).log_key(home.log_key.clone());
    let knows = builder.identity_pem(&certificate, &key).known_checkpoint(checkpoint).build().unwrap();
    knows.checkpoint().await.unwrap();
}

async fn reads(vault: &Process, kept: &Kept) {
    for record in &kept.records {
        let staff = vault.staff(&record.role, &record.controller);
        let fields: Vec<&str> = record.fields.keys().map(String::as_str).collect();
        let Place { category, person, record: id, .. } = record;
        let read = staff.read(category, person, id, &fields).await.granted();
        for (field, value) in &record.fields {
            assert_eq!(&read.item(0)["fields"][field], value, "{category} {person} {id} {field}");
        }
    }
    for gone in &kept.gone {
        let staff = vault.staff(&gone.role, &gone.controller);
        let fields: Vec<&str> = gone.fields.keys().map(String::as_str).collect();
        staff.read(&gone.category, &gone.person, &gone.record, &fields).await.refused(404, "not_found");
    }
}

/// Whoever is there already and whoever is new is written, erased and rotated in it as in one of today.
async fn changes(vault: &Process, place: &Place) {
    let staff = vault.staff(&place.role, &place.controller);
    let fields = json!(place.fields);
    staff.write(&place.category, &place.person, &place.record, fields.clone()).await.granted();
    staff.write(&place.category, "somebody-new", "r", fields.clone()).await.granted();
    vault.staff("dpo", &place.controller).erase(&place.category, "somebody-new", "r").await.granted();
    let rotate = json!({ "controller": place.controller, "category": place.category, "reason": "a later release" });
    vault.staff("security-admin", &place.controller).post("/v1/keys/rotate", &rotate).await.granted();
}

fn checked(home: &Home) {
    done(Command::new(binary()).arg("check").arg(home.dir()).output().unwrap());
}

fn done(output: Output) {
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
