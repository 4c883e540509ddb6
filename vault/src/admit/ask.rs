//! What is asked for, and the digest by which permit, record and leaf are known to mean the same.

use coffer_wire::api::Form;
use coffer_wire::leaf::Action;
use coffer_wire::{ExternalId, Hash, Name};

use super::Caller;

/// What stands before everything that is hashed here, so that no other hash of the vault is one.
const FORMAT: &str = "coffer/1 permit";

/// What a caller asks for. Names that an act does not need are left empty ([`Ask::of`]).
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The controller whose data it is; [`coffer_wire::name::VAULT`] for acts of no controller.
    pub controller: Name,
    /// The category. Needed by all but acts that touch no record.
    pub category: Option<Name>,
    /// The data subject.
    pub person: Option<&'a ExternalId>,
    /// The record.
    pub record: Option<&'a ExternalId>,
    /// The fields, for reads and writes.
    pub fields: &'a [Name],
    /// The form, for reads.
    pub form: Option<Form>,
    /// The purpose. Needed by all but acts that touch no record.
    pub purpose: Option<Name>,
    /// The case. Needed where the category asks for it.
    pub case: Option<&'a str>,
    /// SHA-256 of the files that are to be activated.
    pub proposal: Option<Hash>,
}

impl Ask<'_> {
    /// An ask that names a controller and nothing else yet.
    pub fn of(controller: Name) -> Ask<'static> {
        Ask {
            controller,
            category: None,
            person: None,
            record: None,
            fields: &[],
            form: None,
            purpose: None,
            case: None,
            proposal: None,
        }
    }

    /// SHA-256 over who asks and what is asked for. Injective: each part goes in with its length,
    /// and what is absent differs from what is empty. Holds no secret.
    pub fn digest(&self, caller: &Caller, action: Action) -> [u8; 32] {
        let staff = caller.staff();
        let mut parts = Parts::new();
        parts.text(FORMAT);
        parts.text(action.as_str());
        parts.name(&caller.application());
        parts.optional(staff.map(|staff| staff.iss.as_str()));
        parts.optional(staff.map(|staff| staff.sub.as_str()));
        parts.name(&self.controller);
        parts.optional(self.category.as_ref().map(Name::as_str));
        parts.optional(self.person.map(ExternalId::as_str));
        parts.optional(self.record.map(ExternalId::as_str));
        parts.count(self.fields.len());
        self.fields.iter().for_each(|field| parts.name(field));
        parts.optional(self.form.map(Form::as_str));
        parts.optional(self.purpose.as_ref().map(Name::as_str));
        parts.optional(self.case);
        parts.bytes(self.proposal.as_ref().map_or(&[], |hash| &hash.as_bytes()[..]));
        parts.digest()
    }
}

/// Length-prefixed parts.
struct Parts(Vec<u8>);

impl Parts {
    fn new() -> Parts {
        Parts(Vec::with_capacity(512))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn name(&mut self, name: &Name) {
        self.text(name.as_str());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    /// Nothing that is asked for is longer than the largest request, which is far below 4 GiB.
    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn digest(&self) -> [u8; 32] {
        *Hash::sha256(&self.0).as_bytes()
    }
}
