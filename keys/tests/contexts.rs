//! The encoder of contexts is injective: the parts can be read back, so no two lists of parts share their bytes.
#![allow(clippy::unwrap_used)]

use coffer_keys::{Context, Label};
use proptest::collection::vec;
use proptest::prelude::*;

fn encode(label: Label, parts: &[Vec<u8>]) -> Context {
    parts.iter().fold(Context::new(label), |context, part| context.part(part))
}

/// Reads a context back; written from the format's description.
fn decode(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (part, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        parts.push(part.to_vec());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    parts
}

fn label() -> impl Strategy<Value = Label> {
    proptest::sample::select(Label::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_context_reads_back(label in label(), parts in vec(vec(any::<u8>(), 0..40), 0..8)) {
        let read = decode(encode(label, &parts).as_bytes());
        prop_assert_eq!(&read[0], b"coffer/1");
        prop_assert_eq!(&read[1], label.text().as_bytes());
        prop_assert_eq!(&read[2..], &parts[..]);
    }

    /// The same letters, cut in two ways: what gluing would confuse.
    #[test]
    fn two_cuts_of_one_text_differ(
        text in vec(prop_oneof![Just(0u8), Just(4), Just(b'a')], 1..24),
        cuts in (vec(0usize..24, 0..4), vec(0usize..24, 0..4)),
    ) {
        let (one, other) = (cut(&text, cuts.0), cut(&text, cuts.1));
        let same = encode(Label::Value, &one).as_bytes() == encode(Label::Value, &other).as_bytes();
        prop_assert_eq!(same, one == other);
    }

    #[test]
    fn two_labels_never_share_bytes(pair in (label(), label()), parts in vec(vec(any::<u8>(), 0..8), 0..4)) {
        let same = encode(pair.0, &parts).as_bytes() == encode(pair.1, &parts).as_bytes();
        prop_assert_eq!(same, pair.0 == pair.1);
        prop_assert_eq!(encode(pair.0, &parts).digest() == encode(pair.1, &parts).digest(), same);
    }
}

fn cut(text: &[u8], mut cuts: Vec<usize>) -> Vec<Vec<u8>> {
    cuts.iter_mut().for_each(|cut| *cut = (*cut).min(text.len()));
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([text.len()]);
    let mut start = 0;
    ends.map(|end| text[std::mem::replace(&mut start, end)..end].to_vec()).collect()
}

#[test]
fn texts_and_numbers_are_parts() {
    let by_name = Context::new(Label::Row).text("oakvale").number(258);
    let by_bytes = Context::new(Label::Row).part(b"oakvale").part(&[0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(by_name.as_bytes(), by_bytes.as_bytes());
}
