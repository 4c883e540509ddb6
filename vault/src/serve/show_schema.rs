//! `schema/show`: what the schema in force declares, and whose data it is about.

use std::sync::Arc;

use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::schema::{Agreement, Category, Consent, Controller, Field, SchemaAnswer, SchemaRequest};

use super::answer::{Answered, body};
use super::{House, Incoming, manage};
use crate::config::{self, Config};
use crate::schema;

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let asked: SchemaRequest = manage::read(&house, &incoming, Action::SchemaShow, true).await?;
    let (desk, _) = manage::record(&house, &incoming, Action::SchemaShow, Private::default()).await?;
    let wanted = |declared: &&schema::Category| asked.category.is_none_or(|category| declared.name == category);
    body(&SchemaAnswer {
        policy: desk.force.epoch,
        controllers: controllers(&house.config),
        categories: desk.force.schema.iter().filter(wanted).map(category).collect(),
    })
}

fn controllers(config: &Config) -> Vec<Controller> {
    let told = config.controllers.iter();
    told.map(|one| Controller {
        name: one.name,
        title: one.title.clone(),
        notice: one.notice.clone(),
        registration: one.registration.clone(),
        registration_ends: one.registration_ends.clone(),
        officer: one.officer.clone(),
        company_number: one.company_number.clone(),
        address: one.address.clone(),
        group: one.group.clone(),
        agreements: config
            .agreements
            .iter()
            .filter(|agreement| agreement.controller == one.name)
            .map(agreement)
            .collect(),
    })
    .collect()
}

fn agreement(declared: &config::Agreement) -> Agreement {
    let config::Agreement { reference, controller: _, applications, ends } = declared.clone();
    Agreement { reference, applications, ends }
}

fn category(declared: &schema::Category) -> Category {
    Category {
        name: declared.name,
        title: declared.title.clone(),
        case_required: declared.case_required,
        purposes: declared.purposes.clone(),
        lawful_basis: declared.lawful_basis,
        mark: declared.mark.clone(),
        source: declared.source.clone(),
        source_required: declared.source_required,
        confidants_for: declared.confidants_for.clone(),
        recipients: declared.recipients.clone(),
        retention: declared.retention.clone(),
        append_only: declared.append_only,
        consent: consent(declared),
        fields: declared.fields.iter().map(field).collect(),
    }
}

/// By the names that a caller knows.
fn consent(declared: &schema::Category) -> Option<Consent> {
    let name = |number| declared.field_number(number).map(|field| field.name);
    let consent = declared.consent?;
    Some(Consent { given: name(consent.given)?, withdrawn: name(consent.withdrawn)? })
}

fn field(declared: &schema::Field) -> Field {
    Field {
        number: declared.number,
        name: declared.name,
        kind: declared.kind.field_type(),
        choices: declared.kind.choices().to_vec(),
        max_bytes: declared.max_bytes,
        mask: declared.mask,
        bands: declared.bands.clone(),
        over: declared.over.clone(),
        required: declared.required,
        purposes: declared.purposes.clone(),
        subject: declared.subject,
        lawful_basis: declared.lawful_basis,
        mark: declared.mark.clone(),
        source: declared.source.clone(),
    }
}
