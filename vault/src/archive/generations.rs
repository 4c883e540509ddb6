//! Generations of backups: each a key, wrapped under the root key, in a file of its own in every declared folder.
//!
//! A file keeps the key under every root key that may be in force: before a rotation of the root key it gets a wrapping
//! under the one to come, and keeps the one before, so that it is of use whichever is found in force (docs/decisions/0029).

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use coffer_keys::{GenerationKey, KeyId, KeyKind, Place, RootKey, WRAPPED_BYTES, Wrapped};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::config::{Backup, same_file_system};

const FORMAT: &str = "coffer-generation/1";
/// Begins the name of a file; the number follows.
const PREFIX: &str = "generation-";
/// What a file is called until it is synced.
const NEW_SUFFIX: &str = ".new";
/// Bytes of such a file, at most.
const FILE_BYTES_MAX: u64 = 16 * 1024;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why there is no generation's key.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The configuration names no folder.
    #[error("no folder for the keys of backups is declared: name two in `[backup] generations` of coffer.toml")]
    NoFolder,
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no generation.
    #[error("{} is no generation of this version: it was damaged, or a newer program made it", .0.display())]
    Malformed(PathBuf),
    /// No folder has it.
    #[error("generation {0} is in none of the declared folders: its archives cannot be read without it")]
    Missing(u64),
    /// The wrapped key does not open.
    #[error("generation {0} does not open under this root key: it belongs to another vault, or was changed")]
    Unopened(u64),
    /// No more numbers, or no randomness.
    #[error("no new generation could be drawn")]
    NotDrawn,
}

/// A generation as its file says it. What its wrapping holds together is number, id and key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    format: String,
    /// From 1.
    pub number: u64,
    id: String,
    /// Unix time in milliseconds.
    pub made_ms: u64,
    /// From when on nothing new is put under it, Unix time in milliseconds.
    pub ends_ms: u64,
    /// By the id of the root key: the wrapped key, in hexadecimal.
    wrapped: BTreeMap<String, String>,
}

/// The newest generation, made where there is none or the newest is over, and put into every folder that lacks it.
/// Answers whether it was made.
pub fn present(
    backup: &Backup,
    root: &RootKey,
    now_ms: u64,
) -> Result<(Generation, GenerationKey, bool), GenerationError> {
    let known = all(backup)?;
    let newest = known.last_key_value().map(|(_, generation)| generation.clone());
    let going_on = newest.as_ref().filter(|newest| now_ms < newest.ends_ms);
    let (generation, key, made) = match going_on {
        Some(generation) => (generation.clone(), generation.open(root)?, false),
        None => {
            let number = newest.map_or(1, |newest| newest.number + 1);
            let (generation, key) = Generation::draw(number, now_ms, backup.generation_days, root)?;
            (generation, key, true)
        }
    };
    for folder in &backup.generations {
        generation.keep(folder)?;
    }
    Ok((generation, key, made))
}

/// The key of a generation by its number.
pub fn numbered(backup: &Backup, root: &RootKey, number: u64) -> Result<GenerationKey, GenerationError> {
    let known = all(backup)?;
    known.get(&number).ok_or(GenerationError::Missing(number))?.open(root)
}

/// Before `next` follows `old`: every file gets a wrapping under it, and keeps the one under `old`. Wrappings of earlier
/// root keys go.
pub fn follow(backup: &Backup, old: &RootKey, next: &RootKey) -> Result<(), GenerationError> {
    for generation in all_or_none(backup)?.values_mut() {
        let place = generation.place(old)?;
        let wrapped = generation.wrapping(old)?;
        let moved = old.rewrap(&place, &wrapped, next).map_err(|_| GenerationError::Unopened(generation.number))?;
        generation.wrapped.retain(|root, _| *root == old.id().to_string());
        generation.wrapped.insert(next.id().to_string(), HEXLOWER.encode(moved.as_bytes()));
        for folder in backup.generations.iter().filter(|folder| path(folder, generation.number).exists()) {
            generation.keep(folder)?;
        }
    }
    Ok(())
}

