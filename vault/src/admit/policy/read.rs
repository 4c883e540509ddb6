//! Reads and checks `access.toml`. What it names must exist, and what it grants must be possible:
//! a grant that could never be used is a mistake of its author, and is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use coffer_wire::api::Form;
use coffer_wire::leaf::Action;
use coffer_wire::{Name, Recipient};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use toml::Spanned;

use super::revoked::Revoked;
use super::rules::{ApplicationRow, Duty, Grant, Role, Rules, act, data_action, is_admins, is_auditors};
use super::{GRANTS_MAX, ROLES_MAX, RULE_EVERYONE};
use crate::config::{Config, FileError, Source, TEXT_BYTES_MAX};
use crate::schema::{Category, Schema};

pub(super) fn rules(text: &str, file: &str, schema: &Schema, config: &Config) -> Result<Rules, FileError> {
    let source = Source { file, text };
    let raw: RawPolicy = source.parse()?;
    let roles = raw.role.iter().map(|role| *role.name.get_ref()).collect();
    let recipients = raw.role.iter().filter_map(|role| Some((*role.name.get_ref(), role.recipient?))).collect();
    let reader = Reader { source, schema, config, roles, recipients };
    reader.all(raw)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    #[serde(default)]
    role: Vec<RawRole>,
    #[serde(default)]
    grant: Vec<RawGrant>,
    #[serde(default)]
    duty: Vec<RawDuty>,
    #[serde(default)]
    application: Vec<RawApplication>,
    #[serde(default)]
    revoked: RawRevoked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRole {
    name: Spanned<Name>,
    title: Spanned<String>,
    recipient: Option<Recipient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    name: Spanned<Name>,
    role: Spanned<Name>,
    category: Spanned<Name>,
    actions: Spanned<Vec<String>>,
    #[serde(default)]
    fields: Option<Spanned<Vec<Name>>>,
    #[serde(default)]
    forms: Option<Spanned<Vec<Form>>>,
    purposes: Spanned<Vec<Name>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDuty {
    name: Spanned<Name>,
    role: Spanned<Name>,
    acts: Spanned<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    name: Spanned<Name>,
    categories: Spanned<Vec<Name>>,
    actions: Spanned<Vec<String>>,
    purposes: Spanned<Vec<Name>>,
    acts: Spanned<Vec<String>>,
    controllers: Spanned<Vec<Name>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRevoked {
    certificates: Vec<Spanned<String>>,
    applications: Vec<Spanned<Name>>,
    persons: Vec<Spanned<String>>,
    tokens: Vec<Spanned<String>>,
}

struct Reader<'a> {
    source: Source<'a>,
    schema: &'a Schema,
    config: &'a Config,
    roles: BTreeSet<Name>,
    /// Those of them whose people are recipients.
    recipients: BTreeMap<Name, Recipient>,
}

impl Reader<'_> {
    fn all(&self, raw: RawPolicy) -> Result<Rules, FileError> {
        self.distinct(raw.role.iter().map(|role| &role.name))?;
        // Grants and duties share one space of names, since the log names either as the rule.
        self.distinct(raw.grant.iter().map(|grant| &grant.name).chain(raw.duty.iter().map(|duty| &duty.name)))?;
        self.distinct(raw.application.iter().map(|application| &application.name))?;
        self.limits(&raw)?;
        self.separations(&raw)?;
        Ok(Rules {
            roles: each(raw.role, |role| self.role(role))?,
            grants: each(raw.grant, |grant| self.grant(grant))?,
            duties: each(raw.duty, |duty| self.duty(duty))?,
            applications: each(raw.application, |application| self.application(application))?,
            revoked: self.revoked(raw.revoked)?,
        })
    }

    fn limits(&self, raw: &RawPolicy) -> Result<(), FileError> {
        if raw.role.len() > ROLES_MAX {
            return Err(FileError::whole(self.source.file, format!("has more than {ROLES_MAX} of [[role]]")));
        }
        if raw.grant.len() > GRANTS_MAX {
            return Err(FileError::whole(self.source.file, format!("has more than {GRANTS_MAX} of [[grant]]")));
        }
        Ok(())
    }

    /// Fixed: who keeps keys, policy or schema, and who reads the log, reads no data; and they are two.
    fn separations(&self, raw: &RawPolicy) -> Result<(), FileError> {
        let mut holders = (BTreeSet::new(), BTreeSet::new());
        for duty in &raw.duty {
            let acts: Vec<Action> = duty.acts.get_ref().iter().filter_map(|word| act(word)).collect();
            let role = *duty.role.get_ref();
            if acts.iter().any(|act| is_admins(*act)) {
                holders.0.insert(role);
            }
            if acts.iter().any(|act| is_auditors(*act)) {
                holders.1.insert(role);
            }
            if holders.0.contains(&role) && holders.1.contains(&role) {
                let what = format!(
                    "role `{role}` would keep keys, policy or schema and read the log; give these to two roles"
                );
                return Err(self.source.at(duty.role.span(), "role", what));
            }
        }
        for grant in &raw.grant {
            let role = grant.role.get_ref();
            if holders.0.contains(role) || holders.1.contains(role) {
                let what = format!("role `{role}` has a security admin's or auditor's duty and may hold no grant");
                return Err(self.source.at(grant.role.span(), "role", what));
            }
        }
        Ok(())
    }

    fn role(&self, raw: RawRole) -> Result<Role, FileError> {
        let title = raw.title.get_ref();
        if title.is_empty() || title.len() > TEXT_BYTES_MAX || title.chars().any(char::is_control) {
            let what = format!("must be 1 to {TEXT_BYTES_MAX} bytes without control characters");
            return Err(self.source.at(raw.title.span(), "title", what));
        }
        Ok(Role { name: raw.name.into_inner(), title: raw.title.into_inner(), recipient: raw.recipient })
    }

    fn grant(&self, raw: RawGrant) -> Result<Grant, FileError> {
        self.known_role(&raw.role)?;
        let Some(category) = self.schema.category(raw.category.get_ref()) else {
            let what = format!("there is no category `{}` in the schema", raw.category.get_ref());
            return Err(self.source.at(raw.category.span(), "category", what));
        };
        let actions = self.words("actions", &raw.actions, "read, list, write or erase", data_action)?;
        self.some("actions", &raw.actions)?;
        self.some("purposes", &raw.purposes)?;
        self.distinct_list("purposes", &raw.purposes)?;
        let shows = actions.contains(&Action::RecordsRead);
        let fields = self.list_for(
            "fields",
            raw.fields,
            shows || actions.contains(&Action::RecordsWrite),
            "read and write",
            raw.actions.span(),
        )?;
        let forms = self.list_for("forms", raw.forms, shows, "read", raw.actions.span())?;
        self.fields_exist(category, &fields)?;
        self.purposes_hold(category, &fields, &raw.purposes)?;
        self.forms_fit(category, &fields, &forms)?;
        self.recipients_are_told(category, &raw.role, &raw.purposes, &actions)?;
        Ok(Grant {
            name: raw.name.into_inner(),
            role: raw.role.into_inner(),
            category: category.name,
            actions,
            fields: fields.map(Spanned::into_inner).unwrap_or_default(),
            forms: forms.map(Spanned::into_inner).unwrap_or_default(),
            purposes: raw.purposes.into_inner(),
        })
    }

    fn duty(&self, raw: RawDuty) -> Result<Duty, FileError> {
        self.known_role(&raw.role)?;
        self.some("acts", &raw.acts)?;
        let acts = self.words("acts", &raw.acts, ACTS, act)?;
        if raw.name.get_ref().as_str() == RULE_EVERYONE {
            return Err(self.source.at(raw.name.span(), "name", "is the vault's own rule; choose another name"));
        }
        Ok(Duty { name: raw.name.into_inner(), role: raw.role.into_inner(), acts })
    }

    fn application(&self, raw: RawApplication) -> Result<ApplicationRow, FileError> {
        self.known_application(&raw.name)?;
        self.known("categories", &raw.categories, "category of the schema", |name| {
            self.schema.category(name).is_some()
        })?;
        self.known("purposes", &raw.purposes, "purpose of the schema", |name| {
            self.schema.iter().any(|category| category.purposes.contains(name))
        })?;
        self.known("controllers", &raw.controllers, "controller of coffer.toml", |name| {
            self.config.has_controller(name)
        })?;
        Ok(ApplicationRow {
            actions: self.words("actions", &raw.actions, "read, list, write or erase", data_action)?,
            acts: self.words("acts", &raw.acts, ACTS, act)?,
            name: raw.name.into_inner(),
            categories: raw.categories.into_inner(),
            purposes: raw.purposes.into_inner(),
            controllers: raw.controllers.into_inner(),
        })
    }

    fn revoked(&self, raw: RawRevoked) -> Result<Revoked, FileError> {
        let mut revoked = Revoked::default();
        for certificate in &raw.certificates {
            revoked.certificates.insert(self.fingerprint(certificate)?);
        }
        for application in &raw.applications {
            self.known_application(application)?;
            revoked.applications.insert(*application.get_ref());
        }
        for person in &raw.persons {
            let (iss, sub) = self.person(person)?;
            revoked.persons.entry(iss).or_default().insert(sub);
        }
        for token in raw.tokens {
            if token.get_ref().is_empty() {
                return Err(self.source.at(token.span(), "tokens", "must be the token's `jti`"));
            }
            revoked.tokens.insert(token.into_inner());
        }
        Ok(revoked)
    }

    fn fingerprint(&self, text: &Spanned<String>) -> Result<[u8; 32], FileError> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.get_ref().as_bytes()).ok();
        let what = "must be the SHA-256 of the certificate's DER form, 64 hex digits";
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.source.at(text.span(), "certificates", what))
    }

    /// A misspelt issuer would leave the person unrevoked, so it must be one that is believed.
    fn person(&self, text: &Spanned<String>) -> Result<(String, String), FileError> {
        let fail = |what: &str| self.source.at(text.span(), "persons", what);
        let (iss, sub) =
            text.get_ref().split_once(' ').ok_or_else(|| fail("must be issuer and subject with one space between"))?;
        if !self.config.issuers.iter().any(|issuer| issuer.iss == iss) {
            return Err(fail("names an issuer that coffer.toml does not"));
        }
        if sub.is_empty() { Err(fail("names no subject")) } else { Ok((iss.to_owned(), sub.to_owned())) }
    }
}

