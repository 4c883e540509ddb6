//! How a [`Vault`] is made: everything it trusts is given, nothing is taken from the network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coffer_wire::Name;
use coffer_wire::approval::Request;
use coffer_wire::note::VerifierKey;
use coffer_wire::succession::Trust;
use zeroize::Zeroizing;

use crate::log::Log;
use crate::transport::Transport;
use crate::vault::{Core, Vault};
use crate::{approve, config, tls};

/// How long a request may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a [`Vault`] needs. All but `controller`, `application`, `timeout` and `known_checkpoint` must be given.
#[must_use]
pub struct Builder {
    url: Option<String>,
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    log_key: Option<VerifierKey>,
    controller: Option<Name>,
    application: Option<Name>,
    known: Option<String>,
    handovers: Vec<String>,
    timeout: Duration,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            url: None,
            ca: None,
            identity: None,
            log_key: None,
            controller: None,
            application: None,
            known: None,
            handovers: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    /// A builder with what a `client.toml` says.
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<Builder, SetupError> {
        config::read(path.as_ref())
    }

    /// Where the vault is: `https://host:port`.
    pub fn url(mut self, url: &str) -> Builder {
        self.url = Some(url.trim_end_matches('/').to_owned());
        self
    }

    /// The certificates, as PEM, of which one signed the vault's. No others are trusted.
    pub fn ca_pem(mut self, pem: &[u8]) -> Builder {
        self.ca = Some(pem.to_vec());
        self
    }

    /// What this application shows of itself: its certificate with those between it and its root,
    /// and its private key, as PEM.
    pub fn identity_pem(mut self, certificates: &[u8], key: &[u8]) -> Builder {
        self.identity = Some((certificates.to_vec(), Zeroizing::new(key.to_vec())));
        self
    }

    /// The public key of the vault's access log, as it was handed out. It is never learned from the
    /// vault itself.
    pub fn log_key(mut self, key: VerifierKey) -> Builder {
        self.log_key = Some(key);
        self
    }

    /// Whose data is meant where nothing else is said.
    pub fn controller(mut self, controller: Name) -> Builder {
        self.controller = Some(controller);
        self
    }

    /// The name under which the vault knows this application. An answer is then believed only if the log says that it was
    /// this one which asked.
    pub fn application(mut self, application: Name) -> Builder {
        self.application = Some(application);
        self
    }

    /// The newest checkpoint that an earlier run saw ([`crate::Receipts::newest`]), as a signed note.
    /// The log must continue it.
    pub fn known_checkpoint(mut self, note: impl Into<String>) -> Builder {
        self.known = Some(note.into());
        self
    }

    /// The notes that an earlier run followed ([`crate::Receipts::handovers`]), beside the checkpoint that it saw: a vault that
    /// shows others is caught.
    pub fn known_handovers(mut self, notes: impl IntoIterator<Item = String>) -> Builder {
        self.handovers = notes.into_iter().collect();
        self
    }

    /// How long one request may take.
    pub fn timeout(mut self, timeout: Duration) -> Builder {
        self.timeout = timeout;
        self
    }

    /// Approves what is asked for a vault that is not open: the file to hand to its operator. `made_ms` and `expires_ms` are
    /// Unix times in milliseconds.
    pub fn approve(&self, asked: Request, reason: &str, made_ms: u64, expires_ms: u64) -> Result<String, SetupError> {
        let (certificates, key) = self.identity.as_ref().ok_or(SetupError::Missing("identity"))?;
        approve::approve(asked, reason, (made_ms, expires_ms), (certificates, key))
    }

    /// Makes the vault's client. Connects to nothing yet.
    pub fn build(self) -> Result<Vault, SetupError> {
        let url = self.url.ok_or(SetupError::Missing("url"))?;
        let ca = self.ca.ok_or(SetupError::Missing("ca"))?;
        let (certificates, key) = self.identity.ok_or(SetupError::Missing("identity"))?;
        let log_key = self.log_key.ok_or(SetupError::Missing("log_key"))?;
        let tls = tls::config(&ca, &certificates, &key)?;
        let mut trust = Trust::of(log_key);
        trust.follow(self.handovers.iter().map(String::as_str)).map_err(|_| SetupError::KnownHandovers)?;
        let known = self.known.map(|note| match trust.verify(&note) {
            Ok(checkpoint) => Ok((checkpoint, note)),
            Err(_) => Err(SetupError::KnownCheckpoint),
        });
        let log = Log::new(trust, known.transpose()?);
        let transport = Transport::new(&url, tls, self.timeout)?;
        Ok(Vault::new(Core { transport, log, controller: self.controller, application: self.application }))
    }
}

/// Why there is no client.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Something that must be given was not.
    #[error("the client needs `{0}`")]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("{} cannot be read: {kind}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The configuration file is wrong.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Line and key.
        message: String,
    },
    /// What was given as PEM is none.
    #[error("`{0}` holds no PEM of its kind")]
    Pem(&'static str),
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificates cannot be used: {0}")]
    Tls(String),
    /// An approval cannot be made so.
    #[error("{0}")]
    Approval(String),
    /// Not an `https` address of a host.
    #[error("the url must be https://host or https://host:port")]
    Url,
    /// The notes of an earlier run hand the log on from another key than its own.
    #[error("the known handovers do not follow from the log's key")]
    KnownHandovers,
    /// The checkpoint of an earlier run is not signed by the log's key.
    #[error("the known checkpoint is not signed by the log's key")]
    KnownCheckpoint,
}
