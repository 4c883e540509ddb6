//! What keeps keys out of swap, core files and other processes' sight.

use std::io;
use std::sync::OnceLock;

use coffer_vault::config::Config;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

use super::exit::Failure;

/// Whether memory of this process may come to swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// All of it stays in memory.
    Locked,
    /// It may, where the machine has swap.
    Unlocked,
}

static HELD: OnceLock<Held> = OnceLock::new();

/// No core files, no other process of the same user may look into the memory, and none of it is swapped where that can be
/// had. Before any key is opened, and before there are threads.
pub fn harden() -> io::Result<()> {
    raise_descriptors()?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let held = if lock() { Held::Locked } else { Held::Unlocked };
    HELD.get_or_init(|| held);
    Ok(())
}

/// Refuses to open a root key that could come to swap, unless the operator accepts that.
pub fn permitted(config: &Config) -> Result<(), Failure> {
    match refuses(may_be_swapped(), config.held().allow_swap) {
        true => Err(Failure::config(
            "this machine has swap, and the memory of this process cannot be locked: keys could come to its disk. Raise the limit \
             (systemd: LimitMEMLOCK=infinity; a shell: `ulimit -l unlimited`), turn swap off (`swapoff -a`), or accept the risk with \
             seal.allow_swap = true",
        )),
        false => Ok(()),
    }
}

fn refuses(may_be_swapped: bool, allow_swap: bool) -> bool {
    may_be_swapped && !allow_swap
}

/// What `status` says of it in red.
pub fn warning() -> Option<String> {
    let told = "this machine has swap and the vault's memory is not locked: keys may come to its disk";
    may_be_swapped().then(|| told.to_owned())
}

/// A process that was never hardened is not locked.
fn may_be_swapped() -> bool {
    has_swap() && HELD.get() != Some(&Held::Locked)
}

/// Whether the kernel says that there is swap. /proc/swaps would say where, and is not shown to a unit that is shut in.
fn has_swap() -> bool {
    rustix::system::sysinfo().totalswap > 0
}

/// Locks what there is and what will be, each page when it is first touched.
///
/// A limit above zero and below all would let it succeed now and fail an allocation later, which ends the process. So it is
/// done where this process needs no limit (`CAP_IPC_LOCK`, which a limit of nothing tells), or may have none.
fn lock() -> bool {
    let limit = getrlimit(Resource::Memlock);
    let with = |current| {
        setrlimit(Resource::Memlock, Rlimit { current, maximum: limit.maximum }).is_ok()
            && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
    };
    let locked = with(Some(0)) || (limit.maximum.is_none() && with(None));
    // Children of a demo are held to what this process was.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: limit.current, maximum: limit.maximum });
    locked
}

/// As many descriptors as the system lets this process have, for connections: the usual limit is a shell's.
fn raise_descriptors() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_operator_accepts_that_keys_may_be_swapped() {
        assert!(refuses(true, false));
        assert!(!refuses(true, true) && !refuses(false, false) && !refuses(false, true));
    }

    #[test]
    fn without_locked_memory_what_the_kernel_says_of_swap_decides() {
        let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
        assert_eq!(may_be_swapped(), swaps.lines().count() > 1, "{swaps}");
        assert_eq!(warning().is_some(), may_be_swapped());
    }
}
