//! Why data may be held at all: the articles of the UK GDPR, and the paragraphs of Schedule 1 to the
//! Data Protection Act 2018 without which some of their conditions are not met.

use std::ops::RangeInclusive;

use serde::Deserialize;

/// A lawful basis: a letter of article 6(1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum LawfulBasis {
    /// The person consented.
    #[serde(rename = "6(1)(a)")]
    Consent,
    /// A contract with the person, or steps towards one.
    #[serde(rename = "6(1)(b)")]
    Contract,
    /// The controller is under a legal obligation.
    #[serde(rename = "6(1)(c)")]
    LegalObligation,
    /// Somebody's vital interests.
    #[serde(rename = "6(1)(d)")]
    VitalInterests,
    /// A task in the public interest or under official authority.
    #[serde(rename = "6(1)(e)")]
    PublicTask,
    /// A recognised legitimate interest (annex 1; Data (Use and Access) Act 2025, section 70).
    #[serde(rename = "6(1)(ea)")]
    RecognisedInterest,
    /// Legitimate interests of the controller or a third party.
    #[serde(rename = "6(1)(f)")]
    LegitimateInterests,
}

/// A condition for special categories: a letter of article 9(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Article9 {
    /// Explicit consent.
    #[serde(rename = "9(2)(a)")]
    ExplicitConsent,
    /// Employment, social security, social protection.
    #[serde(rename = "9(2)(b)")]
    SocialProtection,
    /// Vital interests of somebody who cannot consent.
    #[serde(rename = "9(2)(c)")]
    VitalInterests,
    /// The members of a body without profit.
    #[serde(rename = "9(2)(d)")]
    Members,
    /// Manifestly made public by the person.
    #[serde(rename = "9(2)(e)")]
    MadePublic,
    /// Legal claims.
    #[serde(rename = "9(2)(f)")]
    LegalClaims,
    /// Substantial public interest.
    #[serde(rename = "9(2)(g)")]
    PublicInterest,
    /// Health or social care.
    #[serde(rename = "9(2)(h)")]
    Care,
    /// Public health.
    #[serde(rename = "9(2)(i)")]
    PublicHealth,
    /// Archiving, research, statistics.
    #[serde(rename = "9(2)(j)")]
    Research,
}

/// Whether data is of a kind that asks for more than a lawful basis, and by which condition it is
/// held all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Neither of the two below.
    Ordinary,
    /// A special category of article 9: health, ethnicity, belief and the like.
    Special {
        /// The condition.
        condition: Article9,
        /// The paragraph of Schedule 1 that the condition needs, where it needs one.
        schedule1: Option<u8>,
        /// The appropriate policy document, where the paragraph asks for one.
        policy_document: Option<String>,
    },
    /// Criminal convictions, offences and allegations of them (article 10).
    Criminal {
        /// The paragraph of Schedule 1.
        schedule1: u8,
        /// The appropriate policy document.
        policy_document: String,
    },
}

/// Paragraphs of Schedule 1 by one of which criminal-offence data may be held: its parts 1 to 3
/// (DPA 2018, section 10(5)), less the one that is about policy documents.
pub(super) fn is_criminal_paragraph(paragraph: u8) -> bool {
    (1..=37).contains(&paragraph) && paragraph != 5
}

impl LawfulBasis {
    /// As the law cites it.
    pub fn as_str(self) -> &'static str {
        match self {
            LawfulBasis::Consent => "6(1)(a)",
            LawfulBasis::Contract => "6(1)(b)",
            LawfulBasis::LegalObligation => "6(1)(c)",
            LawfulBasis::VitalInterests => "6(1)(d)",
            LawfulBasis::PublicTask => "6(1)(e)",
            LawfulBasis::RecognisedInterest => "6(1)(ea)",
            LawfulBasis::LegitimateInterests => "6(1)(f)",
        }
    }
}

impl Article9 {
    /// As the law cites it.
    pub fn as_str(self) -> &'static str {
        match self {
            Article9::ExplicitConsent => "9(2)(a)",
            Article9::SocialProtection => "9(2)(b)",
            Article9::VitalInterests => "9(2)(c)",
            Article9::Members => "9(2)(d)",
            Article9::MadePublic => "9(2)(e)",
            Article9::LegalClaims => "9(2)(f)",
            Article9::PublicInterest => "9(2)(g)",
            Article9::Care => "9(2)(h)",
            Article9::PublicHealth => "9(2)(i)",
            Article9::Research => "9(2)(j)",
        }
    }

    /// The paragraphs of Schedule 1 one of which the condition needs (DPA 2018, section 10(2) and
    /// (3)). None: it stands on its own.
    pub(super) fn paragraphs(self) -> Option<RangeInclusive<u8>> {
        match self {
            Article9::SocialProtection => Some(1..=1),
            Article9::Care => Some(2..=2),
            Article9::PublicHealth => Some(3..=3),
            Article9::Research => Some(4..=4),
            Article9::PublicInterest => Some(6..=28),
            _ => None,
        }
    }

    /// Whether those paragraphs ask for an appropriate policy document (Schedule 1, paragraphs 1(1)(b)
    /// and 5).
    pub(super) fn needs_policy_document(self) -> bool {
        matches!(self, Article9::SocialProtection | Article9::PublicInterest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the file says is what a notice will say.
    #[test]
    fn an_article_is_read_as_it_is_shown() {
        #[derive(Deserialize)]
        struct Both {
            six: LawfulBasis,
            nine: Article9,
        }
        let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        for letter in letters {
            let six = if letter > "f" { "6(1)(ea)".to_owned() } else { format!("6(1)({letter})") };
            let nine = format!("9(2)({letter})");
            let both: Both = toml::from_str(&format!("six = \"{six}\"\nnine = \"{nine}\"")).unwrap();
            assert_eq!((both.six.as_str(), both.nine.as_str()), (six.as_str(), nine.as_str()));
        }
    }
}
