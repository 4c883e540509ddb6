//! `coffer.toml`: what the operator declares about one vault. Local by nature; no request changes
//! it. Unknown keys are mistakes that name file, line and key.

mod agreement;
mod file;
mod raw;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coffer_keys::KeyId;
use coffer_keys::seal::{Change, SealAt, SealError};
use coffer_wire::Name;
use serde::Deserialize;

pub use agreement::Agreement;
pub use coffer_keys::seal::{SealKind, Token};
pub use file::{FILE_BYTES_MAX, FileError, read_text};

pub(crate) use file::Source;

/// The configuration's file in a home directory.
pub const CONFIG_FILE: &str = "coffer.toml";
/// The folder of the schema's files in a home directory.
pub const SCHEMA_DIR: &str = "schema";
/// The policy's file in a home directory.
pub const ACCESS_FILE: &str = "access.toml";

/// Controllers of one vault, at most. Rights hold them as bits.
pub const CONTROLLERS_MAX: usize = 64;
/// Applications of one vault, at most.
pub const APPLICATIONS_MAX: usize = 1_024;
/// Bytes of a title, an issuer, an audience, a `client_id` or a certificate's name, at most.
pub const TEXT_BYTES_MAX: usize = 255;
/// Bytes of the version of a privacy notice, at most: it stands beside every value that is written.
pub const NOTICE_BYTES_MAX: usize = 32;
/// Bytes of the reference of an agreement, at most.
pub const REFERENCE_BYTES_MAX: usize = 64;
/// Agreements, at most.
pub const AGREEMENTS_MAX: usize = 1_024;
/// Bytes of the log's origin, at most.
pub const ORIGIN_BYTES_MAX: usize = 128;
/// Any of the limits of an application, at most. What the process itself can hold stands above it.
pub const LIMIT_MAX: u32 = 1_000_000;
/// Erasures that one person does alone within an hour, unless it is declared: more than a day's lawful requests, and few
/// enough that a mistake, or a stolen token, does not empty the vault before somebody else has looked.
pub const ERASURES_AN_HOUR: u32 = 100;
/// Days of one generation of backups, at most.
pub const GENERATION_DAYS_MAX: u32 = 366;
/// Days of one generation of backups, unless it is declared.
pub const GENERATION_DAYS: u32 = 35;
/// Any of the deadlines, seconds at most.
pub const DEADLINE_SECONDS_MAX: u32 = 3_600;

/// What the operator declared. Paths are absolute.
#[derive(Clone, Debug)]
pub struct Config {
    /// The home directory.
    pub home: PathBuf,
    /// The vault's name.
    pub name: Name,
    /// Where requests come in.
    pub listen: Listen,
    /// Where the operator's own tools ask how the vault is; nowhere unless it is declared.
    pub operator: Option<SocketAddr>,
    /// Erasures that one person does alone within an hour.
    pub erasures_an_hour: u32,
    /// How long a caller may take.
    pub deadlines: Deadlines,
    /// The access log.
    pub log: Log,
    /// What holds the root key.
    pub seal: Seal,
    /// What is to hold it, where the operator prepares a change of the seal; and what holds it, once that has come.
    pub next_seal: Option<Seal>,
    /// The store.
    pub store: Store,
    /// Where the keys of backups lie.
    pub backup: Backup,
    /// Whose data it is, in the file's order.
    pub controllers: Vec<Controller>,
    /// Under which agreements applications act for controllers that are not their own.
    pub agreements: Vec<Agreement>,
    /// What may connect.
    pub applications: Vec<Application>,
    /// Whose tokens are believed.
    pub issuers: Vec<Issuer>,
    /// The certificate authority of `dev`, `demo` and `init --local-issuer`; red in `status`.
    pub local_ca: Option<LocalCa>,
}

/// Where requests come in.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// The server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PEM.
    pub key: PathBuf,
    /// The authorities whose client certificates are accepted, PEM.
    pub client_ca: PathBuf,
}

/// The access log.
#[derive(Clone, Debug)]
pub struct Log {
    /// The origin line of every checkpoint (C2SP tlog-checkpoint).
    pub origin: String,
    /// The head's folder: another disk, if there is one.
    pub head: PathBuf,
    /// The erasure ledger: left out, it lies beside the head.
    pub erasures: PathBuf,
}

/// What holds the root key.
#[derive(Clone, Debug)]
pub struct Seal {
    /// Of which kind it is.
    pub kind: SealKind,
    /// Its file: the root key itself; what is public of its shares; or the root key under a key of a token.
    pub key_file: PathBuf,
    /// The token, of a seal that is one.
    pub token: Option<Token>,
    /// The operator accepts that key file and data lie on one file system; red in `status`.
    pub same_disk: bool,
    /// Whether the vault is open once it has started.
    pub start: Start,
    /// The operator accepts that keys may come to swap; red in `status` where they may.
    pub allow_swap: bool,
}

