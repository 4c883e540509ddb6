//! Reads and writes, each for one controller and one purpose.

use coffer_wire::api::{Answer, EraseItem, EraseSubjectItem, ListItem, Listed, Outcome, ReadItem, Request, WriteItem};
use coffer_wire::leaf::Action;
use coffer_wire::receipt::Asked;
use coffer_wire::{ExternalId, Name};
use serde::Serialize;

use crate::error::{Error, Refusal, Standing};
use crate::log::{Floor, follow, prover};
use crate::outcome::{Erased, Listing, Logged, Record, Written};
use crate::session::Session;
use crate::transport::Repeat;

/// What one item of a list came to.
pub type Each<T> = Vec<Result<T, Refusal>>;

/// A person's work for one controller and one purpose: the handle on which reads and writes exist.
///
/// Each call is recorded in the vault's log before it is answered, and its receipt is checked before
/// a value is handed out. Everything is sent again where no connection could be made, or the vault says that it is busy or that
/// the application is over its limit. Writes and erases have a name of their own (`Idempotency-Key`), so they are also sent
/// again where the answer was lost, and take effect once.
#[derive(Clone)]
pub struct Records {
    session: Session,
    controller: Name,
    purpose: Name,
    case: Option<String>,
    reason: Option<String>,
}

impl Records {
    pub(crate) fn new(session: Session, controller: Name, purpose: Name) -> Records {
        Records { session, controller, purpose, case: None, reason: None }
    }

    /// The case for which it is done, at most 256 bytes. Some categories are not opened without.
    pub fn with_case(self, case: impl Into<String>) -> Records {
        Records { case: Some(case.into()), ..self }
    }

    /// Why it is done, in the person's words, at most 256 bytes. Only who may unmask an access sees it.
    pub fn with_reason(self, reason: impl Into<String>) -> Records {
        Records { reason: Some(reason.into()), ..self }
    }

    /// Reads fields of one record.
    pub async fn read(&self, item: ReadItem) -> Result<Record, Error> {
        one(self.read_each(vec![item]).await?)
    }

    /// Reads fields of up to 1,000 records, independent of each other, in the order asked.
    pub async fn read_each(&self, items: Vec<ReadItem>) -> Result<Each<Record>, Error> {
        self.call(items, false, Repeat::Safe).await
    }

    /// Writes one record.
    pub async fn write(&self, item: impl Into<WriteItem>) -> Result<Written, Error> {
        one(self.write_each(vec![item.into()]).await?)
    }

    /// Writes up to 1,000 records, independent of each other.
    pub async fn write_each(&self, items: Vec<WriteItem>) -> Result<Each<Written>, Error> {
        self.call(items, false, Repeat::Once).await
    }

    /// Writes up to 1,000 records: all of them or none.
    pub async fn write_together(&self, items: Vec<WriteItem>) -> Result<Each<Written>, Error> {
        self.call(items, true, Repeat::Once).await
    }

    /// Which records a person has in a category.
    pub async fn list(&self, item: ListItem) -> Result<Listing, Error> {
        one(self.list_each(vec![item]).await?)
    }

    /// The same for up to 1,000 persons or categories.
    pub async fn list_each(&self, items: Vec<ListItem>) -> Result<Each<Listing>, Error> {
        self.call(items, false, Repeat::Safe).await
    }

    /// Erases one record. It is unreadable when this returns.
    pub async fn erase(&self, item: EraseItem) -> Result<Erased, Error> {
        one(self.erase_each(vec![item]).await?)
    }

    /// Erases up to 1,000 records, independent of each other.
    pub async fn erase_each(&self, items: Vec<EraseItem>) -> Result<Each<Erased>, Error> {
        self.call(items, false, Repeat::Once).await
    }

    /// Erases a person from some categories or all. All of it is unreadable when this returns.
    pub async fn erase_person(&self, item: EraseSubjectItem) -> Result<Erased, Error> {
        one(self.erase_persons(vec![item]).await?)
    }

