//! What a policy permits that the one before it does not. A policy that only takes away is how somebody is revoked, by one
//! person and at once; one that gives needs two.
//!
//! Compared are combinations: of one role through one application for one controller. What a person may who holds several
//! roles is made of these.

use std::collections::{BTreeMap, BTreeSet};

use coffer_wire::Name;
use coffer_wire::api::Form;
use coffer_wire::leaf::Action;
use data_encoding::HEXLOWER;

use super::Policy;
use super::rules::{ApplicationRow, GrantCell, Role};

/// What a role may do with fields of a category.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    role: Name,
    category: Name,
    action: Action,
    form: Option<Form>,
    purpose: Name,
}

/// The fields of each right; of one that is about whole records, none but that.
type Rights = BTreeMap<Right, BTreeSet<Option<Name>>>;

impl Policy {
    /// What is permitted here and was not in `old`, in words; nothing where all that passes here passed there.
    pub fn widens(&self, old: &Policy) -> Vec<String> {
        let mut wider = self.wider_rights(old);
        wider.extend(self.wider_acts(old));
        wider.extend(self.no_longer_told(old));
        wider.extend(self.taken_off(old));
        wider
    }

    fn wider_rights(&self, old: &Policy) -> Vec<String> {
        let (before, after) = (old.rights(), self.rights());
        let mut wider = Vec::new();
        for (right, fields) in &after {
            let had = before.get(right).cloned().unwrap_or_default();
            let (kept, fresh): (BTreeSet<_>, BTreeSet<_>) = fields.iter().copied().partition(|f| had.contains(f));
            for application in self.applications() {
                let controllers = Some(application).filter(|row| right.is_through(row)).map(controllers);
                let controllers = controllers.unwrap_or_default();
                let had = old.application(&application.name).filter(|row| right.is_through(row));
                let had = had.map(self::controllers).unwrap_or_default();
                let more: BTreeSet<Name> = controllers.difference(&had).copied().collect();
                for (fields, controllers) in [(&fresh, &controllers), (&kept, &more)] {
                    if !fields.is_empty() && !controllers.is_empty() {
                        wider.push(right.words(fields, application.name, controllers));
                    }
                }
            }
        }
        wider
    }

    /// Acts that touch no field: they are a role's duty, and an application lets them through.
    fn wider_acts(&self, old: &Policy) -> Vec<String> {
        let had: BTreeSet<(Name, Action)> = old.duties().map(|(role, act, _)| (role, act)).collect();
        let duties: BTreeSet<(Name, Action)> = self.duties().map(|(role, act, _)| (role, act)).collect();
        let mut wider = Vec::new();
        for (role, act) in duties {
            for application in self.applications().filter(|row| row.acts.contains(&act)) {
                let before = old.application(&application.name).filter(|row| row.acts.contains(&act));
                let before = before.filter(|_| had.contains(&(role, act)));
                let more: BTreeSet<Name> = match before {
                    // What is no controller's can be done through it whatever its controllers are.
                    None => controllers(application),
                    Some(row) => controllers(application).difference(&controllers(row)).copied().collect(),
                };
                if before.is_none() || !more.is_empty() {
                    wider.push(format!("`{role}` may do {act} through `{}`{}", application.name, of(&more)));
                }
            }
        }
        wider
    }

    /// Roles whose people were recipients and pass for staff, or for recipients of another kind. What they may see is the same
    /// that day; but from then on no notice has to tell of it (`read.rs` holds recipients to what the schema names), so that
    /// a schema which names them no more, and narrows by that, would leave them what nobody is told of.
    fn no_longer_told(&self, old: &Policy) -> Vec<String> {
        let before: BTreeMap<Name, _> =
            old.rules.roles.iter().filter_map(|role| Some((role.name, role.recipient?))).collect();
        let changed = |role: &&Role| before.get(&role.name).is_some_and(|kind| role.recipient != Some(*kind));
        let words = |role: &Role| format!("`{}` is no recipient, `{}`, any more", role.name, before[&role.name]);
        self.rules.roles.iter().filter(changed).map(words).collect()
    }

    /// Revocations that are taken back.
    fn taken_off(&self, old: &Policy) -> Vec<String> {
        let (now, before) = (self.revoked(), old.revoked());
        let certificates = before.certificates.difference(&now.certificates);
        let applications = before.applications.difference(&now.applications);
        let tokens = before.tokens.difference(&now.tokens);
        let persons = before.persons.iter().flat_map(|(iss, subjects)| subjects.iter().map(move |sub| (iss, sub)));
        let persons = persons.filter(|(iss, sub)| !now.has_person(iss, sub));
        let mut words: Vec<String> =
            certificates.map(|print| format!("certificate {} is revoked no more", HEXLOWER.encode(print))).collect();
        words.extend(applications.map(|name| format!("application `{name}` is revoked no more")));
        words.extend(persons.map(|(iss, sub)| format!("{sub} of {iss} is revoked no more")));
        words.extend(tokens.map(|_| "a token is revoked no more".to_owned()));
        words
    }

    fn rights(&self) -> Rights {
        let mut rights = Rights::new();
        for grant in &self.rules.grants {
            for GrantCell { action, field, form, purpose } in grant.cells() {
                let right = Right { role: grant.role, category: grant.category, action, form, purpose };
                rights.entry(right).or_default().insert(field);
            }
        }
        rights
    }

    /// The applications through which anything can be done.
    fn applications(&self) -> impl Iterator<Item = &ApplicationRow> {
        self.rules.applications.iter().filter(|row| !self.revoked().has_application(&row.name))
    }

    fn application(&self, name: &Name) -> Option<&ApplicationRow> {
        self.applications().find(|row| row.name == *name)
    }
}

impl Right {
    fn is_through(&self, row: &ApplicationRow) -> bool {
        row.categories.contains(&self.category)
            && row.actions.contains(&self.action)
            && row.purposes.contains(&self.purpose)
    }

    fn words(&self, fields: &BTreeSet<Option<Name>>, application: Name, controllers: &BTreeSet<Name>) -> String {
        let Right { role, category, action, form, purpose } = self;
        let verb = action.as_str().trim_start_matches("records.");
        let form = form.map(|form| format!(" {}", form.as_str())).unwrap_or_default();
        let named: Vec<&str> = fields.iter().flatten().map(Name::as_str).collect();
        let what = if named.is_empty() { "records".to_owned() } else { named.join(", ") };
        let of = of(controllers);
        format!("`{role}` may {verb}{form} {what} of `{category}` for {purpose} through `{application}`{of}")
    }
}

fn controllers(row: &ApplicationRow) -> BTreeSet<Name> {
    row.controllers.iter().copied().collect()
}

fn of(controllers: &BTreeSet<Name>) -> String {
    let names: Vec<&str> = controllers.iter().map(Name::as_str).collect();
    if names.is_empty() { String::new() } else { format!(", of {}", names.join(", ")) }
}
