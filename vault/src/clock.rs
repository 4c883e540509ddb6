//! Time, as a thing that is handed in: the vault never asks the machine for it behind one's back,
//! so that a test can say what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Milliseconds in a day. UTC has no other days: Unix time leaves leap seconds out.
const DAY_MS: u64 = 86_400_000;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds, UTC.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Default, Debug)]
pub struct System;

impl Clock for System {
    /// A clock before 1970 reads as 0, where every certificate and token is outside its time.
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that a test or a simulation sets.
#[derive(Default, Debug)]
pub struct Manual(AtomicU64);

impl Manual {
    /// A clock that stands at `now_ms`.
    pub fn new(now_ms: u64) -> Manual {
        Manual(AtomicU64::new(now_ms))
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }
}

/// A clock that does not go back. What the log or an answer has dated has been: a clock behind it stands still until it is
/// there again, or credentials that have ended would be good once more.
pub struct Forward {
    clock: Arc<dyn Clock>,
    /// The latest moment that was told, or is known to have been.
    told_ms: AtomicU64,
}

impl Forward {
    /// Follows a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Forward {
        Forward { clock, told_ms: AtomicU64::new(0) }
    }

    /// Says of a moment that it has been.
    pub fn not_before(&self, ms: u64) {
        self.told_ms.fetch_max(ms, Ordering::SeqCst);
    }

    /// How far the clock that it follows is behind it.
    pub fn ahead_ms(&self) -> u64 {
        self.told_ms.load(Ordering::SeqCst).saturating_sub(self.clock.now_ms())
    }
}

impl Clock for Forward {
    fn now_ms(&self) -> u64 {
        let now_ms = self.clock.now_ms();
        // A clock that runs tells a new moment once a millisecond; in between nobody writes here.
        match self.told_ms.load(Ordering::SeqCst) {
            told_ms if told_ms >= now_ms => told_ms,
            _ => self.told_ms.fetch_max(now_ms, Ordering::SeqCst).max(now_ms),
        }
    }
}

/// A half-year in UTC, such as `2026H2`: how long an alias in the log holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Period {
    text: [u8; 6],
}

impl Period {
    /// The half-year of a moment, given in Unix milliseconds. Years end at 9999.
    pub fn of(now_ms: u64) -> Period {
        let (year, month, _) = civil(now_ms / DAY_MS);
        Period::new(year.min(9_999) as u16, if month <= 6 { 1 } else { 2 })
    }

    /// `2026H2`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// Three bytes: the year (big-endian) and the half.
    pub fn code(&self) -> [u8; 3] {
        let year = self.text[..4].iter().fold(0u16, |year, digit| year * 10 + u16::from(digit - b'0'));
        let [high, low] = year.to_be_bytes();
        [high, low, self.text[5] - b'0']
    }

    /// The half-year of a code.
    pub fn of_code(code: &[u8; 3]) -> Option<Period> {
        let year = u16::from_be_bytes([code[0], code[1]]);
        (year <= 9_999 && (1..=2).contains(&code[2])).then(|| Period::new(year, code[2]))
    }

    fn new(year: u16, half: u8) -> Period {
        let digit = |divisor: u16| b'0' + (year / divisor % 10) as u8;
        Period { text: [digit(1_000), digit(100), digit(10), digit(1), b'H', b'0' + half] }
    }
}

