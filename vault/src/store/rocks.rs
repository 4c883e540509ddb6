//! RocksDB behind the seam.
//!
//! What it is trusted with: atomic synced batches and refusing bytes that changed. What it is not: noticing that a
//! whole tail of its log is gone, or that an old copy was put back. That is for the head kept outside the store.

mod error;
mod options;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coffer_wire::Name;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::properties::BACKGROUND_ERRORS;
use rocksdb::statistics::Ticker;
use rocksdb::{
    BoundColumnFamily, ColumnFamilyDescriptor, DBRecoveryMode, DBWithThreadMode, ErrorKind, FlushOptions, IteratorMode,
    MultiThreaded, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::{Batch, Cached, Engine, Family, StoreError};
pub use options::{Durability, Tuning};

/// RocksDB always has this column family; nothing is put in it.
const DEFAULT_COLUMN: &str = "default";

/// Exists in every RocksDB folder and names its manifest.
const CURRENT_FILE: &str = "CURRENT";

/// How long files of before may stay, and how often is looked.
const LINGER_MAX: Duration = Duration::from_secs(10);
const LINGER_PAUSE: Duration = Duration::from_millis(20);

type Db = DBWithThreadMode<MultiThreaded>;

/// An open RocksDB store. Its lock on the folder is held until the value is dropped.
pub struct Rocks {
    db: Db,
    path: PathBuf,
    /// The families that exist; held while one is created.
    families: Mutex<Vec<Family>>,
    options: Options,
    column_options: Options,
    write: WriteOptions,
    read: ReadOptions,
    read_memory: ReadOptions,
    stopped: AtomicBool,
}

impl Rocks {
    /// Opens the store in a folder. Never creates one.
    ///
    /// Errors: [`Missing`](StoreError::Missing), [`Locked`](StoreError::Locked), [`Corrupt`](StoreError::Corrupt),
    /// [`Foreign`](StoreError::Foreign), [`Io`](StoreError::Io). A log torn in its last record, as a power loss
    /// leaves it, opens without that record, which was not acknowledged.
    pub fn open(path: &Path, tuning: &Tuning) -> Result<Rocks, StoreError> {
        if !path.join(CURRENT_FILE).exists() {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        Rocks::open_columns(path, tuning, options::database(tuning))
    }

    /// Opens the store of a folder whose write-ahead log is damaged, with what stands before the damage: what was committed
    /// behind it is lost, in whole batches. For a copy that is to be compared with the head, and for nothing else.
    pub fn open_before_damage(path: &Path, tuning: &Tuning) -> Result<Rocks, StoreError> {
        let mut options = options::database(tuning);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        Rocks::open_columns(path, tuning, options)
    }

    /// Makes a new store in a folder that does not exist yet or is empty, and opens it.
    ///
    /// The folder is made readable for its owner alone. Its parent must exist.
    pub fn create(path: &Path, tuning: &Tuning) -> Result<Rocks, StoreError> {
        options::make_folder(path)?;
        let mut options = options::database(tuning);
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        Rocks::open_columns(path, tuning, options)
    }

    /// How often the write-ahead log was synced since the store was opened. Rises with each commit, before it
    /// returns, unless [`Durability::Unsynced`].
    pub fn wal_file_synced(&self) -> u64 {
        self.options.get_ticker_count(Ticker::WalFileSynced)
    }

    /// Moves all that is in memory to table files, so that the write-ahead log can be retired. Blocks.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.running()?;
        let families = self.known().clone();
        let columns = families.iter().map(|family| self.column(*family));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<_> = columns.iter().collect();
        let flushed = self.db.flush_cfs_opt(&columns, &FlushOptions::default());
        flushed.map_err(|error| self.stop(error))
    }

    /// Rewrites all table files of a family, so that the bytes of deleted and overwritten rows are in none of
    /// them. Blocks; reads and rewrites the whole family.
    pub fn compact(&self, family: Family) -> Result<(), StoreError> {
        self.flush()?;
        let errors_before = self.background_errors()?;
        let column = self.column(family)?;
        let whole = None::<&[u8]>;
        self.db.compact_range_cf_opt(&column, whole, whole, &options::compaction());
        // RocksDB's C interface drops the error of a compaction; the counter keeps it.
        if self.background_errors()? == errors_before {
            Ok(())
        } else {
            let detail = format!("compaction of `{family}` failed; see the file LOG in the store");
            Err(StoreError::Io { detail })
        }
    }

    /// Writes the table files of these families anew, and answers once no file that was there before is: none of those
    /// tables, and no write-ahead log. Then no byte of what was deleted before is in any file. Blocks.
    pub fn write_anew(&self, families: &[Family]) -> Result<(), StoreError> {
        let logs = self.files("log")?;
        for family in families {
            self.compact(*family)?;
        }
        // They go in RocksDB's own time, once nobody reads them any more.
        let started = Instant::now();
        while self.lingers(&logs)? {
            if started.elapsed() > LINGER_MAX {
                return Err(StoreError::Io { detail: "files of before are still held".into() });
            }
            std::thread::sleep(LINGER_PAUSE);
        }
        Ok(())
    }

    /// Whether one of these logs is there, or a table that is no part of the store any more.
    fn lingers(&self, logs: &[PathBuf]) -> Result<bool, StoreError> {
        let live = self.db.live_files().map_err(|error| error::reading(&error))?;
        let is_live = |path: &Path| live.iter().any(|file| path.ends_with(file.name.trim_start_matches('/')));
        let tables = self.files("sst")?;
        Ok(logs.iter().any(|log| log.exists()) || tables.iter().any(|table| !is_live(table)))
    }

    fn files(&self, ending: &str) -> Result<Vec<PathBuf>, StoreError> {
        let io = |error: std::io::Error| StoreError::Io { detail: error.to_string() };
        let all = self.path.read_dir().map_err(io)?.map(|entry| entry.map(|entry| entry.path()));
        let mut all = all.collect::<Result<Vec<_>, _>>().map_err(io)?;
        all.retain(|path| path.extension().is_some_and(|extension| extension == ending));
        Ok(all)
    }

    /// The categories that have rows here, whichever schema is in force.
    pub fn categories(&self) -> Vec<Name> {
        let category = |family: &Family| match family {
            Family::Rows(category) => Some(*category),
            _ => None,
        };
        self.known().iter().filter_map(category).collect()
    }

    /// Flushes, stops background work and lets go of the folder. A value that is only dropped loses nothing either:
    /// its next opening replays the log.
    pub fn close(self) -> Result<(), StoreError> {
        self.flush()?;
        self.db.cancel_all_background_work(true);
        Ok(())
    }

    /// Puts a copy of the store as it is now into a folder that must not exist, whatever is written meanwhile: linked
    /// where the file system is the same, but for the write-ahead log. Opened, it holds all that was committed before.
    pub fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        self.running()?;
        let checkpoint = Checkpoint::new(&self.db).map_err(|error| error::reading(&error))?;
        // Never a flush: who writes meanwhile need not wait for one.
        checkpoint.create_checkpoint_with_log_size(folder, u64::MAX).map_err(|error| error::reading(&error))
    }

    fn open_columns(path: &Path, tuning: &Tuning, options: Options) -> Result<Rocks, StoreError> {
        let column_options = options::column(tuning, &options);
        let families = stored_families(path, &options)?;
        let columns = families.iter().map(Family::column).chain([DEFAULT_COLUMN.into()]);
        let columns = columns.map(|name| ColumnFamilyDescriptor::new(name, column_options.clone()));
        let db = Db::open_cf_descriptors(&options, path, columns).map_err(|error| error::opening(path, &error))?;
        let rocks = Rocks {
            db,
            path: path.to_path_buf(),
            families: Mutex::new(families),
            options,
            column_options,
            write: options::write(tuning),
            read: options::read(),
            read_memory: options::read_memory(),
            stopped: AtomicBool::new(false),
        };
        rocks.ensure(&Family::FIXED)?;
        Ok(rocks)
    }

    fn running(&self) -> Result<(), StoreError> {
        if self.stopped.load(Ordering::Acquire) { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// After a failed write nobody knows what the disk holds: refuses all further work.
    fn stop(&self, error: rocksdb::Error) -> StoreError {
        self.stopped.store(true, Ordering::Release);
        error::writing(&error)
    }

    fn known(&self) -> MutexGuard<'_, Vec<Family>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn column(&self, family: Family) -> Result<Arc<BoundColumnFamily<'_>>, StoreError> {
        self.db.cf_handle(&family.column()).ok_or(StoreError::NoFamily { family })
    }

    fn background_errors(&self) -> Result<u64, StoreError> {
        let count = self.db.property_int_value(BACKGROUND_ERRORS);
        Ok(count.map_err(|error| error::reading(&error))?.unwrap_or(0))
    }

    fn native(&self, batch: &Batch) -> Result<WriteBatch, StoreError> {
        let mut native = WriteBatch::with_capacity_bytes(options::native_bytes(batch));
        // A batch names few families in many changes, and each look-up of a column takes a lock.
        let mut columns: Vec<(Family, Arc<BoundColumnFamily<'_>>)> = Vec::new();
        for change in batch.iter() {
            let known = columns.iter().position(|(family, _)| *family == change.family);
            let place = match known {
                Some(place) => place,
                None => {
                    columns.push((change.family, self.column(change.family)?));
                    columns.len() - 1
                }
            };
            let column = &columns[place].1;
            match &change.value {
                Some(value) => native.put_cf(column, &change.key, value),
                None => native.delete_cf(column, &change.key),
            }
        }
        Ok(native)
    }
}

impl Engine for Rocks {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.running()?;
        let column = self.column(family)?;
        let found = self.db.get_cf_opt(&column, key, &self.read);
        found.map_err(|error| error::reading(&error))
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        self.running()?;
        let column = self.column(family)?;
        match self.db.get_cf_opt(&column, key, &self.read_memory) {
            Ok(found) => Ok(Cached::Hit(found)),
            Err(error) if error.kind() == ErrorKind::Incomplete => Ok(Cached::Miss),
            Err(error) => Err(error::reading(&error)),
        }
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.running()?;
        let column = self.column(family)?;
        let Some(bounds) = options::read_range(prefix, after) else {
            return Ok(Vec::new());
        };
        let rows = self.db.iterator_cf_opt(&column, bounds, IteratorMode::Start);
        let rows = rows.take(limit).map(|row| {
            let (key, value) = row.map_err(|error| error::reading(&error))?;
            Ok((key.into_vec(), value.into_vec()))
        });
        rows.collect()
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.running()?;
        let native = self.native(batch)?;
        self.db.write_opt(native, &self.write).map_err(|error| self.stop(error))
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.running()?;
        let mut known = self.known();
        for family in families {
            if !known.contains(family) {
                let created = self.db.create_cf(family.column(), &self.column_options);
                created.map_err(|error| self.stop(error))?;
                known.push(*family);
            }
        }
        Ok(())
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        let disk = rustix::fs::statvfs(&self.path).map_err(|error| StoreError::Io { detail: error.to_string() })?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
}

/// The families that the manifest names. None where no store is yet.
fn stored_families(path: &Path, options: &Options) -> Result<Vec<Family>, StoreError> {
    if !path.join(CURRENT_FILE).exists() {
        return Ok(Vec::new());
    }
    let columns = Db::list_cf(options, path).map_err(|error| error::opening(path, &error))?;
    let columns = columns.into_iter().filter(|column| column != DEFAULT_COLUMN);
    columns.map(|column| Family::of_column(&column).ok_or(StoreError::Foreign { column })).collect()
}
