//! What a command works with: the options that every command takes, the screen, and the way to the
//! vault, which is made when it is first needed.

use std::path::Path;
use std::time::Duration;

use coffer_client::{Builder, Error, Records, Session, SetupError, Token, Vault};
use coffer_wire::note::VerifierKey;
use coffer_wire::problem::Code;
use serde::Deserialize;

use crate::args::{Envelope, Global};
use crate::failure::{Exit, Failure};
use crate::input::{self, Inputs};
use crate::output::{Screen, note};
use crate::stop::Stop;

/// What every command works with.
pub struct Desk {
    global: Global,
    /// Where results go.
    pub screen: Screen,
    /// What files and standard input give.
    pub inputs: Inputs,
}

impl Desk {
    pub fn new(global: Global) -> Desk {
        let screen = Screen::new(global.json);
        Desk { global, screen, inputs: Inputs::default() }
    }

    /// Whether a person's token was named.
    pub fn has_token(&self) -> bool {
        self.global.token_file.is_some()
    }

    /// The vault as the person of the token sees it.
    pub fn session(&self) -> Result<(Vault, Session), Failure> {
        self.session_knowing(Vec::new())
    }

    /// The same where the notes are known by which the log was handed on before.
    pub fn session_knowing(&self, handovers: Vec<String>) -> Result<(Vault, Session), Failure> {
        let Some(path) = &self.global.token_file else {
            let advice = "give `--token-file FILE`, or `--token-file -` for standard input";
            return Err(Failure::usage("this needs a person's token", advice));
        };
        let vault = self.configured(|builder| builder.known_handovers(handovers).build())?;
        let session = vault.on_behalf_of(self.inputs.token(path)?);
        Ok((vault, session))
    }

    /// The same for one controller, purpose, case and reason.
    pub fn records(&self, envelope: Envelope) -> Result<(Vault, Records), Failure> {
        let (vault, session) = self.session()?;
        let records = self::envelope(&session, envelope)?;
        Ok((vault, records))
    }

    /// What the configuration file says, made into something, where nothing is asked of the vault.
    pub fn configured<T>(&self, make: impl FnOnce(Builder) -> Result<T, SetupError>) -> Result<T, Failure> {
        let config = &self.global.config;
        Builder::from_config_file(config).and_then(make).map_err(|error| Failure::setup(config, &error))
    }

    /// The vault for work that outlives a token.
    pub fn long(&self) -> Result<Long<'_>, Failure> {
        let (vault, session) = self.session()?;
        Ok(Long { desk: self, vault, session })
    }

    /// The log's public key: of the file named, else of the configuration. Never the vault's word.
    pub fn log_key(&self, file: Option<&Path>) -> Result<VerifierKey, Failure> {
        match file {
            Some(path) => {
                let key = input::text(path)?.trim().parse();
                key.map_err(|error| Failure::config(path.display(), error))
            }
            None => pinned(&self.global.config),
        }
    }
}

/// The handle of a session for one controller, purpose, case and reason.
pub fn envelope(session: &Session, envelope: Envelope) -> Result<Records, Error> {
    let Envelope { controller, purpose, case, reason } = envelope;
    let session = match controller {
        Some(controller) => session.clone().for_controller(controller.as_str())?,
        None => session.clone(),
    };
    let mut records = session.for_purpose(purpose.as_str())?;
    if let Some(case) = case {
        records = records.with_case(case);
    }
    if let Some(reason) = reason {
        records = records.with_reason(reason);
    }
    Ok(records)
}

/// How often one request of long work is sent, at most, where the vault does not take it.
const TRIES_MAX: u32 = 6;
/// The pause after the first time; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);

/// Work of many requests: a token that ends is read again from its file, and a vault that is busy or restarted is
/// waited for, half a minute in all.
pub struct Long<'a> {
    desk: &'a Desk,
    /// The vault.
    pub vault: Vault,
    session: Session,
}

impl Long<'_> {
    /// The vault as the person of the token sees it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Calls until the vault has taken the call, or will not. Only what may be called again without harm is called
    /// again: after an answer that says that nothing was done, or where no connection was made.
    pub async fn call<T>(
        &mut self,
        stop: &Stop,
        mut call: impl AsyncFnMut(&Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut tries, mut renewed) = (1, false);
        loop {
            let error = match call(&self.session).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let code = error.refusal().map(|refusal| refusal.code);
            match (&error, code) {
                (_, Some(Code::CredentialExpired)) if !renewed && self.renew() => renewed = true,
                (Error::Unreachable(_), _) | (_, Some(Code::Busy | Code::HeadLate))
                    if tries < TRIES_MAX && !stop.asked().await =>
                {
                    stop.pause(PAUSE * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
                _ => return Err(error),
            }
        }
    }

    /// Reads the token again, where it lies in a file.
    fn renew(&mut self) -> bool {
        let path = self.desk.global.token_file.as_ref();
        let Some(token) = path.and_then(|path| Token::from_file(path).ok()) else { return false };
        self.session = self.vault.on_behalf_of(token);
        true
    }
}

/// Waits for the proofs that what was just done stands in the log. Without them the answer is still
/// one that the log's key signed; that is said.
pub async fn prove(vault: &Vault) -> Result<(), Failure> {
    match vault.receipts().settle().await {
        Ok(_) => Ok(()),
        Err(error @ coffer_client::Error::LogInconsistent(_)) => Err(error.into()),
        Err(error) => {
            note(format!("signed for by the log, but not yet proved to be in it: {error}"));
            Ok(())
        }
    }
}

/// `log_key` of a `client.toml`; what else it says is not looked at.
fn pinned(path: &Path) -> Result<VerifierKey, Failure> {
    #[derive(Deserialize)]
    struct Pinned {
        log_key: VerifierKey,
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::setup(path, &SetupError::File { path: path.to_owned(), kind: error.kind() }))?;
    let pinned: Pinned = toml::from_str(&text).map_err(|error| {
        Failure::new(Exit::Config, "configuration", format!("{}: {}", path.display(), error.message()), "see `log_key`")
    })?;
    Ok(pinned.log_key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_log_key_is_the_pinned_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.toml");
        let key = VerifierKey::new("coffer.example/demo", [7; 32]).unwrap();
        std::fs::write(&path, format!("url = \"https://localhost\"\nlog_key = \"{key}\"\n")).unwrap();
        assert!(pinned(&path).unwrap() == key);
        std::fs::write(&path, "log_key = \"trust me\"\n").unwrap();
        assert_eq!(pinned(&path).unwrap_err().code(), "configuration");
        assert_eq!(pinned(&folder.path().join("none")).unwrap_err().code(), "configuration");
    }
}
