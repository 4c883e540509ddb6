//! Wrapped keys against the states of the keys that wrap them, and those states against the log.

use coffer_keys::KeyId;
use coffer_tests::harness::Store;
use coffer_vault::check::{Code, Report};
use coffer_vault::keyring::record::{RootRow, State, SubjectRow, Use};
use coffer_vault::store::Family;

use crate::scene::{Change, Scene, places};

/// The key that wraps those of bank details of a landlord: where it lies, and what lies there.
fn wrapping(scene: &Scene) -> (KeyId, RootRow) {
    let rows = scene.rows(Family::Keys).into_iter().filter(|(key, _)| key.starts_with(RootRow::PREFIX));
    let mut rows = rows.map(|(key, value)| (RootRow::id(&key).unwrap(), RootRow::decode(&value).unwrap()));
    let of_bank = |row: &RootRow| row.category.as_str() == "bank" && row.controller.as_str() == "oakvale";
    rows.find(|(_, row)| row.usage == Use::Category && of_bank(row)).unwrap()
}

/// The living keys of persons under it.
fn wrapped(scene: &Scene, by: &KeyId) -> Vec<KeyId> {
    let rows = scene.rows(Family::Keys).into_iter().filter(|(key, _)| key.starts_with(SubjectRow::PREFIX));
    let under = rows.filter(|(_, value)| {
        matches!(SubjectRow::decode(value), Some(SubjectRow::Living { wrapped_by, .. }) if wrapped_by == *by)
    });
    under.map(|(key, _)| SubjectRow::id(&key).unwrap()).collect()
}

fn put(id: &KeyId, row: &RootRow) -> Change {
    (Family::Keys, RootRow::key(id), Some(row.encode()))
}

fn keys_of(report: &Report, code: Code) -> Vec<String> {
    let of_code = places(report).into_iter().filter(|(found, _)| *found == code);
    of_code.map(|(_, place)| place.key.unwrap_or_default()).collect()
}

fn named(ids: &[KeyId]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_state_that_no_leaf_made_is_found_and_the_key_named() {
    let scene = Scene::of(Store::Memory).await;
    for state in [State::DecryptOnly, State::Compromised, State::Destroyed] {
        let (id, row) = wrapping(&scene);
        let report = scene.with(&[put(&id, &RootRow { state, ..row })], true);
        let wrong: Vec<_> = places(&report).into_iter().filter(|(code, _)| *code == Code::KeyStateWrong).collect();
        assert_eq!(wrong.len(), 1, "{:?}", places(&report));
        assert_eq!((wrong[0].1.key.clone(), wrong[0].1.entry), (Some(id.to_string()), Some(state.as_str())));
        // None is left that wraps what is new, which shows without the seal too.
        let (id, row) = wrapping(&scene);
        let report = scene.with(&[put(&id, &RootRow { state, ..row })], false);
        assert!(places(&report).iter().any(|(code, _)| *code == Code::KeyVersions), "{:?}", places(&report));
    }
}

#[tokio::test]
async fn keys_under_a_destroyed_key_are_named_each() {
    let scene = Scene::of(Store::Memory).await;
    let (id, row) = wrapping(&scene);
    let under = wrapped(&scene, &id);
    assert!(under.len() >= 3, "{} keys", under.len());
    let change = put(&id, &RootRow { state: State::Destroyed, ..row });
    for with_seal in [false, true] {
        let report = scene.with(std::slice::from_ref(&change), with_seal);
        let mut found = keys_of(&report, Code::KeyUnderDestroyed);
        found.sort();
        assert_eq!(found, named(&under));
    }
}

#[tokio::test]
async fn keys_whose_wrapping_key_is_gone_are_told_from_those_under_a_key_that_never_was() {
    let scene = Scene::of(Store::Memory).await;
    let (id, _) = wrapping(&scene);
    let under = wrapped(&scene, &id);
    let report = scene.with(&[(Family::Keys, RootRow::key(&id), None)], true);
    let mut found = keys_of(&report, Code::KeyWrapMissing);
    found.sort();
    assert_eq!(found, named(&under));
    assert!(keys_of(&report, Code::KeyForeign).is_empty());

    let key = SubjectRow::key(&under[0]);
    let Some(SubjectRow::Living { index, wrapped, .. }) = SubjectRow::decode(&scene.get(Family::Keys, &key).unwrap())
    else {
        panic!("it lives");
    };
    let strange = SubjectRow::Living { wrapped_by: KeyId::from_bytes([9; 16]), index, wrapped };
    let report = scene.with(&[(Family::Keys, key, Some(strange.encode()))], true);
    assert_eq!(keys_of(&report, Code::KeyForeign), [under[0].to_string()]);
}

#[tokio::test]
async fn a_version_that_is_doubled_or_left_out_is_found_without_the_seal() {
    let scene = Scene::of(Store::Memory).await;
    let other = KeyId::from_bytes([7; 16]);
    let changes: [fn(RootRow) -> RootRow; 3] = [
        |row| row,
        |row| RootRow { state: State::DecryptOnly, ..row },
        |row| RootRow { version: 3, state: State::DecryptOnly, ..row },
    ];
    for change in changes {
        let (_, row) = wrapping(&scene);
        let report = scene.with(&[put(&other, &change(row))], false);
        // A key in a state that no leaf has brought it to may be found beside it.
        let mut found = places(&report);
        found.retain(|(code, _)| *code != Code::KeyStateWrong);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.category.unwrap().as_str()), (Code::KeyVersions, "bank"));
    }
    // The next one, whatever it holds, is for the seal to judge: no leaf made it.
    let (_, row) = wrapping(&scene);
    let next = put(&other, &RootRow { version: 2, state: State::DecryptOnly, ..row });
    assert_eq!(places(&scene.with(std::slice::from_ref(&next), false)), []);
    let report = scene.with(&[next], true);
    assert_eq!(keys_of(&report, Code::KeyUnlogged), [other.to_string()]);
    assert_eq!(keys_of(&report, Code::KeyAltered), [other.to_string()]);
}
