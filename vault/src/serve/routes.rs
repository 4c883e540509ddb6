//! THE table of operations. Routing, the refusals of what is not in it, and the tests that fail for
//! an operation without its case all read it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use coffer_wire::leaf::Action;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::trace::Traceparent;
use tracing::{Instrument, Span};
use zeroize::Zeroizing;

use super::answer::{Answered, MEDIA_TYPE, respond};
use super::desk::{Desk, Envelope};
use super::door::Shut;
use super::idempotency::Key;
use super::incoming::new_request_id;
use super::taking::{self, Courtesy, Untaken};
use super::{
    Door, House, Incoming, Within, allow, apply, approval, certificate, crowd, drill, entry, erase, erase_subject,
    holds, key_jobs, key_state, keys, list, manage, openapi, prove, read, rekey, root, rotate, seal_up, show,
    show_schema, status, unseal, whoami, write,
};
use crate::admit::{PeerCertificate, Quota};
use crate::cards;

pub use super::taking::BODY_BYTES_MAX;

/// One row of the table.
pub struct Operation {
    /// The path.
    pub path: &'static str,
    /// `POST` for acts, which leave a record; `GET` for hashes.
    pub method: Method,
    /// What its leaf says; none where hashes alone are shown.
    pub action: Option<Action>,
    /// What the API's description says of it.
    pub(super) about: &'static openapi::Described,
    serve: fn(Arc<House>, Incoming) -> Serving,
}

type Serving = Pin<Box<dyn Future<Output = Answered> + Send>>;

macro_rules! operation {
    ($method:ident $path:literal, $action:expr, $serve:path, $about:ident) => {
        Operation {
            path: $path,
            method: Method::$method,
            action: $action,
            about: &openapi::$about,
            serve: |house, incoming| Box::pin($serve(house, incoming)),
        }
    };
}

/// Every operation there is.
pub const OPERATIONS: &[Operation] = &[
    operation!(POST "/v1/records/write", Some(Action::RecordsWrite), write::serve, RECORDS_WRITE),
    operation!(POST "/v1/records/read", Some(Action::RecordsRead), read::serve, RECORDS_READ),
    operation!(POST "/v1/records/list", Some(Action::RecordsList), list::serve, RECORDS_LIST),
    operation!(POST "/v1/records/erase", Some(Action::RecordsErase), erase::serve, RECORDS_ERASE),
    operation!(POST "/v1/subjects/erase", Some(Action::SubjectsErase), erase_subject::serve, SUBJECTS_ERASE),
    operation!(POST "/v1/log/entry", Some(Action::LogEntry), entry::serve, LOG_ENTRY),
    operation!(GET "/v1/log/checkpoint", None, prove::checkpoint, LOG_CHECKPOINT),
    operation!(POST "/v1/log/prove", None, prove::serve, LOG_PROVE),
    operation!(GET "/v1/log/succession", None, prove::succession, LOG_SUCCESSION),
    operation!(POST "/v1/log/rekey", Some(Action::LogRekey), rekey::serve, LOG_REKEY),
    operation!(POST "/v1/certificates/issue", Some(Action::CertIssue), certificate::serve, CERTIFICATES_ISSUE),
    operation!(POST "/v1/keys/list", Some(Action::KeysList), keys::serve, KEYS_LIST),
    operation!(POST "/v1/keys/rotate", Some(Action::KeysRotate), rotate::serve, KEYS_ROTATE),
    operation!(POST "/v1/keys/jobs", Some(Action::KeysJobs), key_jobs::serve, KEYS_JOBS),
    operation!(POST "/v1/key/state", Some(Action::KeyState), key_state::state, KEY_STATE),
    operation!(POST "/v1/keys/destroy", Some(Action::KeysDestroy), key_state::destroy, KEYS_DESTROY),
    operation!(POST "/v1/keys/shred", Some(Action::KeysShred), key_state::shred, KEYS_SHRED),
    operation!(POST "/v1/status", Some(Action::Status), status::serve, STATUS),
    operation!(POST "/v1/whoami", Some(Action::Whoami), whoami::serve, WHOAMI),
    operation!(POST "/v1/access/show", Some(Action::AccessShow), show::serve, ACCESS_SHOW),
    operation!(POST "/v1/access/apply", Some(Action::AccessApply), apply::access, ACCESS_APPLY),
    operation!(POST "/v1/schema/apply", Some(Action::SchemaApply), apply::schema, SCHEMA_APPLY),
    operation!(POST "/v1/approvals/list", Some(Action::ApprovalList), approval::list, APPROVALS_LIST),
    operation!(POST "/v1/approvals/approve", Some(Action::ApprovalGrant), approval::approve, APPROVALS_APPROVE),
    operation!(POST "/v1/approvals/refuse", Some(Action::ApprovalDeny), approval::refuse, APPROVALS_REFUSE),
    operation!(POST "/v1/holds/set", Some(Action::HoldSet), holds::set, HOLDS_SET),
    operation!(POST "/v1/holds/lift", Some(Action::HoldLift), holds::lift, HOLDS_LIFT),
    operation!(POST "/v1/holds/list", Some(Action::HoldList), holds::list, HOLDS_LIST),
    operation!(POST "/v1/erasures/allow", Some(Action::ErasureAllow), allow::serve, ERASURES_ALLOW),
    operation!(POST "/v1/schema/show", Some(Action::SchemaShow), show_schema::serve, SCHEMA_SHOW),
    operation!(GET "/openapi.json", Some(Action::ApiShow), openapi::serve, OPENAPI_JSON),
    operation!(POST "/v1/root/rotate", Some(Action::RootRotate), root::rotate, ROOT_ROTATE),
    operation!(POST "/v1/vault/drill", Some(Action::VaultDrill), drill::serve, VAULT_DRILL),
    // These two in this order: whoever asks all of them in turn finds the vault open again.
    operation!(POST "/v1/vault/seal", Some(Action::VaultSeal), seal_up::serve, VAULT_SEAL),
    operation!(POST "/v1/vault/unseal", Some(Action::VaultUnseal), unseal::serve, VAULT_UNSEAL),
];

