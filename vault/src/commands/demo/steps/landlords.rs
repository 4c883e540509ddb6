//! Two landlords share a vault and cannot tell whom the other houses.

use coffer_client::{Refusal, Standing, ask};
use coffer_wire::problem::Code;

use super::super::cast::{BROOKSIDE, Cast, NO_RECORD, NOBODY, OAKVALE};
use super::super::sample::Sample;
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused, some};
use super::same;

const OFFICER: &str = "Oakvale's officer";

/// The leaves of two refusals that must look alike in the log too.
pub struct Twins(pub u64, pub u64);

pub async fn told(stage: &Stage, tell: &mut Tell, sample: &Sample, cast: &Cast) -> Result<Twins, NotAsTold> {
    tell.chapter("Neither landlord can tell whom the other houses");
    let officer = stage.somebody("rents", "rents-desk", &[OAKVALE])?;
    let own = officer.clone().for_controller(OAKVALE)?.for_purpose("payments")?;
    let others = officer.for_controller(BROOKSIDE)?.for_purpose("payments")?;
    let record = &sample.of("bank", BROOKSIDE, &cast.neighbour)?.record;

    tell.step(OFFICER, format!("asks for {}, whom Brookside houses", cast.neighbour));
    let theirs = refused(own.read(number(&cast.neighbour, record)?).await, Code::NotFound)?;
    tell.refused(&theirs);

    tell.step(OFFICER, format!("asks for {NOBODY}, who never existed"));
    let nobody = refused(own.read(number(NOBODY, NO_RECORD)?).await, Code::NotFound)?;
    alike(&theirs, &nobody)?;
    tell.refused(&nobody);
    let twins = Twins(leaf(&theirs)?, leaf(&nobody)?);

    tell.step(OFFICER, "asks for both again, in Brookside's name");
    let theirs = refused(others.read(number(&cast.neighbour, record)?).await, Code::ForbiddenController)?;
    let nobody = refused(others.read(number(NOBODY, NO_RECORD)?).await, Code::ForbiddenController)?;
    alike(&theirs, &nobody)?;
    tell.refused(&nobody);

    let row = sample.of("bank", OAKVALE, &cast.namesake)?;
    tell.step(OFFICER, format!("asks for {}, whom both house: two people", cast.namesake));
    let read = own.read(ask::clear("bank", &row.person, &row.record, &["account_name"])?).await?;
    let name = same(&read, "account_name", row.field("account_name"))?;
    let other = sample.of("bank", BROOKSIDE, &cast.namesake)?;
    expect(Some(name) != other.field("account_name"), "the two have different names")?;
    tell.granted(Some(read.logged), format!("{name}, Oakvale's own"));
    Ok(twins)
}

fn number(person: &str, record: &str) -> Result<coffer_client::wire::api::ReadItem, NotAsTold> {
    Ok(ask::clear("bank", person, record, &["account_number"])?)
}

/// Nothing in one answer tells it from the other, but where the log has it.
fn alike(one: &Refusal, other: &Refusal) -> Result<(), NotAsTold> {
    let said = |refusal: &Refusal| Refusal { standing: Standing::Unreceipted, ..refusal.clone() };
    let same = said(one) == said(other) && one.logged().len() == other.logged().len();
    expect(same, "the two answers are the same")
}

fn leaf(refusal: &Refusal) -> Result<u64, NotAsTold> {
    Ok(some(refusal.logged().first(), "receipt of the refusal")?.index)
}
