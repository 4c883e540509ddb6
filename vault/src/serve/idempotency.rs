//! `Idempotency-Key`: a write or an erase that is sent twice takes effect once, and is answered alike both times.
//!
//! What took effect is remembered in the very batch of its effect, so that a crash leaves both or neither: one row for the
//! request, with a tag over its body, and one for each item, with the place of its leaves. Out of these leaves the answer
//! is made again, for whoever may still do what was done. The rows hold keyed hashes, times and numbers, and no text of anybody's.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use coffer_keys::{AuditKey, Context, Label};
use coffer_wire::Hash;
use coffer_wire::api::{Outcome, Receipt};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::private::Private;
use coffer_wire::problem::Code;
use coffer_wire::tree::leaf_hash;

use super::House;
use super::blocking::blocking;
use super::desk::Desk;
use super::guard::{Item, Text, Texts};
use super::round::{Prepare, PrepareLot};
use super::step::{Finished, Halt, Lot, Step};
use crate::admit::Refusal;
use crate::keyring::Audited;
use crate::ledger::history::leaf_key;
use crate::ledger::{Detail, Entry, Remembered, StoredPrivate, Submission, Volume};
use crate::store::{Batch, Family, Precondition, View, meta};

/// The header.
pub(super) const HEADER: &str = "idempotency-key";
/// Characters of a key, at most.
pub(super) const KEY_CHARACTERS_MAX: usize = 64;
/// For how long an outcome is told again: 24 hours.
const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1_000;
/// Rows that are looked at and forgotten at a time.
const SWEPT_ROWS: usize = 1_024;
/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// A caller's own name for a request.
pub struct Key(String);

/// What is wrong with a header. It does not repeat it.
pub(super) const NO_KEY: &str =
    "`Idempotency-Key` takes once 1 to 64 visible ASCII characters without quotes and backslashes";

impl Key {
    /// The key that the headers name, if they do: bare, or in the quotes of a structured field (RFC 8941 §3.3.3).
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Key>, &'static str> {
        let mut named = headers.get_all(HEADER).iter();
        let Some(value) = named.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| named.next().is_none()).ok_or(NO_KEY)?;
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let is_key = (1..=KEY_CHARACTERS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if is_key { Ok(Some(Key(text.to_owned()))) } else { Err(NO_KEY) }
    }
}

impl Texts for Key {
    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let Key(text) = self;
        std::iter::once(Text::of("Idempotency-Key", text))
    }
}

/// What permits an item today.
pub(super) type Decide<T> = fn(&Desk, &T) -> Result<String, Refusal>;

/// A request that takes effect once.
pub(super) struct Once<T> {
    key: Key,
    /// Of the body, byte by byte.
    body: Hash,
    decide: Decide<T>,
    now_ms: u64,
}

/// What is known of the request when an item is prepared.
struct Known {
    request: Row,
    item: Row,
    /// What the request's row is to hold.
    tag: [u8; TAG_BYTES],
}

/// What the rows say of an item.
enum Look {
    /// It ends here: it was done, or the key is another request's.
    Ends(Box<Step>),
    /// It is its operation's. Nothing is known where the caller may not do it.
    Open(Option<Known>),
}

/// A row of the store, and what it held when it was read.
struct Row {
    key: Vec<u8>,
    found: Option<Vec<u8>>,
}

impl<T: Item> Once<T> {
    pub(super) fn new(key: Key, body: &[u8], decide: Decide<T>, now_ms: u64) -> Once<T> {
        Once { key, body: Hash::sha256(body), decide, now_ms }
    }

    /// Prepares an item, or tells its outcome again.
    pub(super) fn prepare(
        &self,
        desk: &Arc<Desk>,
        (at, item): (usize, &T),
        view: &View<'_>,
        prepare: Prepare<T>,
    ) -> Result<Step, Halt> {
        let known = match self.look(desk, (at, item), view)? {
            Look::Ends(step) => return Ok(*step),
            Look::Open(known) => known,
        };
        let mut step = prepare(desk, item, view)?;
        if step.submission.rows().is_empty() {
            return Ok(self.meanwhile(desk, (at, item), view)?.unwrap_or(step));
        }
        let leaves = step.submission.leaves();
        step.submission = self.remember(step.submission, [(known, leaves)]);
        Ok(step)
    }

