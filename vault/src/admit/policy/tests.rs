//! The whole matrix against a second evaluator that reads the rules straight, without a bit.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use coffer_wire::api::Form;
use coffer_wire::problem::Code;

use super::decide::Rights;
use super::*;
use crate::admit::Ask;
use crate::admit::tests::{ACCESS, CONFIG, DATA_ACTIONS, config, name, schema};
use crate::schema::Category;

fn read(text: &str) -> Result<Policy, FileError> {
    Policy::read(text, "access.toml", &schema(), &config(Path::new("/home")))
}

fn policy() -> Policy {
    read(ACCESS).unwrap()
}

/// What is asked, by names.
struct Asked<'a> {
    application: Name,
    roles: &'a [Name],
    controller: Name,
    category: Name,
    fields: &'a [Name],
    action: Action,
    form: Option<Form>,
    purpose: Name,
}

impl Asked<'_> {
    fn decide(&self, policy: &Policy) -> Result<String, Code> {
        let names = policy.compiled();
        let rights =
            Rights { application: self.application, roles: names.roles.bits(self.roles), controllers: u64::MAX };
        let ask = Ask {
            category: Some(self.category),
            fields: self.fields,
            form: self.form,
            purpose: Some(self.purpose),
            case: Some("case"),
            ..Ask::of(self.controller)
        };
        policy.decide(&rights, self.action, &ask).map_err(|denied| denied.code)
    }

    /// The second evaluator: the sentence of the policy's head, read aloud.
    fn is_granted(&self, rules: &Rules) -> bool {
        let through = rules.applications.iter().any(|row| {
            row.name == self.application
                && row.controllers.contains(&self.controller)
                && row.categories.contains(&self.category)
                && row.actions.contains(&self.action)
                && row.purposes.contains(&self.purpose)
        });
        let names_fields = matches!(self.action, Action::RecordsRead | Action::RecordsWrite);
        let somebody = |field: Option<&Name>| {
            rules.grants.iter().any(|grant| {
                self.roles.contains(&grant.role)
                    && grant.category == self.category
                    && grant.actions.contains(&self.action)
                    && grant.purposes.contains(&self.purpose)
                    && field.is_none_or(|field| grant.fields.contains(field))
                    && self.form.is_none_or(|form| grant.forms.contains(&form))
            })
        };
        let permitted =
            if names_fields { self.fields.iter().all(|field| somebody(Some(field))) } else { somebody(None) };
        through && permitted
    }
}

/// Of a read: each form that the first of these fields has, and some that hardly any has. No policy grants the others
/// ([`no_policy_grants_a_form_that_a_field_does_not_have`]).
fn forms(action: Action, category: &Category, fields: &[Name]) -> Vec<Option<Form>> {
    let field = fields.first().and_then(|field| category.field(field));
    let asked = |form: &Form| {
        let always = matches!(form, Form::Clear | Form::Masked | Form::Band | Form::Over18);
        always || field.is_some_and(|field| field.has(*form))
    };
    match action {
        Action::RecordsRead => Form::ALL.iter().copied().filter(asked).map(Some).collect(),
        _ => vec![None],
    }
}

/// A policy with all that it can be asked about.
struct World {
    policy: Policy,
    schema: Schema,
    config: Config,
}

impl World {
    fn inline() -> World {
        World { policy: policy(), schema: schema(), config: config(Path::new("/home")) }
    }

