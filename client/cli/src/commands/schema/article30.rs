//! `coffer schema article30`: the record of processing activities that GDPR article 30(1) asks of each
//! controller, out of the schema in force and of who may read under the policy in force.

use std::collections::{BTreeMap, BTreeSet};

use coffer_client::{Error, Session};
use coffer_wire::Name;
use coffer_wire::api::{Cell, ShowAnswer, ShowRequest};
use coffer_wire::leaf::Action;
use coffer_wire::schema::{Agreement, Category, Controller, SchemaAnswer, SchemaRequest, Subject};
use serde::Serialize;

use super::markdown::{bases, category, clauses, data, head, list, recipients, row, text};
use super::print;
use crate::connect::Desk;
use crate::failure::Failure;

/// The status of a refusal for want of a right.
const FORBIDDEN: u16 = 403;

/// Technical and organisational measures in general terms (article 30(1)(g)).
const SECURITY: &str = "Each category is encrypted under keys of its own for each controller and each person. \
    A value is shown only to a role that may, through an application that may, for a purpose that the category permits, \
    and only after the access stands in a log that outsiders can verify. Erasing a person destroys the keys.";

/// What no schema says.
const BY_HAND: &str = "To be added by hand: contact details of the controller and its representative, and of its data \
    protection officer where none stand above (a); transfers to third countries and their safeguards (e).";

const NO_RECIPIENTS: &str = "Recipients are left out: they need the right to access.show, which you do not have.";

#[derive(Serialize)]
struct Report {
    schema: SchemaAnswer,
    access: Option<ShowAnswer>,
}

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let schema = session.show_schema(&SchemaRequest::default()).await?;
    let access = readers(&session).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report { schema, access });
    }
    print(desk, &markdown(&schema, access.as_ref()))
}

