//! The shipped files held together: the schema reads, the policy reads against it, and grants what
//! tests/golden/policy.csv says, line by line, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use coffer_wire::Name;
use coffer_wire::api::Cell;
use coffer_wire::leaf::Action;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::ExposeSecret;

use super::home::{HomeOptions, lay};
use super::issuer::{TokenRequest, thumbprint};
use super::template::{ACCESS, APPLICATIONS, AUDIENCE, SCHEMA};
use crate::admit::{Gate, InForce, PeerCertificate, Policy};
use crate::clock::{Clock, System};
use crate::config::{Config, SealKind};
use crate::schema::{Category, Mark, Schema, Subject};

const GOLDEN: &str = include_str!("../../../tests/golden/policy.csv");

/// role, category, field, action, form, purpose
type Line = [String; 6];

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn schema() -> Schema {
    let files: Vec<_> = SCHEMA.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    Schema::read(&files).unwrap()
}

fn config(home: &Path) -> Config {
    lay(home, &options(false)).unwrap();
    Config::load(home).unwrap()
}

fn options(local: bool) -> HomeOptions {
    HomeOptions {
        name: name("demo"),
        origin: "coffer.example/demo".into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        seal: SealKind::KeyFile,
        key_file: "root.key".into(),
        token: None,
        same_disk: true,
        controllers: vec![(name("oakvale"), "Oakvale Homes".into()), (name("brookside"), "Brookside".into())],
        local,
    }
}

fn policy(schema: &Schema) -> Policy {
    let home = tempfile::tempdir().unwrap();
    Policy::read(ACCESS, "access.toml", schema, &config(home.path())).unwrap()
}

fn line(cell: &Cell) -> Line {
    let action = cell.action.as_str().trim_start_matches("records.");
    let field = cell.field.map(|field| field.to_string()).unwrap_or_default();
    let form = cell.form.map(|form| form.as_str().to_owned()).unwrap_or_default();
    [cell.role.to_string(), cell.category.to_string(), field, action.to_owned(), form, cell.purpose.to_string()]
}

fn golden() -> Vec<Line> {
    csv::Reader::from_reader(GOLDEN.as_bytes()).deserialize().map(Result::unwrap).collect()
}

#[test]
fn the_shipped_policy_grants_what_the_golden_list_says_and_nothing_else() {
    let schema = schema();
    let policy = policy(&schema);
    let mut granted: BTreeSet<Line> = policy.enumerate().iter().map(line).collect();
    let none = String::new;
    granted.extend(
        policy
            .duties()
            .map(|(role, act, _)| [role.to_string(), none(), none(), act.as_str().to_owned(), none(), none()]),
    );
    let listed = golden();
    let golden: BTreeSet<Line> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), golden.len(), "a line stands twice");
    let surplus: Vec<_> = granted.difference(&golden).collect();
    let missing: Vec<_> = golden.difference(&granted).collect();
    assert!(surplus.is_empty() && missing.is_empty(), "granted beyond the list: {surplus:?}; not granted: {missing:?}");
}

#[test]
fn every_grant_can_be_used_through_exactly_one_application() {
    let schema = schema();
    for cell in policy(&schema).enumerate() {
        assert_eq!(cell.applications.len(), 1, "{cell:?}");
    }
}

#[test]
fn no_application_but_the_rents_desk_shows_bank_details() {
    let schema = schema();
    let cells = policy(&schema).who_can(&name("bank"), None, None);
    let shown = cells.iter().filter(|cell| cell.field.is_some());
    let applications: BTreeSet<_> = shown.flat_map(|cell| &cell.applications).map(Name::to_string).collect();
    assert_eq!(applications, BTreeSet::from(["rents-desk".to_owned()]));
}

#[test]
fn each_category_has_fields_and_masks_enough() {
    let schema = schema();
    for category in schema.iter() {
        let name = category.name.as_str();
        assert!(category.fields.len() >= 3, "{name}");
        let for_a_case = matches!(name, "benefits" | "care" | "complaints" | "incidents" | "offences" | "repairs");
        assert_eq!(category.case_required, for_a_case, "{name}");
        let of_others = matches!(name, "bank" | "complaints" | "incidents" | "representatives");
        assert_eq!(category.fields.iter().any(|field| field.subject == Subject::Other), of_others, "{name}");
        assert_eq!(category.append_only, name == "contact_log");
    }
}

