//! What a schema declares, as closed lists and as `schema/show` answers it: what is kept, why, whence
//! and for how long. The vault reads its files into the same lists.

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::provenance::Provenance;
use crate::recipient::Recipient;

/// Which categories are asked for; what is left out is not looked at.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SchemaRequest {
    /// Only this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
}

/// The answer of `schema/show`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SchemaAnswer {
    /// The policy epoch.
    pub policy: u32,
    /// Whose data it is, in the order of the configuration.
    pub controllers: Vec<Controller>,
    /// The categories, in the order of their names.
    pub categories: Vec<Category>,
}

/// A controller: who decides why and how data is used (GDPR article 4(7)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// The name in requests and log.
    pub name: Name,
    /// The name for people.
    pub title: String,
    /// The version of its privacy notice that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The number under which the Information Commissioner has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// The last day of that registration, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_ends: Option<String>,
    /// How its data protection officer is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// Its number in the register of companies, or of societies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_number: Option<String>,
    /// Its registered office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The group of companies that it is one of. It gives no right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Under which agreements applications act for it that are not its own organisation's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreements: Vec<Agreement>,
}

/// An agreement under which applications act for a controller (GDPR article 28(3)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// How the controller's files name it.
    pub reference: String,
    /// The applications.
    pub applications: Vec<Name>,
    /// Its last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// A kind of recipients, and what for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// The kind.
    pub kind: Recipient,
    /// The purposes for which data goes to them.
    pub purposes: Vec<Name>,
}

/// One category, as it was declared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The name in requests, policy and log.
    pub name: Name,
    /// The name for people.
    pub title: String,
    /// Each request about it must name a case.
    pub case_required: bool,
    /// The purposes for which it may be used at all.
    pub purposes: Vec<Name>,
    /// Why it may be held.
    pub lawful_basis: LawfulBasis,
    /// Whether it is of a special kind, and by which condition it is held.
    pub mark: Mark,
    /// Where its values may come from.
    pub source: Vec<Provenance>,
    /// Each write must say where its values come from.
    pub source_required: bool,
    /// The purposes for which a read names who said something in confidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confidants_for: Vec<Name>,
    /// To whom it goes beside the controller's own staff; to nobody where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Recipients>,
    /// How long it is kept, in words.
    pub retention: String,
    /// What is written is not changed.
    pub append_only: bool,
    /// By which fields a record tells that its person consents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Its fields, in the order of their numbers.
    pub fields: Vec<Field>,
}

/// The fields of a record that tell of its person's consent. It is in force while the record has the first and has not
/// the second, whatever days they name; what rests on it is neither shown nor written otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// That it was given.
    pub given: Name,
    /// That it was withdrawn.
    pub withdrawn: Name,
}

/// One field of a category. What it does not declare itself is the category's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The number under which it is stored.
    pub number: u16,
    /// The name in requests and policy.
    pub name: Name,
    /// What a value may be.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What an enumeration chooses from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Bytes of a value, at most.
    pub max_bytes: usize,
    /// What its masked form leaves of it.
    pub mask: Mask,
    /// Of a date of birth: the ages at which its bands begin, after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<u8>,
    /// Of a date of birth: the ages of which it may be asked whether they are reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<u8>,
    /// No record is without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The purposes for which it may be used.
    pub purposes: Vec<Name>,
    /// Whose data it is.
    pub subject: Subject,
    /// Why it may be held.
    pub lawful_basis: LawfulBasis,
    /// Whether it is of a special kind, and by which condition it is held.
    pub mark: Mark,
    /// Where its values may come from.
    pub source: Vec<Provenance>,
}

/// The types of fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    /// One line of text.
    Text,
    /// Lines of text.
    Note,
    /// One of a closed list.
    Enum,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// An amount with two decimal places.
    Money,
    /// Digits.
    Number,
    /// A sort code of a bank's branch.
    SortCode,
    /// The number of an account with a bank.
    AccountNumber,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A postcode of the United Kingdom.
    Postcode,
    /// A National Insurance number.
    NiNumber,
}

impl FieldType {
    /// As a file of the schema has it.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Note => "note",
            FieldType::Enum => "enum",
            FieldType::Date => "date",
            FieldType::Money => "money",
            FieldType::Number => "number",
            FieldType::SortCode => "sort-code",
            FieldType::AccountNumber => "account-number",
            FieldType::Phone => "phone",
            FieldType::Email => "email",
            FieldType::Postcode => "postcode",
            FieldType::NiNumber => "ni-number",
        }
    }
}

/// What the masked form leaves of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    /// The last four characters; nothing of a value of fewer than eight.
    Last4,
    /// The first character; nothing of a value of fewer than two.
    First1,
    /// Nothing.
    All,
    /// The year of a date.
    Year,
    /// The part of a postcode before the space: the district.
    Outward,
    /// Everything: the masked form is the value.
    None,
}

impl Mask {
    /// As a file of the schema has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mask::Last4 => "last4",
            Mask::First1 => "first1",
            Mask::All => "all",
            Mask::Year => "year",
            Mask::Outward => "outward",
            Mask::None => "none",
        }
    }
}

/// Whose data a field holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The person's own whose record it is.
    #[default]
    Own,
    /// Another person's, such as a witness's, whom the write names under `about`.
    Other,
}

