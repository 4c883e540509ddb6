//! Days of the calendar, `YYYY-MM-DD` (ISO 8601).

use crate::clock;

pub(super) const DATE_BYTES: usize = 10;

pub(in crate::schema) fn is_date(value: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::{Invalid, Kind};

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
}
