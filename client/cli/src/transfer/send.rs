//! One batch into the vault: sent, sent again where that is safe, and what came of each record.
//!
//! Every write names the version that it relies on (0: there is no such record yet), so that a batch whose answer was
//! lost can be sent again: what the vault has of it stands in the way of being written twice, and so does whatever
//! somebody else has written since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coffer_client::{Error, Refusal, Written};
use coffer_wire::api::{ITEMS_MAX, ListItem, WriteItem};
use coffer_wire::problem::Code;
use coffer_wire::{ExternalId, Name, Value};

use super::batch::Record;
use super::journal::Item;
use super::refused::{Refused, Why};
use crate::args::Envelope;
use crate::connect::{Long, envelope};
use crate::failure::Failure;
use crate::stop::Stop;

/// How often a batch is sent whose answers are lost, at most.
const TRIES_MAX: u32 = 4;
/// The pause before it is sent again; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);

/// What came of a batch.
#[derive(Default)]
pub struct Sent {
    pub written: Vec<Item>,
    pub refused: Vec<Refused>,
    /// The first and last leaf of the log that came back.
    pub leaves: Option<(u64, u64)>,
    /// Why not all of it has an outcome.
    pub cut: Option<Failure>,
    /// Something may have been done of which nothing is known.
    pub in_doubt: bool,
}

/// The versions of records that stand, by listing their persons. What is not there has version 0.
pub async fn versions(long: &mut Long<'_>, stop: &Stop, records: &[&Record]) -> Result<BTreeMap<Item, u32>, Failure> {
    let mut versions = BTreeMap::new();
    for (around, records) in groups(records) {
        let persons: BTreeSet<(Name, ExternalId)> =
            records.iter().map(|record| (record.planned.item.category, record.planned.item.person.clone())).collect();
        let persons: Vec<_> = persons.into_iter().collect();
        let mut standing = BTreeMap::new();
        for some in persons.chunks(ITEMS_MAX) {
            let items = || {
                some.iter().map(|(category, person)| ListItem {
                    category: *category,
                    person: person.clone(),
                    not_verified_since: None,
                })
            };
            let each = long
                .call(stop, async |session| envelope(session, around.clone())?.list_each(items().collect()).await)
                .await?;
            for ((category, person), listed) in some.iter().zip(each) {
                match listed {
                    Ok(listing) => {
                        standing.extend(
                            listing
                                .records
                                .into_iter()
                                .map(|one| ((*category, person.clone(), one.record), one.version)),
                        );
                    }
                    Err(refusal) if refusal.code == Code::NotFound => {}
                    Err(refusal) => return Err(Error::Refused(refusal).into()),
                }
            }
        }
        for record in records {
            let item = &record.planned.item;
            let key = (item.category, item.person.clone(), item.record.clone());
            versions.insert(record.item(), standing.get(&key).copied().unwrap_or(0));
        }
    }
    Ok(versions)
}

/// Sends records, each under the version that it is expected to have. `in_doubt`: they may have been sent before.
pub async fn send(
    long: &mut Long<'_>,
    stop: &Stop,
    records: &[&Record],
    expected: &BTreeMap<Item, u32>,
    in_doubt: bool,
) -> Sent {
    let mut sent = Sent::default();
    for (around, group) in groups(records) {
        let mut post = Post { around, expected, in_doubt, waiting: group, sent: &mut sent };
        if let Err(failure) = post.run(long, stop).await {
            sent.cut = Some(failure);
            break;
        }
    }
    sent
}

/// Records of one controller, purpose and case, until each has an outcome.
struct Post<'a> {
    around: &'a Envelope,
    expected: &'a BTreeMap<Item, u32>,
    in_doubt: bool,
    waiting: Vec<&'a Record>,
    sent: &'a mut Sent,
}

