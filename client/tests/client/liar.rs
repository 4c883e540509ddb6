//! A small server that keeps a real log and tells lies about it when it is asked to: what no vault
//! does that the other tests could run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use coffer_client::wire::Hash;
use coffer_client::wire::api::{
    Answer, EntryAnswer, EntryRequest, Outcome, ProveAnswer, ProveRequest, ReadItem, Receipt, Request, SuccessionAnswer,
};
use coffer_client::wire::leaf::{Action, Alias, Decision, Tail, encode_head};
use coffer_client::wire::name::VAULT;
use coffer_client::wire::note::{Checkpoint, VerifierKey, signed};
use coffer_client::wire::private::{Private, commitment};
use coffer_client::wire::problem::{Code, Problem};
use coffer_client::wire::succession::{Handover, Rekey, Succession, Why};
use coffer_client::wire::tree::{Edge, Nodes, consistency_proof, inclusion_proof, leaf_hash, root_at};
use coffer_client::{Builder, Name, Token, Value, Vault};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const ORIGIN: &str = "coffer.example/liar";
/// Whom the token names.
const ACTOR: &str = "https://login.example officer-17";
const OTHER_ACTOR: &str = "https://login.example officer-18";

/// What the server does wrong, from when it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lie {
    /// Nothing.
    Nothing,
    /// The note is signed by another key.
    OtherKey,
    /// The answer has no receipt.
    NoReceipt,
    /// The leaf tells of another person.
    OtherPerson,
    /// The leaf tells of another purpose.
    OtherPurpose,
    /// The leaf tells of another person at work.
    OtherActor,
    /// The leaf names nobody at work, though the private part does.
    NoActor,
    /// The leaf tells of another application.
    OtherApplication,
    /// Nothing is there, and the answer says so with a receipt, or without.
    Refuses { receipt: bool },
    /// One of the leaves that are shown is not the log's.
    OtherLeaf,
    /// The last of the leaves is not shown.
    OneLeafLess,
    /// The leaf that was first given is given again.
    SameLeaf,
    /// The leaf is not in the tree; another stands in its place.
    LeftOut,
    /// The log begins anew, with other leaves, and grows larger than the first.
    BeginsAnew,
    /// Nothing is proved any more.
    ProvesNothing,
    /// The next requests, as many as this, are answered with this code.
    Answers(Code, u32),
    /// The connection is closed when the request was read.
    HangsUp,
    /// The answer holds a field that was not asked for.
    OtherField,
}

#[derive(Default)]
struct Tree {
    edge: Edge,
    nodes: HashMap<(u8, u64), Hash>,
}

impl Nodes for Tree {
    type Error = ();

    fn node(&self, level: u8, index: u64) -> Result<Hash, ()> {
        self.nodes.get(&(level, index)).copied().ok_or(())
    }
}

impl Tree {
    fn push(&mut self, hash: Hash) {
        let nodes = &mut self.nodes;
        self.edge.push_noting(hash, |level, index, node| {
            nodes.insert((level, index), node);
        });
    }
}

struct State {
    lie: Lie,
    tree: Tree,
    leaves: Vec<String>,
    key: Ed25519KeyPair,
    /// Under which name the log is signed now.
    origin: String,
    /// The key that signs too, and the note by which the log was handed on.
    beside: Option<Ed25519KeyPair>,
    handovers: Vec<String>,
    /// Logs that ended.
    closed: Vec<Tree>,
    first: Option<(Receipt, String)>,
    requests: Vec<String>,
    names: Vec<String>,
}

pub(crate) struct Liar {
    state: Arc<Mutex<State>>,
    url: String,
    ca: String,
    client: (String, String),
    key: VerifierKey,
}

