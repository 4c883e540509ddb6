//! `coffer schema notice`: the table of a privacy notice, out of the schema in force (GDPR articles 13
//! and 14).

use coffer_wire::Provenance;
use coffer_wire::schema::{Category, Controller, SchemaAnswer, SchemaRequest};

use super::markdown::{bases, category, clauses, data, head, list, recipients, row, text};
use super::print;
use crate::connect::Desk;
use crate::failure::Failure;

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let schema = session.show_schema(&SchemaRequest::default()).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&schema);
    }
    print(desk, &markdown(&schema))
}

/// The document.
fn markdown(schema: &SchemaAnswer) -> String {
    let mut out = String::from("# What we hold about you, and why\n\n");
    out += &format!("{}\n\n", list(schema.controllers.iter().map(controller)));
    out += &head(["category", "what we hold", "what for", "why we may", "how long", "where from", "who else gets it"]);
    schema.categories.iter().for_each(|category| out += &line(category));
    out += &format!("\nMade out of the schema of policy epoch {}.\n", schema.policy);
    out
}

fn controller(controller: &Controller) -> String {
    let Controller { notice, company_number, address, group, .. } = controller;
    let told = [
        notice.as_ref().map(|notice| format!("notice {notice}")),
        company_number.as_ref().map(|number| format!("company number {number}")),
        address.clone(),
        group.as_ref().map(|group| format!("of {group}")),
    ];
    let told: Vec<_> = told.into_iter().flatten().collect();
    match told.is_empty() {
        true => text(&controller.title),
        false => text(&format!("{} ({})", controller.title, told.join(", "))),
    }
}

/// Recipients beside the controller's own staff, and what for.
fn others(one: &Category) -> String {
    match one.recipients.is_empty() {
        true => "nobody".to_owned(),
        false => clauses(one.recipients.iter().map(recipients)),
    }
}

fn line(one: &Category) -> String {
    let sources = clauses(one.source.iter().map(|source: &Provenance| source.title()));
    row([category(one), data(one), list(&one.purposes), bases(one), one.retention.clone(), sources, others(one)])
}

#[cfg(test)]
mod tests {
    use super::super::sample::sample;
    use super::*;

    #[test]
    fn a_notice_tells_of_each_category_what_why_how_long_and_whence() {
        let expected = "# What we hold about you, and why

Oakvale Homes (notice 2026-01), Brookside Housing

| category | what we hold | what for | why we may | how long | where from | who else gets it |
|---|---|---|---|---|---|---|
| Bank details (bank) | account number | payments, refunds, erasure | a contract with you, or steps towards one (article 6(1)(b)) | until the last payment is settled | you; forms you fill in on our website | banks (for payments) |
| Incidents (incidents) | account, allegation | incident-handling, erasure | our or somebody else's legitimate interests (article 6(1)(f)); the law obliges us (article 6(1)(c)); special category data under article 9(2)(g), DPA 2018 Schedule 1 paragraph 8, policy document APD-1; criminal offence data under article 10, DPA 2018 Schedule 1 paragraph 36, policy document APD-2 | six years | our own staff | nobody |

Made out of the schema of policy epoch 3.
";
        assert_eq!(markdown(&sample()), expected);
    }
}
