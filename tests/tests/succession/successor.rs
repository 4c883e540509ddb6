//! A log that is closed, and the one that follows it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use coffer_tests::harness::{Home, Running, Serving, Store, command_line, copy_folder, name};
use coffer_tests::outsider::Outsider;
use coffer_vault::check::Code;
use coffer_vault::ledger::head::HeadFile;
use coffer_vault::local::{LocalCa, write_client_config};
use coffer_vault::serve::{Ending, House, succeed};
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::certificate::{Certificate, State};
use coffer_wire::leaf::Action;
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::{Handover, Succession, Why};
use serde_json::json;

use crate::scene::{builder, catch_up, coffer, found, pinned, run_check, told, work};

fn ending(why: Why) -> Ending<'static> {
    Ending { why, seen: &[], said: "as the test wants it", mended: None }
}

fn close(home: &Home, why: Why) -> (Succession, VerifierKey) {
    succeed(&home.config, &home.engine(), &home.clock, &home.root_key(), ending(why)).unwrap()
}

fn size(vault: &Running) -> u64 {
    vault.log_size()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_head_is_lost_is_followed_by_another_and_everybody_follows() {
    let vault = Home::new(Store::Memory).serve();
    let mut outsider = Outsider::new(vault.home().log_key.clone());
    work(&vault, 300).await;
    catch_up(&mut outsider, &vault).await;
    let client = builder(&vault).build().unwrap();
    client.checkpoint().await.unwrap();
    let seen = client.receipts().newest().unwrap();
    let remembered = vault.home().folder().join("remembered");
    std::fs::write(&remembered, &seen).unwrap();
    let before = size(&vault);
    let home = vault.stop().await;
    std::fs::remove_file(&home.config.log.head).unwrap();
    let (succession, key) = close(&home, Why::HeadLost);
    assert_eq!((succession.last.size, succession.kept.size), (before, before));
    assert_eq!(key.name(), format!("{}/2", home.log_key.name()));
    assert_eq!(found(&home), []);

    let vault = home.serve();
    let first = &vault.house().ledger().shared().line();
    let leaf = coffer_vault::ledger::history::History::of(&**vault.engine(), first.volume()).leaf(0).unwrap();
    let leaf = coffer_wire::leaf::Leaf::parse(&leaf).unwrap();
    let named = Handover::Succession(succession).hash();
    assert_eq!((leaf.action, leaf.n, leaf.row), (Action::LogSucceed, 1, Some(named)));
    catch_up(&mut outsider, &vault).await;
    // What was written before is there, and what is erased now leaves a tombstone that the check knows.
    let officer = vault.staff("bank-officer", "oakvale");
    officer.read("bank", "p", "r", &["account_name"]).await.granted();
    let dpo = vault.staff("dpo", "oakvale");
    dpo.erase("bank", "p", "r").await.granted();
    work(&vault, 300).await;
    catch_up(&mut outsider, &vault).await;
    // A client that remembers the log before, and one that knows its key alone.
    for known in [Some(seen.clone()), None] {
        let client = known.map_or(builder(&vault), |seen| builder(&vault).known_checkpoint(seen)).build().unwrap();
        client.checkpoint().await.unwrap();
        client.receipts().settle().await.unwrap();
        assert_eq!(client.receipts().handovers().len(), 1);
    }
    // An auditor goes over both, online and away from the vault.
    let [dump, remembered] = ["dump", "remembered"].map(|file| vault.home().folder().join(file));
    let [dump, remembered] = [dump.to_str().unwrap(), remembered.to_str().unwrap()];
    let verified = told(&coffer(&vault, &["log", "verify", "--since", remembered]).await);
    assert_eq!(verified["follows"][0]["kept"], json!(before));
    told(&coffer(&vault, &["log", "export", "--out", dump]).await);
    let offline = told(&coffer(&vault, &["log", "verify", "--file", dump, "--since", remembered]).await);
    assert_eq!((&offline["follows"], &offline["origin"]), (&verified["follows"], &json!(key.name())));
    // One altered letter of a leaf of the log that ended is named.
    let text = std::fs::read_to_string(dump).unwrap();
    std::fs::write(dump, text.replacen("records.write", "records.wrote", 1)).unwrap();
    let altered = coffer(&vault, &["log", "verify", "--file", dump]).await;
    assert!(altered.status.code() == Some(1), "{}", String::from_utf8_lossy(&altered.stderr));
    let home = vault.stop().await;
    assert_eq!(found(&home), []);
    let vault = home.serve();
    catch_up(&mut outsider, &vault).await;
    assert_eq!(found(&vault.stop().await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_end_in_a_successor_are_said_to_have_ended_there() {
    let vault = Home::new(Store::Memory).serve();
    work(&vault, 3).await;
    let home = vault.stop().await;
    let (_, key) = close(&home, Why::HeadLost);
    let vault = home.serve();
    let dpo = vault.staff("dpo", "oakvale");
    let erased = dpo.erase("bank", "p", "r").await.granted();
    let leaf = erased.item(0)["receipts"][0]["index"].as_u64().unwrap();
    let house = vault.house();
    assert!(house.has_bytes_to_end());
    let ended = house.end_bytes(|_| Ok(())).await.unwrap().unwrap();
    assert!(ended > leaf && ended < vault.log_size(), "an index of this log: {ended}");
    assert!(!house.has_bytes_to_end());
    drop(house);
    let issued = dpo.post("/v1/certificates/issue", &json!({ "leaf": leaf })).await.granted().json();
    let (certificate, _) = Certificate::verify(issued["certificate"].as_str().unwrap(), &key).unwrap();
    assert_eq!((certificate.state, certificate.act.index), (State::Destroyed, leaf));
    let home = vault.stop().await;
    assert_eq!(found(&home), []);
    assert!(!home.serve().house().has_bytes_to_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_the_checkpoint_of_a_successor_is_cut_too() {
    let vault = pinned(Home::new(Store::Rocks)).serve();
    work(&vault, 3).await;
    let home = vault.stop().await;
    close(&home, Why::HeadLost);
    let vault = home.serve();
    work(&vault, 3).await;
    let shared = Arc::clone(vault.house().ledger().shared());
    let home = vault.stop().await;
    let behind = (shared.position() + 1).to_be_bytes();
    let mut batch = Batch::new();
    batch.put(Family::Leaves, behind, "a leaf that no checkpoint covers");
    home.rocks().commit(&batch).unwrap();
    let cut = run_check(&home, &["--repair-tail", "--yes"]);
    assert!(cut.status.success(), "{}", String::from_utf8_lossy(&cut.stderr));
    // The act itself is a leaf in that place.
    let there = home.rocks().get(Family::Leaves, &behind).unwrap().unwrap();
    assert_eq!(coffer_wire::leaf::Leaf::parse(&there).unwrap().action, Action::LogRepair);
    assert_eq!(found(&home), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_the_log_that_ended_is_carried_on_and_one_that_saw_more_is_not() {
    let vault = Home::new(Store::Memory).serve();
    work(&vault, 3).await;
    let home = vault.stop().await;
    let head = std::fs::read(&home.config.log.head).unwrap();
    let (first, _) = close(&home, Why::HeadLost);
    // A kill between the first batch of the successor and its head.
    std::fs::write(&home.config.log.head, &head).unwrap();
    assert_eq!(found(&home), []);
    let vault = home.serve();
    work(&vault, 3).await;
    let mut outsider = Outsider::new(vault.home().log_key.clone());
    catch_up(&mut outsider, &vault).await;
    // Closed again: the third follows the second.
    let home = vault.stop().await;
    let (second, key) = close(&home, Why::Damaged);
    assert!(key.name().ends_with("/3") && second.last.origin.ends_with("/2"));
    assert_eq!(found(&home), []);
    let vault = home.serve();
    catch_up(&mut outsider, &vault).await;
    let home = vault.stop().await;
    // The notes beside the head say what an older store does not know.
    let memory = home.memory();
    let key = [b"handover:".as_slice(), &1u32.to_be_bytes()].concat();
    let note = memory.get(Family::Meta, &key).unwrap();
    memory.tamper(Family::Meta, &key, None);
    let opened = House::open(Arc::clone(&home.config), home.engine(), Arc::clone(&home.clock), &home.root_key());
    assert!(opened.is_err());
    memory.tamper(Family::Meta, &key, note);
    drop(first);
    assert_eq!(found(&home), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_store_under_a_newer_head_ends_the_log_where_it_was_last_seen() {
    let vault = Home::new(Store::Rocks).serve();
    work(&vault, 3).await;
    let home = vault.stop().await;
    let (older, data) = (home.folder().join("older"), home.config.store.data.clone());
    copy_folder(&data, &older);
    let vault = home.serve();
    work(&vault, 30).await;
    let client = builder(&vault).build().unwrap();
    client.checkpoint().await.unwrap();
    let (seen, at) = (client.receipts().newest().unwrap(), size(&vault));
    let home = vault.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&older, &data);
    let (succession, _) = close(&home, Why::Restore);
    assert_eq!(succession.last.size, at);
    assert!(succession.kept.size < at);
    let remembered = home.folder().join("remembered");
    std::fs::write(&remembered, &seen).unwrap();
    let vault = home.serve();
    work(&vault, 3).await;
    let client = builder(&vault).known_checkpoint(seen).build().unwrap();
    client.checkpoint().await.unwrap();
    client.receipts().settle().await.unwrap();
    let verified = told(&coffer(&vault, &["log", "verify", "--since", remembered.to_str().unwrap()]).await);
    assert_eq!(verified["lost"], json!(at - succession.kept.size));
    assert_eq!(found(&pinned(vault.stop().await)), []);
}

/// A stopped home on disk and a second certificate for the console, of a second admin.
pub(crate) async fn stopped() -> Home {
    let vault = Home::new(Store::Rocks).serve();
    work(&vault, 300).await;
    let home = pinned(vault.stop().await);
    let tls = home.dir().join("tls");
    let ca = LocalCa::load(&tls.join("clients-ca.pem"), &tls.join("clients-ca.key")).unwrap();
    let second = ca.client("console.apps.coffer.internal", home.clock.now_ms()).unwrap();
    let folder = home.dir().join("clients/second");
    std::fs::create_dir_all(&folder).unwrap();
    second.save(&folder.join("client.pem"), &folder.join("client.key")).unwrap();
    home
}

/// What the admin with this certificate makes of a request.
pub(crate) fn approved(home: &Home, admin: &str, request: &str) -> String {
    let config =
        write_client_config(home.dir(), &name(admin), "https://localhost:1", &home.log_key.to_string()).unwrap();
    let out: PathBuf = home.folder().join(format!("approval-of-{admin}"));
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).args(["--json", "approve", request, "--reason", "the disk failed", "--out"]);
    let done = command.arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_closed_as_two_admins_approve_and_neither_alone() {
    let home = stopped().await;
    let rocks = home.rocks();
    let leaf = rocks.get(Family::Leaves, &200u64.to_be_bytes()).unwrap().unwrap();
    let mut batch = Batch::new();
    let mut altered = leaf.clone();
    *altered.iter_mut().rfind(|byte| byte.is_ascii_lowercase()).unwrap() = b'A';
    batch.put(Family::Leaves, 200u64.to_be_bytes(), altered);
    rocks.commit(&batch).unwrap();
    drop(rocks);
    assert!(found(&home).contains(&Code::LeafAltered));
    let request = home.folder().join("request");
    let request = request.to_str().unwrap();
    told_text(&run_check(&home, &["--request-successor", request, "--why", "damaged"]));
    let [one, other] = ["console", "second"].map(|admin| approved(&home, admin, request));
    for (files, why) in [(vec![&one], "approval_needed"), (vec![&one, &one], "approval_twice")] {
        let files: Vec<&str> = files.into_iter().map(String::as_str).collect();
        let refused = run_check(&home, &[&["--succeed"][..], &files, &["--yes"]].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains(why), "{said}");
    }
    let plan = told(&run_check(&home, &["--json", "--succeed", &one, &other]));
    assert_eq!(plan["done"], json!(false));
    let done = told(&run_check(&home, &["--json", "--succeed", &one, &other, "--yes"]));
    assert_eq!((&done["done"], &done["kept"], &done["why"]), (&json!(true), &json!(200), &json!("damaged")));
    assert_eq!(found(&home), [], "what was given up is no finding any more");
    let again = run_check(&home, &["--succeed", &one, &other, "--yes"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("approval_other"));
    let vault = home.serve();
    work(&vault, 3).await;
    let client = builder(&vault).build().unwrap();
    client.checkpoint().await.unwrap();
    told(&coffer(&vault, &["log", "verify"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_is_replaced_and_nobody_follows_by_himself() {
    let home = stopped().await;
    let request = home.folder().join("request");
    let request = request.to_str().unwrap();
    told_text(&run_check(&home, &["--request-successor", request, "--why", "compromised"]));
    let [one, other] = ["console", "second"].map(|admin| approved(&home, admin, request));
    let done = told(&run_check(&home, &["--json", "--succeed", &one, &other, "--yes"]));
    let key: VerifierKey = done["log_key"].as_str().unwrap().parse().unwrap();
    assert!(key.public() != home.log_key.public() && key.name().ends_with("/2"));
    assert_eq!(home.text("log.pub").trim(), key.to_string());
    assert_eq!(run_check(&home, &[]).status.code(), Some(0));
    let vault = home.serve();
    let refused = builder(&vault).build().unwrap().checkpoint().await.unwrap_err();
    assert!(refused.to_string().contains("compromised"), "{refused}");
    builder(&vault).log_key(key).build().unwrap().checkpoint().await.unwrap();
    assert_eq!(vault.house().end_log_keys().await, 1);
    let home = vault.stop().await;
    assert_eq!(run_check(&home, &[]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flipped_byte_of_the_stored_note_is_found_and_no_vault_opens_on_it() {
    let vault = Home::new(Store::Memory).serve();
    work(&vault, 3).await;
    let home = vault.stop().await;
    close(&home, Why::HeadLost);
    let (memory, key) = (home.memory(), [b"handover:".as_slice(), &0u32.to_be_bytes()].concat());
    let note = memory.get(Family::Meta, &key).unwrap().unwrap();
    for byte in (0..note.len()).step_by(3) {
        let mut wrong = note.clone();
        wrong[byte] ^= 0x01;
        memory.tamper(Family::Meta, &key, Some(wrong));
        assert!(found(&home).contains(&Code::HandoverWrong), "byte {byte}");
        let opened = House::open(Arc::clone(&home.config), home.engine(), Arc::clone(&home.clock), &home.root_key());
        assert!(opened.is_err(), "byte {byte}");
    }
    memory.tamper(Family::Meta, &key, Some(note));
    assert_eq!(found(&home), []);
}

#[test]
fn notes_with_two_signatures_fit_a_slot_of_the_head_for_the_longest_origin() {
    let origin = format!("{}/65535", "o".repeat(255));
    let key = |byte| VerifierKey::new(&origin, [byte; 32]).unwrap();
    let checkpoint = coffer_wire::note::Checkpoint {
        origin: origin.clone(),
        size: (1 << 48) - 1,
        root: coffer_wire::Hash::sha256(b""),
    };
    let (one, other) = (key(1), key(2));
    let note = coffer_wire::note::signed(checkpoint.body(), [(&one, &[0xff; 64]), (&other, &[0xff; 64])]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head");
    HeadFile::open(&path, true).unwrap().0.write(&note).unwrap();
    assert_eq!(HeadFile::open(&path, false).unwrap().1, Some(note));
    let succession = Succession {
        last: checkpoint.clone(),
        kept: checkpoint,
        successor: VerifierKey::new(&format!("{}/65535", "o".repeat(255)), [1; 32]).unwrap(),
        why: Why::Compromised,
        made_ms: u64::MAX,
    };
    let note = coffer_wire::note::signed(
        Handover::Succession(succession).body(),
        [(&one, &[0xff; 64]), (&other, &[0xff; 64])],
    );
    assert!(note.len() <= coffer_wire::succession::HANDOVER_BYTES_MAX);
}

fn told_text(output: &std::process::Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
