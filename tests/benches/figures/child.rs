//! The servers, each a process of its own: this executable again, told to serve.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use coffer_keys::keyfile;
use coffer_tests::harness::{Home, Serving, tls};
use coffer_vault::clock::System;
use coffer_vault::config::Config;
use coffer_vault::listen::{self, Listener};
use coffer_vault::serve::{Door, House};
use coffer_vault::store::rocks::{Durability, Rocks, Tuning};
use serde_json::json;

use crate::generator::{self, Target};
use crate::people::{self, CONTROLLER, PEOPLE, RECORD};
use crate::work::{Act, ECHO_PATH, Tokens, Work};

/// The argument that makes this executable an echo.
pub(crate) const SERVE_ECHO: &str = "--serve-echo";
/// The argument that makes this executable a vault.
pub(crate) const SERVE_VAULT: &str = "--serve-vault";

/// Records in one call that fills the vault.
const FILL_RECORDS: u64 = 100;
/// How many fill it at once.
const FILLERS: usize = 8;
/// The application of every request.
pub(crate) const APPLICATION: &str = "rents-desk";

/// A server that runs. It ends when it is dropped.
pub(crate) struct Child<H> {
    process: Process,
    address: SocketAddr,
    home: H,
}

impl Child<()> {
    /// An echo behind the vault's listener, with the certificates of a home.
    pub(crate) fn echo(home: &Home) -> Child<()> {
        Child::start(SERVE_ECHO, home.dir(), ())
    }
}

impl Child<Home> {
    /// A vault that serves a home.
    pub(crate) fn vault(home: Home) -> Child<Home> {
        let dir = home.dir().to_owned();
        Child::start(SERVE_VAULT, &dir, home)
    }

    /// The same with a record of every person.
    pub(crate) fn populated(self) -> Child<Home> {
        self.fill(0..PEOPLE);
        self
    }

    /// Writes a record of each of these people, of whom there are whole calls.
    pub(crate) fn fill(&self, people: Range<u64>) {
        let firsts: Vec<u64> = people.step_by(FILL_RECORDS as usize).collect();
        std::thread::scope(|scope| {
            for share in firsts.chunks(firsts.len().div_ceil(FILLERS)) {
                scope.spawn(|| self.fill_from(share));
            }
        });
    }

    fn fill_from(&self, firsts: &[u64]) {
        let raw = self.raw(APPLICATION);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for first in firsts {
            let items: Vec<_> = (*first..first + FILL_RECORDS).map(record).collect();
            let body = json!({ "controller": CONTROLLER, "purpose": "payments", "items": items });
            let token = self.token("bank-officer", &[CONTROLLER]);
            runtime.block_on(raw.post("/v1/records/write", Some(&token), &body)).granted();
        }
    }

    /// The same after reads for a time.
    pub(crate) fn warmed(self, time: Duration) -> Child<Home> {
        let tokens = Tokens::One(self.token("rents", &[CONTROLLER]).into());
        let work = |connection| Box::new(Work::new(Act::Read, tokens.clone(), connection)) as _;
        generator::run(&self.target(&self.home), crate::measure::CONNECTIONS, time, work);
        self
    }

    /// Ends it and gives back the home.
    pub(crate) fn end(self) -> Home {
        let Child { mut process, home, .. } = self;
        end(&mut process);
        home
    }
}

impl<H> Child<H> {
    fn start(role: &str, dir: &Path, home: H) -> Child<H> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(role).arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().expect("the server says where it listens");
        Child { process, address, home }
    }

    /// Where its load goes, with the certificate of the application.
    pub(crate) fn target(&self, home: &Home) -> Target {
        let [certificate, key] = ["client.pem", "client.key"].map(|file| home.client_file(APPLICATION, file));
        Target { address: self.address, tls: tls(&home.server_ca(), Some((&certificate, &key))) }
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Serving for Child<Home> {
    fn home(&self) -> &Home {
        &self.home
    }

    fn address(&self) -> SocketAddr {
        self.address
    }
}

fn end(process: &mut Process) {
    // It serves as long as its standard input is open.
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success(), "the server ended badly");
}

fn record(person: u64) -> serde_json::Value {
    let fields: serde_json::Map<_, _> =
        people::four_fields(person).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({ "category": "bank", "person": people::id(person), "record": RECORD, "fields": fields })
}

/// In the child: an echo.
pub(crate) fn serve_echo(home: &Path) {
    let config = Config::load(home).unwrap();
    let router = Router::new().route(ECHO_PATH, post(async |body: Bytes| body));
    let tls = listen::server_config(&config.listen).unwrap();
    let listener = Listener::serve((Ipv4Addr::LOCALHOST, 0).into(), tls, router).unwrap();
    until_told(listener);
}

/// In the child: a vault, opened as `coffer-vault serve` opens it.
pub(crate) fn serve_vault(home: &Path) {
    let config = Arc::new(Config::load(home).unwrap());
    let root = keyfile::load(&config.seal.key_file).unwrap();
    let tuning = Tuning { memory_bytes: config.store.memory_mib << 20, durability: Durability::Synced };
    let engine = Arc::new(Rocks::open(&config.store.data, &tuning).unwrap());
    let house = Arc::new(House::open(Arc::clone(&config), engine, Arc::new(System), &root).unwrap());
    let tls = listen::server_config(&config.listen).unwrap();
    let listener = Listener::start(config.listen.address, tls, Door::to(Arc::clone(&house))).unwrap();
    until_told(listener);
    house.close();
}

fn until_told(mut listener: Listener) {
    println!("{}", listener.address());
    let _ = std::io::stdin().read(&mut [0]);
    listener.stop();
}
