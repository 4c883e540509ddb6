//! What connections ask: the echo, and the operations of the vault.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memmem;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::generator::Exchange;
use crate::people::{self, CONTROLLER, PEOPLE, RECORD};

/// Bytes each way of an echo.
pub(crate) const ECHO_BYTES: usize = 64;
/// Where the echo listens.
pub(crate) const ECHO_PATH: &str = "/echo";
/// Records in one call of the batch figure.
pub(crate) const BATCH_RECORDS: usize = 100;

/// Sixty-four bytes there and back.
pub(crate) struct Echo {
    sent: [u8; ECHO_BYTES],
}

impl Echo {
    pub(crate) fn new(connection: usize) -> Echo {
        Echo { sent: std::array::from_fn(|at| b'a' + ((at + connection) % 26) as u8) }
    }
}

impl Exchange for Echo {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        self.sent.rotate_left(1);
        post(out, ECHO_PATH, None, &self.sent);
        true
    }

    fn check(&mut self, body: &[u8]) {
        assert_eq!(body, self.sent);
    }
}

/// Where a connection's tokens come from.
#[derive(Clone)]
pub(crate) enum Tokens {
    /// One for all requests.
    One(Arc<str>),
    /// A new one for each request, until there are no more.
    Fresh(Arc<(Vec<String>, AtomicUsize)>),
}

impl Tokens {
    pub(crate) fn fresh(tokens: Vec<String>) -> Tokens {
        Tokens::Fresh(Arc::new((tokens, AtomicUsize::new(0))))
    }

    fn next(&self) -> Option<&str> {
        match self {
            Tokens::One(token) => Some(token),
            Tokens::Fresh(pool) => pool.0.get(pool.1.fetch_add(1, Ordering::Relaxed)).map(String::as_str),
        }
    }
}

/// What is asked of the vault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// One field of one record, in clear.
    Read,
    /// Four fields of each of [`BATCH_RECORDS`] records, in clear.
    ReadBatch,
    /// One field of one record.
    Write,
}

/// Requests to the vault, for people drawn uniformly.
pub(crate) struct Work {
    act: Act,
    tokens: Tokens,
    draw: ChaCha8Rng,
    people: Vec<u64>,
    body: Vec<u8>,
}

impl Work {
    pub(crate) fn new(act: Act, tokens: Tokens, connection: usize) -> Work {
        let count = if act == Act::ReadBatch { BATCH_RECORDS } else { 1 };
        let draw = ChaCha8Rng::seed_from_u64(connection as u64);
        Work { act, tokens, draw, people: vec![0; count], body: Vec::new() }
    }
}

impl Exchange for Work {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(token) = self.tokens.next() else { return false };
        self.people.fill_with(|| self.draw.random_range(0..PEOPLE));
        self.body.clear();
        write!(self.body, r#"{{"controller":"{CONTROLLER}","purpose":"payments","items":["#).unwrap();
        for (at, person) in self.people.iter().enumerate() {
            self.body.extend_from_slice(if at == 0 { b"" } else { b"," });
            item(&mut self.body, self.act, *person);
        }
        self.body.extend_from_slice(b"]}");
        let path = if self.act == Act::Write { "/v1/records/write" } else { "/v1/records/read" };
        post(out, path, Some(token), &self.body);
        true
    }

    fn check(&mut self, body: &[u8]) {
        let text = || String::from_utf8_lossy(body);
        assert!(body.starts_with(br#"{"items":[{"status":200,"version":"#), "{}", text());
        let mut rest = body;
        for person in &self.people {
            let shown = shown(self.act, *person);
            let at = memmem::find(rest, shown.as_bytes()).unwrap_or_else(|| panic!("no {shown} in {}", text()));
            rest = &rest[at + shown.len()..];
        }
        let receipts = memmem::find_iter(body, br#""receipts":[{"index":"#).count();
        assert_eq!(receipts, self.people.len(), "a receipt for each");
    }
}

fn item(out: &mut Vec<u8>, act: Act, person: u64) {
    let id = people::id(person);
    write!(out, r#"{{"category":"bank","person":"{id}","record":"{RECORD}","#).unwrap();
    match act {
        Act::Read => out.extend_from_slice(br#""fields":["account_number"],"form":"clear"}"#),
        Act::ReadBatch => out.extend_from_slice(
            br#""fields":["account_name","sort_code","account_number","payment_method"],"form":"clear"}"#,
        ),
        Act::Write => {
            write!(out, r#""fields":{{"account_number":"{}"}}}}"#, people::account_number(person)).unwrap();
        }
    }
}

/// What stands in the answer about a person, and in no other's.
fn shown(act: Act, person: u64) -> String {
    match act {
        Act::Read => format!(r#""fields":{{"account_number":"{}"}},"#, people::account_number(person)),
        Act::ReadBatch => {
            let fields = people::four_fields(person).map(|(name, value)| format!(r#""{name}":"{value}""#));
            format!(r#""fields":{{{}}},"#, fields.join(","))
        }
        // The private part of the receipt, which is text within text.
        Act::Write => format!(r#"{{\"person\":\"{}\","#, people::id(person)),
    }
}

fn post(out: &mut Vec<u8>, path: &str, token: Option<&str>, body: &[u8]) {
    write!(out, "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n").unwrap();
    if let Some(token) = token {
        write!(out, "authorization: Bearer {token}\r\n").unwrap();
    }
    write!(out, "content-length: {}\r\n\r\n", body.len()).unwrap();
    out.extend_from_slice(body);
}
