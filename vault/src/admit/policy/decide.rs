//! One decision: application ∩ person ∩ purpose ∩ case. Needs nothing about the data subject, so
//! what it refuses may be said openly.

use coffer_wire::Name;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::problem::Code;

use super::compile::{ApplicationBits, CategoryMatrix, Compiled, GrantBits, Slot, WHOLE, action_bit};
use super::{Policy, RULE_EVERYONE};
use crate::admit::Ask;
use crate::schema::{Category, Schema};

/// What a caller brings, as bits of the policy in force.
#[derive(Clone, Copy)]
pub(in crate::admit) struct Rights {
    pub(in crate::admit) application: Name,
    pub(in crate::admit) roles: u64,
    /// The person's controllers.
    pub(in crate::admit) controllers: u64,
}

/// Not permitted: what the answer says, and which check it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::admit) struct Denied {
    pub(in crate::admit) code: Code,
    pub(in crate::admit) rule: &'static str,
}

impl Denied {
    pub(in crate::admit) fn new(code: Code, rule: &'static str) -> Denied {
        Denied { code, rule }
    }
}

impl Policy {
    /// The rule that permits the ask, or what forbids it.
    pub(in crate::admit) fn decide(&self, rights: &Rights, action: Action, ask: &Ask<'_>) -> Result<String, Denied> {
        let schema = &self.schema;
        match action {
            Action::RecordsRead | Action::RecordsWrite | Action::RecordsList | Action::RecordsErase => {
                let rule = self.compiled.on_record(schema, rights, action, ask)?;
                Ok(rule.name(0))
            }
            // A duty says who may erase people; a grant says from which category and for what.
            Action::SubjectsErase => {
                let duty = self.compiled.act(rights, action, ask)?;
                let grant = self.compiled.on_record(schema, rights, Action::RecordsErase, ask)?;
                Ok(Rule { first: duty, further: 0 }.name(grant.further + 1))
            }
            // Who may erase may ask to erase more: a duty of its own could be held by nobody.
            Action::ErasureAllow => Ok(self.compiled.on_record(schema, rights, Action::RecordsErase, ask)?.name(0)),
            Action::Whoami | Action::ApiShow | Action::ApprovalList => Ok(RULE_EVERYONE.to_owned()),
            _ => Ok(Rule { first: self.compiled.act(rights, action, ask)?, further: 0 }.name(0)),
        }
    }

    /// The bits behind the names.
    pub(in crate::admit) fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

/// The rule that permitted: a grant, and how many others were needed beside it.
struct Rule {
    first: Name,
    further: usize,
}

impl Rule {
    fn name(&self, more: usize) -> String {
        match self.further + more {
            0 => self.first.as_str().to_owned(),
            further => format!("{}+{further}", self.first),
        }
    }
}

impl Compiled {
    /// Controllers of person and application both.
    pub(in crate::admit) fn shared_controllers(&self, rights: &Rights) -> u64 {
        self.application(&rights.application).map_or(0, |application| application.controllers & rights.controllers)
    }

    /// An act that touches no field.
    fn act(&self, rights: &Rights, action: Action, ask: &Ask<'_>) -> Result<Name, Denied> {
        let application = self.application_of(rights)?;
        if application.actions & action_bit(action) == 0 {
            return Err(Denied::new(Code::ForbiddenApplication, "application-act"));
        }
        // What belongs to no controller is counted under the vault's own name.
        if ask.controller != VAULT {
            self.controller(rights, application, &ask.controller)?;
        }
        let duty = self.duties.iter().find(|duty| duty.role & rights.roles != 0 && duty.acts & action_bit(action) != 0);
        duty.map(|duty| duty.name).ok_or(Denied::new(Code::ForbiddenRole, "role-act"))
    }

    /// An action on a record.
    fn on_record(&self, schema: &Schema, rights: &Rights, action: Action, ask: &Ask<'_>) -> Result<Rule, Denied> {
        let application = self.application_of(rights)?;
        self.controller(rights, application, &ask.controller)?;
        let place = Place::find(self, schema, ask)?;
        place.check_application(application, action)?;
        let wanted = Wanted::of(place.category, action, ask)?;
        let Some(slot) = Slot::of(action, ask.form) else {
            return Err(Denied::new(Code::Malformed, "form"));
        };
        let cell = place.matrix.cell(slot, place.purpose);
        let rule = wanted.cover(cell, rights.roles).ok_or_else(|| place.why_not(&wanted, rights.roles, action))?;
        if place.category.case_required && ask.case.is_none_or(str::is_empty) {
            return Err(Denied::new(Code::CaseRequired, "case"));
        }
        Ok(rule)
    }

