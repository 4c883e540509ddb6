//! From what the types say of themselves to what a reader outside Rust understands.

use serde_json::{Value, json};

/// Widths that JSON Schema has no word for, and the largest number of each.
const WIDTHS: [(&str, u64); 5] = [
    ("uint8", u8::MAX as u64),
    ("uint16", u16::MAX as u64),
    ("uint32", u32::MAX as u64),
    ("uint64", u64::MAX),
    ("uint", u64::MAX),
];

/// Takes the document through: limits in place of widths, sentences in place of lines, nothing said twice.
pub(super) fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let width = members.get("format").and_then(Value::as_str).and_then(largest);
            if let Some(largest) = width {
                members.remove("format");
                members.entry("maximum").or_insert(json!(largest));
            }
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = sentences(text);
            }
            // What is left out is left out: that needs no default.
            members.retain(|name, value| name != "default" || !is_nothing(value));
            // An example is the caller's text, not ours.
            members.iter_mut().filter(|(name, _)| *name != "example").for_each(|(_, value)| tidy(value));
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn largest(format: &str) -> Option<u64> {
    WIDTHS.iter().find(|(width, _)| *width == format).map(|(_, largest)| *largest)
}

/// Paragraphs without the line ends of the source, and without the brackets of its links.
fn sentences(text: &str) -> String {
    let paragraphs: Vec<String> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n").replace("[`", "`").replace("`]", "`")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
