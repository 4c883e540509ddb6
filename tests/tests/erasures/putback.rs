//! Stores that are put back: whole, and key by key.

use coffer_tests::harness::{Home, Serving, Store};
use coffer_tests::near::Near;
use coffer_vault::keyring::record::IndexRow;
use coffer_vault::ledger::start::StartError;
use coffer_vault::serve::HouseError;
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::Name;
use coffer_wire::leaf::Action;

use crate::{checked, codes, keys, ledger, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_put_back_with_its_head_is_told_by_the_ledger() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    let home = vault.stop().await;
    // Everything of this moment but the ledger: what a supplier of disks can put back.
    let (then, head) = (rows(&*home.engine()), std::fs::read(&home.config.log.head).unwrap());
    let vault = home.serve();
    vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    let home = vault.stop().await;
    put_back(&*home.engine(), &then);
    std::fs::write(&home.config.log.head, head).unwrap();
    assert_eq!(keys(&*home.engine()).0.len(), 1, "ada's key is there again");
    let opened = Near::over(&home, &home.engine());
    let ahead = |error: &StartError| matches!(error, StartError::Erasures(_)) && error.not_continuous();
    assert!(matches!(opened, Err(HouseError::Log(error)) if ahead(&error)));
    let found = codes(&checked(&home, &*home.engine()));
    assert!(found.contains(&"erasures_ahead") && found.contains(&"erased_key_lives"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_put_back_is_destroyed_again_by_the_next_start() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    write(&vault, "ben").await;
    let (bank, all) = (Family::Rows(Name::new("bank").unwrap()), |engine: &dyn Engine, family| {
        engine.scan(family, b"", None, usize::MAX).unwrap()
    });
    let (keys_then, rows_then) = (all(&**vault.engine(), Family::Keys), all(&**vault.engine(), bank));
    vault.staff("dpo", "oakvale").erase_person("ada", &["bank"]).await.granted();
    let home = vault.stop().await;
    let engine = home.engine();
    let mut batch = Batch::new();
    keys_then.iter().for_each(|(key, value)| batch.put(Family::Keys, key.clone(), value.clone()));
    rows_then.iter().for_each(|(key, value)| batch.put(bank, key.clone(), value.clone()));
    engine.commit(&batch).unwrap();
    assert_eq!(keys(&*engine).0.len(), 2);
    assert!(codes(&checked(&home, &*engine)).contains(&"erased_key_lives"));
    drop(engine);

    let vault = home.serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.read("bank", "ada", "main", &["account_number"]).await.refused(404, "not_found");
    officer.read("bank", "ben", "main", &["account_number"]).await.granted();
    let (living, dead) = keys(&**vault.engine());
    assert_eq!((living.len(), dead.len()), (1, 1));
    let index = vault.engine().scan(Family::Keys, IndexRow::PREFIX, None, usize::MAX).unwrap();
    assert_eq!(index.len(), 1, "nothing leads to the key that has gone");
    let again = vault.leaves_since(0).into_iter().filter(|leaf| leaf.action == Action::ErasedAgain).count();
    assert_eq!(again, 1);
    // A record of the same name may be written anew.
    write(&vault, "ada").await;
    officer.read("bank", "ada", "main", &["account_number"]).await.granted();
    let home = vault.stop().await;
    assert_eq!(codes(&checked(&home, &*home.engine())), [""; 0]);
    assert_eq!(ledger(&home).1.len(), 1);
    // The next start has nothing to do.
    let vault = home.serve();
    assert_eq!(vault.leaves_since(0).iter().filter(|leaf| leaf.action == Action::ErasedAgain).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_that_the_ledger_does_not_name_is_found() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "ada").await;
    let path = vault.home().config.log.erasures.clone();
    vault.staff("dpo", "oakvale").erase("bank", "ada", "main").await.granted();
    let home = vault.stop().await;
    // The file of a vault that erased nobody, complete up to a later leaf: as if a line had been left out.
    let whole = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = whole.lines().filter(|line| !line.starts_with("erased ")).collect();
    std::fs::write(&path, format!("{}\n", kept.join("\n"))).unwrap();
    assert_eq!(codes(&checked(&home, &*home.engine())), ["erasure_unmirrored"]);
}

fn rows(engine: &dyn Engine) -> Vec<(Family, Vec<u8>, Vec<u8>)> {
    let bank = Family::Rows(Name::new("bank").unwrap());
    let all = |family| engine.scan(family, b"", None, usize::MAX).unwrap().into_iter();
    let families = Family::FIXED.into_iter().chain([bank]);
    families.flat_map(|family| all(family).map(move |(key, value)| (family, key, value))).collect()
}

fn put_back(engine: &dyn Engine, then: &[(Family, Vec<u8>, Vec<u8>)]) {
    let mut batch = Batch::new();
    for (family, key, _) in rows(engine) {
        batch.delete(family, key);
    }
    for (family, key, value) in then {
        batch.put(*family, key.clone(), value.clone());
    }
    engine.commit(&batch).unwrap();
}
