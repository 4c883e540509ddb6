//! `coffer-vault init`: a new home with keys, an empty store, and the log's first leaves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use coffer_keys::keyfile;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::{Config, shares_disk};
use coffer_vault::local::{HomeOptions, LaidHome, lay, write_client_config};
use coffer_vault::serve::{self, Proposal};
use coffer_vault::store::Engine;
use coffer_vault::store::rocks::Rocks;
use coffer_wire::Name;
use serde::Serialize;

use super::exit::{Failure, Status};
use super::open;

/// The file in which a home keeps the log's public key, for those who verify.
pub const LOG_KEY_FILE: &str = "log.pub";

#[derive(Args)]
pub struct Init {
    /// The directory to make; it must not hold a vault yet
    dir: PathBuf,
    /// The vault's name
    #[arg(long, default_value = "coffer")]
    name: Name,
    /// The log's origin, the name under which outsiders know it
    #[arg(long, default_value = "coffer.example/log")]
    origin: String,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where to put the root key: on another file system than DIR
    #[arg(long)]
    key_file: PathBuf,
    /// Accept that the root key lies on the file system of the data (a stolen disk then reads all)
    #[arg(long)]
    same_disk: bool,
    /// A controller, as NAME=TITLE; give it once for each
    #[arg(long = "controller", required = true, value_parser = controller)]
    controllers: Vec<(Name, String)>,
    /// Make certificates and a token issuer here, to try the vault out; `status` shows them in red
    #[arg(long)]
    local_issuer: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    home: &'a Path,
    files: &'a [PathBuf],
    key_file: &'a Path,
    log_key: &'a str,
    clients: &'a [Name],
}

/// Makes the home and says what was made.
pub fn run(args: Init, json: bool) -> Result<(), Failure> {
    super::memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let dir = absolute(&args.dir)?;
    let options = HomeOptions {
        name: args.name,
        origin: args.origin,
        listen: args.listen,
        key_file: absolute(&args.key_file)?,
        same_disk: args.same_disk,
        controllers: args.controllers,
        local: args.local_issuer,
    };
    let (laid, config, log_key) = make(&dir, &options)?;
    if json {
        let report = Report {
            home: &laid.home,
            files: &laid.files,
            key_file: &config.seal.key_file,
            log_key: &log_key,
            clients: &laid.clients,
        };
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
        return Ok(());
    }
    println!("A new vault lies in {}.", laid.home.display());
    println!(
        "  root key    {}  (keep a copy on a medium of its own: without it nothing can be read)",
        config.seal.key_file.display()
    );
    println!("  log key     {log_key}");
    for client in &laid.clients {
        println!("  client      clients/{client}/client.toml");
    }
    if laid.clients.is_empty() {
        println!(
            "Next: put the server's certificate and key and the clients' CA under tls/, and your issuer into coffer.toml."
        );
    }
    println!("Then: coffer-vault serve {}", laid.home.display());
    Ok(())
}

/// Lays the home, makes the root key, and makes the vault in it. Whatever fails names what is there
/// already, so that it can be removed and tried again.
pub fn make(dir: &Path, options: &HomeOptions) -> Result<(LaidHome, Config, String), Failure> {
    // Before anything is written: the directory may hold what is not ours to take away again.
    let shared = shares_disk(&options.key_file, dir);
    if shared.map_err(|error| Failure::io(options.key_file.display(), error))? && !options.same_disk {
        return Err(Failure::config(format!(
            "nothing was written, since the key file {} would lie on the file system of {}: give --key-file on another one, or --same-disk to accept the risk",
            options.key_file.display(),
            dir.display()
        )));
    }
    let laid = lay(dir, options).map_err(|error| Failure::new(Status::CannotCreate, error))?;
    let config = open::config(dir)?;
    let root = keyfile::create(&config.seal.key_file).map_err(|error| Failure::new(Status::CannotCreate, error))?;
    let store = Rocks::create(&config.store.data, &open::tuning(&config));
    let engine: Arc<dyn Engine> = Arc::new(store.map_err(|error| Failure::new(Status::CannotCreate, error))?);
    let clock: Arc<dyn Clock> = Arc::new(System);
    let proposal = Proposal::of_home(dir).map_err(Failure::config)?;
    let log_key = serve::init(&config, &engine, &clock, &root, &proposal).map_err(Failure::config)?.to_string();
    std::fs::write(dir.join(LOG_KEY_FILE), format!("{log_key}\n")).map_err(|error| Failure::io(LOG_KEY_FILE, error))?;
    for client in &laid.clients {
        write_client(dir, client, config.listen.address, &log_key)?;
    }
    Ok((laid, config, log_key))
}

/// The configuration file of one client.
pub fn write_client(dir: &Path, client: &Name, address: SocketAddr, log_key: &str) -> Result<PathBuf, Failure> {
    let url = format!("https://localhost:{}", address.port());
    write_client_config(dir, client, &url, log_key).map_err(|error| Failure::new(Status::CannotCreate, error))
}

pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io(path.display(), error))
}

fn controller(text: &str) -> Result<(Name, String), String> {
    let (name, title) = text.split_once('=').unwrap_or((text, text));
    Ok((Name::new(name).map_err(|error| error.to_string())?, title.to_owned()))
}
