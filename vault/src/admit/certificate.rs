//! The client's certificate, as far as a right depends on it. rustls has checked the chain and
//! that the peer holds the key; names, dates and revocation are looked at on each request.

use coffer_wire::Hash;
use data_encoding::BASE64URL_NOPAD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// What a right needs to know of the peer's certificate. Made once a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerCertificate {
    /// Its first DNS name (RFC 5280 §4.2.1.6), which names the application.
    pub name: String,
    /// SHA-256 of its DER form.
    pub fingerprint: [u8; 32],
    /// The same as a token's `cnf` names it: base64url without padding (RFC 8705 §3.1).
    pub x5t: String,
    /// The first moment of its life, Unix time in milliseconds.
    pub not_before_ms: u64,
    /// The last moment of its life, Unix time in milliseconds.
    pub not_after_ms: u64,
}

/// Why a certificate says nothing about an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotACertificate {
    /// Not DER, or with bytes behind it.
    #[error("the bytes are no X.509 certificate")]
    Malformed,
    /// No subject alternative name of type DNS.
    #[error("the certificate has no DNS name")]
    Nameless,
}

impl PeerCertificate {
    /// Reads a certificate in DER.
    pub fn parse(der: &[u8]) -> Result<PeerCertificate, NotACertificate> {
        let (behind, certificate) = X509Certificate::from_der(der).map_err(|_| NotACertificate::Malformed)?;
        if !behind.is_empty() {
            return Err(NotACertificate::Malformed);
        }
        let fingerprint = *Hash::sha256(der).as_bytes();
        let validity = certificate.validity();
        Ok(PeerCertificate {
            name: first_dns_name(&certificate)?,
            fingerprint,
            x5t: BASE64URL_NOPAD.encode(&fingerprint),
            not_before_ms: unix_ms(validity.not_before),
            // A certificate is valid through the whole of its last second.
            not_after_ms: unix_ms(validity.not_after).saturating_add(999),
        })
    }

    /// Whether the certificate is within its life.
    pub fn is_current(&self, now_ms: u64) -> bool {
        (self.not_before_ms..=self.not_after_ms).contains(&now_ms)
    }
}

fn first_dns_name(certificate: &X509Certificate<'_>) -> Result<String, NotACertificate> {
    let names = certificate.subject_alternative_name().map_err(|_| NotACertificate::Malformed)?;
    let names = names.ok_or(NotACertificate::Nameless)?;
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) => Some((*text).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().find_map(dns).ok_or(NotACertificate::Nameless)
}

/// A date before 1970 counts as 1970.
fn unix_ms(time: ASN1Time) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1_000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn der(names: Vec<rcgen::SanType>) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = names;
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 7, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn dns(name: &str) -> rcgen::SanType {
        rcgen::SanType::DnsName(name.try_into().unwrap())
    }

    #[test]
    fn the_first_dns_name_counts_and_other_names_do_not() {
        let mail = rcgen::SanType::Rfc822Name("desk@example.org".try_into().unwrap());
        let der = der(vec![mail, dns("a.apps.example"), dns("b.apps.example")]);
        let certificate = PeerCertificate::parse(&der).unwrap();
        assert_eq!(certificate.name, "a.apps.example");
        assert_eq!(certificate.x5t.len(), 43);
        assert_eq!(certificate.fingerprint, *Hash::sha256(&der).as_bytes());
    }

    #[test]
    fn a_certificate_lives_from_its_first_to_its_last_second() {
        let certificate = PeerCertificate::parse(&der(vec![dns("a")])).unwrap();
        let (first, end) = (1_767_225_600_000, 1_782_864_001_000); // 2026-01-01, one second after 2026-07-01T00:00:00Z
        assert!(certificate.is_current(first) && !certificate.is_current(first - 1));
        assert!(certificate.is_current(end - 1) && !certificate.is_current(end));
    }

    #[test]
    fn nameless_and_broken_certificates_are_refused() {
        assert_eq!(PeerCertificate::parse(&der(vec![])), Err(NotACertificate::Nameless));
        let mut bytes = der(vec![dns("a")]);
        bytes.push(0);
        assert_eq!(PeerCertificate::parse(&bytes), Err(NotACertificate::Malformed));
        assert_eq!(PeerCertificate::parse(b"no"), Err(NotACertificate::Malformed));
    }
}
