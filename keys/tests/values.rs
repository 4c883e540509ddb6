//! A value opens under its own key, in its own place, with its own bytes, and in no other way.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::LazyLock;

use coffer_keys::row::{SUITE, value_context};
use coffer_keys::{Altered, Context, KeyId, KeyKind, Label, SubjectKey, Unsealable, VALUE_BYTES_MAX, sealed_len};
use common::{CATEGORY, CONTROLLER, PERSON, RECORD};
use proptest::prelude::*;

static KEY: LazyLock<SubjectKey> = LazyLock::new(common::subject);
const KEY_ID: KeyId = KeyId::from_bytes([7; 16]);

fn context() -> Context {
    value_context(CONTROLLER, CATEGORY, &KEY_ID, PERSON, RECORD, 1, 9, SUITE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_sealed_opens(plain in proptest::collection::vec(any::<u8>(), 0..5000), pad_to in 0usize..200) {
        let sealed = KEY.seal(&context(), &plain, pad_to).unwrap();
        prop_assert_eq!(Some(sealed.len()), sealed_len(plain.len(), pad_to));
        let opened = KEY.open(&context(), &sealed).unwrap();
        prop_assert_eq!(opened.as_bytes(), &plain[..]);
    }

    #[test]
    fn bytes_from_anywhere_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(KEY.open(&context(), &bytes).is_err());
    }

    #[test]
    fn another_place_does_not_open(
        controller in "[a-z]{1,8}", category in "[a-z]{1,8}", person in ".{0,8}", record in ".{0,8}",
        field: u16, version: u32,
    ) {
        let elsewhere = value_context(&controller, &category, &KEY_ID, &person, &record, field, version, SUITE);
        prop_assume!(elsewhere.as_bytes() != context().as_bytes());
        let sealed = KEY.seal(&elsewhere, b"value", 0).unwrap();
        prop_assert!(KEY.open(&context(), &sealed).is_err());
        prop_assert!(KEY.open(&elsewhere, &sealed).is_ok());
    }
}

#[test]
fn every_bit_of_a_sealed_value_is_guarded() {
    let mut sealed = KEY.seal(&context(), b"12345678", 0).unwrap();
    for position in 0..sealed.len() {
        for bit in 0..8 {
            sealed[position] ^= 1 << bit;
            assert_eq!(KEY.open(&context(), &sealed).err(), Some(Altered), "byte {position}, bit {bit}");
            sealed[position] ^= 1 << bit;
        }
    }
    assert!(KEY.open(&context(), &sealed).is_ok());
}

#[test]
fn every_other_length_of_a_sealed_value_is_refused() {
    let sealed = KEY.seal(&context(), b"12345678", 0).unwrap();
    for len in 0..sealed.len() {
        assert_eq!(KEY.open(&context(), &sealed[..len]).err(), Some(Altered), "{len} bytes");
    }
    let longer = [&sealed[..], &[0]].concat();
    assert_eq!(KEY.open(&context(), &longer).err(), Some(Altered));
}

#[test]
fn each_part_of_the_context_is_bound() {
    let sealed = KEY.seal(&context(), b"12345678", 0).unwrap();
    let other_id = KeyId::from_bytes([8; 16]);
    let elsewhere = [
        ("controller", value_context("brookside", CATEGORY, &KEY_ID, PERSON, RECORD, 1, 9, SUITE)),
        ("category", value_context(CONTROLLER, "care", &KEY_ID, PERSON, RECORD, 1, 9, SUITE)),
        ("key id", value_context(CONTROLLER, CATEGORY, &other_id, PERSON, RECORD, 1, 9, SUITE)),
        ("person", value_context(CONTROLLER, CATEGORY, &KEY_ID, "T-1043", RECORD, 1, 9, SUITE)),
        ("record", value_context(CONTROLLER, CATEGORY, &KEY_ID, PERSON, "mandate-2", 1, 9, SUITE)),
        ("field", value_context(CONTROLLER, CATEGORY, &KEY_ID, PERSON, RECORD, 2, 9, SUITE)),
        ("version", value_context(CONTROLLER, CATEGORY, &KEY_ID, PERSON, RECORD, 1, 8, SUITE)),
        ("suite", value_context(CONTROLLER, CATEGORY, &KEY_ID, PERSON, RECORD, 1, 9, SUITE + 1)),
        ("cut between names", value_context("oakval", "ebank", &KEY_ID, PERSON, RECORD, 1, 9, SUITE)),
        ("label", Context::new(Label::Private)),
    ];
    for (part, context) in &elsewhere {
        assert_eq!(KEY.open(context, &sealed).err(), Some(Altered), "{part}");
    }
}

#[test]
fn another_key_does_not_open() {
    let sealed = KEY.seal(&context(), b"12345678", 0).unwrap();
    assert_eq!(common::subject().open(&context(), &sealed).err(), Some(Altered));
}

#[test]
fn the_same_value_sealed_twice_looks_different() {
    let sealed = || KEY.seal(&context(), b"12345678", 0).unwrap();
    let (one, other) = (sealed(), sealed());
    assert_ne!(one[..16], other[..16], "salt");
    assert_ne!(one[16..48], other[16..48], "commitment");
    assert_ne!(one[48..], other[48..], "ciphertext");
}

#[test]
fn the_choices_of_an_enumeration_have_one_size() {
    let sizes = ["yes", "no", "prefer not to say"].map(|c| KEY.seal(&context(), c.as_bytes(), 29).unwrap().len());
    assert_eq!(sizes, [64 + 64; 3]);
}

#[test]
fn what_is_too_large_is_not_sealed() {
    let large = vec![0; VALUE_BYTES_MAX + 1];
    assert_eq!(KEY.seal(&context(), &large, 0).err(), Some(Unsealable::TooLarge));
    assert_eq!(KEY.seal(&context(), b"", VALUE_BYTES_MAX + 1).err(), Some(Unsealable::TooLarge));
    let largest = KEY.seal(&context(), &large[1..], 0).unwrap();
    assert_eq!(KEY.open(&context(), &largest).unwrap().as_bytes().len(), VALUE_BYTES_MAX);
}

#[test]
fn a_private_part_opens_under_its_audit_key_only() {
    let (audit, _) = common::category().make_audit(&common::place(KeyKind::Audit)).unwrap();
    let (stranger, _) = common::category().make_audit(&common::place(KeyKind::Audit)).unwrap();
    let context = Context::new(Label::Private).text(CONTROLLER).number(41);
    let sealed = audit.seal(&context, b"who, what, why", 512).unwrap();
    assert_eq!(audit.open(&context, &sealed).unwrap().as_bytes(), b"who, what, why");
    assert_eq!(stranger.open(&context, &sealed).err(), Some(Altered));
    let next = Context::new(Label::Private).text(CONTROLLER).number(42);
    assert_eq!(audit.open(&next, &sealed).err(), Some(Altered));
}
