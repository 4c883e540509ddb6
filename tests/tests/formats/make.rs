//! Makes the store of this program's format, once, and never over one that is kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use coffer_tests::harness::{Home, Process, Serving, binary, copy_folder};
use coffer_vault::config::GENERATION_DAYS_MAX;
use coffer_vault::store::format::FORMAT;
use coffer_wire::api::ENTRIES_MAX;
use coffer_wire::leaf::Leaf;
use serde_json::json;

use super::kept::{Kept, Log, Place, folder};
use super::{done, frozen};

/// Longer than a rotation of a handful of keys takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether somebody asks for it.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os("COFFER_WRITE_FORMAT").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn made_where_it_is_wanted() {
    if !is_wanted() {
        return;
    }
    let to = folder(FORMAT);
    assert!(!to.exists(), "{} is kept, and never made again", to.display());
    let mut home = Home::by_binary();
    let generations = home.folder().join("generations");
    home.reconfigure(|text| {
        format!("{text}\n[backup]\ngenerations = [{generations:?}]\ngeneration_days = {GENERATION_DAYS_MAX}\n")
    });
    let vault = Process::start(home, "warn");
    let records = written(&vault).await;
    let mut certificates = kept_keys(&vault).await;
    certificates.push(erased(&vault, "ben").await);
    let key = vault.home().log_key.to_string();
    vault.staff("security-admin", "oakvale").post("/v1/log/rekey", &json!({})).await.granted();
    let archive = vault.home().folder().join("archive");
    done(Command::new(binary()).arg("backup").arg(vault.home().dir()).arg("--to").arg(&archive).output().unwrap());
    erased(&vault, "cleo").await;
    unfinished(&vault).await;
    let checkpoint = vault.raw("console").get("/v1/log/checkpoint", None).await;
    let checkpoint = String::from_utf8(checkpoint.body).unwrap();
    let home = vault.terminate().0;
    let gone = ["ben", "cleo"].map(|person| bank("oakvale", person)).to_vec();
    let kept = Kept { format: FORMAT, log: Log { key, checkpoint }, records, gone };
    keep(&home, &to, &kept, &certificates);
}

fn keep(home: &Home, to: &Path, kept: &Kept, certificates: &[String]) {
    home.keep(to);
    copy_folder(&home.folder().join("generations"), &to.join("generations"));
    std::fs::copy(home.folder().join("archive"), to.join("archive")).unwrap();
    std::fs::create_dir(to.join("certificates")).unwrap();
    for (at, certificate) in certificates.iter().enumerate() {
        std::fs::write(to.join("certificates").join(at.to_string()), certificate).unwrap();
    }
    std::fs::write(to.join("kept.json"), serde_json::to_string_pretty(kept).unwrap() + "\n").unwrap();
    frozen::write_list();
}

fn place(role: &str, controller: &str, category: &str, person: &str, fields: &[(&str, &str)]) -> Place {
    let fields = fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned()));
    let [role, controller, category, person] = [role, controller, category, person].map(str::to_owned);
    Place { role, controller, category, person, record: "r".to_owned(), fields: fields.collect::<BTreeMap<_, _>>() }
}

fn bank(controller: &str, person: &str) -> Place {
    let fields = [("account_name", "Ms A Tenant"), ("sort_code", "00-00-01"), ("account_number", "00000017")];
    place("bank-officer", controller, "bank", person, &fields)
}

/// Records of two landlords, some of them written twice, one with a witness, one by a request that takes effect once.
async fn written(vault: &Process) -> Vec<Place> {
    let mut records: Vec<Place> =
        ["oakvale", "brookside"].iter().flat_map(|c| ["ada", "dan", "eve"].map(|person| bank(c, person))).collect();
    records.push(place(
        "support-worker",
        "oakvale",
        "care",
        "ada",
        &[("needs", "a ramp"), ("next_review", "2031-02-27")],
    ));
    records.push(place(
        "debt-adviser",
        "brookside",
        "debts",
        "dan",
        &[("creditor", "Gas Company"), ("balance", "80.09")],
    ));
    for place in records.iter().chain(&["ben", "cleo"].map(|person| bank("oakvale", person))) {
        let (staff, Place { controller, category, person, record, .. }) =
            (vault.staff(&place.role, &place.controller), place);
        staff.write(category, person, record, json!(place.fields)).await.granted();
        staff
            .named(&format!("once-{controller}-{category}-{person}"))
            .write(category, person, record, json!(place.fields))
            .await
            .granted();
    }
    let complaint = place(
        "complaints-handler",
        "oakvale",
        "complaints",
        "ada",
        &[("summary", "noise"), ("witness_statement", "heard it")],
    );
    let item = json!({ "category": "complaints", "person": "ada", "record": "r", "fields": complaint.fields,
        "about": { "witness_statement": "dee" } });
    vault.staff("complaints-handler", "oakvale").items("/v1/records/write", json!([item])).await.granted();
    records.push(complaint);
    records
}

