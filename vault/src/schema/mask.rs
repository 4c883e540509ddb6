//! What the masked form leaves of a value: enough to recognise it, too little to use it.

use coffer_wire::kind;
use coffer_wire::schema::Mask;

use super::kind::Kind;

/// What stands for everything that is not shown. One length for all, so that it tells none.
const HIDDEN: &str = "****";
/// Characters that `last4` shows.
const LAST_SHOWN: usize = 4;
/// No mask shows more than one character of this many: shorter values are hidden whole.
const SHOWN_ONE_IN: usize = 2;
/// Characters that `first1` shows.
const FIRST_SHOWN: usize = 1;

pub(super) fn apply(mask: Mask, value: &str) -> String {
    match mask {
        Mask::Last4 => last(value),
        Mask::First1 => first(value),
        Mask::All => HIDDEN.to_owned(),
        // What was stored under an older schema may be no date.
        Mask::Year if kind::is_date(value) => format!("{}-**-**", &value[..4]),
        Mask::Outward => match kind::outward(value) {
            Some(outward) => format!("{outward} {HIDDEN}"),
            None => HIDDEN.to_owned(),
        },
        Mask::Year => HIDDEN.to_owned(),
        Mask::None => value.to_owned(),
    }
}

/// Whether the mask makes sense for a kind. A part of a choice tells the choice; a few letters
/// of a note or a pair of a sort code's digits tell nothing worth showing.
pub(super) fn suits(mask: Mask, kind: &Kind) -> bool {
    match (mask, kind) {
        (Mask::All | Mask::None, _) => true,
        (Mask::Last4, Kind::Text | Kind::Number | Kind::AccountNumber | Kind::Phone | Kind::NiNumber) => true,
        (Mask::First1, Kind::Text | Kind::Email) => true,
        (Mask::Year, Kind::Date) => true,
        (Mask::Outward, Kind::Postcode) => true,
        (Mask::Last4 | Mask::First1 | Mask::Year | Mask::Outward, _) => false,
    }
}

fn last(value: &str) -> String {
    let characters = value.chars().count();
    if characters < LAST_SHOWN * SHOWN_ONE_IN {
        return HIDDEN.to_owned();
    }
    let shown = value.chars().skip(characters - LAST_SHOWN);
    HIDDEN.chars().chain(shown).collect()
}

fn first(value: &str) -> String {
    if value.chars().count() < FIRST_SHOWN * SHOWN_ONE_IN {
        return HIDDEN.to_owned();
    }
    value.chars().take(FIRST_SHOWN).chain(HIDDEN.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_what_its_name_says() {
        for (mask, value, masked) in [
            (Mask::Last4, "12345678", "****5678"),
            (Mask::Last4, "GB29NWBK60161331926819", "****6819"),
            (Mask::Last4, "1234567", "****"),
            (Mask::Last4, "ééééöööö", "****öööö"),
            (Mask::First1, "Okafor", "O****"),
            (Mask::First1, "Ng", "N****"),
            (Mask::First1, "X", "****"),
            (Mask::First1, "", "****"),
            (Mask::All, "anything", "****"),
            (Mask::Year, "1956-03-09", "1956-**-**"),
            (Mask::Year, "9 March 1956", "****"),
            (Mask::Outward, "SW1A 1AA", "SW1A ****"),
            (Mask::Outward, "12 High Street", "****"),
            (Mask::None, "closed", "closed"),
        ] {
            assert_eq!(apply(mask, value), masked, "{mask:?}");
        }
    }

    #[test]
    fn a_masked_form_does_not_tell_the_length() {
        let lengths =
            |mask: Mask| (8..40).map(|n| apply(mask, &"x".repeat(n)).len()).collect::<std::collections::BTreeSet<_>>();
        for mask in [Mask::Last4, Mask::First1, Mask::All] {
            assert_eq!(lengths(mask).len(), 1, "{mask:?}");
        }
    }

    #[test]
    fn no_part_of_a_choice_or_an_amount_is_shown() {
        let choice = Kind::Enum(vec!["yes".to_owned(), "no".to_owned()]);
        for kind in [choice, Kind::Money, Kind::Note, Kind::SortCode] {
            let parts = [Mask::First1, Mask::Last4, Mask::Year, Mask::Outward];
            assert!(!parts.iter().any(|mask| suits(*mask, &kind)), "{kind:?}");
            assert!(suits(Mask::All, &kind) && suits(Mask::None, &kind));
        }
    }
}
