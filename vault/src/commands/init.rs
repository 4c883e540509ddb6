//! `coffer-vault init`: a new home with keys, an empty store, and the log's first leaves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use coffer_keys::seal::{Pkcs11, SealError, Shamir, Share, Split};
use coffer_keys::{RootKey, keyfile};
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::{Config, SealKind, Token, shares_disk};
use coffer_vault::local::files::{self, Readable};
use coffer_vault::local::{HomeOptions, LaidHome, lay, write_client_config};
use coffer_vault::serve::{self, Proposal};
use coffer_vault::store::Engine;
use coffer_vault::store::rocks::Rocks;
use coffer_wire::{Name, Value};
use serde::Serialize;
use zeroize::Zeroizing;

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
    #[command(flatten)]
    seal: SealArgs,
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

/// What will hold the root key.
#[derive(Args)]
struct SealArgs {
    /// What holds the root key
    #[arg(long, value_enum, default_value = "key-file")]
    seal: Kind,
    /// key-file: where to put the root key, on another file system than DIR
    #[arg(long, required_if_eq("seal", "key-file"))]
    key_file: Option<PathBuf>,
    /// shamir: how many shares are given out
    #[arg(long, required_if_eq("seal", "shamir"), value_name = "NUMBER")]
    shares: Option<u8>,
    /// shamir: how many of them open the vault
    #[arg(long, required_if_eq("seal", "shamir"), value_name = "NUMBER")]
    threshold: Option<u8>,
    /// shamir: a folder for the shares, a file of mode 0600 each; without it they are printed, this once
    #[arg(long, value_name = "DIR")]
    shares_to: Option<PathBuf>,
    /// shamir: where to put what is public of the shares [default: DIR/shares.set]
    #[arg(long, value_name = "FILE")]
    share_set: Option<PathBuf>,
    /// pkcs11: the library that speaks to the token
    #[arg(long, required_if_eq("seal", "pkcs11"), value_name = "FILE")]
    module: Option<PathBuf>,
    /// pkcs11: the token's label
    #[arg(long, required_if_eq("seal", "pkcs11"), value_name = "LABEL")]
    token: Option<String>,
    /// pkcs11: the file with the token's PIN, mode 0600
    #[arg(long, required_if_eq("seal", "pkcs11"), value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// pkcs11: where to put the root key as the token wraps it [default: DIR/root.wrapped]
    #[arg(long, value_name = "FILE")]
    wrapped_key: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// a file, by itself
    KeyFile,
    /// officers, by shares of which some number is needed
    Shamir,
    /// a token, over PKCS#11
    Pkcs11,
}

impl SealArgs {
    fn kind(&self) -> SealKind {
        match self.seal {
            Kind::KeyFile => SealKind::KeyFile,
            Kind::Shamir => SealKind::Shamir,
            Kind::Pkcs11 => SealKind::Pkcs11,
        }
    }

    fn file(&self, dir: &Path) -> Result<PathBuf, Failure> {
        self.of_this_kind()?;
        match self.seal {
            Kind::KeyFile => absolute(self.key_file.as_deref().unwrap_or(Path::new("root.key"))),
            Kind::Shamir => self.share_set.as_deref().map_or_else(|| Ok(dir.join("shares.set")), absolute),
            Kind::Pkcs11 => self.wrapped_key.as_deref().map_or_else(|| Ok(dir.join("root.wrapped")), absolute),
        }
    }

