//! `coffer-vault check` finds what was done to a stopped home, and finds nothing in one that was left
//! alone.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod binary;
mod flipped;
mod heads;
mod kinds;
mod live;
mod matrix;
mod mend;
mod online;
mod people;
mod rows;
mod scene;
mod states;

use coffer_tests::harness::Store;
use coffer_vault::check::Code;
use coffer_vault::store::Family;

use scene::{Scene, places};

#[tokio::test]
async fn a_home_that_was_left_alone_is_clean() {
    let scene = Scene::of(Store::Memory).await;
    for with_seal in [false, true] {
        let report = scene.check(with_seal);
        assert_eq!(places(&report), []);
        assert_eq!(report.with_seal, with_seal);
        assert_eq!(report.head_behind, Some(0));
        assert_eq!(report.looked.leaves, scene.size);
        assert_eq!(report.looked.private_parts, scene.size);
        assert_eq!(report.looked.tiles, scene.size / 256);
        assert_eq!(report.looked.rows, scene.count(&scene::CATEGORIES.map(scene::rows_of)));
        assert_eq!(report.looked.keys, scene.count(&[Family::Keys]));
    }
}

#[tokio::test]
async fn what_no_vault_wrote_is_found_in_every_family() {
    let scene = Scene::of(Store::Memory).await;
    let (beyond, far) = (scene.size.to_be_bytes(), [9; 9]);
    let strange: [(Family, &[u8], Code); 10] = [
        (Family::Leaves, b"strange", Code::ForeignEntry),
        (Family::Leaves, &beyond, Code::LeafBeyond),
        (Family::Private, b"strange", Code::ForeignEntry),
        (Family::Private, &beyond, Code::ForeignEntry),
        (Family::Nodes, b"strange", Code::ForeignEntry),
        (Family::Nodes, &far, Code::ForeignEntry),
        (Family::Meta, b"strange", Code::ForeignEntry),
        (Family::Keys, b"strange", Code::ForeignEntry),
        (Family::Keys, b"Sshort", Code::ForeignEntry),
        (scene::rows_of("bank"), b"strange", Code::ForeignEntry),
    ];
    for (family, key, code) in strange {
        for with_seal in [false, true] {
            let report = scene.with(&[(family, key.to_vec(), Some(vec![1]))], with_seal);
            let found = places(&report);
            assert_eq!(found.len(), 1, "{family} {key:?}: {found:?}");
            assert_eq!((found[0].0, found[0].1.family.as_str()), (code, &*family.column()), "{found:?}");
        }
    }
}

#[tokio::test]
async fn a_leaf_that_is_gone_is_named() {
    let scene = Scene::of(Store::Memory).await;
    for index in [0, 100, 255, scene.size - 1] {
        for with_seal in [false, true] {
            let report = scene.with(&[(Family::Leaves, index.to_be_bytes().to_vec(), None)], with_seal);
            let found = places(&report);
            assert_eq!(found.iter().filter(|(code, _)| *code == Code::LeafMissing).count(), 1, "{found:?}");
            assert!(found.iter().any(|(code, place)| *code == Code::LeafMissing && place.leaf == Some(index)));
        }
    }
}

#[tokio::test]
async fn a_private_part_that_is_gone_is_named() {
    let scene = Scene::of(Store::Memory).await;
    let index = scene.written[0];
    for with_seal in [false, true] {
        let report = scene.with(&[(Family::Private, index.to_be_bytes().to_vec(), None)], with_seal);
        let found = places(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.leaf), (Code::PrivateMissing, Some(index)));
    }
}

#[tokio::test]
async fn private_parts_that_changed_places_are_named_both() {
    let scene = Scene::of(Store::Memory).await;
    let [one, other] = [scene.written[0], scene.written[1]].map(|index| index.to_be_bytes().to_vec());
    let [of_one, of_other] = [&one, &other].map(|key| scene.get(Family::Private, key));
    let report = scene.with(&[(Family::Private, one, of_other), (Family::Private, other, of_one)], true);
    let found = places(&report);
    for index in &scene.written[..2] {
        assert!(
            found.iter().any(|(code, place)| *code == Code::PrivateAltered && place.leaf == Some(*index)),
            "{found:?}"
        );
    }
    // The rows that these leaves wrote are known by their hashes all the same.
    assert!(found.iter().all(|(code, _)| *code == Code::PrivateAltered), "{found:?}");
}

#[tokio::test]
async fn policy_and_numbers_are_those_of_the_log() {
    let scene = Scene::of(Store::Memory).await;
    let altered: [(&[u8], Code); 5] = [
        (b"access", Code::PolicyAltered),
        (b"schema", Code::PolicyAltered),
        (b"epoch", Code::PolicyAltered),
        (b"number:oakvale", Code::NumberWrong),
        (b"number:vault", Code::NumberWrong),
    ];
    for (key, code) in altered {
        let mut value = scene.get(Family::Meta, key).unwrap();
        *value.last_mut().unwrap() ^= 1;
        for changed in [Some(value), None] {
            let report = scene.with(&[(Family::Meta, key.to_vec(), changed)], false);
            let found = places(&report);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, code);
        }
    }
}

#[tokio::test]
async fn ids_are_told_on_request_only() {
    let mut scene = Scene::of(Store::Memory).await;
    let row = scene.row("bank", 0);
    let told = [false, true].map(|show_ids| {
        scene.show_ids = show_ids;
        let report = scene.with(&[(scene::rows_of("bank"), row.0.clone(), None)], true);
        serde_json::to_string(report.findings.kept()).unwrap()
    });
    assert!(!told[0].contains("tenant-") && !told[0].contains("person"), "{}", told[0]);
    assert!(told[1].contains("\"person\":\"tenant-"), "{}", told[1]);
}
