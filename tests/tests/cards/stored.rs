//! `check --cards` over homes in which card numbers were stored, past the guard.

use coffer_keys::row::{self, FieldHead, Head, Identity, Row, SUITE};
use coffer_keys::{AuditKey, random};
use coffer_tests::harness::{Home, Running, Serving, Store, binary, name};
use coffer_vault::check::{self, Code, Finding, Report, Silent};
use coffer_vault::clock::{Clock, Period, System};
use coffer_vault::keyring::{Audited, Keyring};
use coffer_vault::ledger::{About, Circumstances, Entry, Submission};
use coffer_vault::store::{Batch, Engine, Family, View};
use coffer_wire::ExternalId;
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem;
use serde_json::{Value, json};

use crate::number::{card, in_fours};

const CONTROLLER: &str = "oakvale";
const CATEGORY: &str = "bank";
const RECORD: &str = "main";
/// Numbers of fields of the shipped schema: `account_name`, `account_number`.
const NAME: u16 = 1;
const NUMBER: u16 = 3;

/// A stopped home with two records of two fields each.
async fn home(store: Store) -> Home {
    let vault = Home::new(store).serve();
    write(&vault).await;
    vault.stop().await
}

async fn write(vault: &Running) {
    let officer = vault.staff("bank-officer", CONTROLLER);
    for person in ["tenant-1", "tenant-2"] {
        let fields = json!({ "account_name": "A. Tenant", "account_number": "00001234" });
        officer.write(CATEGORY, person, RECORD, fields).await.granted();
    }
}

/// Seals a row again with other values, and with another person's id in its identity if one is given; as nobody can
/// who has not the root key.
fn replace(home: &Home, engine: &dyn Engine, values: &[(u16, &str)], other_person: Option<&str>) {
    let (keyring, _) = Keyring::open(engine, &home.root_key()).unwrap();
    let line = keyring.line(&name(CONTROLLER), &name(CATEGORY)).unwrap();
    let (family, key) = (Family::Rows(name(CATEGORY)), line.locator().row("tenant-1", RECORD));
    let old = Row::parse(&engine.get(family, &key).unwrap().unwrap()).unwrap();
    let own = line.subject(&View::blocking(engine), *old.head.own_key().unwrap()).unwrap().unwrap().unwrap();
    let (subject, version) = (line.open_subject(&own).unwrap(), old.head.version + 1);
    let person = other_person.unwrap_or("tenant-1");
    let seal = |(number, value): &(u16, &str)| {
        let context = row::value_context(CONTROLLER, CATEGORY, &own.id, person, RECORD, *number, version, SUITE);
        subject.seal(&context, value.as_bytes(), 0).unwrap()
    };
    let fields: Vec<Vec<u8>> = values.iter().map(seal).collect();
    let heads = values.iter().map(|(number, _)| FieldHead { number: *number, key: 0, version }).collect();
    let head = Head { suite: SUITE, origin: old.head.origin, version, keys: vec![own.id], fields: heads };
    let identity = Identity::new(person, RECORD, random().unwrap());
    let sealed = row::seal_identity(&subject, CONTROLLER, CATEGORY, &head, &fields, &identity).unwrap();
    let mut batch = Batch::new();
    batch.put(family, key, Row { head, identity: sealed, fields }.encode());
    engine.commit(&batch).unwrap();
}

fn look(home: &Home, engine: &dyn Engine, cards: bool) -> Report {
    let home_of = check::Home { show_ids: true, cards, ..home.to_check(engine) };
    check::check(&home_of, Some(&home.root_key()), &Silent).unwrap()
}

fn cards(report: &Report) -> Vec<&Finding> {
    report.findings.kept().iter().filter(|finding| finding.code == Code::CardNumber).collect()
}

#[tokio::test]
async fn a_home_without_card_numbers_is_searched_and_clean() {
    let home = home(Store::Memory).await;
    let engine = home.engine();
    let report = look(&home, &*engine, true);
    assert_eq!((report.findings.total(), report.looked.fields), (0, 4));
    // Nothing is searched that nobody asked to be.
    assert_eq!(look(&home, &*engine, false).looked.fields, 0);
}

#[tokio::test]
async fn a_card_number_in_a_field_is_found_and_its_row_named_and_never_its_value() {
    let home = home(Store::Memory).await;
    let engine = home.engine();
    let number = in_fours(&card(0), " ");
    replace(&home, &*engine, &[(NAME, "A. Tenant"), (NUMBER, &number)], None);
    assert!(cards(&look(&home, &*engine, false)).is_empty(), "it was searched without being asked");
    let report = look(&home, &*engine, true);
    let [found] = cards(&report)[..] else { panic!("{} findings", cards(&report).len()) };
    let place = &found.place;
    assert_eq!((place.family.as_str(), place.field), ("rows:bank", Some(NUMBER)));
    assert_eq!((place.category, place.controller), (Some(name(CATEGORY)), Some(name(CONTROLLER))));
    assert!(place.leaf.is_some());
    assert_eq!(found.who.as_ref().map(|who| who.person.as_str()), Some("tenant-1"));
    assert_eq!(report.looked.fields, 4);
    let told = serde_json::to_string(report.findings.kept()).unwrap();
    assert!(!told.contains(&number) && !told.contains(&card(0)), "{told}");
}

