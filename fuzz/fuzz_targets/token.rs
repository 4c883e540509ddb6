//! No text is a token that nobody signed.
#![no_main]

use std::sync::LazyLock;

use coffer_vault::admit::Tokens;
use coffer_vault::config::Issuer;

/// A public key whose private half was thrown away (RFC 8037, appendix A.2).
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"k",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, JWKS).unwrap();
    let issuer = Issuer { iss: "i".to_owned(), jwks, audience: "a".to_owned(), local: false };
    Tokens::load(&[issuer]).unwrap()
});

libfuzzer_sys::fuzz_target!(|input: (&str, u64)| {
    let (token, now_ms) = input;
    assert!(TOKENS.verify(token, now_ms).is_err());
    assert_eq!(TOKENS.kept(), 0);
});
