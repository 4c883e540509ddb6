//! `client.toml`: how a program reaches its vault.
//!
//! ```toml
//! url = "https://127.0.0.1:8443"
//! ca = "server-ca.pem"            # who signed the vault's certificate
//! certificate = "client.pem"      # what this application shows of itself
//! key = "client.key"
//! log_key = "coffer.example/demo+…"   # under which receipts are checked, and under no other
//! application = "rents-desk"      # the name under which the vault knows this application; optional
//! controller = "oakvale"          # whose data is meant where nothing else is said; optional
//! ```

use std::path::Path;

use coffer_wire::Name;
use coffer_wire::note::VerifierKey;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::builder::{Builder, SetupError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: String,
    ca: String,
    certificate: String,
    key: String,
    log_key: VerifierKey,
    application: Option<Name>,
    controller: Option<Name>,
}

/// Reads the file and what it refers to; relative paths start at the file's directory.
pub(crate) fn read(path: &Path) -> Result<Builder, SetupError> {
    let text = bytes(path)?;
    let wrong = |message: String| SetupError::Config { path: path.to_owned(), message };
    let text = std::str::from_utf8(&text).map_err(|_| wrong("the file is not UTF-8".to_owned()))?;
    let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut builder = Builder::new()
        .url(&file.url)
        .ca_pem(&bytes(&beside.join(file.ca))?)
        .identity_pem(&bytes(&beside.join(file.certificate))?, &bytes(&beside.join(file.key))?)
        .log_key(file.log_key);
    if let Some(controller) = file.controller {
        builder = builder.controller(controller);
    }
    if let Some(application) = file.application {
        builder = builder.application(application);
    }
    Ok(builder)
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, SetupError> {
    let read = std::fs::read(path).map(Zeroizing::new);
    read.map_err(|source| SetupError::File { path: path.to_owned(), kind: source.kind() })
}
