//! Being told to stop: work that is in the vault's hands is finished first. Who asks a second time is not waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::failure::Failure;

/// 128 and the number of SIGINT, as shells have it.
const EXIT_AT_ONCE: i32 = 130;

/// Whether somebody asked to stop.
pub struct Stop {
    asked: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Stop {
    /// Listens to Ctrl-C, to the end of the terminal, and to whoever ends the machine. Says `first` when asked.
    pub fn watch(first: &'static str) -> Result<Stop, Failure> {
        let stop = Stop { asked: Arc::default(), notify: Arc::default() };
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind).map_err(|error| Failure::failed("signals", error))?;
            let (asked, notify) = (Arc::clone(&stop.asked), Arc::clone(&stop.notify));
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    if asked.swap(true, Ordering::SeqCst) {
                        std::process::exit(EXIT_AT_ONCE);
                    }
                    crate::output::note(first);
                    notify.notify_one();
                }
            });
        }
        Ok(stop)
    }

    /// Whether to stop. Lets signals in first.
    pub async fn asked(&self) -> bool {
        tokio::task::yield_now().await;
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits, but no longer than until asked to stop.
    pub async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.notify.notified() => {}
        }
    }
}
