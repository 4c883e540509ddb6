//! How much each person has erased within an hour, and how much more a second person has allowed them. It is counted here
//! before an erasure is numbered, and stands in a row of the erasure's own batch, out of which a start counts again.
//!
//! Rows lie sealed under the unattributed key of the controller, since they name members of staff.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use coffer_keys::{Altered, AuditKey, Context, Label};
use coffer_wire::Name;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::Caller;
use super::asked::one_person;
use crate::clock::Period;
use crate::store::meta;

/// The time over which erasures are counted, in milliseconds.
pub const COUNTED_MS: u64 = 60 * 60 * 1_000;

/// Rows are padded to at least this, so that most have one size.
const BYTES_MIN: usize = 256;
/// Bytes of a row's key behind the prefix and before the controller: until when it matters, and what makes it its own.
const NUMBERS: usize = 16;

/// From where something is erased, and what for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Whose data it is.
    pub controller: Name,
    /// From which categories.
    pub categories: Vec<Name>,
    /// What for.
    pub purpose: Name,
}

impl Scope {
    /// Whether all of it is in here.
    fn covers(&self, other: &Scope) -> bool {
        let within = other.categories.iter().all(|category| self.categories.contains(category));
        within && self.controller == other.controller && self.purpose == other.purpose
    }
}

/// What a row says, as JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Counted {
    /// So many erasures by a person.
    Erased {
        /// The subject of their token, as all its spellings are one.
        by: String,
        /// When, Unix time in milliseconds.
        at_ms: u64,
        /// How many.
        count: u32,
        /// Which allowance they were taken of; none: what the person may alone.
        of: Option<u64>,
    },
    /// So many more are allowed.
    Allowed {
        /// To whom.
        to: String,
        /// Where.
        scope: Scope,
        /// How many.
        count: u32,
    },
}

/// A row: until when it matters, its number, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountedRow {
    /// The controller under whose key it lies.
    pub controller: Name,
    /// Until when it matters, Unix time in milliseconds.
    pub until_ms: u64,
    /// What makes it its own; of an allowance, its name.
    pub number: u64,
    /// What it says.
    pub counted: Counted,
}

impl CountedRow {
    /// The row's place in the meta family.
    pub fn key(&self) -> Vec<u8> {
        let (until, number) = (self.until_ms.to_be_bytes(), self.number.to_be_bytes());
        [meta::ERASURES_PREFIX, &until, &number, self.controller.as_str().as_bytes()].concat()
    }

    /// Its bytes. None without randomness.
    pub fn seal(&self, key: &AuditKey, period: Period) -> Option<Vec<u8>> {
        let plain = serde_json::to_vec(&self.counted).ok()?;
        let sealed = key.seal(&context(&self.key()), &plain, BYTES_MIN).ok()?;
        Some([&period.code()[..], &sealed].concat())
    }

    /// Until when the row matters, its number and its controller, as its key says.
    pub fn place(key: &[u8]) -> Option<(u64, u64, Name)> {
        let (numbers, controller) = key.strip_prefix(meta::ERASURES_PREFIX)?.split_at_checked(NUMBERS)?;
        let (until, number) = numbers.split_at(NUMBERS / 2);
        let number_of = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
        let controller = Name::new(std::str::from_utf8(controller).ok()?).ok()?;
        Some((number_of(until)?, number_of(number)?, controller))
    }

    /// The half-year of whose key it is sealed.
    pub fn period(stored: &[u8]) -> Option<Period> {
        Period::of_code(stored.first_chunk()?)
    }

    /// Opens a stored one, under the controller's unattributed key of [`CountedRow::period`].
    pub fn open(place: &[u8], key: &AuditKey, stored: &[u8]) -> Result<CountedRow, Altered> {
        let (until_ms, number, controller) = CountedRow::place(place).ok_or(Altered)?;
        let plain = key.open(&context(place), stored.get(3..).ok_or(Altered)?)?;
        let counted = serde_json::from_slice(plain.as_bytes()).map_err(|_| Altered)?;
        Ok(CountedRow { controller, until_ms, number, counted })
    }
}

fn context(key: &[u8]) -> Context {
    Context::new(Label::Private).text("erasures").part(key)
}

/// What is counted, of everybody. What is under way counts until it is known to have come to nothing.
#[derive(Default)]
pub struct Tally(Mutex<HashMap<String, Sheet>>);

/// Of one person.
#[derive(Default)]
struct Sheet {
    /// When each erasure was that the person did alone, the oldest first, so that an end costs no look at all of them.
    alone: VecDeque<u64>,
    allowed: BTreeMap<u64, Allowance>,
}

struct Allowance {
    scope: Scope,
    until_ms: u64,
    left: u32,
}

impl Sheet {
    fn end(&mut self, now_ms: u64) {
        while self.alone.front().is_some_and(|at| at + COUNTED_MS <= now_ms) {
            self.alone.pop_front();
        }
        self.allowed.retain(|_, allowance| now_ms < allowance.until_ms);
    }