    /// What `coffer-vault init` lays down.
    fn shipped() -> World {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/schema");
        let file = |path: std::path::PathBuf| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        };
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap().path())).collect();
        let schema = Schema::read(&files).unwrap_or_else(|error| panic!("{error}"));
        let applications = ["rents-desk", "care-desk", "complaints-desk", "housing-desk", "safety-desk", "console"];
        let mut text = CONFIG[..CONFIG.find("application").unwrap()].to_owned();
        for name in applications {
            text += &format!("[[application]]\nname = \"{name}\"\ncertificate = \"{name}\"\nclient_id = \"{name}\"\n");
        }
        let config = Config::read(Path::new("/home"), "coffer.toml", &text).unwrap();
        let access = include_str!("../../../templates/access.toml");
        let policy = Policy::read(access, "access.toml", &schema, &config).unwrap_or_else(|error| panic!("{error}"));
        World { policy, schema, config }
    }

    fn roles(&self) -> Vec<Name> {
        self.policy.roles().map(|(role, _)| role).collect()
    }

    /// Calls for every combination of everything that has a name, with these roles and as many
    /// fields at once.
    fn every_combination(&self, roles: &[Vec<Name>], fields_at_once: usize, mut see: impl FnMut(&Asked<'_>)) {
        let applications: Vec<Name> = self.config.applications.iter().map(|application| application.name).collect();
        let controllers: Vec<Name> = self.config.controllers.iter().map(|controller| controller.name).collect();
        let purposes: BTreeSet<Name> = self.schema.iter().flat_map(|c| c.purposes.iter().copied()).collect();
        let purposes: Vec<Name> = purposes.into_iter().collect();
        for (application, controller) in pairs(&applications, &controllers) {
            for (roles, category) in roles.iter().flat_map(|roles| self.schema.iter().map(move |c| (roles, c))) {
                let names: Vec<Name> = category.fields.iter().map(|field| field.name).collect();
                for (fields, action) in
                    names.windows(fields_at_once.min(names.len())).flat_map(|f| DATA_ACTIONS.map(|a| (f, a)))
                {
                    for (form, purpose) in pairs(&forms(action, category, fields), &purposes) {
                        let category = category.name;
                        see(&Asked { application, roles, controller, category, fields, action, form, purpose });
                    }
                }
            }
        }
    }

    /// How many combinations were compared, and how many of them are granted.
    fn compare(&self, roles: &[Vec<Name>], fields_at_once: usize) -> (u32, u32) {
        let mut counts = (0, 0);
        self.every_combination(roles, fields_at_once, |asked| {
            let decided = asked.decide(&self.policy);
            assert_eq!(decided.is_ok(), asked.is_granted(&self.policy.rules));
            counts.0 += 1;
            counts.1 += u32::from(decided.is_ok());
        });
        counts
    }
}

fn pairs<A: Copy, B: Copy>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|a| b.iter().map(|b| (*a, *b))).collect()
}

fn each_alone(roles: Vec<Name>) -> Vec<Vec<Name>> {
    roles.into_iter().map(|role| vec![role]).collect()
}

#[test]
fn bits_and_names_decide_alike_on_every_combination() {
    for (what, world) in [("inline", World::inline()), ("shipped", World::shipped())] {
        let alone = world.compare(&each_alone(world.roles()), 1);
        println!("{what} policy: {} combinations agree, {} granted", alone.0, alone.1);
        assert!(alone.0 > 1_000 && alone.1 > 20);
    }
}

#[test]
fn two_roles_and_two_fields_at_once_are_decided_alike() {
    let world = World::inline();
    let couples: Vec<_> = pairs(&world.roles(), &world.roles()).into_iter().map(|(a, b)| vec![a, b]).collect();
    let (combinations, granted) = world.compare(&couples, 2);
    println!("{combinations} combinations agree, {granted} granted");
    assert!(granted > 100);
}

#[test]
fn what_is_enumerated_is_what_is_decided() {
    let world = World::inline();
    let cells = world.policy.enumerate();
    let mut found = 0;
    world.every_combination(&each_alone(world.roles()), 1, |asked| {
        let field = matches!(asked.action, Action::RecordsRead | Action::RecordsWrite).then(|| asked.fields[0]);
        let cell = cells.iter().find(|cell| {
            asked.roles == [cell.role]
                && (cell.category, cell.field, cell.action) == (asked.category, field, asked.action)
                && (cell.form, cell.purpose) == (asked.form, asked.purpose)
        });
        let through = cell.is_some_and(|cell| cell.applications.contains(&asked.application));
        let here = asked.application == name("desk") || asked.controller == name("oakvale");
        let decided = asked.decide(&world.policy);
        assert_eq!(decided.is_ok(), through && here);
        if let (Ok(rule), Some(cell)) = (decided, cell) {
            assert_eq!(rule, cell.rule.as_str());
            found += 1;
        }
    });
    assert!(found > 0);
}

/// The grants of the shipped policy, written by hand; whatever does not stand there is refused.
const SHIPPED_GOLDEN: &str = include_str!("../../../../tests/golden/policy.csv");

#[test]
fn the_shipped_policy_decides_as_its_golden_rows_say() {
    let world = World::shipped();
    let mut granted = BTreeSet::new();
    world.every_combination(&each_alone(world.roles()), 1, |asked| {
        if asked.decide(&world.policy).is_ok() {
            let shows_field = matches!(asked.action, Action::RecordsRead | Action::RecordsWrite);
            let field = if shows_field { asked.fields[0].as_str() } else { "" };
            let action = asked.action.as_str().trim_start_matches("records.");
            let form = asked.form.map_or("", Form::as_str);
            granted.insert(format!("{},{},{field},{action},{form},{}", asked.roles[0], asked.category, asked.purpose));
        }
    });
    granted.extend(world.policy.duties().map(|(role, act, _)| format!("{role},,,{act},,")));
    let golden: BTreeSet<String> = SHIPPED_GOLDEN.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(granted.difference(&golden).collect::<Vec<_>>(), [""; 0], "granted and not written down");
    assert_eq!(golden.difference(&granted).collect::<Vec<_>>(), [""; 0], "written down and refused");
}

