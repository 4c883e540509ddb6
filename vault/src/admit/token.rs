//! A person's token: a JWT (RFC 7519, in the manner of RFC 9068) of an issuer that the operator
//! declared. A signature is too dear for each request, so what was verified is kept in a bounded
//! map; what can change between two uses (time, keys) is looked at on each use.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use coffer_wire::problem::Code;
use coffer_wire::{Hash, Name};
use jsonwebtoken::errors::ErrorKind;
use quick_cache::sync::Cache;
use serde::Deserialize;

use super::jwks::KeySet;
use super::jws;
use crate::config::{FileError, Issuer, read_text};

/// A token's longest life, milliseconds.
pub const LIFE_MS_MAX: u64 = 15 * 60 * 1_000;
/// How far an issuer's clock may be ahead of ours, milliseconds.
pub const SKEW_MS_MAX: u64 = 60 * 1_000;
/// Bytes of a token, at most.
pub const TOKEN_BYTES_MAX: usize = 8 * 1_024;
/// Verified tokens kept, at most.
pub const TOKENS_KEPT_MAX: usize = 16_384;
/// Bytes of `sub` and `jti` each, at most.
pub const CLAIM_BYTES_MAX: usize = 128;
/// Roles, and controllers, of one token, at most.
const NAMES_MAX: usize = 64;
/// Aliases kept beside one token, at most; more are derived anew.
const ALIASES_MAX: usize = 256;

/// Checks tokens.
pub struct Tokens {
    issuers: Vec<TrustedIssuer>,
    /// Rises with each change of keys; what was verified before is verified again.
    generation: AtomicU64,
    kept: Cache<[u8; 32], Arc<Verified>>,
}

struct TrustedIssuer {
    iss: String,
    audience: String,
    path: PathBuf,
    keys: RwLock<(Hash, Arc<KeySet>)>,
}

/// A token whose signature, issuer, audience and shape are good. That it is within its time is said
/// by [`Tokens::verify`] alone.
pub struct Verified {
    /// Who says so.
    pub iss: String,
    /// Of whom; unique with the issuer.
    pub sub: String,
    /// The `client_id` of the application that may carry it.
    pub azp: String,
    /// When it ends, Unix time in milliseconds.
    pub exp_ms: u64,
    /// When it was issued, Unix time in milliseconds.
    pub iat_ms: u64,
    /// Before when it is not to be used, Unix time in milliseconds.
    pub nbf_ms: u64,
    /// The token's own id.
    pub jti: String,
    /// The person's roles.
    pub roles: Vec<Name>,
    /// The controllers for which the person works.
    pub controllers: Vec<Name>,
    /// The one certificate that may carry it (RFC 8705 §3.1).
    pub cnf_x5t: Option<String>,
    /// The staff member's aliases in the log, kept here by the ledger so that they are derived once.
    pub aliases: Aliases,
    generation: u64,
}

/// What came of reading the key files again.
#[derive(Default)]
pub struct Reloaded {
    /// Keys have changed; every token is verified again.
    pub changed: bool,
    /// Files that cannot be used.
    pub failed: Vec<FileError>,
}

/// Aliases of one staff member, by controller, category and period.
#[derive(Default)]
pub struct Aliases(Mutex<Vec<AliasEntry>>);

struct AliasEntry {
    controller: Name,
    category: Name,
    period: String,
    alias: [u8; 16],
}

/// A token that is not taken. Where its signature was good it still says who came.
pub struct Rejected {
    /// What the answer says.
    pub code: Code,
    /// Which check it was.
    pub rule: &'static str,
    /// Whose token it is, if that is certain.
    pub staff: Option<Arc<Verified>>,
}

impl Tokens {
    /// Reads the keys of all issuers.
    pub fn load(issuers: &[Issuer]) -> Result<Tokens, FileError> {
        jws::install_provider();
        let issuers = issuers.iter().map(TrustedIssuer::load).collect::<Result<_, _>>()?;
        Ok(Tokens { issuers, generation: AtomicU64::new(0), kept: Cache::new(TOKENS_KEPT_MAX) })
    }

