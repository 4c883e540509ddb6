//! Turns the rules into bits, so that a decision is a few loads and ands.

use coffer_wire::Name;
use coffer_wire::api::Form;
use coffer_wire::leaf::Action;

use super::names::Names;
use super::rules::{ApplicationRow, Grant, Rules, is_admins, is_auditors};
use crate::config::Config;
use crate::schema::{Category, Schema};

/// Stands for the record as a whole, where an action concerns no single field.
pub(super) const WHOLE: u64 = 1;
/// Columns of a category's matrix: one for each form of a read, one for each other action.
const SLOTS: usize = Form::ALL.len() + 3;

/// The policy as bits.
pub(in crate::admit) struct Compiled {
    pub(in crate::admit) roles: Names,
    pub(in crate::admit) controllers: Names,
    /// By position of the category in the schema.
    pub(super) categories: Vec<CategoryMatrix>,
    pub(super) duties: Vec<DutyBits>,
    applications: Vec<(Name, ApplicationBits)>,
    /// Roles with a grant, with a security admin's duty, with the auditor's.
    kinds: [u64; 3],
}

/// All grants of one category.
pub(super) struct CategoryMatrix {
    pub(super) purposes: Names,
    /// For each slot and purpose the grants that stand there, in the file's order.
    cells: Vec<Vec<GrantBits>>,
}

/// A grant within one cell.
pub(super) struct GrantBits {
    pub(super) role: u64,
    pub(super) fields: u64,
    pub(super) name: Name,
}

pub(super) struct DutyBits {
    pub(super) role: u64,
    pub(super) acts: u64,
    pub(super) name: Name,
}

/// What can be done through an application.
#[derive(Default)]
pub(super) struct ApplicationBits {
    pub(super) controllers: u64,
    /// By position of the category in the schema.
    pub(super) categories: u64,
    /// Actions and acts together.
    pub(super) actions: u64,
    /// By position of the category, bits of its own purposes.
    pub(super) purposes: Vec<u64>,
}

/// What is asked for, as a column: a read in one form, or another action.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Write,
    List,
    Erase,
    Read(Form),
}

impl Slot {
    /// None: a read without a form, or no action on a record.
    pub(super) fn of(action: Action, form: Option<Form>) -> Option<Slot> {
        match (action, form) {
            (Action::RecordsRead, Some(form)) => Some(Slot::Read(form)),
            (Action::RecordsWrite, None) => Some(Slot::Write),
            (Action::RecordsList, None) => Some(Slot::List),
            (Action::RecordsErase, None) => Some(Slot::Erase),
            _ => None,
        }
    }

    /// Those of an action: for reads one for each form.
    pub(super) fn all_of(action: Action) -> impl Iterator<Item = Slot> {
        let forms = Form::ALL.iter().filter_map(move |form| Slot::of(action, Some(*form)));
        forms.chain(Slot::of(action, None))
    }

    fn column(self) -> usize {
        match self {
            Slot::Write => 0,
            Slot::List => 1,
            Slot::Erase => 2,
            Slot::Read(form) => 3 + form as usize,
        }
    }
}

/// The bit of an action.
pub(super) fn action_bit(action: Action) -> u64 {
    const { assert!(Action::ALL.len() <= 64) };
    1 << (action as u32)
}

impl Compiled {
    pub(super) fn new(rules: &Rules, schema: &Schema, config: &Config) -> Compiled {
        let roles = Names::new(rules.roles.iter().map(|role| role.name));
        let controllers = Names::new(config.controllers.iter().map(|controller| controller.name));
        let categories: Vec<_> = schema.iter().map(|category| CategoryMatrix::new(category, rules, &roles)).collect();
        let application = |row: &ApplicationRow| (row.name, application(row, schema, &categories, &controllers));
        let mut applications: Vec<_> = rules.applications.iter().map(application).collect();
        applications.sort_by_key(|(name, _)| *name);
        Compiled {
            kinds: kinds(rules, &roles),
            duties: duties(rules, &roles),
            roles,
            controllers,
            categories,
            applications,
        }
    }

