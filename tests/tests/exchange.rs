//! Rows moved about in RocksDB while the server is stopped: whatever stands in a place where it was
//! not written is not read, and the log says so.
#![allow(clippy::unwrap_used)]

use coffer_keys::row::Row;
use coffer_tests::harness::{Home, Running, Serving, Staff, Store, name};
use coffer_vault::store::rocks::Rocks;
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

/// A row of the store.
#[derive(Clone)]
struct Place {
    family: Family,
    key: Vec<u8>,
}

/// A vault whose rows can be found as they are written.
struct Scene(Running);

const FIELDS: [&str; 2] = ["account_name", "account_number"];

impl Scene {
    fn set() -> Scene {
        Scene(Home::new(Store::Rocks).serve())
    }

    fn officer(&self) -> Staff {
        self.0.staff("bank-officer", "oakvale")
    }

    /// Writes two fields of a bank record and says where the row lies.
    async fn write(&self, staff: &Staff, person: &str, record: &str) -> Place {
        let fields = json!({ "account_name": "A. Tenant", "account_number": "00001234" });
        self.written(staff, "bank", person, record, fields).await
    }

    async fn written(&self, staff: &Staff, category: &str, person: &str, record: &str, fields: Value) -> Place {
        let family = Family::Rows(name(category));
        self.new_row(family, b"", || staff.write(category, person, record, fields)).await
    }

    /// The one row that is new or changed under a prefix after a request that must succeed.
    async fn new_row<F>(&self, family: Family, prefix: &[u8], ask: impl FnOnce() -> F) -> Place
    where
        F: Future<Output = coffer_tests::harness::Reply>,
    {
        let before = rows(&**self.0.engine(), family, prefix);
        ask().await.granted();
        let mut after = rows(&**self.0.engine(), family, prefix);
        after.retain(|row| !before.contains(row));
        assert_eq!(after.len(), 1, "rows that came or changed under {family}");
        Place { family, key: after.remove(0).0 }
    }

    /// Stops the server, changes the store behind its back, and starts it again.
    async fn tamper(self, change: impl FnOnce(&Rocks)) -> Scene {
        let home = self.0.stop().await;
        let rocks = home.rocks();
        change(&rocks);
        drop(rocks);
        Scene(home.serve())
    }

    /// A request that meets what was altered: one answer for all of them, and leaves that end in `failed`.
    async fn altered<F>(&self, action: Action, leaves: &[&str], ask: impl FnOnce() -> F)
    where
        F: Future<Output = coffer_tests::harness::Reply>,
    {
        let before = self.0.log_size();
        let reply = ask().await;
        assert_eq!(reply.status, 200, "{reply}");
        let mut item = reply.item(0);
        let receipts = item.as_object_mut().unwrap().remove("receipts").unwrap();
        let uniform = json!({ "status": 500, "code": "altered", "detail": Code::Altered.title() });
        assert_eq!(item, uniform);
        assert_eq!(receipts.as_array().unwrap().len(), 1, "{receipts}");
        assert_eq!(receipts[0].as_object().unwrap().len(), 3, "a receipt of a failure shows index, hash and note");
        let said: Vec<Leaf> = self.0.leaves_since(before).into_iter().filter(|leaf| leaf.action == action).collect();
        let decided: Vec<_> = said.iter().map(decision).collect();
        assert_eq!(decided, leaves, "{said:?}");
        assert_eq!(said.last().unwrap().failed, Some(Code::Altered));
        assert_eq!(receipts[0]["index"], self.0.log_size() - 1);
    }

    /// A read that was granted and recorded, and then did not open.
    async fn unreadable(&self, staff: &Staff, category: &str, person: &str, record: &str, fields: &[&str]) {
        let ask = || staff.read(category, person, record, fields);
        self.altered(Action::RecordsRead, &["granted", "failed"], ask).await;
        let ask = || staff.read_as("masked", category, person, record, fields);
        self.altered(Action::RecordsRead, &["granted", "failed"], ask).await;
    }

