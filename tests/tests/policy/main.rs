//! The shipped policy, cell by cell: what the golden list says by hand, what the vault decides, and
//! what a second evaluator makes of the same file agree on every combination there is.
#![allow(clippy::unwrap_used)]

mod all;
mod naive;
mod over_http;
mod several;

use std::collections::BTreeMap;

use coffer_tests::harness::{Home, Store, name};
use coffer_vault::admit::{Ask, Caller, Gate, InForce, PeerCertificate, Policy, Refusal};
use coffer_vault::clock::{Clock, System};
use coffer_vault::schema::Schema;
use coffer_wire::api::Form;
use coffer_wire::leaf::Action;
use coffer_wire::{ExternalId, Name};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use naive::Naive;

/// What one request may be about: one field at most, as the golden list has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Cell<'a> {
    category: &'a str,
    action: &'static str,
    field: Option<&'a str>,
    form: Option<&'static str>,
    purpose: &'a str,
}

/// The shipped policy behind the vault's own gate.
struct Shipped {
    home: Home,
    gate: Gate,
    naive: Naive,
}

impl Shipped {
    fn new() -> Shipped {
        let home = Home::new(Store::Memory);
        let naive = Naive::read(&home);
        let files: Vec<_> =
            naive.categories().map(|c| (format!("{c}.toml"), home.text(&format!("schema/{c}.toml")))).collect();
        let schema = Schema::read(&files).unwrap();
        let policy = Policy::read(&home.text("access.toml"), "access.toml", &schema, &home.config).unwrap();
        let gate = Gate::new(&home.config, InForce { epoch: 1, schema, policy }).unwrap();
        Shipped { home, gate, naive }
    }

    /// Someone with these roles, who comes through an application and works for one controller.
    fn caller(&self, roles: &[&str], application: &str) -> Result<Caller, Refusal> {
        let pem = self.home.client_file(application, "client.pem");
        let peer = PeerCertificate::parse(&CertificateDer::from_pem_file(pem).unwrap()).unwrap();
        let token = self.home.token_of(&roles.join("+"), roles, application, &["oakvale"]);
        self.gate.admit(&peer, Some(&token), System.now_ms())
    }

    /// What the vault decides.
    #[allow(clippy::too_many_arguments)] // one for each axis of the matrix
    fn decides(
        &self,
        caller: &Caller,
        category: &str,
        action: &str,
        fields: &[&str],
        form: Option<&str>,
        purpose: &str,
        case: Option<&str>,
    ) -> bool {
        let (person, record) = (ExternalId::new("person").unwrap(), ExternalId::new("record").unwrap());
        let fields: Vec<Name> = fields.iter().map(|field| name(field)).collect();
        let ask = Ask {
            category: Some(name(category)),
            person: Some(&person),
            record: Some(&record),
            fields: &fields,
            form: form.map(|form| Form::from_text(form).unwrap()),
            purpose: Some(name(purpose)),
            case,
            ..Ask::of(name("oakvale"))
        };
        match action {
            "read" => self.gate.permit_read(caller, &ask).is_ok(),
            "write" => self.gate.permit_write(caller, &ask).is_ok(),
            "list" => self.gate.permit_list(caller, &ask).is_ok(),
            "erase" => self.gate.permit_erase(caller, &ask).is_ok(),
            "subjects.erase" => self.gate.permit_erase_subject(caller, &ask).is_ok(),
            other => panic!("{other} is no action on records"),
        }
    }

    /// What the vault decides of an act that touches no record.
    fn decides_act(&self, caller: &Caller, act: Action) -> bool {
        self.gate.permit_manage(caller, act, &Ask::of(coffer_wire::name::VAULT)).is_ok()
    }
}

impl Naive {
    /// Every cell, granted or not: each category with each of its fields and one that it does not
    /// have, each form, each purpose of any category.
    fn cells(&self) -> Vec<Cell<'_>> {
        let mut cells = Vec::new();
        for category in self.categories() {
            for purpose in self.purposes() {
                let cell = |action, field, form| Cell { category, action, field, form, purpose };
                cells.extend(["list", "erase"].map(|action| cell(action, None, None)));
                for field in self.fields_of(category).map(naive::name).chain(self.foreign_field(category)) {
                    cells.push(cell("write", Some(field), None));
                    let forms = Form::ALL
                        .iter()
                        .filter(|form| self.may_be_asked(category, field, form.as_str()))
                        .map(|form| form.as_str());
                    cells.extend(forms.map(|form| cell("read", Some(field), Some(form))));
                }
            }
        }
        cells
    }

    /// Forms that are asked of every field: these, and those that the field declares. A policy that grants another is none.
    fn may_be_asked(&self, category: &str, field: &str, form: &str) -> bool {
        let declares = |table: &toml::Table| match form.strip_prefix("over-") {
            Some(age) => table
                .get("over")
                .and_then(toml::Value::as_array)
                .is_some_and(|ages| ages.iter().any(|one| one.to_string() == age)),
            None => table.contains_key("bands"),
        };
        let mut of_field = self.fields_of(category).filter(|table| naive::name(table) == field);
        ["clear", "masked", "band", "over-18"].contains(&form) || of_field.any(declares)
    }
}

/// Choices that a run can repeat: the seed is fixed.
struct Choices(ChaCha8Rng);

impl Choices {
    fn new(seed: u64) -> Choices {
        Choices(ChaCha8Rng::seed_from_u64(seed))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Each of a list with the same chance; at least one.
    fn some<T: Copy>(&mut self, list: &[T]) -> Vec<T> {
        let first = self.of(list);
        let mut some: Vec<T> = list.iter().copied().filter(|_| self.below(3) == 0).collect();
        some.push(first);
        some
    }
}

/// The lines of the golden list: (role, category, field, action, form, purpose).
fn golden() -> BTreeMap<[String; 6], usize> {
    let text = include_str!("../../golden/policy.csv");
    let mut lines = BTreeMap::new();
    for line in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        *lines.entry(line.unwrap()).or_default() += 1;
    }
    lines
}
