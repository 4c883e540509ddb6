//! A wrapped key opens under the key that wrapped it, in its own place, as the kind it is.
#![allow(clippy::unwrap_used)]

mod common;

use coffer_keys::{Altered, CategoryKey, Context, KeyId, KeyKind, Label, NotRewrapped, Place, Wrapped};
use common::{category, place, root};

#[test]
fn a_hierarchy_opens_again_from_what_was_stored() {
    let root = root();
    let (category, category_wrapped) = root.make_category(&place(KeyKind::Category)).unwrap();
    let (subject, subject_wrapped) = category.make_subject(&place(KeyKind::Subject)).unwrap();
    let (audit, audit_wrapped) = category.make_audit(&place(KeyKind::Audit)).unwrap();
    let (locator, locator_wrapped) = root.make_locator(&place(KeyKind::Locator)).unwrap();
    let (log, log_wrapped) = root.make_log(&place(KeyKind::Log)).unwrap();
    let context = Context::new(Label::Value).text("place");
    let sealed = subject.seal(&context, b"value", 0).unwrap();

    let category = root.open_category(&place(KeyKind::Category), &through_bytes(&category_wrapped)).unwrap();
    let subject = category.open_subject(&place(KeyKind::Subject), &through_bytes(&subject_wrapped)).unwrap();
    assert_eq!(subject.open(&context, &sealed).unwrap().as_bytes(), b"value");

    let reopened = category.open_audit(&place(KeyKind::Audit), &through_bytes(&audit_wrapped)).unwrap();
    assert_eq!(reopened.alias("oakvale", "bank", "2026"), audit.alias("oakvale", "bank", "2026"));
    let reopened = root.open_locator(&place(KeyKind::Locator), &through_bytes(&locator_wrapped)).unwrap();
    assert_eq!(reopened.row("a", "b"), locator.row("a", "b"));
    let reopened = root.open_log(&place(KeyKind::Log), &through_bytes(&log_wrapped)).unwrap();
    assert_eq!(reopened.public(), log.public());
}

fn through_bytes(wrapped: &Wrapped) -> Wrapped {
    Wrapped::from_bytes(*wrapped.as_bytes())
}

#[test]
fn each_part_of_a_place_is_bound() {
    let category = category();
    let (_, wrapped) = category.make_subject(&place(KeyKind::Subject)).unwrap();
    let elsewhere = [
        ("controller", Place { controller: "brookside", ..place(KeyKind::Subject) }),
        ("category", Place { category: "care", ..place(KeyKind::Subject) }),
        ("version", Place { version: 2, ..place(KeyKind::Subject) }),
        ("id", Place { id: KeyId::from_bytes([9; 16]), ..place(KeyKind::Subject) }),
        ("wrapped by", Place { wrapped_by: KeyId::from_bytes([9; 16]), ..place(KeyKind::Subject) }),
        ("cut between names", Place { controller: "oakval", category: "ebank", ..place(KeyKind::Subject) }),
    ];
    for (part, place) in elsewhere {
        assert_eq!(category.open_subject(&place, &wrapped).err(), Some(Altered), "{part}");
    }
    assert!(category.open_subject(&place(KeyKind::Subject), &wrapped).is_ok());
}

#[test]
fn a_key_opens_as_its_own_kind_only_whatever_the_place_says() {
    let root = root();
    let place = place(KeyKind::Category);
    let (category, wrapped) = root.make_category(&place).unwrap();
    assert!(root.open_category(&place, &wrapped).is_ok());
    assert_eq!(root.open_locator(&place, &wrapped).err(), Some(Altered));
    assert_eq!(root.open_log(&place, &wrapped).err(), Some(Altered));

    let (_, subject) = category.make_subject(&place).unwrap();
    assert_eq!(category.open_audit(&place, &subject).err(), Some(Altered));
    let (_, audit) = category.make_audit(&place).unwrap();
    assert_eq!(category.open_subject(&place, &audit).err(), Some(Altered));
}

