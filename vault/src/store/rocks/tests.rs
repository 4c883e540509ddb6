#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

const META: Family = Family::Meta;

/// Commits made before damage is done.
const ROWS: u32 = 200;

/// Where a test that runs itself as a second process finds its store.
const CHILD_STORE: &str = "COFFER_TEST_STORE";

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    (folder, path)
}

fn create(path: &Path) -> Rocks {
    Rocks::create(path, &Tuning::default()).unwrap()
}

fn open(path: &Path) -> Result<Rocks, StoreError> {
    Rocks::open(path, &Tuning::default())
}

/// The refusal to open a store, which has no Debug.
fn refusal(path: &Path) -> StoreError {
    open(path).err().unwrap()
}

fn put(number: u32, value: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(META, number.to_be_bytes(), value);
    batch
}

fn rows(rocks: &Rocks) -> usize {
    rocks.scan(META, b"", None, usize::MAX).unwrap().len()
}

/// A store with `ROWS` acknowledged commits of 100 bytes, left as a kill leaves it: all in the write-ahead log.
fn killed(path: &Path) {
    let rocks = create(path);
    for number in 0..ROWS {
        rocks.commit(&put(number, &[number as u8; 100])).unwrap();
    }
}

/// The files in a store whose names end so, oldest first.
fn files(path: &Path, end: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.to_str().unwrap().ends_with(end)).collect();
    files.sort();
    files
}

/// The write-ahead log that holds the rows.
fn log(path: &Path) -> PathBuf {
    let logs = files(path, ".log");
    logs.into_iter().max_by_key(|log| log.metadata().unwrap().len()).unwrap()
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path, length: usize) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..length]).unwrap();
}

