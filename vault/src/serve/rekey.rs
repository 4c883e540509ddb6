//! `log/rekey`: the log gets a new key, for which the old one signs; for 30 days checkpoints bear both signatures, and then the
//! old key is destroyed.

use std::sync::Arc;

use coffer_keys::KeyId;
use coffer_wire::Hash;
use coffer_wire::api::{RekeyAnswer, RekeyRequest};
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::note::VerifierKey;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::succession::HANDOVERS_MAX;

use super::answer::{Answered, body};
use super::blocking::{blocking, detached};
use super::desk::{Desk, Envelope};
use super::{House, Incoming, manage};
use crate::admit::{Manage, Permit};
use crate::clock::Period;
use crate::keyring::record::{RootRow, State};
use crate::keyring::{self, AnyHeld, create_log_key, log_rows};
use crate::ledger::line::Line;
use crate::ledger::{About, Circumstances, Detail, Entry, NewKey, Submission};
use crate::store::{Batch, Family};

/// How long the old key signs beside the new one, in milliseconds.
pub const OVERLAP_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Notes that are left for what cannot wait: successors.
const HANDOVERS_LEFT: usize = 32;

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    // A task of its own, which ends whether or not the caller waits for it.
    detached(rekey(house, incoming)).await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))
}

async fn rekey(house: Arc<House>, incoming: Incoming) -> Answered {
    // Who may not do this waits for nobody and keeps nobody waiting.
    permitted(&house, &incoming).await?;
    let _alone = house.activation.lock().await;
    let (desk, permit) = permitted(&house, &incoming).await?;
    let now_ms = house.clock.now_ms();
    if let Some(why) = hindered(&house.ledger.shared().line(), now_ms) {
        return Err(desk.refuse_envelope(Code::RekeyUnderWay, Some(why)).await);
    }
    let (submission, vkey, until_ms) = prepare(&house, &desk, &permit, now_ms)?;
    let recorded = manage::submit(&desk, submission).await?.ok_or_else(|| Problem::new(Code::Busy))?;
    let line = house.ledger.shared().line();
    let note = line.notes().last().unwrap_or_default().to_owned();
    keep(&house, line).await;
    let mut notes = Vec::new();
    body(&RekeyAnswer { log_key: vkey.to_string(), note, until_ms, receipt: recorded.into_receipt(&mut notes), notes })
}

async fn permitted(house: &Arc<House>, incoming: &Incoming) -> Result<(Desk, Permit<Manage>), Problem> {
    let desk = Desk::sit(house, incoming, Action::LogRekey, &Envelope::default(), true).await?;
    if let Err(problem) = manage::parse::<RekeyRequest>(&incoming.body) {
        return Err(desk.refuse_envelope(problem.code, problem.detail).await);
    }
    let permit = manage::permit(&desk, None).await?;
    Ok((desk, permit))
}

