//! The notice that is printed out of the schema tells of everything that the vault is used for: each
//! category and purpose that stands in the log stands in the notice.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use coffer_tests::harness::{Home, Running, Serving, Store, command_line};
use coffer_vault::local::write_client_config;
use coffer_vault::schema::RESERVED_CATEGORY;
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::problem::Code;
use coffer_wire::{Name, Recipient};
use serde_json::{Value, json};

/// The purposes of each category, as a notice tells them.
type Told<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// What the `coffer` command line prints for a role at the console.
fn coffer(vault: &Running, role: &str, words: &[&str]) -> String {
    let home = vault.home();
    let console = Name::new("console").unwrap();
    let url = format!("https://localhost:{}", vault.address().port());
    let config = write_client_config(home.dir(), &console, &url, &home.log_key.to_string()).unwrap();
    let token = home.folder().join(format!("{role}.token"));
    std::fs::write(&token, vault.token(role, &["oakvale"])).unwrap();
    let mut command = Command::new(command_line());
    command.arg("--config").arg(config).arg("--token-file").arg(token).args(words);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Reads, writes, erases and refusals of several categories and purposes.
async fn work(vault: &Running) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let rents = vault.staff("rents", "oakvale");
    rents.read("bank", "p", "r", &["sort_code"]).await.granted();
    rents.for_purpose("enquiries").list("bank", "p").await.granted();
    let support = vault.staff("support-worker", "oakvale");
    support.write("care", "p", "r", json!({ "needs": "a ramp" })).await.granted();
    support.for_purpose("home-visits").read("care", "p", "r", &["access_notes"]).await.granted();
    let housing = vault.staff("housing-officer", "oakvale");
    housing.write("contact", "p", "r", json!({ "phone": "07700 900123" })).await.granted();
    vault
        .staff("repairs-planner", "oakvale")
        .write("repairs", "p", "r", json!({ "description": "a tap" }))
        .await
        .granted();
    vault.staff("contractor", "oakvale").read("repairs", "p", "r", &["description"]).await.granted();
    // Permitted, and nothing there: an access all the same.
    vault.staff("safeguarding-lead", "oakvale").list("offences", "p").await.refused(404, "not_found");
    vault.staff("dpo", "oakvale").erase("bank", "p", "r").await.granted();

    assert_eq!(rents.read("complaints", "p", "r", &["complaint"]).await.outcome().0, 403);
    assert_eq!(rents.for_purpose("support-planning").list("bank", "p").await.outcome().0, 403);
}

/// The rows of the notice's table.
fn told(notice: &str) -> Told<'_> {
    let rows = notice.lines().filter(|line| line.starts_with("| ") && line.contains(") | "));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let category = cells[0].rsplit_once('(').unwrap().1.trim_end_matches(')');
        (category, cells[2].split(", ").collect())
    })
    .collect()
}

/// What the leaves speak of and the notice does not. What was granted is told for its category; a
/// purpose for which it was refused may be another category's.
fn untold(leaves: &[Leaf], notice: &str) -> BTreeSet<String> {
    let told = told(notice);
    let of = |category: &Name| told.get(category.as_str());
    let mut untold = BTreeSet::new();
    for leaf in leaves {
        // The vault's own keys of the log stand under a name that is no category of anybody's data.
        let category = leaf.category.filter(|category| category.as_str() != RESERVED_CATEGORY);
        if let Some(category) = category.filter(|category| of(category).is_none()) {
            untold.insert(category.to_string());
        }
        let Some(purpose) = leaf.purpose else { continue };
        let has = |purposes: &BTreeSet<&str>| purposes.contains(purpose.as_str());
        let is_told = match category.filter(|_| leaf.granted.is_some()) {
            Some(category) => of(&category).is_some_and(has),
            None => told.values().any(has),
        };
        if !is_told {
            untold.insert(purpose.to_string());
        }
    }
    untold
}

