//! Lines taken together, as many as one request holds. A record stands in a batch once, so that the items of one are
//! independent and lines take effect in the order of the file.

use std::collections::HashSet;
use std::io::{BufRead, Seek};

use coffer_wire::api::ITEMS_MAX;
use coffer_wire::{ExternalId, Name};

use super::journal::{Item, Open};
use super::lines::{Lines, LinesError, Place};
use super::map::RECORDS_MAX;
use super::plan::{Plan, Planned};
use super::refused::{Refused, Why};

/// Bytes of values in one batch, at most, but for its last line: twice as much, quoted, still fits into a request.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Lines in one batch, at most: also of lines that are all refused.
const BATCH_LINES_MAX: u64 = ITEMS_MAX as u64;

/// Lines of a file from one place up to another.
pub struct Batch {
    pub from: Place,
    pub to: Place,
    pub lines: u64,
    pub records: Vec<Record>,
    pub refused: Vec<Refused>,
}

/// A record of a line.
pub struct Record {
    pub line: u64,
    pub last: u64,
    pub planned: Planned,
}

impl Record {
    /// Under which the journal knows it.
    pub fn item(&self) -> Item {
        (self.line, self.planned.block)
    }

    /// Why it is not in the vault.
    pub fn refused(&self, why: Why) -> Refused {
        Refused { line: self.line, last: self.last, block: Some(self.planned.block), why }
    }
}

/// Takes a file's lines batch by batch.
pub struct Batches<R> {
    lines: Lines<R>,
    plan: Plan,
}

/// Whose record: category, person and record, at a controller.
type Whose = (Option<Name>, Name, ExternalId, ExternalId);

impl<R: BufRead + Seek> Batches<R> {
    /// From where the lines stand.
    pub fn new(lines: Lines<R>, plan: Plan) -> Batches<R> {
        Batches { lines, plan }
    }

    /// How many columns the map does not speak of.
    pub fn unused(&self) -> usize {
        self.plan.unused()
    }

    /// Goes on at a place.
    pub fn resume(&mut self, place: Place) -> std::io::Result<()> {
        self.lines.resume(place)
    }

    /// The next lines; those of a batch that was begun before, and no others. None at the end of the file.
    pub fn next(&mut self, open: Option<&Open>) -> Result<Option<Batch>, LinesError> {
        let from = self.lines.place();
        let mut batch = Batch { from, to: from, lines: 0, records: Vec::new(), refused: Vec::new() };
        let (mut whose, mut bytes) = (HashSet::<Whose>::new(), 0);
        loop {
            let place = self.lines.place();
            let full = match open {
                Some(open) => place >= open.to,
                None => {
                    batch.records.len() + RECORDS_MAX > ITEMS_MAX
                        || batch.lines >= BATCH_LINES_MAX
                        || bytes >= BATCH_BYTES_MAX
                }
            };
            if full {
                break;
            }
            let Some(line) = self.lines.next()? else { break };
            let (first, last) = (line.place.line, line.last);
            match self.plan.items(&line) {
                Ok(planned) => {
                    if open.is_none() && planned.iter().any(|planned| whose.contains(&self::whose(planned))) {
                        self.lines.resume(place)?;
                        break;
                    }
                    whose.extend(planned.iter().map(self::whose));
                    bytes += planned.iter().map(size).sum::<usize>();
                    batch.records.extend(planned.into_iter().map(|planned| Record { line: first, last, planned }));
                }
                Err(why) => batch.refused.push(Refused { line: first, last, block: None, why }),
            }
            batch.lines += 1;
        }
        batch.to = self.lines.place();
        Ok((batch.lines > 0).then_some(batch))
    }
}

fn whose(planned: &Planned) -> Whose {
    let Planned { around, item, .. } = planned;
    (around.controller, item.category, item.person.clone(), item.record.clone())
}

fn size(planned: &Planned) -> usize {
    planned.item.fields.values().flatten().map(|value| value.expose().len()).sum()
}
