//! Another seal, of another kind or at another place: declared by the operator, asked for by one admin and approved by another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use coffer_tests::harness::{Home, Process, Reply, Serving, Store, binary};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

use super::token::{PIN, Token, module};
use super::{admin, reads, refused, shamir, write};

/// What the operator writes under `[next_seal]`.
fn key_file(path: &Path) -> String {
    format!("kind = \"key-file\"\nkey_file = {path:?}\nsame_disk = true\n")
}

fn shares(path: &Path) -> String {
    format!("kind = \"shamir\"\nshare_set = {path:?}\n")
}

fn wrapped(path: &Path, token: &Token) -> String {
    let (module, pin_file) = (module(), token.pin_file());
    format!(
        "kind = \"pkcs11\"\nwrapped_key = {path:?}\nmodule = {module:?}\ntoken = \"vault\"\npin_file = {pin_file:?}\n"
    )
}

fn declare(home: &mut Home, next: &str) {
    home.reconfigure(|text| format!("{text}\n[next_seal]\n{next}"));
}

/// As `status` says: what stands under `[next_seal]` comes under `[seal]`.
fn finish(home: &mut Home) {
    home.reconfigure(|text| {
        let (text, next) = text.split_once("\n[next_seal]\n").unwrap();
        let (before, rest) = text.split_once("[seal]\n").unwrap();
        let (_, after) = rest.split_once("\n[").unwrap();
        format!("{before}[seal]\n{next}\n[{after}")
    });
}

/// A place that no seal has had yet.
fn place(home: &Home, name: &str) -> PathBuf {
    home.dir().parent().unwrap().join(name)
}

fn beside(path: &Path) -> PathBuf {
    format!("{}.next", path.display()).into()
}

async fn ask(vault: &impl Serving, body: &Value) -> Reply {
    admin(vault, "ada").post("/v1/root/rotate", body).await
}

/// The same request once a second person has approved it.
async fn approved(vault: &impl Serving, body: &Value) -> Value {
    let asked = ask(vault, body).await;
    let id = asked.json()["approval"].clone();
    asked.refused(409, "approval_needed");
    let decide = json!({ "id": id });
    admin(vault, "ada").post("/v1/approvals/approve", &decide).await.refused(403, "approval_own");
    admin(vault, "bob").post("/v1/approvals/approve", &decide).await.granted();
    let mut body = body.clone();
    body["approval"] = id;
    body
}

/// Changes the seal. Answers the shares, where the next one is of shares.
async fn changed(vault: &impl Serving) -> Vec<String> {
    let config = &vault.home().config;
    let mut body = json!({ "to_next_seal": true });
    let of_shares = config.next_seal.as_ref().unwrap().kind.as_str() == "shamir";
    if of_shares {
        body["split"] = json!({ "threshold": 2, "shares": 3 });
    }
    let body = approved(vault, &body).await;
    let done = ask(vault, &body).await.granted().json();
    if !of_shares {
        assert!(done["root"].is_string() && done["keys"].as_u64().unwrap() > 40, "{done}");
        return Vec::new();
    }
    assert!(done.get("root").is_none(), "nothing is in force yet: {done}");
    let shares: Vec<String> = serde_json::from_value(done["given_out"].clone()).unwrap();
    let back =
        async |share: &String| ask(vault, &json!({ "to_next_seal": true, "share": share })).await.granted().json();
    assert!(back(&shares[1]).await.get("root").is_none());
    assert!(back(&shares[0]).await["root"].is_string());
    shares
}

/// The vault anew, opened by these shares where it opens by shares.
async fn opened(token: &Token, home: Home, shares: &[String]) -> Process {
    let vault = Process::start_by(token.command(), home, "info");
    for share in shares.iter().take(2) {
        shamir::unseal(&vault, share).await.granted();
    }
    vault
}

async fn warned(vault: &impl Serving) -> String {
    admin(vault, "ada").post("/v1/status", &json!({})).await.granted().json()["warnings"].to_string()
}

/// One change, from a vault that is open to one that is open by the next seal alone and declares no other.
async fn moved(token: &Token, vault: Process, shares: Vec<String>, next: &str, record: &str) -> (Process, Vec<String>) {
    let mut home = vault.kill();
    let old_place = home.config.seal.key_file.clone();
    declare(&mut home, next);
    let vault = opened(token, home, &shares).await;
    write(&vault, record).await;
    let old = fs::read(&old_place).unwrap();
    let (new_place, kind) = {
        let next = vault.home().config.next_seal.as_ref().unwrap();
        (next.key_file.clone(), next.kind.as_str())
    };
    let new_shares = changed(&vault).await;
    reads(&vault, record).await;
    assert!(!old_place.exists() && new_place.exists() && !beside(&new_place).exists(), "{next}");
    if kind != "shamir" {
        assert_eq!(fs::metadata(&new_place).unwrap().permissions().mode() & 0o777, 0o600, "{next}");
    }
    assert!(warned(&vault).await.contains("the root key is held by [next_seal]"));
    ask(&vault, &json!({ "to_next_seal": true, "split": { "threshold": 2, "shares": 3 } })).await.refused(
        if kind == "shamir" { 409 } else { 400 },
        if kind == "shamir" { "next_seal_taken" } else { "share_not_taken" },
    );

    // A start finds out by itself which of the two opens it; then the operator writes it down.
    let vault = opened(token, vault.kill(), &new_shares).await;
    reads(&vault, record).await;
    let mut home = vault.kill();
    old_seal_opens_nothing(token, &mut home, &old_place, &old, &shares);
    finish(&mut home);
    let vault = opened(token, home, &new_shares).await;
    reads(&vault, record).await;
    assert!(!warned(&vault).await.contains("next_seal"));
    (vault, new_shares)
}

