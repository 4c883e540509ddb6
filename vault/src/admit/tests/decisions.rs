//! Permits and refusals of callers with real tokens. The whole matrix is compared in `policy`.

use coffer_wire::api::Form;
use coffer_wire::name::VAULT;
use coffer_wire::{ExternalId, Hash};

use super::*;

fn bank<'a>(fields: &'a [Name], form: Form) -> Ask<'a> {
    let (category, purpose) = (Some(name("bank")), Some(name("payments")));
    Ask { category, purpose, fields, form: Some(form), ..Ask::of(name("oakvale")) }
}

#[test]
fn the_rule_is_the_first_fields_and_counts_the_further_grants() {
    let house = House::new();
    let rents = house.caller("desk", &["rents"]);
    let rule = |fields: &[&str], form| {
        let fields: Vec<Name> = fields.iter().map(|field| name(field)).collect();
        house.gate.permit_read(&rents, &bank(&fields, form)).ok().unwrap().rule().to_owned()
    };
    assert_eq!(rule(&["account", "holder"], Form::Masked), "rents-masked");
    assert_eq!(rule(&["account", "mandate"], Form::Masked), "rents-masked+1");
    assert_eq!(rule(&["mandate", "account", "holder"], Form::Masked), "rents-date+1");
    assert_eq!(rule(&["holder", "mandate", "holder"], Form::Clear), "rents-clear+1");
}

#[test]
fn roles_of_one_person_add_up() {
    let house = House::new();
    let fields = [name("holder"), name("account")];
    let ask = bank(&fields, Form::Clear);
    let (rents, both) = (house.caller("desk", &["rents"]), house.caller("desk", &["officer", "rents"]));
    assert_eq!(codes(house.gate.permit_read(&rents, &ask)).0, Code::ForbiddenForm);
    assert_eq!(house.gate.permit_read(&both, &ask).ok().unwrap().rule(), "rents-clear+1");
}

#[test]
fn a_refusal_names_the_widest_thing_that_is_missing() {
    let house = House::new();
    let (rents, officer) = (house.caller("desk", &["rents"]), house.caller("desk", &["officer"]));
    let (holder, account, needs) = ([name("holder")], [name("account")], [name("needs")]);
    let ask = bank(&holder, Form::Clear);
    let read = |caller: &Caller, ask: &Ask<'_>| codes(house.gate.permit_read(caller, ask));
    let purpose = |text: &str| Some(name(text));
    for (what, got, expected) in [
        ("category", read(&rents, &Ask { category: Some(name("pets")), ..ask }), (Code::UnknownCategory, "category")),
        ("no category", read(&rents, &Ask { category: None, ..ask }), (Code::Malformed, "category")),
        ("no purpose", read(&rents, &Ask { purpose: None, ..ask }), (Code::PurposeMissing, "purpose")),
        ("no form", read(&rents, &Ask { form: None, ..ask }), (Code::Malformed, "form")),
        ("no field", read(&rents, &Ask { fields: &[], ..ask }), (Code::Malformed, "no-field")),
        ("unknown field", read(&rents, &Ask { fields: &needs, ..ask }), (Code::UnknownField, "field")),
        (
            "other category",
            read(&rents, &Ask { category: Some(name("care")), purpose: purpose("planning"), fields: &needs, ..ask }),
            (Code::ForbiddenRole, "role-category"),
        ),
        (
            "no such purpose",
            read(&rents, &Ask { purpose: purpose("gossip"), ..ask }),
            (Code::PurposeNotPermitted, "category-purpose"),
        ),
        (
            "not the application's purpose",
            read(&rents, &Ask { purpose: purpose("erasure"), ..ask }),
            (Code::PurposeNotPermitted, "application-purpose"),
        ),
        (
            "not the role's purpose",
            read(&rents, &Ask { purpose: purpose("refunds"), ..ask }),
            (Code::PurposeNotPermitted, "role-purpose"),
        ),
        ("field", read(&officer, &ask), (Code::ForbiddenField, "role-field")),
        ("form", read(&rents, &Ask { fields: &account, ..ask }), (Code::ForbiddenForm, "role-form")),
        (
            "write",
            codes(house.gate.permit_write(&rents, &Ask { form: None, ..ask })),
            (Code::ForbiddenRole, "role-category"),
        ),
        ("write with a form", codes(house.gate.permit_write(&officer, &ask)), (Code::Malformed, "form")),
        (
            "erase",
            codes(house.gate.permit_erase(&rents, &Ask { form: None, ..ask })),
            (Code::ForbiddenApplication, "application-action"),
        ),
    ] {
        assert_eq!(got, expected, "{what}");
    }
}