    /// Erases up to 1,000 persons, independent of each other.
    pub async fn erase_persons(&self, items: Vec<EraseSubjectItem>) -> Result<Each<Erased>, Error> {
        self.call(items, false, Repeat::Once).await
    }

    /// The one way of all of them: send, check every receipt, and only then hand out.
    async fn call<I: Item>(&self, items: Vec<I>, atomic: bool, repeat: Repeat) -> Result<Each<I::Done>, Error> {
        let core = &self.session.core;
        core.log.sound()?;
        let request = Request {
            controller: self.controller,
            purpose: self.purpose,
            case: self.case.clone(),
            reason: self.reason.clone(),
            atomic,
            items,
        };
        let floor = core.log.floor();
        let sent: Result<Answer, Error> =
            core.transport.post(I::PATH, Some(&self.session.caller), &request, repeat).await;
        let believed = match sent {
            Ok(answer) => {
                follow::meet(core, &answer.notes).await.and_then(|()| self.believe(&request.items, answer, floor))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &believed {
            self.tell(I::ACTION, None, error.code(), None);
        }
        prover::wake(core);
        believed
    }

    fn believe<I: Item>(&self, items: &[I], answer: Answer, floor: Floor) -> Result<Each<I::Done>, Error> {
        if answer.items.len() != items.len() {
            return Err(Error::UnexpectedAnswer(200));
        }
        let mut each = Vec::with_capacity(items.len());
        for (item, outcome) in items.iter().zip(answer.items) {
            each.push(self.believe_one(item, outcome, &answer.notes, floor)?);
        }
        Ok(each)
    }

    fn believe_one<I: Item>(
        &self,
        item: &I,
        outcome: Outcome,
        notes: &[String],
        floor: Floor,
    ) -> Result<Result<I::Done, Refusal>, Error> {
        let granted = outcome.status == 200;
        let (fields, others) = (item.fields(), item.others());
        let asked = Asked {
            controller: self.controller,
            actor: Some(&self.session.actor),
            application: self.session.core.application,
            purpose: Some(self.purpose),
            case: self.case.as_deref(),
            reason: self.reason.as_deref(),
            fields: &fields,
            others: &others,
            version: outcome.version.filter(|_| granted),
            ..item.asked()
        };
        let (log, following) = (&self.session.core.log, item.following(&asked));
        let logged = log.believe(&outcome.receipts, notes, [&asked, &following], floor, granted)?;
        let code = outcome.code.map_or("ok", |code| code.as_str());
        self.tell(I::ACTION, asked.categories.first(), code, logged.first());
        match (granted, outcome.code) {
            (true, None) => item.done(outcome, logged).map(Ok).ok_or(Error::UnexpectedAnswer(200)),
            (false, Some(code)) => Ok(Err(Refusal {
                code,
                detail: outcome.detail,
                field: outcome.field,
                version: outcome.version,
                approval: None,
                request: None,
                retry_after_seconds: None,
                standing: Standing::of(logged),
            })),
            _ => Err(Error::UnexpectedAnswer(200)),
        }
    }

    /// The event of an access: no value, no id of a person or record.
    fn tell(&self, action: Action, category: Option<&Name>, outcome: &str, logged: Option<&Logged>) {
        tracing::info!(
            target: "coffer_client::access",
            action = action.as_str(),
            controller = self.controller.as_str(),
            category = category.map(Name::as_str),
            purpose = self.purpose.as_str(),
            outcome,
            index = logged.map(|logged| logged.index),
            "access"
        );
    }
}

fn one<T>(each: Each<T>) -> Result<T, Error> {
    let first = each.into_iter().next().ok_or(Error::UnexpectedAnswer(200))?;
    first.map_err(|refusal| match refusal.code {
        coffer_wire::problem::Code::OutcomeUnknown => Error::OutcomeUnknown(refusal.to_string()),
        _ => Error::Refused(refusal),
    })
}

/// What the five operations on items differ in.
trait Item: Serialize {
    const PATH: &'static str;
    const ACTION: Action;
    type Done;

    /// What the leaf must say of this item; what the envelope says is filled in by the caller.
    fn asked(&self) -> Asked<'_>;

    /// The fields that it names.
    fn fields(&self) -> Vec<Name> {
        Vec::new()
    }

    /// Other people that it names.
    fn others(&self) -> Vec<ExternalId> {
        Vec::new()
    }

    /// What leaves after the first must say, where there are several.
    fn following<'a>(&self, asked: &Asked<'a>) -> Asked<'a> {
        *asked
    }

