//! What is paid, by whom else, and what credit reference agencies say.

use crate::choice::Choice;
use crate::tenant::Tenant;
use crate::words::{AGENCIES, CREDIT_FINDINGS, HEALTH_NOTES, SERVICES};

/// The prefix of every National Insurance number here. It is none that was known to be given out when this was written;
/// the digits begin at zero as well.
const NI_PREFIX: &str = "ZG";

pub(crate) fn benefit(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let benefit = choice.of(&["universal-credit", "universal-credit", "housing-benefit", "pension-credit", "other"]);
    let number = tenant.person.trim_start_matches("T-");
    let ni_number = format!("{NI_PREFIX}{number}{}", choice.of(&["A", "B", "C", "D"]));
    let outcome = choice.of(&["confirmed", "confirmed", "not-confirmed", "awaited"]).to_owned();
    let note = if choice.percent(20) { choice.of(HEALTH_NOTES).to_owned() } else { String::new() };
    vec![benefit.to_owned(), ni_number, choice.amount(18, 240), outcome, choice.day(2024, 2026), note]
}

pub(crate) fn credit(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let reference = format!("CRA-{:08}", choice.below(100_000_000));
    let (agency, finding) = (choice.of(AGENCIES).to_owned(), choice.of(CREDIT_FINDINGS).to_owned());
    vec!["received".to_owned(), agency, choice.day(2024, 2026), finding, reference]
}

pub(crate) fn payment(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let reference = format!("PAY-{:07}", choice.below(10_000_000));
    let method = choice.of(&["direct-debit", "standing-order", "bank-transfer", "card", "cash"]).to_owned();
    vec![choice.of(SERVICES).to_owned(), choice.amount(4, 96), choice.day(2025, 2026), method, reference]
}
