//! Seals as their users meet them: shares that are typed, files that are lost, a root key that follows another.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use coffer_keys::seal::{KeyFile, Prepared, Seal, SealError, SealKind, Shamir, Share, ShareError, Split};
use coffer_keys::{KeyKind, Place, RootKey, keyfile};
use proptest::prelude::*;
use tempfile::TempDir;

mod common;

const TWO_OF_THREE: Split = Split { threshold: 2, shares: 3 };

struct Scene {
    folder: TempDir,
    root: RootKey,
    shares: Vec<Share>,
}

impl Scene {
    fn new(split: Split) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let (root, shares) = Shamir::create(folder.path().join("shares"), split).unwrap();
        Scene { folder, root, shares }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shares")
    }

    fn seal(&self) -> Shamir {
        Shamir::load(self.path()).unwrap()
    }

    /// What an officer types.
    fn typed(&self, index: usize) -> Share {
        Share::parse(&self.shares[index].to_text()).unwrap()
    }
}

/// The refusal, as a root key has no Debug for `unwrap_err`.
fn refusal<T>(result: Result<T, SealError>) -> SealError {
    result.err().expect("should be refused")
}

/// Whether one key opens what the other wraps.
fn is_same(one: &RootKey, other: &RootKey) -> bool {
    let mut place = common::place(KeyKind::Category);
    place.wrapped_by = one.id();
    let (_, wrapped) = one.make_category(&place).unwrap();
    other.open_category(&place, &wrapped).is_ok()
}

#[test]
fn a_process_that_has_the_public_file_alone_opens_with_any_enough_shares() {
    let scene = Scene::new(TWO_OF_THREE);
    let seal = scene.seal();
    assert_eq!((seal.kind(), seal.shares_needed()), (SealKind::Shamir, Some(2)));
    for pair in [[0, 1], [1, 2], [2, 0]] {
        let root = seal.open(&pair.map(|index| scene.typed(index))).unwrap();
        assert_eq!(root.id(), scene.root.id());
        assert!(is_same(&scene.root, &root));
    }
}

#[test]
fn the_public_file_holds_no_byte_of_key_or_share() {
    let scene = Scene::new(TWO_OF_THREE);
    let text = std::fs::read_to_string(scene.path()).unwrap();
    for share in &scene.shares {
        let line = share.to_text();
        let parts: Vec<_> = line.split(' ').collect();
        assert!(!text.contains(parts[4]) && !text.contains(&parts[4].replace('-', "")));
    }
    assert!(text.starts_with(&format!("coffer-share-set-1 {} 2 3 ", scene.root.id())));
}

#[test]
fn too_few_shares_open_nothing() {
    let scene = Scene::new(TWO_OF_THREE);
    assert!(matches!(refusal(scene.seal().open(&[])), SealError::TooFew { have: 0, needed: 2 }));
    assert!(matches!(refusal(scene.seal().open(&[scene.typed(0)])), SealError::TooFew { have: 1, needed: 2 }));
}

#[test]
fn a_share_that_was_handed_in_already_is_told_by_its_number() {
    let scene = Scene::new(TWO_OF_THREE);
    let seal = scene.seal();
    assert!(seal.admit(&scene.typed(1), &[scene.typed(0)]).is_ok());
    assert!(matches!(refusal(seal.admit(&scene.typed(1), &[scene.typed(1)])), SealError::Twice(2)));
    assert!(matches!(refusal(seal.open(&[scene.typed(1), scene.typed(1)])), SealError::Twice(2)));
}

#[test]
fn a_share_of_another_set_is_told_at_once() {
    let (scene, other) = (Scene::new(TWO_OF_THREE), Scene::new(TWO_OF_THREE));
    let foreign = other.typed(0);
    assert!(matches!(refusal(scene.seal().admit(&foreign, &[])), SealError::OtherSet(id) if id == other.root.id()));
    assert!(matches!(refusal(scene.seal().open(&[scene.typed(0), foreign])), SealError::OtherSet(_)));
}