    /// An option that does not count for this kind would be believed to.
    fn of_this_kind(&self) -> Result<(), Failure> {
        let given = [
            ("--key-file", Kind::KeyFile, self.key_file.is_some()),
            ("--shares", Kind::Shamir, self.shares.is_some()),
            ("--threshold", Kind::Shamir, self.threshold.is_some()),
            ("--shares-to", Kind::Shamir, self.shares_to.is_some()),
            ("--share-set", Kind::Shamir, self.share_set.is_some()),
            ("--module", Kind::Pkcs11, self.module.is_some()),
            ("--token", Kind::Pkcs11, self.token.is_some()),
            ("--pin-file", Kind::Pkcs11, self.pin_file.is_some()),
            ("--wrapped-key", Kind::Pkcs11, self.wrapped_key.is_some()),
        ];
        match given.into_iter().find(|(_, kind, given)| *given && *kind != self.seal) {
            Some((option, ..)) => {
                let kind = self.kind().as_str();
                Err(Failure::config(format!("{option} is not for --seal {kind}: leave it out, or choose another seal")))
            }
            None => Ok(()),
        }
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        let (Some(module), Some(label), Some(pin_file)) = (&self.module, &self.token, &self.pin_file) else {
            return Ok(None);
        };
        Ok(Some(Token { module: absolute(module)?, label: label.clone(), pin_file: absolute(pin_file)? }))
    }

    /// Looked at before anything is written.
    fn split(&self) -> Result<Option<Split>, Failure> {
        let (Some(shares), Some(threshold)) = (self.shares, self.threshold) else { return Ok(None) };
        let split = Split { threshold, shares };
        split.check().map_err(Failure::config)?;
        Ok(Some(split))
    }
}

#[derive(Serialize)]
struct Report<'a> {
    home: &'a Path,
    files: &'a [PathBuf],
    seal: &'a str,
    key_file: &'a Path,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shares: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    share_files: Vec<PathBuf>,
    log_key: &'a str,
    clients: &'a [Name],
}

/// Makes the home and says what was made.
pub fn run(args: Init, json: bool) -> Result<(), Failure> {
    super::memory::harden().map_err(|error| Failure::io("process limits", error))?;
    if let Some(warning) = super::memory::warning() {
        // Before the first key: `serve` refuses this unless it is accepted.
        eprintln!("coffer-vault: {warning}");
    }
    let dir = absolute(&args.dir)?;
    let options = HomeOptions {
        name: args.name,
        origin: args.origin,
        listen: args.listen,
        seal: args.seal.kind(),
        key_file: args.seal.file(&dir)?,
        token: args.seal.token()?,
        same_disk: args.same_disk,
        controllers: args.controllers,
        local: args.local_issuer,
    };
    let keeping = Keeping { split: args.seal.split()?, to: args.seal.shares_to.as_deref() };
    let Made { laid, config, log_key, shares, share_files } = make_with(&dir, &options, &keeping)?;
    if json {
        let report = Report {
            home: &laid.home,
            files: &laid.files,
            seal: config.seal.kind.as_str(),
            key_file: &config.seal.key_file,
            shares,
            share_files,
            log_key: &log_key,
            clients: &laid.clients,
        };
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
        return Ok(());
    }
    println!("A new vault lies in {}.", laid.home.display());
    tell_of_seal(&config, &shares, &share_files);
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

fn tell_of_seal(config: &Config, shares: &[Value], files: &[PathBuf]) {
    let file = config.seal.key_file.display();
    match config.seal.kind {
        SealKind::KeyFile => {
            println!("  root key    {file}  (keep a copy on a medium of its own: without it nothing can be read)");
        }
        SealKind::Pkcs11 => println!(
            "  root key    {file}, as the token wrapped it  (keep a copy of it, and of the token: without both nothing can be read)"
        ),
        SealKind::Shamir => {
            println!(
                "  root key    in {} shares; what is public of them lies in {file}  (keep a copy)",
                shares.len().max(files.len())
            );
            files.iter().for_each(|file| {
                println!("  share       {}  (hand it over, then take it off this machine)", file.display())
            });
            shares.iter().for_each(|share| println!("  share       {}", share.expose()));
            if files.is_empty() {
                println!(
                    "Each share is shown this once. Write each down for its officer, then clear this screen and its history."
                );
            }
        }
    }
}

/// What becomes of the shares of a new root key.
#[derive(Default)]
pub struct Keeping<'a> {
    /// Into how many it is split.
    split: Option<Split>,
    /// The folder for them, one file each; else they are handed to whoever makes the home.
    to: Option<&'a Path>,
}

