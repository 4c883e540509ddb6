//! What was said, written and answered.

use crate::choice::Choice;
use crate::tenant::Tenant;
use crate::words::{ACTIONS_TAKEN, FACTS, LETTERS, PLATFORMS, POSTS};

pub(crate) fn letter(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let (subject, body) = *choice.one_of(LETTERS);
    let channel = choice.of(&["letter", "email", "email", "online"]);
    let number = tenant.person.trim_start_matches("T-");
    let sender = if channel == "email" { format!("tenant.{number}@mail.example.org") } else { String::new() };
    let others = choice.of(&["no", "no", "no", "yes"]).to_owned();
    vec![channel.to_owned(), choice.day(2024, 2026), subject.to_owned(), body.to_owned(), sender, others]
}

pub(crate) fn contact(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let channel = choice.of(&["letter", "email", "phone-call", "phone-call", "visit", "online"]).to_owned();
    let (facts, action) = (choice.of(FACTS).to_owned(), choice.of(ACTIONS_TAKEN).to_owned());
    vec![channel, choice.day(2025, 2026), facts, action]
}

pub(crate) fn post(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let platform = choice.of(PLATFORMS).to_owned();
    let link = format!("https://social.example.org/posts/{:08}", choice.below(100_000_000));
    let day = choice.day(2025, 2026);
    vec![platform, link, day.clone(), choice.of(POSTS).to_owned(), day]
}
