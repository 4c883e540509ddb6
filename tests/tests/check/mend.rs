//! What a check puts right: told first, done on request, and never more than it can prove.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use coffer_tests::harness::{Home, Process, Running, Serving, Store, binary, command_line, copy_folder, name};
use coffer_vault::keyring::record::{IndexRow, SubjectRow};
use coffer_vault::ledger::head::HeadFile;
use coffer_vault::ledger::start::newest_note;
use coffer_vault::local::write_client_config;
use coffer_vault::store::{Batch, Engine, Family, meta};
use coffer_wire::Hash;
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

use crate::binary::{run, told};
use crate::scene::Scene;

/// More leaves than a tile holds.
const READS: usize = 300;

/// The head has seen by then what was written before.
const HEAD_TIME: Duration = Duration::from_millis(500);

/// A stopped home on disk, with a tile of leaves and more.
async fn stopped() -> Home {
    let vault = Home::new(Store::Rocks).serve();
    work(&vault).await;
    pinned(vault.stop().await)
}

/// With the log's key as `init` leaves it.
fn pinned(home: Home) -> Home {
    std::fs::write(home.dir().join("log.pub"), format!("{}\n", home.log_key)).unwrap();
    home
}

async fn work(vault: &Running) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "account_name": "A. Tenant" })).await.granted();
    let item = json!({ "category": "bank", "person": "p", "record": "r", "fields": ["account_name"], "form": "clear" });
    officer.items("/v1/records/read", json!(vec![item; READS])).await.granted();
}

fn commit(home: &Home, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    change(&mut batch);
    home.rocks().commit(&batch).unwrap();
}

fn leaves(home: &Home) -> Vec<Leaf> {
    let rows = home.rocks().scan(Family::Leaves, b"", None, usize::MAX).unwrap();
    rows.iter().map(|(_, leaf)| Leaf::parse(leaf).unwrap()).collect()
}

fn done(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    told(output)
}