/// A new home, and what there is to tell of it.
pub struct Made {
    pub laid: LaidHome,
    pub config: Config,
    pub log_key: String,
    shares: Vec<Value>,
    share_files: Vec<PathBuf>,
}

/// Makes a home whose seal has no shares.
pub fn make(dir: &Path, options: &HomeOptions) -> Result<Made, Failure> {
    make_with(dir, options, &Keeping::default())
}

/// Lays the home, makes the root key, and makes the vault in it. Whatever fails names what is there
/// already, so that it can be removed and tried again.
fn make_with(dir: &Path, options: &HomeOptions, keeping: &Keeping<'_>) -> Result<Made, Failure> {
    // Before anything is written: the directory may hold what is not ours to take away again.
    let shared = options.seal == SealKind::KeyFile
        && shares_disk(&options.key_file, dir).map_err(|error| Failure::io(options.key_file.display(), error))?;
    if shared && !options.same_disk {
        return Err(Failure::config(format!(
            "nothing was written, since the key file {} would lie on the file system of {}: give --key-file on another one, or --same-disk to accept the risk",
            options.key_file.display(),
            dir.display()
        )));
    }
    let laid = lay(dir, options).map_err(|error| Failure::new(Status::CannotCreate, error))?;
    let config = open::config(dir)?;
    let (root, shares) = root_key(&config, keeping.split).map_err(|error| Failure::new(Status::CannotCreate, error))?;
    let (shares, share_files) = kept(&shares, keeping.to)?;
    let store = Rocks::create(&config.store.data, &open::tuning(&config));
    let engine: Arc<dyn Engine> = Arc::new(store.map_err(|error| Failure::new(Status::CannotCreate, error))?);
    let clock: Arc<dyn Clock> = Arc::new(System);
    let proposal = Proposal::of_home(dir).map_err(Failure::config)?;
    let log_key = serve::init(&config, &engine, &clock, &root, &proposal).map_err(Failure::config)?.to_string();
    std::fs::write(dir.join(LOG_KEY_FILE), format!("{log_key}\n")).map_err(|error| Failure::io(LOG_KEY_FILE, error))?;
    for client in &laid.clients {
        write_client(dir, client, config.listen.address, &log_key)?;
    }
    Ok(Made { laid, config, log_key, shares, share_files })
}

/// Draws the root key and has its seal keep it.
fn root_key(config: &Config, split: Option<Split>) -> Result<(RootKey, Vec<Share>), SealError> {
    let file = &config.seal.key_file;
    match (config.seal.kind, split, &config.seal.token) {
        (SealKind::Shamir, Some(split), _) => Shamir::create(file, split),
        (SealKind::Pkcs11, _, Some(token)) => Ok((Pkcs11::create(file, token)?, Vec::new())),
        _ => Ok((keyfile::create(file)?, Vec::new())),
    }
}

/// Shares in files of their own, 0600, or as they are to be told.
fn kept(shares: &[Share], to: Option<&Path>) -> Result<(Vec<Value>, Vec<PathBuf>), Failure> {
    let Some(folder) = to else { return Ok((shares.iter().map(text).collect(), Vec::new())) };
    std::fs::create_dir_all(folder).map_err(|error| Failure::io(folder.display(), error))?;
    let mut paths = Vec::new();
    for share in shares {
        let path = folder.join(format!("share-{}", share.index()));
        let line = Zeroizing::new(format!("{}\n", *share.to_text()));
        files::create(&path, line.as_bytes(), Readable::Owner)
            .map_err(|error| Failure::new(Status::CannotCreate, error))?;
        paths.push(path);
    }
    Ok((Vec::new(), paths))
}

fn text(share: &Share) -> Value {
    Value::new(share.to_text().to_string())
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
