//! The formats as files, `keys/vectors/*.json`: what this code makes from chosen keys and salts must be what stands there.
//! `keys/tests/second_opinion.rs` opens the same files without this code.
//!
//! A format that changed on purpose has another version, and files of its own; `COFFER_WRITE_VECTORS=1 cargo test -p coffer-keys golden`
//! writes them.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::audit::AuditKey;
use crate::context::{Context, Label};
use crate::id::KeyId;
use crate::locator::LocatorKey;
use crate::log::LogKey;
use crate::place::{KeyKind, Place};
use crate::prf::Prf;
use crate::row::{FieldHead, Head, Identity, Row, SUITE, hash, open_identity, value_context};
use crate::seal::share_set::ShareSet;
use crate::seal::{Share, Split, shamir};
use crate::subject::SubjectKey;
use crate::wrapped::{Kept, wrap};
use crate::{RootKey, keyfile, sealed};

const CONTROLLER: &str = "oakvale";
const CATEGORY: &str = "bank";
const PERSON: &str = "T-1042";
const RECORD: &str = "mandate-1";
const OWN_ID: KeyId = KeyId::from_bytes(*b"own subject key.");
const OTHER_ID: KeyId = KeyId::from_bytes(*b"other's sub. key");

pub(super) fn place(kind: KeyKind) -> Place<'static> {
    Place {
        kind,
        controller: CONTROLLER,
        category: CATEGORY,
        version: 3,
        id: OWN_ID,
        wrapped_by: KeyId::from_bytes(*b"the wrapping key"),
    }
}

#[test]
fn contexts_are_golden() {
    let cases: [(Label, &[&[u8]]); 4] = [
        (Label::Value, &[]),
        (Label::Row, &[b"oakvale", b"bank"]),
        (Label::Row, &[b"oakvalebank", b""]),
        (Label::Private, &[&[0, 255], &7u64.to_be_bytes()]),
    ];
    let cases = cases.map(|(label, parts)| {
        let context = parts.iter().fold(Context::new(label), |context, part| context.part(part));
        json!({
            "label": label.text(),
            "parts": parts.iter().map(|part| hex(part)).collect::<Vec<_>>(),
            "encoded": hex(context.as_bytes()),
            "sha256": hex(&context.digest()),
        })
    });
    golden("context", &json!({ "cases": cases }));
}

#[test]
fn sealed_values_are_golden() {
    let cases = [("12345678", 0), ("", 0), ("yes", 40), ("a value that is longer than twenty-eight bytes", 0)];
    let cases = cases.map(|(plain, pad_to)| {
        let (key, salt) = ([0x11; 32], [0x22; 16]);
        let context = value_context(CONTROLLER, CATEGORY, &OWN_ID, PERSON, RECORD, 1, 9, SUITE);
        let sealed = sealed::seal_with_salt(&Prf::new(&key), &salt, &context, plain.as_bytes(), pad_to).unwrap();
        json!({
            "key": hex(&key),
            "salt": hex(&salt),
            "context": hex(context.as_bytes()),
            "plain": hex(plain.as_bytes()),
            "pad_to": pad_to,
            "sealed": hex(&sealed),
        })
    });
    golden("sealed-value", &json!({ "cases": cases }));
}

#[test]
fn wrapped_keys_are_golden() {
    let kinds = [KeyKind::Category, KeyKind::Locator, KeyKind::Audit, KeyKind::Subject, KeyKind::Log];
    let cases = kinds.map(|kind| {
        let (wrapping, salt, key) = ([0x33; 32], [0x44; 16], [0x55; 32]);
        let place = place(kind);
        let wrapped = wrap(&Prf::new(&wrapping), &salt, &place.context(Label::Wrap, kind), &key);
        json!({
            "wrapping_key": hex(&wrapping),
            "salt": hex(&salt),
            "key": hex(&key),
            "place": {
                "kind": kind.code(),
                "controller": place.controller,
                "category": place.category,
                "version": place.version,
                "id": hex(place.id.as_bytes()),
                "wrapped_by": hex(place.wrapped_by.as_bytes()),
            },
            "wrapped": hex(wrapped.as_bytes()),
        })
    });
    golden("wrapped-key", &json!({ "cases": cases }));
}