const ACTS: &str = "subjects.erase, keys.rotate, keys.jobs, keys.destroy, keys.shred, key.state, log.rekey, keys.list, root.rotate, vault.seal, vault.drill, status, access.apply, access.show, schema.apply or log.entry, hold.set, hold.lift, hold.list, schema.show";

/// What several kinds of table need.
impl Reader<'_> {
    fn distinct<'b>(&self, names: impl Iterator<Item = &'b Spanned<Name>>) -> Result<(), FileError> {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(*name.get_ref()) {
                return Err(self.source.at(name.span(), "name", format!("`{}` stands twice", name.get_ref())));
            }
        }
        Ok(())
    }

    fn distinct_list<T: Ord>(&self, key: &str, list: &Spanned<Vec<T>>) -> Result<(), FileError> {
        let distinct: BTreeSet<_> = list.get_ref().iter().collect();
        if distinct.len() < list.get_ref().len() {
            return Err(self.source.at(list.span(), key, "names something twice"));
        }
        Ok(())
    }

    fn some<T>(&self, key: &str, list: &Spanned<Vec<T>>) -> Result<(), FileError> {
        if list.get_ref().is_empty() { Err(self.source.at(list.span(), key, "must not be empty")) } else { Ok(()) }
    }

    /// A list that some actions need and the others must not have. `place` is where it would belong.
    fn list_for<T: Ord>(
        &self,
        key: &str,
        list: Option<Spanned<Vec<T>>>,
        needed: bool,
        by: &str,
        place: Range<usize>,
    ) -> Result<Option<Spanned<Vec<T>>>, FileError> {
        match list {
            Some(list) if needed => {
                self.some(key, &list)?;
                self.distinct_list(key, &list)?;
                Ok(Some(list))
            }
            Some(list) if !list.get_ref().is_empty() => {
                Err(self.source.at(list.span(), key, format!("belongs to {by} alone; take it out or add the action")))
            }
            None if needed => Err(self.source.at(place, key, format!("is missing; a grant to {by} needs it"))),
            _ => Ok(None),
        }
    }

    fn words(
        &self,
        key: &str,
        list: &Spanned<Vec<String>>,
        which: &str,
        of: fn(&str) -> Option<Action>,
    ) -> Result<Vec<Action>, FileError> {
        self.distinct_list(key, list)?;
        let action =
            |word: &String| of(word).ok_or_else(|| self.source.at(list.span(), key, format!("must be {which}")));
        list.get_ref().iter().map(action).collect()
    }

    fn known(
        &self,
        key: &str,
        list: &Spanned<Vec<Name>>,
        of: &str,
        is_known: impl Fn(&Name) -> bool,
    ) -> Result<(), FileError> {
        self.distinct_list(key, list)?;
        match list.get_ref().iter().find(|name| !is_known(name)) {
            Some(name) => Err(self.source.at(list.span(), key, format!("`{name}` is no {of}"))),
            None => Ok(()),
        }
    }

    fn known_role(&self, role: &Spanned<Name>) -> Result<(), FileError> {
        if self.roles.contains(role.get_ref()) {
            return Ok(());
        }
        Err(self.source.at(role.span(), "role", format!("there is no [[role]] `{}`", role.get_ref())))
    }

    fn known_application(&self, name: &Spanned<Name>) -> Result<(), FileError> {
        if self.config.application(name.get_ref()).is_some() {
            return Ok(());
        }
        Err(self.source.at(name.span(), "name", format!("there is no application `{}` in coffer.toml", name.get_ref())))
    }

    fn fields_exist(&self, category: &Category, fields: &Option<Spanned<Vec<Name>>>) -> Result<(), FileError> {
        let Some(fields) = fields else { return Ok(()) };
        self.known("fields", fields, &format!("field of category `{}`", category.name), |name| {
            category.field(name).is_some()
        })
    }

    /// What recipients may see is what a notice tells: the category names them, with the purpose.
    fn recipients_are_told(
        &self,
        category: &Category,
        role: &Spanned<Name>,
        purposes: &Spanned<Vec<Name>>,
        actions: &[Action],
    ) -> Result<(), FileError> {
        let shows = actions.iter().any(|action| matches!(action, Action::RecordsRead | Action::RecordsList));
        let Some(kind) = self.recipients.get(role.get_ref()).filter(|_| shows) else { return Ok(()) };
        match purposes.get_ref().iter().find(|purpose| !category.goes_to(*kind, purpose)) {
            Some(purpose) => {
                let what = format!(
                    "role `{}` is a recipient, `{kind}`, that category `{}` does not name for `{purpose}`; add a [[recipient]] to its schema",
                    role.get_ref(),
                    category.name
                );
                Err(self.source.at(role.span(), "role", what))
            }
            None => Ok(()),
        }
    }

    /// Each field must have each form: of what is no date of birth, no age can be told.
    fn forms_fit(
        &self,
        category: &Category,
        fields: &Option<Spanned<Vec<Name>>>,
        forms: &Option<Spanned<Vec<Form>>>,
    ) -> Result<(), FileError> {
        let (Some(fields), Some(forms)) = (fields, forms) else { return Ok(()) };
        for field in fields.get_ref().iter().filter_map(|name| category.field(name)) {
            if let Some(form) = forms.get_ref().iter().find(|form| !field.has(**form)) {
                let what = format!(
                    "`{}` is no form of field `{}`; its `bands` or `over` in the schema would make it one",
                    form.as_str(),
                    field.name
                );
                return Err(self.source.at(forms.span(), "forms", what));
            }
        }
        Ok(())
    }

    /// Each purpose must be one of the category's, and of each field that the grant names: a right
    /// to use a field for a purpose it does not serve would be said and not be so.
    fn purposes_hold(
        &self,
        category: &Category,
        fields: &Option<Spanned<Vec<Name>>>,
        purposes: &Spanned<Vec<Name>>,
    ) -> Result<(), FileError> {
        let of = format!("purpose of category `{}`", category.name);
        self.known("purposes", purposes, &of, |purpose| category.purposes.contains(purpose))?;
        let named = fields.iter().flat_map(|fields| fields.get_ref());
        for field in named.filter_map(|name| category.field(name)) {
            let of = format!("purpose of field `{}`; give that field a grant of its own", field.name);
            self.known("purposes", purposes, &of, |purpose| field.purposes.contains(purpose))?;
        }
        Ok(())
    }
}

fn each<R, T>(raw: Vec<R>, read: impl Fn(R) -> Result<T, FileError>) -> Result<Vec<T>, FileError> {
    raw.into_iter().map(read).collect()
}
