//! The sample data goes in as an application would send it: through the client crate, over mutual
//! TLS, each category by the desk whose it is.

use std::time::{Duration, Instant};

use coffer_client::{Logged, Records};
use indicatif::ProgressBar;

use super::cast::{BROOKSIDE, OAKVALE};
use super::sample::{Row, Sample};
use super::stage::Stage;
use super::tell::Tell;
use super::told::{NotAsTold, expect, some};

/// Records in one request.
const BATCH: usize = 200;
/// The case named where a category asks for one.
const CASE: &str = "IMPORT-1";

/// Category, what it is called, who writes it, for which purpose.
const DESKS: [(&str, &str, &str, &str); 4] = [
    ("bank", "bank details", "bank-officer", "payments"),
    ("care", "care needs", "support-worker", "support-planning"),
    ("debts", "debts", "debt-adviser", "debt-advice"),
    ("complaints", "complaints", "complaints-handler", "complaint-handling"),
];

/// What went in.
pub struct Imported {
    pub records: usize,
    pub time: Duration,
}

pub async fn all(stage: &Stage, tell: &mut Tell, sample: &Sample) -> Result<Imported, NotAsTold> {
    tell.chapter("A thousand invented tenants move in, each category under keys of its own");
    let begun = Instant::now();
    for desk in DESKS {
        category(stage, tell, sample, desk).await?;
    }
    Ok(Imported { records: sample.rows.len(), time: begun.elapsed() })
}

async fn category(
    stage: &Stage,
    tell: &mut Tell,
    sample: &Sample,
    (category, title, writer, purpose): (&str, &str, &str, &str),
) -> Result<(), NotAsTold> {
    tell.step(&writer.replace('-', " "), format!("writes {title} of both landlords"));
    let rows: Vec<&Row> = sample.of_category(category).collect();
    let bar = tell.progress(title, rows.len() as u64);
    let mut last = None;
    for landlord in [OAKVALE, BROOKSIDE] {
        let session = stage.staff(writer)?.for_controller(landlord)?;
        let records = session.for_purpose(purpose)?.with_reason("import of the sample data");
        let records = if needs_case(category) { records.with_case(CASE) } else { records };
        let theirs: Vec<&Row> = rows.iter().copied().filter(|row| row.controller == landlord).collect();
        for batch in theirs.chunks(BATCH) {
            last = Some(write(&records, batch, &bar).await?);
        }
    }
    bar.finish_and_clear();
    tell.granted(Some(some(last, "record to write")?), format!("{} records", rows.len()));
    Ok(())
}

async fn write(records: &Records, batch: &[&Row], bar: &ProgressBar) -> Result<Logged, NotAsTold> {
    let items = batch.iter().map(|row| row.to_item()).collect::<Result<_, _>>()?;
    let mut last = None;
    for written in records.write_each(items).await? {
        let written = written.map_err(NotAsTold::new)?;
        expect(written.version == 1, "a new record has version 1")?;
        last = last.max(Some(written.logged));
    }
    bar.inc(batch.len() as u64);
    some(last, "record in this batch")
}

fn needs_case(category: &str) -> bool {
    matches!(category, "care" | "complaints")
}
