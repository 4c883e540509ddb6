//! What one application takes, others need not do without; and whoever takes more does not fill the log.

use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Running, Serving, Socket, Staff, Store, h2};
use coffer_vault::ledger::history::History;
use coffer_vault::serve::Door;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use serde_json::json;

use crate::handshake::identity_of_nobody;

/// A vault in which the rents desk may take what is said here, and others the usual.
fn with_limits(limits: &str) -> Running {
    with_limits_and(limits, |text| text)
}

fn with_limits_and(limits: &str, more: impl FnOnce(String) -> String) -> Running {
    let mut home = Home::new(Store::Memory);
    let of_rents_desk = "client_id = \"rents-desk\"\n";
    home.reconfigure(|text| more(text.replace(of_rents_desk, &format!("{of_rents_desk}limits = {{ {limits} }}\n"))));
    home.serve()
}

fn refusals(leaves: &[Leaf]) -> Vec<&Leaf> {
    leaves.iter().filter(|leaf| leaf.refused == Some(Code::TooManyRequests)).collect()
}

async fn whoami(staff: &Staff) -> (u16, String) {
    staff.post("/v1/whoami", &json!({})).await.outcome()
}

fn too_many() -> (u16, String) {
    (429, "too_many_requests".to_owned())
}

/// Asks until it is refused, and is told how often it was not.
async fn served(staff: &Staff, most: usize) -> usize {
    for count in 0..most {
        if whoami(staff).await == too_many() {
            return count;
        }
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_again_and_leaves_one_leaf_for_all_of_it() {
    const FLOOD: usize = 200;
    let vault = with_limits("requests_per_second = 2");
    let (rents, carer) = (vault.staff("rents", "oakvale"), vault.staff("support-worker", "oakvale"));
    whoami(&carer).await;
    let before = vault.log_size();
    // Five seconds' worth at once.
    let served = served(&rents, 100).await;
    assert!((10..20).contains(&served), "{served}");
    let mut told = 0;
    for _ in 0..FLOOD {
        let reply = rents.post("/v1/whoami", &json!({})).await;
        if reply.outcome() == too_many() {
            told += 1;
            assert_eq!(reply.headers["retry-after"], "1", "{reply}");
            assert_eq!(reply.json()["detail"], "over `requests_per_second`");
        }
        assert_eq!(whoami(&carer).await.0, 200, "another application pays for it");
    }
    assert!(told > FLOOD / 2, "{told}");
    let leaves = vault.leaves_since(before);
    let refused = refusals(&leaves);
    assert_eq!(refused.len(), 1, "a flood of requests is a flood of leaves");
    assert_eq!(refused[0].app.unwrap().as_str(), "rents-desk");
    assert_eq!((refused[0].action, refused[0].controller.as_str()), (Action::Whoami, "vault"));
    let metrics = Door::to(vault.house()).metrics();
    let counted = format!(r#"coffer_refused_for_limit_total{{limit="requests_per_second"}} {}"#, told + 1);
    assert!(metrics.contains(&counted), "{counted} is not in {metrics}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(whoami(&rents).await.0, 200);
    // What is folded is a leaf when the vault stops at the latest.
    let start = vault.log_size();
    let engine = vault.stop().await.engine();
    let history = History::new(&*engine);
    let after: Vec<_> = (start..).map_while(|index| history.leaf(index).ok()).collect();
    let after: Vec<_> = after.iter().map(|bytes| Leaf::parse(bytes).unwrap()).collect();
    let folded = refusals(&after);
    assert_eq!(folded.len(), 1, "{after:?}");
    assert_eq!((folded[0].action, folded[0].app.unwrap().as_str()), (Action::Unknown, "rents-desk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_counts_for_as_many_requests_as_it_has_items() {
    let vault = with_limits("requests_per_second = 20");
    let rents = vault.staff("rents", "oakvale");
    let items = |count: usize| json!(vec![json!({ "category": "bank", "person": "p" }); count]);
    assert_eq!(rents.items("/v1/records/list", items(150)).await.status, 200);
    let reply = rents.post("/v1/whoami", &json!({})).await.refused(429, "too_many_requests");
    // 150 of 100 that may come at once: fifty are paid back with twenty a second.
    assert_eq!(reply.headers["retry-after"], "3", "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_requests_are_under_way_at_one_time_and_no_more() {
    let vault = with_limits("in_flight = 2");
    let (rents, carer) = (vault.staff("rents", "oakvale"), vault.staff("support-worker", "oakvale"));
    assert_eq!(whoami(&rents).await.0, 200);
    // Two whose bodies do not come.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
        assert!(socket.ask("POST", "/v1/whoami", Some(&rents.token), 100).await);
        held.push(socket);
    }
    until(async || whoami(&rents).await == too_many()).await;
    assert_eq!(whoami(&carer).await.0, 200);
    held.pop();
    until(async || whoami(&rents).await.0 == 200).await;
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let patience = Instant::now();
    while !holds().await {
        assert!(patience.elapsed() < Duration::from_secs(10), "it does not come to pass");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_is_under_way_until_its_connection_is_cut() {
    let seconds = |text: String| text.replace("request_seconds = 300", "request_seconds = 3");
    let vault = with_limits_and("in_flight = 1", seconds);
    let rents = vault.staff("rents", "oakvale");
    assert_eq!(whoami(&rents).await.0, 200);
    let mut socket = Socket::of(&vault, "rents-desk", b"h2").await.unwrap();
    // No room for a single byte of an answer (SETTINGS_INITIAL_WINDOW_SIZE, RFC 9113 §6.5.2).
    socket.begin_h2(&[(4, 0)]).await;
    let head = h2::head("GET", "/v1/log/checkpoint", None);
    // Again and again: one that comes while the other asks is refused itself, and holds no place.
    let mut streams = (1..).step_by(2);
    until(async || {
        let stream = streams.next().unwrap();
        assert!(socket.send(&h2::frame(h2::HEADERS, h2::END_HEADERS | h2::END_STREAM, stream, &head)).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
        whoami(&rents).await == too_many()
    })
    .await;
    assert!(socket.ends_within(Duration::from_secs(8)).await, "who takes no answer keeps its place for ever");
    until(async || whoami(&rents).await.0 == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_one_application_have_so_much_memory_and_no_more() {
    const BODY_BYTES: usize = 4_000_000;
    let vault = Home::new(Store::Memory).serve();
    let (rents, carer) = (vault.staff("rents", "oakvale"), vault.staff("support-worker", "oakvale"));
    whoami(&rents).await;
    let before = vault.log_size();
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..24 {
        let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
        assert!(socket.ask("POST", "/v1/whoami", Some(&rents.token), BODY_BYTES + 1).await);
        // All but a byte, unless it is refused before.
        socket.send(&vec![b' '; BODY_BYTES]).await;
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(200), socket.answer()).await {
            // Who is still sending may find the connection closed in the answer's place.
            refused += 1;
            if let Some(reply) = answer {
                assert_eq!(reply.refused(429, "too_many_requests").json()["detail"], "over `body_bytes`");
            }
        }
        held.push(socket);
    }
    assert!((24 - refused) * BODY_BYTES <= 64 << 20 && refused < 16, "{refused} of 24 were refused");
    assert_eq!(refusals(&vault.leaves_since(before)).len(), 1);
    assert_eq!(whoami(&carer).await.0, 200);
    drop(held);
    until(async || whoami(&rents).await.0 == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_application_has_so_many_connections_and_no_more() {
    let vault = with_limits("connections = 3");
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::of(&vault, "rents-desk", b"h2").await.unwrap();
        socket.begin_h2(&[]).await;
        assert!(!socket.ends_within(Duration::from_millis(100)).await);
        held.push(socket);
    }
    let before = vault.log_size();
    // One more is told so, on record, and then ends.
    let mut above = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    assert!(above.ask("GET", "/v1/log/checkpoint", None, 0).await);
    let reply = above.answer().await.unwrap().refused(429, "too_many_requests");
    assert_eq!(
        (&reply.json()["detail"], &reply.headers["retry-after"]),
        (&json!("over `connections`"), &"1".parse().unwrap())
    );
    assert!(above.ends_within(Duration::from_secs(4)).await);
    assert_eq!(refusals(&vault.leaves_since(before)).len(), 1);
    // Of a hundred more, all but a few are closed without a word.
    let mut silent = 0;
    for _ in 0..100 {
        let Ok(mut socket) = Socket::of(&vault, "rents-desk", b"http/1.1").await else { continue };
        let asked = socket.ask("GET", "/v1/log/checkpoint", None, 0).await;
        silent += usize::from(!asked || socket.answer().await.is_none());
        held.push(socket);
    }
    assert!(silent >= 80, "{silent}");
    assert_eq!(refusals(&vault.leaves_since(before)).len(), 1);
    assert_eq!(whoami(&vault.staff("support-worker", "oakvale")).await.0, 200);
    held.clear();
    let rents = vault.staff("rents", "oakvale");
    until(async || {
        rents
            .raw
            .try_send(reqwest::Method::GET, "/v1/log/checkpoint", None, None, Vec::new())
            .await
            .is_ok_and(|reply| reply.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_not_come_in_share_little_and_take_it_from_nobody() {
    let vault = Home::new(Store::Memory).serve();
    let rents = vault.staff("rents", "oakvale");
    assert_eq!(whoami(&rents).await.0, 200);
    let before = vault.log_size();
    let mut socket = Socket::open(vault.address(), identity_of_nobody(&vault)).await.unwrap();
    let mut told = 0;
    for _ in 0..500 {
        assert!(socket.ask("GET", "/v1/log/checkpoint", None, 0).await);
        match socket.answer().await.unwrap().outcome() {
            (401, code) => assert_eq!(code, "credential_unknown"),
            outcome => {
                assert_eq!(outcome, too_many());
                told += 1;
            }
        }
    }
    assert!(told > 300, "{told}");
    let leaves = vault.leaves_since(before);
    assert!(leaves.len() < 200, "{} leaves for one stranger", leaves.len());
    assert_eq!(refusals(&leaves).len(), 1);
    assert!(leaves.iter().all(|leaf| leaf.app.is_none()));
    assert_eq!(whoami(&rents).await.0, 200);
}
