//! A row is one thing: nothing of it can be moved, changed, taken out or put back.
#![allow(clippy::unwrap_used)]

mod common;

use coffer_keys::row::{FieldHead, Head, Identity, Row, SUITE, hash, open_identity, seal_identity, value_context};
use coffer_keys::{Altered, KeyId, KeyKind, SubjectKey, Unsealable};
use common::{CATEGORY, CONTROLLER, PERSON, RECORD};
use proptest::collection::vec;
use proptest::prelude::*;

const OWN: KeyId = KeyId::from_bytes([1; 16]);
const WITNESS: KeyId = KeyId::from_bytes([2; 16]);

/// Something done to a row that must be noticed.
type Change = fn(&mut Row);

/// A person's row with a witness in it, and the keys that open it.
struct Sample {
    own: SubjectKey,
    witness: SubjectKey,
}

impl Sample {
    fn new() -> Self {
        let category = common::category();
        let subject = || category.make_subject(&common::place(KeyKind::Subject)).unwrap().0;
        Self { own: subject(), witness: subject() }
    }

    fn head(version: u32) -> Head {
        Head {
            suite: SUITE,
            origin: 1,
            version,
            keys: vec![OWN, WITNESS],
            fields: vec![
                FieldHead { number: 1, key: 0, version },
                FieldHead { number: 2, key: 0, version },
                FieldHead { number: 7, key: 1, version },
            ],
        }
    }

    fn seal(&self, head: Head, fields: Vec<Vec<u8>>) -> Row {
        let identity = Identity::new(PERSON, RECORD, [5; 32]);
        let identity = seal_identity(&self.own, CONTROLLER, CATEGORY, &head, &fields, &identity).unwrap();
        Row { head, identity, fields }
    }

    fn row(&self, version: u32) -> Row {
        let head = Self::head(version);
        let fields = head.fields.iter().map(|field| self.field(&head, field)).collect();
        self.seal(head, fields)
    }

    fn field(&self, head: &Head, field: &FieldHead) -> Vec<u8> {
        let key = if field.key == 0 { &self.own } else { &self.witness };
        let id = &head.keys[usize::from(field.key)];
        let context = value_context(CONTROLLER, CATEGORY, id, PERSON, RECORD, field.number, field.version, head.suite);
        key.seal(&context, format!("field {}", field.number).as_bytes(), 0).unwrap()
    }

    fn opens(&self, row: &Row) -> Result<(), Altered> {
        open_identity(&self.own, CONTROLLER, CATEGORY, row).map(drop)
    }
}

#[test]
fn a_row_reads_back_and_says_whose_it_is() {
    let sample = Sample::new();
    let row = Row::parse(&sample.row(9).encode()).unwrap();
    let identity = open_identity(&sample.own, CONTROLLER, CATEGORY, &row).unwrap();
    assert_eq!((identity.person.as_str(), identity.record.as_str(), identity.salt), (PERSON, RECORD, [5; 32]));

    let field = row.head.fields[2];
    let context = value_context(
        CONTROLLER,
        CATEGORY,
        &row.head.keys[usize::from(field.key)],
        &identity.person,
        &identity.record,
        field.number,
        field.version,
        row.head.suite,
    );
    assert_eq!(sample.witness.open(&context, &row.fields[2]).unwrap().as_bytes(), b"field 7");
    assert!(sample.own.open(&context, &row.fields[2]).is_err(), "the witness's field is not the own person's");
}

#[test]
fn one_old_field_cannot_be_put_back() {
    let sample = Sample::new();
    let (old, new) = (sample.row(8), sample.row(9));
    for index in 0..new.fields.len() {
        let mut row = new.clone();
        row.fields[index] = old.fields[index].clone();
        assert_eq!(sample.opens(&row), Err(Altered), "field {index}");

        row.head.fields[index].version = 8;
        assert_eq!(sample.opens(&row), Err(Altered), "field {index} with its old head");
    }
}

