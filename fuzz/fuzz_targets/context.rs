//! Two lists of parts have one encoding only if they are the same list.
#![no_main]

use coffer_keys::{Context, Label};

fn encoded(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().fold(Context::new(Label::Value), |context, part| context.part(part)).as_bytes().to_vec()
}

libfuzzer_sys::fuzz_target!(|lists: (Vec<&[u8]>, Vec<&[u8]>)| {
    let (one, other) = lists;
    assert_eq!(encoded(&one) == encoded(&other), one == other);
});
