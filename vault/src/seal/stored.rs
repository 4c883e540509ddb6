//! A row as it lies in the store, with what is needed to open it later.

use coffer_keys::row::{self, Identity, Row};
use coffer_keys::{Altered, KeyId, SubjectKey};
use coffer_wire::{Hash, Name};

use crate::admit::{Job, Permit};
use crate::keyring::{Keyring, Line, OwnKey};
use crate::store::{Family, Unread, View};

/// Which record: the place that a row must prove to be of.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The controller.
    pub controller: Name,
    /// The category.
    pub category: Name,
    /// The data subject, by the caller's id.
    pub person: String,
    /// The record, by the caller's id.
    pub record: String,
}

impl Target {
    /// Where the row lies.
    pub fn row_key(&self, line: &Line) -> [u8; 32] {
        line.locator().row(&self.person, &self.record)
    }

    /// The family of the row.
    pub fn family(&self) -> Family {
        Family::Rows(self.category)
    }
}

/// A row that was found, sealed, with the wrapped keys that it names and that live.
pub struct Stored {
    pub(super) target: Target,
    pub(super) bytes: Vec<u8>,
    pub(super) row: Row,
    pub(super) own: OwnKey,
    pub(super) others: Vec<Option<OwnKey>>,
    hash: Hash,
}

/// What stands where a record may be.
pub enum Here {
    /// No row.
    Nothing,
    /// A row whose person's key is destroyed: its bytes, sealed for good.
    Erased(Vec<u8>),
    /// A record.
    Record(Box<Stored>),
}

