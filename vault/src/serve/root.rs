//! `root/rotate`: the root key is followed by another, and all that lies under it is put under that one, in one batch with one leaf.
//!
//! A seal that gives the root key by itself draws the next one in this call. Where people hold it in shares it takes calls: one gives out
//! new shares, which nothing lies under yet; by the others they are typed back, so that nobody can lock the vault into shares that were not kept;
//! the one that brings enough of them rotates. The new root key is in the vault's memory only then, out of these very shares.
//!
//! With `to_next_seal` it is another seal that draws, keeps and gives the next root key, and the one before has none in the end. That takes two
//! people, whatever the seals are; what both see of the next seal is what was declared when the vault started.
//!
//! ```text
//! the seal keeps the next root key beside the present one, synced; so does each file of a generation of backups
//!     killed here: the present one is in force, the other was for nothing
//! rows and leaf are committed, in one synced batch
//!     killed here: the next start finds by the rows which one is in force, and puts it in its place
//! the seal puts it in the place of the one before, which is gone
//! ```

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use coffer_keys::RootKey;
use coffer_keys::seal::{Prepared, Seal, SealKind, Share, Split};
use coffer_wire::api::{RotateRootAnswer, RotateRootRequest, Shares, SplitRequest};
use coffer_wire::approvals::ApprovalId;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{Hash, Value};

use super::answer::{Answered, body};
use super::approval::{digest, two_people};
use super::blocking::{blocking, detached};
use super::desk::{Desk, Envelope};
use super::gathering::{Gathered, Gathering, problem_of_seal};
use super::guard::{Text, Texts};
use super::{House, Incoming, manage};
use crate::admit::{Approved, Manage, Permit, What};
use crate::archive::generations;
use crate::config;
use crate::keyring::{self, KeyringError};
use crate::ledger::{Detail, Recorded};
use crate::store::{Batch, Precondition};

/// A task of its own, which ends whether or not the caller waits for it: what is in force in the store must come into force in the seal.
pub(super) async fn rotate(house: Arc<House>, incoming: Incoming) -> Answered {
    detached(to_its_end(house, incoming)).await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))
}

async fn to_its_end(house: Arc<House>, incoming: Incoming) -> Answered {
    // Who may not do this is refused here, and waits for nobody and keeps nobody waiting.
    permitted(&house, &incoming).await?;
    // Nor does a new category come to lie under the old root key meanwhile.
    let _alone = house.activation.lock().await;
    let asked: RotateRootRequest = manage::read(&house, &incoming, Action::RootRotate, true).await?;
    let (desk, permit) = permitted(&house, &incoming).await?;
    let act =
        Act { house: &house, incoming: &incoming, desk: &desk, permit: &permit, to_next_seal: asked.to_next_seal };
    // Where a second person is asked for, what is refused is on record already.
    let done = match act.wanted(&asked) {
        Ok(Wanted::NewShares(split)) => act.give_out(split, act.approved(asked.split, asked.approval).await?).await,
        Ok(Wanted::SharesBack) => act.follow(asked.share).await,
        Ok(Wanted::OtherSeal) => {
            let approved = act.approved(None, asked.approval).await?;
            act.rotated(Vec::new(), BY_ITSELF.to_owned(), Some(approved)).await
        }
        Ok(Wanted::NewKey) => act.rotated(Vec::new(), BY_ITSELF.to_owned(), None).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(answer) => body(&answer),
        // A vault that cannot write its log cannot say there that it was asked.
        Err(problem) if problem.code.status() >= 500 && problem.code != Code::SealUnavailable => Err(problem),
        Err(problem) => Err(desk.refuse_envelope(problem.code, problem.detail).await),
    }
}

async fn permitted(house: &Arc<House>, incoming: &Incoming) -> Result<(Desk, Permit<Manage>), Problem> {
    let desk = Desk::sit(house, incoming, Action::RootRotate, &Envelope::default(), true).await?;
    let permit = manage::permit(&desk, None).await?;
    Ok((desk, permit))
}

/// How a seal that needs nobody gives the next root key.
const BY_ITSELF: &str = "by the seal itself";

/// What one call is to do.
enum Wanted {
    /// Give out shares of a root key.
    NewShares(Split),
    /// Take one of them back, and with the last of them rotate.
    SharesBack,
    /// Have the next seal draw the root key that follows.
    OtherSeal,
    /// Have the present seal draw it.
    NewKey,
}

/// One call, by somebody who may.
struct Act<'a> {
    house: &'a Arc<House>,
    incoming: &'a Incoming,
    desk: &'a Desk,
    permit: &'a Permit<Manage>,
    to_next_seal: bool,
}

