//! What happened, who has to be careful, and what was recorded.

use crate::category::somebody_else;
use crate::choice::Choice;
use crate::tenant::Tenant;
use crate::words::{ALLEGATIONS, INCIDENT_ACTIONS, INCIDENTS, OFFENCES, OTHER_PARTIES, RISKS};

pub(crate) fn incident(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let (kind, account) = *choice.one_of(INCIDENTS);
    let (happened, action) = (choice.day(2024, 2026), choice.of(INCIDENT_ACTIONS).to_owned());
    let warning = choice.of(&["none", "none", "visit-in-pairs", "call-first", "office-only"]).to_owned();
    let until = if warning == "none" { String::new() } else { choice.day(2027, 2027) };
    let allegation = if choice.percent(30) { choice.of(ALLEGATIONS).to_owned() } else { String::new() };
    let (other, about) = match choice.percent(60) {
        true => (choice.of(OTHER_PARTIES).to_owned(), somebody_else(choice, tenant)),
        false => Default::default(),
    };
    vec![kind.to_owned(), happened, account.to_owned(), allegation, other, action, warning, until, about]
}

pub(crate) fn offence(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let stage = choice.of(&["alleged", "alleged", "charged", "cautioned", "convicted", "acquitted", "spent"]);
    let seen = if choice.percent(30) { choice.day(2026, 2026) } else { String::new() };
    let (matter, risk) = (choice.of(OFFENCES).to_owned(), choice.of(RISKS).to_owned());
    vec![matter, stage.to_owned(), choice.day(2018, 2025), risk, seen, choice.day(2027, 2028)]
}

pub(crate) fn recording(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let video = choice.percent(15);
    let (medium, notice) = if video { ("video", "sign") } else { ("voice", "announced") };
    let day = choice.day(2026, 2026);
    let capture = choice.of(&["paused", "no-card-read", "no-card-read"]).to_owned();
    let seconds = choice.between(20, 2_400).to_string();
    let reference = format!("{medium} archive {day}, number {}", choice.between(1, 400));
    vec![medium.to_owned(), day.clone(), seconds, notice.to_owned(), day, capture, reference]
}
