//! Those who wait for a long work: how far it is, and that they wait no more.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer_vault::check::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::exit::{Failure, Status};

/// Set by Ctrl-C or SIGTERM, so that what lies about is tidied up; a second one ends the process on the spot.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Waits for the signals on a thread of its own.
    pub fn on_signals() -> Result<Stop, Failure> {
        let failed = |error| Failure::io("signals", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (mut interrupt, mut terminate) = {
            let _runtime = runtime.enter();
            (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
        };
        let stop = Stop::default();
        let told = stop.clone();
        let wait = move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if told.0.swap(true, Ordering::SeqCst) {
                        std::process::exit(Status::Interrupted as i32);
                    }
                }
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(failed)?;
        Ok(stop)
    }
}

/// Progress on standard error, where that is a terminal: one bar a stage, gone when it ends.
pub struct Bar {
    shown: bool,
    stop: Stop,
    bar: RefCell<Option<ProgressBar>>,
}

impl Bar {
    /// `quiet`: somebody reads the output who needs no bar.
    pub fn new(quiet: bool, stop: Stop) -> Bar {
        Bar { shown: !quiet && std::io::stderr().is_terminal(), stop, bar: RefCell::default() }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn stage(&self, stage: &'static str, total: Option<u64>) {
        if !self.shown {
            return;
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg:20} {bar:40} {human_pos} of {human_len}, {eta} to go"),
            None => (ProgressBar::new_spinner(), "{msg:20} {spinner} {human_pos}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        self.end();
        *self.bar.borrow_mut() = Some(bar.with_message(stage));
    }

    fn advance(&self, count: u64) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(count);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.0.load(Ordering::SeqCst)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}
