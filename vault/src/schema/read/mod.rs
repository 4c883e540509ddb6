//! Reads and checks the files of a schema.

mod consent;
mod field;
mod mark;

use std::collections::BTreeSet;

use coffer_wire::{Name, Provenance, Recipient};
use serde::Deserialize;
use toml::Spanned;

use self::consent::RawConsent;
use self::field::{Common, RawField};
use self::mark::{MarkKeys, RawMark};
use super::{
    Article9, CATEGORIES_MAX, Category, FIELDS_MAX, Field, LawfulBasis, Mark, PURPOSES_MAX, RESERVED_CATEGORY,
    RETENTION_BYTES_MAX, Recipients, Schema, TITLE_BYTES_MAX,
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
        if before.append_only && !after.append_only {
            return Err(FileError::whole(
                file,
                "is append-only in force and stays so; its records may not be rewritten",
            ));
        }
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
        (None, None) => Err(format!(
            "`{name}` is in force and missing here; what is stored in it could not be reached. Keep it, and take the \
             grants to it out of access.toml"
        )),
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
    lawful_basis: LawfulBasis,
    mark: Option<Spanned<RawMark>>,
    article9: Option<Spanned<Article9>>,
    schedule1: Option<Spanned<u8>>,
    policy_document: Option<Spanned<String>>,
    source: Spanned<Vec<Provenance>>,
    #[serde(default)]
    source_required: bool,
    confidants_for: Option<Spanned<Vec<Name>>>,
    #[serde(default)]
    recipient: Vec<RawRecipients>,
    retention: Spanned<String>,
    #[serde(default)]
    append_only: bool,
    consent: Option<Spanned<RawConsent>>,
    #[serde(default)]
    field: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipients {
    kind: Spanned<Recipient>,
    purposes: Spanned<Vec<Name>>,
}

fn category(source: Source<'_>) -> Result<Category, FileError> {
    let raw: RawCategory = source.parse()?;
    category_name(source, &raw.name)?;
    text(source, &raw.title, "title", TITLE_BYTES_MAX)?;
    text(source, &raw.retention, "retention", RETENTION_BYTES_MAX)?;
    purposes(source, &raw.purposes)?;
    sources(source, &raw.source)?;
    let recipients = recipients(source, &raw)?;
    let confidants_for = confidants_for(source, &raw)?;
    let RawCategory { mark, article9, schedule1, policy_document, .. } = &raw;
    let mark = MarkKeys { mark, article9, schedule1, policy_document }.read(source)?.unwrap_or(Mark::Ordinary);
    if raw.field.is_empty() || raw.field.len() > FIELDS_MAX {
        return Err(source.at(raw.name.span(), "field", format!("a category has 1 to {FIELDS_MAX} of [[field]]")));
    }
    let common = Common {
        purposes: raw.purposes.into_inner(),
        lawful_basis: raw.lawful_basis,
        mark,
        source: raw.source.into_inner(),
    };
    let fields = fields(source, raw.field, &common)?;
    let consent = consent::consent(source, raw.consent.as_ref(), &raw.name, &fields)?;
    Ok(Category {
        name: raw.name.into_inner(),
        title: raw.title.into_inner(),
        case_required: raw.case_required,
        purposes: common.purposes,
        lawful_basis: common.lawful_basis,
        mark: common.mark,
        source: common.source,
        source_required: raw.source_required,
        confidants_for,
        recipients,
        retention: raw.retention.into_inner(),
        append_only: raw.append_only,
        consent,
        fields,
    })
}

/// In the order of their numbers.
fn fields(source: Source<'_>, raw: Vec<RawField>, common: &Common) -> Result<Vec<Field>, FileError> {
    let mut fields = Vec::with_capacity(raw.len());
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for raw in raw {
        if !seen.0.insert(*raw.number.get_ref()) {
            return Err(source.at(raw.number.span(), "number", "stands twice; each field has its own"));
        }
        if !seen.1.insert(*raw.name.get_ref()) {
            return Err(source.at(raw.name.span(), "name", "stands twice; each field has its own"));
        }
        fields.push(field::field(source, raw, common)?);
    }
    fields.sort_by_key(|field| field.number);
    Ok(fields)
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

fn sources(source: Source<'_>, sources: &Spanned<Vec<Provenance>>) -> Result<(), FileError> {
    let list = sources.get_ref();
    let distinct: BTreeSet<_> = list.iter().collect();
    if list.is_empty() || distinct.len() < list.len() {
        return Err(source.at(sources.span(), "source", "must name at least one source, none twice"));
    }
    Ok(())
}

fn confidants_for(source: Source<'_>, raw: &RawCategory) -> Result<Vec<Name>, FileError> {
    let Some(given) = &raw.confidants_for else { return Ok(Vec::new()) };
    purposes(source, given).map_err(|error| FileError { key: Some("confidants_for".to_owned()), ..error })?;
    match given.get_ref().iter().find(|purpose| !raw.purposes.get_ref().contains(purpose)) {
        Some(foreign) => {
            Err(source.at(given.span(), "confidants_for", format!("`{foreign}` is none of the category's purposes")))
        }
        None => Ok(given.get_ref().clone()),
    }
}

/// Each kind once, and for purposes of the category.
fn recipients(source: Source<'_>, raw: &RawCategory) -> Result<Vec<Recipients>, FileError> {
    let mut read: Vec<Recipients> = Vec::with_capacity(raw.recipient.len());
    for RawRecipients { kind, purposes: given } in &raw.recipient {
        purposes(source, given)?;
        if read.iter().any(|one| one.kind == *kind.get_ref()) {
            return Err(source.at(kind.span(), "kind", "stands twice; name all purposes in one [[recipient]]"));
        }
        if let Some(foreign) = given.get_ref().iter().find(|purpose| !raw.purposes.get_ref().contains(purpose)) {
            let what = format!("`{foreign}` is none of the category's purposes");
            return Err(source.at(given.span(), "purposes", what));
        }
        read.push(Recipients { kind: *kind.get_ref(), purposes: given.get_ref().clone() });
    }
    Ok(read)
}

/// Words for people: one line, not empty.
fn text(source: Source<'_>, text: &Spanned<String>, key: &str, bytes_max: usize) -> Result<(), FileError> {
    let words = text.get_ref();
    if words.is_empty() || words.len() > bytes_max || words.chars().any(char::is_control) {
        let what = format!("must be 1 to {bytes_max} bytes without control characters");
        return Err(source.at(text.span(), key, what));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Subject;
    use super::*;

    const BANK: &str = r#"name = "bank"
title = "Bank details"
purposes = ["payments", "refunds"]
lawful_basis = "6(1)(b)"
source = ["person", "web-form"]
retention = "as long as a payment is due"
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
            ("[\"payments\", \"refunds\"]\nlawful", "[]\nlawful", 3, "purposes"),
            ("number = 2", "number = 0", 8, "number"),
            ("number = 1", "number = 2", 15, "number"),
            ("name = \"method\"", "name = \"account_number\"", 16, "name"),
            ("type = \"text\"", "type = \"blob\"", 10, "type"),
            ("max_bytes = 34", "max_bytes = 70000", 11, "max_bytes"),
            ("max_bytes = 34\n", "", 10, "max_bytes"),
            ("max_bytes = 34", "max_bytes = 0", 11, "max_bytes"),
            ("type = \"text\"", "type = \"account-number\"", 11, "max_bytes"),
            ("choices = [\"card\", \"cash\"]", "choices = [\"card\", \"card\"]", 18, "choices"),
            ("choices = [\"card\", \"cash\"]\n", "", 17, "choices"),
            ("max_bytes = 34", "max_bytes = 34\nchoices = []", 12, "choices"),
            ("mask = \"none\"", "mask = \"first1\"", 19, "mask"),
            ("mask = \"last4\"", "mask = \"year\"", 12, "mask"),
            ("mask = \"last4\"", "mask = \"last4\"\nbands = [16]", 13, "bands"),
            ("mask = \"last4\"", "mask = \"last4\"\nover = [18]", 13, "over"),
            (
                "type = \"text\"\nmax_bytes = 34\nmask = \"last4\"",
                "type = \"date\"\nmask = \"all\"\nbands = [16, 20]",
                12,
                "bands",
            ),
            (
                "type = \"text\"\nmax_bytes = 34\nmask = \"last4\"",
                "type = \"date\"\nmask = \"all\"\nover = [19]",
                12,
                "over",
            ),
            ("purposes = [\"payments\"]", "purposes = [\"rents\"]", 13, "purposes"),
            ("subject = \"other\"", "subject = \"others\"", 21, "subject"),
            ("lawful_basis = \"6(1)(b)\"\n", "", 1, "lawful_basis"),
            ("6(1)(b)", "6(1)(g)", 4, "lawful_basis"),
            ("purposes = [\"payments\"]\n", "", 7, "purposes"),
            ("purposes = [\"payments\"]\n", "purposes = []\n", 13, "purposes"),
            ("source = [\"person\", \"web-form\"]", "source = []", 5, "source"),
            ("source = [\"person\", \"web-form\"]", "source = [\"person\", \"person\"]", 5, "source"),
            ("source = [\"person\", \"web-form\"]", "source = [\"hearsay\"]", 5, "source"),
            ("source = [\"person\", \"web-form\"]\n", "", 1, "source"),
            ("subject = \"other\"", "source = [\"email\"]", 21, "source"),
            ("retention = \"as long as a payment is due\"\n", "", 1, "retention"),
            ("as long as a payment is due", "", 6, "retention"),
            ("retention =", "confidants_for = [\"gossip\"]\nretention =", 6, "confidants_for"),
            ("retention =", "confidants_for = []\nretention =", 6, "confidants_for"),
            ("[[field]]", "[[recipient]]\nkind = \"friend\"\npurposes = [\"payments\"]\n[[field]]", 8, "kind"),
            ("[[field]]", "[[recipient]]\nkind = \"bank\"\npurposes = [\"gossip\"]\n[[field]]", 9, "purposes"),
            ("[[field]]", "[[recipient]]\nkind = \"bank\"\npurposes = []\n[[field]]", 9, "purposes"),
            (
                "[[field]]",
                "[[recipient]]\nkind = \"bank\"\npurposes = [\"payments\"]\n[[recipient]]\nkind = \"bank\"\npurposes = [\"refunds\"]\n[[field]]",
                11,
                "kind",
            ),
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

    /// What is said in place of a line of the category's, and of the second field's.
    fn marked(category: &str, field: &str) -> Result<Schema, FileError> {
        let text = BANK.replacen("lawful_basis", &format!("{category}lawful_basis"), 1);
        read(&text.replacen("subject = \"other\"", field, 1))
    }

    #[test]
    fn a_special_category_without_its_condition_is_refused_and_so_are_offences() {
        for (keys, key, what) in [
            ("mark = \"special\"\n", "article9", "is missing"),
            ("mark = \"secret\"\n", "mark", "unknown variant"),
            ("mark = \"special\"\narticle9 = \"9(2)(z)\"\n", "article9", "unknown variant"),
            ("mark = \"special\"\narticle9 = \"9(2)(h)\"\n", "schedule1", "is missing"),
            ("mark = \"special\"\narticle9 = \"9(2)(h)\"\nschedule1 = 8\n", "schedule1", "must be one of 2 to 2"),
            ("mark = \"special\"\narticle9 = \"9(2)(a)\"\nschedule1 = 8\n", "schedule1", "belongs to"),
            (
                "mark = \"special\"\narticle9 = \"9(2)(g)\"\nschedule1 = 5\npolicy_document = \"A\"\n",
                "schedule1",
                "6 to 28",
            ),
            ("mark = \"special\"\narticle9 = \"9(2)(g)\"\nschedule1 = 8\n", "policy_document", "is missing"),
            ("mark = \"special\"\narticle9 = \"9(2)(b)\"\nschedule1 = 1\n", "policy_document", "is missing"),
            ("mark = \"special\"\narticle9 = \"9(2)(a)\"\npolicy_document = \"\"\n", "policy_document", "must be 1 to"),
            ("mark = \"criminal\"\n", "schedule1", "is missing"),
            ("mark = \"criminal\"\nschedule1 = 36\n", "policy_document", "is missing"),
            ("mark = \"criminal\"\nschedule1 = 5\npolicy_document = \"A\"\n", "schedule1", "must be a paragraph"),
            ("mark = \"criminal\"\nschedule1 = 38\npolicy_document = \"A\"\n", "schedule1", "must be a paragraph"),
            ("mark = \"criminal\"\narticle9 = \"9(2)(a)\"\n", "article9", "belongs to"),
            ("mark = \"none\"\nschedule1 = 8\n", "schedule1", "belongs to"),
            ("policy_document = \"A\"\n", "policy_document", "without `mark`"),
        ] {
            for (of, outcome) in [("category", marked(keys, "")), ("field", marked("", keys))] {
                let error = outcome.unwrap_err();
                assert_eq!((error.key.as_deref(), error.line.is_some()), (Some(key), true), "{of}: {keys}: {error}");
                assert!(error.what.contains(what), "{of}: {keys}: {error}");
            }
        }
    }

    #[test]
    fn a_field_may_say_otherwise_than_its_category() {
        let special = "mark = \"special\"\narticle9 = \"9(2)(h)\"\nschedule1 = 2\n";
        let field = "mark = \"none\"\nlawful_basis = \"6(1)(c)\"\nsource = [\"person\"]\n";
        let schema = marked(special, field).unwrap();
        let bank = schema.category(&name("bank")).unwrap();
        let mark = Mark::Special { condition: Article9::Care, schedule1: Some(2), policy_document: None };
        let of = |number| {
            let field = bank.field_number(number).unwrap();
            (field.mark.clone(), field.lawful_basis, field.source.clone())
        };
        let both = vec![Provenance::Person, Provenance::WebForm];
        assert_eq!(of(2), (mark, LawfulBasis::Contract, both));
        assert_eq!(of(1), (Mark::Ordinary, LawfulBasis::LegalObligation, vec![Provenance::Person]));
        let criminal = "mark = \"criminal\"\nschedule1 = 36\npolicy_document = \"APD-2\"\n";
        let schema = marked("", criminal).unwrap();
        let field = schema.category(&name("bank")).unwrap().field_number(1).unwrap();
        assert_eq!(field.mark, Mark::Criminal { schedule1: 36, policy_document: "APD-2".to_owned() });
    }

    #[test]
    fn what_is_append_only_stays_so() {
        let append_only = BANK.replacen("retention", "append_only = true\nretention", 1);
        let (old, new) = (read(&append_only).unwrap(), read(BANK).unwrap());
        assert!(new.may_follow(&old).unwrap_err().what.contains("append-only"));
        assert_eq!(old.may_follow(&new), Ok(()));
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
