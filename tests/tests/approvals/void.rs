//! An approval counts as long as whoever gave it could give it again: by their own revocation, that of their token,
//! application or certificate, and by a role that may no longer do the act, it is void.

use coffer_tests::harness::{Home, Running, Serving, Staff, Store};
use coffer_wire::Hash;
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::{Admins, approve, listed, with};

/// Who may lift holds here beside the officers: through another application than theirs, and in another role than theirs.
const MORE: &str = "\n[[duty]]\nname = \"rents-lift\"\nrole = \"rents\"\nacts = [\"hold.lift\"]\n\
                    \n[[duty]]\nname = \"admins-lift\"\nrole = \"security-admin\"\nacts = [\"hold.lift\"]\n";

/// A vault in which these may, and one hold after another that an officer asks to lift.
struct Scene {
    vault: Running,
    admins: Admins,
    officer: Staff,
    access: String,
}

impl Scene {
    async fn set() -> Scene {
        let vault = Home::new(Store::Memory).serve();
        let admins = Admins::of(&vault).await;
        let access = vault.home().text("access.toml");
        let desk = access.find("name = \"rents-desk\"").unwrap();
        let acts = desk + access[desk..].find("acts = [").unwrap() + "acts = [".len();
        let access = format!("{}\"hold.lift\", {}{MORE}", &access[..acts], &access[acts..]);
        let body = json!({ "files": { "access.toml": access } });
        admins.first.post_by_two(&admins.second, "/v1/access/apply", &body).await.granted();
        let officer = vault.staff("dpo", "oakvale");
        Scene { vault, admins, officer, access }
    }

    /// What the officer asks for, and its id.
    async fn asked(&self, person: &str) -> (Value, Value) {
        let body = json!({ "controller": "oakvale", "person": person, "reason": "a claim" });
        let hold = self.officer.post("/v1/holds/set", &body).await.granted().json()["hold"].clone();
        let lift = json!({ "controller": "oakvale", "person": person, "hold": hold, "reason": "settled" });
        let asked = self.officer.post("/v1/holds/lift", &lift).await.refused(409, "approval_needed");
        (lift, asked.json()["approval"].clone())
    }

    /// The policy with a change, by one person: it takes away.
    async fn apply(&self, access: &str) {
        self.admins.first.post("/v1/access/apply", &json!({ "files": { "access.toml": access } })).await.granted();
    }

    fn revoking(&self, list: &str, entry: &str) -> String {
        let before = format!("{list} = []");
        assert!(self.access.contains(&before));
        self.access.replace(&before, &format!("{list} = [\"{entry}\"]"))
    }

    /// Approved by `second`, and of no use once `change` is in force; nor again when the change is taken back, had it been
    /// asked for anew.
    async fn void_by(&self, case: &str, second: &Staff, change: &str) {
        let (lift, id) = self.asked(case).await;
        approve(second, &id).await.granted();
        self.apply(change).await;
        let start = self.vault.log_size();
        let refused = self.officer.post("/v1/holds/lift", &with(&lift, &id)).await.refused(409, "approval_void").json();
        assert_eq!(refused["approval"], id, "{case}");
        assert!(refused["title"].as_str().unwrap().contains("without an approval to ask again"), "{case}: {refused}");
        let leaves = self.vault.leaves_since(start);
        assert_eq!(leaves.len(), 1, "{case}: {leaves:?}");
        assert_eq!((leaves[0].action, leaves[0].refused), (Action::HoldLift, Some(Code::ApprovalVoid)), "{case}");
        self.officer.erase_person(case, &[]).await.refused(409, "on_hold");
        // It was not used, and a new one is asked for.
        let own = listed(&self.officer).await.into_iter().find(|approval| approval["id"] == id).unwrap();
        assert_eq!(own["state"], "approved", "{case}");
        let anew = self.officer.post("/v1/holds/lift", &lift).await.refused(409, "approval_needed").json();
        assert_ne!(anew["approval"], id, "{case}");
        // Back to what was, which takes two.
        let back = json!({ "files": { "access.toml": self.access } });
        self.admins.first.post_by_two(&self.admins.second, "/v1/access/apply", &back).await.granted();
    }
}

/// The `jti` of a token.
fn jti(token: &str) -> String {
    let claims = BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["jti"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_void_once_whoever_gave_it_could_not_give_it_again() {
    let scene = Scene::set().await;
    let home = scene.vault.home();
    let person = format!("{} second-dpo@example", home.issuer());
    let second = scene.vault.second("dpo", "oakvale");
    scene.void_by("person", &second, &scene.revoking("persons", &person)).await;
    let second = scene.vault.second("dpo", "oakvale");
    scene.void_by("token", &second, &scene.revoking("tokens", &jti(&second.token))).await;
    let rents = scene.vault.staff("rents", "oakvale");
    scene.void_by("application", &rents, &scene.revoking("applications", "rents-desk")).await;
    let pem = std::fs::read(home.client_file("rents-desk", "client.pem")).unwrap();
    let print = HEXLOWER.encode(Hash::sha256(&CertificateDer::from_pem_slice(&pem).unwrap()).as_bytes());
    scene.void_by("certificate", &rents, &scene.revoking("certificates", &print)).await;
    let admin = crate::as_person(&scene.vault, "third@example", "security-admin");
    let less = scene
        .access
        .replace("role = \"security-admin\"\nacts = [\"hold.lift\"]", "role = \"security-admin\"\nacts = [\"status\"]");
    assert_ne!(less, scene.access);
    scene.void_by("role", &admin, &less).await;
    // Whose rights are as they were lifts it still.
    let (lift, id) = scene.asked("kept").await;
    approve(&scene.vault.second("dpo", "oakvale"), &id).await.granted();
    scene.apply(&format!("# Read again.\n{}", scene.access)).await;
    scene.officer.post("/v1/holds/lift", &with(&lift, &id)).await.granted();
}