/// Keys and bytes of rows.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Stored {
    /// Looks the row up.
    ///
    /// Row and key are two looks, and an erase or a deep rotation between them moves the row to another key: a row whose key is
    /// destroyed or not there is looked at again, until it is another one or the same.
    pub fn find(line: &Line, view: &View<'_>, target: &Target) -> Result<Result<Here, Altered>, Unread> {
        Stored::take(line, view, target, view.get(target.family(), &target.row_key(line))?)
    }

    /// The same after the first look, which saw these bytes.
    pub fn take(
        line: &Line,
        view: &View<'_>,
        target: &Target,
        mut bytes: Option<Vec<u8>>,
    ) -> Result<Result<Here, Altered>, Unread> {
        let look = || view.get(target.family(), &target.row_key(line));
        loop {
            let Some(row) = bytes else { return Ok(Ok(Here::Nothing)) };
            match Stored::of(line, view, target.clone(), row.clone())? {
                Ok(Some(stored)) => return Ok(Ok(Here::Record(Box::new(stored)))),
                sealed => {
                    bytes = look()?;
                    if bytes.as_ref() == Some(&row) {
                        return Ok(sealed.map(|_| Here::Erased(row)));
                    }
                }
            }
        }
    }

    /// The version that a row says in clear, if it is a row.
    pub fn version_of(bytes: &[u8]) -> Option<u32> {
        Row::parse(bytes).ok().map(|row| row.head.version)
    }

    /// Takes up row bytes that were read already.
    pub fn of(
        line: &Line,
        view: &View<'_>,
        target: Target,
        bytes: Vec<u8>,
    ) -> Result<Result<Option<Stored>, Altered>, Unread> {
        Stored::under(|id| line.subject(view, id), target, bytes)
    }

    /// All rows of whoever has this half of a row key, named by their identities, for the job that seals them again: also those
    /// under a key that is withheld from everybody else. Those whose person was erased are left out.
    pub fn all_of(
        permit: &Permit<Job>,
        line: &Line,
        view: &View<'_>,
        rows: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<Result<Vec<Stored>, Altered>, Unread> {
        let (controller, category) = (*line.controller(), *line.category());
        if permit.controller() != controller || permit.category() != Some(category) {
            return Ok(Err(Altered));
        }
        let unknown = Target { controller, category, person: String::new(), record: String::new() };
        let of = |bytes| Stored::under(|id| line.subject_though_withheld(view, id), unknown.clone(), bytes);
        let living = Found::living(rows, of)?;
        Ok(living.and_then(|living| living.into_iter().map(|found| found.named_by_itself(line)).collect()))
    }

    fn under(
        key: impl Fn(KeyId) -> Result<Result<Option<OwnKey>, Altered>, Unread>,
        target: Target,
        bytes: Vec<u8>,
    ) -> Result<Result<Option<Stored>, Altered>, Unread> {
        let Ok(row) = Row::parse(&bytes) else { return Ok(Err(Altered)) };
        let Some(own_id) = row.head.own_key() else { return Ok(Err(Altered)) };
        let own = match key(*own_id)? {
            Ok(Some(own)) => own,
            Ok(None) => return Ok(Ok(None)),
            Err(altered) => return Ok(Err(altered)),
        };
        let others = row.head.keys[1..].iter().map(|id| key(*id)).collect::<Result<Vec<_>, _>>()?;
        let others = match others.into_iter().collect() {
            Ok(others) => others,
            Err(altered) => return Ok(Err(altered)),
        };
        let hash = Hash::sha256(&bytes);
        Ok(Ok(Some(Stored { target, bytes, row, own, others, hash })))
    }

    /// Looks all rows of a person up. Which records they are stays sealed. Also the rows as they lie, for a precondition.
    ///
    /// As with [`find`](Stored::find), they are looked at again while the keys of some are destroyed and the rows are others
    /// each time.
    pub fn all(
        line: &Line,
        view: &View<'_>,
        (controller, category, person): (Name, Name, &str),
    ) -> Result<Result<(Vec<Found>, Rows), Altered>, Unread> {
        let look = || view.under(Family::Rows(category), &line.locator().person(person));
        let mut rows = look()?;
        loop {
            let unknown = Target { controller, category, person: person.to_owned(), record: String::new() };
            let living = Found::living(&rows, |bytes| Stored::of(line, view, unknown.clone(), bytes))?;
            if living.as_ref().is_ok_and(|living| living.len() == rows.len()) {
                return Ok(living.map(|living| (living, rows)));
            }
            let again = look()?;
            if again == rows {
                return Ok(living.map(|living| (living, rows)));
            }
            rows = again;
        }
    }

    /// SHA-256 of the row's bytes: what a record of its reading names.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The row's bytes, sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record's version.
    pub fn version(&self) -> u32 {
        self.row.head.version
    }

    /// Whether it has a field of this number. The row says so in clear; that nobody has changed it since is known
    /// once its identity opens.
    pub fn holds(&self, number: u16) -> bool {
        self.row.head.fields.iter().any(|field| field.number == number)
    }

    /// Ids of the person's own key and the category key that wraps it.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        let living = std::iter::once(&self.own).chain(self.others.iter().flatten());
        living.flat_map(|key| [key.id, key.wrapped_by])
    }

    /// The person's own key.
    pub fn own_key(&self) -> KeyId {
        self.own.id
    }

    /// The living keys of the row that lie under other keys than this one.
    pub fn not_under(&self, wrapping: KeyId) -> impl Iterator<Item = KeyId> + '_ {
        let living = std::iter::once(&self.own).chain(self.others.iter().flatten());
        living.filter(move |key| key.wrapped_by != wrapping).map(|key| key.id)
    }

    /// Keys in this record of people who are not its own.
    pub fn other_keys(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.others.iter().flatten().map(|key| key.id)
    }

    /// Where the record is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn line<'k>(&self, keyring: &'k Keyring) -> Result<&'k Line, Altered> {
        keyring.line(&self.target.controller, &self.target.category).ok_or(Altered)
    }

    /// Opens the identity first and holds it against the place where the row was found.
    pub(super) fn identify(&self, key: &SubjectKey) -> Result<Identity, Altered> {
        let target = &self.target;
        let identity = row::open_identity(key, target.controller.as_str(), target.category.as_str(), &self.row)?;
        let same = identity.person == target.person && identity.record == target.record;
        if same { Ok(identity) } else { Err(Altered) }
    }

    pub(super) fn field_context(&self, at: usize) -> Result<(coffer_keys::Context, u8), Altered> {
        let head = &self.row.head;
        let field = head.fields.get(at).ok_or(Altered)?;
        let key = head.keys.get(usize::from(field.key)).ok_or(Altered)?;
        let t = &self.target;
        let context = row::value_context(
            t.controller.as_str(),
            t.category.as_str(),
            key,
            &t.person,
            &t.record,
            field.number,
            field.version,
            head.suite,
        );
        Ok((context, field.key))
    }
}

