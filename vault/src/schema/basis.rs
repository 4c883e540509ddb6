//! What the law asks beside some conditions: the paragraphs of Schedule 1 to the Data Protection Act
//! 2018 without which they are not met.

use std::ops::RangeInclusive;

use coffer_wire::schema::Article9;

/// The paragraphs of Schedule 1 one of which the condition needs (DPA 2018, section 10(2) and
/// (3)). None: it stands on its own.
pub(super) fn paragraphs(condition: Article9) -> Option<RangeInclusive<u8>> {
    match condition {
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
pub(super) fn needs_policy_document(condition: Article9) -> bool {
    matches!(condition, Article9::SocialProtection | Article9::PublicInterest)
}

/// Paragraphs of Schedule 1 by one of which criminal-offence data may be held: its parts 1 to 3
/// (DPA 2018, section 10(5)), less the one that is about policy documents.
pub(super) fn is_criminal_paragraph(paragraph: u8) -> bool {
    (1..=37).contains(&paragraph) && paragraph != 5
}