/// How a vault starts whose seal gives the root key by itself. One that opens by shares starts sealed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Open.
    #[default]
    Open,
    /// Sealed, until it is unsealed by a request.
    Sealed,
}

/// The store.
#[derive(Clone, Debug)]
pub struct Store {
    /// The data folder.
    pub data: PathBuf,
    /// Memory for caches and write buffers of all families together, MiB.
    pub memory_mib: u64,
    /// Free space below which nothing more is taken but what revokes and erases, MiB; below a quarter of it, nothing at all.
    pub reserve_mib: u64,
}

/// Where the keys of backups lie.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Folders, each with a file of every generation. Without one no backup is made.
    pub generations: Vec<PathBuf>,
    /// For how many days archives are made under one generation.
    pub generation_days: u32,
}

/// A controller (GDPR article 4(7)).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Controller {
    /// The name in requests, tokens and the log.
    pub name: Name,
    /// The name for people.
    pub title: String,
    /// The version of its privacy notice that is in force; stamped on what is written.
    pub notice: Option<String>,
    /// The number under which the Information Commissioner has it (Data Protection (Charges and Information) Regulations 2018).
    pub registration: Option<String>,
    /// The last day of that registration, `YYYY-MM-DD`; `status` says when it has passed.
    pub registration_ends: Option<String>,
    /// How its data protection officer is reached.
    pub officer: Option<String>,
    /// Its number in the register of companies, or of societies.
    pub company_number: Option<String>,
    /// Its registered office.
    pub address: Option<String>,
    /// The group of companies that it is one of. A relation that is told, and gives no right.
    pub group: Option<String>,
}

/// An application, known by its client certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    /// The name in `access.toml` and the log.
    pub name: Name,
    /// The first DNS name of its certificate.
    pub certificate: String,
    /// What a token for it names in `azp` or `client_id` (RFC 9068).
    pub client_id: String,
    /// Nothing is taken from it for the time being.
    pub suspended: bool,
    /// How much of the vault it may take.
    pub limits: Limits,
}

/// How much of the vault one application may take, so that none takes what the others need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at one time.
    pub connections: u32,
    /// Requests at one time, from their head to the last byte of their answer.
    pub in_flight: u32,
    /// Requests a second, in the long run. An item of a list counts as one.
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 256, in_flight: 256, requests_per_second: 2_000 }
    }
}

/// How long a caller may take, so that whoever sends or reads slowly holds nothing for long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// For the head of a request, and for the answer to a ping.
    pub head: Duration,
    /// For the body, once the caller is admitted.
    pub body: Duration,
    /// For all of a request, from its head until the last byte of its answer is taken.
    pub request: Duration,
    /// Without any request, after which a connection is closed.
    pub idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        let seconds = Duration::from_secs;
        Deadlines { head: seconds(10), body: seconds(30), request: seconds(300), idle: seconds(60) }
    }
}

/// An issuer of tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer {
    /// The claim `iss`, byte for byte.
    pub iss: String,
    /// Its public keys (JWK set, RFC 7517).
    pub jwks: PathBuf,
    /// What its tokens name in `aud` for this vault.
    pub audience: String,
    /// Made here, by `dev`, `demo` or `init --local-issuer`; red in `status`.
    pub local: bool,
}

