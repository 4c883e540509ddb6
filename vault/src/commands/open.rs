//! From a home directory to an open vault, in the order in which things can go wrong.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use coffer_keys::{RootKey, keyfile};
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::listen::{Listener, Operator, TlsFiles};
use coffer_vault::serve::{Door, House, HouseError, Shut};
use coffer_vault::store::Engine;
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};

use super::exit::{Failure, Status};
use super::upkeep::Keeper;

/// What `status` and the exit message say of a log that is not the one last seen.
pub const LOG_NOT_CONTINUOUS: &str = "log_not_continuous";

/// The configuration of a home.
pub fn config(home: &Path) -> Result<Config, Failure> {
    Config::load(home).map_err(|error| {
        Failure::config(format!("{error}\nIs {} a home? `coffer-vault init` makes one.", home.display()))
    })
}

/// The root key, unless it lies where a thief of the disk would find it too.
pub fn root_key(config: &Config) -> Result<RootKey, Failure> {
    let key_file = &config.seal.key_file;
    let shared = config.key_file_shares_disk().map_err(|error| Failure::io(key_file.display(), error))?;
    if shared && !config.seal.same_disk {
        return Err(Failure::config(format!(
            "the key file {} lies on the file system of the data: whoever takes that disk can read everything. \
             Move it to another file system and set seal.key_file, or accept the risk with seal.same_disk = true.",
            key_file.display()
        )));
    }
    keyfile::load(key_file).map_err(Failure::config)
}

/// How the store is tuned by the configuration.
pub fn tuning(config: &Config) -> Tuning {
    Tuning { memory_bytes: config.store.memory_mib << 20, durability: Durability::Synced }
}

/// The store, which no other process may have open.
pub fn store(config: &Config) -> Result<Arc<Rocks>, Failure> {
    Ok(Arc::new(Rocks::open(&config.store.data, &tuning(config)).map_err(Failure::config)?))
}

/// Opens the vault, or keeps it shut where its log is not the one last seen; nobody has the store open then.
fn door(config: Arc<Config>) -> Result<(Door, Option<Arc<Rocks>>), Failure> {
    let root = root_key(&config)?;
    let store = store(&config)?;
    let engine: Arc<dyn Engine> = Arc::<Rocks>::clone(&store);
    let clock: Arc<dyn Clock> = Arc::new(System);
    match House::open(Arc::clone(&config), engine, Arc::clone(&clock), &root) {
        Ok(house) => Ok((Door::Open(Arc::new(house)), Some(store))),
        Err(HouseError::Log(error)) if error.not_continuous() => {
            tracing::error!(%error, "the log is not the one that was last seen; the vault starts sealed");
            Ok((Door::Shut(Arc::new(Shut::new(config, clock, LOG_NOT_CONTINUOUS))), None))
        }
        Err(error) => Err(Failure::config(error)),
    }
}

/// A vault that listens.
pub struct Served {
    pub listener: Listener,
    pub door: Door,
    pub keeper: Keeper,
    pub operator: Option<Operator>,
    /// The store of an open vault, for copies of it.
    pub store: Option<Arc<Rocks>>,
}

/// Opens the vault and listens.
pub fn listen(config: Config) -> Result<Served, Failure> {
    let config = Arc::new(config);
    if config.issuers.is_empty() {
        tracing::warn!("no [[issuer]] is declared: nobody's token is taken, so every request is refused");
    }
    let (files, tls) = TlsFiles::load(&config.listen).map_err(Failure::config)?;
    let (door, store) = door(Arc::clone(&config))?;
    let cannot =
        |address: SocketAddr| move |error| Failure::new(Status::Config, format!("cannot listen on {address}: {error}"));
    let address = config.listen.address;
    let listener = Listener::start(address, tls, door.clone()).map_err(cannot(address))?;
    let mut keeper = Keeper::new(files);
    keeper.look(&listener, &door);
    let operator = config.operator.map(|address| Operator::start(address, door.clone()).map_err(cannot(address)));
    Ok(Served { listener, door, keeper, operator: operator.transpose()?, store })
}
