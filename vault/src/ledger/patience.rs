//! For how many a batch is held back.
//!
//! A sync and a signature cost the same for one leaf as for fifty, so under load it pays to wait a moment for more. Who
//! waits for everybody leaves the cores idle during the sync; who waits for nobody pays for it too often. Three quarters
//! of those who are usually under way together lie between: the rest have something to do while the batch is written.

/// How many requests were under way together at the busiest of late.
#[derive(Default)]
pub(super) struct Patience {
    peak: usize,
}

/// With each batch, this part of a peak that is not reached again is forgotten.
const FORGOTTEN: usize = 8;
/// Beyond so many the cost of a sync is spread thinly enough.
const ENOUGH: usize = 32;

impl Patience {
    /// So many were under way when a batch was done and before anybody had their answer.
    pub(super) fn seen(&mut self, under_way: usize) {
        self.peak = under_way.max(self.peak - self.peak.div_ceil(FORGOTTEN));
    }

    /// How many a batch should have before it is written, if they come in time. Whoever is alone waits for nobody.
    pub(super) fn worth_waiting_for(&self) -> usize {
        (self.peak * 3 / 4).clamp(1, ENOUGH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_alone_waits_for_nobody() {
        let mut patience = Patience::default();
        assert_eq!(patience.worth_waiting_for(), 1);
        patience.seen(1);
        assert_eq!(patience.worth_waiting_for(), 1);
    }

    #[test]
    fn under_load_a_batch_waits_for_most_and_not_for_all() {
        let mut patience = Patience::default();
        patience.seen(30);
        assert_eq!(patience.worth_waiting_for(), 22);
        patience.seen(1_000);
        assert_eq!(patience.worth_waiting_for(), ENOUGH);
    }

    #[test]
    fn those_who_have_gone_are_forgotten() {
        let mut patience = Patience::default();
        patience.seen(64);
        (0..40).for_each(|_| patience.seen(1));
        assert_eq!(patience.worth_waiting_for(), 1);
    }
}
