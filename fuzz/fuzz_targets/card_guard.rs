//! Any text is judged in its time; a card number is found wherever it stands alone, and joining words takes none away.
#![no_main]

use coffer_vault::cards::found_in;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = found_in(text);
    assert!(found_in(&format!("{text}\nx 4111 1111 1111 1111 x")));
});