/// Why there can be no new key now.
fn hindered(line: &Line, now_ms: u64) -> Option<String> {
    match line.overlap_ms() {
        Some(until_ms) if now_ms < until_ms => {
            let days = (until_ms - now_ms).div_ceil(24 * 60 * 60 * 1_000);
            Some(format!("the key before the present one signs for another {days} days; a new one can be made then"))
        }
        _ if line.len() + HANDOVERS_LEFT >= HANDOVERS_MAX => Some(
            "clients follow no more notes than there are: a successor with a key that is handed out anew is needed"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The new key's row, the old one's new state, the leaf, and what the sequencer does with the key.
fn prepare(
    house: &House,
    desk: &Desk,
    permit: &Permit<Manage>,
    now_ms: u64,
) -> Result<(Submission, VerifierKey, u64), Problem> {
    let internal = |_| Problem::new(Code::Internal);
    let (mut batch, mut needs) = (Batch::new(), Vec::new());
    let keyring = house.keyring();
    let vault = keyring.audit(&VAULT).ok_or_else(|| Problem::new(Code::Internal))?;
    let rows = log_rows(&*house.engine).map_err(internal)?;
    let old = rows.into_iter().find(|(_, row)| row.state == State::Active).map(|(id, _)| held(house, vault, id));
    let Some(AnyHeld::Active(old)) = old.transpose()? else { return Err(Problem::new(Code::Altered)) };
    let (old_id, version) = (old.id(), old.version() + 1);
    let made = create_log_key(&*house.root()?, vault, version, now_ms, &mut batch);
    let (key, created) = made.map_err(internal)?;
    old.retire().write(vault, &mut batch, &mut needs);
    let until_ms = now_ms + OVERLAP_MS;
    let origin = house.ledger.verifier_key();
    let vkey = VerifierKey::new(origin.name(), key.public()).map_err(|_| Problem::new(Code::Internal))?;
    let detail = Detail {
        category: Some(created.category),
        version: Some(created.version),
        written: Some(Hash::sha256(vkey.to_string().as_bytes())),
        ..Detail::default()
    };
    let note = format!("new log key {vkey}; the one before it, {old_id}, signs too until {until_ms}");
    let private = Private { made: vec![created.id.to_string()], note: Some(note), ..Private::default() };
    let new = NewKey { key, made_ms: now_ms, until_ms };
    let submission = manage::submission(desk, permit, detail, private)?.with_rows(batch, needs).rekeying(new);
    Ok((submission, vkey, until_ms))
}

/// A log key in whichever state it is. `vault`: the vault's own audit line, which vouches for it.
fn held(house: &House, vault: &keyring::Line, id: KeyId) -> Result<AnyHeld, Problem> {
    let read = house.engine.get(Family::Keys, &RootRow::key(&id)).map_err(manage::unread)?;
    let altered = || Problem::new(Code::Altered);
    AnyHeld::of(vault, id, read.ok_or_else(altered)?).map_err(|_| altered())
}

/// Writes the notes beside the head. Where that fails, the next start does it.
async fn keep(house: &House, line: Arc<Line>) {
    let head = house.config.log.head.clone();
    let kept = blocking(move || line.keep(&head)).await;
    if !matches!(kept, Ok(Ok(()))) {
        tracing::error!("the notes beside the head could not be written; the next start writes them");
    }
}

impl House {
    /// Destroys log keys that sign no more: those whose time beside a new one is over, and those that others may hold.
    /// How many.
    pub async fn end_log_keys(self: &Arc<Self>) -> usize {
        let mut ended = 0;
        let Ok(rows) = log_rows(&*self.engine) else { return 0 };
        for (id, row) in rows {
            if self.is_over(&row) && self.end_log_key(&id, row).await.is_ok() {
                tracing::warn!(%id, "a log key that signs no more was destroyed");
                ended += 1;
            }
        }
        ended
    }

    fn is_over(&self, row: &RootRow) -> bool {
        let overlap = self.ledger.shared().line().overlap_ms();
        match row.state {
            State::Compromised => true,
            State::DecryptOnly => overlap.is_none_or(|until_ms| until_ms <= self.clock.now_ms()),
            _ => false,
        }
    }

    async fn end_log_key(self: &Arc<Self>, id: &KeyId, row: RootRow) -> Result<(), Problem> {
        let period = Period::of(self.clock.now_ms());
        let key = self.unattributed_key(&VAULT, period).await?;
        let common = Circumstances::of_the_vault(VAULT, period, self.gate.in_force().epoch);
        // Of no category: it is no category's key that ends.
        let detail = Detail { version: Some(row.version), ..Detail::default() };
        let note = Some("a log key that signs no more".to_owned());
        let private = Private { destroyed: vec![id.to_string()], note, ..Private::default() };
        let about = About::Unattributed { key: &key, person: None };
        let entry = Entry::own(Action::KeysDestroy, &common, about, detail, private);
        let entry = entry.map_err(|_| Problem::new(Code::Internal))?;
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        let keyring = self.keyring();
        let vault = keyring.audit(&VAULT).ok_or_else(|| Problem::new(Code::Internal))?;
        match held(self, vault, *id)? {
            AnyHeld::DecryptOnly(held) => held.destroy().write(vault, &mut batch, &mut needs),
            AnyHeld::Compromised(held) => held.destroy().write(vault, &mut batch, &mut needs),
            AnyHeld::Active(_) | AnyHeld::Destroyed(_) => return Err(Problem::new(Code::Altered)),
        }
        // Its bytes end with those of other keys: it is no key of a category, and no person's key lies under it.
        self.record_one(Submission::unbound(entry).with_rows(batch, needs).ending_under(Vec::new())).await.map(drop)
    }
}
