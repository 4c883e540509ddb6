//! What the client says of itself: an event for each access, and no value, token or id in any line
//! of any library at any level.
//!
//! A program of its own: beside other tests an event may first be met in the moment when this one's subscriber is not known
//! everywhere yet, and then nobody is asked about it again.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // most of its lies are told in the other program
#[path = "client/liar.rs"]
mod liar;

use std::io;
use std::sync::{Arc, Mutex};

use coffer_client::ask;
use tracing_subscriber::fmt::MakeWriter;

use liar::{Liar, Lie};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

// One thread for client and server, so that the events of both are seen.
#[tokio::test(flavor = "current_thread")]
async fn each_access_is_an_event_and_no_event_holds_a_value_a_token_or_an_id() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.with_writer(lines.clone()).finish());

    let liar = Liar::start().await;
    let vault = liar.vault();
    let payments = vault.on_behalf_of(Liar::token()).for_purpose("payments").unwrap();
    let payments = payments.with_case("case-canary").with_reason("reason-canary");
    let item = || ask::clear("bank", "tenant-canary", "record-canary", &["sort_code"]).unwrap();
    payments.read(item()).await.unwrap();
    let write = ask::write("bank", "tenant-canary", "record-canary").unwrap().set("sort_code", "value-canary").unwrap();
    let error = payments.write(write).await.err().unwrap();
    vault.receipts().settle().await.unwrap();
    liar.tell(Lie::OtherPerson);
    let fault = payments.read(item()).await.err().unwrap();

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let printed = format!("{text}\n{error} {error:?}\n{fault} {fault:?}");
    for secret in ["canary", "secret-value", "head.body.signature", "somebody-else"] {
        let line = printed.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was printed");
    }
    let access = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let common = ["coffer_client::access", "category=\"bank\"", "purpose=\"payments\"", "controller=\"oakvale\""];
    assert!(access(&[&common[..], &["action=\"records.read\"", "outcome=\"ok\"", "index=1"]].concat()), "{text}");
    assert!(access(&["action=\"records.write\"", "outcome=\"no_such_operation\""]), "{text}");
    assert!(access(&["ERROR", "coffer_client::log", "log_inconsistent"]), "{text}");
}
