//! A disk that is almost full: what the reserve is kept for goes through, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use coffer_tests::engines::Narrow;
use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_wire::leaf::Action;
use serde_json::json;

use crate::credentials::revoke;

const MIB: u64 = 1 << 20;

/// The vault asks its disk anew after this, at the latest.
const ASKED_ANEW: Duration = Duration::from_millis(100);

async fn leave(disk: &Narrow, bytes: u64) {
    disk.set_free(bytes);
    tokio::time::sleep(ASKED_ANEW).await;
}

/// A vault on a disk whose free space a test sets. Its reserve is 64 MiB, of which a quarter is left to nobody.
fn on(home: Home) -> (Running, Arc<Narrow>) {
    let narrow = Arc::new(Narrow::over(home.memory()));
    (home.serve_on(Arc::<Narrow>::clone(&narrow)), narrow)
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_revocations_erasures_and_a_start_go_through_and_nothing_else() {
    let home = Home::new(Store::Memory);
    assert_eq!(home.config.store.reserve_mib, 64);
    let (vault, disk) = on(home);
    let (officer, dpo) = (vault.staff("bank-officer", "oakvale"), vault.staff("dpo", "oakvale").for_purpose("erasure"));
    for (person, record) in [("p", "r"), ("p", "s"), ("q", "r"), ("w", "r")] {
        officer.write("bank", person, record, json!({ "sort_code": "00-00-01" })).await.granted();
    }
    leave(&disk, 63 * MIB).await;
    let before = vault.log_size();
    officer.read("bank", "p", "r", &["sort_code"]).await.refused(503, "no_space");
    officer.write("bank", "p", "t", json!({ "sort_code": "00-00-01" })).await.refused(503, "no_space");
    vault.raw("rents-desk").post("/v1/whoami", None, &json!({})).await.refused(503, "no_space");
    assert_eq!(vault.log_size(), before);
    // Neither the data protection officer nor the admin was ever seen by this vault.
    dpo.erase("bank", "p", "r").await.granted();
    dpo.items("/v1/subjects/erase", json!([{ "person": "q" }])).await.granted();
    revoke(&vault, "applications", "rents-desk").await;
    // It is refused as such nowhere, since that would be a leaf; but it is served nowhere either.
    officer.read("bank", "p", "s", &["sort_code"]).await.refused(503, "no_space");
    // An erasure that is refused is no erasure.
    dpo.erase("bank", "nobody", "r").await.refused(503, "no_space");
    let said: Vec<_> = vault.leaves_since(before).iter().map(|leaf| leaf.action).collect();
    for action in [Action::RecordsErase, Action::SubjectsErase, Action::AccessApply] {
        assert!(said.contains(&action), "{said:?}");
    }

    let home = vault.stop().await;
    leave(&disk, 16 * MIB).await;
    let vault = home.serve_on(Arc::<Narrow>::clone(&disk));
    let dpo = dpo.through(vault.raw("console"));
    leave(&disk, 16 * MIB - 1).await;
    dpo.erase("bank", "w", "r").await.refused(503, "no_space");
    leave(&disk, 64 * MIB).await;
    dpo.erase("bank", "w", "r").await.granted();
    let officer = officer.through(vault.raw("rents-desk"));
    officer.read("bank", "p", "s", &["sort_code"]).await.refused(401, "credential_revoked");
}