    /// A read of a row whose keys are of another line: that shows before anything is granted.
    async fn foreign(&self, staff: &Staff, category: &str, person: &str, record: &str, fields: &[&str]) {
        let ask = || staff.read(category, person, record, fields);
        self.altered(Action::RecordsRead, &["failed"], ask).await;
        let ask = || staff.read_as("masked", category, person, record, fields);
        self.altered(Action::RecordsRead, &["failed"], ask).await;
    }

    /// Puts another row in a place, which nothing may open then.
    async fn spoiled(self, place: &Place, row: Row) -> Scene {
        let scene = self.tamper(|rocks| put(rocks, place, row.encode())).await;
        scene.unreadable_bank(&scene.officer(), "p", "r").await;
        scene
    }

    /// Also for a field that the row does not hold: whose row it is must be known before that is said.
    async fn unreadable_bank(&self, staff: &Staff, person: &str, record: &str) {
        for fields in [&FIELDS[..], &FIELDS[..1], &FIELDS[1..], &["sort_code"]] {
            self.unreadable(staff, "bank", person, record, fields).await;
        }
    }
}

fn decision(leaf: &Leaf) -> &'static str {
    match (&leaf.granted, leaf.refused, leaf.failed) {
        (Some(_), None, None) => "granted",
        (None, Some(_), None) => "refused",
        (None, None, Some(_)) => "failed",
        _ => "nothing",
    }
}

fn rows(engine: &dyn Engine, family: Family, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    engine.scan(family, prefix, None, usize::MAX).unwrap()
}

fn value(rocks: &Rocks, place: &Place) -> Vec<u8> {
    rocks.get(place.family, &place.key).unwrap().unwrap()
}

fn put(rocks: &Rocks, place: &Place, bytes: Vec<u8>) {
    let mut batch = Batch::new();
    batch.put(place.family, place.key.clone(), bytes);
    rocks.commit(&batch).unwrap();
}

fn exchange(rocks: &Rocks, one: &Place, other: &Place) {
    let (first, second) = (value(rocks, one), value(rocks, other));
    assert_ne!(first, second);
    put(rocks, one, second);
    put(rocks, other, first);
}

