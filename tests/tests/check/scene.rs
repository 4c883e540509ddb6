//! A home with something of everything in it, that can be tampered with and put right again.

use std::sync::Arc;

use coffer_tests::harness::{Home, Running, Serving, Staff, Store, name};
use coffer_vault::check::{self, Code, Place, Report, Silent};
use coffer_vault::store::{Batch, Engine, Family};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::json;

/// The categories of which something is kept here.
pub const CATEGORIES: [&str; 4] = ["bank", "care", "complaints", "debts"];

/// Whose erasure a hold forbids; of the second nothing is kept.
pub const HELD: &str = "tenant-3";
pub const HELD_TOO: &str = "former-tenant";

/// Reads in one request: more than a tile of leaves.
const READS: usize = 220;

/// A change of one row: its family, its key, and what stands there then.
pub type Change = (Family, Vec<u8>, Option<Vec<u8>>);

/// A stopped home.
pub struct Scene {
    pub home: Home,
    pub engine: Arc<dyn Engine>,
    pub size: u64,
    /// The leaves that wrote records.
    pub written: Vec<u64>,
    /// The store as it stood before the last requests.
    pub before: Vec<Change>,
    /// The first leaf after that.
    pub size_before: u64,
    pub show_ids: bool,
}

impl Scene {
    /// Two landlords, records of four categories, witnesses, second versions, erasures, refusals, and
    /// more reads than a tile holds.
    pub async fn of(store: Store) -> Scene {
        let vault = Home::new(store).serve();
        populate(&vault).await;
        let (before, size_before) = (all(&**vault.engine()), vault.log_size());
        afterwards(&vault).await;
        let size = vault.log_size();
        let written = (0..size).filter(|index| {
            let leaf = Leaf::parse(&vault.leaf_bytes(*index)).unwrap();
            leaf.action == Action::RecordsWrite && leaf.granted.is_some()
        });
        let written = written.collect();
        let home = vault.stop().await;
        let engine = home.engine();
        Scene { home, engine, size, written, before, size_before, show_ids: false }
    }

    /// Checks it as it stands.
    pub fn check(&self, with_seal: bool) -> Report {
        let root = with_seal.then(|| self.home.root_key());
        let home = check::Home { show_ids: self.show_ids, cards: true, ..self.home.to_check(&*self.engine) };
        check::check(&home, root.as_ref(), &Silent).unwrap()
    }

    /// Checks it with some rows changed, and puts them right again.
    pub fn with(&self, changes: &[Change], with_seal: bool) -> Report {
        let back: Vec<Change> =
            changes.iter().map(|(family, key, _)| (*family, key.clone(), self.get(*family, key))).collect();
        self.apply(changes);
        let report = self.check(with_seal);
        self.apply(&back);
        report
    }

    /// Changes rows for good.
    pub fn apply(&self, changes: &[Change]) {
        let mut batch = Batch::new();
        for (family, key, value) in changes {
            match value {
                Some(value) => batch.put(*family, key.clone(), value.clone()),
                None => batch.delete(*family, key.clone()),
            }
        }
        self.engine.commit(&batch).unwrap();
    }

    pub fn get(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        self.engine.get(family, key).unwrap()
    }

    /// The rows of a family, key and value.
    pub fn rows(&self, family: Family) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.engine.scan(family, b"", None, usize::MAX).unwrap()
    }

    /// A row of a category, by its place in the order of keys.
    pub fn row(&self, category: &str, at: usize) -> (Vec<u8>, Vec<u8>) {
        self.rows(rows_of(category)).remove(at)
    }

    pub fn count(&self, families: &[Family]) -> u64 {
        families.iter().map(|family| self.rows(*family).len() as u64).sum()
    }
}

/// What was found: code and place.
pub fn places(report: &Report) -> Vec<(Code, Place)> {
    assert_eq!(report.findings.kept().len() as u64, report.findings.total());
    report.findings.kept().iter().map(|finding| (finding.code, finding.place.clone())).collect()
}

pub fn rows_of(category: &str) -> Family {
    Family::Rows(name(category))
}

/// Every row of every family, as changes that put it back.
fn all(engine: &dyn Engine) -> Vec<Change> {
    let families = Family::FIXED.into_iter().chain(CATEGORIES.map(rows_of));
    let rows = |family| engine.scan(family, b"", None, usize::MAX).unwrap();
    families.flat_map(|family| rows(family).into_iter().map(move |(key, value)| (family, key, Some(value)))).collect()
}

