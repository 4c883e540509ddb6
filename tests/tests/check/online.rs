//! The log of a running vault whose store is changed under it.

use std::process::{Command, Output};

use coffer_tests::harness::{Home, Running, Serving, Store, command_line, name};
use coffer_vault::local::write_client_config;
use coffer_vault::store::{Batch, Family};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

/// More leaves than a tile holds.
const READS: usize = 300;

async fn read_often() -> Running {
    let vault = Home::new(Store::Rocks).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "account_name": "A. Tenant" })).await.granted();
    let item = json!({ "category": "bank", "person": "p", "record": "r", "fields": ["account_name"], "form": "clear" });
    officer.items("/v1/records/read", json!(vec![item; READS])).await.granted();
    vault
}

/// `coffer log verify`, by an auditor who was handed the log's key when the vault was made.
async fn verify(vault: &Running) -> Output {
    let home = vault.home();
    let url = format!("https://localhost:{}", vault.address().port());
    let config = write_client_config(home.dir(), &name("console"), &url, &home.log_key.to_string()).unwrap();
    let token = home.folder().join("auditor.token");
    std::fs::write(&token, vault.token("auditor", &["oakvale"])).unwrap();
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).arg("--token-file").arg(token).args(["--json", "log", "verify"]);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn put(vault: &Running, index: u64, leaf: Option<Vec<u8>>) {
    let mut batch = Batch::new();
    let key = index.to_be_bytes();
    match leaf {
        Some(leaf) => batch.put(Family::Leaves, key, leaf),
        None => batch.delete(Family::Leaves, key),
    }
    vault.engine().commit(&batch).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_leaf_that_was_changed_under_a_running_vault_is_named_to_the_auditor() {
    let vault = read_often().await;
    let sound = verify(&vault).await;
    assert_eq!(sound.status.code(), Some(0), "{}", String::from_utf8_lossy(&sound.stderr));
    // In a tile, at its end, and where no tile holds them yet.
    for index in [3, 255, vault.log_size() - 4] {
        let leaf = vault.leaf_bytes(index);
        // Still a leaf, and its numbers and times are as they were: only its hash tells.
        let text = String::from_utf8(leaf.clone()).unwrap();
        let commit = text.find("\"commit\":\"").unwrap() + 12;
        let mut changed = leaf.clone();
        changed[commit] = if changed[commit] == b'A' { b'B' } else { b'A' };
        put(&vault, index, Some(changed));
        let told = verify(&vault).await;
        assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stderr));
        let told: Value = serde_json::from_slice::<Value>(&told.stderr).unwrap()["error"].take();
        assert_eq!((&told["code"], &told["index"]), (&json!("leaf_wrong"), &json!(index)), "{told}");
        put(&vault, index, Some(leaf));
    }
    assert_eq!(verify(&vault).await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_that_is_gone_under_a_running_vault_is_answered_as_altered_and_recorded() {
    let vault = read_often().await;
    put(&vault, 3, None);
    let auditor = vault.staff("auditor", "oakvale");
    auditor.post("/v1/log/entry", &json!({ "start": 0, "count": 10 })).await.refused(500, "altered");
    let leaves = vault.leaves_since(vault.log_size() - 2);
    assert!(leaves[0].granted.is_some() && leaves[1].failed == Some(Code::Altered), "{leaves:?}");
    assert_eq!(verify(&vault).await.status.code(), Some(1));
}