#[test]
fn a_category_that_asks_for_a_case_gets_one() {
    let house = House::new();
    let carer = house.caller("desk", &["carer"]);
    let needs = [name("needs")];
    let (category, purpose) = (Some(name("care")), Some(name("planning")));
    let ask = Ask { category, purpose, fields: &needs, form: Some(Form::Clear), ..Ask::of(name("oakvale")) };
    assert_eq!(codes(house.gate.permit_read(&carer, &ask)).0, Code::CaseRequired);
    assert_eq!(codes(house.gate.permit_read(&carer, &Ask { case: Some(""), ..ask })).0, Code::CaseRequired);
    assert!(house.gate.permit_read(&carer, &Ask { case: Some("C-1"), ..ask }).is_ok());
}

#[test]
fn two_controllers_stay_apart() {
    let house = House::new();
    let fields = [name("holder")];
    let ask = bank(&fields, Form::Clear);
    let admit = |application: &str, controllers: &[&str]| {
        let token = house.token_with(|claims| {
            claims["azp"] = json!(format!("{application}-client"));
            claims["controllers"] = json!(controllers);
            claims["roles"] = json!(if application == "desk" { ["rents"] } else { ["dpo"] });
        });
        house.gate.admit(&peer(&format!("{application}.apps")), Some(&token), NOW_MS).ok().unwrap()
    };
    let oakvale = admit("desk", &["oakvale", "elsewhere"]);
    assert_eq!(oakvale.controllers(), [name("oakvale")]);
    assert!(house.gate.permit_read(&oakvale, &ask).is_ok());
    for other in ["brookside", "elsewhere", "vault"] {
        let got = codes(house.gate.permit_read(&oakvale, &Ask { controller: name(other), ..ask }));
        assert_eq!(got, (Code::ForbiddenController, "controller"), "{other}");
    }
    // The person works for both, the application for one.
    let erase = Ask { category: Some(name("bank")), purpose: Some(name("erasure")), ..Ask::of(name("brookside")) };
    let dpo = admit("console", &["oakvale", "brookside"]);
    assert_eq!(codes(house.gate.permit_erase(&dpo, &erase)).0, Code::ForbiddenController);
    assert!(house.gate.permit_erase(&dpo, &Ask { controller: name("oakvale"), ..erase }).is_ok());
}

#[test]
fn erasing_a_person_needs_the_duty_and_a_grant_to_erase() {
    let house = House::new();
    let dpo = house.caller("console", &["dpo"]);
    let ask = Ask { category: Some(name("bank")), purpose: Some(name("erasure")), ..Ask::of(name("oakvale")) };
    assert_eq!(house.gate.permit_erase_subject(&dpo, &ask).ok().unwrap().rule(), "dpo-erases+1");
    assert_eq!(
        codes(house.gate.permit_erase_subject(&dpo, &Ask { controller: VAULT, ..ask })).0,
        Code::ForbiddenController
    );
    assert_eq!(
        codes(house.gate.permit_erase_subject(&dpo, &Ask { purpose: Some(name("payments")), ..ask })).0,
        Code::PurposeNotPermitted
    );
    let rents = house.caller("desk", &["rents"]);
    assert_eq!(codes(house.gate.permit_erase_subject(&rents, &ask)), (Code::ForbiddenApplication, "application-act"));
}

#[test]
fn admins_and_auditors_do_their_duty_and_see_no_data() {
    let house = House::new();
    let vault = Ask::of(VAULT);
    let (admin, auditor) = (house.caller("console", &["admin"]), house.caller("console", &["auditor"]));
    let rule = |caller: &Caller, act| {
        house.gate.permit_manage(caller, act, &vault).map(|permit| permit.rule().to_owned()).ok()
    };
    assert_eq!(rule(&admin, Action::KeysList).as_deref(), Some("admin-keys"));
    assert_eq!(rule(&auditor, Action::LogEntry).as_deref(), Some("auditor-log"));
    assert_eq!(rule(&admin, Action::LogEntry), None);
    assert_eq!(rule(&auditor, Action::KeysList), None);
    assert_eq!(rule(&auditor, Action::Whoami).as_deref(), Some(RULE_EVERYONE));
    let fields = [name("holder")];
    let ask = bank(&fields, Form::Clear);
    for caller in [house.caller("desk", &["admin"]), house.caller("desk", &["auditor"])] {
        assert_eq!(codes(house.gate.permit_read(&caller, &ask)), (Code::ForbiddenRole, "role-category"));
    }
}

