//! The seal of a token, with SoftHSM as the token. Its library reads one file of settings a process, named in the environment, so each
//! test runs itself again in a process of its own.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use coffer_keys::seal::{Pkcs11, Prepared, Seal, SealError, SealKind, Token, TokenError};
use coffer_keys::{KeyKind, RootKey};
use tempfile::TempDir;

mod common;

const PIN: &str = "4711-canary";
const SETTINGS: &str = "SOFTHSM2_CONF";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
];

fn module() -> &'static str {
    let found = MODULES.into_iter().find(|path| Path::new(path).exists());
    found.expect("SoftHSM is not installed: run `scripts/prepare.sh tests`, or `apt-get install softhsm2`")
}

/// Runs the body in a process that has tokens of its own, in a folder of its own.
fn with_tokens(test: &str, body: impl FnOnce(&Path)) {
    if let Some(settings) = std::env::var_os(SETTINGS).filter(|_| std::env::var_os("COFFER_TOKEN_TEST").is_some()) {
        return body(Path::new(&settings).parent().unwrap());
    }
    let folder = settings();
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SETTINGS, folder.path().join("softhsm2.conf"))
        .env("COFFER_TOKEN_TEST", "1")
        .output()
        .unwrap();
    let said = [again.stdout, again.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(again.status.success(), "{said}");
    assert!(!said.contains(PIN), "the PIN was printed:\n{said}");
}

fn settings() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tokens")).unwrap();
    let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.path().join("tokens").display());
    std::fs::write(folder.path().join("softhsm2.conf"), text).unwrap();
    folder
}

/// Makes a token in this process's folder.
fn make_token(label: &str) {
    module();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN])
        .output()
        .expect("SoftHSM's tool is not installed: run `scripts/prepare.sh tests`, or `apt-get install softhsm2`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn token(folder: &Path, label: &str) -> Token {
    Token { module: module().into(), label: label.into(), pin_file: pin_file(folder, PIN) }
}

fn pin_file(folder: &Path, pin: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("pin");
    std::fs::write(&path, format!("{pin}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn refusal<T>(result: Result<T, SealError>) -> TokenError {
    match result.err().expect("should be refused") {
        SealError::Token(error) => error,
        other => panic!("{other}"),
    }
}

fn is_same(one: &RootKey, other: &RootKey) -> bool {
    let place = common::place(KeyKind::Category);
    let (_, wrapped) = one.make_category(&place).unwrap();
    other.open_category(&place, &wrapped).is_ok()
}

#[test]
fn a_token_gives_the_root_key_again_and_again() {
    with_tokens("a_token_gives_the_root_key_again_and_again", |folder| {
        make_token("vault");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        let root = Pkcs11::create(&path, &token).unwrap();
        let seal = Pkcs11::at(&path, token.clone());
        assert_eq!((seal.kind(), seal.shares_needed()), (SealKind::Pkcs11, None));
        for _ in 0..3 {
            let again = seal.open(&[]).unwrap();
            assert_eq!(again.id(), root.id());
            assert!(is_same(&root, &again));
        }
        assert!(matches!(refusal(Pkcs11::create(&path, &token)), TokenError::WrappedExists(_)));
        assert!(is_same(&root, &seal.open(&[]).unwrap()), "what was there is as it was");
    });
}

#[test]
fn threads_that_ask_at_one_time_all_get_it() {
    with_tokens("threads_that_ask_at_one_time_all_get_it", |folder| {
        make_token("vault");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        Pkcs11::create(&path, &token).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| Pkcs11::at(&path, token.clone()).open(&[]).unwrap());
            }
        });
    });
}

