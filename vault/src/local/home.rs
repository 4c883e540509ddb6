//! The home directory of a vault as it is first laid.
//!
//! ```text
//! coffer.toml                     written last: without it there is no home
//! access.toml, schema/            the first policy and categories, activated by `init`
//! tls/                            server.pem, server.key, clients-ca.pem and what signed them
//! issuer/                         jwks.json, issuer.key
//! clients/<application>/          client.pem, client.key, client.toml
//! ```
//!
//! Certificates, the issuer and the clients are there only where a local issuer was asked for.
//! The database and the root key are not made here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use coffer_wire::Name;

use super::ca::{CaError, Leaf, LocalCa};
use super::files::{self, FileError, Readable};
use super::issuer::{Issuer, IssuerError};
use super::template::{self, APPLICATIONS, quoted};
use crate::clock::{Clock, System};
use crate::config::{ACCESS_FILE, CONFIG_FILE, Config, SCHEMA_DIR, SealKind, Token};

const TLS: &str = "tls";
const ISSUER: &str = "issuer";
const CLIENTS: &str = "clients";
const ISSUER_KEY: &str = "issuer.key";
const SERVER_CA: &str = "server-ca.pem";
const CLIENT_CONFIG: &str = "client.toml";

/// What a home is laid with.
pub struct HomeOptions {
    /// The vault's name.
    pub name: Name,
    /// The origin of its log (C2SP tlog-checkpoint).
    pub origin: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What will hold its root key.
    pub seal: SealKind,
    /// The seal's file: the root key, what is public of its shares, or the root key under a key of a token. Relative to the home.
    pub key_file: PathBuf,
    /// The token, of a seal that is one.
    pub token: Option<Token>,
    /// The root key may lie on the data's file system.
    pub same_disk: bool,
    /// Whose data it is: name, and title for people. At least one.
    pub controllers: Vec<(Name, String)>,
    /// Make certificates and an issuer of tokens, for trying out.
    pub local: bool,
}

/// What was laid.
pub struct LaidHome {
    /// The home directory.
    pub home: PathBuf,
    /// What was written, relative to the home, in that order.
    pub files: Vec<PathBuf>,
    /// The applications that have a certificate and a key under `clients/`.
    pub clients: Vec<Name>,
    /// The local issuer, where one was asked for.
    pub issuer: Option<Issuer>,
}

/// A home could not be laid.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A vault lives there.
    #[error("{} is a home already: it holds a {CONFIG_FILE}. Choose another directory", .0.display())]
    Taken(PathBuf),
    /// The options make no valid configuration; nothing was written.
    #[error("nothing was written, since the configuration would not be valid: {0}")]
    Options(crate::config::FileError),
    /// A path cannot be written in a configuration file; nothing was written.
    #[error("nothing was written, since {0:?} is not UTF-8 and cannot stand in {CONFIG_FILE}")]
    Path(PathBuf),
    /// It failed on the way.
    #[error(
        "{} was begun and not finished; no vault can start there. {source}. Written so far: {}. \
         Put right what failed, remove these files and begin anew",
        home.display(), listed(written)
    )]
    Unfinished {
        /// The home directory.
        home: PathBuf,
        /// What was written before, relative to the home.
        written: Vec<PathBuf>,
        /// What failed.
        source: StepError,
    },
}

/// One step of laying a home failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

/// Lays a home in a directory, which is made where it is missing.
///
/// # Errors
/// [`HomeError`]. Before [`HomeError::Unfinished`] nothing was written.
pub fn lay(home: &Path, options: &HomeOptions) -> Result<LaidHome, HomeError> {
    if home.join(CONFIG_FILE).exists() {
        return Err(HomeError::Taken(home.into()));
    }
    let configuration = configuration(home, options)?;
    let mut laying = Laying { home, files: Vec::new(), now_ms: System.now_ms() };
    match laying.all(options, &configuration) {
        Ok((clients, issuer)) => Ok(LaidHome { home: home.into(), files: laying.files, clients, issuer }),
        Err(source) => Err(HomeError::Unfinished { home: home.into(), written: laying.files, source }),
    }
}

/// Writes how an application reaches the vault, beside its certificate: `url`, and the key under
/// which its log is checked (C2SP vkey). Written anew where there is one. Answers the file's path.
///
/// # Errors
/// [`FileError`], also where the home was laid without a local issuer.
pub fn write_client_config(home: &Path, application: &Name, url: &str, log_vkey: &str) -> Result<PathBuf, FileError> {
    let path = home.join(CLIENTS).join(application.as_str()).join(CLIENT_CONFIG);
    let texts = [
        ("application", application.to_string()),
        ("application_name", quoted(application.as_str())),
        ("url", quoted(url)),
        ("ca", quoted(&format!("../../{TLS}/{SERVER_CA}"))),
        ("log_key", quoted(log_vkey)),
    ];
    let text = template::fill(template::CLIENT, &texts);
    files::replace(&path, text.as_bytes(), Readable::All)?;
    Ok(path)
}

