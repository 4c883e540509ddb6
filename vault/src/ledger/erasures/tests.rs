#![allow(clippy::unwrap_used)]
use std::sync::{Arc, Mutex};

use coffer_keys::keyfile;
use coffer_wire::name::VAULT;

use super::*;
use crate::keyring::{audit_category, create_line};
use crate::store::Batch;

const LOG: &str = "coffer.example/tests";

fn voucher() -> Voucher {
    let folder = tempfile::tempdir().unwrap();
    let root = keyfile::create(folder.path().join("root.key")).unwrap();
    Voucher::new(create_line(&root, VAULT, audit_category(), 0, &mut Batch::new()).unwrap().0)
}

fn erased(number: u64) -> Erased {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Erased { id: KeyId::from_bytes(id), at: number * 10 }
}

struct Scene {
    path: PathBuf,
    voucher: Voucher,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        Scene { path: folder.path().join("erasures"), voucher: voucher(), _folder: folder }
    }

    fn create(&self) -> Erasures {
        Erasures::create(&self.path, self.voucher.clone(), LOG).unwrap()
    }

    /// Opens it and tells how far it is, and which keys it names.
    fn open(&self) -> Result<(Erasures, Vec<Erased>), ErasuresError> {
        let mut all = Vec::new();
        let each = &mut |erased| {
            all.push(erased);
            Ok(())
        };
        let opened = Erasures::open(&self.path, self.voucher.clone(), LOG, each)?;
        Ok((opened, all))
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    fn put(&self, bytes: &[u8]) {
        std::fs::write(&self.path, bytes).unwrap();
    }
}

#[test]
fn what_was_written_is_read_and_written_on() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    ledger.append(&[erased(1), erased(2)], 25).unwrap();
    ledger.append(&[], 30).unwrap();
    let (mut ledger, all) = scene.open().unwrap();
    assert_eq!((ledger.complete(), all), (30, vec![erased(1), erased(2)]));
    ledger.append(&[erased(3)], 31).unwrap();
    assert_eq!(scene.open().unwrap().1, [erased(1), erased(2), erased(3)]);
}

#[test]
fn more_than_a_group_is_complete_only_at_its_end() {
    let scene = Scene::new();
    let many: Vec<_> = (0..GROUP_ENTRIES as u64 * 2 + 5).map(erased).collect();
    scene.create().append(&many, 99).unwrap();
    let contents = read(&scene.path, None, &mut |_| Ok(())).unwrap();
    assert_eq!((contents.entries, contents.complete, contents.torn), (many.len() as u64, 99, false));
}

#[test]
fn wherever_the_power_fails_in_the_last_group_those_before_stand_and_it_is_cut() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    ledger.append(&[erased(1)], 11).unwrap();
    let before = scene.bytes();
    ledger.append(&[erased(2), erased(3)], 31).unwrap();
    let whole = scene.bytes();
    for cut in before.len()..whole.len() {
        // Cut there; and the same where the file has its length already and the rest of it is still zeros.
        for filled in [cut, whole.len()] {
            let mut torn = whole[..cut].to_vec();
            torn.resize(filled, 0);
            scene.put(&torn);
            let (ledger, all) = scene.open().unwrap();
            assert_eq!((ledger.complete(), all[0]), (11, erased(1)), "cut at {cut}");
            assert!(all.iter().all(|one| [erased(1), erased(2), erased(3)].contains(one)));
            assert_eq!(scene.bytes(), before, "cut at {cut}");
        }
    }
}

#[test]
fn a_page_of_the_last_group_that_never_came_to_the_disk_is_a_torn_end() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    ledger.append(&[erased(1)], 11).unwrap();
    let before = scene.bytes();
    ledger.append(&[erased(2), erased(3)], 31).unwrap();
    let mut hole = scene.bytes();
    hole[before.len() + 4..before.len() + 40].fill(0);
    scene.put(&hole);
    let (ledger, all) = scene.open().unwrap();
    // What can be read of it was destroyed all the same.
    assert_eq!((ledger.complete(), all), (11, vec![erased(1), erased(3)]));
    assert_eq!(scene.bytes(), before);
}

#[test]
fn damage_before_the_last_group_is_refused_wherever_it_is() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    ledger.append(&[erased(1)], 11).unwrap();
    let sound = scene.bytes().len();
    ledger.append(&[erased(2)], 21).unwrap();
    let whole = scene.bytes();
    for at in 0..sound {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        scene.put(&flipped);
        assert!(scene.open().is_err(), "byte {at}");
        assert!(read(&scene.path, None, &mut |_| Ok(())).is_err(), "byte {at}, without the key");
    }
}

#[test]
fn what_another_vault_wrote_is_refused_file_or_line() {
    let (scene, other) = (Scene::new(), Scene::new());
    scene.create().append(&[erased(1)], 11).unwrap();
    other.create().append(&[erased(2)], 21).unwrap();
    let (ours, theirs) = (scene.bytes(), other.bytes());
    scene.put(&theirs);
    assert!(matches!(scene.open(), Err(ErasuresError::OfAnotherVault)));
    // Their keys in our file: whoever writes to the disk must not end keys.
    let theirs = theirs.splitn(3, |byte| *byte == b'\n').nth(2).unwrap();
    scene.put(&[&ours[..], theirs].concat());
    assert!(matches!(scene.open(), Err(ErasuresError::Damaged(6))));
}

