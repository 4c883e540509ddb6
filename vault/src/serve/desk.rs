//! One round of one request: who asks, under which policy, with which keys open, and since when.
//!
//! A request whose submission is told to start again sits down at a new desk, so that credentials
//! and policy are looked at again too.

use std::sync::Arc;
use std::time::Instant;

use coffer_keys::AuditKey;
use coffer_wire::leaf::{Action, Alias};
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{ExternalId, Name, api};

use super::answer::{code_of, problem_of};
use super::guard::{At, Remains, Texts};
use super::step::{self, Finished, Halt, Step};
use super::{House, Incoming};
use crate::admit::{Ask, Caller, InForce, Verified};
use crate::cards;
use crate::clock::Period;
use crate::keyring::{Audited, Keyring, Line, audit_category};
use crate::ledger::{About, Attribution, Circumstances, Detail, Entry, NotMade, Rejected, Submission};
use crate::seal::Target;
use crate::store::{Batch, View};

/// What the envelope of a request says.
#[derive(Clone, Default)]
pub(super) struct Envelope {
    pub(super) controller: Option<Name>,
    pub(super) purpose: Option<Name>,
    pub(super) case: Option<String>,
    pub(super) reason: Option<String>,
    /// Where in it a card number stood; the words that held one are gone.
    pub(super) card: Option<At>,
}

impl Envelope {
    pub(super) fn of<T>(request: &api::Request<T>) -> Envelope {
        let card = request.card();
        let kept = |words: &Option<String>| words.clone().filter(|words| card.is_none() || !cards::found_in(words));
        Envelope {
            controller: Some(request.controller),
            purpose: Some(request.purpose),
            case: kept(&request.case),
            reason: kept(&request.reason),
            card,
        }
    }
}

pub(super) struct Desk {
    pub(super) house: Arc<House>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) force: Arc<InForce>,
    pub(super) caller: Caller,
    pub(super) action: Action,
    /// The controller that was named, known or not.
    pub(super) controller: Name,
    /// The purpose that was named, known or not.
    purpose: Option<Name>,
    pub(super) common: Circumstances,
    pub(super) unattributed: Arc<AuditKey>,
    pub(super) born: Instant,
}

impl Desk {
    /// Admits the caller, or records the refusal and says what to answer. `person`: whether the
    /// operation needs a person's token.
    pub(super) async fn sit(
        house: &Arc<House>,
        incoming: &Incoming,
        action: Action,
        envelope: &Envelope,
        person: bool,
    ) -> Result<Desk, Problem> {
        let born = Instant::now();
        let now_ms = house.clock.now_ms();
        let period = Period::of(now_ms);
        let controller = envelope.controller.filter(|name| house.config.has_controller(name)).unwrap_or(VAULT);
        let in_force = house.gate.in_force();
        let unattributed = match house.unattributed_key(&controller, period).await {
            Ok(key) => key,
            Err(problem) if problem.code == Code::Altered => return Err(house.fail_unattributed(action, period).await),
            Err(problem) => return Err(problem),
        };
        let mut common = Circumstances {
            controller,
            period,
            app: None,
            actor: None,
            policy: in_force.epoch,
            purpose: known_purpose(&in_force, envelope.purpose),
            private: Private {
                reason: envelope.reason.clone(),
                case: envelope.case.clone(),
                address: Some(incoming.address.ip().to_string()),
                request: Some(incoming.request.clone()),
                ..Private::default()
            },
        };
        let bearer = incoming.bearer.as_ref().map(|token| token.as_str());
        let admitted = house.gate.admit(&incoming.peer, bearer, now_ms).and_then(|caller| match caller.staff() {
            None if person => Err(caller.refused(Code::CredentialMissing, "no-token")),
            _ => Ok(caller),
        });
        let (app, staff, outcome) = match admitted {
            Ok(caller) => (Some(caller.application()), caller.staff().cloned(), Ok(caller)),
            Err(refusal) => (refusal.application, refusal.staff, Err(refusal.code)),
        };
        common.app = app;
        let agreement = app.and_then(|app| house.config.agreement(&app, &controller));
        common.private.agreement = agreement.map(|agreement| agreement.reference.clone());
        if let Some(staff) = staff {
            common.private.actor = Some(format!("{} {}", staff.iss, staff.sub));
            common.actor = match house.actor_alias(&staff, &common, born).await {
                Ok(alias) => alias,
                Err(problem) if problem.code == Code::Altered => {
                    return Err(house.fail_envelope(action, &common, &unattributed).await);
                }
                Err(problem) => return Err(problem),
            };
        }
        let keyring = house.keyring();
        match outcome {
            Ok(caller) => {
                common.policy = caller.epoch();
                let force = Arc::clone(caller.in_force());
                common.purpose = known_purpose(&force, envelope.purpose);
                let (house, controller) = (Arc::clone(house), envelope.controller.unwrap_or(VAULT));
                let purpose = envelope.purpose;
                Ok(Desk { house, keyring, force, caller, action, controller, purpose, common, unattributed, born })
            }
            Err(code) => Err(house.refuse_envelope(action, code, &common, &unattributed).await),
        }
    }

