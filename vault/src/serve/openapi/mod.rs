//! The API described: an OpenAPI 3.1 document out of the table of operations, the types that are parsed and the table
//! of codes. Nothing of it is written a second time; docs/API.md is the same document for people.

mod codes;
mod example;
mod markdown;
mod operations;
mod tidy;

use std::sync::{Arc, LazyLock};

use axum::http::Method;
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::{Answered, MEDIA_TYPE};
use super::idempotency::KEY_CHARACTERS_MAX;
use super::routes::{OPERATIONS, Operation};
use super::{House, Incoming, manage};

pub use markdown::markdown;
pub(super) use operations::*;

/// The version of the document's own form.
const OPENAPI: &str = "3.1.0";
/// Where its schemas lie.
const SCHEMAS: &str = "/components/schemas";
const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /openapi.json`: holds no data and is the same for everyone, and is all the same asked by somebody: it is admitted
/// as `whoami` is, and leaves a leaf.
pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());
    manage::record(&house, &incoming, Action::ApiShow, Private::default()).await?;
    Ok(DOCUMENT.clone().into())
}

/// What the document says of one operation beside what the table says.
pub struct Described {
    /// A name for programs that are generated.
    id: &'static str,
    /// What it does, in one line.
    summary: &'static str,
    /// What else is to be known.
    text: &'static str,
    /// A role of the shipped policy that may.
    role: &'static str,
    /// What it takes.
    takes: Option<Takes>,
    /// What it answers.
    gives: Gives,
    /// What it may say beside what every operation may.
    codes: &'static [&'static [Code]],
    /// What its items may say, where it takes items.
    items: &'static [&'static [Code]],
}

impl Described {
    /// The media type of its answer.
    pub(super) fn media(&self) -> &'static str {
        match self.gives {
            Gives::Json(_) | Gives::Document => MEDIA_TYPE,
            Gives::Text(_) => TEXT,
        }
    }
}

type Schematic = fn(&mut SchemaGenerator) -> Schema;

struct Takes {
    schema: Schematic,
    /// What it takes less than the type does, as JSON Schema.
    narrower: fn() -> Value,
    /// A request that is answered 200 under the schema and the policy that the examples of `schema/apply` and
    /// `access/apply` put in force.
    example: fn() -> Value,
}

impl Takes {
    const fn of<T: JsonSchema>(example: fn() -> Value) -> Option<Takes> {
        Takes::less_than::<T>(|| json!({}), example)
    }

    const fn less_than<T: JsonSchema>(narrower: fn() -> Value, example: fn() -> Value) -> Option<Takes> {
        Some(Takes { schema: SchemaGenerator::subschema_for::<T>, narrower, example })
    }
}

enum Gives {
    Json(Schematic),
    /// This text, of which no schema says more.
    Text(&'static str),
    /// Itself.
    Document,
}

impl Gives {
    const fn of<T: JsonSchema>() -> Gives {
        Gives::Json(SchemaGenerator::subschema_for::<T>)
    }
}

/// The whole document.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().with(|s| s.definitions_path = SCHEMAS.into()).into_generator();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let method = operation.method.as_str().to_ascii_lowercase();
        paths.insert(operation.path.to_owned(), json!({ method: described(operation, &mut generator) }));
    }
    generator.subschema_for::<Problem>();
    let mut document = json!({
        "openapi": OPENAPI,
        "info": {
            "title": "Coffer",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Personal data under keys of its own; nothing is released before the record of that access is on disk.",
            "description": operations::INTRODUCTION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/", "description": "Where the vault listens, by HTTPS." }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "certificate": {
                    "type": "mutualTLS",
                    "description": "TLS 1.3 with the client certificate of an application that the vault's configuration knows.",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A person's token: signed by an issuer that the vault trusts, for this application, at most 15 minutes old.",
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    tidy::tidy(&mut document);
    document
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let about = operation.about;
    let mut described = json!({
        "operationId": about.id,
        "tags": [operation.group()],
        "summary": about.summary,
        "description": about.text,
        "security": [security(operation)],
        "responses": responses(operation, generator),
        "x-coffer-role": about.role,
    });
    if let Some(action) = operation.action {
        described["x-coffer-leaf"] = json!(action.as_str());
    }
    if operation.is_once() {
        described["parameters"] = json!([idempotency_key()]);
    }
    if let Some(takes) = &about.takes {
        let mut schema = (takes.narrower)();
        schema["$ref"] = (takes.schema)(generator).to_value()["$ref"].take();
        let body = json!({ "schema": schema, "example": (takes.example)() });
        described["requestBody"] = json!({ "required": true, "content": { MEDIA_TYPE: body } });
    }
    described
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "The caller's own name for this request, new for each. Sent again within 24 hours by the same person through the \
                        same application, with the same body byte by byte, what took effect does so once and is answered alike; what was \
                        refused is tried anew. With another body: `idempotency_mismatch`.",
        "schema": {
            "type": "string",
            "pattern": "^[!#-\\[\\]-~]+$",
            "minLength": 1,
            "maxLength": KEY_CHARACTERS_MAX,
        },
        "example": "k3Qh-7TqfWz-write-rent-account",
    })
}

/// A certificate always; a person's token too where one is needed.
fn security(operation: &Operation) -> Value {
    match operation.needs_person() {
        true => json!({ "certificate": [], "token": [] }),
        false => json!({ "certificate": [] }),
    }
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let about = operation.about;
    let schema = match about.gives {
        Gives::Json(schema) => schema(generator).to_value(),
        Gives::Text(_) => json!({ "type": "string" }),
        Gives::Document => json!({ "type": "object" }),
    };
    let description = match about.gives {
        Gives::Text(description) => description.to_owned(),
        _ if about.items.is_empty() => "What was asked for.".to_owned(),
        _ => {
            let said: Vec<_> = codes::sorted(about.items).iter().map(|code| format!("`{code}`")).collect();
            format!("One outcome for each item, in the request's order. An item may say {}.", said.join(", "))
        }
    };
    let mut responses = Map::new();
    let headers = json!({ "x-request-id": request_id() });
    let content = json!({ about.media(): { "schema": schema } });
    responses.insert("200".to_owned(), json!({ "description": description, "headers": headers, "content": content }));
    for (status, said) in codes::by_status(operation.needs_person(), operation.method == Method::POST, about.codes) {
        responses.insert(status.to_string(), problem(status, &said));
    }
    Value::Object(responses)
}

fn problem(status: u16, said: &[Code]) -> Value {
    let description: Vec<_> = said.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
    let schema = json!({
        "allOf": [{ "$ref": format!("#{SCHEMAS}/Problem") }],
        "properties": { "status": { "const": status }, "code": { "enum": said } },
    });
    let mut headers = json!({ "x-request-id": request_id() });
    match status {
        401 => headers["www-authenticate"] = header("How to come in: `Bearer`."),
        503 => headers["retry-after"] = header("After how many seconds to come again, where that may help."),
        _ => {}
    }
    json!({
        "description": description.join("\n\n"),
        "headers": headers,
        "content": { Problem::MEDIA_TYPE: { "schema": schema } },
    })
}

fn request_id() -> Value {
    header("The id under which the operator finds the request: 24 characters.")
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_reference_is_the_one_that_the_program_prints() {
        let committed = include_str!("../../../../docs/API.md");
        assert_eq!(committed, markdown(), "print it anew: coffer-vault openapi --markdown > docs/API.md");
    }

    #[test]
    fn every_operation_of_the_table_is_described_once() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), OPERATIONS.len());
        let mut ids = BTreeSet::new();
        for operation in OPERATIONS {
            let described = &paths[operation.path][operation.method.as_str().to_ascii_lowercase()];
            assert!(ids.insert(described["operationId"].as_str().unwrap()), "{}: its id stands twice", operation.path);
            assert_eq!(described["requestBody"].is_object(), operation.method == Method::POST, "{}", operation.path);
        }
    }

    /// A code that nobody is told of is a code that nobody handles.
    #[test]
    fn every_code_stands_at_an_operation_or_is_of_none() {
        let document = document().to_string();
        for code in Code::ALL {
            let told = document.contains(&format!("`{code}`"));
            assert_eq!(told, !codes::OF_NO_OPERATION.contains(code), "{code}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let (document, mut found) = (document(), BTreeSet::new());
        references(&document, &mut found);
        assert!(found.len() > 20, "the references were not found");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