/// The issuer that was laid with a home, to mint further tokens.
///
/// # Errors
/// [`IssuerError::None`] where the configuration has no local issuer; else as [`Issuer::load`].
pub fn local_issuer(config: &Config) -> Result<Issuer, IssuerError> {
    let declared = config.issuers.iter().find(|issuer| issuer.local).ok_or(IssuerError::None)?;
    Issuer::load(&declared.iss, &declared.jwks.with_file_name(ISSUER_KEY))
}

/// A home on its way: what was written so far.
struct Laying<'a> {
    home: &'a Path,
    files: Vec<PathBuf>,
    now_ms: u64,
}

impl Laying<'_> {
    /// The configuration comes last, so that what failed on the way is no home.
    fn all(&mut self, options: &HomeOptions, configuration: &str) -> Result<(Vec<Name>, Option<Issuer>), StepError> {
        for directory in ["", SCHEMA_DIR, TLS, ISSUER] {
            files::make_directory(&self.home.join(directory))?;
        }
        for (name, text) in template::SCHEMA {
            self.text(Path::new(SCHEMA_DIR).join(name), text)?;
        }
        let controllers: Vec<_> = options.controllers.iter().map(|(name, _)| *name).collect();
        self.text(ACCESS_FILE, &template::access(&controllers))?;
        let mut laid = (Vec::new(), None);
        if options.local {
            self.server(options)?;
            laid = (self.clients(options)?, Some(self.issuer(options)?));
        }
        self.text(CONFIG_FILE, configuration)?;
        Ok(laid)
    }

    /// Server and applications have authorities of their own: neither can pass for the other.
    fn server(&mut self, options: &HomeOptions) -> Result<(), StepError> {
        let ca = self.authority(&format!("Coffer {} server CA", options.name), SERVER_CA, "server-ca.key")?;
        let leaf = ca.server(&server_names(options.listen.ip()), self.now_ms)?;
        self.leaf(&leaf, Path::new(TLS), "server")
    }

    fn clients(&mut self, options: &HomeOptions) -> Result<Vec<Name>, StepError> {
        let common_name = format!("Coffer {} applications CA", options.name);
        let ca = self.authority(&common_name, "clients-ca.pem", "clients-ca.key")?;
        let mut clients = Vec::with_capacity(APPLICATIONS.len());
        for application in APPLICATIONS {
            let directory = Path::new(CLIENTS).join(application);
            files::make_directory(&self.home.join(&directory))?;
            let leaf = ca.client(&format!("{application}.apps.coffer.internal"), self.now_ms)?;
            self.leaf(&leaf, &directory, "client")?;
            clients.extend(Name::new(application));
        }
        Ok(clients)
    }

    fn issuer(&mut self, options: &HomeOptions) -> Result<Issuer, StepError> {
        let (key, jwks) = (Path::new(ISSUER).join(ISSUER_KEY), Path::new(ISSUER).join("jwks.json"));
        let iss = issuer_name(&options.name);
        let issuer = Issuer::create(&iss, &self.home.join(&key), &self.home.join(&jwks))?;
        self.files.extend([key, jwks]);
        Ok(issuer)
    }

    fn authority(&mut self, common_name: &str, certificate: &str, key: &str) -> Result<LocalCa, StepError> {
        let (certificate, key) = (Path::new(TLS).join(certificate), Path::new(TLS).join(key));
        let ca = LocalCa::create(common_name, self.now_ms)?;
        ca.save(&self.home.join(&certificate), &self.home.join(&key))?;
        self.files.extend([certificate, key]);
        Ok(ca)
    }

    fn leaf(&mut self, leaf: &Leaf, directory: &Path, name: &str) -> Result<(), StepError> {
        let at = |ending: &str| directory.join(format!("{name}.{ending}"));
        let (certificate, key) = (at("pem"), at("key"));
        leaf.save(&self.home.join(&certificate), &self.home.join(&key))?;
        self.files.extend([certificate, key]);
        Ok(())
    }

    fn text(&mut self, path: impl Into<PathBuf>, text: &str) -> Result<(), StepError> {
        let path = path.into();
        files::create(&self.home.join(&path), text.as_bytes(), Readable::All)?;
        self.files.push(path);
        Ok(())
    }
}

