//! `records/write`: new values of a record's fields, under an expected version or the current one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coffer_keys::{Altered, KeyId, SubjectKey};
use coffer_wire::api::{Outcome, Stamp, WriteItem};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::Code;
use coffer_wire::{ExternalId, Known, Name};

use super::answer::Answered;
use super::desk::Desk;
use super::fields::{self, Lacks};
use super::guard::{Item, Text, Texts};
use super::round::{self, Way};
use super::step::{Finished, Halt, Step, receipts, refused};
use super::{House, Incoming};
use crate::admit::{Ask, Permit, Refusal, Write};
use crate::clock;
use crate::keyring::{Audited, KeyringError, Line, SubjectIndex};
use crate::ledger::{Attribution, Detail, Entry, Submission};
use crate::schema::{Category, Subject};
use crate::seal::{Draft, Here, NotSealed, Sealed, Stored, Target};
use crate::store::{Batch, Family, Precondition, Unread, View};

/// Records of one person in one category, at most: an erase of one of them seals all others again
/// in one batch.
pub(super) const RECORDS_MAX: usize = 1_024;
/// Bytes of these records together, sealed, at most; for the same reason.
pub(super) const RECORDS_BYTES_MAX: usize = 4 << 20;
/// A row of at most this many bytes takes no more than its share: as many as there may be fit without counting.
const ROW_BYTES_SHARE: usize = RECORDS_BYTES_MAX / RECORDS_MAX;

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    round::items::<WriteItem>(house, incoming, Action::RecordsWrite, Way::InTurn(prepare), Some(rule)).await
}

fn permit(desk: &Desk, item: &WriteItem) -> Result<Permit<Write>, Refusal> {
    let fields = touched(item);
    let ask = Ask {
        category: Some(item.category),
        person: Some(&item.person),
        record: Some(&item.record),
        fields: &fields,
        ..desk.ask()
    };
    desk.house.gate.permit_write(&desk.caller, &ask)
}

/// The fields of which something is said: new values, and marks on those that stay.
fn touched(item: &WriteItem) -> Vec<Name> {
    item.fields.keys().copied().chain(item.known.marked()).collect()
}

/// What permits the write today, where it is done already.
fn rule(desk: &Desk, item: &WriteItem) -> Result<String, Refusal> {
    permit(desk, item).map(|permit| permit.rule().to_owned())
}

fn prepare(desk: &Arc<Desk>, item: &WriteItem, view: &View<'_>) -> Result<Step, Halt> {
    let permit = match permit(desk, item) {
        Ok(permit) => permit,
        Err(refusal) => return desk.refuse(refusal.code, item.category, item.private()),
    };
    let known = desk.force.schema.category(&item.category).zip(desk.line(&item.category));
    let Some((category, line)) = known else {
        return desk.refuse(Code::UnknownCategory, item.category, item.private());
    };
    if category.source_required && item.source.is_none() {
        return desk.refuse(Code::SourceRequired, item.category, item.private());
    }
    if let Err((code, field, why)) =
        check_values(category, item).and_then(|()| check_known(item, desk.house.clock.now_ms()))
    {
        return desk.refuse_field(code, field, why, item.category, item.private());
    }
    let work = Work { desk, item, view, line, category };
    match work.write(permit) {
        Ok(step) => Ok(step),
        Err(Stop::Halt(halt)) => Err(halt),
        Err(Stop::Refuse(code)) => desk.refuse(code, item.category, item.private()),
        Err(Stop::RefuseField(code, field)) => {
            desk.refuse_field(code, field, code.title().to_owned(), item.category, item.private())
        }
        Err(Stop::Stands(code, current)) => work.stands(code, current),
        Err(Stop::Altered) => desk.altered(view, item.category, item.private()),
    }
}

/// Why a write ends before it is submitted.
enum Stop {
    Halt(Halt),
    Refuse(Code),
    RefuseField(Code, Name),
    /// The record that stands there forbids this write; its version.
    Stands(Code, u32),
    Altered,
}

impl<E: Into<Halt>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Halt(error.into())
    }
}

struct Work<'a> {
    desk: &'a Arc<Desk>,
    item: &'a WriteItem,
    view: &'a View<'a>,
    line: &'a Line,
    category: &'a Category,
}