impl Operation {
    /// Its method, as the header `Allow` names it.
    fn allowed(&self) -> &'static str {
        if self.method == Method::GET { "GET" } else { "POST" }
    }

    /// Whether it may be named by an idempotency key: what changes records is.
    pub(super) fn is_once(&self) -> bool {
        matches!(self.action, Some(Action::RecordsWrite | Action::RecordsErase | Action::SubjectsErase))
    }

    /// Whether it asks for a person's token. Who unseals a vault comes with the certificate alone, since nobody can say of a
    /// person what a sealed vault would let them do.
    pub fn needs_person(&self) -> bool {
        self.action.is_some_and(|action| action != Action::VaultUnseal)
    }

    /// Whether what is cut off may have come to something. What is not known here to show alone may have.
    fn changes(&self) -> bool {
        !matches!(
            self.action,
            None | Some(
                Action::RecordsRead
                    | Action::RecordsList
                    | Action::LogEntry
                    | Action::KeysList
                    | Action::KeysJobs
                    | Action::ApprovalList
                    | Action::HoldList
                    | Action::CertIssue
                    | Action::Status
                    | Action::Whoami
                    | Action::AccessShow
                    | Action::SchemaShow
                    | Action::ApiShow
                    | Action::VaultDrill
            )
        )
    }

    /// Who sends a key relies on it, so none is passed over.
    fn may_take(&self, key: Option<Key>) -> Result<Option<Key>, &'static str> {
        if key.is_none() || self.is_once() { Ok(key) } else { Err("`Idempotency-Key` is for writes and erases") }
    }

    /// What it is about: the part of its path before the verb.
    pub(super) fn group(&self) -> &'static str {
        let path = self.path.strip_prefix("/v1/").unwrap_or_default();
        path.split_once('/').map_or("vault", |(group, _)| group)
    }
}

/// The router over the table. The connection puts its [`Peer`] into each request's extensions.
pub fn router(door: Door) -> Router {
    Router::new().fallback(dispatch).with_state(door)
}

/// Who is at the other end of the connection.
#[derive(Clone)]
pub struct Peer {
    /// The client certificate.
    pub certificate: Arc<PeerCertificate>,
    /// The network address.
    pub address: std::net::SocketAddr,
    /// Whether the connection is one more than its application may have.
    pub is_above: bool,
}

/// The header that names a caller's trace.
const TRACEPARENT: &str = "traceparent";
/// Under which name a request is counted that is no operation.
const NO_OPERATION: &str = "none";

async fn dispatch(State(door): State<Door>, request: Request) -> Response {
    let id = new_request_id();
    let span = span(&request, &id);
    handle(door, request, id).instrument(span).await
}

