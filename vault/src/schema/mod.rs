//! What is kept: categories, their fields, what a value may be and what its masked form leaves of
//! it. Closed lists, declared in `schema/<category>.toml`, one category a file.
//!
//! ```toml
//! name = "bank"
//! title = "Bank details"
//! case_required = false
//! purposes = ["payments", "refunds"]
//! lawful_basis = "6(1)(b)"                        # of the UK GDPR: 6(1)(a) to (f), or 6(1)(ea)
//! source = ["person", "web-form", "phone-call"]   # where values may come from; coffer_wire::Provenance lists all
//! source_required = false                         # true: each write has to name one of them
//! # confidants_for = ["risk-management"]           # purposes for which a read names who said something in confidence
//! retention = "until the last payment is settled" # in words
//! append_only = false                             # true: what is written is not changed, a correction is a new record
//!
//! [consent]                                       # needed where a field rests on consent: article 6(1)(a) or 9(2)(a)
//! given = "consented_on"                          # such a field is neither shown nor written unless the record has this
//! withdrawn = "withdrawn_on"                      # and has not this, whatever days they name
//!
//! [[recipient]]                                   # to whom it goes beside the controller's own staff, and what for: a
//! kind = "bank"                                   # notice tells it, and a role of the policy that is such a recipient
//! purposes = ["payments"]                         # (`recipient` of [[role]]) may read it for nothing else
//!
//! [[field]]
//! number = 1
//! name = "account_number"
//! type = "account-number"                         # text, note (of several lines), enum (with `choices`), date,
//!                                                 # money, number, sort-code, account-number, phone, email,
//!                                                 # postcode, ni-number
//! mask = "last4"                                  # last4, first1, all, year, outward, none
//! purposes = ["payments"]
//! subject = "own"                                 # or "other": about another person, whom each write names
//! required = false                                # true: no record is without it
//! # bands = [16, 25, 35, 45, 55, 65, 75]          # of a date of birth alone: the ages at which the bands of the form
//!                                                 # `band` begin, at least five years apart
//! # over = [18, 55]                               # of a date of birth alone: ages of which the forms `over-18` and
//!                                                 # `over-55` tell whether they are reached; four at most
//!
//! [[field]]
//! number = 2
//! name = "account_name"
//! type = "text"
//! max_bytes = 70                                  # needed for text, note and number, which have no limit of their own
//! mask = "first1"
//! purposes = ["payments", "refunds"]
//! source = ["person"]                             # some of the category's
//! ```
//!
//! Data of articles 9 and 10 is marked, in the category for all of its fields or in a field for
//! itself (where `mark = "none"` lifts the category's mark, and `lawful_basis` may be another):
//!
//! ```toml
//! mark = "special"                    # article 9: health, ethnicity, belief …
//! article9 = "9(2)(g)"                # the condition, without which it may not be held
//! schedule1 = 8                       # DPA 2018, Schedule 1: needed for 9(2)(b), (g), (h), (i) and (j)
//! policy_document = "APD-1"           # the appropriate policy document: needed for 9(2)(b) and (g)
//!
//! mark = "criminal"                   # article 10: convictions, offences, allegations
//! schedule1 = 36
//! policy_document = "APD-2"
//! ```

mod age;
mod basis;
mod consent;
mod kind;
mod mask;
mod read;
mod widening;

use coffer_wire::api::Form;
use coffer_wire::{Name, Provenance, Recipient};

use crate::config::FileError;

/// Categories of a schema, and fields of a category, at most. Rights hold them as bits.
pub use coffer_wire::api::{CATEGORIES_MAX, FIELDS_MAX};
pub use coffer_wire::schema::{Article9, LawfulBasis, Mark, Mask, Recipients, Subject};
pub use consent::Consent;
pub use kind::{Invalid, Kind};

/// Purposes of a category, at most. Rights hold them as bits.
pub const PURPOSES_MAX: usize = 64;
/// Choices of an enumeration, at most.
pub const CHOICES_MAX: usize = 256;
/// Bytes of one choice, at most.
pub const CHOICE_BYTES_MAX: usize = 256;
/// Ages at which a field's bands begin, at most.
pub const BANDS_MAX: usize = 12;
/// Years that a band of age holds, at least. One that holds fewer comes near the birthday itself.
pub const BAND_YEARS_MIN: u8 = 5;
/// Ages of which a field tells whether they are reached, at most. With enough of them a date could be narrowed down by asking.
pub const OVER_MAX: usize = 4;
/// Bytes of one value, at most.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a title, at most.
pub const TITLE_BYTES_MAX: usize = 128;
/// Bytes of the words that say how long a category is kept, at most.
pub const RETENTION_BYTES_MAX: usize = 256;
/// The category under which each controller's audit keys stand; no schema may declare it.
pub const RESERVED_CATEGORY: &str = "audit";

/// All categories, in the order of their names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    categories: Vec<Category>,
}

