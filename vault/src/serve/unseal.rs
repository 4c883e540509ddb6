//! `vault/unseal`: a sealed vault takes a share of its root key, or opens by its own seal. Who asks is known by the
//! certificate alone, as a sealed vault has neither policy nor log: each try is told in the operator's log, and the leaf
//! that says that the vault was opened names through which application, and where the shares came from.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::http::request::Parts;
use coffer_wire::api::{UnsealAnswer, UnsealRequest};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{Name, api};

use super::answer::{Answered, body};
use super::door::{Door, Shut, Unopened};
use super::gathering::{Gathered, problem_of_seal};
use super::guard::{Text, Texts};
use super::house::Opening;
use super::routes::Peer;
use super::{House, Incoming, buffer, manage, taking};
use crate::admit::Quota;

/// An open vault is not unsealed.
pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: UnsealRequest = manage::read(&house, &incoming, Action::VaultUnseal, false).await?;
    Err(manage::refuse(&house, &incoming, Action::VaultUnseal, false, Problem::new(Code::AlreadyOpen)).await)
}

/// Of whom a sealed vault knows that they try.
pub(super) struct Try<'a> {
    pub(super) peer: &'a Peer,
    pub(super) quota: &'a Quota,
    pub(super) request: &'a str,
}

/// One try at a vault that is shut.
pub(super) async fn sealed(door: &Door, shut: &Shut, who: Try<'_>, parts: &Parts, sent: Body) -> Answered {
    let application = match shut.applications.admit(&who.peer.certificate, shut.clock.now_ms()) {
        Ok(application) => application,
        Err(refused) => {
            tracing::warn!(rule = refused.rule, "unseal: refused");
            taking::pass_over(sent, taking::Courtesy::STRANGER).await;
            return Err(Problem::new(refused.code));
        }
    };
    match tried(door, application, &who, parts, sent).await {
        Ok(answer) => {
            tracing::warn!(%application, state = answer.state, shares = ?answer.shares.as_ref().map(|s| (s.have, s.needed)), "unseal");
            body(&answer)
        }
        Err(problem) => {
            tracing::warn!(%application, code = %problem.code, "unseal: refused");
            Err(problem)
        }
    }
}

async fn tried(
    door: &Door,
    application: Name,
    who: &Try<'_>,
    parts: &Parts,
    sent: Body,
) -> Result<UnsealAnswer, Problem> {
    lock(door).may_try(application, Instant::now())?;
    let asked = read(door, who.quota, parts, sent).await?;
    let from = told(application, who.peer.address);
    let seal = door.seal().map_err(|error| problem_of_seal(&error))?;
    let taken = lock(door).take(&*seal, asked.share.as_ref(), from, Instant::now())?;
    drop(asked);
    let Some(Gathered { shares, from }) = taken else {
        return Ok(UnsealAnswer { state: "sealed".to_owned(), shares: lock(door).progress(&*seal) });
    };
    let private = Private {
        address: Some(who.peer.address.ip().to_string()),
        request: Some(who.request.to_owned()),
        note: (!shares.is_empty()).then(|| format!("shares from {}", from.join(", "))),
        ..Private::default()
    };
    let opening = Opening { mended: None, app: Some(application), private };
    match door.unseal(shares, opening).await {
        Ok(()) => Ok(UnsealAnswer { state: "open".to_owned(), shares: None }),
        Err(unopened) => Err(problem_of(unopened)),
    }
}

/// Where a share came from.
fn told(application: Name, address: SocketAddr) -> String {
    format!("{application} at {}", address.ip())
}

fn lock(door: &Door) -> std::sync::MutexGuard<'_, super::gathering::Gathering> {
    door.unsealing().lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body, as every operation takes one. A share is no text that could be kept, and is not asked for card numbers.
async fn read(door: &Door, quota: &Quota, parts: &Parts, sent: Body) -> Result<UnsealRequest, Problem> {
    if let Err(code) = super::routes::fits(parts, &sent) {
        taking::pass_over(sent, taking::Courtesy::GUEST).await;
        return Err(Problem::new(code));
    }
    match taking::read(sent, quota, door.config().deadlines.body).await {
        Ok((bytes, _room)) => manage::json(&buffer::Body::from(bytes)),
        Err(taking::Untaken::Code(code)) => Err(Problem::new(code)),
        Err(taking::Untaken::TooMany(_)) => Err(Problem::new(Code::TooManyRequests)),
    }
}

fn problem_of(unopened: Unopened) -> Problem {
    match unopened {
        Unopened::Already => Problem::new(Code::AlreadyOpen),
        Unopened::Sealing => Problem::new(Code::Busy).with_detail("the vault is being sealed"),
        Unopened::LogNotContinuous => Problem::new(Code::Sealed).with_detail("log_not_continuous"),
        Unopened::StoreInUse => Problem::new(Code::Busy).with_detail("another program has the store open"),
        Unopened::Failed => Problem::new(Code::Internal),
        Unopened::Seal(error) => problem_of_seal(&error),
    }
}

impl Texts for UnsealRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let api::UnsealRequest { share: _ } = self;
        std::iter::empty()
    }
}