#[test]
fn a_wrong_share_with_a_right_checksum_shows_at_the_threshold_and_does_not_say_which() {
    let scene = Scene::new(TWO_OF_THREE);
    let forged = forged(&scene.shares[1].to_text());
    let seal = scene.seal();
    assert!(seal.admit(&forged, &[scene.typed(0)]).is_ok(), "nobody can know it yet");
    let shown = [
        refusal(seal.open(&[scene.typed(0), forged])).to_string(),
        refusal(seal.open(&[self::forged(&scene.shares[0].to_text()), scene.typed(1)])).to_string(),
    ];
    assert!(shown[0].starts_with("these shares together"), "{}", shown[0]);
    assert_eq!(shown[0], shown[1]);
}

/// The share with another body and the checksum that goes with that: its body's bytes all zero.
fn forged(text: &str) -> Share {
    use sha2::{Digest, Sha256};
    let parts: Vec<_> = text.split(' ').collect();
    let (index, threshold): (u8, u8) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
    let mut hash = Sha256::new().chain_update("coffer-share-1").chain_update([index, threshold]);
    hash.update(Share::parse(text).unwrap().set().as_bytes());
    hash.update([0; 32]);
    let sum = crockford(&hash.finalize()[..5]);
    Share::parse(&format!("coffer-share-1 {index} {threshold} {} {} {sum}", parts[3], "0".repeat(52))).unwrap()
}

fn crockford(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<_>>();
    let digit = |five: &[u8]| five.iter().fold(0, |digit, bit| digit << 1 | usize::from(*bit));
    bits.chunks(5).map(|five| char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[digit(five)])).collect()
}

#[test]
fn a_share_may_be_typed_in_capitals_without_dashes_and_with_look_alikes() {
    let scene = Scene::new(TWO_OF_THREE);
    let line = scene.shares[0].to_text();
    let shouted = format!("  {}\t\n", line.to_uppercase());
    let (head, tail) = line.split_at(line.find(" 1 2 ").unwrap() + 5);
    let alike = format!("{head}{}", tail.replace('0', "o").replace('1', "L"));
    let dashless = format!("{head}{}", tail.replace('-', ""));
    for typed in [shouted, alike, dashless] {
        let share = Share::parse(&typed).unwrap();
        assert_eq!(*share.to_text(), *line);
    }
}

proptest! {
    #[test]
    fn one_mistyped_character_is_always_noticed(place in 0usize..140, with in "[ -~]") {
        let line = golden();
        let place = place % line.len();
        let mut typed = line.clone();
        typed.replace_range(place..=place, &with);
        match Share::parse(&typed) {
            // Another way to write the same: a capital, a look-alike, a dash that does not matter.
            Ok(share) => prop_assert_eq!(&*share.to_text(), &line),
            Err(error) => prop_assert!(!error.to_string().contains(&line[40..60])),
        }
    }

    #[test]
    fn two_characters_that_changed_places_are_noticed(place in 0usize..140) {
        let line = golden();
        let place = place % (line.len() - 1);
        let mut typed = line.clone().into_bytes();
        typed.swap(place, place + 1);
        if let Ok(share) = Share::parse(std::str::from_utf8(&typed).unwrap()) {
            prop_assert_eq!(&*share.to_text(), &line);
        }
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,300}") {
        let _ = Share::parse(&text);
    }
}

fn golden() -> String {
    // A body whose groups differ, so that places matter.
    let scene = Scene::new(TWO_OF_THREE);
    scene.shares[2].to_text().to_string()
}

