use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use coffer_keys::{RootKey, keyfile};
use coffer_vault::check;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::{Config, SealKind};
use coffer_vault::local::{AUDIENCE, HomeOptions, Issuer, TokenRequest, lay, local_issuer};
use coffer_vault::serve::{self, Proposal};
use coffer_vault::store::Engine;
use coffer_vault::store::memory::Memory;
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_wire::Name;
use coffer_wire::note::VerifierKey;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::process::binary;

/// The two landlords of every home.
pub const CONTROLLERS: [(&str, &str); 2] = [("oakvale", "Oakvale Homes"), ("brookside", "Brookside Housing")];

/// The roles of the shipped policy: the application each works with, and a purpose it has there.
pub const STAFF: [(&str, &str, &str); 19] = [
    ("rents", "rents-desk", "payments"),
    ("bank-officer", "rents-desk", "payments"),
    ("support-worker", "care-desk", "support-planning"),
    ("debt-adviser", "care-desk", "debt-advice"),
    ("complaints-handler", "complaints-desk", "complaint-handling"),
    ("housing-officer", "housing-desk", "housing-management"),
    ("equality-officer", "housing-desk", "equality-monitoring"),
    ("lettings-officer", "housing-desk", "lettings"),
    ("income-officer", "rents-desk", "circumstances-checks"),
    ("repairs-planner", "housing-desk", "repairs"),
    ("contractor", "housing-desk", "repairs"),
    ("intake", "housing-desk", "housing-management"),
    ("recordings-keeper", "housing-desk", "transaction-records"),
    ("communications", "housing-desk", "publicity"),
    ("safety-officer", "safety-desk", "incident-handling"),
    ("safeguarding-lead", "safety-desk", "risk-management"),
    ("dpo", "console", "erasure"),
    ("security-admin", "console", "erasure"),
    ("auditor", "console", "erasure"),
];

const ORIGIN: &str = "coffer.example/tests";

/// Which engine keeps the data of a home.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Store {
    /// In memory: fast, and its plug can be pulled.
    Memory,
    /// On disk, as in operation.
    Rocks,
}

/// A home directory with keys, policy, log and a local issuer. Removed when dropped.
pub struct Home {
    /// The configuration, as it was last read.
    pub config: Arc<Config>,
    /// The key that the log is checked with.
    pub log_key: VerifierKey,
    /// What time it is for the vault.
    pub clock: Arc<dyn Clock>,
    memory: Option<Arc<Memory>>,
    issuer: Issuer,
    dir: PathBuf,
    folder: TempDir,
}

impl Home {
    /// A home with the shipped schema and policy.
    pub fn new(store: Store) -> Home {
        Home::with(store, |_| {})
    }

    /// A home whose first files, those of the shipped schema and policy, are `changed` before the
    /// vault is made out of them.
    pub fn with(store: Store, changed: impl FnOnce(&Path)) -> Home {
        let folder = tempfile::Builder::new().prefix("coffer-test-").tempdir().unwrap();
        let dir = folder.path().join("home");
        let issuer = lay(&dir, &options(folder.path())).unwrap().issuer.unwrap();
        changed(&dir);
        allow_erasures(&dir);
        let config = Config::load(&dir).unwrap();
        let root = keyfile::create(&config.seal.key_file).unwrap();
        let memory = (store == Store::Memory).then(|| Arc::new(Memory::new()));
        let engine: Arc<dyn Engine> = match &memory {
            Some(memory) => Arc::<Memory>::clone(memory),
            None => Arc::new(Rocks::create(&config.store.data, &tuning(&config)).unwrap()),
        };
        let clock: Arc<dyn Clock> = Arc::new(System);
        let proposal = Proposal::of_home(&dir).unwrap();
        let log_key = serve::init(&config, &engine, &clock, &root, &proposal).unwrap();
        Home { config: Arc::new(config), log_key, clock, memory, issuer, dir, folder }
    }

    /// A home over RocksDB that the real binary made.
    pub fn by_binary() -> Home {
        let seal = |command: &mut Command, folder: &Path| {
            command.arg("--key-file").arg(folder.join("root.key")).arg("--same-disk");
        };
        Home::made_by(Command::new(binary()), seal).0
    }

    /// The same whose root key is in shares, of which `threshold` are needed; and these.
    pub fn by_shares(threshold: u8, shares: u8) -> (Home, Vec<String>) {
        let seal = |command: &mut Command, _: &Path| {
            command.args(["--seal", "shamir", "--threshold", &threshold.to_string(), "--shares", &shares.to_string()]);
        };
        let (home, report) = Home::made_by(Command::new(binary()), seal);
        let shares = report["shares"].as_array().unwrap();
        let shares = shares.iter().map(|share| share.as_str().unwrap().to_owned()).collect();
        (home, shares)
    }

