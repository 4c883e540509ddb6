//! Nothing is answered before it is on the disk, and a vault that cannot write releases nothing: the
//! count of RocksDB's own syncs, commits that fail, a real process whose disk takes nothing more, and a
//! head that cannot be written.
#![allow(clippy::unwrap_used)]

use std::io::{Seek, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coffer_tests::acts::{Act, Heard, Place};
use coffer_tests::harness::{Home, Process, Serving, Store, binary};
use coffer_tests::near::{Near, Site};
use coffer_vault::store::memory::{Fault, Memory};
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use coffer_vault::store::{Batch, Cached, Engine, Family, StoreError};
use coffer_wire::note::VerifierKey;
use coffer_wire::problem::Code;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

/// A process whose log cannot be written ends within this.
const END_WITHIN: Duration = Duration::from_secs(1);
/// The head may be late by this.
const HEAD_LATE: Duration = Duration::from_secs(10);

/// RocksDB, with a note of how many syncs there had been when each leaf was handed to it.
struct Watched {
    rocks: Rocks,
    handed: Mutex<Vec<(u64, u64)>>,
}

impl Watched {
    fn open(home: &Home, durability: Durability) -> Watched {
        let tuning = Tuning { durability, ..Tuning::default() };
        Watched { rocks: Rocks::open(&home.config.store.data, &tuning).unwrap(), handed: Mutex::new(Vec::new()) }
    }

    /// Whether RocksDB has synced since it was handed this leaf.
    fn has_synced_since(&self, leaf: u64) -> bool {
        let handed = self.handed.lock().unwrap();
        let (_, syncs) = handed.iter().find(|(handed, _)| *handed == leaf).unwrap();
        self.rocks.wal_file_synced() > *syncs
    }
}

impl Engine for Watched {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rocks.get(family, key)
    }

    fn get_cached(&self, family: Family, key: &[u8]) -> Result<Cached, StoreError> {
        self.rocks.get_cached(family, key)
    }

    fn scan(
        &self,
        family: Family,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.rocks.scan(family, prefix, after, limit)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let leaves = batch.iter().filter(|change| change.family == Family::Leaves);
        let syncs = self.rocks.wal_file_synced();
        let leaves = leaves.map(|change| (u64::from_be_bytes(change.key.as_slice().try_into().unwrap()), syncs));
        self.handed.lock().unwrap().extend(leaves);
        self.rocks.commit(batch)
    }

    fn ensure(&self, families: &[Family]) -> Result<(), StoreError> {
        self.rocks.ensure(families)
    }

    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.rocks.free_bytes()
    }
}

fn write(record: &str, value: &str) -> Act {
    Act::Write(Place::new(0, "ada", record), value.to_owned(), None)
}

fn read(record: &str) -> Act {
    Act::Read(Place::new(0, "ada", record))
}

fn list() -> Act {
    Act::List { kind: 0, person: "ada".into() }
}

