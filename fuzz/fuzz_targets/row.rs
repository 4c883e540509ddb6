//! A row has one form: what parses is written back byte for byte.
#![no_main]

use coffer_keys::row::Row;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(row) = Row::parse(bytes) {
        assert_eq!(row.encode(), bytes);
    }
});
