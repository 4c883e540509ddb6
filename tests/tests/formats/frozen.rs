//! What is frozen: each file that a release has published bytes in, and its SHA-256, as `sha256sum` writes and checks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use coffer_wire::Hash;

/// Where every file lies that may not change any more, from the root of the repository.
const FROZEN: [&str; 2] = ["keys/vectors", "tests/formats"];
/// The list itself.
const LIST: &str = "tests/formats/SHA256SUMS";

#[test]
fn nothing_that_was_published_has_changed() {
    let (root, mut found) = (root(), BTreeMap::new());
    FROZEN.iter().for_each(|folder| sum(&root, &root.join(folder), &mut found));
    if super::make::is_wanted() {
        return;
    }
    let listed = std::fs::read_to_string(root.join(LIST)).unwrap();
    let listed: BTreeMap<_, _> = listed.lines().filter_map(|line| line.split_once("  ")).collect();
    let listed: BTreeMap<String, String> =
        listed.into_iter().map(|(sum, path)| (path.to_owned(), sum.to_owned())).collect();
    for (path, sum) in &listed {
        assert_eq!(
            found.get(path),
            Some(sum),
            "{path} is published: what it shows must be read for ever. A format that changes has another version, and files of its own"
        );
    }
    let new: Vec<_> = found.keys().filter(|path| !listed.contains_key(*path)).collect();
    assert!(new.is_empty(), "not yet in {LIST} (sha256sum, from the root of the repository): {new:?}");
}

/// Writes the list anew, of whatever stands there.
pub(crate) fn write_list() {
    let (root, mut found, mut text) = (root(), BTreeMap::new(), String::new());
    FROZEN.iter().for_each(|folder| sum(&root, &root.join(folder), &mut found));
    for (path, sum) in found {
        writeln!(text, "{sum}  {path}").unwrap();
    }
    std::fs::write(root.join(LIST), text).unwrap();
}

fn sum(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sum(root, &path, found);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if name != LIST {
            let hash = Hash::sha256(&std::fs::read(&path).unwrap());
            found.insert(name, data_encoding::HEXLOWER.encode(hash.as_bytes()));
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
