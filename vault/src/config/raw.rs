//! The shape of `coffer.toml`, and what its types alone do not say.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coffer_wire::Name;
use coffer_wire::name::VAULT;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::agreement::{self, RawAgreement};
use super::{
    APPLICATIONS_MAX, Application, Backup, CONTROLLERS_MAX, Config, Controller, DEADLINE_SECONDS_MAX, Deadlines,
    ERASURES_AN_HOUR, FileError, GENERATION_DAYS, GENERATION_DAYS_MAX, Issuer, LIMIT_MAX, Limits, Listen, LocalCa, Log,
    NOTICE_BYTES_MAX, ORIGIN_BYTES_MAX, Seal, SealKind, Source, Start, Store, TEXT_BYTES_MAX, Token,
};

/// What the erasure ledger is called where `[log] erasures` is left out.
const ERASURES_FILE: &str = "erasures";

pub(super) fn config(home: &Path, source: Source<'_>) -> Result<Config, FileError> {
    let raw: RawConfig = source.parse()?;
    Check { source }.all(&raw)?;
    Check { source }.backup(home, &raw)?;
    Check { source }.next_seal(home, &raw)?;
    Ok(raw.into_config(home))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    name: Name,
    listen: RawListen,
    operator: Option<RawOperator>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    deadlines: RawDeadlines,
    log: RawLog,
    seal: RawSeal,
    next_seal: Option<RawSeal>,
    store: RawStore,
    #[serde(default)]
    backup: RawBackup,
    #[serde(default)]
    controller: Vec<RawController>,
    #[serde(default)]
    agreement: Vec<RawAgreement>,
    #[serde(default)]
    application: Vec<RawApplication>,
    #[serde(default)]
    issuer: Vec<RawIssuer>,
    local_ca: Option<RawLocalCa>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListen {
    address: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOperator {
    address: Spanned<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    origin: Spanned<String>,
    head: PathBuf,
    erasures: Option<PathBuf>,
}

impl RawLog {
    fn into_log(self, home: &Path) -> Log {
        let head = home.join(self.head);
        let erasures = self.erasures.map_or_else(|| head.with_file_name(ERASURES_FILE), |path| home.join(path));
        Log { head, erasures, origin: self.origin.into_inner() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeal {
    kind: Spanned<RawKind>,
    key_file: Option<Spanned<PathBuf>>,
    same_disk: Option<Spanned<bool>>,
    share_set: Option<Spanned<PathBuf>>,
    wrapped_key: Option<Spanned<PathBuf>>,
    module: Option<Spanned<PathBuf>>,
    token: Option<Spanned<String>>,
    pin_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    allow_swap: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    KeyFile,
    Shamir,
    Pkcs11,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    data: PathBuf,
    memory_mib: Spanned<u64>,
    reserve_mib: u64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawBackup {
    #[serde(default)]
    generations: Vec<Spanned<PathBuf>>,
    generation_days: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawController {
    name: Spanned<Name>,
    title: Spanned<String>,
    notice: Option<Spanned<String>>,
    registration: Option<Spanned<String>>,
    registration_ends: Option<Spanned<Datetime>>,
    data_protection_officer: Option<Spanned<String>>,
    company_number: Option<Spanned<String>>,
    address: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    name: Spanned<Name>,
    certificate: Spanned<String>,
    client_id: Spanned<String>,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    connections: Option<Spanned<u32>>,
    in_flight: Option<Spanned<u32>>,
    requests_per_second: Option<Spanned<u32>>,
    /// Of the vault as a whole.
    erasures_an_hour: Option<Spanned<u32>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawDeadlines {
    head_seconds: Option<Spanned<u32>>,
    body_seconds: Option<Spanned<u32>>,
    request_seconds: Option<Spanned<u32>>,
    idle_seconds: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIssuer {
    iss: Spanned<String>,
    jwks: PathBuf,
    audience: Spanned<String>,
    #[serde(default)]
    local: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLocalCa {
    certificate: PathBuf,
    key: PathBuf,
}

impl RawConfig {
    fn into_config(self, home: &Path) -> Config {
        // `join` leaves an absolute path as it is.
        let at = |path: &PathBuf| home.join(path);
        let limits = self.limits.over(Limits::default());
        let erasures_an_hour = self.limits.erasures_an_hour.as_ref().map_or(ERASURES_AN_HOUR, |most| *most.get_ref());
        Config {
            home: home.to_owned(),
            name: self.name,
            listen: Listen {
                address: self.listen.address,
                certificate: at(&self.listen.certificate),
                key: at(&self.listen.key),
                client_ca: at(&self.listen.client_ca),
            },
            operator: self.operator.map(|operator| operator.address.into_inner()),
            erasures_an_hour,
            deadlines: self.deadlines.over(Deadlines::default()),
            log: self.log.into_log(home),
            seal: self.seal.into_seal(home),
            next_seal: self.next_seal.map(|next| next.into_seal(home)),
            store: Store {
                data: at(&self.store.data),
                memory_mib: self.store.memory_mib.into_inner(),
                reserve_mib: self.store.reserve_mib,
            },
            backup: Backup {
                generations: self.backup.generations.iter().map(|folder| at(folder.get_ref())).collect(),
                generation_days: self.backup.generation_days.map_or(GENERATION_DAYS, Spanned::into_inner),
            },
            controllers: self.controller.into_iter().map(RawController::into_controller).collect(),
            agreements: self.agreement.into_iter().map(RawAgreement::into_agreement).collect(),
            applications: self
                .application
                .into_iter()
                .map(|application| application.into_application(limits))
                .collect(),
            issuers: self.issuer.into_iter().map(|issuer| issuer.into_issuer(home)).collect(),
            local_ca: self.local_ca.map(|ca| LocalCa { certificate: at(&ca.certificate), key: at(&ca.key) }),
        }
    }
}

impl RawSeal {
    fn into_seal(self, home: &Path) -> Seal {
        let at = |path: Option<Spanned<PathBuf>>| home.join(path.map(Spanned::into_inner).unwrap_or_default());
        let (kind, file, token) = match self.kind.into_inner() {
            RawKind::KeyFile => (SealKind::KeyFile, self.key_file, None),
            RawKind::Shamir => (SealKind::Shamir, self.share_set, None),
            RawKind::Pkcs11 => {
                let label = self.token.map(Spanned::into_inner).unwrap_or_default();
                let token = Token { module: at(self.module), label, pin_file: at(self.pin_file) };
                (SealKind::Pkcs11, self.wrapped_key, Some(token))
            }
        };
        let same_disk = self.same_disk.is_some_and(Spanned::into_inner);
        Seal { kind, key_file: at(file), token, same_disk, start: self.start, allow_swap: self.allow_swap }
    }

    /// Where it lies, and the key that says so.
    fn file(&self) -> (&'static str, Option<&Spanned<PathBuf>>) {
        match self.kind.get_ref() {
            RawKind::KeyFile => ("key_file", self.key_file.as_ref()),
            RawKind::Shamir => ("share_set", self.share_set.as_ref()),
            RawKind::Pkcs11 => ("wrapped_key", self.wrapped_key.as_ref()),
        }
    }

    /// The keys that stand there: of which kind each is, and whether that kind can do without.
    fn declared(&self) -> [(&'static str, RawKind, bool, Option<Range<usize>>); 7] {
        use RawKind::{KeyFile, Pkcs11, Shamir};
        fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
            value.as_ref().map(Spanned::span)
        }
        [
            ("key_file", KeyFile, false, span(&self.key_file)),
            ("same_disk", KeyFile, true, span(&self.same_disk)),
            ("share_set", Shamir, false, span(&self.share_set)),
            ("wrapped_key", Pkcs11, false, span(&self.wrapped_key)),
            ("module", Pkcs11, false, span(&self.module)),
            ("token", Pkcs11, false, span(&self.token)),
            ("pin_file", Pkcs11, false, span(&self.pin_file)),
        ]
    }
}

impl RawController {
    fn into_controller(self) -> Controller {
        Controller {
            name: self.name.into_inner(),
            title: self.title.into_inner(),
            notice: self.notice.map(Spanned::into_inner),
            registration: self.registration.map(Spanned::into_inner),
            registration_ends: self.registration_ends.map(|day| day.into_inner().to_string()),
            officer: self.data_protection_officer.map(Spanned::into_inner),
            company_number: self.company_number.map(Spanned::into_inner),
            address: self.address.map(Spanned::into_inner),
            group: self.group.map(Spanned::into_inner),
        }
    }
}

impl RawApplication {
    fn into_application(self, usual: Limits) -> Application {
        Application {
            name: self.name.into_inner(),
            certificate: self.certificate.into_inner(),
            client_id: self.client_id.into_inner(),
            suspended: self.suspended,
            limits: self.limits.over(usual),
        }
    }
}

impl RawLimits {
    /// What is declared here, and the usual where nothing is.
    fn over(&self, usual: Limits) -> Limits {
        let or = |declared: &Option<Spanned<u32>>, usual| declared.as_ref().map_or(usual, |limit| *limit.get_ref());
        Limits {
            connections: or(&self.connections, usual.connections),
            in_flight: or(&self.in_flight, usual.in_flight),
            requests_per_second: or(&self.requests_per_second, usual.requests_per_second),
        }
    }

    fn declared(&self) -> impl Iterator<Item = (&'static str, &Spanned<u32>)> {
        let RawLimits { connections, in_flight, requests_per_second, erasures_an_hour } = self;
        let named = [
            ("connections", connections),
            ("in_flight", in_flight),
            ("requests_per_second", requests_per_second),
            ("erasures_an_hour", erasures_an_hour),
        ];
        named.into_iter().filter_map(|(key, limit)| Some((key, limit.as_ref()?)))
    }
}

impl RawDeadlines {
    fn over(&self, usual: Deadlines) -> Deadlines {
        let or = |declared: &Option<Spanned<u32>>, usual| {
            declared.as_ref().map_or(usual, |seconds| Duration::from_secs(u64::from(*seconds.get_ref())))
        };
        Deadlines {
            head: or(&self.head_seconds, usual.head),
            body: or(&self.body_seconds, usual.body),
            request: or(&self.request_seconds, usual.request),
            idle: or(&self.idle_seconds, usual.idle),
        }
    }

    fn declared(&self) -> impl Iterator<Item = (&'static str, &Spanned<u32>)> {
        let RawDeadlines { head_seconds, body_seconds, request_seconds, idle_seconds } = self;
        let named = [
            ("head_seconds", head_seconds),
            ("body_seconds", body_seconds),
            ("request_seconds", request_seconds),
            ("idle_seconds", idle_seconds),
        ];
        named.into_iter().filter_map(|(key, seconds)| Some((key, seconds.as_ref()?)))
    }
}

impl RawIssuer {
    fn into_issuer(self, home: &Path) -> Issuer {
        Issuer {
            iss: self.iss.into_inner(),
            jwks: home.join(self.jwks),
            audience: self.audience.into_inner(),
            local: self.local,
        }
    }
}

/// What the types alone do not say.
struct Check<'a> {
    source: Source<'a>,
}

impl Check<'_> {
    fn all(&self, raw: &RawConfig) -> Result<(), FileError> {
        self.origin(&raw.log.origin)?;
        self.operator(raw.operator.as_ref())?;
        self.seal(&raw.seal)?;
        self.within(raw.limits.declared(), LIMIT_MAX)?;
        self.within(raw.deadlines.declared(), DEADLINE_SECONDS_MAX)?;
        if *raw.store.memory_mib.get_ref() == 0 {
            return Err(self.source.at(raw.store.memory_mib.span(), "memory_mib", "must be at least 1"));
        }
        self.controllers(&raw.controller)?;
        self.applications(&raw.application)?;
        let controllers: Vec<_> = raw.controller.iter().map(|one| one.name.get_ref()).collect();
        let applications: Vec<_> = raw.application.iter().map(|one| one.name.get_ref()).collect();
        agreement::check(self.source, &raw.agreement, &controllers, &applications)?;
        self.issuers(&raw.issuer)
    }

    /// A note's key name holds neither spaces nor plus (C2SP signed-note), and its origin is it.
    fn origin(&self, origin: &Spanned<String>) -> Result<(), FileError> {
        let text = origin.get_ref();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
        if text.is_empty() || text.len() > ORIGIN_BYTES_MAX || !plain {
            let what = format!("must be 1 to {ORIGIN_BYTES_MAX} printable ASCII characters without space or `+`");
            return Err(self.source.at(origin.span(), "origin", what));
        }
        // `name/2` is the successor of `name`.
        if coffer_wire::succession::ordinal(text).1 != 1 {
            let what = "must not end in `/` and a number from 2 on: so the logs are named that follow this one";
            return Err(self.source.at(origin.span(), "origin", what));
        }
        Ok(())
    }

    /// It speaks without TLS and asks nobody who they are.
    fn operator(&self, operator: Option<&RawOperator>) -> Result<(), FileError> {
        match operator {
            Some(RawOperator { address }) if !address.get_ref().ip().is_loopback() => {
                let what = "must be an address of this machine alone, such as 127.0.0.1:9464: it has no TLS";
                Err(self.source.at(address.span(), "address", what))
            }
            _ => Ok(()),
        }
    }

    /// In the data folder a generation's key would go where the data goes, and be copied with it.
    fn backup(&self, home: &Path, raw: &RawConfig) -> Result<(), FileError> {
        let data = home.join(&raw.store.data);
        for folder in &raw.backup.generations {
            if home.join(folder.get_ref()).starts_with(&data) {
                let what = "must not lie in the data folder: who copies the data would copy the keys of its backups";
                return Err(self.source.at(folder.span(), "generations", what));
            }
        }
        match &raw.backup.generation_days {
            Some(days) if !(1..=GENERATION_DAYS_MAX).contains(days.get_ref()) => {
                let what = format!("must be 1 to {GENERATION_DAYS_MAX}");
                Err(self.source.at(days.span(), "generation_days", what))
            }
            _ => Ok(()),
        }
    }

    /// Each kind of seal has keys of its own, and none of another's: one that is passed over would be believed to count.
    fn seal(&self, seal: &RawSeal) -> Result<(), FileError> {
        let kind = seal.kind.get_ref();
        for (key, of, may_be_missing, place) in seal.declared() {
            match place {
                Some(place) if of != *kind => {
                    return Err(self.source.at(place, key, "is a key of another kind of seal than `kind` names"));
                }
                None if of == *kind && !may_be_missing => {
                    return Err(self.source.at(seal.kind.span(), key, "is missing, and this kind of seal needs it"));
                }
                _ => {}
            }
        }
        seal.token.iter().try_for_each(|label| self.words("token", label))
    }

    /// What holds the root key next has a place of its own, and so has what is drawn beside either place.
    fn next_seal(&self, home: &Path, raw: &RawConfig) -> Result<(), FileError> {
        let Some(next) = &raw.next_seal else { return Ok(()) };
        self.seal(next)?;
        let ((_, present), (key, place)) = (raw.seal.file(), next.file());
        let (Some(present), Some(place)) = (present, place) else { return Ok(()) };
        let (one, other) = (home.join(present.get_ref()), home.join(place.get_ref()));
        let beside = |path: &Path| PathBuf::from(format!("{}.next", path.display()));
        if one == other || beside(&one) == other || one == beside(&other) {
            return Err(self.source.at(
                place.span(),
                key,
                "is where [seal] lies, or beside it: the next seal needs a place of its own",
            ));
        }
        Ok(())
    }

    fn controllers(&self, controllers: &[RawController]) -> Result<(), FileError> {
        if controllers.is_empty() || controllers.len() > CONTROLLERS_MAX {
            return Err(self.count("controller", CONTROLLERS_MAX));
        }
        self.distinct("name", controllers.iter().map(|c| (c.name.get_ref().as_str(), c.name.span())))?;
        for controller in controllers {
            if *controller.name.get_ref() == VAULT {
                let what = "is the vault's own name in its log; choose another";
                return Err(self.source.at(controller.name.span(), "name", what));
            }
            self.words("title", &controller.title)?;
            self.notice(controller.notice.as_ref())?;
            self.registration(controller)?;
            self.company(controller)?;
        }
        Ok(())
    }

    fn registration(&self, controller: &RawController) -> Result<(), FileError> {
        let RawController { registration, registration_ends, data_protection_officer, .. } = controller;
        registration.iter().try_for_each(|number| self.words("registration", number))?;
        data_protection_officer.iter().try_for_each(|who| self.words("data_protection_officer", who))?;
        let Some(ends) = registration_ends else { return Ok(()) };
        if registration.is_none() {
            return Err(self.source.at(ends.span(), "registration_ends", "stands beside `registration` alone"));
        }
        day(self.source, "registration_ends", ends)
    }

    fn company(&self, controller: &RawController) -> Result<(), FileError> {
        let RawController { company_number, address, group, .. } = controller;
        company_number.iter().try_for_each(|number| self.token("company_number", number))?;
        address.iter().try_for_each(|office| self.words("address", office))?;
        group.iter().try_for_each(|group| self.words("group", group))
    }

    fn notice(&self, notice: Option<&Spanned<String>>) -> Result<(), FileError> {
        let Some(notice) = notice else { return Ok(()) };
        let text = notice.get_ref();
        if text.is_empty() || text.len() > NOTICE_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = format!("must be 1 to {NOTICE_BYTES_MAX} printable ASCII characters without spaces");
            return Err(self.source.at(notice.span(), "notice", what));
        }
        Ok(())
    }

    fn applications(&self, applications: &[RawApplication]) -> Result<(), FileError> {
        if applications.is_empty() || applications.len() > APPLICATIONS_MAX {
            return Err(self.count("application", APPLICATIONS_MAX));
        }
        self.distinct("name", applications.iter().map(|a| (a.name.get_ref().as_str(), a.name.span())))?;
        self.distinct("certificate", applications.iter().map(|a| place(&a.certificate)))?;
        self.distinct("client_id", applications.iter().map(|a| place(&a.client_id)))?;
        for application in applications {
            self.token("certificate", &application.certificate)?;
            self.token("client_id", &application.client_id)?;
            self.within(application.limits.declared(), LIMIT_MAX)?;
            if let Some(limit) = &application.limits.erasures_an_hour {
                let why = "stands in the vault's own `[limits]`: erasures are counted by person, through whichever application";
                return Err(self.source.at(limit.span(), "erasures_an_hour", why));
            }
        }
        Ok(())
    }

    /// Nobody is served under a limit of nothing: `suspended` is there for that.
    fn within<'b>(
        &self,
        declared: impl Iterator<Item = (&'static str, &'b Spanned<u32>)>,
        most: u32,
    ) -> Result<(), FileError> {
        for (key, number) in declared {
            if !(1..=most).contains(number.get_ref()) {
                return Err(self.source.at(number.span(), key, format!("must be 1 to {most}")));
            }
        }
        Ok(())
    }

    fn issuers(&self, issuers: &[RawIssuer]) -> Result<(), FileError> {
        self.distinct("iss", issuers.iter().map(|issuer| place(&issuer.iss)))?;
        for issuer in issuers {
            self.token("iss", &issuer.iss)?;
            self.token("audience", &issuer.audience)?;
        }
        Ok(())
    }

    fn distinct<'b>(&self, key: &str, texts: impl Iterator<Item = (&'b str, Range<usize>)>) -> Result<(), FileError> {
        let mut seen = BTreeSet::new();
        for (text, span) in texts {
            if !seen.insert(text) {
                return Err(self.source.at(span, key, format!("`{text}` stands twice; each must be its own")));
            }
        }
        Ok(())
    }

    /// Text that a program compares: no spaces, so that `iss sub` can be written as two words.
    fn token(&self, key: &str, text: &Spanned<String>) -> Result<(), FileError> {
        let plain = text.get_ref().bytes().all(|byte| byte.is_ascii_graphic());
        if plain {
            self.words(key, text)
        } else {
            Err(self.source.at(text.span(), key, "must be printable ASCII without spaces"))
        }
    }

    /// Text that a person reads.
    fn words(&self, key: &str, text: &Spanned<String>) -> Result<(), FileError> {
        let length = text.get_ref().len();
        if length == 0 || length > TEXT_BYTES_MAX || text.get_ref().chars().any(char::is_control) {
            let what = format!("must be 1 to {TEXT_BYTES_MAX} bytes without control characters");
            return Err(self.source.at(text.span(), key, what));
        }
        Ok(())
    }

    fn count(&self, key: &str, most: usize) -> FileError {
        FileError {
            file: self.source.file.to_owned(),
            line: None,
            key: Some(key.to_owned()),
            what: format!("there must be 1 to {most} of [[{key}]]"),
        }
    }
}

/// A day and nothing else: TOML has times too.
pub(super) fn day(source: Source<'_>, key: &str, given: &Spanned<Datetime>) -> Result<(), FileError> {
    let day = given.get_ref();
    if day.date.is_none() || day.time.is_some() || day.offset.is_some() {
        return Err(source.at(given.span(), key, "must be a day, as 2027-03-31 without quotes"));
    }
    Ok(())
}

fn place(text: &Spanned<String>) -> (&str, Range<usize>) {
    (text.get_ref().as_str(), text.span())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::shares_disk;
    use super::*;

    const GOOD: &str = r#"name = "demo"
[listen]
address = "127.0.0.1:8443"
certificate = "tls/server.pem"
key = "tls/server.key"
client_ca = "tls/clients-ca.pem"
[log]
origin = "coffer.example/demo"
head = "/other/head"
[seal]
kind = "key-file"
key_file = "/etc/coffer/root.key"
[store]
data = "data"
memory_mib = 256
reserve_mib = 64
[[controller]]
name = "oakvale"
title = "Oakvale Homes"
[[controller]]
name = "brookside"
title = "Brookside"
[[application]]
name = "desk"
certificate = "desk.apps"
client_id = "desk"
[[application]]
name = "console"
certificate = "console.apps"
client_id = "console"
suspended = true
[[issuer]]
iss = "https://id.example"
jwks = "issuer/jwks.json"
audience = "coffer"
"#;

    fn read(text: &str) -> Result<Config, FileError> {
        Config::read(Path::new("/home/vault"), "coffer.toml", text)
    }

    #[test]
    fn paths_are_taken_from_the_home_unless_they_are_absolute() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.listen.key, Path::new("/home/vault/tls/server.key"));
        assert_eq!(config.log.head, Path::new("/other/head"));
        assert_eq!(config.log.erasures, Path::new("/other/erasures"), "left out, it lies beside the head");
        let elsewhere = GOOD.replace("[seal]", "erasures = \"ledger/erased\"\n[seal]");
        assert_eq!(read(&elsewhere).unwrap().log.erasures, Path::new("/home/vault/ledger/erased"));
        assert_eq!(config.issuers[0].jwks, Path::new("/home/vault/issuer/jwks.json"));
        assert!(!config.seal.same_disk && !config.applications[0].suspended && config.applications[1].suspended);
        assert!(config.local_ca.is_none() && !config.issuers[0].local);
    }

    #[test]
    fn each_mistake_names_its_file_line_and_key() {
        for (from, to, line, key) in [
            ("name = \"demo\"", "name = \"Demo\"", 1, "name"),
            ("address = \"127.0.0.1:8443\"", "address = \"localhost\"", 3, "address"),
            ("client_ca", "clients_ca", 6, "clients_ca"),
            ("coffer.example/demo", "coffer example", 8, "origin"),
            ("[log]", "[operator]\naddress = \"0.0.0.0:9464\"\n[log]", 8, "address"),
            ("[log]", "[operator]\nadress = \"127.0.0.1:9464\"\n[log]", 8, "adress"),
            ("coffer.example/demo", "a+b", 8, "origin"),
            ("coffer.example/demo", "coffer.example/demo/2", 8, "origin"),
            ("[log]", "[limits]\nconnections = 0\n[log]", 8, "connections"),
            ("[log]", "[limits]\nin_flight = 1000001\n[log]", 8, "in_flight"),
            ("[log]", "[limits]\nrequests = 5\n[log]", 8, "requests"),
            ("[log]", "[deadlines]\nidle_seconds = 0\n[log]", 8, "idle_seconds"),
            ("[log]", "[deadlines]\nbody_seconds = 3601\n[log]", 8, "body_seconds"),
            ("[log]", "[backup]\ngenerations = [\"data/keys\"]\n[log]", 8, "generations"),
            ("[log]", "[backup]\ngeneration_days = 0\n[log]", 8, "generation_days"),
            ("kind = \"key-file\"", "kind = \"tpm\"", 11, "kind"),
            ("key_file = ", "same_disc = true\nkey_file = ", 12, "same_disc"),
            ("key_file = ", "start = \"shut\"\nkey_file = ", 12, "start"),
            ("key_file = ", "allow_swap = 1\nkey_file = ", 12, "allow_swap"),
            ("memory_mib = 256", "memory_mib = 0", 15, "memory_mib"),
            ("reserve_mib = 64", "reserve_mib = -1", 16, "reserve_mib"),
            ("name = \"brookside\"", "name = \"oakvale\"", 21, "name"),
            ("name = \"brookside\"", "name = \"vault\"", 21, "name"),
            ("title = \"Brookside\"", "title = \"\"", 22, "title"),
            ("title = \"Brookside\"", "title = \"Brookside\"\nnotice = \"May 2026\"", 23, "notice"),
            ("title = \"Brookside\"", "title = \"Brookside\"\nnotice = \"\"", 23, "notice"),
            ("title = \"Brookside\"", "title = \"Brookside\"\nregistration = \"\"", 23, "registration"),
            (
                "title = \"Brookside\"",
                "title = \"Brookside\"\ndata_protection_officer = \"\"",
                23,
                "data_protection_officer",
            ),
            ("title = \"Brookside\"", "title = \"Brookside\"\nregistration_ends = 2027-03-31", 23, "registration_ends"),
            (
                "title = \"Brookside\"",
                "title = \"Brookside\"\nregistration = \"Z\"\nregistration_ends = 2027-02-30",
                24,
                "registration_ends",
            ),
            (
                "title = \"Brookside\"",
                "title = \"Brookside\"\nregistration = \"Z\"\nregistration_ends = \"2027-03-31\"",
                24,
                "registration_ends",
            ),
            (
                "title = \"Brookside\"",
                "title = \"Brookside\"\nregistration = \"Z\"\nregistration_ends = 07:00:00",
                24,
                "registration_ends",
            ),
            ("title = \"Brookside\"", "title = \"Brookside\"\ncompany_number = \"12 34\"", 23, "company_number"),
            ("title = \"Brookside\"", "title = \"Brookside\"\naddress = \"\"", 23, "address"),
            ("title = \"Brookside\"", "title = \"Brookside\"\ngroup = \"\"", 23, "group"),
            ("name = \"console\"", "name = \"desk\"", 28, "name"),
            ("console.apps", "desk.apps", 29, "certificate"),
            ("client_id = \"console\"", "client_id = \"desk\"", 30, "client_id"),
            ("client_id = \"console\"", "client_id = \"con sole\"", 30, "client_id"),
            ("suspended = true", "limits = { requests_per_second = 0 }", 31, "requests_per_second"),
            ("https://id.example", "id example", 33, "iss"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = read(&text).unwrap_err();
            let found = (error.file.as_str(), error.line, error.key.as_deref());
            assert_eq!(found, ("coffer.toml", Some(line), Some(key)), "{error}");
        }
        assert_eq!(
            read(&GOOD.replace("[[application]]", "[[applicant]]")).unwrap_err().key.as_deref(),
            Some("applicant")
        );
    }

    #[test]
    fn each_mistake_of_an_agreement_names_its_line_and_key() {
        const AGREEMENT: &str = "[[agreement]]\nreference = \"SA-1\"\ncontroller = \"oakvale\"\napplications = [\"desk\"]\nends = 2027-03-31\n";
        let text = GOOD.replacen("[[issuer]]", &format!("{AGREEMENT}[[issuer]]"), 1);
        let config = read(&text).unwrap();
        let [of, other] = ["oakvale", "brookside"].map(|name| Name::new(name).unwrap());
        let [desk, console] = ["desk", "console"].map(|name| Name::new(name).unwrap());
        assert_eq!(config.agreement(&desk, &of).map(|one| one.reference.as_str()), Some("SA-1"));
        assert!(config.agreement(&desk, &other).is_none() && config.agreement(&console, &of).is_none());
        let ended = ["2027-03-31", "2027-04-01"].map(|today| config.agreements[0].has_ended(today));
        assert_eq!(ended, [false, true], "the last day is one on which it holds");
        for (from, to, line, key) in [
            ("\"SA-1\"", "\"SA 1\"", 33, "reference"),
            ("\"SA-1\"", "\"\"", 33, "reference"),
            ("controller = \"oakvale\"", "controller = \"elsewhere\"", 34, "controller"),
            ("[\"desk\"]", "[]", 35, "applications"),
            ("[\"desk\"]", "[\"shop\"]", 35, "applications"),
            ("[\"desk\"]", "[\"desk\", \"desk\"]", 35, "applications"),
            ("2027-03-31", "\"2027-03-31\"", 36, "ends"),
            ("2027-03-31", "2027-03-31T12:00:00", 36, "ends"),
            ("2027-03-31\n", &format!("2027-03-31\n{AGREEMENT}"), 40, "applications"),
        ] {
            let text = text.replacen(from, to, 1);
            let error = read(&text).unwrap_err();
            let found = (error.file.as_str(), error.line, error.key.as_deref());
            assert_eq!(found, ("coffer.toml", Some(line), Some(key)), "{error}");
        }
    }

    #[test]
    fn each_kind_of_seal_has_its_own_keys_and_none_of_anothers() {
        let with = |seal: &str| {
            let (before, rest) = GOOD.split_once("[seal]\n").unwrap();
            let (_, after) = rest.split_once("[store]").unwrap();
            read(&format!("{before}[seal]\n{seal}\n[store]{after}"))
        };
        let shamir = with("kind = \"shamir\"\nshare_set = \"shares.set\"").unwrap().seal;
        assert_eq!((shamir.kind, shamir.token.is_some()), (SealKind::Shamir, false));
        assert!(shamir.key_file.is_absolute() && shamir.key_file.ends_with("shares.set"));
        let token = "kind = \"pkcs11\"\nmodule = \"/m.so\"\ntoken = \"t\"\npin_file = \"/pin\"\nwrapped_key = \"w\"";
        let seal = with(token).unwrap().seal;
        let found = seal.token.unwrap();
        assert_eq!((seal.kind, found.label.as_str(), found.module), (SealKind::Pkcs11, "t", "/m.so".into()));
        for (seal, line, key) in [
            ("kind = \"shamir\"".to_owned(), 11, "share_set"),
            ("kind = \"shamir\"\nshare_set = \"s\"\nkey_file = \"k\"".to_owned(), 13, "key_file"),
            ("kind = \"shamir\"\nshare_set = \"s\"\nsame_disk = true".to_owned(), 13, "same_disk"),
            ("kind = \"key-file\"\nkey_file = \"k\"\npin_file = \"p\"".to_owned(), 13, "pin_file"),
            ("kind = \"key-file\"".to_owned(), 11, "key_file"),
            (token.replace("pin_file = \"/pin\"\n", ""), 11, "pin_file"),
            (token.replace("\"t\"", "\"\""), 13, "token"),
            ("kind = \"paper\"\nkey_file = \"k\"".to_owned(), 11, "kind"),
        ] {
            let error = with(&seal).unwrap_err();
            assert_eq!((error.line, error.key.as_deref()), (Some(line), Some(key)), "{seal}: {error}");
        }
    }

    #[test]
    fn a_next_seal_is_declared_like_a_seal_and_has_a_place_of_its_own() {
        let with = |next: &str| read(&format!("{GOOD}\n[next_seal]\n{next}"));
        let next = with("kind = \"shamir\"\nshare_set = \"shares.set\"").unwrap().next_seal.unwrap();
        assert_eq!((next.kind, next.key_file.is_absolute()), (SealKind::Shamir, true));
        let present = read(GOOD).unwrap().seal.key_file.display().to_string();
        for (next, key) in [
            ("kind = \"shamir\"".to_owned(), "share_set"),
            ("kind = \"shamir\"\nshare_set = \"s\"\npin_file = \"p\"".to_owned(), "pin_file"),
            (format!("kind = \"key-file\"\nkey_file = {present:?}"), "key_file"),
            (format!("kind = \"shamir\"\nshare_set = \"{present}.next\""), "share_set"),
        ] {
            let error = with(&next).unwrap_err();
            assert_eq!(error.key.as_deref(), Some(key), "{next}: {error}");
            assert!(error.line.is_some(), "{error}");
        }
    }

    #[test]
    fn erasures_are_limited_by_person_for_the_vault_as_a_whole() {
        assert_eq!(read(GOOD).unwrap().erasures_an_hour, 100);
        let own = GOOD.replace("[log]", "[limits]\nerasures_an_hour = 7\n[log]");
        assert_eq!(read(&own).unwrap().erasures_an_hour, 7);
        let of_one = GOOD.replace("suspended = true", "limits = { erasures_an_hour = 7 }");
        let error = read(&of_one).unwrap_err().to_string();
        assert!(error.contains("erasures_an_hour") && error.contains("counted by person"), "{error}");
    }

    #[test]
    fn an_application_has_its_own_limits_and_where_it_says_none_the_usual() {
        let usual = Limits::default();
        let config = read(GOOD).unwrap();
        assert_eq!((config.applications[0].limits, config.deadlines), (usual, Deadlines::default()));
        let text = GOOD
            .replace("[log]", "[limits]\nconnections = 7\nin_flight = 8\n[deadlines]\nbody_seconds = 9\n[log]")
            .replace("suspended = true", "limits = { in_flight = 3 }");
        let config = read(&text).unwrap();
        let [desk, console] = [0, 1].map(|at: usize| config.applications[at].limits);
        assert_eq!(desk, Limits { connections: 7, in_flight: 8, ..usual });
        assert_eq!(console, Limits { connections: 7, in_flight: 3, ..usual });
        assert_eq!(config.deadlines, Deadlines { body: Duration::from_secs(9), ..Deadlines::default() });
    }

    #[test]
    fn a_vault_without_controllers_or_applications_is_refused() {
        let cut =
            |from: &str, to: &str| format!("{}{}", &GOOD[..GOOD.find(from).unwrap()], &GOOD[GOOD.find(to).unwrap()..]);
        assert_eq!(read(&cut("[[controller]]", "[[application]]")).unwrap_err().key.as_deref(), Some("controller"));
        assert_eq!(read(&cut("[[application]]", "[[issuer]]")).unwrap_err().key.as_deref(), Some("application"));
    }

    #[test]
    fn a_key_file_beside_the_data_shares_its_disk() {
        let home = tempfile::tempdir().unwrap();
        let here = GOOD.replace("/etc/coffer/root.key", "keys/root.key");
        let config = Config::read(home.path(), "coffer.toml", &here).unwrap();
        assert!(shares_disk(&config.seal.key_file, &config.store.data).unwrap(), "neither folder is there yet");
        let elsewhere = GOOD.replace("/etc/coffer/root.key", "/proc/root.key");
        let config = Config::read(home.path(), "coffer.toml", &elsewhere).unwrap();
        assert!(!shares_disk(&config.seal.key_file, &config.store.data).unwrap());
    }

    #[test]
    fn a_link_to_a_key_file_does_not_hide_where_it_lies() {
        // A link on the process file system, to the directory of this test.
        let (link, here) = (Path::new("/proc/self/cwd"), std::env::current_dir().unwrap());
        assert!(link.is_symlink() && super::super::shares_disk(link, &here).unwrap());
    }

    #[test]
    fn a_home_without_its_file_says_which() {
        let home = tempfile::tempdir().unwrap();
        let error = Config::load(home.path()).unwrap_err();
        assert!(error.file.ends_with("coffer.toml") && error.what.contains("cannot be read"), "{error}");
        std::fs::write(home.path().join("coffer.toml"), GOOD).unwrap();
        assert_eq!(Config::load(home.path()).unwrap().home, home.path());
    }
}
