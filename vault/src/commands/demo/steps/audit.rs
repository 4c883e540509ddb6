//! The auditor sees every access and no value, and takes nobody's word for it: the log is checked
//! from its bytes, under the key that was known before.

use std::collections::BTreeSet;

use coffer_client::wire::leaf::{Action, Leaf};
use coffer_client::{Kept, ask};
use coffer_wire::problem::Code;

use super::super::cast::{NO_RECORD, NOBODY, OAKVALE};
use super::super::log_copy::{Fault, LogCopy, Tally};
use super::super::sample::Sample;
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused, some};
use super::landlords::Twins;

const AUDITOR: &str = "auditor";

pub async fn told(stage: &Stage, tell: &mut Tell, sample: &Sample, twins: Twins) -> Result<Tally, NotAsTold> {
    tell.chapter("The auditor sees every access, no value, and trusts nobody's word");
    let auditor = stage.staff("auditor")?.for_controller(OAKVALE)?;

    tell.step(AUDITOR, "reads a record");
    let item = ask::masked("bank", NOBODY, NO_RECORD, &["account_number"])?;
    let asked = auditor.for_purpose("payments")?.read(item).await;
    tell.refused(&refused(asked, Code::ForbiddenApplication)?);

    tell.step(AUDITOR, "reads the whole log");
    let log = LogCopy::fetch(&auditor, |size| tell.progress("leaves", size)).await?;
    let receipts = stage.receipts();
    tell.granted(log.logged(), format!("{} leaves", log.leaves().len()));

    tell.step(AUDITOR, "builds the tree anew, under the pinned log key");
    let checked = log.check(&stage.log_key, &receipts).map_err(NotAsTold::new)?;
    tell.granted(None, format!("root as signed: {}…", &checked.root.to_string()[..12]));

    tell.step(AUDITOR, "holds the applications' receipts against it");
    let proved = stage.prove_receipts().await?;
    expect(proved >= receipts.len() as u64, "every receipt is proved to be in the log")?;
    tell.granted(None, format!("{} receipts, {} checkpoints, one tree", receipts.len(), checked.checkpoints));

    tell.step(AUDITOR, "matches accesses and receipts, both ways");
    every_access(&checked.leaves, &receipts)?;
    alike(&checked.leaves, &twins)?;
    tell.granted(None, "none is missing, none is more");

    tell.step(AUDITOR, "looks for the tenants' names, ids and values");
    let searched = sample.rows.iter().map(|row| row.telling().count()).sum::<usize>();
    expect(log.holds_none_of(sample), "no leaf holds a value or an id of the sample data")?;
    tell.granted(None, format!("none of {searched} in any leaf"));

    tell.step("somebody", "flips one bit in a copy of the log");
    let index = some(log.leaves().len().checked_div(2), "leaf")?;
    match log.with_a_flipped_bit(index).check(&stage.log_key, &receipts) {
        Err(Fault::Root { first }) => {
            expect(first == Some(index as u64), "the altered leaf is named")?;
            tell.granted(None, format!("found: leaf {index} is not what was signed"));
        }
        Err(other) => return Err(NotAsTold::new(format!("it was found otherwise: {other}"))),
        Ok(_) => return Err(NotAsTold::new("the altered copy was taken for the log")),
    }
    Ok(checked.tally)
}

/// Each access to data that the log tells of has the receipt of who did it, and each receipt stands
/// for an access that the log tells of.
fn every_access(leaves: &[Leaf], receipts: &[Kept]) -> Result<(), NotAsTold> {
    let held: BTreeSet<u64> = receipts.iter().map(|receipt| receipt.index).collect();
    let told = (0..).zip(leaves).filter(|(_, leaf)| touches_data(leaf.action)).map(|(index, _)| index);
    expect(told.clone().all(|index| held.contains(&index)), "no access is in the log without its receipt")?;
    let told: BTreeSet<u64> = told.collect();
    let reads_log = |index: u64| leaves.get(index as usize).is_some_and(|leaf| leaf.action == Action::LogEntry);
    let stray = held.iter().any(|index| !told.contains(index) && !reads_log(*index));
    expect(!stray, "no receipt is for something else than an access")
}

fn touches_data(action: Action) -> bool {
    use Action::{RecordsErase, RecordsList, RecordsRead, RecordsReseal, RecordsWrite, SubjectsErase};
    matches!(action, RecordsWrite | RecordsRead | RecordsList | RecordsErase | RecordsReseal | SubjectsErase)
}

/// The refusals about another's tenant and about nobody are told apart by nothing but time, number
/// and what is drawn afresh each time.
fn alike(leaves: &[Leaf], twins: &Twins) -> Result<(), NotAsTold> {
    let plain = |index: u64| {
        let mut leaf = some(leaves.get(index as usize), "leaf of that index")?.clone();
        expect(leaf.subject.take().is_some(), "the leaf names its subject by an alias")?;
        (leaf.t, leaf.n, leaf.commit) = (0, 0, coffer_wire::Hash::from_bytes([0; 32]));
        Ok::<_, NotAsTold>(leaf)
    };
    expect(plain(twins.0)? == plain(twins.1)?, "the two refusals look alike in the log")
}