impl Liar {
    /// Starts a server on a free port, with certificates of its own.
    pub(crate) async fn start() -> Liar {
        let (ca, issuer) = authority();
        let server = leaf(&issuer, "localhost");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = VerifierKey::new(ORIGIN, key.public_key().as_ref().try_into().unwrap()).unwrap();
        let mut state = State {
            lie: Lie::Nothing,
            tree: Tree::default(),
            leaves: vec!["leaf 0".into()],
            key,
            origin: ORIGIN.to_owned(),
            beside: None,
            handovers: Vec::new(),
            closed: Vec::new(),
            first: None,
            requests: Vec::new(),
            names: Vec::new(),
        };
        state.tree.push(leaf_hash(b"leaf 0"));
        let state = Arc::new(Mutex::new(state));
        tokio::spawn(listen(listener, acceptor(&ca, &server), Arc::clone(&state)));
        Liar { state, url, client: leaf(&issuer, "client"), ca, key: public }
    }

    pub(crate) fn tell(&self, lie: Lie) {
        let mut state = self.state.lock().unwrap();
        state.lie = lie;
        if lie == Lie::BeginsAnew {
            let size = state.tree.edge.size();
            state.tree = Tree::default();
            (0..=size).for_each(|n| state.tree.push(leaf_hash(&n.to_be_bytes())));
        }
    }

    /// The paths of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The idempotency keys of the requests so far that had one.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().names.clone()
    }

    /// The note of the log as it stands.
    pub(crate) fn note(&self) -> String {
        self.state.lock().unwrap().note()
    }

    pub(crate) fn builder(&self) -> Builder {
        Vault::builder()
            .url(&self.url)
            .ca_pem(self.ca.as_bytes())
            .identity_pem(self.client.0.as_bytes(), self.client.1.as_bytes())
            .log_key(self.key.clone())
            .controller(Name::new("oakvale").unwrap())
            .application(Name::new("rents-desk").unwrap())
    }

    /// A client with the certificates and the log key of `other`, who asks this server.
    pub(crate) fn builder_of(&self, other: &Liar) -> Builder {
        other.builder().url(&self.url)
    }

    pub(crate) fn vault(&self) -> Vault {
        self.builder().build().unwrap()
    }

    pub(crate) fn token() -> Token {
        // {"iss":"https://login.example","sub":"officer-17"}
        let claims = "eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJzdWIiOiJvZmZpY2VyLTE3In0";
        Token::new(format!("head.{claims}.signature")).unwrap()
    }

    /// What stands in a client.toml, and the files that it names.
    pub(crate) fn files(&self) -> [(&'static str, String); 4] {
        let toml = format!(
            "url = \"{}\"\nca = \"ca.pem\"\ncertificate = \"client.pem\"\nkey = \"client.key\"\nlog_key = \"{}\"\ncontroller = \"oakvale\"\n",
            self.url, self.key
        );
        let (certificate, key) = self.client.clone();
        [("client.toml", toml), ("ca.pem", self.ca.clone()), ("client.pem", certificate), ("client.key", key)]
    }
}

