//! `status`: the state of the vault, and what must change before it may hold real data.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use coffer_wire::Name;
use coffer_wire::api::{Empty, Shares, Status};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::door::{Door, Shut, Why};
use super::house::Upkeep;
use super::{House, Incoming, manage};
use crate::admit::PeerCertificate;
use crate::archive::generations;
use crate::clock;

/// From this many days before its end on, the certificate is warned of.
const CERTIFICATE_WARNING_DAYS: u64 = 21;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::Status, true).await?;
    let (desk, _) = manage::record(&house, &incoming, Action::Status, Private::default()).await?;
    let shared = house.ledger.shared();
    let upkeep = house.upkeep();
    body(&Status {
        name: house.config.name,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: "open".to_owned(),
        reason: None,
        origin: house.ledger.verifier_key().name().to_owned(),
        log_key: Some(house.ledger.verifier_key().to_string()),
        log_size: shared.size(),
        head_age_ms: u64::try_from(shared.head_age().as_millis()).unwrap_or(u64::MAX),
        policy: desk.force.epoch,
        controllers: house.config.controllers.iter().map(|c| c.name).collect(),
        categories: desk.force.schema.iter().map(|c| c.name).collect(),
        certificate_not_after_ms: upkeep.certificate_not_after_ms,
        shares: None,
        drilled_ms: Some(house.drilled_ms.load(Ordering::Relaxed)).filter(|at| *at > 0),
        warnings: warnings(&house, upkeep),
    })
}

/// What the configuration says of itself, and what has come up since.
fn warnings(house: &House, upkeep: Upkeep) -> Vec<String> {
    let mut warnings = house.config.warnings();
    let left_ms = upkeep.certificate_not_after_ms.map(|end| end.saturating_sub(house.clock.now_ms()));
    if let Some(left_ms) = left_ms.filter(|left| *left < CERTIFICATE_WARNING_DAYS * DAY_MS) {
        warnings.push(format!("the server's certificate ends in {} days: replace its files", left_ms / DAY_MS));
    }
    warnings.extend(generations::warning(&house.config.backup));
    warnings.extend(registrations_ended(house));
    warnings.extend(upkeep.memory);
    warnings.extend(agreements_ended(house));
    warnings.extend(upkeep.not_taken);
    warnings
}

/// A controller whose registration ran out may not be one that may hold anything.
fn registrations_ended(house: &House) -> impl Iterator<Item = String> {
    let today = clock::day(house.clock.now_ms());
    house.config.controllers.iter().filter_map(move |controller| {
        let ended = controller.registration_ends.as_ref().filter(|ends| **ends < today)?;
        let number = controller.registration.as_ref()?;
        Some(format!("the registration {number} of {} ended on {ended}: renew it", controller.title))
    })
}

/// Who acts for a controller under an agreement that ended is refused, and whoever asks why finds it here.
fn agreements_ended(house: &House) -> impl Iterator<Item = String> {
    let today = clock::day_in_london(house.clock.now_ms()).unwrap_or_default();
    house.config.agreements.iter().filter(move |agreement| agreement.has_ended(&today)).map(|agreement| {
        let through = agreement.applications.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let (reference, controller) = (&agreement.reference, agreement.controller);
        format!("the agreement {reference} has ended, and {through} may no more read or write for {controller}: renew it, or erase")
    })
}

/// How far shares are gathered; nothing where the seal needs none, or what is public of them cannot be read.
fn progress(door: &Door) -> Option<Shares> {
    let seal = door.seal().inspect_err(|error| tracing::error!(%error, "the seal cannot be read")).ok()?;
    door.unsealing().lock().unwrap_or_else(PoisonError::into_inner).progress(&*seal)
}

/// What a sealed vault says of itself, and to declared applications alone. No leaf can be written, so it says nothing of
/// anybody; what was revoked and who may see the status stand in the policy, which is not open either.
pub(super) fn sealed(door: &Door, shut: &Shut, peer: &PeerCertificate, is_status: bool) -> Answered {
    if let Err(refused) = shut.applications.admit(peer, shut.clock.now_ms()) {
        return Err(Problem::new(refused.code));
    }
    if !is_status {
        return Err(Problem::new(Code::Sealed));
    }
    body(&Status {
        name: shut.config.name,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: if shut.why == Why::Sealing { "sealing" } else { "sealed" }.to_owned(),
        reason: Some(shut.why.as_str().to_owned()),
        origin: shut.config.log.origin.clone(),
        log_key: None,
        log_size: 0,
        head_age_ms: 0,
        policy: 0,
        controllers: shut.config.controllers.iter().map(|c| c.name).collect(),
        categories: Vec::new(),
        certificate_not_after_ms: None,
        shares: progress(door),
        drilled_ms: None,
        warnings: shut.config.warnings(),
    })
}
