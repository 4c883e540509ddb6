//! The key file, and how its root key is followed by another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Process, Running, Serving, Store, binary};
use coffer_wire::Hash;
use coffer_wire::leaf::{Action, Leaf};
use serde_json::{Value, json};

use super::{admin, reads, refused, write};

async fn rotate(vault: &impl Serving) -> Value {
    admin(vault, "ada").post("/v1/root/rotate", &json!({})).await.granted().json()
}

fn next_of(home: &Home) -> PathBuf {
    PathBuf::from(format!("{}.next", home.config.seal.key_file.display()))
}

/// The key file of before, as its owner's alone: one that others may read is refused for that already.
fn put_back(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn hash_of(id: &str) -> Hash {
    Hash::sha256(id.parse::<KeyId>().unwrap().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_root_key_follows_and_everything_reads_before_and_after_a_kill() {
    let vault = Process::start(Home::by_binary(), "info");
    write(&vault, "before").await;
    let old = fs::read(&vault.home().config.seal.key_file).unwrap();
    let rotated = rotate(&vault).await;
    assert!(rotated["keys"].as_u64().unwrap() > 40, "{rotated}");
    reads(&vault, "before").await;
    write(&vault, "after").await;
    assert!(!next_of(vault.home()).exists());

    let vault = Process::start(vault.kill(), "info");
    for record in ["before", "after"] {
        reads(&vault, record).await;
    }
    rotate(&vault).await;
    reads(&vault, "before").await;

    let home = vault.kill();
    let checked = Command::new(binary()).arg("check").arg(home.dir()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    fs::write(&home.config.seal.key_file, old).unwrap();
    let said = refused(Command::new(binary()), &home);
    assert!(said.contains("does not open under this root key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_one_leaf_that_names_the_new_root_key_by_its_hash() {
    let vault = Home::new(Store::Memory).serve();
    let admin = admin(&vault, "ada");
    admin.post("/v1/whoami", &json!({})).await.granted();
    let before = vault.log_size();
    let rotated = admin.post("/v1/root/rotate", &json!({})).await.granted().json();
    let leaves = vault.leaves_since(before);
    let [Leaf { action: Action::RootRotate, row: Some(hash), granted: Some(_), .. }] = &leaves[..] else {
        panic!("{leaves:?}")
    };
    assert_eq!(*hash, hash_of(rotated["root"].as_str().unwrap()));
    assert_eq!(rotated["receipt"]["index"].as_u64(), Some(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_killed_on_either_side_of_its_batch_is_resolved_by_the_rows() {
    let vault = Process::start(Home::by_binary(), "info");
    write(&vault, "r").await;
    let home = vault.kill();
    let (path, next) = (home.config.seal.key_file.clone(), next_of(&home));

    // Before it: a root key was drawn that nothing lies under.
    coffer_keys::keyfile::create(&next).unwrap();
    let vault = Process::start(home, "info");
    reads(&vault, "r").await;
    let old = fs::read(&path).unwrap();
    rotate(&vault).await;

    // After it: the new key lies beside the old one, as it did before it took its place.
    let home = vault.kill();
    fs::rename(&path, &next).unwrap();
    put_back(&path, &old);
    let vault = Process::start(home, "info");
    reads(&vault, "r").await;
    assert!(!next.exists(), "it has not taken its place");

    // While the vault runs as well: what needs the root key finds the one that is in force.
    let old = fs::read(&path).unwrap();
    rotate(&vault).await;
    fs::rename(&path, &next).unwrap();
    put_back(&path, &old);
    rotate(&vault).await;
    let vault = Process::start(vault.kill(), "info");
    reads(&vault, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_did_not_come_to_be_leaves_the_root_key_as_it_was() {
    let vault = Home::new(Store::Memory).serve();
    write(&vault, "r").await;
    // A key under the root is changed, before the tag of its row: what does not open is not moved.
    let engine = vault.engine();
    let rows = engine.scan(coffer_vault::store::Family::Keys, b"R", None, 1).unwrap();
    let (key, mut row) = rows[0].clone();
    let at = row.len() - 17;
    row[at] ^= 1;
    let mut batch = coffer_vault::store::Batch::new();
    batch.put(coffer_vault::store::Family::Keys, key.clone(), row);
    engine.commit(&batch).unwrap();
    let before = vault.home().root_key().id();
    admin(&vault, "ada").post("/v1/root/rotate", &json!({})).await.refused(500, "altered");
    assert_eq!(vault.home().root_key().id(), before);
    let mut batch = coffer_vault::store::Batch::new();
    batch.put(coffer_vault::store::Family::Keys, key, rows[0].1.clone());
    engine.commit(&batch).unwrap();
    let vault = vault.restart().await;
    reads(&vault, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_that_are_new_and_root_keys_that_follow_never_miss_each_other() {
    let vault = Home::new(Store::Rocks).serve();
    write(&vault, "r").await;
    let shipped = vault.home().schema()["bank.toml"].clone();
    let mut files = vault.home().schema();
    for round in 0..4 {
        let name = format!("new{round}");
        files.insert(format!("{name}.toml"), shipped.replace("name = \"bank\"", &format!("name = \"{name}\"")));
        let (ada, bob) = (admin(&vault, "ada"), admin(&vault, "bob"));
        let body = json!({ "files": files });
        let (nothing, apply) = (json!({}), async { ada.post("/v1/schema/apply", &body).await });
        let (applied, first, second) =
            tokio::join!(apply, bob.post("/v1/root/rotate", &nothing), bob.post("/v1/root/rotate", &nothing));
        applied.granted();
        // Who meets a new policy epoch may be told to come again.
        assert!([first, second].iter().any(|reply| reply.status == 200), "no rotation came through");
    }
    let vault = vault.restart().await;
    reads(&vault, "r").await;
    let listed = admin(&vault, "ada").post("/v1/keys/list", &json!({})).await.granted().json();
    let made = |name: &str| listed["keys"].as_array().unwrap().iter().any(|key| key["category"] == name);
    assert!((0..4).all(|round| made(&format!("new{round}"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_has_no_shares_to_give_out_and_takes_none() {
    let vault = Home::new(Store::Memory).serve();
    let ada = admin(&vault, "ada");
    ada.post("/v1/root/rotate", &json!({ "share": "coffer-share-1" })).await.refused(400, "share_not_taken");
    let split = json!({ "split": { "threshold": 2, "shares": 3 } });
    ada.post("/v1/root/rotate", &split).await.refused(400, "share_not_taken");
    let both = json!({ "share": "s", "split": { "threshold": 2, "shares": 3 } });
    ada.post("/v1/root/rotate", &both).await.refused(400, "malformed");
    reads_nothing_of_a_second_person(&vault).await;
}

async fn reads_nothing_of_a_second_person(vault: &Running) {
    let auditor = vault.staff("auditor", "oakvale");
    auditor.post("/v1/root/rotate", &json!({})).await.refused(403, "forbidden_role");
}
