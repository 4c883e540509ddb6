//! Several roles in one token and several fields in one ask: granted exactly where each field is.

use coffer_wire::api::Form;
use coffer_wire::problem::Code;

use super::naive::name;
use super::{Choices, Shipped};

const SEED: u64 = 20_261_122;
const ASKS: usize = 50_000;
/// Roles of one token, at most: the name of its person is made of theirs.
const ROLES_MAX: usize = 4;
/// They hold no grant, and may not be united with who does.
const APART: [&str; 2] = ["security-admin", "auditor"];

#[test]
fn an_ask_of_several_fields_is_granted_exactly_where_some_role_has_each_of_them() {
    let shipped = Shipped::new();
    let naive = &shipped.naive;
    let mut choices = Choices::new(SEED);
    let (applications, categories) = (naive.applications(), Vec::from_iter(naive.categories()));
    let roles: Vec<&str> = naive.roles().into_iter().filter(|role| !APART.contains(role)).collect();
    let (mut granted, mut refused) = (0, 0);
    while granted + refused < ASKS {
        let (mut roles, application) = (choices.some(&roles), choices.of(&applications));
        roles.truncate(ROLES_MAX);
        let caller = shipped.caller(&roles, application).unwrap_or_else(|_| panic!("{roles:?} at {application}"));
        for _ in 0..100 {
            let category = choices.of(&categories);
            let of_category: Vec<&str> = naive.fields_of(category).map(name).collect();
            let fields = choices.some(&of_category);
            let (action, form) = match choices.below(4) {
                0 => ("write", None),
                1 => ("read", Some("clear")),
                2 => ("read", Some("masked")),
                _ => ("read", Some(choices.of(Form::ALL).as_str())),
            };
            let purpose = choices.of(&naive.purposes_of(category));
            let real = shipped.decides(&caller, category, action, &fields, form, purpose, Some("case-1"));
            let second = naive.permits(&roles, application, category, action, &fields, form, purpose, Some("case-1"));
            assert_eq!(real, second, "{roles:?} at {application}: {action} {form:?} {category} {fields:?} {purpose}");
            *(if real { &mut granted } else { &mut refused }) += 1;
        }
    }
    println!("{granted} asks of several fields granted, {refused} refused (seed {SEED})");
    assert!(granted > ASKS / 200, "the sample hardly meets a grant: {granted}");
}

#[test]
fn a_token_that_unites_what_is_kept_apart_comes_in_nowhere() {
    let shipped = Shipped::new();
    let united = [["security-admin", "auditor"], ["security-admin", "rents"], ["auditor", "dpo"], ["auditor", "rents"]];
    for roles in united {
        let refusal = shipped.caller(&roles, "console").err().unwrap_or_else(|| panic!("{roles:?} came in"));
        assert_eq!(refusal.code, Code::RolesConflict, "{roles:?}");
    }
}