fn change_row(rocks: &Rocks, place: &Place, change: impl FnOnce(&mut Row)) {
    let mut row = Row::parse(&value(rocks, place)).unwrap();
    change(&mut row);
    put(rocks, place, row.encode());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exchanged_is_read_after_the_store_was_opened_by_another_hand() {
    let scene = Scene::set();
    let officer = scene.officer();
    let place = scene.write(&officer, "p", "r").await;
    let scene = scene.tamper(|rocks| put(rocks, &place, value(rocks, &place))).await;
    let reply = scene.officer().read("bank", "p", "r", &FIELDS).await.granted();
    assert_eq!(reply.item(0)["fields"]["account_number"], "00001234");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_two_controllers_exchanged_are_read_by_neither() {
    let scene = Scene::set();
    let (ours, theirs) = (scene.officer(), scene.0.staff("bank-officer", "brookside"));
    let one = scene.write(&ours, "p", "r").await;
    let other = scene.write(&theirs, "p", "r").await;
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    scene.foreign(&scene.officer(), "bank", "p", "r", &FIELDS).await;
    scene.foreign(&scene.0.staff("bank-officer", "brookside"), "bank", "p", "r", &FIELDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_two_categories_exchanged_are_read_in_neither() {
    let scene = Scene::set();
    let (officer, adviser) = (scene.officer(), scene.0.staff("debt-adviser", "oakvale"));
    // Field 1 of both is a text.
    let one = scene.written(&officer, "bank", "p", "r", json!({ "account_name": "the same" })).await;
    let other = scene.written(&adviser, "debts", "p", "r", json!({ "creditor": "the same" })).await;
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    scene.foreign(&scene.officer(), "bank", "p", "r", &["account_name"]).await;
    scene.foreign(&scene.0.staff("debt-adviser", "oakvale"), "debts", "p", "r", &["creditor"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_two_persons_exchanged_are_read_of_neither() {
    let scene = Scene::set();
    let officer = scene.officer();
    let (one, other) = (scene.write(&officer, "p", "r").await, scene.write(&officer, "q", "r").await);
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    for person in ["p", "q"] {
        scene.unreadable_bank(&scene.officer(), person, "r").await;
        let rents = scene.0.staff("rents", "oakvale");
        scene.altered(Action::RecordsList, &["granted", "failed"], || rents.list("bank", person)).await;
        let dpo = scene.0.staff("dpo", "oakvale");
        scene.altered(Action::RecordsErase, &["failed"], || dpo.erase("bank", person, "r")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_two_records_exchanged_are_read_as_neither() {
    let scene = Scene::set();
    let officer = scene.officer();
    // One person, one key: only the record's name in the sealed identity tells them apart.
    let (one, other) = (scene.write(&officer, "p", "r").await, scene.write(&officer, "p", "s").await);
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    for record in ["r", "s"] {
        scene.unreadable_bank(&scene.officer(), "p", record).await;
    }
    let rents = scene.0.staff("rents", "oakvale");
    scene.altered(Action::RecordsList, &["granted", "failed"], || rents.list("bank", "p")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fields_exchanged_are_read_as_neither() {
    let scene = Scene::set();
    let place = scene.write(&scene.officer(), "p", "r").await;
    let scene = scene.tamper(|rocks| change_row(rocks, &place, |row| row.fields.swap(0, 1))).await;
    scene.unreadable_bank(&scene.officer(), "p", "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_field_of_two_records_exchanged_spoils_both() {
    let scene = Scene::set();
    let officer = scene.officer();
    let (one, other) = (scene.write(&officer, "p", "r").await, scene.write(&officer, "p", "s").await);
    let scene = scene
        .tamper(|rocks| {
            let [first, second] =
                [&one, &other].map(|place| Row::parse(&value(rocks, place)).unwrap().fields.swap_remove(0));
            change_row(rocks, &one, |row| row.fields[0] = second);
            change_row(rocks, &other, |row| row.fields[0] = first);
        })
        .await;
    for record in ["r", "s"] {
        scene.unreadable_bank(&scene.officer(), "p", record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_exchanged_between_two_states_of_a_row_spoil_both() {
    let (mut scene, place, [old, new]) = two_versions().await;
    for (body, version) in [(&new, old.head.version), (&old, new.head.version)] {
        let mut mixed = body.clone();
        mixed.head.version = version;
        scene = scene.spoiled(&place, mixed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_old_field_put_back_spoils_the_row() {
    let (mut scene, place, [old, new]) = two_versions().await;
    for at in 0..FIELDS.len() {
        for says_so in [false, true] {
            let mut mixed = new.clone();
            mixed.fields[at].clone_from(&old.fields[at]);
            if says_so {
                mixed.head.fields[at] = old.head.fields[at];
            }
            assert_ne!(mixed, new);
            scene = scene.spoiled(&place, mixed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_identity_and_fields_of_two_states_do_not_mix() {
    let (mut scene, place, [old, new]) = two_versions().await;
    let mixes = [
        Row { head: old.head.clone(), ..new.clone() },
        Row { identity: old.identity.clone(), ..new.clone() },
        Row { fields: old.fields.clone(), ..new.clone() },
    ];
    for mixed in mixes {
        scene = scene.spoiled(&place, mixed).await;
    }
}

/// The vault alone cannot see this: the row is whole and was once right. `coffer-vault check` holds
/// rows against the log and names it.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_row_put_back_whole_is_read_as_the_version_that_it_says() {
    let (scene, place, [old, _]) = two_versions().await;
    let scene = scene.tamper(|rocks| put(rocks, &place, old.encode())).await;
    let before = scene.0.log_size();
    let reply = scene.officer().read("bank", "p", "r", &FIELDS).await.granted();
    assert_eq!(reply.item(0)["version"], 1);
    let read = scene.0.leaves_since(before).pop().unwrap();
    assert_eq!((read.action, read.version), (Action::RecordsRead, Some(1)), "the log says which version was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_its_key_and_a_row_of_noise_are_altered_and_not_written_over() {
    let scene = Scene::set();
    let officer = scene.officer();
    scene.write(&officer, "first", "r").await;
    let row = scene.write(&officer, "p", "r").await;
    let key =
        scene.new_row(Family::Keys, b"S", || officer.write("bank", "q", "r", json!({ "sort_code": "00-00-01" }))).await;
    let scene = scene
        .tamper(|rocks| {
            let mut batch = Batch::new();
            batch.delete(key.family, key.key.clone());
            rocks.commit(&batch).unwrap();
            put(rocks, &row, vec![1; 200]);
        })
        .await;
    let officer = scene.officer();
    let fields = || json!({ "account_name": "Another" });
    for (person, asked) in [("q", &["sort_code"][..]), ("p", &FIELDS[..])] {
        scene.altered(Action::RecordsRead, &["failed"], || officer.read("bank", person, "r", asked)).await;
        scene.altered(Action::RecordsWrite, &["failed"], || officer.write("bank", person, "r", fields())).await;
    }
    // A new record of somebody whose key is lost would stand under another one, and the old ones be forgotten.
    scene.altered(Action::RecordsWrite, &["failed"], || officer.write("bank", "q", "new", fields())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_wrapped_key_can_be_changed_so_that_it_passes_for_an_erased_one() {
    let scene = Scene::set();
    let officer = scene.officer();
    scene.write(&officer, "first", "r").await;
    let key =
        scene.new_row(Family::Keys, b"S", || officer.write("bank", "p", "r", json!({ "account_name": "A" }))).await;
    let whole = scene.0.engine().get(key.family, &key.key).unwrap().unwrap();
    // All but the index, which says where the key is found and is held against that by `check`.
    for at in [0, 1, 2, 17, 60, 100, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 2;
        let mut batch = Batch::new();
        batch.put(key.family, key.key.clone(), changed);
        scene.0.engine().commit(&batch).unwrap();
        let reply = officer.read("bank", "p", "r", &FIELDS).await;
        assert_eq!(reply.outcome(), (500, "altered".to_owned()), "byte {at}");
        let reply = officer.write("bank", "p", "r", json!({ "account_name": "B" })).await;
        assert_eq!(reply.outcome(), (500, "altered".to_owned()), "byte {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_keys_of_two_persons_exchanged_open_neither() {
    let scene = Scene::set();
    let officer = scene.officer();
    let fields = || json!({ "account_name": "A. Tenant", "account_number": "00001234" });
    let one = scene.new_row(Family::Keys, b"S", || officer.write("bank", "p", "r", fields())).await;
    let other = scene.new_row(Family::Keys, b"S", || officer.write("bank", "q", "r", fields())).await;
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    for person in ["p", "q"] {
        let officer = scene.officer();
        scene.unreadable_bank(&officer, person, "r").await;
        scene.altered(Action::RecordsWrite, &["failed"], || officer.write("bank", person, "r", fields())).await;
        scene.altered(Action::RecordsWrite, &["failed"], || officer.write("bank", person, "new", fields())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn index_rows_of_two_persons_exchanged_lead_nobody_to_anothers_key() {
    let scene = Scene::set();
    let officer = scene.officer();
    let fields = || json!({ "account_name": "A. Tenant", "account_number": "00001234" });
    let one = scene.new_row(Family::Keys, b"P", || officer.write("bank", "p", "r", fields())).await;
    let other = scene.new_row(Family::Keys, b"P", || officer.write("bank", "q", "r", fields())).await;
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    let (officer, dpo) = (scene.officer(), scene.0.staff("dpo", "oakvale"));
    for person in ["p", "q"] {
        // A row names its key itself.
        officer.read("bank", person, "r", &FIELDS).await.granted();
        scene.altered(Action::RecordsWrite, &["failed"], || officer.write("bank", person, "new", fields())).await;
        scene.altered(Action::SubjectsErase, &["failed"], || dpo.erase_person(person, &["bank"])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_keys_of_two_persons_exchanged_let_the_log_take_neither_for_the_other() {
    let scene = Scene::set();
    let officer = scene.officer();
    scene.write(&officer, "first", "r").await;
    let fields = || json!({ "account_name": "A. Tenant", "account_number": "00001234" });
    let one = scene.new_row(Family::Keys, b"A", || officer.write("bank", "p", "r", fields())).await;
    let other = scene.new_row(Family::Keys, b"A", || officer.write("bank", "q", "r", fields())).await;
    let aliases = |scene: &Scene, since: u64| {
        let subjects = scene.0.leaves_since(since).into_iter().filter(|leaf| leaf.action == Action::RecordsRead);
        subjects.map(|leaf| leaf.subject.unwrap()).collect::<Vec<_>>()
    };
    let mut seen = Vec::new();
    let mut scene = scene;
    for exchanged in [false, true] {
        if exchanged {
            scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
        }
        let (officer, before) = (scene.officer(), scene.0.log_size());
        for person in ["p", "q"] {
            officer.read("bank", person, "r", &FIELDS).await.granted();
        }
        seen.extend(aliases(&scene, before));
    }
    assert_eq!(seen.len(), 4);
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 4, "an alias was taken for another's: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_keys_of_two_staff_exchanged_let_neither_act_in_the_others_name() {
    let scene = Scene::set();
    scene.write(&scene.officer(), "p", "r").await;
    let rents = scene.0.staff("rents", "oakvale");
    let one = scene.new_row(Family::Keys, b"A", || rents.list("bank", "p")).await;
    let colleague = scene.0.home().token_of("colleague", &["rents"], "rents-desk", &["oakvale"]);
    let colleague = rents.with_token(colleague);
    let other = scene.new_row(Family::Keys, b"A", || colleague.list("bank", "p")).await;
    let scene = scene.tamper(|rocks| exchange(rocks, &one, &other)).await;
    let before = scene.0.log_size();
    for token in [colleague.token.clone(), scene.0.token("rents", &["oakvale"])] {
        let staff = colleague.through(scene.0.raw("rents-desk")).with_token(token);
        staff.list("bank", "p").await.refused(500, "altered");
        staff.read("bank", "p", "r", &["sort_code"]).await.refused(500, "altered");
    }
    let leaves = scene.0.leaves_since(before);
    assert!(leaves.iter().all(|leaf| leaf.granted.is_none() && leaf.failed == Some(Code::Altered)), "{leaves:?}");
    assert_eq!(leaves.len(), 4, "a leaf for each that tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unattributed_key_that_does_not_open_is_in_the_log_under_the_vaults_own() {
    let scene = Scene::set();
    let rents = scene.0.staff("rents", "oakvale");
    let before = rows(&**scene.0.engine(), Family::Keys, b"A");
    rents.list("bank", "p").await.refused(404, "not_found");
    let mut made = rows(&**scene.0.engine(), Family::Keys, b"A");
    made.retain(|row| !before.contains(row));
    // The controller's key of the half-year and the officer's own, of which the first is needed first.
    assert_eq!(made.len(), 2);
    let spoil = |rocks: &Rocks| {
        for (key, mut value) in made {
            *value.last_mut().unwrap() ^= 1;
            put(rocks, &Place { family: Family::Keys, key }, value);
        }
    };
    let scene = scene.tamper(spoil).await;
    let (rents, before) = (scene.0.staff("rents", "oakvale"), scene.0.log_size());
    rents.list("bank", "p").await.refused(500, "altered");
    let leaves = scene.0.leaves_since(before);
    assert_eq!(leaves.len(), 1, "{leaves:?}");
    assert_eq!((leaves[0].action, leaves[0].failed), (Action::RecordsList, Some(Code::Altered)));
    assert_eq!(leaves[0].controller.as_str(), "vault");
    // The other landlord's work goes on.
    scene.0.staff("rents", "brookside").list("bank", "p").await.refused(404, "not_found");
}

/// A row that was written twice with the same values: where it lies, and both its states.
async fn two_versions() -> (Scene, Place, [Row; 2]) {
    let scene = Scene::set();
    let place = scene.write(&scene.officer(), "p", "r").await;
    let state = |scene: &Scene| Row::parse(&scene.0.engine().get(place.family, &place.key).unwrap().unwrap()).unwrap();
    let old = state(&scene);
    scene.write(&scene.officer(), "p", "r").await;
    let new = state(&scene);
    assert_eq!((old.head.version, new.head.version), (1, 2));
    (scene, place, [old, new])
}
