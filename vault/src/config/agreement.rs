//! Agreements: under which of them an application acts for a controller that is not its own organisation's (GDPR article 28(3)).

use coffer_wire::Name;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::raw::day;
use super::{AGREEMENTS_MAX, FileError, REFERENCE_BYTES_MAX, Source};

/// An agreement under which applications act for a controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    /// How the controller's files name it; stamped on what is done under it.
    pub reference: String,
    /// For whom.
    pub controller: Name,
    /// Through which applications.
    pub applications: Vec<Name>,
    /// Its last day, `YYYY-MM-DD`.
    pub ends: Option<String>,
}

impl Agreement {
    /// Whether an application acts under it for a controller.
    pub fn covers(&self, application: &Name, controller: &Name) -> bool {
        self.controller == *controller && self.applications.contains(application)
    }

    /// Whether its last day is behind this one.
    pub fn has_ended(&self, today: &str) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.as_str() < today)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgreement {
    reference: Spanned<String>,
    controller: Spanned<Name>,
    applications: Spanned<Vec<Name>>,
    ends: Option<Spanned<Datetime>>,
}

impl RawAgreement {
    pub(super) fn into_agreement(self) -> Agreement {
        Agreement {
            reference: self.reference.into_inner(),
            controller: self.controller.into_inner(),
            applications: self.applications.into_inner(),
            ends: self.ends.map(|day| day.into_inner().to_string()),
        }
    }
}

/// What they name must be there, and nobody acts for one controller under two of them.
pub(super) fn check(
    source: Source<'_>,
    agreements: &[RawAgreement],
    controllers: &[&Name],
    applications: &[&Name],
) -> Result<(), FileError> {
    if agreements.len() > AGREEMENTS_MAX {
        let what = format!("there must be at most {AGREEMENTS_MAX} of [[agreement]]");
        return Err(source.at(agreements[AGREEMENTS_MAX].reference.span(), "agreement", what));
    }
    let mut seen = std::collections::BTreeSet::new();
    for RawAgreement { reference, controller, applications: through, ends } in agreements {
        let text = reference.get_ref();
        if text.is_empty() || text.len() > REFERENCE_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = format!("must be 1 to {REFERENCE_BYTES_MAX} printable ASCII characters without spaces");
            return Err(source.at(reference.span(), "reference", what));
        }
        if !controllers.contains(&controller.get_ref()) {
            return Err(source.at(controller.span(), "controller", "is no [[controller]] of this file"));
        }
        if through.get_ref().is_empty() {
            return Err(source.at(through.span(), "applications", "must name at least one"));
        }
        for application in through.get_ref() {
            let what = match () {
                () if !applications.contains(&application) => {
                    format!("`{application}` is no [[application]] of this file")
                }
                () if !seen.insert((*controller.get_ref(), *application)) => {
                    format!("`{application}` acts for this controller under an agreement already")
                }
                () => continue,
            };
            return Err(source.at(through.span(), "applications", what));
        }
        ends.iter().try_for_each(|ends| day(source, "ends", ends))?;
    }
    Ok(())
}
