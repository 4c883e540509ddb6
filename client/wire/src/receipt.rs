//! What a client checks on a receipt before it believes an answer: that the leaf is the one that
//! was hashed into the tree, and that it says of this access what the client itself asked for.
//!
//! A receipt that passes shows what the vault has *committed* to. That the leaf stands in the tree
//! is shown by an inclusion proof ([`crate::tree::verify_inclusion`]), which is fetched later.

use std::collections::BTreeSet;

use crate::Hash;
use crate::api::{Form, Receipt};
use crate::known::Known;
use crate::leaf::{Action, Decision, Leaf};
use crate::name::{ExternalId, Name};
use crate::note::Checkpoint;
use crate::private::{Private, commitment};
use crate::provenance::Provenance;
use crate::tree::leaf_hash;

/// What the caller asked for, from its own memory. Unless said otherwise, `None` means that the log
/// must not name it either.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The operation.
    pub action: Action,
    /// Whose data it is; [`crate::name::VAULT`] for an act that is about nobody's.
    pub controller: Name,
    /// Who asks, as the private part says it: issuer and subject of the token. `None`: not compared.
    pub actor: Option<&'a str>,
    /// The application. `None`: not compared.
    pub application: Option<Name>,
    /// The purpose.
    pub purpose: Option<Name>,
    /// The case.
    pub case: Option<&'a str>,
    /// The reason.
    pub reason: Option<&'a str>,
    /// One of these categories. Empty: any.
    pub categories: &'a [Name],
    /// The data subject.
    pub person: Option<&'a ExternalId>,
    /// The record. `None`: any, since erasing a person ends records that were not named.
    pub record: Option<&'a ExternalId>,
    /// The fields, in any order.
    pub fields: &'a [Name],
    /// The form.
    pub form: Option<Form>,
    /// Where what is written comes from.
    pub source: Option<Provenance>,
    /// What else is known of it. `None`: the log must say nothing of it.
    pub known: Option<&'a Known>,
    /// Other people named, whom the private part must name too.
    pub others: &'a [ExternalId],
    /// The version that the answer speaks of. `None`: not compared.
    pub version: Option<u32>,
    /// The hash of what was activated. `None`: not compared.
    pub activated: Option<Hash>,
}

impl Asked<'_> {
    /// An act about nobody's data.
    pub const fn act(action: Action) -> Asked<'static> {
        Asked {
            action,
            controller: crate::name::VAULT,
            actor: None,
            application: None,
            purpose: None,
            case: None,
            reason: None,
            categories: &[],
            person: None,
            record: None,
            fields: &[],
            form: None,
            source: None,
            known: None,
            others: &[],
            version: None,
            activated: None,
        }
    }
}

/// Why a receipt is not to be believed. Holds no ids and no values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A grant came without receipt.
    #[error("access was granted without a receipt")]
    Missing,
    /// The answer lacks the note that the receipt refers to.
    #[error("the receipt refers to a checkpoint that did not come with it")]
    NoteMissing,
    /// The checkpoint does not reach as far as the leaf.
    #[error("the receipt's checkpoint does not cover its leaf")]
    NotCovered,
    /// A grant came without leaf, salt or private part, or some of them came without the others.
    #[error("the receipt does not show the whole leaf")]
    Incomplete,
    /// The leaf is another than the one that was hashed.
    #[error("the receipt's leaf does not have the receipt's hash")]
    WrongHash,
    /// The bytes are no leaf.
    #[error("the receipt's leaf is not a leaf")]
    NotALeaf,
    /// Access was granted, and the leaf says otherwise.
    #[error("access was granted, and the receipt's leaf does not say so")]
    NotGranted,
    /// The private part is another than the leaf commits to.
    #[error("the receipt's private part is not the one that its leaf commits to")]
    WrongCommitment,
    /// The log says something else than what was asked.
    #[error("the receipt's leaf tells of another {0} than what was asked for")]
    NotAsAsked(&'static str),
}

/// The note that a receipt refers to.
pub fn note_of<'a>(receipt: &Receipt, notes: &'a [String]) -> Result<&'a str, ReceiptError> {
    let at = usize::try_from(receipt.note).map_err(|_| ReceiptError::NoteMissing)?;
    notes.get(at).map(String::as_str).ok_or(ReceiptError::NoteMissing)
}

/// Checks a receipt under the checkpoint of its note, which the caller has verified
/// ([`crate::note::verify`]). `granted`: the answer was a grant, so that the receipt must show the
/// leaf. Answers the leaf where it is shown; a refusal shows index and hash alone.
pub fn check(
    receipt: &Receipt,
    checkpoint: &Checkpoint,
    asked: &Asked<'_>,
    granted: bool,
) -> Result<Option<Leaf>, ReceiptError> {
    if receipt.index >= checkpoint.size {
        return Err(ReceiptError::NotCovered);
    }
    let (leaf, salt, private) = match (&receipt.leaf, &receipt.salt, &receipt.private) {
        (Some(leaf), Some(salt), Some(private)) => (leaf.as_bytes(), salt, private.as_bytes()),
        (None, None, None) if !granted => return Ok(None),
        _ => return Err(ReceiptError::Incomplete),
    };
    if leaf_hash(leaf) != receipt.leaf_hash {
        return Err(ReceiptError::WrongHash);
    }
    let leaf = Leaf::parse(leaf).map_err(|_| ReceiptError::NotALeaf)?;
    if granted && !matches!(leaf.decision(), Ok(Decision::Granted(_))) {
        return Err(ReceiptError::NotGranted);
    }
    if commitment(salt.as_bytes(), private) != leaf.commit {
        return Err(ReceiptError::WrongCommitment);
    }
    let private: Private = serde_json::from_slice(private).map_err(|_| ReceiptError::NotAsAsked("private part"))?;
    compare(&leaf, &private, asked)?;
    Ok(Some(leaf))
}

