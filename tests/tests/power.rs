//! The power fails after every commit of a scripted life, in each way in which a commit can go wrong,
//! with the head outside as far behind as it may be or not at all. Whatever was acknowledged is there
//! afterwards, whatever was released is in the log, and the vault opens.
//!
//! Two vaults that break their promise stand at the end: one whose commits return before they are
//! synced, one that answers before it commits. The same check must tell of both.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::acts::{Act, Place};
use coffer_tests::engines::Early;
use coffer_tests::journal::{Findings, Journal};
use coffer_tests::near::{Near, Site};
use coffer_tests::outsider::Outsider;
use coffer_vault::serve::HouseError;
use coffer_vault::store::memory::{Fault, Memory};
use coffer_vault::store::{Engine, Family};
use coffer_wire::Name;
use coffer_wire::note::VerifierKey;

/// What happens in the scripted life.
enum Scene {
    Act(Act),
    /// Stopped by the operator and started again.
    Restart,
}

fn script() -> Vec<Scene> {
    let at = |kind, person: &str, record: &str| Place::new(kind, person, record);
    let write = |place: Place, value: &str| Scene::Act(Act::Write(place, value.to_owned(), None));
    let read = |place| Scene::Act(Act::Read(place));
    let list = |kind, person: &str| Scene::Act(Act::List { kind, person: person.to_owned() });
    let ada = |record| at(0, "ada", record);
    vec![
        write(ada("main"), "ada 1"),
        write(ada("old"), "ada old 1"),
        write(ada("spare"), "ada spare 1"),
        write(at(1, "ada", "loan"), "ada loan 1"),
        write(at(0, "ben", "main"), "ben 1"),
        read(ada("main")),
        write(ada("main"), "ada 2"),
        Scene::Act(Act::Write(ada("spare"), "ada spare 2".into(), Some(1))),
        Scene::Act(Act::Write(ada("spare"), "never".into(), Some(1))),
        list(0, "ada"),
        // The others of this person are sealed again under a new key.
        Scene::Act(Act::Erase(ada("old"))),
        read(ada("main")),
        read(ada("old")),
        Scene::Restart,
        write(ada("old"), "ada old 2"),
        read(at(0, "ben", "main")),
        Scene::Act(Act::EraseSubject("ben".into())),
        read(at(0, "ben", "main")),
        write(at(0, "ben", "main"), "ben 2"),
        read(at(0, "ben", "main")),
        Scene::Act(Act::EraseSubject("ada".into())),
        Scene::Act(Act::EraseSubject("ada".into())),
        read(at(1, "ada", "loan")),
        list(0, "ada"),
        Scene::Restart,
        write(at(1, "ada", "loan"), "ada loan 2"),
        read(at(1, "ada", "loan")),
    ]
}

/// How far the head outside is when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// As it was when the vault was last started: later ones were still to be written.
    Behind,
    /// Every note that was published had been written.
    Newest,
}

/// The engine that the vault uses, and what a loss of power leaves of it.
struct Disk {
    engine: Arc<dyn Engine>,
    memory: Arc<Memory>,
}

impl Disk {
    fn new() -> Disk {
        let memory = Arc::new(Memory::new());
        Disk { engine: Arc::<Memory>::clone(&memory), memory }
    }
}

struct Life {
    journal: Journal,
    outsider: Outsider,
    folder: tempfile::TempDir,
}

impl Life {
    fn new(key: VerifierKey) -> Life {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(&folder.path().join("journal"), key.clone());
        Life { journal, outsider: Outsider::new(key), folder }
    }

    /// Plays the script until the vault takes nothing more, and pulls the plug.
    async fn play(&mut self, site: &Site, disk: &Disk, head: Head) {
        let mut behind = site.head_bytes();
        // A start has a leaf of its own, whose commit may be the one that goes wrong.
        let Ok(mut vault) = site.open(&disk.engine) else { return };
        for scene in script() {
            match scene {
                Scene::Act(act) => {
                    let heard = act.on(&vault).await;
                    self.journal.hear(&act, &heard);
                }
                Scene::Restart if vault.house().ledger().shared().has_failed() => break,
                Scene::Restart => {
                    drop(vault);
                    behind = site.head_bytes();
                    let Ok(again) = site.open(&disk.engine) else { return };
                    vault = again;
                }
            }
            if vault.house().ledger().shared().has_failed() {
                break;
            }
        }
        drop(vault);
        if head == Head::Behind {
            site.put_head(&behind);
        }
    }

    /// Starts on what is left and holds it against the journal.
    async fn check(mut self, site: &Site, engine: &Arc<dyn Engine>) -> Findings {
        let head = site.head_note();
        match site.open(engine) {
            Ok(vault) => self.look(&vault).await,
            Err(error) => self.journal.other(format!("the vault does not open: {error}")),
        }
        if let Some(head) = head
            && let Err(error) = self.outsider.holds_head(&head)
        {
            self.journal.other(format!("the head: {error}"));
        }
        drop(self.folder);
        self.journal.findings().clone()
    }

    async fn look(&mut self, vault: &Near) {
        self.journal.hold_against(vault, &mut self.outsider).await;
        let again = Act::Write(Place::new(0, "cyd", "main"), "after all".into(), None);
        let heard = again.on(vault).await;
        if !heard.is_done() {
            self.journal.other(format!("nothing can be written afterwards: {:?}", heard.code()));
        }
        self.journal.hear(&again, &heard);
    }
}

