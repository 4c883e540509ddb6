//! What is known of values beside their source: out of which document or from whom, when somebody last made sure, how sure it
//! is, and whether the person disputes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::bounded;
use crate::kind::is_date;
use crate::name::{ExternalId, Name};
use crate::object::Object;

/// Fields that are marked at once, at most: as many as a category may have.
const FIELDS_MAX: usize = crate::api::FIELDS_MAX;

/// A day of the calendar, `YYYY-MM-DD` (ISO 8601). Days compare as their texts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(String);

/// The text is no day. It does not repeat the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a day is YYYY-MM-DD, and one that the calendar has")]
pub struct NotADay;

impl Day {
    /// Checks and takes a day.
    pub fn new(text: &str) -> Result<Day, NotADay> {
        if is_date(text) { Ok(Day(text.to_owned())) } else { Err(NotADay) }
    }

    /// `YYYY-MM-DD`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Day, NotADay> {
        Day::new(&text)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.0
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Day, NotADay> {
        Day::new(text)
    }
}

macro_rules! confidences {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// How sure a value is. The text form is stable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Confidence {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Confidence {
            /// Every one there is.
            pub const ALL: &'static [Confidence] = &[$(Confidence::$variant),*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Confidence::$variant => $text,)* }
            }

            /// The confidence of a text form.
            pub fn from_text(text: &str) -> Option<Confidence> {
                match text { $($text => Some(Confidence::$variant),)* _ => None }
            }
        }
    };
}

confidences! {
    /// Seen in a document, or confirmed by somebody who knows it.
    Confirmed = "confirmed";
    /// Said by the person of themselves.
    Stated = "stated";
    /// Said by somebody else, or taken from elsewhere, and not confirmed.
    Reported = "reported";
    /// What somebody thinks.
    Opinion = "opinion";
}

/// What is known of values, beside their source.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Out of which document, or from which contact, the values of this write come: a short id of the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ExternalId>,
    /// The day on which somebody last made sure: of the values of this write, and of the fields in `verified`. Not after today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Day>,
    /// How sure the values of this write are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Source and reference were given in confidence: no read shows them, but for a purpose for which the category does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_confidence: bool,
    /// Fields that stay as they are, and of which somebody made sure on the day of `verified_at`. At most 64.
    #[cfg_attr(feature = "schema", schemars(length(max = FIELDS_MAX)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded::list::<_, _, FIELDS_MAX>")]
    pub verified: Vec<Name>,
    /// Fields whose value the person disputes (`true`), or no longer does (`false`). A new value is disputed by nobody yet. At most 64.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = FIELDS_MAX)))]
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "bounded::map::<_, _, _, FIELDS_MAX>"
    )]
    pub disputed: BTreeMap<Name, bool>,
}

impl Known {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        *self == Known::default()
    }

    /// The fields that are marked and not written.
    pub fn marked(&self) -> impl Iterator<Item = Name> {
        self.verified.iter().chain(self.disputed.keys()).copied()
    }
}

/// As an object alone, like all that a request holds.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Known, D::Error> {
    Object::deserialize(deserializer).map(|Object(known)| known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar_and_a_confidence_one_of_the_list() {
        let day = serde_json::from_str::<Day>("\"2024-02-29\"").unwrap();
        assert_eq!((day.as_str(), serde_json::to_string(&day).unwrap().as_str()), ("2024-02-29", "\"2024-02-29\""));
        assert!(serde_json::from_str::<Day>("\"2026-02-29\"").is_err());
        for confidence in Confidence::ALL {
            assert_eq!(serde_json::to_value(confidence).unwrap(), confidence.as_str());
            assert_eq!(Confidence::from_text(confidence.as_str()), Some(*confidence));
        }
    }
}
