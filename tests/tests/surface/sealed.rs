//! A sealed vault says that it is sealed, to declared applications.

use std::sync::Arc;

use coffer_tests::harness::{Home, Raw, Store, tls};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_vault::listen::{self, Listener};
use coffer_vault::local::LocalCa;
use coffer_vault::serve::{Door, Why};
use serde_json::json;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A home whose vault is sealed, as one is whose log is not the one last seen.
fn sealed(home: &Home, clock: Arc<dyn Clock>) -> Listener {
    let door = Door::shut(Arc::clone(&home.config), clock, Why::LogNotContinuous);
    let tls = listen::server_config(&home.config.listen).unwrap();
    Listener::start(home.config.listen.address, tls, door).unwrap()
}

fn raw(home: &Home, listener: &Listener, application: &str) -> Raw {
    let [certificate, key] = ["client.pem", "client.key"].map(|file| home.client_file(application, file));
    Raw::new(format!("https://{}", listener.address()), tls(&home.server_ca(), Some((&certificate, &key))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_vault_tells_declared_applications_alone_that_it_is() {
    let mut home = Home::new(Store::Memory);
    let of_care_desk = |suspended: bool| format!("client_id = \"care-desk\"\nsuspended = {suspended}");
    home.reconfigure(|text| text.replace(&of_care_desk(false), &of_care_desk(true)));
    let clock = Arc::new(Manual::new(System.now_ms()));
    let listener = sealed(&home, clock.clone());
    let console = raw(&home, &listener, "console");
    let status = console.post("/v1/status", None, &json!({})).await.granted().json();
    assert_eq!((&status["state"], &status["reason"]), (&json!("sealed"), &json!("log_not_continuous")));
    console.post("/v1/whoami", None, &json!({})).await.refused(503, "sealed");
    console.get("/nothing", None).await.refused(503, "sealed");

    let care = raw(&home, &listener, "care-desk");
    care.post("/v1/status", None, &json!({})).await.refused(401, "credential_revoked");
    let declared = home.config.local_ca.clone().unwrap();
    let ca = LocalCa::load(&declared.certificate, &declared.key).unwrap();
    let [certificate, key] = ["pem", "key"].map(|ending| home.folder().join(format!("nobody.{ending}")));
    ca.client("nobody.apps.coffer.internal", System.now_ms()).unwrap().save(&certificate, &key).unwrap();
    let url = format!("https://{}", listener.address());
    let nobody = Raw::new(url, tls(&home.server_ca(), Some((&certificate, &key))));
    for path in ["/v1/status", "/v1/whoami", "/nothing"] {
        let reply = nobody.post(path, None, &json!({})).await.refused(401, "credential_unknown");
        assert!(!String::from_utf8_lossy(&reply.body).contains("sealed"), "{reply}");
    }
    clock.advance(100 * DAY_MS);
    console.post("/v1/status", None, &json!({})).await.refused(401, "credential_expired");
}
