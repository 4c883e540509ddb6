//! For what an approval counts: each part of what was asked for by itself. Over the wire most of these are in the body too.

use coffer_keys::{AuditKey, KeyId, KeyKind, Place, keyfile};

use super::*;
use crate::clock::Period;

fn ask(category: &str) -> Ask<'static> {
    Ask { category: Some(name(category)), purpose: Some(name("erasure")), ..Ask::of(name("oakvale")) }
}

fn what(act: Action, controller: &str, digest: u8) -> What<'static> {
    What { act, controller: name(controller), shown: "", digest: [digest; 32] }
}

/// Somebody of this name who may erase.
fn officer(house: &House, person: &str) -> Caller {
    let token = house.token_with(|claims| {
        claims["sub"] = json!(person);
        claims["roles"] = json!(["dpo"]);
        claims["azp"] = json!("console-client");
    });
    house.gate.admit(&peer("console.apps"), Some(&token), NOW_MS).ok().unwrap()
}

fn key(house: &House) -> AuditKey {
    let path = house.home.path().join("root.key");
    keyfile::create(&path).unwrap();
    let root = keyfile::load(&path).unwrap();
    let place = |kind| Place {
        kind,
        controller: "vault",
        category: "audit",
        version: 1,
        id: KeyId::from_bytes([1; 16]),
        wrapped_by: root.id(),
    };
    let (category, _) = root.make_category(&place(KeyKind::Category)).unwrap();
    category.make_audit(&place(KeyKind::Audit)).unwrap().0
}

#[test]
fn a_request_is_for_one_act_one_controller_one_body_and_one_person() {
    let house = House::new();
    let (first, second) = (officer(&house, "ada"), officer(&house, "ben"));
    let permit = house.gate.permit_more_erasures(&first, &ask("bank")).ok().unwrap();
    let own = what(Action::ErasureAllow, "oakvale", 1);
    let asked = Asked::new(&first, &[&permit], &own, NOW_MS).unwrap();
    assert!(asked.is_for(&first, &own));
    assert!(!asked.is_for(&second, &own));
    for other in [
        what(Action::HoldLift, "oakvale", 1),
        what(Action::ErasureAllow, "brookside", 1),
        what(Action::ErasureAllow, "oakvale", 2),
    ] {
        assert!(!asked.is_for(&first, &other));
    }
}

#[test]
fn an_approval_permits_nothing_beyond_what_the_permits_of_its_request_did() {
    let house = House::new();
    let (first, second) = (officer(&house, "ada"), officer(&house, "ben"));
    let own = what(Action::ErasureAllow, "oakvale", 1);
    let key = key(&house);
    let under = || (Under { key: &key, period: Period::of(NOW_MS) }, NOW_MS);
    let permit = || house.gate.permit_more_erasures(&first, &ask("bank")).ok().unwrap();
    let given = || {
        let asked = Asked::new(&first, &[&permit()], &own, NOW_MS).unwrap();
        house.gate.grant(&second, asked, NOW_MS).ok().unwrap().1
    };
    assert!(house.gate.approved(&first, &[&permit()], &own, given(), under()).is_ok());
    // Fewer categories or more, and the permit of another act.
    let refused =
        |permits: &[&Permit<MoreErasures>]| codes(house.gate.approved(&first, permits, &own, given(), under()));
    assert_eq!(refused(&[]), (Code::ApprovalMismatch, "approval-request"));
    assert_eq!(refused(&[&permit(), &permit()]), (Code::ApprovalMismatch, "approval-request"));
    let erase = house.gate.permit_erase(&first, &ask("bank")).ok().unwrap();
    let other = house.gate.approved(&first, &[&erase], &own, given(), under());
    assert_eq!(codes(other), (Code::ApprovalMismatch, "approval-request"));
}
