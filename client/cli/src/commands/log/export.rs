//! `coffer log export`: the whole log as a file, checked on the way.

use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;

use super::verify::{hold, tell};
use super::walk::walk;
use crate::args::Export;
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::verify::dump::{write_leaf, write_note};

/// For its owner alone: a log holds no name, but says who did what when.
const MODE: u32 = 0o600;

pub async fn run(desk: &Desk, args: &Export) -> Result<(), Failure> {
    let failed = |error| Failure::failed(args.out.display(), error);
    let (vault, session) = desk.session()?;
    let (checkpoint, note) = vault.checkpoint().await?;
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&args.out);
    let file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} exists already", args.out.display()), "name another file")
        }
        _ => failed(error),
    })?;
    let mut out = BufWriter::new(file);
    write_note(&mut out, &note).map_err(failed)?;
    let audit = walk(&vault, &session, &checkpoint, |leaf| write_leaf(&mut out, leaf).map_err(failed)).await?;
    // Written to its end also where the log is wrong: then the file is evidence.
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    hold(&checkpoint, &audit, None)?;
    prove(&vault).await?;
    tell(desk, &checkpoint, &audit, None)
}
