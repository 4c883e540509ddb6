//! An approval that parses is written back as it was, and nobody signs for a certificate that is none.
#![no_main]

use coffer_vault::admit::approval::is_signed;
use coffer_wire::approval::{Approval, Request};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(request) = Request::parse(text) {
        assert_eq!(request.encode(), text);
    }
    if let Ok((approval, signed, signature)) = Approval::parse(text) {
        assert_eq!(approval.signed().unwrap(), signed);
        assert!(!is_signed(&approval, signed, &signature));
    }
});
