//! Reads and checks the files of a schema.

use std::collections::BTreeSet;

use coffer_wire::Name;
use serde::Deserialize;
use toml::Spanned;

use super::{
    CATEGORIES_MAX, CHOICE_BYTES_MAX, CHOICES_MAX, Category, FIELDS_MAX, Field, Kind, Mask, PURPOSES_MAX,
    RESERVED_CATEGORY, Schema, Subject, TITLE_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::config::{FileError, SCHEMA_DIR, Source};

pub(super) fn schema(files: &[(String, String)]) -> Result<Schema, FileError> {
    if files.is_empty() || files.len() > CATEGORIES_MAX {
        return Err(FileError::whole(SCHEMA_DIR, format!("must hold 1 to {CATEGORIES_MAX} categories, one a file")));
    }
    let mut categories = Vec::with_capacity(files.len());
    for (file, text) in files {
        categories.push(category(Source { file, text })?);
    }
    categories.sort_by_key(|category| category.name);
    if let Some(pair) = categories.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(FileError::whole(SCHEMA_DIR, format!("declares the category `{}` twice", pair[0].name)));
    }
    Ok(Schema { categories })
}

pub(super) fn may_follow(new: &Schema, old: &Schema) -> Result<(), FileError> {
    for before in old.iter() {
        let file = format!("{SCHEMA_DIR}/{}.toml", before.name);
        let Some(after) = new.category(&before.name) else {
            return Err(FileError::whole(
                file,
                "is in force and missing here; what is stored in it could not be reached",
            ));
        };
        for field in &before.fields {
            keeps_its_place(field, after).map_err(|what| FileError::whole(&*file, what))?;
        }
    }
    Ok(())
}

