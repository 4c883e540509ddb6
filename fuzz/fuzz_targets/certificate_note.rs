//! Nobody certifies without the key, and a certificate that parses is the very text that it came from.
#![no_main]

use coffer_wire::certificate::Certificate;
use coffer_wire::note::VerifierKey;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let key = VerifierKey::new("coffer.example/fuzz", [7; 32]).unwrap();
    assert!(Certificate::verify(text, &key).is_err());
    if let Ok(certificate) = Certificate::parse_body(text) {
        assert_eq!(certificate.body(), text);
    }
});