/// A certificate authority made here.
#[derive(Clone, Debug)]
pub struct LocalCa {
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Config {
    /// Reads `coffer.toml` of a home directory.
    pub fn load(home: &Path) -> Result<Config, FileError> {
        let home = std::path::absolute(home)
            .map_err(|error| FileError::whole(home.display().to_string(), format!("is no path: {error}")))?;
        let path = home.join(CONFIG_FILE);
        let shown = path.display().to_string();
        let text = read_text(&path, &shown)?;
        Config::read(&home, &shown, &text)
    }

    /// The same from text. `home` must be absolute; `file` is the name that errors show.
    pub fn read(home: &Path, file: &str, text: &str) -> Result<Config, FileError> {
        raw::config(home, Source { file, text })
    }

    /// The application of this name.
    pub fn application(&self, name: &Name) -> Option<&Application> {
        self.applications.iter().find(|application| application.name == *name)
    }

    /// The version of a controller's privacy notice that is in force.
    pub fn notice(&self, controller: &Name) -> Option<&str> {
        self.controllers.iter().find(|one| one.name == *controller)?.notice.as_deref()
    }

    /// The agreement under which an application acts for a controller; nothing where it acts for its own organisation.
    pub fn agreement(&self, application: &Name, controller: &Name) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| agreement.covers(application, controller))
    }

    /// Whether the vault knows this controller.
    pub fn has_controller(&self, name: &Name) -> bool {
        self.controllers.iter().any(|controller| controller.name == *name)
    }

    /// What must change before this vault may hold real data; `status` shows it in red.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.held().same_disk {
            warnings.push("the key file may lie on the data's file system: a stolen disk reads everything".to_owned());
        }
        for issuer in self.issuers.iter().filter(|issuer| issuer.local) {
            warnings.push(format!("the issuer {} is made here: whoever reads this home can be anybody", issuer.iss));
        }
        warnings.extend(self.change_to_finish());
        if self.local_ca.is_some() {
            warnings.push("the client CA is made here: whoever reads this home can be any application".to_owned());
        }
        warnings
    }

    /// What the operator has to write down after a change of the seal, and what is left of the one before.
    fn change_to_finish(&self) -> Option<String> {
        let next = self.next_seal.as_ref().filter(|next| next.key_file.exists())?;
        let mut said = format!(
            "the root key is held by [next_seal] ({}): in coffer.toml, put what stands there in the place of [seal], and take [next_seal] away",
            next.kind.as_str()
        );
        if self.seal.key_file.exists() {
            let left = self.seal.key_file.display();
            said.push_str(&format!("; {left} is left of the seal before and opens nothing any more: destroy it"));
        }
        Some(said)
    }

    /// The seal that holds the root key: `[seal]`, until that of `[next_seal]` has taken its place.
    pub fn held(&self) -> &Seal {
        self.next_seal.as_ref().filter(|next| next.key_file.exists()).unwrap_or(&self.seal)
    }

    /// What holds the root key, as it lies there now.
    pub fn open_seal(&self) -> Result<Box<dyn coffer_keys::seal::Seal>, SealError> {
        self.held().at().seal()
    }

    /// The way from `[seal]` to `[next_seal]`, where one is declared.
    pub fn change_of_seal(&self) -> Result<Option<Change>, SealError> {
        let way = |next: &Seal| Change::between(self.seal.at(), next.at());
        self.next_seal.as_ref().map(way).transpose()
    }

    /// Makes the seals agree with a store all of whose keys lie under this root key.
    pub fn settle_seal(&self, in_force: KeyId) -> Result<(), SealError> {
        use coffer_keys::seal::Seal;
        match self.change_of_seal()? {
            Some(change) => change.settle(in_force),
            None => self.open_seal()?.settle(in_force),
        }
    }

    /// Whether the seals can be used without asking the store which root key is in force.
    pub fn seal_is_settled(&self) -> Result<bool, SealError> {
        match self.change_of_seal()? {
            Some(change) => Ok(change.is_settled()),
            None => match self.open_seal()?.next() {
                Err(SealError::NothingPrepared) => Ok(true),
                _ => Ok(false),
            },
        }
    }
}

impl Seal {
    /// Where it is.
    pub fn at(&self) -> SealAt {
        let path = self.key_file.clone();
        match (self.kind, &self.token) {
            (SealKind::Shamir, _) => SealAt::Shamir(path),
            (SealKind::Pkcs11, Some(token)) => SealAt::Pkcs11(path, token.clone()),
            (SealKind::KeyFile | SealKind::Pkcs11, _) => SealAt::KeyFile(path),
        }
    }

    /// In words, for whoever approves that it is to hold the root key.
    pub fn described(&self) -> String {
        let file = self.key_file.display();
        match (self.kind, &self.token) {
            (SealKind::Shamir, _) => format!("shares ({file})"),
            (SealKind::Pkcs11, Some(token)) => format!("the token {} ({file})", token.label),
            _ => format!("the key file {file}"),
        }
    }
}

/// Whether two paths, which need not exist yet, lie on one file system.
pub fn same_file_system(one: &Path, other: &Path) -> io::Result<bool> {
    Ok(device_of(one)? == device_of(other)?)
}

/// Whether a key file lies, or would lie, on the file system of a data folder, which need not exist yet.
pub fn shares_disk(key_file: &Path, data: &Path) -> io::Result<bool> {
    // Where the bytes are, not where a link to them is.
    let place = key_file.canonicalize().unwrap_or_else(|_| key_file.parent().unwrap_or(Path::new("/")).to_owned());
    Ok(device_of(&place)? == device_of(data)?)
}

/// The device of the nearest existing ancestor.
fn device_of(path: &Path) -> io::Result<u64> {
    for folder in path.ancestors() {
        match rustix::fs::stat(folder) {
            Ok(stat) => return Ok(stat.st_dev),
            Err(rustix::io::Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}
