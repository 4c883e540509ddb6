//! Who acts for a controller under an agreement does so while it lasts; and being of one group gives nobody a right.

use std::sync::Arc;

use coffer_tests::harness::{Home, Running, Serving, Staff, Store};
use coffer_vault::clock::{Clock, Manual, System, day_in_london};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

/// A home in which the rents desk acts for Oakvale under an agreement, until a day.
fn home(ends: &str) -> Home {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| {
        format!("{text}\n[[agreement]]\nreference = \"SA-2026-014\"\ncontroller = \"oakvale\"\napplications = [\"rents-desk\"]\nends = {ends}\n")
    });
    home
}

fn staff(vault: &Running, role: &str, (application, purpose): (&str, &str), controller: &str, now_ms: u64) -> Staff {
    let wanted = vault.home().request(&format!("{role}@example"), &[role], application, &[controller]);
    Staff::new(vault.raw(application), vault.home().mint(&wanted, now_ms), controller, purpose)
}

fn agreement_in(reply: &coffer_tests::harness::Reply) -> Value {
    let private: Value = serde_json::from_str(reply.item(0)["receipts"][0]["private"].as_str().unwrap()).unwrap();
    private["agreement"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_stands_beside_each_act_and_after_its_last_day_nothing_is_read_or_written() {
    let start_ms = System.now_ms();
    let mut home = home(&day_in_london(start_ms).unwrap());
    let clock = Arc::new(Manual::new(start_ms));
    home.clock = Arc::<Manual>::clone(&clock);
    let vault = home.serve();
    let desk = ("rents-desk", "payments");
    let [oakvale, brookside] = ["oakvale", "brookside"].map(|one| staff(&vault, "bank-officer", desk, one, start_ms));
    for (officer, agreement) in [(&oakvale, json!("SA-2026-014")), (&brookside, Value::Null)] {
        let written = officer.write("bank", "p", "r", json!({ "account_name": "Ada" })).await.granted();
        assert_eq!(agreement_in(&written), agreement);
        let read = officer.read("bank", "p", "r", &["account_name"]).await.granted();
        assert_eq!(agreement_in(&read), agreement);
    }
    let asked = json!({});
    let of_controller = |shown: &Value, at: usize| shown["controllers"][at]["agreements"].clone();
    let shown = vault.staff("dpo", "oakvale").post("/v1/schema/show", &asked).await.granted().json();
    let told = json!([{ "reference": "SA-2026-014", "applications": ["rents-desk"], "ends": day_in_london(start_ms).unwrap() }]);
    assert_eq!((of_controller(&shown, 0), of_controller(&shown, 1)), (told, Value::Null));

    let tomorrow = start_ms + DAY_MS;
    clock.set(tomorrow);
    let [oakvale, brookside] = ["oakvale", "brookside"].map(|one| staff(&vault, "bank-officer", desk, one, tomorrow));
    let before = vault.log_size();
    oakvale.read("bank", "p", "r", &["account_name"]).await.refused(403, "agreement_ended");
    oakvale.write("bank", "p", "r", json!({ "account_name": "Eve" })).await.refused(403, "agreement_ended");
    // The same for somebody who is not there: it tells nothing of anybody.
    oakvale.read("bank", "nobody", "r", &["account_name"]).await.refused(403, "agreement_ended");
    let refused = vault.leaves_since(before);
    assert_eq!(refused.iter().filter(|leaf| leaf.refused == Some(Code::AgreementEnded)).count(), 3);
    brookside.read("bank", "p", "r", &["account_name"]).await.granted();
    // What is left to do is to find it and to erase it; and the controller's own people go on.
    oakvale.list("bank", "p").await.granted();
    let dpo = staff(&vault, "dpo", ("console", "erasure"), "oakvale", tomorrow);
    dpo.erase("bank", "p", "r").await.granted();
    let auditor = staff(&vault, "auditor", ("console", "erasure"), "oakvale", tomorrow);
    let status = auditor.post("/v1/status", &asked).await.granted().json();
    let warned =
        "the agreement SA-2026-014 has ended, and rents-desk may no more read or write for oakvale: renew it, or erase";
    assert!(status["warnings"].as_array().unwrap().contains(&json!(warned)), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn companies_of_one_group_read_nothing_of_each_other() {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| {
        let template = "# company_number = \"01234567\"\n# address = \"1 Example Street, Exampleton\"\n# group = \"Example Group\"\n";
        assert_eq!(text.matches(template).count(), 2, "the template has changed");
        text.replace(template, "company_number = \"01234567\"\naddress = \"1 Oak Street, Oakton\"\ngroup = \"Vale Group\"\n")
    });
    let vault = home.serve();
    let [oakvale, brookside] = ["oakvale", "brookside"].map(|controller| vault.staff("bank-officer", controller));
    oakvale.write("bank", "p", "r", json!({ "account_name": "Ada" })).await.granted();
    // Who works for one of them alone, and who works for both: what one holds is not there for the other.
    for (asked, status, code) in [
        (oakvale.at("brookside"), 403, "forbidden_controller"),
        (brookside.at("oakvale"), 403, "forbidden_controller"),
        (brookside.clone(), 404, "not_found"),
        (brookside.with_token(vault.token("bank-officer", &["oakvale", "brookside"])), 404, "not_found"),
    ] {
        asked.read("bank", "p", "r", &["account_name"]).await.refused(status, code);
        asked.list("bank", "p").await.refused(status, code);
    }
    let both = brookside.with_token(vault.token("bank-officer", &["oakvale", "brookside"]));
    both.at("oakvale").read("bank", "p", "r", &["account_name"]).await.granted();
    let shown = vault.staff("dpo", "oakvale").post("/v1/schema/show", &json!({})).await.granted().json();
    for controller in shown["controllers"].as_array().unwrap() {
        assert_eq!(controller["group"], "Vale Group");
        assert_eq!(
            (&controller["company_number"], &controller["address"]),
            (&json!("01234567"), &json!("1 Oak Street, Oakton"))
        );
    }
}
