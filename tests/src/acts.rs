//! What the staff of two categories does to records, and what it hears back.
#![allow(clippy::unwrap_used)] // an answer that cannot be read ends the test

use std::future::Future;

use coffer_wire::api::{Answer, Outcome, Receipt};
use coffer_wire::leaf::Action;
use coffer_wire::note::{Checkpoint, VerifierKey};
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::tree::leaf_hash;
use coffer_wire::{Hash, note};
use serde::Serialize;
use serde_json::{Value, json};

/// The landlord for whom all is done.
pub const CONTROLLER: &str = "oakvale";

/// A category and who works in it.
pub struct Kind {
    /// The category.
    pub category: &'static str,
    /// Who writes, reads and lists.
    pub role: &'static str,
    /// What for.
    pub purpose: &'static str,
    /// The field that holds the value.
    pub field: &'static str,
}

/// The two categories, which have different applications.
pub const KINDS: [Kind; 2] = [
    Kind { category: "bank", role: "bank-officer", purpose: "payments", field: "account_name" },
    Kind { category: "debts", role: "debt-adviser", purpose: "debt-advice", field: "creditor" },
];

/// Who erases.
const ERASER: &str = "dpo";

/// A vault that can be asked.
pub trait Ask: Sync {
    /// Posts JSON as someone of a role; status and body, or nothing where no answer came.
    fn post(&self, role: &str, path: &str, body: String) -> impl Future<Output = Option<(u16, Vec<u8>)>> + Send;
}

/// One record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Place {
    /// Which of [`KINDS`].
    pub kind: usize,
    /// The person.
    pub person: String,
    /// The record.
    pub record: String,
}

impl Place {
    /// A record of a person.
    pub fn new(kind: usize, person: &str, record: &str) -> Place {
        Place { kind, person: person.to_owned(), record: record.to_owned() }
    }
}

/// One thing done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Act {
    /// A new value, under an expected version or any.
    Write(Place, String, Option<u32>),
    /// The value.
    Read(Place),
    /// The person's records in a category.
    List { kind: usize, person: String },
    /// One record ends.
    Erase(Place),
    /// A person ends in both categories.
    EraseSubject(String),
}

impl Act {
    /// What its leaf says.
    pub fn action(&self) -> Action {
        match self {
            Act::Write(..) => Action::RecordsWrite,
            Act::Read(_) => Action::RecordsRead,
            Act::List { .. } => Action::RecordsList,
            Act::Erase(_) => Action::RecordsErase,
            Act::EraseSubject(_) => Action::SubjectsErase,
        }
    }

    /// Whom it is about.
    pub fn person(&self) -> &str {
        match self {
            Act::Write(place, ..) | Act::Read(place) | Act::Erase(place) => &place.person,
            Act::List { person, .. } | Act::EraseSubject(person) => person,
        }
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Act::Write(place, ..) | Act::Read(place) | Act::Erase(place) => Some(place),
            Act::List { .. } | Act::EraseSubject(_) => None,
        }
    }

    fn role_and_purpose(&self) -> (&'static str, &'static str) {
        match self {
            Act::Write(Place { kind, .. }, ..) | Act::Read(Place { kind, .. }) | Act::List { kind, .. } => {
                (KINDS[*kind].role, KINDS[*kind].purpose)
            }
            Act::Erase(_) | Act::EraseSubject(_) => (ERASER, "erasure"),
        }
    }

    fn item(&self) -> Value {
        let place = |place: &Place| json!({ "category": KINDS[place.kind].category, "person": place.person, "record": place.record });
        match self {
            Act::Write(at, value, expected) => {
                let mut item = place(at);
                item["fields"] = json!({ KINDS[at.kind].field: value });
                if let Some(version) = expected {
                    item["expected_version"] = json!(version);
                }
                item
            }
            Act::Read(at) => {
                let mut item = place(at);
                item["fields"] = json!([KINDS[at.kind].field]);
                item["form"] = json!("clear");
                item
            }
            Act::List { kind, person } => json!({ "category": KINDS[*kind].category, "person": person }),
            Act::Erase(at) => place(at),
            Act::EraseSubject(person) => {
                json!({ "person": person, "categories": KINDS.each_ref().map(|kind| kind.category) })
            }
        }
    }

    /// Does it and hears the answer.
    pub async fn on(&self, vault: &impl Ask) -> Heard {
        Act::all_on(std::slice::from_ref(self), vault).await.remove(0)
    }

    /// Does acts of one sort, in one request, and hears an answer to each. At most a thousand.
    pub async fn all_on(acts: &[Act], vault: &impl Ask) -> Vec<Heard> {
        let (role, purpose) = acts[0].role_and_purpose();
        assert!(acts.iter().all(|act| (act.action(), act.role_and_purpose()) == (acts[0].action(), (role, purpose))));
        let items: Vec<Value> = acts.iter().map(Act::item).collect();
        let body = json!({ "controller": CONTROLLER, "purpose": purpose, "items": items }).to_string();
        let path = format!("/v1/{}", acts[0].action().as_str().replace('.', "/"));
        let Some((status, body)) = vault.post(role, &path, body).await else {
            return acts.iter().map(|_| Heard::nothing()).collect();
        };
        if status != 200 {
            let problem: Problem = serde_json::from_slice(&body).unwrap();
            return acts.iter().map(|_| Heard::problem(problem.code)).collect();
        }
        let answer: Answer = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer.items.len(), acts.len());
        let heard =
            answer.items.into_iter().map(|outcome| Heard { outcome: Some(outcome), notes: answer.notes.clone() });
        heard.collect()
    }
}