/// The first thing that the log tells otherwise than it was asked.
fn compare(leaf: &Leaf, private: &Private, asked: &Asked<'_>) -> Result<(), ReceiptError> {
    let category = asked.categories.is_empty() || leaf.category.is_some_and(|c| asked.categories.contains(&c));
    let version = asked.version.is_none_or(|version| leaf.version == Some(version));
    let actor = asked.actor.is_none() || (leaf.actor.is_some() && private.actor.as_deref() == asked.actor);
    let agrees = [
        ("action", leaf.action == asked.action),
        ("controller", leaf.controller == asked.controller),
        ("actor", actor),
        ("application", asked.application.is_none() || leaf.app == asked.application),
        ("category", category),
        ("purpose", leaf.purpose == asked.purpose),
        ("case", private.case.as_deref() == asked.case),
        ("reason", private.reason.as_deref() == asked.reason),
        ("person", private.person.as_ref() == asked.person),
        ("record", asked.record.is_none() || private.record.as_ref() == asked.record),
        ("set of fields", set(&private.fields) == set(asked.fields)),
        ("form", private.form == asked.form),
        ("source", private.source == asked.source),
        ("what is known of it", asked.known.map_or(private.known.is_empty(), |known| private.known == *known)),
        ("person among others", asked.others.iter().all(|other| private.others.contains(other))),
        ("version", version && (private.version.is_none() || private.version == leaf.version)),
        ("proposal", asked.activated.is_none() || leaf.row == asked.activated),
    ];
    match agrees.iter().find(|(_, agrees)| !agrees) {
        Some((what, _)) => Err(ReceiptError::NotAsAsked(what)),
        None => Ok(()),
    }
}

