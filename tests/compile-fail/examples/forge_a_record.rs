//! A record of an access that was never in the log.
//!
//! error E0451: of struct `Recorded` are private

use coffer_vault::ledger::{Ledger, Recorded, Rejected, Submission};

pub async fn recorded(ledger: &Ledger, submission: Submission) -> Result<Vec<Recorded>, Rejected> {
    #[cfg(feature = "evidence")]
    let recorded = ledger.submit(vec![submission]).await.remove(0)?;
    #[cfg(not(feature = "evidence"))]
    let recorded =
        vec![Recorded { index: 0, asked: [0; 32], ..ledger.submit(vec![submission]).await.remove(0)?.remove(0) }];
    Ok(recorded)
}

fn main() {}