/// The day of a moment, Unix time in milliseconds, in UTC: `YYYY-MM-DD`, so that days compare as texts.
pub fn day(now_ms: u64) -> String {
    let (year, month, day) = civil(now_ms / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day that the calendar on the wall shows at a moment, Unix time in milliseconds, in the United Kingdom (Europe/London):
/// `YYYY-MM-DD`. Nothing where no calendar has it.
///
/// The rule is that of the Summer Time Act 1972, as it stands since 2002, and stands here: a machine without time zone files
/// tells the same day.
pub fn day_in_london(now_ms: u64) -> Option<String> {
    let zone = TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0").ok()?;
    let moment = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?;
    Some(zone.to_datetime(moment).date().to_string())
}

/// Year, month and day of a day counted from 1970-01-01, after Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`. Its years begin in March, so that the leap day
/// comes last; its eras are the calendar's cycles of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    const DAYS_OF_ERA: u64 = 146_097;
    let days = days + DAYS_TO_1970;
    let era = days / DAYS_OF_ERA;
    let day_of_era = days % DAYS_OF_ERA;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use coffer_wire::kind::is_day;

    use super::*;

    #[test]
    fn the_civil_day_counts_every_day_of_four_centuries() {
        let mut day = 0;
        for year in 1970..2370 {
            for month in 1..=12 {
                for number in (1..=31).filter(|number| is_day(year, month, *number)) {
                    assert_eq!(civil(day), (u64::from(year), u64::from(month), u64::from(number)));
                    day += 1;
                }
            }
        }
        assert_eq!(day, 146_097);
    }

    #[test]
    fn a_period_ends_with_june_and_with_december() {
        let period = |ms| Period::of(ms).as_str().to_owned();
        let july = 1_782_864_000_000; // 2026-07-01T00:00:00Z
        assert_eq!(period(july - 1), "2026H1");
        assert_eq!(period(july), "2026H2");
        let january = 1_798_761_600_000; // 2027-01-01T00:00:00Z
        assert_eq!(period(january - 1), "2026H2");
        assert_eq!(period(january), "2027H1");
        assert_eq!(period(0), "1970H1");
    }

    #[test]
    fn a_period_is_found_again_by_its_code() {
        for ms in [0, 1_782_864_000_000, u64::MAX] {
            let period = Period::of(ms);
            assert_eq!(Period::of_code(&period.code()), Some(period));
        }
        assert_eq!(Period::of_code(&[7, 234, 3]), None);
    }

    #[test]
    fn days_compare_as_their_texts() {
        let last_moment = 1_798_761_600_000 - 1;
        assert_eq!([day(0), day(last_moment), day(last_moment + 1)], ["1970-01-01", "2026-12-31", "2027-01-01"]);
    }

    #[test]
    fn in_summer_a_day_begins_an_hour_earlier_in_london() {
        let hour = 3_600_000;
        let told = |ms| day_in_london(ms).unwrap_or_default();
        let winter = 1_772_323_200_000; // 2026-03-01T00:00:00Z
        assert_eq!([told(winter - 1), told(winter)], ["2026-02-28", "2026-03-01"]);
        let summer = 1_782_864_000_000; // 2026-07-01T00:00:00Z
        assert_eq!([told(summer - hour - 1), told(summer - hour)], ["2026-06-30", "2026-07-01"]);
        // Summer time is from 2026-03-29T01:00Z to 2026-10-25T01:00Z: the midnights beside both.
        let (first, last) = (1_774_825_200_000, 1_792_969_200_000); // 2026-03-29T23:00Z, 2026-10-25T23:00Z
        assert_eq!([told(first - 1), told(first)], ["2026-03-29", "2026-03-30"]);
        assert_eq!([told(last), told(last + hour)], ["2026-10-25", "2026-10-26"]);
    }

    #[test]
    fn what_has_been_does_not_come_again() {
        let manual = Arc::new(Manual::new(1_000));
        let clock = Forward::new(Arc::<Manual>::clone(&manual));
        assert_eq!((clock.now_ms(), clock.ahead_ms()), (1_000, 0));
        manual.set(400);
        assert_eq!((clock.now_ms(), clock.ahead_ms()), (1_000, 600));
        clock.not_before(2_000);
        manual.set(1_500);
        assert_eq!((clock.now_ms(), clock.ahead_ms()), (2_000, 500));
        clock.not_before(1_200);
        manual.set(2_001);
        assert_eq!((clock.now_ms(), clock.ahead_ms()), (2_001, 0));
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = Manual::new(5);
        clock.advance(10);
        assert_eq!(clock.now_ms(), 15);
        clock.set(3);
        assert_eq!(clock.now_ms(), 3);
    }
}