    /// The same for items that are prepared together.
    pub(super) fn prepare_lot(
        &self,
        desk: &Arc<Desk>,
        items: &[(usize, &T)],
        view: &View<'_>,
        prepare: PrepareLot<T>,
    ) -> Result<Vec<Lot>, Halt> {
        let (mut lots, mut open, mut known) = (Vec::new(), Vec::with_capacity(items.len()), HashMap::new());
        for (at, item) in items {
            match self.look(desk, (*at, item), view)? {
                Look::Ends(step) => lots.push(step.alone(*at)),
                Look::Open(of) => {
                    open.push((*at, *item));
                    known.extend(of.map(|of| (*at, of)));
                }
            }
        }
        for mut lot in prepare(desk, &open, view)? {
            if lot.submission.rows().is_empty() {
                lots.push(self.refused(desk, lot, &open, view)?);
                continue;
            }
            let parts: Vec<_> = lot.parts.iter().map(|(at, leaves, _)| (known.remove(at), *leaves)).collect();
            lot.submission = self.remember(lot.submission, parts);
            lots.push(lot);
        }
        Ok(lots)
    }

    /// A lot that is refused, which is one item.
    fn refused(&self, desk: &Arc<Desk>, lot: Lot, open: &[(usize, &T)], view: &View<'_>) -> Result<Lot, Halt> {
        let named = lot.parts.first().and_then(|(at, ..)| open.iter().find(|(place, _)| place == at));
        let Some((at, item)) = named else { return Ok(lot) };
        Ok(self.meanwhile(desk, (*at, item), view)?.map_or(lot, |told| told.alone(*at)))
    }

    /// Whether an item is done. Decided before anything is looked at: who may not do what is asked is refused by the
    /// operation itself, and learns nothing of the key.
    fn look(&self, desk: &Arc<Desk>, (at, item): (usize, &T), view: &View<'_>) -> Result<Look, Halt> {
        let Ok(rule) = (self.decide)(desk, item) else { return Ok(Look::Open(None)) };
        // What items before this one are to write is no part of what was done: a twin may have done it under other keys.
        let view = &view.committed();
        let known = self.known(desk, at, view)?;
        let Some(of) = known.request.found.as_deref().and_then(|row| self.live(row)) else {
            return Ok(Look::Open(Some(known)));
        };
        if of != known.tag {
            let refusal = desk.refuse_item(Code::IdempotencyMismatch, item.category(), item.private());
            return refusal.map(|step| Look::Ends(Box::new(step)));
        }
        let done = known.item.found.as_deref().and_then(Remembered::decode);
        match done.filter(|done| self.now_ms < done.until_ms) {
            Some(done) => told_again(desk, item, &rule, done, view).map(|step| Look::Ends(Box::new(step))),
            None => Ok(Look::Open(Some(known))),
        }
    }

    /// A refusal has no effect, and is found anew each time. But what it was refused for may be what a twin has done since
    /// the look at the rows: then it is told again.
    fn meanwhile(&self, desk: &Arc<Desk>, named: (usize, &T), view: &View<'_>) -> Result<Option<Step>, Halt> {
        match self.look(desk, named, view)? {
            Look::Ends(step) => Ok(Some(*step)),
            Look::Open(_) => Ok(None),
        }
    }

    /// The batch of the effect holds, beside it, that it took place: for each item, which of the leaves are its. Of two
    /// requests that race, the second starts again and finds it.
    fn remember(&self, submission: Submission, parts: impl IntoIterator<Item = (Option<Known>, usize)>) -> Submission {
        let until_ms = self.now_ms + REMEMBERED_MS;
        let (mut submission, mut first, mut of_request) = (submission, 0, None);
        for (known, leaves) in parts {
            if let Some(Known { request, item, tag }) = known {
                let unchanged = vec![item.unchanged()];
                submission = submission.with_rows(Batch::new(), unchanged);
                submission = submission.remembering(item.key, until_ms, first..first + leaves);
                of_request.get_or_insert((request, tag));
            }
            first += leaves;
        }
        match of_request {
            Some((request, tag)) => self.remember_request(submission, request, &tag, until_ms),
            None => submission,
        }
    }

    fn remember_request(
        &self,
        submission: Submission,
        request: Row,
        tag: &[u8; TAG_BYTES],
        until_ms: u64,
    ) -> Submission {
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        match &request.found {
            Some(found) if self.live(found).is_some() => needs.push(request.unchanged()),
            Some(_) => {
                needs.push(request.unchanged());
                batch.put(Family::Meta, request.key, request_row(until_ms, tag));
            }
            None => {
                let row = request_row(until_ms, tag);
                let hash = Hash::sha256(&row);
                needs.push(Precondition::AbsentOr { family: Family::Meta, key: request.key.clone(), hash });
                batch.put(Family::Meta, request.key, row);
            }
        }
        submission.with_rows(batch, needs)
    }