    /// Reads the key files again; to be called now and then, off the path of requests. A file that
    /// cannot be used leaves its issuer's keys as they were and is reported; the others count all the same.
    pub fn reload(&self) -> Reloaded {
        let mut reloaded = Reloaded::default();
        for issuer in &self.issuers {
            match issuer.reload() {
                Ok(false) => {}
                Ok(true) => {
                    reloaded.changed = true;
                    self.generation.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => reloaded.failed.push(error),
            }
        }
        reloaded
    }

    /// Whether a token is good now. `token` is the text behind `Bearer `.
    pub fn verify(&self, token: &str, now_ms: u64) -> Result<Arc<Verified>, Rejected> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Rejected::invalid("token-length"));
        }
        let name = *Hash::sha256(token.as_bytes()).as_bytes();
        let generation = self.generation.load(Ordering::SeqCst);
        let kept = self.kept.get(&name).filter(|verified| verified.generation == generation);
        let is_new = kept.is_none();
        let verified = match kept {
            Some(verified) => verified,
            None => Arc::new(self.verify_signature(token, generation)?),
        };
        if let Err((code, rule)) = verified.check_time(now_ms) {
            self.kept.remove(&name);
            return Err(Rejected { code, rule, staff: Some(verified) });
        }
        if is_new {
            self.kept.insert(name, Arc::clone(&verified));
        }
        Ok(verified)
    }

    /// How many verified tokens are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    fn verify_signature(&self, token: &str, generation: u64) -> Result<Verified, Rejected> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Rejected::invalid("token-form"))?;
        // RFC 7515 §4.1.11: who does not understand a critical extension must refuse.
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_jwt) {
            return Err(Rejected::invalid("token-type"));
        }
        // Says only whose key is to be tried; it is believed after the signature, with all the rest.
        let claimed: ClaimedIssuer =
            jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| Rejected::invalid("token-form"))?;
        let issuer = self.issuers.iter().find(|issuer| issuer.iss == claimed.iss);
        let issuer = issuer.ok_or(Rejected::invalid("token-issuer"))?;
        let keys = issuer.keys();
        let key = header.kid.as_deref().and_then(|kid| keys.key(kid)).ok_or(Rejected::invalid("token-key"))?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.key, &key.validation);
        let fault = |error: jsonwebtoken::errors::Error| match error.kind() {
            ErrorKind::Json(_) => Rejected::invalid("token-claims"),
            _ => Rejected::invalid("token-signature"),
        };
        decoded.map_err(fault)?.claims.check(issuer, generation)
    }
}

/// `JWT` (RFC 7519 §5.1) or `at+jwt` (RFC 9068 §2.1), as a media type or without `application/`.
fn is_jwt(typ: &str) -> bool {
    let typ = typ.strip_prefix("application/").unwrap_or(typ);
    typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt")
}

impl TrustedIssuer {
    fn load(issuer: &Issuer) -> Result<TrustedIssuer, FileError> {
        let keys = read_keys(&issuer.jwks, None)?;
        // `None` means "unchanged", which a first reading cannot be.
        let keys = keys.ok_or_else(|| FileError::whole(issuer.jwks.display().to_string(), "cannot be read"))?;
        Ok(TrustedIssuer {
            iss: issuer.iss.clone(),
            audience: issuer.audience.clone(),
            path: issuer.jwks.clone(),
            keys: RwLock::new(keys),
        })
    }

    fn reload(&self) -> Result<bool, FileError> {
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).0;
        let Some(keys) = read_keys(&self.path, Some(known))? else { return Ok(false) };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(true)
    }

    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner).1)
    }
}

