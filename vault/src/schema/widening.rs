//! What a schema lets pass that the one before it does not: with the same policy, more would be shown or done.

use coffer_wire::Name;
use coffer_wire::schema::{Mark, Mask};

use super::{Category, Field, Schema};

impl Schema {
    /// What is wider here than in `old`, in words; nothing where all that passes here passed there. What is new to the schema
    /// widens nothing: nobody has a grant to it, and a policy that grants it is a wider one.
    pub fn widens(&self, old: &Schema) -> Vec<String> {
        let both = old.iter().filter_map(|before| Some((before, self.category(&before.name)?)));
        both.flat_map(|(before, after)| category(before, after)).collect()
    }
}

fn category(before: &Category, after: &Category) -> Vec<String> {
    let name = after.name;
    let mut wider = Vec::new();
    if before.case_required && !after.case_required {
        wider.push(format!("`{name}` asks for no case any more"));
    }
    if before.consent.is_some() && before.consent != after.consent {
        wider.push(format!("`{name}` tells of consent by other fields"));
    }
    if is_less(&before.mark, &after.mark) {
        wider.push(format!("`{name}` is marked less"));
    }
    let both = before.fields.iter().filter_map(|field| Some((field, after.field(&field.name)?)));
    wider.extend(both.flat_map(|(before, after)| self::field(name, before, after)));
    wider
}

fn field(category: Name, before: &Field, after: &Field) -> Vec<String> {
    let at = format!("`{category}.{}`", after.name);
    let mut wider = Vec::new();
    let new = |purpose: &&Name| !before.purposes.contains(*purpose);
    for purpose in after.purposes.iter().filter(new) {
        wider.push(format!("{at} may be used for {purpose}"));
    }
    // Two masks that both show something show different things, so that one after the other shows more.
    if before.mask != after.mask && before.mask != Mask::None && after.mask != Mask::All {
        wider.push(format!("{at} shows more where it is masked"));
    }
    if before.rests_on_consent() && !after.rests_on_consent() {
        wider.push(format!("{at} rests on consent no more"));
    }
    if is_less(&before.mark, &after.mark) {
        wider.push(format!("{at} is marked less"));
    }
    wider
}

/// Whether a mark was dropped, or exchanged for one of the other kind.
fn is_less(before: &Mark, after: &Mark) -> bool {
    match (before, after) {
        (Mark::Ordinary, _) | (Mark::Special { .. }, Mark::Special { .. }) => false,
        (Mark::Criminal { .. }, Mark::Criminal { .. }) => false,
        (Mark::Special { .. } | Mark::Criminal { .. }, _) => true,
    }
}
