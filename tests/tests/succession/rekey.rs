//! A new key of the log.

use std::sync::Arc;

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_tests::outsider::Outsider;
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::keyring::log_rows;
use coffer_vault::keyring::record::State;
use coffer_vault::serve::OVERLAP_MS;
use coffer_wire::certificate::{self, Certificate, Key, Kind};
use coffer_wire::leaf::Action;
use coffer_wire::note::{self, NoteError, VerifierKey};
use coffer_wire::succession::{Handover, Rekey, Trust};
use serde_json::json;
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::scene::{builder, catch_up, coffer, coffer_as, found, told, work};

/// A running vault whose clock the test sets.
fn timed() -> (Running, Arc<Manual>) {
    let mut home = Home::new(Store::Memory);
    let clock = Arc::new(Manual::new(System.now_ms()));
    home.clock = Arc::<Manual>::clone(&clock);
    (home.serve(), clock)
}

async fn rekey(vault: &Running) -> VerifierKey {
    let admin = vault.staff("security-admin", "oakvale");
    let answer = admin.post("/v1/log/rekey", &json!({})).await.granted().json();
    answer["log_key"].as_str().unwrap().parse().unwrap()
}

/// How many of these keys signed a note, by signed_note, which others wrote.
fn signers(note: &str, keys: &[&VerifierKey]) -> usize {
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let verifier = |key: &&VerifierKey| -> Box<dyn signed_note::Verifier> {
        Box::new(StandardVerifier::new(&key.to_string()).unwrap())
    };
    note.verify(&VerifierList::new(keys.iter().map(verifier).collect())).unwrap().0.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn for_thirty_days_both_keys_sign_and_then_the_old_one_is_gone() {
    let (vault, clock) = timed();
    let (old, mut outsider) = (vault.home().log_key.clone(), Outsider::new(vault.home().log_key.clone()));
    work(&vault, 3).await;
    catch_up(&mut outsider, &vault).await;
    let stale_head = std::fs::read(&vault.home().config.log.head).unwrap();
    let new = rekey(&vault).await;
    assert!(new != old && new.name() == old.name());
    work(&vault, 3).await;
    catch_up(&mut outsider, &vault).await;
    assert_eq!(outsider.trust().key(), &new);
    let newest = vault.house().ledger().shared().newest().to_string();
    assert_eq!((signers(&newest, &[&old, &new]), newest.lines().count()), (2, 6));
    // The note is named by the leaf, and is as it is served.
    let line = vault.house().ledger().shared().line();
    let Some(Handover::Rekey(note)) = line.handovers().next().cloned() else { panic!("no note") };
    let leaf = vault.leaves_since(note.size).into_iter().find(|leaf| leaf.action == Action::LogRekey).unwrap();
    assert_eq!(leaf.row, Some(coffer_wire::Hash::sha256(new.to_string().as_bytes())));
    assert_eq!(note.until_ms - note.made_ms, OVERLAP_MS);

    // Within the time: no second one, by nobody else, and a start in which both sign on.
    let admin = vault.staff("security-admin", "oakvale");
    admin.post("/v1/log/rekey", &json!({})).await.refused(409, "rekey_under_way");
    vault.staff("auditor", "oakvale").post("/v1/log/rekey", &json!({})).await.refused(403, "forbidden_role");
    admin.post("/v1/log/rekey", &json!({ "now": true })).await.refused(400, "malformed");
    let refused: Vec<_> =
        vault.leaves_since(note.size + 1).into_iter().filter(|leaf| leaf.action == Action::LogRekey).collect();
    assert_eq!(refused.iter().filter(|leaf| leaf.refused.is_some()).count(), 3);
    let home = vault.stop().await;
    assert_eq!(found(&home), []);
    // A kill between the batch and the head leaves a head that the old key alone has signed.
    std::fs::write(&home.config.log.head, stale_head).unwrap();
    let vault = home.serve();
    catch_up(&mut outsider, &vault).await;
    let newest = vault.house().ledger().shared().newest().to_string();
    assert_eq!(signers(&newest, &[&old, &new]), 2);
    assert_eq!(vault.house().end_log_keys().await, 0, "it signs still");
    let away = builder(&vault).build().unwrap();
    away.checkpoint().await.unwrap();

    // Behind it the sequencer signs with the new key alone, and the old one is destroyed on record.
    clock.advance(OVERLAP_MS);
    assert_eq!(vault.house().end_log_keys().await, 1);
    let newest = vault.house().ledger().shared().newest().to_string();
    assert_eq!(signers(&newest, &[&old, &new]), 1);
    assert_eq!(note::verify(&newest, &old), Err(NoteError::NotSigned));
    let rows = log_rows(&**vault.engine()).unwrap();
    let states: Vec<_> = rows.iter().map(|(_, row)| (row.version, row.state)).collect();
    assert!(states.contains(&(1, State::Destroyed)) && states.contains(&(2, State::Active)), "{states:?}");
    let gone = rows.iter().find(|(_, row)| row.version == 1).unwrap();
    assert!(gone.1.wrapped.as_bytes().iter().all(|byte| *byte == 0));
    let destroyed = vault.log_size() - 1;
    assert_eq!(vault.leaves_since(destroyed)[0].action, Action::KeysDestroy);
    certified(&vault, (destroyed, gone.0), (&old, &new), &note, clock.now_ms()).await;
    catch_up(&mut outsider, &vault).await;
    // Who was away with the first key follows; with any other it does not.
    away.checkpoint().await.unwrap();
    away.receipts().settle().await.unwrap();
    assert_eq!(away.receipts().handovers().len(), 1);
    builder(&vault).log_key(new.clone()).build().unwrap().checkpoint().await.unwrap();
    let stranger = VerifierKey::new(new.name(), [9; 32]).unwrap();
    assert!(builder(&vault).log_key(stranger).build().unwrap().checkpoint().await.is_err());
    let home = vault.stop().await;
    assert_eq!(found(&home), []);
    let vault = home.serve();
    catch_up(&mut outsider, &vault).await;
    // There may be a next one now.
    let admin_token = {
        let wanted = vault.home().request("admin@example", &["security-admin"], "console", &["oakvale"]);
        vault.home().mint(&wanted, clock.now_ms())
    };
    let admin = coffer_tests::harness::Staff::new(vault.raw("console"), admin_token, "oakvale", "erasure");
    admin.post("/v1/log/rekey", &json!({})).await.granted();
    catch_up(&mut outsider, &vault).await;
    assert_eq!(found(&vault.stop().await), []);
}

/// The end of the old key, for whoever was handed that key and has the note by which it handed on.
async fn certified(
    vault: &Running,
    (leaf, id): (u64, KeyId),
    (old, new): (&VerifierKey, &VerifierKey),
    rekey: &Rekey,
    now_ms: u64,
) {
    let wanted = vault.home().request("admin@example", &["security-admin"], "console", &["oakvale"]);
    let admin = vault.staff("security-admin", "oakvale").with_token(vault.home().mint(&wanted, now_ms));
    let issue = async |leaf: u64| admin.post("/v1/certificates/issue", &json!({ "leaf": leaf })).await;
    let issued = async || issue(leaf).await.granted().json()["certificate"].as_str().unwrap().to_owned();
    let text = issued().await;
    let mut trust = Trust::of(old.clone());
    assert!(Certificate::verify_by(&text, &trust).is_err(), "without the note");
    trust.follow(vault.house().ledger().shared().line().notes()).unwrap();
    let (certificate, checkpoint) = Certificate::verify_by(&text, &trust).unwrap();
    assert_eq!(
        (certificate.kind, certificate.state, certificate.act.index),
        (Kind::Destruction, certificate::State::Refused, leaf)
    );
    assert_eq!(certificate.keys, [Key { id: id.to_string(), version: Some(1) }]);
    let next = certificate.next.as_ref().unwrap();
    assert_eq!((&next.key, next.version, next.made.index), (new, 2, rekey.size));
    let leaves = vault.leaves_since(0);
    assert_eq!((certificate.from_ms, certificate.to_ms), (leaves[rekey.size as usize].t, leaves[leaf as usize].t));
    assert!(certificate.to_ms - certificate.from_ms >= OVERLAP_MS && checkpoint.size > leaf);
    // The leaf of the new key is no end of anything.
    issue(rekey.size).await.refused(404, "not_found");
    // Once the store's files were written anew, its wrapped bytes are gone too.
    assert!(vault.house().has_bytes_to_end());
    vault.house().end_bytes(|_| Ok(())).await.unwrap().unwrap();
    let (after, _) = Certificate::verify_by(&issued().await, &trust).unwrap();
    assert_eq!((after.state, after.act.index), (certificate::State::Destroyed, leaf));
    // Offline, by the command, with the first key and the notes.
    let [file, since] = ["certificate", "since"].map(|name| vault.home().folder().join(name));
    std::fs::write(&file, issued().await).unwrap();
    let line = vault.house().ledger().shared().line();
    let newest = vault.house().ledger().shared().newest().to_string();
    let notes: String = line.notes().flat_map(|note| [note, "\n"]).chain([newest.as_str()]).collect();
    std::fs::write(&since, notes).unwrap();
    let log_key = vault.home().folder().join("first.pub");
    std::fs::write(&log_key, format!("{old}\n")).unwrap();
    let verify = |more: &[&str]| {
        let mut command = std::process::Command::new(coffer_tests::harness::command_line());
        command.args(["--json", "log", "verify", "--certificate"]).arg(&file).arg("--log-key").arg(&log_key).args(more);
        command.output().unwrap()
    };
    let said = told(&verify(&["--since", since.to_str().unwrap()]));
    assert_eq!((&said["verified"], &said["state"]), (&json!(true), &json!("destroyed")));
    assert_eq!((&said["keys"], &said["next_key"]), (&json!([id.to_string()]), &json!(new.to_string())));
    assert_eq!((&said["leaf"], &said["next_leaf"]), (&json!(leaf), &json!(rekey.size)));
    let refused = verify(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("certificate_signature"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_rotates_by_command_and_everybody_learns_the_key_that_their_own_leads_to() {
    let vault = Home::new(Store::Memory).serve();
    let old = vault.home().log_key.clone();
    let remembered = vault.home().folder().join("head");
    let remembered = remembered.to_str().unwrap();
    told(&coffer(&vault, &["log", "verify", "--remember", remembered]).await);
    let rotated = told(&coffer_as("security-admin", &vault, &["keys", "rotate-log"]).await);
    let new = rotated["log_key"].as_str().unwrap();
    let key = told(&coffer(&vault, &["log", "key"]).await);
    assert_eq!((&key["log_key"], &key["is_configured"]), (&json!(new), &json!(false)));
    assert_eq!(key["configured"], json!(old.to_string()));
    let verified = told(&coffer(&vault, &["log", "verify", "--since", remembered, "--remember", remembered]).await);
    assert_eq!(verified["log_key"], json!(new));
    told(&coffer(&vault, &["log", "verify", "--since", remembered]).await);
    let compromised = coffer(&vault, &["keys", "rotate-log", "--compromised"]).await;
    assert!(String::from_utf8_lossy(&compromised.stderr).contains("log_key_compromised"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flipped_byte_of_the_stored_note_is_found() {
    let vault = Home::new(Store::Memory).serve();
    rekey(&vault).await;
    let home = vault.stop().await;
    let (memory, key) = (home.memory(), [b"handover:".as_slice(), &0u32.to_be_bytes()].concat());
    let family = coffer_vault::store::Family::Meta;
    let note = coffer_vault::store::Engine::get(&*memory, family, &key).unwrap().unwrap();
    for byte in 0..note.len() {
        let mut wrong = note.clone();
        wrong[byte] ^= 0x01;
        memory.tamper(family, &key, Some(wrong));
        assert!(found(&home).contains(&coffer_vault::check::Code::HandoverWrong), "byte {byte}");
    }
    memory.tamper(family, &key, None);
    assert!(!found(&home).is_empty(), "it is missing");
    memory.tamper(family, &key, Some(note));
    assert_eq!(found(&home), []);
}