fn set(names: &[Name]) -> BTreeSet<Name> {
    names.iter().copied().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::leaf::{Tail, encode_head};
    use crate::problem::Code;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn id(text: &str) -> ExternalId {
        ExternalId::new(text).unwrap()
    }

    struct Told {
        decision: Decision<'static>,
        private: Private,
    }

    fn told() -> Told {
        Told {
            decision: Decision::Granted("rents-bank"),
            private: Private {
                person: Some(id("tenant-17")),
                record: Some(id("main")),
                fields: vec![name("sort_code"), name("account_number")],
                form: Some(Form::Clear),
                reason: Some("refund".into()),
                others: vec![id("payer-3"), id("payer-4")],
                address: Some("10.0.0.7".into()),
                actor: Some("https://login.example officer-17".into()),
                ..Private::default()
            },
        }
    }

    fn receipt(told: &Told) -> Receipt {
        let (private, salt) = (serde_json::to_string(&told.private).unwrap(), [7; 32]);
        let tail = Tail {
            action: Action::RecordsRead,
            category: Some(name("bank")),
            purpose: Some(name("payments")),
            decision: told.decision,
            app: Some(name("rents-desk")),
            actor: Some(crate::leaf::Alias([3; 16])),
            subject: None,
            version: Some(3),
            row: None,
            policy: 1,
            commit: commitment(&salt, private.as_bytes()),
        };
        let mut leaf = Vec::new();
        encode_head(&mut leaf, 1_700_000_000_000, &name("oakvale"), 9);
        leaf.extend_from_slice(&tail.encode());
        Receipt {
            index: 4,
            leaf_hash: leaf_hash(&leaf),
            note: 0,
            leaf: Some(String::from_utf8(leaf).unwrap()),
            salt: Some(Hash::from_bytes(salt)),
            private: Some(private),
        }
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "coffer.example/demo".into(), size, root: Hash::sha256(b"") }
    }

    /// Checks against what was asked, after a change to it.
    fn check_after(told: &Told, change: impl FnOnce(&mut Asked<'_>)) -> Result<Option<Leaf>, ReceiptError> {
        let (person, record, others) = (id("tenant-17"), id("main"), [id("payer-3")]);
        let (fields, categories) = ([name("account_number"), name("sort_code")], [name("bank")]);
        let mut asked = Asked {
            action: Action::RecordsRead,
            controller: name("oakvale"),
            actor: Some("https://login.example officer-17"),
            application: Some(name("rents-desk")),
            purpose: Some(name("payments")),
            case: None,
            reason: Some("refund"),
            categories: &categories,
            person: Some(&person),
            record: Some(&record),
            fields: &fields,
            form: Some(Form::Clear),
            source: None,
            known: None,
            others: &others,
            version: Some(3),
            activated: None,
        };
        change(&mut asked);
        check(&receipt(told), &checkpoint(5), &asked, true)
    }

    #[test]
    fn a_receipt_that_tells_what_was_asked_is_believed() {
        let leaf = check_after(&told(), |_| ()).unwrap().unwrap();
        assert_eq!(leaf.granted.as_deref(), Some("rents-bank"));
    }

    #[test]
    fn a_leaf_about_anything_else_is_not_believed() {
        let stranger: &ExternalId = Box::leak(Box::new(id("tenant-18")));
        let strangers: &[_] = Box::leak(Box::new([id("payer-3"), id("payer-9")]));
        let not = |what, result| assert_eq!(result, Err(ReceiptError::NotAsAsked(what)));
        let told = told();
        not("action", check_after(&told, |a| a.action = Action::RecordsList));
        not("controller", check_after(&told, |a| a.controller = name("brookside")));
        not("actor", check_after(&told, |a| a.actor = Some("https://login.example officer-18")));
        not("application", check_after(&told, |a| a.application = Some(name("care-desk"))));
        not("category", check_after(&told, |a| a.categories = &[crate::name::VAULT]));
        not("purpose", check_after(&told, |a| a.purpose = Some(name("refunds"))));
        not("purpose", check_after(&told, |a| a.purpose = None));
        not("case", check_after(&told, |a| a.case = Some("C-1")));
        not("reason", check_after(&told, |a| a.reason = None));
        not("person", check_after(&told, |a| a.person = Some(stranger)));
        not("record", check_after(&told, |a| a.record = Some(stranger)));
        not("set of fields", check_after(&told, |a| a.fields = &[]));
        not("form", check_after(&told, |a| a.form = Some(Form::Masked)));
        not("source", check_after(&told, |a| a.source = Some(Provenance::Email)));
        let known: &'static Known = Box::leak(Box::new(Known { in_confidence: true, ..Known::default() }));
        not("what is known of it", check_after(&told, |a| a.known = Some(known)));
        not("person among others", check_after(&told, |a| a.others = strangers));
        not("version", check_after(&told, |a| a.version = Some(4)));
        not("proposal", check_after(&told, |a| a.activated = Some(Hash::sha256(b"files"))));
    }

    #[test]
    fn what_is_left_open_is_not_compared() {
        check_after(&told(), |a| (a.categories, a.record, a.version) = (&[], None, None)).unwrap();
        check_after(&told(), |a| (a.actor, a.application) = (None, None)).unwrap();
    }

    #[test]
    fn a_grant_that_the_log_calls_a_refusal_is_not_believed() {
        for decision in [Decision::Refused(Code::NotFound), Decision::Failed(Code::Altered)] {
            let told = Told { decision, ..told() };
            assert_eq!(check_after(&told, |_| ()), Err(ReceiptError::NotGranted));
        }
    }

    #[test]
    fn a_receipt_that_was_changed_is_not_believed() {
        let asked = Asked::act(Action::RecordsRead);
        let result = |change: &dyn Fn(&mut Receipt), size| {
            let mut receipt = receipt(&told());
            change(&mut receipt);
            check(&receipt, &checkpoint(size), &asked, true)
        };
        let hashed = |receipt: &mut Receipt, leaf: String| {
            receipt.leaf_hash = leaf_hash(leaf.as_bytes());
            receipt.leaf = Some(leaf);
        };
        assert_eq!(result(&|_| (), 4), Err(ReceiptError::NotCovered));
        assert_eq!(result(&|r| r.leaf = None, 5), Err(ReceiptError::Incomplete));
        assert_eq!(result(&|r| r.salt = None, 5), Err(ReceiptError::Incomplete));
        assert_eq!(result(&|r| r.private = None, 5), Err(ReceiptError::Incomplete));
        assert_eq!(result(&|r| r.leaf_hash = Hash::sha256(b""), 5), Err(ReceiptError::WrongHash));
        assert_eq!(result(&|r| hashed(r, "{}".into()), 5), Err(ReceiptError::NotALeaf));
        assert_eq!(result(&|r| r.salt = Some(Hash::sha256(b"")), 5), Err(ReceiptError::WrongCommitment));
        assert_eq!(result(&|r| r.private = Some("{}".into()), 5), Err(ReceiptError::WrongCommitment));
    }

    #[test]
    fn a_refusal_may_show_index_and_hash_alone() {
        let bare = Receipt { leaf: None, salt: None, private: None, ..receipt(&told()) };
        let asked = Asked::act(Action::RecordsRead);
        assert_eq!(check(&bare, &checkpoint(5), &asked, false), Ok(None));
        assert_eq!(check(&bare, &checkpoint(5), &asked, true), Err(ReceiptError::Incomplete));
    }

    #[test]
    fn a_receipt_names_one_of_the_answers_notes() {
        let notes = ["a".to_owned()];
        let receipt = receipt(&told());
        assert_eq!(note_of(&receipt, &notes), Ok("a"));
        assert_eq!(note_of(&Receipt { note: 1, ..receipt }, &notes), Err(ReceiptError::NoteMissing));
    }
}