#[test]
fn a_wrong_pin_and_a_pin_file_that_is_none_each_say_so_and_never_the_pin() {
    with_tokens("a_wrong_pin_and_a_pin_file_that_is_none_each_say_so_and_never_the_pin", |folder| {
        make_token("vault");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        Pkcs11::create(&path, &token).unwrap();
        let seal = Pkcs11::at(&path, token.clone());
        pin_file(folder, "0000-canary");
        let wrong = refusal(seal.open(&[]));
        assert!(matches!(wrong, TokenError::Pin(_)), "{wrong}");
        assert!(!wrong.to_string().contains("0000-canary"));
        for none in ["", "two\nlines", &"9".repeat(300)] {
            pin_file(folder, none);
            assert!(matches!(refusal(seal.open(&[])), TokenError::PinMalformed(_)));
        }
        let pin = pin_file(folder, PIN);
        std::fs::set_permissions(&pin, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(refusal(seal.open(&[])), TokenError::PinExposed { mode: 0o644, .. }));
        std::fs::remove_file(pin).unwrap();
        assert!(matches!(refusal(seal.open(&[])), TokenError::PinMissing(_)));
        pin_file(folder, PIN);
        assert!(seal.open(&[]).is_ok());
    });
}

#[test]
fn a_missing_token_a_missing_module_and_a_token_without_the_key_each_say_so() {
    with_tokens("a_missing_token_a_missing_module_and_a_token_without_the_key_each_say_so", |folder| {
        make_token("vault");
        make_token("another");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        Pkcs11::create(&path, &token).unwrap();
        let missing = refusal(Pkcs11::at(&path, Token { label: "lost".into(), ..token.clone() }).open(&[]));
        assert!(matches!(missing, TokenError::Missing(..)));
        assert!(
            missing.to_string().contains("`another`, `vault`") || missing.to_string().contains("`vault`, `another`"),
            "{missing}"
        );
        let other = Pkcs11::at(&path, Token { label: "another".into(), ..token.clone() });
        assert!(matches!(refusal(other.open(&[])), TokenError::NoKey(_)));
        let module = Token { module: folder.join("no.so"), ..token.clone() };
        assert!(matches!(refusal(Pkcs11::at(&path, module).open(&[])), TokenError::Module(..)));
    });
}

#[test]
fn an_altered_file_opens_nothing() {
    with_tokens("an_altered_file_opens_nothing", |folder| {
        use sha2::{Digest, Sha256};
        make_token("vault");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        Pkcs11::create(&path, &token).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, whole.replace(' ', "  ")).unwrap();
        let seal = Pkcs11::at(&path, token);
        assert!(matches!(refusal(seal.open(&[])), TokenError::WrappedDamaged(_)));

        // One that took care of the checksum.
        let mut parts: Vec<_> = whole.split(' ').take(4).map(str::to_owned).collect();
        let first = if parts[3].starts_with('A') { "B" } else { "A" };
        parts[3].replace_range(..1, first);
        let text = parts.join(" ");
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&text));
        std::fs::write(&path, format!("{text} {}\n", &hash[..16])).unwrap();
        let altered = refusal(seal.open(&[]));
        assert!(matches!(altered, TokenError::Altered(_)), "{altered}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(refusal(seal.open(&[])), TokenError::WrappedMissing(_)));
    });
}

#[test]
fn a_root_key_that_follows_has_a_key_of_its_own_and_the_old_one_is_destroyed_in_the_token() {
    with_tokens("a_root_key_that_follows_has_a_key_of_its_own_and_the_old_one_is_destroyed_in_the_token", |folder| {
        make_token("vault");
        let (path, token) = (folder.join("root.wrapped"), token(folder, "vault"));
        let old = Pkcs11::create(&path, &token).unwrap();
        let copy = std::fs::read(&path).unwrap();
        let seal = Pkcs11::at(&path, token.clone());
        let prepare = |seal: &Pkcs11| match seal.prepare(old.id(), None).unwrap() {
            Prepared::Key(key) => key,
            Prepared::Shares(_) => panic!("it has no shares"),
        };
        let abandoned = prepare(&seal);
        let new = prepare(&seal);
        assert_ne!(abandoned.id(), new.id());
        seal.settle(old.id()).unwrap();
        assert!(is_same(&old, &seal.open(&[]).unwrap()), "not in force yet");
        assert!(is_same(&new, &seal.next().unwrap().open(&[]).unwrap()));

        seal.settle(new.id()).unwrap();
        assert!(is_same(&new, &seal.open(&[]).unwrap()));
        std::fs::write(&path, copy).unwrap();
        assert!(matches!(refusal(seal.open(&[])), TokenError::NoKey(_)), "a copy of the old file is dead");
    });
}
