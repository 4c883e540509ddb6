//! Ways of writing a value in a column other than the vault's one written form, and how they become it. A text that
//! does not fit the format named for it is a mistake of its line: nothing is guessed.

use coffer_wire::schema::FieldType;
use jiff::civil::{Date, DateTime};

/// A moment by which a pattern of dates is tried: no two of its parts are alike.
const TRIAL: DateTime = DateTime::constant(2026, 11, 25, 13, 14, 15, 0);
/// Digits of a sort code.
const SORT_CODE_DIGITS: usize = 6;
/// Digits of an account number, and the fewest that one had before it was filled up with zeros on the left (Pay.UK).
const ACCOUNT_NUMBER_DIGITS: usize = 8;
const ACCOUNT_NUMBER_DIGITS_MIN: usize = 6;

/// How a column is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Format {
    /// A day by a pattern of strptime(3), such as `%d/%m/%Y`.
    Date(String),
    /// An amount in pounds: a pound sign, commas between thousands, no or one or two decimal places; a minus or
    /// brackets if it is below zero.
    Pounds,
    /// An amount in whole pence.
    Pence,
    /// An amount with a decimal comma and dots between thousands.
    Comma,
    /// Six digits of a sort code, or eight of an account number, with anything of space, dash and dot between them.
    Digits,
    /// The same with zeros missing on the left, which a spreadsheet took for a number's.
    Padded,
    /// A postcode or National Insurance number in small letters or with other spaces.
    Loose,
    /// Lines that end with carriage returns.
    Crlf,
    /// Several lines that are to be one, with spaces between them.
    OneLine,
}

/// Why a format cannot be used for a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatError {
    #[error("a date's format is a pattern that names day, month and year once, such as %d/%m/%Y")]
    Pattern,
    #[error("the formats of an amount are pounds, pence and comma")]
    Money,
    #[error("the formats of sort code and account number are digits and padded")]
    Digits,
    #[error("the format of a postcode or National Insurance number is loose")]
    Loose,
    #[error("the format of a note is crlf")]
    Note,
    #[error("the format of a text is one-line")]
    Text,
    #[error("values of this type have no other format")]
    None,
}

impl Format {
    /// The format of this name for fields of this type.
    pub fn read(name: &str, kind: FieldType) -> Result<Format, FormatError> {
        match (kind, name) {
            (FieldType::Date, pattern) if is_pattern(pattern) => Ok(Format::Date(pattern.to_owned())),
            (FieldType::Date, _) => Err(FormatError::Pattern),
            (FieldType::Money, "pounds") => Ok(Format::Pounds),
            (FieldType::Money, "pence") => Ok(Format::Pence),
            (FieldType::Money, "comma") => Ok(Format::Comma),
            (FieldType::Money, _) => Err(FormatError::Money),
            (FieldType::SortCode | FieldType::AccountNumber, "digits") => Ok(Format::Digits),
            (FieldType::SortCode | FieldType::AccountNumber, "padded") => Ok(Format::Padded),
            (FieldType::SortCode | FieldType::AccountNumber, _) => Err(FormatError::Digits),
            (FieldType::Postcode | FieldType::NiNumber, "loose") => Ok(Format::Loose),
            (FieldType::Postcode | FieldType::NiNumber, _) => Err(FormatError::Loose),
            (FieldType::Note, "crlf") => Ok(Format::Crlf),
            (FieldType::Note, _) => Err(FormatError::Note),
            (FieldType::Text, "one-line") => Ok(Format::OneLine),
            (FieldType::Text, _) => Err(FormatError::Text),
            (FieldType::Enum | FieldType::Number | FieldType::Phone | FieldType::Email, _) => Err(FormatError::None),
        }
    }

