//! What a category asks of the fields that a record has: some of them always, and of what rests on the person's consent
//! that it is in force. `read` asks before it records a grant, `write` before it seals.

use coffer_wire::Name;
use coffer_wire::api::WriteItem;

use crate::schema::{Category, Field};
use crate::seal::Stored;

/// Why a record may not be written so.
pub(super) enum Lacks {
    /// It would be without this field.
    Field(Name),
    /// A value was sent that rests on consent, and the record would not tell of one in force.
    Consent,
}

/// Whether consent allows that these fields of a record are shown.
pub(super) fn may_be_shown(category: &Category, stored: &Stored, fields: &[Name]) -> bool {
    let rests = |name: &Name| category.field(name).is_some_and(Field::rests_on_consent);
    !fields.iter().any(rests) || category.consent.is_some_and(|consent| consent.is_in_force(|n| stored.holds(n)))
}

/// What the record would lack once the item is written over what stands there.
pub(super) fn lacks(category: &Category, stored: Option<&Stored>, item: &WriteItem) -> Option<Lacks> {
    let will_hold = |field: &Field| match item.fields.get(&field.name) {
        Some(value) => value.is_some(),
        None => stored.is_some_and(|stored| stored.holds(field.number)),
    };
    if let Some(field) = category.fields.iter().find(|field| field.required && !will_hold(field)) {
        return Some(Lacks::Field(field.name));
    }
    let marks = |field: &Field| item.known.marked().any(|name| name == field.name);
    let sends = |field: &Field| item.fields.get(&field.name).is_some_and(Option::is_some) || marks(field);
    let will_hold = |number| category.field_number(number).is_some_and(will_hold);
    let in_force = category.consent.is_some_and(|consent| consent.is_in_force(will_hold));
    let needs = category.fields.iter().any(|field| field.rests_on_consent() && sends(field));
    (needs && !in_force).then_some(Lacks::Consent)
}
