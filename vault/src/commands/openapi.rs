//! `coffer-vault openapi`: the description of the API, without a vault.

use std::io::Write;

use clap::Args;
use coffer_vault::serve::openapi::{document, markdown};

use super::exit::Failure;

#[derive(Args)]
#[command(
    after_help = "A running vault answers the same document to `GET /openapi.json`. docs/API.md is what --markdown prints."
)]
pub struct Openapi {
    /// For people: docs/API.md
    #[arg(long)]
    markdown: bool,
}

/// Prints it.
pub fn run(args: &Openapi) -> Result<(), Failure> {
    let text = if args.markdown { markdown() } else { format!("{:#}\n", document()) };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::io("standard output", error))
}
