//! A certificate authority for trying out: it signs the server's certificate, or those of
//! applications. An organisation that has an authority of its own uses that instead.
//!
//! Keys are ECDSA P-256. A leaf bears one use only, server or client, and never outlives its
//! authority.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::files::{self, FileError, Readable};

/// How long an authority is valid, in days.
pub const CA_DAYS: u64 = 365;
/// How long a server's or client's certificate is valid, in days.
pub const LEAF_DAYS: u64 = 90;
/// A certificate is valid from a little before it was made, for clocks that run late. Minutes.
const CLOCK_SLACK_MINUTES: u64 = 5;
/// Dates in certificates end with the year 9999 (RFC 5280 §4.1.2.5); no clock of ours stands at
/// 9000-01-01 or later. Unix time in milliseconds.
const CLOCK_END_MS: u64 = 221_845_392_000_000;

const MINUTE_SECONDS: u64 = 60;
const DAY_SECONDS: u64 = 24 * 60 * MINUTE_SECONDS;

/// An authority with its key. It does not print.
pub struct LocalCa {
    issuer: rcgen::Issuer<'static, KeyPair>,
    certificate: String,
    until: SystemTime,
}

/// A certificate with its key, both PEM. It does not print; the key is wiped when it is dropped.
pub struct Leaf {
    certificate: String,
    key: Zeroizing<String>,
}

/// An authority could not be made or read, or would not sign.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A name stands neither for a host nor for an address.
    #[error("{0:?} cannot stand in a certificate: give a DNS name or an IP address")]
    Name(String),
    /// The clock stands where no certificate has a date.
    #[error("the clock stands beyond the year 8999")]
    Clock,
    /// The authority's own certificate has run out.
    #[error("the authority's certificate has expired: make a new home, or use an authority of your own")]
    Expired,
    /// The certificate or the key is not one that this program made.
    #[error("{0} is not a certificate authority of this program: {1}")]
    NotOurs(String, &'static str),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The library that makes certificates refused.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl LocalCa {
    /// Makes a new authority, valid for [`CA_DAYS`].
    ///
    /// # Errors
    /// [`CaError::Make`], where randomness fails.
    pub fn create(common_name: &str, now_ms: u64) -> Result<LocalCa, CaError> {
        let now = moment(now_ms)?;
        let key = new_key()?;
        let until = now + days(CA_DAYS);
        let mut params = authority(common_name);
        params.not_before = (now - slack()).into();
        params.not_after = until.into();
        let certificate = params.self_signed(&key)?.pem();
        Ok(LocalCa { issuer: rcgen::Issuer::new(params, key), certificate, until })
    }

    /// Reads an authority that [`LocalCa::save`] wrote.
    ///
    /// # Errors
    /// [`CaError::File`]; [`CaError::NotOurs`] if the files are no pair, or not of this program.
    pub fn load(certificate: &Path, key: &Path) -> Result<LocalCa, CaError> {
        let not_ours = |why| CaError::NotOurs(certificate.display().to_string(), why);
        let pem = files::read(certificate)?;
        let pair = KeyPair::from_pem(&Zeroizing::new(files::read(key)?))
            .map_err(|_| CaError::NotOurs(key.display().to_string(), "its key cannot be read"))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| not_ours("it is not PEM"))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|_| not_ours("it is not a certificate"))?;
        if parsed.public_key().subject_public_key.data.as_ref() != pair.public_key_raw() {
            return Err(not_ours("its key is another's"));
        }
        let common_name = parsed.subject().iter_common_name().next();
        let common_name =
            common_name.and_then(|name| name.as_str().ok()).ok_or_else(|| not_ours("it has no common name"))?;
        let until = parsed.validity().not_after.to_datetime().into();
        let issuer = rcgen::Issuer::new(authority(common_name), pair);
        Ok(LocalCa { issuer, certificate: pem, until })
    }

    /// Writes the certificate, and the key for its owner alone. Neither may be there.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn save(&self, certificate: &Path, key: &Path) -> Result<(), FileError> {
        let pem = Zeroizing::new(self.issuer.key().serialize_pem());
        files::create(key, pem.as_bytes(), Readable::Owner)?;
        files::create(certificate, self.certificate.as_bytes(), Readable::All)
    }

    /// The authority's certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A server's certificate for DNS names and IP addresses, valid for [`LEAF_DAYS`].
    ///
    /// # Errors
    /// [`CaError::Name`], [`CaError::Expired`], [`CaError::Make`].
    pub fn server(&self, names: &[String], now_ms: u64) -> Result<Leaf, CaError> {
        self.leaf(names, ExtendedKeyUsagePurpose::ServerAuth, now_ms)
    }

    /// An application's certificate, known by its one DNS name, valid for [`LEAF_DAYS`].
    ///
    /// # Errors
    /// As for [`LocalCa::server`].
    pub fn client(&self, dns_name: &str, now_ms: u64) -> Result<Leaf, CaError> {
        if dns_name.parse::<std::net::IpAddr>().is_ok() {
            return Err(CaError::Name(dns_name.into()));
        }
        self.leaf(&[dns_name.into()], ExtendedKeyUsagePurpose::ClientAuth, now_ms)
    }

    fn leaf(&self, names: &[String], purpose: ExtendedKeyUsagePurpose, now_ms: u64) -> Result<Leaf, CaError> {
        let now = moment(now_ms)?;
        if now >= self.until {
            return Err(CaError::Expired);
        }
        let common_name = names.first().ok_or_else(|| CaError::Name(String::new()))?;
        let mut params = bare(common_name);
        params.subject_alt_names = CertificateParams::new(host_names(names)?)?.subject_alt_names;
        params.not_before = (now - slack()).into();
        params.not_after = self.until.min(now + days(LEAF_DAYS)).into();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Leaf { certificate, key: Zeroizing::new(key.serialize_pem()) })
    }
}

