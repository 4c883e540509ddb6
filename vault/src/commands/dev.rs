//! `coffer-vault dev`: an empty throw-away vault with a local issuer, for those who write an
//! application.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_vault::config::{Config, SealKind};
use coffer_vault::local::HomeOptions;
use coffer_wire::Name;

use super::exit::{Failure, Status};
use super::open::Served;
use super::{init, memory, open, serve, token};

/// The two landlords of dev and demo.
pub const CONTROLLERS: [(&str, &str); 2] = [("oakvale", "Oakvale Homes"), ("brookside", "Brookside Housing")];

/// Who works at the throw-away vault: file of the token, role, application.
pub const STAFF: [(&str, &str, &str); 19] = [
    ("rents", "rents", "rents-desk"),
    ("bank-officer", "bank-officer", "rents-desk"),
    ("support-worker", "support-worker", "care-desk"),
    ("debt-adviser", "debt-adviser", "care-desk"),
    ("complaints-handler", "complaints-handler", "complaints-desk"),
    ("housing-officer", "housing-officer", "housing-desk"),
    ("equality-officer", "equality-officer", "housing-desk"),
    ("lettings-officer", "lettings-officer", "housing-desk"),
    ("income-officer", "income-officer", "rents-desk"),
    ("repairs-planner", "repairs-planner", "housing-desk"),
    ("contractor", "contractor", "housing-desk"),
    ("intake", "intake", "housing-desk"),
    ("recordings-keeper", "recordings-keeper", "housing-desk"),
    ("communications", "communications", "housing-desk"),
    ("safety-officer", "safety-officer", "safety-desk"),
    ("safeguarding-lead", "safeguarding-lead", "safety-desk"),
    ("dpo", "dpo", "console"),
    ("security-admin", "security-admin", "console"),
    ("auditor", "auditor", "console"),
];

#[derive(Args)]
pub struct Dev {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// A vault that is gone when it stops.
pub struct ThrowAway {
    pub home: PathBuf,
    pub config: Config,
    pub log_key: String,
    pub served: Served,
}

/// Runs until it is stopped; then its folder is removed.
pub fn run(args: &Dev) -> Result<(), Failure> {
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let end = serve::End::awaited()?;
    let folder = tempfile::Builder::new().prefix("coffer-dev-").tempdir();
    let folder = folder.map_err(|error| Failure::io("temporary folder", error))?;
    let vault = start(&folder.path().join("home"), args.listen)?;
    tokens(&vault.config, &vault.home.join("tokens"))?;
    println!("A throw-away vault listens on {}. It is gone when you press Ctrl-C.", vault.served.listener.address());
    println!();
    println!("Configuration of a client, for coffer_client::Vault::from_config_file or `coffer --config`:");
    for application in &vault.config.applications {
        println!("  {}/clients/{}/client.toml", vault.home.display(), application.name);
    }
    println!();
    println!("Tokens, good for 15 minutes (more: coffer-vault token {} --help):", vault.home.display());
    for (name, role, application) in STAFF {
        println!("  {}/tokens/{name}   role {role}, application {application}", vault.home.display());
    }
    serve::until_stopped(vault.served, end)
}

/// Makes a home with a local issuer and serves it.
pub fn start(home: &Path, listen: SocketAddr) -> Result<ThrowAway, Failure> {
    let name = |text| Name::new(text).map_err(Failure::config);
    let controllers = CONTROLLERS.iter().map(|(id, title)| Ok((name(id)?, (*title).to_owned())));
    let options = HomeOptions {
        name: name("throw-away")?,
        origin: "coffer.example/throw-away".to_owned(),
        listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()),
        seal: SealKind::KeyFile,
        key_file: home.with_file_name("root.key"),
        token: None,
        same_disk: true,
        controllers: controllers.collect::<Result<_, Failure>>()?,
        local: true,
    };
    let init::Made { config, log_key, .. } = init::make(home, &options)?;
    serve_clients(home, config, log_key)
}

/// Serves such a home that is there already, on this port; 0 takes a free one.
pub fn reopen(home: &Path, port: u16) -> Result<ThrowAway, Failure> {
    let mut config = open::config(home)?;
    config.listen.address.set_port(port);
    let path = home.join(init::LOG_KEY_FILE);
    let log_key = std::fs::read_to_string(&path).map_err(|error| Failure::io(path.display(), error))?;
    serve_clients(home, config, log_key.trim().to_owned())
}

/// Serves it, and tells its clients where.
fn serve_clients(home: &Path, config: Config, log_key: String) -> Result<ThrowAway, Failure> {
    let clients: Vec<Name> = config.applications.iter().map(|application| application.name).collect();
    let served = open::listen(config)?;
    // The port is known only now, where a free one was taken.
    for client in &clients {
        let path = home.join("clients").join(client.as_str()).join("client.toml");
        std::fs::remove_file(&path).map_err(|error| Failure::io(path.display(), error))?;
        init::write_client(home, client, served.listener.address(), &log_key)?;
    }
    Ok(ThrowAway { home: home.to_owned(), config: open::config(home)?, log_key, served })
}

/// A token for each of the staff, in a folder.
pub fn tokens(config: &Config, folder: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(Status::CannotCreate, format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (file, role, application) in STAFF {
        let name = |text| Name::new(text).map_err(Failure::config);
        let person = format!("{role}@example");
        let minted = token::mint(config, &person, vec![name(role)?], Vec::new(), &name(application)?, 15)?;
        token::write(&folder.join(file), &minted)?;
    }
    Ok(())
}
