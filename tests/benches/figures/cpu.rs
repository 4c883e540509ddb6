//! Where the time of the cores goes: by process and by thread, as Linux counts it.

use std::collections::BTreeMap;

/// Linux shows these in hundredths of a second on every machine (`USER_HZ`).
const TICK_US: f64 = 10_000.0;

/// CPU time so far in microseconds, by the name of the thread without its number.
pub(crate) struct Spent(BTreeMap<String, f64>);

impl Spent {
    /// Of a process's living threads.
    pub(crate) fn by(pid: u32) -> Spent {
        let mut spent = BTreeMap::new();
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if let Some((name, micros)) = parse(&stat) {
                *spent.entry(name).or_default() += micros;
            }
        }
        Spent(spent)
    }

    /// What was spent since, for each of a number of requests; what is next to nothing is left out.
    pub(crate) fn each_since(&self, earlier: &Spent, requests: u64) -> BTreeMap<String, f64> {
        const LEAST_US: f64 = 0.05;
        let each = self.0.iter().map(|(name, micros)| {
            let before = earlier.0.get(name).copied().unwrap_or_default();
            (name.clone(), (micros - before) / requests as f64)
        });
        each.filter(|(_, micros)| *micros >= LEAST_US).collect()
    }
}

/// Fields 2, 14 and 15 of proc_pid_stat(5).
fn parse(stat: &str) -> Option<(String, f64)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    Some((name.to_owned(), (user + system) * TICK_US))
}
