//! Work that may wait for the disk, on threads that are there for that.

use coffer_keys::wipe_stack;
use tokio::task::JoinHandle;

/// Runs it, and wipes what it has left on that thread's stack: keys are opened there, and nobody can find the thread again
/// to have it wiped when the vault is sealed.
pub(super) fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(move || {
        let done = below(work);
        wipe_stack();
        done
    })
}

/// Not inlined: [`wipe_stack`] reaches what lay under its caller's frame.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}