    /// What the caller gets. `None`: the outcome is none of this operation.
    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Self::Done>;
}

fn about<'a>(action: Action, category: &'a Name, person: &'a ExternalId) -> Asked<'a> {
    Asked { categories: std::slice::from_ref(category), person: Some(person), ..Asked::act(action) }
}

impl Item for ReadItem {
    const PATH: &'static str = "/v1/records/read";
    const ACTION: Action = Action::RecordsRead;
    type Done = Record;

    fn asked(&self) -> Asked<'_> {
        let form = Some(self.form);
        Asked { record: Some(&self.record), form, ..about(Self::ACTION, &self.category, &self.person) }
    }

    fn fields(&self) -> Vec<Name> {
        self.fields.clone()
    }

    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Record> {
        let fields = outcome.fields?;
        let provenance = outcome.provenance;
        let asked = fields.keys().all(|field| self.fields.contains(field));
        let known = provenance.keys().all(|field| fields.contains_key(field));
        let (version, logged) = (outcome.version?, *logged.first()?);
        (asked && known).then_some(Record { version, fields, provenance, logged })
    }
}

impl Item for WriteItem {
    const PATH: &'static str = "/v1/records/write";
    const ACTION: Action = Action::RecordsWrite;
    type Done = Written;

    fn asked(&self) -> Asked<'_> {
        let (source, known) = (self.source, Some(&self.known));
        Asked { record: Some(&self.record), source, known, ..about(Self::ACTION, &self.category, &self.person) }
    }

    fn fields(&self) -> Vec<Name> {
        self.fields.keys().copied().chain(self.known.marked()).collect()
    }

    fn others(&self) -> Vec<ExternalId> {
        self.about.values().cloned().collect()
    }

    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Written> {
        Some(Written { version: outcome.version?, logged: *logged.first()? })
    }
}

impl Item for ListItem {
    const PATH: &'static str = "/v1/records/list";
    const ACTION: Action = Action::RecordsList;
    type Done = Listing;

    fn asked(&self) -> Asked<'_> {
        about(Self::ACTION, &self.category, &self.person)
    }

    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Listing> {
        let records: Vec<Listed> = outcome.records?;
        Some(Listing { records, logged: *logged.first()? })
    }
}

impl Item for EraseItem {
    const PATH: &'static str = "/v1/records/erase";
    const ACTION: Action = Action::RecordsErase;
    type Done = Erased;

    fn asked(&self) -> Asked<'_> {
        Asked { record: Some(&self.record), ..about(Self::ACTION, &self.category, &self.person) }
    }

    /// The person's other records of the category are sealed again under a new key.
    fn following<'a>(&self, asked: &Asked<'a>) -> Asked<'a> {
        Asked { action: Action::RecordsReseal, record: None, ..*asked }
    }

    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Erased> {
        Some(Erased { records: outcome.erased?, logged })
    }
}

impl Item for EraseSubjectItem {
    const PATH: &'static str = "/v1/subjects/erase";
    const ACTION: Action = Action::SubjectsErase;
    type Done = Erased;

    fn asked(&self) -> Asked<'_> {
        Asked { categories: &self.categories, person: Some(&self.person), ..Asked::act(Self::ACTION) }
    }

    fn done(&self, outcome: Outcome, logged: Vec<Logged>) -> Option<Erased> {
        Some(Erased { records: outcome.erased?, logged })
    }
}
