//! `coffer schema show`: the schema in force, all categories in a line each or one with its fields.

use coffer_wire::api::Form;
use coffer_wire::schema::{Category, Consent, Field, SchemaRequest, Subject};

use super::markdown::{basis, mark};
use crate::args::ShowSchema;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, faint, list, maybe, plain};

pub async fn run(desk: &Desk, args: &ShowSchema) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.show_schema(&SchemaRequest { category: args.category }).await?;
    if answer.categories.is_empty() {
        let advice = "`coffer schema show` lists those there are";
        return Err(Failure::check("no_such_category", "the schema in force has no such category", advice));
    }
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    match (args.category, answer.categories.first()) {
        (Some(_), Some(category)) => show(desk, category)?,
        _ => desk.screen.table(
            ["category", "title", "purposes", "lawful basis", "special", "kept"],
            answer.categories.iter().map(row).collect(),
        )?,
    }
    desk.screen.line([faint(format!("policy epoch {}", answer.policy))])
}

fn row(category: &Category) -> [Piece; 6] {
    [
        plain(category.name),
        plain(&category.title),
        list(&category.purposes),
        plain(category.lawful_basis.as_str()),
        maybe(mark(&category.mark)),
        plain(&category.retention),
    ]
}

fn show(desk: &Desk, category: &Category) -> Result<(), Failure> {
    desk.screen.pairs(vec![
        ("category", plain(category.name)),
        ("title", plain(&category.title)),
        ("purposes", list(&category.purposes)),
        ("lawful basis", plain(basis(category.lawful_basis))),
        ("special", maybe(mark(&category.mark))),
        ("sources", list(&category.source)),
        ("source", plain(if category.source_required { "named by each write" } else { "may be named" })),
        ("kept", plain(&category.retention)),
        ("case", plain(if category.case_required { "named by each request" } else { "may be named" })),
        ("records", plain(if category.append_only { "are only added" } else { "may be changed" })),
        ("consent", maybe(category.consent.map(consent))),
    ])?;
    desk.screen.line([])?;
    desk.screen.table(
        ["no", "field", "type", "shown as", "purposes", "whose", "lawful basis", "special", "each record"],
        category.fields.iter().map(field).collect(),
    )
}

fn consent(consent: Consent) -> String {
    format!("given by {}, withdrawn by {}", consent.given, consent.withdrawn)
}

/// The mask, and the forms in which an age is told.
fn forms(field: &Field) -> String {
    let band = (!field.bands.is_empty()).then_some(Form::Band);
    let ages = field.over.iter().filter_map(|age| Form::over(*age));
    let ages = band.into_iter().chain(ages).map(|form| form.as_str());
    [field.mask.as_str()].into_iter().chain(ages).collect::<Vec<_>>().join(", ")
}

fn field(field: &Field) -> [Piece; 9] {
    [
        plain(field.number),
        plain(field.name),
        plain(field.kind.as_str()),
        plain(forms(field)),
        list(&field.purposes),
        plain(match field.subject {
            Subject::Own => "own",
            Subject::Other => "another's",
        }),
        plain(field.lawful_basis.as_str()),
        maybe(mark(&field.mark)),
        plain(if field.required { "has it" } else { "may have it" }),
    ]
}
