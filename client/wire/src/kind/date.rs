//! Days of the calendar, `YYYY-MM-DD` (ISO 8601).

pub(super) const DATE_BYTES: usize = 10;

/// Whether a text is a day, written so.
pub fn is_date(value: &str) -> bool {
    let bytes = value.as_bytes();
    let shaped = bytes.len() == DATE_BYTES
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    shaped && is_day(number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
}

/// At most four digits, all known to be such.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

/// Whether the proleptic Gregorian calendar (ISO 8601) has this day. Years 1 to 9999.
pub fn is_day(year: u32, month: u32, day: u32) -> bool {
    (1..=9999).contains(&year) && (1..=days_in_month(year, month)).contains(&day)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

fn is_leap(year: u32) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use super::is_day;
    use crate::schema::FieldType;

    #[test]
    fn dates_are_days_of_the_calendar_and_nothing_else() {
        for date in ["2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(written(FieldType::Date, &[], date), Ok(()), "{date}");
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
            assert_eq!(written(FieldType::Date, &[], date), Err(Invalid::NotADate), "{date}");
        }
    }

    #[test]
    fn only_days_of_the_calendar_are_days() {
        assert!(is_day(2024, 2, 29) && is_day(2000, 2, 29) && is_day(2026, 12, 31));
        for (year, month, day) in [
            (2026, 2, 29),
            (1900, 2, 29),
            (2026, 4, 31),
            (2026, 13, 1),
            (2026, 0, 1),
            (2026, 1, 0),
            (0, 1, 1),
            (10_000, 1, 1),
        ] {
            assert!(!is_day(year, month, day), "{year}-{month}-{day}");
        }
    }
}
