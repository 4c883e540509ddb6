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
    use coffer_client::{Confidence, Day, Provenance, ask};
    let vault = noticed();
    let token = coffer_client::Token::new(vault.home().token("bank-officer", &["oakvale"])).unwrap();
    let client = vault.client("rents-desk");
    let payments = client.on_behalf_of(token).for_controller("oakvale").unwrap().for_purpose("payments").unwrap();
    let draft = ask::write("bank", "p", "r").unwrap().set("sort_code", "00-00-01").unwrap();
    let draft = draft.with_reference("call-3").unwrap().with_confidence(Confidence::Stated);
    let draft = draft.verified(Day::new("2026-01-31").unwrap(), &[]).unwrap();
    payments.write(draft.from_source(Provenance::PhoneCall)).await.unwrap();
    let read = payments.read(ask::masked("bank", "p", "r", &["sort_code"]).unwrap()).await.unwrap();
    let stamp = &read.provenance.values().next().unwrap();
    assert_eq!((stamp.source, stamp.notice.as_deref()), (Some(Provenance::PhoneCall), Some("2026-01")));
    assert_eq!(stamp.reference.as_ref().map(|id| id.as_str()), Some("call-3"));
    assert_eq!((stamp.confidence, stamp.disputed), (Some(Confidence::Stated), false));
    let marks = ask::write("bank", "p", "r").unwrap().disputed("sort_code", true).unwrap();
    payments.write(marks).await.unwrap();
    let read = payments.read(ask::masked("bank", "p", "r", &["sort_code"]).unwrap()).await.unwrap();
    assert!(read.provenance.values().next().unwrap().disputed);
    let stale = ask::stale_records_of("bank", "p", Day::new("2026-02-01").unwrap()).unwrap();
    let listed = payments.list(stale).await.unwrap();
    assert_eq!(listed.records[0].stale.len(), 1);
}