/// It ends with 1, says why in this word, and has changed nothing.
fn refused(home: &Home, args: &[&str], why: &str) {
    let before = newest_note(&home.rocks()).unwrap();
    let output = run(home, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert!(said.contains(why), "{args:?}: {said}");
    assert_eq!(newest_note(&home.rocks()).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_made_out_of_the_log_is_made_again_and_nothing_else() {
    let scene = Scene::of(Store::Rocks).await;
    let rows = |family| scene.rows(family);
    let whole: Vec<_> = [Family::Nodes, Family::Meta, Family::Keys].into_iter().map(rows).collect();
    let index_rows: Vec<_> =
        rows(Family::Keys).into_iter().filter(|(key, _)| key.starts_with(IndexRow::PREFIX)).collect();
    let (one, other) = (&index_rows[0], &index_rows[1]);
    let foreign = IndexRow::decode(&other.1).unwrap().encode();
    scene.apply(&[
        (Family::Nodes, rows(Family::Nodes)[0].0.clone(), None),
        (Family::Meta, [meta::NUMBER_PREFIX, b"oakvale"].concat(), Some(7u64.to_be_bytes().to_vec())),
        (Family::Meta, [meta::NUMBER_PREFIX, b"brookside"].concat(), None),
        (Family::Keys, one.0.clone(), None),
        (Family::Keys, other.0.clone(), Some(vec![1; foreign.len()])),
    ]);
    let Scene { home, engine, .. } = scene;
    drop(engine);
    let home = pinned(home);
    let counts = json!({ "tiles": 1, "numbers": 2, "index_rows": 2 });
    for (args, is_done) in [(&["--json", "--rebuild"][..], false), (&["--json", "--rebuild", "--yes"], true)] {
        let told = done(&run(&home, args));
        for what in ["tiles", "numbers", "index_rows"] {
            assert_eq!(told[what], counts[what], "{told}");
        }
        assert_eq!(told["done"], json!(is_done));
    }
    let rocks = home.rocks();
    let now: Vec<_> = [Family::Nodes, Family::Meta, Family::Keys]
        .into_iter()
        .map(|family| rocks.scan(family, b"", None, usize::MAX).unwrap())
        .collect();
    assert!(now == whole, "every row is the one that stood there");
    drop(rocks);
    assert_eq!(run(&home, &[]).status.code(), Some(0));
    let again = done(&run(&home, &["--json", "--rebuild", "--yes"]));
    assert_eq!((&again["tiles"], &again["done"]), (&json!(0), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_index_row_is_made_where_the_log_does_not_say_whose_key_it_is() {
    let scene = Scene::of(Store::Rocks).await;
    let keys = scene.rows(Family::Keys);
    let mut living = keys.iter().filter_map(|(key, value)| match SubjectRow::decode(value)? {
        SubjectRow::Living { wrapped_by, index, wrapped } if key.starts_with(SubjectRow::PREFIX) => {
            Some((key.clone(), wrapped_by, index, wrapped))
        }
        _ => None,
    });
    let (other, victim) = (living.next().unwrap(), living.next().unwrap());
    // Whoever writes to the disk claims that this person's key is found where another's is.
    let claimed = SubjectRow::Living { wrapped_by: victim.1, index: other.2, wrapped: victim.3 };
    scene.apply(&[
        (Family::Keys, victim.0.clone(), Some(claimed.encode())),
        (Family::Keys, IndexRow::key(&other.2), None),
    ]);
    let Scene { home, engine, .. } = scene;
    drop(engine);
    let home = pinned(home);
    done(&run(&home, &["--json", "--rebuild", "--yes"]));
    // The row that leads to the other's key is made again, and the one that leads to this person's stays.
    let rocks = home.rocks();
    for (key, _, index, _) in [&other, &victim] {
        let row = rocks.get(Family::Keys, &IndexRow::key(index)).unwrap().unwrap();
        assert_eq!(IndexRow::decode(&row).unwrap().id, SubjectRow::id(key).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_again_out_of_a_log_that_is_not_the_one_that_was_signed() {
    let home = stopped().await;
    let leaf = home.rocks().get(Family::Leaves, &3u64.to_be_bytes()).unwrap().unwrap();
    let mut changed = leaf.clone();
    *changed.last_mut().unwrap() ^= 1;
    commit(&home, |batch| {
        batch.put(Family::Leaves, 3u64.to_be_bytes(), changed);
        batch.delete(Family::Meta, [meta::NUMBER_PREFIX, b"oakvale"].concat());
    });
    refused(&home, &["--rebuild", "--yes"], "leaf_altered");
    assert_eq!(home.rocks().get(Family::Meta, &[meta::NUMBER_PREFIX, b"oakvale"].concat()).unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_the_checkpoint_is_cut_and_the_log_says_so() {
    let home = stopped().await;
    let size = leaves(&home).len() as u64;
    let behind = (size + 1).to_be_bytes();
    commit(&home, |batch| {
        batch.put(Family::Leaves, behind, "a leaf that no checkpoint covers");
        batch.put(Family::Private, behind, "and its private part");
    });
    let plan = done(&run(&home, &["--json", "--repair-tail"]));
    assert_eq!(
        (&plan["done"], &plan["leaves"], &plan["private_parts"], &plan["size"]),
        (&json!(false), &json!(1), &json!(1), &json!(size))
    );
    assert!(home.rocks().get(Family::Leaves, &behind).unwrap().is_some(), "told, and not done");
    assert_eq!(done(&run(&home, &["--json", "--repair-tail", "--yes"]))["done"], json!(true));
    let now = leaves(&home);
    assert_eq!(now.len() as u64, size + 2);
    assert_eq!([now[size as usize].action, now[size as usize + 1].action], [Action::VaultUnseal, Action::LogRepair]);
    let report = told(&run(&home, &["--json"]));
    // The real head is as it was: the log is ahead of it, as after a kill.
    assert_eq!((&report["clean"], &report["head_behind"]), (&json!(true), &json!(2)), "{report}");
    let kept = std::fs::read_dir(home.dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut kept: Vec<String> = kept.filter(|name| name.starts_with("data-")).collect();
    kept.sort();
    assert!(kept.len() == 1 && kept[0].starts_with("data-before-"), "{kept:?}");
    work(&home.serve()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_that_is_damaged_is_cut_only_if_what_is_left_reaches_the_head() {
    let vault = Process::start(Home::by_binary(), "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    let write = async |record: &str| {
        officer.write("bank", "p", record, json!({ "account_name": "A. Tenant" })).await.granted();
    };
    for record in ["a", "b", "c"] {
        write(record).await;
    }
    std::thread::sleep(HEAD_TIME);
    let head = std::fs::read(&vault.home().config.log.head).unwrap();
    for record in ["d", "e", "f"] {
        write(record).await;
    }
    std::thread::sleep(HEAD_TIME);
    let home = vault.kill();
    let newest_head = std::fs::read(&home.config.log.head).unwrap();
    let log = std::fs::read_dir(&home.config.store.data).unwrap().map(|entry| entry.unwrap().path());
    let log = log.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let log = log.max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    // Within the last writes, and not at the end, which an ordinary power cut tears.
    let mut bytes = std::fs::read(&log).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 3_000] ^= 1;
    std::fs::write(&log, &bytes).unwrap();

    let unopened = run(&home, &[]);
    assert_eq!(unopened.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unopened.stderr).contains("damaged"));
    // Under the head that has seen all of it, what is left would be a log that went back.
    std::fs::write(&home.config.log.head, &newest_head).unwrap();
    let refused = run(&home, &["--repair-tail", "--yes"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("leaves are missing"), "{said}");
    assert_eq!(std::fs::read(&log).unwrap(), bytes);

    std::fs::write(&home.config.log.head, &head).unwrap();
    let plan = done(&run(&home, &["--json", "--repair-tail"]));
    assert_eq!(plan["done"], json!(false));
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
    let cut = done(&run(&home, &["--json", "--repair-tail", "--yes"]));
    assert!(cut["size"].as_u64() >= cut["head_size"].as_u64(), "{cut}");
    assert_eq!(told(&run(&home, &["--json"]))["clean"], json!(true));
    assert_eq!(leaves(&home).last().unwrap().action, Action::LogRepair);
    let vault = Process::start(home, "warn");
    let officer = vault.staff("bank-officer", "oakvale");
    for record in ["a", "b", "c"] {
        officer.read("bank", "p", record, &["account_name"]).await.granted();
    }
}

/// A home whose head is gone, and the file that asks for another.
struct Headless {
    home: Home,
    request: PathBuf,
}

impl Headless {
    async fn of() -> Headless {
        let home = stopped().await;
        std::fs::remove_file(&home.config.log.head).unwrap();
        Headless::asking(home, "request")
    }

    fn asking(home: Home, file: &str) -> Headless {
        let request = home.folder().join(file);
        let asked = run(&home, &["--request-head", request.to_str().unwrap()]);
        assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));
        Headless { home, request }
    }

    /// What an admin at an application makes of the request.
    fn approved(&self, application: &str, file: &str, more: &[&str]) -> (PathBuf, Output) {
        self.approved_because("The disk of the head was lost", application, file, more)
    }

    fn approved_because(&self, why: &str, application: &str, file: &str, more: &[&str]) -> (PathBuf, Output) {
        let config = self.client(application);
        let out = self.home.folder().join(file);
        let mut command = Command::new(command_line());
        command.arg("--config").arg(config).arg("--json").arg("approve").arg(&self.request);
        command.args(["--reason", why]).args(more).arg("--out").arg(&out);
        (out, command.output().unwrap())
    }

    fn client(&self, application: &str) -> PathBuf {
        let url = "https://localhost:1";
        write_client_config(self.home.dir(), &name(application), url, &self.home.log_key.to_string()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_head_is_replaced_as_an_admin_approves_once_and_the_log_says_so() {
    let headless = Headless::of().await;
    let size = leaves(&headless.home).len() as u64;
    let (approval, signed) = headless.approved("console", "approval", &[]);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let signed: Value = serde_json::from_slice(&signed.stdout).unwrap();
    assert_eq!((&signed["approved"], &signed["leaves"]), (&json!("adopt-head"), &json!(size)));
    let Headless { home, .. } = headless;
    let adopt = ["--json", "--adopt-head", approval.to_str().unwrap()];
    assert_eq!(done(&run(&home, &adopt))["done"], json!(false));
    assert!(!home.config.log.head.exists());
    assert_eq!(done(&run(&home, &[&adopt[..], &["--yes"]].concat()))["done"], json!(true));
    let now = leaves(&home);
    let adopted = now.last().unwrap();
    assert_eq!((now.len() as u64, adopted.action), (size + 2, Action::LogAdopt));
    assert_eq!(adopted.row, Some(Hash::sha256(&std::fs::read(&approval).unwrap())));
    assert_eq!(told(&run(&home, &["--json"]))["clean"], json!(true));
    // It was for that moment: a head that is lost again needs another.
    std::fs::remove_file(&home.config.log.head).unwrap();
    refused(&home, &["--adopt-head", approval.to_str().unwrap(), "--yes"], "approval_other");
    assert!(!home.config.log.head.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_signature_and_no_other_head_is_taken() {
    let headless = Headless::of().await;
    let adopt = |file: &PathBuf, why: &str| {
        refused(&headless.home, &["--adopt-head", file.to_str().unwrap(), "--yes"], why);
        assert!(!headless.home.config.log.head.exists());
    };
    // An application at which no admin works.
    let (desk, signed) = headless.approved("rents-desk", "desks", &[]);
    assert!(signed.status.success());
    adopt(&desk, "forbidden_application");
    // Another vault's authority.
    let stranger = Home::new(Store::Memory);
    for file in ["client.pem", "client.key"] {
        std::fs::copy(stranger.client_file("console", file), headless.home.client_file("care-desk", file)).unwrap();
    }
    let (strange, signed) = headless.approved("care-desk", "strange", &[]);
    assert!(signed.status.success());
    adopt(&strange, "approval_unsigned");
    // One word changed after it was signed.
    let (sound, signed) = headless.approved("console", "sound", &[]);
    assert!(signed.status.success());
    let text = std::fs::read_to_string(&sound).unwrap();
    let forged = headless.home.folder().join("forged");
    std::fs::write(&forged, text.replace("was lost", "was lent")).unwrap();
    adopt(&forged, "approval_unsigned");
    // Its time is over, or has been stretched: both are signed for.
    let made: u64 = text.lines().find_map(|line| line.strip_prefix("made: ")).unwrap().parse().unwrap();
    std::fs::write(&forged, text.replace(&format!("made: {made}"), "made: 5")).unwrap();
    adopt(&forged, "approval_expired");
    // The log would keep its reason.
    let why = "Paid with 4111 1111 1111 1111";
    let (card, signed) = headless.approved_because(why, "console", "card", &[]);
    assert!(signed.status.success());
    adopt(&card, "card_number");
    // What an admin remembers the log to have had.
    let remembered = headless.home.folder().join("remembered");
    std::fs::write(&remembered, newest_note(&headless.home.rocks()).unwrap().unwrap()).unwrap();
    let since = ["--since", remembered.to_str().unwrap()];
    assert!(headless.approved("console", "since", &since).1.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_has_seen_more_than_the_store_holds_is_not_for_anybody_to_wave_away() {
    let vault = Home::new(Store::Rocks).serve();
    work(&vault).await;
    let home = pinned(vault.stop().await);
    let (older, data) = (home.folder().join("older"), home.config.store.data.clone());
    copy_folder(&data, &older);
    let vault = home.serve();
    work(&vault).await;
    let newest = vault.house().ledger().shared().newest().to_string();
    let home = vault.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&older, &data);
    let request = home.folder().join("request");
    refused(&home, &["--request-head", request.to_str().unwrap()], "head_is_this_logs");
    assert!(!request.exists());
    // With the head out of the way it can be asked for; an admin who remembers does not sign.
    std::fs::remove_file(&home.config.log.head).unwrap();
    let headless = Headless::asking(home, "request");
    let remembered = headless.home.folder().join("remembered");
    std::fs::write(&remembered, newest).unwrap();
    let (out, signed) = headless.approved("console", "approval", &["--since", remembered.to_str().unwrap()]);
    assert_eq!(signed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&signed.stderr).contains("log_not_continuous"));
    assert!(!out.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_logs_head_is_kept_beside_the_one_that_takes_its_place() {
    let home = stopped().await;
    let head = home.config.log.head.clone();
    let stranger = newest_note(&*Home::new(Store::Memory).engine()).unwrap().unwrap();
    std::fs::remove_file(&head).unwrap();
    HeadFile::open(&head, true).unwrap().0.write(&stranger).unwrap();
    let strange = std::fs::read(&head).unwrap();
    let headless = Headless::asking(home, "request");
    let (approval, signed) = headless.approved("console", "approval", &[]);
    let signed: Value = serde_json::from_slice(&signed.stdout).unwrap();
    assert_eq!(signed["old_head"], json!(Hash::sha256(stranger.as_bytes()).to_string()));
    done(&run(&headless.home, &["--json", "--adopt-head", approval.to_str().unwrap(), "--yes"]));
    let beside = std::fs::read_dir(head.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let kept = beside.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("head-before-"));
    let kept: Vec<PathBuf> = kept.collect();
    assert_eq!(kept.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>(), [strange]);
    assert_eq!(run(&headless.home, &[]).status.code(), Some(0));
}

#[test]
fn one_thing_is_put_right_at_a_time() {
    for args in [&["--rebuild", "--repair-tail"][..], &["--yes"], &["--rebuild", "--cards"]] {
        let output = Command::new(binary()).args(["check", "/nowhere"]).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}
