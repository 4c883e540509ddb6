//! What the operator's port shows: whether the vault is ready, and what it counts. Names of
//! operations, codes and sums; no name of a person, application or record.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Door, House};
use crate::admit::Applications;
use crate::jobs::{self, Progress};
use crate::ledger::Figures;

/// What stands before every name.
const PREFIX: &str = "coffer";

/// Why a vault that runs does not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unready {
    /// It is sealed: only status is answered.
    Sealed,
    /// A write failed; the process is about to end.
    LogUnwritable,
    /// The head outside the database is more than a second behind the log.
    HeadLate,
    /// Keys were destroyed that the erasure ledger does not have.
    ErasedNotMirrored,
}

impl Unready {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Unready::Sealed => "sealed",
            Unready::LogUnwritable => "log_unwritable",
            Unready::HeadLate => "head_late",
            Unready::ErasedNotMirrored => "erased_not_mirrored",
        }
    }
}

impl Door {
    /// Whether requests are served.
    pub fn ready(&self) -> Result<(), Unready> {
        let Some(house) = self.house() else { return Err(Unready::Sealed) };
        let shared = house.ledger.shared();
        match () {
            () if shared.has_failed() => Err(Unready::LogUnwritable),
            () if shared.head_is_slow() => Err(Unready::HeadLate),
            () if shared.erasures_are_behind() => Err(Unready::ErasedNotMirrored),
            () => Ok(()),
        }
    }

    /// The counters as OpenMetrics text. A sealed vault says that it is sealed, and no more.
    pub fn metrics(&self) -> String {
        self.house().map_or_else(sealed, |house| house.metrics.text(&house))
    }
}

/// Counters of an open vault.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    answers: Family<Answered, Counter>,
    open: Gauge,
    log_size: Gauge,
    queue: Gauge,
    head_age: Gauge<f64, AtomicU64>,
    policy: Gauge,
    tokens: Gauge,
    jobs: Gauge,
    jobs_stuck: Gauge,
    jobs_keys: Gauge,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u16,
}

impl Metrics {
    pub(super) fn new(figures: &Figures, applications: &Applications) -> Metrics {
        let mut registry = Registry::with_prefix(PREFIX);
        figures.register(&mut registry);
        applications.register(&mut registry);
        let answers = Family::default();
        registry.register("answers", "Answers to requests, by operation and HTTP status", Family::clone(&answers));
        let mut gauge = |name: &str, help: &str| {
            let gauge = <Gauge>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let open = gauge("open", "1 while the vault is open, 0 while it is sealed");
        let log_size = gauge("log_size", "Leaves in the log");
        let queue = gauge("log_queue", "Leaves that wait for their batch");
        let policy = gauge("policy_epoch", "The policy epoch in force");
        let tokens = gauge("tokens_kept", "Verified tokens that are kept");
        let jobs = gauge("jobs_running", "Jobs that are under way");
        let jobs_stuck = gauge("jobs_stuck", "Jobs that ended before their end, since keys do not open");
        let jobs_keys = gauge("jobs_keys_left", "Keys that jobs under way have counted and not yet moved");
        let head_age = Gauge::default();
        let help = "How long the head outside the database has been behind the log";
        registry.register_with_unit("head_age", help, Unit::Seconds, Gauge::clone(&head_age));
        let registry = Mutex::new(registry);
        Metrics { registry, answers, open, log_size, queue, head_age, policy, tokens, jobs, jobs_stuck, jobs_keys }
    }

    /// One request was answered.
    pub(super) fn answered(&self, operation: &'static str, status: u16) {
        self.answers.get_or_create(&Answered { operation, status }).inc();
    }

    fn text(&self, house: &House) -> String {
        let shared = house.ledger.shared();
        self.open.set(1);
        self.log_size.set(whole(shared.size()));
        self.queue.set(whole(house.ledger.waiting() as u64));
        self.policy.set(i64::from(house.gate.in_force().epoch));
        self.tokens.set(whole(house.gate.tokens().kept() as u64));
        self.count_jobs(house);
        self.head_age.set(shared.head_age().as_secs_f64());
        text_of(&self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Metrics {
    /// What cannot be read is not counted: that the store fails is told by everything else.
    fn count_jobs(&self, house: &House) {
        let rows: Vec<_> = jobs::list(&*house.engine).unwrap_or_default().into_iter().map(|job| job.row).collect();
        let of = |progress| rows.iter().filter(move |row| row.progress == progress);
        self.jobs.set(whole(of(Progress::Running).count() as u64));
        self.jobs_stuck.set(whole(of(Progress::Stuck).count() as u64));
        let left = of(Progress::Running).map(|row| row.total.unwrap_or(0).saturating_sub(row.done)).sum();
        self.jobs_keys.set(whole(left));
    }
}

fn sealed() -> String {
    let (mut registry, open) = (Registry::with_prefix(PREFIX), <Gauge>::default());
    registry.register("open", "1 while the vault is open, 0 while it is sealed", open);
    text_of(&registry)
}

fn text_of(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, registry);
    text
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
