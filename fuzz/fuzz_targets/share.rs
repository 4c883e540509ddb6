//! A share that parses is written back so that it parses to the same; what is no share is refused without a panic.
#![no_main]

use coffer_keys::seal::Share;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(share) = Share::parse(text) {
        let line = share.to_text();
        let again = Share::parse(&line).unwrap();
        assert_eq!((share.set(), share.index(), share.threshold()), (again.set(), again.index(), again.threshold()));
        assert_eq!(*again.to_text(), *line);
    }
});
