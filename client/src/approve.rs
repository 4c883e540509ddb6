//! Signing of approvals for a vault that is not open, with the key of this application's certificate.

use coffer_wire::approval::{Approval, Request};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::builder::SetupError;
use crate::tls;

/// What the vault verifies. Each key can do one of them at most.
const SCHEMES: [SignatureScheme; 3] =
    [SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384];

/// The file that approves what was asked for. `certificate` and `key` are PEM.
pub(crate) fn approve(
    request: Request,
    reason: &str,
    (made_ms, expires_ms): (u64, u64),
    (certificate, key): (&[u8], &[u8]),
) -> Result<String, SetupError> {
    let chain = tls::certificates("certificate", certificate)?;
    let certificate = chain.first().map(|own| own.to_vec()).ok_or(SetupError::Pem("certificate"))?;
    let approval = Approval { request, reason: reason.to_owned(), made_ms, expires_ms, certificate };
    let signed = approval.signed().map_err(|error| SetupError::Approval(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| SetupError::Pem("key"))?;
    let key = any_supported_type(&key).map_err(|error| SetupError::Tls(error.to_string()))?;
    let signer = key.choose_scheme(&SCHEMES);
    let signer = signer.ok_or_else(|| SetupError::Approval("a key of this kind signs no approval".to_owned()))?;
    let signature = signer.sign(signed.as_bytes()).map_err(|error| SetupError::Tls(error.to_string()))?;
    Ok(Approval::assemble(&signed, &signature))
}
