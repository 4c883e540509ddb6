//! Somebody takes the disk. Values and log are changed under a stopped vault, by who can make the store believe it;
//! neither is believed by the vault.

use std::path::Path;

use coffer_client::wire::leaf::{Action, Leaf};
use coffer_client::{Refusal, Session, ask};
use coffer_vault::check::{self, Findings, Silent};
use coffer_vault::serve::Why;
use coffer_vault::store::Family;
use coffer_wire::Name;
use coffer_wire::problem::Code;

use super::super::cast::{NO_RECORD, NOBODY, OAKVALE};
use super::super::stage::Stage;
use super::super::tamper;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused, some};
use crate::commands::dev::{self, ThrowAway};
use crate::commands::{open, serve};

const SOMEBODY: &str = "somebody";
const OPERATOR: &str = "operator";
const OFFICER: &str = "bank officer";
const CATEGORY: &str = "bank";
/// All that a record of this category may have: whichever value was changed is among them.
const FIELDS: [&str; 5] = ["account_name", "sort_code", "account_number", "payment_method", "mandate_date"];

/// On copies of a stopped home.
pub async fn told(home: &Path, copies: &Path, tell: &mut Tell) -> Result<(), NotAsTold> {
    tell.chapter("Somebody takes the disk: what was changed is not believed");
    a_value(&copy(home, copies, "value")?, tell).await?;
    a_leaf(&copy(home, copies, "leaf")?, tell).await
}

fn copy(home: &Path, copies: &Path, name: &str) -> Result<std::path::PathBuf, NotAsTold> {
    let to = copies.join(name);
    tamper::copy_home(home, &to)?;
    Ok(to)
}

async fn a_value(home: &Path, tell: &mut Tell) -> Result<(), NotAsTold> {
    let category = Name::new(CATEGORY).map_err(NotAsTold::new)?;
    tell.step(SOMEBODY, "turns one bit of a value, the vault is stopped");
    expect(tamper::turn_a_bit(&open::config(home)?, Family::Rows(category))?, "there was a value to change")?;
    tell.granted(None, "the store sums it anew and sees nothing");

    tell.step(OPERATOR, "holds the store against the log: `check`");
    let altered = the_row(&checked(home)?)?;
    let (person, record) = (&altered.person, &altered.record);
    tell.granted(None, format!("row_altered: {CATEGORY} {record} of {person}"));

    let vault = dev::reopen(home, 0)?;
    let stage = Stage::new(&vault)?;
    tell.step(OFFICER, format!("reads {record} of {person} after the start"));
    let session = stage.staff("bank-officer")?.for_controller(altered.controller.as_str())?;
    let item = ask::clear(CATEGORY, person, record, &FIELDS)?;
    let refusal = refused(session.for_purpose("payments")?.read(item).await, Code::Altered)?;
    tell.refused(&refusal);

    tell.step("auditor", "finds the read in the log, and behind it");
    let auditor = stage.staff("auditor")?.for_controller(OAKVALE)?;
    both_leaves(&auditor, &refusal).await?;
    tell.granted(None, "granted, then failed: altered");
    stop(vault, stage).await
}

/// A row that does not open, and whose it is.
struct Altered {
    controller: Name,
    person: String,
    record: String,
}

/// Nothing is wrong but one row of the category, and the check knows whose it is.
fn the_row(findings: &Findings) -> Result<Altered, NotAsTold> {
    let codes: Vec<_> = findings.kept().iter().map(|found| found.code.as_str()).collect();
    let ([found], ["row_altered"]) = (findings.kept(), &codes[..]) else {
        return Err(NotAsTold::new(format!("one altered row should be found, and there is: {}", codes.join(", "))));
    };
    let who = some(found.who.as_ref(), "person and record in the finding")?;
    let controller = some(found.place.controller, "landlord of the row")?;
    Ok(Altered { controller, person: who.person.clone(), record: who.record.clone() })
}

async fn both_leaves(auditor: &Session, refusal: &Refusal) -> Result<(), NotAsTold> {
    let failed = some(refusal.logged().first(), "receipt of the failure")?.index;
    let entries = auditor.entries(failed - 1, 2).await?;
    let leaves: Vec<Leaf> = entries.leaves.iter().filter_map(|leaf| Leaf::parse(leaf.as_bytes()).ok()).collect();
    let [read, failure] = &leaves[..] else { return Err(NotAsTold::new("there should be two leaves")) };
    let of_reads = read.action == Action::RecordsRead && failure.action == Action::RecordsRead;
    expect(of_reads && read.granted.is_some(), "the read stands in the log")?;
    expect(failure.failed == Some(Code::Altered), "that it failed stands behind it")?;
    expect(read.subject == failure.subject, "both are about one person")
}

async fn a_leaf(home: &Path, tell: &mut Tell) -> Result<(), NotAsTold> {
    tell.step(SOMEBODY, "makes a refusal in the log look like a grant");
    let forged = some(tamper::forge_a_grant(&open::config(home)?)?, "refused read in the log")?;
    tell.granted(None, format!("leaf {forged}, well formed"));

    tell.step(OPERATOR, "holds the log against its tree: `check`");
    let findings = checked(home)?;
    let mut altered = findings.kept().iter().filter(|found| found.code == check::Code::LeafAltered);
    expect(altered.any(|found| found.place.leaf == Some(forged)), "the forged leaf is named")?;
    tell.granted(None, format!("leaf_altered: leaf {forged}"));

    let vault = dev::reopen(home, 0)?;
    let stage = Stage::new(&vault)?;
    tell.step("auditor", "asks for the status after the start");
    let status = stage.staff("auditor")?.status().await?;
    let reason = status.reason.unwrap_or_default();
    expect(
        status.state == "sealed" && reason == Why::LogNotContinuous.as_str(),
        "the vault stays sealed, and says why",
    )?;
    tell.granted(None, format!("sealed: {reason}"));

    tell.step(OFFICER, "reads a record");
    let session = stage.staff("bank-officer")?.for_controller(OAKVALE)?;
    let item = ask::masked(CATEGORY, NOBODY, NO_RECORD, &FIELDS[..1])?;
    tell.refused(&refused(session.for_purpose("payments")?.read(item).await, Code::Sealed)?);
    stop(vault, stage).await
}

/// What `coffer-vault check --show-ids` finds.
fn checked(home: &Path) -> Result<Findings, NotAsTold> {
    let config = open::config(home)?;
    let (root, engine) = (open::root_key(&config)?, open::store(&config)?);
    let log_key = crate::commands::check::pinned(home)?;
    let home = check::Home {
        engine: &*engine,
        log_key: &log_key,
        head: &config.log.head,
        erasures: &config.log.erasures,
        show_ids: true,
        cards: false,
    };
    let report = check::check(&home, Some(&root), &Silent).map_err(NotAsTold::new)?;
    Ok(report.findings)
}

/// On a thread of its own: connections end only while their clients' runtime runs.
async fn stop(vault: ThrowAway, stage: Stage) -> Result<(), NotAsTold> {
    drop(stage);
    tokio::task::spawn_blocking(move || serve::stop(vault.served)).await.map_err(NotAsTold::new)
}
