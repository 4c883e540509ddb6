//! Whoever is told that something is erased is told so after the ledger names the key.

use std::time::Duration;

use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_vault::serve::{Door, HouseError, Unready};
use coffer_wire::leaf::Action;
use serde_json::json;

use crate::{checked, codes, keys, ledger, write};

fn ready(vault: &Running) -> Result<(), Unready> {
    Door::to(vault.house()).ready()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_that_ends_keys_is_in_the_ledger_when_it_is_answered() {
    let vault = Home::new(Store::Memory).serve();
    let dpo = vault.staff("dpo", "oakvale");
    write(&vault, "ada").await;
    write(&vault, "ben").await;
    assert_eq!(ledger(vault.home()).1, []);
    dpo.erase("bank", "ada", "main").await.granted();
    let (contents, named) = ledger(vault.home());
    assert_eq!((named.len(), contents.complete), (1, vault.log_size()));
    dpo.erase_person("ben", &["bank"]).await.granted();
    // A write by which a witness leaves a record ends the witness's key in it.
    let handler = vault.staff("complaints-handler", "oakvale").on_case(Some("case-1"));
    let about = json!({ "category": "complaints", "person": "cyd", "record": "c", "source": "person",
        "fields": { "summary": "noise", "witness_statement": "heard it" }, "about": { "witness_statement": "dee" } });
    handler.items("/v1/records/write", json!([about])).await.granted();
    let out =
        json!({ "category": "complaints", "person": "cyd", "record": "c", "fields": { "witness_statement": null } });
    handler.items("/v1/records/write", json!([out])).await.granted();
    let (mut named, mut dead) = (ledger(vault.home()).1, keys(&**vault.engine()).1);
    named.sort();
    dead.sort();
    assert_eq!((&named, named.len()), (&dead, 3));
    let home = vault.stop().await;
    assert_eq!(codes(&checked(&home, &*home.engine())), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_cannot_be_written_it_is_erased_nobody_is_told_so_and_the_vault_is_unready() {
    let vault = Home::new(Store::Memory).serve();
    let (dpo, officer) = (vault.staff("dpo", "oakvale").named("erase-ada"), vault.staff("bank-officer", "oakvale"));
    write(&vault, "ada").await;
    write(&vault, "ben").await;
    let path = vault.home().config.log.erasures.clone();
    let away = path.with_extension("away");
    std::fs::rename(&path, &away).unwrap();
    dpo.erase("bank", "ada", "main").await.refused(503, "erased_not_mirrored");
    // Erased all the same; reads and writes of others go on.
    officer.read("bank", "ada", "main", &["account_number"]).await.refused(404, "not_found");
    officer.read("bank", "ben", "main", &["account_number"]).await.granted();
    assert_eq!(ready(&vault), Err(Unready::ErasedNotMirrored));
    // To be told again is to be told: not yet.
    dpo.erase("bank", "ada", "main").await.refused(503, "erased_not_mirrored");

    std::fs::rename(&away, &path).unwrap();
    for _ in 0..500 {
        if ready(&vault).is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ready(&vault), Ok(()));
    assert_eq!(ledger(vault.home()).1, keys(&**vault.engine()).1);
    assert_eq!(dpo.erase("bank", "ada", "main").await.granted().item(0)["erased"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_carries_over_what_a_kill_has_kept_from_the_ledger() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    write(&vault, "ben").await;
    let dpo = vault.staff("dpo", "oakvale");
    dpo.erase("bank", "ada", "main").await.granted();
    let path = vault.home().config.log.erasures.clone();
    let before = std::fs::read(&path).unwrap();
    dpo.erase("bank", "ben", "main").await.granted();
    let mut home = vault.stop().await;
    let whole = std::fs::read(&path).unwrap();
    // The batch was synced, and of the ledger's last group this much.
    for cut in (before.len()..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let running = home.serve();
        let (contents, mut named) = ledger(running.home());
        named.sort();
        let mut dead = keys(&**running.engine()).1;
        dead.sort();
        assert_eq!((named, contents.torn), (dead, false), "cut at {cut}");
        home = running.stop().await;
    }
    // And where there is none, as before there were any.
    std::fs::remove_file(&path).unwrap();
    let running = home.serve();
    assert_eq!(ledger(running.home()).1.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_anothers_or_damaged_keeps_the_vault_sealed() {
    let (vault, other) = (Home::new(Store::Memory).serve(), Home::new(Store::Memory).serve());
    write(&vault, "ada").await;
    vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    let (home, other) = (vault.stop().await, other.stop().await);
    let path = &home.config.log.erasures;
    let whole = std::fs::read(path).unwrap();
    let theirs = std::fs::read(&other.config.log.erasures).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (bytes, code) in [(theirs, "erasures_foreign"), (flipped, "erasures_damaged")] {
        std::fs::write(path, bytes).unwrap();
        let opened = coffer_tests::near::Near::over(&home, &home.engine());
        assert!(matches!(opened, Err(HouseError::Log(error)) if error.not_continuous()), "{code}");
        assert_eq!(codes(&checked(&home, &*home.engine())), [code]);
    }
    std::fs::write(path, whole).unwrap();
    home.serve();
}

#[tokio::test(flavor = "multi_thread")]
async fn erases_at_one_time_are_each_in_the_ledger() {
    let vault = Home::new(Store::Memory).serve();
    let persons: Vec<String> = (0..40).map(|number| format!("p-{number}")).collect();
    for person in &persons {
        write(&vault, person).await;
    }
    let dpo = vault.staff("dpo", "oakvale");
    let mut erasing = tokio::task::JoinSet::new();
    for person in persons {
        let dpo = dpo.named(&person);
        erasing.spawn(async move { dpo.erase_person(&person, &["bank"]).await.granted() });
    }
    while let Some(done) = erasing.join_next().await {
        done.unwrap();
    }
    assert_eq!(ledger(vault.home()).1.len(), 40);
    assert!(vault.leaves_since(0).iter().filter(|leaf| leaf.action == Action::SubjectsErase).count() >= 40);
}
