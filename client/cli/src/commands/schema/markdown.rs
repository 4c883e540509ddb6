//! The words and tables of the documents that are made out of a schema.

use std::fmt::Display;

use coffer_wire::Name;
use coffer_wire::schema::{Category, LawfulBasis, Mark, Recipients};

/// The head of a table.
pub fn head<const N: usize>(titles: [&str; N]) -> String {
    format!("| {} |\n|{}\n", titles.join(" | "), "---|".repeat(N))
}

/// A row of a table. Its cells are text, whatever they hold.
pub fn row<const N: usize>(cells: [String; N]) -> String {
    format!("| {} |\n", cells.map(|cell| text(&cell)).join(" | "))
}

/// Words in which nothing acts in Markdown: no cell ends early, no tag, link or code begins.
pub fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '\\' | '|' | '`' | '*' | '[' | ']' => out.extend(['\\', character]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

/// Things with commas.
pub fn list<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

/// Things that have commas of their own.
pub fn clauses<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join("; ")
}

/// The title, and the name by which log and policy know it.
pub fn category(category: &Category) -> String {
    format!("{} ({})", category.title, category.name)
}

/// What is held: the fields, as words.
pub fn data(category: &Category) -> String {
    list(category.fields.iter().map(|field| words(&field.name)))
}

/// A kind of recipients, and what for.
pub fn recipients(one: &Recipients) -> String {
    format!("{} (for {})", one.kind.title(), list(&one.purposes))
}

/// Why it may be held: every basis that a field has, and every condition.
pub fn bases(category: &Category) -> String {
    let bases = distinct(category.fields.iter().map(|field| field.lawful_basis));
    let marks = distinct(category.fields.iter().map(|field| &field.mark));
    let bases = bases.into_iter().map(basis);
    clauses(bases.chain(marks.into_iter().filter_map(mark)))
}

/// In the words of a notice and as the law cites it.
pub fn basis(basis: LawfulBasis) -> String {
    format!("{} (article {})", basis.title(), basis.as_str())
}

/// What more is needed to hold data of a special kind; nothing for other data.
pub fn mark(mark: &Mark) -> Option<String> {
    let told = |what: String, paragraph: Option<u8>, document: Option<&str>| {
        let paragraph = paragraph.map(|number| format!("DPA 2018 Schedule 1 paragraph {number}"));
        let document = document.map(|name| format!("policy document {name}"));
        list([Some(what), paragraph, document].into_iter().flatten())
    };
    match mark {
        Mark::Ordinary => None,
        Mark::Special { condition, schedule1, policy_document } => {
            let what = format!("special category data under article {}", condition.as_str());
            Some(told(what, *schedule1, policy_document.as_deref()))
        }
        Mark::Criminal { schedule1, policy_document } => {
            let what = "criminal offence data under article 10".to_owned();
            Some(told(what, Some(*schedule1), Some(policy_document)))
        }
    }
}

/// Each once, in the order in which they first stand.
fn distinct<T: PartialEq>(things: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for thing in things {
        if !found.contains(&thing) {
            found.push(thing);
        }
    }
    found
}

fn words(name: &Name) -> String {
    name.as_str().replace(['_', '-'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_schema_ends_a_cell_or_begins_a_tag() {
        let hostile = "a|b <script> `x` \\| [l](u)\nc & *d*";
        let shown = row([hostile.to_owned(), "next".to_owned()]);
        assert_eq!(shown, "| a\\|b &lt;script> \\`x\\` \\\\\\| \\[l\\](u) c &amp; \\*d\\* | next |\n");
    }
}
