//! From a home directory to an open vault, in the order in which things can go wrong.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use coffer_keys::RootKey;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::{Config, Seal, SealKind, Start, shares_disk};
use coffer_vault::listen::{Listener, Operator, TlsFiles};
use coffer_vault::serve::{Door, OpenStore, Why};
use coffer_vault::store::Engine;
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};

use super::exit::{Failure, Status};
use super::upkeep::Keeper;
use super::{memory, shares};

/// The configuration of a home.
pub fn config(home: &Path) -> Result<Config, Failure> {
    Config::load(home).map_err(|error| {
        Failure::config(format!("{error}\nIs {} a home? `coffer-vault init` makes one.", home.display()))
    })
}

/// The root key, unless it lies where a thief of the disk would find it too, or could come to swap.
pub fn root_key(config: &Config) -> Result<RootKey, Failure> {
    memory::permitted(config)?;
    apart(config)?;
    let seal = config.open_seal().map_err(Failure::config)?;
    let shares = shares::typed(&*seal)?;
    seal.open(&shares).map_err(Failure::config)
}

/// That a thief of the data's disk does not find the root key on it.
fn apart(config: &Config) -> Result<(), Failure> {
    [Some(&config.seal), config.next_seal.as_ref()].into_iter().flatten().try_for_each(|seal| apart_of(config, seal))
}

fn apart_of(config: &Config, seal: &Seal) -> Result<(), Failure> {
    if seal.kind != SealKind::KeyFile || seal.same_disk {
        return Ok(());
    }
    let key_file = &seal.key_file;
    if shares_disk(key_file, &config.store.data).map_err(|error| Failure::io(key_file.display(), error))? {
        return Err(Failure::config(format!(
            "the key file {} lies on the file system of the data: whoever takes that disk can read everything. \
             Move it to another file system and set `key_file` there, or accept the risk with `same_disk = true`.",
            key_file.display()
        )));
    }
    Ok(())
}

/// How the store is tuned by the configuration.
pub fn tuning(config: &Config) -> Tuning {
    Tuning { memory_bytes: config.store.memory_mib << 20, durability: Durability::Synced }
}

/// The store, which no other process may have open.
pub fn store(config: &Config) -> Result<Arc<Rocks>, Failure> {
    Ok(Arc::new(Rocks::open(&config.store.data, &tuning(config)).map_err(Failure::config)?))
}

/// The store that is open at this moment, if one is.
type Opened = Arc<Mutex<Weak<Rocks>>>;

fn opened(opened: &Opened) -> std::sync::MutexGuard<'_, Weak<Rocks>> {
    opened.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The door to a vault: open, or shut where the configuration has it start so, where shares are needed, or where its log is
/// not the one last seen. Nobody has the store of a shut one open.
fn door(config: Arc<Config>) -> Result<(Door, Opened), Failure> {
    let newest = Opened::default();
    let (kept, at) = (Arc::clone(&newest), Arc::clone(&config));
    let open_store: OpenStore = Box::new(move || {
        let store = Arc::new(Rocks::open(&at.store.data, &tuning(&at))?);
        *opened(&kept) = Arc::downgrade(&store);
        Ok(store as Arc<dyn Engine>)
    });
    let clock: Arc<dyn Clock> = Arc::new(System);
    memory::permitted(&config)?;
    apart(&config)?;
    let door = Door::shut(Arc::clone(&config), clock, Why::Start).with_store(open_store);
    door.settle_seal().map_err(Failure::config)?;
    let held = config.held();
    if held.start == Start::Open && held.kind != SealKind::Shamir {
        door.open_at_start(root_key(&config)?).map_err(Failure::config)?;
    }
    Ok((door, newest))
}

/// A vault that listens.
pub struct Served {
    pub listener: Listener,
    pub door: Door,
    pub keeper: Keeper,
    pub operator: Option<Operator>,
    newest: Opened,
}

impl Served {
    /// The store of an open vault, for copies of it.
    pub fn store(&self) -> Option<Arc<Rocks>> {
        opened(&self.newest).upgrade()
    }
}

/// Opens the vault and listens.
pub fn listen(config: Config) -> Result<Served, Failure> {
    let config = Arc::new(config);
    if config.issuers.is_empty() {
        tracing::warn!("no [[issuer]] is declared: nobody's token is taken, so every request is refused");
    }
    let (files, tls) = TlsFiles::load(&config.listen).map_err(Failure::config)?;
    let (door, newest) = door(Arc::clone(&config))?;
    let cannot =
        |address: SocketAddr| move |error| Failure::new(Status::Config, format!("cannot listen on {address}: {error}"));
    let address = config.listen.address;
    let listener = Listener::start(address, tls, door.clone()).map_err(cannot(address))?;
    let mut keeper = Keeper::new(files);
    keeper.look(&listener, &door);
    let operator = config.operator.map(|address| Operator::start(address, door.clone()).map_err(cannot(address)));
    Ok(Served { listener, door, keeper, operator: operator.transpose()?, newest })
}
