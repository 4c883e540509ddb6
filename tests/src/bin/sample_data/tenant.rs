//! Who the tenants are.

use crate::choice::Choice;
use crate::words::{FAMILY_NAMES, GIVEN_NAMES};

/// Tenants of each landlord.
const TENANTS: u32 = 500;

/// The landlords with their first tenant's number. The numbers overlap: two people may have one id,
/// one at each landlord, and have nothing else in common.
const LANDLORDS: [(&str, u32); 2] = [("oakvale", 1), ("brookside", 401)];

const STREAM: u64 = 0;

/// A tenant of a landlord, and in which categories something is held about them.
pub(crate) struct Tenant {
    /// The landlord.
    pub(crate) controller: &'static str,
    /// The landlord's id for the person.
    pub(crate) person: String,
    /// Given and family name.
    pub(crate) name: String,
    /// Holds bank details; all for whom nothing else is held do.
    pub(crate) bank: bool,
    /// Has care needs.
    pub(crate) care: bool,
    /// Owes something.
    pub(crate) debts: bool,
    /// Has complained.
    pub(crate) complaints: bool,
}

/// All tenants of a seed, by landlord and number.
pub(crate) fn tenants(seed: u64) -> Vec<Tenant> {
    let mut choice = Choice::new(seed, STREAM);
    let mut tenants = Vec::new();
    for (controller, first) in LANDLORDS {
        for number in first..first + TENANTS {
            tenants.push(tenant(&mut choice, controller, number));
        }
    }
    tenants
}

fn tenant(choice: &mut Choice, controller: &'static str, number: u32) -> Tenant {
    let name = format!("{} {}", choice.of(GIVEN_NAMES), choice.of(FAMILY_NAMES));
    let [bank, care, debts, complaints] = [85, 30, 35, 22].map(|share| choice.percent(share));
    let bank = bank || !(care || debts || complaints);
    Tenant { controller, person: format!("T-{number:06}"), name, bank, care, debts, complaints }
}
