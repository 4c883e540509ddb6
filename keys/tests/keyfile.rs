//! A key file is made once, for its owner alone, and is believed only if it is whole.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use coffer_keys::keyfile::{self, KeyFileError};
use coffer_keys::{KeyKind, RootKey};
use common::place;
use tempfile::TempDir;

fn made() -> (TempDir, PathBuf, RootKey) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("root.key");
    let root = keyfile::create(&path).unwrap();
    (dir, path, root)
}

/// The refusal, as RootKey has no Debug for `unwrap_err`.
fn refusal(path: &PathBuf) -> KeyFileError {
    keyfile::load(path).err().expect("should be refused")
}

#[test]
fn a_root_key_comes_back_from_its_file() {
    let (_dir, path, root) = made();
    let (_, wrapped) = root.make_category(&place(KeyKind::Category)).unwrap();
    let loaded = keyfile::load(&path).unwrap();
    assert_eq!(loaded.id(), root.id());
    assert!(loaded.open_category(&place(KeyKind::Category), &wrapped).is_ok());
}

#[test]
fn a_key_file_is_one_line_for_its_owner() {
    let (_dir, path, root) = made();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert!(text.starts_with(&format!("coffer-root-key-1 {} ", root.id())) && text.ends_with('\n'));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let (_dir, path, _) = made();
    let before = fs::read(&path).unwrap();
    assert!(matches!(keyfile::create(&path).err(), Some(KeyFileError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_dangling_link_is_not_followed_when_a_key_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let (link, target) = (dir.path().join("link"), dir.path().join("target"));
    symlink(&target, &link).unwrap();
    assert!(matches!(keyfile::create(&link).err(), Some(KeyFileError::Exists(_))));
    assert!(!target.exists());
}

#[test]
fn a_key_in_a_directory_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(keyfile::create(dir.path().join("no/root.key")).err(), Some(KeyFileError::Io { .. })));
}

#[test]
fn a_missing_file_is_said_to_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(&dir.path().join("root.key")), KeyFileError::Missing(_)));
}

#[test]
fn a_directory_is_not_a_key_file() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(&dir.path().to_path_buf()), KeyFileError::NotAFile(_)));
}

#[test]
fn a_file_that_others_can_reach_is_refused() {
    let (_dir, path, _) = made();
    for mode in [0o644, 0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, KeyFileError::Exposed { mode: found, .. } if found == mode), "{mode:o}");
        assert!(error.to_string().contains("chmod 600"));
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(keyfile::load(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_file_of_another_length_is_refused() {
    let (_dir, path, _) = made();
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(matches!(refusal(&path), KeyFileError::Malformed(_)), "{len} bytes");
    }
    fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::Malformed(_)));
}

#[test]
fn every_changed_character_is_noticed() {
    let (_dir, path, _) = made();
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        fs::write(&path, &changed).unwrap();
        assert!(
            matches!(refusal(&path), KeyFileError::Malformed(_) | KeyFileError::Checksum(_)),
            "character {position}"
        );
    }
}

#[test]
fn a_lost_character_is_told_apart_from_another_file() {
    let (_dir, path, _) = made();
    let whole = fs::read_to_string(&path).unwrap();
    let mut changed = whole.clone().into_bytes();
    changed[50] = if changed[50] == b'A' { b'B' } else { b'A' };
    fs::write(&path, &changed).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::Checksum(_)));
    fs::write(&path, whole.replace("root-key-1", "root-key-2")).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::Malformed(_)));
}

#[test]
fn no_refusal_shows_the_key() {
    let (_dir, path, _) = made();
    let whole = fs::read_to_string(&path).unwrap();
    let key = whole.split(' ').nth(2).unwrap();
    fs::write(&path, whole.replace("root-key-1", "root-key-2")).unwrap();
    let error = refusal(&path);
    assert!(!format!("{error} {error:?}").contains(key));
}
