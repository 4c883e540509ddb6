//! docs/API.md: the document for people.

use std::fmt::Write;

use coffer_wire::problem::Code;
use serde_json::{Map, Value};

use super::super::routes::OPERATIONS;
use super::codes::OF_NO_OPERATION;
use super::document;

/// The document as Markdown.
pub fn markdown() -> String {
    Page { document: document(), text: String::new() }.whole()
}

/// A page in the making. Writing to a text cannot fail.
struct Page {
    document: Value,
    text: String,
}

impl Page {
    fn whole(mut self) -> String {
        self.line("# The API of Coffer");
        self.line("");
        self.line("<!-- Printed by `coffer-vault openapi --markdown`. Not written by hand: a test compares. -->");
        self.line("");
        self.line(super::operations::INTRODUCTION);
        self.line("");
        self.line("The same for programs is OpenAPI 3.1: `GET /openapi.json`, or `coffer-vault openapi`.");
        self.contents();
        OPERATIONS.iter().for_each(|operation| self.operation(operation.path, operation.method.as_str()));
        self.schemas();
        self.codes();
        self.text
    }

    fn contents(&mut self) {
        self.line("\n## Operations\n");
        self.line("| operation | what it does | leaf | who may, in the shipped policy, for one |");
        self.line("|---|---|---|---|");
        for operation in OPERATIONS {
            let (about, method) = (operation.about, &operation.method);
            let leaf = operation.action.map_or("none".to_owned(), |action| format!("`{action}`"));
            let anchor = anchor(&format!("{method} {}", operation.path));
            self.line(&format!(
                "| [`{method} {}`](#{anchor}) | {} | {leaf} | `{}` |",
                operation.path, about.summary, about.role
            ));
        }
    }

    fn operation(&mut self, path: &str, method: &str) {
        let described = self.document["paths"][path][method.to_ascii_lowercase()].take();
        self.line(&format!("\n### {method} {path}\n"));
        self.line(&format!("{} {}", text(&described["summary"]), text(&described["description"])));
        let person = described["security"][0]["token"].is_array();
        let needs = if person { "client certificate and a person's token" } else { "client certificate" };
        self.line(&format!("\nNeeds: {needs}."));
        for header in described["parameters"].as_array().into_iter().flatten() {
            let (name, limits) = (text(&header["name"]), kind(&header["schema"]));
            self.line(&format!("\nHeader `{name}` ({limits}), may be left out: {}", text(&header["description"])));
        }
        let body = &described["requestBody"]["content"]["application/json"];
        if body.is_object() {
            self.line(&format!("\nTakes {}. Example:\n", kind(&body["schema"])));
            self.example(&body["example"]);
        }
        self.answers(&described["responses"]);
    }

    fn example(&mut self, example: &Value) {
        self.line("```json");
        self.line(&serde_json::to_string_pretty(example).unwrap_or_default());
        self.line("```");
    }

    fn answers(&mut self, responses: &Value) {
        self.line("\n| status | answer |");
        self.line("|---|---|");
        for (status, response) in members(responses) {
            let content = members(&response["content"]).next().map(|(_, content)| content);
            let gives = match (status.as_str(), content) {
                ("200", Some(content)) => format!("{}. {}", kind(&content["schema"]), text(&response["description"])),
                _ => {
                    let said = &content.unwrap_or(&Value::Null)["schema"]["properties"]["code"]["enum"];
                    let said = said.as_array().into_iter().flatten().map(|code| format!("`{}`", text(code)));
                    said.collect::<Vec<_>>().join(", ")
                }
            };
            self.line(&format!("| {status} | {gives} |"));
        }
    }

    fn schemas(&mut self) {
        self.line("\n## Types");
        let schemas = self.document["components"]["schemas"].take();
        for (name, schema) in members(&schemas).filter(|(name, _)| *name != "Code") {
            self.line(&format!("\n### {name}\n"));
            self.line(text(&schema["description"]));
            self.schema(schema);
        }
    }

    fn schema(&mut self, schema: &Value) {
        if let Some(variants) = schema["oneOf"].as_array() {
            self.line("");
            variants.iter().for_each(|variant| self.variant(variant));
        } else if schema["properties"].is_object() {
            self.line("\n| member | type | |");
            self.line("|---|---|---|");
            self.members(schema);
        } else if schema["type"] == "string" {
            self.line(&format!("\n{}", kind(schema)));
        }
    }

    fn members(&mut self, schema: &Value) {
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().map(text).collect();
        for (name, member) in members(&schema["properties"]) {
            let optional = if required.contains(&name.as_str()) { "" } else { ", may be left out" };
            self.line(&format!("| `{name}` | {}{optional} | {} |", kind(member), text(&member["description"])));
        }
    }

    fn variant(&mut self, variant: &Value) {
        if variant["properties"].is_object() {
            let tag = members(&variant["properties"]).find_map(|(name, member)| Some((name, member.get("const")?)));
            let tag = tag.map(|(name, word)| format!("`{name}`: `{}`. ", text(word))).unwrap_or_default();
            let more: Vec<String> = members(&variant["properties"])
                .filter(|(_, member)| member.get("const").is_none())
                .map(|(name, member)| format!("`{name}`: {}", kind(member)))
                .collect();
            let more = if more.is_empty() { String::new() } else { format!(" With {}.", more.join(", ")) };
            return self.line(&format!("* {tag}{}{more}", text(&variant["description"])));
        }
        self.line(&format!("* `{}`: {}", text(&variant["const"]), text(&variant["description"])));
    }

    fn codes(&mut self) {
        self.line("\n## Codes\n");
        let of_none: Vec<_> = OF_NO_OPERATION.iter().map(|code| format!("`{code}`")).collect();
        let of_none = of_none.join(" and ");
        self.line(&format!(
            "The text form is stable. A problem's `type` is `urn:coffer:problem:` and the code. {of_none} are said of what is no \
             operation.\n"
        ));
        self.line("| code | status | what it says |");
        self.line("|---|---|---|");
        for code in Code::ALL {
            self.line(&format!("| `{code}` | {} | {} |", code.status(), code.title()));
        }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }
}

/// What a schema is, in a word or a few, with its limits.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let anchor = if name == "Code" { "codes".to_owned() } else { anchor(name) };
        return format!("[{name}](#{anchor})");
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().filter(|one| one["type"] != "null").map(kind).collect::<Vec<_>>().join(" or ");
    }
    let word = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).find(|word| *word != "null").unwrap_or_default(),
        word => text(word),
    };
    match word {
        "array" => format!("list of {}{}", kind(&schema["items"]), limits(schema, "minItems", "maxItems")),
        "object" => map(schema),
        "string" => format!("text{}", limits(schema, "minLength", "maxLength")),
        "integer" => format!("number{}", limits(schema, "minimum", "maximum")),
        "boolean" => "true or false".to_owned(),
        word => word.to_owned(),
    }
}

fn map(schema: &Value) -> String {
    let by_name = members(&schema["patternProperties"]).next().map(|(_, value)| value);
    match by_name.or(schema.get("additionalProperties").filter(|value| value.is_object())) {
        Some(value) => format!("object of {} by name", kind(value)),
        None => "object".to_owned(),
    }
}

fn limits(schema: &Value, least: &str, most: &str) -> String {
    match (schema[least].as_u64(), schema[most].as_u64()) {
        (Some(0), Some(u64::MAX)) => String::new(),
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (None, Some(most)) => format!(", at most {most}"),
        (Some(least @ 1..), None) => format!(", at least {least}"),
        _ => String::new(),
    }
}

/// As the usual readers of Markdown make them out of headings.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>().replace(' ', "-")
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
