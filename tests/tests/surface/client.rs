//! The client crate against a real vault: what it writes it reads, and every receipt proves true.

use coffer_client::{Token, ask};
use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_wire::Hash;
use coffer_wire::problem::Code;
use coffer_wire::tree::{Edge, leaf_hash};

fn session(vault: &Running, client: &coffer_client::Vault, role: &str) -> coffer_client::Session {
    let token = Token::new(vault.token(role, &["oakvale"])).unwrap();
    client.on_behalf_of(token).for_controller("oakvale").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_writes_it_reads_until_it_is_erased_and_every_receipt_is_proved() {
    let vault = Home::new(Store::Rocks).serve();
    let (desk, console) = (vault.client("rents-desk"), vault.client("console"));
    let payments = session(&vault, &desk, "bank-officer").for_purpose("payments").unwrap().with_reason("a refund");
    let draft = ask::write("bank", "p", "r").unwrap().set("account_number", "00001234").unwrap().expecting(0);
    assert_eq!(payments.write(draft).await.unwrap().version, 1);
    let read = payments.read(ask::clear("bank", "p", "r", &["account_number"]).unwrap()).await.unwrap();
    assert_eq!(read.field("account_number").unwrap().expose(), "00001234");
    let masked = payments.read(ask::masked("bank", "p", "r", &["account_number"]).unwrap()).await.unwrap();
    let masked = masked.field("account_number").unwrap().expose();
    assert!(masked.ends_with("1234") && !masked.contains("0000"), "{masked}");
    let erasure = session(&vault, &console, "dpo").for_purpose("erasure").unwrap();
    assert_eq!(erasure.erase(ask::record("bank", "p", "r").unwrap()).await.unwrap().records, 1);
    let gone = payments.read(ask::clear("bank", "p", "r", &["account_number"]).unwrap()).await.err().unwrap();
    assert_eq!(gone.refusal().unwrap().code, Code::NotFound);
    for client in [desk, console] {
        let summary = client.receipts().settle().await.unwrap();
        assert!(summary.received > 0 && summary.proved == summary.received, "{summary:?}");
        assert_eq!(client.receipts().fault(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_recomputes_the_root_from_the_leaves_alone() {
    let vault = Home::new(Store::Rocks).serve();
    let officer = vault.staff("bank-officer", "oakvale");
    for number in 0..300 {
        let fields = serde_json::json!({ "sort_code": "00-00-01" });
        officer.write("bank", &format!("p{number}"), "r", fields).await.granted();
    }
    let vault = vault.restart().await;
    let client = vault.client("console");
    let auditor = session(&vault, &client, "auditor");
    let (mut tree, mut start, mut leaves) = (Edge::new(), 0, Vec::new());
    let last = auditor.entries(0, 1).await.unwrap().checkpoint;
    while start < last.size {
        let part = auditor.entries(start, 100.min(last.size - start)).await.unwrap();
        start += part.leaves.len() as u64;
        leaves.extend(part.leaves);
    }
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf.as_bytes())));
    assert_eq!((tree.size(), tree.root()), (last.size, last.root));
    leaves[7] = leaves[7].replacen("\"n\":", "\"n\": ", 1);
    let mut other = Edge::new();
    leaves.iter().for_each(|leaf| other.push(leaf_hash(leaf.as_bytes())));
    let root: Hash = other.root();
    assert_ne!(root, last.root, "one byte more in one leaf");
}