/// Written by hand, before the code that is to agree.
const GOLDEN: &[&str] = &[
    "carer care needs records.read clear planning carer-all [desk]",
    "carer care needs records.write - planning carer-all [desk]",
    "carer care - records.list - planning carer-all [desk]",
    "dpo bank - records.erase - erasure dpo-bank [console]",
    "dpo bank - records.list - erasure dpo-bank [console]",
    "officer bank - records.list - payments officer-write [desk]",
    "officer bank - records.list - refunds officer-write [desk]",
    "officer bank account records.read clear payments officer-read [desk]",
    "officer bank account records.write - payments officer-write [desk]",
    "officer bank account records.write - refunds officer-write [desk]",
    "officer bank holder records.write - payments officer-write [desk]",
    "officer bank holder records.write - refunds officer-write [desk]",
    "rents bank - records.list - payments rents-date [desk]",
    "rents bank account records.read masked payments rents-masked [desk]",
    "rents bank holder records.read clear payments rents-clear [desk]",
    "rents bank holder records.read masked payments rents-masked [desk]",
    "rents bank mandate records.read clear payments rents-date [desk]",
    "rents bank mandate records.read masked payments rents-date [desk]",
];

#[test]
fn the_grants_are_those_that_were_written_down_and_no_other() {
    let line = |cell: &Cell| {
        let field = cell.field.map_or("-".to_owned(), |field| field.to_string());
        let form = cell.form.map_or("-", Form::as_str);
        let Cell { role, category, action, purpose, rule, applications, .. } = cell;
        format!("{role} {category} {field} {action} {form} {purpose} {rule} {applications:?}").replace('"', "")
    };
    let mut lines: Vec<String> = policy().enumerate().iter().map(line).collect();
    lines.sort();
    let mut golden: Vec<&str> = GOLDEN.to_vec();
    golden.sort();
    assert_eq!(lines, golden);
}

#[test]
fn who_can_read_a_field_is_a_question_with_an_answer() {
    let policy = policy();
    let cells = policy.who_can(&name("bank"), Some(&name("account")), Some(Action::RecordsRead));
    let holders: Vec<_> = cells.iter().map(|cell| (cell.role, cell.form)).collect();
    assert_eq!(holders, [(name("officer"), Some(Form::Clear)), (name("rents"), Some(Form::Masked))]);
    assert_eq!(policy.who_can(&name("bank"), None, Some(Action::RecordsErase)).len(), 1);
    let revoked = read(&format!("{ACCESS}applications = [\"desk\"]\n")).unwrap();
    let cells = revoked.who_can(&name("care"), None, None);
    assert!(!cells.is_empty() && cells.iter().all(|cell| cell.applications.is_empty()), "granted, but through nothing");
    assert_eq!(policy.duties().filter(|(_, act, _)| *act == Action::Status).count(), 2);
}