    /// The same by a command of one's own, to which `seal` adds what holds the root key, given the folder around the home. Answers what it reported as well.
    pub fn made_by(mut command: Command, seal: impl FnOnce(&mut Command, &Path)) -> (Home, serde_json::Value) {
        let folder = tempfile::Builder::new().prefix("coffer-test-").tempdir().unwrap();
        let dir = folder.path().join("home");
        command.arg("init").arg(&dir).args(["--name", "tests", "--origin", ORIGIN, "--listen", "127.0.0.1:0"]);
        command.args(["--local-issuer", "--json"]);
        seal(&mut command, folder.path());
        for (name, title) in CONTROLLERS {
            command.arg("--controller").arg(format!("{name}={title}"));
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "init: {}", String::from_utf8_lossy(&done.stderr));
        let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        allow_erasures(&dir);
        let config = Config::load(&dir).unwrap();
        let issuer = local_issuer(&config).unwrap();
        let log_key = report["log_key"].as_str().unwrap().parse().unwrap();
        let home =
            Home { config: Arc::new(config), log_key, clock: Arc::new(System), memory: None, issuer, dir, folder };
        (home, report)
    }

    /// A home of today's certificates and configuration around data, head, ledgers and root key of another, as [`Home::keep`] left them.
    pub fn around(kept: &Path, log_key: &VerifierKey) -> Home {
        let folder = tempfile::Builder::new().prefix("coffer-test-").tempdir().unwrap();
        let dir = folder.path().join("home");
        let issuer = lay(&dir, &options(folder.path())).unwrap().issuer.unwrap();
        copy_folder(&kept.join("home"), &dir);
        let key = folder.path().join("root.key");
        std::fs::copy(kept.join("root.key"), &key).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let config = Arc::new(Config::load(&dir).unwrap());
        Home { config, log_key: log_key.clone(), clock: Arc::new(System), memory: None, issuer, dir, folder }
    }

    /// Puts what outlives this home into a folder: data, head, ledgers and root key.
    pub fn keep(&self, to: &Path) {
        let data = to.join("home/data");
        copy_folder(&self.config.store.data, &data);
        // What the engine writes for people, and of options that each program sets by itself.
        for file in std::fs::read_dir(&data).unwrap().flatten() {
            let name = file.file_name().into_string().unwrap();
            if name.starts_with("LOG") || name.starts_with("LOCK") || name.starts_with("OPTIONS") {
                std::fs::remove_file(file.path()).unwrap();
            }
        }
        for file in ["head", "erasures", "log.pub", "head.notes"] {
            let from = self.dir.join(file);
            if from.exists() {
                std::fs::copy(from, to.join("home").join(file)).unwrap();
            }
        }
        std::fs::copy(&self.config.seal.key_file, to.join("root.key")).unwrap();
    }

