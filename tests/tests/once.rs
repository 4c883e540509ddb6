//! A request with an idempotency key takes effect once, however often it is sent, over restarts and losses of power, and
//! whoever races whom. What it says is told again to those who may still do it, and each time is a leaf.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer_client::ask;
use coffer_tests::harness::{Home, Reply, Running, Serving, Staff, Store};
use coffer_vault::check::{self, Silent};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::store::memory::Fault;
use coffer_vault::store::{Family, meta};
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How often twins race.
const RACES: usize = 40;

fn item(person: &str, record: &str, value: &str) -> Value {
    json!({ "category": "bank", "person": person, "record": record, "fields": { "account_number": value } })
}

async fn write(staff: &Staff, items: &[Value]) -> Reply {
    staff.items("/v1/records/write", json!(items)).await
}

/// How often this was done, by the log.
fn times(vault: &Running, action: Action) -> usize {
    vault.leaves_since(0).iter().filter(|leaf| leaf.action == action && leaf.granted.is_some()).count()
}

/// The answer without the notes, of which the second time has newer ones.
fn said(reply: &Reply) -> Value {
    let mut items = reply.json()["items"].take();
    for item in items.as_array_mut().unwrap() {
        item["receipts"].as_array_mut().into_iter().flatten().for_each(|receipt| receipt["note"] = Value::Null);
    }
    items
}

fn rows(vault: &Running) -> Vec<(Vec<u8>, Vec<u8>)> {
    vault.engine().scan(Family::Meta, meta::IDEMPOTENCY_PREFIX, None, usize::MAX).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_takes_effect_once_and_is_answered_alike() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let items = [item("ada", "main", "00000001"), item("ada", "old", "00000002")];
    let first = write(&officer.named("key-1"), &items).await.granted();
    let before = vault.log_size();
    let second = write(&officer.named("key-1"), &items).await.granted();
    assert_eq!(said(&first), said(&second));
    let leaves = vault.leaves_since(before);
    assert!(leaves.iter().all(|leaf| leaf.action == Action::Replay && leaf.granted.is_some()), "{leaves:?}");
    assert_eq!(leaves.len(), 2, "each item that is told again has its leaf");
    assert_eq!((leaves[0].category.unwrap().as_str(), leaves[0].version), ("bank", Some(1)));
    assert_eq!(times(&vault, Action::RecordsWrite), 2);
    // A new name is a new request.
    let third = write(&officer.named("key-2"), &items).await.granted();
    assert_eq!(third.item(0)["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_body_another_act_or_another_person_is_refused_on_record() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale").named("key-1");
    write(&officer, &[item("ada", "main", "00000001")]).await.granted();
    let colleague = vault.home().token_of("colleague@example", &["bank-officer"], "rents-desk", &["oakvale"]);
    let before = vault.log_size();
    write(&officer, &[item("ada", "main", "00000002")]).await.refused(422, "idempotency_mismatch");
    write(&officer, &[item("ben", "main", "00000001")]).await.refused(422, "idempotency_mismatch");
    write(&officer.with_token(colleague), &[item("ada", "main", "00000001")])
        .await
        .refused(422, "idempotency_mismatch");
    let refused: Vec<_> = vault.leaves_since(before).iter().filter_map(|leaf| leaf.refused).collect();
    assert_eq!(refused.len(), 3);
    assert_eq!(times(&vault, Action::RecordsWrite), 1);
    // Another controller and another application have keys of their own.
    let elsewhere = vault.staff("bank-officer", "brookside").named("key-1");
    write(&elsewhere, &[item("ada", "main", "00000002")]).await.granted();
    let dpo = vault.staff("dpo", "oakvale").named("key-1");
    dpo.erase("bank", "ada", "main").await.granted();
    dpo.erase_person("ada", &["bank"]).await.refused(422, "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasures_are_told_again_with_all_their_leaves() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for record in ["main", "old", "spare"] {
        write(&officer, &[item("ada", record, "00000001")]).await.granted();
    }
    let dpo = vault.staff("dpo", "oakvale");
    let erase = dpo.named("key-1");
    let first = erase.erase("bank", "ada", "old").await.granted();
    assert_eq!(first.item(0)["receipts"].as_array().unwrap().len(), 3, "two others are sealed again");
    let second = erase.erase("bank", "ada", "old").await.granted();
    assert_eq!(said(&first), said(&second));
    let end = dpo.named("key-2");
    let first = end.erase_person("ada", &["bank"]).await.granted();
    let second = end.erase_person("ada", &["bank"]).await.granted();
    assert_eq!((&said(&first), first.item(0)["erased"].as_u64()), (&said(&second), Some(2)));
    // Without the name there is nothing left to erase.
    dpo.erase_person("ada", &["bank"]).await.refused(404, "not_found");
    officer.list("bank", "ada").await.refused(404, "not_found");
}

/// Erasures of one person are one act in the log; each item is told its own share of it again.
#[tokio::test(flavor = "multi_thread")]
async fn erasures_in_one_lot_are_each_told_again_with_their_own_leaves() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let items: Vec<_> = ["a", "b", "c", "d"].iter().map(|record| item("ada", record, "00000001")).collect();
    write(&officer, &items).await.granted();
    let dpo = vault.staff("dpo", "oakvale").named("key-1");
    let end = |record: &str| json!({ "category": "bank", "person": "ada", "record": record });
    let asked = json!([end("a"), end("never"), end("b"), end("a"), end("c")]);
    let first = dpo.items("/v1/records/erase", asked.clone()).await;
    let before = vault.log_size();
    let second = dpo.items("/v1/records/erase", asked).await;
    let (first, second) = (said(&first), said(&second));
    let statuses =
        |items: &Value| items.as_array().unwrap().iter().map(|item| item["status"].clone()).collect::<Vec<_>>();
    assert_eq!(statuses(&first), [200, 404, 200, 404, 200]);
    assert_eq!(statuses(&second), statuses(&first));
    for at in [0, 2, 4] {
        assert_eq!(second[at], first[at], "item {at}");
    }
    assert_eq!(first[0]["receipts"].as_array().unwrap().len(), 2, "the record that is left is sealed again");
    let leaves = vault.leaves_since(before);
    assert_eq!(leaves.iter().filter(|leaf| leaf.action == Action::Replay).count(), 3);
    assert_eq!((leaves.len(), times(&vault, Action::RecordsErase)), (5, 3));
}

