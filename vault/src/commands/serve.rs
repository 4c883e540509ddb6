//! `coffer-vault serve`: the server, until it is told to stop.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use coffer_vault::listen::Listener;
use coffer_vault::serve::Door;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{Failure, Status};
use super::open;

/// How often is looked whether the log can still be written.
const WATCH_EVERY: Duration = Duration::from_millis(200);
/// How long the process stays after the log failed, so that whoever waits is answered. With the watch,
/// it ends within a second.
const LAST_ANSWERS_TIME: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct Serve {
    /// The home directory
    dir: PathBuf,
}

/// Serves until SIGTERM or SIGINT, or until the log cannot be written.
pub fn run(args: &Serve) -> Result<(), Failure> {
    harden().map_err(|error| Failure::io("process limits", error))?;
    let (listener, door) = open::listen(open::config(&args.dir)?)?;
    eprintln!("coffer-vault: listening on {}", listener.address());
    if let Door::Shut(_) = &door {
        eprintln!("coffer-vault: sealed ({}); only status is answered", open::LOG_NOT_CONTINUOUS);
    }
    until_stopped(listener, &door)
}

/// Waits for the end, then lets requests finish and writes log and head.
pub fn until_stopped(listener: Listener, door: &Door) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|error| Failure::io("runtime", error))?.block_on(wait(door));
    if ended.is_err() {
        // What a failed write has kept is unknown: nothing is tidied up over it. Who waits hears that; then the
        // process ends with its threads. A listener that is dropped would wait for connections that stay open.
        std::thread::sleep(LAST_ANSWERS_TIME);
        std::mem::forget(listener);
        return ended;
    }
    eprintln!("coffer-vault: stopping");
    stop(listener, door);
    Ok(())
}

/// Lets requests finish and writes log and head.
pub fn stop(mut listener: Listener, door: &Door) {
    listener.stop();
    if let Door::Open(house) = door {
        house.ledger().close();
    }
}

async fn wait(door: &Door) -> Result<(), Failure> {
    let failed = |error| Failure::io("signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        if let Door::Open(house) = door
            && house.ledger().shared().has_failed()
        {
            let why = "the log cannot be written: look at the disk, then start again";
            return Err(Failure::new(Status::Software, why));
        }
    }
}

/// No core files, and no other process of the same user may look into the memory.
pub fn harden() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