/// Put back, and alone in the configuration, what held the root key before does not open the vault.
fn old_seal_opens_nothing(token: &Token, home: &mut Home, place: &Path, old: &[u8], shares: &[String]) {
    let whole = fs::read_to_string(home.dir().join("coffer.toml")).unwrap();
    fs::write(place, old).unwrap();
    fs::set_permissions(place, fs::Permissions::from_mode(0o600)).unwrap();
    home.reconfigure(|text| text.split_once("\n[next_seal]\n").unwrap().0.to_owned());
    let mut command = token.command();
    command.arg("check").arg(home.dir()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let typed = shares.iter().map(|share| format!("{share}\n")).collect::<String>();
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes());
    let done = child.wait_with_output().unwrap();
    assert!(!done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    fs::remove_file(place).unwrap();
    home.reconfigure(|_| whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_goes_from_key_file_to_shares_to_token_to_another_key_file_and_reads_all_of_it() {
    let token = Token::new();
    let home = Home::by_binary();
    let at = |name: &str| place(&home, name);
    let steps = [shares(&at("set")), wrapped(&at("wrapped"), &token), key_file(&at("k2")), key_file(&at("k3"))];
    let (mut vault, mut held) = (Process::start_by(token.command(), home, "info"), Vec::new());
    for (number, next) in steps.iter().enumerate() {
        (vault, held) = moved(&token, vault, held, next, &format!("r{number}")).await;
    }
    for number in 0..steps.len() {
        reads(&vault, &format!("r{number}")).await;
    }
    let home = vault.kill();
    let checked = token.command().arg("check").arg(home.dir()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_goes_from_token_to_shares_to_key_file_to_token_and_to_another_set_of_shares() {
    let token = Token::new();
    let home = token.home();
    let at = |name: &str| place(&home, name);
    let steps = [
        wrapped(&at("w2"), &token),
        shares(&at("set")),
        key_file(&at("k")),
        wrapped(&at("w3"), &token),
        shares(&at("set2")),
        shares(&at("set3")),
    ];
    let (mut vault, mut held) = (Process::start_by(token.command(), home, "info"), Vec::new());
    for (number, next) in steps.iter().enumerate() {
        (vault, held) = moved(&token, vault, held, next, &format!("r{number}")).await;
    }
    for number in 0..steps.len() {
        reads(&vault, &format!("r{number}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_killed_between_any_two_of_its_steps_is_resolved_by_the_rows() {
    let mut home = Home::by_binary();
    let (old, new) = (home.config.seal.key_file.clone(), place(&home, "other.key"));
    declare(&mut home, &key_file(&new));
    let vault = Process::start(home, "info");
    write(&vault, "r").await;

    // A root key was drawn, and nothing lies under it.
    let home = vault.kill();
    coffer_keys::keyfile::create(beside(&new)).unwrap();
    let vault = Process::start(home, "info");
    reads(&vault, "r").await;
    let before = fs::read(&old).unwrap();
    changed(&vault).await;
    let put_back = || {
        fs::write(&old, &before).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    };

    // It is in force, and lies beside its place still; while the vault runs, too.
    fs::rename(&new, beside(&new)).unwrap();
    put_back();
    let vault = Process::start(vault.kill(), "info");
    reads(&vault, "r").await;
    assert!(new.exists() && !old.exists() && !beside(&new).exists());
    fs::rename(&new, beside(&new)).unwrap();
    put_back();
    ask(&vault, &json!({})).await.granted();
    assert!(new.exists() && !old.exists() && !beside(&new).exists());

    // It has taken its place, and the one before is not destroyed yet.
    put_back();
    let vault = Process::start(vault.kill(), "info");
    reads(&vault, "r").await;
    assert!(!old.exists(), "it was left");

    // Another root key is rotated in the place where it is now.
    ask(&vault, &json!({})).await.granted();
    let vault = Process::start(vault.kill(), "info");
    reads(&vault, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_killed_at_any_moment_of_a_change_opens_by_the_old_seal_or_the_new_one() {
    let mut home = Home::by_binary();
    let mut sides = [0, 0];
    for round in 0..10_u64 {
        let next = place(&home, &format!("key{round}"));
        declare(&mut home, &key_file(&next));
        let vault = Process::start(home, "info");
        write(&vault, &format!("r{round}")).await;
        let body = approved(&vault, &json!({ "to_next_seal": true })).await;
        let staff = admin(&vault, "ada");
        let asking = tokio::spawn(async move {
            let _ = tokio::time::timeout(Duration::from_secs(2), staff.post("/v1/root/rotate", &body)).await;
        });
        tokio::time::sleep(Duration::from_millis(round * 4)).await;
        home = vault.kill();
        asking.abort();
        let vault = Process::start(home, "info");
        for record in 0..=round {
            reads(&vault, &format!("r{record}")).await;
        }
        home = vault.kill();
        let has_changed = next.exists();
        sides[usize::from(has_changed)] += 1;
        match has_changed {
            true => finish(&mut home),
            false => home.reconfigure(|text| text.split_once("\n[next_seal]\n").unwrap().0.to_owned()),
        }
    }
    eprintln!("killed before and after it was in force: {sides:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_two_people_for_this_very_seal_and_each_mistake_has_its_answer() {
    let home = Home::new(Store::Memory);
    let next = place(&home, "next.key");
    let to_next = json!({ "to_next_seal": true });
    let vault = home.serve();
    ask(&vault, &to_next).await.refused(409, "no_next_seal");
    let mut home = vault.stop().await;
    declare(&mut home, &key_file(&next));

    // Something that lies there is neither overwritten nor taken for the seal.
    let vault = home.serve();
    vault.staff("auditor", "oakvale").post("/v1/root/rotate", &to_next).await.refused(403, "forbidden_role");
    ask(&vault, &json!({ "to_next_seal": true, "split": { "threshold": 2, "shares": 3 } }))
        .await
        .refused(400, "share_not_taken");
    fs::write(&next, "something else").unwrap();
    ask(&vault, &to_next).await.refused(409, "next_seal_taken");
    assert_eq!(fs::read_to_string(&next).unwrap(), "something else");
    fs::remove_file(&next).unwrap();

    // Approved for one place, it is not for another.
    let body = approved(&vault, &to_next).await;
    let before = vault.log_size();
    let mut home = vault.stop().await;
    let other = place(&home, "other.key");
    home.reconfigure(|text| text.replace("next.key", "other.key"));
    let vault = home.serve();
    ask(&vault, &body).await.refused(422, "approval_mismatch");
    assert!(!other.exists() && !next.exists());
    let refused = vault.leaves_since(before);
    assert!(refused.iter().any(|leaf| matches!(leaf, Leaf { action: Action::RootRotate, granted: None, .. })));

    let body = approved(&vault, &to_next).await;
    ask(&vault, &body).await.granted();
    assert!(other.exists());
    ask(&vault, &to_next).await.refused(409, "next_seal_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_there_or_refuses_the_pin_changes_nothing_and_the_change_is_made_later() {
    let token = Token::new();
    let mut home = Home::by_binary();
    let (old, new) = (home.config.seal.key_file.clone(), place(&home, "wrapped"));
    declare(&mut home, &wrapped(&new, &token));
    let vault = Process::start_by(token.command(), home, "info");
    write(&vault, "r").await;
    let body = approved(&vault, &json!({ "to_next_seal": true })).await;
    token.set_pin("wrong-canary");
    ask(&vault, &body).await.refused(503, "seal_unavailable");
    fs::remove_file(token.pin_file()).unwrap();
    ask(&vault, &body).await.refused(503, "seal_unavailable");
    assert!(old.exists() && !new.exists() && !beside(&new).exists());
    token.set_pin(PIN);
    let vault = Process::start_by(token.command(), vault.kill(), "info");
    reads(&vault, "r").await;
    ask(&vault, &body).await.granted();
    assert!(!old.exists() && new.exists());
}

#[test]
fn a_next_seal_on_the_datas_disk_or_that_holds_another_key_is_refused_before_anybody_is_served() {
    let mut home = Home::by_binary();
    let next = place(&home, "next.key");
    declare(&mut home, &key_file(&next).replace("true", "false"));
    assert!(refused(Command::new(binary()), &home).contains("lies on the file system of the data"));
    home.reconfigure(|text| text.replace("same_disk = false", "same_disk = true"));
    coffer_keys::keyfile::create(&next).unwrap();
    assert!(refused(Command::new(binary()), &home).contains("holds another"));
    // A copy of the present key file is no next seal either, and neither of them is taken away.
    fs::copy(&home.config.seal.key_file, &next).unwrap();
    assert!(refused(Command::new(binary()), &home).contains("declare another place"));
    assert!(next.exists() && home.config.seal.key_file.exists());
}
