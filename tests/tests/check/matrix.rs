//! Every kind of row, tampered with through RocksDB with valid checksums: what a start says, what those hear who ask, and
//! what a check names.
//!
//! Nothing false is ever answered as true: where a request is granted, its values are those that were written last, but
//! for an older *whole* row, which only the log tells from the newest (docs/THREATS.md, T2).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Reply, Running, Serving, Store, copy_folder};
use coffer_vault::check::{self, CheckError, Code, Finding, Report, Silent};
use coffer_vault::keyring::record::{SubjectRow, Use};
use coffer_vault::ledger::history::tile_key;
use coffer_vault::serve::{House, HouseError};
use coffer_vault::store::{Batch, Engine, Family, meta};
use serde_json::json;

use crate::kinds::{Finder, Kind, Place};
use crate::scene::{Change, Scene, places};

/// What is done to a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Tamper {
    /// One bit of its value.
    Flip,
    /// The row is gone.
    Delete,
    /// Its value and that of another row of its kind change places.
    Exchange,
    /// What stood there before stands there again.
    Older,
}

const TAMPERS: [Tamper; 4] = [Tamper::Flip, Tamper::Delete, Tamper::Exchange, Tamper::Older];

/// What a start comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Open,
    /// `log_not_continuous`.
    Sealed,
    /// It ends, and says that the store is damaged.
    Refused,
}

/// A row to tamper with, another of its kind, and the bank details of which tenant hang on it.
struct Victim {
    kind: Kind,
    place: Place,
    sibling: Option<Place>,
    tenant: &'static str,
    /// The account number that was written last.
    newest: &'static str,
}