#[tokio::test]
async fn a_card_number_for_an_id_is_found_and_told_to_nobody() {
    let home = home(Store::Memory).await;
    let engine = home.engine();
    let number = card(1);
    replace(&home, &*engine, &[(NAME, "A. Tenant")], Some(&number));
    let report = look(&home, &*engine, true);
    let [found] = cards(&report)[..] else { panic!("{} findings", cards(&report).len()) };
    assert_eq!((found.place.entry, found.place.field), (Some("id"), None));
    // Not even those findings repeat it that name ids.
    let told = serde_json::to_string(report.findings.kept()).unwrap();
    assert!(!told.contains(&number), "{told}");
}

#[tokio::test]
async fn a_card_number_in_the_logs_private_part_is_found_and_its_leaf_named() {
    for place in 0..5 {
        let vault = Home::new(Store::Memory).serve();
        write(&vault).await;
        let index = vault.log_size();
        submit(&vault, planted(place)).await;
        let home = vault.stop().await;
        let engine = home.engine();
        let report = look(&home, &*engine, true);
        let [found] = cards(&report)[..] else { panic!("place {place}: {} findings", cards(&report).len()) };
        assert_eq!((found.place.family.as_str(), found.place.leaf), ("private", Some(index)), "place {place}");
        assert_eq!(report.findings.total(), 1, "place {place}");
    }
}

/// A private part with a card number in one of the members that callers fill.
fn planted(place: usize) -> Private {
    let person = ExternalId::new("tenant-1").ok();
    let text = || Some(in_fours(&card(place), "-"));
    let id = || ExternalId::new(card(place)).ok();
    let mut private = Private { person, ..Private::default() };
    match place {
        0 => private.record = id(),
        1 => private.reason = text(),
        2 => private.case = text(),
        3 => private.others = vec![id().unwrap()],
        _ => private.fields = vec![name(&format!("a{}", card(place)))],
    }
    private
}

async fn submit(vault: &Running, private: Private) {
    let submission = Submission::unbound(refusal(vault, private));
    assert!(vault.house().ledger().submit(vec![submission]).await.pop().unwrap().is_ok());
}

/// The leaf of a refused read, whose private part says what no vault would write.
fn refusal(vault: &Running, private: Private) -> Entry {
    let key = audit_key(vault, &**vault.engine());
    let common = Circumstances::of_the_vault(name(CONTROLLER), Period::of(System.now_ms()), 1);
    let (code, category) = (problem::Code::NotFound, Some(name(CATEGORY)));
    Entry::refused(Action::RecordsRead, code, &common, About::Person(&key), category, private).ok().unwrap()
}

fn audit_key(vault: &Running, engine: &dyn Engine) -> AuditKey {
    let (keyring, _) = Keyring::open(engine, &vault.home().root_key()).unwrap();
    let audit = keyring.audit(&name(CONTROLLER)).unwrap();
    audit.audit_key(&View::blocking(engine), Audited::Person("tenant-1")).ok().unwrap().ok().unwrap().unwrap()
}

#[tokio::test]
async fn a_card_number_in_a_file_in_force_is_found() {
    let with_note = |file: &'static str| {
        Home::with(Store::Memory, move |dir| {
            let text = std::fs::read_to_string(dir.join(file)).unwrap();
            std::fs::write(dir.join(file), format!("# {}\n{text}", card(3))).unwrap();
        })
    };
    for (file, entry) in [("access.toml", "access"), ("schema/bank.toml", "schema")] {
        let home = with_note(file);
        let report = look(&home, &*home.engine(), true);
        let [found] = cards(&report)[..] else { panic!("{file}: {} findings", cards(&report).len()) };
        assert_eq!((found.place.family.as_str(), found.place.entry), ("meta", Some(entry)));
        assert_eq!(report.findings.total(), 1);
    }
}

#[tokio::test]
async fn the_command_names_the_field_and_not_the_number() {
    let home = home(Store::Rocks).await;
    let number = card(4);
    replace(&home, &*home.engine(), &[(NAME, &number)], None);
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(binary());
        command.arg("check").arg(home.dir()).args(["--log-key", &home.log_key.to_string()]).args(args);
        let output = command.output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&told).contains(&number), "{}", String::from_utf8_lossy(&told));
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let (status, words) = run(&["--cards", "--show-ids"]);
    assert_eq!(status, Some(1), "{words}");
    for part in ["card_number", "field 1", "Person tenant-1, record main.", "fields searched"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let (_, json) = run(&["--cards", "--json"]);
    let json: Value = serde_json::from_str(json.split("\ncoffer-vault:").next().unwrap()).unwrap();
    let findings = json["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["code"] == "card_number" && f["field"] == 1), "{json}");
    // Without the root key nothing could be searched, and that is said instead of "nothing found".
    assert_eq!(run(&["--cards", "--no-seal"]).0, Some(2));
    std::fs::rename(&home.config.seal.key_file, home.folder().join("elsewhere")).unwrap();
    let (status, words) = run(&["--cards"]);
    assert_eq!(status, Some(78), "{words}");
}
