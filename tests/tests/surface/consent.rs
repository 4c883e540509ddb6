//! What a person agreed to, and what people were told: no record is without it, and what rests on consent ends with it.

use std::sync::Arc;

use coffer_tests::engines::Held;
use coffer_tests::harness::{Home, Running, Serving, Staff, Store, name};
use coffer_vault::store::Family;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

/// What was agreed, and what is left to be done once it no longer is.
const AGREED: [&str; 3] = ["work", "agreed_use", "reference"];
const TO_TAKE_DOWN: [&str; 3] = ["published_where", "consented_on", "withdrawn_on"];

fn agreement() -> Value {
    json!({
        "work": "photo", "agreed_use": "the spring newsletter", "reference": "IMG-0042",
        "consented_on": "2026-02-03", "published_where": "newsletter of March, page 2",
    })
}

async fn photo(staff: &Staff, fields: Value) -> coffer_tests::harness::Reply {
    staff.write("media_consent", "p", "photo", fields).await
}

async fn read(staff: &Staff, fields: &[&str]) -> coffer_tests::harness::Reply {
    staff.read("media_consent", "p", "photo", fields).await
}

/// The newest leaf, which wrote no row.
fn last_refusal(vault: &Running) -> Option<Code> {
    let leaf = vault.leaves_since(vault.log_size() - 1).pop().unwrap();
    assert_eq!((leaf.granted, leaf.row), (None, None));
    leaf.refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_counts_from_the_next_request_on_and_leaves_what_has_to_be_taken_down() {
    let vault = Home::new(Store::Rocks).serve();
    let comms = vault.staff("communications", "oakvale");
    photo(&comms, agreement()).await.granted();
    let agreed = read(&comms, &AGREED).await.granted().item(0);
    assert_eq!(agreed["fields"]["agreed_use"], "the spring newsletter");

    photo(&comms, json!({ "withdrawn_on": "2026-11-20" })).await.granted();
    for field in AGREED {
        for form in ["clear", "masked"] {
            let refused = comms.read_as(form, "media_consent", "p", "photo", &[field, "published_where"]).await;
            refused.refused(403, "no_consent");
            assert_eq!(last_refusal(&vault), Some(Code::NoConsent));
        }
    }
    let left = read(&comms, &TO_TAKE_DOWN).await.granted().item(0);
    let told = json!({
        "published_where": "newsletter of March, page 2", "consented_on": "2026-02-03", "withdrawn_on": "2026-11-20"
    });
    assert_eq!(left["fields"], told);

    // That something was taken down can be noted; nothing can be agreed anew while it is withdrawn.
    photo(&comms, json!({ "published_where": "taken down everywhere" })).await.granted();
    photo(&comms, json!({ "agreed_use": "a poster" })).await.refused(403, "no_consent");
    assert_eq!(last_refusal(&vault), Some(Code::NoConsent));
    let vault = vault.restart().await;
    let comms = vault.staff("communications", "oakvale");
    read(&comms, &AGREED).await.refused(403, "no_consent");

    // Whoever agrees again is asked again: one write says so, and all of it or nothing.
    let again = json!({ "withdrawn_on": null, "consented_on": "2026-11-24", "agreed_use": "a poster" });
    photo(&comms, again).await.granted();
    assert_eq!(read(&comms, &AGREED).await.granted().item(0)["fields"]["agreed_use"], "a poster");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_agreed_by_who_has_not_consented() {
    let vault = Home::new(Store::Memory).serve();
    let comms = vault.staff("communications", "oakvale");
    let mut without = agreement();
    without["consented_on"].take();
    photo(&comms, without).await.refused(422, "field_required");
    let mut withdrawn = agreement();
    withdrawn["withdrawn_on"] = json!("2026-02-04");
    photo(&comms, withdrawn).await.refused(403, "no_consent");
    assert_eq!(last_refusal(&vault), Some(Code::NoConsent));
    read(&comms, &["published_where"]).await.refused(404, "not_found");

    // No write makes out of a consent one that was never given.
    photo(&comms, agreement()).await.granted();
    let refused = photo(&comms, json!({ "consented_on": null })).await.refused(422, "field_required");
    assert_eq!(refused.item(0)["field"], "consented_on");
    read(&comms, &AGREED).await.granted();
}

/// A read that looked before the withdrawal and comes to the log after it looks again.
#[tokio::test(flavor = "multi_thread")]
async fn no_read_stands_behind_a_withdrawal_in_the_log() {
    let home = Home::new(Store::Memory);
    let held = Arc::new(Held::over(home.memory()));
    let vault = home.serve_on(held.clone());
    let comms = vault.staff("communications", "oakvale");
    photo(&comms, agreement()).await.granted();
    let family = Family::Rows(name("media_consent"));
    let (key, agreed) = vault.engine().scan(family, b"", None, 2).unwrap().remove(0);
    photo(&comms, json!({ "withdrawn_on": "2026-11-20" })).await.granted();
    let withdrawn = vault.log_size();

    held.show_once(family, key, agreed);
    read(&comms, &AGREED).await.refused(403, "no_consent");
    let reads = vault.leaves_since(withdrawn).into_iter().filter(|leaf| leaf.action == Action::RecordsRead);
    let refused: Vec<_> = reads.map(|leaf| leaf.refused).collect();
    assert_eq!(refused, [Some(Code::NoConsent)]);
}

fn recording() -> Value {
    json!({
        "medium": "voice", "recorded_on": "2026-11-02", "duration_seconds": "340", "notice": "announced",
        "notice_on": "2026-11-02", "card_capture": "paused", "reference": "telephony 2026-11-02/0311",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_which_nobody_was_told_is_not_kept_and_no_write_takes_the_notice_out() {
    let vault = Home::new(Store::Rocks).serve();
    let keeper = vault.staff("recordings-keeper", "oakvale");
    for missing in ["notice", "notice_on", "card_capture"] {
        let mut without = recording();
        without.as_object_mut().unwrap().remove(missing);
        let refused = keeper.write("recordings", "p", "call", without.clone()).await.refused(422, "field_required");
        assert_eq!(refused.item(0)["field"], missing);
        assert_eq!(last_refusal(&vault), Some(Code::FieldRequired));
        without[missing] = Value::Null;
        keeper.write("recordings", "p", "call", without).await.refused(422, "field_required");
    }
    keeper.read("recordings", "p", "call", &["medium"]).await.refused(404, "not_found");

    keeper.write("recordings", "p", "call", recording()).await.granted();
    for kept in ["notice", "notice_on", "card_capture"] {
        keeper.write("recordings", "p", "call", json!({ kept: null })).await.refused(422, "field_required");
    }
    // Later writes need not bring it again.
    keeper.write("recordings", "p", "call", json!({ "duration_seconds": "341" })).await.granted();
    let read = keeper.read("recordings", "p", "call", &["notice", "notice_on", "duration_seconds"]).await.granted();
    let told = json!({ "notice": "announced", "notice_on": "2026-11-02", "duration_seconds": "341" });
    assert_eq!(read.item(0)["fields"], told);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_of_a_recording_and_the_bytes_of_a_picture_have_no_place() {
    let vault = Home::new(Store::Memory).serve();
    let keeper = vault.staff("recordings-keeper", "oakvale");
    let sound = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA".repeat(32);
    for field in ["audio", "content"] {
        let mut item = recording();
        item[field] = json!(sound);
        keeper.write("recordings", "p", "call", item).await.refused(422, "unknown_field");
    }
    let mut item = recording();
    item["reference"] = json!(sound);
    keeper.write("recordings", "p", "call", item).await.refused(422, "invalid_value");
    let comms = vault.staff("communications", "oakvale");
    let mut item = agreement();
    item["reference"] = json!(sound);
    photo(&comms, item).await.refused(422, "invalid_value");
    for media in ["audio/wav", "image/jpeg", "application/octet-stream"] {
        let bytes = b"RIFF\x24\0\0\0WAVEfmt ".to_vec();
        let sent = keeper.raw.send(Method::POST, "/v1/records/write", Some(&keeper.token), Some(media), bytes).await;
        sent.refused(415, "unsupported_media_type");
    }
    keeper.read("recordings", "p", "call", &["reference"]).await.refused(404, "not_found");
    read(&comms, &["published_where"]).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_public_is_kept_with_where_and_when_and_an_offence_with_the_day_of_its_review() {
    let vault = Home::new(Store::Memory).serve();
    let write = |staff: &Staff, category: &str, source: &str, fields: Value| {
        let (staff, category, source) = (staff.clone(), category.to_owned(), source.to_owned());
        let item = json!([{
            "category": category, "person": "p", "record": "r", "source": source, "fields": fields
        }]);
        async move { staff.items("/v1/records/write", item).await }
    };
    let comms = vault.staff("communications", "oakvale").for_purpose("public-replies");
    let post = json!({ "content": "thanks", "link": "https://social.example/p/1", "posted_on": "2026-05-01" });
    for missing in ["link", "posted_on"] {
        let mut without = post.clone();
        without.as_object_mut().unwrap().remove(missing);
        let refused = write(&comms, "public_social", "social-media", without).await.refused(422, "field_required");
        assert_eq!(refused.item(0)["field"], missing);
    }
    write(&comms, "public_social", "social-media", post).await.granted();

    let lead = vault.staff("safeguarding-lead", "oakvale");
    let matter = json!({ "matter": "threatened a neighbour", "stage": "alleged" });
    let refused = write(&lead, "offences", "staff", matter.clone()).await.refused(422, "field_required");
    assert_eq!(refused.item(0)["field"], "review_on");
    let mut reviewed = matter;
    reviewed["review_on"] = json!("2027-05-01");
    write(&lead, "offences", "staff", reviewed).await.granted();
}
