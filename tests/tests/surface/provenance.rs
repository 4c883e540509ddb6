//! Where values come from, and what people were told: named or refused, stamped, shown again.

use coffer_tests::harness::{Home, Running, Serving, Staff, Store};
use coffer_wire::problem::Code;
use serde_json::{Value, json};

/// A vault where Oakvale has a notice and Brookside has none.
fn noticed() -> Running {
    let mut home = Home::new(Store::Rocks);
    give_notice(&mut home, "# notice = \"2026-01\"", "notice = \"2026-01\"");
    home.serve()
}

fn give_notice(home: &mut Home, from: &str, to: &str) {
    home.reconfigure(|text| {
        assert!(text.contains(from), "the template has changed");
        text.replacen(from, to, 1)
    });
}

fn item(record: &str, source: Value, fields: Value) -> Value {
    let mut item = json!({ "category": "bank", "person": "p", "record": record, "fields": fields });
    if !source.is_null() {
        item["source"] = source;
    }
    json!([item])
}

async fn provenance(staff: &Staff, record: &str) -> Value {
    let fields = ["account_name", "sort_code", "account_number"];
    staff.read("bank", "p", record, &fields).await.granted().item(0)["provenance"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_keeps_its_source_and_its_notice_until_it_is_written_anew() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "oakvale");
    let both = json!({ "account_name": "A. Tenant", "sort_code": "00-00-01" });
    let written = officer.items("/v1/records/write", item("r", json!("web-form"), both)).await.granted();
    let private: Value = serde_json::from_str(written.item(0)["receipts"][0]["private"].as_str().unwrap()).unwrap();
    assert_eq!((&private["source"], &private["notice"]), (&json!("web-form"), &json!("2026-01")));
    let first = json!({ "source": "web-form", "notice": "2026-01" });
    assert_eq!(provenance(&officer, "r").await, json!({ "account_name": first, "sort_code": first }));

    let next = json!({ "sort_code": "00-00-02", "account_number": "00001234" });
    officer.items("/v1/records/write", item("r", json!("phone-call"), next)).await.granted();
    let second = json!({ "source": "phone-call", "notice": "2026-01" });
    let now = json!({ "account_name": first, "sort_code": second, "account_number": second });
    assert_eq!(provenance(&officer, "r").await, now);
    // Masked, the same is said; of what was not asked for nothing is.
    let masked = officer.read_as("masked", "bank", "p", "r", &["sort_code"]).await.granted();
    assert_eq!(masked.item(0)["provenance"], json!({ "sort_code": second }));

    // Erasing another record seals this one under a new key: what is known of it moves with it.
    officer.items("/v1/records/write", item("s", json!("bank"), json!({ "account_name": "B" }))).await.granted();
    vault.staff("dpo", "oakvale").erase("bank", "p", "s").await.granted();
    assert_eq!(provenance(&officer, "r").await, now);

    let mut home = vault.stop().await;
    give_notice(&mut home, "notice = \"2026-01\"", "notice = \"2026-02\"");
    let vault = home.serve();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.items("/v1/records/write", item("r", Value::Null, json!({ "sort_code": null }))).await.granted();
    officer.items("/v1/records/write", item("r", Value::Null, json!({ "account_name": "C" }))).await.granted();
    let last = json!({ "account_name": { "notice": "2026-02" }, "account_number": second });
    assert_eq!(provenance(&officer, "r").await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_known_nothing_is_kept() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "brookside");
    officer.items("/v1/records/write", item("r", Value::Null, json!({ "sort_code": "00-00-01" }))).await.granted();
    assert_eq!(provenance(&officer, "r").await, Value::Null);
    officer.items("/v1/records/write", item("r", json!("person"), json!({ "sort_code": "00-00-02" }))).await.granted();
    assert_eq!(provenance(&officer, "r").await, json!({ "sort_code": { "source": "person" } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_the_category_or_the_field_does_not_take_is_refused() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "oakvale");
    let before = vault.log_size();
    let foreign = item("r", json!("social-media"), json!({ "sort_code": "00-00-01" }));
    let refused = officer.items("/v1/records/write", foreign).await.refused(422, "source_not_taken");
    assert_eq!(refused.item(0)["field"], "sort_code");
    assert_eq!(vault.leaves_since(before).pop().unwrap().refused, Some(Code::SourceNotTaken));
    officer.read("bank", "p", "r", &["sort_code"]).await.refused(404, "not_found");
    // What is none of the closed list is no request.
    officer.items("/v1/records/write", item("r", json!("hearsay"), json!({}))).await.refused(400, "malformed");

    let income = vault.staff("income-officer", "oakvale").for_purpose("credit-checks");
    let finding = |source: Value| {
        let mut items = item("r", source, json!({ "finding": "two accounts in arrears" }));
        items[0]["category"] = json!("credit");
        items
    };
    income.items("/v1/records/write", finding(Value::Null)).await.refused(400, "source_required");
    let staff = income.items("/v1/records/write", finding(json!("staff"))).await.refused(422, "source_not_taken");
    assert_eq!(staff.item(0)["field"], "finding");
    income.items("/v1/records/write", finding(json!("credit-agency"))).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_names_a_source_and_is_told_it_again() {
    use coffer_client::{Provenance, ask};
    let vault = noticed();
    let token = coffer_client::Token::new(vault.home().token("bank-officer", &["oakvale"])).unwrap();
    let client = vault.client("rents-desk");
    let payments = client.on_behalf_of(token).for_controller("oakvale").unwrap().for_purpose("payments").unwrap();
    let draft = ask::write("bank", "p", "r").unwrap().set("sort_code", "00-00-01").unwrap();
    payments.write(draft.from_source(Provenance::PhoneCall)).await.unwrap();
    let read = payments.read(ask::masked("bank", "p", "r", &["sort_code"]).unwrap()).await.unwrap();
    let stamp = &read.provenance.values().next().unwrap();
    assert_eq!((stamp.source, stamp.notice.as_deref()), (Some(Provenance::PhoneCall), Some("2026-01")));
}