    fn application_of(&self, rights: &Rights) -> Result<&ApplicationBits, Denied> {
        self.application(&rights.application).ok_or(Denied::new(Code::ForbiddenApplication, "application-row"))
    }

    fn controller(&self, rights: &Rights, application: &ApplicationBits, name: &Name) -> Result<(), Denied> {
        let bit = self.controllers.bit(name).unwrap_or(0);
        if bit & application.controllers & rights.controllers == 0 {
            return Err(Denied::new(Code::ForbiddenController, "controller"));
        }
        Ok(())
    }
}

/// Category and purpose of an ask.
struct Place<'a> {
    category: &'a Category,
    /// Of the category, in the schema.
    position: usize,
    matrix: &'a CategoryMatrix,
    /// Of the purpose, in the category.
    purpose: usize,
}

impl<'a> Place<'a> {
    fn find(compiled: &'a Compiled, schema: &'a Schema, ask: &Ask<'_>) -> Result<Place<'a>, Denied> {
        let name = ask.category.ok_or(Denied::new(Code::Malformed, "category"))?;
        let position = schema.position(&name).ok_or(Denied::new(Code::UnknownCategory, "category"))?;
        let purpose = ask.purpose.ok_or(Denied::new(Code::PurposeMissing, "purpose"))?;
        let (category, matrix) = (schema.at(position), &compiled.categories[position]);
        let purpose = matrix.purposes.position(&purpose);
        let purpose = purpose.ok_or(Denied::new(Code::PurposeNotPermitted, "category-purpose"))?;
        Ok(Place { category, position, matrix, purpose })
    }

    fn check_application(&self, application: &ApplicationBits, action: Action) -> Result<(), Denied> {
        if application.categories & (1 << self.position) == 0 {
            return Err(Denied::new(Code::ForbiddenApplication, "application-category"));
        }
        if application.actions & action_bit(action) == 0 {
            return Err(Denied::new(Code::ForbiddenApplication, "application-action"));
        }
        if application.purposes[self.position] & (1 << self.purpose) == 0 {
            return Err(Denied::new(Code::PurposeNotPermitted, "application-purpose"));
        }
        Ok(())
    }

    /// Which of role, purpose, field and form was missing: the widest first.
    fn why_not(&self, wanted: &Wanted, roles: u64, action: Action) -> Denied {
        let of_purpose = |purpose: usize| Slot::all_of(action).flat_map(move |slot| self.matrix.cell(slot, purpose));
        let of_person = |grant: &&GrantBits| grant.role & roles != 0;
        if !(0..self.matrix.purposes.len()).any(|purpose| of_purpose(purpose).any(|grant| of_person(&grant))) {
            return Denied::new(Code::ForbiddenRole, "role-category");
        }
        if !of_purpose(self.purpose).any(|grant| of_person(&grant)) {
            return Denied::new(Code::PurposeNotPermitted, "role-purpose");
        }
        let in_any_form = of_purpose(self.purpose).filter(of_person).fold(0, |fields, grant| fields | grant.fields);
        if wanted.fields & !in_any_form != 0 {
            return Denied::new(Code::ForbiddenField, "role-field");
        }
        Denied::new(Code::ForbiddenForm, "role-form")
    }
}

/// The fields of an ask, as bits.
struct Wanted {
    fields: u64,
    /// The bit of the field that was named first; its grant names the rule.
    first: u64,
}

impl Wanted {
    fn of(category: &Category, action: Action, ask: &Ask<'_>) -> Result<Wanted, Denied> {
        if !matches!(action, Action::RecordsRead | Action::RecordsWrite) {
            return Ok(Wanted { fields: WHOLE, first: WHOLE });
        }
        let mut wanted = Wanted { fields: 0, first: 0 };
        for field in ask.fields {
            let position = category.position(field).ok_or(Denied::new(Code::UnknownField, "field"))?;
            wanted.fields |= 1 << position;
            if wanted.first == 0 {
                wanted.first = wanted.fields;
            }
        }
        // An ask for nothing is a mistake, and must not pass as covered.
        if wanted.fields == 0 { Err(Denied::new(Code::Malformed, "no-field")) } else { Ok(wanted) }
    }

    /// The grants of these roles that cover every field, if they do: the one of the first field,
    /// and how many others are needed in the file's order.
    fn cover(&self, cell: &[GrantBits], roles: u64) -> Option<Rule> {
        let of_person = || cell.iter().filter(|grant| grant.role & roles != 0);
        let first = of_person().find(|grant| grant.fields & self.first != 0)?;
        let mut missing = self.fields & !first.fields;
        let mut further = 0;
        for grant in of_person() {
            if missing & grant.fields != 0 {
                missing &= !grant.fields;
                further += 1;
            }
        }
        (missing == 0).then_some(Rule { first: first.name, further })
    }
}
