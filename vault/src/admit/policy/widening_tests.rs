//! What widens, against the decisions of both policies on every combination.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use coffer_wire::api::Form;
use coffer_wire::name::VAULT;
use proptest::prelude::*;
use toml::{Table, Value};

use super::decide::Rights;
use super::*;
use crate::admit::Ask;
use crate::admit::tests::{ACCESS, DATA_ACTIONS, config, name, schema};

/// Words of the lists below that may be there or not, at least.
const WORDS: usize = 96;
/// Acts that need a duty and no grant beside it.
const ACTS: [Action; 4] = [Action::Status, Action::KeysList, Action::AccessApply, Action::LogEntry];

/// The policy of which `keeps` leaves some words: a subset, whatever it leaves.
fn subset(keeps: &[bool]) -> Policy {
    let mut keeps = keeps.iter().copied().chain(std::iter::repeat(true));
    let mut table: Table = ACCESS.parse().unwrap();
    for kind in ["grant", "duty", "application"] {
        let rows = table[kind].as_array_mut().unwrap();
        for row in rows.iter_mut() {
            for (_, list) in row.as_table_mut().unwrap().iter_mut().filter(|(_, value)| value.is_array()) {
                list.as_array_mut().unwrap().retain(|_| keeps.next().unwrap());
            }
        }
        rows.retain_mut(|row| kind == "application" || stands(row.as_table_mut().unwrap()));
    }
    if !keeps.next().unwrap() {
        table["revoked"].as_table_mut().unwrap().insert("applications".to_owned(), vec!["console"].into());
    }
    Policy::read(&toml::to_string(&table).unwrap(), "access.toml", &schema(), &config(Path::new("/home"))).unwrap()
}

/// Whether a grant or duty still says something; lists that nothing needs any more go.
fn stands(row: &mut Table) -> bool {
    let has = |row: &Table, key: &str, word: &str| {
        row.get(key).and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one.as_str() == Some(word)))
    };
    let (reads, writes) = (has(row, "actions", "read"), has(row, "actions", "write"));
    for (key, needed) in [("forms", reads), ("fields", reads || writes)] {
        if !needed {
            row.remove(key);
        }
    }
    row.values().all(|value| value.as_array().is_none_or(|list| !list.is_empty()))
}

/// How the policy decides on everything that has a name, in one order.
fn decisions(policy: &Policy) -> Vec<bool> {
    let (schema, mut decided) = (schema(), Vec::new());
    for role in ["rents", "officer", "carer", "dpo", "admin", "auditor"] {
        for application in ["desk", "console"] {
            let roles = policy.compiled().roles.bits(&[name(role)]);
            let rights = Rights { application: name(application), roles, controllers: u64::MAX };
            let revoked = policy.revoked().has_application(&name(application));
            let mut see = |action, ask: &Ask<'_>| decided.push(!revoked && policy.decide(&rights, action, ask).is_ok());
            for controller in ["oakvale", "brookside"].map(name) {
                for category in schema.iter() {
                    for (field, purpose) in
                        category.fields.iter().flat_map(|f| category.purposes.iter().map(move |p| (f.name, *p)))
                    {
                        for action in DATA_ACTIONS {
                            let forms: &[_] = match action {
                                Action::RecordsRead => &[Some(Form::Clear), Some(Form::Masked)],
                                _ => &[None],
                            };
                            for form in forms {
                                let (category, case) = (Some(category.name), Some("case"));
                                let ask = Ask {
                                    category,
                                    case,
                                    fields: &[field],
                                    form: *form,
                                    purpose: Some(purpose),
                                    ..Ask::of(controller)
                                };
                                see(action, &ask);
                            }
                        }
                    }
                }
            }
            for (act, controller) in
                ACTS.iter().flat_map(|act| [VAULT, name("oakvale"), name("brookside")].map(|c| (*act, c)))
            {
                see(act, &Ask::of(controller));
            }
        }
    }
    decided
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_policy_widens_exactly_where_some_combination_passes_that_did_not(
        keeps in proptest::collection::vec(prop::bool::weighted(0.85), WORDS),
        flips in proptest::collection::vec(0..WORDS, 0..4),
    ) {
        let mut changed = keeps.clone();
        flips.iter().for_each(|at| changed[*at] ^= true);
        let (old, new) = (subset(&keeps), subset(&changed));
        let (before, after) = (decisions(&old), decisions(&new));
        let passes = before.iter().zip(&after).any(|(before, after)| *after && !before);
        let mut wider = new.widens(&old);
        // To erase a person takes a duty and a grant; each counts by itself.
        wider.retain(|words| !words.contains("subjects.erase"));
        prop_assert_eq!(!wider.is_empty(), passes, "{:?}", wider);
        prop_assert!(new.widens(&new).is_empty());
    }
}

#[test]
fn both_outcomes_are_met_in_what_is_compared() {
    let all = vec![true; WORDS];
    let (mut wider, mut narrower) = (0, 0);
    for at in 0..WORDS {
        let mut less = all.clone();
        less[at] = false;
        let (whole, part) = (subset(&all), subset(&less));
        assert!(part.widens(&whole).is_empty(), "word {at}: to take away is to narrow");
        narrower += usize::from(decisions(&whole) != decisions(&part));
        wider += usize::from(!whole.widens(&part).is_empty());
    }
    assert!(wider > 40 && narrower > 40, "{wider} {narrower}");
}

#[test]
fn a_revocation_that_is_taken_back_widens() {
    let read = |revoked: &str| {
        let text = format!("{ACCESS}{revoked}\n");
        Policy::read(&text, "access.toml", &schema(), &config(Path::new("/home"))).unwrap()
    };
    let print = "07".repeat(32);
    for (list, entry, says) in [
        ("persons", "https://id.example alice", "alice of https://id.example"),
        ("tokens", "t-1", "a token"),
        ("certificates", print.as_str(), print.as_str()),
        ("applications", "desk", "application `desk`"),
    ] {
        let (free, revoked) = (read(""), read(&format!("{list} = [\"{entry}\"]")));
        assert!(revoked.widens(&free).is_empty(), "to revoke takes one person: {list}");
        let wider = free.widens(&revoked);
        assert!(wider.iter().any(|words| words.contains(says)), "{list}: {wider:?}");
    }
}

/// What such a role may see has to stand in a notice; that of a role which is none has not.
#[test]
fn a_recipient_that_is_to_pass_for_staff_or_for_another_widens() {
    let read = |recipient: &str| {
        let text = ACCESS.replace("title = \"Admin\"", &format!("title = \"Admin\"{recipient}"));
        Policy::read(&text, "access.toml", &schema(), &config(Path::new("/home"))).unwrap()
    };
    let (staff, partner) = (read(""), read(", recipient = \"partner\""));
    let contractor = read(", recipient = \"contractor\"");
    assert_eq!(staff.widens(&partner), ["`admin` is no recipient, `partner`, any more"]);
    assert_eq!(contractor.widens(&partner), ["`admin` is no recipient, `partner`, any more"]);
    assert!(partner.widens(&staff).is_empty() && partner.widens(&partner).is_empty());
}