/// A stored field is known by its number, and sealed under the key of its own or another person.
fn keeps_its_place(field: &Field, after: &Category) -> Result<(), String> {
    let (number, name) = (field.number, field.name);
    match (after.field_number(number), after.field(&name)) {
        (None, None) => Ok(()),
        (Some(same), _) if same.name != name => {
            Err(format!("number {number} is `{name}` in force and may be no other field"))
        }
        (None, Some(moved)) => {
            Err(format!("`{name}` has number {number} in force and may not become {}", moved.number))
        }
        (Some(same), _) if same.subject != field.subject => Err(format!("`{name}` may not change its `subject`")),
        (Some(_), _) => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCategory {
    name: Spanned<Name>,
    title: Spanned<String>,
    #[serde(default)]
    case_required: bool,
    purposes: Spanned<Vec<Name>>,
    #[serde(default)]
    field: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    number: Spanned<u16>,
    name: Spanned<Name>,
    #[serde(rename = "type")]
    kind: Spanned<RawKind>,
    max_bytes: Option<Spanned<usize>>,
    choices: Option<Spanned<Vec<String>>>,
    mask: Spanned<Mask>,
    purposes: Spanned<Vec<Name>>,
    #[serde(default)]
    subject: RawSubject,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    Text,
    Note,
    Enum,
    Date,
    Money,
    Number,
    SortCode,
    AccountNumber,
    Phone,
    Email,
    Postcode,
    NiNumber,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSubject {
    #[default]
    Own,
    Other,
}

fn category(source: Source<'_>) -> Result<Category, FileError> {
    let raw: RawCategory = source.parse()?;
    category_name(source, &raw.name)?;
    let title = raw.title.get_ref();
    if title.is_empty() || title.len() > TITLE_BYTES_MAX || title.chars().any(char::is_control) {
        let what = format!("must be 1 to {TITLE_BYTES_MAX} bytes without control characters");
        return Err(source.at(raw.title.span(), "title", what));
    }
    purposes(source, &raw.purposes)?;
    if raw.field.is_empty() || raw.field.len() > FIELDS_MAX {
        return Err(source.at(raw.name.span(), "field", format!("a category has 1 to {FIELDS_MAX} of [[field]]")));
    }
    let mut fields = Vec::with_capacity(raw.field.len());
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for raw_field in raw.field {
        if !seen.0.insert(*raw_field.number.get_ref()) {
            return Err(source.at(raw_field.number.span(), "number", "stands twice; each field has its own"));
        }
        if !seen.1.insert(*raw_field.name.get_ref()) {
            return Err(source.at(raw_field.name.span(), "name", "stands twice; each field has its own"));
        }
        fields.push(field(source, raw_field, raw.purposes.get_ref())?);
    }
    fields.sort_by_key(|field| field.number);
    Ok(Category {
        name: raw.name.into_inner(),
        title: raw.title.into_inner(),
        case_required: raw.case_required,
        purposes: raw.purposes.into_inner(),
        fields,
    })
}

fn category_name(source: Source<'_>, name: &Spanned<Name>) -> Result<(), FileError> {
    let text = name.get_ref().as_str();
    if text == RESERVED_CATEGORY {
        return Err(source.at(name.span(), "name", "is the vault's own category; choose another name"));
    }
    let file = source.file.rsplit('/').next().unwrap_or(source.file);
    if file.strip_suffix(".toml") != Some(text) {
        return Err(source.at(name.span(), "name", format!("category `{text}` must stand in `{text}.toml`")));
    }
    Ok(())
}

fn purposes(source: Source<'_>, purposes: &Spanned<Vec<Name>>) -> Result<(), FileError> {
    let list = purposes.get_ref();
    let distinct: BTreeSet<_> = list.iter().collect();
    if list.is_empty() || list.len() > PURPOSES_MAX || distinct.len() < list.len() {
        let what = format!("must be 1 to {PURPOSES_MAX} names, none twice");
        return Err(source.at(purposes.span(), "purposes", what));
    }
    Ok(())
}

fn field(source: Source<'_>, raw: RawField, of_category: &[Name]) -> Result<Field, FileError> {
    if *raw.number.get_ref() == 0 {
        return Err(source.at(raw.number.span(), "number", "must be at least 1"));
    }
    purposes(source, &raw.purposes)?;
    if let Some(foreign) = raw.purposes.get_ref().iter().find(|purpose| !of_category.contains(purpose)) {
        let what = format!("`{foreign}` is none of the category's purposes");
        return Err(source.at(raw.purposes.span(), "purposes", what));
    }
    let kind = kind(source, &raw)?;
    let max_bytes = max_bytes(source, &raw, &kind)?;
    let mask = *raw.mask.get_ref();
    if !mask.suits(&kind) {
        return Err(source.at(
            raw.mask.span(),
            "mask",
            "does not suit this type; `all` hides the value, `none` shows it",
        ));
    }
    let subject = match raw.subject {
        RawSubject::Own => Subject::Own,
        RawSubject::Other => Subject::Other,
    };
    let (number, name, purposes) = (raw.number.into_inner(), raw.name.into_inner(), raw.purposes.into_inner());
    Ok(Field { number, name, kind, max_bytes, mask, purposes, subject })
}

fn kind(source: Source<'_>, raw: &RawField) -> Result<Kind, FileError> {
    let plain = match raw.kind.get_ref() {
        RawKind::Enum => return choices(source, raw),
        RawKind::Text => Kind::Text,
        RawKind::Note => Kind::Note,
        RawKind::Date => Kind::Date,
        RawKind::Money => Kind::Money,
        RawKind::Number => Kind::Number,
        RawKind::SortCode => Kind::SortCode,
        RawKind::AccountNumber => Kind::AccountNumber,
        RawKind::Phone => Kind::Phone,
        RawKind::Email => Kind::Email,
        RawKind::Postcode => Kind::Postcode,
        RawKind::NiNumber => Kind::NiNumber,
    };
    match &raw.choices {
        Some(choices) => Err(source.at(choices.span(), "choices", "belongs to type `enum` alone")),
        None => Ok(plain),
    }
}

fn choices(source: Source<'_>, raw: &RawField) -> Result<Kind, FileError> {
    let Some(choices) = &raw.choices else {
        return Err(source.at(raw.kind.span(), "choices", "is missing; type `enum` needs its choices"));
    };
    let list = choices.get_ref();
    let distinct: BTreeSet<_> = list.iter().collect();
    let fits = |choice: &String| {
        !choice.is_empty() && choice.len() <= CHOICE_BYTES_MAX && !choice.chars().any(char::is_control)
    };
    if list.is_empty() || list.len() > CHOICES_MAX || distinct.len() < list.len() || !list.iter().all(fits) {
        let what = format!("must be 1 to {CHOICES_MAX} texts of 1 to {CHOICE_BYTES_MAX} bytes, none twice");
        return Err(source.at(choices.span(), "choices", what));
    }
    Ok(Kind::Enum(list.clone()))
}

/// A kind that has a limit of its own takes no other: a choice or a date cut short is none.
fn max_bytes(source: Source<'_>, raw: &RawField, kind: &Kind) -> Result<usize, FileError> {
    match (&raw.max_bytes, kind.bytes_max()) {
        (None, Some(own)) => Ok(own),
        (Some(given), None) if (1..=VALUE_BYTES_MAX).contains(given.get_ref()) => Ok(*given.get_ref()),
        (Some(given), None) => Err(source.at(given.span(), "max_bytes", format!("must be 1 to {VALUE_BYTES_MAX}"))),
        (Some(given), Some(_)) => {
            Err(source.at(given.span(), "max_bytes", "belongs to types `text`, `note` and `number` alone"))
        }
        (None, None) => {
            Err(source.at(raw.kind.span(), "max_bytes", "is missing; text, note and number need their limit"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BANK: &str = r#"name = "bank"
title = "Bank details"
purposes = ["payments", "refunds"]
[[field]]
number = 2
name = "account_number"
type = "text"
max_bytes = 34
mask = "last4"
purposes = ["payments"]
[[field]]
number = 1
name = "method"
type = "enum"
choices = ["card", "cash"]
mask = "none"
purposes = ["payments", "refunds"]
subject = "other"
"#;

    fn read(text: &str) -> Result<Schema, FileError> {
        Schema::read(&[("schema/bank.toml".to_owned(), text.to_owned())])
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_schema_is_read_in_the_order_of_numbers() {
        let schema = read(BANK).unwrap();
        let bank = schema.category(&name("bank")).unwrap();
        assert_eq!(bank.fields.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 2]);
        let method = bank.field(&name("method")).unwrap();
        assert_eq!((method.max_bytes, method.subject, method.pad_to()), (4, Subject::Other, 4));
        assert_eq!(bank.field_number(2).unwrap().mask("12345678"), "****5678");
        assert!(!bank.case_required && schema.category(&name("care")).is_none());
    }

    #[test]
    fn each_mistake_names_its_file_line_and_key() {
        for (from, to, line, key) in [
            ("title =", "titel =", 2, "titel"),
            ("name = \"bank\"", "name = \"care\"", 1, "name"),
            ("name = \"bank\"", "name = \"audit\"", 1, "name"),
            ("title = \"Bank details\"", "title = \"\"", 2, "title"),
            ("[\"payments\", \"refunds\"]\n[[", "[]\n[[", 3, "purposes"),
            ("number = 2", "number = 0", 5, "number"),
            ("number = 1", "number = 2", 12, "number"),
            ("name = \"method\"", "name = \"account_number\"", 13, "name"),
            ("type = \"text\"", "type = \"blob\"", 7, "type"),
            ("max_bytes = 34", "max_bytes = 70000", 8, "max_bytes"),
            ("max_bytes = 34\n", "", 7, "max_bytes"),
            ("max_bytes = 34", "max_bytes = 0", 8, "max_bytes"),
            ("type = \"text\"", "type = \"account-number\"", 8, "max_bytes"),
            ("choices = [\"card\", \"cash\"]", "choices = [\"card\", \"card\"]", 15, "choices"),
            ("choices = [\"card\", \"cash\"]\n", "", 14, "choices"),
            ("max_bytes = 34", "max_bytes = 34\nchoices = []", 9, "choices"),
            ("mask = \"none\"", "mask = \"first1\"", 16, "mask"),
            ("mask = \"last4\"", "mask = \"year\"", 9, "mask"),
            ("purposes = [\"payments\"]", "purposes = [\"rents\"]", 10, "purposes"),
            ("subject = \"other\"", "subject = \"others\"", 18, "subject"),
        ] {
            let text = BANK.replacen(from, to, 1);
            assert_ne!(text, BANK, "{from}");
            let error = read(&text).unwrap_err();
            assert_eq!(
                (error.file.as_str(), error.line, error.key.as_deref()),
                ("schema/bank.toml", Some(line), Some(key)),
                "{error}"
            );
        }
    }

    #[test]
    fn a_category_is_declared_once_and_there_is_one_at_least() {
        let file = ("bank.toml".to_owned(), BANK.to_owned());
        assert!(Schema::read(&[file.clone(), file]).unwrap_err().what.contains("twice"));
        assert!(Schema::read(&[]).is_err());
    }

    #[test]
    fn a_value_is_refused_without_being_repeated() {
        let schema = read(BANK).unwrap();
        let field = schema.category(&name("bank")).unwrap().field_number(2).unwrap();
        assert!(field.validate("12345678").is_ok());
        let error = field.validate(&"secret".repeat(6)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(field.validate("").is_err());
    }

    #[test]
    fn a_number_keeps_its_field_from_schema_to_schema() {
        let old = read(BANK).unwrap();
        let follows = |from: &str, to: &str| read(&BANK.replacen(from, to, 1)).unwrap().may_follow(&old);
        assert_eq!(follows("title = \"Bank details\"", "title = \"Bank\""), Ok(()));
        assert_eq!(follows("max_bytes = 34", "max_bytes = 40"), Ok(()));
        assert!(follows("name = \"method\"", "name = \"way\"").is_err());
        assert!(follows("number = 1", "number = 9").is_err());
        assert!(follows("subject = \"other\"", "subject = \"own\"").is_err());
        let care = BANK.replacen("bank", "care", 1);
        let other = Schema::read(&[("care.toml".to_owned(), care)]).unwrap();
        assert!(other.may_follow(&old).is_err());
    }
}
