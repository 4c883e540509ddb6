//! An issuer's public keys (JWK set, RFC 7517), read from a file that the operator keeps.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::config::FileError;

/// Keys of one issuer, at most.
const KEYS_MAX: usize = 64;
/// Bytes of an Ed25519 public key, and of each coordinate on P-256.
const COORDINATE_BYTES: usize = 32;
/// How an uncompressed point begins (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Public keys by their `kid`.
pub(super) struct KeySet(HashMap<String, Key>);

/// One key, bound to its one algorithm: a token that names another is not checked under it.
pub(super) struct Key {
    pub(super) key: DecodingKey,
    pub(super) validation: Validation,
}

impl KeySet {
    pub(super) fn key(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }

    /// Keys of other types and for other uses are passed over, so that an issuer may publish them.
    pub(super) fn read(file: &str, text: &str) -> Result<KeySet, FileError> {
        let fail = |what: String| FileError::whole(file, what);
        let set: RawSet = serde_json::from_str(text).map_err(|error| fail(format!("is no JWK set: {error}")))?;
        if set.keys.len() > KEYS_MAX {
            return Err(fail(format!("holds more than {KEYS_MAX} keys")));
        }
        let withdrawn = set.keys.is_empty();
        let mut keys = HashMap::new();
        for raw in set.keys {
            if raw.has_private_part() {
                return Err(fail("holds a private key; publish the public part alone".to_owned()));
            }
            if !raw.is_for_signatures() {
                continue;
            }
            let Some(kid) = raw.kid.clone().filter(|kid| !kid.is_empty()) else {
                return Err(fail("holds a key without `kid`; tokens must say which key signed them".to_owned()));
            };
            let Some(key) = raw.key().map_err(|what| fail(format!("key `{kid}` {what}")))? else { continue };
            if keys.insert(kid.clone(), key).is_some() {
                return Err(fail(format!("holds two keys `{kid}`")));
            }
        }
        // An issuer may take back its last key. Keys of which none is of use are a mistake.
        if keys.is_empty() && !withdrawn {
            return Err(fail("holds no Ed25519 or P-256 key for signatures".to_owned()));
        }
        Ok(KeySet(keys))
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

/// As much of a key as counts here; RFC 7517 asks that other members be ignored.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

impl RawKey {
    fn has_private_part(&self) -> bool {
        self.d.is_some() || self.k.is_some()
    }

    fn is_for_signatures(&self) -> bool {
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }

    fn key(&self) -> Result<Option<Key>, &'static str> {
        let alg = self.alg.as_deref();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) if alg.is_none_or(|alg| alg == "EdDSA" || alg == "Ed25519") => {
                let x = coordinate(self.x.as_deref())?;
                Ok(Some(Key::new(DecodingKey::from_ed_der(&x), Algorithm::EdDSA)))
            }
            ("EC", Some("P-256")) if alg.is_none_or(|alg| alg == "ES256") => {
                let (x, y) = (coordinate(self.x.as_deref())?, coordinate(self.y.as_deref())?);
                let point = [&[UNCOMPRESSED][..], &x, &y].concat();
                Ok(Some(Key::new(DecodingKey::from_ec_der(&point), Algorithm::ES256)))
            }
            _ => Ok(None),
        }
    }
}

impl Key {
    fn new(key: DecodingKey, algorithm: Algorithm) -> Key {
        let mut validation = Validation::new(algorithm);
        // The claims are checked in `token`, against the vault's own clock and on every use; here
        // only the signature counts.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Key { key, validation }
    }
}

fn coordinate(text: Option<&str>) -> Result<[u8; COORDINATE_BYTES], &'static str> {
    let bytes = text.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or("has a coordinate that is not 32 bytes of base64url")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"; // RFC 8037 appendix A.2

    fn read(text: &str) -> Result<KeySet, FileError> {
        KeySet::read("jwks.json", text)
    }

    fn mistake(text: &str) -> String {
        read(text).err().unwrap().what
    }

    #[test]
    fn keys_of_other_types_and_uses_are_passed_over() {
        let text = format!(
            r#"{{"keys":[{{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}},
                {{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{X}","use":"sig"}},
                {{"kty":"OKP","crv":"Ed25519","kid":"b","x":"{X}","use":"enc"}}]}}"#
        );
        let set = read(&text).unwrap();
        assert!(set.key("a").is_some() && set.key("b").is_none() && set.key("r").is_none());
    }

    #[test]
    fn an_issuer_may_take_back_its_last_key() {
        assert!(read(r#"{"keys":[]}"#).unwrap().key("a").is_none());
    }

    #[test]
    fn a_set_that_cannot_be_meant_is_refused() {
        assert!(mistake("{}").contains("no JWK set"));
        let key = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#);
        let set = |keys: &[String]| mistake(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
        assert!(set(&[key("")]).contains("without `kid`"));
        assert!(set(&[key(r#","kid":"a""#), key(r#","kid":"a""#)]).contains("two keys"));
        assert!(set(&[key(r#","kid":"a","d":"AAAA""#)]).contains("private"));
        assert!(set(&[r#"{"kty":"oct","kid":"a","k":"AAAA"}"#.to_owned()]).contains("private"));
        assert!(set(&[key(r#","kid":"a""#).replace(X, "AAAA")]).contains("coordinate"));
        assert!(set(&[key(r#","kid":"a","alg":"HS256""#)]).contains("holds no"));
    }
}
