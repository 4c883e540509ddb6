//! `vault/seal`: one admin shuts the vault, at once. The leaf that says so is durable first; the answer comes when no key
//! is left in memory.

use std::sync::Arc;

use coffer_wire::api::{Empty, SealAnswer};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::detached;
use super::desk::{Desk, Envelope};
use super::{House, Incoming, manage};
use crate::ledger::{Detail, Recorded};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::VaultSeal, true).await?;
    let recorded = record(&house, &incoming).await?;
    // The door waits until nobody holds the house; and it goes on where the caller hangs up.
    let (door, asked) = (incoming.door.clone(), Arc::downgrade(&house));
    drop((house, incoming));
    let sealed = detached(async move { door.seal_up(asked).await });
    sealed.await.map_err(|_| Problem::new(Code::Internal))?;
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    body(&SealAnswer { state: "sealed".to_owned(), receipt, notes })
}

/// Urgent: a vault whose disk is full can be sealed.
async fn record(house: &Arc<House>, incoming: &Incoming) -> Result<Recorded, Problem> {
    for _ in 0..manage::TRIES {
        let desk = Desk::sit(house, incoming, Action::VaultSeal, &Envelope::default(), true).await?;
        let permit = manage::permit(&desk, None).await?;
        let submission = manage::submission(&desk, &permit, Detail::default(), Private::default())?.urgent();
        if let Some(recorded) = manage::submit(&desk, submission).await? {
            return Ok(recorded);
        }
    }
    Err(Problem::new(Code::Busy))
}
