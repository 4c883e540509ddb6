//! Every option given to RocksDB, each with its reason.

use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rocksdb::statistics::StatsLevel;
use rocksdb::{
    BlockBasedOptions, BlockBasedTablePinningTier, BottommostLevelCompaction, Cache, CompactOptions, DBCompressionType,
    DBRecoveryMode, DataBlockIndexType, Options, ReadOptions, ReadTier, WriteBufferManager, WriteOptions,
};

use crate::store::{Batch, StoreError};

const MIB: u64 = 1024 * 1024;

/// Less than this and RocksDB would do nothing but flush.
const MEMORY_BYTES_MIN: u64 = 16 * MIB;

/// What `memory_mib` in coffer.toml stands at when it is left out.
const MEMORY_BYTES_DEFAULT: u64 = 256 * MIB;

/// The part of the memory that rows not yet in table files may take.
const WRITE_PART: u64 = 4;

/// The part of the memory that keeps single rows which were read: found there, a row costs a third of the look through
/// its table.
const ROWS_PART: u64 = 4;

/// The part of the memory at which one family's rows are moved to a table file.
const FAMILY_PART: u64 = 8;

/// RocksDB keeps a log file until every family that has rows in it is flushed. This bounds the log on disk and the
/// time that a start after a kill takes to replay it (about a second for 100 MiB).
const WAL_BYTES_MAX: u64 = 128 * MIB;

/// Table files are handed to the disk in steps of this, so that no sync of the log waits behind a whole file.
const TABLE_SYNC_BYTES: u64 = MIB;

/// Bits of a Bloom filter for each key: one in a hundred absent keys costs a read.
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Table files held open at once. Sockets need the rest of the usual limit of 1,024.
const OPEN_FILES_MAX: i32 = 256;

/// RocksDB's own diary: size of a file in bytes and how many are kept.
const DIARY_BYTES_MAX: usize = 4 * MIB as usize;
const DIARY_FILES_MAX: usize = 4;

/// Bytes that RocksDB adds to each change of a batch, at most, and to the batch.
const CHANGE_BYTES: usize = 24;
const BATCH_BYTES: usize = 12;

/// Only the owner may enter the store's folder.
const FOLDER_MODE: u32 = 0o700;

/// What an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Bytes for cached blocks and for rows not yet in table files, of all families together. At least 16 MiB are
    /// taken.
    pub memory_bytes: u64,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { memory_bytes: MEMORY_BYTES_DEFAULT, durability: Durability::Synced }
    }
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The promise of [`Engine::commit`](crate::store::Engine::commit).
    Synced,
    /// Breaks that promise. Exists for the test which must notice; no configuration reaches it.
    Unsynced,
}

/// Makes the folder of a new store and makes its name durable.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let io = |error: std::io::Error| StoreError::Io { detail: format!("{}: {error}", path.display()) };
    if !path.exists() {
        DirBuilder::new().mode(FOLDER_MODE).create(path).map_err(io)?;
    }
    if path.read_dir().map_err(io)?.next().is_some() {
        return Err(StoreError::Exists { path: path.display().to_string() });
    }
    // An empty one that was there, and whatever the process's mask has left of the mode.
    std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)).map_err(|error| StoreError::Io {
        detail: format!("{}: {error}: it must be this user's own, or not be there", path.display()),
    })?;
    // RocksDB syncs its folder, not the entry of the folder in its parent.
    let absolute = path.canonicalize().map_err(io)?;
    let parent = absolute.parent().unwrap_or(&absolute);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Options of the whole store.
pub(super) fn database(tuning: &Tuning) -> Options {
    let memory = memory_bytes(tuning);
    let mut options = Options::default();
    // RocksDB's default drops acknowledged records behind a flipped byte without a word; this one refuses to open,
    // and still takes the torn last record of an ordinary power loss.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_paranoid_checks(true);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_bytes_per_sync(TABLE_SYNC_BYTES);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_log_file_size(DIARY_BYTES_MAX);
    options.set_keep_log_file_num(DIARY_FILES_MAX);
    // The counters alone, for the one that proves a sync; histograms and timers would cost every read something.
    options.enable_statistics();
    options.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
    share_memory(&mut options, memory);
    options
}

/// Options of each family.
pub(super) fn column(tuning: &Tuning, database: &Options) -> Options {
    let mut options = database.clone();
    options.set_write_buffer_size((memory_bytes(tuning) / FAMILY_PART) as usize);
    // Ciphertext and hashes do not get smaller.
    options.set_compression_type(DBCompressionType::None);
    options
}

/// Options of a write.
pub(super) fn write(tuning: &Tuning) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(tuning.durability == Durability::Synced);
    options
}

/// Options of a read that may go to the disk.
pub(super) fn read() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

/// Options of a read that answers from rows in memory and cached blocks, or not at all.
pub(super) fn read_memory() -> ReadOptions {
    let mut options = read();
    options.set_read_tier(ReadTier::BlockCache);
    options
}

/// Options of a scan under a prefix and behind a key; `None` if no key can be there.
pub(super) fn read_range(prefix: &[u8], after: Option<&[u8]>) -> Option<ReadOptions> {
    let from = match after {
        Some(after) if after >= prefix => [after, &[0]].concat(),
        _ => prefix.to_vec(),
    };
    let to = behind(prefix);
    if to.as_ref().is_some_and(|to| from >= *to) {
        return None;
    }
    let mut options = read();
    options.set_iterate_lower_bound(from);
    if let Some(to) = to {
        options.set_iterate_upper_bound(to);
    }
    Some(options)
}

/// Options of a compaction that leaves no deleted byte behind.
pub(super) fn compaction() -> CompactOptions {
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options
}

/// Bytes that a batch takes in RocksDB's form, so that it is allocated once.
pub(super) fn native_bytes(batch: &Batch) -> usize {
    BATCH_BYTES + batch.bytes() + batch.len() * CHANGE_BYTES
}

/// One budget for all families: a cache of rows that were read, and one of blocks, into which rows not yet in table
/// files are counted. Both hold what the tables hold, sealed.
fn share_memory(options: &mut Options, memory: u64) {
    let rows = memory / ROWS_PART;
    options.set_row_cache(&Cache::new_lru_cache(rows as usize));
    let cache = Cache::new_lru_cache((memory - rows) as usize);
    let part = (memory / WRITE_PART) as usize;
    // No stalling here: a stall would hold the single writer, and RocksDB slows writers of its own accord.
    let stall = false;
    let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(part, stall, cache.clone());
    options.set_write_buffer_manager(&buffers);
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&cache);
    tables.set_cache_index_and_filter_blocks(true);
    // Counted in the budget like all else, and looked up once a table instead of twice a read.
    tables.set_unpartitioned_pinning_tier(BlockBasedTablePinningTier::All);
    // Single rows are asked for far more often than ranges: a block finds them by hash.
    tables.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    tables.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    options.set_block_based_table_factory(&tables);
}

fn memory_bytes(tuning: &Tuning) -> u64 {
    tuning.memory_bytes.max(MEMORY_BYTES_MIN)
}

/// The smallest key greater than every key with this prefix; `None` if there is none such.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}
