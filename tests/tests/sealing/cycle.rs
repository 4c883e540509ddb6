//! From open to sealed and back, over and over.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use coffer_tests::harness::{Home, Process, Raw, Reply, Running, Serving, Socket, Store, command_line, tls};
use coffer_vault::clock::{Clock, System};
use coffer_vault::local::LocalCa;
use coffer_vault::store::{Batch, Engine, Family, meta};
use coffer_wire::leaf::Action;
use serde_json::{Value, json};

const SORT_CODE: &str = "00-00-01";

async fn status(vault: &impl Serving) -> Value {
    vault.staff("security-admin", "oakvale").post("/v1/status", &json!({})).await.granted().json()
}

async fn seal(vault: &impl Serving) -> Reply {
    vault.staff("security-admin", "oakvale").post("/v1/vault/seal", &json!({})).await
}

async fn unseal(vault: &impl Serving) -> Reply {
    vault.raw("console").post("/v1/vault/unseal", None, &json!({})).await
}

async fn with_a_record(home: Home) -> Running {
    let vault = home.serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": SORT_CODE })).await.granted();
    vault
}

async fn read(vault: &impl Serving) -> Reply {
    vault.staff("bank-officer", "oakvale").read("bank", "p", "r", &["sort_code"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_answers_status_and_unseal_alone_and_an_open_one_answers_as_before() {
    let vault = with_a_record(Home::new(Store::Rocks)).await;
    for _ in 0..3 {
        let before = vault.log_size();
        let sealed = seal(&vault).await.granted().json();
        assert_eq!(sealed["state"], "sealed");
        assert!(vault.door().house().is_none());
        let said = status(&vault).await;
        assert_eq!((&said["state"], &said["reason"]), (&json!("sealed"), &json!("sealed_on_request")));
        assert_eq!((&said["log_size"], &said["categories"]), (&json!(0), &json!([])));
        read(&vault).await.refused(503, "sealed");
        seal(&vault).await.refused(503, "sealed");
        vault.raw("console").get("/v1/log/checkpoint", None).await.refused(503, "sealed");
        assert_eq!(unseal(&vault).await.granted().json(), json!({ "state": "open" }));
        assert_eq!(read(&vault).await.granted().item(0)["fields"]["sort_code"], SORT_CODE);
        assert_eq!(status(&vault).await["state"], "open");
        let leaves = vault.leaves_since(before);
        let [sealing, opening] = [Action::VaultSeal, Action::VaultUnseal].map(|action| {
            leaves.iter().find(|leaf| leaf.action == action).unwrap_or_else(|| panic!("no leaf says {action}"))
        });
        assert!(sealing.actor.is_some() && sealing.granted.as_deref() == Some("admin-keeps-keys"), "{sealing:?}");
        let index = sealed["receipt"]["index"].as_u64().unwrap();
        assert_eq!(sealed["receipt"]["leaf"].as_str().unwrap().as_bytes(), vault.leaf_bytes(index));
        assert_eq!(opening.app.map(|app| app.to_string()).as_deref(), Some("console"), "{opening:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_applications_of_the_configuration_may_unseal_and_an_open_vault_says_so() {
    let mut home = Home::new(Store::Memory);
    let of_care_desk = |suspended: bool| format!("client_id = \"care-desk\"\nsuspended = {suspended}");
    home.reconfigure(|text| text.replace(&of_care_desk(false), &of_care_desk(true)));
    let vault = with_a_record(home).await;
    let before = vault.log_size();
    unseal(&vault).await.refused(409, "already_open");
    let leaf = vault.leaves_since(before).remove(0);
    assert_eq!((leaf.action, leaf.refused.map(|code| code.as_str())), (Action::VaultUnseal, Some("already_open")));
    seal(&vault).await.granted();
    let console = vault.raw("console");
    let share = json!({ "share": "coffer-share-1 1 2 aaaa bbbb cccc" });
    console.post("/v1/vault/unseal", None, &share).await.refused(400, "share_not_taken");
    console.post("/v1/vault/unseal", None, &json!({ "key": "k" })).await.refused(400, "malformed");
    console.get("/v1/vault/unseal", None).await.refused(405, "method_not_allowed");
    let home = vault.home();
    let ca = home.config.local_ca.clone().unwrap();
    let ca = LocalCa::load(&ca.certificate, &ca.key).unwrap();
    let [certificate, key] = ["pem", "key"].map(|ending| home.folder().join(format!("nobody.{ending}")));
    ca.client("nobody.apps.coffer.internal", System.now_ms()).unwrap().save(&certificate, &key).unwrap();
    let nobody = Raw::new(vault.url(), tls(&home.server_ca(), Some((&certificate, &key))));
    nobody.post("/v1/vault/unseal", None, &json!({})).await.refused(401, "credential_unknown");
    vault.raw("care-desk").post("/v1/vault/unseal", None, &json!({})).await.refused(401, "credential_revoked");
    assert_eq!(status(&vault).await["state"], "sealed");
    unseal(&vault).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_too_often_is_told_so_and_others_may_go_on() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    seal(&vault).await.granted();
    let (console, rents) = (vault.raw("console"), vault.raw("rents-desk"));
    let share = json!({ "share": "nonsense" });
    let mut told = 0;
    for _ in 0..60 {
        let reply = rents.post("/v1/vault/unseal", None, &share).await;
        told += usize::from(reply.outcome() == (429, "too_many_requests".to_owned()));
    }
    assert_eq!(told, 20);
    console.post("/v1/vault/unseal", None, &json!({})).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_seal_is_refused_on_record_and_the_vault_stays_open() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    for role in ["auditor", "dpo", "bank-officer"] {
        let reply = vault.staff(role, "oakvale").post("/v1/vault/seal", &json!({})).await;
        assert_eq!(reply.status, 403, "{role}: {reply}");
    }
    read(&vault).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_seal_at_once_are_both_told_when_it_is_done() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    let before = vault.log_size();
    let (one, other) = tokio::join!(seal(&vault), seal(&vault));
    for reply in [&one, &other] {
        assert!([(200, "ok".to_owned()), (503, "sealed".to_owned())].contains(&reply.outcome()), "{reply}");
    }
    assert_eq!(status(&vault).await["state"], "sealed");
    unseal(&vault).await.granted();
    let sealing = vault.leaves_since(before).into_iter().filter(|leaf| leaf.action == Action::VaultSeal).count();
    assert_eq!(sealing, [one, other].iter().filter(|reply| reply.status == 200).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_is_cut() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    let token = vault.token("bank-officer", &["oakvale"]);
    let mut slow = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    // Its body never comes.
    assert!(slow.ask("POST", "/v1/records/read", Some(&token), 500).await && slow.send(b"{").await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    seal(&vault).await.granted();
    slow.answer().await.unwrap().refused(503, "sealed");
    assert_eq!(status(&vault).await["reason"], "sealed_on_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_may_start_sealed_and_ends_when_it_is_told_to() {
    let mut home = Home::by_binary();
    home.reconfigure(|text| text.replace("start = \"open\"", "start = \"sealed\""));
    let vault = Process::start(home, "warn");
    assert_eq!(status(&vault).await["reason"], "starts_sealed");
    vault.staff("rents", "oakvale").post("/v1/whoami", &json!({})).await.refused(503, "sealed");
    let home = vault.terminate().0;
    let vault = Process::start(home, "warn");
    unseal(&vault).await.granted();
    vault.staff("rents", "oakvale").post("/v1/whoami", &json!({})).await.granted();
    seal(&vault).await.granted();
    let (home, said) = vault.terminate();
    let said = String::from_utf8_lossy(&said).into_owned();
    for told in ["sealed (starts_sealed)", "unseal application=console", "the vault is open", "the vault is sealed"] {
        assert!(said.contains(told), "{told:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    // Head and log agree, as after any stop.
    let checked = Command::new(coffer_tests::harness::binary()).arg("check").arg(home.dir()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// What the operator's port says: the status and the text.
fn operator(vault: &Process, path: &str) -> (String, String) {
    let said = String::from_utf8(vault.said()).unwrap();
    let address = said.lines().find_map(|line| line.strip_prefix("coffer-vault: operator's port on ")).unwrap();
    let mut port = std::net::TcpStream::connect(address).unwrap();
    write!(port, "GET {path} HTTP/1.1\r\nhost: v\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    port.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_port_and_checks_follow_the_door() {
    let mut home = Home::by_binary();
    home.reconfigure(|text| format!("{text}\n[operator]\naddress = \"127.0.0.1:0\"\n"));
    let vault = Process::start(home, "warn");
    vault.staff("bank-officer", "oakvale").write("bank", "p", "r", json!({ "sort_code": SORT_CODE })).await.granted();
    let check = || {
        let dir = vault.home().dir();
        let done = Command::new(coffer_tests::harness::binary()).arg("check").arg(dir).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    for _ in 0..2 {
        assert_eq!(operator(&vault, "/readyz").0, "200");
        assert!(operator(&vault, "/metrics").1.contains("coffer_open 1"));
        // By a copy that the server makes.
        check();
        seal(&vault).await.granted();
        assert_eq!(operator(&vault, "/readyz"), ("503".to_owned(), "sealed\n".to_owned()));
        assert!(operator(&vault, "/metrics").1.contains("coffer_open 0"));
        assert_eq!(operator(&vault, "/healthz").0, "200");
        // The store itself: nobody has it open. Whoever has keeps the vault sealed as long.
        check();
        let store = vault.home().rocks();
        let busy = unseal(&vault).await.refused(503, "busy");
        assert_eq!(busy.json()["detail"], "another program has the store open");
        drop(store);
        unseal(&vault).await.granted();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_gives_no_key_leaves_the_vault_sealed_until_it_does() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    seal(&vault).await.granted();
    let key_file = vault.home().config.seal.key_file.clone();
    let away = key_file.with_extension("away");
    std::fs::rename(&key_file, &away).unwrap();
    unseal(&vault).await.refused(503, "seal_unavailable");
    assert_eq!(status(&vault).await["state"], "sealed");
    std::fs::rename(&away, &key_file).unwrap();
    unseal(&vault).await.granted();
    read(&vault).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_changes_nothing_and_status_tells_when_it_was() {
    let vault = with_a_record(Home::new(Store::Rocks)).await;
    assert_eq!(status(&vault).await.get("drilled_ms"), None);
    let admin = vault.staff("security-admin", "oakvale");
    let before = vault.log_size();
    let drilled = admin.post("/v1/vault/drill", &json!({})).await.granted().json();
    assert_eq!(drilled["would_open"], true);
    let leaf = vault.leaves_since(before).remove(0);
    assert_eq!((leaf.action, leaf.granted.is_some()), (Action::VaultDrill, true));
    let at = status(&vault).await["drilled_ms"].as_u64().unwrap();
    assert!(leaf.t.abs_diff(at) < 60_000);

    // A drill that fails is refused on record and counts for nothing.
    let key_file = vault.home().config.seal.key_file.clone();
    let away = key_file.with_extension("away");
    std::fs::rename(&key_file, &away).unwrap();
    admin.post("/v1/vault/drill", &json!({})).await.refused(503, "seal_unavailable");
    coffer_keys::keyfile::create(&key_file).unwrap();
    admin.post("/v1/vault/drill", &json!({})).await.refused(503, "seal_unavailable");
    std::fs::rename(&away, &key_file).unwrap();
    assert_eq!(status(&vault).await["drilled_ms"], at);

    // It is known after a start, and not believed where somebody changed it.
    let home = vault.stop().await;
    let vault = home.serve();
    assert_eq!(status(&vault).await["drilled_ms"], at);
    let home = vault.stop().await;
    let engine = home.rocks();
    let mut row = engine.get(Family::Meta, meta::DRILL).unwrap().unwrap();
    row[7] ^= 1;
    let mut batch = Batch::new();
    batch.put(Family::Meta, meta::DRILL, row);
    engine.commit(&batch).unwrap();
    drop(engine);
    let checked = Command::new(coffer_tests::harness::binary())
        .args(["check", "--json", "--log-key"])
        .arg(home.log_key.to_string())
        .arg(home.dir())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&checked.stdout).contains("drill_altered"), "{checked:?}");
    let vault = home.serve();
    assert_eq!(status(&vault).await.get("drilled_ms"), None);
}

/// What `coffer` does and says, by the console's configuration.
fn coffer(vault: &impl Serving, words: &[&str]) -> Output {
    let token = vault.home().folder().join("token");
    std::fs::write(&token, vault.home().token("security-admin", &["oakvale"])).unwrap();
    coffer_alone(vault, &[&["--token-file", token.to_str().unwrap()], words].concat())
}

/// The same of somebody without a token.
fn coffer_alone(vault: &impl Serving, words: &[&str]) -> Output {
    let home = vault.home();
    let config = home.folder().join("client.toml");
    let [certificate, key] = ["client.pem", "client.key"].map(|file| home.client_file("console", file));
    let text = format!(
        "url = \"{}\"\nca = {:?}\ncertificate = {certificate:?}\nkey = {key:?}\nlog_key = \"{}\"\n",
        vault.url(),
        home.server_ca(),
        home.log_key
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).args(words);
    command.stdin(Stdio::null()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_drills_seals_and_unseals() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    let done = |words: &[&str]| {
        let output = coffer(&vault, words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = done(&["drill"]);
    assert!(said.contains("The vault would open"), "{said}");
    assert!(!done(&["status"]).contains("never"));
    let said = done(&["seal"]);
    assert!(said.contains("The vault is sealed"), "{said}");
    assert!(done(&["status"]).contains("sealed_on_request"));
    let refused = coffer(&vault, &["seal"]);
    assert_eq!(refused.status.code(), Some(69), "{}", String::from_utf8_lossy(&refused.stderr));
    let said: Value = serde_json::from_str(&done(&["unseal", "--json"])).unwrap();
    assert_eq!(said, json!({ "state": "open" }));
    let again = coffer(&vault, &["unseal"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already_open"));
    let share = vault.home().folder().join("share");
    std::fs::write(&share, "coffer-share-1 1 2 aaaa bbbb cccc\n").unwrap();
    let refused = coffer(&vault, &["drill", "--share-file", share.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("share_not_taken"));
}

/// Whoever gives tokens out may be what is down: that the vault is sealed is told without one, and nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_tells_its_state_to_an_application_alone_and_an_open_one_does_not() {
    let vault = with_a_record(Home::new(Store::Memory)).await;
    let before = vault.log_size();
    let open = coffer_alone(&vault, &["status"]);
    let said = String::from_utf8(open.stderr).unwrap();
    assert_eq!(open.status.code(), Some(1), "{said}");
    assert!(
        said.contains("not sealed") && said.contains("credential_missing") && said.contains("--token-file"),
        "{said}"
    );
    assert!(open.stdout.is_empty());
    let leaf = vault.leaves_since(before).pop().unwrap();
    assert_eq!((leaf.action, leaf.refused.map(|code| code.as_str())), (Action::Status, Some("credential_missing")));
    assert!(coffer(&vault, &["seal"]).status.success());
    let told = coffer_alone(&vault, &["status"]);
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && said.contains("sealed: sealed_on_request"), "{said}");
    let told = coffer_alone(&vault, &["status", "--json"]);
    let said: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&said["state"], &said["reason"], &said["log_size"]),
        (&json!("sealed"), &json!("sealed_on_request"), &json!(0))
    );
    // Everything else asks for a token still.
    let refused = coffer_alone(&vault, &["whoami"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(coffer_alone(&vault, &["unseal"]).status.success());
    assert_eq!(coffer_alone(&vault, &["status"]).status.code(), Some(1));
}
