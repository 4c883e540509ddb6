//! Rows and keys against what the log comes to, both ways.

use coffer_keys::row::Row;
use coffer_tests::harness::Store;
use coffer_vault::check::{Code, Finding, Report};
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::store::Family;

use crate::scene::{CATEGORIES, Change, Scene, places, rows_of};

/// The one finding of a code.
fn only(report: &Report, code: Code) -> &Finding {
    let mut of_code = report.findings.kept().iter().filter(|finding| finding.code == code);
    let found = of_code.next().unwrap_or_else(|| panic!("no {code:?}: {:?}", places(report)));
    assert!(of_code.next().is_none(), "{code:?} twice: {:?}", places(report));
    found
}

#[tokio::test]
async fn a_row_that_is_gone_is_missing_in_every_category() {
    let scene = Scene::of(Store::Memory).await;
    for category in CATEGORIES {
        for (key, value) in scene.rows(rows_of(category)) {
            let report = scene.with(&[(rows_of(category), key, None)], true);
            assert_eq!(report.findings.total(), 1);
            let found = only(&report, Code::RowMissing);
            assert_eq!(found.place.category.unwrap().as_str(), category);
            assert!(found.place.controller.is_some() && found.place.leaf.is_some());
            assert_eq!(found.expected, Some(Row::parse(&value).unwrap().head.version.into()));
        }
    }
}

#[tokio::test]
async fn an_older_row_that_was_put_back_is_named_with_both_versions() {
    let scene = Scene::of(Store::Memory).await;
    let older: Vec<&Change> = older_rows(&scene);
    let mut seen = 0;
    for (family, key, value) in older {
        let (Some(old), Some(now)) = (value, scene.get(*family, key)) else { continue };
        let version = |bytes: &[u8]| u64::from(Row::parse(bytes).unwrap().head.version);
        // An erasure has moved some rows to a new key: their older copies lie under a destroyed one.
        if version(old) == version(&now) {
            continue;
        }
        let report = scene.with(&[(*family, key.clone(), Some(old.clone()))], true);
        if version(old) > version(&now) {
            continue;
        }
        let found = only(&report, Code::RowOlder);
        assert_eq!((found.found, found.expected), (Some(version(old)), Some(version(&now))));
        assert_eq!(report.findings.total(), 1);
        seen += 1;
    }
    assert_eq!(seen, 1, "one record has got a further version");
}

/// Rows that stood in the store before, and stand there no more as they were.
fn older_rows(scene: &Scene) -> Vec<&Change> {
    let is_row = |family: &Family| matches!(family, Family::Rows(_));
    let changed =
        scene.before.iter().filter(|(family, key, value)| is_row(family) && scene.get(*family, key) != *value);
    changed.collect()
}

#[tokio::test]
async fn a_row_that_was_put_back_after_an_erasure_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let ended: Vec<_> =
        older_rows(&scene).into_iter().filter(|(family, key, _)| scene.get(*family, key).is_none()).collect();
    assert_eq!(ended.len(), 1, "one record was erased and not written again");
    for with_seal in [false, true] {
        let report = scene.with(&[ended[0].clone()], with_seal);
        assert_eq!(report.findings.total(), 1, "{:?}", places(&report));
        assert_eq!(only(&report, Code::RowKeyDestroyed).place.family, "rows:bank");
    }
}

#[tokio::test]
async fn a_row_of_before_a_reseal_does_not_stand_for_the_resealed_one() {
    let scene = Scene::of(Store::Memory).await;
    let version = |bytes: &[u8]| Row::parse(bytes).unwrap().head.version;
    let resealed = older_rows(&scene).into_iter().filter(|(family, key, old)| {
        let now = scene.get(*family, key);
        now.is_some_and(|now| version(&now) == version(old.as_ref().unwrap()))
    });
    let resealed: Vec<_> = resealed.collect();
    // The rest of a person of whom one record was erased, and one who was erased and written anew.
    assert_eq!(resealed.len(), 2);
    for change in resealed {
        let report = scene.with(std::slice::from_ref(change), true);
        only(&report, Code::RowKeyDestroyed);
        only(&report, Code::RowMissing);
    }
}

