//! TLS of the client: version 1.3 alone, the operator's own roots alone, a certificate of its own.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::builder::SetupError;

/// What is offered in ALPN, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The configuration. `roots`, `certificate` (leaf first) and `key` are PEM.
pub(crate) fn config(roots: &[u8], certificate: &[u8], key: &[u8]) -> Result<ClientConfig, SetupError> {
    let mut store = RootCertStore::empty();
    for root in certificates("ca", roots)? {
        store.add(root).map_err(|error| SetupError::Tls(error.to_string()))?;
    }
    let chain = certificates("certificate", certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| SetupError::Pem("key"))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_root_certificates(store).with_client_auth_cert(chain, key))
        .map_err(|error| SetupError::Tls(error.to_string()))?;
    // The vault looks at the certificate anew for each connection; tickets would be of no use.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

pub(crate) fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SetupError::Pem(what)),
    }
}