fn read_keys(path: &std::path::Path, known: Option<Hash>) -> Result<Option<(Hash, Arc<KeySet>)>, FileError> {
    let shown = path.display().to_string();
    let text = read_text(path, &shown)?;
    let hash = Hash::sha256(text.as_bytes());
    if known == Some(hash) {
        return Ok(None);
    }
    Ok(Some((hash, Arc::new(KeySet::read(&shown, &text)?))))
}

#[derive(Deserialize)]
struct ClaimedIssuer {
    iss: String,
}

/// The claims; serde refuses one that stands twice. Others are the issuer's own affair.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    jti: String,
    roles: Vec<Name>,
    controllers: Vec<Name>,
    azp: Option<String>,
    client_id: Option<String>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A bond that cannot be checked here, such as `jkt`, must not pass as none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    x5t: String,
}

impl Claims {
    fn check(self, issuer: &TrustedIssuer, generation: u64) -> Result<Verified, Rejected> {
        let azp = self.application().ok_or(Rejected::invalid("token-client"))?;
        let (Some(exp_ms), Some(iat_ms)) = (ms(self.exp), ms(self.iat)) else {
            return Err(Rejected::invalid("token-life"));
        };
        let shape = [
            ("token-issuer", self.iss == issuer.iss),
            ("token-audience", self.aud.names(&issuer.audience)),
            ("token-claims", is_claim(&self.sub) && is_claim(&self.jti)),
            ("token-claims", self.roles.len() <= NAMES_MAX && self.controllers.len() <= NAMES_MAX),
            ("token-life", iat_ms < exp_ms && exp_ms - iat_ms <= LIFE_MS_MAX),
        ];
        if let Some((rule, _)) = shape.into_iter().find(|(_, holds)| !holds) {
            return Err(Rejected::invalid(rule));
        }
        Ok(Verified {
            iss: self.iss,
            sub: self.sub,
            azp,
            exp_ms,
            iat_ms,
            nbf_ms: self.nbf.map_or(0, |seconds| ms(seconds).unwrap_or(u64::MAX)),
            jti: self.jti,
            roles: self.roles,
            controllers: self.controllers,
            cnf_x5t: self.cnf.map(|confirmation| confirmation.x5t),
            aliases: Aliases::default(),
            generation,
        })
    }

    /// `azp` or `client_id`; a token with both must mean one application.
    fn application(&self) -> Option<String> {
        match (&self.azp, &self.client_id) {
            (Some(azp), Some(client)) if azp != client => None,
            (Some(one), _) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

fn ms(seconds: u64) -> Option<u64> {
    seconds.checked_mul(1_000)
}

fn is_claim(text: &str) -> bool {
    (1..=CLAIM_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl Verified {
    /// No grace at its end: the issuer chose it, and a new token is cheap.
    fn check_time(&self, now_ms: u64) -> Result<(), (Code, &'static str)> {
        if now_ms >= self.exp_ms {
            return Err((Code::CredentialExpired, "token-expired"));
        }
        if self.iat_ms.max(self.nbf_ms) > now_ms.saturating_add(SKEW_MS_MAX) {
            return Err((Code::CredentialExpired, "token-from-future"));
        }
        Ok(())
    }
}

impl Aliases {
    /// The alias, if it was kept.
    pub fn find(&self, controller: &Name, category: &Name, period: &str) -> Option<[u8; 16]> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |entry: &&AliasEntry| {
            entry.controller == *controller && entry.category == *category && entry.period == period
        };
        entries.iter().find(is_it).map(|entry| entry.alias)
    }

    /// Keeps an alias as long as the token is kept.
    pub fn keep(&self, controller: Name, category: Name, period: &str, alias: [u8; 16]) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() < ALIASES_MAX {
            entries.push(AliasEntry { controller, category, period: period.to_owned(), alias });
        }
    }
}

impl Rejected {
    fn invalid(rule: &'static str) -> Rejected {
        Rejected { code: Code::CredentialInvalid, rule, staff: None }
    }
}