/// Recipients who asked under a grant, and of whom the notice does not tell in the row of that category. `roles` says of
/// each rule whose it is.
fn untold_recipients(
    leaves: &[Leaf],
    rules: &BTreeMap<String, String>,
    access: &toml::Table,
    notice: &str,
) -> BTreeSet<String> {
    let kind = |role: &str| {
        let mut roles = access["role"].as_array().unwrap().iter();
        let role = roles.find(|one| one["name"].as_str() == Some(role)).unwrap();
        let kind = role.get("recipient")?.as_str().unwrap();
        Recipient::ALL.iter().find(|one| one.as_str() == kind)
    };
    let mut untold = BTreeSet::new();
    for leaf in leaves {
        let reads = matches!(leaf.action, Action::RecordsRead | Action::RecordsList);
        let (Some(category), Some(purpose), true) = (leaf.category, leaf.purpose, reads) else { continue };
        let Some(rule) = leaf.granted.as_ref().map(|rule| rule.split('+').next().unwrap()) else { continue };
        let Some(kind) = rules.get(rule).and_then(|role| kind(role)) else { continue };
        let row = notice.lines().find(|line| line.contains(&format!("({category}) | "))).unwrap_or_default();
        let others = row.trim_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let told = others.split("; ").any(|one| one.starts_with(kind.title()) && one.contains(purpose.as_str()));
        if !told {
            untold.insert(format!("{category}: {kind} for {purpose}"));
        }
    }
    untold
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_category_and_purpose_in_the_log_stands_in_the_notice() {
    let vault = Home::new(Store::Memory).serve();
    work(&vault).await;
    let leaves = vault.leaves_since(0);
    let notice = coffer(&vault, "dpo", &["schema", "notice"]);
    let named: BTreeSet<_> = leaves.iter().filter_map(|leaf| leaf.category).map(|name| name.to_string()).collect();
    for category in ["bank", "care", "contact", "offences", "complaints"] {
        assert!(named.contains(category), "{category} is not in the log: {named:?}");
    }
    let refused: Vec<_> = leaves.iter().filter_map(|leaf| leaf.refused).collect();
    assert!(refused.len() >= 2 && !refused.contains(&Code::Internal), "{refused:?}");
    assert_eq!(untold(&leaves, &notice), BTreeSet::new(), "{notice}");

    // Recipients: whoever asked under a grant of a role that is none of the controller's staff.
    let shown: Value =
        serde_json::from_str(&coffer(&vault, "auditor", &["--json", "access", "who-can", "read", "repairs"])).unwrap();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap().to_owned();
    let rules: BTreeMap<_, _> =
        shown["cells"].as_array().unwrap().iter().map(|cell| (text(cell, "rule"), text(cell, "role"))).collect();
    let access: toml::Table = vault.home().text("access.toml").parse().unwrap();
    assert_eq!(untold_recipients(&leaves, &rules, &access, &notice), BTreeSet::new(), "{notice}");
    let silent = notice.replacen("contractors who work for us (for repairs)", "nobody", 1);
    assert_eq!(untold_recipients(&leaves, &rules, &access, &silent), set(&["repairs: contractor for repairs"]));

    // The same of the record of processing; and a notice that leaves something out is found out.
    let record = coffer(&vault, "auditor", &["schema", "article30"]);
    for category in named.iter().filter(|category| *category != RESERVED_CATEGORY) {
        assert_eq!(record.matches(&format!("({category}) | ")).count(), 2, "{category}, once for each controller");
    }
    let without_care: String =
        notice.lines().filter(|line| !line.contains("(care)")).map(|line| format!("{line}\n")).collect();
    assert_eq!(untold(&leaves, &without_care), set(&["care", "home-visits", "support-planning"]));
    let without_enquiries = notice.replacen(", enquiries", "", 1);
    assert_ne!(without_enquiries, notice);
    assert_eq!(untold(&leaves, &without_enquiries), set(&["enquiries"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_category_is_shown_with_its_fields_and_an_unknown_one_is_not() {
    let vault = Home::new(Store::Memory).serve();
    let shown = coffer(&vault, "dpo", &["--json", "schema", "show", "care"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["controllers"][1], json!({ "name": "brookside", "title": "Brookside Housing" }));
    let care = &shown["categories"][0];
    assert_eq!(shown["categories"].as_array().unwrap().len(), 1);
    assert_eq!(care["mark"], json!({ "kind": "special", "condition": "9(2)(h)", "schedule1": 2 }));
    assert_eq!((&care["lawful_basis"], &care["case_required"]), (&json!("6(1)(b)"), &json!(true)));
    let phone = care["fields"].as_array().unwrap().iter().find(|field| field["name"] == "contact_phone").unwrap();
    assert_eq!((&phone["type"], &phone["mask"], &phone["subject"]), (&json!("phone"), &json!("last4"), &json!("own")));
    assert_eq!((&phone["mark"], &phone["number"]), (&json!({ "kind": "ordinary" }), &json!(4)));
    // Asked of the vault itself: nothing is said of a category that is not there.
    let dpo = vault.staff("dpo", "oakvale");
    let nothing = dpo.post("/v1/schema/show", &json!({ "category": "gardens" })).await;
    assert_eq!((nothing.status, &nothing.json()["categories"]), (200, &json!([])));
}