async fn populate(vault: &Running) {
    for controller in ["oakvale", "brookside"] {
        let officer = vault.staff("bank-officer", controller);
        for tenant in 1..=4 {
            bank(&officer, &format!("tenant-{tenant}"), "main", "12345678").await;
        }
        bank(&officer, "tenant-1", "second", "87654321").await;
        bank(&officer, "tenant-2", "main", "00000002").await;
        let carer = vault.staff("support-worker", controller);
        carer.write("care", "tenant-1", "plan", json!({ "needs": "a ramp" })).await.granted();
        let adviser = vault.staff("debt-adviser", controller);
        adviser.write("debts", "tenant-2", "gas", json!({ "creditor": "Gas" })).await.granted();
        let handler = vault.staff("complaints-handler", controller);
        for (tenant, witness) in [("tenant-1", "tenant-2"), ("tenant-3", "witness-1")] {
            complaint(&handler, tenant, witness).await;
        }
        // Refused: by the policy, and as nobody knows this person.
        assert_ne!(officer.read("care", "tenant-1", "plan", &["needs"]).await.status, 500);
        officer.read("bank", "nobody", "main", &["account_name"]).await;
    }
    // What two people have to do with: a request that waits, another that does not wait for long, and holds.
    let dpo = vault.staff("dpo", "oakvale");
    for count in [5, 6] {
        dpo.post("/v1/erasures/allow", &allowance(count)).await.refused(409, "approval_needed");
    }
    for tenant in [HELD, HELD_TOO] {
        let hold = json!({ "controller": "oakvale", "person": tenant, "reason": "a claim" });
        dpo.post("/v1/holds/set", &hold).await.granted();
    }
    many_reads(&vault.staff("bank-officer", "oakvale")).await;
}

/// What is asked for: so many more erasures.
fn allowance(count: u32) -> serde_json::Value {
    json!({
        "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": count, "hours": 1, "reason": "ended",
    })
}

/// What happens after the copy is taken: a third version, erasures of a record, a witness and a tenant.
async fn afterwards(vault: &Running) {
    let officer = vault.staff("bank-officer", "oakvale");
    bank(&officer, "tenant-2", "main", "00000003").await;
    let dpo = vault.staff("dpo", "oakvale");
    dpo.erase("bank", "tenant-1", "second").await.granted();
    dpo.erase_person("witness-1", &[]).await.granted();
    dpo.erase_person("tenant-4", &[]).await.granted();
    bank(&officer, "tenant-4", "main", "00000004").await;
    // Of the two requests one is approved.
    let asked = dpo.post("/v1/erasures/allow", &allowance(5)).await.refused(409, "approval_needed");
    let id = json!({ "id": asked.json()["approval"] });
    vault.second("dpo", "oakvale").post("/v1/approvals/approve", &id).await.granted();
    // Another policy and another schema, in one word that decides nothing.
    let admin = vault.staff("security-admin", "oakvale");
    let access = format!("# Looked at again.\n{}", vault.home().text("access.toml"));
    admin.post("/v1/access/apply", &json!({ "files": { "access.toml": access } })).await.granted();
    let mut schema = vault.home().schema();
    schema.values_mut().for_each(|file| *file = format!("# Looked at again.\n{file}"));
    admin.post("/v1/schema/apply", &json!({ "files": schema })).await.granted();
}

async fn bank(officer: &Staff, person: &str, record: &str, number: &str) {
    let fields = json!({ "account_name": "A. Tenant", "account_number": number });
    officer.write("bank", person, record, fields).await.granted();
}

async fn complaint(handler: &Staff, person: &str, witness: &str) {
    let item = json!({
        "category": "complaints", "person": person, "record": "damp",
        "fields": { "summary": "Damp.", "witness_statement": "I saw it." },
        "about": { "witness_statement": witness }
    });
    handler.items("/v1/records/write", json!([item])).await.granted();
}

async fn many_reads(officer: &Staff) {
    let item = json!({
        "category": "bank", "person": "tenant-1", "record": "main", "fields": ["account_name"], "form": "clear"
    });
    let items: Vec<_> = (0..READS).map(|_| item.clone()).collect();
    officer.items("/v1/records/read", json!(items)).await.granted();
}