impl Post<'_> {
    async fn run(&mut self, long: &mut Long<'_>, stop: &Stop) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            let answer = {
                let (around, waiting, expected) = (self.around, &self.waiting, self.expected);
                let items = || waiting.iter().map(|record| expecting(record, expected));
                long.call(stop, async |session| envelope(session, around.clone())?.write_each(items().collect()).await)
                    .await
            };
            let failure = match answer {
                Ok(each) => match self.take(each)? {
                    None => return Ok(()),
                    Some(refusal) => Error::Refused(refusal),
                },
                Err(error) => {
                    // All other errors say that nothing was done.
                    let nothing = matches!(error, Error::Invalid(_) | Error::Unreachable(_) | Error::Refused(_));
                    self.in_doubt |= !nothing;
                    if !matches!(error, Error::OutcomeUnknown(_)) {
                        self.sent.in_doubt |= self.in_doubt;
                        return Err(error.into());
                    }
                    error
                }
            };
            if tries == TRIES_MAX || stop.asked().await {
                self.sent.in_doubt |= self.in_doubt;
                return Err(failure.into());
            }
            stop.pause(PAUSE * 2_u32.pow(tries - 1)).await;
            tries += 1;
        }
    }

    /// Takes the outcomes. What is to be sent again stays waiting; one refusal of it comes back.
    fn take(&mut self, each: Vec<Result<Written, Refusal>>) -> Result<Option<Refusal>, Failure> {
        let (mut again, mut refusal_of_again, mut fatal) = (Vec::new(), None, None);
        for (record, outcome) in std::mem::take(&mut self.waiting).into_iter().zip(each) {
            let refusal = match outcome {
                Ok(written) => {
                    self.see(written.logged.index);
                    self.sent.written.push(record.item());
                    continue;
                }
                Err(refusal) => refusal,
            };
            refusal.logged().first().inspect(|logged| self.see(logged.index));
            if matches!(refusal.code, Code::Busy | Code::HeadLate | Code::OutcomeUnknown) {
                self.in_doubt |= refusal.code == Code::OutcomeUnknown;
                refusal_of_again = Some(refusal);
                again.push(record);
            } else if is_about_all(refusal.code) {
                fatal = Some(refusal);
            } else {
                let why = self.why(record, &refusal);
                self.sent.refused.push(record.refused(why));
            }
        }
        self.waiting = again;
        match fatal {
            Some(refusal) => Err(Error::Refused(refusal).into()),
            None => Ok(refusal_of_again),
        }
    }

    fn see(&mut self, index: u64) {
        let (first, last) = self.sent.leaves.unwrap_or((index, index));
        self.sent.leaves = Some((first.min(index), last.max(index)));
    }

    /// Where another record stands than was expected: this very batch's, if its answer was lost and the version is
    /// the one it would have made; in a new record's place, one that was there.
    fn why(&self, record: &Record, refusal: &Refusal) -> Why {
        let category = Some(record.planned.item.category);
        let expected = self.expected.get(&record.item()).copied().unwrap_or(0);
        let stands = matches!(refusal.code, Code::VersionConflict | Code::AppendOnly);
        let own = self.in_doubt && refusal.version == Some(expected + 1);
        let why = match (stands, own, expected) {
            (true, true, _) => Why::of("in_doubt"),
            (true, false, 0) => Why::of("exists"),
            _ => Why::code(refusal.code),
        };
        why.with(category, refusal.field)
    }
}

/// Whether a refusal speaks of rights, map or vault, and would be the same for every line. Consent is a record's own.
fn is_about_all(code: Code) -> bool {
    let known = matches!(code, Code::UnknownCategory | Code::UnknownField);
    (known || matches!(code.status(), 401 | 403 | 503)) && code != Code::NoConsent
}

/// Records that go into one request.
fn groups<'a>(records: &[&'a Record]) -> BTreeMap<&'a Envelope, Vec<&'a Record>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records.iter().copied() {
        groups.entry(&record.planned.around).or_default().push(record);
    }
    groups
}

/// The item of a request; this copy is wiped once it was sent.
fn expecting(record: &Record, expected: &BTreeMap<Item, u32>) -> WriteItem {
    let item = &record.planned.item;
    let value = |value: &Option<Value>| value.as_ref().map(|value| Value::new(value.expose().to_owned()));
    WriteItem {
        category: item.category,
        person: item.person.clone(),
        record: item.record.clone(),
        expected_version: Some(expected.get(&record.item()).copied().unwrap_or(0)),
        source: item.source,
        known: item.known.clone(),
        fields: item.fields.iter().map(|(field, text)| (*field, value(text))).collect(),
        about: item.about.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_ends_an_import_and_what_one_record_lacks_refuses_its_line() {
        for code in [Code::ForbiddenRole, Code::CredentialExpired, Code::Sealed, Code::UnknownField] {
            assert!(is_about_all(code), "{code}");
        }
        for code in [Code::NoConsent, Code::InvalidValue, Code::CardNumber, Code::TooManyRecords, Code::NotFound] {
            assert!(!is_about_all(code), "{code}");
        }
    }
}
