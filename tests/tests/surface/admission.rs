//! Who comes is looked at before what they send, and nobody may take for ever to send it.

use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Reply, Running, Serving, Socket, Store, h2};
use coffer_vault::serve::routes::BODY_BYTES_MAX;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use serde_json::json;

use crate::handshake::identity_of_nobody;

/// A vault whose callers may take a second, each for head and body.
fn hasty() -> Running {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| {
        text.replace("body_seconds = 30", "body_seconds = 1").replace("head_seconds = 10", "head_seconds = 1")
    });
    home.serve()
}

/// The vault with everybody seen, so that a refusal is one leaf.
async fn seen(vault: Running) -> Running {
    for role in ["rents", "auditor"] {
        vault.staff(role, "oakvale").post("/v1/whoami", &json!({})).await.granted();
        vault.staff(role, "oakvale").list("bank", "p").await;
    }
    vault
}

fn only(leaves: &[Leaf]) -> (Action, Option<Code>) {
    assert_eq!(leaves.len(), 1, "{leaves:?}");
    (leaves[0].action, leaves[0].refused)
}

/// An answer that must come while the body it refuses is still on its way.
async fn answer_without_the_body(socket: &mut Socket, token: Option<&str>, sent: usize) -> Reply {
    assert!(socket.ask("POST", "/v1/records/write", token, BODY_BYTES_MAX).await);
    assert!(socket.send(&vec![b' '; sent]).await);
    let answer = tokio::time::timeout(Duration::from_secs(5), socket.answer());
    answer.await.expect("the vault waits for the body of somebody it does not know").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_waited_for_of_a_body_whose_sender_may_not_come_in() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let token_of_another = vault.token("support-worker", &["oakvale"]);
    // Nothing of the body, and more of it than is passed over.
    for sent in [0, 100_000] {
        for (token, code) in [
            (None, Code::CredentialMissing),
            (Some("no.token.this"), Code::CredentialInvalid),
            (Some(token_of_another.as_str()), Code::CredentialInvalid),
        ] {
            // The person of the other application's token is seen by the vault once.
            let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
            let before = vault.log_size();
            answer_without_the_body(&mut socket, token, sent).await.refused(401, code.as_str());
            let leaves = vault.leaves_since(before);
            let refusals: Vec<_> = leaves.into_iter().filter(|leaf| leaf.action != Action::StaffEnrol).collect();
            assert_eq!(only(&refusals), (Action::RecordsWrite, Some(code)));
            assert!(socket.ends_within(Duration::from_secs(3)).await, "half a request is left on the connection");
        }
    }
    let mut socket = Socket::open(vault.address(), identity_of_nobody(&vault)).await.unwrap();
    let token = vault.token("rents", &["oakvale"]);
    let answer = answer_without_the_body(&mut socket, Some(&token), 100_000).await;
    answer.refused(401, "credential_unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_over_http_2() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let mut socket = Socket::of(&vault, "rents-desk", b"h2").await.unwrap();
    socket.begin_h2(&[]).await;
    let before = vault.log_size();
    let head = h2::head("POST", "/v1/records/write", None);
    assert!(socket.send(&h2::frame(h2::HEADERS, h2::END_HEADERS, 1, &head)).await);
    let body = tokio::time::timeout(Duration::from_secs(5), socket.body_on(1)).await;
    let body = body.expect("the vault waits for the body of somebody it does not know").unwrap();
    assert!(body.contains("credential_missing"), "{body}");
    assert_eq!(only(&vault.leaves_since(before)), (Action::RecordsWrite, Some(Code::CredentialMissing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_come_in_is_told_that_whatever_else_is_wrong() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let raw = vault.raw("rents-desk");
    let bodies = [
        (reqwest::Method::POST, Some("application/json"), vec![b' '; BODY_BYTES_MAX + 1]),
        (reqwest::Method::POST, Some("text/plain"), b"{}".to_vec()),
        (reqwest::Method::POST, Some("application/json"), b"nonsense".to_vec()),
        (reqwest::Method::PUT, Some("application/json"), b"{}".to_vec()),
    ];
    for (method, media, body) in bodies {
        let (before, length) = (vault.log_size(), body.len());
        let asked = raw.try_send(method, "/v1/records/list", None, media, body).await;
        // Who is still sending megabytes when the answer comes may find the connection closed in its place.
        match asked {
            Ok(reply) => drop(reply.refused(401, "credential_missing")),
            Err(error) => assert!(length > BODY_BYTES_MAX, "{error:?}"),
        }
        assert_eq!(only(&vault.leaves_since(before)), (Action::RecordsList, Some(Code::CredentialMissing)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usual_body_of_somebody_unknown_is_passed_over_and_the_connection_kept() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    for _ in 0..3 {
        assert!(socket.ask("POST", "/v1/whoami", None, 40_000).await && socket.send(&vec![b' '; 20_000]).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(socket.send(&vec![b' '; 20_000]).await);
        socket.answer().await.unwrap().refused(401, "credential_missing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_refused_with_a_leaf_when_its_time_is_over() {
    let vault = seen(hasty()).await;
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    let (before, token) = (vault.log_size(), vault.token("rents", &["oakvale"]));
    let started = Instant::now();
    assert!(socket.ask("POST", "/v1/records/list", Some(&token), 1_000).await);
    let mut answered = None;
    while answered.is_none() {
        assert!(started.elapsed() < Duration::from_secs(10), "a byte now and then holds the request for ever");
        socket.send(b" ").await;
        answered = tokio::time::timeout(Duration::from_millis(100), socket.answer()).await.ok();
    }
    answered.flatten().unwrap().refused(408, "too_slow");
    assert!((900..4_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert_eq!(only(&vault.leaves_since(before)), (Action::RecordsList, Some(Code::TooSlow)));
    assert!(socket.ends_within(Duration::from_secs(3)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_too_slowly_or_is_too_long_ends_the_connection() {
    let vault = hasty();
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    let before = vault.log_size();
    let started = Instant::now();
    assert!(socket.send(b"POST /v1/whoami HTTP/1.1\r\nhost: ").await);
    while !socket.ends_within(Duration::from_millis(100)).await {
        assert!(started.elapsed() < Duration::from_secs(10), "a byte now and then holds the connection for ever");
        socket.send(b"v").await;
    }
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    let head = format!("POST /v1/whoami HTTP/1.1\r\nhost: v\r\nx: {}\r\n", "x".repeat(20_000));
    assert!(socket.send(head.as_bytes()).await);
    assert_eq!(socket.answer().await.map(|answer| answer.status), Some(431));
    assert!(socket.ends_within(Duration::from_secs(3)).await);
    assert_eq!(vault.log_size(), before, "what is no request is no leaf");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_has_come() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    let (before, token) = (vault.log_size(), vault.token("rents", &["oakvale"]));
    assert!(socket.ask("POST", "/v1/records/list", Some(&token), BODY_BYTES_MAX + 1).await);
    socket.answer().await.unwrap().refused(413, "too_large");
    assert_eq!(only(&vault.leaves_since(before)), (Action::RecordsList, Some(Code::TooLarge)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_refused_on_record() {
    let vault = seen(Home::new(Store::Memory).serve()).await;
    let (before, token) = (vault.log_size(), vault.token("rents", &["oakvale"]));
    let mut socket = Socket::of(&vault, "rents-desk", b"http/1.1").await.unwrap();
    assert!(socket.ask("POST", "/v1/records/list", Some(&token), 1_000).await && socket.send(b"{").await);
    drop(socket);
    let patience = Instant::now();
    while vault.log_size() == before {
        assert!(patience.elapsed() < Duration::from_secs(10), "nothing is said of it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(only(&vault.leaves_since(before)), (Action::RecordsList, Some(Code::Malformed)));
}
