//! A log key that is lost: it was drawn after what is put back, and lay in the store that is gone.

use std::process::{Command, Output};

use coffer_tests::harness::{Home, Running, Serving, binary, copy_folder};
use coffer_wire::note::VerifierKey;
use serde_json::json;

use crate::scene::{builder, run_check, told, work};
use crate::successor::{approved, stopped};

async fn rekeyed(home: Home) -> Running {
    let vault = home.serve();
    vault.staff("security-admin", "oakvale").post("/v1/log/rekey", &json!({})).await.granted();
    work(&vault, 3).await;
    vault
}

fn run(command: &str, args: &[&str]) -> Output {
    Command::new(binary()).arg(command).args(args).arg("--json").output().unwrap()
}

/// Whoever knows the key of before or the lost one is told to get another; whoever has that one goes on.
async fn goes_on_under(key: &str, home: Home, followed: String) {
    let key: VerifierKey = key.parse().unwrap();
    assert_eq!(home.text("log.pub").trim(), key.to_string());
    assert!(key.name().ends_with("/2") && key.public() != home.log_key.public());
    assert_eq!(run_check(&home, &[]).status.code(), Some(0));
    let vault = home.serve();
    for refused in [builder(&vault), builder(&vault).known_checkpoint(followed)] {
        let refused = refused.build().unwrap().checkpoint().await.unwrap_err().to_string();
        assert!(refused.contains("lost") && refused.contains("get the new log key"), "{refused}");
    }
    builder(&vault).log_key(key).build().unwrap().checkpoint().await.unwrap();
    work(&vault, 3).await;
    assert_eq!(run_check(&vault.stop().await, &[]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_from_before_a_new_log_key_is_restored_as_two_admins_approve_and_the_key_handed_out_anew() {
    let mut home = stopped().await;
    let generations = home.folder().join("generations");
    home.reconfigure(|text| format!("{text}\n[backup]\ngenerations = [{generations:?}]\n"));
    let path = |file: &str| home.folder().join(file).to_str().unwrap().to_owned();
    let (archive, ledger, request, dir) =
        (path("archive"), path("ledger"), path("request"), home.dir().to_str().unwrap().to_owned());
    told(&run("backup", &[&dir, "--to", &archive]));
    let vault = rekeyed(home).await;
    let followed = seen(&vault).await;
    let home = vault.stop().await;
    std::fs::rename(&home.config.log.erasures, &ledger).unwrap();
    std::fs::remove_dir_all(&home.config.store.data).unwrap();

    let restore = |more: &[&str]| run("restore", &[&[&archive, "--into", &dir, "--erasures", &ledger], more].concat());
    let refused = restore(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("approval_needed") && said.contains("anew"), "{said}");
    assert!(!home.config.store.data.exists() && home.text("log.pub").trim() == home.log_key.to_string());
    assert!(restore(&["--request", &request]).status.success());
    let [one, other] = ["console", "second"].map(|admin| approved(&home, admin, &request));
    let done = told(&restore(&["--approval", &one, "--approval", &other]));
    assert_eq!((&done["erasures_known"], &done["clients_follow"]), (&json!(true), &json!(false)));
    goes_on_under(done["log_key"].as_str().unwrap(), home, followed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_a_new_log_key_under_the_notes_of_today_is_followed_under_a_key_handed_out_anew() {
    let home = stopped().await;
    let (data, older) = (home.config.store.data.clone(), home.folder().join("older"));
    copy_folder(&data, &older);
    let vault = rekeyed(home).await;
    let followed = seen(&vault).await;
    let home = vault.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&older, &data);
    let request = home.folder().join("request");
    let request = request.to_str().unwrap();
    assert!(run_check(&home, &["--request-successor", request, "--why", "head-lost"]).status.success());
    assert!(std::fs::read_to_string(request).unwrap().contains("clients need the new one"));
    let [one, other] = ["console", "second"].map(|admin| approved(&home, admin, request));
    let done = told(&run_check(&home, &["--json", "--succeed", &one, &other, "--yes"]));
    assert_eq!(done["why"], json!("key-lost"));
    goes_on_under(done["log_key"].as_str().unwrap(), home, followed).await;
}

/// What a client remembers that has followed to the new key.
async fn seen(vault: &Running) -> String {
    let client = builder(vault).build().unwrap();
    client.checkpoint().await.unwrap();
    client.receipts().newest().unwrap()
}
