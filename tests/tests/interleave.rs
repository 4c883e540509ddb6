//! Erasing interleaved with reading and writing of the same people, a hundred thousand times, on the
//! real log and the engine in memory. What counts afterwards is the order of the log alone.
//!
//! Each run prints its seed; `COFFER_SEED` repeats its choices (not the scheduling of its threads).
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coffer_keys::row::Row;
use coffer_tests::acts::{Act, Ask, Heard, Place, private_of};
use coffer_tests::near::{Near, Site};
use coffer_vault::jobs::{self, Progress};
use coffer_vault::keyring::record::{State, Use};
use coffer_vault::keyring::{Under, root_rows};
use coffer_vault::ledger::history::History;
use coffer_vault::store::memory::Memory;
use coffer_vault::store::{Engine, Family};
use coffer_wire::Name;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::note::VerifierKey;
use coffer_wire::problem::Code;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::sync::watch;

/// Erases that must be done, over all rounds.
const ERASES: u64 = 100_000;
/// Rounds, each with a vault of its own, so that memory stays small.
const ROUNDS: u64 = 10;
/// People who are written, read and erased all the time. Each has a writer, an eraser and a reader.
const PEOPLE: usize = 8;
/// Records of each.
const RECORDS: [&str; 2] = ["one", "two"];

/// One thing that was done, where it stands in the log.
enum Event {
    Written { place: Place, version: u32, value: String },
    Read { place: Place, version: u32, value: String },
    Erased { place: Place },
}

#[derive(Default)]
struct Told {
    events: Vec<(u64, Event)>,
    busy: u64,
    absent: u64,
}

impl Told {
    fn hear(&mut self, act: &Act, heard: &Heard) {
        let Some(outcome) = &heard.outcome else { panic!("{act:?} was not answered") };
        match (outcome.status, outcome.code) {
            (200, None) => {}
            (_, Some(Code::Busy)) => self.busy += 1,
            (_, Some(Code::NotFound)) => self.absent += 1,
            (status, code) => panic!("{act:?}: {status} {code:?}"),
        }
        if !heard.is_done() {
            return;
        }
        for receipt in heard.receipts() {
            let leaf = Leaf::parse(receipt.leaf.as_deref().unwrap().as_bytes()).unwrap();
            let event = match (act, leaf.action) {
                (Act::Write(place, value, _), _) => {
                    Event::Written { place: place.clone(), version: heard.version().unwrap(), value: value.clone() }
                }
                (Act::Read(place), _) => {
                    let (version, value) = (heard.version().unwrap(), heard.value(place.kind).unwrap());
                    Event::Read { place: place.clone(), version, value }
                }
                (_, Action::RecordsErase | Action::SubjectsErase) => {
                    let Some(record) = private_of(receipt).record else { continue };
                    let kind = usize::from(leaf.category.unwrap().as_str() != "bank");
                    Event::Erased { place: Place::new(kind, act.person(), record.as_str()) }
                }
                _ => continue,
            };
            self.events.push((receipt.index, event));
        }
    }
}

/// A vault of a round.
struct Round {
    vault: Arc<Near>,
    memory: Arc<Memory>,
    key: VerifierKey,
}

impl Round {
    fn new(site: &Site) -> Round {
        let memory = Arc::new(Memory::new());
        let engine: Arc<dyn Engine> = Arc::<Memory>::clone(&memory);
        let key = site.init(&engine).unwrap();
        Round { vault: Arc::new(site.open(&engine).unwrap()), memory, key }
    }

    fn size(&self) -> u64 {
        self.vault.house().ledger().shared().size()
    }

    fn restarts(&self) -> u64 {
        self.vault.house().ledger().shared().restarts()
    }
}

