//! What the operator finds of a request in the program's log: its id, and the trace that its caller named.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use coffer_client::{Invalid, Token};
use coffer_tests::harness::{Home, Process, Reply, Serving, Store};
use serde_json::json;

/// How long a line may take from the program to the test.
const TIME: Duration = Duration::from_secs(10);
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Asks with these headers, and answers with the lines of the log that name the request.
async fn lines_of(vault: &Process, headers: &[(&'static str, &str)]) -> (Reply, String) {
    let raw = headers.iter().fold(vault.raw("rents-desk"), |raw, (name, value)| raw.with_header(name, value));
    let token = vault.token("rents", &["oakvale"]);
    let reply = raw.post("/v1/whoami", Some(&token), &json!({})).await.granted();
    let request = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    let lines = lines_with(vault, &request).await;
    (reply, lines)
}

/// The lines of the log that hold a text, once there are some: what the program says arrives in its own time.
async fn lines_with(vault: &Process, text: &str) -> String {
    let started = Instant::now();
    loop {
        let said = String::from_utf8(vault.said()).unwrap();
        let lines: Vec<_> = said.lines().filter(|line| line.contains(text)).collect();
        if !lines.is_empty() {
            return lines.join("\n");
        }
        assert!(started.elapsed() < TIME, "{text} is not in the log: {said}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_found_by_its_id_and_by_the_trace_of_its_caller() {
    let vault = Process::start(Home::new(Store::Rocks), "coffer_vault=debug");
    let (_, lines) = lines_of(&vault, &[("traceparent", TRACE), ("tracestate", "canary=1")]).await;
    assert!(lines.contains(TRACE_ID) && lines.contains("00f067aa0ba902b7"), "{lines}");
    assert!(lines.contains("/v1/whoami") && lines.contains("200"), "{lines}");
    assert!(!lines.contains("canary"), "what a vendor says of a trace is kept nowhere: {lines}");
    // A refusal too, and the same id in its problem document.
    let reply = vault.raw("rents-desk").post("/v1/whoami", None, &json!({})).await.refused(401, "credential_missing");
    let request = reply.json()["request"].as_str().unwrap().to_owned();
    assert_eq!(reply.headers["x-request-id"], request.as_str());
    lines_with(&vault, &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_trace_is_passed_over_and_one_with_a_card_number_is_kept_nowhere() {
    let vault = Process::start(Home::new(Store::Rocks), "coffer_vault=debug");
    let card = "00-aaaaaaaa4111111111111111bbbbbbbb-00f067aa0ba902b7-01";
    for broken in ["nonsense", &TRACE.to_uppercase(), &format!("{TRACE}-more"), card] {
        let (_, lines) = lines_of(&vault, &[("traceparent", broken)]).await;
        assert!(!lines.contains("trace_id") && !lines.contains("4111"), "{broken}: {lines}");
    }
    let (_, lines) = lines_of(&vault, &[("traceparent", TRACE), ("traceparent", TRACE)]).await;
    assert!(!lines.contains("trace_id"), "two are none: {lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_crate_passes_a_trace_on() {
    let vault = Process::start(Home::new(Store::Rocks), "coffer_vault=debug");
    let session = || {
        let token = Token::new(vault.token("rents", &["oakvale"])).unwrap();
        vault.client("rents-desk").on_behalf_of(token)
    };
    session().traced(TRACE).unwrap().whoami().await.unwrap();
    lines_with(&vault, TRACE_ID).await;
    let refused = session().traced("nonsense").err().unwrap();
    assert!(matches!(refused, coffer_client::Error::Invalid(Invalid::Trace)));
}