/// What came back of one act.
pub struct Heard {
    /// Nothing where no answer came, or none of this item.
    pub outcome: Option<Outcome>,
    notes: Vec<String>,
}

impl Heard {
    fn nothing() -> Heard {
        Heard { outcome: None, notes: Vec::new() }
    }

    fn problem(code: Code) -> Heard {
        let outcome = Outcome { status: code.status(), code: Some(code), ..Outcome::default() };
        Heard { outcome: Some(outcome), notes: Vec::new() }
    }

    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.status == 200)
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        self.outcome.as_ref().and_then(|outcome| outcome.code)
    }

    /// The version that the answer names.
    pub fn version(&self) -> Option<u32> {
        self.outcome.as_ref().and_then(|outcome| outcome.version)
    }

    /// The value that was read.
    pub fn value(&self, kind: usize) -> Option<String> {
        let fields = self.outcome.as_ref()?.fields.as_ref()?;
        let (_, value) = fields.iter().find(|(name, _)| name.as_str() == KINDS[kind].field)?;
        Some(value.expose().to_owned())
    }

    /// The receipts.
    pub fn receipts(&self) -> &[Receipt] {
        self.outcome.as_ref().map_or(&[], |outcome| &outcome.receipts)
    }

    /// What the receipts of an answer prove, after the checks that need no more than the answer:
    /// each note is signed and reaches its leaf; what was done is told by leaf and private part.
    pub fn evidence(&self, act: &Act, key: &VerifierKey) -> Result<Vec<Evidence>, String> {
        if self.is_done() && self.receipts().is_empty() {
            return Err(format!("{act:?} was done without a receipt"));
        }
        let one = |receipt: &Receipt| {
            let note = self.notes.get(receipt.note as usize).ok_or("a receipt without its note")?;
            let checkpoint = note::verify(note, key).map_err(|error| error.to_string())?;
            if receipt.index >= checkpoint.size {
                return Err(format!("leaf {} lies behind its checkpoint of {}", receipt.index, checkpoint.size));
            }
            if self.is_done() {
                shows(receipt, act)?;
            }
            Ok(Evidence { index: receipt.index, leaf_hash: receipt.leaf_hash, checkpoint })
        };
        self.receipts().iter().map(one).collect()
    }
}

/// A leaf and the checkpoint under which it was promised.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The leaf's index.
    pub index: u64,
    /// Its hash.
    pub leaf_hash: Hash,
    /// The checkpoint of its batch.
    pub checkpoint: Checkpoint,
}

/// The private part that a grant's receipt shows.
pub fn private_of(receipt: &Receipt) -> Private {
    serde_json::from_str(receipt.private.as_deref().unwrap()).unwrap()
}

fn shows(receipt: &Receipt, act: &Act) -> Result<(), String> {
    let leaf = receipt.leaf.as_deref().ok_or("a grant without its leaf")?;
    if leaf_hash(leaf.as_bytes()) != receipt.leaf_hash {
        return Err("the leaf is not the one that was hashed".into());
    }
    let told: Private = serde_json::from_str(receipt.private.as_deref().ok_or("a grant without private part")?)
        .map_err(|error| error.to_string())?;
    let person = told.person.as_ref().map(|person| person.as_str());
    // An erase has a leaf for each row it ends or moves, so only the person is the same in all.
    let record = act.place().filter(|_| !matches!(act, Act::Erase(_))).map(|place| place.record.as_str());
    let agrees = record.is_none() || record == told.record.as_ref().map(|record| record.as_str());
    if person == Some(act.person()) && agrees {
        Ok(())
    } else {
        Err(format!("the log tells of another act than {act:?}"))
    }
}
