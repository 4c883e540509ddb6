//! What is measured, in which order.

use std::collections::BTreeMap;
use std::time::Duration;

use coffer_tests::harness::{Home, Serving};
use coffer_vault::clock::{Clock, System};
use coffer_wire::api::REWRAP_RATE_MAX;
use hdrhistogram::Histogram;

use crate::child::{APPLICATION, Child};
use crate::cpu::Spent;
use crate::generator::{self, Run, Target};
use crate::people::{CONTROLLER, PEOPLE};
use crate::report::Report;
use crate::rotation::{self, Admin};
use crate::through_client;
use crate::work::{Act, BATCH_RECORDS, Echo, Tokens, Work};

/// Connections of the load, where nothing else is said.
pub(crate) const CONNECTIONS: usize = 64;
/// Vaults of the client crate, each with connections of its own.
const VAULTS: usize = 4;
/// Requests a second for which fresh tokens are made beforehand.
const FRESH_PER_SECOND: f64 = 40_000.0;

/// How long and how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) run: Duration,
    pub(crate) runs: usize,
    /// People whose keys are rotated once, at the end.
    pub(crate) many: u64,
}

impl Plan {
    /// Ten minutes.
    pub(crate) const WHOLE: Plan = Plan { run: Duration::from_secs(4), runs: 5, many: 1_000_000 };
    /// A minute.
    pub(crate) const QUICK: Plan = Plan { run: Duration::from_secs(2), runs: 1, many: 100_000 };
}

/// Echo and vault, side by side; one is idle while the other is loaded.
pub(crate) struct Measure {
    pub(crate) echo: Child<()>,
    pub(crate) vault: Child<Home>,
    pub(crate) plan: Plan,
}

impl Measure {
    /// Everything. Writes come last, since they raise the versions of what is read.
    pub(crate) fn all(self, report: &mut Report) {
        self.echo_and_read(report);
        self.read_alone(report);
        self.repeat(report, "client_read_rps", |measure| measure.client_read());
        self.repeat(report, "fresh_token_read_rps", |measure| measure.fresh_token_read());
        self.repeat(report, "batch_read_records_per_s", |measure| {
            measure.vault_run(Act::ReadBatch, "rents", CONNECTIONS).per_second() * BATCH_RECORDS as f64
        });
        self.rotation(report);
        self.repeat(report, "write_rps", |measure| {
            measure.vault_run(Act::Write, "bank-officer", CONNECTIONS).per_second()
        });
        self.many(report);
        self.vault.end();
        // The echo ends with its last connection, and has nothing to keep.
    }

    fn repeat(&self, report: &mut Report, name: &'static str, once: impl Fn(&Measure) -> f64) {
        report.add(name, (0..self.plan.runs).map(|_| once(self)).collect());
    }