#[test]
fn a_field_sealed_again_in_the_same_version_cannot_replace_the_first() {
    let sample = Sample::new();
    let mut row = sample.row(9);
    row.fields[0] = sample.field(&row.head, &row.head.fields[0]);
    assert_eq!(sample.opens(&row), Err(Altered));
}

#[test]
fn an_old_field_kept_on_purpose_opens_in_the_new_row() {
    let sample = Sample::new();
    let old = sample.row(8);
    let mut head = Sample::head(9);
    head.fields[1].version = 8;
    let fields =
        vec![sample.field(&head, &head.fields[0]), old.fields[1].clone(), sample.field(&head, &head.fields[2])];
    assert_eq!(sample.opens(&sample.seal(head, fields)), Ok(()));
}

#[test]
fn everything_in_the_head_is_bound() {
    let sample = Sample::new();
    let changes: [(&str, Change); 10] = [
        ("suite", |row| row.head.suite = 2),
        ("origin", |row| row.head.origin = 2),
        ("version", |row| row.head.version = 8),
        ("own key id", |row| row.head.keys[0] = KeyId::from_bytes([3; 16])),
        ("other key id", |row| row.head.keys[1] = KeyId::from_bytes([3; 16])),
        ("one more key", |row| row.head.keys.push(KeyId::from_bytes([3; 16]))),
        ("field number", |row| row.head.fields[2].number = 8),
        ("field key", |row| row.head.fields[2].key = 0),
        ("field version", |row| row.head.fields[0].version = 8),
        ("a field less", |row| {
            row.head.fields.pop();
            row.fields.pop();
        }),
    ];
    for (what, change) in changes {
        let mut row = sample.row(9);
        change(&mut row);
        assert_eq!(sample.opens(&row), Err(Altered), "{what}");
    }
}

#[test]
fn two_fields_cannot_change_places() {
    let sample = Sample::new();
    let mut row = sample.row(9);
    row.fields.swap(0, 1);
    assert_eq!(sample.opens(&row), Err(Altered));
}

#[test]
fn an_identity_opens_in_its_own_row_and_category_only() {
    let sample = Sample::new();
    let row = sample.row(9);
    let mut moved = sample.row(9);
    moved.identity.clone_from(&row.identity);
    assert_eq!(sample.opens(&moved), Err(Altered));
    assert!(open_identity(&sample.own, "brookside", CATEGORY, &row).is_err());
    assert!(open_identity(&sample.own, CONTROLLER, "care", &row).is_err());
    assert!(open_identity(&sample.witness, CONTROLLER, CATEGORY, &row).is_err());
}

/// What a reader does: identity first, then every field in the context that the identity gives.
fn read_all(sample: &Sample, bytes: &[u8]) -> Result<(), Altered> {
    let row = Row::parse(bytes)?;
    let identity = open_identity(&sample.own, CONTROLLER, CATEGORY, &row)?;
    for (field, sealed) in row.head.fields.iter().zip(&row.fields) {
        let key = if field.key == 0 { &sample.own } else { &sample.witness };
        let id = &row.head.keys[usize::from(field.key)];
        let (person, record) = (&identity.person, &identity.record);
        let context =
            value_context(CONTROLLER, CATEGORY, id, person, record, field.number, field.version, row.head.suite);
        key.open(&context, sealed)?;
    }
    Ok(())
}

#[test]
fn every_byte_of_a_row_is_guarded() {
    let sample = Sample::new();
    let mut bytes = sample.row(9).encode();
    assert_eq!(read_all(&sample, &bytes), Ok(()));
    for position in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            bytes[position] ^= flip;
            assert_eq!(read_all(&sample, &bytes), Err(Altered), "byte {position}");
            bytes[position] ^= flip;
        }
    }
}

#[test]
fn every_other_length_of_a_row_is_refused() {
    let bytes = Sample::new().row(9).encode();
    for len in 0..bytes.len() {
        assert_eq!(Row::parse(&bytes[..len]).err(), Some(Altered), "{len} bytes");
    }
    assert_eq!(Row::parse(&[&bytes[..], &[0]].concat()).err(), Some(Altered));
}