    /// Records the refusal of the whole envelope and says what to answer.
    pub(super) async fn refuse_envelope(&self, code: Code, detail: Option<String>) -> Problem {
        let refused = self.house.refuse_envelope(self.action, code, &self.common, &self.unattributed).await;
        match detail {
            Some(detail) if refused.code == code => refused.with_detail(detail),
            _ => refused,
        }
    }

    /// An ask with what the envelope says.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask { purpose: self.purpose, case: self.common.private.case.as_deref(), ..Ask::of(self.controller) }
    }

    /// The keys of a category of the controller that was named.
    pub(super) fn line(&self, category: &Name) -> Option<&Line> {
        self.keyring.line(&self.common.controller, category)
    }

    /// Under whose audit key leaves about this person stand, of whom something is to be done. Never asked before it is
    /// certain that it will be: the look tells by its time whether the vault knows the person.
    pub(super) fn attribution(&self, view: &View<'_>, person: &str) -> Result<Attribution, Halt> {
        let Some(audit) = self.keyring.audit(&self.common.controller) else {
            return Ok(Attribution::nobody(&self.unattributed));
        };
        let found = Attribution::of_person(audit, view, person, &self.unattributed)?;
        // An audit key that does not open: the leaf says the id under the unattributed key.
        Ok(found.unwrap_or_else(|_| Attribution::asked(&self.unattributed, Some(person))))
    }

    /// A refusal of one item.
    pub(super) fn refuse(&self, code: Code, category: Name, private: Private) -> Result<Step, Halt> {
        self.refuse_item(code, Some(category), private)
    }

    /// The same of one that may name no category.
    pub(super) fn refuse_item(&self, code: Code, category: Option<Name>, private: Private) -> Result<Step, Halt> {
        Ok(Step::refusal(self.refusal(code, category, private)?, step::refused(code)))
    }

    /// A refusal of one item that names the field at fault.
    pub(super) fn refuse_field(
        &self,
        code: Code,
        field: Name,
        why: String,
        category: Name,
        private: Private,
    ) -> Result<Step, Halt> {
        let outcome = api::Outcome { field: Some(field), detail: Some(why), ..step::refused(code) };
        Ok(Step::refusal(self.refusal(code, Some(category), private)?, outcome))
    }

    /// The refusal of an item in which a card number stood: its leaf says all but the texts that held one.
    pub(super) fn refuse_card(&self, remains: &Remains) -> Result<Step, Halt> {
        let submission = self.refusal(Code::CardNumber, remains.category, remains.private.clone())?;
        let (field, detail) = (remains.at.field, Some(remains.at.detail()));
        Ok(Step::refusal(submission, api::Outcome { field, detail, ..step::refused(Code::CardNumber) }))
    }

    /// Nothing readable is there. Absent, erased, another controller's: one answer.
    pub(super) fn absent(&self, category: Name, private: Private) -> Result<Step, Halt> {
        self.refuse(Code::NotFound, category, private)
    }

    /// What is stored did not open, seen before anything was recorded.
    pub(super) fn altered(&self, view: &View<'_>, category: Name, private: Private) -> Result<Step, Halt> {
        let about = match &private.person {
            Some(person) => self.attribution(view, person.as_str())?,
            None => Attribution::nobody(&self.unattributed),
        };
        let entry = self.failure(&about, category, private)?;
        let submission = Submission::new(entry, self.common.policy, self.born);
        Ok(Step::refusal(submission, step::refused(Code::Altered)))
    }

    /// The leaf that says that what is stored did not open.
    fn failure(&self, about: &Attribution, category: Name, private: Private) -> Result<Entry, Halt> {
        let category = self.known(category);
        Ok(Entry::failed(self.action, Code::Altered, &self.common, about.about(), category, private)?)
    }

    /// The same, after the access was recorded: the caller learns of it once this leaf stands too. It tells what has
    /// happened, so that whatever comes into force meanwhile is no reason to look again.
    pub(super) fn failed(&self, about: &Attribution, target: &Target) -> Finished {
        let private = Private {
            person: ExternalId::new(target.person.as_str()).ok(),
            record: ExternalId::new(target.record.as_str()).ok(),
            ..Private::default()
        };
        match self.failure(about, target.category, private) {
            Ok(entry) => Finished::Failed(Box::new(Submission::unbound(entry))),
            Err(_) => Finished::Outcome(step::refused(Code::Internal)),
        }
    }

    /// The leaf of a refusal. Nobody is looked up for it, known or not: it names the person by the id that was asked for,
    /// under the controller's unattributed key.
    fn refusal(&self, code: Code, category: Option<Name>, private: Private) -> Result<Submission, Halt> {
        let category = category.and_then(|category| self.known(category));
        let about = Attribution::asked(&self.unattributed, private.person.as_ref().map(ExternalId::as_str));
        let entry = Entry::refused(self.action, code, &self.common, about.about(), category, private)?;
        Ok(Submission::new(entry, self.common.policy, self.born))
    }

    /// A category that the schema does not know is not written into the log in clear.
    fn known(&self, category: Name) -> Option<Name> {
        self.force.schema.category(&category).map(|category| category.name)
    }
}

