//! The permit: evidence that a decision was made, for one ask of one caller. `seal`, `ledger` and
//! the keys take it by value; there is no way to one but through the decisions below.

use std::marker::PhantomData;

use coffer_wire::Name;
use coffer_wire::api::Form;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::name::VAULT;

use super::{Ask, Caller, Gate, Refusal};

/// That `A` was permitted, once: a permit is neither copied nor printed, and who uses it up has it
/// no more.
///
/// Nobody outside can make one, not even out of another:
///
/// ```compile_fail,E0451
/// use coffer_vault::admit::{Permit, Read};
/// fn forge(permit: Permit<Read>) -> Permit<Read> {
///     Permit { digest: [0; 32], ..permit }
/// }
/// ```
///
/// nor use one twice:
///
/// ```compile_fail,E0382
/// use coffer_vault::admit::{Permit, Read};
/// fn twice(permit: Permit<Read>) -> [Permit<Read>; 2] {
///     [permit, permit]
/// }
/// ```
///
/// nor one act's for another's:
///
/// ```compile_fail,E0308
/// use coffer_vault::admit::{Permit, Read, Write};
/// fn exchange(permit: Permit<Write>) -> Permit<Read> {
///     permit
/// }
/// ```
pub struct Permit<A: Act> {
    digest: [u8; 32],
    rule: String,
    epoch: u32,
    action: Action,
    controller: Name,
    category: Option<Name>,
    purpose: Option<Name>,
    application: Name,
    person: String,
    record: String,
    fields: Vec<Name>,
    form: Option<Form>,
    act: PhantomData<A>,
}

/// What can be permitted. Closed: implemented by the markers of this module alone.
pub trait Act: sealed::Sealed {}

/// Fields of one record are shown.
pub enum Read {}
/// A record is written.
pub enum Write {}
/// A record is erased.
pub enum Erase {}
/// A person is erased from a category.
pub enum EraseSubject {}
/// A person may erase more than one may alone.
pub enum MoreErasures {}
/// A person's records in a category are listed.
pub enum List {}
/// A job works on what an act has begun.
pub enum Job {}
/// An act that touches no record: keys, policy, schema, log, state.
pub enum Manage {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! acts {
    ($($act:ident)*) => { $(impl sealed::Sealed for $act {} impl Act for $act {})* };
}
acts! { Read Write Erase EraseSubject MoreErasures List Job Manage }

impl<A: Act> Permit<A> {
    /// SHA-256 over who asked and what was asked for: [`Ask::digest`].
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The rule of the policy that permitted it, with `+n` where n further grants were needed.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The policy epoch under which it was decided.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What was permitted.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The controller whose data it is.
    pub fn controller(&self) -> Name {
        self.controller
    }

    /// The category, where the act has one.
    pub fn category(&self) -> Option<Name> {
        self.category
    }

    /// The purpose, where the act has one.
    pub fn purpose(&self) -> Option<Name> {
        self.purpose
    }

    /// The application through which it was asked for.
    pub fn application(&self) -> Name {
        self.application
    }

    /// The data subject; empty where the act has none.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Whether it is for this record of this person.
    pub fn is_about(&self, person: &str, record: &str) -> bool {
        self.person == person && self.record == record
    }

    /// The fields.
    pub fn fields(&self) -> &[Name] {
        &self.fields
    }