/// Writes with what is known of it.
async fn write_known(staff: &Staff, fields: Value, known: Value) -> coffer_tests::harness::Reply {
    let mut items = item("r", json!("phone-call"), fields);
    items[0]["known"] = known;
    staff.items("/v1/records/write", items).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_says_out_of_what_it_came_when_somebody_made_sure_and_that_it_is_disputed() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "brookside");
    let known = json!({ "reference": "letter-7", "verified_at": "2026-01-31", "confidence": "confirmed" });
    let written =
        write_known(&officer, json!({ "account_name": "A", "sort_code": "00-00-01" }), known.clone()).await.granted();
    let private: Value = serde_json::from_str(written.item(0)["receipts"][0]["private"].as_str().unwrap()).unwrap();
    assert_eq!(private["known"], known);
    let first = json!({ "source": "phone-call", "reference": "letter-7", "verified_at": "2026-01-31", "confidence": "confirmed" });
    assert_eq!(provenance(&officer, "r").await, json!({ "account_name": first, "sort_code": first }));

    // Somebody makes sure of one value and the person disputes the other: neither is written anew.
    let marks = json!({ "verified_at": "2026-06-30", "verified": ["account_name"], "disputed": { "sort_code": true } });
    let marked = write_known(&officer, json!({}), marks).await.granted();
    assert_eq!(marked.item(0)["version"], 2);
    let private: Value = serde_json::from_str(marked.item(0)["receipts"][0]["private"].as_str().unwrap()).unwrap();
    assert_eq!(private["fields"], json!(["account_name", "sort_code"]));
    let with = |stamp: &Value, key: &str, value: Value| {
        let mut stamp = stamp.clone();
        stamp[key] = value;
        stamp
    };
    let (sure, disputed) = (with(&first, "verified_at", json!("2026-06-30")), with(&first, "disputed", json!(true)));
    assert_eq!(provenance(&officer, "r").await, json!({ "account_name": sure, "sort_code": disputed }));
    let masked = officer.read_as("masked", "bank", "p", "r", &["sort_code"]).await.granted();
    assert_eq!(masked.item(0)["provenance"]["sort_code"]["disputed"], true, "the flag comes in every form");

    // Another record's erasure moves it under a new key; a new value is disputed by nobody, and the flag can be taken back.
    officer.items("/v1/records/write", item("s", json!("bank"), json!({ "account_name": "B" }))).await.granted();
    vault.staff("dpo", "brookside").erase("bank", "p", "s").await.granted();
    assert_eq!(provenance(&officer, "r").await, json!({ "account_name": sure, "sort_code": disputed }));
    write_known(&officer, json!({ "sort_code": "00-00-02" }), json!({})).await.granted();
    let plain = json!({ "source": "phone-call" });
    assert_eq!(provenance(&officer, "r").await, json!({ "account_name": sure, "sort_code": plain }));
    for (flag, told) in [(true, with(&plain, "disputed", json!(true))), (false, plain)] {
        write_known(&officer, json!({}), json!({ "disputed": { "sort_code": flag } })).await.granted();
        assert_eq!(provenance(&officer, "r").await, json!({ "account_name": sure, "sort_code": told }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_known_is_refused() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "oakvale");
    write_known(&officer, json!({ "account_name": "A" }), json!({})).await.granted();
    let name = || json!({ "account_name": "B" });
    for (fields, known, code) in [
        (name(), json!({ "verified_at": "9999-12-31" }), (422, "invalid_value")),
        (name(), json!({ "verified": ["account_name"] }), (422, "invalid_value")),
        (name(), json!({ "verified_at": "2026-02-29" }), (400, "malformed")),
        (name(), json!({ "confidence": "certain" }), (400, "malformed")),
        (name(), json!({ "hearsay": true }), (400, "malformed")),
        // Nothing is marked that is not there, and nobody marks what they may not write.
        (json!({}), json!({ "disputed": { "sort_code": true } }), (404, "not_found")),
        (json!({ "account_name": null }), json!({ "disputed": { "account_name": true } }), (404, "not_found")),
        (json!({}), json!({ "disputed": { "colour": true } }), (422, "unknown_field")),
        (json!({}), json!({ "reference": "letter-7" }), (400, "malformed")),
    ] {
        write_known(&officer, fields, known).await.refused(code.0, code.1);
    }
    let rents = vault.staff("rents", "oakvale");
    write_known(&rents, json!({}), json!({ "disputed": { "account_name": true } }))
        .await
        .refused(403, "forbidden_role");
    assert_eq!(provenance(&officer, "r").await["account_name"], json!({ "source": "phone-call", "notice": "2026-01" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_said_it_in_confidence_is_named_for_the_purposes_of_the_category_alone() {
    let vault = noticed();
    let known = json!({ "reference": "neighbour-12", "in_confidence": true, "confidence": "reported" });
    let secret = json!({ "confidence": "reported", "in_confidence": true });
    let named =
        json!({ "source": "neighbour", "reference": "neighbour-12", "confidence": "reported", "in_confidence": true });
    for (role, category, field, told) in
        [("safety-officer", "incidents", "account", &secret), ("safeguarding-lead", "offences", "matter", &named)]
    {
        let staff = vault.staff(role, "brookside");
        let mut fields = json!({ field: "shouting at night" });
        if category == "offences" {
            fields["review_on"] = json!("2027-01-31");
        }
        let item = json!({
            "category": category, "person": "p", "record": "r", "fields": fields, "source": "neighbour", "known": known,
        });
        staff.items("/v1/records/write", json!([item])).await.granted();
        for form in ["clear", "masked"] {
            let read = staff.read_as(form, category, "p", "r", &[field]).await.granted();
            assert_eq!(read.item(0)["provenance"][field], *told, "{category} {form}");
            let shows = read.item(0)["provenance"].to_string().contains("neighbour");
            assert_eq!(shows, category == "offences");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_names_what_nobody_has_made_sure_of_since_a_day_and_no_value() {
    let vault = noticed();
    let officer = vault.staff("bank-officer", "oakvale");
    write_known(&officer, json!({ "account_name": "A. Tenant" }), json!({ "verified_at": "2024-05-01" }))
        .await
        .granted();
    write_known(&officer, json!({ "sort_code": "00-00-01" }), json!({})).await.granted();
    let since = async |day: &str| {
        let items = json!([{ "category": "bank", "person": "p", "not_verified_since": day }]);
        let listed = officer.items("/v1/records/list", items).await.granted();
        assert!(!listed.to_string().contains("A. Tenant"));
        listed.item(0)["records"].clone()
    };
    let listed = |stale: Value| json!([{ "record": "r", "version": 2, "stale": stale }]);
    assert_eq!(since("2024-05-01").await, listed(json!(["sort_code"])), "the day itself is soon enough");
    assert_eq!(since("2024-05-02").await, listed(json!(["account_name", "sort_code"])));
    assert_eq!(officer.list("bank", "p").await.granted().item(0)["records"], json!([{ "record": "r", "version": 2 }]));
    write_known(&officer, json!({}), json!({ "verified_at": "2025-01-01", "verified": ["account_name", "sort_code"] }))
        .await
        .granted();
    assert_eq!(since("2024-05-02").await, json!([{ "record": "r", "version": 3 }]));
}
