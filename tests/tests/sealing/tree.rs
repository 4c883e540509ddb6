//! Every key of a home, out of its root key and its store, as docs/FORMAT.md says. Opened by AES and HMAC as the standards have
//! them, without the crate whose memory is looked at.

use std::collections::HashMap;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use coffer_keys::row::{Row, value_context};
use coffer_keys::{Context, KeyId, Label, Wrapped};
use coffer_tests::harness::Home;
use coffer_vault::keyring::record::{AuditRow, SubjectRow, Use};
use coffer_vault::keyring::root_rows;
use coffer_vault::store::{Engine, Family};
use coffer_wire::Name;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::forms::{self, Form};
use crate::scan::Needles;

/// Whose key it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Root,
    Category,
    Locator,
    Log,
    Audit,
    Subject,
    /// A share of the root key.
    Share,
    /// Derived, of one wrapped key.
    Wrap,
    /// Derived, of one value.
    Value,
}

/// What was found, by whose key and in which form.
pub(crate) type Label2 = (Kind, Form);

/// The root key in a key file.
pub(crate) fn root_in_file(home: &Home) -> [u8; 32] {
    let line = std::fs::read_to_string(&home.config.seal.key_file).unwrap();
    let root = data_encoding::BASE64URL_NOPAD.decode(line.split(' ').nth(2).unwrap().as_bytes()).unwrap();
    root.try_into().unwrap()
}

/// What opens as the tree is walked.
struct Walk {
    needles: Needles<Label2>,
}

/// Every form of every key of a home that nobody has open. `people`: the records whose values are looked for too.
pub(crate) fn needles(home: &Home, root: [u8; 32], records: &[(&str, &str, &str)]) -> Needles<Label2> {
    let engine = home.rocks();
    let mut walk = Walk { needles: Needles::new() };
    forms::mac(&mut walk.needles, &root, |form| (Kind::Root, form));

    let mut categories = HashMap::new();
    for (id, row) in root_rows(&engine).unwrap() {
        let (kind, code) = match row.usage {
            Use::Category => (Kind::Category, 1),
            Use::Locator => (Kind::Locator, 2),
            Use::Log => (Kind::Log, 5),
        };
        let place = place(code, (&row.controller, &row.category), row.version, id, row.wrapped_by);
        let key = walk.opened(&root, &place, &row.wrapped);
        match kind {
            Kind::Log => forms::signing(&mut walk.needles, &key, |form| (kind, form)),
            _ => forms::mac(&mut walk.needles, &key, |form| (kind, form)),
        }
        categories.insert(id, (key, row));
    }
    let mut subjects = HashMap::new();
    for (row_key, bytes) in engine.scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap() {
        let (Some(id), Some(SubjectRow::Living { wrapped_by, wrapped, .. })) =
            (SubjectRow::id(&row_key), SubjectRow::decode(&bytes))
        else {
            continue;
        };
        let (category, row) = &categories[&wrapped_by];
        let place = place(4, (&row.controller, &row.category), row.version, id, wrapped_by);
        let key = walk.opened(category, &place, &wrapped);
        forms::mac(&mut walk.needles, &key, |form| (Kind::Subject, form));
        subjects.insert(id, key);
    }
    for (_, bytes) in engine.scan(Family::Keys, AuditRow::PREFIX, None, usize::MAX).unwrap() {
        let audit = AuditRow::decode(&bytes).unwrap();
        let (category, row) = &categories[&audit.wrapped_by];
        let place = place(3, (&row.controller, &row.category), row.version, audit.id, audit.wrapped_by);
        let key = walk.opened(category, &place, &audit.wrapped);
        forms::mac(&mut walk.needles, &key, |form| (Kind::Audit, form));
    }
    walk.values(&engine, &subjects, records);
    walk.needles
}

impl Walk {
    /// A wrapped key, and what was derived for it.
    fn opened(&mut self, wrapping: &[u8; 32], place: &Context, wrapped: &Wrapped) -> [u8; 32] {
        let key = self.derived(wrapping, place, wrapped.as_bytes(), Kind::Wrap).expect("a key does not open");
        let payload = Payload { msg: &wrapped.as_bytes()[48..], aad: &place.digest() };
        let opened = Aes256Gcm::new((&key).into()).decrypt(&Nonce::from([0; 12]), payload);
        opened.expect("a key does not open").try_into().unwrap()
    }

    /// The cipher key of something sealed, if it was sealed in this place.
    fn derived(&mut self, key: &[u8; 32], place: &Context, sealed: &[u8], kind: Kind) -> Option<[u8; 32]> {
        let info = [&sealed[..16], &place.digest()].concat();
        let first = hmac(key, &[&info, &[1]]);
        if hmac(key, &[&first, &info, &[2]]) != sealed[16..48] {
            return None;
        }
        forms::cipher(&mut self.needles, &first, |form| (kind, form));
        Some(first)
    }

    fn values(&mut self, engine: &dyn Engine, subjects: &HashMap<KeyId, [u8; 32]>, records: &[(&str, &str, &str)]) {
        let mut seen = 0;
        for (category, person, record) in records {
            for (_, bytes) in engine.scan(Family::Rows(Name::new(category).unwrap()), b"", None, usize::MAX).unwrap() {
                let row = Row::parse(&bytes).unwrap();
                for (head, sealed) in row.head.fields.iter().zip(&row.fields) {
                    let id = row.head.keys[usize::from(head.key)];
                    let context = value_context(
                        "oakvale",
                        category,
                        &id,
                        person,
                        record,
                        head.number,
                        head.version,
                        coffer_keys::row::SUITE,
                    );
                    let Some(subject) = subjects.get(&id) else { continue };
                    seen += usize::from(self.derived(subject, &context, sealed, Kind::Value).is_some());
                }
            }
        }
        assert!(seen >= records.len(), "only {seen} values were found");
    }
}

fn place(code: u8, at: (&Name, &Name), version: u32, id: KeyId, wrapped_by: KeyId) -> Context {
    Context::new(Label::Wrap)
        .part(&[code])
        .text(at.0.as_str())
        .text(at.1.as_str())
        .number(u64::from(version))
        .part(id.as_bytes())
        .part(wrapped_by.as_bytes())
}

fn hmac(key: &[u8; 32], pieces: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap();
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().into()
}
