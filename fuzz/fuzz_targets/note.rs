//! Nobody signs without the key, and a checkpoint that parses is written back with the lines that it has.
#![no_main]

use coffer_wire::note::{Checkpoint, VerifierKey, verify};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let key = VerifierKey::new("coffer.example/fuzz", [7; 32]).unwrap();
    assert!(verify(text, &key).is_err());
    if let Ok(checkpoint) = Checkpoint::parse_body(text) {
        assert!(text.starts_with(&checkpoint.body()));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
});
