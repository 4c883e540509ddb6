//! The home and who lives in it: how they are reached, on which terms, what is broken, what is needed.

use crate::choice::Choice;
use crate::tenant::Tenant;
use crate::words::{ACCESS_NOTES, ADAPTATIONS, CONTACT_WARNINGS, CURRENT_HOMES, FEEDBACK, REPAIRS, STREETS, TOWNS};

pub(crate) fn contact(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let street = format!("{} {}", choice.between(1, 140), choice.of(STREETS));
    let address = format!("{street}, {}", choice.of(TOWNS));
    let number = tenant.person.trim_start_matches("T-");
    let email = format!("tenant.{number}@{}.example.org", tenant.controller);
    let channel = choice.of(&["post", "email", "telephone", "telephone", "text-message"]).to_owned();
    let handling = choice.of(&["normal", "normal", "normal", "normal", "ask-first", "do-not-disclose"]).to_owned();
    let warning = if handling == "normal" { String::new() } else { choice.of(CONTACT_WARNINGS).to_owned() };
    vec![tenant.name.clone(), address, choice.postcode(), choice.phone(), email, channel, handling, warning]
}

pub(crate) fn tenancy(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let number = format!("TN/{}/{:04}", tenant.person.trim_start_matches("T-"), choice.below(10_000));
    let property = format!("Flat {}, {}", choice.between(1, 60), choice.of(STREETS));
    let tenure = choice.of(&["assured", "assured", "assured", "starter", "fixed-term", "shared-ownership", "licence"]);
    let ended = if choice.percent(8) { choice.day(2025, 2025) } else { String::new() };
    let (rent, charge) = (choice.amount(84, 190), choice.amount(2, 31));
    vec![number, property, tenure.to_owned(), choice.day(1998, 2024), ended, rent, charge]
}

pub(crate) fn repair(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let (trade, description) = *choice.one_of(REPAIRS);
    let status = choice.of(&["reported", "booked", "done", "closed"]);
    let finished = if matches!(status, "done" | "closed") { choice.day(2026, 2026) } else { String::new() };
    let priority = choice.of(&["emergency", "urgent", "urgent", "routine", "routine", "routine"]);
    let (notes, reported) = (choice.of(ACCESS_NOTES).to_owned(), choice.day(2025, 2025));
    vec![description.to_owned(), notes, trade.to_owned(), priority.to_owned(), reported, finished, status.to_owned()]
}

pub(crate) fn needs(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let people = choice.between(1, 7);
    let bedrooms = people.div_ceil(2);
    let priority = choice.of(&["none", "none", "none", "moderate", "urgent"]);
    let adaptations = if priority == "none" { String::new() } else { choice.of(ADAPTATIONS).to_owned() };
    let status = choice.of(&["applied", "assessed", "assessed", "offered", "housed", "withdrawn"]);
    let home = choice.of(CURRENT_HOMES).to_owned();
    let applied = choice.day(2023, 2026);
    vec![people.to_string(), bedrooms.to_string(), home, priority.to_owned(), adaptations, applied, status.to_owned()]
}

pub(crate) fn feedback(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let about = choice.of(&["repairs", "repairs", "cleaning", "grounds", "staff", "other"]).to_owned();
    vec![about, choice.between(1, 5).to_string(), choice.of(FEEDBACK).to_owned(), choice.day(2024, 2026)]
}
