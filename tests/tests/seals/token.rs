//! A token over PKCS#11: SoftHSM, which the real binary loads as it would any other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use coffer_tests::harness::{Home, Process, Serving, binary};
use coffer_tests::search::Search;
use coffer_wire::leaf::{Action, Leaf};
use serde_json::json;

use super::{admin, reads, refused, write};

pub(super) const PIN: &str = "canary-pin-290471";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
];

/// A token in a folder of its own.
pub(super) struct Token(tempfile::TempDir);

impl Token {
    pub(super) fn new() -> Token {
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let settings = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(folder.path().join("softhsm2.conf"), settings).unwrap();
        let token = Token(folder);
        token.set_pin(PIN);
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", token.settings())
            .args(["--init-token", "--free", "--label", "vault", "--so-pin", "12345678", "--pin", PIN])
            .output()
            .expect("SoftHSM is not installed: run `scripts/prepare.sh tests`, or `apt-get install softhsm2`");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        token
    }

    fn settings(&self) -> PathBuf {
        self.0.path().join("softhsm2.conf")
    }

    pub(super) fn pin_file(&self) -> PathBuf {
        self.0.path().join("pin")
    }

    pub(super) fn set_pin(&self, pin: &str) {
        fs::write(self.pin_file(), format!("{pin}\n")).unwrap();
        fs::set_permissions(self.pin_file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The binary in whose environment the token is.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.env("SOFTHSM2_CONF", self.settings());
        command
    }

    pub(super) fn home(&self) -> Home {
        let module = module();
        let (home, report) = Home::made_by(self.command(), |command, _| {
            command.args(["--seal", "pkcs11", "--token", "vault", "--module", module]);
            command.arg("--pin-file").arg(self.pin_file());
        });
        assert_eq!(report["seal"], "pkcs11");
        home
    }
}

/// SoftHSM's library.
pub(super) fn module() -> &'static str {
    let module = MODULES.into_iter().find(|path| Path::new(path).exists());
    module.expect("SoftHSM is not installed: run `scripts/prepare.sh tests`, or `apt-get install softhsm2`")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_whose_key_a_token_wraps_opens_by_itself_and_its_root_key_is_followed_by_another() {
    let token = Token::new();
    let home = token.home();
    let wrapped = home.config.seal.key_file.clone();
    let vault = Process::start_by(token.command(), home, "trace");
    write(&vault, "before").await;
    let old = fs::read(&wrapped).unwrap();
    let rotated = admin(&vault, "ada").post("/v1/root/rotate", &json!({})).await.granted().json();
    assert!(rotated["keys"].as_u64().unwrap() > 40, "{rotated}");
    write(&vault, "after").await;
    let vault = Process::start_by(token.command(), vault.kill(), "trace");
    for record in ["before", "after"] {
        reads(&vault, record).await;
    }
    nothing_is_found(&vault);

    // A copy of the file from before is dead: the key that wrapped it is gone from the token.
    let home = vault.kill();
    let new = fs::read(&wrapped).unwrap();
    fs::write(&wrapped, old).unwrap();
    assert!(refused(token.command(), &home).contains("the token has no key"));
    fs::write(&wrapped, new).unwrap();
    reads(&Process::start_by(token.command(), home, "info"), "after").await;
}

/// Neither what the vault says nor what it stores nor how it was called holds the PIN.
fn nothing_is_found(vault: &Process) {
    let mut search = Search::new();
    search.add(PIN.as_bytes(), "the PIN");
    let process = format!("/proc/{}", vault.id());
    let told = ["cmdline", "environ"].map(|file| fs::read(format!("{process}/{file}")).unwrap_or_default());
    for place in [&vault.said(), &told[0], &told[1]] {
        assert_eq!(search.found_in(place), Vec::<String>::new());
    }
    let (found, files) = search.found_below(vault.home().dir());
    assert!(found.is_empty() && files > 10, "{found:?} in {files} files");
}

#[test]
fn a_start_without_token_pin_or_module_says_which_is_missing_and_what_to_do() {
    let token = Token::new();
    let mut home = token.home();
    token.set_pin("wrong-canary");
    let said = refused(token.command(), &home);
    assert!(said.contains("does not take the PIN") && !said.contains("wrong-canary"), "{said}");
    token.set_pin(PIN);
    fs::set_permissions(token.pin_file(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(token.command(), &home).contains("chmod 600"));
    token.set_pin(PIN);
    let without = Token::new();
    fs::remove_dir_all(without.0.path().join("tokens")).unwrap();
    fs::create_dir(without.0.path().join("tokens")).unwrap();
    let said = refused(without.command(), &home);
    assert!(said.contains("no token with the label `vault`: plug it in"), "{said}");
    let another = Token::new();
    assert!(refused(another.command(), &home).contains("the token has no key"), "another token of the same label");
    let module = home.config.seal.token.as_ref().unwrap().module.display().to_string();
    home.reconfigure(|text| text.replace(&module, "/usr/lib/no-such.so"));
    assert!(refused(token.command(), &home).contains("cannot be loaded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_pulled_while_the_vault_runs_changes_nothing_until_the_root_key_is_needed() {
    let token = Token::new();
    let vault = Process::start_by(token.command(), token.home(), "info");
    write(&vault, "r").await;
    token.set_pin("wrong-canary");
    reads(&vault, "r").await;
    let ada = admin(&vault, "ada");
    // Told to whoever asks without the reason, which is the operator's; and on record.
    for (path, act) in [("/v1/root/rotate", Action::RootRotate), ("/v1/vault/drill", Action::VaultDrill)] {
        let refused = ada.post(path, &json!({})).await.refused(503, "seal_unavailable").json();
        let title = refused["title"].as_str().unwrap();
        assert!(title.contains("the operator finds the reason under the request id"), "{title}");
        assert!(!refused.to_string().contains("canary"), "{refused}");
        assert_eq!(last_refusal(&vault).await, (act, "seal_unavailable"), "{path}");
        let said = String::from_utf8_lossy(&vault.said()).into_owned();
        assert!(said.contains("does not take the PIN") && !said.contains("canary"), "{said}");
        assert!(said.contains(refused["request"].as_str().unwrap()), "the operator's log does not name the request");
    }
    // The token is there, and its key is not.
    let (at, away) = (token.0.path().join("tokens"), token.0.path().join("away"));
    fs::rename(&at, &away).unwrap();
    fs::create_dir(&at).unwrap();
    token.set_pin(PIN);
    ada.post("/v1/vault/drill", &json!({})).await.refused(503, "seal_unavailable");
    assert_eq!(last_refusal(&vault).await, (Action::VaultDrill, "seal_unavailable"));
    fs::remove_dir(&at).unwrap();
    fs::rename(&away, &at).unwrap();
    ada.post("/v1/root/rotate", &json!({})).await.granted();
    reads(&vault, "r").await;
}

/// The newest leaf of something that was refused.
async fn last_refusal(vault: &Process) -> (Action, &'static str) {
    let auditor = vault.staff("auditor", "oakvale");
    let read = auditor.post("/v1/log/entry", &json!({ "start": 0, "count": 1000 })).await.granted().json();
    let leaves = read["leaves"].as_array().unwrap().clone();
    let leaves = leaves.iter().map(|leaf| Leaf::parse(leaf.as_str().unwrap().as_bytes()).unwrap());
    let mut refused = leaves.rev().filter_map(|leaf| Some((leaf.action, leaf.refused?.as_str())));
    refused.next().unwrap()
}
