//! Destroyed keys whose bytes are gone from the store's files too: a delete takes no byte away before the files are written
//! anew, and the log says once it has.

use std::sync::Arc;

use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::House;
use super::blocking::blocking;
use crate::clock::Period;
use crate::ledger::{About, Circumstances, Detail, Entry, Submission, Volume};
use crate::store::{Batch, Family, meta};

impl House {
    /// Whether keys were destroyed of which bytes may still lie in the store's files.
    pub fn has_bytes_to_end(&self) -> bool {
        self.ledger.shared().erased_to() > self.ledger.shared().final_to()
    }

    /// Has the files written anew by `rewritten`, which is given the families and answers once no file of before is left,
    /// and then says in the log of which keys no byte is left. Answers up to which leaf; `None` where nothing was to do, or
    /// it could not be done now.
    pub async fn end_bytes(
        self: &Arc<Self>,
        rewritten: impl FnOnce(Vec<Family>) -> Result<(), String> + Send + 'static,
    ) -> Result<Option<u64>, Problem> {
        if !self.has_bytes_to_end() {
            return Ok(None);
        }
        // What is said later is true of all that was destroyed before this moment, in the families that were touched then.
        let shared = self.ledger.shared();
        let (volume, before, families) = (shared.volume(), shared.size(), shared.touched());
        self.stir().await?;
        let done = blocking(move || rewritten(families)).await;
        if let Err(why) = done.map_err(|_| Problem::new(Code::Internal))? {
            tracing::warn!(%why, "bytes of destroyed keys are still in the store's files; it is tried again");
            return Ok(None);
        }
        self.record_one(self.ended_before(volume, before).await?).await?;
        shared.ended(volume.position(before));
        Ok(Some(before))
    }

    /// One row that says nothing: a write-ahead log ends only when there is something in it to move to the tables.
    async fn stir(&self) -> Result<(), Problem> {
        let mut batch = Batch::new();
        batch.delete(Family::Meta, meta::STIRRED);
        Family::FIXED.into_iter().for_each(|family| batch.delete(family, meta::STIRRED));
        match self.ledger.submit(vec![Submission::housekeeping(batch, Vec::new())]).await.pop() {
            Some(Ok(_)) => Ok(()),
            Some(Err(rejected)) => Err(Problem::new(super::answer::code_of(&rejected))),
            None => Err(Problem::new(Code::Internal)),
        }
    }

    /// The leaf, under the vault's own unattributed key: it speaks of nobody, so that a certificate can show all of it. It counts
    /// in its own log; the store counts over all logs of the line.
    async fn ended_before(self: &Arc<Self>, volume: Volume, before: u64) -> Result<Submission, Problem> {
        let period = Period::of(self.clock.now_ms());
        let key = self.unattributed_key(&VAULT, period).await?;
        let common = Circumstances::of_the_vault(VAULT, period, self.gate.in_force().epoch);
        let about = About::Unattributed { key: &key, person: None };
        let private = Private { before: Some(before), ..Private::default() };
        let entry = Entry::own(Action::ErasedFinal, &common, about, Detail::default(), private);
        let entry = entry.map_err(|_| Problem::new(Code::Internal))?;
        Ok(Submission::unbound(entry).ending_before(volume.position(before)).urgent())
    }
}
