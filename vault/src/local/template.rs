//! The first files of a home, and how their places are filled.

use coffer_wire::Name;

use crate::config::FileError;
use crate::schema::Schema;

/// The configuration, with places `{{so}}`.
pub(super) const CONFIGURATION: &str = include_str!("../../templates/coffer.toml");

/// The policy. It is a whole file; only the controllers in it are those of the demo.
pub(super) const ACCESS: &str = include_str!("../../templates/access.toml");

/// The categories: file name and text.
pub(super) const SCHEMA: [(&str, &str); 22] = [
    ("bank.toml", include_str!("../../templates/schema/bank.toml")),
    ("benefits.toml", include_str!("../../templates/schema/benefits.toml")),
    ("care.toml", include_str!("../../templates/schema/care.toml")),
    ("complaints.toml", include_str!("../../templates/schema/complaints.toml")),
    ("contact.toml", include_str!("../../templates/schema/contact.toml")),
    ("contact_log.toml", include_str!("../../templates/schema/contact_log.toml")),
    ("correspondence.toml", include_str!("../../templates/schema/correspondence.toml")),
    ("credit.toml", include_str!("../../templates/schema/credit.toml")),
    ("debts.toml", include_str!("../../templates/schema/debts.toml")),
    ("feedback.toml", include_str!("../../templates/schema/feedback.toml")),
    ("housing_needs.toml", include_str!("../../templates/schema/housing_needs.toml")),
    ("incidents.toml", include_str!("../../templates/schema/incidents.toml")),
    ("marketing.toml", include_str!("../../templates/schema/marketing.toml")),
    ("media_consent.toml", include_str!("../../templates/schema/media_consent.toml")),
    ("offences.toml", include_str!("../../templates/schema/offences.toml")),
    ("profile.toml", include_str!("../../templates/schema/profile.toml")),
    ("public_social.toml", include_str!("../../templates/schema/public_social.toml")),
    ("recordings.toml", include_str!("../../templates/schema/recordings.toml")),
    ("repairs.toml", include_str!("../../templates/schema/repairs.toml")),
    ("representatives.toml", include_str!("../../templates/schema/representatives.toml")),
    ("service_payments.toml", include_str!("../../templates/schema/service_payments.toml")),
    ("tenancy.toml", include_str!("../../templates/schema/tenancy.toml")),
];

/// The schema of a new home.
pub fn schema() -> Result<Schema, FileError> {
    Schema::read(&SCHEMA.map(|(file, text)| (file.to_owned(), text.to_owned())))
}

/// How an application reaches the vault, with places `{{so}}`.
pub(super) const CLIENT: &str = include_str!("../../templates/client.toml");

/// What tokens of a local issuer name in `aud`.
pub const AUDIENCE: &str = "coffer";

/// The applications of the shipped policy and configuration.
pub(super) const APPLICATIONS: [&str; 6] =
    ["rents-desk", "care-desk", "complaints-desk", "housing-desk", "safety-desk", "console"];

/// The line of [`ACCESS`] that names the controllers of an application.
const CONTROLLERS: &str = r#"controllers = ["oakvale", "brookside"]"#;

/// The policy for these controllers.
pub(super) fn access(controllers: &[Name]) -> String {
    let names: Vec<_> = controllers.iter().map(|name| quoted(name.as_str())).collect();
    ACCESS.replace(CONTROLLERS, &format!("controllers = [{}]", names.join(", ")))
}

/// The tables of the controllers, names with titles.
pub(super) fn controllers(controllers: &[(Name, String)]) -> String {
    let table = |(name, title): &(Name, String)| {
        format!(
            "\n[[controller]]\nname = {}\ntitle = {}\n# notice = \"2026-01\"\n# registration = \"ZA000000\"\n# registration_ends = 2027-03-31\n# data_protection_officer = \"name, telephone, address\"\n# company_number = \"01234567\"\n# address = \"1 Example Street, Exampleton\"\n# group = \"Example Group\"\n",
            quoted(name.as_str()),
            quoted(title)
        )
    };
    controllers.iter().map(table).collect()
}

/// The tables of a local issuer that tokens name as this `iss`; without one, how to declare another.
pub(super) fn issuer(local: Option<&str>) -> String {
    let Some(iss) = local else { return FOREIGN_ISSUER.into() };
    format!("\n[[issuer]]\niss = {}\njwks = \"issuer/jwks.json\"\naudience = \"{AUDIENCE}\"\n{LOCAL_CA}", quoted(iss))
}

const FOREIGN_ISSUER: &str = r#"
# [[issuer]]
# iss = "https://id.example"
# jwks = "issuer/jwks.json"
# audience = "coffer"
# local = false"#;

const LOCAL_CA: &str = r#"local = true

# An issuer and an authority of this vault's own, for trying out: who reads this directory can be
# anyone. `coffer status` shows them in red. Before real data comes in, name the organisation's own
# issuer above and its authority in `client_ca`, and take these tables and their keys away.
[local_ca]
certificate = "tls/clients-ca.pem"
key = "tls/clients-ca.key""#;

/// Fills each place `{{name}}` with the text that stands for it. What is filled in is not looked
/// at again. A place without a text is left as it is, and is no TOML.
pub(super) fn fill(template: &str, texts: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let place = after.split_once("}}");
        let known = place.and_then(|(name, tail)| Some((text_of(name, texts)?, tail)));
        let (text, tail) = known.unwrap_or(("{{", after));
        filled.push_str(text);
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// A text as a TOML string, whatever it holds.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn text_of<'a>(name: &str, texts: &'a [(&str, String)]) -> Option<&'a str> {
    texts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| Name::new(name).unwrap()).collect()
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let texts = [("a", "{{b}}".to_string()), ("b", "no".to_string())];
        assert_eq!(fill("x {{a}} y {{c}} {{", &texts), "x {{b}} y {{c}} {{");
    }

    #[test]
    fn a_text_with_quotes_and_lines_stays_one_string() {
        for text in ["plain", "O'Hara \"& Sons\"", "C:\\homes", "two\nlines", "'''\"\"\"", ""] {
            let table: toml::Table = toml::from_str(&format!("t = {}", quoted(text))).unwrap();
            assert_eq!(table["t"].as_str(), Some(text));
        }
    }

    #[test]
    fn the_policy_names_the_controllers_of_the_home_for_each_application() {
        assert_eq!(ACCESS.matches(CONTROLLERS).count(), APPLICATIONS.len());
        assert_eq!(access(&names(&["oakvale", "brookside"])), ACCESS);
        let other: toml::Table = toml::from_str(&access(&names(&["elmside"]))).unwrap();
        for application in other["application"].as_array().unwrap() {
            assert_eq!(application["controllers"], toml::Value::from(vec!["elmside"]));
        }
    }
}