/// One act after the other, so that each sync can only be its own. Answers how many leaves were
/// released, and how many of them after a sync.
async fn released_and_synced(durability: Durability) -> (usize, usize) {
    let home = Home::new(Store::Rocks);
    let watched = Arc::new(Watched::open(&home, durability));
    let engine: Arc<dyn Engine> = Arc::<Watched>::clone(&watched);
    let vault = Near::over(&home, &engine).unwrap();
    let (mut released, mut synced) = (0, 0);
    for round in 0..20 {
        let acts = [
            write("one", &format!("one {round}")),
            write("two", "two"),
            read("one"),
            list(),
            read("never"),
            Act::Erase(Place::new(0, "ada", "two")),
            Act::EraseSubject("ada".into()),
        ];
        for act in acts {
            let heard = act.on(&vault).await;
            let arrived = heard.evidence(&act, &home.log_key).unwrap();
            assert!(!arrived.is_empty(), "{act:?}: {:?}", heard.code());
            released += arrived.len();
            synced += arrived.iter().filter(|evidence| watched.has_synced_since(evidence.index)).count();
        }
    }
    (released, synced)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rocksdb_has_synced_each_leaf_before_it_is_answered() {
    let (released, synced) = released_and_synced(Durability::Synced).await;
    println!("{synced} of {released} leaves were synced before their answer");
    assert_eq!(synced, released);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_with_sync_off_fails_this_check() {
    let (released, synced) = released_and_synced(Durability::Unsynced).await;
    println!("{synced} of {released} leaves were synced before their answer");
    assert!(synced < released, "a vault that does not sync was not noticed");
}

/// A vault in memory with a record and the staff known, so that an act is one commit.
async fn settled(site: &Site) -> (Near, Arc<Memory>, VerifierKey) {
    let memory = Arc::new(Memory::new());
    let engine: Arc<dyn Engine> = Arc::<Memory>::clone(&memory);
    let key = site.init(&engine).unwrap();
    let vault = site.open(&engine).unwrap();
    for act in [write("one", "before"), write("two", "before"), Act::Erase(Place::new(0, "ada", "two"))] {
        assert!(act.on(&vault).await.is_done());
    }
    (vault, memory, key)
}

fn assert_unreleased(act: &Act, heard: &Heard, code: Code) {
    let outcome = heard.outcome.as_ref().unwrap();
    assert_eq!((outcome.status, outcome.code), (503, Some(code)), "{act:?}");
    assert!(outcome.fields.is_none() && outcome.records.is_none() && outcome.receipts.is_empty(), "{act:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_releases_nothing_and_ends_the_vault() {
    let site = Site::new();
    let acts = [
        (read("one"), Code::LogUnwritable),
        (list(), Code::LogUnwritable),
        (read("never"), Code::LogUnwritable),
        (write("one", "after"), Code::OutcomeUnknown),
        (Act::Erase(Place::new(0, "ada", "one")), Code::OutcomeUnknown),
        (Act::EraseSubject("ada".into()), Code::OutcomeUnknown),
    ];
    for (act, code) in &acts {
        for fault in [Fault::Failed, Fault::FailedButKept] {
            let (vault, memory, _) = settled(&site).await;
            memory.fault_next(fault);
            let started = Instant::now();
            assert_unreleased(act, &act.on(&vault).await, *code);
            // Nothing more is taken, of whatever kind: and of these it is known that nothing was kept.
            for (later, _) in &acts {
                assert_unreleased(later, &later.on(&vault).await, Code::LogUnwritable);
            }
            while !vault.house().ledger().shared().has_failed() {
                assert!(started.elapsed() < END_WITHIN, "{act:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(vault);
            memory.lose_power();
            let engine: Arc<dyn Engine> = memory;
            let vault = site.open(&engine).unwrap();
            let kept = fault == Fault::FailedButKept;
            let seen = read("one").on(&vault).await;
            let expected = match act {
                Act::Write(..) if kept => Some("after"),
                Act::Erase(_) | Act::EraseSubject(_) if kept => None,
                _ => Some("before"),
            };
            assert_eq!(seen.value(0).as_deref(), expected, "{act:?}, {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_disk_takes_nothing_more_releases_nothing_and_ends_within_a_second() {
    let home = Home::by_binary();
    // A write over the limit is then an error and no signal.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(binary());
    let mut vault = Process::start_by(shell, home, "error");
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "ada", "one", json!({ "account_name": "before" })).await.granted();
    officer.read("bank", "ada", "one", &["account_name"]).await.granted();

    let pid = Pid::from_raw(i32::try_from(vault.id()).unwrap()).unwrap();
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: Some(0), maximum: None }).unwrap();
    let started = Instant::now();
    let refused = officer.read("bank", "ada", "one", &["account_name"]).await;
    assert!(!String::from_utf8_lossy(&refused.body).contains("before"), "{refused}");
    refused.refused(503, "log_unwritable");
    let status = vault.wait(END_WITHIN).expect("it still runs");
    let took = started.elapsed();
    let said = String::from_utf8_lossy(&vault.said()).into_owned();
    println!("ended after {took:?} with {status}: {}", said.lines().last().unwrap_or_default());
    assert!(!status.success() && status.code().is_some(), "{status}: {said}");
    assert!(said.contains("the log cannot be written"), "{said}");

    let vault = Process::start(vault.kill(), "error");
    let officer = vault.staff("bank-officer", "oakvale");
    let reply = officer.read("bank", "ada", "one", &["account_name"]).await.granted();
    assert_eq!(reply.item(0)["fields"]["account_name"], "before");
}

/// The head lies in a file that can be sealed against writing while the vault has it open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_ten_seconds_late_ends_all_grants() {
    let mut site = Site::new();
    let memory = Arc::new(Memory::new());
    let engine: Arc<dyn Engine> = Arc::<Memory>::clone(&memory);
    let key = site.init(&engine).unwrap();
    let sealable = memfd_create("head", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC).unwrap();
    let mut sealable = std::fs::File::from(sealable);
    sealable.write_all(&site.head_bytes()).unwrap();
    sealable.rewind().unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&sealable));
    site.reconfigure(|text| text.replace("head = \"head\"", &format!("head = \"{path}\"")));
    assert_eq!(site.home().config.log.head.display().to_string(), path);

    let vault = site.open(&engine).unwrap();
    assert!(write("one", "before").on(&vault).await.is_done());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let shared = vault.house().ledger().shared();
    assert!(shared.head_age() < Duration::from_secs(1), "{:?}", shared.head_age());
    fcntl_add_seals(&sealable, SealFlags::WRITE).unwrap();

    let started = Instant::now();
    let mut granted = 0;
    let refused = loop {
        let heard = read("one").on(&vault).await;
        if !heard.is_done() {
            break heard;
        }
        heard.evidence(&read("one"), &key).unwrap();
        granted += 1;
        assert!(started.elapsed() < HEAD_LATE + Duration::from_secs(2), "grants go on without a head");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    println!("{granted} grants in {:?}, then head_late", started.elapsed());
    assert!(started.elapsed() >= HEAD_LATE);
    assert_unreleased(&read("one"), &refused, Code::HeadLate);
    for act in [write("one", "after"), list(), Act::EraseSubject("ada".into()), read("never")] {
        assert_unreleased(&act, &act.on(&vault).await, Code::HeadLate);
    }
    assert!(!shared.has_failed(), "a late head is no failed log");
}