    /// The value in the vault's written form. None: it is not written as this format says.
    pub fn apply(&self, kind: FieldType, text: &str) -> Option<String> {
        match self {
            Format::Date(pattern) => {
                Date::strptime(pattern, text).ok().map(|date| date.strftime("%Y-%m-%d").to_string())
            }
            Format::Pounds => pounds(text),
            Format::Pence => pence(text),
            Format::Comma => amount(text, '.', ','),
            Format::Digits => digits(kind, text, false),
            Format::Padded => digits(kind, text, true),
            Format::Loose => loose(kind, text),
            Format::Crlf => Some(text.replace("\r\n", "\n").replace('\r', "\n")),
            Format::OneLine => {
                Some(text.split(['\r', '\n', '\t']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// A pattern that writes a day reads it back, or it leaves a part of it out.
fn is_pattern(pattern: &str) -> bool {
    let mut written = String::new();
    let wrote = std::fmt::Write::write_fmt(&mut written, format_args!("{}", TRIAL.strftime(pattern)));
    wrote.is_ok() && Date::strptime(pattern, &written).is_ok_and(|date| date == TRIAL.date())
}

fn pounds(text: &str) -> Option<String> {
    let inside = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (negative, rest) = match (inside, text.strip_prefix('-')) {
        (Some(inside), _) => (true, inside),
        (None, Some(rest)) => (true, rest),
        (None, None) => (false, text),
    };
    let amount = amount(rest.strip_prefix('£').unwrap_or(rest), ',', '.')?;
    match (negative, amount.starts_with('-')) {
        (true, true) => None,
        (true, false) => Some(negated(amount)),
        (false, _) => Some(amount),
    }
}

fn pence(text: &str) -> Option<String> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if !is_digits(digits) {
        return None;
    }
    let (pounds, pence) = digits.split_at(digits.len().saturating_sub(2));
    let amount = format!("{}.{pence:0>2}", without_zeros(pounds));
    Some(if negative { negated(amount) } else { amount })
}

/// An amount with these signs between thousands and before the decimal places.
fn amount(text: &str, thousands: char, point: char) -> Option<String> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, places) = rest.split_once(point).unwrap_or((rest, ""));
    let grouped = whole.contains(thousands);
    let groups: Vec<_> = whole.split(thousands).collect();
    let in_threes = groups.iter().skip(1).all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len());
    let wrong = places.len() > 2 || (rest.contains(point) && places.is_empty()) || (grouped && !in_threes);
    let digits = groups.concat();
    if wrong || !is_digits(&digits) || !(places.is_empty() || is_digits(places)) {
        return None;
    }
    let amount = format!("{}.{places:0<2}", without_zeros(&digits));
    Some(if negative { negated(amount) } else { amount })
}

/// Nothing is below zero that is zero.
fn negated(amount: String) -> String {
    if amount == "0.00" { amount } else { format!("-{amount}") }
}

fn without_zeros(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}

fn digits(kind: FieldType, text: &str, padded: bool) -> Option<String> {
    let digits: String = text.chars().filter(|character| !matches!(character, ' ' | '-' | '.')).collect();
    let (count, count_min) = match kind {
        // Sort codes begin with two zeros at the most that mean anything: 01 to 09 lose one, 00 two.
        FieldType::SortCode => (SORT_CODE_DIGITS, SORT_CODE_DIGITS - 2),
        _ => (ACCOUNT_NUMBER_DIGITS, ACCOUNT_NUMBER_DIGITS_MIN),
    };
    let fits = if padded { (count_min..=count).contains(&digits.len()) } else { digits.len() == count };
    if !fits || !is_digits(&digits) {
        return None;
    }
    let digits = format!("{digits:0>count$}");
    Some(match kind {
        FieldType::SortCode => format!("{}-{}-{}", &digits[..2], &digits[2..4], &digits[4..]),
        _ => digits,
    })
}

fn loose(kind: FieldType, text: &str) -> Option<String> {
    /// Characters of the part of a postcode behind its space.
    const INWARD: usize = 3;
    let mut plain: String = text.chars().filter(|character| *character != ' ').collect();
    if !plain.is_ascii() {
        return None;
    }
    plain.make_ascii_uppercase();
    if kind == FieldType::Postcode {
        plain.insert(plain.len().checked_sub(INWARD)?, ' ');
    }
    Some(plain)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use coffer_wire::kind::validate;
    use proptest::prelude::*;

    use super::*;

    fn applied(kind: FieldType, format: &str, text: &str) -> Option<String> {
        Format::read(format, kind).unwrap().apply(kind, text)
    }

    #[test]
    fn dates_are_read_by_their_pattern_and_by_no_other() {
        for (pattern, text, date) in [
            ("%d/%m/%Y", "25/11/2026", Some("2026-11-25")),
            ("%d/%m/%Y", "2026-11-25", None),
            ("%d/%m/%Y", "31/02/2026", None),
            ("%d %b %Y", "5 Jan 1999", Some("1999-01-05")),
            ("%Y-%m-%d %H:%M:%S", "2026-11-25 00:00:00", Some("2026-11-25")),
            ("%Y%m%d", "20261125", Some("2026-11-25")),
        ] {
            assert_eq!(applied(FieldType::Date, pattern, text).as_deref(), date, "{pattern} {text}");
        }
        for wrong in ["", "%d/%m", "%Y", "day", "%d/%m/%Q", "%"] {
            assert_eq!(Format::read(wrong, FieldType::Date), Err(FormatError::Pattern), "{wrong}");
        }
    }

    #[test]
    fn amounts_become_pounds_with_two_places() {
        for (format, text, amount) in [
            ("pounds", "£1,234.5", Some("1234.50")),
            ("pounds", "12", Some("12.00")),
            ("pounds", "(£3.00)", Some("-3.00")),
            ("pounds", "-£3.00", Some("-3.00")),
            ("pounds", "-0.00", Some("0.00")),
            ("pounds", "007.10", Some("7.10")),
            ("pounds", "1,23.00", None),
            ("pounds", "1,2345.00", None),
            ("pounds", "1.234,50", None),
            ("pounds", "12.", None),
            ("pounds", "12.345", None),
            ("pounds", "--1", None),
            ("pounds", "(-1)", None),
            ("pounds", "1e3", None),
            ("pounds", "", None),
            ("pence", "123450", Some("1234.50")),
            ("pence", "-5", Some("-0.05")),
            ("pence", "0", Some("0.00")),
            ("pence", "1.5", None),
            ("comma", "1.234,50", Some("1234.50")),
            ("comma", "1234,5", Some("1234.50")),
            ("comma", "1,234.50", None),
        ] {
            assert_eq!(applied(FieldType::Money, format, text).as_deref(), amount, "{format} {text}");
        }
    }

    #[test]
    fn digits_become_sort_codes_and_account_numbers() {
        let sort = |format, text| applied(FieldType::SortCode, format, text);
        assert_eq!(sort("digits", "005416").as_deref(), Some("00-54-16"));
        assert_eq!(sort("digits", "00 54 16").as_deref(), Some("00-54-16"));
        assert_eq!(sort("digits", "5416"), None, "a zero that is missing is not guessed");
        assert_eq!(sort("padded", "5416").as_deref(), Some("00-54-16"));
        assert_eq!((sort("padded", "416"), sort("padded", "1234567"), sort("padded", "5416a")), (None, None, None));
        let account = |format, text| applied(FieldType::AccountNumber, format, text);
        assert_eq!(account("digits", "0000-3431").as_deref(), Some("00003431"));
        assert_eq!(account("padded", "123456").as_deref(), Some("00123456"));
        assert_eq!((account("digits", "123456"), account("padded", "3431")), (None, None));
    }

    #[test]
    fn loose_postcodes_and_insurance_numbers_are_put_right() {
        assert_eq!(applied(FieldType::Postcode, "loose", "sw1a1aa").as_deref(), Some("SW1A 1AA"));
        assert_eq!(applied(FieldType::Postcode, "loose", " m1  1aa").as_deref(), Some("M1 1AA"));
        assert_eq!(applied(FieldType::Postcode, "loose", "aa"), None);
        assert_eq!(applied(FieldType::Postcode, "loose", "é1 1AA"), None);
        assert_eq!(applied(FieldType::NiNumber, "loose", "aa 12 34 56 a").as_deref(), Some("AA123456A"));
        assert_eq!(applied(FieldType::Note, "crlf", "a\r\nb\rc").as_deref(), Some("a\nb\nc"));
        assert_eq!(applied(FieldType::Text, "one-line", "a\r\nb\tc").as_deref(), Some("a b c"));
    }

    #[test]
    fn a_format_is_for_values_of_its_type() {
        assert_eq!(Format::read("pounds", FieldType::SortCode), Err(FormatError::Digits));
        assert_eq!(Format::read("loose", FieldType::Phone), Err(FormatError::None));
        assert_eq!(Format::read("", FieldType::Money), Err(FormatError::Money));
    }

    proptest! {
        /// What a format gives is what the vault takes, whatever it was given, but for values that do not exist.
        #[test]
        fn what_an_amounts_format_gives_is_an_amount(text in "[-(£]{0,2}[0-9.,]{0,12}[)]?") {
            for format in ["pounds", "pence", "comma"] {
                if let Some(amount) = applied(FieldType::Money, format, &text) {
                    prop_assert_eq!(validate(FieldType::Money, &[], 99, &amount), Ok(()), "{}", amount);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_not_and_nothing_breaks(text in "\\PC{0,20}", pattern in "\\PC{0,12}") {
            for (kind, format) in [
                (FieldType::Money, "pounds"), (FieldType::Money, "pence"), (FieldType::Money, "comma"),
                (FieldType::SortCode, "padded"), (FieldType::AccountNumber, "digits"),
                (FieldType::Postcode, "loose"), (FieldType::NiNumber, "loose"),
            ] {
                let _ = applied(kind, format, &text);
            }
            if let Ok(format) = Format::read(&pattern, FieldType::Date) {
                let _ = format.apply(FieldType::Date, &text);
            }
        }
    }
}
