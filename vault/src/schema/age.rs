//! What can be told of a date of birth without telling the date: in which band the age lies, and whether an age is reached.
//!
//! An age is reached at the beginning of the birthday (Family Law Reform Act 1969, section 9), as the calendar in the United
//! Kingdom shows it. Who was born on 29 February has the birthday on 1 March in a year without that day.

use coffer_wire::api::Form;
use coffer_wire::kind;

use super::{BAND_YEARS_MIN, BANDS_MAX, OVER_MAX};
use crate::clock;

/// What is told where the value is no date of birth: no date, or one that is still to come.
const UNKNOWN: &str = "unknown";
/// The greatest age at which a band begins.
const AGE_MAX: u8 = 120;

/// The band in which the age lies at a moment: `under 16`, `16 to 24`, `75 or over`.
pub(super) fn band(begin: &[u8], born: &str, now_ms: u64) -> String {
    let Some(age) = age(born, now_ms) else { return UNKNOWN.to_owned() };
    let reached = begin.iter().filter(|first| age >= u16::from(**first)).count();
    match (begin[..reached].last(), begin.get(reached)) {
        (None, None) => UNKNOWN.to_owned(),
        (None, Some(next)) => format!("under {next}"),
        (Some(first), Some(next)) => format!("{first} to {}", next - 1),
        (Some(first), None) => format!("{first} or over"),
    }
}

/// Whether an age is reached at a moment: `yes` or `no`.
pub(super) fn is_reached(wanted: u8, born: &str, now_ms: u64) -> String {
    let told = match age(born, now_ms) {
        None => UNKNOWN,
        Some(age) if age >= u16::from(wanted) => "yes",
        Some(_) => "no",
    };
    told.to_owned()
}

/// Whether a schema may declare these as the beginnings of bands.
pub(super) fn are_bands(begin: &[u8]) -> bool {
    let before = [0].into_iter().chain(begin.iter().copied());
    let wide = before.zip(begin).all(|(before, first)| *first >= before.saturating_add(BAND_YEARS_MIN));
    (1..=BANDS_MAX).contains(&begin.len()) && wide && begin.iter().all(|first| *first <= AGE_MAX)
}

/// Whether a schema may declare these as ages that are asked for one by one.
pub(super) fn may_be_asked(ages: &[u8]) -> bool {
    let known = ages.iter().all(|age| Form::over(*age).is_some());
    let distinct = (1..ages.len()).all(|at| !ages[..at].contains(&ages[at]));
    (1..=OVER_MAX).contains(&ages.len()) && known && distinct
}

/// Full years since a day. None: it is no day of the calendar, or still to come.
fn age(born: &str, now_ms: u64) -> Option<u16> {
    let today = clock::day_in_london(now_ms)?;
    if !kind::is_date(born) || !kind::is_date(&today) || *born > *today {
        return None;
    }
    let year = |day: &str| day[..4].parse::<u16>().ok();
    let birthday_is_to_come = today[4..] < born[4..];
    year(&today)?.checked_sub(year(born)?)?.checked_sub(u16::from(birthday_is_to_come))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    /// Noon of a day, in UTC.
    fn noon(day: &str) -> u64 {
        let date: jiff::civil::Date = day.parse().unwrap();
        let noon = date.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        noon.timestamp().as_millisecond().try_into().unwrap()
    }

    #[test]
    fn an_age_is_reached_on_the_birthday_and_not_the_day_before() {
        for (born, reached) in [
            ("2008-07-01", "2026-07-01"),
            ("2008-01-01", "2026-01-01"),
            ("2008-12-31", "2026-12-31"),
            // No 29 February in 2026.
            ("2008-02-29", "2026-03-01"),
        ] {
            let moment = noon(reached);
            assert_eq!(is_reached(18, born, moment), "yes", "{born}");
            assert_eq!(is_reached(18, born, moment - 24 * HOUR_MS), "no", "{born}");
        }
        assert_eq!(is_reached(16, "2008-02-29", noon("2024-02-29")), "yes");
        assert_eq!(is_reached(16, "2008-02-29", noon("2024-02-28")), "no");
    }

    #[test]
    fn a_birthday_begins_at_midnight_in_london() {
        // In July that is 23:00 UTC of the day before; in January 00:00 UTC.
        for (born, midnight) in
            [("2008-07-02", noon("2026-07-01") + 11 * HOUR_MS), ("2008-01-02", noon("2026-01-01") + 12 * HOUR_MS)]
        {
            assert_eq!(is_reached(18, born, midnight - 1), "no", "{born}");
            assert_eq!(is_reached(18, born, midnight), "yes", "{born}");
        }
    }

    #[test]
    fn an_age_agrees_with_a_calendar_on_every_birthday_of_a_century() {
        let (today, now_ms) = ("2026-03-01".parse::<jiff::civil::Date>().unwrap(), noon("2026-03-01"));
        let mut born = today;
        for _ in 0..36_525 {
            let whole = born.until((jiff::Unit::Year, today)).unwrap().get_years();
            // A calendar that moves 29 February to the 28th counts that birthday a day early: not on this day.
            assert_eq!(age(&born.to_string(), now_ms), u16::try_from(whole).ok(), "{born}");
            born = born.yesterday().unwrap();
        }
    }

    #[test]
    fn a_band_tells_its_limits_and_no_more() {
        let bands = [16, 25, 75];
        let told = |years: i16| {
            let today = noon("2026-06-15");
            band(&bands, &format!("{:04}-06-15", 2026 - years), today)
        };
        for (years, wanted) in [
            (0, "under 16"),
            (15, "under 16"),
            (16, "16 to 24"),
            (24, "16 to 24"),
            (25, "25 to 74"),
            (75, "75 or over"),
            (103, "75 or over"),
        ] {
            assert_eq!(told(years), wanted, "{years}");
        }
    }

    #[test]
    fn what_is_no_date_of_birth_tells_no_age() {
        let now_ms = noon("2026-06-15");
        for born in ["2026-06-16", "9999-01-01", "9 March 1956", "", "2026-02-30"] {
            assert_eq!(band(&[18], born, now_ms), UNKNOWN, "{born}");
            assert_eq!(is_reached(18, born, now_ms), UNKNOWN, "{born}");
        }
    }

    #[test]
    fn bands_are_wide_and_ages_few() {
        for bands in [&[16, 25, 35][..], &[5], &[120]] {
            assert!(are_bands(bands), "{bands:?}");
        }
        for bands in [
            &[][..],
            &[4],
            &[16, 20],
            &[25, 16],
            &[16, 16],
            &[121],
            &[5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65],
        ] {
            assert!(!are_bands(bands), "{bands:?}");
        }
        assert!(may_be_asked(&[18, 16, 55, 60]));
        for ages in [&[][..], &[19], &[18, 18], &[16, 18, 21, 25, 35]] {
            assert!(!may_be_asked(ages), "{ages:?}");
        }
    }
}