/// Rows, keys and preconditions that a write gathers.
#[derive(Default)]
struct Gathered {
    batch: Batch,
    needs: Vec<Precondition>,
    used: Vec<KeyId>,
    made: Vec<String>,
    /// Keys of others under which the record held something, and holds nothing more.
    ended: Vec<KeyId>,
    /// The person's own key was just made: there is no other record of the person here.
    first: bool,
}

impl Work<'_> {
    fn write(&self, permit: Permit<Write>) -> Result<Step, Stop> {
        let target = self.target();
        let row_key = target.row_key(self.line);
        let first_look = self.view.get(target.family(), &row_key)?;
        if self.hides_another_version(first_look.as_deref()) {
            return Err(Stop::Refuse(Code::NotFound));
        }
        // A row whose person was erased may stand where a new one is to be. What the write relies on is this one look.
        let (stored, found) = match Stored::take(self.line, self.view, &target, first_look)? {
            Ok(Here::Nothing) => (None, None),
            Ok(Here::Erased(bytes)) => (None, Some(bytes)),
            Ok(Here::Record(stored)) => {
                let bytes = stored.bytes().to_vec();
                (Some(stored), Some(bytes))
            }
            Err(_) => return Err(Stop::Altered),
        };
        let current = stored.as_ref().map_or(0, |stored| stored.version());
        // Before the version is looked at: no expectation makes such a write right.
        if self.category.append_only && stored.is_some() {
            return Err(Stop::Stands(Code::AppendOnly, current));
        }
        if self.item.expected_version.is_some_and(|expected| expected != current) {
            return Err(Stop::Stands(Code::VersionConflict, current));
        }
        match fields::lacks(self.category, stored.as_deref(), self.item) {
            None => {}
            Some(Lacks::Field(field)) => return Err(Stop::RefuseField(Code::FieldRequired, field)),
            Some(Lacks::Consent) => return Err(Stop::Stands(Code::NoConsent, current)),
        }
        if !self.holds_what_is_marked(stored.as_deref()) {
            return Err(Stop::Refuse(Code::NotFound));
        }
        let about = self.desk.attribution(self.view, self.item.person.as_str())?;
        let mut gathered = Gathered::default();
        gathered.needs.push(Precondition::unchanged(target.family(), row_key.to_vec(), found.as_deref()));
        let sealed = match self.seal(stored.as_deref(), &permit, &mut gathered)? {
            Ok(sealed) => sealed,
            Err(NotSealed::Altered) => return Err(Stop::Altered),
            Err(NotSealed::Unsealable) => return Err(Stop::Halt(Halt::NotMade)),
        };
        if let Some(stored) = &stored {
            self.end_others(stored, &sealed, &mut gathered)?;
            gathered.ended = match self.line.with_former(self.view, std::mem::take(&mut gathered.ended))? {
                Ok(ended) => ended,
                Err(Altered) => return Err(Stop::Altered),
            };
        }
        if !self.has_room(found.as_ref().map(Vec::len), &sealed, gathered.first)? {
            return Err(Stop::Refuse(Code::TooManyRecords));
        }
        gathered.batch.put(target.family(), row_key, sealed.bytes.clone());
        let about = self.audited(about, &mut gathered)?;
        Ok(self.step(about, &permit, sealed, gathered)?)
    }

    /// Nothing is marked that will not be there. Of a record that is not there the same is said.
    fn holds_what_is_marked(&self, stored: Option<&Stored>) -> bool {
        let is_held = |name: Name| match self.item.fields.get(&name) {
            Some(value) => value.is_some(),
            None => self.category.field(&name).zip(stored).is_some_and(|(field, stored)| stored.holds(field.number)),
        };
        self.item.known.marked().all(is_held)
    }

    /// Whether the expected version is not that of the row, and the caller may not know of it: then the row alone is looked
    /// at, as where there is none.
    fn hides_another_version(&self, row: Option<&[u8]>) -> bool {
        let expected = self.item.expected_version.filter(|version| *version > 0);
        let Some((expected, row)) = expected.zip(row) else { return false };
        Stored::version_of(row).is_some_and(|version| version != expected) && !self.may_list()
    }

    /// Seals the row: under the person's key, which is made if this is the first record here.
    fn seal(
        &self,
        stored: Option<&Stored>,
        permit: &Permit<Write>,
        gathered: &mut Gathered,
    ) -> Result<Result<Sealed, NotSealed>, Halt> {
        let (mut draft, own, own_key) = match stored {
            Some(stored) => {
                gathered.used.extend(stored.key_ids());
                match Draft::next(stored, &self.desk.keyring) {
                    Ok((draft, key)) => (draft, stored.own_key(), key),
                    Err(not) => return Ok(Err(not)),
                }
            }
            None => {
                let index = SubjectIndex::own(self.line, self.item.person.as_str());
                let (id, key, is_new) = match self.key_at(&index, gathered)? {
                    Ok(found) => found,
                    Err(Altered) => return Ok(Err(NotSealed::Altered)),
                };
                gathered.first = is_new;
                (Draft::new(self.target(), id), id, key)
            }
        };
        let others = match self.keys_of_others(gathered)? {
            Ok(others) => others,
            Err(Altered) => return Ok(Err(NotSealed::Altered)),
        };
        for (name, value) in &self.item.fields {
            let Some(field) = self.category.field(name) else { return Ok(Err(NotSealed::Unsealable)) };
            let Some(value) = value else {
                draft.unset(field);
                continue;
            };
            let other = self.item.about.get(name).and_then(|other| others.get(other));
            let (id, key) = other.map_or((own, &own_key), |(id, key)| (*id, key));
            if let Err(not) = draft.set(field, value, id, key) {
                return Ok(Err(not));
            }
        }
        self.mark(&mut draft);
        draft.stamp(self.stamp());
        Ok(draft.seal(permit, &own_key))
    }

    /// What is known of the values that are written now.
    fn stamp(&self) -> Stamp {
        let known = self.item.known.clone();
        Stamp {
            source: self.item.source,
            notice: self.notice(),
            reference: known.reference,
            verified_at: known.verified_at,
            confidence: known.confidence,
            in_confidence: known.in_confidence,
            disputed: false,
        }
    }

    /// What is said of values that stay as they are, or of new ones by name.
    fn mark(&self, draft: &mut Draft) {
        let known = &self.item.known;
        let field = |name: &Name| self.category.field(name);
        if let Some(on) = &known.verified_at {
            known.verified.iter().filter_map(field).for_each(|field| draft.verified(field, on.clone()));
        }
        for (name, disputed) in &known.disputed {
            field(name).into_iter().for_each(|field| draft.disputed(field, *disputed));
        }
    }

    /// What is about somebody else lies under a key that this person has for this record alone: one key, however many of
    /// the fields it is, since an erase follows the index to one.
    #[allow(clippy::type_complexity)] // the inner result is what is stored, the outer one the look at it
    fn keys_of_others(
        &self,
        gathered: &mut Gathered,
    ) -> Result<Result<BTreeMap<&ExternalId, (KeyId, SubjectKey)>, Altered>, Halt> {
        let (person, record) = (self.item.person.as_str(), self.item.record.as_str());
        let mut keys = BTreeMap::new();
        for other in self.item.about.values().collect::<BTreeSet<_>>() {
            let index = SubjectIndex::within(self.line, other.as_str(), person, record);
            match self.key_at(&index, gathered)? {
                Ok((id, key, _)) => keys.insert(other, (id, key)),
                Err(altered) => return Ok(Err(altered)),
            };
        }
        Ok(Ok(keys))
    }

    /// The living key at an index, or a new one, and whether it is new. Two first writes of one
    /// person race for the index row; the loser starts again and finds the winner's key.
    fn key_at(
        &self,
        index: &SubjectIndex,
        gathered: &mut Gathered,
    ) -> Result<Result<(KeyId, SubjectKey, bool), Altered>, Halt> {
        let (taken, living) = match self.line.living_at(self.view, index)? {
            Ok(found) => found,
            Err(altered) => return Ok(Err(altered)),
        };
        if let Some(own) = living {
            gathered.used.extend([own.id, own.wrapped_by]);
            if self.view.is_pending() {
                // The write of this request that makes it may be told to start again, and this one with it.
                gathered.needs.push(self.line.lives(&own.id));
            }
            return Ok(self.line.open_subject(&own).map(|key| (own.id, key, false)));
        }
        let made = self.line.make_subject(index, taken, &mut gathered.batch, &mut gathered.needs);
        let (id, key) = made.map_err(halt_of)?;
        gathered.used.push(self.line.active().id);
        gathered.made.push(id.to_string());
        Ok(Ok((id, key, true)))
    }

    /// Whoever was in the record and is no more has no key in it: what overwritten bytes hold of them ends with it.
    fn end_others(&self, stored: &Stored, sealed: &Sealed, gathered: &mut Gathered) -> Result<(), Unread> {
        for id in stored.other_keys().filter(|id| !sealed.others.contains(id)) {
            if let Some(index) = self.line.index_key_of(self.view, &id)? {
                gathered.batch.delete(Family::Keys, index);
            }
            gathered.ended.push(id);
        }
        Ok(())
    }

    /// Whether an erase can still seal all of the person's records again in one batch. They are counted where
    /// this one is new among others, or takes more than its share. `stood`: bytes of the row that it takes the place of.
    fn has_room(&self, stood: Option<usize>, sealed: &Sealed, first: bool) -> Result<bool, Unread> {
        let is_new = stood.is_none() && !first;
        if !is_new && sealed.bytes.len() <= ROW_BYTES_SHARE {
            return Ok(true);
        }
        let prefix = self.line.locator().person(self.item.person.as_str());
        let mut weight = self.view.weigh(Family::Rows(self.item.category), &prefix)?;
        weight.change(stood, Some(sealed.bytes.len()));
        Ok(weight.rows <= RECORDS_MAX && weight.bytes <= RECORDS_BYTES_MAX)
    }

    /// A person's first write at a controller makes the person's audit key.
    fn audited(&self, about: Attribution, gathered: &mut Gathered) -> Result<Attribution, Stop> {
        let audit = self.desk.keyring.audit(&self.desk.common.controller);
        let whom = Audited::Person(self.item.person.as_str());
        if let (true, true, Some(audit)) = (self.view.is_pending(), about.is_known(), audit) {
            gathered.needs.push(audit.is_audited(whom));
        }
        let (false, Some(audit)) = (about.is_known(), audit) else { return Ok(about) };
        // One that does not open is not made anew. One that was made since this write looked has it start again.
        if audit.audit_key(self.view, whom)?.is_err() {
            return Err(Stop::Altered);
        }
        let made = audit.make_audit(whom, &mut gathered.batch, &mut gathered.needs);
        let (id, key) = made.map_err(|error| Stop::Halt(halt_of(error)))?;
        gathered.made.push(id.to_string());
        Ok(Attribution::Person(key))
    }

    fn step(
        &self,
        about: Attribution,
        permit: &Permit<Write>,
        sealed: Sealed,
        gathered: Gathered,
    ) -> Result<Step, Halt> {
        let detail = Detail {
            category: Some(self.item.category),
            version: Some(sealed.version),
            written: Some(sealed.written),
            ..Detail::default()
        };
        let private = Private {
            version: Some(sealed.version),
            notice: self.notice(),
            made: gathered.made,
            destroyed: gathered.ended.iter().map(KeyId::to_string).collect(),
            ..self.item.private()
        };
        let entry = Entry::granted(permit, &self.desk.common, about.about(), detail, private)?;
        let submission = Submission::new(entry, permit.epoch(), self.desk.born)
            .with_rows(gathered.batch, gathered.needs)
            .using(gathered.used)
            .destroying(gathered.ended);
        Ok(Step::new(submission, move |recorded, notes| {
            Finished::Outcome(Outcome {
                status: 200,
                version: Some(sealed.version),
                receipts: receipts(recorded, notes),
                ..Outcome::default()
            })
        }))
    }

    /// The record has another version, or may have no further one. Only who may list here learns
    /// of it, and which it has.
    fn stands(&self, code: Code, current: u32) -> Result<Step, Halt> {
        if !self.may_list() {
            return self.desk.absent(self.item.category, self.item.private());
        }
        let mut step = self.desk.refuse(code, self.item.category, self.item.private())?;
        step.finish = Box::new(move |recorded, notes| {
            Finished::Outcome(Outcome { version: Some(current), receipts: receipts(recorded, notes), ..refused(code) })
        });
        Ok(step)
    }

    fn may_list(&self) -> bool {
        let ask = Ask { category: Some(self.item.category), person: Some(&self.item.person), ..self.desk.ask() };
        self.desk.house.gate.permit_list(&self.desk.caller, &ask).is_ok()
    }

    /// What people are told in this controller's name while this is written.
    fn notice(&self) -> Option<String> {
        self.desk.house.config.notice(&self.desk.common.controller).map(str::to_owned)
    }

    fn target(&self) -> Target {
        Target {
            controller: self.desk.common.controller,
            category: self.item.category,
            person: self.item.person.as_str().to_owned(),
            record: self.item.record.as_str().to_owned(),
        }
    }
}