#[test]
fn a_head_that_breaks_its_rules_is_not_sealed() {
    let sample = Sample::new();
    let good = sample.row(9);
    let breaks: [Change; 8] = [
        |row| row.head.suite = 0,
        |row| row.head.keys.clear(),
        |row| row.head.keys = vec![OWN; 256],
        |row| row.head.fields[0].number = 2,
        |row| row.head.fields[0].number = 3,
        |row| row.head.fields[0].key = 2,
        |row| drop(row.fields.pop()),
        |row| row.fields[0].truncate(63),
    ];
    for (index, change) in breaks.iter().enumerate() {
        let mut row = good.clone();
        change(&mut row);
        let identity = Identity::new(PERSON, RECORD, [5; 32]);
        let sealed = seal_identity(&sample.own, CONTROLLER, CATEGORY, &row.head, &row.fields, &identity);
        assert_eq!(sealed.err(), Some(Unsealable::MalformedHead), "break {index}");
        assert!(Row::parse(&row.encode()).map_or(true, |row| sample.opens(&row).is_err()), "break {index}");
    }
}

#[test]
fn a_row_without_fields_is_a_row() {
    let sample = Sample::new();
    let row = sample.seal(Head { fields: vec![], ..Sample::head(1) }, vec![]);
    assert_eq!(sample.opens(&Row::parse(&row.encode()).unwrap()), Ok(()));
}

#[test]
fn identities_of_usual_length_have_one_size() {
    let sample = Sample::new();
    let head = Head { fields: vec![], ..Sample::head(1) };
    let size = |person: &str, record: &str| {
        let identity = Identity::new(person, record, [5; 32]);
        seal_identity(&sample.own, CONTROLLER, CATEGORY, &head, &[], &identity).unwrap().len()
    };
    let ids = "x".repeat(45);
    assert_eq!(size("1", ""), size(&ids, &ids));
    let longest = "x".repeat(65_536);
    assert!(
        seal_identity(&sample.own, CONTROLLER, CATEGORY, &head, &[], &Identity::new(longest, "", [5; 32])).is_err()
    );
}

#[test]
fn the_hash_of_a_row_depends_on_its_salt() {
    assert_ne!(hash(&[1; 32], b"row"), hash(&[2; 32], b"row"));
    assert_ne!(hash(&[1; 32], b"row"), hash(&[1; 32], b"raw"));
}

fn heads() -> impl Strategy<Value = Head> {
    let ids = vec(any::<[u8; 16]>().prop_map(KeyId::from_bytes), 1..5);
    let fields = proptest::collection::btree_map(any::<u16>(), (any::<u8>(), any::<u32>()), 0..8);
    (any::<u32>(), any::<u32>(), ids, fields).prop_map(|(origin, version, keys, fields)| {
        let fields = fields
            .into_iter()
            .map(|(number, (key, version))| FieldHead { number, key: key % keys.len() as u8, version })
            .collect();
        Head { suite: SUITE, origin, version, keys, fields }
    })
}

proptest! {
    #[test]
    fn rows_read_back(head in heads(), blobs in vec(vec(any::<u8>(), 0..100), 9)) {
        let fields = blobs[1..=head.fields.len()].to_vec();
        let row = Row { head, identity: blobs[0].clone(), fields };
        prop_assert_eq!(Row::parse(&row.encode()), Ok(row));
    }

    /// One row has one form: what parses is what encoding gives.
    #[test]
    fn whatever_parses_is_canonical(head in heads(), position: prop::sample::Index, byte: u8) {
        let fields = vec![vec![0; 70]; head.fields.len()];
        let mut bytes = Row { head, identity: vec![0; 192], fields }.encode();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Ok(row) = Row::parse(&bytes) {
            prop_assert_eq!(row.encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Row::parse(&bytes);
        let _ = Row::parse(&[&[1, 1][..], &bytes].concat());
    }
}
