//! Reads and checks by which fields a record tells of consent.

use coffer_wire::Name;
use serde::Deserialize;
use toml::Spanned;

use super::super::{Consent, Field, Subject};
use crate::config::{FileError, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsent {
    given: Spanned<Name>,
    withdrawn: Spanned<Name>,
}

/// What rests on consent cannot be held without a word of it, and a word of it is of use to nothing else.
pub(super) fn consent(
    source: Source<'_>,
    raw: Option<&Spanned<RawConsent>>,
    category: &Spanned<Name>,
    fields: &[Field],
) -> Result<Option<Consent>, FileError> {
    let resting = fields.iter().find(|field| field.rests_on_consent());
    let (Some(raw), Some(_)) = (raw, resting) else {
        return match (raw, resting) {
            (None, Some(field)) => {
                let what = format!("is missing; `{}` rests on consent, so name the fields that tell of it", field.name);
                Err(source.at(category.span(), "consent", what))
            }
            (Some(raw), None) => {
                Err(source.at(raw.span(), "consent", "is for nothing: no field here rests on consent"))
            }
            _ => Ok(None),
        };
    };
    if fields.iter().any(|field| field.rests_on_consent() && field.subject == Subject::Other) {
        let what = "a field about another person cannot rest on the consent of the person of the record";
        return Err(source.at(raw.span(), "consent", what));
    }
    let RawConsent { given, withdrawn } = raw.get_ref();
    let consent = Consent {
        given: number(source, "given", given, fields)?.number,
        withdrawn: number(source, "withdrawn", withdrawn, fields)?.number,
    };
    let never = fields.iter().any(|field| field.number == consent.withdrawn && field.required);
    if consent.given == consent.withdrawn || never {
        let what = "must be another field than `given`, and none that each record has";
        return Err(source.at(withdrawn.span(), "withdrawn", what));
    }
    Ok(Some(consent))
}

/// A field that outlives the consent it tells of, since somebody may have to show that it was given (article 7(1)).
fn number<'a>(
    source: Source<'_>,
    key: &str,
    name: &Spanned<Name>,
    fields: &'a [Field],
) -> Result<&'a Field, FileError> {
    let Some(field) = fields.iter().find(|field| field.name == *name.get_ref()) else {
        return Err(source.at(name.span(), key, "is no field of the category"));
    };
    if field.rests_on_consent() || field.subject == Subject::Other {
        let what = "must be the person's own and rest on another basis: what tells of a consent outlives it";
        return Err(source.at(name.span(), key, what));
    }
    Ok(field)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::Schema;
    use super::*;

    const PHOTOS: &str = r#"name = "photos"
title = "Photos"
purposes = ["publicity"]
lawful_basis = "6(1)(a)"
source = ["person"]
retention = "a year"
[consent]
given = "agreed_on"
withdrawn = "ended_on"
[[field]]
number = 1
name = "place"
type = "note"
max_bytes = 40
mask = "all"
purposes = ["publicity"]
[[field]]
number = 2
name = "agreed_on"
type = "date"
mask = "none"
purposes = ["publicity"]
lawful_basis = "6(1)(c)"
required = true
[[field]]
number = 3
name = "ended_on"
type = "date"
mask = "none"
purposes = ["publicity"]
lawful_basis = "6(1)(c)"
"#;

    fn read(text: &str) -> Result<Schema, FileError> {
        Schema::read(&[("schema/photos.toml".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_consent_is_in_force_while_it_is_given_and_not_withdrawn() {
        let schema = read(PHOTOS).unwrap();
        let photos = schema.iter().next().unwrap();
        let resting: Vec<_> = photos.fields.iter().map(|field| (field.rests_on_consent(), field.required)).collect();
        assert_eq!(resting, [(true, false), (false, true), (false, false)]);
        let consent = photos.consent.unwrap();
        for (has, in_force) in [(&[][..], false), (&[2], true), (&[2, 3], false), (&[3], false), (&[1], false)] {
            assert_eq!(consent.is_in_force(|number| has.contains(&number)), in_force, "{has:?}");
        }
    }

    #[test]
    fn each_mistake_names_its_line_and_key() {
        let declared = "[consent]\ngiven = \"agreed_on\"\nwithdrawn = \"ended_on\"\n";
        let explicit = "lawful_basis = \"6(1)(c)\"\nmark = \"special\"\narticle9 = \"9(2)(a)\"\nrequired = true\n";
        for (from, to, line, key) in [
            (declared, "", 1, "consent"),
            ("6(1)(a)", "6(1)(b)", 7, "consent"),
            ("given = \"agreed_on\"\n", "", 7, "given"),
            ("\"agreed_on\"\nwithdrawn", "\"someday\"\nwithdrawn", 8, "given"),
            ("\"ended_on\"\n[[field]]", "\"someday\"\n[[field]]", 9, "withdrawn"),
            ("\"ended_on\"\n[[field]]", "\"agreed_on\"\n[[field]]", 9, "withdrawn"),
            ("\"ended_on\"\n[[field]]", "\"place\"\n[[field]]", 9, "withdrawn"),
            ("lawful_basis = \"6(1)(c)\"\nrequired = true\n", "required = true\n", 8, "given"),
            ("lawful_basis = \"6(1)(c)\"\nrequired = true\n", explicit, 8, "given"),
            ("number = 1\n", "number = 1\nsubject = \"other\"\n", 7, "consent"),
            ("number = 2\n", "number = 2\nsubject = \"other\"\n", 25, "required"),
            ("number = 3\n", "number = 3\nsubject = \"other\"\n", 9, "withdrawn"),
            ("number = 3\n", "number = 3\nrequired = true\n", 9, "withdrawn"),
            ("required = true", "required = \"yes\"", 24, "required"),
        ] {
            let text = PHOTOS.replacen(from, to, 1);
            assert_ne!(text, PHOTOS, "{from}");
            let error = read(&text).unwrap_err();
            assert_eq!((error.line, error.key.as_deref()), (Some(line), Some(key)), "{from}: {error}");
        }
    }

    /// A special kind that is held with explicit consent rests on it too, whatever the basis of article 6.
    #[test]
    fn explicit_consent_is_consent() {
        let special = "number = 1\nlawful_basis = \"6(1)(b)\"\nmark = \"special\"\narticle9 = \"9(2)(a)\"\n";
        let schema = read(&PHOTOS.replacen("number = 1\n", special, 1)).unwrap();
        assert!(schema.iter().next().unwrap().field_number(1).unwrap().rests_on_consent());
        assert_eq!(
            read(&PHOTOS.replacen("number = 1\n", &special.replace("9(2)(a)", "9(2)(e)"), 1)).unwrap_err().key,
            Some("consent".into())
        );
    }
}