impl State {
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: self.tree.edge.size(), root: self.tree.edge.root() }
    }

    fn note(&self) -> String {
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let key = if self.lie == Lie::OtherKey { &other } else { &self.key };
        let text = self.checkpoint().body();
        let mut signatures = vec![(public(&self.key, &self.origin), signature(key, &text))];
        signatures.extend(self.beside.iter().map(|key| (public(key, &self.origin), signature(key, &text))));
        signed(text, signatures.iter().map(|(key, signature)| (key, signature)))
    }

    /// The note by which the key that signs hands on.
    fn hand_over(&self, handover: &Handover) -> String {
        let text = handover.body();
        let signature = signature(&self.key, &text);
        signed(text, [(&public(&self.key, handover.log()), &signature)])
    }

    fn read(&mut self, body: &[u8]) -> Answer {
        let request: Request<ReadItem> = serde_json::from_slice(body).unwrap();
        let mut answer = Answer::default();
        for item in &request.items {
            let (mut receipt, note) = self.record(&request, item);
            answer.notes.push(note);
            receipt.note = answer.notes.len() as u32 - 1;
            let mut fields: std::collections::BTreeMap<_, _> =
                item.fields.iter().map(|field| (*field, Value::new("secret-value".into()))).collect();
            if self.lie == Lie::OtherField {
                fields.insert(Name::new("another").unwrap(), Value::new("secret-value".into()));
            }
            let receipts = if self.lie == Lie::NoReceipt { vec![] } else { vec![receipt] };
            let granted =
                Outcome { status: 200, version: Some(3), fields: Some(fields), receipts, ..Outcome::default() };
            answer.items.push(match self.lie {
                Lie::Refuses { receipt } => refusal(granted.receipts, receipt),
                _ => granted,
            });
        }
        answer
    }

    fn record(&mut self, request: &Request<ReadItem>, item: &ReadItem) -> (Receipt, String) {
        if let (Lie::SameLeaf, Some(first)) = (self.lie, &self.first) {
            return first.clone();
        }
        let other = coffer_client::ExternalId::new("somebody-else").unwrap();
        let private = Private {
            person: Some(if self.lie == Lie::OtherPerson { other } else { item.person.clone() }),
            record: Some(item.record.clone()),
            fields: item.fields.clone(),
            form: Some(item.form),
            reason: request.reason.clone(),
            case: request.case.clone(),
            actor: Some(if self.lie == Lie::OtherActor { OTHER_ACTOR } else { ACTOR }.to_owned()),
            ..Private::default()
        };
        let private = serde_json::to_string(&private).unwrap();
        let app = if self.lie == Lie::OtherApplication { "care-desk" } else { "rents-desk" };
        let purpose = if self.lie == Lie::OtherPurpose { Name::new("surveys").unwrap() } else { request.purpose };
        let salt = [9; 32];
        let tail = Tail {
            action: Action::RecordsRead,
            category: Some(item.category),
            purpose: Some(purpose),
            decision: Decision::Granted("rents-bank"),
            app: Some(Name::new(app).unwrap()),
            actor: (self.lie != Lie::NoActor).then_some(Alias([3; 16])),
            subject: None,
            version: Some(3),
            row: None,
            policy: 1,
            commit: commitment(&salt, private.as_bytes()),
        };
        let recorded = self.keep(request.controller, &tail, salt, private);
        self.first.get_or_insert_with(|| recorded.clone());
        recorded
    }

    /// Puts a leaf into the log.
    fn keep(&mut self, controller: Name, tail: &Tail<'_>, salt: [u8; 32], private: String) -> (Receipt, String) {
        let index = self.tree.edge.size();
        let mut leaf = Vec::new();
        encode_head(&mut leaf, 1_700_000_000_000 + index, &controller, index + 1);
        leaf.extend_from_slice(&tail.encode());
        let hash = leaf_hash(&leaf);
        self.tree.push(if self.lie == Lie::LeftOut { leaf_hash(b"another") } else { hash });
        let leaf = String::from_utf8(leaf).unwrap();
        self.leaves.push(leaf.clone());
        let (leaf, salt) = (Some(leaf), Some(Hash::from_bytes(salt)));
        let receipt = Receipt { index, leaf_hash: hash, note: 0, leaf, salt, private: Some(private) };
        (receipt, self.note())
    }

    fn entries(&mut self, body: &[u8]) -> EntryAnswer {
        let asked: EntryRequest = serde_json::from_slice(body).unwrap();
        let private = Private { actor: Some(ACTOR.to_owned()), ..Private::default() };
        let (private, salt) = (serde_json::to_string(&private).unwrap(), [9; 32]);
        let tail = Tail {
            action: Action::LogEntry,
            category: None,
            purpose: None,
            decision: Decision::Granted("auditors"),
            app: Some(Name::new("rents-desk").unwrap()),
            actor: Some(Alias([3; 16])),
            subject: None,
            version: None,
            row: None,
            policy: 1,
            commit: commitment(&salt, private.as_bytes()),
        };
        let (receipt, note) = self.keep(VAULT, &tail, salt, private);
        let end = (asked.start + asked.count).min(self.tree.edge.size());
        let mut leaves = self.leaves[asked.start as usize..end as usize].to_vec();
        match self.lie {
            Lie::OtherLeaf => leaves[1] = leaves[1].replace("rents-desk", "care-desk"),
            Lie::OneLeafLess => drop(leaves.pop()),
            _ => {}
        }
        EntryAnswer { start: asked.start, leaves, checkpoint: note.clone(), receipt, notes: vec![note] }
    }

    fn prove(&self, body: &[u8]) -> Result<ProveAnswer, Problem> {
        let asked: ProveRequest = serde_json::from_slice(body).unwrap();
        let closed = asked.log.and_then(|log| self.closed.get(usize::from(log) - 1));
        let tree = closed.unwrap_or(&self.tree);
        let size = asked.size.unwrap_or(tree.edge.size());
        if self.lie == Lie::ProvesNothing || size > tree.edge.size() {
            return Err(Problem::new(Code::Malformed));
        }
        let inclusion = asked.index.map(|index| inclusion_proof(tree, index, size).unwrap());
        let consistency = asked.from.map(|from| consistency_proof(tree, from, size).unwrap());
        Ok(ProveAnswer { size, inclusion, consistency, checkpoint: self.note() })
    }

    /// Status, headers' `Retry-After`, body. `None`: hang up.
    fn answer(&mut self, path: &str, body: &[u8]) -> Option<(StatusCode, Vec<u8>)> {
        self.requests.push(path.to_owned());
        match self.lie {
            Lie::Answers(code, left) if left > 0 => {
                self.lie = Lie::Answers(code, left - 1);
                return Some(problem(Problem::new(code)));
            }
            Lie::HangsUp => return None,
            _ => {}
        }
        Some(match path {
            "/v1/log/checkpoint" => (StatusCode::OK, self.note().into_bytes()),
            "/v1/records/read" => (StatusCode::OK, serde_json::to_vec(&self.read(body)).unwrap()),
            "/v1/log/entry" => (StatusCode::OK, serde_json::to_vec(&self.entries(body)).unwrap()),
            "/v1/log/prove" => match self.prove(body) {
                Ok(answer) => (StatusCode::OK, serde_json::to_vec(&answer).unwrap()),
                Err(refused) => problem(refused),
            },
            "/v1/log/succession" if self.handovers.is_empty() => problem(Problem::new(Code::NoSuchOperation)),
            "/v1/log/succession" => {
                let answer = SuccessionAnswer { notes: self.handovers.clone(), checkpoint: self.note() };
                (StatusCode::OK, serde_json::to_vec(&answer).unwrap())
            }
            _ => problem(Problem::new(Code::NoSuchOperation)),
        })
    }

    /// Another tree of the same size, whose last leaf is another one.
    fn replace_last(&mut self) {
        let size = self.tree.edge.size();
        let leaves: Vec<_> = (0..size - 1).map(|index| self.tree.nodes[&(0, index)]).collect();
        self.tree = Tree::default();
        leaves.into_iter().for_each(|leaf| self.tree.push(leaf));
        self.tree.push(leaf_hash(b"replaced"));
    }
}

