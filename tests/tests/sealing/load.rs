//! Sealed while many are at work: whatever was released stands in the log, everybody is answered, and it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coffer_tests::harness::{Home, Process, Reply, Serving};
use coffer_vault::ledger::history::History;
use coffer_wire::tree::leaf_hash;
use serde_json::{Value, json};

const CONNECTIONS: usize = 64;
/// A vault that is not sealed within this hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// The leaves that an answer shows: index and hash.
fn receipts(reply: &Reply) -> Vec<(u64, String)> {
    let items = reply.json()["items"].as_array().cloned().unwrap_or_default();
    let receipts = items.iter().flat_map(|item| item["receipts"].as_array().cloned().unwrap_or_default());
    receipts
        .map(|receipt| (receipt["index"].as_u64().unwrap(), receipt["leaf_hash"].as_str().unwrap().to_owned()))
        .collect()
}

fn is_granted(item: &Value) -> bool {
    item["status"] == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_without_its_leaf_and_everybody_is_answered() {
    let mut home = Home::by_binary().without_limits();
    for round in 0..3 {
        home = sealed_under_load(home, round).await;
    }
}

async fn sealed_under_load(home: Home, round: usize) -> Home {
    let vault = Arc::new(Process::start(home, "warn"));
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", "p", "r", json!({ "sort_code": "00-00-01" })).await.granted();
    let is_sealed = Arc::new(AtomicBool::new(false));
    let worker = |number: usize| {
        let (vault, is_sealed) = (Arc::clone(&vault), Arc::clone(&is_sealed));
        async move {
            let staff = vault.staff("bank-officer", "oakvale");
            let (mut shown, mut last) = (Vec::new(), false);
            while !last {
                last = is_sealed.load(Ordering::SeqCst);
                let reply = match number % 2 {
                    0 => staff.read("bank", "p", "r", &["sort_code"]).await,
                    _ => {
                        let person = format!("w-{round}-{number}");
                        staff.write("bank", &person, "r", json!({ "sort_code": "00-00-02" })).await
                    }
                };
                match reply.status {
                    200 => {
                        assert!(!last, "answered by a vault that said that it is sealed: {reply}");
                        let granted = reply.json()["items"].as_array().unwrap().iter().all(is_granted);
                        let receipts = receipts(&reply);
                        assert!(!granted || !receipts.is_empty(), "released without a leaf: {reply}");
                        shown.extend(receipts);
                    }
                    503 => {
                        let code = reply.outcome().1;
                        assert!(["sealed", "outcome_unknown"].contains(&code.as_str()), "{reply}");
                    }
                    _ => panic!("{reply}"),
                }
            }
            shown
        }
    };
    let workers: Vec<_> = (0..CONNECTIONS).map(|number| tokio::spawn(worker(number))).collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let admin = vault.staff("security-admin", "oakvale");
    let sealed = tokio::time::timeout(LIMIT, admin.post("/v1/vault/seal", &json!({}))).await.expect("it hangs");
    sealed.granted();
    is_sealed.store(true, Ordering::SeqCst);
    let mut shown = Vec::new();
    for worker in workers {
        shown.extend(tokio::time::timeout(LIMIT, worker).await.expect("a worker hangs").unwrap());
    }
    assert!(shown.len() > CONNECTIONS, "only {} leaves were shown", shown.len());
    let (home, said) = Arc::into_inner(vault).unwrap().terminate();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    let engine = home.rocks();
    let history = History::new(&engine);
    for (index, hash) in shown {
        assert_eq!(leaf_hash(&history.leaf(index).unwrap()).to_string(), hash, "leaf {index} is not in the log");
    }
    drop(engine);
    home
}
