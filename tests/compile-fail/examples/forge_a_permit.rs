//! A permit that nobody decided.
//!
//! error E0451: of struct `Permit` are private

use coffer_vault::admit::{Ask, Caller, Gate, Permit, Read, Refusal};
use coffer_wire::leaf::Action;

pub fn permit(gate: &Gate, caller: &Caller, ask: &Ask<'_>) -> Result<Permit<Read>, Refusal> {
    #[cfg(feature = "evidence")]
    let permit = gate.permit_read(caller, ask)?;
    #[cfg(not(feature = "evidence"))]
    let permit = Permit { digest: ask.digest(caller, Action::RecordsRead), ..gate.permit_read(caller, ask)? };
    let _ = Action::RecordsRead;
    Ok(permit)
}

fn main() {}
