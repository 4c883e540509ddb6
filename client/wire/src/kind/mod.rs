//! What a value may be. Each type of field has one written form, so that equal values are equal bytes: the vault
//! takes no other, and whoever prepares values can ask the same question beforehand.

mod bank;
mod contact;
mod date;
mod money;
mod ni_number;
mod postcode;
mod text;

use crate::schema::{Field, FieldType};

pub use date::{is_date, is_day};
pub use postcode::outward;

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

impl Field {
    /// Whether a value may be written. What is said of one that may not does not repeat it.
    pub fn validate(&self, value: &str) -> Result<(), Invalid> {
        validate(self.kind, &self.choices, self.max_bytes, value)
    }
}

/// The same of a field that is not at hand whole: its type, what an enumeration chooses from, and its limit in bytes.
pub fn validate(kind: FieldType, choices: &[String], bytes_max: usize, value: &str) -> Result<(), Invalid> {
    match value.len() {
        0 => Err(Invalid::Empty),
        length if length > bytes_max => Err(Invalid::TooLong { bytes_max }),
        _ => written(kind, choices, value),
    }
}

/// Whether a value has the written form of its type.
fn written(kind: FieldType, choices: &[String], value: &str) -> Result<(), Invalid> {
    let (holds, otherwise) = match kind {
        FieldType::Text => (text::is_line(value), Invalid::ControlCharacter),
        FieldType::Note => (text::is_lines(value), Invalid::ControlCharacter),
        FieldType::Enum => (choices.iter().any(|choice| choice == value), Invalid::NotAChoice),
        FieldType::Date => (is_date(value), Invalid::NotADate),
        FieldType::Money => (money::is_money(value), Invalid::NotMoney),
        FieldType::Number => (text::is_digits(value), Invalid::NotDigits),
        FieldType::SortCode => (bank::is_sort_code(value), Invalid::NotASortCode),
        FieldType::AccountNumber => (bank::is_account_number(value), Invalid::NotAnAccountNumber),
        FieldType::Phone => (contact::is_phone(value), Invalid::NotAPhone),
        FieldType::Email => (contact::is_email(value), Invalid::NotAnEmail),
        FieldType::Postcode => (postcode::is_postcode(value), Invalid::NotAPostcode),
        FieldType::NiNumber => (ni_number::is_ni_number(value), Invalid::NotANiNumber),
    };
    if holds { Ok(()) } else { Err(otherwise) }
}

impl FieldType {
    /// Bytes of a value, at most. None: the type has no limit of its own, but for an enumeration its longest choice.
    pub fn bytes_max(self) -> Option<usize> {
        match self {
            FieldType::Text | FieldType::Note | FieldType::Number | FieldType::Enum => None,
            FieldType::Date => Some(date::DATE_BYTES),
            FieldType::Money => Some(money::MONEY_BYTES),
            FieldType::SortCode => Some(bank::SORT_CODE_BYTES),
            FieldType::AccountNumber => Some(bank::ACCOUNT_NUMBER_BYTES),
            FieldType::Phone => Some(contact::PHONE_BYTES_MAX),
            FieldType::Email => Some(contact::EMAIL_BYTES_MAX),
            FieldType::Postcode => Some(postcode::POSTCODE_BYTES_MAX),
            FieldType::NiNumber => Some(ni_number::NI_NUMBER_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_one_of_the_list() {
        let choices = ["yes".to_owned(), "no".to_owned()];
        assert_eq!(written(FieldType::Enum, &choices, "no"), Ok(()));
        assert_eq!(written(FieldType::Enum, &choices, "maybe"), Err(Invalid::NotAChoice));
    }

    #[test]
    fn a_value_is_not_empty_and_keeps_to_its_fields_limit() {
        assert_eq!(validate(FieldType::Text, &[], 3, ""), Err(Invalid::Empty));
        assert_eq!(validate(FieldType::Text, &[], 3, "Zoë"), Err(Invalid::TooLong { bytes_max: 3 }));
        assert_eq!(validate(FieldType::Text, &[], 4, "Zoë"), Ok(()));
    }
}
