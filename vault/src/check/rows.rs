//! The rows of the categories, held both ways against what the log comes to.

use std::cmp::Ordering;

use coffer_keys::row::Row;
use coffer_wire::Name;

use super::keys::Wraps;
use super::past::{Known, Past, RowKey};
use super::{Check, CheckError, Code, Finding, Place, Who};
use crate::keyring::record::SubjectRow;
use crate::seal::verify::{Fields, Verified, Verifier};
use crate::store::{Family, Unread, View};

/// What came of a row.
enum Found {
    /// It is the row that the log says, or nothing can be said against it.
    Sound,
    /// It is wrong, and yet what is left of the record of this place.
    Wrong(Finding),
    /// It is not the record of this place.
    Other(Finding),
}

impl Check<'_> {
    /// Looks at every row, then for those that are not there.
    pub(super) fn rows(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        mut past: Option<Past<'_>>,
    ) -> Result<(), CheckError> {
        self.progress.stage("rows", None);
        for category in wraps.kept() {
            self.each(Family::Rows(category), b"", |check, key, bytes| {
                check.report.looked.rows += 1;
                check.row(wraps, verifier, past.as_mut(), (category, key, bytes))
            })?;
        }
        let Some(mut past) = past else { return Ok(()) };
        for (controller, category, known) in past.unmet() {
            if self.is_damaged(Family::Rows(category)) {
                continue;
            }
            let place = place_of(category).controller(controller).leaf(known.leaf);
            let who = if self.home.show_ids { past.who(known.leaf) } else { None };
            let finding = Finding::new(Code::RowMissing, place).about(who);
            self.add(Finding { expected: Some(known.version.into()), ..finding });
        }
        Ok(())
    }

    fn row(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        mut past: Option<&mut Past<'_>>,
        (category, key, bytes): (Name, &[u8], &[u8]),
    ) -> Result<(), CheckError> {
        let Ok(key) = RowKey::try_from(key) else {
            self.found(Code::ForeignEntry, place_of(category));
            return Ok(());
        };
        let known = past.as_deref_mut().and_then(|past| past.find(category, &key));
        let known = known.map(|(controller, known)| (controller, *known));
        let found = self.judge_row(wraps, verifier, past.as_deref(), (category, &key, bytes), known)?;
        let Some(past) = past else {
            if let Found::Wrong(finding) | Found::Other(finding) = found {
                self.add(finding);
            }
            return Ok(());
        };
        if !matches!(found, Found::Other(_))
            && let Some((_, known)) = past.find(category, &key)
        {
            known.met = true;
        }
        let (Found::Wrong(mut finding) | Found::Other(mut finding)) = found else { return Ok(()) };
        if let Some((controller, known)) = known {
            finding.place.controller.get_or_insert(controller);
            finding.place.leaf = Some(known.leaf);
            if self.home.show_ids && finding.who.is_none() {
                finding = finding.about(past.who(known.leaf));
            }
        }
        self.add(finding);
        Ok(())
    }

    /// Without the seal: that the row reads and lies under a living key of its category.
    fn judge_row(
        &mut self,
        wraps: &Wraps,
        verifier: Option<&Verifier>,
        past: Option<&Past<'_>>,
        (category, key, bytes): (Name, &RowKey, &[u8]),
        known: Option<(Name, Known)>,
    ) -> Result<Found, CheckError> {
        let finding = |code| Finding::new(code, place_of(category));
        let Some(own) = Row::parse(bytes).ok().and_then(|row| row.head.own_key().copied()) else {
            return Ok(Found::Wrong(finding(Code::RowAltered)));
        };
        let under = |code| Finding::new(code, place_of(category).key(&own));
        let wrapped_by = match self.get(Family::Keys, &SubjectRow::key(&own))?.as_deref().map(SubjectRow::decode) {
            None if self.is_damaged(Family::Keys) => return Ok(Found::Sound),
            None => return Ok(Found::Wrong(under(Code::RowKeyMissing))),
            Some(Some(SubjectRow::Destroyed { .. })) if past.is_some_and(|past| past.again.contains(&own)) => {
                return Ok(Found::Sound);
            }
            Some(Some(SubjectRow::Destroyed { .. })) => return Ok(Found::Other(under(Code::RowKeyDestroyed))),
            // A key that cannot be read is a finding of its own, and so is one under no key.
            Some(None) => return Ok(Found::Sound),
            Some(Some(SubjectRow::Living { wrapped_by, .. })) => wrapped_by,
        };
        let Some((controller, of)) = wraps.category(&wrapped_by) else { return Ok(Found::Sound) };
        if of != category {
            return Ok(Found::Other(finding(Code::RowForeign)));
        }
        let (Some(verifier), Some(past)) = (verifier, past) else { return Ok(Found::Sound) };
        let Some(line) = verifier.line(&controller, &category) else { return Ok(Found::Sound) };
        let place = place_of(category).controller(controller);
        match verifier.row(line, &View::blocking(self.home.engine), bytes.to_vec()) {
            Ok(Ok(Some(verified))) => {
                self.search_row(&verified, known.map(|(_, known)| known.leaf), &place);
                Ok(self.judge_opened(&verified, past, key, known, place))
            }
            Ok(Ok(None)) => Ok(Found::Sound),
            Ok(Err(_)) => Ok(Found::Wrong(Finding::new(Code::RowAltered, place))),
            Err(Unread::Store(error)) => self.damaged(Family::Keys, error).map(|()| Found::Sound),
            Err(Unread::NotCached | Unread::Withheld) => Ok(Found::Sound),
        }
    }

    /// With the seal: that the row belongs here, and is the one that the last leaf names.
    fn judge_opened(
        &self,
        row: &Verified,
        past: &Past<'_>,
        key: &RowKey,
        known: Option<(Name, Known)>,
        place: Place,
    ) -> Found {
        let (person, record) = row.ids();
        let who = || Who { person: person.to_owned(), record: record.to_owned() };
        let finding = |code| Finding::new(code, place).about(self.home.show_ids.then(who));
        if row.row_key != *key {
            return Found::Other(finding(Code::RowForeign));
        }
        let last = known.map(|(_, known)| known);
        if last.is_some_and(|known| known.written == row.written) || past.wrote(&row.written) {
            return Found::Sound;
        }
        // Only now is it worth opening what the identity does not bind: the bytes of each field.
        let fields = row.fields();
        if fields == Fields::Altered {
            return Found::Wrong(finding(Code::RowAltered));
        }
        let Some(known) = last else { return Found::Other(finding(Code::RowForeign)) };
        let code = match row.version().cmp(&known.version) {
            Ordering::Less => Code::RowOlder,
            // The bytes of a field that nobody can open any more can be altered by anybody.
            Ordering::Equal if fields == Fields::SomeErased => Code::RowAltered,
            _ => Code::RowUnlogged,
        };
        Found::Wrong(finding(code).against(row.version().into(), known.version.into()))
    }
}

fn place_of(category: Name) -> Place {
    Place::of(Family::Rows(category)).category(category)
}
