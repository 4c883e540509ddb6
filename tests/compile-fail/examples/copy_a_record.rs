//! A second record out of one.
//!
//! error E0599: no method named `clone` found for struct `Recorded`

use coffer_vault::ledger::Recorded;

pub fn two(recorded: Recorded, #[cfg(feature = "evidence")] second: Recorded) -> [Recorded; 2] {
    #[cfg(not(feature = "evidence"))]
    let second = recorded.clone();
    [recorded, second]
}

fn main() {}
