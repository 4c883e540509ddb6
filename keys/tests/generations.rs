//! What a generation's key seals opens in its place alone, and nobody without the key can say that a manifest is one of its own.
#![allow(clippy::unwrap_used)]

mod common;

use coffer_keys::{CHUNK_BYTES_MAX, Chunk, GenerationKey, KeyKind, Unsealable};
use common::{place, root};

const PLAIN: &[u8] = b"rows of the keys family";
const FIRST: Chunk = Chunk { archive: [7; 16], number: 0, last: false };

fn key() -> GenerationKey {
    root().make_generation(&place(KeyKind::Generation)).unwrap().0
}

#[test]
fn a_chunk_comes_back_under_a_key_that_was_taken_out_of_its_wrap() {
    let root = root();
    let (key, wrapped) = root.make_generation(&place(KeyKind::Generation)).unwrap();
    let sealed = key.seal(&FIRST, PLAIN).unwrap();
    let again = root.open_generation(&place(KeyKind::Generation), &wrapped).unwrap();
    assert_eq!(&again.open(&FIRST, &sealed).unwrap()[..], PLAIN);
}

#[test]
fn a_chunk_opens_in_its_place_alone() {
    let key = key();
    let sealed = key.seal(&FIRST, PLAIN).unwrap();
    let elsewhere = [Chunk { archive: [8; 16], ..FIRST }, Chunk { number: 1, ..FIRST }, Chunk { last: true, ..FIRST }];
    for place in elsewhere {
        assert!(key.open(&place, &sealed).is_err(), "{place:?}");
    }
    assert!(self::key().open(&FIRST, &sealed).is_err(), "another generation's key");
}

#[test]
fn a_chunk_of_which_any_bit_was_flipped_or_that_was_cut_does_not_open() {
    let key = key();
    let sealed = key.seal(&FIRST, PLAIN).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(key.open(&FIRST, &flipped).is_err(), "bit {bit}");
    }
    for len in 0..sealed.len() {
        assert!(key.open(&FIRST, &sealed[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn a_chunk_does_not_show_what_it_holds_and_no_two_are_alike() {
    let key = key();
    let (one, other) = (key.seal(&FIRST, PLAIN).unwrap(), key.seal(&FIRST, PLAIN).unwrap());
    assert_ne!(one, other);
    assert!(!one.windows(PLAIN.len()).any(|window| window == PLAIN));
}

#[test]
fn a_chunk_has_a_greatest_length() {
    let key = key();
    let longest = vec![1; CHUNK_BYTES_MAX];
    assert_eq!(key.open(&FIRST, &key.seal(&FIRST, &longest).unwrap()).unwrap().len(), CHUNK_BYTES_MAX);
    assert_eq!(key.seal(&FIRST, &vec![1; CHUNK_BYTES_MAX + 1]).err(), Some(Unsealable::TooLarge));
    assert_eq!(key.open(&FIRST, &key.seal(&FIRST, b"").unwrap()).unwrap().len(), 0);
}

#[test]
fn a_manifest_is_vouched_for_by_its_generation_for_its_archive() {
    let key = key();
    let voucher = key.vouch(&[7; 16], b"manifest");
    assert!(key.vouched(&[7; 16], b"manifest", &voucher).is_ok());
    assert!(key.vouched(&[8; 16], b"manifest", &voucher).is_err());
    assert!(key.vouched(&[7; 16], b"manifest.", &voucher).is_err());
    assert!(self::key().vouched(&[7; 16], b"manifest", &voucher).is_err());
}

#[test]
fn a_generation_outlives_the_root_key_that_it_was_made_under() {
    let (old, next) = (root(), root());
    let first = place(KeyKind::Generation);
    let (key, wrapped) = old.make_generation(&first).unwrap();
    let sealed = key.seal(&FIRST, PLAIN).unwrap();

    let moved = old.rewrap(&first, &wrapped, &next).unwrap();
    let second = coffer_keys::Place { wrapped_by: next.id(), ..first };
    assert!(old.open_generation(&second, &moved).is_err());
    let again = next.open_generation(&second, &moved).unwrap();
    assert_eq!(&again.open(&FIRST, &sealed).unwrap()[..], PLAIN);
}
