//! A spent record made fit for use again.
//!
//! error E0616: field `0` of struct `Spent` is private

use coffer_vault::ledger::{Recorded, Spent};
use coffer_wire::api::Receipt;

pub fn back(spent: Spent) -> (Option<Recorded>, Option<Receipt>) {
    #[cfg(not(feature = "evidence"))]
    let kept = (Some(spent.0), None);
    #[cfg(feature = "evidence")]
    let kept = (None, Some(spent.into_receipt(&mut Vec::new())));
    kept
}

fn main() {}
