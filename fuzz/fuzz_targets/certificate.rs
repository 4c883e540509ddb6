//! Any bytes are a client's certificate with a name, or none.
#![no_main]

use coffer_vault::admit::PeerCertificate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = PeerCertificate::parse(bytes) {
        let _ = certificate.is_current(certificate.not_before_ms);
    }
});
