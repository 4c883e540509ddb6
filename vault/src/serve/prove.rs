//! `log/checkpoint` and `log/prove`: hashes only, for any application, without a leaf.

use std::sync::Arc;

use coffer_wire::api::{ProveRequest, SuccessionAnswer};
use coffer_wire::leaf::Action;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::desk::{Desk, Envelope};
use super::{House, Incoming, manage};
use crate::ledger::{NotProved, prove};

/// The newest checkpoint, as the C2SP signed note that it is.
pub(super) async fn checkpoint(house: Arc<House>, incoming: Incoming) -> Answered {
    Desk::sit(&house, &incoming, Action::LogEntry, &Envelope::default(), false).await?;
    Ok(house.ledger.shared().newest().to_string().into())
}

/// The notes that lead to the present log and key.
pub(super) async fn succession(house: Arc<House>, incoming: Incoming) -> Answered {
    Desk::sit(&house, &incoming, Action::LogEntry, &Envelope::default(), false).await?;
    let shared = house.ledger.shared();
    let notes = shared.line().notes().map(str::to_owned).collect();
    body(&SuccessionAnswer { notes, checkpoint: shared.newest().to_string() })
}

/// Inclusion and consistency proofs.
pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    Desk::sit(&house, &incoming, Action::LogEntry, &Envelope::default(), false).await?;
    let asked: ProveRequest = manage::read(&house, &incoming, Action::LogEntry, false).await?;
    let at = Arc::clone(&house);
    let proved = blocking(move || prove(&*at.engine, at.ledger.shared(), &asked)).await;
    match proved.map_err(|_| Problem::new(Code::Internal))? {
        Ok(answer) => body(&answer),
        Err(error @ (NotProved::OutOfRange | NotProved::OtherLog)) => {
            Err(Problem::new(Code::Malformed).with_detail(error.to_string()))
        }
        Err(error) => {
            tracing::error!(%error, "no proof");
            Err(Problem::new(Code::Altered))
        }
    }
}