#[test]
fn no_act_on_a_record_passes_as_management() {
    let house = House::new();
    let dpo = house.caller("console", &["dpo"]);
    let free = [Action::Whoami, Action::ApiShow, Action::ApprovalList];
    for action in Action::ALL.iter().filter(|action| !free.contains(action)) {
        let ask = Ask { category: Some(name("bank")), purpose: Some(name("erasure")), ..Ask::of(name("oakvale")) };
        assert!(house.gate.permit_manage(&dpo, *action, &ask).is_err(), "{action}");
    }
}

#[test]
fn an_application_alone_does_nothing() {
    let house = House::new();
    let alone = house.gate.admit(&peer("desk.apps"), None, NOW_MS).ok().unwrap();
    let fields = [name("holder")];
    assert_eq!(codes(house.gate.permit_read(&alone, &bank(&fields, Form::Clear))).0, Code::CredentialMissing);
    for action in Action::ALL {
        assert!(house.gate.permit_manage(&alone, *action, &Ask::of(VAULT)).is_err(), "{action}");
    }
}

#[test]
fn a_permit_carries_the_policy_under_which_the_request_began() {
    let house = House::new();
    let rents = house.caller("desk", &["rents"]);
    house.gate.activate(in_force(2, ACCESS, house.home.path()));
    let fields = [name("holder")];
    assert_eq!(house.gate.permit_read(&rents, &bank(&fields, Form::Clear)).ok().unwrap().epoch(), 1);
}

#[test]
fn the_digest_tells_every_ask_from_every_other() {
    let house = House::new();
    let (rents, officer) = (house.caller("desk", &["rents"]), house.caller("desk", &["officer"]));
    let alone = house.gate.admit(&peer("desk.apps"), None, NOW_MS).ok().unwrap();
    let (a, ab, b) = (ExternalId::new("a").unwrap(), ExternalId::new("ab").unwrap(), ExternalId::new("b").unwrap());
    let (one, two) = ([name("holder")], [name("holder"), name("account")]);
    let turned = [name("account"), name("holder")];
    let ask = Ask { person: Some(&a), record: Some(&b), ..bank(&one, Form::Clear) };
    let asks = [
        ask,
        Ask { controller: name("brookside"), ..ask },
        Ask { category: Some(name("care")), ..ask },
        Ask { category: None, ..ask },
        Ask { person: Some(&ab), ..ask },
        Ask { person: None, ..ask },
        Ask { record: Some(&ab), ..ask },
        Ask { record: None, ..ask },
        Ask { person: None, record: Some(&a), ..ask },
        Ask { person: Some(&b), record: Some(&a), ..ask },
        Ask { fields: &two, ..ask },
        Ask { fields: &turned, ..ask },
        Ask { fields: &[], ..ask },
        Ask { form: Some(Form::Masked), ..ask },
        Ask { form: None, ..ask },
        Ask { purpose: Some(name("refunds")), ..ask },
        Ask { purpose: None, ..ask },
        Ask { case: Some("x"), ..ask },
        Ask { case: Some(""), ..ask },
        Ask { proposal: Some(Hash::sha256(b"x")), ..ask },
    ];
    let mut digests: Vec<[u8; 32]> = asks.iter().map(|ask| ask.digest(&rents, Action::RecordsRead)).collect();
    digests.push(ask.digest(&rents, Action::RecordsWrite));
    digests.push(ask.digest(&alone, Action::RecordsRead));
    digests.push(ask.digest(&house.caller("console", &["dpo"]), Action::RecordsRead));
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len());
    assert_eq!(
        ask.digest(&rents, Action::RecordsRead),
        ask.digest(&officer, Action::RecordsRead),
        "one person, one digest"
    );
    assert_eq!(house.gate.permit_read(&rents, &ask).ok().unwrap().digest(), &digests[0]);
}
