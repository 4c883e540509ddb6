//! How fast a job goes, so that whoever reads meanwhile hardly notices.

use std::time::{Duration, Instant};

/// Keys a second, unless the act that opens the job says otherwise: few enough that those who read hardly notice. How much they
/// do is the figure `read_p99_ratio_during_rotation`; it is to stay below 2.
pub const RATE_DEFAULT: u32 = 2_000;
/// Keys a second, at most: more than any machine gives.
pub const RATE_MAX: u32 = 1_000_000;

/// How long a job goes on without a pause before it looks whether it is to end.
pub(super) const STRETCH: Duration = Duration::from_millis(100);
/// Steps a second: short enough that none of them holds a batch up.
const STEPS_A_SECOND: u32 = 50;
/// Keys of one step, at most.
const STEP_KEYS_MAX: u32 = 256;

/// How many keys one step takes.
pub(super) fn step_keys(rate: u32) -> usize {
    (rate / STEPS_A_SECOND).clamp(1, STEP_KEYS_MAX) as usize
}

/// What is left of the time that so many keys may take, of which the step itself has taken some.
pub(super) fn pause(rate: u32, keys: usize, began: Instant) -> Duration {
    let due = Duration::from_secs_f64(keys as f64 / f64::from(rate.max(1)));
    due.saturating_sub(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_what_its_rate_gives_in_its_time_and_no_more_than_a_batch_should() {
        assert_eq!([1, 49, 50, 2_000, 12_800, RATE_MAX].map(step_keys), [1, 1, 1, 40, 256, 256]);
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60));
        assert_eq!(long_ago.map(|began| pause(1_000, 1_000, began)), Some(Duration::ZERO));
        assert!(pause(1, 3_600, Instant::now()) > Duration::from_secs(3_000));
    }
}
