//! `coffer record erase`: a record is unreadable when this returns.

use coffer_wire::api::EraseItem;

use crate::args::EraseRecord;
use crate::commands::tell_erased;
use crate::connect::{Desk, prove};
use crate::failure::Failure;

pub async fn run(desk: &Desk, args: EraseRecord) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let item = EraseItem { category: args.category, person: args.person, record: args.record };
    let erased = records.erase(item).await?;
    prove(&vault).await?;
    tell_erased(desk, erased)
}
