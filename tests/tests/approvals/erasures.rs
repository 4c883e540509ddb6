//! What one person erases alone within an hour, and how much more with another's approval.

use std::sync::Arc;

use coffer_tests::harness::{Home, Reply, Running, Serving, Staff, Store};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::store::Family;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

use crate::{approve, listed, with};

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// What `coffer.toml` of these vaults permits within an hour.
const LIMIT: usize = 3;

/// A vault whose time stands until the test moves it, and two officers of it who may erase.
struct Timed {
    vault: Running,
    clock: Arc<Manual>,
}

impl Timed {
    fn over(store: Store) -> Timed {
        let mut home = Home::new(store);
        let most = coffer_vault::config::LIMIT_MAX;
        let set =
            |text: String| text.replace(&format!("erasures_an_hour = {most}"), &format!("erasures_an_hour = {LIMIT}"));
        home.reconfigure(set);
        assert_eq!(home.config.erasures_an_hour as usize, LIMIT);
        let clock = Arc::new(Manual::new(System.now_ms()));
        home.clock = Arc::<Manual>::clone(&clock);
        Timed { vault: home.serve(), clock }
    }

    fn new() -> Timed {
        Timed::over(Store::Memory)
    }

    async fn restart(self) -> Timed {
        Timed { vault: self.vault.restart().await, clock: self.clock }
    }

    fn officer(&self, person: &str) -> Staff {
        self.person(person, "dpo")
    }

    fn person(&self, person: &str, role: &str) -> Staff {
        let staff = self.vault.staff(role, "oakvale");
        let application = coffer_tests::harness::application_of(role);
        let wanted = self.vault.home().request(person, &[role], application, &["oakvale"]);
        staff.with_token(self.vault.home().mint(&wanted, self.clock.now_ms()))
    }

    /// Bank details of so many tenants.
    async fn fill(&self, count: usize) {
        let officer = self.person("bank@example", "bank-officer");
        for tenant in 0..count {
            officer.write("bank", &format!("t{tenant}"), "r", json!({ "sort_code": "00-00-01" })).await.granted();
        }
    }

    async fn is_there(&self, tenant: usize) -> bool {
        let officer = self.person("bank@example", "bank-officer");
        officer.read("bank", &format!("t{tenant}"), "r", &["sort_code"]).await.outcome().0 == 200
    }

    /// So many more are allowed to the first officer, whom a second approves.
    async fn allow(&self, body: &Value) {
        let (first, second) = (self.officer("dpo@example"), self.officer("second@example"));
        first.post_by_two(&second, "/v1/erasures/allow", body).await.granted();
    }
}

async fn erase(staff: &Staff, tenant: usize) -> (u16, String) {
    staff.erase("bank", &format!("t{tenant}"), "r").await.outcome()
}

fn done() -> (u16, String) {
    (200, "ok".to_owned())
}

fn too_many() -> (u16, String) {
    (409, "too_many_erasures".to_owned())
}

fn more(count: u32) -> Value {
    json!({
        "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": count, "hours": 1,
        "reason": "the tenancies that ended in 2019",
    })
}

