//! What somebody does who has the files of a stopped vault and none of its keys. RocksDB sums anew whatever is put into
//! it, so that nothing but Coffer itself can notice.

use std::fs;
use std::io;
use std::path::Path;

use coffer_vault::config::Config;
use coffer_vault::store::{Batch, Engine, Family, StoreError};
use coffer_wire::leaf::{Action, Leaf};

use super::Failure;
use crate::commands::open;

/// Copies a stopped home, with all that is in it.
pub fn copy_home(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            true => copy_home(&path, &target)?,
            false => fs::copy(&path, &target).map(|_| ())?,
        }
    }
    Ok(())
}

/// Turns a bit of the last value of the first record of a category. Says whether there was one.
pub fn turn_a_bit(config: &Config, rows: Family) -> Result<bool, Failure> {
    let store = open::store(config)?;
    let Some((key, mut row)) = store.scan(rows, b"", None, 1).map_err(failed)?.pop() else { return Ok(false) };
    if let Some(last) = row.last_mut() {
        *last ^= 1;
    }
    put(&*store, rows, key, row).map(|()| true)
}

/// Makes the first refused read look like one that was granted. Says which leaf that is.
pub fn forge_a_grant(config: &Config) -> Result<Option<u64>, Failure> {
    let store = open::store(config)?;
    let leaves = store.scan(Family::Leaves, b"", None, usize::MAX).map_err(failed)?;
    let refused = |bytes: &[u8]| {
        let leaf = Leaf::parse(bytes).ok().filter(|leaf| leaf.action == Action::RecordsRead)?;
        leaf.refused
    };
    let found = leaves.into_iter().find_map(|(key, bytes)| refused(&bytes).map(|code| (key, bytes, code)));
    let Some((key, bytes, code)) = found else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let forged = text.replacen(&format!(r#""refused":"{code}""#), r#""granted":"rents-bank-clear""#, 1);
    let index = key.as_slice().try_into().ok().map(u64::from_be_bytes);
    put(&*store, Family::Leaves, key, forged.into_bytes())?;
    Ok(index)
}

fn put(store: &dyn Engine, family: Family, key: Vec<u8>, value: Vec<u8>) -> Result<(), Failure> {
    let mut batch = Batch::new();
    batch.put(family, key, value);
    store.commit(&batch).map_err(failed)
}

fn failed(error: StoreError) -> Failure {
    Failure::config(error)
}