/// What `status` says of the keys of backups: a key that lies on one disk is lost with it, and with it all its archives.
pub fn warning(backup: &Backup) -> Option<String> {
    if backup.generations.is_empty() {
        return None;
    }
    let known = match all(backup) {
        Ok(known) => known,
        Err(error) => return Some(format!("backups: {error}")),
    };
    let (number, _) = known.last_key_value()?;
    let holding: Vec<_> = backup.generations.iter().filter(|folder| path(folder, *number).exists()).collect();
    let apart = holding.iter().any(|one| holding.iter().any(|other| matches!(same_file_system(one, other), Ok(false))));
    (!apart)
        .then(|| format!("generation {number} of backups lies on one file system alone: its archives are lost with it"))
}

fn all_or_none(backup: &Backup) -> Result<BTreeMap<u64, Generation>, GenerationError> {
    if backup.generations.is_empty() { Ok(BTreeMap::new()) } else { all(backup) }
}

/// Every generation, with what all folders have of it. A folder that is not there is a disk that is not there, and when it is
/// there again it has not seen the root key that is in force by then.
fn all(backup: &Backup) -> Result<BTreeMap<u64, Generation>, GenerationError> {
    if backup.generations.is_empty() {
        return Err(GenerationError::NoFolder);
    }
    let mut known = BTreeMap::new();
    for folder in &backup.generations {
        let failed = |source| GenerationError::Io { path: folder.clone(), source };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let file = entry.map_err(failed)?;
            let name = file.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok());
            let Some(number) = number else { continue };
            let generation = Generation::read(&file.path(), number)?;
            match known.get_mut(&number) {
                None => drop(known.insert(number, generation)),
                Some(same) if same.id == generation.id => same.wrapped.extend(generation.wrapped),
                Some(_) => return Err(GenerationError::Malformed(file.path())),
            }
        }
    }
    Ok(known)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number}"))
}

impl Generation {
    fn draw(
        number: u64,
        now_ms: u64,
        days: u32,
        root: &RootKey,
    ) -> Result<(Generation, GenerationKey), GenerationError> {
        let id = KeyId::random().map_err(|_| GenerationError::NotDrawn)?;
        let mut generation = Generation {
            format: FORMAT.to_owned(),
            number,
            id: id.to_string(),
            made_ms: now_ms,
            ends_ms: now_ms.saturating_add(u64::from(days) * DAY_MS),
            wrapped: BTreeMap::new(),
        };
        let (key, wrapped) = root.make_generation(&generation.place(root)?).map_err(|_| GenerationError::NotDrawn)?;
        generation.wrapped.insert(root.id().to_string(), HEXLOWER.encode(wrapped.as_bytes()));
        Ok((generation, key))
    }

    fn open(&self, root: &RootKey) -> Result<GenerationKey, GenerationError> {
        let opened = root.open_generation(&self.place(root)?, &self.wrapping(root)?);
        opened.map_err(|_| GenerationError::Unopened(self.number))
    }