#[test]
fn every_bit_of_a_wrapped_key_is_guarded() {
    let category = category();
    let (_, wrapped) = category.make_subject(&place(KeyKind::Subject)).unwrap();
    let mut bytes = *wrapped.as_bytes();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            bytes[position] ^= 1 << bit;
            let opened = category.open_subject(&place(KeyKind::Subject), &Wrapped::from_bytes(bytes));
            assert_eq!(opened.err(), Some(Altered), "byte {position}, bit {bit}");
            bytes[position] ^= 1 << bit;
        }
    }
}

#[test]
fn another_key_does_not_unwrap() {
    let (one, other): (CategoryKey, CategoryKey) = (category(), category());
    let (_, wrapped) = one.make_subject(&place(KeyKind::Subject)).unwrap();
    assert_eq!(other.open_subject(&place(KeyKind::Subject), &wrapped).err(), Some(Altered));
}

#[test]
fn every_key_that_is_made_is_another() {
    let category = category();
    let (one, one_wrapped) = category.make_subject(&place(KeyKind::Subject)).unwrap();
    let (other, other_wrapped) = category.make_subject(&place(KeyKind::Subject)).unwrap();
    assert_ne!(one_wrapped, other_wrapped);
    let context = Context::new(Label::Value);
    let sealed = one.seal(&context, b"value", 0).unwrap();
    assert!(other.open(&context, &sealed).is_err());
}

#[test]
fn kinds_keep_their_codes() {
    for code in 0..=u8::MAX {
        assert!(KeyKind::from_code(code).is_none_or(|kind| kind.code() == code));
    }
    assert_eq!(KeyKind::from_code(5), Some(KeyKind::Log));
    assert_eq!(KeyKind::from_code(6), Some(KeyKind::Generation));
    assert_eq!(KeyKind::from_code(7), None);
}

#[test]
fn key_ids_are_written_and_read_back() {
    let id = KeyId::random().unwrap();
    assert_eq!(id.to_string().len(), 22);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_ne!(id, KeyId::random().unwrap());
    for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAA+", "AAAAAAAAAAAAAAAAAAAAAB", "é"] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
    }
}

#[test]
fn a_key_that_was_put_under_the_next_version_is_the_same_key_and_opens_there_alone() {
    let root = root();
    let (old, _) = root.make_category(&place(KeyKind::Category)).unwrap();
    let (new, _) = root.make_category(&place(KeyKind::Category)).unwrap();
    let at = place(KeyKind::Subject);
    let next = Place { version: 2, wrapped_by: KeyId::from_bytes([7; 16]), ..at };
    let (subject, wrapped) = old.make_subject(&at).unwrap();
    let context = Context::new(Label::Value).text("place");
    let sealed = subject.seal(&context, b"value", 0).unwrap();

    let moved = old.rewrap_subject(&at, &wrapped, &new, &next).unwrap();
    let again = new.open_subject(&next, &moved).unwrap();
    assert_eq!(again.open(&context, &sealed).unwrap().as_bytes(), b"value");
    assert_eq!(old.open_subject(&at, &moved).err(), Some(Altered));
    assert_eq!(new.open_subject(&at, &moved).err(), Some(Altered));
    // Each time under a fresh salt, so that nobody sees that it is the same key.
    assert_ne!(old.rewrap_subject(&at, &wrapped, &new, &next).unwrap(), moved);
}

#[test]
fn what_does_not_open_is_not_put_under_another_key() {
    let root = root();
    let (old, _) = root.make_category(&place(KeyKind::Category)).unwrap();
    let (new, _) = root.make_category(&place(KeyKind::Category)).unwrap();
    let at = place(KeyKind::Subject);
    let (_, wrapped) = old.make_subject(&at).unwrap();
    assert_eq!(old.rewrap_audit(&at, &wrapped, &new, &at).err(), Some(NotRewrapped::Altered(Altered)));
    assert_eq!(new.rewrap_subject(&at, &wrapped, &new, &at).err(), Some(NotRewrapped::Altered(Altered)));
}
