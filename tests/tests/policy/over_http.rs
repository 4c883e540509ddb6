//! A sample of the combinations, asked of a running vault.

use std::collections::BTreeMap;

use coffer_tests::harness::{Home, Raw, Serving, Staff, Store, application_of};
use coffer_wire::api::Form;
use serde_json::{Value, json};
use toml::Table;

use super::naive::Naive;
use super::{Cell, Choices, golden};

const SEED: u64 = 20_261_123;
/// How many that are granted are asked, and how many that are refused.
const EACH: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_vault_decides_as_the_second_evaluator_does() {
    let vault = Home::new(Store::Memory).serve();
    let naive = Naive::read(vault.home());
    let mut choices = Choices::new(SEED);
    let raws: BTreeMap<&str, Raw> = naive.applications().into_iter().map(|app| (app, vault.raw(app))).collect();
    let (cells, roles, applications) = (naive.cells(), naive.roles(), naive.applications());
    let golden = golden();
    let granted: Vec<(&str, Cell<'_>)> = golden.keys().filter_map(cell).collect();
    let mut asked = BTreeMap::from([(true, 0), (false, 0)]);
    while asked.values().any(|count| *count < EACH) {
        // Of all cells hardly one in a thousand is granted: half of what is asked is one that is, to the role
        // of its line or to another.
        let (line_role, granted_cell) = choices.of(&granted);
        let (any_role, any_cell, any_application) = (choices.of(&roles), choices.of(&cells), choices.of(&applications));
        let role = choices.of(&[line_role, any_role]);
        let cell = choices.of(&[granted_cell, any_cell]);
        let application = choices.of(&[application_of(role), any_application]);
        let case = choices.of(&[Some("case-1"), Some("case-1"), None]);
        let Cell { category, action, field, form, purpose } = cell;
        let fields = Vec::from_iter(field);
        let expected = naive.permits(&[role], application, category, action, &fields, form, purpose, case);
        let count = asked.get_mut(&expected).unwrap();
        if *count == EACH {
            continue;
        }
        *count += 1;
        let token = vault.home().token_of(role, &[role], application, &["oakvale"]);
        let staff = Staff::new(raws[application].clone(), token, "oakvale", purpose).on_case(case);
        let reply = staff.items(&format!("/v1/records/{action}"), json!([item(&naive, &cell)])).await;
        assert_eq!(reply.status, 200, "{role} at {application}: {cell:?}: {reply}");
        let (status, code) = reply.outcome();
        let granted = match (status, code.as_str()) {
            (200 | 404, _) => true,
            // It was permitted, and then the record itself was in the way: an earlier write of this run, or fields that
            // are not in it.
            (409, "append_only") | (422, "field_required") | (403, "no_consent") => true,
            (400 | 403 | 422, _) => false,
            _ => panic!("{role} at {application}: {cell:?}: {reply}"),
        };
        assert_eq!(granted, expected, "{role} at {application}, case {case:?}: {cell:?}: {code}");
    }
    println!("{asked:?} asked over HTTP (seed {SEED})");
}

/// The role and the cell of a golden line; none where it is of a duty.
fn cell([role, category, field, action, form, purpose]: &[String; 6]) -> Option<(&str, Cell<'_>)> {
    let field = Some(field.as_str()).filter(|field| !field.is_empty());
    let form = Form::from_text(form).map(Form::as_str);
    let action = ["read", "write", "list", "erase"].into_iter().find(|known| action == known)?;
    Some((role, Cell { category, action, field, form, purpose }))
}

/// An item that is right in all that is no matter of the policy.
fn item(naive: &Naive, cell: &Cell<'_>) -> Value {
    let mut item = json!({ "category": cell.category, "person": "nobody", "record": "none" });
    match cell.action {
        "list" => drop(item.as_object_mut().unwrap().remove("record")),
        "read" => {
            item["fields"] = json!([cell.field]);
            item["form"] = json!(cell.form);
        }
        "write" => {
            let field = cell.field.unwrap();
            let table = naive.fields_of(cell.category).find(|table| table["name"].as_str() == Some(field));
            item["fields"] = json!({ field: table.map_or("a value".to_owned(), value) });
            let sources = table.and_then(|table| table.get("source")).or(naive.category(cell.category).get("source"));
            item["source"] = json!(sources.unwrap()[0].as_str());
            if table.and_then(|table| table.get("subject")).is_some_and(|subject| subject.as_str() == Some("other")) {
                item["about"] = json!({ field: "somebody-else" });
            }
        }
        _ => {}
    }
    item
}

/// A value that the field takes.
fn value(field: &Table) -> String {
    match field["type"].as_str().unwrap() {
        "enum" => field["choices"][0].as_str().unwrap().to_owned(),
        "date" => "2026-01-31".to_owned(),
        "money" => "12.50".to_owned(),
        "number" => "7".to_owned(),
        "sort-code" => "00-00-01".to_owned(),
        "account-number" => "00000001".to_owned(),
        "phone" => "07700 900123".to_owned(),
        "email" => "ada@example.org".to_owned(),
        "postcode" => "SW1A 1AA".to_owned(),
        "ni-number" => "AA123456A".to_owned(),
        "text" | "note" => "a value".to_owned(),
        other => panic!("{other} is no type of a field"),
    }
}
