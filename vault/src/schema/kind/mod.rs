//! What a value may be. Each kind has one written form, so that equal values are equal bytes.

mod bank;
mod contact;
mod date;
mod money;
mod ni_number;
mod postcode;
mod text;

use coffer_wire::schema::FieldType;

pub(super) use date::is_date;
pub(super) use postcode::outward;

/// Bytes to which every e-mail address is filled up at least: all but the longest look alike.
const EMAIL_PADDED_BYTES: usize = 60;

/// The kind of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One line of any text without control characters.
    Text,
    /// Lines of text, without control characters other than tab and line feed.
    Note,
    /// One of a closed list.
    Enum(Vec<String>),
    /// A day of the calendar, `YYYY-MM-DD` (ISO 8601).
    Date,
    /// An amount with two decimal places, such as `12.50` or `-3.00`.
    Money,
    /// Digits, leading zeros kept.
    Number,
    /// A sort code of a bank's branch, `12-34-56`.
    SortCode,
    /// The number of an account with a bank, eight digits.
    AccountNumber,
    /// A telephone number, `+44 7700 900123` or `07700 900123` (ITU-T E.164; Ofcom).
    Phone,
    /// An e-mail address (RFC 5322), without a name beside it.
    Email,
    /// A postcode of the United Kingdom, `SW1A 1AA` (BS 7666).
    Postcode,
    /// A National Insurance number, `AA123456A` (HMRC, NIM39110).
    NiNumber,
}

/// Why a value may not be written. Never holds the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Invalid {
    /// To take a field out of a record, write `null`.
    #[error("is empty; to take the field out of the record, write null")]
    Empty,
    /// Over the field's limit.
    #[error("is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, bytes.
        bytes_max: usize,
    },
    /// Text with a control character, or of several lines where one is meant.
    #[error("holds a control character")]
    ControlCharacter,
    /// Not of the enumeration.
    #[error("is not one of the field's choices")]
    NotAChoice,
    /// Not a date.
    #[error("is not a day of the calendar as YYYY-MM-DD")]
    NotADate,
    /// Not an amount.
    #[error("is not an amount with two decimal places, such as 12.50")]
    NotMoney,
    /// Not digits.
    #[error("is not made of digits alone")]
    NotDigits,
    /// Not a sort code.
    #[error("is not a sort code as 12-34-56")]
    NotASortCode,
    /// Not an account number.
    #[error("is not an account number of eight digits")]
    NotAnAccountNumber,
    /// Not a telephone number.
    #[error("is not a telephone number as 07700 900123 or +44 7700 900123")]
    NotAPhone,
    /// Not an e-mail address.
    #[error("is not an e-mail address as name@example.org")]
    NotAnEmail,
    /// Not a postcode.
    #[error("is not a postcode as SW1A 1AA, in capitals with one space")]
    NotAPostcode,
    /// Not a National Insurance number.
    #[error("is not a National Insurance number as AA123456A, in capitals without spaces")]
    NotANiNumber,
}

impl Kind {
    pub(super) fn validate(&self, value: &str) -> Result<(), Invalid> {
        let (holds, otherwise) = match self {
            Kind::Text => (text::is_line(value), Invalid::ControlCharacter),
            Kind::Note => (text::is_lines(value), Invalid::ControlCharacter),
            Kind::Enum(choices) => (choices.iter().any(|choice| choice == value), Invalid::NotAChoice),
            Kind::Date => (date::is_date(value), Invalid::NotADate),
            Kind::Money => (money::is_money(value), Invalid::NotMoney),
            Kind::Number => (text::is_digits(value), Invalid::NotDigits),
            Kind::SortCode => (bank::is_sort_code(value), Invalid::NotASortCode),
            Kind::AccountNumber => (bank::is_account_number(value), Invalid::NotAnAccountNumber),
            Kind::Phone => (contact::is_phone(value), Invalid::NotAPhone),
            Kind::Email => (contact::is_email(value), Invalid::NotAnEmail),
            Kind::Postcode => (postcode::is_postcode(value), Invalid::NotAPostcode),
            Kind::NiNumber => (ni_number::is_ni_number(value), Invalid::NotANiNumber),
        };
        if holds { Ok(()) } else { Err(otherwise) }
    }

