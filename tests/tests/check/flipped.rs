//! One flipped bit, anywhere.

use coffer_tests::harness::Store;
use coffer_vault::check::{Code, Place};
use coffer_vault::store::Family;

use crate::scene::{CATEGORIES, Scene, places, rows_of};

/// Of the bytes of a row, one in so many is flipped.
const STEP: usize = 23;

/// Flips bytes of a row one at a time. What is found must begin with one of the codes, at the place.
fn each_flip(scene: &Scene, family: Family, key: &[u8], codes: &[Code], skip: &[usize], at: impl Fn(&Place) -> bool) {
    let value = scene.get(family, key).unwrap();
    let ends = [0, 1, 2, value.len() - 1];
    // Leaves and checkpoint are looked at in the same way without the seal, and sooner.
    let with_seal = !matches!(family, Family::Leaves | Family::Meta);
    let bytes = (0..value.len()).filter(|byte| (ends.contains(byte) || byte % STEP == 0) && !skip.contains(byte));
    for byte in bytes {
        let mut flipped = value.clone();
        flipped[byte] ^= 1;
        let found = places(&scene.with(&[(family, key.to_vec(), Some(flipped))], with_seal));
        let named = found.iter().any(|(code, place)| codes.contains(code) && at(place));
        assert!(named, "byte {byte} of {} in {family}: {found:?}", value.len());
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_leaf_is_found_and_the_leaf_named() {
    let scene = Scene::of(Store::Memory).await;
    for index in [0, 20, 255] {
        let key = index_key(index);
        each_flip(&scene, Family::Leaves, &key, &[Code::LeafAltered], &[], |place| place.leaf == Some(index));
    }
    // Of leaves that fill no tile yet the tree keeps no hash: the root says that one of them is wrong.
    let tail = scene.size / 256 * 256;
    for index in [tail, scene.size - 1] {
        let key = index_key(index);
        each_flip(&scene, Family::Leaves, &key, &[Code::RootMismatch], &[], |place| place.leaf == Some(tail));
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_private_part_is_found_and_its_leaf_named() {
    let scene = Scene::of(Store::Memory).await;
    let codes = [Code::PrivateAltered, Code::PrivateUnattributed, Code::PrivateMalformed];
    for index in [0, 30, scene.written[0], scene.written[3], scene.size - 1] {
        each_flip(&scene, Family::Private, &index_key(index), &codes, &[], |place| place.leaf == Some(index));
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_tile_is_found_and_the_tile_named() {
    let scene = Scene::of(Store::Memory).await;
    let tiles = scene.rows(Family::Nodes);
    assert!(!tiles.is_empty());
    let value = &tiles[0].1;
    for byte in (0..value.len()).step_by(501) {
        let mut flipped = value.clone();
        flipped[byte] ^= 1;
        let report = scene.with(&[(Family::Nodes, tiles[0].0.clone(), Some(flipped))], false);
        let found = places(&report);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.tile), (Code::TileAltered, Some((0, 0))));
    }
    for (value, code) in [(None, Code::TileMissing), (Some(vec![1; 100]), Code::TileAltered)] {
        let found = places(&scene.with(&[(Family::Nodes, tiles[0].0.clone(), value)], false));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.tile), (code, Some((0, 0))));
    }
}

#[tokio::test]
async fn a_flipped_bit_in_the_checkpoint_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let at = |place: &Place| place.entry == Some("checkpoint");
    each_flip(&scene, Family::Meta, b"checkpoint", &[Code::CheckpointAltered, Code::CheckpointMissing], &[], at);
    let found = places(&scene.with(&[(Family::Meta, b"checkpoint".to_vec(), None)], false));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Code::CheckpointMissing);
}

#[tokio::test]
async fn a_flipped_bit_in_a_row_is_found_and_its_record_named() {
    let scene = Scene::of(Store::Memory).await;
    let codes = [Code::RowAltered, Code::RowKeyMissing];
    for category in CATEGORIES {
        let (key, _) = scene.row(category, 0);
        let leaf = |place: &Place| {
            let named = place.category.is_some_and(|name| name.as_str() == category) && place.controller.is_some();
            named && place.leaf.is_some_and(|leaf| leaf < scene.size)
        };
        each_flip(&scene, rows_of(category), &key, &codes, &[], leaf);
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_wrapped_key_or_an_index_row_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let first = |letter: u8, living: bool| {
        let rows = scene.rows(Family::Keys).into_iter();
        let mut rows = rows.filter(|(key, value)| key[0] == letter && (!living || value.len() > 100));
        rows.next().unwrap().0
    };
    let in_keys = |place: &Place| place.family == "keys";
    // Of a key under the root key, the time of its making is bound by nothing, and says nothing.
    let created: Vec<usize> = (7..15).collect();
    let root = [Code::KeyAltered, Code::KeyMalformed, Code::KeyStateAltered];
    each_flip(&scene, Family::Keys, &first(b'R', false), &root, &created, in_keys);
    let subject = [Code::KeyAltered, Code::KeyMalformed, Code::KeyForeign, Code::IndexMissing];
    each_flip(&scene, Family::Keys, &first(b'S', true), &subject, &[], in_keys);
    let audit = [Code::KeyAltered, Code::KeyMalformed, Code::KeyForeign];
    each_flip(&scene, Family::Keys, &first(b'A', false), &audit, &[], in_keys);
    each_flip(&scene, Family::Keys, &first(b'P', false), &[Code::IndexAltered, Code::IndexDangling], &[], in_keys);
}

fn index_key(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}
