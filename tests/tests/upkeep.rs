//! What an operator sees and does while the real binary runs: its port, certificates and keys of issuers that are
//! replaced, and what the service manager is told.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Process, Serving, Store, binary, tls};
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::local::LocalCa;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

/// How long the vault may take to act on a signal.
const PATIENCE: Duration = Duration::from_secs(20);

fn home() -> Home {
    let mut home = Home::new(Store::Rocks);
    home.reconfigure(|text| text.replacen("[log]", "[operator]\naddress = \"127.0.0.1:0\"\n\n[log]", 1));
    home
}

/// Where the operator's port of a running vault is.
fn operator(vault: &Process) -> SocketAddr {
    let said = || String::from_utf8(vault.said()).unwrap();
    until(|| said().lines().find_map(|line| line.strip_prefix("coffer-vault: operator's port on ")?.parse().ok()))
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Some(found) => return found,
            None if started.elapsed() > PATIENCE => panic!("it did not come about in {PATIENCE:?}"),
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// One request without TLS: status and body.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The number behind a name in the metrics.
fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

fn hang_up(vault: &Process) {
    let told = Command::new("kill").arg("-HUP").arg(vault.id().to_string()).status().unwrap();
    assert!(told.success());
}

async fn status(vault: &Process) -> Value {
    vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json()
}

/// What `status` warns of beside what it says of every throw-away vault.
async fn warned(vault: &Process, word: &str) -> bool {
    status(vault).await["warnings"].as_array().unwrap().iter().any(|warning| warning.as_str().unwrap().contains(word))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_port_counts_what_happens_and_names_nobody() {
    const CANARY: &str = "canary-4417-person";
    let vault = Process::start(home(), "warn");
    let port = operator(&vault);
    assert_eq!(ask(port, "GET /healthz"), (200, "ok\n".to_owned()));
    assert_eq!(ask(port, "GET /readyz"), (200, "ready\n".to_owned()));
    let officer = vault.staff("bank-officer", "oakvale");
    let before = ask(port, "GET /metrics").1;
    officer.write("bank", CANARY, "r", json!({ "account_number": "00001234" })).await.granted();
    for _ in 0..3 {
        officer.read("bank", CANARY, "r", &["account_number"]).await.granted();
    }
    officer.read("bank", "nobody", "r", &["account_number"]).await.refused(404, "not_found");
    officer.raw.post("/v1/records/read", None, &json!({})).await.refused(401, "credential_missing");
    let (status, after) = ask(port, "GET /metrics");
    assert_eq!(status, 200);
    assert!(after.ends_with("# EOF\n"), "OpenMetrics ends so");
    assert_eq!(metric(&after, "coffer_open"), 1.0);
    let reads = r#"coffer_answers_total{operation="/v1/records/read",status="200"}"#;
    assert_eq!(metric(&after, reads), 4.0);
    assert_eq!(metric(&after, r#"coffer_answers_total{operation="/v1/records/read",status="401"}"#), 1.0);
    let granted = r#"coffer_log_leaves_total{decision="granted",code=""}"#;
    // The officer's own key, the controller's unattributed one, a write and three reads.
    assert_eq!(metric(&after, granted) - metric(&before, granted), 6.0);
    assert_eq!(metric(&after, r#"coffer_log_leaves_total{decision="refused",code="not_found"}"#), 1.0);
    assert_eq!(metric(&after, "coffer_log_size") - metric(&before, "coffer_log_size"), 8.0);
    assert!(metric(&after, "coffer_log_commit_seconds_count") > metric(&before, "coffer_log_commit_seconds_count"));
    for word in [CANARY, "nobody", "officer", "oakvale", "rents-desk", "00001234"] {
        assert!(!after.contains(word), "{word} stands in {after}");
    }
    assert_eq!(ask(port, "POST /metrics").0, 405);
    assert_eq!(ask(port, "GET /v1/status").0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_is_alive_and_not_ready() {
    let (home, _) = Process::start(home(), "warn").terminate();
    std::fs::remove_file(home.dir().join("head")).unwrap();
    let vault = Process::start(home, "error");
    let port = operator(&vault);
    assert_eq!(ask(port, "GET /healthz").0, 200);
    assert_eq!(ask(port, "GET /readyz"), (503, "sealed\n".to_owned()));
    let metrics = ask(port, "GET /metrics").1;
    assert_eq!(metric(&metrics, "coffer_open"), 0.0);
    assert!(!metrics.contains("coffer_log"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_key_that_is_withdrawn_signs_no_more_and_a_broken_file_changes_nothing() {
    let vault = Process::start(home(), "warn");
    let jwks = Config::load(vault.home().dir()).unwrap().issuers[0].jwks.clone();
    let whole = std::fs::read_to_string(&jwks).unwrap();
    let rents = vault.staff("rents", "oakvale");
    rents.list("bank", "p").await.refused(404, "not_found");

    std::fs::write(&jwks, &whole[..whole.len() / 2]).unwrap();
    hang_up(&vault);
    // Under a token that was verified before, and under one that was not.
    while !warned(&vault, "jwks").await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rents.list("bank", "p").await.refused(404, "not_found");
    rents.with_token(vault.token("rents", &["oakvale"])).list("bank", "p").await.refused(404, "not_found");

    std::fs::write(&jwks, r#"{"keys":[]}"#).unwrap();
    hang_up(&vault);
    let started = Instant::now();
    while rents.list("bank", "p").await.status != 401 {
        assert!(started.elapsed() < PATIENCE, "a withdrawn key still signs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rents.list("bank", "p").await.refused(401, "credential_invalid");

    std::fs::write(&jwks, &whole).unwrap();
    hang_up(&vault);
    while rents.list("bank", "p").await.status == 401 {
        assert!(started.elapsed() < 2 * PATIENCE, "a key that is back does not sign");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!warned(&vault, "jwks").await);
}

/// The certificate that the server shows to a new connection.
async fn shown(vault: &Process) -> CertificateDer<'static> {
    let home = vault.home();
    let [certificate, key] = ["client.pem", "client.key"].map(|file| home.client_file("console", file));
    let config = tls(&home.server_ca(), Some((&certificate, &key)));
    let socket = tokio::net::TcpStream::connect(vault.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::from(vault.address().ip()), socket).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_while_the_vault_runs_once_both_its_files_are_there() {
    let vault = Process::start(home(), "warn");
    let at = |file: &str| -> PathBuf { vault.home().dir().join("tls").join(file) };
    let old = CertificateDer::from_pem_file(at("server.pem")).unwrap();
    assert_eq!(shown(&vault).await, old);
    let ends = status(&vault).await["certificate_not_after_ms"].as_u64().unwrap();
    let open = vault.staff("rents", "oakvale");
    open.list("bank", "p").await.refused(404, "not_found");

    let authority = LocalCa::load(&at("server-ca.pem"), &at("server-ca.key")).unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let next = authority.server(&names, System.now_ms() - 24 * 60 * 60 * 1_000).unwrap();
    std::fs::write(at("server.key"), next.key()).unwrap();
    hang_up(&vault);
    while !warned(&vault, "certificate").await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shown(&vault).await, old, "half a replacement counted");

    std::fs::write(at("server.pem"), next.certificate()).unwrap();
    hang_up(&vault);
    let new = CertificateDer::from_pem_slice(next.certificate().as_bytes()).unwrap();
    let started = Instant::now();
    while shown(&vault).await != new {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open.list("bank", "p").await.refused(404, "not_found");
    let said = status(&vault).await;
    assert!(said["certificate_not_after_ms"].as_u64().unwrap() < ends, "{said}");
    assert!(!warned(&vault, "certificate").await);
}

#[test]
fn the_service_manager_is_told_when_requests_are_served_and_when_no_more() {
    let home = home();
    let place = home.folder().join("notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut command = Command::new(binary());
    command.env("NOTIFY_SOCKET", &place);
    let vault = Process::start_by(command, home, "warn");
    assert_eq!(told().trim_end(), "READY=1");
    TcpStream::connect(vault.address()).unwrap();
    vault.terminate();
    assert_eq!(told().trim_end(), "STOPPING=1");
}
