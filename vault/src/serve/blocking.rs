//! Work that may wait for the disk, on threads that are there for that; and work that goes on when nobody waits for it. What either
//! tells the operator stands under the request that it is for.

use std::future::Future;

use coffer_keys::wipe_stack;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

/// Runs it, and wipes what it has left on that thread's stack: keys are opened there, and nobody can find the thread again
/// to have it wiped when the vault is sealed.
pub(super) fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let request = Span::current();
    tokio::task::spawn_blocking(move || {
        let done = request.in_scope(|| below(work));
        wipe_stack();
        done
    })
}

/// Runs it to its end, whether or not the caller waits for it.
pub(super) fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work.instrument(Span::current()))
}

/// Not inlined: [`wipe_stack`] reaches what lay under its caller's frame.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}