fn length(file: &Path) -> usize {
    file.metadata().unwrap().len() as usize
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_log_is_synced_before_a_commit_returns() {
    let (_folder, path) = place();
    let rocks = create(&path);
    for number in 0..20 {
        let before = rocks.wal_file_synced();
        rocks.commit(&put(number, b"value")).unwrap();
        assert!(rocks.wal_file_synced() > before, "commit {number} returned before a sync");
    }
}

#[test]
fn without_durability_nothing_is_synced_and_the_counter_shows_it() {
    let (_folder, path) = place();
    let tuning = Tuning { durability: Durability::Unsynced, ..Tuning::default() };
    let rocks = Rocks::create(&path, &tuning).unwrap();
    let before = rocks.wal_file_synced();
    for number in 0..20 {
        rocks.commit(&put(number, b"value")).unwrap();
    }
    assert_eq!(rocks.wal_file_synced(), before);
}

#[test]
fn an_acknowledged_row_is_there_after_a_kill() {
    let (_folder, path) = place();
    killed(&path);
    assert_eq!(rows(&open(&path).unwrap()), ROWS as usize);
}

#[test]
fn a_log_torn_in_its_last_record_opens_without_that_record() {
    let (_folder, path) = place();
    killed(&path);
    let log = log(&path);
    cut(&log, length(&log) - 10);
    assert_eq!(rows(&open(&path).unwrap()), ROWS as usize - 1);
}

#[test]
fn a_byte_flipped_anywhere_in_the_log_is_refused() {
    let (_folder, path) = place();
    killed(&path);
    let log = log(&path);
    let whole = length(&log);
    for at in [whole / 10, whole / 2, whole * 9 / 10, whole - 10] {
        flip(&log, at);
        let refusal = refusal(&path);
        assert!(matches!(refusal, StoreError::Corrupt { .. }), "{at}: {refusal:?}");
        flip(&log, at);
    }
    assert_eq!(rows(&open(&path).unwrap()), ROWS as usize, "a refused opening changed the log");
}

/// RocksDB cannot notice these two: this is why the ledger keeps its head outside the store. If it learns to, this
/// fails, and THREATS can say more.
#[test]
fn a_log_cut_between_records_or_deleted_opens_short() {
    let (_folder, path) = place();
    killed(&path);
    let log = log(&path);
    let (first, second) = record_ends(&fs::read(&log).unwrap());
    assert!(first < second);
    cut(&log, second);
    let left = rows(&open(&path).unwrap());
    assert!(left < ROWS as usize, "{left}");

    let (_folder, path) = place();
    killed(&path);
    for log in files(&path, ".log") {
        fs::remove_file(log).unwrap();
    }
    // RocksDB keeps no rows; whether it keeps the families that only the log's folder knew is its affair.
    assert_eq!(rows(&open(&path).unwrap()), 0);
}

/// Where the first two physical records of a write-ahead log end: each is a CRC of 4 bytes, a length of 2
/// (little-endian), a type of 1, then the data.
fn record_ends(log: &[u8]) -> (usize, usize) {
    let end = |start: usize| start + 7 + usize::from(u16::from_le_bytes([log[start + 4], log[start + 5]]));
    (end(0), end(end(0)))
}

#[test]
fn a_byte_flipped_in_a_table_file_is_not_read_as_data() {
    let (_folder, path) = place();
    let rocks = create(&path);
    for number in 0..ROWS {
        rocks.commit(&put(number, &[7; 100])).unwrap();
    }
    rocks.close().unwrap();
    let table = files(&path, ".sst").into_iter().max_by_key(|file| length(file)).unwrap();
    flip(&table, 1_000);
    let read = open(&path).and_then(|rocks| rocks.scan(META, b"", None, usize::MAX));
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

#[test]
fn a_missing_table_file_is_damage() {
    let (_folder, path) = place();
    let rocks = create(&path);
    rocks.commit(&put(1, b"value")).unwrap();
    rocks.close().unwrap();
    for table in files(&path, ".sst") {
        fs::remove_file(table).unwrap();
    }
    assert!(matches!(refusal(&path), StoreError::Corrupt { .. }), "{:?}", refusal(&path));
}

#[test]
fn opening_never_creates_a_store() {
    let (folder, path) = place();
    assert!(matches!(refusal(&path), StoreError::Missing { .. }));
    fs::create_dir(&path).unwrap();
    assert!(matches!(refusal(&path), StoreError::Missing { .. }));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    drop(folder);
}

#[test]
fn creating_never_overwrites() {
    let (folder, path) = place();
    create(&path).close().unwrap();
    let again = Rocks::create(&path, &Tuning::default()).err();
    assert!(matches!(again, Some(StoreError::Exists { .. })));
    let beside = Rocks::create(folder.path(), &Tuning::default()).err();
    assert!(matches!(beside, Some(StoreError::Exists { .. })));
}

#[test]
fn a_column_family_of_another_version_is_refused_by_name() {
    let (_folder, path) = place();
    let rocks = create(&path);
    rocks.db.create_cf("index2", &rocks.column_options).unwrap();
    rocks.close().unwrap();
    assert_eq!(refusal(&path), StoreError::Foreign { column: "index2".into() });
}

#[test]
fn memory_answers_for_fresh_and_for_cached_rows_and_says_when_it_cannot() {
    let (_folder, path) = place();
    let rocks = create(&path);
    rocks.commit(&put(1, b"value")).unwrap();
    let key = 1u32.to_be_bytes();
    let hit = Cached::Hit(Some(b"value".to_vec()));
    assert_eq!(rocks.get_cached(META, &key).unwrap(), hit);
    rocks.close().unwrap();
    let rocks = open(&path).unwrap();
    assert_eq!(rocks.get_cached(META, &key).unwrap(), Cached::Miss);
    rocks.get(META, &key).unwrap();
    assert_eq!(rocks.get_cached(META, &key).unwrap(), hit);
}

#[test]
fn compaction_leaves_no_byte_of_a_deleted_row_in_any_file() {
    const CANARY: &[u8] = b"canary-7f3a91c2";
    let (_folder, path) = place();
    let rocks = create(&path);
    rocks.commit(&put(1, CANARY)).unwrap();
    rocks.flush().unwrap();
    let mut batch = Batch::new();
    batch.delete(META, 1u32.to_be_bytes());
    rocks.commit(&batch).unwrap();
    let holding = || files(&path, "").iter().filter(|file| contains(&fs::read(file).unwrap(), CANARY)).count();
    assert!(holding() > 0, "the search must find what is there");
    rocks.compact(META).unwrap();
    rocks.close().unwrap();
    assert_eq!(holding(), 0);
}

#[test]
fn free_space_is_told() {
    let (_folder, path) = place();
    assert!(create(&path).free_bytes().unwrap().unwrap() > 0);
}

#[test]
fn a_store_open_here_is_locked_there() {
    if let Some(path) = std::env::var_os(CHILD_STORE) {
        assert!(matches!(refusal(Path::new(&path)), StoreError::Locked { .. }));
        return;
    }
    let (_folder, path) = place();
    let _rocks = create(&path);
    assert!(matches!(refusal(&path), StoreError::Locked { .. }), "in the same process");
    let test = "store::rocks::tests::a_store_open_here_is_locked_there";
    let child = Command::new(std::env::current_exe().unwrap()).args(["--exact", test]).env(CHILD_STORE, &path).output();
    let child = child.unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(contains(&child.stdout, b"1 passed"), "the second process ran no test");
}

/// A second process whose files may not grow beyond a limit commits until the disk refuses.
#[test]
fn after_a_failed_write_nothing_more_is_done_and_nothing_acknowledged_is_lost() {
    if let Some(path) = std::env::var_os(CHILD_STORE) {
        return commits_until_refused(Path::new(&path));
    }
    let (folder, path) = place();
    let test = "store::rocks::tests::after_a_failed_write_nothing_more_is_done_and_nothing_acknowledged_is_lost";
    // `ulimit -f` counts in blocks of 512 bytes; without the trap the signal would end the process first.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact \"$1\"";
    let exe = std::env::current_exe().unwrap();
    let mut child = Command::new("sh");
    child.args(["-c", script]).arg(exe).arg(test).env(CHILD_STORE, &path);
    let child = child.output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let acknowledged = fs::read_to_string(folder.path().join("acknowledged")).unwrap();
    let acknowledged: usize = acknowledged.parse().unwrap();
    assert!(acknowledged > 0);
    let kept = rows(&open(&path).unwrap());
    assert!(kept == acknowledged || kept == acknowledged + 1, "{kept} of {acknowledged}");
}

fn commits_until_refused(path: &Path) {
    let rocks = create(path);
    let mut acknowledged = 0;
    let refused = loop {
        match rocks.commit(&put(acknowledged, &[1; 10_000])) {
            Ok(()) => acknowledged += 1,
            Err(refused) => break refused,
        }
    };
    assert!(refused.outcome_unknown(), "{refused:?}");
    assert_eq!(rocks.commit(&put(0, b"")), Err(StoreError::Stopped));
    assert_eq!(rocks.get(META, b""), Err(StoreError::Stopped));
    assert_eq!(rocks.flush(), Err(StoreError::Stopped));
    fs::write(path.with_file_name("acknowledged"), acknowledged.to_string()).unwrap();
}

#[test]
fn the_folder_of_a_new_store_is_for_its_owner_alone_also_where_it_was_there() {
    let (_folder, path) = place();
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    create(&path).close().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_copy_holds_what_was_committed_before_it_and_nothing_that_came_after() {
    let (folder, path) = place();
    let copied = folder.path().join("copy");
    let rocks = create(&path);
    (0..ROWS / 2).for_each(|number| rocks.commit(&put(number, b"in a table")).unwrap());
    rocks.flush().unwrap();
    (ROWS / 2..ROWS).for_each(|number| rocks.commit(&put(number, b"in the log")).unwrap());
    rocks.copy_to(&copied).unwrap();
    rocks.commit(&put(ROWS, b"later")).unwrap();
    let copy = open(&copied).unwrap();
    assert_eq!(rows(&copy), ROWS as usize);
    // Neither writes to the other.
    copy.commit(&put(0, b"changed")).unwrap();
    assert_eq!(rocks.get(META, &0u32.to_be_bytes()).unwrap().as_deref(), Some(&b"in a table"[..]));
    assert_eq!(rows(&rocks), ROWS as usize + 1);
    assert!(rocks.copy_to(&copied).is_err(), "nothing is overwritten");
}

#[test]
fn a_damaged_log_is_opened_before_the_damage_only_on_request() {
    let (_folder, path) = place();
    killed(&path);
    let log = files(&path, ".log").pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, &bytes).unwrap();
    assert!(matches!(refusal(&path), StoreError::Corrupt { .. }));
    let rocks = Rocks::open_before_damage(&path, &Tuning::default()).unwrap();
    let left = rows(&rocks);
    assert!((1..ROWS as usize).contains(&left), "{left} rows");
    // Whole batches, from the first on.
    for number in 0..left as u32 {
        assert_eq!(rocks.get(META, &number.to_be_bytes()).unwrap(), Some(vec![number as u8; 100]));
    }
}