/// The text of `coffer.toml`, read back by those who will read it at each start.
fn configuration(home: &Path, options: &HomeOptions) -> Result<String, HomeError> {
    let texts = [
        ("name", quoted(options.name.as_str())),
        ("listen", quoted(&options.listen.to_string())),
        ("origin", quoted(&options.origin)),
        ("seal", seal(options)?),
        // For trying out, on whatever machine there is.
        ("allow_swap", options.local.to_string()),
        ("controllers", template::controllers(&options.controllers)),
        ("issuer", template::issuer(options.local.then(|| issuer_name(&options.name)).as_deref())),
    ];
    let text = template::fill(template::CONFIGURATION, &texts);
    Config::read(home, CONFIG_FILE, &text).map_err(HomeError::Options)?;
    Ok(text)
}

/// The keys of the seal's kind.
fn seal(options: &HomeOptions) -> Result<String, HomeError> {
    let path = |path: &Path| path.to_str().map(quoted).ok_or_else(|| HomeError::Path(path.to_owned()));
    let file = path(&options.key_file)?;
    let kind = options.seal.as_str();
    Ok(match (options.seal, &options.token) {
        (SealKind::Shamir, _) => format!("kind = \"{kind}\"\nshare_set = {file}"),
        (SealKind::Pkcs11, Some(Token { module, label, pin_file })) => format!(
            "kind = \"{kind}\"\nmodule = {}\ntoken = {}\npin_file = {}\nwrapped_key = {file}",
            path(module)?,
            quoted(label),
            path(pin_file)?
        ),
        _ => format!("kind = \"key-file\"\nkey_file = {file}\nsame_disk = {}", options.same_disk),
    })
}

fn issuer_name(vault: &Name) -> String {
    format!("https://issuer.coffer.internal/{vault}")
}

/// The names a server on this machine is called by, and the address it listens on.
fn server_names(listen: IpAddr) -> Vec<String> {
    let mut addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    if !listen.is_unspecified() && !addresses.contains(&listen) {
        addresses.push(listen);
    }
    let mut names = vec!["localhost".to_string()];
    names.extend(addresses.iter().map(IpAddr::to_string));
    names
}

