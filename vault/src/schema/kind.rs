//! What a value may be.

use crate::clock;

/// What stands before a value when it is padded, in bytes: its length (docs/FORMAT.md).
const LENGTH_PREFIX_BYTES: usize = 4;
/// The smallest bucket of padded values, in bytes.
const BUCKET_BYTES_MIN: usize = 32;
/// Digits before the point of an amount, at most: below 2⁵³ pence with room to add up.
const POUND_DIGITS_MAX: usize = 13;

/// Bytes of an ISO 8601 date.
pub(super) const DATE_BYTES: usize = 10;
/// Bytes of an amount, sign and pence included.
pub(super) const MONEY_BYTES: usize = 1 + POUND_DIGITS_MAX + 3;

/// The kind of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text without control characters other than tab and line feed.
    Text,
    /// One of a closed list.
    Enum(Vec<String>),
    /// A day of the calendar, `YYYY-MM-DD` (ISO 8601).
    Date,
    /// An amount with two decimal places, such as `12.50` or `-3.00`.
    Money,
    /// Digits, leading zeros kept.
    Number,
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
    /// Text with a control character.
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
}

impl Kind {
    pub(super) fn validate(&self, value: &str) -> Result<(), Invalid> {
        let (holds, otherwise) = match self {
            Kind::Text => (is_text(value), Invalid::ControlCharacter),
            Kind::Enum(choices) => (choices.iter().any(|choice| choice == value), Invalid::NotAChoice),
            Kind::Date => (is_date(value), Invalid::NotADate),
            Kind::Money => (is_money(value), Invalid::NotMoney),
            Kind::Number => (is_digits(value), Invalid::NotDigits),
        };
        if holds { Ok(()) } else { Err(otherwise) }
    }

    pub(super) fn pad_to(&self) -> usize {
        match self {
            Kind::Enum(choices) => {
                let longest = choices.iter().map(String::len).max().unwrap_or(0);
                (LENGTH_PREFIX_BYTES + longest).next_power_of_two().max(BUCKET_BYTES_MIN)
            }
            _ => 0,
        }
    }
}

fn is_text(value: &str) -> bool {
    value.chars().all(|c| !c.is_control() || c == '\n' || c == '\t')
}

pub(super) fn is_date(value: &str) -> bool {
    let bytes = value.as_bytes();
    let shaped = bytes.len() == DATE_BYTES
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    shaped && clock::is_day(number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
}

/// At most four digits, all known to be such.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

fn is_money(value: &str) -> bool {
    let amount = value.strip_prefix('-').unwrap_or(value);
    let Some((pounds, pence)) = amount.split_once('.') else { return false };
    let no_leading_zero = pounds == "0" || !pounds.starts_with('0');
    let minus_zero = value.starts_with('-') && amount == "0.00";
    is_digits(pounds)
        && pounds.len() <= POUND_DIGITS_MAX
        && no_leading_zero
        && pence.len() == 2
        && is_digits(pence)
        && !minus_zero
}

fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_calendar_and_nothing_else() {
        for date in ["2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(Kind::Date.validate(date), Ok(()), "{date}");
        }
        for date in [
            "2026-02-29",
            "2026-13-01",
            "2026-1-01",
            "26-01-01",
            "2026-01-01 ",
            "2026/01/01",
            "٢٠٢٦-٠١",
            "+026-01-01",
            "0000-01-01",
        ] {
            assert_eq!(Kind::Date.validate(date), Err(Invalid::NotADate), "{date}");
        }
    }

    #[test]
    fn money_has_two_decimal_places() {
        for amount in ["0.00", "0.05", "12.50", "-3.00", "9999999999999.99"] {
            assert_eq!(Kind::Money.validate(amount), Ok(()), "{amount}");
            assert!(amount.len() <= MONEY_BYTES);
        }
        for amount in [
            "12",
            "12.5",
            "12.500",
            "012.00",
            ".50",
            "-0.00",
            "--1.00",
            "1,000.00",
            "£1.00",
            "1e3.00",
            "99999999999999.00",
            "1.-5",
        ] {
            assert_eq!(Kind::Money.validate(amount), Err(Invalid::NotMoney), "{amount}");
        }
    }

    #[test]
    fn numbers_keep_leading_zeros_and_take_no_sign() {
        assert_eq!(Kind::Number.validate("0012"), Ok(()));
        for number in ["-1", "1.0", "１", "1 2", ""] {
            assert_eq!(Kind::Number.validate(number), Err(Invalid::NotDigits), "{number}");
        }
    }

    #[test]
    fn text_takes_lines_and_no_other_control_characters() {
        assert_eq!(Kind::Text.validate("Flat 2\n\tbehind the shop; Zoë"), Ok(()));
        for text in ["\0", "a\u{1b}[31m", "a\r\n", "\u{85}"] {
            assert_eq!(Kind::Text.validate(text), Err(Invalid::ControlCharacter), "{text:?}");
        }
    }

    #[test]
    fn all_choices_are_padded_to_one_bucket() {
        let kind = |choices: &[&str]| Kind::Enum(choices.iter().map(|c| (*c).to_owned()).collect());
        assert_eq!(kind(&["yes", "no"]).pad_to(), 32);
        assert_eq!(kind(&["no", &"x".repeat(28)]).pad_to(), 32);
        assert_eq!(kind(&["no", &"x".repeat(29)]).pad_to(), 64);
        assert_eq!(Kind::Text.pad_to(), 0);
        assert_eq!(kind(&["yes", "no"]).validate("maybe"), Err(Invalid::NotAChoice));
    }
}
