//! Reads whether data is of a special kind and by which condition it is held.

use serde::Deserialize;
use toml::Spanned;

use super::super::{Article9, Mark, basis};
use super::text;
use crate::config::{FileError, Source};

/// Bytes of the reference of a policy document, at most.
const DOCUMENT_BYTES_MAX: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMark {
    None,
    Special,
    Criminal,
}

/// The keys that say it, of a category or of a field.
pub(super) struct MarkKeys<'a> {
    pub(super) mark: &'a Option<Spanned<RawMark>>,
    pub(super) article9: &'a Option<Spanned<Article9>>,
    pub(super) schedule1: &'a Option<Spanned<u8>>,
    pub(super) policy_document: &'a Option<Spanned<String>>,
}

impl MarkKeys<'_> {
    /// None: nothing is said here, so what is said of the category holds.
    pub(super) fn read(&self, source: Source<'_>) -> Result<Option<Mark>, FileError> {
        let Some(mark) = self.mark else {
            self.none_stands(source, "stands without `mark` beside it")?;
            return Ok(None);
        };
        match mark.get_ref() {
            RawMark::None => {
                self.none_stands(source, "belongs to mark `special` or `criminal`")?;
                Ok(Some(Mark::Ordinary))
            }
            RawMark::Special => self.special(source, mark).map(Some),
            RawMark::Criminal => self.criminal(source, mark).map(Some),
        }
    }

    fn special(&self, source: Source<'_>, mark: &Spanned<RawMark>) -> Result<Mark, FileError> {
        let Some(article9) = self.article9 else {
            let what = "is missing; a special category is held by a condition of article 9(2) or not at all";
            return Err(source.at(mark.span(), "article9", what));
        };
        let condition = *article9.get_ref();
        let schedule1 = match (self.schedule1, basis::paragraphs(condition)) {
            (None, None) => None,
            (Some(given), Some(allowed)) if allowed.contains(given.get_ref()) => Some(*given.get_ref()),
            (Some(given), Some(allowed)) => {
                let what = format!("must be one of {} to {} for this condition", allowed.start(), allowed.end());
                return Err(source.at(given.span(), "schedule1", what));
            }
            (Some(given), None) => {
                return Err(source.at(given.span(), "schedule1", "belongs to conditions 9(2)(b), (g), (h), (i), (j)"));
            }
            (None, Some(_)) => {
                let what = "is missing; this condition needs a paragraph of Schedule 1 (DPA 2018, section 10)";
                return Err(source.at(article9.span(), "schedule1", what));
            }
        };
        let policy_document = self.document(source)?;
        if basis::needs_policy_document(condition) && policy_document.is_none() {
            return Err(source.at(article9.span(), "policy_document", MISSING_DOCUMENT));
        }
        Ok(Mark::Special { condition, schedule1, policy_document })
    }

    fn criminal(&self, source: Source<'_>, mark: &Spanned<RawMark>) -> Result<Mark, FileError> {
        if let Some(article9) = self.article9 {
            return Err(source.at(article9.span(), "article9", "belongs to mark `special` alone"));
        }
        let Some(schedule1) = self.schedule1 else {
            let what = "is missing; offences are held under a paragraph of Schedule 1 or not at all";
            return Err(source.at(mark.span(), "schedule1", what));
        };
        if !basis::is_criminal_paragraph(*schedule1.get_ref()) {
            return Err(source.at(
                schedule1.span(),
                "schedule1",
                "must be a paragraph of parts 1 to 3: 1 to 37, not 5",
            ));
        }
        let Some(policy_document) = self.document(source)? else {
            return Err(source.at(mark.span(), "policy_document", MISSING_DOCUMENT));
        };
        Ok(Mark::Criminal { schedule1: *schedule1.get_ref(), policy_document })
    }

    fn document(&self, source: Source<'_>) -> Result<Option<String>, FileError> {
        let Some(document) = self.policy_document else { return Ok(None) };
        text(source, document, "policy_document", DOCUMENT_BYTES_MAX)?;
        Ok(Some(document.get_ref().clone()))
    }

    fn none_stands(&self, source: Source<'_>, what: &str) -> Result<(), FileError> {
        let places = [
            ("article9", self.article9.as_ref().map(Spanned::span)),
            ("schedule1", self.schedule1.as_ref().map(Spanned::span)),
            ("policy_document", self.policy_document.as_ref().map(Spanned::span)),
        ];
        match places.into_iter().find_map(|(key, place)| Some((key, place?))) {
            Some((key, place)) => Err(source.at(place, key, what)),
            None => Ok(()),
        }
    }
}

const MISSING_DOCUMENT: &str = "is missing; name the appropriate policy document (DPA 2018, Schedule 1, part 4)";
