//! Fifty kills of the real binary, each after at least five hundred operations acknowledged since the
//! last, from eight callers at once, erasures among them. The journal lies outside the home. After each
//! kill nothing acknowledged is lost, nothing erased is back, and every answer given is in the log.
//!
//! Each run prints its seed; `COFFER_SEED` repeats its choices (not when the kills fall).
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coffer_tests::acts::{Act, Ask, Heard, Place};
use coffer_tests::engines::Early;
use coffer_tests::harness::{Home, Process, Raw, STAFF, Serving, binary, controllers};
use coffer_tests::journal::{Findings, Journal};
use coffer_tests::near::Site;
use coffer_tests::outsider::Outsider;
use coffer_vault::jobs::{self, Progress};
use coffer_vault::ledger::head::HeadFile;
use coffer_vault::store::memory::Memory;
use coffer_vault::store::{Engine, Family};
use coffer_wire::Name;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use reqwest::Method;

const KILLS: u32 = 50;
/// Acts that must be done between two kills, at least.
const DONE_BETWEEN: u64 = 500;
/// Callers at once, each with people of its own.
const CALLERS: u64 = 8;
const PEOPLE_OF_EACH: u32 = 5;
const RECORDS: [&str; 3] = ["one", "two", "three"];
/// A vault that does less between two kills has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// One caller's connections, one for each application.
struct Caller {
    staff: HashMap<&'static str, (Raw, String)>,
}

impl Caller {
    fn new(vault: &Process) -> Caller {
        let mut raws: HashMap<&str, Raw> = HashMap::new();
        let staff = STAFF.into_iter().map(|(role, application, _)| {
            let raw = raws.entry(application).or_insert_with(|| vault.raw(application)).clone();
            (role, (raw, vault.token(role, &controllers())))
        });
        Caller { staff: staff.collect() }
    }
}

impl Ask for Caller {
    async fn post(&self, role: &str, path: &str, body: String) -> Option<(u16, Vec<u8>)> {
        let (raw, token) = &self.staff[role];
        let sent = raw.try_send(Method::POST, path, Some(token), Some("application/json"), body.into_bytes());
        sent.await.ok().map(|reply| (reply.status, reply.body))
    }
}

/// What the callers do, until the vault does not answer any more or they are told to end.
async fn work(
    caller: u64,
    vault: Arc<impl Ask>,
    journal: Arc<Mutex<Journal>>,
    mut dice: ChaCha8Rng,
    end: Arc<AtomicBool>,
) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    while !end.load(Ordering::Relaxed) {
        let place = pick(caller, &mut dice);
        let act = match dice.next_u32() % 100 {
            0..40 => {
                let version = journal.lock().unwrap().version(&place).filter(|_| dice.next_u32().is_multiple_of(4));
                Act::Write(place, format!("value {}", COUNT.fetch_add(1, Ordering::Relaxed)), version)
            }
            40..70 => Act::Read(place),
            70..78 => {
                let act = Act::Read(pick(dice.next_u64() % CALLERS, &mut dice));
                let heard = act.on(&*vault).await;
                journal.lock().unwrap().hear_only(&act, &heard);
                if answered(&heard) { continue } else { return }
            }
            78..88 => Act::List { kind: place.kind, person: place.person },
            88..96 => Act::Erase(place),
            _ => Act::EraseSubject(place.person),
        };
        let heard = act.on(&*vault).await;
        journal.lock().unwrap().hear(&act, &heard);
        if !answered(&heard) {
            return;
        }
    }
}

fn answered(heard: &Heard) -> bool {
    heard.outcome.is_some()
}

fn pick(caller: u64, dice: &mut ChaCha8Rng) -> Place {
    let person = format!("caller-{caller}-person-{}", dice.next_u32() % PEOPLE_OF_EACH);
    Place::new((dice.next_u32() % 2) as usize, &person, RECORDS[(dice.next_u32() % 3) as usize])
}

