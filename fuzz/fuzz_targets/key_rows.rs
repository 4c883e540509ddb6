//! Rows of the keys family have one form each.
#![no_main]

use coffer_vault::keyring::record::{AuditRow, IndexRow, RootRow, SubjectRow};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let written = [
        RootRow::decode(bytes).map(|row| row.encode()),
        SubjectRow::decode(bytes).map(|row| row.encode()),
        IndexRow::decode(bytes).map(|row| row.encode()),
        AuditRow::decode(bytes).map(|row| row.encode()),
    ];
    written.into_iter().flatten().for_each(|again| assert_eq!(again, bytes));
});
