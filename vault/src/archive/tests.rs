#![allow(clippy::unwrap_used)]

use std::io::Cursor;

use coffer_keys::{GenerationKey, KeyId, KeyKind, Place, RootKey, keyfile};
use coffer_wire::Name;

use super::*;
use crate::store::memory::Memory;
use crate::store::{Batch, Engine, Family};

const WRAPPED: &[u8] = b"the bytes of a wrapped key";

fn bank() -> Name {
    Name::new("bank").unwrap()
}

fn root() -> RootKey {
    let dir = tempfile::tempdir().unwrap();
    keyfile::create(dir.path().join("root.key")).unwrap()
}

fn generation() -> GenerationKey {
    let root = root();
    let id = KeyId::random().unwrap();
    let place = Place {
        kind: KeyKind::Generation,
        controller: "vault",
        category: "backup",
        version: 1,
        id,
        wrapped_by: root.id(),
    };
    root.make_generation(&place).unwrap().0
}

/// A store with rows in every family, more than a page of some, and a key part of several chunks.
fn store() -> Memory {
    let store = Memory::new();
    store.ensure(&[Family::Rows(bank())]).unwrap();
    let mut batch = Batch::new();
    for number in 0..PAGE_ROWS as u64 + 7 {
        batch.put(Family::Rows(bank()), number.to_be_bytes().to_vec(), b"a sealed row".to_vec());
    }
    for number in 0..3_000_u64 {
        let wrapped = [WRAPPED, &number.to_be_bytes()].concat();
        batch.put(Family::Keys, number.to_be_bytes().to_vec(), wrapped);
    }
    batch.put(Family::Leaves, b"leaf".to_vec(), Vec::new());
    batch.put(Family::Nodes, b"tile".to_vec(), b"hashes".to_vec());
    batch.put(Family::Private, b"leaf".to_vec(), b"sealed".to_vec());
    batch.put(Family::Meta, b"checkpoint".to_vec(), b"note".to_vec());
    store.commit(&batch).unwrap();
    store
}

fn archive(store: &dyn Engine, key: &GenerationKey) -> Vec<u8> {
    let origin = Origin { vault: "v".to_owned(), checkpoint: "note".to_owned(), generation: 1, made_ms: 7 };
    let files = [("coffer.toml".to_owned(), b"name = \"v\"".to_vec())];
    let mut bytes = Vec::new();
    let root = ArchiveRoot::draw(key).unwrap();
    write(
        &Source { engine: store, keys: store, root: &root, categories: &[bank()], files: &files, origin },
        key,
        &mut bytes,
    )
    .unwrap();
    bytes
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(store: &dyn Engine) -> Vec<(Family, Rows)> {
    let families = Family::FIXED.into_iter().chain([Family::Rows(bank())]);
    families.map(|family| (family, store.scan(family, b"", None, usize::MAX).unwrap())).collect()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_store_comes_back_from_its_archive_row_by_row() {
    let (store, key) = (store(), generation());
    let mut opened = open(Cursor::new(archive(&store, &key)), &key).unwrap();
    let back = Memory::new();
    opened.restore(&back).unwrap();
    assert_eq!(rows(&back), rows(&store));
    assert_eq!(opened.file("coffer.toml").unwrap(), b"name = \"v\"");
    assert_eq!(opened.manifest().origin.made_ms, 7);
}

#[test]
fn no_wrapped_key_stands_in_an_archive() {
    let (store, key) = (store(), generation());
    let bytes = archive(&store, &key);
    assert!(holds(&bytes, b"a sealed row"), "the search would find it");
    assert!(!holds(&bytes, WRAPPED));
}

#[test]
fn without_its_generation_an_archive_gives_nothing() {
    let (store, key) = (store(), generation());
    let bytes = archive(&store, &key);
    assert!(matches!(open(Cursor::new(bytes), &generation()).err(), Some(ArchiveError::Manifest)));
}

#[test]
fn every_byte_of_an_archive_counts() {
    let (store, key) = (store(), generation());
    let bytes = archive(&store, &key);
    let both_ends = (0..600).chain(bytes.len() - 3_000..bytes.len());
    for at in both_ends.chain((0..bytes.len()).step_by(4_099)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(open(Cursor::new(flipped), &key).is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn an_archive_that_was_cut_or_continued_is_refused() {
    let (store, key) = (store(), generation());
    let bytes = archive(&store, &key);
    for length in (0..bytes.len()).step_by(997) {
        assert!(open(Cursor::new(&bytes[..length]), &key).is_err(), "cut to {length}");
    }
    assert!(open(Cursor::new([&bytes[..], b"x"].concat()), &key).is_err());
    // Between the last part and the manifest, where no hash reaches.
    let text = bytes.len() - END_BYTES..bytes.len() - MAGIC.len();
    let length: [u8; 4] = bytes[text.end - 4..text.end].try_into().unwrap();
    let mut filled = bytes.clone();
    filled.insert(text.start - u32::from_be_bytes(length) as usize, 0);
    assert!(open(Cursor::new(filled), &key).is_err());
}

#[test]
fn a_key_part_of_another_archive_does_not_open_even_where_the_manifest_is_made_to_fit() {
    let (store, key) = (store(), generation());
    let (mut one, other) = (archive(&store, &key), archive(&store, &key));
    let manifest = open(Cursor::new(&other), &key).unwrap().manifest().clone();
    let first = open(Cursor::new(&one), &key).unwrap().manifest().clone();
    let start: u64 = MAGIC.len() as u64 + first.parts.iter().rev().skip(1).map(|part| part.bytes).sum::<u64>();
    let (start, parts) = (start as usize, first.parts.len());
    let length = first.parts[parts - 1].bytes as usize;
    one.truncate(start);
    one.extend_from_slice(&other[start..start + length]);
    let mut forged = first;
    forged.parts[parts - 1] = manifest.parts[parts - 1].clone();
    let text = serde_json::to_vec(&forged).unwrap();
    one.extend_from_slice(&text);
    one.extend_from_slice(&key.vouch(&forged.id().unwrap(), &text));
    one.extend_from_slice(&(text.len() as u32).to_be_bytes());
    one.extend_from_slice(MAGIC);
    assert!(matches!(open(Cursor::new(one), &key).err(), Some(ArchiveError::Altered(part)) if part == KEY_PART));
}

#[test]
fn nothing_is_put_into_a_store_that_holds_something() {
    let (store, key) = (store(), generation());
    let mut opened = open(Cursor::new(archive(&store, &key)), &key).unwrap();
    assert!(matches!(opened.restore(&store).err(), Some(ArchiveError::NotEmpty)));
}
