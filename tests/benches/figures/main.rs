//! `make bench`: the figures of a vault on this machine, as a table and as `target/bench.json`.
//!
//! One generator drives an echo and the vault, each a child process of this very executable behind
//! the vault's own listener (mutual TLS 1.3, HTTP/1.1, a worker thread for each core); generator and
//! server share the cores. Reads are uniform over 10,000 people, with receipts, under the shipped
//! policy, and every value that comes back is checked. Echo and read alternate, so that what else
//! happens on the machine meets both.
//!
//! `cargo bench -p coffer-tests -- --quick` gives rough figures within a minute.
#![allow(clippy::unwrap_used)] // what cannot be measured is no figure

mod child;
mod cpu;
mod disk;
mod generator;
mod measure;
mod people;
mod report;
mod rotation;
mod through_client;
mod work;

use std::path::Path;

use coffer_tests::harness::{Home, Store};

use child::Child;
use measure::{Measure, Plan};
use mimalloc::MiMalloc;
use report::Report;

/// As `coffer-vault` has it.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<MiMalloc> = zeroizing_alloc::ZeroAlloc(MiMalloc);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [child::SERVE_ECHO, home] => child::serve_echo(Path::new(home)),
        [child::SERVE_VAULT, home] => child::serve_vault(Path::new(home)),
        _ => {
            let quick = words.iter().any(|word| word == "--quick");
            figures(if quick { Plan::QUICK } else { Plan::WHOLE });
        }
    }
}

fn figures(plan: Plan) {
    // Beside the build, which lies on a disk; the usual temporary folder may be memory.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(folder).unwrap();
    let _ = tempfile::env::override_temp_dir(folder);

    // One application takes all that the machine gives: it is the vault that is measured, and not its limits.
    let home = Home::new(Store::Rocks).without_limits();
    let mut report = Report::new(plan.runs);
    report.add("fdatasync_p50_us", vec![disk::fdatasync_p50_us(home.folder(), plan.run)]);

    let home = Child::vault(home).populated().end();
    let compacted = disk::compacted(&home);
    let home = Child::vault(home).warmed(plan.run).end();
    report.add("bytes_per_leaf_on_disk", vec![compacted.bytes_per_leaf(&disk::compacted(&home))]);

    let echo = Child::echo(&home);
    let vault = Child::vault(home);
    Measure { echo, vault, plan }.all(&mut report);
    report.print();
    report.write(&folder.with_file_name("bench.json"));
}
