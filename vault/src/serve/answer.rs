//! From what happened to HTTP: the one place where an error becomes an answer.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coffer_wire::problem::{Code, Problem};
use serde::Serialize;

use super::buffer;
use super::step::Halt;
use crate::ledger::Rejected;
use crate::store::StoreError;

/// The media type of requests, and of every answer but problems and notes.
pub const MEDIA_TYPE: &str = "application/json";
/// Seconds after which to come again, where that may help.
const RETRY_AFTER_SECONDS: &str = "1";
/// The header that names the request.
const REQUEST_ID: &str = "x-request-id";

/// What an operation comes to.
pub(super) type Answered = Result<buffer::Answer, Problem>;

/// Room for the answer about one item: its fields, leaf and private part. Larger answers grow from there.
const BODY_BYTES_USUAL: usize = 2 * 1_024;

/// The body of a success.
pub(super) fn body<T: Serialize>(answer: &T) -> Answered {
    let mut body = buffer::Answer::with_capacity(BODY_BYTES_USUAL);
    serde_json::to_writer(&mut body, answer).map_err(|_| Problem::new(Code::Internal))?;
    Ok(body)
}

/// The HTTP answer, success (of this media type) or problem.
pub(super) fn respond(answered: Answered, media: &'static str, request: &str) -> Response {
    let mut response = match answered {
        Ok(body) => ([(header::CONTENT_TYPE, media)], Bytes::from_owner(body)).into_response(),
        Err(problem) => respond_problem(problem, request),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn respond_problem(mut problem: Problem, request: &str) -> Response {
    problem.request = Some(request.to_owned());
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)], body).into_response();
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The code of a submission that is not in the log.
pub(super) fn code_of(rejected: &Rejected) -> Code {
    match rejected {
        Rejected::Again | Rejected::TooOld | Rejected::Busy => Code::Busy,
        Rejected::Unwritable => Code::LogUnwritable,
        Rejected::OutcomeUnknown => Code::OutcomeUnknown,
        Rejected::HeadLate => Code::HeadLate,
        Rejected::NoSpace => Code::NoSpace,
        Rejected::ErasedNotMirrored => Code::ErasedNotMirrored,
    }
}

/// The code of a preparation that came to nothing. The operator finds why in the program's log.
pub(super) fn code_of_halt(halt: &Halt) -> Code {
    match halt {
        Halt::NotCached | Halt::NotMade => Code::Internal,
        Halt::Withheld => Code::KeyWithheld,
        Halt::Store(StoreError::Stopped) => Code::LogUnwritable,
        Halt::Store(error) => {
            tracing::error!(%error, "the store cannot be read");
            Code::Internal
        }
    }
}

pub(super) fn problem_of(halt: Halt) -> Problem {
    Problem::new(code_of_halt(&halt))
}