fn codes(reply: &Reply) -> Vec<String> {
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["code"].as_str().unwrap_or("ok").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_number_of_an_hour_one_person_erases_nothing_until_another_has_approved_it() {
    let timed = Timed::new();
    timed.fill(9).await;
    let (first, second) = (timed.officer("dpo@example"), timed.officer("second@example"));
    // Each record and each person counts, wherever it stands in a request; what is not there does not.
    let items = json!([
        { "category": "bank", "person": "t0", "record": "r" }, { "category": "bank", "person": "t0", "record": "r" },
        { "category": "bank", "person": "nobody", "record": "r" },
    ]);
    assert_eq!(codes(&first.items("/v1/records/erase", items).await), ["ok", "not_found", "not_found"]);
    let start = timed.vault.log_size();
    let items = json!([{ "person": "t1" }, { "person": "t2", "categories": ["bank"] }, { "person": "t3" }, { "person": "nobody" }]);
    let reply = first.items("/v1/subjects/erase", items).await;
    assert_eq!(codes(&reply), ["ok", "ok", "too_many_erasures", "too_many_erasures"]);
    let detail = reply.json()["items"][2]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`coffer erasures allow`"), "{detail}");
    let refused: Vec<_> = timed
        .vault
        .leaves_since(start)
        .into_iter()
        .filter(|leaf| leaf.refused == Some(Code::TooManyErasures))
        .collect();
    assert_eq!(refused.len(), 2, "one leaf for each refusal");
    assert!(refused.iter().all(|leaf| leaf.action == Action::SubjectsErase && leaf.actor.is_some()));
    assert_eq!(erase(&first, 3).await, too_many());
    assert!(timed.is_there(3).await);
    // Nor does another spelling of the name erase more; another person does.
    assert_eq!(erase(&timed.officer(" DPO@example"), 3).await, too_many());
    assert_eq!(erase(&second, 4).await, done());

    let start = timed.vault.log_size();
    let asked = first.post("/v1/erasures/allow", &more(2)).await.refused(409, "approval_needed");
    let id = asked.json()["approval"].clone();
    let words = asked.json()["detail"].as_str().unwrap().to_owned();
    assert!(words.contains("up to 2 more from bank for erasure, within 1 h"), "{words}");
    assert_eq!(erase(&first, 3).await, too_many(), "asked for is not allowed");
    approve(&first, &id).await.refused(403, "approval_own");
    let auditor = timed.person("auditor@example", "auditor");
    assert_eq!(approve(&auditor, &id).await.outcome().0, 403, "who may not erase approves no erasure");
    assert_eq!(listed(&second).await[0]["shown"], words);
    approve(&second, &id).await.granted();
    assert_eq!(erase(&first, 3).await, too_many(), "approved is not yet allowed");
    first.post("/v1/erasures/allow", &with(&more(3), &id)).await.refused(422, "approval_mismatch");
    second.post("/v1/erasures/allow", &with(&more(2), &id)).await.refused(422, "approval_mismatch");
    let answer = first.post("/v1/erasures/allow", &with(&more(2), &id)).await.granted().json();
    assert_eq!((&answer["count"], answer["until_ms"].as_u64()), (&json!(2), Some(timed.clock.now_ms() + HOUR_MS)));
    first.post("/v1/erasures/allow", &with(&more(2), &id)).await.refused(409, "approval_used");
    let leaves = timed.vault.leaves_since(start);
    let granted = |action| leaves.iter().filter(|leaf| leaf.action == action && leaf.granted.is_some()).count();
    assert_eq!([Action::ApprovalAsk, Action::ApprovalGrant, Action::ErasureAllow].map(granted), [1, 1, 1]);

    assert_eq!(erase(&first, 3).await, done());
    assert_eq!(first.erase_person("t5", &["bank"]).await.outcome(), done());
    assert_eq!(erase(&first, 6).await, too_many());
    assert!(timed.is_there(6).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_slides_and_no_restart_forgets_it() {
    let timed = Timed::over(Store::Rocks);
    timed.fill(9).await;
    let officer = timed.officer("dpo@example");
    assert_eq!(erase(&officer, 0).await, done());
    timed.clock.advance(10_000);
    for tenant in 1..LIMIT {
        assert_eq!(erase(&officer, tenant).await, done());
    }
    let timed = timed.restart().await;
    assert_eq!(erase(&timed.officer("dpo@example"), 5).await, too_many());
    timed.clock.advance(HOUR_MS - 10_001);
    assert_eq!(erase(&timed.officer("dpo@example"), 5).await, too_many());
    timed.clock.advance(1);
    assert_eq!(erase(&timed.officer("dpo@example"), 5).await, done(), "the first is an hour old");
    assert_eq!(erase(&timed.officer("dpo@example"), 6).await, too_many(), "the others are not");
    let timed = timed.restart().await;
    assert_eq!(erase(&timed.officer("dpo@example"), 6).await, too_many());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_for_its_place_its_count_and_its_time_across_restarts() {
    let timed = Timed::over(Store::Rocks);
    timed.fill(12).await;
    let carer = timed.person("care@example", "support-worker");
    carer.write("care", "t0", "plan", json!({ "needs": "a ramp" })).await.granted();
    timed.allow(&more(3)).await;
    let officer = timed.officer("dpo@example");
    for tenant in 1..=LIMIT + 1 {
        assert_eq!(erase(&officer, tenant).await, done());
    }
    assert_eq!(officer.erase("care", "t0", "plan").await.outcome(), too_many(), "another category");
    assert_eq!(officer.erase_person("t0", &[]).await.outcome(), too_many(), "all categories");
    assert_eq!(erase(&timed.officer("second@example"), 5).await, done());

    let timed = timed.restart().await;
    let officer = timed.officer("dpo@example");
    assert_eq!(erase(&officer, 6).await, done());
    let timed = timed.restart().await;
    timed.clock.advance(HOUR_MS - 1);
    assert_eq!(erase(&timed.officer("dpo@example"), 7).await, done(), "the last of three");
    assert_eq!(erase(&timed.officer("dpo@example"), 8).await, too_many());
    timed.clock.advance(1);
    for tenant in 8..8 + LIMIT {
        assert_eq!(erase(&timed.officer("dpo@example"), tenant).await, done(), "a new hour");
    }
    timed.allow(&more(1)).await;
    timed.clock.advance(HOUR_MS - 1);
    let timed = timed.restart().await;
    assert_eq!(erase(&timed.officer("dpo@example"), 11).await, done());
    // Rows whose time is over go, without a leaf.
    timed.clock.advance(HOUR_MS);
    let start = timed.vault.log_size();
    assert!(timed.vault.house().forget_erasures().await > 0);
    assert_eq!(timed.vault.log_size(), start);
    let rows = timed.vault.engine().scan(Family::Meta, b"erasures:", None, 10).unwrap();
    assert_eq!(rows.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowance_that_is_over_allows_nothing() {
    let timed = Timed::new();
    timed.fill(9).await;
    timed.allow(&more(5)).await;
    timed.clock.advance(HOUR_MS);
    let officer = timed.officer("dpo@example");
    for tenant in 0..LIMIT {
        assert_eq!(erase(&officer, tenant).await, done());
    }
    assert_eq!(erase(&officer, LIMIT).await, too_many());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_no_more_than_one_after_the_other() {
    let timed = Timed::new();
    timed.fill(24).await;
    timed.allow(&more(4)).await;
    let officer = timed.officer("dpo@example");
    officer.list("bank", "nobody").await;
    let tasks = (0..24).map(|tenant| {
        let officer = officer.clone();
        tokio::spawn(async move { erase(&officer, tenant).await })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == done()).count(), LIMIT + 4, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| *outcome == done() || *outcome == too_many()), "{outcomes:?}");
}

/// What came to nothing is not counted, and what is told again is not counted twice.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_ends_is_counted_and_once() {
    let timed = Timed::new();
    timed.fill(9).await;
    let officer = timed.officer("dpo@example");
    let hold = json!({ "controller": "oakvale", "person": "t8", "reason": "a claim" });
    officer.post("/v1/holds/set", &hold).await.granted();
    for _ in 0..2 * LIMIT {
        officer.erase("bank", "nobody", "r").await.refused(404, "not_found");
        officer.erase_person("nobody", &[]).await.refused(404, "not_found");
        officer.erase_person("t8", &[]).await.refused(409, "on_hold");
        officer.erase("bank", "t8", "r").await.refused(409, "on_hold");
        assert_eq!(erase(&officer.named("one-1"), 0).await, done());
    }
    for tenant in 1..LIMIT {
        assert_eq!(erase(&officer, tenant).await, done());
    }
    assert_eq!(erase(&officer, 5).await, too_many());
    assert_eq!(erase(&officer.named("one-1"), 0).await, done(), "it is told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_allowed_is_refused_on_record() {
    let timed = Timed::new();
    let officer = timed.officer("dpo@example");
    officer.post("/v1/whoami", &json!({})).await.granted();
    for (member, value, code) in [
        ("count", json!(0), Code::Malformed),
        ("count", json!(100_001), Code::Malformed),
        ("hours", json!(0), Code::Malformed),
        ("hours", json!(25), Code::Malformed),
        ("reason", json!(" "), Code::Malformed),
        ("reason", json!("w".repeat(257)), Code::Malformed),
        ("case", json!("w".repeat(257)), Code::Malformed),
        ("categories", json!([]), Code::Malformed),
        ("categories", json!(vec!["bank"; 65]), Code::Malformed),
        ("categories", json!(["bank", "shoes"]), Code::UnknownCategory),
        ("purpose", json!("payments"), Code::PurposeNotPermitted),
        ("controller", json!("brookside"), Code::ForbiddenController),
        ("reason", json!("4111 1111 1111 1111"), Code::CardNumber),
    ] {
        let mut body = more(5);
        body[member] = value.clone();
        let start = timed.vault.log_size();
        let reply = officer.post("/v1/erasures/allow", &body).await;
        assert_eq!(reply.outcome(), (code.status(), code.as_str().to_owned()), "{member}: {value}");
        let leaves: Vec<_> =
            timed.vault.leaves_since(start).into_iter().filter(|leaf| leaf.refused.is_some()).collect();
        assert_eq!(leaves.len(), 1, "{leaves:?}");
        assert_eq!((leaves[0].action, leaves[0].refused), (Action::ErasureAllow, Some(code)));
    }
    assert_eq!(listed(&officer).await, [Value::Null; 0]);
    let bank = timed.person("bank@example", "bank-officer");
    assert_eq!(bank.post("/v1/erasures/allow", &more(5)).await.outcome().0, 403, "who may not erase");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_name_nobody_in_clear_and_whoever_alters_one_is_no_further() {
    let timed = Timed::new();
    timed.fill(6).await;
    let officer = timed.officer("dpo@example");
    for tenant in 0..LIMIT {
        assert_eq!(erase(&officer, tenant).await, done());
    }
    let rows = timed.vault.engine().scan(Family::Meta, b"erasures:", None, 10).unwrap();
    assert_eq!(rows.len(), LIMIT);
    for (key, row) in &rows {
        for text in ["dpo@example", "erased", "t0"] {
            let lies = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!lies(row) && !lies(&key[b"erasures:".len()..]), "{text} lies in clear");
        }
    }
    assert_eq!(erase(&officer, 5).await, too_many());
}
