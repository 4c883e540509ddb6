//! Two admins at the same time: the one that is numbered first counts, and nothing counts twice.

use coffer_tests::harness::{Home, Serving, Store};
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::json;

use crate::{Admins, approve, epoch, listed, refuse, wider, with};

const ROUNDS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_decisions_at_once_one_counts_and_the_other_learns_of_it() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let third = crate::as_person(&vault, "third@example", "security-admin");
    third.post("/v1/whoami", &json!({})).await.granted();
    for round in 0..ROUNDS {
        let mut body = wider(&vault, "intake");
        body["files"]["access.toml"] = json!(format!("{}# {round}\n", body["files"]["access.toml"].as_str().unwrap()));
        let id = admins.ask(&body).await;
        let start = vault.log_size();
        // Approve and approve; approve and refuse.
        let (one, other) = match round % 2 {
            0 => tokio::join!(approve(&admins.second, &id), approve(&third, &id)),
            _ => tokio::join!(approve(&admins.second, &id), refuse(&third, &id)),
        };
        let mut outcomes = [one.outcome(), other.outcome()];
        outcomes.sort();
        assert_eq!(outcomes, [(200, "ok".to_owned()), (409, "approval_decided".to_owned())], "round {round}");
        let leaves = vault.leaves_since(start);
        let granted: Vec<_> = leaves.iter().filter(|leaf| leaf.granted.is_some()).collect();
        let [decided] = &granted[..] else { panic!("{leaves:?}") };
        let found = listed(&admins.first).await.into_iter().find(|approval| approval["id"] == id).unwrap();
        let expected = if decided.action == Action::ApprovalGrant { "approved" } else { "refused" };
        assert_eq!(found["state"], expected, "round {round}");
        refuse(&admins.first, &id).await.refused(409, "approval_decided");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_used_twice_at_once_counts_once() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let before = epoch(&vault).await;
    let body = wider(&vault, "intake");
    let id = admins.ask(&body).await;
    approve(&admins.second, &id).await.granted();
    let with_it = with(&body, &id);
    let uses = (0..4).map(|_| {
        let (admin, body) = (admins.first.clone(), with_it.clone());
        tokio::spawn(async move { admin.post("/v1/access/apply", &body).await.outcome() })
    });
    let mut done = 0;
    for used in uses.collect::<Vec<_>>() {
        match used.await.unwrap() {
            (200, _) => done += 1,
            (_, code) => assert!(
                [Code::ApprovalMismatch.as_str(), Code::ApprovalUsed.as_str(), Code::Busy.as_str()].contains(&&*code),
                "{code}"
            ),
        }
    }
    assert_eq!((done, epoch(&vault).await), (1, before + 1));
}

/// Nothing but the approval itself stands in the way of doing this twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_used_twice_at_once_counts_once_where_nothing_else_forbids_it() {
    let vault = Home::new(Store::Memory).serve();
    let (first, second) = (vault.staff("dpo", "oakvale"), vault.second("dpo", "oakvale"));
    for round in 1..=ROUNDS {
        let body = json!({
            "controller": "oakvale", "categories": ["bank"], "purpose": "erasure", "count": round, "hours": 1,
            "reason": "ended",
        });
        let asked = first.post("/v1/erasures/allow", &body).await.refused(409, "approval_needed").json();
        approve(&second, &asked["approval"]).await.granted();
        let body = with(&body, &asked["approval"]);
        let uses = (0..4).map(|_| {
            let (officer, body) = (first.clone(), body.clone());
            tokio::spawn(async move { officer.post("/v1/erasures/allow", &body).await.outcome() })
        });
        let mut outcomes = Vec::new();
        for used in uses.collect::<Vec<_>>() {
            outcomes.push(used.await.unwrap().1);
        }
        outcomes.sort();
        assert_eq!(outcomes, ["approval_used", "approval_used", "approval_used", "ok"], "round {round}");
    }
}
