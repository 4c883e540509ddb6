//! To whom data goes beside the controller's own staff, as a closed list: what articles 13(1)(e) and 30(1)(d) of the UK GDPR
//! ask to be told.

use serde::{Deserialize, Serialize};

macro_rules! recipients {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $title:literal;)*) => {
        /// A kind of recipients. The text form is stable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Recipient {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Recipient {
            /// Every kind there is.
            pub const ALL: &'static [Recipient] = &[$(Recipient::$variant),*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Recipient::$variant => $text,)* }
            }

            /// The words of a notice.
            pub fn title(self) -> &'static str {
                match self { $(Recipient::$variant => $title,)* }
            }
        }
    };
}

recipients! {
    /// Another company of the controller's group.
    Group = "group", "other companies of our group";
    /// A contractor who works on homes.
    Contractor = "contractor", "contractors who work for us";
    /// Whoever runs the controller's computers.
    ItProvider = "it-provider", "those who run our computers";
    /// Whoever answers out of hours.
    OutOfHours = "out-of-hours", "our out-of-hours service";
    /// A bank.
    Bank = "bank", "banks";
    /// Whoever prints and sends letters.
    MailingCompany = "mailing-company", "companies that send our letters";
    /// Staff of an agency, and consultants.
    Agency = "agency", "agency staff and consultants";
    /// Lawyers, auditors and other advisers.
    Adviser = "adviser", "our professional advisers";
    /// Support providers and others who work with the controller.
    Partner = "partner", "organisations we work with";
    /// Whoever trains.
    TrainingProvider = "training-provider", "training providers";
    /// Another landlord.
    OtherLandlord = "other-landlord", "other landlords";
    /// A credit reference agency.
    CreditAgency = "credit-agency", "credit reference agencies";
    /// Help to which the person agreed to be referred.
    ExternalAssistance = "external-assistance", "help that you agreed to be referred to";
    /// A local or other public authority, the police and emergency services among them.
    PublicAuthority = "public-authority", "public authorities and emergency services";
    /// A regulator or funder.
    Regulator = "regulator", "regulators and funders";
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_as_it_is_named() {
        for recipient in Recipient::ALL {
            assert_eq!(serde_json::to_value(recipient).unwrap(), recipient.as_str());
        }
    }
}
