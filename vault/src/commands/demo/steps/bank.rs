//! Bank details: no more than the task needs.

use coffer_client::ask;
use coffer_wire::problem::Code;

use super::super::cast::{Cast, OAKVALE};
use super::super::sample::Sample;
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused, some};
use super::same;

/// Characters of an account number that its mask leaves.
const SHOWN: usize = 4;

pub async fn told(stage: &Stage, tell: &mut Tell, sample: &Sample, cast: &Cast) -> Result<(), NotAsTold> {
    tell.chapter("Rents takes payments: masked to recognise an account, clear to pay");
    let row = sample.of("bank", OAKVALE, &cast.tenant)?;
    let wanted = some(row.field("account_number"), "account number")?;
    let rents = stage.staff("rents")?.for_controller(OAKVALE)?;
    let payments = rents.for_purpose("payments")?;

    tell.step("rents officer", format!("reads {}'s account number, masked", row.person));
    let masked = payments.read(ask::masked("bank", &row.person, &row.record, &["account_number"])?).await?;
    let shown = some(masked.field("account_number"), "account number")?.expose();
    expect(shown != wanted && !shown.contains(wanted), "a masked number is not the number")?;
    let tail = &wanted[wanted.len().saturating_sub(SHOWN)..];
    expect(shown.ends_with(tail), "a masked number shows its last four characters")?;
    tell.granted(Some(masked.logged), shown);

    tell.step("rents officer", "reads it in clear, for payments");
    let clear = ask::clear("bank", &row.person, &row.record, &["account_number", "sort_code"])?;
    let read = payments.read(clear.clone()).await?;
    let number = same(&read, "account_number", Some(wanted))?;
    let sort_code = same(&read, "sort_code", row.field("sort_code"))?;
    tell.granted(Some(read.logged), format!("{number}, sort code {sort_code}"));

    tell.step("rents officer", "reads it in clear again, for an enquiry");
    let enquiries = rents.for_purpose("enquiries")?;
    let clear = ask::clear("bank", &row.person, &row.record, &["account_number"])?;
    tell.refused(&refused(enquiries.read(clear).await, Code::ForbiddenForm)?);
    Ok(())
}