    /// The form in which they may be shown.
    pub fn form(&self) -> Option<Form> {
        self.form
    }
}

impl Gate {
    /// May these fields be shown in this form for this purpose?
    pub fn permit_read(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<Read>, Refusal> {
        self.decide(caller, ask, Action::RecordsRead)
    }

    /// May these fields be written for this purpose?
    pub fn permit_write(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<Write>, Refusal> {
        self.decide(caller, ask, Action::RecordsWrite)
    }

    /// May records of this category be erased for this purpose?
    pub fn permit_erase(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<Erase>, Refusal> {
        self.decide(caller, ask, Action::RecordsErase)
    }

    /// May persons be erased from this category for this purpose? Needs the duty `subjects.erase`
    /// and a grant to erase in the category, of the person's roles and of the application both.
    pub fn permit_erase_subject(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<EraseSubject>, Refusal> {
        self.decide(caller, ask, Action::SubjectsErase)
    }

    /// May the caller ask to erase more of this category for this purpose than one person may alone? Needs what erasing needs.
    pub fn permit_more_erasures(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<MoreErasures>, Refusal> {
        self.decide(caller, ask, Action::ErasureAllow)
    }

    /// May records of this category be listed for this purpose?
    pub fn permit_list(&self, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<List>, Refusal> {
        self.decide(caller, ask, Action::RecordsList)
    }

    /// May this act be done? For what touches no record; `whoami` and `api.show` are everyone's. What
    /// touches one is refused here, whatever the roles.
    pub fn permit_manage(&self, caller: &Caller, action: Action, ask: &Ask<'_>) -> Result<Permit<Manage>, Refusal> {
        match action {
            Action::Whoami
            | Action::Status
            | Action::KeysList
            | Action::VaultSeal
            | Action::VaultDrill
            | Action::RootRotate
            | Action::KeysRotate
            | Action::KeysJobs
            | Action::KeysDestroy
            | Action::KeysShred
            | Action::KeyState
            | Action::CertIssue
            | Action::AccessApply
            | Action::AccessShow
            | Action::SchemaApply
            | Action::SchemaShow
            | Action::ApiShow
            | Action::LogRekey
            | Action::ApprovalList
            | Action::HoldSet
            | Action::HoldLift
            | Action::HoldList
            | Action::LogEntry => self.decide(caller, ask, action),
            _ => Err(caller.refused_act()),
        }
    }

    /// That a decision about a request for a second person was permitted, by the rule of the act that was asked for.
    pub(super) fn permit_decision(&self, caller: &Caller, action: Action, rule: String) -> Permit<Manage> {
        Gate::permitted(By::of(caller, &Ask::of(VAULT), action), &Ask::of(VAULT), action, rule)
    }

    /// What a job may do: end what the act of this leaf, which stands in the log, was permitted to begin. It is read again at each
    /// start, so that a job needs nobody who waits for it, and cannot be begun by a row of the store alone.
    /// `ends_with`: what the leaf at its end is to say, of what the act may begin.
    pub fn permit_job(&self, opened: &Leaf, ends_with: Action) -> Option<Permit<Job>> {
        let action = match (opened.action, ends_with) {
            (Action::KeysRotate, Action::KeysRewrap | Action::KeysReseal) => ends_with,
            _ => return None,
        };
        let ask = Ask { category: opened.category, ..Ask::of(opened.controller) };
        let by = By { digest: [0; 32], epoch: opened.policy, application: opened.app? };
        Some(Gate::permitted(by, &ask, action, opened.granted.clone()?))
    }

    fn decide<A: Act>(&self, caller: &Caller, ask: &Ask<'_>, action: Action) -> Result<Permit<A>, Refusal> {
        let rule = caller.decide(ask, action)?;
        Ok(Gate::permitted(By::of(caller, ask, action), ask, action, rule))
    }

    /// The one place where a permit comes into being. Private: each act above fixes its type and
    /// its action together.
    fn permitted<A: Act>(by: By, ask: &Ask<'_>, action: Action, rule: String) -> Permit<A> {
        Permit {
            digest: by.digest,
            rule,
            epoch: by.epoch,
            action,
            controller: ask.controller,
            category: ask.category,
            purpose: ask.purpose,
            application: by.application,
            person: ask.person.map_or_else(String::new, |id| id.as_str().to_owned()),
            record: ask.record.map_or_else(String::new, |id| id.as_str().to_owned()),
            fields: ask.fields.to_vec(),
            form: ask.form,
            act: PhantomData,
        }
    }
}

/// By whom an act is done: a caller, or a job for whoever began it.
struct By {
    digest: [u8; 32],
    epoch: u32,
    application: Name,
}

impl By {
    fn of(caller: &Caller, ask: &Ask<'_>, action: Action) -> By {
        By { digest: ask.digest(caller, action), epoch: caller.epoch(), application: caller.application() }
    }
}
