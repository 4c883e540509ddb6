//! TLS 1.3 only, client certificates always, and no resumption: who comes back proves again who it is.
//!
//! Certificates are replaced while the vault runs: the files are looked at now and then, and new connections get what
//! they hold. Files that do not go together, as halfway through a replacement, change nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer_wire::Hash;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use crate::admit::{NotACertificate, PeerCertificate};
use crate::config;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file.
    #[error("{}: {error}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate, key and CA do not go together.
    #[error("certificate, key or client CA: {0}")]
    Rustls(#[from] rustls::Error),
    /// The client CA is no CA.
    #[error("client CA: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The server's certificate says nothing.
    #[error("the server's certificate: {0}")]
    Certificate(#[from] NotACertificate),
}

/// The files of the TLS configuration, as they were last read.
pub struct TlsFiles {
    listen: config::Listen,
    seen: Hash,
    not_after_ms: u64,
}

impl TlsFiles {
    /// Reads them for the first time.
    pub fn load(listen: &config::Listen) -> Result<(TlsFiles, ServerConfig), TlsError> {
        let (seen, not_after_ms, config) = TlsFiles::read(listen)?;
        Ok((TlsFiles { listen: listen.clone(), seen, not_after_ms }, config))
    }

    /// Looks whether they have changed, and reads them if so. What cannot be used is told, and tried again the next
    /// time.
    pub fn reload(&mut self) -> Result<Option<ServerConfig>, TlsError> {
        if fingerprint(&self.listen)? == self.seen {
            return Ok(None);
        }
        let (seen, not_after_ms, config) = TlsFiles::read(&self.listen)?;
        (self.seen, self.not_after_ms) = (seen, not_after_ms);
        Ok(Some(config))
    }

    /// The last moment of the server's certificate, Unix time in milliseconds.
    pub fn not_after_ms(&self) -> u64 {
        self.not_after_ms
    }

    fn read(listen: &config::Listen) -> Result<(Hash, u64, ServerConfig), TlsError> {
        let seen = fingerprint(listen)?;
        let config = server_config(listen)?;
        let chain = certificates(&listen.certificate)?;
        let first = chain.first().ok_or(NotACertificate::Malformed)?;
        Ok((seen, PeerCertificate::parse(first)?.not_after_ms, config))
    }
}

/// SHA-256 over the three files. Only compared; the private key's bytes are wiped.
fn fingerprint(listen: &config::Listen) -> Result<Hash, TlsError> {
    let mut all = Zeroizing::new(Vec::new());
    for path in [&listen.certificate, &listen.key, &listen.client_ca] {
        let unread = |error| TlsError::Unread { path: path.clone(), error };
        let bytes = Zeroizing::new(std::fs::read(path).map_err(unread)?);
        let hash = Hash::sha256(&bytes);
        all.extend_from_slice(hash.as_bytes());
    }
    Ok(Hash::sha256(&all))
}

/// The TLS configuration of a vault.
pub fn server_config(listen: &config::Listen) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(listen, &provider)?;
    let key =
        PrivateKeyDer::from_pem_file(&listen.key).map_err(|error| TlsError::Pem { path: listen.key.clone(), error })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&listen.certificate)?, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Whether an authority of the configuration has signed a client's certificate, which is within its life, for a client.
pub fn is_clients(listen: &config::Listen, certificate: &[u8], now: UnixTime) -> Result<bool, TlsError> {
    let verifier = verifier(listen, &Arc::new(rustls::crypto::ring::default_provider()))?;
    Ok(verifier.verify_client_cert(&CertificateDer::from(certificate), &[], now).is_ok())
}

fn verifier(listen: &config::Listen, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&listen.client_ca)? {
        roots.add(authority)?;
    }
    Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build()?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| TlsError::Pem { path: path.to_owned(), error };
    CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}
