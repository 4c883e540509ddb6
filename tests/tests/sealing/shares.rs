//! A vault whose root key people hold in shares.

use coffer_tests::harness::{Home, Process, Reply, Serving};
use coffer_wire::leaf::{Action, Leaf};
use data_encoding::{Encoding, Specification};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What stands on a share's line, read and written by what docs/FORMAT.md says alone.
pub(crate) struct Written {
    index: u8,
    threshold: u8,
    set: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Written {
    pub(crate) fn read(text: &str) -> Written {
        let parts: Vec<_> = text.split(' ').collect();
        let bytes = |at: usize| base32().decode(parts[at].replace('-', "").as_bytes()).unwrap();
        Written {
            index: parts[1].parse().unwrap(),
            threshold: parts[2].parse().unwrap(),
            set: bytes(3),
            body: bytes(4),
        }
    }

    pub(crate) fn text(&self) -> String {
        let hash = Sha256::new()
            .chain_update("coffer-share-1")
            .chain_update([self.index, self.threshold])
            .chain_update(&self.set)
            .chain_update(&self.body)
            .finalize();
        let grouped = |bytes: &[u8]| {
            let text = base32().encode(bytes);
            let groups: Vec<_> = text.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
            groups.join("-")
        };
        let [set, body, sum] = [&self.set[..], &self.body, &hash[..5]].map(grouped);
        format!("coffer-share-1 {} {} {set} {body} {sum}", self.index, self.threshold)
    }
}

fn base32() -> Encoding {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    alphabet.encoding().unwrap()
}

/// The value at 0 of the polynomial through the shares, byte by byte, in the field of AES.
pub(crate) fn combined(shares: &[Written]) -> [u8; 32] {
    let inverse = |of: u8| (1..=255).find(|other| crate::forms::product(of, *other) == 1).unwrap();
    std::array::from_fn(|at| {
        shares.iter().fold(0, |sum, share| {
            let others = shares.iter().filter(|other| other.index != share.index);
            let weight = others.fold(1, |weight, other| {
                let step = crate::forms::product(other.index, inverse(other.index ^ share.index));
                crate::forms::product(weight, step)
            });
            sum ^ crate::forms::product(weight, share.body[at])
        })
    })
}

/// Hands in a share.
pub(crate) async fn share(vault: &impl Serving, text: &str) -> Reply {
    vault.raw("console").post("/v1/vault/unseal", None, &json!({ "share": text })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_gathered_until_enough_of_them_open_the_vault() {
    let (home, texts) = Home::by_shares(3, 5);
    let vault = Process::start(home, "warn");
    let status = async || vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json();
    assert_eq!(status().await["reason"], "shares_needed");
    assert_eq!(status().await["shares"], json!({ "needed": 3, "have": 0 }));
    vault.raw("console").post("/v1/vault/unseal", None, &json!({})).await.refused(400, "share_missing");
    let set = Written::read(&texts[0]);
    let first = share(&vault, &texts[0]).await.granted().json();
    assert_eq!(
        (&first["state"], &first["shares"]["have"], &first["shares"]["needed"]),
        (&json!("sealed"), &json!(1), &json!(3))
    );
    assert_eq!(status().await["shares"], first["shares"]);
    // Slips, each with its own word, and none of them counts.
    share(&vault, "open sesame").await.refused(400, "share_malformed");
    share(&vault, &"x".repeat(4_096)).await.refused(400, "share_malformed");
    let mut typo = texts[1].clone().into_bytes();
    let last = typo.len() - 1;
    typo[last] = if typo[last] == b'0' { b'1' } else { b'0' };
    share(&vault, &String::from_utf8(typo).unwrap()).await.refused(400, "share_checksum");
    share(&vault, &texts[0]).await.refused(409, "share_twice");
    let other = Written { set: vec![7; 16], ..Written::read(&texts[1]) };
    share(&vault, &other.text()).await.refused(409, "share_of_another_set");
    assert_eq!(status().await["shares"]["have"], 1);
    share(&vault, &texts[1]).await.granted();
    vault.staff("auditor", "oakvale").post("/v1/whoami", &json!({})).await.refused(503, "sealed");
    assert_eq!(share(&vault, &texts[4]).await.granted().json(), json!({ "state": "open" }));
    vault.staff("auditor", "oakvale").post("/v1/whoami", &json!({})).await.granted();
    share(&vault, &texts[2]).await.refused(409, "already_open");
    assert_eq!(set.threshold, 3);
    let (_, said) = vault.terminate();
    let said = String::from_utf8_lossy(&said).into_owned();
    for text in &texts {
        assert!(!said.contains(&text[40..60]), "a share stands in the operator's log");
    }
    assert_eq!(said.matches("unseal application=console").count(), 3, "{said}");
    assert!(said.contains("code=share_twice"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_share_is_found_at_the_threshold_and_gathering_begins_again() {
    let (home, texts) = Home::by_shares(2, 3);
    let vault = Process::start(home, "warn");
    let mut forged = Written::read(&texts[1]);
    forged.body[5] ^= 1;
    share(&vault, &texts[0]).await.granted();
    let refused = share(&vault, &forged.text()).await.refused(422, "shares_wrong");
    assert!(!refused.json()["detail"].as_str().unwrap_or_default().contains('2'), "it says which: {refused}");
    let status = vault.staff("auditor", "oakvale").post("/v1/status", &json!({})).await.granted().json();
    assert_eq!(status["shares"], json!({ "needed": 2, "have": 0 }));
    share(&vault, &texts[0]).await.granted();
    assert_eq!(share(&vault, &texts[2]).await.granted().json()["state"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_takes_shares_while_the_vault_is_open_and_it_can_be_opened_by_others_afterwards() {
    let (home, texts) = Home::by_shares(2, 4);
    let vault = Process::start(home, "warn");
    for text in &texts[..2] {
        share(&vault, text).await.granted();
    }
    let admin = vault.staff("security-admin", "oakvale");
    let drill = async |text: &str| admin.post("/v1/vault/drill", &json!({ "share": text })).await;
    admin.post("/v1/vault/drill", &json!({})).await.refused(400, "share_missing");
    let first = drill(&texts[2]).await.granted().json();
    assert_eq!((&first["would_open"], &first["shares"]["have"]), (&json!(false), &json!(1)));
    drill(&texts[2]).await.refused(409, "share_twice");
    let status = async || admin.post("/v1/status", &json!({})).await.granted().json();
    assert_eq!(status().await.get("drilled_ms"), None);
    let second = drill(&texts[3]).await.granted().json();
    assert_eq!((&second["would_open"], second.get("shares")), (&json!(true), None));
    assert!(status().await["drilled_ms"].is_u64());
    // Half a drill is forgotten when the vault is sealed, and is none of what opens it.
    drill(&texts[0]).await.granted();
    admin.post("/v1/vault/seal", &json!({})).await.granted();
    assert_eq!(status().await["shares"], json!({ "needed": 2, "have": 0 }));
    share(&vault, &texts[1]).await.granted();
    share(&vault, &texts[3]).await.granted();
    // The root key is at hand for what needs it: a category that is new.
    let home = vault.home();
    let mut files = home.schema();
    let care = files["care.toml"].replacen("name = \"care\"", "name = \"care_too\"", 1);
    files.insert("care_too.toml".to_owned(), care);
    admin.post("/v1/schema/apply", &json!({ "files": files })).await.granted();
    let leaves = vault.staff("auditor", "oakvale").post("/v1/log/entry", &json!({ "start": 0, "count": 1000 })).await;
    let leaves = leaves.granted().json()["leaves"].to_string();
    assert_eq!(leaves.matches(Action::VaultDrill.as_str()).count(), 5, "each drill is a leaf, refused ones too");
}

/// Behind each word that a drill hears of a share stands a leaf, and nothing that was handed in is in it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_share_is_said_and_recorded_where_the_vault_is_open() {
    let (home, texts) = Home::by_shares(2, 3);
    let vault = Process::start(home, "warn");
    for text in &texts[..2] {
        share(&vault, text).await.granted();
    }
    let (admin, auditor) = (vault.staff("security-admin", "oakvale"), vault.staff("auditor", "oakvale"));
    let mut typo = texts[0].clone().into_bytes();
    let last = typo.len() - 1;
    typo[last] = if typo[last] == b'0' { b'1' } else { b'0' };
    let other = Written { set: vec![7; 16], ..Written::read(&texts[1]) }.text();
    let mut forged = Written::read(&texts[1]);
    forged.body[5] ^= 1;
    for (text, status, code, advice) in [
        ("open sesame".to_owned(), 400, "share_malformed", "as it was written down"),
        (String::from_utf8(typo).unwrap(), 400, "share_checksum", "lost or mistyped"),
        (other, 409, "share_of_another_set", "find the one that was given out last"),
        (texts[0].clone(), 200, "ok", ""),
        (texts[0].clone(), 409, "share_twice", "another officer's is needed"),
        (forged.text(), 422, "shares_wrong", "all are handed in again"),
    ] {
        let reply = admin.post("/v1/vault/drill", &json!({ "share": text })).await;
        assert_eq!(reply.outcome(), (status, code.to_owned()), "{reply}");
        let read = auditor.post("/v1/log/entry", &json!({ "start": 0, "count": 1000 })).await.granted().json();
        let leaves: Vec<Leaf> = read["leaves"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leaf| Leaf::parse(leaf.as_str().unwrap().as_bytes()).unwrap())
            .collect();
        let leaf = leaves.iter().rev().find(|leaf| leaf.action == Action::VaultDrill).unwrap();
        assert_eq!(leaf.refused.map_or("ok", |code| code.as_str()), code);
        assert!(leaf.actor.is_some());
        if status != 200 {
            assert!(reply.json()["title"].as_str().unwrap().contains(advice), "{reply}");
        }
    }
    // Nothing of it has disturbed anybody.
    assert_eq!(admin.post("/v1/status", &json!({})).await.granted().json()["state"], "open");
}