fn halt_of(error: KeyringError) -> Halt {
    match error {
        KeyringError::Store(error) => Halt::Store(error),
        _ => Halt::NotMade,
    }
}

/// Values against their fields. What is said of a wrong one does not repeat it.
fn check_values(category: &Category, item: &WriteItem) -> Result<(), (Code, Name, String)> {
    for (name, value) in &item.fields {
        let Some(field) = category.field(name) else {
            return Err((Code::UnknownField, *name, Code::UnknownField.title().to_owned()));
        };
        let about_other = field.subject == Subject::Other && value.is_some();
        if about_other != item.about.contains_key(name) {
            return Err((Code::SubjectMismatch, *name, Code::SubjectMismatch.title().to_owned()));
        }
        if value.is_some() && item.source.is_some_and(|source| !field.source.contains(&source)) {
            return Err((Code::SourceNotTaken, *name, Code::SourceNotTaken.title().to_owned()));
        }
        if let Some(value) = value {
            field.validate(value.expose()).map_err(|why| (Code::InvalidValue, *name, why.to_string()))?;
        }
    }
    match item.about.keys().find(|name| !item.fields.contains_key(name)) {
        Some(name) => Err((Code::SubjectMismatch, *name, Code::SubjectMismatch.title().to_owned())),
        None => Ok(()),
    }
}

