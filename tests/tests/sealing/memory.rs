//! What is in the memory of the real server: while it is open, its keys; once it is sealed, none of them in any form.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use coffer_tests::harness::{Home, Process, Serving};
use serde_json::json;

use crate::forms::Form;
use crate::shares::{Written, combined, share};
use crate::tree::{Kind, Label2, needles, root_in_file};

const RECORDS: [(&str, &str, &str); 3] = [("bank", "p-0", "r"), ("bank", "p-1", "r"), ("care", "p-2", "r")];

/// Writes the records, or reads them; by people whose audit keys are opened with that, and with every look that fails.
async fn work(vault: &Process, write: bool) {
    let (officer, carer) = (vault.staff("bank-officer", "oakvale"), vault.staff("support-worker", "oakvale"));
    for (category, person, record) in RECORDS {
        let (staff, field, value) = match category {
            "bank" => (&officer, "sort_code", "00-00-01"),
            _ => (&carer, "needs", "a ramp at the door"),
        };
        match write {
            true => staff.write(category, person, record, json!({ field: value })).await.granted(),
            false => staff.read(category, person, record, &[field]).await.granted(),
        };
        staff.read(category, "nobody", record, &[field]).await;
        staff.list(category, person).await.granted();
    }
    vault.raw("rents-desk").post("/v1/whoami", None, &json!({})).await.refused(401, "credential_missing");
}

