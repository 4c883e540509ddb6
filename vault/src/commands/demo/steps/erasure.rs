//! A tenant is erased, and unreadable at once.

use coffer_client::wire::api::ReadItem;
use coffer_client::{Refusal, Session, Standing, ask};
use coffer_wire::problem::Code;

use super::super::cast::{Cast, NO_RECORD, NOBODY, OAKVALE};
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused, some};

/// The DPO's case: care needs and complaints are opened for one only, to be erased too.
const CASE: &str = "E-2";

pub async fn told(stage: &Stage, tell: &mut Tell, cast: &Cast) -> Result<(), NotAsTold> {
    tell.chapter("A tenant is erased: the keys are destroyed, what is left is noise");
    let person = cast.leaver.as_str();
    let rents = stage.staff("rents")?.for_controller(OAKVALE)?;
    let payments = rents.for_purpose("payments")?;

    tell.step("rents officer", format!("reads {person}'s account number, masked"));
    let record = first_record(&rents, person).await?;
    let item = || masked(person, &record);
    let read = payments.read(item()?).await?;
    tell.granted(Some(read.logged), some(read.field("account_number"), "account number")?.expose());

    tell.step("DPO", format!("erases {person} from every category"));
    let dpo = stage.staff("dpo")?.for_controller(OAKVALE)?.for_purpose("erasure")?;
    let dpo = dpo.with_case(CASE).with_reason("the tenant left and asked for it");
    let erased = dpo.erase_person(ask::person(person, &[])?).await?;
    expect(erased.records >= 6, "there was a record in each of six categories")?;
    tell.granted(erased.logged.last().copied(), format!("{} records gone", erased.records));

    tell.step("rents officer", "reads the account number again");
    let gone = refused(payments.read(item()?).await, Code::NotFound)?;
    let never = refused(payments.read(masked(NOBODY, NO_RECORD)?).await, Code::NotFound)?;
    expect(unlogged(&gone) == unlogged(&never), "an erased person is answered like one who never was")?;
    tell.refused(&gone);

    tell.step("support worker", "lists the tenant's care needs");
    let care = stage.staff("support-worker")?.for_controller(OAKVALE)?.for_purpose("home-visits")?;
    let listed = care.with_case("V-18").list(ask::records_of("care", person)?).await;
    tell.refused(&refused(listed, Code::NotFound)?);
    Ok(())
}

async fn first_record(rents: &Session, person: &str) -> Result<String, NotAsTold> {
    let listed = rents.for_purpose("payments")?.list(ask::records_of("bank", person)?).await?;
    Ok(some(listed.records.first(), "bank details of the tenant")?.record.as_str().to_owned())
}

fn masked(person: &str, record: &str) -> Result<ReadItem, NotAsTold> {
    Ok(ask::masked("bank", person, record, &["account_number"])?)
}

fn unlogged(refusal: &Refusal) -> Refusal {
    Refusal { standing: Standing::Unreceipted, ..refusal.clone() }
}
