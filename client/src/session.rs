//! What one person may do through this application: acts that touch no record, and the way to those
//! that do, which leads through a purpose.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer_wire::api::{
    ApplyAnswer, ApplyRequest, CertificateAnswer, CertificateRequest, DrillAnswer, DrillRequest, Empty, EntryAnswer,
    EntryRequest, JobsAnswer, KeyAnswer, KeyRequest, KeysAnswer, Receipt, RekeyAnswer, RekeyRequest, RotateAnswer,
    RotateRequest, RotateRootAnswer, RotateRootRequest, SealAnswer, ShowAnswer, ShowRequest, Status, Whoami,
    files_hash,
};
use coffer_wire::approvals::{ApprovalId, ApprovalsAnswer, DecideAnswer, DecideRequest};
use coffer_wire::certificate::Certificate;
use coffer_wire::erasures::{AllowErasuresAnswer, AllowErasuresRequest};
use coffer_wire::holds::{HoldAnswer, HoldsAnswer, LiftHoldRequest, ListHoldsRequest, SetHoldRequest};
use coffer_wire::leaf::Action;
use coffer_wire::receipt::Asked;
use coffer_wire::schema::{SchemaAnswer, SchemaRequest};
use coffer_wire::trace::Traceparent;
use coffer_wire::{ExternalId, Hash, Name, Value};
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Invalid};
use crate::log::{Floor, follow, prover};
use crate::outcome::{Activated, Allowed, Decision, Drilled, Entries, Held, Logged, Rekeyed, Rotated};
use crate::records::Records;
use crate::token::Token;
use crate::transport::{Caller, Repeat};
use crate::vault::Core;

/// The vault, used by one person through this application. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    pub(crate) core: Arc<Core>,
    pub(crate) caller: Caller,
    /// Who the person is, as the log says it.
    pub(crate) actor: Arc<str>,
    controller: Option<Name>,
}

impl Session {
    pub(crate) fn new(core: Arc<Core>, token: Token) -> Session {
        let (controller, (token, actor)) = (core.controller, token.into_parts());
        Session { core, caller: Caller { token, trace: None }, actor: actor.into(), controller }
    }

    /// Whose data is meant from here on.
    pub fn for_controller(mut self, controller: &str) -> Result<Session, Error> {
        self.controller = Some(Name::new(controller)?);
        Ok(self)
    }

    /// As part of which trace requests are sent from here on: a `traceparent` of W3C Trace Context, which the operator of the
    /// vault then finds beside whatever is told of the request.
    pub fn traced(mut self, traceparent: &str) -> Result<Session, Error> {
        let trace = Traceparent::parse(traceparent).ok_or(Invalid::Trace)?;
        self.caller.trace = Some(HeaderValue::from_str(trace.as_str()).map_err(|_| Invalid::Trace)?);
        Ok(self)
    }

