//! One request over HTTPS, again where that is safe, and the vault's problem documents.

use std::time::Duration;

use bytes::Bytes;
use coffer_wire::problem::{Code, Problem};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::builder::SetupError;
use crate::error::{Error, Invalid, Refusal};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often one request is sent, at most.
const TRIES_MAX: u32 = 4;
/// The pause after a first connection that could not be made; doubled each time.
const PAUSE: Duration = Duration::from_millis(50);
/// A `Retry-After` beyond this is the caller's to wait for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// How a write is named, so that it takes effect once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Which trace a request is part of (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";
/// Letters of such a name: 32 of 16, which is 128 bits.
const KEY_CHARACTERS: usize = 32;
const KEY_LETTERS: u8 = 16;
/// Bytes of an answer, at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Bytes of a usual body, so that it is not moved while it grows and leaves no copy behind.
const BODY_BYTES_USUAL: usize = 4096;

/// Whether a request may be sent a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing: again when no connection was made, and when the vault says so.
    Safe,
    /// It takes effect once, however often it is sent: also again when the answer was lost.
    Once,
    /// It may have happened though no answer came: again only where the vault says that nothing was done.
    Never,
}

/// On whose behalf a request is sent, and as part of which trace.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) token: HeaderValue,
    pub(crate) trace: Option<HeaderValue>,
}

impl Caller {
    fn on(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(AUTHORIZATION, &self.token);
        match &self.trace {
            Some(trace) => request.header(TRACEPARENT, trace),
            None => request,
        }
    }
}

pub(crate) struct Transport {
    client: Client,
    base: String,
}

impl Transport {
    pub(crate) fn new(url: &str, tls: rustls::ClientConfig, timeout: Duration) -> Result<Transport, SetupError> {
        let base = Url::parse(url).map_err(|_| SetupError::Url)?;
        let bare = base.path() == "/" && base.query().is_none() && base.fragment().is_none();
        let nobody = base.username().is_empty() && base.password().is_none();
        if base.scheme() != "https" || !base.has_host() || !bare || !nobody {
            return Err(SetupError::Url);
        }
        // Nothing but the vault itself: no proxy, no redirect.
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .build()
            .map_err(|error| SetupError::Tls(cause(error)))?;
        Ok(Transport { client, base: url.to_owned() })
    }

    /// Posts JSON and reads JSON.
    pub(crate) async fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        caller: Option<&Caller>,
        ask: &Q,
        repeat: Repeat,
    ) -> Result<A, Error> {
        let mut json = Zeroizing::new(Vec::with_capacity(BODY_BYTES_USUAL));
        serde_json::to_writer(&mut *json, ask).map_err(|_| Invalid::Json)?;
        let json = Bytes::from_owner(json);
        let key = match repeat {
            Repeat::Once => Some(new_key().ok_or(Invalid::NoRandomness)?),
            Repeat::Safe | Repeat::Never => None,
        };
        let request = || {
            let request = self.client.post(format!("{}{path}", self.base));
            let request = request.header(CONTENT_TYPE, "application/json").body(json.clone());
            let request = match &key {
                Some(key) => request.header(IDEMPOTENCY_KEY, key),
                None => request,
            };
            match caller {
                Some(caller) => caller.on(request),
                None => request,
            }
        };
        let body = send(request, repeat).await?;
        serde_json::from_slice(&body).map_err(|_| Error::UnexpectedAnswer(StatusCode::OK.as_u16()))
    }

    /// Gets a text.
    pub(crate) async fn get(&self, path: &str) -> Result<String, Error> {
        let body = send(|| self.client.get(format!("{}{path}", self.base)), Repeat::Safe).await?;
        String::from_utf8(body.to_vec()).map_err(|_| Error::UnexpectedAnswer(StatusCode::OK.as_u16()))
    }
}

/// A request that failed, and after which pause it may be sent again, if at all.
struct Failure {
    error: Error,
    again: Option<Duration>,
}

async fn send(request: impl Fn() -> RequestBuilder, repeat: Repeat) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (mut tries, mut unknown) = (1, false);
    loop {
        let failure = match once(request(), tries).await {
            Ok(body) => return Ok(body),
            Err(failure) => failure,
        };
        let lost = repeat == Repeat::Once && failure.may_have_happened();
        unknown |= lost;
        let again = if lost { Some(pause_before(tries)) } else { failure.again };
        match again {
            Some(pause) if (repeat != Repeat::Never || failure.is_undone()) && tries < TRIES_MAX => {
                tokio::time::sleep(pause).await
            }
            _ => return Err(failure.for_caller(repeat, unknown)),
        }
        tries += 1;
    }
}