    fn known(&self, desk: &Desk, at: usize, view: &View<'_>) -> Result<Known, Halt> {
        let audit = desk.keyring.audit(&desk.common.controller).ok_or(Halt::NotMade)?;
        let application = desk.caller.application();
        let name = Context::new(Label::Idempotency).text("key").text(application.as_str()).text(&self.key.0);
        let request = [meta::IDEMPOTENCY_PREFIX, &audit.locator().tag(&name)].concat();
        let number = u32::try_from(at).map_err(|_| Halt::NotMade)?;
        let item = [&request[..], &number.to_be_bytes()].concat();
        // The item first: where it is found, its request was remembered no later, and is found too. The other way round a twin
        // may come between the two looks, and what it has done would be done again over its row.
        let item = Row::read(item, view)?;
        Ok(Known { request: Row::read(request, view)?, item, tag: self.tag(desk).ok_or(Halt::NotMade)? })
    }

    /// What another request differs in: who asks, what for, and the bytes of the body.
    fn tag(&self, desk: &Desk) -> Option<[u8; TAG_BYTES]> {
        let (audit, staff) = (desk.keyring.audit(&desk.common.controller)?, desk.caller.staff()?);
        let context = Context::new(Label::Idempotency).text("request").text(desk.action.as_str());
        Some(audit.locator().tag(&context.text(&staff.iss).text(&staff.sub).part(self.body.as_bytes())))
    }

    /// The tag of a request's row, unless its time is over.
    fn live(&self, row: &[u8]) -> Option<[u8; TAG_BYTES]> {
        let (until_ms, tag) = row.split_first_chunk::<8>()?;
        let tag = tag.try_into().ok()?;
        (self.now_ms < u64::from_be_bytes(*until_ms)).then_some(tag)
    }
}

impl Row {
    fn read(key: Vec<u8>, view: &View<'_>) -> Result<Row, Halt> {
        let found = view.get(Family::Meta, &key)?;
        Ok(Row { key, found })
    }

    fn unchanged(&self) -> Precondition {
        Precondition::unchanged(Family::Meta, self.key.clone(), self.found.as_deref())
    }
}

fn request_row(until_ms: u64, tag: &[u8; TAG_BYTES]) -> Vec<u8> {
    [&until_ms.to_be_bytes()[..], tag].concat()
}

/// A leaf as its receipt shows it.
struct Told {
    index: u64,
    leaf: Leaf,
    bytes: String,
    salt: Hash,
    private: String,
}

/// The outcome of what is done already, once its being told again is recorded.
fn told_again<T: Item>(
    desk: &Arc<Desk>,
    item: &T,
    rule: &str,
    done: Remembered,
    view: &View<'_>,
) -> Result<Step, Halt> {
    let (Some(person), Some(told)) = (item.private().person, leaves(desk, item, done, view)?) else {
        return desk.altered(view, item.category().unwrap_or(desk.controller), item.private());
    };
    let about = desk.attribution(view, person.as_str())?;
    let held = told.iter().map(Told::bytes).sum();
    let first = told.first();
    let version = first.and_then(|told| told.leaf.version).filter(|_| desk.action == Action::RecordsWrite);
    let ended = told.iter().filter(|told| told.leaf.action == desk.action && told.leaf.version.is_some()).count();
    let erased = (desk.action != Action::RecordsWrite).then_some(ended as u32);
    let detail = Detail { category: first.and_then(|told| told.leaf.category), version, ..Detail::default() };
    let private = Private { note: Some(format!("told again: leaf {}", Volume::split(done.first).1)), ..item.private() };
    let entry = Entry::replayed(rule, &desk.common, about.about(), detail, private)?;
    let submission = Submission::new(entry, desk.common.policy, desk.born).telling_again();
    Ok(Step::new(submission, move |recorded, notes| {
        // The note that covers this very leaf covers those before it.
        let note = recorded.into_iter().map(|recorded| recorded.into_receipt(notes).note).next().unwrap_or_default();
        let receipts = told.into_iter().map(|told| told.receipt(note)).collect();
        Finished::Outcome(Outcome { status: 200, version, erased, receipts, ..Outcome::default() })
    })
    .holding(held)
    .told_again())
}

/// The leaves of what was done. `None`: they are not, or tell of something else than this item.
fn leaves<T: Item>(desk: &Desk, item: &T, done: Remembered, view: &View<'_>) -> Result<Option<Vec<Told>>, Halt> {
    let mut told = Vec::new();
    for position in done.first..done.first.saturating_add(u64::from(done.leaves)) {
        match leaf(desk, item, position, view)? {
            Some(leaf) => told.push(leaf),
            None => return Ok(None),
        }
    }
    Ok((!told.is_empty()).then_some(told))
}