impl Liar {
    /// Puts a younger self back: the tree of leaf 0 alone.
    pub(crate) fn restore_snapshot(&self) {
        let mut state = self.state.lock().unwrap();
        state.tree = Tree::default();
        state.tree.push(leaf_hash(b"leaf 0"));
    }

    /// Signs with a new key from now on, the old one beside it, and says so in a note.
    pub(crate) fn rekey(&self, seed: u8) {
        let mut state = self.state.lock().unwrap();
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let (log, size) = (state.origin.clone(), state.tree.edge.size());
        let rekey = Rekey { key: public(&key, &log), log, size, made_ms: 5, until_ms: 9 };
        let note = state.hand_over(&Handover::Rekey(rekey));
        state.handovers.push(note);
        let old = std::mem::replace(&mut state.key, key);
        state.beside = Some(old);
    }

    /// The time in which both keys sign is over.
    pub(crate) fn end_overlap(&self) {
        self.state.lock().unwrap().beside = None;
    }

    /// Ends the log, of which it says that it had so many leaves more or fewer and that so many were kept; what is lost is not
    /// proved. The next log follows.
    pub(crate) fn succeed(&self, more: i64, kept: u64, why: Why) {
        let mut state = self.state.lock().unwrap();
        let number = state.closed.len() + 2;
        let (closed, origin) = (std::mem::take(&mut state.tree), format!("{ORIGIN}/{number}"));
        let size = closed.edge.size().checked_add_signed(more).unwrap();
        let root = if more == 0 { closed.edge.root() } else { Hash::sha256(b"whatever") };
        let last = Checkpoint { origin: state.origin.clone(), size, root };
        let kept = Checkpoint { origin: state.origin.clone(), size: kept, root: root_at(&closed, kept).unwrap() };
        let successor = public(&state.key, &origin);
        let note = state.hand_over(&Handover::Succession(Succession { last, kept, successor, why, made_ms: 5 }));
        state.handovers.push(note);
        state.closed.push(closed);
        state.origin = origin;
        state.tree.push(leaf_hash(b"leaf 0 of another"));
    }