/// What the operator's log says of everything that happens for a request: its id, and the caller's trace. Of the highest
/// level, so that it stands beside errors however little is told.
fn span(request: &Request, id: &str) -> Span {
    let trace = trace(request.headers());
    let trace = trace.as_ref();
    tracing::error_span!(
        "request",
        request = id,
        trace_id = trace.map(Traceparent::trace_id),
        parent_id = trace.map(Traceparent::parent_id),
    )
}

/// The caller's trace, where the headers name one and no more. It is the caller's text and goes into the operator's log: hexadecimal
/// digits of fixed length hold no word, but may hold a card number, and one in which the guard sees it is passed over like
/// one that is none. `tracestate`, which may hold anything, is kept nowhere.
fn trace(headers: &HeaderMap) -> Option<Traceparent> {
    let mut named = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (named.next(), named.next()) else { return None };
    Traceparent::parse(value.to_str().ok()?).filter(|trace| !cards::found_in(trace.as_str()))
}

async fn handle(door: Door, request: Request, id: String) -> Response {
    let path = request.uri().path();
    let found = OPERATIONS.iter().find(|operation| operation.path == path);
    let mut response = match request.extensions().get::<Peer>().cloned() {
        Some(peer) => answer(&door, found, &peer, request, &id).await,
        None => respond(Err(Problem::new(Code::Internal)), MEDIA_TYPE, &id),
    };
    if let (StatusCode::METHOD_NOT_ALLOWED, Some(operation)) = (response.status(), found) {
        // What the other method is, as RFC 9110 §15.5.6 asks.
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(operation.allowed()));
    }
    let (operation, status) = (found.map_or(NO_OPERATION, |operation| operation.path), response.status().as_u16());
    if let Some(house) = door.house() {
        house.metrics.answered(operation, status);
    }
    tracing::debug!(operation, status, "answered");
    response
}

