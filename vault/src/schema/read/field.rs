//! Reads and checks one field of a category.

use std::collections::BTreeSet;

use coffer_wire::api::Form;
use coffer_wire::schema::FieldType;
use coffer_wire::{Name, Provenance};
use serde::Deserialize;
use toml::Spanned;

use super::super::{
    Article9, BAND_YEARS_MIN, BANDS_MAX, CHOICE_BYTES_MAX, CHOICES_MAX, Field, Kind, LawfulBasis, Mark, Mask, OVER_MAX,
    Subject, VALUE_BYTES_MAX, age, mask,
};
use super::mark::{MarkKeys, RawMark};
use super::{purposes, sources};
use crate::config::{FileError, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pub(super) number: Spanned<u16>,
    pub(super) name: Spanned<Name>,
    #[serde(rename = "type")]
    kind: Spanned<FieldType>,
    max_bytes: Option<Spanned<usize>>,
    choices: Option<Spanned<Vec<String>>>,
    mask: Spanned<Mask>,
    #[serde(default)]
    bands: Option<Spanned<Vec<u8>>>,
    #[serde(default)]
    over: Option<Spanned<Vec<u8>>>,
    purposes: Spanned<Vec<Name>>,
    #[serde(default)]
    subject: Subject,
    required: Option<Spanned<bool>>,
    lawful_basis: Option<LawfulBasis>,
    mark: Option<Spanned<RawMark>>,
    article9: Option<Spanned<Article9>>,
    schedule1: Option<Spanned<u8>>,
    policy_document: Option<Spanned<String>>,
    source: Option<Spanned<Vec<Provenance>>>,
}

/// What is said of a category as a whole, and of its fields where they say nothing else.
pub(super) struct Common {
    pub(super) purposes: Vec<Name>,
    pub(super) lawful_basis: LawfulBasis,
    pub(super) mark: Mark,
    pub(super) source: Vec<Provenance>,
}

pub(super) fn field(source: Source<'_>, raw: RawField, common: &Common) -> Result<Field, FileError> {
    if *raw.number.get_ref() == 0 {
        return Err(source.at(raw.number.span(), "number", "must be at least 1"));
    }
    purposes(source, &raw.purposes)?;
    if let Some(foreign) = raw.purposes.get_ref().iter().find(|purpose| !common.purposes.contains(purpose)) {
        let what = format!("`{foreign}` is none of the category's purposes");
        return Err(source.at(raw.purposes.span(), "purposes", what));
    }
    let kind = kind(source, &raw)?;
    let max_bytes = max_bytes(source, &raw, &kind)?;
    let mask = *raw.mask.get_ref();
    if !mask::suits(mask, &kind) {
        return Err(source.at(
            raw.mask.span(),
            "mask",
            "does not suit this type; `all` hides the value, `none` shows it",
        ));
    }
    let (bands, over) = ages(source, &raw, &kind)?;
    let required = required(source, &raw)?;
    let lawful_basis = raw.lawful_basis.unwrap_or(common.lawful_basis);
    let mark = mark_keys(&raw).read(source)?.unwrap_or_else(|| common.mark.clone());
    let provenance = provenance(source, &raw, common)?;
    let (number, name, purposes) = (raw.number.into_inner(), raw.name.into_inner(), raw.purposes.into_inner());
    Ok(Field {
        number,
        name,
        kind,
        max_bytes,
        mask,
        bands,
        over,
        required,
        purposes,
        subject: raw.subject,
        lawful_basis,
        mark,
        source: provenance,
    })
}

/// The ages that are told of a date of birth: where bands begin, and which are asked for one by one.
fn ages(source: Source<'_>, raw: &RawField, kind: &Kind) -> Result<(Vec<u8>, Vec<u8>), FileError> {
    for (key, ages) in [("bands", &raw.bands), ("over", &raw.over)] {
        if let Some(ages) = ages.as_ref().filter(|_| *kind != Kind::Date) {
            return Err(source.at(ages.span(), key, "belongs to type `date` alone"));
        }
    }
    let (bands, over) = (some(&raw.bands), some(&raw.over));
    if let Some(given) = raw.bands.as_ref().filter(|_| !age::are_bands(&bands)) {
        let what = format!(
            "must be 1 to {BANDS_MAX} ages, rising, the first {BAND_YEARS_MIN} or more and each at least \
                            {BAND_YEARS_MIN} years above the one before"
        );
        return Err(source.at(given.span(), "bands", what));
    }
    if let Some(given) = raw.over.as_ref().filter(|_| !age::may_be_asked(&over)) {
        let known = Form::ALL.iter().filter_map(|form| form.age()).map(|age| age.to_string()).collect::<Vec<_>>();
        let what = format!("must be 1 to {OVER_MAX} of the ages {}, none twice", known.join(", "));
        return Err(source.at(given.span(), "over", what));
    }
    Ok((bands, over))
}

fn some(ages: &Option<Spanned<Vec<u8>>>) -> Vec<u8> {
    ages.as_ref().map(|ages| ages.get_ref().clone()).unwrap_or_default()
}

/// What another person's erasure takes out of a record cannot be asked of each.
fn required(source: Source<'_>, raw: &RawField) -> Result<bool, FileError> {
    match &raw.required {
        Some(given) if *given.get_ref() && raw.subject == Subject::Other => {
            Err(source.at(given.span(), "required", "is for fields of the person's own alone"))
        }
        given => Ok(given.as_ref().is_some_and(|given| *given.get_ref())),
    }
}

fn mark_keys(raw: &RawField) -> MarkKeys<'_> {
    let RawField { mark, article9, schedule1, policy_document, .. } = raw;
    MarkKeys { mark, article9, schedule1, policy_document }
}

/// A field may come from fewer sources than its category, never from others.
fn provenance(source: Source<'_>, raw: &RawField, common: &Common) -> Result<Vec<Provenance>, FileError> {
    let Some(given) = &raw.source else { return Ok(common.source.clone()) };
    sources(source, given)?;
    match given.get_ref().iter().find(|one| !common.source.contains(one)) {
        Some(foreign) => {
            Err(source.at(given.span(), "source", format!("`{foreign}` is none of the category's sources")))
        }
        None => Ok(given.get_ref().clone()),
    }
}

fn kind(source: Source<'_>, raw: &RawField) -> Result<Kind, FileError> {
    let plain = match raw.kind.get_ref() {
        FieldType::Enum => return choices(source, raw),
        FieldType::Text => Kind::Text,
        FieldType::Note => Kind::Note,
        FieldType::Date => Kind::Date,
        FieldType::Money => Kind::Money,
        FieldType::Number => Kind::Number,
        FieldType::SortCode => Kind::SortCode,
        FieldType::AccountNumber => Kind::AccountNumber,
        FieldType::Phone => Kind::Phone,
        FieldType::Email => Kind::Email,
        FieldType::Postcode => Kind::Postcode,
        FieldType::NiNumber => Kind::NiNumber,
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