fn seed() -> u64 {
    let given = std::env::var("COFFER_SEED").ok().map(|text| text.parse().unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = given.unwrap_or(now.as_nanos() as u64);
    println!("COFFER_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_stands_after_an_erase_and_no_write_under_a_destroyed_key() {
    let (site, seed) = (Site::new(), seed());
    let started = Instant::now();
    let (mut erases, mut reads, mut writes, mut restarts, mut busy, mut absent) = (0, 0, 0, 0, 0, 0);
    for round in 0..ROUNDS {
        let at = Round::new(&site);
        let told = fight(&at, seed.wrapping_add(round), ERASES / ROUNDS).await;
        let order = in_order(told.events);
        erases += order.values().filter(|event| matches!(event, Event::Erased { .. })).count();
        reads += order.values().filter(|event| matches!(event, Event::Read { .. })).count();
        writes += order.values().filter(|event| matches!(event, Event::Written { .. })).count();
        (restarts, busy, absent) = (restarts + at.restarts(), busy + told.busy, absent + told.absent);
        let last = follow(&order);
        every_granted_read_was_answered(&at, &order);
        what_the_log_says_is_there(&at, &last).await;
        one_key_for_each_person(&at.memory);
    }
    println!(
        "{erases} rows erased among {writes} writes and {reads} reads granted, {absent} refused as absent, {restarts} \
         started again, {busy} told to come again, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(erases as u64 >= ERASES && reads as u64 > ERASES / 4, "{erases} {reads}");
}

/// Rounds in which keys are rotated all the time, and what must be done in each: keys moved, and records erased.
const ROTATED_ROUNDS: u64 = 5;
const ROTATED_ERASES: u64 = 9_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_key_comes_to_lie_under_a_version_behind_its_rotation_and_no_erased_key_comes_back() {
    let (site, seed) = (Site::new(), seed());
    let started = Instant::now();
    let (mut rotations, mut moved, mut made, mut erases, mut restarts) = (0, 0, 0, 0, 0);
    for round in 0..ROTATED_ROUNDS {
        let at = Round::new(&site);
        let end = Arc::new(AtomicBool::new(false));
        let rotating = tokio::spawn(rotate(Arc::clone(&at.vault), Arc::clone(&at.memory), Arc::clone(&end)));
        let told = fight(&at, seed.wrapping_add(round), ROTATED_ERASES).await;
        end.store(true, Ordering::SeqCst);
        let (rounds, keys) = rotating.await.unwrap();
        (rotations, moved, restarts) = (rotations + rounds, moved + keys, restarts + at.restarts());
        let order = in_order(told.events);
        erases += order.values().filter(|event| matches!(event, Event::Erased { .. })).count() as u64;
        made += order.values().filter(|event| matches!(event, Event::Written { version: 1, .. })).count() as u64;
        let last = follow(&order);
        every_granted_read_was_answered(&at, &order);
        what_the_log_says_is_there(&at, &last).await;
        one_key_for_each_person(&at.memory);
        at.vault.house().close();
    }
    let interleavings = moved + made + erases;
    println!(
        "{rotations} rotations moved {moved} keys among {made} first writes and {erases} rows erased, {restarts} started \
         again, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(interleavings >= 100_000 && moved > 1_000, "{interleavings} {moved}");
}

/// Rotates bank details' key and that of the log's private parts again and again, and looks after each time whether anything has
/// come to lie under an old version.
async fn rotate(vault: Arc<Near>, memory: Arc<Memory>, end: Arc<AtomicBool>) -> (u64, u64) {
    let (mut rotations, mut moved) = (0, 0);
    while !end.load(Ordering::SeqCst) {
        for category in ["bank", "audit"] {
            // Of bank details every second one is deep.
            let deep = category == "bank" && rotations % 4 == 0;
            let body = format!(
                r#"{{"controller":"oakvale","category":"{category}","rate":1000000,"deep":{deep},"reason":"again"}}"#
            );
            let (status, answer) = vault.post("security-admin", "/v1/keys/rotate", body).await.unwrap();
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
            rotations += 1;
        }
        loop {
            let jobs = jobs::list(&*memory).unwrap();
            if jobs.iter().all(|job| job.row.progress == Progress::Done) {
                moved = jobs.iter().map(|job| job.row.done).sum();
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        nothing_is_left_behind(&memory);
    }
    (rotations, moved)
}

/// Nobody has gone on to rotate since, so what lies under another version than the active one came there behind a rotation.
fn nothing_is_left_behind(memory: &Memory) {
    let under = Under::count(memory).unwrap();
    for (id, row) in root_rows(memory).unwrap() {
        if row.usage == Use::Category && row.state != State::Active {
            assert_eq!(under.of(&id), 0, "version {} of {} of {}", row.version, row.category, row.controller);
        }
    }
}

/// How far writers and erasers are, so that nobody runs ahead of the others for nothing.
struct Pace {
    written: AtomicU64,
    erased: AtomicU64,
    /// For each person, how often was written: erasers and readers come when there is something new.
    stirred: Vec<watch::Sender<u64>>,
}

impl Pace {
    fn new() -> Pace {
        let stirred = (0..PEOPLE).map(|_| watch::Sender::new(0)).collect();
        Pace { written: AtomicU64::new(0), erased: AtomicU64::new(0), stirred }
    }

    fn erased(&self) -> u64 {
        self.erased.load(Ordering::Relaxed)
    }

    /// Writers wait while they are half as far again as the erasers, all others until the person's
    /// records change. Nobody waits for long: the others may have ended.
    async fn wait(&self, acts: &[Act], seen: &mut watch::Receiver<u64>) {
        const LEAD: u64 = 100;
        const PATIENCE: Duration = Duration::from_millis(20);
        match acts[0] {
            Act::Write(..) if self.written.load(Ordering::Relaxed) > 3 * self.erased() / 2 + LEAD => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Act::Write(..) => {}
            _ => drop(tokio::time::timeout(PATIENCE, seen.changed()).await),
        }
    }

    fn count(&self, person: usize, act: &Act, heard: &Heard) {
        match act {
            Act::Write(..) => {
                self.written.fetch_add(1, Ordering::Relaxed);
                self.stirred[person].send_modify(|count| *count += 1);
            }
            Act::Erase(_) | Act::EraseSubject(_) => {
                let rows = heard.outcome.as_ref().and_then(|outcome| outcome.erased).unwrap_or(0);
                self.erased.fetch_add(rows.into(), Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// Writers, readers and erasers of the same people, until enough was erased.
async fn fight(at: &Round, seed: u64, erases: u64) -> Told {
    let pace = Arc::new(Pace::new());
    let mut tasks = Vec::new();
    for number in 0..3 * PEOPLE {
        let (vault, pace, person) = (Arc::clone(&at.vault), Arc::clone(&pace), number % PEOPLE);
        let mut dice = ChaCha8Rng::seed_from_u64(seed ^ ((number as u64) << 32));
        tasks.push(tokio::spawn(async move {
            let (mut told, mut count, mut seen) = (Told::default(), 0, pace.stirred[person].subscribe());
            while pace.erased() < erases {
                count += 1;
                let acts = choose(number, count, &mut dice);
                pace.wait(&acts, &mut seen).await;
                for (act, heard) in acts.iter().zip(Act::all_on(&acts, &*vault).await) {
                    pace.count(person, act, &heard);
                    told.hear(act, &heard);
                }
            }
            told
        }));
    }
    let mut whole = Told::default();
    for task in tasks {
        let told = task.await.unwrap();
        whole.events.extend(told.events);
        whole.busy += told.busy;
        whole.absent += told.absent;
    }
    whole
}

/// One request: of all records, or an erase of the person or of one record.
fn choose(task: usize, count: u64, dice: &mut ChaCha8Rng) -> Vec<Act> {
    let person = format!("person-{}", task % PEOPLE);
    let place = |record: &str| Place::new(0, &person, record);
    let value = |record: &str| format!("{record} {task} {count}");
    match task / PEOPLE {
        0 => RECORDS.map(|record| Act::Write(place(record), value(record), None)).into(),
        1 => RECORDS.map(|record| Act::Read(place(record))).into(),
        _ if dice.next_u32().is_multiple_of(2) => vec![Act::EraseSubject(person)],
        _ => vec![Act::Erase(place(RECORDS[(dice.next_u32() % 2) as usize]))],
    }
}

fn in_order(events: Vec<(u64, Event)>) -> BTreeMap<u64, Event> {
    let count = events.len();
    let order: BTreeMap<u64, Event> = events.into_iter().collect();
    assert_eq!(order.len(), count, "one leaf was handed out twice");
    order
}

/// Walks the log: every write is the next version of what stands there, every read is of something
/// that was written since the last erase. Answers what is left at the end.
fn follow(order: &BTreeMap<u64, Event>) -> HashMap<Place, Option<(u32, String)>> {
    // What was written since the last erase, by version.
    let mut since: HashMap<Place, Vec<String>> = HashMap::new();
    for (index, event) in order {
        match event {
            Event::Written { place, version, value } => {
                let written = since.entry(place.clone()).or_default();
                written.push(value.clone());
                assert_eq!(written.len() as u32, *version, "leaf {index}: {place:?} skips or repeats a version");
            }
            Event::Erased { place } => {
                let ended = since.insert(place.clone(), Vec::new()).unwrap_or_default();
                assert!(!ended.is_empty(), "leaf {index}: {place:?} was erased and was not there");
            }
            Event::Read { place, version, value } => {
                let written = since.get(place).and_then(|written| written.get(*version as usize - 1));
                assert_eq!(written, Some(value), "leaf {index}: {place:?} was read after its erase");
            }
        }
    }
    let last = |(place, mut written): (Place, Vec<String>)| {
        let version = written.len() as u32;
        (place, written.pop().map(|value| (version, value)))
    };
    since.into_iter().map(last).collect()
}

/// The log grants no read that its caller does not know of.
fn every_granted_read_was_answered(at: &Round, order: &BTreeMap<u64, Event>) {
    let history = History::new(&*at.memory);
    for index in 0..at.size() {
        let leaf = Leaf::parse(&history.leaf(index).unwrap()).unwrap();
        let granted = leaf.action == Action::RecordsRead && leaf.granted.is_some();
        let answered = matches!(order.get(&index), Some(Event::Read { .. }));
        assert_eq!(granted, answered, "leaf {index}");
        assert_eq!(leaf.failed, None, "leaf {index}");
    }
}

async fn what_the_log_says_is_there(at: &Round, last: &HashMap<Place, Option<(u32, String)>>) {
    for (place, state) in last {
        let heard = Act::Read(place.clone()).on(&*at.vault).await;
        let read = heard.version().zip(heard.value(place.kind));
        assert_eq!(read, *state, "{place:?}: {:?}", heard.code());
    }
}

/// All rows of a person lie under one key of the person's own.
fn one_key_for_each_person(memory: &Memory) {
    let bank = Family::Rows(Name::new("bank").unwrap());
    let mut keys: HashMap<Vec<u8>, BTreeSet<String>> = HashMap::new();
    for (at, row) in memory.scan(bank, b"", None, usize::MAX).unwrap() {
        let Ok(row) = Row::parse(&row) else { panic!("a row that is none") };
        keys.entry(at[..16].to_vec()).or_default().insert(row.head.keys[0].to_string());
    }
    assert!(keys.values().all(|keys| keys.len() == 1), "a person has two keys of their own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_erase_in_every_batch_starts_no_other_persons_read_again() {
    const READERS: usize = 8;
    const READS: u64 = 1_000;
    let site = Site::new();
    let at = Round::new(&site);
    for reader in 0..READERS {
        assert!(write(&format!("reader-{reader}"), "one", "to be read").on(&*at.vault).await.is_done());
    }
    for eraser in 0..READERS {
        assert!(write(&format!("victim-{eraser}"), "one", "to be erased").on(&*at.vault).await.is_done());
        assert!(Act::EraseSubject(format!("victim-{eraser}")).on(&*at.vault).await.is_done());
    }
    let before = at.restarts();
    let reading = Arc::new(AtomicU64::new(READERS as u64));
    let mut tasks = Vec::new();
    for number in 0..2 * READERS {
        let (vault, key, reading) = (Arc::clone(&at.vault), at.key.clone(), Arc::clone(&reading));
        tasks.push(tokio::spawn(async move {
            let mut batches = Vec::new();
            let mut note = |act: &Act, heard: &Heard| {
                assert!(heard.is_done(), "{act:?}: {:?}", heard.code());
                batches.push(heard.evidence(act, &key).unwrap()[0].checkpoint.size);
            };
            if number < READERS {
                let act = Act::Read(Place::new(0, &format!("reader-{number}"), "one"));
                for _ in 0..READS {
                    note(&act, &act.on(&*vault).await);
                }
                reading.fetch_sub(1, Ordering::SeqCst);
            } else {
                let person = format!("victim-{}", number - READERS);
                while reading.load(Ordering::SeqCst) > 0 {
                    assert!(write(&person, "one", "to be erased").on(&*vault).await.is_done());
                    let act = Act::EraseSubject(person.clone());
                    note(&act, &act.on(&*vault).await);
                }
            }
            (number < READERS, batches)
        }));
    }
    let (mut reads, mut erases) = (Vec::new(), BTreeSet::new());
    for task in tasks {
        match task.await.unwrap() {
            (true, batches) => reads.extend(batches),
            (false, batches) => erases.extend(batches),
        }
    }
    let beside = reads.iter().filter(|batch| erases.contains(batch)).count();
    println!(
        "{} reads, {beside} of them in one batch with an erase: {} started again",
        reads.len(),
        at.restarts() - before
    );
    assert!(beside > 500, "{beside} reads shared a batch with an erase");
    assert_eq!(at.restarts(), before, "somebody else's erase made a read start again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_first_writes_of_one_person_make_one_key() {
    const RACES: usize = 500;
    let site = Site::new();
    let at = Round::new(&site);
    assert!(write("nobody", "one", "staff is enrolled now").on(&*at.vault).await.is_done());
    let before = at.restarts();
    for race in 0..RACES {
        let person = format!("person-{race}");
        let go = Arc::new(tokio::sync::Barrier::new(RECORDS.len()));
        let tasks = RECORDS.map(|record| {
            let (vault, person, go) = (Arc::clone(&at.vault), person.clone(), Arc::clone(&go));
            tokio::spawn(async move {
                go.wait().await;
                write(&person, record, record).on(&*vault).await
            })
        });
        let mut made = Vec::new();
        for task in tasks {
            let heard = task.await.unwrap();
            assert!(heard.is_done(), "{:?}", heard.code());
            made.push(private_of(&heard.receipts()[0]).made.len());
        }
        made.sort_unstable();
        // The winner makes the person's key and the person's audit key; the loser makes none.
        assert_eq!(made, [0, 2], "race {race}");
        for record in RECORDS {
            let heard = Act::Read(Place::new(0, &person, record)).on(&*at.vault).await;
            assert_eq!(heard.value(0).as_deref(), Some(record));
        }
    }
    one_key_for_each_person(&at.memory);
    println!("{RACES} races of two first writes: {} were lost and started again", at.restarts() - before);
    assert!(at.restarts() > before, "no two writes ever met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_with_expected_versions_lose_nothing() {
    const WRITERS: u32 = 8;
    const WRITES: u32 = 100;
    let site = Site::new();
    let at = Round::new(&site);
    assert!(write("counter", "one", "0").on(&*at.vault).await.is_done());
    let mut tasks = Vec::new();
    for _ in 0..WRITERS {
        let vault = Arc::clone(&at.vault);
        tasks.push(tokio::spawn(async move {
            let place = Place::new(0, "counter", "one");
            let (mut done, mut conflicts) = (0, 0);
            while done < WRITES {
                let heard = Act::Read(place.clone()).on(&*vault).await;
                let (version, count) = (heard.version().unwrap(), heard.value(0).unwrap().parse::<u32>().unwrap());
                let heard = Act::Write(place.clone(), (count + 1).to_string(), Some(version)).on(&*vault).await;
                match heard.code() {
                    None => done += 1,
                    Some(Code::VersionConflict | Code::Busy) => conflicts += 1,
                    Some(other) => panic!("{other}"),
                }
            }
            conflicts
        }));
    }
    let mut conflicts = 0;
    for task in tasks {
        conflicts += task.await.unwrap();
    }
    let heard = Act::Read(Place::new(0, "counter", "one")).on(&*at.vault).await;
    assert_eq!(heard.value(0), Some((WRITERS * WRITES).to_string()));
    assert_eq!(heard.version(), Some(WRITERS * WRITES + 1));
    println!("{} increments by {WRITERS} writers, {conflicts} told of a conflict: none lost", WRITERS * WRITES);
}

fn write(person: &str, record: &str, value: &str) -> Act {
    Act::Write(Place::new(0, person, record), value.to_owned(), None)
}
