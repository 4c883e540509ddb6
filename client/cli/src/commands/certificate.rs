//! Certificates: fetched into a file, and checked without a vault.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use coffer_wire::certificate::{Archives, Certificate, CertificateError, Kind, State};
use coffer_wire::leaf::{Action, Alias, Leaf};
use coffer_wire::succession::Trust;
use coffer_wire::{Hash, Name};
use serde::Serialize;

use crate::args::{KeyCertificate, SubjectCertificate};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::input;
use crate::output::{count, green, plain};
use crate::time::moment;

const ADVICE: &str = "rely on nothing that it says; ask for it anew, and call the operator if it is the same again";

#[derive(Serialize)]
struct Report<'a> {
    verified: bool,
    kind: &'static str,
    state: &'static str,
    origin: &'a str,
    controller: Name,
    category: Option<Name>,
    subject: Option<Alias>,
    commit: Hash,
    keys: Vec<&'a str>,
    key_count: u64,
    record_count: Option<u64>,
    from_ms: u64,
    to_ms: u64,
    issued_ms: u64,
    leaf: u64,
    last_leaf: Option<u64>,
    log_size: u64,
    archives: Option<Archives>,
    /// Of a key of the log: the one that took its place, and the leaf since which it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_leaf: Option<u64>,
}

/// `subject certificate`: of an erase.
pub async fn of_subject(desk: &Desk, args: &SubjectCertificate) -> Result<(), Failure> {
    fetch(desk, args.leaf, &args.out).await
}

/// `keys certificate`: of a rotation that has ended, or of a key's end.
pub async fn of_key(desk: &Desk, args: &KeyCertificate) -> Result<(), Failure> {
    fetch(desk, Some(args.leaf), &args.out).await
}

/// Fetches a certificate, checks it, and keeps it in a new file.
async fn fetch(desk: &Desk, leaf: Option<u64>, out: &Path) -> Result<(), Failure> {
    let (vault, session) = desk.session()?;
    let certificate = session.certificate(leaf).await?;
    prove(&vault).await?;
    let trust = vault.follow().await?;
    let failed = |error| Failure::failed(out.display(), error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(out).map_err(failed)?;
    file.write_all(certificate.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    tell(desk, &certificate, &trust)
}

/// `log verify --certificate`: needs a public key of the log, the notes to which it leads where it has handed on, and nothing
/// else.
pub fn verify(desk: &Desk, file: &Path, trust: &Trust) -> Result<(), Failure> {
    tell(desk, &input::text(file)?, trust)
}

fn tell(desk: &Desk, text: &str, trust: &Trust) -> Result<(), Failure> {
    let (certificate, checkpoint) = Certificate::verify_by(text, trust).map_err(failed)?;
    let act = Leaf::parse(certificate.act.leaf.as_bytes()).map_err(|_| failed(CertificateError::Leaf("act")))?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report {
            verified: true,
            kind: certificate.kind.as_str(),
            state: certificate.state.as_str(),
            origin: &certificate.origin,
            controller: certificate.controller,
            category: certificate.category,
            subject: act.subject,
            commit: act.commit,
            keys: certificate.keys.iter().map(|key| key.id.as_str()).collect(),
            key_count: certificate.key_count,
            record_count: certificate.record_count,
            from_ms: certificate.from_ms,
            to_ms: certificate.to_ms,
            issued_ms: certificate.issued_ms,
            leaf: certificate.act.index,
            last_leaf: certificate.last.as_ref().map(|last| last.index),
            log_size: checkpoint.size,
            archives: certificate.archives,
            next_key: certificate.next.as_ref().map(|next| next.key.to_string()),
            next_leaf: certificate.next.as_ref().map(|next| next.made.index),
        });
    }
    let category = certificate.category.map_or("none".to_owned(), |category| category.to_string());
    let mut pairs = vec![
        ("certificate of", plain(certificate.kind.as_str())),
        ("state", plain(state(&certificate))),
        ("log", plain(&certificate.origin)),
        ("controller", plain(certificate.controller)),
        ("category", plain(category)),
        ("keys", plain(count(certificate.key_count, "key", "keys"))),
        ("ended or moved with them", plain(with(&certificate))),
        ("done", plain(moment(certificate.to_ms))),
        ("issued", plain(moment(certificate.issued_ms))),
        ("leaf", plain(certificate.act.index)),
        ("commitment", plain(act.commit)),
    ];
    if let [key] = &certificate.keys[..] {
        pairs.push(("key", plain(&key.id)));
    }
    if let Some(next) = &certificate.next {
        let since = moment(certificate.from_ms);
        pairs.push(("followed by", plain(format!("{}, which signs since {since}", next.key))));
    }
    if let Some(subject) = act.subject {
        pairs.push(("subject", plain(format!("{subject} (a name in the log alone)"))));
    }
    if let Some(Archives { generation, final_ms }) = certificate.archives {
        let words = format!("until {}, unless a further copy of generation {generation} exists", moment(final_ms));
        pairs.push(("archives", plain(words)));
    }
    desk.screen.pairs(pairs)?;
    desk.screen.line([green("The certificate holds."), plain(" Signature, log, proof and statements were checked.")])
}

fn with(certificate: &Certificate) -> String {
    match (certificate.kind, certificate.record_count) {
        (Kind::Rotation | Kind::Destruction, Some(keys)) => count(keys, "key of a person", "keys of persons"),
        (_, Some(records)) => count(records, "record", "records"),
        (_, None) => "not said".to_owned(),
    }
}

fn state(certificate: &Certificate) -> &'static str {
    let is_deep = || Leaf::parse(certificate.act.leaf.as_bytes()).is_ok_and(|leaf| leaf.action == Action::KeysReseal);
    match certificate.state {
        State::Refused if certificate.kind == Kind::Rotation && is_deep() => {
            "sealed again: every record is under new keys of persons; nothing lies or opens under these versions"
        }
        State::Refused if certificate.kind == Kind::Rotation => {
            "moved: nothing lies under these versions, and nothing opens under them"
        }
        State::Refused => "refused: the keys are destroyed; wrapped bytes may still lie in the store's files",
        State::Destroyed => "destroyed: no byte of the keys is in the store's files",
    }
}

/// Which check failed is the code.
fn failed(error: CertificateError) -> Failure {
    let code = match error {
        CertificateError::Signature(_) => "certificate_signature",
        CertificateError::Form => "certificate_form",
        CertificateError::Checkpoint(_) => "certificate_checkpoint",
        CertificateError::Leaf(_) => "certificate_leaf",
        CertificateError::Inclusion(_) => "certificate_inclusion",
        CertificateError::Private(_) => "certificate_private",
        CertificateError::Field(_) => "certificate_fields",
    };
    Failure::check(code, format!("the certificate does not hold: {error}"), ADVICE)
}