    /// The home directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder around it, which also holds the root key. Room for a test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a file of the home.
    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.join(path)).unwrap()
    }

    /// Changes `coffer.toml`, as an operator does between two starts.
    pub fn reconfigure(&mut self, change: impl FnOnce(String) -> String) {
        let text = change(self.text("coffer.toml"));
        std::fs::write(self.dir.join("coffer.toml"), text).unwrap();
        self.config = Arc::new(Config::load(&self.dir).unwrap());
    }

    /// The same home where no application has a share that it could come to the end of, for tests and figures of how much
    /// there is of something.
    pub fn without_limits(mut self) -> Home {
        let most = coffer_vault::config::LIMIT_MAX;
        for (limit, usual) in [("requests_per_second", 2_000), ("connections", 256), ("in_flight", 256)] {
            self.reconfigure(|text| text.replace(&format!("{limit} = {usual}"), &format!("{limit} = {most}")));
        }
        self
    }

    /// The root key, read anew.
    pub fn root_key(&self) -> RootKey {
        keyfile::load(&self.config.seal.key_file).unwrap()
    }

    /// The engine with the home's data. Over RocksDB it is opened, which only one at a time can.
    pub fn engine(&self) -> Arc<dyn Engine> {
        match &self.memory {
            Some(memory) => Arc::<Memory>::clone(memory),
            None => Arc::new(self.rocks()),
        }
    }

    /// The RocksDB store, opened; fails while a vault has it open.
    pub fn rocks(&self) -> Rocks {
        Rocks::open(&self.config.store.data, &tuning(&self.config)).unwrap()
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// The engine in memory, for tests that pull its plug.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(self.memory.as_ref().expect("this home lies on disk"))
    }

    /// What a check of this home looks at, which is stopped: no ids, no card numbers.
    pub fn to_check<'a>(&'a self, engine: &'a dyn Engine) -> check::Home<'a> {
        let (head, erasures) = (&self.config.log.head, &self.config.log.erasures);
        check::Home { engine, log_key: &self.log_key, head, erasures, show_ids: false, cards: false }
    }

    /// A token of a role of the shipped policy, for the application it works with, good for 15 minutes.
    pub fn token(&self, role: &str, controllers: &[&str]) -> String {
        self.token_of(&format!("{role}@example"), &[role], application_of(role), controllers)
    }

    /// A token of a person with any roles, for any application.
    pub fn token_of(&self, person: &str, roles: &[&str], application: &str, controllers: &[&str]) -> String {
        self.mint(&self.request(person, roles, application, controllers), System.now_ms())
    }

    /// What a usual token says, to be changed before it is [minted](Home::mint).
    pub fn request(&self, person: &str, roles: &[&str], application: &str, controllers: &[&str]) -> TokenRequest {
        TokenRequest {
            sub: person.to_owned(),
            roles: roles.iter().map(|role| name(role)).collect(),
            controllers: controllers.iter().map(|controller| name(controller)).collect(),
            client_id: application.to_owned(),
            life_minutes: 15,
            audience: AUDIENCE.to_owned(),
            cnf: None,
        }
    }

    /// A token made at a moment, Unix time in milliseconds.
    pub fn mint(&self, wanted: &TokenRequest, now_ms: u64) -> String {
        self.issuer.mint(wanted, now_ms).unwrap().expose_secret().to_owned()
    }

    /// What the home's tokens name as `iss`.
    pub fn issuer(&self) -> &str {
        self.issuer.iss()
    }

    /// The files of the schema that the home was laid with: name and text.
    pub fn schema(&self) -> BTreeMap<String, String> {
        let names = std::fs::read_dir(self.dir.join("schema")).unwrap().map(|file| file.unwrap().file_name());
        names
            .map(|name| name.into_string().unwrap())
            .map(|name| (name.clone(), self.text(&format!("schema/{name}"))))
            .collect()
    }

    /// The PEM file of an application's certificate (`client.pem`) or key (`client.key`).
    pub fn client_file(&self, application: &str, file: &str) -> PathBuf {
        self.dir.join("clients").join(application).join(file)
    }

    /// The certificate of the authority that signed the server's.
    pub fn server_ca(&self) -> PathBuf {
        self.dir.join("tls/server-ca.pem")
    }
}

/// Copies a folder and all that is in it over what is there.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(std::fs::copy(path, target).unwrap()),
        }
    }
}

/// A name that is known to be one.
pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Both landlords, as a token names them.
pub fn controllers() -> [&'static str; 2] {
    CONTROLLERS.map(|(name, _)| name)
}

/// The application that a role of the shipped policy works with.
pub fn application_of(role: &str) -> &'static str {
    STAFF.iter().find(|(known, ..)| *known == role).map(|(_, application, _)| application).unwrap()
}

/// A purpose for which a role of the shipped policy may do most of what it may.
pub fn purpose_of(role: &str) -> &'static str {
    STAFF.iter().find(|(known, ..)| *known == role).map(|(_, _, purpose)| purpose).unwrap()
}

/// In a test one person erases what many do in a year. What is said of the number itself sets it again.
fn allow_erasures(dir: &Path) {
    let path = dir.join("coffer.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let [usual, most] = [100, coffer_vault::config::LIMIT_MAX].map(|number| format!("erasures_an_hour = {number}\n"));
    assert!(text.contains(&usual), "the template has changed");
    std::fs::write(&path, text.replace(&usual, &most)).unwrap();
}

fn options(folder: &Path) -> HomeOptions {
    HomeOptions {
        name: name("tests"),
        origin: ORIGIN.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        seal: SealKind::KeyFile,
        key_file: folder.join("root.key"),
        token: None,
        same_disk: true,
        controllers: CONTROLLERS.iter().map(|(id, title)| (name(id), (*title).to_owned())).collect(),
        local: true,
    }
}

fn tuning(config: &Config) -> Tuning {
    Tuning { memory_bytes: config.store.memory_mib << 20, durability: Durability::Synced }
}
