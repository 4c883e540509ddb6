//! `vault/drill`: shows that shares, key file or token would open the vault, while it is open and stays so. The root key
//! that they give opens the wrapped key of the log, and both are dropped.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use coffer_keys::seal::{Seal, SealError, Share};
use coffer_wire::api::{DrillAnswer, DrillRequest};
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use subtle::ConstantTimeEq;

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::desk::{Desk, Envelope};
use super::gathering::{Gathered, Gathering, problem_of_seal};
use super::guard::{Text, Texts};
use super::{House, Incoming, manage};
use crate::admit::{Manage, Permit};
use crate::keyring::{self, Line, drill_tag};
use crate::ledger::{Detail, Recorded};
use crate::store::{Batch, Engine, Family, StoreError, meta};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let asked: DrillRequest = manage::read(&house, &incoming, Action::VaultDrill, true).await?;
    let (desk, permit) = permitted(&house, &incoming).await?;
    let seal = house.seal()?;
    let from = format!("{} at {}", permit.application(), incoming.address.ip());
    let taken = lock(&incoming).take(&*seal, asked.share.as_ref(), from, Instant::now());
    drop(asked);
    let gathered = match taken {
        Ok(gathered) => gathered,
        Err(problem) => return Err(desk.refuse_envelope(problem.code, problem.detail).await),
    };
    let shares = lock(&incoming).progress(&*seal);
    let (note, proven) = match gathered {
        None => (shares.as_ref().map(|s| format!("{} of {} shares", s.have, s.needed)), false),
        Some(Gathered { shares, from }) => {
            if let Err(problem) = proved(&house, seal, shares).await {
                return Err(desk.refuse_envelope(problem.code, problem.detail).await);
            }
            (Some(format!("would open, by {}", from.join(", "))), true)
        }
    };
    let private = Private { note, ..Private::default() };
    let recorded = record(&house, &desk, &permit, private, proven).await?;
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    body(&DrillAnswer { would_open: proven, shares: shares.filter(|_| !proven), receipt, notes })
}

fn lock(incoming: &Incoming) -> MutexGuard<'_, Gathering> {
    incoming.door.drilling().lock().unwrap_or_else(PoisonError::into_inner)
}

async fn permitted(house: &Arc<House>, incoming: &Incoming) -> Result<(Desk, Permit<Manage>), Problem> {
    let desk = Desk::sit(house, incoming, Action::VaultDrill, &Envelope::default(), true).await?;
    let permit = manage::permit(&desk, None).await?;
    let tried = lock(incoming).may_try(permit.application(), Instant::now());
    match tried {
        Ok(()) => Ok((desk, permit)),
        Err(problem) => Err(desk.refuse_envelope(problem.code, problem.detail).await),
    }
}

/// That these shares give the root key under which this vault's log key lies.
async fn proved(house: &Arc<House>, seal: Box<dyn Seal>, shares: Vec<Share>) -> Result<(), Problem> {
    let engine = Arc::clone(&house.engine);
    let proved = blocking(move || {
        let root = seal.open(&shares).map_err(|error| problem_of_seal(&error))?;
        keyring::opens(&*engine, &root).map_err(|error| {
            tracing::error!(%error, "a drill has come to a root key that does not open this vault");
            match shares.is_empty() {
                true => Problem::new(Code::SealUnavailable),
                false => problem_of_seal(&SealError::WrongShares),
            }
        })
    });
    proved.await.map_err(|_| Problem::new(Code::Internal))?
}

/// The leaf; and with it, where it was proved, when that was.
async fn record(
    house: &House,
    desk: &Desk,
    permit: &Permit<Manage>,
    private: Private,
    proven: bool,
) -> Result<Recorded, Problem> {
    let mut submission = manage::submission(desk, permit, Detail::default(), private)?;
    let now_ms = house.clock.now_ms();
    if proven {
        let keyring = house.keyring();
        let vault = keyring.audit(&VAULT).ok_or_else(|| Problem::new(Code::Internal))?;
        let mut batch = Batch::new();
        batch.put(Family::Meta, meta::DRILL, [&now_ms.to_be_bytes()[..], &drill_tag(vault, now_ms)].concat());
        submission = submission.with_rows(batch, Vec::new());
    }
    let recorded = manage::submit(desk, submission).await?.ok_or_else(|| Problem::new(Code::Busy))?;
    if proven {
        house.drilled_ms.store(now_ms, Ordering::Relaxed);
    }
    Ok(recorded)
}

/// When the newest drill was that would have opened the vault, Unix time in milliseconds; 0 for none, or none of which
/// this vault's keys say so.
pub(super) fn last_ms(engine: &dyn Engine, vault: &Line) -> Result<u64, StoreError> {
    let Some(row) = engine.get(Family::Meta, meta::DRILL)? else { return Ok(0) };
    let Some((at_ms, tag)) = row.split_first_chunk() else { return Ok(0) };
    let at_ms = u64::from_be_bytes(*at_ms);
    if bool::from(drill_tag(vault, at_ms).ct_eq(tag)) {
        return Ok(at_ms);
    }
    tracing::error!("the time of the newest drill was damaged or changed in the store: run `coffer-vault check`");
    Ok(0)
}

impl Texts for DrillRequest {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let DrillRequest { share: _ } = self;
        std::iter::empty()
    }
}
