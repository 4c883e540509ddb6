//! Whether an approval was signed with the key of the certificate that it names (RFC 5280 §4.1.2.7). Whose certificate
//! it is, and what that one may, is for others to ask.

use coffer_wire::approval::Approval;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Algorithms by key, as `coffer approve` signs: object identifier of the key, of its curve if it has one.
const ALGORITHMS: [(&str, Option<&str>, &dyn VerificationAlgorithm); 3] = [
    ("1.3.101.112", None, &signature::ED25519),
    ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7"), &signature::ECDSA_P256_SHA256_ASN1),
    ("1.2.840.10045.2.1", Some("1.3.132.0.34"), &signature::ECDSA_P384_SHA384_ASN1),
];

/// Whether the signature over `signed` is one by the key of the approval's certificate. Keys of kinds that no
/// `coffer approve` signs with sign nothing here.
pub fn is_signed(approval: &Approval, signed: &str, signature: &[u8]) -> bool {
    let Ok(([], certificate)) = X509Certificate::from_der(&approval.certificate) else { return false };
    let key = certificate.public_key();
    let kind = key.algorithm.algorithm.to_id_string();
    let curve =
        key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok()).map(|curve| curve.to_id_string());
    let known = ALGORITHMS.iter().find(|(of, on, _)| *of == kind && *on == curve.as_deref());
    known.is_some_and(|(.., algorithm)| {
        let public = UnparsedPublicKey::new(*algorithm, key.subject_public_key.data.as_ref());
        public.verify(signed.as_bytes(), signature).is_ok()
    })
}

/// The public key of the certificate that an approval names, as it stands there: two approvals with one key are by one.
pub fn public_key(approval: &Approval) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(&approval.certificate).ok()?;
    Some(certificate.public_key().raw.to_vec())
}