    /// The two in turn, so that what else happens on the machine meets both.
    fn echo_and_read(&self, report: &mut Report) {
        let (mut echoes, mut reads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.runs {
            let work = |connection| Box::new(Echo::new(connection)) as _;
            let target = self.echo.target(self.home());
            let (echo, spent) = counted(self.echo.pid(), &target, CONNECTIONS, self.plan.run, work);
            report.cpu("echo", spent);
            let (read, spent) = self.counted_run(Act::Read, "rents", CONNECTIONS);
            report.cpu("read", spent);
            let (echo, read, latency) = (echo.per_second(), read.per_second(), read.latency_us);
            echoes.push(echo);
            reads.push(read);
            ratios.push(read / echo);
            p50s.push(percentile(&latency, 50.0));
            p99s.push(percentile(&latency, 99.0));
        }
        report.add("echo_rps", echoes);
        report.add("read_rps", reads);
        report.add("read_to_echo", ratios);
        report.add("read_p50_us_64", p50s);
        report.add("read_p99_us_64", p99s);
    }

    /// One connection: the latency of an access with nobody to share its sync with.
    fn read_alone(&self, report: &mut Report) {
        let runs: Vec<Run> = (0..self.plan.runs).map(|_| self.vault_run(Act::Read, "rents", 1)).collect();
        report.add("read_p50_us_1", runs.iter().map(|run| percentile(&run.latency_us, 50.0)).collect());
        report.add("read_p99_us_1", runs.iter().map(|run| percentile(&run.latency_us, 99.0)).collect());
    }

    /// How fast keys are moved, and what readers notice of it at the default rate: halves with and without in turn, so that
    /// what else happens on the machine meets both.
    fn rotation(&self, report: &mut Report) {
        let (mut moved, mut to_limit, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.plan.runs {
            let keys = rotation::keys_per_second(&self.vault);
            moved.push(keys);
            to_limit.push(keys / rotation::bare_keys_per_second(self.home()));
            let read = || percentile(&self.vault_run(Act::Read, "rents", CONNECTIONS).latency_us, 99.0);
            let quiet = read();
            ratios.push(Admin::of(&self.vault).rotating(read) / quiet);
        }
        report.add("rewrap_keys_per_s", moved);
        report.add("rewrap_to_limit", to_limit);
        report.add("read_p99_ratio_during_rotation", ratios);
    }

    /// One rotation of as many keys as a large landlord has, from the request to the leaf that says that none is left.
    fn many(&self, report: &mut Report) {
        self.vault.fill(PEOPLE..self.plan.many);
        let job = Admin::of(&self.vault).rotate(Some(REWRAP_RATE_MAX));
        assert_eq!(job.done, self.plan.many, "everybody's key is moved");
        report.add("rewrap_many_keys", vec![job.done as f64]);
        report.add("rewrap_many_s", vec![(job.ended_ms.unwrap() - job.started_ms) as f64 / 1e3]);
    }

    fn client_read(&self) -> f64 {
        let vaults: Vec<_> = (0..VAULTS).map(|_| self.vault.client(APPLICATION)).collect();
        let token = self.vault.token("rents", &[CONTROLLER]);
        through_client::reads_per_second(&vaults, &token, CONNECTIONS / VAULTS, self.plan.run)
    }

    /// Tokens are made beforehand: signing them is the issuer's work.
    fn fresh_token_read(&self) -> f64 {
        let (home, now_ms) = (self.home(), System.now_ms());
        let wanted = home.request("rents@example", &["rents"], APPLICATION, &[CONTROLLER]);
        let count = (self.plan.run.as_secs_f64() * FRESH_PER_SECOND) as usize;
        let tokens = Tokens::fresh((0..count).map(|_| home.mint(&wanted, now_ms)).collect());
        let work = |connection| Box::new(Work::new(Act::Read, tokens.clone(), connection)) as _;
        generator::run(&self.vault.target(home), CONNECTIONS, self.plan.run, work).per_second()
    }

    fn vault_run(&self, act: Act, role: &str, connections: usize) -> Run {
        self.counted_run(act, role, connections).0
    }

    /// A run against the vault under a token of its own: none lives longer than 15 minutes.
    fn counted_run(&self, act: Act, role: &str, connections: usize) -> (Run, BTreeMap<String, f64>) {
        let tokens = Tokens::One(self.vault.token(role, &[CONTROLLER]).into());
        let work = |connection| Box::new(Work::new(act, tokens.clone(), connection)) as _;
        counted(self.vault.pid(), &self.vault.target(self.home()), connections, self.plan.run, work)
    }

    fn home(&self) -> &Home {
        self.vault.home()
    }
}

/// A run, and the CPU time that the server spent on each request, by thread.
fn counted(
    pid: u32,
    target: &Target,
    connections: usize,
    time: Duration,
    work: impl Fn(usize) -> Box<dyn generator::Exchange> + Sync,
) -> (Run, BTreeMap<String, f64>) {
    let before = Spent::by(pid);
    let run = generator::run(target, connections, time, work);
    let spent = Spent::by(pid).each_since(&before, run.asked);
    (run, spent)
}

fn percentile(latency_us: &Histogram<u64>, percent: f64) -> f64 {
    latency_us.value_at_quantile(percent / 100.0) as f64
}