fn leaf<T: Item>(desk: &Desk, item: &T, position: u64, view: &View<'_>) -> Result<Option<Told>, Halt> {
    let key = leaf_key(position);
    let (leaf, private) = (view.get(Family::Leaves, &key)?, view.get(Family::Private, &key)?);
    let (Some(bytes), Some(private)) = (leaf.and_then(|leaf| String::from_utf8(leaf).ok()), private) else {
        return Ok(None);
    };
    let (Ok(leaf), Some(stored)) = (Leaf::parse(bytes.as_bytes()), StoredPrivate::parse(&private)) else {
        return Ok(None);
    };
    let Some(key) = key_of(desk, item, &stored, view)? else { return Ok(None) };
    let Some((salt, private)) = stored.show(&key, &desk.common.controller, &leaf.commit) else { return Ok(None) };
    let told = Told { index: Volume::split(position).1, leaf, bytes, salt: Hash::from_bytes(salt), private };
    Ok(Some(told).filter(|told| told.is_of(desk, item)))
}

/// The key that a private part about the item's person lies under.
fn key_of<T: Item>(
    desk: &Desk,
    item: &T,
    stored: &StoredPrivate<'_>,
    view: &View<'_>,
) -> Result<Option<AuditKey>, Halt> {
    let (Some(audit), Some(person)) = (desk.keyring.audit(&desk.common.controller), item.private().person) else {
        return Ok(None);
    };
    let whom = match stored.is_of_a_person() {
        true => Audited::Person(person.as_str()),
        false => Audited::Unattributed(stored.period().as_str()),
    };
    Ok(audit.audit_key(view, whom)?.ok().flatten())
}

impl Told {
    /// Whether it tells of this person, this controller and this act: a row that was changed in the store leads nowhere else.
    fn is_of<T: Item>(&self, desk: &Desk, item: &T) -> bool {
        let own = item.private();
        let Ok(private) = serde_json::from_str::<Private>(&self.private) else { return false };
        let resealed = desk.action == Action::RecordsErase && self.leaf.action == Action::RecordsReseal;
        let record = resealed || own.record.is_none() || private.record == own.record;
        let act = resealed || self.leaf.action == desk.action;
        act && record && self.leaf.controller == desk.common.controller && private.person == own.person
    }

    /// How many it takes to hold it.
    fn bytes(&self) -> usize {
        self.bytes.len() + self.private.len()
    }

    fn receipt(self, note: u32) -> Receipt {
        Receipt {
            index: self.index,
            leaf_hash: leaf_hash(self.bytes.as_bytes()),
            note,
            leaf: Some(self.bytes),
            salt: Some(self.salt),
            private: Some(self.private),
        }
    }
}

impl House {
    /// Forgets requests whose time is over, and says of how many rows. What cannot be forgotten now is so the next time.
    pub async fn forget_requests(self: &Arc<Self>) -> usize {
        let (mut after, mut forgotten) = (None, 0);
        loop {
            let (house, from) = (Arc::clone(self), after.take());
            let page = blocking(move || {
                house.engine.scan(Family::Meta, meta::IDEMPOTENCY_PREFIX, from.as_deref(), SWEPT_ROWS)
            });
            let Ok(Ok(page)) = page.await else { return forgotten };
            let whole = page.len() < SWEPT_ROWS;
            after = page.last().map(|(key, _)| key.clone());
            forgotten += self.forget(&page).await;
            if whole || self.is_closing() {
                return forgotten;
            }
        }
    }

    /// Those of a page. None of them where one was used again meanwhile.
    async fn forget(&self, page: &[(Vec<u8>, Vec<u8>)]) -> usize {
        let now_ms = self.clock.now_ms();
        let is_over = |row: &[u8]| row.first_chunk().is_some_and(|until| u64::from_be_bytes(*until) <= now_ms);
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        for (key, row) in page.iter().filter(|(_, row)| is_over(row)) {
            batch.delete(Family::Meta, key.clone());
            needs.push(Precondition::unchanged(Family::Meta, key.clone(), Some(row)));
        }
        if batch.is_empty() {
            return 0;
        }
        let count = batch.len();
        match self.ledger.submit(vec![Submission::housekeeping(batch, needs)]).await.pop() {
            Some(Ok(_)) => count,
            _ => 0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(values: &[&[u8]]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        Key::of(&headers).map(|key| key.map(|Key(text)| text))
    }

    #[test]
    fn a_key_is_a_short_word_bare_or_in_quotes() {
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[b"a-1"]), Ok(Some("a-1".to_owned())));
        assert_eq!(key(&[b"\"a-1\""]), Ok(Some("a-1".to_owned())));
        assert_eq!(key(&["x".repeat(64).as_bytes()]).unwrap().unwrap().len(), 64);
        let long = "x".repeat(65);
        for broken in [&b""[..], b"\"\"", b"\"", b"a b", b"a\"b", b"a\\b", b"\xc3\xa9", long.as_bytes()] {
            assert_eq!(key(&[broken]), Err(NO_KEY), "{broken:?}");
        }
        assert_eq!(key(&[b"a", b"a"]), Err(NO_KEY));
    }
}
