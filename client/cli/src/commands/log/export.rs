//! `coffer log export`: the whole log as a file, checked on the way.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::verify::{hold, tell};
use super::walk::{Sink, walk_all};
use crate::args::Export;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::verify::dump::{write_end, write_leaf, write_note};

/// For its owner alone: a log holds no name, but says who did what when.
const MODE: u32 = 0o600;

pub async fn run(desk: &Desk, args: &Export) -> Result<(), Failure> {
    let failed = |error| Failure::failed(args.out.display(), error);
    let (vault, session) = desk.session()?;
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&args.out);
    let file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} exists already", args.out.display()), "name another file")
        }
        _ => failed(error),
    })?;
    let mut out = ToFile { out: BufWriter::new(file), path: &args.out };
    let line = walk_all(&vault, &session, &mut out).await?;
    // Written to its end also where the log is wrong: then the file is evidence.
    let file = out.out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    hold(&line, None)?;
    tell(desk, &line, None, 0)
}

struct ToFile<'a> {
    out: BufWriter<File>,
    path: &'a Path,
}

impl ToFile<'_> {
    fn done(&self, written: io::Result<()>) -> Result<(), Failure> {
        written.map_err(|error| Failure::failed(self.path.display(), error))
    }
}

impl Sink for ToFile<'_> {
    fn note(&mut self, note: &str) -> Result<(), Failure> {
        let written = write_note(&mut self.out, note);
        self.done(written)
    }

    fn leaf(&mut self, leaf: &str) -> Result<(), Failure> {
        let written = write_leaf(&mut self.out, leaf);
        self.done(written)
    }

    fn end(&mut self) -> Result<(), Failure> {
        let written = write_end(&mut self.out);
        self.done(written)
    }
}
