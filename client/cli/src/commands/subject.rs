//! `coffer subject erase`: a person is unreadable when this returns.

use coffer_wire::api::EraseSubjectItem;

use super::tell_erased;
use crate::args::EraseSubject;
use crate::connect::{Desk, prove};
use crate::failure::Failure;

pub async fn run(desk: &Desk, args: EraseSubject) -> Result<(), Failure> {
    let (vault, records) = desk.records(args.envelope)?;
    let item = EraseSubjectItem { person: args.person, categories: args.categories };
    let erased = records.erase_person(item).await?;
    prove(&vault).await?;
    tell_erased(desk, erased)
}
