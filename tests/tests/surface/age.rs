//! Of a date of birth an age can be told and the date kept: bands and single ages are forms of reading of their own.

use std::sync::Arc;

use coffer_tests::harness::{Home, Serving, Staff, Store};
use coffer_vault::clock::{Clock, Manual, System, day_in_london};
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

/// A lettings officer at a moment.
fn officer(vault: &coffer_tests::harness::Running, now_ms: u64) -> Staff {
    let home = vault.home();
    let wanted = home.request("leo@example", &["lettings-officer"], "housing-desk", &["oakvale"]);
    Staff::new(vault.raw("housing-desk"), home.mint(&wanted, now_ms), "oakvale", "lettings")
}

/// A day, so many years before.
fn years_before(day: &str, years: u32) -> String {
    format!("{:04}{}", day[..4].parse::<u32>().unwrap() - years, &day[4..])
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_of_age_from_the_birthday_on_and_the_birthday_is_not_told() {
    let mut home = Home::new(Store::Memory);
    // Tomorrow, unless that is a day that other years do not have.
    let mut start_ms = System.now_ms();
    while day_in_london(start_ms + DAY_MS).unwrap().ends_with("02-29") {
        start_ms += DAY_MS;
    }
    let clock = Arc::new(Manual::new(start_ms));
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    let tomorrow = day_in_london(start_ms + DAY_MS).unwrap();
    let wanted = vault.home().request("eve@example", &["equality-officer"], "housing-desk", &["oakvale"]);
    let token = vault.home().mint(&wanted, start_ms);
    let equality = Staff::new(vault.raw("housing-desk"), token, "oakvale", "equality-monitoring");
    for (person, years) in [("young", 18), ("old", 55)] {
        let born = years_before(&tomorrow, years);
        equality.write("profile", person, "r", json!({ "date_of_birth": born })).await.granted();
    }
    for (now_ms, of_age, old_enough) in [(start_ms, "no", "no"), (start_ms + DAY_MS, "yes", "yes")] {
        clock.set(now_ms);
        let lettings = officer(&vault, now_ms);
        for (person, form, wanted) in [
            ("young", "over-18", of_age),
            ("young", "over-55", "no"),
            ("old", "over-18", "yes"),
            ("old", "over-55", old_enough),
        ] {
            let read = lettings.read_as(form, "profile", person, "r", &["date_of_birth"]).await.granted();
            assert_eq!(read.item(0)["fields"], json!({ "date_of_birth": wanted }), "{person} {form}");
            let private: Value =
                serde_json::from_str(read.item(0)["receipts"][0]["private"].as_str().unwrap()).unwrap();
            assert_eq!(private["form"], form);
            let born = years_before(&tomorrow, if person == "young" { 18 } else { 55 });
            assert!(!read.to_string().contains(&born[4..]) && !read.to_string().contains(&born[..7]), "{read}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_counts_ages_sees_a_band_and_who_may_see_an_age_sees_no_other() {
    let vault = Home::new(Store::Memory).serve();
    let equality = vault.staff("equality-officer", "oakvale");
    equality.write("profile", "p", "r", json!({ "date_of_birth": "1901-02-28" })).await.granted();
    let read = equality.read_as("band", "profile", "p", "r", &["date_of_birth"]).await.granted();
    assert_eq!(read.item(0)["fields"], json!({ "date_of_birth": "75 or over" }));
    let lettings = vault.staff("lettings-officer", "oakvale");
    for form in ["clear", "masked", "band", "over-16", "over-60"] {
        let refused = lettings.read_as(form, "profile", "p", "r", &["date_of_birth"]).await;
        assert_eq!(refused.outcome(), (403, "forbidden_form".to_owned()), "{form}");
    }
    for form in ["clear", "masked", "over-18"] {
        let refused = equality.read_as(form, "profile", "p", "r", &["date_of_birth"]).await;
        assert_eq!(refused.outcome().0, 403, "{form}");
    }
    // An age that is no form of the closed list is none that could be asked.
    lettings.read_as("over-19", "profile", "p", "r", &["date_of_birth"]).await.refused(400, "malformed");
    let auditor = vault.staff("auditor", "oakvale");
    let asked = json!({ "category": "profile", "field": "date_of_birth", "action": "records.read" });
    let shown = auditor.post("/v1/access/show", &asked).await.granted().json();
    let told = |cell: &Value| [&cell["role"], &cell["form"]].map(|text| text.as_str().unwrap().to_owned());
    let mut who: Vec<_> = shown["cells"].as_array().unwrap().iter().map(told).collect();
    who.sort();
    let wanted = [
        ["equality-officer", "band"],
        ["housing-officer", "masked"],
        ["lettings-officer", "over-18"],
        ["lettings-officer", "over-55"],
    ];
    assert_eq!(who, wanted.map(|pair| pair.map(str::to_owned)));
}