    /// Goes on with the first log, as if it had not ended.
    pub(crate) fn return_to_the_first(&self) {
        let mut state = self.state.lock().unwrap();
        state.tree = state.closed.remove(0);
        state.origin = ORIGIN.to_owned();
    }

    /// The notes by which the log was handed on.
    pub(crate) fn handovers(&self) -> Vec<String> {
        self.state.lock().unwrap().handovers.clone()
    }

    /// Shows other notes than those.
    pub(crate) fn show_handovers(&self, notes: Vec<String>) {
        self.state.lock().unwrap().handovers = notes;
    }

    /// Replaces the newest leaf, so that there are two trees of one size.
    pub(crate) fn replace_last(&self) {
        self.state.lock().unwrap().replace_last();
    }
}

fn public(key: &Ed25519KeyPair, origin: &str) -> VerifierKey {
    VerifierKey::new(origin, key.public_key().as_ref().try_into().unwrap()).unwrap()
}

fn signature(key: &Ed25519KeyPair, text: &str) -> [u8; 64] {
    key.sign(text.as_bytes()).as_ref().try_into().unwrap()
}

/// A refusal shows of its leaf index and hash alone.
fn refusal(receipts: Vec<Receipt>, with_receipt: bool) -> Outcome {
    let bare = |receipt: Receipt| Receipt { leaf: None, salt: None, private: None, ..receipt };
    let receipts = receipts.into_iter().filter(|_| with_receipt).map(bare).collect();
    let code = Code::NotFound;
    Outcome { status: code.status(), code: Some(code), receipts, ..Outcome::default() }
}

fn problem(problem: Problem) -> (StatusCode, Vec<u8>) {
    (StatusCode::from_u16(problem.status).unwrap(), serde_json::to_vec(&problem).unwrap())
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: hyper::Request<Incoming>| {
                let state = Arc::clone(&state);
                async move { serve(request, state).await.ok_or_else(|| std::io::Error::other("hung up")) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn serve(request: hyper::Request<Incoming>, state: Arc<Mutex<State>>) -> Option<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    let name = request.headers().get("idempotency-key").map(|name| name.to_str().unwrap().to_owned());
    state.lock().unwrap().names.extend(name);
    let body = request.into_body().collect().await.ok()?.to_bytes();
    let (status, body) = state.lock().unwrap().answer(&path, &body)?;
    let response = Response::builder().status(status).header("retry-after", "0");
    response.body(Full::new(Bytes::from(body))).ok()
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
}

fn leaf(issuer: &Issuer<'static, KeyPair>, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

fn acceptor(ca: &str, server: &(String, String)) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let clients =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(server.0.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(server.1.as_bytes()).unwrap(),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}
