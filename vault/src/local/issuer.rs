//! An issuer of tokens for trying out: it says of anyone what it is asked to say. An organisation
//! has an identity provider for this; the vault then needs that provider's public keys alone.
//!
//! Tokens are JWTs as of RFC 9068, signed with Ed25519 (`EdDSA`, RFC 8037).

use std::path::Path;

use coffer_wire::Name;
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::SecretString;
use serde::Serialize;
use zeroize::Zeroizing;

use super::files::{self, FileError, Readable};

/// No token lives longer, in minutes.
pub const TOKEN_LIFE_MINUTES_MAX: u32 = 15;

const MINUTE_SECONDS: u64 = 60;
const SECOND_MS: u64 = 1_000;
const TOKEN_ID_BYTES: usize = 16;

/// What a token is to say.
pub struct TokenRequest {
    /// The person, by the issuer's name for them.
    pub sub: String,
    /// The person's roles.
    pub roles: Vec<Name>,
    /// The controllers they work for.
    pub controllers: Vec<Name>,
    /// The application that may carry the token, by its `client_id` in the configuration.
    pub client_id: String,
    /// 1 to [`TOKEN_LIFE_MINUTES_MAX`].
    pub life_minutes: u32,
    /// The vault's `audience` in the configuration.
    pub audience: String,
    /// Binds the token to one client certificate (RFC 8705): its [`thumbprint`].
    pub cnf: Option<[u8; 32]>,
}

/// An issuer with its key. It does not print.
pub struct Issuer {
    iss: String,
    kid: String,
    key: Ed25519KeyPair,
}

/// An issuer could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key file holds something else.
    #[error("{0} does not hold an Ed25519 key as PKCS#8 in PEM")]
    Key(String),
    /// The vault has no issuer of its own.
    #[error("this vault has no local issuer; tokens come from the issuers in coffer.toml")]
    None,
    /// No key could be made.
    #[error("a key could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Too long, or no time at all.
    #[error("a token lives 1 to {TOKEN_LIFE_MINUTES_MAX} minutes, not {0}")]
    Life(u32),
    /// The system gave no randomness for the token's id.
    #[error("the system gave no randomness")]
    NoRandomness,
    /// The claims could not be encoded.
    #[error("the claims could not be encoded")]
    Encode,
}

/// The digest by which a token names a client certificate: SHA-256 of its DER (`x5t#S256`, RFC
/// 8705 §3.1).
pub fn thumbprint(certificate_der: &[u8]) -> [u8; 32] {
    sha256(certificate_der)
}

impl Issuer {
    /// Makes a key, writes it for its owner alone, and the JWKS file (RFC 7517) with its public
    /// half. Neither file may be there.
    ///
    /// # Errors
    /// [`IssuerError::File`], [`IssuerError::Make`].
    pub fn create(iss: &str, key: &Path, jwks: &Path) -> Result<Issuer, IssuerError> {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?.serialize_pem();
        let pem = Zeroizing::new(pem);
        files::create(key, pem.as_bytes(), Readable::Owner)?;
        let issuer = Issuer::load(iss, key)?;
        files::create(jwks, issuer.jwks().as_bytes(), Readable::All)?;
        Ok(issuer)
    }

