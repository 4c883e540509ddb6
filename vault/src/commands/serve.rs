//! `coffer-vault serve`: the server, until it is told to stop.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coffer_vault::serve::Door;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Failure, Status};
use super::live::Asked;
use super::open::{self, Served};

/// How often is looked whether the log can still be written.
const WATCH_EVERY: Duration = Duration::from_millis(200);
/// How long the process stays after the log failed, so that whoever waits is answered. With the watch,
/// it ends within a second.
const LAST_ANSWERS_TIME: Duration = Duration::from_millis(500);

/// Serves a home until SIGTERM or SIGINT. Certificates and keys of issuers may be replaced meanwhile: they are looked at
/// every ten seconds, and at once on SIGHUP.
#[derive(Args)]
pub struct Serve {
    /// The home directory
    dir: PathBuf,
}

/// Serves until SIGTERM or SIGINT, or until the log cannot be written.
pub fn run(args: &Serve) -> Result<(), Failure> {
    harden().map_err(|error| Failure::io("process limits", error))?;
    let end = End::awaited()?;
    let served = open::listen(open::config(&args.dir)?)?;
    eprintln!("coffer-vault: listening on {}", served.listener.address());
    if let Some(operator) = &served.operator {
        eprintln!("coffer-vault: operator's port on {}", operator.address());
    }
    if let Door::Shut(_) = &served.door {
        eprintln!("coffer-vault: sealed ({}); only status is answered", open::LOG_NOT_CONTINUOUS);
    }
    until_stopped(served, end)
}

/// The signals that end a server, and the one that has it look at its files.
pub struct End {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl End {
    /// From here on a signal is kept for the server. Made before anybody learns that it serves: until then, a signal
    /// ends the process on the spot.
    pub fn awaited() -> Result<End, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::io("runtime", error))?;
        let awaited = |kind| {
            let _runtime = runtime.enter();
            signal(kind).map_err(|error| Failure::io("signals", error))
        };
        let (terminate, interrupt) = (awaited(SignalKind::terminate())?, awaited(SignalKind::interrupt())?);
        let hangup = awaited(SignalKind::hangup())?;
        Ok(End { runtime, terminate, interrupt, hangup })
    }
}

/// Waits for the end, then lets requests finish and writes log and head.
pub fn until_stopped(mut served: Served, end: End) -> Result<(), Failure> {
    let End { runtime, terminate, interrupt, hangup } = end;
    let asked = asked(&served, &runtime);
    tell_service_manager(&[NotifyState::Ready]);
    if let Err(ended) = runtime.block_on(wait(&mut served, asked, [terminate, interrupt], hangup)) {
        // What a failed write has kept is unknown: nothing is tidied up over it. Who waits hears that; then the
        // process ends with its threads. A listener that is dropped would wait for connections that stay open.
        std::thread::sleep(LAST_ANSWERS_TIME);
        std::mem::forget(served);
        runtime.shutdown_background();
        return Err(ended);
    }
    eprintln!("coffer-vault: stopping");
    tell_service_manager(&[NotifyState::Stopping]);
    stop(served);
    Ok(())
}

/// Lets requests finish and writes log and head.
pub fn stop(mut served: Served) {
    served.listener.stop();
    if let Door::Open(house) = &served.door {
        house.ledger().close();
    }
}

/// Where a copy of the store is asked for. A vault serves without it.
fn asked(served: &Served, runtime: &Runtime) -> Option<Asked> {
    let (Door::Open(house), Some(store)) = (&served.door, &served.store) else { return None };
    let _runtime = runtime.enter();
    let asked = Asked::bind(&house.config, Arc::clone(store));
    asked.inspect_err(|error| tracing::warn!(%error, "no copy of the store can be asked for while it serves")).ok()
}

async fn answer(asked: Option<Asked>) {
    if let Some(asked) = asked {
        let error = asked.answer().await;
        tracing::warn!(%error, "no copy of the store can be asked for any more");
    }
    std::future::pending().await
}

async fn wait(served: &mut Served, asked: Option<Asked>, ends: [Signal; 2], mut hangup: Signal) -> Result<(), Failure> {
    let [mut terminate, mut interrupt] = ends;
    let mut answering = std::pin::pin!(answer(asked));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => served.keeper.look(&served.listener, &served.door),
            () = &mut answering => {}
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        if let Door::Open(house) = &served.door
            && house.ledger().shared().has_failed()
        {
            let why = "the log cannot be written: look at the disk, then start again";
            return Err(Failure::new(Status::Software, why));
        }
        served.keeper.look_now_and_then(&served.listener, &served.door);
        served.keeper.sweep_now_and_then(&served.door).await;
    }
}

/// Tells systemd, where it is the one that started us (sd_notify(3)); nobody else is asked.
fn tell_service_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// As many descriptors as the system lets this process have, for connections: the usual limit is a shell's.
fn raise_descriptors() -> io::Result<()> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    Ok(rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// No core files, and no other process of the same user may look into the memory.
pub fn harden() -> io::Result<()> {
    raise_descriptors()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