/// The categories that two landlords' privacy statements speak of, with what each is in law.
const NAMED: [(&str, &str); 22] = [
    ("bank", ""),
    ("benefits", "special"),
    ("care", "special"),
    ("complaints", "special"),
    ("contact", ""),
    ("contact_log", ""),
    ("correspondence", "special"),
    ("credit", ""),
    ("debts", ""),
    ("feedback", ""),
    ("housing_needs", "special"),
    ("incidents", "special criminal"),
    ("marketing", ""),
    ("media_consent", ""),
    ("offences", "criminal"),
    ("profile", "special"),
    ("public_social", "special"),
    ("recordings", ""),
    ("repairs", ""),
    ("representatives", ""),
    ("service_payments", ""),
    ("tenancy", ""),
];

#[test]
fn every_category_that_the_statements_name_is_shipped_and_marked_as_what_it_is() {
    let marks = |category: &Category| {
        let some = |is: fn(&Mark) -> bool| category.fields.iter().any(|field| is(&field.mark));
        let special = some(|mark| matches!(mark, Mark::Special { .. })).then_some("special");
        let criminal = some(|mark| matches!(mark, Mark::Criminal { .. })).then_some("criminal");
        special.into_iter().chain(criminal).collect::<Vec<_>>().join(" ")
    };
    let schema = schema();
    let shipped: Vec<_> = schema.iter().map(|category| (category.name.to_string(), marks(category))).collect();
    assert_eq!(shipped, NAMED.map(|(name, marks)| (name.to_owned(), marks.to_owned())));
}

#[test]
fn every_field_can_be_written_by_someone_and_every_category_erased() {
    let schema = schema();
    let cells = policy(&schema).enumerate();
    for category in schema.iter() {
        let of = |action| cells.iter().filter(move |cell| cell.category == category.name && cell.action == action);
        let written: BTreeSet<_> = of(Action::RecordsWrite).filter_map(|cell| cell.field).collect();
        let fields: BTreeSet<_> = category.fields.iter().map(|field| field.name).collect();
        assert_eq!(written, fields, "{}", category.name);
        assert!(of(Action::RecordsRead).next().is_some(), "{} can be read by nobody", category.name);
        assert_eq!(of(Action::RecordsErase).count(), 1, "{}", category.name);
        let used: BTreeSet<_> =
            cells.iter().filter(|cell| cell.category == category.name).map(|cell| cell.purpose).collect();
        assert_eq!(used, category.purposes.iter().copied().collect(), "a purpose of {} serves nobody", category.name);
    }
}

#[test]
fn configuration_and_policy_name_the_same_applications() {
    let home = tempfile::tempdir().unwrap();
    let declared: Vec<_> = config(home.path()).applications.iter().map(|a| a.name.to_string()).collect();
    assert_eq!(declared, APPLICATIONS);
}

/// The certificate of a laid home's application, as DER.
fn certificate(home: &Path, application: &str) -> Vec<u8> {
    let path = home.join("clients").join(application).join("client.pem");
    CertificateDer::from_pem_file(path).unwrap().to_vec()
}

#[test]
fn a_minted_token_comes_in_with_the_certificate_it_is_for_and_with_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = lay(dir.path(), &options(true)).unwrap().issuer.unwrap();
    let config = Config::load(dir.path()).unwrap();
    let schema = schema();
    let policy = Policy::read(ACCESS, "access.toml", &schema, &config).unwrap();
    let gate = Gate::new(&config, InForce { epoch: 1, schema, policy }).unwrap();

    let now_ms = System.now_ms();
    let rents_desk = certificate(dir.path(), "rents-desk");
    let token = issuer.mint(&asked(&rents_desk), now_ms).unwrap();
    let admitted = |application: &str| {
        let peer = PeerCertificate::parse(&certificate(dir.path(), application)).unwrap();
        gate.admit(&peer, Some(token.expose_secret()), now_ms).map(|caller| (caller.roles(), caller.controllers()))
    };
    assert!(admitted("rents-desk").is_ok_and(|rights| rights == (vec![name("rents")], vec![name("oakvale")])));
    assert!(admitted("console").is_err_and(|refusal| refusal.rule == "token-client"));
}

fn asked(certificate: &[u8]) -> TokenRequest {
    TokenRequest {
        sub: "asha".into(),
        roles: vec![name("rents")],
        controllers: vec![name("oakvale")],
        client_id: "rents-desk".into(),
        life_minutes: 5,
        audience: AUDIENCE.into(),
        cnf: Some(thumbprint(certificate)),
    }
}
