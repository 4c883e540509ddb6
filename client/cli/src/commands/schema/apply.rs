//! `coffer schema apply`: categories and fields from files come into force.

use crate::args::ApplySchema;
use crate::commands::access::apply::tell;
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::input::proposal;

pub async fn run(desk: &Desk, args: &ApplySchema) -> Result<(), Failure> {
    let files = proposal(&args.paths)?;
    let (vault, session) = desk.session()?;
    let activated = session.apply_schema(files, args.approval).await?;
    prove(&vault).await?;
    tell(desk, "schema", &activated)
}
