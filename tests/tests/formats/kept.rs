//! A store that is kept: a folder for each format, and what is known of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coffer_tests::harness::{Home, copy_folder};
use serde::{Deserialize, Serialize};

/// What is known of a store, and where it lies.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The store's format.
    pub(crate) format: u32,
    /// The log, as somebody outside knows it.
    pub(crate) log: Log,
    /// What can be read.
    pub(crate) records: Vec<Place>,
    /// What was erased, also from the archive once the kept erasure ledger is applied.
    pub(crate) gone: Vec<Place>,
}

/// What somebody outside remembers of a log.
#[derive(Serialize, Deserialize)]
pub(crate) struct Log {
    /// The public key with which it began.
    pub(crate) key: String,
    /// The last checkpoint.
    pub(crate) checkpoint: String,
}

/// A record, who reads it, and what stands in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) role: String,
    pub(crate) controller: String,
    pub(crate) category: String,
    pub(crate) person: String,
    pub(crate) record: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Kept {
    /// A home of today's certificates around it, which takes nothing away from what is kept.
    pub(crate) fn home(&self) -> Home {
        let mut home = Home::around(&folder(self.format), &self.log.key.parse().unwrap());
        let generations = home.folder().join("generations");
        copy_folder(&folder(self.format).join("generations"), &generations);
        home.reconfigure(|text| format!("{text}\n[backup]\ngenerations = [{generations:?}]\n"));
        home
    }

    /// The archive that was made of it before the last erasure.
    pub(crate) fn archive(&self) -> PathBuf {
        folder(self.format).join("archive")
    }

    /// The certificates that were issued of it.
    pub(crate) fn certificates(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(folder(self.format).join("certificates")).unwrap();
        let files: Vec<_> = files.flatten().map(|file| file.path()).collect();
        assert!(!files.is_empty());
        files
    }
}

/// Every store that is kept, oldest first.
pub(crate) fn all() -> Vec<Kept> {
    let mut kept: Vec<Kept> = (1..=coffer_vault::store::format::FORMAT)
        .filter_map(|format| std::fs::read(folder(format).join("kept.json")).ok())
        .map(|text| serde_json::from_slice(&text).unwrap())
        .collect();
    kept.sort_by_key(|kept| kept.format);
    assert!(!kept.is_empty(), "no store is kept");
    kept
}

/// Where the store of a format lies.
pub(crate) fn folder(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("formats/store-{format}"))
}
