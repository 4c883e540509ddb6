//! Moments as a person reads them: in the zone of the machine, and in UTC, which is the log's.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A moment, given in Unix milliseconds: `2026-07-01 10:30:00 +01:00 (09:30:00 UTC)`.
pub fn moment(ms: u64) -> String {
    written(ms, &TimeZone::system())
}

/// The length of time between two moments in words: `3 min`, `2 h`.
pub fn length(ms: u64) -> String {
    const SECOND_MS: u64 = 1_000;
    const MINUTE_MS: u64 = 60 * SECOND_MS;
    const HOUR_MS: u64 = 60 * MINUTE_MS;
    const DAY_MS: u64 = 24 * HOUR_MS;
    match ms {
        0..SECOND_MS => format!("{ms} ms"),
        SECOND_MS..MINUTE_MS => format!("{} s", ms / SECOND_MS),
        MINUTE_MS..HOUR_MS => format!("{} min", ms / MINUTE_MS),
        HOUR_MS..DAY_MS => format!("{} h", ms / HOUR_MS),
        _ => format!("{} days", ms / DAY_MS),
    }
}

fn written(ms: u64, zone: &TimeZone) -> String {
    let moment = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let Some(moment) = moment else { return format!("{ms} ms after 1970") };
    let (here, there) = (moment.to_zoned(zone.clone()), moment.to_zoned(TimeZone::UTC));
    if here.offset() == Offset::UTC {
        return there.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    }
    let utc = if here.date() == there.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    format!("{} ({} UTC)", here.strftime("%Y-%m-%d %H:%M:%S %:z"), there.strftime(utc))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// 2026-07-01T09:30:00Z.
    const MORNING_MS: u64 = 1_782_898_200_000;

    fn zone(hours: i8) -> TimeZone {
        TimeZone::fixed(Offset::constant(hours))
    }

    #[test]
    fn a_moment_stands_in_both_zones() {
        assert_eq!(written(MORNING_MS, &zone(1)), "2026-07-01 10:30:00 +01:00 (09:30:00 UTC)");
        assert_eq!(written(MORNING_MS, &zone(-10)), "2026-06-30 23:30:00 -10:00 (2026-07-01 09:30:00 UTC)");
    }

    #[test]
    fn utc_stands_alone_where_it_is_local() {
        assert_eq!(written(MORNING_MS, &TimeZone::UTC), "2026-07-01 09:30:00 UTC");
        assert_eq!(written(0, &TimeZone::UTC), "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn what_no_calendar_holds_is_still_written() {
        assert_eq!(written(u64::MAX, &TimeZone::UTC), format!("{} ms after 1970", u64::MAX));
        assert!(written((1 << 53) - 1, &TimeZone::UTC).contains("after 1970"));
    }

    #[test]
    fn a_length_takes_the_unit_that_fits() {
        let lengths =
            [(999, "999 ms"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 days")];
        for (ms, text) in lengths {
            assert_eq!(length(ms), text);
        }
    }
}