    fn place(&self, root: &RootKey) -> Result<Place<'static>, GenerationError> {
        let unopened = || GenerationError::Unopened(self.number);
        Ok(Place {
            kind: KeyKind::Generation,
            controller: "vault",
            category: "backup",
            version: u32::try_from(self.number).map_err(|_| unopened())?,
            id: self.id.parse().map_err(|_| unopened())?,
            wrapped_by: root.id(),
        })
    }

    fn wrapping(&self, root: &RootKey) -> Result<Wrapped, GenerationError> {
        let text = self.wrapped.get(&root.id().to_string());
        let bytes = text.and_then(|text| HEXLOWER.decode(text.as_bytes()).ok());
        let bytes: Option<[u8; WRAPPED_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Wrapped::from_bytes).ok_or(GenerationError::Unopened(self.number))
    }

    fn read(file: &Path, number: u64) -> Result<Generation, GenerationError> {
        let failed = |source| GenerationError::Io { path: file.to_owned(), source };
        let malformed = || GenerationError::Malformed(file.to_owned());
        if file.metadata().map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(malformed());
        }
        let text = std::fs::read(file).map_err(failed)?;
        let read: Generation = serde_json::from_slice(&text).map_err(|_| malformed())?;
        if read.format == FORMAT && read.number == number { Ok(read) } else { Err(malformed()) }
    }

    /// Puts it into a folder, for its owner alone; a reader finds the file of before or this one, whole and synced.
    fn keep(&self, folder: &Path) -> Result<(), GenerationError> {
        let at = path(folder, self.number);
        let failed = |source| GenerationError::Io { path: at.clone(), source };
        if at.exists() && Generation::read(&at, self.number)? == *self {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let new = folder.join(format!(".{PREFIX}{}{NEW_SUFFIX}", self.number));
        let _ = std::fs::remove_file(&new);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&text)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&new, &at)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(failed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use coffer_keys::keyfile;

    use super::*;

    fn root(folder: &Path, name: &str) -> RootKey {
        keyfile::create(folder.join(name)).unwrap()
    }

    fn backup(folder: &Path) -> Backup {
        Backup { generations: vec![folder.join("one"), folder.join("two")], generation_days: 35 }
    }

    fn vouch(key: &GenerationKey) -> [u8; 32] {
        key.vouch(&[1; 16], b"manifest")
    }

    #[test]
    fn a_generation_goes_on_until_it_is_over_and_lies_in_every_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (root, backup) = (root(dir.path(), "root"), backup(dir.path()));
        let (first, key, made) = present(&backup, &root, 1_000).unwrap();
        assert!(made && first.number == 1);
        let (again, same, made) = present(&backup, &root, 35 * DAY_MS).unwrap();
        assert!(!made && again == first && vouch(&same) == vouch(&key));
        let (second, other, made) = present(&backup, &root, 1_000 + 35 * DAY_MS).unwrap();
        assert!(made && second.number == 2 && vouch(&other) != vouch(&key));
        for folder in &backup.generations {
            assert_eq!(path(folder, 1).metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(path(folder, 2).exists());
        }
        std::fs::remove_dir_all(&backup.generations[0]).unwrap();
        assert_eq!(vouch(&numbered(&backup, &root, 1).unwrap()), vouch(&key), "one folder is enough");
        std::fs::remove_dir_all(&backup.generations[1]).unwrap();
        assert!(matches!(numbered(&backup, &root, 1), Err(GenerationError::Missing(1))));
    }

    #[test]
    fn whichever_root_key_is_found_in_force_a_generation_opens() {
        let dir = tempfile::tempdir().unwrap();
        let backup = backup(dir.path());
        let (old, next, third) = (root(dir.path(), "a"), root(dir.path(), "b"), root(dir.path(), "c"));
        let key = vouch(&present(&backup, &old, 0).unwrap().1);
        follow(&backup, &old, &next).unwrap();
        for root in [&old, &next] {
            assert_eq!(vouch(&numbered(&backup, root, 1).unwrap()), key);
        }
        follow(&backup, &next, &third).unwrap();
        assert_eq!(vouch(&numbered(&backup, &third, 1).unwrap()), key);
        assert!(
            matches!(numbered(&backup, &old, 1), Err(GenerationError::Unopened(1))),
            "what is long gone opens nothing"
        );
    }

    #[test]
    fn a_folder_that_was_away_when_the_root_key_changed_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let backup = backup(dir.path());
        let (old, next) = (root(dir.path(), "a"), root(dir.path(), "b"));
        let key = vouch(&present(&backup, &old, 0).unwrap().1);
        let (last, away) = (&backup.generations[1], dir.path().join("away"));
        std::fs::rename(last, &away).unwrap();
        follow(&backup, &old, &next).unwrap();
        std::fs::rename(&away, last).unwrap();
        assert_eq!(vouch(&numbered(&backup, &next, 1).unwrap()), key);
        present(&backup, &next, 0).unwrap();
        std::fs::remove_dir_all(&backup.generations[0]).unwrap();
        assert_eq!(vouch(&numbered(&backup, &next, 1).unwrap()), key, "it has been told by then");
    }

    #[test]
    fn a_file_that_was_changed_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (root, backup) = (root(dir.path(), "root"), backup(dir.path()));
        present(&backup, &root, 0).unwrap();
        let file = path(&backup.generations[1], 1);
        let text = std::fs::read_to_string(&file).unwrap();
        for (from, to) in
            [("\"number\":1", "\"number\":2"), ("generation/1", "generation/2"), ("{\"format", "{\"more\":1,\"format")]
        {
            std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
            assert!(matches!(numbered(&backup, &root, 1), Err(GenerationError::Malformed(_))), "{to}");
        }
    }

    #[test]
    fn one_file_system_is_one_too_few() {
        let dir = tempfile::tempdir().unwrap();
        let (root, backup) = (root(dir.path(), "root"), backup(dir.path()));
        assert_eq!(warning(&backup), None, "nothing is under it yet");
        present(&backup, &root, 0).unwrap();
        assert!(warning(&backup).unwrap().contains("one file system"));
    }
}