async fn live(site: &Site, disk: &Disk, key: VerifierKey, head: Head) -> (Life, u64) {
    let mut life = Life::new(key);
    life.play(site, disk, head).await;
    let commits = disk.memory.commits();
    disk.memory.lose_power();
    (life, commits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_at_any_commit_nothing_acknowledged_is_lost_and_nothing_released_is_unlogged() {
    let site = Site::new();
    let disk = Disk::new();
    let key = site.init(&disk.engine).unwrap();
    let (life, commits) = live(&site, &disk, key, Head::Newest).await;
    assert!(life.journal.done() >= 18, "the script went wrong: {} done", life.journal.done());
    let findings = life.check(&site, &disk.engine).await;
    assert!(findings.is_empty(), "without any fault: {findings:?}");
    assert!(commits >= 25, "{commits} commits are no life");

    let mut losses = 0;
    for commit in 2..=commits {
        for fault in [Fault::PowerGone, Fault::Failed, Fault::FailedButKept] {
            for head in [Head::Behind, Head::Newest] {
                let disk = Disk::new();
                let key = site.init(&disk.engine).unwrap();
                disk.memory.fault_at(commit, fault);
                let (life, tried) = live(&site, &disk, key, head).await;
                assert!(tried >= commit, "commit {commit} never came");
                let findings = life.check(&site, &disk.engine).await;
                assert!(findings.is_empty(), "commit {commit}, {fault:?}, head {head:?}: {findings:?}");
                losses += 1;
            }
        }
    }
    println!("{losses} losses of power over {commits} commits: 0 lost, 0 risen, 0 unlogged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_whose_first_batch_failed_does_not_open() {
    let site = Site::new();
    for fault in [Fault::Failed, Fault::FailedButKept] {
        let disk = Disk::new();
        disk.memory.fault_at(1, fault);
        assert!(site.init(&disk.engine).is_err(), "{fault:?}");
        disk.memory.lose_power();
        assert!(site.open(&disk.engine).is_err(), "{fault:?}");
    }
    let disk = Disk::new();
    disk.memory.fault_at(1, Fault::PowerGone);
    let key = site.init(&disk.engine).unwrap();
    disk.memory.lose_power();
    let findings = Life::new(key).check(&site, &disk.engine).await;
    assert!(findings.is_empty(), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_does_not_sync_fails_this_check() {
    let site = Site::new();
    for head_is_written in [true, false] {
        let memory = Arc::new(Memory::with_sync(false));
        let disk = Disk { engine: Arc::<Memory>::clone(&memory), memory };
        let key = site.init(&disk.engine).unwrap();
        // Long ago: the operating system has written it meanwhile.
        disk.memory.sync();
        must_notice(&site, &disk, key, head_is_written).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_answers_before_it_commits_fails_this_check() {
    let site = Site::new();
    for head_is_written in [true, false] {
        let memory = Arc::new(Memory::new());
        let whole: Arc<dyn Engine> = Arc::<Memory>::clone(&memory);
        let key = site.init(&whole).unwrap();
        let engine = Arc::new(Early::over(Arc::clone(&memory), &categories()));
        must_notice(&site, &Disk { engine, memory }, key, head_is_written).await;
    }
}

/// With a head that knows more than the store, the vault refuses to open. Where even head and erasure ledger were never
/// written, the callers' own memory tells.
async fn must_notice(site: &Site, disk: &Disk, key: VerifierKey, head_is_written: bool) {
    let (first, first_erasures) = (site.head_bytes(), site.erasures_bytes());
    let (life, _) = live(site, disk, key, Head::Newest).await;
    if !head_is_written {
        site.put_head(&first);
        site.put_erasures(&first_erasures);
    }
    let left: Arc<dyn Engine> = Arc::<Memory>::clone(&disk.memory);
    let findings = life.check(site, &left).await;
    println!("head written: {head_is_written}: {findings}");
    match head_is_written {
        true => assert!(findings.other.iter().any(|finding| finding.contains("leaves are missing")), "{findings:?}"),
        false => assert!(!findings.lost.is_empty() || !findings.unlogged.is_empty(), "{findings:?}"),
    }
}

fn categories() -> [Family; 4] {
    ["bank", "care", "complaints", "debts"].map(|name| Family::Rows(Name::new(name).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_older_than_its_head_or_whose_head_is_gone_is_refused() {
    let site = Site::new();
    let disk = Disk::new();
    let key = site.init(&disk.engine).unwrap();
    let old = Memory::new();
    coffer_tests::engines::copy(&disk.memory, &old, &categories());
    let (_, _) = live(&site, &disk, key, Head::Newest).await;
    let old: Arc<dyn Engine> = Arc::new(old);
    assert_refused(site.open(&old), "leaves are missing");
    drop(site.open(&disk.engine).unwrap());

    let head = site.head_bytes();
    std::fs::remove_file(&site.home().config.log.head).unwrap();
    assert_refused(site.open(&disk.engine), "the head file");
    site.put_head(&head);
    let stranger = Disk::new();
    let other = Site::new();
    other.init(&stranger.engine).unwrap();
    site.put_head(&other.head_bytes());
    assert_refused(site.open(&disk.engine), "another log");
}

fn assert_refused(opened: Result<Near, HouseError>, why: &str) {
    match opened {
        Ok(_) => panic!("a vault opened where {why}"),
        Err(HouseError::Log(error)) => {
            assert!(error.not_continuous() && error.to_string().contains(why), "{error}");
        }
        Err(error) => panic!("{error}"),
    }
}
