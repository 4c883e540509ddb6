//! Who does not get as far as a request.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coffer_tests::harness::{Home, Raw, Running, Serving, Store, tls};
use coffer_vault::clock::{Clock, System};
use coffer_vault::local::LocalCa;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::{HandshakeKind, NamedGroup};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn vault() -> Running {
    Home::new(Store::Memory).serve()
}

/// A client hello of TLS 1.2, as RFC 5246 §7.4.1.2 draws it, with suites that every such server has.
fn hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0); // no session
    let suites: [u16; 4] = [0xc02b, 0xc02f, 0xc02c, 0xc030];
    hello.extend(((suites.len() * 2) as u16).to_be_bytes());
    suites.iter().for_each(|suite| hello.extend(suite.to_be_bytes()));
    hello.extend([1, 0]); // no compression
    let groups = [0, 10, 0, 4, 0, 2, 0, 23]; // secp256r1
    let formats = [0, 11, 0, 2, 1, 0];
    let signatures = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4]; // ECDSA and RSA-PSS with SHA-256
    hello.extend(((groups.len() + formats.len() + signatures.len()) as u16).to_be_bytes());
    hello.extend([&groups[..], &formats[..], &signatures[..]].concat());
    let handshake = [&[1, 0][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
    [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
}

#[test]
fn a_hello_of_tls_1_2_is_answered_with_the_alert_that_says_so() {
    let vault = vault();
    let mut socket = std::net::TcpStream::connect(vault.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(&hello_of_tls_1_2()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    // One record: alert (21), two bytes: fatal (2), protocol_version (70), RFC 8446 §6.2.
    assert_eq!((answer[0], &answer[3..]), (21, &[0, 2, 2, 70][..]), "{answer:?}");
}

#[test]
fn openssl_comes_in_with_tls_1_3_and_not_with_1_2() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("openssl is not here: the alert alone was looked at");
        return;
    }
    let vault = vault();
    let (came_in, told) = openssl(&vault, "-tls1_3");
    assert!(came_in, "{told}");
    let (came_in, told) = openssl(&vault, "-tls1_2");
    assert!(!came_in, "{told}");
    assert!(told.contains("alert protocol version"), "{told}");
}

/// Asks for the checkpoint with `openssl s_client`: whether it came, and all that was said.
fn openssl(vault: &Running, version: &str) -> (bool, String) {
    let home = vault.home();
    let mut command = Command::new("openssl");
    command.args(["s_client", version, "-quiet", "-ign_eof", "-connect", &vault.address().to_string()]);
    command.arg("-CAfile").arg(home.server_ca()).arg("-verify_return_error");
    command.arg("-cert").arg(home.client_file("rents-desk", "client.pem"));
    command.arg("-key").arg(home.client_file("rents-desk", "client.key"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It ends early where it is refused.
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all(b"GET /v1/log/checkpoint HTTP/1.1\r\nhost: v\r\nconnection: close\r\n\r\n");
    let done = child.wait_with_output().unwrap();
    let told = [done.stdout, done.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    (told.contains("HTTP/1.1 200 OK"), told)
}

/// Whether a client with this identity gets an answer of any kind.
async fn is_answered(vault: &Running, identity: Option<(&Path, &Path)>) -> bool {
    let raw = Raw::new(vault.url(), tls(&vault.home().server_ca(), identity));
    let asked = raw.try_send(reqwest::Method::GET, "/v1/log/checkpoint", None, None, Vec::new());
    asked.await.is_ok()
}

/// A certificate of an authority, as files.
fn identity(vault: &Running, ca: &LocalCa, name: &str, dns_name: &str, now_ms: u64) -> (PathBuf, PathBuf) {
    let file = |ending: &str| vault.home().folder().join(format!("{name}.{ending}"));
    let (certificate, key) = (file("pem"), file("key"));
    ca.client(dns_name, now_ms).unwrap().save(&certificate, &key).unwrap();
    (certificate, key)
}

/// The authority that the vault believes about applications.
fn own_ca(vault: &Running) -> LocalCa {
    let declared = vault.home().config.local_ca.clone().unwrap();
    LocalCa::load(&declared.certificate, &declared.key).unwrap()
}

/// TLS with a good certificate that is no application's.
pub(crate) fn identity_of_nobody(vault: &Running) -> rustls::ClientConfig {
    let ca = own_ca(vault);
    let (certificate, key) = identity(vault, &ca, "nobody", "nobody.apps.coffer.internal", System.now_ms());
    tls(&vault.home().server_ca(), Some((&certificate, &key)))
}

const NAME: &str = "rents-desk.apps.coffer.internal";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nothing_is_answered() {
    let vault = vault();
    let before = vault.log_size();
    assert!(!is_answered(&vault, None).await);
    let file = |file| vault.home().client_file("rents-desk", file);
    assert!(is_answered(&vault, Some((&file("client.pem"), &file("client.key")))).await);
    assert_eq!(vault.log_size(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_another_authority_is_not_answered() {
    let vault = vault();
    let now_ms = System.now_ms();
    // The same names as the true one, so that only the key tells them apart.
    let common_name = "Coffer tests applications CA";
    let other = LocalCa::create(common_name, now_ms).unwrap();
    let (certificate, key) = identity(&vault, &other, "other", NAME, now_ms);
    assert!(!is_answered(&vault, Some((&certificate, &key))).await);
    let (certificate, key) = identity(&vault, &own_ca(&vault), "own", NAME, now_ms);
    assert!(is_answered(&vault, Some((&certificate, &key))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_certificate_is_no_applications() {
    let vault = vault();
    let tls_file = |file: &str| vault.home().dir().join("tls").join(file);
    assert!(!is_answered(&vault, Some((&tls_file("server.pem"), &tls_file("server.key")))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ran_out_is_not_answered() {
    let vault = vault();
    let (certificate, key) = identity(&vault, &own_ca(&vault), "old", NAME, System.now_ms() - 100 * DAY_MS);
    assert!(!is_answered(&vault, Some((&certificate, &key))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_certificate_of_no_application_is_refused_with_a_leaf() {
    let vault = vault();
    let (certificate, key) = identity(&vault, &own_ca(&vault), "new", "new-desk.apps.coffer.internal", System.now_ms());
    let raw = Raw::new(vault.url(), tls(&vault.home().server_ca(), Some((&certificate, &key))));
    // The first refusal of a vault makes the key under which the log keeps what nobody else's key keeps.
    raw.get("/v1/log/checkpoint", None).await.refused(401, "credential_unknown");
    let before = vault.log_size();
    for token in [None, Some(vault.token("rents", &["oakvale"]))] {
        raw.post("/v1/whoami", token.as_deref(), &serde_json::json!({})).await.refused(401, "credential_unknown");
    }
    let leaves = vault.leaves_since(before);
    assert_eq!(leaves.len(), 2);
    assert!(leaves.iter().all(|leaf| leaf.app.is_none() && leaf.actor.is_none() && leaf.granted.is_none()));
}

/// A client's memory of sessions that counts the tickets it is given.
#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_is_given_and_every_connection_is_a_full_handshake() {
    let vault = vault();
    let file = |file| vault.home().client_file("rents-desk", file);
    let tickets = Arc::new(Tickets::default());
    let mut counting = tls(&vault.home().server_ca(), Some((&file("client.pem"), &file("client.key"))));
    let resuming = counting.clone();
    counting.resumption = Resumption::store(Arc::<Tickets>::clone(&tickets));
    for config in [Arc::new(counting), Arc::new(resuming)] {
        for _ in 0..3 {
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(&config));
            let socket = tokio::net::TcpStream::connect(vault.address()).await.unwrap();
            let mut stream = connector.connect(vault.address().ip().into(), socket).await.unwrap();
            let request = b"GET /v1/log/checkpoint HTTP/1.1\r\nhost: v\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
            let session = stream.get_ref().1;
            assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        }
    }
    assert_eq!(tickets.0.load(Ordering::SeqCst), 0);
}
