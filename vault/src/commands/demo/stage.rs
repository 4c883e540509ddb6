//! The vault as the applications see it: over TLS, each with its own certificate, each person with
//! a token of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coffer_client::{Kept, Session, Token, Vault};
use coffer_vault::config::Config;
use coffer_wire::Name;
use coffer_wire::note::VerifierKey;
use secrecy::ExposeSecret;

use super::ThrowAway;
use super::dev::STAFF;
use super::told::{NotAsTold, some};
use crate::commands::token;

/// Minutes for which a token of one scene is good.
const SCENE_MINUTES: u32 = 5;

pub struct Stage {
    /// The log's key, known from when the vault was made and never learned over the wire.
    pub log_key: VerifierKey,
    config: Config,
    tokens: PathBuf,
    applications: BTreeMap<Name, Vault>,
}

impl Stage {
    pub fn new(vault: &ThrowAway) -> Result<Stage, NotAsTold> {
        let log_key = vault.log_key.parse().map_err(NotAsTold::new)?;
        let clients = vault.home.join("clients");
        let mut applications = BTreeMap::new();
        for application in vault.config.applications.iter().map(|application| application.name) {
            let file = clients.join(application.as_str()).join("client.toml");
            applications.insert(application, Vault::from_config_file(file)?);
        }
        Ok(Stage { log_key, config: vault.config.clone(), tokens: vault.home.join("tokens"), applications })
    }

    /// One of the staff, before the application they work with.
    pub fn staff(&self, who: &str) -> Result<Session, NotAsTold> {
        let (file, _, application) = some(STAFF.into_iter().find(|(file, ..)| *file == who), "such member of staff")?;
        Ok(self.application(application)?.on_behalf_of(Token::from_file(self.tokens.join(file))?))
    }

    /// Somebody with this role before an application that may not be theirs, for one landlord or all.
    pub fn somebody(&self, role: &str, application: &str, controllers: &[&str]) -> Result<Session, NotAsTold> {
        let controllers = controllers.iter().map(|name| self.name(name)).collect::<Result<_, _>>()?;
        let (role, carrier) = (self.name(role)?, self.name(application)?);
        let person = format!("{role}.scene@example");
        let minted = token::mint(&self.config, &person, vec![role], controllers, &carrier, SCENE_MINUTES)?;
        let token = Token::new(minted.expose_secret().to_owned()).map_err(NotAsTold::new)?;
        Ok(self.application(application)?.on_behalf_of(token))
    }

    /// Every receipt that the applications were given.
    pub fn receipts(&self) -> Vec<Kept> {
        self.applications.values().flat_map(|vault| vault.receipts().recent()).collect()
    }

    /// Waits until each application has the proof that its receipts are in the log; answers how many.
    pub async fn prove_receipts(&self) -> Result<u64, NotAsTold> {
        let mut proved = 0;
        for vault in self.applications.values() {
            proved += vault.receipts().settle().await?.proved;
        }
        Ok(proved)
    }

    fn application(&self, name: &str) -> Result<&Vault, NotAsTold> {
        some(self.applications.get(&self.name(name)?), "such application")
    }

    fn name(&self, text: &str) -> Result<Name, NotAsTold> {
        Name::new(text).map_err(NotAsTold::new)
    }
}
