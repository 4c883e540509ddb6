//! Rows of docs/PROMISES.md that are shown here and nowhere else: mostly what the shipped schema and policy come to, asked of
//! a running vault.

use std::collections::BTreeSet;

use coffer_tests::harness::{CONTROLLERS, Home, Process, Running, STAFF, Serving, Store};
use coffer_vault::local;
use coffer_vault::schema::Subject;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

fn vault() -> Running {
    Home::new(Store::Memory).serve()
}

fn item(category: &str, source: Option<&str>, fields: Value) -> Value {
    let mut item = json!({ "category": category, "person": "p", "record": "r", "fields": fields });
    if let Some(source) = source {
        item["source"] = json!(source);
    }
    json!([item])
}

/// The cells of the policy in force, as texts.
async fn cells(vault: &Running) -> Vec<Value> {
    let auditor = vault.staff("auditor", "oakvale");
    let shown = auditor.post("/v1/access/show", &json!({})).await.granted();
    shown.json()["cells"].as_array().unwrap().clone()
}

/// What may be done for a purpose: category, field, action and form.
async fn permitted_for(vault: &Running, purpose: &str) -> BTreeSet<[String; 4]> {
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap_or_default().to_owned();
    let cells = cells(vault).await.into_iter().filter(|cell| cell["purpose"] == purpose);
    cells.map(|cell| ["category", "field", "action", "form"].map(|key| text(&cell, key))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_a_purpose_that_its_category_permits_or_is_refused_on_record() {
    let vault = vault();
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let read = json!([{ "category": "bank", "person": "p", "record": "r", "fields": ["sort_code"], "form": "clear" }]);
    let mut without = officer.envelope(read);
    without.as_object_mut().unwrap().remove("purpose");
    let last = || vault.leaves_since(vault.log_size() - 1).pop().unwrap();
    officer.post("/v1/records/read", &without).await.refused(400, "malformed");
    assert_eq!(last().refused, Some(Code::Malformed));
    for (purpose, known) in [("debt-advice", true), ("curiosity", false)] {
        let asked = officer.for_purpose(purpose).read("bank", "p", "r", &["sort_code"]).await;
        assert_eq!(asked.outcome().0, 403, "{purpose}: {asked}");
        assert!(last().refused.is_some());
        // What is no purpose of the schema is whatever a caller likes to write, and stays out of the log's clear part.
        assert_eq!(last().purpose.is_some(), known);
    }
    officer.read("bank", "p", "r", &["sort_code"]).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn tailoring_a_service_shows_needs_and_adjustments_and_no_profile() {
    let vault = vault();
    let shown = permitted_for(&vault, "service-tailoring").await;
    let fields: BTreeSet<_> = shown.iter().map(|[category, field, ..]| (category.as_str(), field.as_str())).collect();
    let wanted = [
        ("housing_needs", ""),
        ("housing_needs", "adaptations"),
        ("housing_needs", "bedrooms_needed"),
        ("profile", "adjustment"),
    ];
    assert_eq!(fields, wanted.into());
    let equality = vault.staff("equality-officer", "oakvale");
    equality.write("profile", "p", "r", json!({ "ethnicity": "White Irish", "disability": "Hearing" })).await.granted();
    let housing = vault.staff("housing-officer", "oakvale");
    let adjusts = housing.for_purpose("reasonable-adjustments");
    adjusts.write("profile", "p", "r", json!({ "adjustment": "large-print" })).await.granted();
    let tailors = housing.for_purpose("service-tailoring");
    let read = tailors.read("profile", "p", "r", &["adjustment"]).await.granted().item(0);
    assert_eq!(read["fields"], json!({ "adjustment": "large-print" }));
    for field in ["ethnicity", "disability", "date_of_birth", "sex", "communication_needs"] {
        for staff in [&tailors, &equality.for_purpose("service-tailoring")] {
            assert_eq!(staff.read_as("masked", "profile", "p", "r", &[field]).await.outcome().0, 403, "{field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_category_of_every_landlord_has_keys_of_its_own() {
    let vault = vault();
    let listed = vault.staff("security-admin", "oakvale").post("/v1/keys/list", &json!({})).await.granted().json();
    let keys = listed["keys"].as_array().unwrap();
    let schema = local::schema().unwrap();
    let mut ids = BTreeSet::new();
    for (controller, _) in CONTROLLERS {
        for category in schema.iter() {
            for kind in ["category", "locator"] {
                let mut of = keys.iter().filter(|key| {
                    key["controller"] == controller && key["category"] == category.name.as_str() && key["kind"] == kind
                });
                let key = of.next().unwrap_or_else(|| panic!("{controller} has no {kind} key of {}", category.name));
                assert!(
                    of.next().is_none() && ids.insert(key["id"].as_str().unwrap().to_owned()),
                    "{key} is not one's own"
                );
            }
        }
    }
    assert_eq!(ids.len(), 2 * 2 * 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_stands_in_the_private_part_and_in_no_leaf() {
    let vault = vault();
    let officer = vault.staff("bank-officer", "oakvale");
    let written = officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let receipt = written.item(0)["receipts"][0].clone();
    let private: Value = serde_json::from_str(receipt["private"].as_str().unwrap()).unwrap();
    assert_eq!(private["address"], "127.0.0.1");
    assert_eq!(vault.staff("rents", "oakvale").read("care", "p", "r", &["needs"]).await.outcome().0, 403);
    for index in 0..vault.log_size() {
        let leaf = String::from_utf8(vault.leaf_bytes(index)).unwrap();
        assert!(!leaf.contains("127.0.0.1"), "{leaf}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_forms_write_and_never_read_back() {
    let vault = vault();
    let form = vault.staff("intake", "oakvale");
    let fields = json!({ "name": "Ada Kettlewell", "phone": "07700 900123" });
    form.items("/v1/records/write", item("contact", Some("web-form"), fields)).await.granted();
    for purpose in ["housing-management", "lettings", "repairs"] {
        let form = form.for_purpose(purpose);
        for form_of in ["clear", "masked"] {
            assert_eq!(form.read_as(form_of, "contact", "p", "r", &["name"]).await.outcome().0, 403);
        }
        for category in ["contact", "housing_needs", "repairs"] {
            assert_eq!(form.list(category, "p").await.outcome().0, 403);
        }
        assert_eq!(form.erase("contact", "p", "r").await.outcome().0, 403);
    }
    let cells = cells(&vault).await.into_iter().filter(|cell| cell["role"] == "intake");
    assert_eq!(cells.map(|cell| cell["action"].clone()).collect::<Vec<_>>(), vec![json!("records.write"); 12]);
    let read = vault.staff("housing-officer", "oakvale").read("contact", "p", "r", &["name"]).await.granted().item(0);
    assert_eq!(read["provenance"]["name"]["source"], "web-form");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_sets_a_cookie() {
    let vault = vault();
    let officer = vault.staff("bank-officer", "oakvale");
    let answers = [
        officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await,
        officer.read("bank", "p", "r", &["sort_code"]).await,
        officer.read("bank", "nobody", "r", &["sort_code"]).await,
        officer.post("/v1/records/read", &json!({})).await,
        vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await,
        officer.raw.get("/v1/log/checkpoint", None).await,
        officer.raw.get("/", None).await,
    ];
    let mut named = BTreeSet::new();
    for answer in answers {
        named.extend(answer.headers.keys().map(|name| name.as_str().to_owned()));
    }
    // Nothing by which a browser would be known again is among them.
    let known = ["allow", "cache-control", "content-length", "content-type", "date", "x-request-id"];
    let others: Vec<_> = named.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty() && named.contains("content-type"), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_serve_four_purposes_and_training_learns_no_name() {
    let vault = vault();
    let schema = local::schema().unwrap();
    let recordings = schema.iter().find(|category| category.name.as_str() == "recordings").unwrap();
    let purposes: Vec<_> = recordings.purposes.iter().map(|purpose| purpose.as_str()).collect();
    let wanted = ["transaction-records", "staff-training", "crime-prevention", "quality-checks", "erasure"];
    assert_eq!(purposes, wanted);
    let shown = permitted_for(&vault, "staff-training").await;
    let masked = |field: &str| ["recordings", field, "records.read", "masked"].map(str::to_owned);
    assert_eq!(shown, [masked("medium"), masked("recorded_on")].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_is_entitled_can_be_kept_without_the_papers() {
    let vault = vault();
    let income = vault.staff("income-officer", "oakvale");
    let word = json!({ "outcome": "confirmed", "checked_on": "2026-10-01" });
    income.write("benefits", "p", "r", word.clone()).await.granted();
    let all = ["benefit", "ni_number", "weekly_amount", "outcome", "checked_on", "health_note"];
    assert_eq!(income.read("benefits", "p", "r", &all).await.granted().item(0)["fields"], word);
    let cells = cells(&vault).await.into_iter().filter(|cell| cell["category"] == "benefits");
    let purposes: BTreeSet<_> = cells.map(|cell| cell["purpose"].as_str().unwrap().to_owned()).collect();
    assert_eq!(purposes, ["circumstances-checks", "erasure"].map(str::to_owned).into());
    for purpose in ["payments", "rent-collection", "enquiries"] {
        let asked = income.for_purpose(purpose).read("benefits", "p", "r", &["outcome"]).await;
        assert_eq!(asked.outcome().0, 403, "{purpose}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_says_that_it_names_others_and_takes_no_card_number() {
    let vault = vault();
    let housing = vault.staff("housing-officer", "oakvale");
    let letter = json!({
        "channel": "email", "received_on": "2026-10-02", "subject_line": "My neighbour", "names_others": "yes",
        "body": "Mrs Quigley keeps my spare key.", "sender_email": "ada@mail.example.org",
    });
    housing.items("/v1/records/write", item("correspondence", Some("email"), letter.clone())).await.granted();
    let fields: Vec<&str> = letter.as_object().unwrap().keys().map(String::as_str).collect();
    let read = housing.read("correspondence", "p", "r", &fields).await.granted().item(0);
    assert_eq!(read["fields"], letter);
    assert_eq!(read["provenance"]["body"]["source"], "email");
    let mut with_card = letter;
    with_card["body"] = json!("Take it from 4111 1111 1111 1111, please.");
    let refused = housing.items("/v1/records/write", item("correspondence", Some("email"), with_card)).await;
    assert_eq!(refused.refused(422, "card_number").item(0)["field"], "body");
}

#[tokio::test(flavor = "multi_thread")]
async fn contractors_say_what_they_think_and_see_nothing_of_it() {
    let vault = vault();
    let contractor = vault.staff("contractor", "oakvale").for_purpose("service-review");
    let comment = json!({ "about": "repairs", "rating": "2", "comment": "No access twice.", "given_on": "2026-10-03" });
    contractor.items("/v1/records/write", item("feedback", Some("contractor"), comment.clone())).await.granted();
    for form in ["clear", "masked"] {
        assert_eq!(contractor.read_as(form, "feedback", "p", "r", &["comment"]).await.outcome().0, 403);
    }
    assert_eq!(contractor.list("feedback", "p").await.outcome().0, 403);
    assert_eq!(contractor.erase("feedback", "p", "r").await.outcome().0, 403);
    let planner = vault.staff("repairs-planner", "oakvale").for_purpose("service-review");
    let read = planner.read("feedback", "p", "r", &["about", "rating", "comment", "given_on"]).await.granted();
    assert_eq!(read.item(0)["fields"], comment);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_added_to_and_not_changed() {
    let vault = vault();
    let housing = vault.staff("housing-officer", "oakvale");
    let entry = |record: &str, fields: Value| {
        let (housing, record) = (housing.clone(), record.to_owned());
        async move { housing.write("contact_log", "p", &record, fields).await }
    };
    let said = json!({ "channel": "online", "contacted_on": "2026-10-04", "facts": "Took down what she had posted." });
    entry("one", said.clone()).await.granted();
    for change in [json!({ "facts": "Nothing." }), json!({ "facts": null }), json!({ "action_taken": "none" })] {
        entry("one", change).await.refused(409, "append_only");
    }
    let correction = json!({ "facts": "It was her son's post.", "corrects": "one" });
    entry("two", correction.clone()).await.granted();
    let read = housing.read("contact_log", "p", "one", &["channel", "contacted_on", "facts"]).await.granted().item(0);
    assert_eq!((&read["fields"], &read["version"]), (&said, &json!(1)));
    let read = housing.read("contact_log", "p", "two", &["facts", "corrects"]).await.granted().item(0);
    assert_eq!(read["fields"], correction);
}

#[tokio::test(flavor = "multi_thread")]
async fn marketing_is_no_purpose_of_anything_else() {
    let vault = vault();
    for purpose in ["surveys", "newsletters"] {
        let categories: BTreeSet<_> =
            permitted_for(&vault, purpose).await.into_iter().map(|[category, ..]| category).collect();
        assert_eq!(categories, ["marketing".to_owned()].into(), "{purpose}");
    }
    let schema = local::schema().unwrap();
    for category in schema.iter().filter(|category| category.name.as_str() != "marketing") {
        let purposes: Vec<_> = category.purposes.iter().map(|purpose| purpose.as_str()).collect();
        assert!(!purposes.contains(&"surveys") && !purposes.contains(&"newsletters"), "{}", category.name);
    }
    let housing = vault.staff("housing-officer", "oakvale");
    housing.write("contact", "p", "r", json!({ "email": "ada@mail.example.org" })).await.granted();
    for staff in [&housing, &vault.staff("communications", "oakvale")] {
        let asked = staff.for_purpose("newsletters").read("contact", "p", "r", &["email"]).await;
        assert_eq!(asked.outcome().0, 403, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_grant_nobody_reads_anything() {
    let home = Home::with(Store::Memory, |dir| {
        let access = dir.join("access.toml");
        let text = std::fs::read_to_string(&access).unwrap();
        let blocks = text.split("\n\n").filter(|block| !block.contains("[[grant]]"));
        std::fs::write(&access, blocks.collect::<Vec<_>>().join("\n\n")).unwrap();
    });
    let vault = home.serve();
    assert_eq!(cells(&vault).await, Vec::<Value>::new());
    let schema = local::schema().unwrap();
    for (role, ..) in STAFF {
        let staff = vault.staff(role, "oakvale");
        for category in schema.iter() {
            let (name, purpose) = (category.name.as_str(), category.purposes[0].as_str());
            let staff = staff.for_purpose(purpose);
            let field = category.fields[0].name.as_str();
            assert_eq!(staff.read_as("masked", name, "p", "r", &[field]).await.outcome().0, 403, "{role}, {name}");
            assert_eq!(staff.list(name, "p").await.outcome().0, 403, "{role}, {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_consent_can_be_taken_back_and_what_is_public_rests_on_none() {
    let vault = vault();
    let writable: BTreeSet<_> = cells(&vault)
        .await
        .into_iter()
        .filter(|cell| cell["action"] == "records.write" && cell["applications"] != json!([]))
        .map(|cell| ["category", "field"].map(|key| cell[key].as_str().unwrap_or_default().to_owned()))
        .collect();
    let (schema, mut consents) = (local::schema().unwrap(), 0);
    for category in schema.iter().filter(|category| category.fields.iter().any(|field| field.rests_on_consent())) {
        let withdrawn = category.field_number(category.consent.unwrap().withdrawn).unwrap();
        assert!(writable.contains(&[category.name.to_string(), withdrawn.name.to_string()]), "{}", category.name);
        consents += 1;
    }
    assert!(consents > 0);
    let social = schema.iter().find(|category| category.name.as_str() == "public_social").unwrap();
    assert!(social.source_required && social.fields.iter().all(|field| !field.rests_on_consent()));
    let comms = vault.staff("communications", "oakvale").for_purpose("public-replies");
    let post =
        json!({ "link": "https://social.example.org/1", "posted_on": "2026-10-05", "content": "Lovely benches" });
    comms.items("/v1/records/write", item("public_social", None, post.clone())).await.refused(400, "source_required");
    let hearsay = comms.items("/v1/records/write", item("public_social", Some("neighbour"), post.clone())).await;
    hearsay.refused(422, "source_not_taken");
    comms.items("/v1/records/write", item("public_social", Some("social-media"), post)).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_the_schema_does_not_ask_is_not_taken() {
    let vault = vault();
    let housing = vault.staff("housing-officer", "oakvale");
    for field in ["religion", "landlord_opinion", "name2"] {
        let refused = housing.write("contact", "p", "r", json!({ "name": "Ada", field: "x" })).await;
        refused.refused(422, "unknown_field");
    }
    housing.read("contact", "p", "r", &["name"]).await.refused(404, "not_found");
    for category in local::schema().unwrap().iter() {
        for field in &category.fields {
            assert!(!field.purposes.is_empty(), "{}, {}", category.name, field.name);
            assert!(field.purposes.iter().all(|purpose| category.purposes.contains(purpose)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pays_for_somebody_else_is_a_person_of_their_own() {
    let vault = vault();
    let payer = local::schema().unwrap();
    let payer = payer.iter().find(|category| category.name.as_str() == "bank").unwrap();
    assert!(payer.fields.iter().any(|field| field.name.as_str() == "payer_name" && field.subject == Subject::Other));
    let officer = vault.staff("bank-officer", "oakvale");
    let fields = json!({ "account_name": "A. Kettlewell", "sort_code": "00-00-01", "payer_name": "Moira Kettlewell" });
    let mut items = item("bank", Some("person"), fields.clone());
    officer.items("/v1/records/write", items.clone()).await.refused(422, "subject_mismatch");
    items[0]["about"] = json!({ "payer_name": "daughter" });
    officer.items("/v1/records/write", items).await.granted();
    let all = ["account_name", "sort_code", "payer_name"];
    assert_eq!(officer.read("bank", "p", "r", &all).await.granted().item(0)["fields"], fields);
    // Her rights are her own: what is erased of her leaves his account.
    vault.staff("dpo", "oakvale").erase_person("daughter", &["bank"]).await.granted();
    let left = json!({ "account_name": "A. Kettlewell", "sort_code": "00-00-01" });
    assert_eq!(officer.read("bank", "p", "r", &all).await.granted().item(0)["fields"], left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_ran_out_is_warned_of() {
    let mut home = Home::new(Store::Memory);
    home.reconfigure(|text| {
        let [first, second] =
            ["\"ZA000001\"\nregistration_ends = 2020-03-31", "\"ZA000002\"\nregistration_ends = 2999-03-31"];
        let template = "# registration = \"ZA000000\"\n# registration_ends = 2027-03-31\n";
        assert_eq!(text.matches(template).count(), 2, "the template has changed");
        let officer = "data_protection_officer = \"dpo@oakvale.example.org\"\n";
        let text = text.replacen(template, &format!("registration = {first}\n{officer}"), 1);
        text.replacen(template, &format!("registration = {second}\n"), 1)
    });
    let vault = home.serve();
    let auditor = vault.staff("auditor", "oakvale");
    let status = auditor.post("/v1/status", &json!({})).await.granted().json();
    let warnings: Vec<_> = status["warnings"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let told: Vec<_> = warnings.iter().filter(|warning| warning.contains("registration")).collect();
    assert_eq!(told, [&"the registration ZA000001 of Oakvale Homes ended on 2020-03-31: renew it"]);
    let shown = auditor.post("/v1/schema/show", &json!({})).await.granted().json();
    let oakvale = json!({
        "name": "oakvale", "title": "Oakvale Homes", "registration": "ZA000001", "registration_ends": "2020-03-31",
        "officer": "dpo@oakvale.example.org",
    });
    assert_eq!(shown["controllers"][0], oakvale);
}

#[test]
fn a_running_vault_leaves_no_core_file() {
    let process = Process::start(Home::by_binary(), "warn");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<_> = core.split_whitespace().rev().skip(1).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}
