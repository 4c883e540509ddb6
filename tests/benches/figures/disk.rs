//! What the disk does by itself, and what a leaf takes on it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, name};
use coffer_vault::ledger::history::leaf_key;
use coffer_vault::store::{Engine, Family};

/// Bytes of the append, about a leaf.
const APPEND_BYTES: usize = 300;

/// Microseconds of one append with fdatasync by one thread, the median over a time.
pub(crate) fn fdatasync_p50_us(folder: &Path, time: Duration) -> f64 {
    let path = folder.join("fdatasync");
    let mut file = File::create(&path).unwrap();
    let mut micros = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let began = Instant::now();
        file.write_all(&[1; APPEND_BYTES]).unwrap();
        file.sync_data().unwrap();
        micros.push(began.elapsed().as_nanos() as f64 / 1e3);
    }
    std::fs::remove_file(path).unwrap();
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// A store of which nothing is left to compact.
pub(crate) struct Compacted {
    bytes: u64,
    leaves: u64,
}

/// Compacts the whole store of a home that no vault serves.
pub(crate) fn compacted(home: &Home) -> Compacted {
    let rocks = home.rocks();
    let rows = Family::Rows(name("bank"));
    for family in [Family::Keys, Family::Leaves, Family::Nodes, Family::Private, Family::Meta, rows] {
        rocks.compact(family).unwrap();
    }
    let leaves = leaves(&rocks);
    rocks.close().unwrap();
    let files = std::fs::read_dir(&home.config.store.data).unwrap().map(|entry| entry.unwrap());
    let tables = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "sst"));
    Compacted { bytes: tables.map(|file| file.metadata().unwrap().len()).sum(), leaves }
}

impl Compacted {
    /// What each leaf since then takes: leaf, private part, hashes, and RocksDB's own.
    pub(crate) fn bytes_per_leaf(&self, later: &Compacted) -> f64 {
        (later.bytes - self.bytes) as f64 / (later.leaves - self.leaves) as f64
    }
}

/// Leaves in the log: they are numbered from 0 without gaps.
fn leaves(engine: &dyn Engine) -> u64 {
    let has = |index: u64| engine.get(Family::Leaves, &leaf_key(index)).unwrap().is_some();
    let mut low = 0;
    let mut high = 1;
    while has(high) {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if has(middle) { low = middle } else { high = middle }
    }
    high
}