fn kinds(found: &BTreeMap<Label2, usize>) -> BTreeMap<Label2, usize> {
    found.iter().filter(|(_, count)| **count > 0).map(|(label, count)| (*label, *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_vault_has_its_keys_in_memory_and_a_sealed_one_has_none() {
    let vault = Process::start(Home::by_binary(), "warn");
    work(&vault, true).await;
    let home = vault.terminate().0;
    let needles = needles(&home, root_in_file(&home), &RECORDS);
    let vault = Process::start(home, "warn");
    let admin = vault.staff("security-admin", "oakvale");
    for round in 0..2 {
        for _ in 0..20 {
            work(&vault, false).await;
        }
        admin.post("/v1/vault/drill", &json!({})).await.granted();
        let open = needles.count(&vault.id().to_string());
        for label in [
            (Kind::Category, Form::Inner),
            (Kind::Category, Form::Outer),
            (Kind::Locator, Form::Inner),
            (Kind::Locator, Form::Outer),
            (Kind::Audit, Form::Inner),
            (Kind::Log, Form::Raw),
        ] {
            assert!(open.get(&label).is_some_and(|count| *count > 0), "{label:?} was not seen: {open:?}");
        }
        assert!(!open.keys().any(|(kind, _)| *kind == Kind::Root), "the root key was kept: {open:?}");
        admin.post("/v1/vault/seal", &json!({})).await.granted();
        let sealed = needles.count(&vault.id().to_string());
        assert_eq!(kinds(&sealed), BTreeMap::new(), "round {round}; open it was {open:?}");
        vault.raw("console").post("/v1/vault/unseal", None, &json!({})).await.granted();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_of_shares_keeps_its_root_key_while_it_is_open_and_no_longer() {
    let (home, texts) = Home::by_shares(3, 5);
    let vault = Process::start(home, "warn");
    for text in &texts[..3] {
        share(&vault, text).await.granted();
    }
    work(&vault, true).await;
    let home = vault.terminate().0;
    let written: Vec<_> = texts.iter().map(|text| Written::read(text)).collect();
    let mut needles = needles(&home, combined(&written[1..4]), &RECORDS);
    for written in &written {
        needles.add((Kind::Share, Form::Raw), &written.body);
        // As it is typed and sent: what stands in the middle of its text.
        let text = written.text();
        needles.add((Kind::Share, Form::Text), &text.as_bytes()[text.len() / 2..][..32]);
    }
    let vault = Process::start(home, "warn");
    for text in &texts[2..] {
        share(&vault, text).await.granted();
    }
    work(&vault, false).await;
    let admin = vault.staff("security-admin", "oakvale");
    for text in &texts[..2] {
        admin.post("/v1/vault/drill", &json!({ "share": text })).await.granted();
    }
    let open = needles.count(&vault.id().to_string());
    assert!(open.get(&(Kind::Root, Form::Inner)).is_some_and(|count| *count > 0), "{open:?}");
    assert!(open.get(&(Kind::Share, Form::Raw)).is_some_and(|count| *count > 0), "of the drill: {open:?}");
    admin.post("/v1/vault/seal", &json!({})).await.granted();
    let mut sealed = needles.count(&vault.id().to_string());
    // The text of a share may stand in the buffers of its connection for as long as that is kept.
    sealed.retain(|(_, form), _| *form != Form::Text);
    assert_eq!(kinds(&sealed), BTreeMap::new(), "open it was {open:?}");
    drop(admin);
    let mut left = needles.count(&vault.id().to_string());
    for _ in 0..20 {
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        left = needles.count(&vault.id().to_string());
    }
    panic!("what was sent is still there: {left:?}");
}

fn locked_kib(vault: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", vault.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.split_ascii_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_memory_is_locked_where_the_process_may_and_none_where_it_would_fail_later() {
    let vault = Process::start(Home::by_binary(), "warn");
    assert!(locked_kib(&vault) > 100 << 10, "{} KiB are locked", locked_kib(&vault));
    work(&vault, true).await;
    let home = vault.terminate().0;
    // A limit that the memory of now may stay below and that of later may not, and no capability that needs none.
    let mut shell = Command::new("setpriv");
    shell.args([
        "--bounding-set=-ipc_lock",
        "--inh-caps=-ipc_lock",
        "sh",
        "-c",
        "ulimit -l 2000000; exec \"$@\"",
        "sh",
    ]);
    shell.arg(coffer_tests::harness::binary());
    let vault = Process::start_by(shell, home, "warn");
    assert_eq!(locked_kib(&vault), 0);
    work(&vault, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_capability_memory_is_locked_where_the_limit_is_none_and_nowhere_else() {
    let mut shell = Command::new("setpriv");
    shell.args(["--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "sh", "-c"]);
    shell.args(["ulimit -l unlimited 2>&-; exec \"$@\"", "sh"]).arg(coffer_tests::harness::binary());
    let vault = Process::start_by(shell, Home::by_binary(), "warn");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", vault.id())).unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max locked memory")).unwrap();
    let unlimited = limit.split_ascii_whitespace().nth(1) == Some("unlimited");
    assert_eq!(locked_kib(&vault) > 100 << 10, unlimited, "{limit}");
}

/// A process that others of its user may look into has its own files in /proc; those of one that is not dumpable are root's.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_of_the_same_user_may_not_look_into_the_memory() {
    use std::os::unix::fs::MetadataExt;
    const NOBODY: u32 = 65_534;
    let home = Home::by_binary();
    let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(home.folder()).status().unwrap();
    assert!(given.success(), "run this as root");
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &NOBODY.to_string(), "--clear-groups"]);
        command
    };
    let owner = |id: u32| std::fs::metadata(format!("/proc/{id}/status")).unwrap().uid();
    let mut server = as_nobody();
    server.arg(coffer_tests::harness::binary());
    let vault = Process::start_by(server, home, "warn");
    let status = std::fs::read_to_string(format!("/proc/{}/status", vault.id())).unwrap();
    assert!(status.lines().any(|line| line.split_whitespace().take(3).eq(["Uid:", "65534", "65534"])), "{status}");
    assert_eq!(owner(vault.id()), 0, "its memory is readable for its user");
    // What is found that way of a process that has not asked for it.
    let mut other = as_nobody().args(["sleep", "60"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let seen = owner(other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(seen, NOBODY);
}
