//! Names tell nothing without their key, and no two things share one.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::sync::LazyLock;

use coffer_keys::{Context, KeyKind, Label, LocatorKey};
use common::{place, root};
use proptest::prelude::*;

fn locator() -> LocatorKey {
    root().make_locator(&place(KeyKind::Locator)).unwrap().0
}

#[test]
fn a_row_key_is_the_persons_half_and_the_records_half() {
    let locator = locator();
    let row = locator.row("a", "b");
    assert_eq!(row[..16], locator.person("a"));
    assert_eq!(row[16..], locator.record("a", "b"));
}

#[test]
fn one_key_gives_different_uses_different_names() {
    let locator = locator();
    let halves = [
        locator.person("a"),
        locator.record("a", "b"),
        locator.record("ab", ""),
        locator.record("", "ab"),
        locator.tag(&Context::new(Label::Locator).text("a")),
        locator.tag(&Context::new(Label::Index).text("a")),
    ];
    assert_eq!(halves.iter().collect::<HashSet<_>>().len(), halves.len());
}

#[test]
fn two_locators_share_no_name() {
    let (bank, care) = (locator(), locator());
    assert_ne!(bank.person("a"), care.person("a"));
    assert_ne!(bank.record("a", "b"), care.record("a", "b"));
}

#[test]
fn an_alias_joins_neither_categories_nor_periods() {
    let category = common::category();
    let (audit, _) = category.make_audit(&place(KeyKind::Audit)).unwrap();
    let aliases = [
        audit.alias("oakvale", "bank", "2026-11"),
        audit.alias("oakvale", "care", "2026-11"),
        audit.alias("oakvale", "bank", "2026-12"),
        audit.alias("brookside", "bank", "2026-11"),
        audit.alias_of("oakvale", "bank", "2026-11", ""),
        audit.alias_of("oakvale", "bank", "2026-11", "a"),
    ];
    assert_eq!(aliases.iter().collect::<HashSet<_>>().len(), aliases.len());
    let (stranger, _) = category.make_audit(&place(KeyKind::Audit)).unwrap();
    assert_ne!(stranger.alias("oakvale", "bank", "2026-11"), aliases[0]);
}

proptest! {
    #[test]
    fn two_records_never_share_a_row_key(one: (String, String), other: (String, String)) {
        static LOCATOR: LazyLock<LocatorKey> = LazyLock::new(locator);
        let locator = &*LOCATOR;
        prop_assert_eq!(locator.row(&one.0, &one.1) == locator.row(&other.0, &other.1), one == other);
    }
}
