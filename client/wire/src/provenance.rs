//! Where a value comes from, as a closed list: what articles 14(2)(f) and 15(1)(g) of the UK GDPR
//! ask to be told.

use serde::{Deserialize, Serialize};

macro_rules! provenances {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $title:literal;)*) => {
        /// Where a value comes from. The text form is stable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Provenance {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Provenance {
            /// Every provenance there is.
            pub const ALL: &'static [Provenance] = &[$(Provenance::$variant),*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Provenance::$variant => $text,)* }
            }

            /// The words of a notice.
            pub fn title(self) -> &'static str {
                match self { $(Provenance::$variant => $title,)* }
            }

            /// The provenance of a text form.
            pub fn from_text(text: &str) -> Option<Provenance> {
                match text { $($text => Some(Provenance::$variant),)* _ => None }
            }
        }
    };
}

provenances! {
    /// Said or shown by the person, face to face or on paper.
    Person = "person", "you";
    /// A form on a web site, or a service that takes such forms in.
    WebForm = "web-form", "forms you fill in on our website";
    /// An e-mail.
    Email = "email", "e-mails you send us";
    /// A call, in either direction.
    PhoneCall = "phone-call", "telephone calls with you";
    /// Somebody whom the person has appointed, or who acts in an official capacity.
    Representative = "representative", "people who act for you";
    /// Family, a partner or friends.
    Family = "family", "your family, partner or friends";
    /// A neighbour.
    Neighbour = "neighbour", "your neighbours";
    /// The organisation's own staff: what they did, saw or decided.
    Staff = "staff", "our own staff";
    /// A contractor who works for the organisation.
    Contractor = "contractor", "contractors who work for us";
    /// A lettings scheme, or another landlord.
    LettingsScheme = "lettings-scheme", "lettings schemes and other landlords";
    /// Support providers and others who work with the organisation.
    Partner = "partner", "organisations we work with";
    /// A local or other public authority, the police among them.
    PublicAuthority = "public-authority", "public authorities";
    /// A health or social care professional.
    CareProfessional = "care-professional", "health and social care professionals";
    /// A credit reference agency.
    CreditAgency = "credit-agency", "credit reference agencies";
    /// The Disclosure and Barring Service, formerly the CRB.
    DisclosureService = "disclosure-service", "the Disclosure and Barring Service";
    /// A bank.
    Bank = "bank", "banks";
    /// Social media.
    SocialMedia = "social-media", "social media";
    /// Registers, newspapers and other sources open to anyone.
    PublicSource = "public-source", "sources open to the public";
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_the_one_of_the_wire() {
        for provenance in Provenance::ALL {
            assert_eq!(serde_json::to_value(provenance).unwrap(), provenance.as_str());
            assert_eq!(Provenance::from_text(provenance.as_str()), Some(*provenance));
            assert!(provenance.as_str().len() <= crate::name::NAME_BYTES_MAX);
        }
        assert_eq!(Provenance::from_text("hearsay"), None);
    }
}
