//! What the log counts of its own work, for the operator. Sums and classes alone: nothing here says
//! whose data it was, who looked, or what was asked.

use std::time::Duration;

use coffer_wire::leaf::Decision;
use coffer_wire::problem::Code;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper ends of the classes of a batch's leaves.
const BATCH_LEAVES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1_024.0];
/// Upper ends of the classes of a commit's time, in seconds: from a fast disk's sync to one that hangs.
const COMMIT_SECONDS: [f64; 11] = [0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0];

/// Counters of the running log.
pub struct Figures {
    leaves: Family<Decided, Counter>,
    /// That of `leaves` which nearly every leaf counts on, so that it is not looked up for each.
    granted: Counter,
    batch_leaves: Histogram,
    commit_seconds: Histogram,
    pub(super) restarts: Counter,
}

/// How a leaf was decided. `code` is empty for what was granted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Decided {
    decision: &'static str,
    code: &'static str,
}

/// What a leaf in the making says of its decision.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Granted,
    Refused(Code),
    Failed(Code),
}

impl From<Decision<'_>> for Verdict {
    fn from(decision: Decision<'_>) -> Verdict {
        match decision {
            Decision::Granted(_) => Verdict::Granted,
            Decision::Refused(code) => Verdict::Refused(code),
            Decision::Failed(code) => Verdict::Failed(code),
        }
    }
}

impl Figures {
    pub(super) fn new() -> Figures {
        let leaves = Family::<Decided, Counter>::default();
        let granted = leaves.get_or_create(&Decided { decision: "granted", code: "" }).clone();
        Figures {
            leaves,
            granted,
            batch_leaves: Histogram::new(BATCH_LEAVES),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            restarts: Counter::default(),
        }
    }

    /// Names the counters in the registry that the operator's port shows.
    pub fn register(&self, registry: &mut Registry) {
        let log = registry.sub_registry_with_prefix("log");
        log.register("leaves", "Leaves that were committed, by decision and code", self.leaves.clone());
        log.register("batch_leaves", "Leaves of one synced batch", self.batch_leaves.clone());
        let (name, help) = ("commit", "Time that a batch took until it was synced");
        log.register_with_unit(name, help, Unit::Seconds, self.commit_seconds.clone());
        let help = "Submissions that were told to look again, because what they relied on had changed";
        log.register("restarts", help, self.restarts.clone());
    }

    /// A batch is on disk. One without a leaf was no batch.
    pub(super) fn committed(&self, leaves: u64, took: Duration) {
        if leaves > 0 {
            self.batch_leaves.observe(leaves as f64);
            self.commit_seconds.observe(took.as_secs_f64());
        }
    }

    pub(super) fn decided(&self, verdict: Verdict) {
        let (decision, code) = match verdict {
            Verdict::Granted => {
                self.granted.inc();
                return;
            }
            Verdict::Refused(code) => ("refused", code.as_str()),
            Verdict::Failed(code) => ("failed", code.as_str()),
        };
        self.leaves.get_or_create(&Decided { decision, code }).inc();
    }
}