    /// The handle on which reads and writes exist. There is no other way to one:
    ///
    /// ```compile_fail,E0599
    /// # async fn f(session: coffer_client::Session, item: coffer_client::wire::api::ReadItem) {
    /// session.read(item).await;
    /// # }
    /// ```
    ///
    /// ```
    /// # async fn f(session: coffer_client::Session, item: coffer_client::wire::api::ReadItem)
    /// # -> Result<(), coffer_client::Error> {
    /// session.for_purpose("payments")?.read(item).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_purpose(&self, purpose: &str) -> Result<Records, Error> {
        let purpose = Name::new(purpose)?;
        let controller = self.controller.ok_or(Invalid::NoController)?;
        Ok(Records::new(self.clone(), controller, purpose))
    }

    /// The state of the vault. A sealed one answers this alone.
    pub async fn status(&self) -> Result<Status, Error> {
        self.act("/v1/status", Action::Status, &Empty {}, Repeat::Safe).await
    }

    /// For whom the vault takes this person and application.
    pub async fn whoami(&self) -> Result<Whoami, Error> {
        self.act("/v1/whoami", Action::Whoami, &Empty {}, Repeat::Safe).await
    }

    /// The keys and their states, without key material.
    pub async fn keys(&self) -> Result<KeysAnswer, Error> {
        self.act("/v1/keys/list", Action::KeysList, &Empty {}, Repeat::Safe).await
    }

    /// Gives keys a new version. What lies under the old ones is moved by jobs of the vault, which go on by themselves.
    pub async fn rotate_keys(&self, request: &RotateRequest) -> Result<RotateAnswer, Error> {
        let floor = self.core.log.floor();
        let answer: RotateAnswer = self.act("/v1/keys/rotate", Action::KeysRotate, request, Repeat::Never).await?;
        for rotated in &answer.rotated {
            let asked = Asked {
                controller: rotated.controller,
                reason: Some(&request.reason),
                categories: std::slice::from_ref(&rotated.category),
                version: Some(rotated.version),
                ..Asked::act(Action::KeysRotate)
            };
            self.believe(&rotated.receipt, &answer.notes, &asked, floor).await?;
        }
        prover::wake(&self.core);
        Ok(answer)
    }

    /// How far the jobs of rotations are.
    pub async fn key_jobs(&self) -> Result<JobsAnswer, Error> {
        self.act("/v1/keys/jobs", Action::KeysJobs, &Empty {}, Repeat::Safe).await
    }

    /// Destroys a version of a category key under which nothing is left. Needs two people.
    pub async fn destroy_key(&self, request: &KeyRequest) -> Result<KeyAnswer, Error> {
        self.change_key("/v1/keys/destroy", Action::KeysDestroy, request).await
    }

    /// Destroys a version of a category key with all that lies under it. Needs two people.
    pub async fn shred_key(&self, request: &KeyRequest) -> Result<KeyAnswer, Error> {
        self.change_key("/v1/keys/shred", Action::KeysShred, request).await
    }

    /// Gives a version of a category key another state.
    pub async fn set_key_state(&self, request: &KeyRequest) -> Result<KeyAnswer, Error> {
        self.change_key("/v1/key/state", Action::KeyState, request).await
    }

    async fn change_key(&self, path: &str, action: Action, request: &KeyRequest) -> Result<KeyAnswer, Error> {
        let floor = self.core.log.floor();
        let answer: KeyAnswer = self.act(path, action, request, Repeat::Never).await?;
        let asked = Asked {
            controller: request.controller,
            reason: Some(&request.reason),
            categories: std::slice::from_ref(&request.category),
            version: Some(request.version),
            ..Asked::act(action)
        };
        self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        prover::wake(&self.core);
        Ok(answer)
    }

    /// Cells of the policy in force: who may do what.
    pub async fn show_access(&self, which: &ShowRequest) -> Result<ShowAnswer, Error> {
        self.act("/v1/access/show", Action::AccessShow, which, Repeat::Safe).await
    }

    /// The schema in force: what is kept, why, whence and for how long.
    pub async fn show_schema(&self, which: &SchemaRequest) -> Result<SchemaAnswer, Error> {
        self.act("/v1/schema/show", Action::SchemaShow, which, Repeat::Safe).await
    }

    /// Up to 1,000 leaves of the log, from `start` on, as they stand in the signed tree: proofs show it before they are
    /// handed out.
    pub async fn entries(&self, start: u64, count: u64) -> Result<Entries, Error> {
        let entries = self.unproved_entries(start, count).await?;
        let expected = entries.checkpoint.size.saturating_sub(start).min(count);
        if entries.leaves.len() as u64 != expected {
            return Err(Error::UnexpectedAnswer(200));
        }
        prover::hold_leaves(&self.core, start, &entries.leaves, &entries.checkpoint).await?;
        Ok(entries)
    }

    /// The same as the vault shows them, and perhaps fewer: for whoever checks the whole log and wants to name what is wrong
    /// with it.
    pub async fn unproved_entries(&self, start: u64, count: u64) -> Result<Entries, Error> {
        self.entries_of(None, start, count).await
    }

    /// The same of one of the logs that follow each other, from 1: of one that ended, what was kept.
    pub async fn entries_of(&self, log: Option<u16>, start: u64, count: u64) -> Result<Entries, Error> {
        let asked = EntryRequest { start, count, log };
        let floor = self.core.log.floor();
        let answer: EntryAnswer = self.act("/v1/log/entry", Action::LogEntry, &asked, Repeat::Safe).await?;
        follow::meet(&self.core, std::slice::from_ref(&answer.checkpoint)).await?;
        let logged = self.believe(&answer.receipt, &answer.notes, &Asked::act(Action::LogEntry), floor).await?;
        let signed = self.core.log.take_note(&answer.checkpoint)?;
        prover::wake(&self.core);
        if answer.start != start || answer.leaves.len() as u64 > count {
            return Err(Error::UnexpectedAnswer(200));
        }
        let (checkpoint, note) = (signed.checkpoint.clone(), answer.checkpoint);
        Ok(Entries { start, leaves: answer.leaves, checkpoint, note, logged })
    }

    /// The certificate of an erase, of a rotation that has ended, or of a key's end: a signed note, which holds under the log's
    /// key; `None`: of the newest erase.
    pub async fn certificate(&self, leaf: Option<u64>) -> Result<String, Error> {
        let (asked, floor) = (CertificateRequest { leaf }, self.core.log.floor());
        let answer: CertificateAnswer =
            self.act("/v1/certificates/issue", Action::CertIssue, &asked, Repeat::Safe).await?;
        self.believe(&answer.receipt, &answer.notes, &Asked::act(Action::CertIssue), floor).await?;
        prover::wake(&self.core);
        // For a while the key before signs checkpoints too, and the new one alone certifies.
        if Certificate::verify_by(&answer.certificate, &self.core.log.trust()).is_err() {
            follow::follow(&self.core).await?;
        }
        let verified = Certificate::verify_by(&answer.certificate, &self.core.log.trust());
        match verified {
            Ok((certificate, _)) if leaf.is_none_or(|leaf| certificate.act.index == leaf) => Ok(answer.certificate),
            _ => Err(Error::UnexpectedAnswer(200)),
        }
    }

    /// Seals the vault. When this returns, no key is in its memory; whatever asks it from then on hears `sealed`.
    pub async fn seal(&self) -> Result<Logged, Error> {
        let floor = self.core.log.floor();
        let answer: SealAnswer = self.act("/v1/vault/seal", Action::VaultSeal, &Empty {}, Repeat::Never).await?;
        self.believe(&answer.receipt, &answer.notes, &Asked::act(Action::VaultSeal), floor).await
    }

    /// Shows that a share, with those that others hand in, or the vault's own seal would open the vault. Changes nothing.
    pub async fn drill(&self, share: Option<Value>) -> Result<Drilled, Error> {
        let floor = self.core.log.floor();
        let asked = DrillRequest { share };
        let answer: DrillAnswer = self.act("/v1/vault/drill", Action::VaultDrill, &asked, Repeat::Never).await?;
        let logged = self.believe(&answer.receipt, &answer.notes, &Asked::act(Action::VaultDrill), floor).await?;
        prover::wake(&self.core);
        Ok(Drilled { would_open: answer.would_open, shares: answer.shares, logged })
    }

    /// One step of a rotation of the root key: nothing where the vault's seal gives it by itself; else first the numbers of the new shares,
    /// which a second person approves, then each of them as it was written down.
    pub async fn rotate_root(&self, asked: RotateRootRequest) -> Result<Rotated, Error> {
        let floor = self.core.log.floor();
        let answer: RotateRootAnswer = self.act("/v1/root/rotate", Action::RootRotate, &asked, Repeat::Never).await?;
        let logged = self.believe(&answer.receipt, &answer.notes, &Asked::act(Action::RootRotate), floor).await?;
        prover::wake(&self.core);
        let RotateRootAnswer { root, keys, given_out, shares, .. } = answer;
        Ok(Rotated { root, keys, given_out, shares, logged })
    }

    /// Activates a policy: file name and text. One that permits more than what is in force needs a second person: the vault
    /// refuses with `approval_needed` and names the request in [`Refusal::approval`](crate::Refusal::approval); once another
    /// admin has approved it, this is called again with that.
    pub async fn apply_access(
        &self,
        files: BTreeMap<String, String>,
        approval: Option<ApprovalId>,
    ) -> Result<Activated, Error> {
        self.apply("/v1/access/apply", Action::AccessApply, files, approval).await
    }

    /// Activates a schema: file name and text. One that protects less needs a second person, as
    /// [`apply_access`](Session::apply_access) says.
    pub async fn apply_schema(
        &self,
        files: BTreeMap<String, String>,
        approval: Option<ApprovalId>,
    ) -> Result<Activated, Error> {
        self.apply("/v1/schema/apply", Action::SchemaApply, files, approval).await
    }

    /// Gives the log a new key, for which the old one signs. This client follows it at once.
    pub async fn rekey_log(&self) -> Result<Rekeyed, Error> {
        let floor = self.core.log.floor();
        let ask = RekeyRequest {};
        let answer: RekeyAnswer = self.act("/v1/log/rekey", Action::LogRekey, &ask, Repeat::Never).await?;
        let named = Hash::sha256(answer.log_key.as_bytes());
        let asked = Asked { activated: Some(named), ..Asked::act(Action::LogRekey) };
        let logged = self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        follow::follow(&self.core).await?;
        prover::wake(&self.core);
        let log_key = self.core.log.trust().key().clone();
        if log_key.to_string() != answer.log_key {
            return Err(Error::UnexpectedAnswer(200));
        }
        Ok(Rekeyed { log_key, until_ms: answer.until_ms, logged })
    }

    /// What waits for a second person: asked for by this person, or for this person to decide.
    pub async fn approvals(&self) -> Result<ApprovalsAnswer, Error> {
        self.act("/v1/approvals/list", Action::ApprovalList, &Empty {}, Repeat::Safe).await
    }

    /// Approves what another person asked for.
    pub async fn approve(&self, id: ApprovalId, reason: Option<&str>) -> Result<Decision, Error> {
        self.decide("/v1/approvals/approve", Action::ApprovalGrant, id, reason).await
    }

    /// Refuses what another person asked for, or takes back what this person did.
    pub async fn refuse(&self, id: ApprovalId, reason: Option<&str>) -> Result<Decision, Error> {
        self.decide("/v1/approvals/refuse", Action::ApprovalDeny, id, reason).await
    }

    async fn decide(
        &self,
        path: &str,
        action: Action,
        id: ApprovalId,
        reason: Option<&str>,
    ) -> Result<Decision, Error> {
        let (floor, request) = (self.core.log.floor(), DecideRequest { id, reason: reason.map(str::to_owned) });
        let answer: DecideAnswer = self.act(path, action, &request, Repeat::Never).await?;
        // The leaf names the very request that was decided.
        let asked = Asked { activated: Some(Hash::sha256(&id.0)), reason, ..Asked::act(action) };
        let logged = self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        prover::wake(&self.core);
        Ok(Decision { approval: answer.approval, logged })
    }

    /// Puts a legal hold on a person: nothing of theirs is erased while it stands.
    pub async fn set_hold(&self, request: &SetHoldRequest) -> Result<Held, Error> {
        let about = (request.controller, &request.person, request.reason.as_str());
        self.hold("/v1/holds/set", Action::HoldSet, request, about).await
    }

    /// Lifts a legal hold. Needs a second person, as [`apply_access`](Session::apply_access) says.
    pub async fn lift_hold(&self, request: &LiftHoldRequest) -> Result<Held, Error> {
        let about = (request.controller, &request.person, request.reason.as_str());
        self.hold("/v1/holds/lift", Action::HoldLift, request, about).await
    }

    /// The legal holds of a controller, or on one person.
    pub async fn holds(&self, request: &ListHoldsRequest) -> Result<HoldsAnswer, Error> {
        self.act("/v1/holds/list", Action::HoldList, request, Repeat::Safe).await
    }

    /// Lets this person erase more than one may alone within an hour. Needs a second person, as
    /// [`apply_access`](Session::apply_access) says.
    pub async fn allow_erasures(&self, request: &AllowErasuresRequest) -> Result<Allowed, Error> {
        let (floor, action) = (self.core.log.floor(), Action::ErasureAllow);
        let answer: AllowErasuresAnswer = self.act("/v1/erasures/allow", action, request, Repeat::Never).await?;
        let asked = Asked {
            controller: request.controller,
            purpose: Some(request.purpose),
            case: request.case.as_deref(),
            reason: Some(&request.reason),
            ..Asked::act(action)
        };
        let logged = self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        prover::wake(&self.core);
        Ok(Allowed { count: answer.count, until_ms: answer.until_ms, logged })
    }

    async fn hold<Q: Serialize>(
        &self,
        path: &str,
        action: Action,
        request: &Q,
        (controller, person, reason): (Name, &ExternalId, &str),
    ) -> Result<Held, Error> {
        let floor = self.core.log.floor();
        let answer: HoldAnswer = self.act(path, action, request, Repeat::Never).await?;
        let asked = Asked { controller, person: Some(person), reason: Some(reason), ..Asked::act(action) };
        let logged = self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        prover::wake(&self.core);
        Ok(Held { hold: answer.hold, logged })
    }

    async fn apply(
        &self,
        path: &str,
        action: Action,
        files: BTreeMap<String, String>,
        approval: Option<ApprovalId>,
    ) -> Result<Activated, Error> {
        let (floor, hash) = (self.core.log.floor(), files_hash(&files));
        let answer: ApplyAnswer = self.act(path, action, &ApplyRequest { files, approval }, Repeat::Never).await?;
        // What was sent, not what the vault says that it was sent.
        let asked = Asked { activated: Some(hash), ..Asked::act(action) };
        let logged = self.believe(&answer.receipt, &answer.notes, &asked, floor).await?;
        prover::wake(&self.core);
        Ok(Activated { policy: answer.policy, hash, logged })
    }

    async fn act<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        action: Action,
        ask: &Q,
        repeat: Repeat,
    ) -> Result<A, Error> {
        self.core.log.sound()?;
        let answer = self.core.transport.post(path, Some(&self.caller), ask, repeat).await;
        let outcome = answer.as_ref().map_or_else(Error::code, |_| "ok");
        tracing::info!(target: "coffer_client::access", action = action.as_str(), outcome, "act");
        answer
    }

    async fn believe(
        &self,
        receipt: &Receipt,
        notes: &[String],
        asked: &Asked<'_>,
        floor: Floor,
    ) -> Result<Logged, Error> {
        follow::meet(&self.core, notes).await?;
        let asked = &Asked { actor: Some(&self.actor), application: self.core.application, ..*asked };
        let logged = self.core.log.believe(std::slice::from_ref(receipt), notes, [asked, asked], floor, true)?;
        logged.first().copied().ok_or(Error::UnexpectedAnswer(200))
    }
}