fn listed(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn options(local: bool) -> HomeOptions {
        HomeOptions {
            name: name("demo"),
            origin: "coffer.example/demo".into(),
            listen: "127.0.0.1:8443".parse().unwrap(),
            seal: SealKind::KeyFile,
            key_file: "/etc/coffer/root.key".into(),
            token: None,
            same_disk: false,
            controllers: vec![
                (name("oakvale"), "Oakvale \"Homes\"".into()),
                (name("brookside"), "Brookside Housing".into()),
            ],
            local,
        }
    }

    fn files_below(directory: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
        }
        found
    }

    #[test]
    fn a_laid_home_is_the_configuration_that_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let asked = options(true);
        lay(&home, &asked).unwrap();
        let config = Config::load(&home).unwrap();
        assert_eq!((config.name, config.listen.address), (asked.name, asked.listen));
        assert_eq!((config.log.origin, config.seal.key_file), (asked.origin, asked.key_file));
        let controllers: Vec<_> = config.controllers.into_iter().map(|c| (c.name, c.title)).collect();
        assert_eq!(controllers, asked.controllers);
        let applications: Vec<_> = config.applications.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(applications, APPLICATIONS);
        assert!(config.issuers.iter().all(|issuer| issuer.local) && config.issuers.len() == 1);
        for file in [&config.listen.certificate, &config.listen.key, &config.listen.client_ca, &config.issuers[0].jwks]
        {
            assert!(file.is_file(), "{}", file.display());
        }
        let ca = config.local_ca.unwrap();
        LocalCa::load(&ca.certificate, &ca.key).unwrap();
    }

    #[test]
    fn every_file_is_named_and_every_key_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let laid = lay(dir.path(), &options(true)).unwrap();
        let mut named: Vec<_> = laid.files.iter().map(|file| dir.path().join(file)).collect();
        let mut found = files_below(dir.path());
        named.sort();
        found.sort();
        assert_eq!(named, found);
        let keys: Vec<_> = found.iter().filter(|file| file.extension().is_some_and(|e| e == "key")).collect();
        assert_eq!(keys.len(), 2 + 1 + 1 + APPLICATIONS.len());
        for key in keys {
            assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", key.display());
        }
    }

    #[test]
    fn without_a_local_issuer_there_is_no_key_and_no_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let laid = lay(dir.path(), &options(false)).unwrap();
        assert!(laid.issuer.is_none() && laid.clients.is_empty());
        let all_text = laid.files.iter().all(|file| file.extension().is_some_and(|e| e == "toml"));
        assert!(all_text, "{:?}", laid.files);
        let config = Config::load(dir.path()).unwrap();
        assert!(config.issuers.is_empty() && config.local_ca.is_none());
        assert!(matches!(local_issuer(&config), Err(IssuerError::None)));
    }

    #[test]
    fn each_application_has_the_certificate_that_the_configuration_names() {
        let dir = tempfile::tempdir().unwrap();
        let laid = lay(dir.path(), &options(true)).unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(laid.clients.len(), APPLICATIONS.len());
        for client in laid.clients {
            let path = dir.path().join(CLIENTS).join(client.as_str()).join("client.pem");
            let (_, pem) = x509_parser::pem::parse_x509_pem(&std::fs::read(path).unwrap()).unwrap();
            let certificate = pem.parse_x509().unwrap();
            let names = certificate.subject_alternative_name().unwrap().unwrap();
            let declared = config.application(&client).unwrap().certificate.as_str();
            let declared = x509_parser::extensions::GeneralName::DNSName(declared);
            assert_eq!(names.value.general_names, [declared]);
        }
    }

    #[test]
    fn a_home_is_not_laid_twice() {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &options(true)).unwrap();
        let before = files::read(&dir.path().join(CONFIG_FILE)).unwrap();
        assert!(matches!(lay(dir.path(), &options(false)), Err(HomeError::Taken(_))));
        assert_eq!(files::read(&dir.path().join(CONFIG_FILE)).unwrap(), before);
    }

    #[test]
    fn a_home_that_failed_on_the_way_is_none_and_says_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(TLS)).unwrap();
        std::fs::write(dir.path().join("tls/server.key"), "in use").unwrap();
        let told = lay(dir.path(), &options(true)).err().unwrap().to_string();
        assert!(told.contains("tls/server.key is there already and is not overwritten"), "{told}");
        assert!(told.contains("schema/bank.toml") && told.contains("access.toml"), "{told}");
        assert!(!dir.path().join(CONFIG_FILE).exists());
        assert_eq!(files::read(&dir.path().join("tls/server.key")).unwrap(), "in use");
    }

    #[test]
    fn options_that_make_no_configuration_write_nothing() {
        let wrong = [
            HomeOptions { origin: "has a space".into(), ..options(true) },
            HomeOptions { controllers: Vec::new(), ..options(true) },
            HomeOptions { controllers: vec![(name("vault"), "Vault".into())], ..options(true) },
            HomeOptions { controllers: vec![(name("oakvale"), String::new())], ..options(true) },
        ];
        for options in wrong {
            let dir = tempfile::tempdir().unwrap();
            assert!(matches!(lay(dir.path(), &options), Err(HomeError::Options(_))));
            assert!(files_below(dir.path()).is_empty());
        }
    }

    #[test]
    fn the_issuer_of_a_home_can_be_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let laid = lay(dir.path(), &options(true)).unwrap();
        let loaded = local_issuer(&Config::load(dir.path()).unwrap()).unwrap();
        let made = laid.issuer.unwrap();
        assert_eq!((loaded.iss(), loaded.jwks()), (made.iss(), made.jwks()));
    }

    #[test]
    fn a_clients_paths_lead_to_files() {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &options(true)).unwrap();
        let (application, vkey) = (name("rents-desk"), "coffer.example/demo+00000000+AAAA");
        write_client_config(dir.path(), &application, "https://localhost:1", vkey).unwrap();
        let path = write_client_config(dir.path(), &application, "https://localhost:8443", vkey).unwrap();
        let table: toml::Table = toml::from_str(&files::read(&path).unwrap()).unwrap();
        assert_eq!(table["url"].as_str(), Some("https://localhost:8443"));
        assert_eq!(table["log_key"].as_str(), Some(vkey));
        for key in ["ca", "certificate", "key"] {
            let file = path.with_file_name(table[key].as_str().unwrap());
            assert!(file.is_file(), "{}", file.display());
        }
        assert!(write_client_config(dir.path(), &name("stranger"), "https://localhost:1", vkey).is_err());
    }

    #[test]
    fn a_server_is_named_by_where_it_listens() {
        let names = |ip: &str| server_names(ip.parse().unwrap());
        assert_eq!(names("127.0.0.1"), ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(names("0.0.0.0"), ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(names("192.0.2.7"), ["localhost", "127.0.0.1", "::1", "192.0.2.7"]);
    }
}
