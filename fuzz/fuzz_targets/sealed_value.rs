//! What is sealed opens to the same bytes; bytes that nobody sealed never open.
#![no_main]

use coffer_fuzz::SUBJECT;
use coffer_keys::{Context, Label};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8], u8)| {
    let (place, bytes, pad_to) = input;
    let context = Context::new(Label::Value).part(place);
    assert!(SUBJECT.open(&context, bytes).is_err());
    let mut sealed = SUBJECT.seal(&context, bytes, pad_to.into()).unwrap();
    assert_eq!(SUBJECT.open(&context, &sealed).unwrap().as_bytes(), bytes);
    let at = place.len() % sealed.len();
    sealed[at] ^= 1 << (pad_to % 8);
    assert!(SUBJECT.open(&context, &sealed).is_err());
});