/// Versions of keys in each state, another root key, and certificates of what led there.
async fn kept_keys(vault: &Process) -> Vec<String> {
    let (admin, second) = (vault.staff("security-admin", "oakvale"), vault.second("security-admin", "oakvale"));
    for (category, deep) in [("bank", true), ("care", false), ("audit", false)] {
        let rotate = json!({ "category": category, "reason": "yearly", "deep": deep });
        admin.post("/v1/keys/rotate", &rotate).await.granted();
    }
    ended(vault).await;
    let mut step = json!({ "controller": "oakvale", "category": "bank", "version": 1, "reason": "yearly" });
    admin.post_by_two(&second, "/v1/keys/destroy", &step).await.granted();
    step["category"] = json!("care");
    step["state"] = json!("compromised");
    admin.post("/v1/key/state", &step).await.granted();
    admin.post_by_two(&second, "/v1/root/rotate", &json!({})).await.granted();
    let mut certificates = Vec::new();
    for (action, role) in
        [("keys.rewrap", "security-admin"), ("keys.reseal", "security-admin"), ("keys.destroy", "security-admin")]
    {
        certificates.push(certificate(vault, role, newest(vault, action).await).await);
    }
    certificates
}

/// Until every rotation has ended.
async fn ended(vault: &Process) {
    let (admin, started) = (vault.staff("security-admin", "oakvale"), Instant::now());
    loop {
        let jobs = admin.post("/v1/keys/jobs", &json!({})).await.granted().json();
        if jobs["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "done") {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{jobs}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Erases a person's bank details; the certificate of it.
async fn erased(vault: &Process, person: &str) -> String {
    let reply = vault.staff("dpo", "oakvale").erase("bank", person, "r").await.granted();
    certificate(vault, "dpo", reply.item(0)["receipts"][0]["index"].as_u64().unwrap()).await
}

/// What stands open: a hold on a person, and a request that waits for a second admin.
async fn unfinished(vault: &Process) {
    let hold = json!({ "controller": "oakvale", "person": "eve", "reason": "claim 7 is before the court" });
    vault.staff("dpo", "oakvale").post("/v1/holds/set", &hold).await.granted();
    let destroy = json!({ "controller": "oakvale", "category": "care", "version": 1, "reason": "yearly" });
    let asked = vault.staff("security-admin", "oakvale").post("/v1/keys/destroy", &destroy).await;
    asked.refused(409, "approval_needed");
}

async fn certificate(vault: &Process, role: &str, leaf: u64) -> String {
    let issued = vault.staff(role, "oakvale").post("/v1/certificates/issue", &json!({ "leaf": leaf })).await;
    issued.granted().json()["certificate"].as_str().unwrap().to_owned()
}

/// The newest leaf of an act that oakvale is told of.
async fn newest(vault: &Process, action: &str) -> u64 {
    let (auditor, mut leaves) = (vault.staff("auditor", "oakvale"), Vec::new());
    loop {
        let asked = json!({ "start": leaves.len(), "count": ENTRIES_MAX });
        let answer = auditor.post("/v1/log/entry", &asked).await.granted().json();
        let page = answer["leaves"].as_array().unwrap().iter().map(|leaf| leaf.as_str().unwrap().to_owned());
        let page: Vec<String> = page.collect();
        let is_last = (page.len() as u64) < ENTRIES_MAX;
        leaves.extend(page);
        if is_last {
            break;
        }
    }
    let of_act = |leaf: &String| {
        let leaf = Leaf::parse(leaf.as_bytes()).unwrap();
        leaf.action.as_str() == action && leaf.controller.as_str() == "oakvale"
    };
    leaves.iter().rposition(of_act).unwrap() as u64
}
