//! What a start believes of the store, and what it makes anew.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use coffer_tests::harness::{Home, Running, Serving, Store, name};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::ledger::start::StartError;
use coffer_vault::ledger::{Last, number_key};
use coffer_vault::serve::{House, HouseError};
use coffer_vault::store::{Engine, Family};
use coffer_wire::leaf::Action;
use serde_json::json;

/// Opens the vault as a start does.
fn open(home: &Home) -> Result<House, HouseError> {
    House::open(Arc::clone(&home.config), home.engine(), Arc::clone(&home.clock), &home.root_key())
}

/// A stopped home in which both landlords have leaves, and Oakvale more of them.
async fn stopped() -> Home {
    let vault = Home::new(Store::Memory).serve();
    for (controller, times) in [("oakvale", 5), ("brookside", 2)] {
        let officer = vault.staff("bank-officer", controller);
        for _ in 0..times {
            officer.list("bank", "nobody").await.refused(404, "not_found");
        }
    }
    vault.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_last_number_is_believed_that_is_not_the_last() {
    let home = stopped().await;
    let memory = home.memory();
    let last = |controller: &str| {
        let row = memory.get(Family::Meta, &number_key(&name(controller))).unwrap().unwrap();
        Last::decode(&row).unwrap()
    };
    let (oakvale, brookside) = (last("oakvale"), last("brookside"));
    let earlier = |last: Last, leaf: u64| Last { number: last.number - 1, leaf };
    // A leaf of Oakvale's that is not its last one, and another controller's.
    let before = (0..oakvale.leaf).rev().find(|index| {
        let leaf = memory.get(Family::Leaves, &index.to_be_bytes()).unwrap().unwrap();
        earlier(oakvale, *index).is_borne_by(&name("oakvale"), &leaf)
    });
    let wrong: Vec<(&str, Vec<(&str, Option<Last>)>)> = vec![
        ("one too low", vec![("oakvale", Some(earlier(oakvale, oakvale.leaf)))]),
        ("one too high", vec![("oakvale", Some(Last { number: oakvale.number + 1, ..oakvale }))]),
        ("an older row put back", vec![("oakvale", Some(earlier(oakvale, before.unwrap())))]),
        ("of a leaf behind the end", vec![("oakvale", Some(Last { leaf: u64::MAX, ..oakvale }))]),
        ("of another's leaf", vec![("oakvale", Some(Last { leaf: brookside.leaf, ..oakvale }))]),
        ("none", vec![("oakvale", None)]),
        ("of a controller without leaves", vec![("third", Some(Last::default()))]),
        (
            "too low here and too high there",
            vec![
                ("oakvale", Some(earlier(oakvale, before.unwrap()))),
                ("brookside", Some(Last { number: brookside.number + 1, ..brookside })),
            ],
        ),
    ];
    for (what, rows) in wrong {
        let restore = rows.clone();
        for (controller, last) in rows {
            memory.tamper(Family::Meta, &number_key(&name(controller)), last.map(|last| last.encode().to_vec()));
        }
        let Err(HouseError::Log(error)) = open(&home) else { panic!("{what} was believed") };
        assert!(matches!(error, StartError::Numbers), "{what}: {error}");
        assert!(error.not_continuous(), "the vault stays sealed");
        for (controller, _) in restore {
            let row = match controller {
                "oakvale" => Some(oakvale),
                "brookside" => Some(brookside),
                _ => None,
            };
            memory.tamper(Family::Meta, &number_key(&name(controller)), row.map(|last| last.encode().to_vec()));
        }
    }
    drop(open(&home).unwrap());
}

const THIRD: &str = "\n[[controller]]\nname = \"ashgrove\"\ntitle = \"Ashgrove Lettings\"\n";

/// Lets the applications work for the third landlord too, and writes and reads there.
async fn works_for_the_third(vault: &Running) {
    let access = vault.home().text("access.toml").replace("\"brookside\"]", "\"brookside\", \"ashgrove\"]");
    vault.apply("access", json!({ "access.toml": access })).await;
    let officer = vault.staff("bank-officer", "ashgrove");
    officer.write("bank", "person", "r", json!({ "sort_code": "00-00-03" })).await.granted();
    let read = officer.read("bank", "person", "r", &["sort_code"]).await.granted();
    assert_eq!(read.item(0)["fields"]["sort_code"], "00-00-03");
    vault.staff("bank-officer", "oakvale").read("bank", "person", "r", &["sort_code"]).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_added_has_keys_from_the_next_start_on() {
    let mut home = stopped().await;
    let before = home.serve();
    let (size, categories) = (before.log_size(), before.home().schema().len());
    home = before.stop().await;
    home.reconfigure(|text| text + THIRD);
    let vault = home.serve();
    let leaves = vault.leaves_since(size);
    let made =
        leaves.iter().filter(|leaf| leaf.action == Action::KeyCreate && leaf.granted.as_deref() == Some("vault"));
    // A locator and a category key for each category, and for that of audit.
    assert_eq!(made.count(), 2 * (categories + 1), "{leaves:?}");
    works_for_the_third(&vault).await;
    let size = vault.log_size();
    let vault = vault.restart().await;
    assert_eq!(vault.leaves_since(size).len(), 1, "keys were made again");
    vault.staff("bank-officer", "ashgrove").read("bank", "person", "r", &["sort_code"]).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_left_out_for_a_while_has_keys_for_what_came_meanwhile() {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| text + THIRD);
    let vault = home.serve();
    works_for_the_third(&vault).await;
    let access = vault.home().text("access.toml");
    let body = json!({ "files": { "access.toml": access } });
    vault.staff("security-admin", "oakvale").post("/v1/access/apply", &body).await.granted();
    let mut home = vault.stop().await;
    home.reconfigure(|text| text.replace(THIRD, ""));
    let vault = home.serve();
    let mut schema = vault.home().schema();
    let parking = schema["bank.toml"].replace("name = \"bank\"", "name = \"parking\"");
    schema.insert("parking.toml".to_owned(), parking);
    vault.staff("security-admin", "oakvale").post("/v1/schema/apply", &json!({ "files": schema })).await.granted();
    let mut home = vault.stop().await;
    home.reconfigure(|text| text + THIRD);
    works_for_the_third(&home.serve()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_lost_are_not_made_anew() {
    let home = stopped().await;
    let memory = home.memory();
    let roots = memory.scan(Family::Keys, b"R", None, usize::MAX).unwrap();
    let of = |wanted: &str| {
        let names = |row: &[u8]| row.windows(wanted.len()).any(|part| part == wanted.as_bytes());
        roots.iter().filter(|(_, row)| names(row)).cloned().collect::<Vec<_>>()
    };
    // All keys of a landlord of whom the log speaks; and those of one category.
    for wanted in ["brookside", "oakvale\u{4}bank"] {
        let lost = of(wanted);
        assert!(lost.len() >= 2, "{wanted}");
        lost.iter().for_each(|(key, _)| memory.tamper(Family::Keys, key, None));
        let Err(error) = open(&home) else { panic!("{wanted}: lost keys were made anew") };
        assert!(error.to_string().contains("coffer-vault check"), "{error}");
        lost.into_iter().for_each(|(key, row)| memory.tamper(Family::Keys, &key, Some(row)));
    }
    drop(open(&home).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_brings_no_ended_token_back() {
    const MINUTE_MS: u64 = 60_000;
    let mut home = Home::new(Store::Memory);
    let start_ms = System.now_ms();
    let clock = Arc::new(Manual::new(start_ms));
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    let token = |vault: &Running, at_ms: u64| {
        let wanted = vault.home().request("officer", &["bank-officer"], "rents-desk", &["oakvale"]);
        vault.home().mint(&wanted, at_ms)
    };
    let staff = vault.staff("bank-officer", "oakvale");
    let old = staff.with_token(token(&vault, start_ms));
    old.list("bank", "nobody").await.refused(404, "not_found");
    // The token ends, and somebody else's request dates the log to after that.
    clock.advance(20 * MINUTE_MS);
    staff.with_token(token(&vault, clock.now_ms())).list("bank", "nobody").await.refused(404, "not_found");
    old.list("bank", "nobody").await.refused(401, "credential_expired");
    let (dated, last_ms) = (vault.log_size(), clock.now_ms());
    clock.set(start_ms + MINUTE_MS);
    old.list("bank", "nobody").await.refused(401, "credential_expired");
    let vault = vault.restart().await;
    let old = old.through(vault.raw("rents-desk"));
    old.list("bank", "nobody").await.refused(401, "credential_expired");
    // Who has a token of now comes in all the same, and no leaf is before the one before it.
    old.with_token(token(&vault, last_ms)).list("bank", "nobody").await.refused(404, "not_found");
    assert!(vault.leaves_since(dated).iter().all(|leaf| leaf.t >= last_ms));
}