#[test]
fn each_mistake_names_its_file_line_and_key() {
    for (from, to, key, says) in [
        ("title = \"Rents\"", "titel = \"Rents\"", "titel", "unknown"),
        ("title = \"Rents\"", "title = \"\"", "title", "1 to"),
        ("name = \"officer\", title", "name = \"rents\", title", "name", "twice"),
        ("name = \"rents-clear\"", "name = \"rents-masked\"", "name", "twice"),
        ("name = \"dpo-erases\"", "name = \"dpo-bank\"", "name", "twice"),
        ("name = \"dpo-erases\"", "name = \"everyone\"", "name", "own rule"),
        ("role = \"carer\"", "role = \"nurse\"", "role", "no [[role]]"),
        ("title = \"Carer\"", "title = \"Carer\", recipient = \"partner\"", "role", "is a recipient"),
        ("title = \"Carer\"", "title = \"Carer\", recipient = \"friend\"", "recipient", "unknown"),
        ("category = \"care\"", "category = \"pets\"", "category", "no category"),
        ("actions = [\"write\", \"list\"]", "actions = [\"write\", \"steal\"]", "actions", "must be read"),
        (
            "actions = [\"list\", \"erase\"], purposes = [\"erasure\"] },\n]",
            "actions = [], purposes = [\"erasure\"] },\n]",
            "actions",
            "empty",
        ),
        ("fields = [\"needs\"]", "fields = [\"needs\", \"needs\"]", "fields", "twice"),
        ("fields = [\"needs\"]", "fields = [\"wants\"]", "fields", "no field"),
        ("fields = [\"needs\"]", "fields = []", "fields", "empty"),
        ("fields = [\"needs\"], ", "", "fields", "missing"),
        ("forms = [\"clear\"], purposes = [\"planning\"]", "purposes = [\"planning\"]", "forms", "missing"),
        (
            "fields = [\"mandate\"], forms = [\"masked\", \"clear\"]",
            "fields = [\"mandate\"], forms = [\"naked\"]",
            "forms",
            "unknown",
        ),
        (
            "actions = [\"write\", \"list\"]",
            "forms = [\"clear\"], actions = [\"write\", \"list\"]",
            "forms",
            "read alone",
        ),
        ("purposes = [\"planning\"]", "purposes = [\"payments\"]", "purposes", "no purpose of category"),
        (
            "forms = [\"masked\", \"clear\"], purposes = [\"payments\"]",
            "forms = [\"masked\", \"clear\"], purposes = [\"refunds\"]",
            "purposes",
            "no purpose of field",
        ),
        ("acts = [\"subjects.erase\"]", "acts = [\"records.read\"]", "acts", "must be"),
        ("acts = [\"subjects.erase\"]", "acts = [\"vault.unseal\"]", "acts", "must be"),
        ("name = \"console\", cat", "name = \"shop\", cat", "name", "no application"),
        ("categories = [\"bank\"]", "categories = [\"pets\"]", "categories", "no category"),
        ("purposes = [\"erasure\"], acts", "purposes = [\"gossip\"], acts", "purposes", "no purpose"),
        ("controllers = [\"oakvale\"]", "controllers = [\"vault\"]", "controllers", "no controller"),
        ("[revoked]", "[revoked]\ncertificates = [\"07\"]", "certificates", "SHA-256"),
        ("[revoked]", "[revoked]\napplications = [\"shop\"]", "name", "no application"),
        ("[revoked]", "[revoked]\npersons = [\"alice\"]", "persons", "one space"),
        ("[revoked]", "[revoked]\npersons = [\"https://id.exampel alice\"]", "persons", "issuer"),
        ("[revoked]", "[revoked]\ntokens = [\"\"]", "tokens", "jti"),
        ("[revoked]", "[revoked]\nhouses = []", "houses", "unknown"),
    ] {
        let text = ACCESS.replacen(from, to, 1);
        assert_ne!(text, ACCESS, "{from}");
        let error = read(&text).err().unwrap_or_else(|| panic!("{to} was taken"));
        assert_eq!((error.file.as_str(), error.key.as_deref()), ("access.toml", Some(key)), "{error}");
        assert!(error.what.contains(says), "{error}");
        assert!(error.line.is_some(), "{error}");
    }
}

#[test]
fn no_policy_grants_a_form_that_a_field_does_not_have() {
    for (from, field) in [
        ("fields = [\"mandate\"], forms = [\"masked\", \"clear\"]", "mandate"),
        ("fields = [\"needs\"], forms = [\"clear\"]", "needs"),
    ] {
        for form in Form::ALL.iter().filter(|form| !matches!(form, Form::Clear | Form::Masked)) {
            let to = format!("fields = [\"{field}\"], forms = [\"clear\", \"{}\"]", form.as_str());
            let text = ACCESS.replacen(from, &to, 1);
            assert_ne!(text, ACCESS);
            let error = read(&text).err().unwrap_or_else(|| panic!("{to} was taken"));
            assert!(error.key.as_deref() == Some("forms") && error.what.contains(field), "{error}");
        }
    }
}

#[test]
fn the_separations_are_fixed() {
    let with =
        |table: &str, more: &str| read(&ACCESS.replacen(table, &format!("{table}\n  {more},"), 1)).err().unwrap();
    let grant = |role: &str| {
        format!(
            "{{ name = \"x\", role = \"{role}\", category = \"bank\", actions = [\"list\"], purposes = [\"payments\"] }}"
        )
    };
    let duty = |role: &str, act: &str| format!("{{ name = \"x\", role = \"{role}\", acts = [\"{act}\"] }}");
    for role in ["admin", "auditor"] {
        assert!(with("grant = [", &grant(role)).what.contains("no grant"));
    }
    for act in ["keys.list", "log.rekey", "root.rotate", "vault.seal", "vault.drill", "access.apply", "schema.apply"] {
        assert!(with("duty = [", &duty("auditor", act)).what.contains("two roles"), "{act}");
        assert!(with("duty = [", &duty("rents", act)).what.contains("no grant"), "{act}");
    }
    assert!(with("duty = [", &duty("admin", "log.entry")).what.contains("two roles"));
    assert!(with("duty = [", &duty("rents", "log.entry")).what.contains("no grant"));
}