impl Leaf {
    /// Writes the certificate, and the key for its owner alone. Neither may be there.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn save(&self, certificate: &Path, key: &Path) -> Result<(), FileError> {
        files::create(key, self.key.as_bytes(), Readable::Owner)?;
        files::create(certificate, self.certificate.as_bytes(), Readable::All)
    }

    /// The certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The private key, PKCS#8 in PEM.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What an authority says of itself. A loaded authority is built from this again: only its name
/// and its key go into what it signs.
fn authority(common_name: &str) -> CertificateParams {
    let mut params = bare(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn bare(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// The library takes any ASCII for a DNS name; a typing error should show here, not in a handshake.
fn host_names(names: &[String]) -> Result<Vec<String>, CaError> {
    for name in names {
        let known = rustls_pki_types::ServerName::try_from(name.as_str());
        known.map_err(|_| CaError::Name(name.clone()))?;
    }
    Ok(names.to_vec())
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn moment(now_ms: u64) -> Result<SystemTime, CaError> {
    if now_ms >= CLOCK_END_MS {
        return Err(CaError::Clock);
    }
    Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms))
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY_SECONDS)
}

fn slack() -> Duration {
    Duration::from_secs(CLOCK_SLACK_MINUTES * MINUTE_SECONDS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::server::WebPkiClientVerifier;
    use rustls_pki_types::{ServerName, UnixTime};
    use x509_parser::extensions::GeneralName;

    use super::*;

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    fn roots(ca: &LocalCa) -> Arc<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der(ca.certificate())).unwrap();
        Arc::new(roots)
    }

    fn provider() -> Arc<rustls::crypto::CryptoProvider> {
        Arc::new(rustls::crypto::ring::default_provider())
    }

    fn unix(at: SystemTime) -> UnixTime {
        UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap())
    }

    fn client_verifies(ca: &LocalCa, leaf: &Leaf, at: SystemTime) -> bool {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(ca), provider()).build().unwrap();
        verifier.verify_client_cert(&der(leaf.certificate()), &[], unix(at)).is_ok()
    }

    fn server_verifies(ca: &LocalCa, leaf: &Leaf, name: &str, at: SystemTime) -> bool {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots(ca), provider()).build().unwrap();
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(&der(leaf.certificate()), &[], &name, &[], unix(at)).is_ok()
    }

    const NOW_MS: u64 = 1_790_000_000_000;
    const DAY_MS: u64 = DAY_SECONDS * 1_000;

    fn now() -> SystemTime {
        moment(NOW_MS).unwrap()
    }

    fn ca() -> LocalCa {
        LocalCa::create("Coffer test clients", NOW_MS).unwrap()
    }

    #[test]
    fn a_client_certificate_is_believed_under_its_authority_alone() {
        let (ours, theirs) = (ca(), ca());
        let leaf = ours.client("rents-desk.apps.coffer.internal", NOW_MS).unwrap();
        assert!(client_verifies(&ours, &leaf, now()));
        assert!(!client_verifies(&theirs, &leaf, now()));
    }

    #[test]
    fn a_certificate_has_one_use() {
        let ca = ca();
        let client = ca.client("localhost", NOW_MS).unwrap();
        let server = ca.server(&["localhost".into()], NOW_MS).unwrap();
        assert!(!client_verifies(&ca, &server, now()));
        assert!(!server_verifies(&ca, &client, "localhost", now()));
    }

    #[test]
    fn a_server_is_believed_under_each_of_its_names_and_no_other() {
        let ca = ca();
        let names = ["localhost".into(), "127.0.0.1".into(), "vault.example".into()];
        let leaf = ca.server(&names, NOW_MS).unwrap();
        for name in &names {
            assert!(server_verifies(&ca, &leaf, name, now()), "{name}");
        }
        assert!(!server_verifies(&ca, &leaf, "other.example", now()));
        assert!(!server_verifies(&ca, &leaf, "127.0.0.2", now()));
    }

    #[test]
    fn a_client_certificate_bears_one_dns_name() {
        let leaf = ca().client("console.apps.coffer.internal", NOW_MS).unwrap();
        let der = der(leaf.certificate());
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        let names = parsed.subject_alternative_name().unwrap().unwrap();
        let names = &names.value.general_names;
        assert!(matches!(names[..], [GeneralName::DNSName("console.apps.coffer.internal")]));
    }

    #[test]
    fn a_leaf_lives_ninety_days_and_never_longer_than_its_authority() {
        let ca = ca();
        let early = ca.client("a.example", NOW_MS).unwrap();
        assert!(client_verifies(&ca, &early, now() + days(LEAF_DAYS) - slack()));
        assert!(!client_verifies(&ca, &early, now() + days(LEAF_DAYS) + slack()));
        let late = ca.client("a.example", NOW_MS + (CA_DAYS - 1) * DAY_MS).unwrap();
        let der = der(late.certificate());
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        let until: SystemTime = parsed.validity().not_after.to_datetime().into();
        assert_eq!(until, now() + days(CA_DAYS));
        assert!(matches!(ca.client("a.example", NOW_MS + CA_DAYS * DAY_MS), Err(CaError::Expired)));
    }

    #[test]
    fn a_saved_authority_signs_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("ca.pem"), dir.path().join("ca.key"));
        let made = ca();
        made.save(&cert, &key).unwrap();
        let loaded = LocalCa::load(&cert, &key).unwrap();
        let leaf = loaded.client("a.example", NOW_MS).unwrap();
        assert!(client_verifies(&made, &leaf, now()));
        assert!(matches!(made.save(&cert, &key), Err(FileError::Exists(_))));
    }

    #[test]
    fn a_key_of_another_authority_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        ca().save(&path("a.pem"), &path("a.key")).unwrap();
        ca().save(&path("b.pem"), &path("b.key")).unwrap();
        let mixed = LocalCa::load(&path("a.pem"), &path("b.key"));
        assert!(matches!(mixed, Err(CaError::NotOurs(_, "its key is another's"))));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let ca = ca();
        for name in ["", "not a name", "naïve.example"] {
            assert!(matches!(ca.server(&[name.into()], NOW_MS), Err(CaError::Name(_))), "{name}");
        }
        assert!(matches!(ca.server(&[], NOW_MS), Err(CaError::Name(_))));
        assert!(matches!(ca.client("127.0.0.1", NOW_MS), Err(CaError::Name(_))));
    }

    #[test]
    fn a_clock_without_dates_is_refused() {
        for clock in [CLOCK_END_MS, u64::MAX] {
            assert!(matches!(LocalCa::create("Coffer test", clock), Err(CaError::Clock)));
        }
        assert!(LocalCa::create("Coffer test", 0).is_ok());
        assert!(LocalCa::create("Coffer test", CLOCK_END_MS - 1).is_ok());
    }
}