/// A lawful basis: a letter of article 6(1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LawfulBasis {
    /// The person consented.
    #[serde(rename = "6(1)(a)")]
    Consent,
    /// A contract with the person, or steps towards one.
    #[serde(rename = "6(1)(b)")]
    Contract,
    /// The controller is under a legal obligation.
    #[serde(rename = "6(1)(c)")]
    LegalObligation,
    /// Somebody's vital interests.
    #[serde(rename = "6(1)(d)")]
    VitalInterests,
    /// A task in the public interest or under official authority.
    #[serde(rename = "6(1)(e)")]
    PublicTask,
    /// A recognised legitimate interest (annex 1; Data (Use and Access) Act 2025, section 70).
    #[serde(rename = "6(1)(ea)")]
    RecognisedInterest,
    /// Legitimate interests of the controller or a third party.
    #[serde(rename = "6(1)(f)")]
    LegitimateInterests,
}

/// A condition for special categories: a letter of article 9(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Article9 {
    /// Explicit consent.
    #[serde(rename = "9(2)(a)")]
    ExplicitConsent,
    /// Employment, social security, social protection.
    #[serde(rename = "9(2)(b)")]
    SocialProtection,
    /// Vital interests of somebody who cannot consent.
    #[serde(rename = "9(2)(c)")]
    VitalInterests,
    /// The members of a body without profit.
    #[serde(rename = "9(2)(d)")]
    Members,
    /// Manifestly made public by the person.
    #[serde(rename = "9(2)(e)")]
    MadePublic,
    /// Legal claims.
    #[serde(rename = "9(2)(f)")]
    LegalClaims,
    /// Substantial public interest.
    #[serde(rename = "9(2)(g)")]
    PublicInterest,
    /// Health or social care.
    #[serde(rename = "9(2)(h)")]
    Care,
    /// Public health.
    #[serde(rename = "9(2)(i)")]
    PublicHealth,
    /// Archiving, research, statistics.
    #[serde(rename = "9(2)(j)")]
    Research,
}

/// Whether data is of a kind that asks for more than a lawful basis, and by which condition it is
/// held all the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Mark {
    /// Neither of the two below.
    Ordinary,
    /// A special category of article 9: health, ethnicity, belief and the like.
    Special {
        /// The condition.
        condition: Article9,
        /// The paragraph of Schedule 1 that the condition needs, where it needs one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedule1: Option<u8>,
        /// The appropriate policy document, where the paragraph asks for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_document: Option<String>,
    },
    /// Criminal convictions, offences and allegations of them (article 10).
    Criminal {
        /// The paragraph of Schedule 1.
        schedule1: u8,
        /// The appropriate policy document.
        policy_document: String,
    },
}

impl LawfulBasis {
    /// The words of a notice.
    pub fn title(self) -> &'static str {
        match self {
            LawfulBasis::Consent => "you agreed",
            LawfulBasis::Contract => "a contract with you, or steps towards one",
            LawfulBasis::LegalObligation => "the law obliges us",
            LawfulBasis::VitalInterests => "to protect somebody's life",
            LawfulBasis::PublicTask => "a task in the public interest",
            LawfulBasis::RecognisedInterest => "a legitimate interest that the law recognises",
            LawfulBasis::LegitimateInterests => "our or somebody else's legitimate interests",
        }
    }

    /// As the law cites it.
    pub fn as_str(self) -> &'static str {
        match self {
            LawfulBasis::Consent => "6(1)(a)",
            LawfulBasis::Contract => "6(1)(b)",
            LawfulBasis::LegalObligation => "6(1)(c)",
            LawfulBasis::VitalInterests => "6(1)(d)",
            LawfulBasis::PublicTask => "6(1)(e)",
            LawfulBasis::RecognisedInterest => "6(1)(ea)",
            LawfulBasis::LegitimateInterests => "6(1)(f)",
        }
    }
}

impl Article9 {
    /// As the law cites it.
    pub fn as_str(self) -> &'static str {
        match self {
            Article9::ExplicitConsent => "9(2)(a)",
            Article9::SocialProtection => "9(2)(b)",
            Article9::VitalInterests => "9(2)(c)",
            Article9::Members => "9(2)(d)",
            Article9::MadePublic => "9(2)(e)",
            Article9::LegalClaims => "9(2)(f)",
            Article9::PublicInterest => "9(2)(g)",
            Article9::Care => "9(2)(h)",
            Article9::PublicHealth => "9(2)(i)",
            Article9::Research => "9(2)(j)",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the file says is what a notice will say.
    #[test]
    fn an_article_is_read_as_it_is_shown() {
        #[derive(Deserialize)]
        struct Both {
            six: LawfulBasis,
            nine: Article9,
        }
        let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        for letter in letters {
            let six = if letter > "f" { "6(1)(ea)".to_owned() } else { format!("6(1)({letter})") };
            let nine = format!("9(2)({letter})");
            let both: Both = serde_json::from_value(serde_json::json!({ "six": six, "nine": nine })).unwrap();
            assert_eq!((both.six.as_str(), both.nine.as_str()), (six.as_str(), nine.as_str()));
        }
    }
}
