//! The policy as its file says it, checked, with names for everything. The compiled form and the
//! naive evaluator of the tests both start here.

use coffer_wire::Name;
use coffer_wire::api::Form;
use coffer_wire::leaf::Action;
use coffer_wire::recipient::Recipient;

use super::revoked::Revoked;

/// All that `access.toml` says.
pub(super) struct Rules {
    pub(super) roles: Vec<Role>,
    pub(super) grants: Vec<Grant>,
    pub(super) duties: Vec<Duty>,
    pub(super) applications: Vec<ApplicationRow>,
    pub(super) revoked: Revoked,
}

pub(super) struct Role {
    pub(super) name: Name,
    pub(super) title: String,
    /// Its people are no staff of the controller's, but recipients of this kind.
    pub(super) recipient: Option<Recipient>,
}

/// What a role may do with the fields of a category.
pub(super) struct Grant {
    pub(super) name: Name,
    pub(super) role: Name,
    pub(super) category: Name,
    pub(super) actions: Vec<Action>,
    /// Of reads and writes; lists and erasures concern the record as a whole.
    pub(super) fields: Vec<Name>,
    /// Of reads.
    pub(super) forms: Vec<Form>,
    pub(super) purposes: Vec<Name>,
}

/// Acts of a role that touch no field.
pub(super) struct Duty {
    pub(super) name: Name,
    pub(super) role: Name,
    pub(super) acts: Vec<Action>,
}

/// What can be done through an application.
pub(super) struct ApplicationRow {
    pub(super) name: Name,
    pub(super) categories: Vec<Name>,
    pub(super) actions: Vec<Action>,
    pub(super) purposes: Vec<Name>,
    pub(super) acts: Vec<Action>,
    pub(super) controllers: Vec<Name>,
}

/// One cell that a grant permits.
pub(super) struct GrantCell {
    pub(super) action: Action,
    pub(super) field: Option<Name>,
    pub(super) form: Option<Form>,
    pub(super) purpose: Name,
}

impl Grant {
    /// Every cell that the grant permits to its role in its category.
    pub(super) fn cells(&self) -> impl Iterator<Item = GrantCell> {
        self.actions.iter().flat_map(move |action| self.cells_of_action(*action))
    }

    fn cells_of_action(&self, action: Action) -> Vec<GrantCell> {
        let mut cells = Vec::new();
        for purpose in &self.purposes {
            for (field, form) in self.shown_by(action) {
                cells.push(GrantCell { action, field, form, purpose: *purpose });
            }
        }
        cells
    }

    fn shown_by(&self, action: Action) -> Vec<(Option<Name>, Option<Form>)> {
        let fields = self.fields.iter().map(|field| Some(*field));
        match action {
            Action::RecordsRead => {
                fields.flat_map(|field| self.forms.iter().map(move |form| (field, Some(*form)))).collect()
            }
            Action::RecordsWrite => fields.map(|field| (field, None)).collect(),
            _ => vec![(None, None)],
        }
    }
}

/// The action of a grant's word.
pub(super) fn data_action(word: &str) -> Option<Action> {
    match word {
        "read" => Some(Action::RecordsRead),
        "write" => Some(Action::RecordsWrite),
        "list" => Some(Action::RecordsList),
        "erase" => Some(Action::RecordsErase),
        _ => None,
    }
}

/// The act of a duty's word.
pub(super) fn act(word: &str) -> Option<Action> {
    Action::from_text(word).filter(|action| {
        matches!(
            action,
            Action::SubjectsErase
                | Action::LogEntry
                | Action::LogRekey
                | Action::KeysList
                | Action::VaultSeal
                | Action::KeysRotate
                | Action::KeysJobs
                | Action::KeysDestroy
                | Action::KeysShred
                | Action::KeyState
                | Action::VaultDrill
                | Action::RootRotate
                | Action::CertIssue
                | Action::Status
                | Action::AccessApply
                | Action::AccessShow
                | Action::SchemaApply
                | Action::SchemaShow
                | Action::HoldSet
                | Action::HoldLift
                | Action::HoldList
        )
    })
}

/// A security admin's acts: over keys, policy, schema and the seal.
pub(super) fn is_admins(act: Action) -> bool {
    matches!(
        act,
        Action::KeysList
            | Action::LogRekey
            | Action::KeysRotate
            | Action::KeysJobs
            | Action::KeysDestroy
            | Action::KeysShred
            | Action::KeyState
            | Action::AccessApply
            | Action::SchemaApply
            | Action::VaultSeal
            | Action::VaultDrill
            | Action::RootRotate
    )
}

/// An auditor's acts: they show accesses.
pub(super) fn is_auditors(act: Action) -> bool {
    matches!(act, Action::LogEntry)
}
