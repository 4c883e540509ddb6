//! The figures as a table and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

/// What is to be reached: at least, or at most.
const AIMS: [(&str, Aim); 6] = [
    ("read_to_echo", Aim::AtLeast(0.25)),
    ("read_p99_us_1", Aim::AtMost(10_000.0)),
    ("read_p99_us_64", Aim::AtMost(10_000.0)),
    ("batch_read_records_per_s", Aim::AtLeast(50_000.0)),
    ("rewrap_to_limit", Aim::AtLeast(0.5)),
    ("read_p99_ratio_during_rotation", Aim::AtMost(2.0)),
];

#[derive(Clone, Copy)]
enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    fn is_met(self, value: f64) -> bool {
        match self {
            Aim::AtLeast(least) => value >= least,
            Aim::AtMost(most) => value <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Aim::AtLeast(least) => format!("≥ {}", number(least)),
            Aim::AtMost(most) => format!("≤ {}", number(most)),
        }
    }
}

/// Figures as they come in.
pub(crate) struct Report {
    runs: usize,
    figures: Vec<(&'static str, Vec<f64>)>,
    /// CPU microseconds of the server for each request, by what was asked and by thread, of each run.
    cpu: BTreeMap<&'static str, Vec<BTreeMap<String, f64>>>,
}

impl Report {
    pub(crate) fn new(runs: usize) -> Report {
        Report { runs, figures: Vec::new(), cpu: BTreeMap::new() }
    }

    /// Adds a figure: its value in each run. Says so at once, since the whole takes minutes.
    pub(crate) fn add(&mut self, name: &'static str, values: Vec<f64>) {
        eprintln!("{name}: {}", values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(", "));
        self.figures.push((name, values));
    }

    /// Adds what a run cost the server.
    pub(crate) fn cpu(&mut self, asked: &'static str, spent: BTreeMap<String, f64>) {
        self.cpu.entry(asked).or_default().push(spent);
    }

    /// The table. The spread is that between the lowest and the highest run, over the median.
    pub(crate) fn print(&self) {
        println!("\n{:<31} {:>12} {:>8}   reach now ({} runs)", "figure", "median", "spread", self.runs);
        for (name, values) in &self.figures {
            let aim = AIMS.iter().find(|(of, _)| of == name).map(|(_, aim)| *aim);
            let verdict = aim.map_or_else(String::new, |aim| {
                format!("{}  {}", aim.text(), if aim.is_met(median(values)) { "reached" } else { "MISSED" })
            });
            let spread = if values.len() > 1 { format!("{:.0} %", 100.0 * spread(values)) } else { "-".to_owned() };
            println!("{name:<31} {:>12} {spread:>8}   {verdict}", number(median(values)));
        }
        println!("\nCPU of the server for each request in µs, by thread:");
        for (asked, threads) in self.cpu_medians() {
            let parts: Vec<String> = threads.iter().map(|(name, micros)| format!("{name} {micros:.1}")).collect();
            println!("  {asked:<6} {:>5.1}  = {}", threads.values().sum::<f64>(), parts.join(" + "));
        }
    }

    /// The same for programs.
    pub(crate) fn write(&self, path: &Path) {
        let figures: serde_json::Map<_, _> = self
            .figures
            .iter()
            .map(|(name, values)| {
                let figure = json!({ "median": median(values), "spread": spread(values), "runs": values });
                ((*name).to_owned(), figure)
            })
            .collect();
        let whole = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "server": "a child process",
            "figures": figures,
            "server_cpu_us": self.cpu_medians(),
        });
        std::fs::write(path, format!("{whole:#}\n")).unwrap();
        println!("\n{}", path.display());
    }

    fn cpu_medians(&self) -> BTreeMap<&'static str, BTreeMap<String, f64>> {
        let of = |runs: &Vec<BTreeMap<String, f64>>| {
            let mut threads: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for (name, micros) in runs.iter().flatten() {
                threads.entry(name.clone()).or_default().push(*micros);
            }
            threads.into_iter().map(|(name, micros)| (name, median(&micros))).collect()
        };
        self.cpu.iter().map(|(asked, runs)| (*asked, of(runs))).collect()
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { sorted[middle - 1].midpoint(sorted[middle]) }
}

fn spread(values: &[f64]) -> f64 {
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    (high - low) / median(values)
}

fn number(value: f64) -> String {
    if value < 10.0 { format!("{value:.3}") } else { format!("{value:.0}") }
}
