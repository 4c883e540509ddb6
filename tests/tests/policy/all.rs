//! Every combination.

use std::collections::BTreeSet;

use coffer_wire::leaf::Action;

use super::{Cell, Shipped, golden};

/// Acts that need a duty. `whoami` is everyone's.
const ACTS: &[Action] = &[
    Action::HoldSet,
    Action::HoldLift,
    Action::HoldList,
    Action::Status,
    Action::KeysList,
    Action::KeysRotate,
    Action::KeysJobs,
    Action::KeysDestroy,
    Action::KeysShred,
    Action::KeyState,
    Action::RootRotate,
    Action::VaultSeal,
    Action::VaultDrill,
    Action::AccessApply,
    Action::AccessShow,
    Action::SchemaApply,
    Action::SchemaShow,
    Action::LogEntry,
    Action::LogRekey,
    Action::CertIssue,
];

fn line(role: &str, cell: &Cell<'_>) -> [String; 6] {
    let field = cell.field.unwrap_or_default();
    [role, cell.category, field, cell.action, cell.form.unwrap_or_default(), cell.purpose].map(str::to_owned)
}

#[test]
fn the_golden_list_the_vault_and_a_second_evaluator_agree_on_every_combination() {
    let shipped = Shipped::new();
    let naive = &shipped.naive;
    let cells = naive.cells();
    let (mut combinations, mut granted) = (0_u64, BTreeSet::new());
    for role in naive.roles() {
        for application in naive.applications() {
            let caller = shipped.caller(&[role], application).unwrap_or_else(|_| panic!("{role} at {application}"));
            for cell in &cells {
                let fields = Vec::from_iter(cell.field);
                for case in [Some("case-1"), None] {
                    let Cell { category, action, form, purpose, .. } = *cell;
                    let real = shipped.decides(&caller, category, action, &fields, form, purpose, case);
                    let second = naive.permits(&[role], application, category, action, &fields, form, purpose, case);
                    assert_eq!(real, second, "{role} at {application}, case {case:?}: {cell:?}");
                    combinations += 1;
                    if real {
                        granted.insert(line(role, cell));
                    }
                }
            }
            combinations += acts(&shipped, role, application, &caller, &mut granted);
        }
    }
    let listed = golden();
    let twice: Vec<_> = listed.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "stand twice: {twice:?}");
    let listed: BTreeSet<_> = listed.into_keys().collect();
    let surplus: Vec<_> = granted.difference(&listed).collect();
    let missing: Vec<_> = listed.difference(&granted).collect();
    assert!(surplus.is_empty() && missing.is_empty(), "granted beyond the list: {surplus:?}; not granted: {missing:?}");
    println!("{combinations} combinations, {} lines granted, all else refused", granted.len());
}

/// Acts that touch no field; and the erasing of people, which needs a duty and a grant.
fn acts(
    shipped: &Shipped,
    role: &str,
    application: &str,
    caller: &coffer_vault::admit::Caller,
    granted: &mut BTreeSet<[String; 6]>,
) -> u64 {
    let naive = &shipped.naive;
    let mut combinations = 0;
    let mut line = |act: &str| granted.insert([role, "", "", act, "", ""].map(str::to_owned));
    for &act in ACTS {
        let real = shipped.decides_act(caller, act);
        assert_eq!(real, naive.permits_act(&[role], application, act.as_str()), "{role} at {application}: {act}");
        combinations += 1;
        if real {
            line(act.as_str());
        }
    }
    let act = "subjects.erase";
    for category in naive.categories() {
        for purpose in naive.purposes() {
            for case in [Some("case-1"), None] {
                let real = shipped.decides(caller, category, act, &[], None, purpose, case);
                let second = naive.permits(&[role], application, category, act, &[], None, purpose, case);
                assert_eq!(real, second, "{role} at {application}: {act} {category} {purpose} {case:?}");
                combinations += 1;
                if real {
                    line(act);
                }
            }
        }
    }
    combinations
}

/// Acts that nobody is refused who may come in.
const EVERYONES: [Action; 3] = [Action::Whoami, Action::ApiShow, Action::ApprovalList];

#[test]
fn no_act_on_records_passes_for_one_that_touches_none() {
    let shipped = Shipped::new();
    for role in shipped.naive.roles() {
        for application in shipped.naive.applications() {
            let caller = shipped.caller(&[role], application).unwrap_or_else(|_| panic!("{role} at {application}"));
            for act in Action::ALL.iter().filter(|act| !ACTS.contains(act) && !EVERYONES.contains(act)) {
                assert!(!shipped.decides_act(&caller, *act), "{role} at {application}: {act}");
            }
        }
    }
}
