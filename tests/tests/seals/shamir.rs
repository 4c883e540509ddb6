//! Shares of which some number is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use coffer_tests::harness::{Home, Process, Reply, Serving, binary};
use coffer_tests::search::Search;
use serde_json::{Value, json};

use super::{admin, reads, write};

/// A home whose root key lies in three shares, of which two open; and those.
pub(super) fn home() -> (Home, Vec<String>) {
    let (home, report) = Home::made_by(Command::new(binary()), |command, folder| {
        command.args(["--seal", "shamir", "--shares", "3", "--threshold", "2"]);
        command.arg("--shares-to").arg(folder.join("officers"));
    });
    let files = report["share_files"].as_array().unwrap();
    let shares = files.iter().map(|file| {
        let file = file.as_str().unwrap();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        fs::read_to_string(file).unwrap().trim_end().to_owned()
    });
    let shares: Vec<_> = shares.collect();
    assert_eq!((shares.len(), report["seal"].as_str()), (3, Some("shamir")));
    assert!(report.get("shares").is_none(), "they were printed as well");
    (home, shares)
}

pub(super) async fn unseal(vault: &impl Serving, share: &str) -> Reply {
    vault.raw("console").post("/v1/vault/unseal", None, &json!({ "share": share })).await
}

async fn opened(vault: &impl Serving, shares: &[&String]) {
    let mut last = Value::Null;
    for share in shares {
        last = unseal(vault, share).await.granted().json();
    }
    assert_eq!(last["state"], "open");
}

async fn split(vault: &impl Serving, threshold: u8, shares: u8, approval: Option<&str>) -> Reply {
    let mut body = json!({ "split": { "threshold": threshold, "shares": shares } });
    if let Some(approval) = approval {
        body["approval"] = json!(approval);
    }
    admin(vault, "ada").post("/v1/root/rotate", &body).await
}

/// New shares, once a second person has approved.
async fn given_out(vault: &impl Serving, threshold: u8, shares: u8) -> Vec<String> {
    let asked = split(vault, threshold, shares, None).await;
    let id = asked.json()["approval"].as_str().unwrap().to_owned();
    asked.refused(409, "approval_needed");
    split(vault, threshold, shares, Some(&id)).await.refused(409, "approval_needed");
    admin(vault, "bob").post("/v1/approvals/approve", &json!({ "id": id })).await.granted();
    let given = split(vault, threshold, shares, Some(&id)).await.granted().json();
    assert!(given.get("root").is_none(), "nothing is in force yet: {given}");
    split(vault, threshold, shares, Some(&id)).await.refused(409, "approval_used");
    serde_json::from_value(given["given_out"].clone()).unwrap()
}

async fn typed_back(vault: &impl Serving, share: &str) -> Reply {
    admin(vault, "ada").post("/v1/root/rotate", &json!({ "share": share })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_of_shares_starts_sealed_opens_by_any_two_and_new_shares_replace_the_old_ones() {
    let (home, old) = home();
    let vault = Process::start(home, "trace");
    opened(&vault, &[&old[2], &old[0]]).await;
    write(&vault, "before").await;

    let new = given_out(&vault, 3, 4).await;
    assert_eq!(new.len(), 4);
    typed_back(&vault, &old[0]).await.refused(409, "share_of_another_set");
    let first = typed_back(&vault, &new[0]).await.granted().json();
    assert_eq!((first["shares"]["have"].as_u64(), first["shares"]["needed"].as_u64()), (Some(1), Some(3)));
    typed_back(&vault, &new[0]).await.refused(409, "share_twice");
    typed_back(&vault, &new[1]).await.granted();

    // Killed before the last of them: the old ones still count.
    let vault = Process::start(vault.kill(), "trace");
    opened(&vault, &[&old[0], &old[1]]).await;
    for share in &new[..2] {
        assert!(typed_back(&vault, share).await.granted().json().get("root").is_none());
    }
    let rotated = typed_back(&vault, &new[3]).await.granted().json();
    assert!(rotated["root"].is_string() && rotated["keys"].as_u64().unwrap() > 40, "{rotated}");
    reads(&vault, "before").await;
    write(&vault, "after").await;
    typed_back(&vault, &new[0]).await.refused(409, "nothing_prepared");

    let vault = Process::start(vault.kill(), "trace");
    unseal(&vault, &old[0]).await.refused(409, "share_of_another_set");
    opened(&vault, &[&new[3], &new[1], &new[0]]).await;
    for record in ["before", "after"] {
        reads(&vault, record).await;
    }
    let said = vault.said();
    nothing_is_found(&vault, old.iter().chain(&new), &said);
}

/// Neither what the vault says nor what it stores nor how it was called holds a share.
fn nothing_is_found<'a>(vault: &Process, shares: impl Iterator<Item = &'a String>, said: &[u8]) {
    let mut search = Search::new();
    for share in shares {
        let body = share.split(' ').nth(4).unwrap();
        search.add(body.as_bytes(), "the body of a share");
        search.add(body.replace('-', "").as_bytes(), "the body of a share without dashes");
    }
    let process = format!("/proc/{}", vault.id());
    let told = ["cmdline", "environ"].map(|file| fs::read(format!("{process}/{file}")).unwrap_or_default());
    for place in [said, &told[0], &told[1]] {
        assert_eq!(search.found_in(place), Vec::<String>::new());
    }
    let (found, files) = search.found_below(vault.home().dir());
    assert!(found.is_empty() && files > 10, "{found:?} in {files} files");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_killed_before_the_new_set_took_its_place_opens_by_the_new_shares() {
    let (home, old) = home();
    let set = home.config.seal.key_file.clone();
    let vault = Process::start(home, "info");
    opened(&vault, &[&old[0], &old[1]]).await;
    write(&vault, "r").await;
    let before = fs::read(&set).unwrap();
    let new = given_out(&vault, 2, 2).await;
    typed_back(&vault, &new[0]).await.granted();
    typed_back(&vault, &new[1]).await.granted();
    let home = vault.kill();
    fs::rename(&set, format!("{}.next", set.display())).unwrap();
    fs::write(&set, before).unwrap();
    let vault = Process::start(home, "info");
    opened(&vault, &[&new[1], &new[0]]).await;
    reads(&vault, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_make_no_set_and_shares_that_nobody_gave_out_are_refused_and_nothing_changes() {
    let (home, old) = home();
    let vault = Process::start(home, "info");
    opened(&vault, &[&old[0], &old[1]]).await;
    typed_back(&vault, &old[0]).await.refused(409, "nothing_prepared");
    for (threshold, shares) in [(1, 3), (4, 3), (2, 17)] {
        split(&vault, threshold, shares, None).await.refused(422, "split_impossible");
    }
    admin(&vault, "ada").post("/v1/root/rotate", &json!({})).await.refused(409, "nothing_prepared");
    let vault = Process::start(vault.kill(), "info");
    opened(&vault, &[&old[1], &old[2]]).await;
}

#[test]
fn a_check_of_a_stopped_home_reads_shares_from_its_input_and_never_from_arguments() {
    use std::io::Write;
    use std::process::Stdio;
    let (home, shares) = home();
    let check = |typed: &str| {
        let mut command = Command::new(binary());
        command.arg("check").arg(home.dir()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let slip = shares[0].replacen("coffer-share-1 1", "coffer-share-1 2", 1);
    let done = check(&format!("{slip}\n{}\n{}\n{}\n", shares[0], shares[0], shares[1]));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("checksum") && said.contains("handed in already"), "{said}");
    assert_eq!(check("").status.code(), Some(78));
}
