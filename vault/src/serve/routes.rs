//! THE table of operations. Routing, the refusals of what is not in it, and the tests that fail for
//! an operation without its case all read it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use coffer_wire::leaf::Action;
use coffer_wire::problem::{Code, Problem};
use zeroize::Zeroizing;

use super::answer::{Answered, respond};
use super::desk::{Desk, Envelope};
use super::incoming::new_request_id;
use super::{
    Door, House, Incoming, apply, entry, erase, erase_subject, keys, list, prove, read, show, show_schema, status,
    whoami, write,
};
use crate::admit::PeerCertificate;

/// Bytes of a body, at most.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// One row of the table.
pub struct Operation {
    /// The path.
    pub path: &'static str,
    /// `POST` for acts, which leave a record; `GET` for hashes.
    pub method: Method,
    /// What its leaf says; none where hashes alone are shown.
    pub action: Option<Action>,
    serve: fn(Arc<House>, Incoming) -> Serving,
}

type Serving = Pin<Box<dyn Future<Output = Answered> + Send>>;

macro_rules! operation {
    ($method:ident $path:literal, $action:expr, $serve:path) => {
        Operation {
            path: $path,
            method: Method::$method,
            action: $action,
            serve: |house, incoming| Box::pin($serve(house, incoming)),
        }
    };
}

/// Every operation there is.
pub const OPERATIONS: &[Operation] = &[
    operation!(POST "/v1/records/write", Some(Action::RecordsWrite), write::serve),
    operation!(POST "/v1/records/read", Some(Action::RecordsRead), read::serve),
    operation!(POST "/v1/records/list", Some(Action::RecordsList), list::serve),
    operation!(POST "/v1/records/erase", Some(Action::RecordsErase), erase::serve),
    operation!(POST "/v1/subjects/erase", Some(Action::SubjectsErase), erase_subject::serve),
    operation!(POST "/v1/log/entry", Some(Action::LogEntry), entry::serve),
    operation!(GET "/v1/log/checkpoint", None, prove::checkpoint),
    operation!(POST "/v1/log/prove", None, prove::serve),
    operation!(POST "/v1/keys/list", Some(Action::KeysList), keys::serve),
    operation!(POST "/v1/status", Some(Action::Status), status::serve),
    operation!(POST "/v1/whoami", Some(Action::Whoami), whoami::serve),
    operation!(POST "/v1/access/show", Some(Action::AccessShow), show::serve),
    operation!(POST "/v1/access/apply", Some(Action::AccessApply), apply::access),
    operation!(POST "/v1/schema/apply", Some(Action::SchemaApply), apply::schema),
    operation!(POST "/v1/schema/show", Some(Action::SchemaShow), show_schema::serve),
];

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
}

/// Under which name a request is counted that is no operation.
const NO_OPERATION: &str = "none";

async fn dispatch(State(door): State<Door>, request: Request) -> Response {
    let id = new_request_id();
    let path = request.uri().path();
    let found = OPERATIONS.iter().find(|operation| operation.path == path);
    let open = match &door {
        Door::Open(house) => Some(Arc::clone(house)),
        Door::Shut(_) => None,
    };
    let response = respond(serve(door, found, request, &id).await, &id);
    if let Some(house) = open {
        house.metrics.answered(found.map_or(NO_OPERATION, |operation| operation.path), response.status().as_u16());
    }
    response
}

async fn serve(door: Door, found: Option<&Operation>, request: Request, id: &str) -> Answered {
    let (parts, body) = request.into_parts();
    let house = match door {
        Door::Open(house) => house,
        Door::Shut(shut) if found.is_some_and(|f| f.action == Some(Action::Status)) => return status::sealed(&shut),
        Door::Shut(_) => return Err(Problem::new(Code::Sealed)),
    };
    let peer = parts.extensions.get::<Peer>().ok_or_else(|| Problem::new(Code::Internal))?;
    let mut incoming = Incoming {
        peer: Arc::clone(&peer.certificate),
        address: peer.address,
        bearer: bearer(&parts.headers),
        body: Default::default(),
        request: id.to_owned(),
    };
    // Taken in before anything is refused: who is still sending when the answer comes finds a closed
    // connection in its place.
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let Some(operation) = found else {
        return Err(refuse(&house, &incoming, Action::Unknown, Code::NoSuchOperation).await);
    };
    let action = operation.action.unwrap_or(Action::LogEntry);
    if operation.method != parts.method {
        return Err(refuse(&house, &incoming, action, Code::MethodNotAllowed).await);
    }
    if operation.method == Method::POST && !is_json(&parts.headers) {
        return Err(refuse(&house, &incoming, action, Code::UnsupportedMediaType).await);
    }
    match body {
        Ok(bytes) => incoming.body = bytes.into(),
        Err(_) => return Err(refuse(&house, &incoming, action, Code::TooLarge).await),
    }
    (operation.serve)(house, incoming).await
}

/// Records the refusal of a request that no operation sees. Who may not come in at all is told that.
async fn refuse(house: &Arc<House>, incoming: &Incoming, action: Action, code: Code) -> Problem {
    match Desk::sit(house, incoming, action, &Envelope::default(), false).await {
        Ok(desk) => desk.refuse_envelope(code, None).await,
        Err(problem) => problem,
    }
}

fn bearer(headers: &axum::http::HeaderMap) -> Option<Zeroizing<String>> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
}

fn is_json(headers: &axum::http::HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case(super::MEDIA_TYPE)
}