fn seed() -> u64 {
    let given = std::env::var("COFFER_SEED").ok().map(|text| text.parse().unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = given.unwrap_or(now.as_nanos() as u64);
    println!("COFFER_SEED={seed}");
    seed
}

/// Waits until so much more was done.
async fn wait_for_done(journal: &Mutex<Journal>, more: u64) {
    let (before, started) = (journal.lock().unwrap().done(), Instant::now());
    while journal.lock().unwrap().done() < before + more {
        assert!(started.elapsed() < PATIENCE, "the vault does nothing: {:?}", journal.lock().unwrap().findings());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts the callers, each with dice of its own.
fn set_to_work<V: Ask + Send + Sync + 'static>(
    vaults: Vec<Arc<V>>,
    journal: &Arc<Mutex<Journal>>,
    dice: &mut ChaCha8Rng,
    end: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let one = |(caller, vault): (usize, Arc<V>)| {
        let dice = ChaCha8Rng::seed_from_u64(dice.next_u64());
        tokio::spawn(work(caller as u64, vault, Arc::clone(journal), dice, Arc::clone(end)))
    };
    vaults.into_iter().enumerate().map(one).collect()
}

fn alone(journal: Arc<Mutex<Journal>>) -> Journal {
    Arc::try_unwrap(journal).ok().expect("all callers have ended").into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_fifty_kills_nothing_is_lost_and_nothing_is_unlogged() {
    let (seed, started) = (seed(), Instant::now());
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let outside = tempfile::tempdir().unwrap();
    let mut home = Home::by_binary();
    let mut journal = Journal::new(&outside.path().join("journal"), home.log_key.clone());
    let mut outsider = Outsider::new(home.log_key.clone());
    let mut least = u64::MAX;
    for kill in 0..KILLS {
        let vault = Process::start(home, "error");
        let callers = (0..CALLERS).map(|_| Arc::new(Caller::new(&vault))).collect();
        let (before, shared, end) = (journal.done(), Arc::new(Mutex::new(journal)), Arc::new(AtomicBool::new(false)));
        let tasks = set_to_work(callers, &shared, &mut dice, &end);
        wait_for_done(&shared, DONE_BETWEEN + dice.next_u64() % 100).await;
        home = vault.kill();
        for task in tasks {
            task.await.unwrap();
        }
        journal = alone(shared);
        least = least.min(journal.done() - before);
        home = hold(home, &mut journal, &mut outsider).await;
        assert!(journal.findings().is_empty(), "after kill {kill}: {:?}", journal.findings());
    }
    let vault = Process::start(home, "error");
    outsider.read_again(&Caller::new(&vault)).await.unwrap();
    home = vault.terminate().0;
    println!(
        "{KILLS} kills, {} acts done ({least} at least between two), {} of them erases, {} leaves promised of {}: {} ({:.0} s)",
        journal.done(),
        journal.erased(),
        journal.promised(),
        outsider.seen(),
        journal.findings(),
        started.elapsed().as_secs_f64()
    );
    assert!(least >= DONE_BETWEEN);
    checked(&home);
}

/// Starts on what the kill left, and holds it against what the callers and the outsider remember.
async fn hold(home: Home, journal: &mut Journal, outsider: &mut Outsider) -> Home {
    let head = HeadFile::open(&home.config.log.head, false).unwrap().1.unwrap();
    let vault = Process::start(home, "error");
    journal.hold_against(&Caller::new(&vault), outsider).await;
    if let Err(error) = outsider.holds_head(&head) {
        journal.other(format!("the head that the kill left: {error}"));
    }
    vault.kill()
}

/// `coffer-vault check` on what is left at the end: rows, private parts, tree and head agree.
fn checked(home: &Home) {
    let done = Command::new(binary()).arg("check").arg(home.dir()).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "coffer-vault check: {}", String::from_utf8_lossy(&said));
}

/// Kills while keys are moved under a new version, and how many people's keys there are.
const ROTATION_KILLS: u32 = 12;
/// Kills that must fall into deep rotations, in the long run.
const DEEP_KILLS: u32 = 40;
const ROTATED_PEOPLE: u32 = 150;
/// Keys a second: slow enough that kills fall into the middle.
const ROTATION_RATE: u32 = 400;
/// Of deep rotations, which have one key to go through and not two: records a second.
const DEEP_RATE: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_again_and_again_ends_and_everybody_is_read() {
    const ENOUGH: u32 = 3;
    killed_while_rotating(&["bank", "audit"], false, ROTATION_KILLS, ENOUGH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deep_rotation_that_is_killed_again_and_again_ends_and_everybody_is_read() {
    const ENOUGH: u32 = 3;
    killed_while_rotating(&["bank"], true, ROTATION_KILLS, ENOUGH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: `make crash`"]
async fn forty_kills_between_the_first_and_the_last_leaf_of_deep_rotations_lose_nothing() {
    const KILLS_AT_MOST: u32 = 400;
    killed_while_rotating(&["bank"], true, KILLS_AT_MOST, DEEP_KILLS).await;
}

/// Kills the vault while it rotates, until enough of the kills fell between the first and the last leaf of a rotation; rotates
/// again where the one before has ended.
async fn killed_while_rotating(categories: &[&str], deep: bool, kills: u32, enough: u32) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed());
    let mut home = Home::by_binary();
    let vault = Process::start(home, "error");
    let caller = Caller::new(&vault);
    for person in 0..ROTATED_PEOPLE {
        assert!(Act::Write(rotated(person), format!("value {person}"), None).on(&caller).await.is_done());
    }
    home = vault.kill();
    let rate = if deep { DEEP_RATE } else { ROTATION_RATE };
    let (mut in_the_middle, mut rotations, mut killed) = (0, 0, 0);
    while killed < ROTATION_KILLS || (killed < kills && in_the_middle < enough) {
        let vault = Process::start(home, "error");
        let caller = Caller::new(&vault);
        // One that is under way is not begun again.
        for category in categories {
            let body = format!(
                r#"{{"controller":"oakvale","category":"{category}","rate":{rate},"deep":{deep},"reason":"kill {killed}"}}"#
            );
            let (status, _) = caller.post("security-admin", "/v1/keys/rotate", body).await.unwrap();
            assert!([200, 409].contains(&status), "{status}");
            rotations += u32::from(status == 200);
        }
        tokio::time::sleep(Duration::from_millis(dice.next_u64() % 400)).await;
        everybody_is_read(&caller).await;
        home = vault.kill();
        killed += 1;
        let under_way = |job: &jobs::Read| job.row.progress == Progress::Running && job.row.done > 0;
        let left = jobs::list(&home.rocks()).unwrap();
        in_the_middle += u32::from(left.iter().any(under_way));
    }
    let vault = Process::start(home, "error");
    let caller = Caller::new(&vault);
    let started = Instant::now();
    loop {
        let (status, answer) = caller.post("security-admin", "/v1/keys/jobs", "{}".to_owned()).await.unwrap();
        assert_eq!(status, 200);
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        if answer["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "done") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    everybody_is_read(&caller).await;
    home = vault.terminate().0;
    println!("{rotations} rotations (deep: {deep}), {killed} kills, {in_the_middle} of them while keys were moved");
    assert!(in_the_middle >= enough, "the kills fell beside the rotations");
    checked(&home);
}

fn rotated(person: u32) -> Place {
    Place::new(0, &format!("person-{person}"), "one")
}

async fn everybody_is_read(caller: &Caller) {
    for person in 0..ROTATED_PEOPLE {
        let heard = Act::Read(rotated(person)).on(caller).await;
        assert_eq!(heard.value(0), Some(format!("value {person}")), "{:?}", heard.code());
    }
}

/// The same callers and the same check, over an engine that answers before it commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_answers_before_it_commits_fails_this_check() {
    let mut dice = ChaCha8Rng::seed_from_u64(seed());
    let outside = tempfile::tempdir().unwrap();
    let site = Site::new();
    let disk = Arc::new(Memory::new());
    let whole: Arc<dyn Engine> = Arc::<Memory>::clone(&disk);
    let key = site.init(&whole).unwrap();
    let (head, erasures) = (site.head_bytes(), site.erasures_bytes());
    let families = ["bank", "care", "complaints", "debts"].map(|name| Family::Rows(Name::new(name).unwrap()));
    let early: Arc<dyn Engine> = Arc::new(Early::over(Arc::clone(&disk), &families));

    let vault = Arc::new(site.open(&early).unwrap());
    let journal = Arc::new(Mutex::new(Journal::new(&outside.path().join("journal"), key.clone())));
    let end = Arc::new(AtomicBool::new(false));
    let callers = (0..CALLERS).map(|_| Arc::clone(&vault)).collect();
    let tasks = set_to_work(callers, &journal, &mut dice, &end);
    wait_for_done(&journal, DONE_BETWEEN).await;
    end.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    drop((vault, early));
    // Every head that the vault wrote is behind the store or names it; only the callers know better.
    site.put_head(&head);
    site.put_erasures(&erasures);
    let mut journal = alone(journal);
    assert!(journal.findings().is_empty(), "before the kill: {:?}", journal.findings());
    journal.hold_against(&site.open(&whole).unwrap(), &mut Outsider::new(key)).await;
    let Findings { unlogged, .. } = journal.findings();
    println!("noticed: {}", journal.findings());
    assert!(!unlogged.is_empty(), "a vault that answers before it commits was not noticed");
}
