//! The kinds of rows that a store holds. A row that is of none of these ends the test: whoever adds a kind says in
//! `matrix.rs` what happens when one is tampered with.

use coffer_keys::RootKey;
use coffer_vault::keyring::record::{AuditRow, IndexRow, RootRow, SubjectRow, Use};
use coffer_vault::keyring::{Audited, Keyring, SubjectIndex, audit_category, audit_row_key};
use coffer_vault::store::{Engine, Family, View, meta};
use coffer_wire::name::VAULT;

use coffer_tests::harness::name;

/// A kind of row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Leaf,
    Private,
    Tile,
    Format,
    Checkpoint,
    Number,
    Access,
    Schema,
    Epoch,
    InForce,
    Approval,
    Hold,
    Count,
    CategoryKey,
    LocatorKey,
    LogKey,
    SubjectKey,
    Tombstone,
    Index,
    AuditKey,
    Record,
}

impl Kind {
    pub const ALL: [Kind; 21] = [
        Kind::Leaf,
        Kind::Private,
        Kind::Tile,
        Kind::Format,
        Kind::Checkpoint,
        Kind::Number,
        Kind::Access,
        Kind::Schema,
        Kind::Epoch,
        Kind::InForce,
        Kind::Approval,
        Kind::Hold,
        Kind::Count,
        Kind::CategoryKey,
        Kind::LocatorKey,
        Kind::LogKey,
        Kind::SubjectKey,
        Kind::Tombstone,
        Kind::Index,
        Kind::AuditKey,
        Kind::Record,
    ];

    /// Of a row.
    pub fn of(family: Family, key: &[u8], value: &[u8]) -> Kind {
        let kind = match family {
            Family::Leaves => Some(Kind::Leaf),
            Family::Private => Some(Kind::Private),
            Family::Nodes => Some(Kind::Tile),
            Family::Rows(_) => Some(Kind::Record),
            Family::Meta => Kind::in_meta(key),
            Family::Keys => Kind::in_keys(key, value),
        };
        kind.unwrap_or_else(|| panic!("a row in {family} of a kind that no case stands for: {}", key.escape_ascii()))
    }

    fn in_meta(key: &[u8]) -> Option<Kind> {
        match key {
            meta::FORMAT => Some(Kind::Format),
            meta::CHECKPOINT => Some(Kind::Checkpoint),
            meta::ACCESS => Some(Kind::Access),
            meta::SCHEMA => Some(Kind::Schema),
            meta::EPOCH => Some(Kind::Epoch),
            meta::IN_FORCE => Some(Kind::InForce),
            key if key.starts_with(meta::NUMBER_PREFIX) => Some(Kind::Number),
            key if key.starts_with(meta::APPROVAL_PREFIX) => Some(Kind::Approval),
            key if key.starts_with(meta::HOLD_PREFIX) => Some(Kind::Hold),
            key if key.starts_with(meta::ERASURES_PREFIX) => Some(Kind::Count),
            _ => None,
        }
    }

    fn in_keys(key: &[u8], value: &[u8]) -> Option<Kind> {
        match key.first_chunk::<1>()?.as_slice() {
            RootRow::PREFIX => Some(match RootRow::decode(value)?.usage {
                Use::Category => Kind::CategoryKey,
                Use::Locator => Kind::LocatorKey,
                Use::Log => Kind::LogKey,
            }),
            SubjectRow::PREFIX => Some(match SubjectRow::decode(value)? {
                SubjectRow::Living { .. } => Kind::SubjectKey,
                SubjectRow::Destroyed { .. } => Kind::Tombstone,
            }),
            IndexRow::PREFIX => Some(Kind::Index),
            AuditRow::PREFIX => Some(Kind::AuditKey),
            _ => None,
        }
    }
}

/// Where a row lies.
pub type Place = (Family, Vec<u8>);

/// Finds the rows that belong to bank details of a tenant of Oakvale.
pub struct Finder<'a> {
    engine: &'a dyn Engine,
    keyring: Keyring,
}

impl<'a> Finder<'a> {
    pub fn new(engine: &'a dyn Engine, root: &RootKey) -> Finder<'a> {
        Finder { engine, keyring: Keyring::open(engine, root).unwrap().0 }
    }

    pub fn record(&self, person: &str) -> Place {
        let line = self.keyring.line(&name("oakvale"), &name("bank")).unwrap();
        (Family::Rows(name("bank")), line.locator().row(person, "main").to_vec())
    }

    pub fn index(&self, person: &str) -> Place {
        let line = self.keyring.line(&name("oakvale"), &name("bank")).unwrap();
        (Family::Keys, SubjectIndex::own(line, person).row_key())
    }

    pub fn hold(&self, person: &str) -> Place {
        let audit = self.keyring.audit(&name("oakvale")).unwrap();
        let locator = audit.audit_locator(Audited::Person(person));
        let prefix = [meta::HOLD_PREFIX, b"oakvale:", &locator].concat();
        (Family::Meta, self.engine.scan(Family::Meta, &prefix, None, 1).unwrap().remove(0).0)
    }

    pub fn subject_key(&self, person: &str) -> Place {
        let line = self.keyring.line(&name("oakvale"), &name("bank")).unwrap();
        let index = SubjectIndex::own(line, person);
        let (_, own) = line.living_at(&View::blocking(self.engine), &index).unwrap().unwrap();
        (Family::Keys, SubjectRow::key(&own.unwrap().id))
    }

    pub fn audit_key(&self, person: &str) -> Place {
        let audit = self.keyring.audit(&name("oakvale")).unwrap();
        (Family::Keys, audit_row_key(audit, Audited::Person(person)))
    }

    /// A key under the root key: of bank details of a landlord, or the vault's.
    pub fn root_key(&self, usage: Use, controller: &str) -> Place {
        let category = if controller == VAULT.as_str() { audit_category() } else { name("bank") };
        let rows = self.engine.scan(Family::Keys, RootRow::PREFIX, None, usize::MAX).unwrap();
        let is = |value: &[u8]| {
            let row = RootRow::decode(value).unwrap();
            row.usage == usage && row.controller.as_str() == controller && row.category == category
        };
        (Family::Keys, rows.into_iter().find(|(_, value)| is(value)).unwrap().0)
    }
}