#[test]
fn a_row_is_golden() {
    let own = SubjectKey::from_raw(&[0x66; 32]);
    let other = SubjectKey::from_raw(&[0x77; 32]);
    let head = Head {
        suite: SUITE,
        origin: 2,
        version: 9,
        keys: vec![OWN_ID, OTHER_ID],
        fields: vec![
            FieldHead { number: 1, key: 0, version: 9 },
            FieldHead { number: 2, key: 0, version: 4 },
            FieldHead { number: 300, key: 1, version: 9 },
        ],
    };
    let plain = ["12345678", "12-34-56", "was there on Tuesday"];
    let fields: Vec<_> = head.fields.iter().zip(plain).map(|(field, plain)| field_of(&head, field, plain)).collect();
    let identity = Identity::new(PERSON, RECORD, [0x88; 32]);
    let place = (CONTROLLER, CATEGORY);
    let sealed = crate::row::seal_identity_with_salt(&own, &[0x99; 16], place, &head, &fields, &identity).unwrap();
    let row = Row { head, identity: sealed, fields };
    let encoded = row.encode();

    assert!(Row::parse(&encoded).unwrap() == row);
    assert!(open_identity(&own, CONTROLLER, CATEGORY, &row).is_ok_and(|identity| identity.person == PERSON));
    let third = value_context(CONTROLLER, CATEGORY, &OTHER_ID, PERSON, RECORD, 300, 9, SUITE);
    assert!(other.open(&third, &row.fields[2]).is_ok_and(|value| value.as_bytes() == plain[2].as_bytes()));

    golden(
        "row",
        &json!({
            "controller": CONTROLLER,
            "category": CATEGORY,
            "keys": [hex(&[0x66; 32]), hex(&[0x77; 32])],
            "key_ids": [hex(OWN_ID.as_bytes()), hex(OTHER_ID.as_bytes())],
            "person": PERSON,
            "record": RECORD,
            "row_salt": hex(&[0x88; 32]),
            "fields": plain,
            "row": hex(&encoded),
            "salted_hash": hex(&hash(&identity.salt, &encoded)),
        }),
    );
}

fn field_of(head: &Head, field: &FieldHead, plain: &str) -> Vec<u8> {
    let keys = [[0x66; 32], [0x77; 32]];
    let id = &head.keys[usize::from(field.key)];
    let context = value_context(CONTROLLER, CATEGORY, id, PERSON, RECORD, field.number, field.version, head.suite);
    let salt = [field.number as u8; 16];
    sealed::seal_with_salt(&Prf::new(&keys[usize::from(field.key)]), &salt, &context, plain.as_bytes(), 0).unwrap()
}

#[test]
fn names_are_golden() {
    let key = [0xAA; 32];
    let locator = LocatorKey::from_raw(&key);
    let audit = AuditKey::from_raw(&key);
    let tagged = Context::new(Label::Index).text("what stands in the row");
    golden(
        "names",
        &json!({
            "key": hex(&key),
            "controller": CONTROLLER,
            "category": CATEGORY,
            "person": PERSON,
            "record": RECORD,
            "period": "2026-11",
            "tagged": hex(tagged.as_bytes()),
            "row_key": hex(&locator.row(PERSON, RECORD)),
            "tag": hex(&locator.tag(&tagged)),
            "alias": hex(&audit.alias(CONTROLLER, CATEGORY, "2026-11")),
            "alias_of": hex(&audit.alias_of(CONTROLLER, CATEGORY, "2026-11", PERSON)),
        }),
    );
}

#[test]
fn a_key_file_is_golden() {
    let (id, key) = (KeyId::from_bytes([0xBB; 16]), [0xCC; 32]);
    let line = keyfile::write_line(&id, &key);
    let line = std::str::from_utf8(&*line).unwrap();
    golden("key-file", &json!({ "id": hex(id.as_bytes()), "key": hex(&key), "file": line }));
}

#[test]
fn a_share_is_golden() {
    let (set, body) = (KeyId::from_bytes([0xBB; 16]), [0xCC; 32]);
    let share = Share::new(set, 2, 3, Zeroizing::new(body));
    let root = RootKey::from_raw(set, &[0xDD; 32]);
    let line = ShareSet::of(&root, Split { threshold: 3, shares: 5 }).line();
    golden(
        "share",
        &json!({
            "set": hex(set.as_bytes()), "index": 2, "threshold": 3, "shares": 5, "body": hex(&body),
            "share": *share.to_text(), "root": hex(&[0xDD; 32]), "share_set": line,
        }),
    );
}

#[test]
fn shared_bytes_are_golden() {
    let (secret, others): ([u8; 32], [[u8; 32]; 2]) = (std::array::from_fn(|n| n as u8), [[0xA5; 32], [0; 32]]);
    let shares = [1, 2, 5].map(|index| hex(&*shamir::body(index, &secret, &others)));
    golden(
        "shamir",
        &json!({ "secret": hex(&secret), "coefficients": others.map(|row| hex(&row)), "indices": [1, 2, 5], "bodies": shares }),
    );
}

#[test]
fn a_signature_of_the_log_is_golden() {
    let seed = [0xDD; 32];
    let key = LogKey::from_raw(&seed);
    let message = "coffer.example/demo\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    golden(
        "log",
        &json!({
            "seed": hex(&seed),
            "public": hex(&key.public()),
            "message": message,
            "signature": hex(&key.sign(message.as_bytes())),
        }),
    );
}

fn golden(name: &str, made: &Value) {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("COFFER_WRITE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(made).unwrap() + "\n").unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(&kept, made, "{name}: the format is not what it was");
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
