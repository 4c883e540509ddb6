//! `--keep`: the vault stays up, with commands to try on it. Certificates, keys and tokens stand in
//! files that only their owner reads; no command line holds a token or a value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coffer_vault::config::Config;
use coffer_vault::local::files::{self, Readable};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Folder;
use super::cast::{Cast, OAKVALE};
use super::tell::Tell;
use crate::commands::dev::{self, STAFF, ThrowAway};
use crate::commands::exit::{Failure, Status};
use crate::commands::serve;

/// Where the files for curl lie, in the home, and the tokens.
const CURL: &str = "curl";
const TOKENS: &str = "tokens";
/// Tokens live 15 minutes; they are made anew well before.
const RENEW_EVERY: Duration = Duration::from_secs(10 * 60);
/// A person and a record that the sample data does not have.
const PERSON: &str = "T-900001";
const RECORD: &str = "B-900001";

/// One command and what it shows.
#[derive(Serialize)]
pub struct Try {
    shows: String,
    command: String,
}

/// Writes what the commands need, and answers the commands. They are for a shell in the home.
pub fn prepare(vault: &ThrowAway, cast: &Cast) -> Result<Vec<Try>, Failure> {
    let folder = vault.home.join(CURL);
    files::make_directory(&folder).map_err(cannot)?;
    write_settings(&vault.config, &vault.home)?;
    let write = json!({ "controller": OAKVALE, "purpose": "payments", "reason": "new account", "items": [{
        "category": "bank", "person": PERSON, "record": RECORD,
        "fields": { "account_name": "Edith Ashdown", "sort_code": "00-12-34", "account_number": "00001234" },
    }]});
    let read = json!({ "controller": OAKVALE, "purpose": "payments", "items": [{
        "category": "bank", "person": PERSON, "record": RECORD,
        "fields": ["account_name", "account_number"], "form": "clear",
    }]});
    for (name, body) in [("write.json", write), ("read.json", read)] {
        files::replace(&folder.join(name), format!("{body:#}\n").as_bytes(), Readable::Owner).map_err(cannot)?;
    }
    Ok(commands(vault, cast))
}

/// Says what can be tried, and serves until Ctrl-C. Tokens are renewed meanwhile.
pub fn until_stopped(vault: ThrowAway, tries: &[Try], folder: &Folder, tell: &Tell) -> Result<(), Failure> {
    let awaited = serve::End::awaited()?;
    tell.chapter("The vault stays up until Ctrl-C. In another terminal:");
    tell.say("");
    tell.say(&format!("  cd {}", quoted(&vault.home)));
    for one in tries {
        tell.say(&format!("\n  # {}\n  {}", one.shows, one.command));
    }
    let end = match folder {
        Folder::Temporary(_) => "With Ctrl-C vault and folder are gone.".to_owned(),
        Folder::Chosen(path) => format!("With Ctrl-C it stops; its files stay in {}.", path.display()),
    };
    tell.say(&format!("\nTokens live 15 minutes and are renewed in their files while this runs. {end}"));
    renew(vault.config.clone(), vault.home.clone());
    serve::until_stopped(vault.served, awaited)
}

fn commands(vault: &ThrowAway, cast: &Cast) -> Vec<Try> {
    let port = vault.served.listener.address().port();
    let curl = |who: &str, body: &str, path: &str| {
        format!("curl -K {CURL}/{who} --json @{CURL}/{body}.json https://localhost:{port}/v1/records/{path}")
    };
    let coffer = |application: &str, who: &str, rest: &str| {
        let program = beside("coffer");
        format!("{program} --config clients/{application}/client.toml --token-file {TOKENS}/{who} {rest}")
    };
    let read = format!(
        "record read --controller {OAKVALE} --purpose payments --category bank --person {PERSON} --record {RECORD} --field account_number"
    );
    let erase = format!("subject erase --controller {OAKVALE} --purpose erasure --case E-3 --person {}", cast.tenant);
    let token = format!(
        "{} token . --person you@example --role rents --application rents-desk --out {TOKENS}/you",
        beside("coffer-vault")
    );
    let tries = [
        ("a bank officer writes a record", curl("bank-officer", "write", "write")),
        ("a rents officer reads it; the answer brings the receipt of the read", curl("rents", "read", "read")),
        ("the complaints desk is refused", curl("complaints-handler", "read", "read")),
        ("TLS 1.2 is refused", format!("openssl s_client -connect localhost:{port} -tls1_2 </dev/null")),
        ("the vault, and what must change before it holds real data", coffer("console", "auditor", "status")),
        ("the same read by the command line, masked", coffer("rents-desk", "rents", &read)),
        (
            "who can read an account number today",
            coffer("console", "auditor", "access who-can read bank.account_number"),
        ),
        ("the newest leaves of the access log", coffer("console", "auditor", "log tail")),
        ("the whole log, checked from its bytes under the pinned key", coffer("console", "auditor", "log verify")),
        ("the keys, without their material", coffer("console", "security-admin", "keys list")),
        ("a tenant is erased from every category", coffer("console", "dpo", &erase)),
        ("a token of your own, to a file", token),
    ];
    tries.into_iter().map(|(shows, command)| Try { shows: shows.to_owned(), command }).collect()
}

/// A settings file of curl for each of the staff: whom to trust, what to show, which token.
fn write_settings(config: &Config, home: &Path) -> Result<(), Failure> {
    for (who, _, application) in STAFF {
        let token = Zeroizing::new(files::read(&home.join(TOKENS).join(who)).map_err(cannot)?);
        let client = home.join("clients").join(application);
        let settings = Zeroizing::new(format!(
            "cacert = {}\ncert = {}\nkey = {}\nheader = \"Authorization: Bearer {}\"\nsilent\nshow-error\nwrite-out = \"\\n\"\n",
            quoted(&home.join("tls/server-ca.pem")),
            quoted(&client.join("client.pem")),
            quoted(&client.join("client.key")),
            token.trim(),
        ));
        files::replace(&config.home.join(CURL).join(who), settings.as_bytes(), Readable::Owner).map_err(cannot)?;
    }
    Ok(())
}

/// Makes the tokens anew for as long as the process lives.
fn renew(config: Config, home: PathBuf) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(RENEW_EVERY);
            let renewed = dev::tokens(&config, &home.join(TOKENS)).and_then(|()| write_settings(&config, &home));
            if let Err(failure) = renewed {
                tracing::warn!("tokens could not be renewed: {}", failure.message());
            }
        }
    });
}

/// A program that was built beside this one, by its path where it is there.
pub fn beside(program: &str) -> String {
    let path = std::env::current_exe().ok().map(|this| this.with_file_name(program));
    path.filter(|path| path.exists()).map_or_else(|| program.to_owned(), |path| path.display().to_string())
}

/// A path in double quotes, as both the shell and curl's settings read it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

fn cannot(error: impl std::fmt::Display) -> Failure {
    Failure::new(Status::CannotCreate, error)
}
