//! The sample data goes in as an application would send it: through the client crate, over mutual
//! TLS, each category by the desk whose it is. Then each category is read by who may, and refused to who may not.

use std::time::{Duration, Instant};

use coffer_client::wire::api::ReadItem;
use coffer_client::{Logged, Records, ask};
use coffer_vault::clock::{Clock, System};
use coffer_wire::Name;
use indicatif::ProgressBar;

use super::cast::{BROOKSIDE, OAKVALE};
use super::desks::{DESKS, Desk};
use super::sample::{Row, Sample};
use super::stage::Stage;
use super::tell::{Tell, short};
use super::told::{NotAsTold, expect, refused, some};

/// Records in one request.
const BATCH: usize = 200;
/// Characters of a value that a line shows, beside all else that stands in it.
const VALUE: usize = 24;
/// The case named where a category asks for one.
const CASE: &str = "IMPORT-1";

/// What went in.
pub struct Imported {
    pub records: usize,
    pub time: Duration,
}

pub async fn all(stage: &Stage, tell: &mut Tell, sample: &Sample) -> Result<Imported, NotAsTold> {
    tell.chapter("A thousand invented tenants move in: 22 categories, each under keys of its own");
    tell.heading(
        "category",
        "records, who wrote them and who reads one",
        "what for, what is shown, and who is refused it",
    );
    let mut imported = Imported { records: 0, time: Duration::ZERO };
    for desk in &DESKS {
        let title = &sample.declared(desk.category)?.title;
        tell.step(title, format!("is written by {}", spoken(desk.written.0)));
        let begun = Instant::now();
        let records = write_all(stage, tell, sample, desk).await?;
        imported.time += begun.elapsed();
        imported.records += records;

        let (reader, purpose, ..) = desk.read;
        let reads = if reader == desk.written.0 { "who".to_owned() } else { spoken(reader) };
        tell.step(title, format!("{records} by {}, {reads} reads", spoken(desk.written.0)));
        let (shown, logged) = read_one(stage, sample, desk).await?;
        refuse_one(stage, sample, desk).await?;
        let shown = short(&shown, VALUE);
        tell.granted(Some(logged), format!("for {purpose}: {shown}; refused: {}", spoken(desk.refused.0)));
    }
    expect(imported.records == sample.rows.len(), "every record of the sample data went in")?;
    Ok(imported)
}

async fn write_all(stage: &Stage, tell: &Tell, sample: &Sample, desk: &Desk) -> Result<usize, NotAsTold> {
    let rows: Vec<&Row> = sample.of_category(desk.category).collect();
    let bar = tell.progress(desk.category, rows.len() as u64);
    let (writer, purpose, _) = desk.written;
    for landlord in [OAKVALE, BROOKSIDE] {
        let records = at(stage, sample, desk, (writer, purpose), landlord)?;
        let records = records.with_reason("import of the sample data");
        let theirs: Vec<&Row> = rows.iter().copied().filter(|row| row.controller == landlord).collect();
        for batch in theirs.chunks(BATCH) {
            write(&records, desk, batch, &bar).await?;
        }
    }
    bar.finish_and_clear();
    Ok(rows.len())
}

async fn write(records: &Records, desk: &Desk, batch: &[&Row], bar: &ProgressBar) -> Result<(), NotAsTold> {
    let items = batch.iter().map(|row| row.to_item(desk.written.2)).collect::<Result<_, _>>()?;
    for written in records.write_each(items).await? {
        expect(written.map_err(NotAsTold::new)?.version == 1, "a new record has version 1")?;
    }
    bar.inc(batch.len() as u64);
    Ok(())
}

/// What is shown is what was written, or what its form leaves of that.
async fn read_one(stage: &Stage, sample: &Sample, desk: &Desk) -> Result<(String, Logged), NotAsTold> {
    let (reader, purpose, form, name) = desk.read;
    let row = readable(sample, desk)?;
    let records = at(stage, sample, desk, (reader, purpose), OAKVALE)?;
    let read = records.read(item(desk, row)?).await?;
    let declared = sample.declared(desk.category)?;
    let field = some(declared.field(&Name::new(name).map_err(NotAsTold::new)?), name)?;
    let written = some(row.field(name), name)?;
    let wanted = some(field.told(form, written, System.now_ms()), name)?;
    let shown = some(read.field(name), name)?.expose();
    expect(shown == wanted, &format!("{name} is what was written, in the form that was asked for"))?;
    Ok((wanted, read.logged))
}

async fn refuse_one(stage: &Stage, sample: &Sample, desk: &Desk) -> Result<(), NotAsTold> {
    let (stranger, code) = desk.refused;
    let records = at(stage, sample, desk, (stranger, desk.read.1), OAKVALE)?;
    refused(records.read(item(desk, readable(sample, desk)?)?).await, code).map(drop)
}

/// The first of Oakvale's records that has the field.
fn readable<'a>(sample: &'a Sample, desk: &'a Desk) -> Result<&'a Row, NotAsTold> {
    let mut rows = sample.of_category(desk.category).filter(|row| row.controller == OAKVALE);
    some(rows.find(|row| row.field(desk.read.3).is_some()), "record with the field that is read")
}

fn item(desk: &Desk, row: &Row) -> Result<ReadItem, NotAsTold> {
    let (_, _, form, field) = desk.read;
    Ok(ask::shown_as(form, desk.category, &row.person, &row.record, &[field])?)
}

/// Somebody at work, with a case where the category asks for one.
fn at(
    stage: &Stage,
    sample: &Sample,
    desk: &Desk,
    (who, purpose): (&str, &str),
    landlord: &str,
) -> Result<Records, NotAsTold> {
    let records = stage.staff(who)?.for_controller(landlord)?.for_purpose(purpose)?;
    Ok(if sample.declared(desk.category)?.case_required { records.with_case(CASE) } else { records })
}

/// A role, as it is spoken of.
fn spoken(role: &str) -> String {
    role.replace('-', " ")
}