/// Nobody has made sure of anything on a day that is still to come.
fn check_known(item: &WriteItem, now_ms: u64) -> Result<(), (Code, Name, String)> {
    let Some(first) = touched(item).first().copied() else { return Ok(()) };
    let wrong = |why: &str| Err((Code::InvalidValue, first, why.to_owned()));
    match &item.known.verified_at {
        None if !item.known.verified.is_empty() => wrong("`verified` needs the day, `verified_at`"),
        Some(on) if clock::day_in_london(now_ms).is_some_and(|today| *on.as_str() > *today) => {
            wrong("`verified_at` is still to come")
        }
        _ => Ok(()),
    }
}

impl Texts for WriteItem {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let WriteItem { category, person, record, expected_version: _, source: _, known, fields, about } = self;
        let Known { reference, verified_at: _, confidence: _, in_confidence: _, verified, disputed } = known;
        let place = [Text::of("category", category), Text::of("person", person), Text::of("record", record)];
        let about = about.iter().flat_map(|(field, other)| [Text::of("about", field), Text::of("about", other)]);
        let names = fields.keys().map(|field| Text::of("fields", field));
        let values = fields.iter().filter_map(|(field, value)| Some(Text::value(*field, value.as_ref()?.expose())));
        let known = reference.iter().map(|reference| Text::of("known", reference));
        let marked = verified.iter().map(|field| Text::of("known", field));
        let marked = marked.chain(disputed.keys().map(|field| Text::of("known", field)));
        place.into_iter().chain(about).chain(known).chain(marked).chain(names).chain(values)
    }
}

impl Item for WriteItem {
    fn category(&self) -> Option<Name> {
        Some(self.category)
    }

    fn private(&self) -> Private {
        Private {
            person: Some(self.person.clone()),
            record: Some(self.record.clone()),
            fields: touched(self),
            source: self.source,
            known: self.known.clone(),
            others: self.about.values().cloned().collect(),
            ..Private::default()
        }
    }
}
