//! The log against the head that stands outside it, and against the key that was handed out.

use coffer_tests::harness::{Home, Store};
use coffer_vault::check::{self, Code, Silent};
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::head::HeadFile;
use coffer_vault::ledger::start::newest_note;
use coffer_vault::store::Family;
use coffer_wire::Hash;
use coffer_wire::note::{self, Checkpoint};

use crate::scene::{CATEGORIES, Change, Scene, places, rows_of};

#[tokio::test]
async fn a_store_that_was_put_back_is_behind_its_head() {
    let scene = Scene::of(Store::Memory).await;
    scene.apply(&whole_store_as_before(&scene));
    for with_seal in [false, true] {
        let report = scene.check(with_seal);
        let found = report.findings.kept();
        // The erasure ledger outlasts it too, and knows whose keys have come back with it.
        let others: Vec<_> = found[1..].iter().map(|found| found.code).collect();
        let (ahead, lives) = others.split_first().unwrap();
        assert_eq!(*ahead, Code::ErasuresAhead, "{:?}", places(&report));
        assert!(!lives.is_empty() && lives.iter().all(|code| *code == Code::ErasedKeyLives), "{:?}", places(&report));
        assert_eq!((found[0].code, found[0].place.family.as_str()), (Code::HeadAhead, "head"));
        assert_eq!((found[0].found, found[0].expected), (Some(scene.size_before), Some(scene.size)));
    }
}

/// All rows as they stood; those that came since are gone.
fn whole_store_as_before(scene: &Scene) -> Vec<Change> {
    let families = Family::FIXED.into_iter().chain(CATEGORIES.map(rows_of));
    let now = families.flat_map(|family| scene.rows(family).into_iter().map(move |(key, _)| (family, key, None)));
    now.chain(scene.before.iter().cloned()).collect()
}

#[tokio::test]
async fn a_last_leaf_that_was_cut_off_is_found_though_the_head_is_kept() {
    let scene = Scene::of(Store::Memory).await;
    let key = (scene.size - 1).to_be_bytes().to_vec();
    let cut = [(Family::Leaves, key.clone(), None), (Family::Private, key, None)];
    let found = places(&scene.with(&cut, false));
    assert_eq!(found[0].0, Code::LeafMissing);
    assert_eq!(found[0].1.leaf, Some(scene.size - 1));
}

#[tokio::test]
async fn a_head_that_is_behind_is_what_a_kill_leaves() {
    let scene = Scene::of(Store::Memory).await;
    let old = scene.before.iter().find(|(family, key, _)| *family == Family::Meta && key == b"checkpoint");
    let note = String::from_utf8(old.unwrap().2.clone().unwrap()).unwrap();
    write_head(&scene, &note);
    let report = scene.check(true);
    assert_eq!(places(&report), []);
    assert_eq!(report.head_behind, Some(scene.size - scene.size_before));
}

#[tokio::test]
async fn a_head_of_another_history_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let (_, keys) = Keyring::open(&*scene.engine, &scene.home.root_key()).unwrap();
    let key = keys.present.key;
    let origin = scene.home.config.log.origin.clone();
    let other = Checkpoint { origin, size: scene.size - 3, root: Hash::sha256(b"another history") };
    let note = note::assemble(&other, &scene.home.log_key, &key.sign(other.body().as_bytes()));
    write_head(&scene, &note);
    let found = places(&scene.check(false));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Code::HeadOtherHistory);
}

#[tokio::test]
async fn a_head_of_another_log_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let stranger = Home::new(Store::Memory);
    write_head(&scene, &newest_note(&*stranger.engine()).unwrap().unwrap());
    let found = places(&scene.check(false));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Code::HeadOfAnotherLog);
}

#[tokio::test]
async fn a_head_that_is_missing_or_torn_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let path = &scene.home.config.log.head;
    std::fs::write(path, b"no head").unwrap();
    let torn = places(&scene.check(false));
    std::fs::remove_file(path).unwrap();
    let missing = places(&scene.check(false));
    for found in [torn, missing] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, Code::HeadMissing);
    }
}

#[tokio::test]
async fn another_log_key_does_not_believe_this_log() {
    let scene = Scene::of(Store::Memory).await;
    let stranger = Home::new(Store::Memory);
    let (engine, root) = (&*scene.engine, scene.home.root_key());
    let home = check::Home { log_key: &stranger.log_key, ..scene.home.to_check(engine) };
    let found = places(&check::check(&home, Some(&root), &Silent).unwrap());
    let codes: Vec<Code> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [Code::CheckpointAltered, Code::HeadOfAnotherLog, Code::LogKeyOther]);
    // And another root key is none for this home at all.
    let home = check::Home { log_key: &scene.home.log_key, ..home };
    assert!(check::check(&home, Some(&stranger.root_key()), &Silent).is_err());
}

fn write_head(scene: &Scene, note: &str) {
    let path = &scene.home.config.log.head;
    std::fs::remove_file(path).unwrap();
    HeadFile::open(path, true).unwrap().0.write(note).unwrap();
}
