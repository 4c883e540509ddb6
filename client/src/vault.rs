//! The vault as a program sees it.

use std::path::Path;
use std::sync::Arc;

use coffer_wire::api::{Empty, ProveAnswer, ProveRequest, Status, UnsealAnswer, UnsealRequest};
use coffer_wire::note::Checkpoint;
use coffer_wire::succession::Trust;
use coffer_wire::{Name, Value};

use crate::builder::{Builder, SetupError};
use crate::error::Error;
use crate::log::{Log, Receipts, follow, prover};
use crate::session::Session;
use crate::token::Token;
use crate::transport::{Repeat, Transport};

/// A vault, reached as one application. Cheap to clone; clones share connections and receipts.
#[derive(Clone)]
pub struct Vault {
    core: Arc<Core>,
}

/// What all handles of one vault share.
pub(crate) struct Core {
    pub(crate) transport: Transport,
    pub(crate) log: Log,
    pub(crate) controller: Option<Name>,
    /// Under which name the vault knows this application.
    pub(crate) application: Option<Name>,
}

impl Vault {
    /// What a vault needs, one by one.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The vault that a `client.toml` describes. Names in it that are not known are refused.
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<Vault, SetupError> {
        Builder::from_config_file(path)?.build()
    }

    pub(crate) fn new(core: Core) -> Vault {
        Vault { core: Arc::new(core) }
    }

    /// The vault as this person may use it through this application.
    pub fn on_behalf_of(&self, token: Token) -> Session {
        Session::new(Arc::clone(&self.core), token)
    }

    /// The log's newest checkpoint, signature checked. No token is needed and no leaf is written.
    /// That it continues what was seen before is proved in the background.
    pub async fn checkpoint(&self) -> Result<(Checkpoint, String), Error> {
        self.core.log.sound()?;
        let note = self.core.transport.get("/v1/log/checkpoint").await?;
        follow::meet(&self.core, std::slice::from_ref(&note)).await?;
        let signed = self.core.log.take_note(&note)?;
        prover::wake(&self.core);
        Ok((signed.checkpoint.clone(), note))
    }

    /// What is believed of the log: the key that was given, and the keys and logs that it led to, asked for anew.
    pub async fn follow(&self) -> Result<Trust, Error> {
        follow::follow(&self.core).await?;
        Ok(self.core.log.trust().clone())
    }

    /// Proofs from the log, unchecked: [`coffer_wire::tree`] checks them. No token is needed.
    pub async fn prove(&self, asked: &ProveRequest) -> Result<ProveAnswer, Error> {
        self.core.log.sound()?;
        self.core.prove(asked).await
    }

    /// What a sealed vault says of itself, without anybody's token. An open one tells its state to persons alone and refuses
    /// with `credential_missing`: [`Session::status`].
    pub async fn sealed_status(&self) -> Result<Status, Error> {
        let answer = self.core.transport.post("/v1/status", None, &Empty {}, Repeat::Safe).await;
        let outcome = answer.as_ref().map_or_else(Error::code, |_| "ok");
        tracing::info!(target: "coffer_client::access", action = "status", outcome, "act");
        answer
    }

    /// Opens a sealed vault, or hands in a share for it. Nobody's token is needed, as a sealed vault knows no policy.
    pub async fn unseal(&self, share: Option<Value>) -> Result<UnsealAnswer, Error> {
        let asked = UnsealRequest { share };
        let answer = self.core.transport.post("/v1/vault/unseal", None, &asked, Repeat::Never).await;
        let outcome = answer.as_ref().map_or_else(Error::code, |_| "ok");
        tracing::info!(target: "coffer_client::access", action = "vault.unseal", outcome, "act");
        answer
    }

    /// The receipts that came so far.
    pub fn receipts(&self) -> Receipts<'_> {
        Receipts::new(&self.core)
    }
}

impl Core {
    pub(crate) async fn prove(&self, asked: &ProveRequest) -> Result<ProveAnswer, Error> {
        self.transport.post("/v1/log/prove", None, asked, Repeat::Safe).await
    }
}