/// A stopped home that is put back as it was after each case.
struct Stage {
    home: Option<Home>,
    whole: PathBuf,
    head: Vec<u8>,
    erasures: Vec<u8>,
    before: Vec<Change>,
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_private_parts_and_tiles() {
    play(&[Kind::Leaf, Kind::Private, Kind::Tile], LOG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_says_of_itself() {
    let kinds = [Kind::Format, Kind::Checkpoint, Kind::Number, Kind::Access, Kind::Schema, Kind::Epoch, Kind::InForce];
    play(&kinds, META).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_people_have_to_do_with() {
    play(&[Kind::Approval, Kind::Hold, Kind::Count], PEOPLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys() {
    let under_the_root = [Kind::CategoryKey, Kind::LocatorKey, Kind::LogKey];
    let of_persons = [Kind::SubjectKey, Kind::Tombstone, Kind::Index, Kind::AuditKey];
    play(&[&under_the_root[..], &of_persons].concat(), KEYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records() {
    play(&[Kind::Record], RECORDS).await;
}

/// The folder as it was before the last requests, with the head as it is now.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_whole_folder_stays_sealed_under_the_head_that_has_seen_more() {
    let vault = Home::new(Store::Rocks).serve();
    let work = async |vault: &Running| {
        let officer = vault.staff("bank-officer", "oakvale");
        officer.write("bank", "p", "r", json!({ "account_number": "12345678" })).await.granted();
    };
    work(&vault).await;
    let home = vault.stop().await;
    let (data, older) = (home.config.store.data.clone(), home.folder().join("older"));
    copy_folder(&data, &older);
    let older_head = std::fs::read(&home.config.log.head).unwrap();
    let older_erasures = std::fs::read(&home.config.log.erasures).unwrap();
    let vault = home.serve();
    work(&vault).await;
    let home = vault.stop().await;
    let newer = home.folder().join("newer");
    std::fs::rename(&data, &newer).unwrap();
    copy_folder(&older, &data);
    assert_eq!(started(&home), Start::Sealed);
    let report = checked(&home).unwrap();
    assert_eq!(report.findings.counts().keys().collect::<Vec<_>>(), [&Code::HeadAhead, &Code::ErasuresAhead]);
    // The other way, the store is only ahead of its head, as after a kill.
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&newer, &data);
    std::fs::write(&home.config.log.head, &older_head).unwrap();
    assert_eq!(checked(&home).unwrap().findings.total(), 0);
    assert_eq!(started(&home), Start::Open);
    // Both put back together are told by the erasure ledger.
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&older, &data);
    std::fs::write(&home.config.log.head, &older_head).unwrap();
    assert_eq!(started(&home), Start::Sealed);
    // And with that they are a whole older vault, which only who remembers a checkpoint can tell.
    std::fs::write(&home.config.log.erasures, &older_erasures).unwrap();
    assert_eq!(started(&home), Start::Open);
}

#[test]
fn every_kind_has_its_cases() {
    let told = [LOG, META, PEOPLE, KEYS, RECORDS].concat();
    for kind in Kind::ALL {
        let cases = told.lines().filter(|line| line.split_whitespace().next() == Some(&format!("{kind:?}")));
        assert!(cases.count() >= 2, "{kind:?}");
    }
}

/// Plays every case of some kinds, and holds what came of it against what is told here: kind, tampering, start, codes
/// of the check, and what those hear who ask, where somebody is heard at all.
async fn play(kinds: &[Kind], told: &str) {
    let (mut stage, victims) = Stage::set().await;
    let mut seen = Vec::new();
    for victim in victims.iter().filter(|victim| kinds.contains(&victim.kind)) {
        for tamper in TAMPERS {
            let Some(changes) = stage.changes(victim, tamper) else { continue };
            let home = stage.tampered(&changes);
            let case = format!("{:?} {tamper:?}", victim.kind);
            let found = found(&home, victim, &case);
            let start = started(&home);
            seen.push(format!("{case} {start:?} {found}"));
            stage.home = Some(match start {
                Start::Open => {
                    let vault = home.serve();
                    let heard = asked(&vault, victim, tamper).await;
                    seen.push(format!("    {heard}"));
                    vault.stop().await
                }
                Start::Sealed | Start::Refused => home,
            });
        }
    }
    let told: Vec<&str> = told.lines().skip(1).collect();
    assert_eq!(seen, told, "\n{}", seen.join("\n"));
}

/// The codes of the check, one of which names the row; or why there was none.
fn found(home: &Home, victim: &Victim, case: &str) -> String {
    let report = match checked(home) {
        Ok(report) => report,
        Err(CheckError::Format(_)) => return "another_format".to_owned(),
        Err(error) => panic!("{case}: {error}"),
    };
    // Nobody misses a count that is gone (docs/THREATS.md, T2).
    let named = report.findings.kept().iter().any(|finding| victim.is_named_by(finding))
        || (victim.kind == Kind::Count && report.findings.total() == 0);
    assert!(named, "{case}: no finding names it: {:?}", places(&report));
    let codes: Vec<&str> = report.findings.counts().keys().map(|code| code.as_str()).collect();
    if codes.is_empty() { "nothing".to_owned() } else { codes.join(",") }
}

impl Victim {
    /// Whether a finding leads whoever reads it to this row.
    fn is_named_by(&self, finding: &Finding) -> bool {
        let place = &finding.place;
        let index = || u64::from_be_bytes(self.place.1.as_slice().try_into().unwrap());
        let key = |id: &[u8]| place.key == Some(KeyId::from_bytes(id.try_into().unwrap()).to_string());
        match self.kind {
            // Of leaves that fill no tile yet, the root says only that one from there on is wrong.
            Kind::Leaf if finding.code == Code::RootMismatch => place.leaf.is_some_and(|from| from <= index()),
            Kind::Leaf | Kind::Private => place.family == self.place.0.column() && place.leaf == Some(index()),
            Kind::Tile => place.tile == Some((0, 0)),
            // An older checkpoint is as good as any but for the head.
            Kind::Checkpoint => place.entry == Some("checkpoint") || finding.code == Code::HeadAhead,
            Kind::Number => place.entry == Some("number") && place.controller.is_some(),
            Kind::Format | Kind::Access | Kind::Schema | Kind::Epoch | Kind::InForce => {
                place.entry.is_some_and(|entry| entry.as_bytes() == self.place.1)
            }
            Kind::Approval => place.entry == Some("approval"),
            Kind::Hold => place.entry == Some("hold") && place.controller.is_some(),
            Kind::Count => place.entry == Some("erasures"),
            Kind::CategoryKey | Kind::LocatorKey | Kind::LogKey | Kind::SubjectKey | Kind::Tombstone => {
                key(&self.place.1[1..])
            }
            // What names the key is gone or false; its leaves or the key itself are named.
            Kind::Index => place.family == "keys" && place.key.is_some(),
            Kind::AuditKey => place.key.is_some() || finding.code == Code::PrivateUnattributed && place.leaf.is_some(),
            Kind::Record => place.family == self.place.0.column() && place.controller.is_some() && place.leaf.is_some(),
        }
    }
}

impl Stage {
    async fn set() -> (Stage, Vec<Victim>) {
        let Scene { home, engine, written, before, size, .. } = Scene::of(Store::Rocks).await;
        every_kind_is_there(&*engine);
        let victims = victims(&Finder::new(&*engine, &home.root_key()), &*engine, &before, &written, size);
        drop(engine);
        let whole = home.folder().join("whole");
        copy_folder(&home.config.store.data, &whole);
        let head = std::fs::read(&home.config.log.head).unwrap();
        let erasures = std::fs::read(&home.config.log.erasures).unwrap();
        (Stage { home: Some(home), whole, head, erasures, before }, victims)
    }

    /// The changes of a case; nothing where it has no meaning.
    fn changes(&self, victim: &Victim, tamper: Tamper) -> Option<Vec<Change>> {
        let home = self.home.as_ref().unwrap();
        self.put_back(home);
        let rocks = home.rocks();
        let get = |place: &Place| rocks.get(place.0, &place.1).unwrap();
        let (family, key) = victim.place.clone();
        let value = get(&victim.place).unwrap();
        Some(match tamper {
            Tamper::Flip => {
                let mut flipped = value;
                let last = flipped.len() - 1;
                flipped[last] ^= 1;
                vec![(family, key, Some(flipped))]
            }
            Tamper::Delete => vec![(family, key, None)],
            Tamper::Exchange => {
                let sibling = victim.sibling.clone()?;
                let other = get(&sibling).unwrap();
                assert_ne!(value, other);
                vec![(family, key, Some(other)), (sibling.0, sibling.1, Some(value))]
            }
            Tamper::Older => {
                let older =
                    self.before.iter().find(|(f, k, v)| *f == family && *k == key && v.as_ref() != Some(&value));
                vec![older?.clone()]
            }
        })
    }

    fn tampered(&mut self, changes: &[Change]) -> Home {
        let home = self.home.take().unwrap();
        let rocks = home.rocks();
        let mut batch = Batch::new();
        for (family, key, value) in changes {
            match value {
                Some(value) => batch.put(*family, key.clone(), value.clone()),
                None => batch.delete(*family, key.clone()),
            }
        }
        rocks.commit(&batch).unwrap();
        home
    }

    fn put_back(&self, home: &Home) {
        std::fs::remove_dir_all(&home.config.store.data).unwrap();
        copy_folder(&self.whole, &home.config.store.data);
        std::fs::write(&home.config.log.head, &self.head).unwrap();
        std::fs::write(&home.config.log.erasures, &self.erasures).unwrap();
    }
}

/// The rows that are tampered with: at least one of each kind.
fn victims(finder: &Finder<'_>, engine: &dyn Engine, before: &[Change], written: &[u64], size: u64) -> Vec<Victim> {
    let index = |family, index: u64| (family, index.to_be_bytes().to_vec());
    let meta = |key: &[u8]| (Family::Meta, key.to_vec());
    let number = |name: &[u8]| (Family::Meta, [meta::NUMBER_PREFIX, name].concat());
    let root = |usage, controller| finder.root_key(usage, controller);
    let nth =
        |prefix: &[u8], at: usize| (Family::Meta, engine.scan(Family::Meta, prefix, None, 9).unwrap().remove(at).0);
    let count = |at| nth(meta::ERASURES_PREFIX, at);
    // Of the requests the one that was approved since.
    let since = |place: &Place| {
        before.iter().any(|(family, key, value)| {
            (family, key) == (&place.0, &place.1) && *value != engine.get(*family, key).unwrap()
        })
    };
    let (approved, asked): (Vec<_>, Vec<_>) =
        [0, 1].map(|at| nth(meta::APPROVAL_PREFIX, at)).into_iter().partition(since);
    // Of a person's own key: a witness's is still named by the record of somebody else.
    let tombstone = before.iter().find(|(family, key, value)| {
        let now = engine.get(*family, key).unwrap().filter(|now| Some(now) != value.as_ref());
        let is_own = matches!(
            value.as_deref().and_then(SubjectRow::decode),
            Some(SubjectRow::Living { index, .. }) if index[16..] == [0; 16]
        );
        is_own && now.is_some_and(|now| Kind::of(*family, key, &now) == Kind::Tombstone)
    });
    let (family, key, _) = tombstone.unwrap().clone();
    let (one, other) = ("tenant-1", "tenant-3");
    let rows = [
        (Kind::Leaf, index(Family::Leaves, written[0]), Some(index(Family::Leaves, written[1]))),
        // Of these the tree keeps no hash in a tile yet.
        (Kind::Leaf, index(Family::Leaves, size - 1), Some(index(Family::Leaves, size - 2))),
        (Kind::Private, index(Family::Private, written[0]), Some(index(Family::Private, written[1]))),
        (Kind::Tile, (Family::Nodes, tile_key(0, 0).to_vec()), None),
        (Kind::Format, meta(meta::FORMAT), None),
        (Kind::Checkpoint, meta(meta::CHECKPOINT), None),
        (Kind::Number, number(b"oakvale"), Some(number(b"brookside"))),
        (Kind::Access, meta(meta::ACCESS), Some(meta(meta::SCHEMA))),
        (Kind::Schema, meta(meta::SCHEMA), Some(meta(meta::ACCESS))),
        (Kind::Epoch, meta(meta::EPOCH), None),
        (Kind::InForce, meta(meta::IN_FORCE), None),
        (Kind::CategoryKey, root(Use::Category, "oakvale"), Some(root(Use::Category, "brookside"))),
        (Kind::LocatorKey, root(Use::Locator, "oakvale"), Some(root(Use::Locator, "brookside"))),
        (Kind::LogKey, root(Use::Log, "vault"), Some(root(Use::Category, "vault"))),
        (Kind::SubjectKey, finder.subject_key(one), Some(finder.subject_key(other))),
        (Kind::Tombstone, (family, key), Some(finder.subject_key(other))),
        (Kind::Index, finder.index(one), Some(finder.index(other))),
        (Kind::AuditKey, finder.audit_key(one), Some(finder.audit_key(other))),
        (Kind::Record, finder.record(one), Some(finder.record(other))),
        (Kind::Count, count(0), Some(count(1))),
    ];
    let mut victims: Vec<_> = rows
        .into_iter()
        .map(|(kind, place, sibling)| Victim { kind, place, sibling, tenant: one, newest: "12345678" })
        .collect();
    let (tenant, newest) = (crate::scene::HELD, "12345678");
    let hold = (finder.hold(tenant), Some(finder.hold(crate::scene::HELD_TOO)));
    let request = (approved[0].clone(), Some(asked[0].clone()));
    for (kind, (place, sibling)) in [(Kind::Approval, request), (Kind::Hold, hold)] {
        victims.push(Victim { kind, place, sibling, tenant, newest });
    }
    // One who has got a further version since.
    let (place, tenant, newest) = (finder.record("tenant-2"), "tenant-2", "00000003");
    victims.push(Victim { kind: Kind::Record, place, sibling: None, tenant, newest });
    victims
}

fn every_kind_is_there(engine: &dyn Engine) {
    let families = Family::FIXED.into_iter().chain(crate::scene::CATEGORIES.map(crate::scene::rows_of));
    let rows = |family| engine.scan(family, b"", None, usize::MAX).unwrap();
    let kinds =
        families.flat_map(|family| rows(family).into_iter().map(move |(key, value)| Kind::of(family, &key, &value)));
    assert_eq!(kinds.collect::<BTreeSet<_>>(), Kind::ALL.into_iter().collect());
}

fn checked(home: &Home) -> Result<Report, CheckError> {
    let rocks = home.rocks();
    let root = home.root_key();
    check::check(&home.to_check(&rocks), Some(&root), &Silent)
}

fn started(home: &Home) -> Start {
    let engine: Arc<dyn Engine> = Arc::new(home.rocks());
    match House::open(Arc::clone(&home.config), engine, Arc::clone(&home.clock), &home.root_key()) {
        Ok(_) => Start::Open,
        Err(HouseError::Log(error)) if error.not_continuous() => Start::Sealed,
        Err(_) => Start::Refused,
    }
}

/// What is heard by those who ask for a tenant's bank details, and by an auditor.
async fn asked(vault: &Running, victim: &Victim, tamper: Tamper) -> String {
    let (officer, rents) = (vault.staff("bank-officer", "oakvale"), vault.staff("rents", "oakvale"));
    let (dpo, auditor) = (vault.staff("dpo", "oakvale"), vault.staff("auditor", "oakvale"));
    let (tenant, newest) = (victim.tenant, victim.newest);
    let mut heard = Vec::new();
    let read = async || officer.read("bank", tenant, "main", &["account_number"]).await;

    let first = read().await;
    if first.outcome().1 == "ok" && !(victim.kind == Kind::Record && tamper == Tamper::Older) {
        assert_eq!(first.item(0)["fields"]["account_number"], newest, "{:?} {tamper:?}", victim.kind);
    }
    heard.push(hear(vault, "read", &first));
    heard.push(hear(vault, "list", &rents.list("bank", tenant).await));
    heard.push(hear(vault, "log", &auditor.post("/v1/log/entry", &json!({ "start": 0, "count": 100 })).await));
    let fields = json!({ "account_number": "11112222" });
    heard.push(hear(vault, "write", &officer.write("bank", tenant, "main", fields).await));
    let erased = dpo.erase_person(tenant, &["bank"]).await;
    heard.push(hear(vault, "erase", &erased));
    if erased.outcome().1 == "ok" {
        assert_eq!(read().await.outcome().1, "not_found", "{:?} {tamper:?}", victim.kind);
    }
    heard.join(" ")
}

/// Who meets what was altered hears one answer, and behind it stands a leaf that says so.
fn hear(vault: &Running, what: &str, reply: &Reply) -> String {
    let (_, code) = reply.outcome();
    let last = vault.leaves_since(vault.log_size() - 1).remove(0);
    let failed = last.failed == Some(coffer_wire::problem::Code::Altered);
    assert_eq!(code == "altered", failed, "{what}: {reply}, and the last leaf is {last:?}");
    format!("{what}:{code}")
}

/// Leaves: one that a tile holds, and one that none holds yet.
const LOG: &str = r"
Leaf Flip Sealed leaf_altered,leaf_malformed
Leaf Delete Sealed leaf_missing
Leaf Exchange Sealed leaf_altered,time_fell,number_gap,private_altered
Leaf Flip Sealed root_mismatch,leaf_malformed
Leaf Delete Sealed leaf_missing
Leaf Exchange Sealed root_mismatch,time_fell,number_gap,number_wrong,private_altered
Private Flip Open private_altered
    read:ok list:ok log:ok write:ok erase:ok
Private Delete Open private_missing
    read:ok list:ok log:ok write:ok erase:ok
Private Exchange Open private_altered
    read:ok list:ok log:ok write:ok erase:ok
Tile Flip Sealed tile_altered
Tile Delete Sealed tile_missing";

/// What the store says of itself is believed nowhere.
const META: &str = r"
Format Flip Refused another_format
Format Delete Refused format_unsaid
Checkpoint Flip Sealed checkpoint_altered
Checkpoint Delete Sealed checkpoint_missing
Checkpoint Older Sealed foreign_entry,leaf_beyond,number_wrong,head_ahead,erasures_ahead,policy_altered,approval_state_wrong,key_unlogged,tombstone_wrong,row_missing,row_unlogged
Number Flip Sealed number_wrong
Number Delete Sealed number_wrong
Number Exchange Sealed number_wrong
Number Older Sealed number_wrong
Access Flip Refused policy_altered
Access Delete Refused policy_altered
Access Exchange Refused policy_altered
Access Older Refused policy_altered
Schema Flip Refused policy_altered
Schema Delete Refused policy_altered
Schema Exchange Refused policy_altered
Schema Older Refused policy_altered
Epoch Flip Refused policy_altered
Epoch Delete Refused policy_altered
Epoch Older Refused policy_altered
InForce Flip Refused policy_altered
InForce Delete Refused policy_altered
InForce Older Refused policy_altered";

/// Requests, holds and counts.
const PEOPLE: &str = r"
Count Flip Open count_altered
    read:ok list:ok log:ok write:ok erase:ok
Count Delete Open nothing
    read:ok list:ok log:ok write:ok erase:ok
Count Exchange Open count_altered
    read:ok list:ok log:ok write:ok erase:ok
Approval Flip Open approval_altered
    read:ok list:ok log:ok write:ok erase:on_hold
Approval Delete Open approval_missing
    read:ok list:ok log:ok write:ok erase:on_hold
Approval Exchange Open approval_altered
    read:ok list:ok log:ok write:ok erase:on_hold
Approval Older Open approval_state_wrong
    read:ok list:ok log:ok write:ok erase:on_hold
Hold Flip Open hold_altered
    read:ok list:ok log:ok write:ok erase:altered
Hold Delete Open hold_missing
    read:ok list:ok log:ok write:ok erase:ok
Hold Exchange Open hold_altered
    read:ok list:ok log:ok write:ok erase:altered";

/// A tombstone says only what is over; an index row is asked by who erases.
const KEYS: &str = r"
CategoryKey Flip Refused key_state_altered
CategoryKey Delete Refused key_wrap_missing,key_versions,key_missing
CategoryKey Exchange Refused key_altered
LocatorKey Flip Refused key_state_altered
LocatorKey Delete Refused key_missing
LocatorKey Exchange Refused key_altered
LogKey Flip Refused key_state_altered
LogKey Delete Refused key_missing
LogKey Exchange Refused approval_altered,private_unattributed,key_foreign,key_altered
SubjectKey Flip Open key_altered,row_altered
    read:altered list:altered log:ok write:altered erase:altered
SubjectKey Delete Open key_missing,index_dangling,row_key_missing
    read:altered list:altered log:ok write:altered erase:altered
SubjectKey Exchange Open key_altered,index_missing,index_dangling,row_altered
    read:altered list:altered log:ok write:altered erase:altered
Tombstone Flip Open tombstone_wrong
    read:ok list:ok log:ok write:ok erase:ok
Tombstone Delete Open tombstone_missing
    read:ok list:ok log:ok write:ok erase:ok
Tombstone Exchange Open erasure_unmirrored,erased_key_lives,key_altered,key_undestroyed,tombstone_wrong,index_missing,index_dangling,row_missing,row_key_destroyed
    read:ok list:ok log:ok write:ok erase:ok
Tombstone Older Open erased_key_lives,key_undestroyed,index_missing
    read:ok list:ok log:ok write:ok erase:ok
Index Flip Open index_altered
    read:ok list:ok log:ok write:ok erase:altered
Index Delete Open index_missing
    read:ok list:ok log:ok write:ok erase:ok
Index Exchange Open index_missing,index_dangling
    read:ok list:ok log:ok write:ok erase:altered
Index Older Open index_missing,index_dangling
    read:ok list:ok log:ok write:ok erase:ok
AuditKey Flip Open private_unattributed,key_altered
    read:ok list:ok log:ok write:altered erase:ok
AuditKey Delete Open private_unattributed
    read:ok list:ok log:ok write:ok erase:ok
AuditKey Exchange Open private_unattributed,key_altered
    read:ok list:ok log:ok write:altered erase:ok";

/// One record of a person, and one that has got a further version. What is gone is absent to who reads, and missing to who
/// checks; an older whole row is read, and found by a check.
const RECORDS: &str = r"
Record Flip Open row_altered
    read:altered list:ok log:ok write:ok erase:ok
Record Delete Open row_missing
    read:not_found list:not_found log:ok write:ok erase:ok
Record Exchange Open row_missing,row_foreign
    read:altered list:altered log:ok write:altered erase:altered
Record Older Open row_missing,row_key_destroyed
    read:not_found list:not_found log:ok write:ok erase:ok
Record Flip Open row_altered
    read:altered list:ok log:ok write:ok erase:ok
Record Delete Open row_missing
    read:not_found list:not_found log:ok write:ok erase:ok
Record Older Open row_older
    read:ok list:ok log:ok write:ok erase:ok";
