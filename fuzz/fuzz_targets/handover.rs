//! A note that hands the log on is written back as it was read, and nobody leads anywhere without the key.
#![no_main]

use coffer_wire::note::{VerifierKey, in_a_row};
use coffer_wire::succession::{Handover, Trust};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(handover) = Handover::parse(text) {
        assert!(text.starts_with(&handover.body()));
    }
    let mut trust = Trust::of(VerifierKey::new("coffer.example/fuzz", [7; 32]).unwrap());
    if let Some(notes) = in_a_row(text) {
        let _ = trust.follow(notes);
    }
    assert_eq!(trust.notes().count(), 0);
});
