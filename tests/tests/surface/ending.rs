//! Connections that are not kept: of whoever was revoked, of certificates that have ended, idle ones, dead ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Running, Serving, Socket, Store, h2};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_wire::Hash;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::credentials::revoke;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// A connection is looked at once a second, and may finish what is under way for five.
const SOON: Duration = Duration::from_secs(8);

async fn open(vault: &Running, application: &str) -> Socket {
    let mut socket = Socket::of(vault, application, b"h2").await.unwrap();
    socket.begin_h2(&[]).await;
    assert!(!socket.ends_within(Duration::from_millis(100)).await);
    socket
}

/// Whether a connection still answers, and stays.
async fn answers(socket: &mut Socket, stream: u32) -> bool {
    let head = h2::head("GET", "/v1/log/checkpoint", None);
    let asked = socket.send(&h2::frame(h2::HEADERS, h2::END_HEADERS | h2::END_STREAM, stream, &head)).await;
    asked && socket.body_on(stream).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_revoked_certificate_and_of_a_revoked_application_are_closed() {
    let fingerprint = |vault: &Running| {
        let der = CertificateDer::from_pem_file(vault.home().client_file("rents-desk", "client.pem")).unwrap();
        HEXLOWER.encode(Hash::sha256(&der).as_bytes())
    };
    for list in ["certificates", "applications"] {
        let vault = Home::new(Store::Memory).serve();
        let (mut revoked, mut kept) = (open(&vault, "rents-desk").await, open(&vault, "care-desk").await);
        assert!(answers(&mut revoked, 1).await && answers(&mut kept, 1).await);
        let entry = if list == "certificates" { fingerprint(&vault) } else { "rents-desk".to_owned() };
        revoke(&vault, list, &entry).await;
        assert!(revoked.ends_within(SOON).await, "a revoked one of `{list}` keeps its connection");
        assert!(answers(&mut kept, 3).await, "a connection that has nothing to do with it was closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_certificate_that_it_was_made_with() {
    let clock = Arc::new(Manual::new(System.now_ms()));
    let mut home = Home::new(Store::Memory);
    home.clock = clock.clone();
    let vault = home.serve();
    let mut socket = open(&vault, "rents-desk").await;
    assert!(!socket.ends_within(SOON).await);
    clock.advance(100 * DAY_MS);
    assert!(socket.ends_within(SOON).await, "a certificate that has ended keeps its connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_and_one_that_asks_is_kept() {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| text.replace("idle_seconds = 60", "idle_seconds = 3"));
    let vault = home.serve();
    let (mut idle, mut asking) = (open(&vault, "rents-desk").await, open(&vault, "rents-desk").await);
    let watched = tokio::spawn(async move { idle.closed_though_pings_are_answered(Duration::from_secs(12)).await });
    let started = Instant::now();
    let mut stream = 1;
    while started.elapsed() < Duration::from_secs(7) {
        assert!(answers(&mut asking, stream).await, "it was closed after {:?}", started.elapsed());
        stream += 2;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let after = watched.await.unwrap().expect("a connection on which nothing is asked is kept for ever");
    assert!(after >= Duration::from_secs(2), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_other_end_is_dead_is_found_by_its_silence() {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| {
        text.replace("idle_seconds = 60", "idle_seconds = 6").replace("head_seconds = 10", "head_seconds = 1")
    });
    let vault = home.serve();
    let mut socket = open(&vault, "rents-desk").await;
    // A request is under way, so that the connection is not idle: its body never comes.
    let head = h2::head("POST", "/v1/whoami", Some(&vault.token("rents", &["oakvale"])));
    assert!(socket.send(&h2::frame(h2::HEADERS, h2::END_HEADERS, 1, &head)).await);
    // Pings come, and this end says nothing.
    assert!(socket.ends_within(Duration::from_secs(6)).await, "nobody there, and it is kept");
}
