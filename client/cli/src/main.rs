//! `coffer`: the command line of those who run, review and answer for a vault. It speaks to the vault
//! through `coffer-client`, holds no key of data, and shows nothing of the vault's that it has not
//! made safe for a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    coffer_cli::run()
}