#[tokio::test]
async fn a_row_that_was_copied_elsewhere_is_foreign_there() {
    let scene = Scene::of(Store::Memory).await;
    let bank = rows_of("bank");
    let (key, value) = scene.row("bank", 0);
    // To a place that no record has.
    let report = scene.with(&[(bank, vec![7; 32], Some(value.clone()))], true);
    assert_eq!(report.findings.total(), 1, "{:?}", places(&report));
    assert_eq!(only(&report, Code::RowForeign).place.family, "rows:bank");
    // To the place of another record, of the same landlord or the other: that record is then missing.
    for (other, _) in scene.rows(bank).into_iter().filter(|(other, _)| *other != key) {
        let report = scene.with(&[(bank, other, Some(value.clone()))], true);
        assert_eq!(report.findings.total(), 2, "{:?}", places(&report));
        let (foreign, missing) = (only(&report, Code::RowForeign), only(&report, Code::RowMissing));
        assert_eq!(foreign.place.leaf, missing.place.leaf);
    }
    // To another category: that shows without the seal.
    for with_seal in [false, true] {
        let report = scene.with(&[(rows_of("care"), key.clone(), Some(value.clone()))], with_seal);
        assert_eq!(report.findings.total(), 1, "{:?}", places(&report));
        assert_eq!(only(&report, Code::RowForeign).place.family, "rows:care");
    }
}

#[tokio::test]
async fn a_destroyed_key_that_was_put_back_is_a_breach() {
    let scene = Scene::of(Store::Memory).await;
    let mut seen = 0;
    for (family, key, value) in scene.before.iter().filter(|(family, key, _)| *family == Family::Keys && key[0] == b'S')
    {
        let now = scene.get(*family, key).unwrap();
        let Some(SubjectRow::Destroyed { at }) = SubjectRow::decode(&now) else { continue };
        assert!(at >= scene.size_before);
        let report = scene.with(&[(*family, key.clone(), value.clone())], true);
        assert!(only(&report, Code::KeyUndestroyed).place.leaf.is_some_and(|leaf| leaf >= at));
        let report = scene.with(&[(*family, key.clone(), None)], true);
        only(&report, Code::TombstoneMissing);
        // Where it is a witness's, the row that names it does not open either: an erasure is only what has a tombstone.
        let others = report.findings.kept().iter().filter(|finding| finding.code != Code::TombstoneMissing);
        let others: Vec<_> = others.map(|finding| (finding.code, finding.place.family.as_str())).collect();
        assert!(others.is_empty() || others == [(Code::RowAltered, "rows:complaints")], "{:?}", places(&report));
        // Leaf 0 opens the log. That a write ended another key than this one only its private part tells.
        for (with_seal, leaf) in [(false, 0), (true, 0), (true, scene.written[0])] {
            let elsewhere = SubjectRow::Destroyed { at: leaf }.encode();
            let report = scene.with(&[(*family, key.clone(), Some(elsewhere))], with_seal);
            assert_eq!(report.findings.total(), 1, "{:?}", places(&report));
            only(&report, Code::TombstoneWrong);
        }
        seen += 1;
    }
    assert!(seen >= 3, "{seen} keys were destroyed");
}

#[tokio::test]
async fn a_key_that_is_gone_is_missing_and_its_leaf_named() {
    let scene = Scene::of(Store::Memory).await;
    for (key, value) in scene.rows(Family::Keys) {
        let living = value.len() > 90;
        if living {
            let report = scene.with(&[(Family::Keys, key.clone(), None)], true);
            // Losing a key that wraps others has more to say; the missing key is always named.
            let named = report.findings.kept().iter().any(|found| match found.code {
                Code::KeyMissing => found.place.leaf.is_some_and(|leaf| leaf < scene.size),
                _ => false,
            });
            // Without the vault's own audit keys no private part says what was made.
            let unread = report.findings.counts().contains_key(&Code::PrivateUnattributed);
            assert!(named || unread, "{:?}", places(&report));
        } else if key[0] == b'P' {
            let report = scene.with(&[(Family::Keys, key, None)], false);
            assert_eq!(report.findings.total(), 1, "{:?}", places(&report));
            only(&report, Code::IndexMissing);
        }
    }
}

#[tokio::test]
async fn a_tombstone_in_place_of_a_living_key_is_found() {
    let scene = Scene::of(Store::Memory).await;
    let rows = scene.rows(Family::Keys).into_iter();
    let (key, _) = rows.into_iter().find(|(key, value)| key[0] == b'S' && value.len() > 100).unwrap();
    let tombstone = SubjectRow::Destroyed { at: scene.written[0] }.encode();
    let report = scene.with(&[(Family::Keys, key, Some(tombstone))], true);
    only(&report, Code::TombstoneWrong);
    only(&report, Code::IndexDangling);
}