/// A twin that looked before the other had erased finds nothing to erase, and is told what the other has done.
#[tokio::test(flavor = "multi_thread")]
async fn of_twins_that_erase_all_are_answered_alike() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let dpo = vault.staff("dpo", "oakvale");
    for round in 0..RACES {
        let person = format!("person-{round}");
        write(&officer, &[item(&person, "a", "00000001"), item(&person, "b", "00000002")]).await.granted();
        let twin = || {
            let (dpo, person) = (dpo.named(&format!("key-{round}")), person.clone());
            tokio::spawn(async move { dpo.erase("bank", &person, "a").await })
        };
        let mut answers = Vec::new();
        for twin in [twin(), twin(), twin(), twin()] {
            answers.push(said(&twin.await.unwrap().granted()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
    assert_eq!(times(&vault, Action::RecordsErase), RACES);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_tried_anew_and_what_was_done_is_not() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let mut new = item("ben", "main", "00000002");
    new["expected_version"] = json!(1);
    let items = [item("ada", "main", "00000001"), new];
    let first = write(&officer.named("key-1"), &items).await;
    assert_eq!((&first.item(0)["status"], &first.item(1)["status"]), (&json!(200), &json!(409)));
    write(&officer, &[item("ben", "main", "00000001")]).await.granted();
    let second = write(&officer.named("key-1"), &items).await.granted();
    assert_eq!((&second.item(0)["version"], &second.item(1)["version"]), (&json!(1), &json!(2)));
    assert_eq!(said(&second)[0], said(&first)[0]);
    // And once more: now both are done.
    let third = write(&officer.named("key-1"), &items).await.granted();
    assert_eq!(said(&third), said(&second));
    assert_eq!(times(&vault, Action::RecordsWrite), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_none_is_told_again_as_all() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale").named("key-1");
    let mut body = officer.envelope(json!([item("ada", "main", "00000001"), item("ada", "main", "00000002")]));
    body["atomic"] = json!(true);
    let first = officer.post("/v1/records/write", &body).await.granted();
    assert_eq!((&first.item(0)["version"], &first.item(1)["version"]), (&json!(1), &json!(2)));
    let second = officer.post("/v1/records/write", &body).await.granted();
    assert_eq!(said(&first), said(&second));
    assert_eq!(times(&vault, Action::RecordsWrite), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_that_race_one_takes_effect_and_all_are_answered_alike() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for round in 0..20 {
        let (key, person) = (format!("key-{round}"), format!("person-{round}"));
        let twin = || {
            let (officer, person) = (officer.named(&key), person.clone());
            tokio::spawn(async move {
                write(&officer, &[item(&person, "a", "00000001"), item(&person, "b", "00000002")]).await
            })
        };
        let mut answers = Vec::new();
        for twin in [twin(), twin(), twin(), twin()] {
            answers.push(said(&twin.await.unwrap().granted()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        assert_eq!(answers[0][0]["version"], 1);
    }
    assert_eq!(times(&vault, Action::RecordsWrite), 40);
    assert_eq!(times(&vault, Action::Replay), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_atomic_twins_that_race_all_are_answered_alike() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for round in 0..RACES {
        let person = format!("person-{round}");
        let items: Vec<_> = (0..8).map(|record| item(&person, &format!("r-{record}"), "00000001")).collect();
        let mut body = officer.envelope(json!(items));
        body["atomic"] = json!(true);
        let twin = || {
            let (officer, body) = (officer.named(&format!("key-{round}")), body.clone());
            tokio::spawn(async move { officer.post("/v1/records/write", &body).await })
        };
        let mut answers = Vec::new();
        for twin in [twin(), twin(), twin(), twin()] {
            answers.push(said(&twin.await.unwrap().granted()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
    assert_eq!(times(&vault, Action::RecordsWrite), 8 * RACES);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bodies_that_race_under_one_key_one_takes_effect() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for round in 0..20 {
        let key = format!("key-{round}");
        let send = |items: Vec<Value>| {
            let officer = officer.named(&key);
            tokio::spawn(async move { write(&officer, &items).await.json()["items"].take() })
        };
        // What takes effect of the one is another item than of the other.
        let mut never = item(&format!("ada-{round}"), "never", "00000001");
        never["expected_version"] = json!(7);
        let ada = send(vec![never, item(&format!("ada-{round}"), "a", "00000001")]);
        let ben = send(vec![item(&format!("ben-{round}"), "a", "00000001")]);
        let (ada, ben) = (ada.await.unwrap(), ben.await.unwrap());
        let mut outcomes = [ada[1]["code"].as_str().unwrap_or("ok"), ben[0]["code"].as_str().unwrap_or("ok")];
        outcomes.sort();
        assert_eq!(outcomes, ["idempotency_mismatch", "ok"]);
    }
    assert_eq!(times(&vault, Action::RecordsWrite), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_and_a_loss_of_power_forget_nothing_that_was_answered() {
    for store in [Store::Memory, Store::Rocks] {
        let vault = Home::new(store).serve();
        let items = [item("ada", "main", "00000001")];
        let first = write(&vault.staff("bank-officer", "oakvale").named("key-1"), &items).await.granted();
        let home = vault.stop().await;
        if store == Store::Memory {
            home.memory().lose_power();
        }
        let vault = home.serve();
        let second = write(&vault.staff("bank-officer", "oakvale").named("key-1"), &items).await.granted();
        assert_eq!(said(&first), said(&second), "{store:?}");
        assert_eq!(times(&vault, Action::RecordsWrite), 1, "{store:?}");
    }
}

/// A sync that fails may have kept the batch or not. Sent again under its key, it is done once in both.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_unknown_is_known_after_the_same_request() {
    for fault in [Fault::Failed, Fault::FailedButKept] {
        let vault = Home::new(Store::Memory).serve();
        // Whoever asks is known by then: the next commit is that of the write.
        vault.staff("bank-officer", "oakvale").list("bank", "ada").await;
        vault.home().memory().fault_next(fault);
        let items = [item("ada", "main", "00000001")];
        let lost = write(&vault.staff("bank-officer", "oakvale").named("key-1"), &items).await;
        lost.refused(503, "outcome_unknown");
        let home = vault.stop().await;
        home.memory().restart();
        let vault = home.serve();
        let told = write(&vault.staff("bank-officer", "oakvale").named("key-1"), &items).await.granted();
        assert_eq!(told.item(0)["version"], 1, "{fault:?}");
        assert_eq!(times(&vault, Action::RecordsWrite), 1, "{fault:?}");
        let kept = usize::from(fault == Fault::FailedButKept);
        assert_eq!(times(&vault, Action::Replay), kept, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_no_longer_write_is_told_nothing_again() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale").named("key-1");
    let items = [item("ada", "main", "00000001")];
    write(&officer, &items).await.granted();
    let policy = vault.home().text("access.toml").replace("role = \"bank-officer\"", "role = \"rents\"");
    vault.apply("access", json!({ "access.toml": policy })).await;
    write(&officer, &items).await.refused(403, "forbidden_role");
    assert_eq!(times(&vault, Action::Replay), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_later_a_key_is_free_and_its_rows_are_swept_away() {
    let mut home = Home::new(Store::Memory);
    let clock = Arc::new(Manual::new(System.now_ms()));
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    let officer = |vault: &Running| {
        let wanted = vault.home().request("o@example", &["bank-officer"], "rents-desk", &["oakvale"]);
        let token = vault.home().mint(&wanted, clock.now_ms());
        vault.staff("bank-officer", "oakvale").with_token(token).named("key-1")
    };
    let items = [item("ada", "main", "00000001"), item("ada", "old", "00000002")];
    write(&officer(&vault), &items).await.granted();
    assert_eq!(rows(&vault).len(), 3, "one of the request and one of each item");
    clock.advance(DAY_MS - 1_000);
    assert_eq!(write(&officer(&vault), &items).await.granted().item(0)["version"], 1);
    assert_eq!(vault.house().forget_requests().await, 0);
    clock.advance(1_000);
    assert_eq!(write(&officer(&vault), &items).await.granted().item(0)["version"], 2);
    assert_eq!(vault.house().forget_requests().await, 0, "it was named anew");
    let size = vault.log_size();
    clock.advance(DAY_MS);
    assert_eq!(vault.house().forget_requests().await, 3);
    assert_eq!((rows(&vault).len(), vault.log_size()), (0, size));
    // A log in which housekeeping stands between two leaves opens, and checks.
    let vault = vault.restart().await;
    assert_eq!(write(&officer(&vault), &items).await.granted().item(0)["version"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_holds_no_text_and_passes_the_check() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale").named("canary-key");
    let items = [item("canary-person", "canary-record", "00000001")];
    write(&officer, &items).await.granted();
    write(&officer, &items).await.granted();
    let rows = rows(&vault);
    assert_eq!(rows.len(), 2);
    for (key, value) in &rows {
        let bytes = [&key[meta::IDEMPOTENCY_PREFIX.len()..], value].concat();
        for text in ["canary", "0000", "bank", "officer", "rents", "write"] {
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}: {bytes:?}");
        }
    }
    let home = vault.stop().await;
    let engine = home.engine();
    let place = check::Home { show_ids: true, cards: true, ..home.to_check(&*engine) };
    let report = check::check(&place, Some(&home.root_key()), &Silent).unwrap();
    assert_eq!(report.findings.total(), 0, "{:?}", report.findings.counts());
}

/// A row that was changed in the store leads to no leaf of somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_points_elsewhere_is_told_of_as_altered() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let items = [item("ada", "main", "00000001")];
    write(&officer.named("key-1"), &items).await.granted();
    let (key, whole) = rows(&vault).into_iter().find(|(_, value)| value.len() == 20).unwrap();
    // Somebody else's leaf, another record's, another act's.
    let secret = officer.because("secret");
    write(&secret, &[item("ben", "main", "00000002")]).await.granted();
    write(&secret, &[item("ada", "old", "00000002")]).await.granted();
    secret.read("bank", "ada", "main", &["account_number"]).await.granted();
    let size = vault.log_size();
    for elsewhere in [size - 3, size - 2, size - 1] {
        let mut value = whole.clone();
        value[8..16].copy_from_slice(&elsewhere.to_be_bytes());
        vault.home().memory().tamper(Family::Meta, &key, Some(value));
        let reply = write(&officer.named("key-1"), &items).await.refused(500, "altered");
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_or_not_asked_for_is_refused_on_record_and_one_with_a_card_number_too() {
    let vault = Home::new(Store::Memory).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    let refused = |before: u64| vault.leaves_since(before).last().and_then(|leaf: &Leaf| leaf.refused).unwrap();
    let items = [item("ada", "main", "00000001")];
    for key in ["two words", "\"", &"x".repeat(65)] {
        let before = vault.log_size();
        write(&officer.named(key), &items).await.refused(400, "malformed");
        assert_eq!(refused(before).as_str(), "malformed");
    }
    write(&officer.named("a").named("b"), &items).await.refused(400, "malformed");
    officer.named("key-1").list("bank", "ada").await.refused(400, "malformed");
    officer.named("key-1").post("/v1/whoami", &json!({})).await.refused(400, "malformed");
    let before = vault.log_size();
    let card = write(&officer.named("4111-1111-1111-1111"), &items).await.refused(422, "card_number");
    assert_eq!(refused(before).as_str(), "card_number");
    assert!(card.json()["detail"].as_str().unwrap().contains("Idempotency-Key"), "{card}");
    assert_eq!(times(&vault, Action::RecordsWrite), 0);
    assert!(rows(&vault).is_empty());
}

/// Passes bytes on, and once, when the vault has done what was asked, cuts the line in place of the answer.
async fn cut_once(vault: &Running) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, behind) = (listener.local_addr().unwrap(), vault.address());
    let (house, size) = (vault.house(), vault.log_size());
    let cut = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(behind).await.unwrap();
            let (cut, house) = (Arc::clone(&cut), Arc::clone(&house));
            tokio::spawn(async move {
                let (mut asked, mut answered) = ([0; 16_384], [0; 16_384]);
                loop {
                    tokio::select! {
                        count = near.read(&mut asked) => match count {
                            Ok(count @ 1..) => far.write_all(&asked[..count]).await.unwrap(),
                            _ => return,
                        },
                        count = far.read(&mut answered) => match count {
                            Ok(count @ 1..) => {
                                let done = house.ledger().shared().size() > size;
                                if done && !cut.swap(true, Ordering::SeqCst) {
                                    return;
                                }
                                if near.write_all(&answered[..count]).await.is_err() {
                                    return;
                                }
                            }
                            _ => return,
                        },
                    }
                }
            });
        }
    });
    format!("https://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_answer_was_lost_has_written_once() {
    let vault = Home::new(Store::Memory).serve();
    let token = vault.token("bank-officer", &["oakvale"]);
    // Whoever asks is known by then: the first leaf to come is that of the write.
    vault.staff("bank-officer", "oakvale").list("bank", "ada").await;
    let url = cut_once(&vault).await;
    let client = vault.client_by_way_of("rents-desk", &url);
    let session = client.on_behalf_of(coffer_client::Token::new(token).unwrap()).for_controller("oakvale").unwrap();
    let payments = session.for_purpose("payments").unwrap();
    let draft = ask::write("bank", "ada", "main").unwrap().set("account_number", "00000001").unwrap();
    let written = payments.write(draft).await.unwrap();
    assert_eq!(written.version, 1);
    assert_eq!((times(&vault, Action::RecordsWrite), times(&vault, Action::Replay)), (1, 1));
}