/// Who may read; nothing where the caller may not know.
async fn readers(session: &Session) -> Result<Option<ShowAnswer>, Failure> {
    let asked = ShowRequest { action: Some(Action::RecordsRead), ..ShowRequest::default() };
    match session.show_access(&asked).await {
        Ok(access) => Ok(Some(access)),
        Err(Error::Refused(refusal)) if refusal.code.status() == FORBIDDEN => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The document.
fn markdown(schema: &SchemaAnswer, access: Option<&ShowAnswer>) -> String {
    let readers = access.map(|access| by_category(&access.cells));
    let mut out = String::from("# Records of processing activities (GDPR article 30(1))\n");
    for controller in &schema.controllers {
        out += &section(controller, &schema.categories, readers.as_ref());
    }
    if readers.is_none() {
        out += &format!("\n{NO_RECIPIENTS}\n");
    }
    out += &format!("\nSecurity: {SECURITY}\n\n{BY_HAND}\n");
    out += &format!("\nMade out of schema and policy of epoch {}.\n", schema.policy);
    out
}

fn section(controller: &Controller, categories: &[Category], readers: Option<&Readers>) -> String {
    let mut out = format!("\n## {} ({})\n\n", text(&controller.title), controller.name);
    let itself: Vec<_> = of_itself(controller).map(|told| text(&told)).collect();
    if !itself.is_empty() {
        out += &format!("{}\n\n", itself.join(". "));
    }
    out += &head(["category", "purposes", "data subjects", "data", "lawful basis", "recipients", "retention"]);
    for one in categories {
        let own = readers.map_or_else(|| "left out".to_owned(), |readers| within(readers, &one.name));
        let recipients = clauses(one.recipients.iter().map(recipients).chain([own]));
        out += &row([
            category(one),
            list(&one.purposes),
            subjects(one).to_owned(),
            data(one),
            bases(one),
            recipients,
            one.retention.clone(),
        ]);
    }
    out
}

/// What the controller has declared of itself.
fn of_itself(controller: &Controller) -> impl Iterator<Item = String> {
    let until = controller.registration_ends.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
    let number = controller.registration.as_ref().map(|number| format!("Registration {number}{until}"));
    let officer = controller.officer.as_ref().map(|who| format!("Data protection officer: {who}"));
    let company = controller.company_number.as_ref().map(|number| format!("Company number {number}"));
    let address = controller.address.as_ref().map(|office| format!("Registered office: {office}"));
    let group = controller.group.as_ref().map(|group| format!("Of {group}"));
    let itself = [company, address, group, number, officer].into_iter().flatten();
    itself.chain(controller.agreements.iter().map(agreement))
}

/// Who acts for the controller under which agreement (article 30(2)).
fn agreement(agreement: &Agreement) -> String {
    let until = agreement.ends.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
    format!("Under agreement {}{until} through {}", agreement.reference, list(&agreement.applications))
}

fn subjects(category: &Category) -> &'static str {
    match category.fields.iter().any(|field| field.subject == Subject::Other) {
        true => "the person of the record; other persons named in it",
        false => "the person of the record",
    }
}

/// For each category the roles that may read, with the applications through which they can.
type Readers = BTreeMap<Name, BTreeMap<Name, BTreeSet<Name>>>;

/// A cell without an application is out of everybody's reach.
fn by_category(cells: &[Cell]) -> Readers {
    let mut readers = Readers::new();
    for cell in cells.iter().filter(|cell| cell.action == Action::RecordsRead && !cell.applications.is_empty()) {
        let roles = readers.entry(cell.category).or_default();
        roles.entry(cell.role).or_default().extend(&cell.applications);
    }
    readers
}

/// Who may read in the vault.
fn within(readers: &Readers, category: &Name) -> String {
    match readers.get(category) {
        Some(roles) => {
            clauses(roles.iter().map(|(role, applications)| format!("{role} through {}", list(applications))))
        }
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::super::sample::sample;
    use super::*;

    fn access() -> ShowAnswer {
        let cell = |role: &str, action: &str, applications: &[&str]| {
            json!({
                "role": role, "category": "bank", "field": "account_number", "action": action, "purpose": "payments",
                "rule": "r", "applications": applications,
            })
        };
        let cells = [
            cell("rents", "records.read", &["rents-desk"]),
            cell("rents", "records.read", &["rents-desk", "web"]),
            cell("unreached", "records.read", &[]),
            cell("bank-officer", "records.write", &["rents-desk"]),
        ];
        serde_json::from_value(json!({ "policy": 3, "cells": cells })).unwrap()
    }

    #[test]
    fn each_controller_has_its_record_with_purposes_subjects_data_recipients_and_retention() {
        let record = markdown(&sample(), Some(&access()));
        let bank = "| Bank details (bank) | payments, refunds, erasure | the person of the record | account number \
                    | a contract with you, or steps towards one (article 6(1)(b)) | banks (for payments); rents through rents-desk, web \
                    | until the last payment is settled |";
        let incidents = "| Incidents (incidents) | incident-handling, erasure \
                         | the person of the record; other persons named in it | account, allegation |";
        for controller in ["## Oakvale Homes (oakvale)", "## Brookside Housing (brookside)"] {
            let (_, section) = record.split_once(controller).unwrap();
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(bank) && section.contains(incidents), "{section}");
            assert!(section.contains("| nobody | six years |"), "{section}");
        }
        assert!(record.contains(SECURITY) && record.contains(BY_HAND) && !record.contains(NO_RECIPIENTS));
        assert!(!record.contains("unreached") && !record.contains("bank-officer"), "{record}");
    }

    #[test]
    fn the_record_names_what_the_controller_declared_of_itself() {
        let mut schema = sample();
        let oakvale = &mut schema.controllers[0];
        oakvale.registration = Some("ZA000000".to_owned());
        oakvale.registration_ends = Some("2027-03-31".to_owned());
        oakvale.officer = Some("dpo@oakvale.example.org".to_owned());
        oakvale.company_number = Some("01234567".to_owned());
        oakvale.address = Some("1 Oak Street, Oakton".to_owned());
        oakvale.group = Some("Vale Group".to_owned());
        let (reference, desk) = ("SA-2026-014".to_owned(), Name::new("housing-desk").unwrap());
        oakvale.agreements =
            vec![Agreement { reference, applications: vec![desk], ends: Some("2027-03-31".to_owned()) }];
        let record = markdown(&schema, None);
        let line = "## Oakvale Homes (oakvale)\n\nCompany number 01234567. Registered office: 1 Oak Street, Oakton. Of Vale Group. \
                    Registration ZA000000 until 2027-03-31. Data protection officer: dpo@oakvale.example.org. \
                    Under agreement SA-2026-014 until 2027-03-31 through housing-desk\n\n| category ";
        assert!(record.contains(line), "{record}");
        assert!(record.contains("## Brookside Housing (brookside)\n\n| category "), "{record}");
    }

    #[test]
    fn where_the_caller_may_not_know_who_reads_the_record_says_so() {
        let record = markdown(&sample(), None);
        assert!(record.contains(NO_RECIPIENTS) && record.contains("| left out | six years |"), "{record}");
        assert!(!record.contains("nobody"), "{record}");
    }
}