/// Answers within the caller's share of the vault. The place of the request is kept until the answer is taken.
async fn answer(door: &Door, found: Option<&Operation>, peer: &Peer, request: Request, id: &str) -> Response {
    let (quota, app) = door.quota(&peer.certificate);
    match quota.enter(peer.is_above, Instant::now()) {
        Ok(under_way) => {
            let media = found.map_or(MEDIA_TYPE, |operation| operation.about.media());
            let answered = serve(door, found, quota, peer, request, id).await;
            let mut response = respond(answered, media, id);
            response.extensions_mut().insert(under_way);
            response
        }
        Err(too_many) => {
            taking::pass_over(request.into_body(), Courtesy::CROWD).await;
            let refused = crowd::refuse(door, &quota, app, action_of(found), peer, id, too_many).await;
            let mut response = respond(Err(refused), MEDIA_TYPE, id);
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                let seconds = too_many.after.as_secs_f64().ceil().max(1.0) as u64;
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

/// By what is behind the door at this moment. A vault that is sealed meanwhile lets a request finish for a while, and then
/// cuts it off: it holds the house no longer.
async fn serve(
    door: &Door,
    found: Option<&Operation>,
    quota: Arc<Quota>,
    peer: &Peer,
    request: Request,
    id: &str,
) -> Answered {
    let house = match door.within() {
        Within::Open(house) => house,
        Within::Shut(shut) => return sealed(door, &shut, found, &quota, peer, request, id).await,
    };
    let until_cut = house.until_cut();
    let served = served(door, house, found, quota, peer, request, id);
    if found.is_some_and(|operation| operation.action == Some(Action::VaultSeal)) {
        return served.await;
    }
    tokio::select! {
        biased;
        answered = served => answered,
        () = until_cut => Err(Problem::new(match found.is_some_and(Operation::changes) {
            true => Code::OutcomeUnknown,
            false => Code::Sealed,
        })),
    }
}

/// A vault that is shut tells of itself and takes what opens it, and no more.
async fn sealed(
    door: &Door,
    shut: &Shut,
    found: Option<&Operation>,
    quota: &Quota,
    peer: &Peer,
    request: Request,
    id: &str,
) -> Answered {
    let (parts, body) = request.into_parts();
    let action = found.and_then(|operation| operation.action);
    if action == Some(Action::VaultUnseal) {
        return unseal::sealed(door, shut, unseal::Try { peer, quota, request: id }, &parts, body).await;
    }
    taking::pass_over(body, Courtesy::STRANGER).await;
    status::sealed(door, shut, &peer.certificate, action == Some(Action::Status))
}

/// Head and connection say who comes, so that nothing of a body is read for whoever may not come in.
async fn served(
    door: &Door,
    house: Arc<House>,
    found: Option<&Operation>,
    quota: Arc<Quota>,
    peer: &Peer,
    request: Request,
    id: &str,
) -> Answered {
    let (parts, body) = request.into_parts();
    let mut incoming = Incoming {
        peer: Arc::clone(&peer.certificate),
        address: peer.address,
        quota,
        bearer: bearer(&parts.headers),
        body: Default::default(),
        key: None,
        door: door.clone(),
        request: id.to_owned(),
    };
    let action = action_of(found);
    let needs_person = found.is_some_and(Operation::needs_person);
    if let Err(problem) = admit(&house, &incoming, action, needs_person).await {
        if !parts.headers.contains_key(header::EXPECT) {
            taking::pass_over(body, Courtesy::STRANGER).await;
        }
        return Err(problem);
    }
    let operation = match fitting(found, &parts, &body) {
        Ok(operation) => operation,
        Err(code) => {
            taking::pass_over(body, Courtesy::GUEST).await;
            return Err(refuse(&house, &incoming, action, code).await);
        }
    };
    let _room = match taking::read(body, &incoming.quota, house.config.deadlines.body).await {
        Ok((bytes, room)) => {
            incoming.body = bytes.into();
            room
        }
        Err(Untaken::Code(code)) => return Err(refuse(&house, &incoming, action, code).await),
        Err(Untaken::TooMany(too_many)) => {
            let (quota, app) = door.quota(&peer.certificate);
            return Err(crowd::refuse(door, &quota, app, action, peer, id, too_many).await);
        }
    };
    match Key::of(&parts.headers).and_then(|key| operation.may_take(key)) {
        Ok(key) => incoming.key = key,
        Err(why) => {
            let problem = Problem::new(Code::Malformed).with_detail(why);
            return Err(manage::refuse(&house, &incoming, action, false, problem).await);
        }
    }
    (operation.serve)(house, incoming).await
}

/// What the leaf of a request says that no operation has seen.
fn action_of(found: Option<&Operation>) -> Action {
    found.map_or(Action::Unknown, |operation| operation.action.unwrap_or(Action::LogEntry))
}

/// Whether the caller may come in at all, before anything of the body is looked at. Who may not is refused on record. The
/// operation looks again, at whoever may come in when it decides.
async fn admit(house: &Arc<House>, incoming: &Incoming, action: Action, needs_person: bool) -> Result<(), Problem> {
    let bearer = incoming.bearer.as_ref().map(|token| token.as_str());
    match house.gate.admit(&incoming.peer, bearer, house.clock.now_ms()) {
        Ok(caller) if !needs_person || caller.staff().is_some() => Ok(()),
        _ => Desk::sit(house, incoming, action, &Envelope::default(), needs_person).await.map(drop),
    }
}

/// The operation that a head asks for, as it wants to be asked.
fn fitting<'a>(found: Option<&'a Operation>, parts: &Parts, body: &Body) -> Result<&'a Operation, Code> {
    let operation = found.ok_or(Code::NoSuchOperation)?;
    if operation.method == Method::POST {
        return fits(parts, body).map(|()| operation);
    }
    if operation.method == parts.method { Ok(operation) } else { Err(Code::MethodNotAllowed) }
}

/// Whether a head announces an act as every one wants to be asked.
pub(super) fn fits(parts: &Parts, body: &Body) -> Result<(), Code> {
    match () {
        () if parts.method != Method::POST => Err(Code::MethodNotAllowed),
        () if !is_json(&parts.headers) => Err(Code::UnsupportedMediaType),
        () if taking::announces_too_much(body) => Err(Code::TooLarge),
        () => Ok(()),
    }
}

/// Records the refusal of a request that no operation sees. Who may not come in at all is told that.
async fn refuse(house: &Arc<House>, incoming: &Incoming, action: Action, code: Code) -> Problem {
    match Desk::sit(house, incoming, action, &Envelope::default(), false).await {
        Ok(desk) => desk.refuse_envelope(code, None).await,
        Err(problem) => problem,
    }
}

fn bearer(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case(MEDIA_TYPE)
}
