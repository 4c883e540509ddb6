//! Who people are, who acts for them, and what they agreed to.

use crate::category::somebody_else;
use crate::choice::Choice;
use crate::tenant::Tenant;
use crate::words::{AGREED_USES, DISABILITIES, ETHNICITIES, EVIDENCE, FAMILY_NAMES, GIVEN_NAMES, PUBLISHED, SCOPES};

pub(crate) fn profile(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let sex = choice.of(&["female", "male", "other", "not-said"]).to_owned();
    let work = choice.of(&["employed", "self-employed", "unemployed", "retired", "student", "carer", "not-said"]);
    let disability = if choice.percent(25) { choice.of(DISABILITIES).to_owned() } else { String::new() };
    vec![choice.day(1932, 2006), sex, choice.of(ETHNICITIES).to_owned(), work.to_owned(), disability]
}

pub(crate) fn representative(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let name = format!("{} {}", choice.of(GIVEN_NAMES), choice.of(FAMILY_NAMES));
    let relationship = choice.of(&["family", "family", "friend", "neighbour", "support-worker", "solicitor"]);
    let capacity = choice.of(&["appointed", "appointed", "attorney", "deputy", "official"]).to_owned();
    let ends = if choice.percent(40) { choice.day(2027, 2029) } else { String::new() };
    let (phone, scope, since) = (choice.phone(), choice.of(SCOPES).to_owned(), choice.day(2019, 2026));
    let evidence = choice.of(EVIDENCE).to_owned();
    let about = somebody_else(choice, tenant);
    vec![name, phone, relationship.to_owned(), capacity, scope, since, ends, evidence, about]
}

pub(crate) fn marketing(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let channel = choice.of(&["post", "email", "telephone", "text-message"]).to_owned();
    let topic = choice.of(&["surveys", "newsletters", "events"]).to_owned();
    vec![channel, choice.of(&["opted-in", "opted-out"]).to_owned(), topic, choice.day(2023, 2026)]
}

/// None that was withdrawn: it could not be written as one that once was agreed.
pub(crate) fn media_consent(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let work = choice.of(&["name", "photo", "photo", "video", "story"]).to_owned();
    let (agreed, consented) = (choice.of(AGREED_USES).to_owned(), choice.day(2024, 2026));
    let reference = format!("Archive box {}, item {}", choice.between(1, 40), choice.between(1, 200));
    vec![work, agreed, consented, String::new(), choice.of(PUBLISHED).to_owned(), reference]
}