#[test]
fn a_text_that_is_no_share_and_one_with_a_slip_have_errors_of_their_own() {
    let error = |text: &str| Share::parse(text).err().unwrap();
    let line = golden();
    for no_share in ["", "hello", "coffer-root-key-1 a b c", &"x".repeat(5_000), &format!("{line} more")] {
        assert_eq!(error(no_share), ShareError::Malformed, "{no_share}");
    }
    assert_eq!(error(&line[..line.len() - 1]), ShareError::Checksum, "a character lost");
    assert_eq!(error(&line[..40]), ShareError::Checksum, "half of it");
    assert_eq!(error(&format!("{line}0")), ShareError::Checksum, "a character too many");
}

#[test]
fn only_numbers_that_make_sense_make_a_set() {
    let folder = tempfile::tempdir().unwrap();
    for (threshold, shares) in [(0, 0), (1, 1), (1, 3), (3, 2), (2, 17), (17, 17)] {
        let made = Shamir::create(folder.path().join("shares"), Split { threshold, shares });
        assert!(
            matches!(refusal(made), SealError::Split(t, n) if (t, n) == (threshold, shares)),
            "{threshold} of {shares}"
        );
    }
    assert!(!folder.path().join("shares").exists());
    for (threshold, shares) in [(2, 2), (16, 16)] {
        Shamir::create(folder.path().join(format!("{threshold}")), Split { threshold, shares }).unwrap();
    }
}

#[test]
fn a_public_file_is_never_overwritten_and_says_when_it_is_lost_or_damaged() {
    let scene = Scene::new(TWO_OF_THREE);
    assert!(matches!(refusal(Shamir::create(scene.path(), TWO_OF_THREE)), SealError::SetExists(_)));
    let whole = std::fs::read(scene.path()).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        std::fs::write(scene.path(), &damaged).unwrap();
        assert!(
            matches!(refusal(Shamir::load(scene.path())), SealError::SetDamaged(_) | SealError::Io { .. }),
            "{place}"
        );
    }
    std::fs::remove_file(scene.path()).unwrap();
    assert!(matches!(refusal(Shamir::load(scene.path())), SealError::SetMissing(_)));
}

#[test]
fn a_seal_that_opens_by_itself_takes_no_shares() {
    let (scene, key_file) = (Scene::new(TWO_OF_THREE), key_file());
    assert!(matches!(refusal(key_file.1.admit(&scene.typed(0), &[])), SealError::NoShares));
    assert!(matches!(refusal(key_file.1.open(&[scene.typed(0)])), SealError::NoShares));
    assert!(matches!(refusal(key_file.1.prepare(key_file.2.id(), Some(TWO_OF_THREE))), SealError::NoShares));
    assert_eq!(key_file.1.shares_needed(), None);
}

fn key_file() -> (TempDir, KeyFile, RootKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let root = keyfile::create(&path).unwrap();
    (folder, KeyFile::at(path), root)
}

fn next(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.next", path.display()))
}

#[test]
fn a_key_file_that_follows_takes_its_place_once_the_store_lies_under_it() {
    let (folder, seal, old) = key_file();
    let path = folder.path().join("root.key");
    assert!(matches!(refusal(seal.next().and_then(|next| next.open(&[]))), SealError::NothingPrepared));
    let Prepared::Key(new) = seal.prepare(old.id(), None).unwrap() else { panic!("it has no shares") };
    assert!(is_same(&old, &seal.open(&[]).unwrap()), "the present one stands");
    assert!(is_same(&new, &seal.next().and_then(|next| next.open(&[])).unwrap()));

    // Cut off before the batch: the present one stays. Asked for again, another is drawn.
    seal.settle(old.id()).unwrap();
    assert!(is_same(&old, &seal.open(&[]).unwrap()));
    let Prepared::Key(new) = seal.prepare(old.id(), None).unwrap() else { panic!("it has no shares") };

    // Cut off after it: the new one takes its place, and the old one is gone.
    seal.settle(new.id()).unwrap();
    assert!(is_same(&new, &seal.open(&[]).unwrap()));
    assert!(!next(&path).exists());
    assert!(matches!(refusal(seal.settle(old.id())), SealError::OtherRoot { .. }));
}