async fn once(request: RequestBuilder, tries: u32) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let response = request.send().await.map_err(|error| match error.is_connect() {
        true => Failure::again_after(Error::Unreachable(cause(error)), pause_before(tries)),
        false => Failure::last(Error::Interrupted(cause(error))),
    })?;
    let (status, advised) = (response.status(), retry_after(&response));
    let body = read(response).await.map_err(Failure::last)?;
    if status == StatusCode::OK {
        return Ok(body);
    }
    let error = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if problem.status == status.as_u16() => {
            Error::Refused(Refusal { retry_after_seconds: advised, ..problem.into() })
        }
        _ => Error::UnexpectedAnswer(status.as_u16()),
    };
    let advised = advised.map(|seconds| Duration::from_secs(seconds.into()));
    let worth_waiting = advised.filter(|pause| *pause <= RETRY_AFTER_MAX && passes(&error));
    let again = worth_waiting.map(|pause| pause + jittered(pause / 2));
    Err(Failure { error, again })
}

/// Collects the answer where it is wiped when it is dropped.
async fn read(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Error> {
    let announced = response.content_length().unwrap_or(0).min(ANSWER_BYTES_MAX as u64);
    let mut body = Zeroizing::new(Vec::with_capacity((announced as usize).max(BODY_BYTES_USUAL)));
    while let Some(part) = response.chunk().await.map_err(|error| Error::Interrupted(cause(error)))? {
        if body.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(Error::Interrupted("the answer is larger than any that a vault gives".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Whether it may be over after a pause. A sealed vault or a full disk waits for a person.
fn passes(error: &Error) -> bool {
    let passing = [Code::Busy, Code::HeadLate, Code::TooManyRequests];
    error.refusal().is_none_or(|refusal| passing.contains(&refusal.code))
}

/// The pause that the vault asks for, in seconds. What is no such number asks for none.
fn retry_after(response: &Response) -> Option<u16> {
    if ![StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&response.status()) {
        return None;
    }
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// The pause before the next try, where nobody has said how long it should be.
fn pause_before(tries: u32) -> Duration {
    jittered(PAUSE * 2_u32.pow(tries - 1))
}

/// A key that no other request has: letters alone, since the vault takes no text in which a payment card number may stand.
/// `None`: the system gave no randomness.
fn new_key() -> Option<String> {
    let mut random = [0; KEY_CHARACTERS];
    SystemRandom::new().fill(&mut random).ok()?;
    Some(random.iter().map(|byte| char::from(b'a' + byte % KEY_LETTERS)).collect())
}

/// Between half of the pause and all of it, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [u8::MAX];
    // Without randomness the whole pause is as good.
    let _ = SystemRandom::new().fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / 510
}

impl Failure {
    fn last(error: Error) -> Failure {
        Failure { error, again: None }
    }

    fn again_after(error: Error, pause: Duration) -> Failure {
        Failure { error, again: Some(pause) }
    }

    /// Whether it is certain that nothing was done. A vault that is busy may have begun.
    fn is_undone(&self) -> bool {
        self.error.refusal().is_some_and(|refusal| refusal.code == Code::TooManyRequests)
    }

    /// Whether what was asked may have taken effect all the same.
    fn may_have_happened(&self) -> bool {
        match &self.error {
            Error::Interrupted(_) => true,
            Error::Refused(refusal) => refusal.code == Code::OutcomeUnknown,
            _ => false,
        }
    }

    /// What a broken connection means depends on what was asked. `unknown`: an earlier try of a write may have taken effect.
    fn for_caller(self, repeat: Repeat, unknown: bool) -> Error {
        match self.error {
            Error::Interrupted(cause) if repeat != Repeat::Safe => Error::OutcomeUnknown(cause),
            error if unknown => Error::OutcomeUnknown(error.to_string()),
            Error::Refused(refusal) if refusal.code == Code::OutcomeUnknown => {
                Error::OutcomeUnknown(refusal.to_string())
            }
            error => error,
        }
    }
}

/// The innermost reason, which names what a person can mend: a refused connection, a certificate
/// that is not trusted. The url is left out; it holds nothing that the caller did not give.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match error.is_timeout() {
        true => "it took too long".to_owned(),
        false => innermost.to_string(),
    }
}