    /// The type, as the schema's files and the wire name it.
    pub fn field_type(&self) -> FieldType {
        match self {
            Kind::Text => FieldType::Text,
            Kind::Note => FieldType::Note,
            Kind::Enum(_) => FieldType::Enum,
            Kind::Date => FieldType::Date,
            Kind::Money => FieldType::Money,
            Kind::Number => FieldType::Number,
            Kind::SortCode => FieldType::SortCode,
            Kind::AccountNumber => FieldType::AccountNumber,
            Kind::Phone => FieldType::Phone,
            Kind::Email => FieldType::Email,
            Kind::Postcode => FieldType::Postcode,
            Kind::NiNumber => FieldType::NiNumber,
        }
    }

    /// What an enumeration chooses from; of any other kind nothing.
    pub fn choices(&self) -> &[String] {
        match self {
            Kind::Enum(choices) => choices,
            _ => &[],
        }
    }

    /// Bytes of a value, at most. None: the kind has no limit of its own, so the field needs one.
    pub(super) fn bytes_max(&self) -> Option<usize> {
        match self {
            Kind::Text | Kind::Note | Kind::Number => None,
            Kind::Enum(choices) => Some(choices.iter().map(String::len).max().unwrap_or(0)),
            Kind::Date => Some(date::DATE_BYTES),
            Kind::Money => Some(money::MONEY_BYTES),
            Kind::SortCode => Some(bank::SORT_CODE_BYTES),
            Kind::AccountNumber => Some(bank::ACCOUNT_NUMBER_BYTES),
            Kind::Phone => Some(contact::PHONE_BYTES_MAX),
            Kind::Email => Some(contact::EMAIL_BYTES_MAX),
            Kind::Postcode => Some(postcode::POSTCODE_BYTES_MAX),
            Kind::NiNumber => Some(ni_number::NI_NUMBER_BYTES),
        }
    }

    /// Bytes to which a value is filled up at least. A kind with a limit hides the length of its
    /// values whole; an e-mail address, whose limit few come near, up to a size.
    pub(super) fn pad_to(&self) -> usize {
        match self {
            Kind::Email => EMAIL_PADDED_BYTES,
            _ => self.bytes_max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn choices(choices: &[&str]) -> Kind {
        Kind::Enum(choices.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn a_choice_is_one_of_the_list() {
        let kind = choices(&["yes", "no"]);
        assert_eq!(kind.validate("no"), Ok(()));
        assert_eq!(kind.validate("maybe"), Err(Invalid::NotAChoice));
    }

    /// Written out: what lies on the disk must not tell one written form from another.
    #[test]
    fn values_of_a_kind_with_a_limit_are_stored_in_one_size() {
        let sizes = |kind: &Kind, values: &[&str]| {
            let size = |value: &&str| {
                assert_eq!(kind.validate(value), Ok(()), "{value}");
                coffer_keys::sealed_len(value.len(), kind.pad_to()).unwrap()
            };
            values.iter().map(size).collect::<std::collections::BTreeSet<_>>()
        };
        let long = "x".repeat(29);
        for (kind, values) in [
            (choices(&["no", &long]), ["no", &long]),
            (Kind::Date, ["2026-01-31", "0001-01-01"]),
            (Kind::Money, ["0.05", "-9999999999999.99"]),
            (Kind::SortCode, ["00-00-01", "99-99-99"]),
            (Kind::AccountNumber, ["00000001", "99999999"]),
            (Kind::Phone, ["0800 1111", "+999 123 456 789 012"]),
            (Kind::Email, ["a@b.uk", "mx.longfellow-of-the-mere@correspondence.example.org"]),
            (Kind::Postcode, ["M1 1AA", "SW1A 1AA"]),
            (Kind::NiNumber, ["AA123456A", "ZY987654D"]),
        ] {
            assert_eq!(sizes(&kind, &values).len(), 1, "{kind:?}");
        }
        assert_eq!(sizes(&Kind::Text, &["short", &"long ".repeat(20)]).len(), 2, "text has no limit of its own");
    }
}