#[test]
fn new_shares_count_once_the_store_lies_under_their_key_and_old_ones_no_longer() {
    let scene = Scene::new(TWO_OF_THREE);
    let seal = scene.seal();
    let three_of_four = Split { threshold: 3, shares: 4 };
    let Prepared::Shares(new) = seal.prepare(scene.root.id(), Some(three_of_four)).unwrap() else {
        panic!("it has shares")
    };
    assert!(seal.open(&[scene.typed(0), scene.typed(1)]).is_ok(), "the present ones still count");
    assert!(matches!(
        refusal(seal.next().and_then(|next| next.open(&[scene.typed(0), scene.typed(1)]))),
        SealError::OtherSet(_)
    ));
    assert!(matches!(
        refusal(seal.next().and_then(|next| next.open(&new[..2]))),
        SealError::TooFew { have: 2, needed: 3 }
    ));
    let root = seal.next().unwrap().open(&new[1..]).unwrap();

    seal.settle(root.id()).unwrap();
    let seal = scene.seal();
    assert_eq!(seal.shares_needed(), Some(3));
    assert!(is_same(&root, &seal.open(&new[..3]).unwrap()));
    assert!(matches!(refusal(seal.open(&[scene.typed(0), scene.typed(1)])), SealError::OtherSet(_)));
    assert!(matches!(refusal(seal.next().and_then(|next| next.open(&new))), SealError::NothingPrepared));
}

#[test]
fn what_is_in_force_and_could_not_take_its_place_yet_is_not_forgotten_by_the_next() {
    let (folder, seal, old) = key_file();
    let Prepared::Key(new) = seal.prepare(old.id(), None).unwrap() else { panic!("it has no shares") };
    // The store lies under the new one, and nobody has put it in its place.
    assert!(seal.prepare(new.id(), None).is_ok());
    assert!(is_same(&new, &seal.open(&[]).unwrap()));
    drop(folder);

    let scene = Scene::new(TWO_OF_THREE);
    let Prepared::Shares(new) = scene.seal().prepare(scene.root.id(), None).unwrap() else { panic!("it has shares") };
    assert!(scene.seal().prepare(new[0].set(), None).is_ok());
    assert!(scene.seal().open(&new[..2]).is_ok());
    assert!(matches!(refusal(scene.seal().prepare(scene.root.id(), None)), SealError::OtherRoot { .. }));
}

#[test]
fn a_key_under_the_root_is_wrapped_again_under_the_next_and_opens_there_alone() {
    let (old, new) = (common::root(), common::root());
    for kind in [KeyKind::Category, KeyKind::Locator, KeyKind::Log] {
        let mut place = common::place(kind);
        place.wrapped_by = old.id();
        let wrapped = match kind {
            KeyKind::Category => old.make_category(&place).unwrap().1,
            KeyKind::Locator => old.make_locator(&place).unwrap().1,
            _ => old.make_log(&place).unwrap().1,
        };
        let moved = old.rewrap(&place, &wrapped, &new).unwrap();
        assert!(new.rewrap(&place, &wrapped, &old).is_err(), "from under its own key alone");
        let opens = |root: &RootKey, place: &Place<'_>| match kind {
            KeyKind::Category => root.open_category(place, &moved).is_ok(),
            KeyKind::Locator => root.open_locator(place, &moved).is_ok(),
            _ => root.open_log(place, &moved).is_ok(),
        };
        assert!(!opens(&old, &place) && !opens(&new, &place));
        place.wrapped_by = new.id();
        assert!(opens(&new, &place));
    }
    let place = common::place(KeyKind::Subject);
    let (_, wrapped) = old.make_category(&place).unwrap();
    assert!(old.rewrap(&place, &wrapped, &new).is_err(), "a subject key never lies under the root");
}
