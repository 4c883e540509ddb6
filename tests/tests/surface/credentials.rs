//! Credentials that were good once, or are good elsewhere. Each is looked at on each request.

use coffer_tests::harness::{Home, Running, Serving, Store, application_of};
use coffer_vault::clock::{Clock, System};
use coffer_vault::local::thumbprint;
use coffer_wire::Hash;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

const MINUTE_MS: u64 = 60_000;

fn der(home: &Home, application: &str) -> Vec<u8> {
    CertificateDer::from_pem_file(home.client_file(application, "client.pem")).unwrap().to_vec()
}

async fn whoami(vault: &Running, application: &str, token: &str) -> (u16, String) {
    vault.raw(application).post("/v1/whoami", Some(token), &json!({})).await.outcome()
}

fn ok() -> (u16, String) {
    (200, "ok".to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_application_is_refused_and_comes_back_when_it_no_longer_is() {
    let mut home = Home::new(Store::Memory);
    let of_care_desk = |suspended: bool| format!("client_id = \"care-desk\"\nsuspended = {suspended}");
    home.reconfigure(|text| text.replace(&of_care_desk(false), &of_care_desk(true)));
    let vault = home.serve();
    let token = vault.token("support-worker", &["oakvale"]);
    assert_eq!(whoami(&vault, "care-desk", &token).await, refused("credential_revoked"));
    vault.raw("care-desk").get("/v1/log/checkpoint", None).await.refused(401, "credential_revoked");
    assert_eq!(whoami(&vault, "rents-desk", &vault.token("rents", &["oakvale"])).await, ok());
    let mut home = vault.stop().await;
    home.reconfigure(|text| text.replace(&of_care_desk(true), &of_care_desk(false)));
    let vault = home.serve();
    assert_eq!(whoami(&vault, "care-desk", &token).await, ok());
}

/// Puts one line into `[revoked]` and activates it; who worked a moment ago works no more.
pub(crate) async fn revoke(vault: &Running, list: &str, entry: &str) {
    let text = vault.home().text("access.toml");
    let empty = format!("\n{list} = []\n\n");
    let filled = format!("\n{list} = [\"{entry}\"]\n\n");
    let text = format!("{text}\n");
    // The lists of `[revoked]` are the last in the file.
    let at = text.find("[revoked]").unwrap();
    let revoked = text[at..].replace(empty.trim_end(), filled.trim_end());
    assert_ne!(revoked, text[at..], "{list} is not in the shipped file");
    let files = json!({ "files": { "access.toml": format!("{}{revoked}", &text[..at]) } });
    vault.staff("security-admin", "oakvale").post("/v1/access/apply", &files).await.granted();
}

/// A rents officer on one connection, to whom the same connection and token are refused afterwards.
async fn works_until(list: &str, entry: impl FnOnce(&Home, &str) -> String) {
    let vault = Home::new(Store::Memory).serve();
    let (rents, officer) = (vault.staff("rents", "oakvale"), vault.staff("bank-officer", "oakvale"));
    let asha = vault.staff("support-worker", "oakvale");
    for staff in [&rents, &officer, &asha] {
        staff.post("/v1/whoami", &json!({})).await.granted();
    }
    let entry = entry(vault.home(), &rents.token);
    revoke(&vault, list, &entry).await;
    rents.post("/v1/whoami", &json!({})).await.refused(401, "credential_revoked");
    rents.list("bank", "anyone").await.refused(401, "credential_revoked");
    // Others are not disturbed, unless they come through the same application.
    asha.post("/v1/whoami", &json!({})).await.granted();
    let shared = matches!(list, "applications" | "certificates");
    let expected = if shared { refused("credential_revoked") } else { ok() };
    assert_eq!(officer.post("/v1/whoami", &json!({})).await.outcome(), expected);
    let vault = vault.restart().await;
    let rents = rents.through(vault.raw("rents-desk"));
    rents.post("/v1/whoami", &json!({})).await.refused(401, "credential_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_application_is_refused_from_the_next_request_on() {
    works_until("applications", |_, _| "rents-desk".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_from_the_next_request_on() {
    works_until("certificates", |home, _| HEXLOWER.encode(Hash::sha256(&der(home, "rents-desk")).as_bytes())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_person_is_refused_from_the_next_request_on() {
    works_until("persons", |home, _| format!("{} rents@example", home.issuer())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_from_the_next_request_on() {
    works_until("tokens", |_, token| {
        let claims = data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        claims["jti"].as_str().unwrap().to_owned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outside_its_time_is_refused_also_when_it_was_good_before() {
    let clock = std::sync::Arc::new(coffer_vault::clock::Manual::new(System.now_ms()));
    let mut home = Home::new(Store::Memory);
    home.clock = clock.clone();
    let vault = home.serve();
    let request = vault.home().request("asha", &["rents"], "rents-desk", &["oakvale"]);
    let mint = |now_ms| vault.home().mint(&request, now_ms);
    let (now, old, early) =
        (mint(clock.now_ms()), mint(clock.now_ms() - 20 * MINUTE_MS), mint(clock.now_ms() + 10 * MINUTE_MS));
    assert_eq!(whoami(&vault, "rents-desk", &now).await, ok());
    assert_eq!(whoami(&vault, "rents-desk", &old).await, refused("credential_expired"));
    assert_ne!(whoami(&vault, "rents-desk", &early).await, ok());
    clock.advance(14 * MINUTE_MS);
    assert_eq!(whoami(&vault, "rents-desk", &now).await, ok());
    clock.advance(3 * MINUTE_MS);
    assert_eq!(whoami(&vault, "rents-desk", &now).await, refused("credential_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_its_audience_application_and_certificate_alone() {
    let vault = Home::new(Store::Memory).serve();
    let home = vault.home();
    let usual = || home.request("asha", &["rents"], "rents-desk", &["oakvale"]);
    let mut audience = usual();
    audience.audience = "another vault".to_owned();
    let mut bound = usual();
    bound.cnf = Some(thumbprint(&der(home, "rents-desk")));
    let mut elsewhere = usual();
    elsewhere.cnf = Some(thumbprint(&der(home, "care-desk")));
    let mut care = usual();
    care.client_id = application_of("support-worker").to_owned();
    let now_ms = System.now_ms();
    for (request, expected) in [
        (usual(), ok()),
        (bound, ok()),
        (audience, refused("credential_invalid")),
        (elsewhere, refused("credential_invalid")),
        (care, refused("credential_invalid")),
    ] {
        assert_eq!(whoami(&vault, "rents-desk", &home.mint(&request, now_ms)).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_one_character_changed_is_refused() {
    let vault = Home::new(Store::Memory).serve();
    let token = vault.token("rents", &["oakvale"]);
    assert_eq!(whoami(&vault, "rents-desk", &token).await, ok());
    let raw = vault.raw("rents-desk");
    for at in (0..token.len()).step_by(23) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        raw.post("/v1/whoami", Some(&changed), &json!({})).await.refused(401, "credential_invalid");
    }
    // Another vault's issuer has another key, whatever it calls itself.
    let other = Home::new(Store::Memory);
    let stranger = other.token("rents", &["oakvale"]);
    assert_eq!(whoami(&vault, "rents-desk", &stranger).await, refused("credential_invalid"));
}