    /// Of what one more erasure is taken, if it is one that may be.
    fn take(&mut self, scope: &Scope, limit: u32, now_ms: u64) -> Option<Option<(u64, u64)>> {
        if self.alone.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            self.alone.push_back(now_ms);
            return Some(None);
        }
        let fits = |allowance: &Allowance| allowance.left > 0 && allowance.scope.covers(scope);
        let (id, allowance) = self.allowed.iter_mut().find(|(_, allowance)| fits(allowance))?;
        allowance.left -= 1;
        Some(Some((*id, allowance.until_ms)))
    }
}

impl Tally {
    /// Counts what was kept. Allowances are to be counted before what was taken of them, in whichever order rows come.
    pub fn of(rows: Vec<CountedRow>, now_ms: u64) -> Tally {
        let tally = Tally::default();
        let (allowed, mut erased): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| matches!(row.counted, Counted::Allowed { .. }));
        erased.sort_by_key(|row| row.until_ms);
        allowed.iter().chain(&erased).filter(|row| now_ms < row.until_ms).for_each(|row| tally.count(row));
        tally
    }

    /// Counts a row.
    pub fn count(&self, row: &CountedRow) {
        let mut people = self.lock();
        match &row.counted {
            Counted::Allowed { to, scope, count } => {
                let allowance = Allowance { scope: scope.clone(), until_ms: row.until_ms, left: *count };
                people.entry(to.clone()).or_default().allowed.insert(row.number, allowance);
            }
            Counted::Erased { by, at_ms, count, of: None } => {
                let sheet = people.entry(by.clone()).or_default();
                sheet.alone.extend(std::iter::repeat_n(*at_ms, *count as usize));
            }
            Counted::Erased { by, count, of: Some(id), .. } => {
                if let Some(allowance) = people.entry(by.clone()).or_default().allowed.get_mut(id) {
                    allowance.left = allowance.left.saturating_sub(*count);
                }
            }
        }
    }

    /// One more erasure by the caller, if one more may be: first of what a person may alone, then of what a second has allowed.
    pub fn take(self: &Arc<Tally>, caller: &Caller, scope: &Scope, limit: u32, now_ms: u64) -> Option<Slot> {
        let by = one_person(&caller.staff()?.sub);
        let mut people = self.lock();
        let sheet = people.entry(by.clone()).or_default();
        sheet.end(now_ms);
        let of = sheet.take(scope, limit, now_ms)?;
        Some(Slot { tally: Arc::clone(self), by, at_ms: now_ms, of, kept: false })
    }

    /// Forgets what no longer matters.
    pub fn forget(&self, now_ms: u64) {
        self.lock().retain(|_, sheet| {
            sheet.end(now_ms);
            !sheet.alone.is_empty() || !sheet.allowed.is_empty()
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Sheet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One erasure that is counted. It is given back unless it was kept: then nothing was erased.
#[must_use = "an erasure is counted for as long as its slot is there"]
pub struct Slot {
    tally: Arc<Tally>,
    by: String,
    at_ms: u64,
    /// The allowance, and its end.
    of: Option<(u64, u64)>,
    kept: bool,
}

impl Slot {
    /// It was erased, and counts.
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// The rows that say so of some, one for each allowance. None without randomness.
    pub fn rows<'a>(slots: impl IntoIterator<Item = &'a Slot>, controller: Name) -> Option<Vec<CountedRow>> {
        let mut counts: BTreeMap<Option<(u64, u64)>, (&Slot, u32)> = BTreeMap::new();
        for slot in slots {
            let (newest, count) = counts.entry(slot.of).or_insert((slot, 0));
            *newest = if slot.at_ms > newest.at_ms { slot } else { newest };
            *count += 1;
        }
        let row = |(of, (slot, count)): (Option<(u64, u64)>, (&Slot, u32))| {
            let until_ms = of.map_or(slot.at_ms + COUNTED_MS, |(_, until)| until);
            let counted = Counted::Erased { by: slot.by.clone(), at_ms: slot.at_ms, count, of: of.map(|(id, _)| id) };
            Some(CountedRow { controller, until_ms, number: random()?, counted })
        };
        counts.into_iter().map(row).collect()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut people = self.tally.lock();
        let Some(sheet) = people.get_mut(&self.by) else { return };
        match self.of {
            Some((id, _)) => {
                if let Some(allowance) = sheet.allowed.get_mut(&id) {
                    allowance.left += 1;
                }
            }
            None => {
                if let Some(at) = sheet.alone.iter().rposition(|at| *at == self.at_ms) {
                    sheet.alone.remove(at);
                }
            }
        }
    }
}

/// What is allowed to a caller from now on. None without randomness or a person.
pub fn allowed(caller: &Caller, scope: Scope, count: u32, until_ms: u64) -> Option<CountedRow> {
    let counted = Counted::Allowed { to: one_person(&caller.staff()?.sub), scope, count };
    let Counted::Allowed { scope, .. } = &counted else { return None };
    Some(CountedRow { controller: scope.controller, until_ms, number: random()?, counted })
}

fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn scope(categories: &[&str]) -> Scope {
        let categories = categories.iter().map(|category| name(category)).collect();
        Scope { controller: name("oakvale"), categories, purpose: name("erasure") }
    }

    fn erased(at_ms: u64, count: u32, of: Option<u64>) -> CountedRow {
        let counted = Counted::Erased { by: "a@example".to_owned(), at_ms, count, of };
        CountedRow { controller: name("oakvale"), until_ms: at_ms + COUNTED_MS, number: 1, counted }
    }

    fn more(number: u64, count: u32, until_ms: u64) -> CountedRow {
        let counted = Counted::Allowed { to: "a@example".to_owned(), scope: scope(&["bank", "care"]), count };
        CountedRow { controller: name("oakvale"), until_ms, number, counted }
    }

    /// Takes as the person of the rows does, and keeps it.
    fn take(tally: &Arc<Tally>, categories: &[&str], limit: u32, now_ms: u64) -> bool {
        let mut people = tally.lock();
        let sheet = people.entry("a@example".to_owned()).or_default();
        sheet.end(now_ms);
        sheet.take(&scope(categories), limit, now_ms).is_some()
    }

    #[test]
    fn an_hour_slides_and_ends_at_its_millisecond() {
        let tally = Arc::new(Tally::of(vec![erased(1_000, 2, None)], 2_000));
        assert!(take(&tally, &["bank"], 3, 2_000));
        assert!(!take(&tally, &["bank"], 3, 1_000 + COUNTED_MS - 1));
        assert!(take(&tally, &["bank"], 3, 1_000 + COUNTED_MS));
        assert!(take(&tally, &["bank"], 3, 1_000 + COUNTED_MS));
        assert!(!take(&tally, &["bank"], 3, 2_000 + COUNTED_MS - 1));
    }

    #[test]
    fn an_allowance_is_for_its_categories_its_count_and_its_time_and_what_was_taken_of_it_stays_taken() {
        // The order of rows is that of their ends, not that of what happened.
        let rows = vec![erased(10, 1, Some(7)), erased(10, 1, None), more(7, 3, 5_000)];
        let tally = Arc::new(Tally::of(rows, 20));
        assert!(!take(&tally, &["bank", "debts"], 1, 20), "another category");
        assert!(take(&tally, &["bank"], 1, 20));
        assert!(take(&tally, &["care", "bank"], 1, 4_999));
        assert!(!take(&tally, &["bank"], 1, 4_999), "used up");
        tally.count(&more(8, 1, 5_000));
        assert!(!take(&tally, &["bank"], 1, 5_000), "over");
        assert!(Tally::of(vec![erased(10, 9, None)], 10 + COUNTED_MS).lock().is_empty());
    }

    #[test]
    fn another_controller_or_purpose_is_not_covered() {
        let own = scope(&["bank"]);
        assert!(own.covers(&own));
        assert!(!own.covers(&Scope { controller: name("brookside"), ..own.clone() }));
        assert!(!own.covers(&Scope { purpose: name("payments"), ..own.clone() }));
    }

    #[test]
    fn what_comes_to_nothing_is_given_back_and_what_is_kept_is_not() {
        let tally = Arc::new(Tally::of(vec![more(7, 1, 5_000)], 0));
        let slot = |of| Slot { tally: Arc::clone(&tally), by: "a@example".to_owned(), at_ms: 5, of, kept: false };
        for of in [None, Some((7, 5_000))] {
            assert!(take(&tally, &["bank"], 1, 5));
            assert!(of.is_none() || !take(&tally, &["bank"], 1, 5));
            drop(slot(of));
            assert!(take(&tally, &["bank"], 1, 5), "{of:?} was not given back");
            slot(of).keep();
            assert!(of.is_none() || !take(&tally, &["bank"], 1, 5), "{of:?} was given back");
        }
        let rows = Slot::rows(&[slot(None), slot(None), slot(Some((7, 5_000)))], name("oakvale")).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.until_ms, row.counted.clone())).collect();
        let by = "a@example".to_owned();
        assert_eq!(
            told,
            [
                (5 + COUNTED_MS, Counted::Erased { by: by.clone(), at_ms: 5, count: 2, of: None }),
                (5_000, Counted::Erased { by, at_ms: 5, count: 1, of: Some(7) }),
            ]
        );
        assert_eq!(CountedRow::place(&rows[0].key()), Some((rows[0].until_ms, rows[0].number, name("oakvale"))));
        assert_eq!(CountedRow::place(b"erasures:"), None);
    }
}