#[test]
fn a_ledger_is_of_one_line_of_logs_which_it_names_once() {
    let scene = Scene::new();
    scene.create().append(&[erased(1)], 500).unwrap();
    let open = |origin: &str| Erasures::open(&scene.path, scene.voucher.clone(), origin, &mut |_| Ok(()));
    assert_eq!(open(LOG).unwrap().complete(), 500);
    for other in ["coffer.example/other", "coffer.example/tests/2"] {
        assert!(matches!(open(other), Err(ErasuresError::OfAnotherLog(_))), "{other}");
    }
    // Another log's name behind it, by this vault's own hand: keys would be of either.
    let mut line = String::new();
    text::encode(&Entry::Log("coffer.example/other".to_owned()), "", &scene.voucher, &mut line);
    text::encode(&Entry::Complete { to: 500, group: 3 }, "coffer.example/other", &scene.voucher, &mut line);
    scene.put(&[&scene.bytes()[..], line.as_bytes()].concat());
    assert!(matches!(scene.open(), Err(ErasuresError::Damaged(6))));
}

#[test]
fn a_file_of_many_groups_is_written_anew_and_loses_nothing() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    let (bytes, disk) = (Arc::new(Mutex::new(scene.bytes())), Arc::default());
    ledger.medium = Box::new(Failing { bytes: Arc::clone(&bytes), steps: disk });
    let names: Vec<_> = (0..GROUPS_MAX / 2).map(erased).collect();
    for (to, name) in (1..).zip(&names) {
        ledger.append(&[*name], to).unwrap();
    }
    (10_000..10_000 + GROUPS_MAX).for_each(|to| ledger.append(&[], to).unwrap());
    scene.put(&bytes.lock().unwrap());
    let before = scene.bytes().len();
    std::fs::write(beside(&scene.path), "left by a kill").unwrap();
    let (ledger, all) = scene.open().unwrap();
    assert_eq!((ledger.complete(), all), (10_000 + GROUPS_MAX - 1, names.clone()));
    assert!(scene.bytes().len() < before / 2);
    assert_eq!(scene.open().unwrap().1, names);
    assert!(!beside(&scene.path).exists());
}

/// A disk that fails at one of its steps; a write leaves half of what it was given.
#[derive(Clone)]
struct Failing {
    bytes: Arc<Mutex<Vec<u8>>>,
    steps: Arc<Mutex<(u64, u64)>>,
}

impl Failing {
    fn step(&self) -> io::Result<()> {
        let mut steps = self.steps.lock().unwrap();
        steps.0 += 1;
        if steps.0 == steps.1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Medium for Failing {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let step = self.step();
        let bytes = if step.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let mut all = self.bytes.lock().unwrap();
        let length = all.len().max(at as usize + bytes.len());
        all.resize(length, 0);
        all[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
        step
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.step()?;
        self.bytes.lock().unwrap().truncate(bytes as usize);
        Ok(())
    }

    fn is_in_place(&self) -> io::Result<()> {
        self.step()
    }
}

#[test]
fn whatever_step_fails_the_next_try_leaves_the_file_as_if_none_had() {
    let expected = {
        let scene = Scene::new();
        let mut ledger = scene.create();
        ledger.append(&[erased(1)], 11).unwrap();
        ledger.append(&[erased(2)], 21).unwrap();
        (scene.bytes(), scene.voucher.clone())
    };
    for at in 1..8 {
        let scene = Scene { voucher: expected.1.clone(), ..Scene::new() };
        let mut ledger = scene.create();
        let bytes = Arc::new(Mutex::new(scene.bytes()));
        let steps = Arc::new(Mutex::new((0, at)));
        ledger.medium = Box::new(Failing { bytes: Arc::clone(&bytes), steps: Arc::clone(&steps) });
        let mut failures = 0;
        for (name, to) in [(1, 11), (2, 21)] {
            while ledger.append(&[erased(name)], to).is_err() {
                failures += 1;
            }
        }
        assert_eq!(failures, u64::from(at <= 6), "step {at}");
        assert_eq!(*bytes.lock().unwrap(), expected.0, "step {at}");
    }
}

#[test]
fn a_file_that_was_moved_away_takes_nothing_more_until_it_is_back() {
    let scene = Scene::new();
    let mut ledger = scene.create();
    let away = scene.path.with_extension("away");
    std::fs::rename(&scene.path, &away).unwrap();
    assert!(ledger.append(&[erased(1)], 11).is_err());
    scene.put(b"something else");
    assert!(ledger.append(&[erased(1)], 11).is_err());
    std::fs::rename(&away, &scene.path).unwrap();
    ledger.append(&[erased(1)], 11).unwrap();
    assert_eq!(scene.open().unwrap().1, [erased(1)]);
}
