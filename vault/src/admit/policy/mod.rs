//! The policy: who may do what, as a closed matrix role × category × field × action × form ×
//! purpose, declared in `access.toml`. Nothing is permitted that it does not say, every decision
//! names its rule, and all grants can be enumerated.
//!
//! ```toml
//! [[role]]
//! name = "rents"
//! title = "Rents officer"
//! # recipient = "contractor"          # its people are no staff of the controller's, but recipients of this kind: they may
//!                                     # read and list where the category's schema names them, for the purposes it names
//!
//! [[grant]]                           # what a role may do with a category's fields
//! name = "rents-bank-masked"
//! role = "rents"
//! category = "bank"
//! actions = ["read"]                  # read, list, write, erase
//! fields = ["account_number"]         # for read and write
//! forms = ["masked"]                  # for read: clear, masked; of a date of birth also band, over-18 and so on
//! purposes = ["payments"]
//!
//! [[duty]]                            # acts that touch no field
//! name = "admin-keeps-keys"
//! role = "security-admin"
//! acts = ["keys.list", "status"]
//!
//! [[application]]                     # what can be done through an application at all
//! name = "rents-desk"
//! categories = ["bank"]
//! actions = ["read", "list"]
//! purposes = ["payments"]
//! acts = []
//! controllers = ["oakvale"]
//!
//! [revoked]
//! certificates = []                   # SHA-256 of the DER form, hex
//! applications = []
//! persons = []                        # "issuer subject"
//! tokens = []                         # jti
//! ```
//!
//! Three separations are fixed: a role with a security admin's duty (`keys.list`, `access.apply`,
//! `schema.apply`, `log.rekey`, `root.rotate`, `vault.seal`, `vault.drill`) holds no grant, nor does one with the auditor's (`log.entry`), and no role holds
//! both kinds; the same is held for all roles of one token together.

mod compile;
mod decide;
mod names;
mod read;
mod revoked;
mod rules;
#[cfg(test)]
mod tests;
mod widening;
#[cfg(test)]
mod widening_tests;

use coffer_wire::Name;
use coffer_wire::api::Cell;
use coffer_wire::leaf::Action;

use crate::config::{Config, FileError};
use crate::schema::Schema;

use compile::Compiled;
use rules::{ApplicationRow, Grant, Rules};

pub(super) use decide::Rights;

pub use revoked::Revoked;

/// Roles of a policy, at most. Rights hold them as bits.
pub const ROLES_MAX: usize = 64;
/// Grants of a policy, at most.
pub const GRANTS_MAX: usize = 4_096;
/// The rule that is named where no role is needed.
pub const RULE_EVERYONE: &str = "everyone";

/// A policy, read against one schema and one configuration.
pub struct Policy {
    /// What the file says.
    rules: Rules,
    /// The same as bits, for decisions.
    compiled: Compiled,
    /// The schema of those bits: they mean nothing under another.
    schema: Schema,
}

impl Policy {
    /// Reads and checks `access.toml`. `file` is the name that errors show.
    pub fn read(text: &str, file: &str, schema: &Schema, config: &Config) -> Result<Policy, FileError> {
        let rules = read::rules(text, file, schema, config)?;
        let compiled = Compiled::new(&rules, schema, config);
        Ok(Policy { rules, compiled, schema: schema.clone() })
    }

    /// Every grant, cell by cell, sorted: what nobody is granted here, nobody may do.
    pub fn enumerate(&self) -> Vec<Cell> {
        let mut cells: Vec<Cell> = self.rules.grants.iter().flat_map(|grant| self.cells_of(grant)).collect();
        cells.sort();
        cells
    }

    /// Who can do this today: the cells of a category, of one field and of one action where they
    /// are given, with the applications through which it can be done.
    pub fn who_can(&self, category: &Name, field: Option<&Name>, action: Option<Action>) -> Vec<Cell> {
        let mut cells = self.enumerate();
        cells.retain(|cell| {
            cell.category == *category
                && field.is_none_or(|field| cell.field.as_ref() == Some(field))
                && action.is_none_or(|action| cell.action == action)
        });
        cells
    }

    /// Who may do what touches no field: role, act and rule.
    pub fn duties(&self) -> impl Iterator<Item = (Name, Action, Name)> {
        self.rules.duties.iter().flat_map(|duty| duty.acts.iter().map(|act| (duty.role, *act, duty.name)))
    }

    /// The roles with their titles, in the file's order.
    pub fn roles(&self) -> impl Iterator<Item = (Name, &str)> {
        self.rules.roles.iter().map(|role| (role.name, role.title.as_str()))
    }

    /// What is refused whatever else is said.
    pub fn revoked(&self) -> &Revoked {
        &self.rules.revoked
    }

    fn cells_of<'a>(&'a self, grant: &'a Grant) -> impl Iterator<Item = Cell> + 'a {
        grant.cells().map(move |cell| Cell {
            role: grant.role,
            category: grant.category,
            field: cell.field,
            action: cell.action,
            form: cell.form,
            purpose: cell.purpose,
            rule: grant.name,
            applications: self.applications_for(grant.category, cell.action, cell.purpose),
        })
    }

    fn applications_for(&self, category: Name, action: Action, purpose: Name) -> Vec<Name> {
        let may = |row: &&ApplicationRow| {
            let covers = row.categories.contains(&category) && row.actions.contains(&action);
            let somewhere = row.purposes.contains(&purpose) && !row.controllers.is_empty();
            covers && somewhere && !self.revoked().has_application(&row.name)
        };
        self.rules.applications.iter().filter(may).map(|row| row.name).collect()
    }
}