/// A purpose that no category has is whatever the caller likes, and is not written into the log in clear.
fn known_purpose(in_force: &InForce, purpose: Option<Name>) -> Option<Name> {
    purpose.filter(|name| in_force.schema.iter().any(|category| category.purposes.contains(name)))
}

impl House {
    /// Records the refusal of a whole request. What cannot be recorded is answered as such.
    pub(super) async fn refuse_envelope(
        self: &Arc<Self>,
        action: Action,
        code: Code,
        common: &Circumstances,
        unattributed: &Arc<AuditKey>,
    ) -> Problem {
        let about = Attribution::nobody(unattributed);
        let entry = Entry::refused(action, code, common, about.about(), None, Private::default());
        self.record_and_tell(entry, code).await
    }

    /// Records that what the whole request needs did not open, or is not there.
    pub(super) async fn fail_envelope(
        self: &Arc<Self>,
        action: Action,
        common: &Circumstances,
        unattributed: &Arc<AuditKey>,
    ) -> Problem {
        let about = Attribution::nobody(unattributed);
        let entry = Entry::failed(action, Code::Altered, common, about.about(), None, Private::default());
        self.record_and_tell(entry, Code::Altered).await
    }

    /// The same where it is the controller's own unattributed key: the leaf stands under the vault's.
    async fn fail_unattributed(self: &Arc<Self>, action: Action, period: Period) -> Problem {
        match self.unattributed_key(&VAULT, period).await {
            Ok(key) => {
                let common = Circumstances::of_the_vault(VAULT, period, self.gate.in_force().epoch);
                self.fail_envelope(action, &common, &key).await
            }
            Err(problem) => problem,
        }
    }

    /// Records one leaf and says what to answer.
    pub(super) async fn record_and_tell(self: &Arc<Self>, entry: Result<Entry, NotMade>, code: Code) -> Problem {
        let Ok(entry) = entry else { return Problem::new(Code::Internal) };
        match self.record_one(Submission::unbound(entry)).await {
            Ok(_) => Problem::new(code),
            Err(problem) => problem,
        }
    }

    /// The alias of a staff member, whose audit key is made at the first valid token.
    async fn actor_alias(
        self: &Arc<Self>,
        staff: &Verified,
        common: &Circumstances,
        born: Instant,
    ) -> Result<Option<Alias>, Problem> {
        let (controller, period) = (common.controller, common.period);
        let whole = audit_category();
        if let Some(alias) = staff.aliases.find(&controller, &whole, period.as_str()) {
            return Ok(Some(Alias(alias)));
        }
        let keyring = self.keyring();
        let Some(audit) = keyring.audit(&controller) else { return Ok(None) };
        let whom = Audited::Staff { issuer: &staff.iss, subject: &staff.sub };
        for _ in 0..ENROLMENT_TRIES {
            // Once for each token: worth a read of the disk on the spot.
            let read = audit.audit_key(&View::blocking(&*self.engine), whom);
            match read.map_err(|unread| problem_of(unread.into()))? {
                Err(_) => return Err(Problem::new(Code::Altered)),
                Ok(None) => self.enrol(audit, whom, common, born).await?,
                Ok(Some(key)) => {
                    let alias = key.alias(controller.as_str(), "", period.as_str());
                    staff.aliases.keep(controller, whole, period.as_str(), alias);
                    return Ok(Some(Alias(alias)));
                }
            }
        }
        Err(Problem::new(Code::Busy))
    }

    /// Makes a staff member's audit key. Who loses against another request finds the winner's.
    async fn enrol(
        self: &Arc<Self>,
        audit: &Line,
        whom: Audited<'_>,
        common: &Circumstances,
        born: Instant,
    ) -> Result<(), Problem> {
        let submission = enrolment(audit, whom, common, born).map_err(problem_of)?;
        match self.ledger.submit(vec![submission]).await.pop() {
            Some(Ok(_) | Err(Rejected::Again)) => Ok(()),
            Some(Err(rejected)) => Err(Problem::new(code_of(&rejected))),
            None => Err(Problem::new(Code::Internal)),
        }
    }
}

/// The key, its rows, and the leaf that says so.
fn enrolment(audit: &Line, whom: Audited<'_>, common: &Circumstances, born: Instant) -> Result<Submission, Halt> {
    let (mut batch, mut needs) = (Batch::new(), Vec::new());
    let (id, key) = audit.make_audit(whom, &mut batch, &mut needs).map_err(|_| Halt::NotMade)?;
    let alias = Alias(key.alias(common.controller.as_str(), "", common.period.as_str()));
    let common = Circumstances { actor: Some(alias), purpose: None, ..common.clone() };
    let private = Private { made: vec![id.to_string()], ..Private::default() };
    let entry = Entry::own(Action::StaffEnrol, &common, About::Staff(&key), Detail::default(), private)?;
    // Urgent, since an admin who was never seen may come to revoke; once for each member of staff.
    Ok(Submission::new(entry, common.policy, born).with_rows(batch, needs).urgent())
}

/// How often a staff member's key is looked for and made before the request is told to come again.
const ENROLMENT_TRIES: usize = 4;
