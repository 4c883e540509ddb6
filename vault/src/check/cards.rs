//! The search for card numbers, of which none may be stored: in the fields and ids of every row, in what callers said
//! of themselves in the log's private parts, and in the files in force.

use std::collections::BTreeMap;

use coffer_wire::private::Private;

use super::{Check, Code, Finding, Place, Who};
use crate::cards;
use crate::seal::verify::Verified;
use crate::store::{Family, meta};

impl Check<'_> {
    /// A row whose identity opened; its last leaf, where the log has one.
    pub(super) fn search_row(&mut self, row: &Verified, leaf: Option<u64>, place: &Place) {
        if !self.home.cards {
            return;
        }
        let place = Place { leaf, ..place.clone() };
        let (person, record) = row.ids();
        if cards::found_in(person) || cards::found_in(record) {
            self.found(Code::CardNumber, place.clone().entry("id"));
        }
        let searched = row.search();
        self.report.looked.fields += searched.fields;
        let who = self.home.show_ids.then(|| Who { person: person.to_owned(), record: record.to_owned() });
        for number in searched.cards {
            self.add(Finding::new(Code::CardNumber, place.clone().field(number)).about(who.clone()));
        }
    }

    /// The private part of a leaf.
    pub(super) fn search_private(&mut self, private: &Private, place: Place) {
        if self.home.cards && holds_card(private) {
            self.found(Code::CardNumber, place);
        }
    }

    /// Policy or schema, as they lie in the meta family.
    pub(super) fn search_files(&mut self, key: &[u8], bytes: &[u8]) {
        if !self.home.cards {
            return;
        }
        let entry = if key == meta::ACCESS { "access" } else { "schema" };
        // What is no files is a finding of its own.
        let files: BTreeMap<String, String> = serde_json::from_slice(bytes).unwrap_or_default();
        if files.iter().any(|(name, text)| cards::found_in(name) || cards::found_in(text)) {
            self.found(Code::CardNumber, Place::of(Family::Meta).entry(entry));
        }
    }
}

/// What callers chose. Addresses, ids of requests and keys, and what the vault notes are not theirs; who acts is told
/// by the issuer of the token.
fn holds_card(private: &Private) -> bool {
    let Private {
        person,
        record,
        fields,
        form: _,
        version: _,
        reason,
        case,
        address: _,
        request: _,
        actor: _,
        agreement: _,
        others,
        made: _,
        destroyed: _,
        source: _,
        known,
        notice: _,
        before: _,
        began: _,
        moved: _,
        replaced: _,
        resealed: _,
        note: _,
    } = private;
    let ids = [person, record].into_iter().flatten().chain(others).chain(&known.reference).map(|id| id.as_str());
    let words = [reason, case].into_iter().flatten().map(String::as_str);
    ids.chain(words).chain(fields.iter().map(|field| field.as_str())).any(cards::found_in)
}