/// One category. Its records lie under keys of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    /// The name in requests, policy and log.
    pub name: Name,
    /// The name for people.
    pub title: String,
    /// Each request about it must name a case.
    pub case_required: bool,
    /// The purposes for which it may be used at all (GDPR article 5(1)(b)).
    pub purposes: Vec<Name>,
    /// Why it may be held (GDPR article 6(1)).
    pub lawful_basis: LawfulBasis,
    /// Whether it is of a special kind, and by which condition it is held.
    pub mark: Mark,
    /// Where its values may come from.
    pub source: Vec<Provenance>,
    /// Each write must say where its values come from.
    pub source_required: bool,
    /// The purposes for which a read names who said something in confidence; some of the category's, as a rule none.
    pub confidants_for: Vec<Name>,
    /// To whom it goes beside the controller's own staff, and what for (GDPR articles 13(1)(e) and 30(1)(d)).
    pub recipients: Vec<Recipients>,
    /// How long it is kept, in words (GDPR article 30(1)(f)).
    pub retention: String,
    /// What is written is not changed: a correction is a record of its own.
    pub append_only: bool,
    /// By which fields a record tells that its person consents; there where a field rests on that.
    pub consent: Option<Consent>,
    /// Its fields, in the order of their numbers.
    pub fields: Vec<Field>,
}

/// One field of a category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The number under which it is stored. Never given to another field of the category.
    pub number: u16,
    /// The name in requests and policy.
    pub name: Name,
    /// What a value may be.
    pub kind: Kind,
    /// Bytes of a value, at most.
    pub max_bytes: usize,
    /// What its masked form leaves of it.
    pub mask: Mask,
    /// Of a date of birth: the ages at which its bands begin, after the first.
    pub bands: Vec<u8>,
    /// Of a date of birth: the ages of which it tells whether they are reached.
    pub over: Vec<u8>,
    /// No record is without it.
    pub required: bool,
    /// The purposes for which it may be used; some of the category's.
    pub purposes: Vec<Name>,
    /// Whose data it is.
    pub subject: Subject,
    /// Why it may be held; the category's where the field says nothing else, like the two below.
    pub lawful_basis: LawfulBasis,
    /// Whether it is of a special kind, and by which condition it is held.
    pub mark: Mark,
    /// Where its values may come from; some of the category's.
    pub source: Vec<Provenance>,
}

impl Schema {
    /// Reads and checks a whole schema: file names with their texts, in any order.
    pub fn read(files: &[(String, String)]) -> Result<Schema, FileError> {
        read::schema(files)
    }

    /// The category of this name.
    pub fn category(&self, name: &Name) -> Option<&Category> {
        self.position(name).map(|position| &self.categories[position])
    }

    /// All categories, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Category> {
        self.categories.iter()
    }

    /// Where a category stands in that order.
    pub(crate) fn position(&self, name: &Name) -> Option<usize> {
        self.categories.binary_search_by(|category| category.name.cmp(name)).ok()
    }

    /// The category at a position.
    pub(crate) fn at(&self, position: usize) -> &Category {
        &self.categories[position]
    }

    /// Whether this schema may be activated after `old` without giving stored data another meaning:
    /// no category is lost, and a number and its field, once one, stay one.
    pub fn may_follow(&self, old: &Schema) -> Result<(), FileError> {
        read::may_follow(self, old)
    }
}

impl Category {
    /// The field of this name.
    pub fn field(&self, name: &Name) -> Option<&Field> {
        self.position(name).map(|position| &self.fields[position])
    }

    /// The field that is stored under this number.
    pub fn field_number(&self, number: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    /// Whether a read for this purpose names who said something in confidence.
    pub fn names_confidants(&self, purpose: &Name) -> bool {
        self.confidants_for.contains(purpose)
    }

    /// Whether it goes to recipients of this kind for this purpose.
    pub fn goes_to(&self, kind: Recipient, purpose: &Name) -> bool {
        self.recipients.iter().any(|one| one.kind == kind && one.purposes.contains(purpose))
    }

    /// Where a field stands among the category's; its bit in a right.
    pub(crate) fn position(&self, name: &Name) -> Option<usize> {
        self.fields.iter().position(|field| field.name == *name)
    }
}

impl Field {
    /// Whether it may be held with the person's consent alone, in whole or for its special kind.
    pub fn rests_on_consent(&self) -> bool {
        let explicit = matches!(self.mark, Mark::Special { condition: Article9::ExplicitConsent, .. });
        explicit || self.lawful_basis == LawfulBasis::Consent
    }

    /// Whether a value may be written. What is said of one that may not does not repeat it.
    pub fn validate(&self, value: &str) -> Result<(), Invalid> {
        coffer_wire::kind::validate(self.kind.field_type(), self.kind.choices(), self.max_bytes, value)
    }

    /// The masked form of a value.
    pub fn mask(&self, value: &str) -> String {
        mask::apply(self.mask, value)
    }

    /// Whether it can be shown in this form at all.
    pub fn has(&self, form: Form) -> bool {
        match form {
            Form::Clear | Form::Masked => true,
            Form::Band => !self.bands.is_empty(),
            over => over.age().is_some_and(|age| self.over.contains(&age)),
        }
    }

    /// What a form other than the clear one shows of a value at a moment, Unix time in milliseconds. Nothing where the field
    /// does not have that form.
    pub fn told(&self, form: Form, value: &str, now_ms: u64) -> Option<String> {
        match form {
            _ if !self.has(form) => None,
            Form::Clear => Some(value.to_owned()),
            Form::Masked => Some(self.mask(value)),
            Form::Band => Some(age::band(&self.bands, value, now_ms)),
            over => over.age().map(|age| age::is_reached(age, value, now_ms)),
        }
    }

    /// Bytes to which a value is to be filled up at least, so that the length of what is stored
    /// does not tell one choice or one written form from another. Zero for text, notes and numbers.
    pub fn pad_to(&self) -> usize {
        self.kind.pad_to()
    }
}