/// A row that a scan found: its record is not known until it is opened.
pub struct Found {
    key: Vec<u8>,
    pub(super) stored: Stored,
}

impl Found {
    /// The record's version, which the row says in clear.
    pub fn version(&self) -> u32 {
        self.stored.version()
    }

    /// Ids of the keys that the row lies under.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.stored.key_ids()
    }

    /// Those of the rows whose person's key lives.
    fn living(
        rows: &[(Vec<u8>, Vec<u8>)],
        of: impl Fn(Vec<u8>) -> Result<Result<Option<Stored>, Altered>, Unread>,
    ) -> Result<Result<Vec<Found>, Altered>, Unread> {
        let mut living = Vec::with_capacity(rows.len());
        for (key, bytes) in rows {
            match of(bytes.clone())? {
                Ok(Some(stored)) => living.push(Found { key: key.clone(), stored }),
                Ok(None) => {}
                Err(altered) => return Ok(Err(altered)),
            }
        }
        Ok(Ok(living))
    }

    /// Whose record it is by what its identity says, which must lead to where it was found.
    fn named_by_itself(mut self, line: &Line) -> Result<Stored, Altered> {
        let key = line.open_subject(&self.stored.own)?;
        let t = &self.stored.target;
        let identity = row::open_identity(&key, t.controller.as_str(), t.category.as_str(), &self.stored.row)?;
        if line.locator().row(&identity.person, &identity.record)[..] != *self.key {
            return Err(Altered);
        }
        self.stored.target.person.clone_from(&identity.person);
        self.stored.target.record.clone_from(&identity.record);
        Ok(self.stored)
    }

    /// Opens the identity for an erase, which has to name the records that it ends. The identity
    /// must lead to the very key under which the row lies.
    pub fn identify_for<A: Ends>(self, permit: &Permit<A>, keyring: &Keyring) -> Result<Stored, Altered> {
        let target = &self.stored.target;
        if permit.person() != target.person || permit.controller() != target.controller {
            return Err(Altered);
        }
        self.named(keyring)
    }

    pub(super) fn named(mut self, keyring: &Keyring) -> Result<Stored, Altered> {
        let line = self.stored.line(keyring)?;
        let key = line.open_subject(&self.stored.own)?;
        let t = &self.stored.target;
        let identity = row::open_identity(&key, t.controller.as_str(), t.category.as_str(), &self.stored.row)?;
        if identity.person != t.person || line.locator().row(&identity.person, &identity.record)[..] != *self.key {
            return Err(Altered);
        }
        self.stored.target.record.clone_from(&identity.record);
        Ok(self.stored)
    }
}

/// Acts that end records, and so have to name them.
pub trait Ends: crate::admit::Act {}
impl Ends for crate::admit::Erase {}
impl Ends for crate::admit::EraseSubject {}

/// The keys of a row, open: the own key, and those of others that live.
pub(super) struct OpenKeys {
    pub(super) own: SubjectKey,
    pub(super) others: Vec<Option<SubjectKey>>,
}

impl OpenKeys {
    pub(super) fn of(line: &Line, stored: &Stored) -> Result<OpenKeys, Altered> {
        let open = |key: &Option<OwnKey>| key.as_ref().map(|key| line.open_subject(key)).transpose();
        Ok(OpenKeys {
            own: line.open_subject(&stored.own)?,
            others: stored.others.iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// The key by the number that a field names it with; `None` where it is destroyed.
    pub(super) fn by_number(&self, number: u8) -> Option<&SubjectKey> {
        match usize::from(number).checked_sub(1) {
            None => Some(&self.own),
            Some(other) => self.others.get(other)?.as_ref(),
        }
    }
}
