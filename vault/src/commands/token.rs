//! `coffer-vault token`: a token from the local issuer, to a file or to standard output.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::local::{TokenRequest, local_issuer};
use coffer_wire::Name;
use secrecy::{ExposeSecret, SecretString};

use super::exit::{Failure, Status};
use super::open;

/// Minutes a token lives unless told otherwise; the most that the vault accepts.
const LIFE_MINUTES: u32 = 15;

#[derive(Args)]
pub struct Token {
    /// The home directory, which must have a local issuer
    dir: PathBuf,
    /// The person
    #[arg(long)]
    person: String,
    /// A role of access.toml; give it once for each
    #[arg(long = "role", required = true)]
    roles: Vec<Name>,
    /// A controller; give it once for each (left out: all)
    #[arg(long = "controller")]
    controllers: Vec<Name>,
    /// The application that carries the token, by its name in coffer.toml
    #[arg(long)]
    application: Name,
    /// How long it lives, in minutes
    #[arg(long, default_value_t = LIFE_MINUTES)]
    minutes: u32,
    /// The file to write it to, for its owner alone (left out: standard output)
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Mints the token. It is never printed beside anything else.
pub fn run(args: Token) -> Result<(), Failure> {
    let config = open::config(&args.dir)?;
    let token = mint(&config, &args.person, args.roles, args.controllers, &args.application, args.minutes)?;
    match args.out {
        None => println!("{}", token.expose_secret()),
        Some(path) => write(&path, &token)?,
    }
    Ok(())
}

/// A token of the local issuer.
pub fn mint(
    config: &Config,
    person: &str,
    roles: Vec<Name>,
    controllers: Vec<Name>,
    application: &Name,
    life_minutes: u32,
) -> Result<SecretString, Failure> {
    let issuer = local_issuer(config).map_err(Failure::config)?;
    let declared = config.issuers.iter().find(|declared| declared.local);
    let application = config.application(application);
    let (Some(declared), Some(application)) = (declared, application) else {
        return Err(Failure::config("coffer.toml declares no such application, or no local issuer"));
    };
    let all = || config.controllers.iter().map(|controller| controller.name).collect();
    let wanted = TokenRequest {
        sub: person.to_owned(),
        roles,
        controllers: if controllers.is_empty() { all() } else { controllers },
        client_id: application.client_id.clone(),
        audience: declared.audience.clone(),
        life_minutes,
        cnf: None,
    };
    issuer.mint(&wanted, System.now_ms()).map_err(Failure::config)
}

/// Writes a token to a file for its owner alone, in place of an older one.
pub fn write(path: &std::path::Path, token: &SecretString) -> Result<(), Failure> {
    let failed = |error| Failure::new(Status::CannotCreate, format!("{}: {error}", path.display()));
    // Replaced rather than written over, so that the mode is ours and not an older file's.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    writeln!(file, "{}", token.expose_secret()).map_err(failed)
}
