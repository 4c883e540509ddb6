//! `coffer-vault serve`: the server, until it is told to stop.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use coffer_vault::serve::Within;
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Failure, Status};
use super::live::Asked;
use super::memory;
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
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let end = End::awaited()?;
    let served = open::listen(open::config(&args.dir)?)?;
    eprintln!("coffer-vault: listening on {}", served.listener.address());
    if let Some(operator) = &served.operator {
        eprintln!("coffer-vault: operator's port on {}", operator.address());
    }
    if let Within::Shut(shut) = served.door.within() {
        eprintln!("coffer-vault: sealed ({}); only status and unseal are answered", shut.why().as_str());
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
    tell_service_manager(&[NotifyState::Ready]);
    if let Err(ended) = runtime.block_on(wait(&mut served, [terminate, interrupt], hangup)) {
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
    if let Some(house) = served.door.house() {
        house.close();
    }
}

/// Whoever asks for copies of the store of an open vault is answered here. A vault serves without it.
type Answering = Pin<Box<dyn Future<Output = ()>>>;

fn answering(served: &Served) -> Answering {
    let asked = served.store().and_then(|store| {
        let asked = Asked::bind(served.door.config(), store);
        asked.inspect_err(|error| tracing::warn!(%error, "no copy of the store can be asked for while it serves")).ok()
    });
    Box::pin(async move {
        if let Some(asked) = asked {
            let error = asked.answer().await;
            tracing::warn!(%error, "no copy of the store can be asked for any more");
        }
        std::future::pending().await
    })
}

async fn wait(served: &mut Served, ends: [Signal; 2], mut hangup: Signal) -> Result<(), Failure> {
    let [mut terminate, mut interrupt] = ends;
    let mut changes = served.door.changes();
    let mut answers = answering(served);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => served.keeper.look(&served.listener, &served.door),
            Ok(()) = changes.changed() => {
                // The socket of the store that is gone first, or it would take the next one's away.
                answers = Box::pin(std::future::pending());
                answers = if served.door.house().is_some() { answering(served) } else { answers };
                served.keeper.look(&served.listener, &served.door);
            }
            () = &mut answers => {}
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        if served.door.house().is_some_and(|house| house.ledger().shared().has_failed()) {
            let why = "the log cannot be written: look at the disk, then start again";
            return Err(Failure::new(Status::Software, why));
        }
        served.keeper.look_now_and_then(&served.listener, &served.door);
        let store = served.store();
        served.keeper.end_bytes_now_and_then(&served.door, store);
        served.keeper.sweep_now_and_then(&served.door).await;
    }
}

/// Tells systemd, where it is the one that started us (sd_notify(3)); nobody else is asked.
fn tell_service_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