    /// Whether a security admin's acts can be done through an application.
    pub(in crate::admit) fn is_admins(&self, application: &Name) -> bool {
        let acts = Action::ALL.iter().filter(|act| is_admins(**act)).fold(0, |bits, act| bits | action_bit(*act));
        self.application(application).is_some_and(|application| application.actions & acts != 0)
    }

    pub(super) fn application(&self, name: &Name) -> Option<&ApplicationBits> {
        let position = self.applications.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        Some(&self.applications[position].1)
    }

    /// Whether roles are of more than one kind, which no person may unite.
    pub(in crate::admit) fn conflict(&self, roles: u64) -> bool {
        self.kinds.iter().filter(|kind| **kind & roles != 0).count() > 1
    }
}

impl CategoryMatrix {
    fn new(category: &Category, rules: &Rules, roles: &Names) -> CategoryMatrix {
        let purposes = Names::new(category.purposes.iter().copied());
        let cells = (0..SLOTS * purposes.len()).map(|_| Vec::new()).collect();
        let mut matrix = CategoryMatrix { purposes, cells };
        for grant in rules.grants.iter().filter(|grant| grant.category == category.name) {
            let role = roles.bit(&grant.role).unwrap_or(0);
            matrix.put(category, grant, role);
        }
        matrix
    }

    fn put(&mut self, category: &Category, grant: &Grant, role: u64) {
        for cell in grant.cells() {
            let Some(slot) = Slot::of(cell.action, cell.form) else { continue };
            let Some(purpose) = self.purposes.position(&cell.purpose) else { continue };
            let field = match cell.field {
                None => WHOLE,
                Some(field) => category.position(&field).map_or(0, |position| 1 << position),
            };
            let rights = &mut self.cells[slot.column() * self.purposes.len() + purpose];
            match rights.last_mut().filter(|last| last.name == grant.name) {
                Some(last) => last.fields |= field,
                None => rights.push(GrantBits { role, fields: field, name: grant.name }),
            }
        }
    }

    pub(super) fn cell(&self, slot: Slot, purpose: usize) -> &[GrantBits] {
        &self.cells[slot.column() * self.purposes.len() + purpose]
    }
}

fn application(
    row: &ApplicationRow,
    schema: &Schema,
    categories: &[CategoryMatrix],
    controllers: &Names,
) -> ApplicationBits {
    let positions = row.categories.iter().filter_map(|category| schema.position(category));
    ApplicationBits {
        controllers: controllers.bits(&row.controllers),
        categories: positions.fold(0, |bits, position| bits | 1 << position),
        actions: row.actions.iter().chain(&row.acts).fold(0, |bits, action| bits | action_bit(*action)),
        purposes: categories.iter().map(|category| category.purposes.bits(&row.purposes)).collect(),
    }
}

fn duties(rules: &Rules, roles: &Names) -> Vec<DutyBits> {
    let bits = |acts: &[Action]| acts.iter().fold(0, |bits, act| bits | action_bit(*act));
    let duty = |duty: &super::rules::Duty| DutyBits {
        role: roles.bit(&duty.role).unwrap_or(0),
        acts: bits(&duty.acts),
        name: duty.name,
    };
    rules.duties.iter().map(duty).collect()
}

fn kinds(rules: &Rules, roles: &Names) -> [u64; 3] {
    let with_duty = |is_kind: fn(Action) -> bool| {
        let holders = rules.duties.iter().filter(|duty| duty.acts.iter().any(|act| is_kind(*act)));
        roles.bits(holders.map(|duty| &duty.role))
    };
    [roles.bits(rules.grants.iter().map(|grant| &grant.role)), with_duty(is_admins), with_duty(is_auditors)]
}