impl Act<'_> {
    /// Looked at before a second person is troubled with it.
    fn wanted(&self, asked: &RotateRootRequest) -> Result<Wanted, Problem> {
        if asked.split.is_some() && asked.share.is_some() {
            return Err(Problem::new(Code::Malformed).with_detail("`split` and `share` do not go together"));
        }
        let in_shares = self.seal()?.next_kind() == SealKind::Shamir;
        match (in_shares, asked.split) {
            (true, Some(numbers)) => {
                let split = Split { threshold: numbers.threshold, shares: numbers.shares };
                split.check().map_err(|error| problem_of_seal(&error))?;
                self.may_change()?;
                Ok(Wanted::NewShares(split))
            }
            (true, None) => Ok(Wanted::SharesBack),
            (false, Some(_)) => Err(Problem::new(Code::ShareNotTaken)),
            (false, None) if asked.share.is_some() => Err(Problem::new(Code::ShareNotTaken)),
            (false, None) if self.to_next_seal => {
                self.may_change()?;
                Ok(Wanted::OtherSeal)
            }
            (false, None) => Ok(Wanted::NewKey),
        }
    }

    /// What draws and keeps the next root key.
    fn seal(&self) -> Result<Box<dyn Seal>, Problem> {
        seal_of(self.house, self.to_next_seal)
    }

    /// That nothing lies yet in the place that the next seal is to take, if it is to.
    fn may_change(&self) -> Result<(), Problem> {
        let next = self.house.config.next_seal.as_ref().filter(|_| self.to_next_seal).map(config::Seal::at);
        let taken = next.is_some_and(|next| next.is_there());
        if taken { Err(Problem::new(Code::NextSealTaken)) } else { Ok(()) }
    }

    /// That a second person wants it: whoever has enough of the shares has the root key, and whoever has the next seal too.
    async fn approved(&self, split: Option<SplitRequest>, approval: Option<ApprovalId>) -> Result<Approved, Problem> {
        let next = self.house.config.next_seal.as_ref().filter(|_| self.to_next_seal).map(config::Seal::described);
        let key = match split {
            Some(SplitRequest { threshold, shares }) => {
                format!("a root key in {shares} new shares, {threshold} of them needed")
            }
            None => "a new root key".to_owned(),
        };
        let shown = match &next {
            Some(next) => format!("{key}, held by {next} in the place of {}", self.house.config.held().described()),
            None => key,
        };
        let request = RotateRootRequest { to_next_seal: self.to_next_seal, split, share: None, approval: None };
        // The place with it: another one that is declared meanwhile is not what was approved.
        let digest = if next.is_some() { digest(&(request, &shown)) } else { digest(&request) };
        let what = What { act: Action::RootRotate, controller: VAULT, shown: &shown, digest };
        two_people(self.desk, self.permit, what, approval).await
    }

    /// New shares, for whoever asked to hand out. The leaf stands before anybody sees them.
    async fn give_out(&self, split: Split, approved: Approved) -> Result<RotateRootAnswer, Problem> {
        let seal = self.seal()?;
        let in_force = self.house.root_id();
        let given = blocking(move || match seal.prepare(in_force, Some(split)) {
            Ok(Prepared::Shares(shares)) => Ok(shares),
            Ok(Prepared::Key(_)) => Err(Problem::new(Code::Internal)),
            Err(error) => Err(problem_of_seal(&error)),
        });
        let shares = given.await.map_err(|_| Problem::new(Code::Internal))??;
        self.lock().forget();
        let (given, needed) = (split.shares, split.threshold);
        let note = format!("{given} new shares given out, {needed} of them needed; {}", approved.told());
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        approved.used_up_in(&mut batch, &mut needs);
        let recorded = self.record(note, batch, needs).await?;
        let set = shares.first().map(|share| share.set().to_string());
        let gathered = Shares { needed: split.threshold, have: 0, set };
        let given_out = shares.iter().map(|share| Value::new(share.to_text().to_string())).collect();
        Ok(Step { given_out, shares: Some(gathered), ..Step::default() }.recorded(recorded))
    }

    /// The next root key, once enough of its shares are typed back.
    async fn follow(&self, share: Option<Value>) -> Result<RotateRootAnswer, Problem> {
        let next = self.seal()?.next().map_err(|error| problem_of_seal(&error))?;
        let from = format!("{} at {}", self.permit.application(), self.incoming.address.ip());
        let taken = self.taken(&*next, share.as_ref(), from)?;
        match taken {
            Ok(Gathered { shares, from }) => {
                self.rotated(shares, format!("shares typed back from {}", from.join(", ")), None).await
            }
            Err(gathered) => {
                let note = format!("{} of {} new shares typed back", gathered.have, gathered.needed);
                let recorded = self.record(note, Batch::new(), Vec::new()).await?;
                Ok(Step { shares: Some(gathered), ..Step::default() }.recorded(recorded))
            }
        }
    }

    /// All the new shares that are needed, or how far it has come.
    fn taken(&self, next: &dyn Seal, share: Option<&Value>, from: String) -> Result<Result<Gathered, Shares>, Problem> {
        let (mut returning, now) = (self.lock(), Instant::now());
        returning.may_try(self.permit.application(), now)?;
        match returning.take(next, share, from, now)? {
            Some(gathered) => Ok(Ok(gathered)),
            None => Ok(Err(returning.progress(next).ok_or_else(|| Problem::new(Code::Internal))?)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathering> {
        self.incoming.door.returning().lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn rotated(
        &self,
        shares: Vec<Share>,
        note: String,
        approved: Option<Approved>,
    ) -> Result<RotateRootAnswer, Problem> {
        let (house, to_next_seal) = (Arc::clone(self.house), self.to_next_seal);
        let moved = blocking(move || Moved::make(&house, to_next_seal, &shares));
        let moved = moved.await.map_err(|_| Problem::new(Code::Internal))??;
        let Moved { mut batch, mut needs, keys, root, held_by } = moved;
        if let Some(approved) = approved {
            approved.used_up_in(&mut batch, &mut needs);
        }
        let note = match to_next_seal {
            true => format!("held by a seal of the kind {}, {note}", held_by.as_str()),
            false => note,
        };
        let id = root.id();
        let detail = Detail { written: Some(Hash::sha256(id.as_bytes())), ..Detail::default() };
        let private = Private { made: vec![id.to_string()], note: Some(note), ..Private::default() };
        let submission = manage::submission(self.desk, self.permit, detail, private)?.with_rows(batch, needs);
        let recorded = manage::submit(self.desk, submission).await?.ok_or_else(|| Problem::new(Code::Busy))?;
        // It is in force in the store; nothing after this may fail.
        let house = Arc::clone(self.house);
        let settled = blocking(move || {
            house.set_root(root, held_by);
            house.config.settle_seal(id).map_err(|error| problem_of_seal(&error))
        });
        if !matches!(settled.await, Ok(Ok(()))) {
            // Whoever needs it next puts it there, and else the next start does.
            tracing::error!(root = %id, "the new root key is in force, and could not yet take the place of the one before");
        }
        Ok(Step { root: Some(id.to_string()), keys, ..Step::default() }.recorded(recorded))
    }

    async fn record(&self, note: String, batch: Batch, needs: Vec<Precondition>) -> Result<Recorded, Problem> {
        let private = Private { note: Some(note), ..Private::default() };
        let submission =
            manage::submission(self.desk, self.permit, Detail::default(), private)?.with_rows(batch, needs);
        manage::submit(self.desk, submission).await?.ok_or_else(|| Problem::new(Code::Busy))
    }
}

/// The present seal, which another root key follows in; or the way to the next one.
fn seal_of(house: &House, to_next_seal: bool) -> Result<Box<dyn Seal>, Problem> {
    if !to_next_seal {
        return house.seal();
    }
    match house.config.change_of_seal() {
        Ok(Some(change)) => Ok(Box::new(change)),
        Ok(None) => Err(Problem::new(Code::NoNextSeal)),
        Err(error) => Err(problem_of_seal(&error)),
    }
}

/// How far a call has come.
#[derive(Default)]
struct Step {
    root: Option<String>,
    keys: u64,
    given_out: Vec<Value>,
    shares: Option<Shares>,
}

impl Step {
    fn recorded(self, recorded: Recorded) -> RotateRootAnswer {
        let Step { root, keys, given_out, shares } = self;
        let mut notes = Vec::new();
        let receipt = recorded.into_receipt(&mut notes);
        RotateRootAnswer { root, keys, given_out, shares, receipt, notes }
    }
}

/// Everything under the next root key, ready for one batch.
struct Moved {
    batch: Batch,
    needs: Vec<Precondition>,
    keys: u64,
    root: Arc<RootKey>,
    held_by: SealKind,
}

impl Moved {
    fn make(house: &House, to_next_seal: bool, shares: &[Share]) -> Result<Moved, Problem> {
        // In this order: to give the root key, a seal may first have to take the place that is its own.
        let old = house.root()?;
        let seal = seal_of(house, to_next_seal)?;
        let (held_by, problem) = (seal.next_kind(), |error: &_| problem_of_seal(error));
        let root = match held_by {
            SealKind::Shamir => seal.next().and_then(|next| next.open(shares)).map_err(|error| problem(&error))?,
            SealKind::KeyFile | SealKind::Pkcs11 => {
                match seal.prepare(old.id(), None).map_err(|error| problem(&error))? {
                    Prepared::Key(root) => root,
                    Prepared::Shares(_) => return Err(Problem::new(Code::Internal)),
                }
            }
        };
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        let keys = keyring::reroot(&*house.engine, (&old, &root), &mut batch, &mut needs).map_err(problem_of_rows)?;
        generations::follow(&house.config.backup, &old, &root).map_err(|error| {
            tracing::error!(%error, "the keys of backups cannot be put under another root key");
            Problem::new(Code::SealUnavailable)
        })?;
        Ok(Moved { batch, needs, keys, root: Arc::new(root), held_by })
    }
}

fn problem_of_rows(error: KeyringError) -> Problem {
    tracing::error!(%error, "the keys cannot be put under another root key");
    match error {
        KeyringError::Unopened(_) | KeyringError::Damaged => Problem::new(Code::Altered),
        _ => Problem::new(Code::Internal),
    }
}

impl Texts for RotateRootRequest {
    /// A share is no text that is kept, and is not asked.
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let RotateRootRequest { to_next_seal: _, split: _, share: _, approval: _ } = self;
        std::iter::empty()
    }
}
