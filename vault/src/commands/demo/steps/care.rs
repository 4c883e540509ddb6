//! The other desks: care needs for a case only, debts, complaints.

use coffer_client::{Records, ask};
use coffer_wire::problem::Code;

use super::super::cast::{Cast, OAKVALE};
use super::super::sample::Sample;
use super::super::stage::Stage;
use super::super::tell::{Tell, short};
use super::super::told::{NotAsTold, refused};
use super::same;

/// Characters of a long value that a line shows.
const SHOWN: usize = 36;

pub async fn told(stage: &Stage, tell: &mut Tell, sample: &Sample, cast: &Cast) -> Result<(), NotAsTold> {
    tell.chapter("Each desk reads its own; care needs and complaints for a case only");
    let row = sample.of("care", OAKVALE, &cast.tenant)?;
    let visits = at(stage, "support-worker", "home-visits")?;
    let notes = || ask::clear("care", &row.person, &row.record, &["access_notes"]);

    tell.step("support worker", format!("reads {}'s care needs, naming no case", row.person));
    tell.refused(&refused(visits.read(notes()?).await, Code::CaseRequired)?);

    tell.step("support worker", "reads what a visitor must know, for visit V-17");
    let read = visits.with_case("V-17").read(notes()?).await?;
    let text = same(&read, "access_notes", row.field("access_notes"))?;
    tell.granted(Some(read.logged), short(text, SHOWN));

    let row = sample.of("debts", OAKVALE, &cast.tenant)?;
    tell.step("debt adviser", "reads what the tenant owes");
    let advice = at(stage, "debt-adviser", "debt-advice")?;
    let read = advice.read(ask::clear("debts", &row.person, &row.record, &["balance"])?).await?;
    tell.granted(Some(read.logged), same(&read, "balance", row.field("balance"))?);

    let row = sample.of("complaints", OAKVALE, &cast.complainant)?;
    tell.step("complaints handler", format!("reads {}'s complaint, for its case", row.person));
    let handling = at(stage, "complaints-handler", "complaint-handling")?.with_case(&row.record);
    let read = handling.read(ask::clear("complaints", &row.person, &row.record, &["summary"])?).await?;
    tell.granted(Some(read.logged), short(same(&read, "summary", row.field("summary"))?, SHOWN));
    Ok(())
}

fn at(stage: &Stage, who: &str, purpose: &str) -> Result<Records, NotAsTold> {
    Ok(stage.staff(who)?.for_controller(OAKVALE)?.for_purpose(purpose)?)
}