    /// Reads the key that [`Issuer::create`] wrote.
    ///
    /// # Errors
    /// [`IssuerError::File`], [`IssuerError::Key`].
    pub fn load(iss: &str, key: &Path) -> Result<Issuer, IssuerError> {
        let not_a_key = || IssuerError::Key(key.display().to_string());
        let pem = Zeroizing::new(files::read(key)?);
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| not_a_key())?;
        let key = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| not_a_key())?;
        let kid = key_id(key.public_key().as_ref());
        Ok(Issuer { iss: iss.into(), kid, key })
    }

    /// What its tokens name as `iss`.
    pub fn iss(&self) -> &str {
        &self.iss
    }

    /// The JWK set with its one public key.
    pub fn jwks(&self) -> String {
        let x = BASE64URL_NOPAD.encode(self.key.public_key().as_ref());
        let key = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x,
        });
        format!("{:#}\n", serde_json::json!({ "keys": [key] }))
    }

    /// Makes a token that is valid from now on (Unix time in milliseconds), as the compact form of a
    /// JWS (RFC 7515 §7.1).
    ///
    /// # Errors
    /// [`MintError`].
    pub fn mint(&self, wanted: &TokenRequest, now_ms: u64) -> Result<SecretString, MintError> {
        if !(1..=TOKEN_LIFE_MINUTES_MAX).contains(&wanted.life_minutes) {
            return Err(MintError::Life(wanted.life_minutes));
        }
        let iat = now_ms / SECOND_MS;
        let claims = Claims {
            iss: &self.iss,
            sub: &wanted.sub,
            aud: &wanted.audience,
            iat,
            exp: iat + u64::from(wanted.life_minutes) * MINUTE_SECONDS,
            jti: token_id()?,
            client_id: &wanted.client_id,
            roles: &wanted.roles,
            controllers: &wanted.controllers,
            cnf: wanted.cnf.map(|digest| Confirmation { x5t: BASE64URL_NOPAD.encode(&digest) }),
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<SecretString, MintError> {
        let header = Header { alg: "EdDSA", typ: "at+jwt", kid: &self.kid };
        let mut token = format!("{}.{}", part(&header)?, part(claims)?);
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        token.push_str(&BASE64URL_NOPAD.encode(signature.as_ref()));
        Ok(SecretString::from(token))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    client_id: &'a str,
    roles: &'a [Name],
    controllers: &'a [Name],
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

#[derive(Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    x5t: String,
}

fn part(value: &impl Serialize) -> Result<String, MintError> {
    let json = serde_json::to_vec(value).map_err(|_| MintError::Encode)?;
    Ok(BASE64URL_NOPAD.encode(&json))
}

fn token_id() -> Result<String, MintError> {
    let mut id = [0; TOKEN_ID_BYTES];
    SystemRandom::new().fill(&mut id).map_err(|_| MintError::NoRandomness)?;
    Ok(BASE64URL_NOPAD.encode(&id))
}

/// The key's thumbprint, RFC 7638 with the members of RFC 8037 §2, in the order it asks for.
fn key_id(public: &[u8]) -> String {
    let x = BASE64URL_NOPAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64URL_NOPAD.encode(&sha256(members.as_bytes()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ring::signature::{ED25519, UnparsedPublicKey};
    use secrecy::ExposeSecret;
    use serde_json::Value;

    use super::*;

    const NOW: u64 = 1_790_000_000;
    const NOW_MS: u64 = NOW * SECOND_MS;

    fn issuer(dir: &Path) -> Issuer {
        let (key, jwks) = (dir.join("issuer.key"), dir.join("jwks.json"));
        Issuer::create("https://issuer.example", &key, &jwks).unwrap()
    }

    fn asked() -> TokenRequest {
        TokenRequest {
            sub: "asha".into(),
            roles: vec![Name::new("rents").unwrap()],
            controllers: vec![Name::new("oakvale").unwrap()],
            client_id: "rents-desk".into(),
            life_minutes: 10,
            audience: "coffer".into(),
            cnf: None,
        }
    }

    fn json(part: &str) -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    }

    fn claims(token: &SecretString) -> Value {
        json(token.expose_secret().split('.').nth(1).unwrap())
    }

    #[test]
    fn a_token_verifies_under_the_key_that_the_jwks_file_names() {
        let dir = tempfile::tempdir().unwrap();
        let token = issuer(dir.path()).mint(&asked(), NOW_MS).unwrap();
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let header = json(signed.split('.').next().unwrap());

        let jwks = files::read(&dir.path().join("jwks.json")).unwrap();
        let jwks: Value = serde_json::from_str(&jwks).unwrap();
        let key = &jwks["keys"][0];
        assert_eq!(header["kid"], key["kid"]);
        assert_eq!(header["alg"], "EdDSA");
        let public = BASE64URL_NOPAD.decode(key["x"].as_str().unwrap().as_bytes()).unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_token_says_what_was_asked_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let mut said = claims(&issuer(dir.path()).mint(&asked(), NOW_MS).unwrap());
        let jti = said.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(jti.as_str().unwrap().len(), 22);
        let expected = serde_json::json!({
            "iss": "https://issuer.example", "sub": "asha", "aud": "coffer",
            "iat": NOW, "exp": NOW + 600, "client_id": "rents-desk",
            "roles": ["rents"], "controllers": ["oakvale"],
        });
        assert_eq!(said, expected);
    }

    #[test]
    fn no_two_tokens_have_one_id() {
        let dir = tempfile::tempdir().unwrap();
        let issuer = issuer(dir.path());
        let id = || claims(&issuer.mint(&asked(), NOW_MS).unwrap())["jti"].clone();
        assert_ne!(id(), id());
    }

    #[test]
    fn a_token_can_be_bound_to_a_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let bound = TokenRequest { cnf: Some(thumbprint(b"a certificate")), ..asked() };
        let said = claims(&issuer(dir.path()).mint(&bound, NOW_MS).unwrap());
        let expected = BASE64URL_NOPAD.encode(&sha256(b"a certificate"));
        assert_eq!(said["cnf"], serde_json::json!({ "x5t#S256": expected }));
    }

    #[test]
    fn a_token_lives_fifteen_minutes_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let issuer = issuer(dir.path());
        let life = |life_minutes| issuer.mint(&TokenRequest { life_minutes, ..asked() }, NOW_MS);
        assert!(life(1).is_ok());
        assert!(life(15).is_ok());
        assert!(matches!(life(0), Err(MintError::Life(0))));
        assert!(matches!(life(16), Err(MintError::Life(16))));
    }

    #[test]
    fn a_token_does_not_print() {
        let dir = tempfile::tempdir().unwrap();
        let token = issuer(dir.path()).mint(&asked(), NOW_MS).unwrap();
        assert!(!format!("{token:?}").contains(token.expose_secret()));
        assert!(!format!("{token:?}").contains("eyJ"));
    }

    #[test]
    fn the_key_is_its_owners_alone_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let first = issuer(dir.path());
        let (key, jwks) = (dir.path().join("issuer.key"), dir.path().join("jwks.json"));
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let second = Issuer::create("https://issuer.example", &key, &jwks);
        assert!(matches!(second, Err(IssuerError::File(FileError::Exists(_)))));
        assert_eq!(Issuer::load("https://issuer.example", &key).unwrap().kid, first.kid);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("not.key");
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(Issuer::load("x", &path), Err(IssuerError::Key(_))));
    }

    /// The thumbprint that RFC 8037 appendix A.3 prints for its example key.
    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037() {
        let x = b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let public = BASE64URL_NOPAD.decode(x).unwrap();
        assert_eq!(key_id(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
