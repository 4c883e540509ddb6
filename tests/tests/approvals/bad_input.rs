//! Every way in which an approval does not hold: its code, one leaf that says so, and nothing changed.

use std::sync::Arc;

use coffer_tests::harness::{Home, Reply, Running, Serving, Store};
use coffer_vault::clock::{Clock, Manual, System};
use coffer_wire::leaf::Action;
use coffer_wire::problem::Code;
use serde_json::{Value, json};

use crate::{Admins, actions, approve, as_person, epoch, listed, refuse, wider, with};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Held against the log: this code, in one leaf of this action.
fn only(vault: &Running, start: u64, reply: Reply, action: Action, code: Code) -> Reply {
    assert_eq!(reply.outcome(), (code.status(), code.as_str().to_owned()), "{reply}");
    let leaves = vault.leaves_since(start);
    assert_eq!(leaves.len(), 1, "{leaves:?}");
    assert_eq!((leaves[0].action, leaves[0].refused), (action, Some(code)));
    assert!(leaves[0].actor.is_some(), "the leaf does not say who");
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_policy_takes_two_people_and_a_narrower_one_takes_one() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let (body, before) = (wider(&vault, "intake"), epoch(&vault).await);
    let start = vault.log_size();
    let asked = admins.first.post("/v1/access/apply", &body).await.refused(409, "approval_needed");
    assert_eq!(actions(&vault.leaves_since(start)), [Action::ApprovalAsk]);
    let (id, words) = (asked.json()["approval"].clone(), asked.json()["detail"].as_str().unwrap().to_owned());
    assert!(words.contains("`intake` may do status through `console`, of brookside, oakvale"), "{words}");
    assert_eq!(epoch(&vault).await, before, "asked for is not done");

    let (own, others) = (listed(&admins.first).await, listed(&admins.second).await);
    assert_eq!((own[0]["own"].as_bool(), others[0]["own"].as_bool()), (Some(true), Some(false)));
    assert_eq!(others[0]["shown"], words);
    assert_eq!(others[0]["asked_by"]["subject"], "security-admin@example");
    assert_eq!(listed(&vault.staff("dpo", "oakvale")).await, [Value::Null; 0], "it is not for them to decide");
    assert_eq!(listed(&vault.staff("rents", "oakvale")).await, [Value::Null; 0]);

    let start = vault.log_size();
    let approved = approve(&admins.second, &id).await.granted().json();
    assert_eq!(
        (&approved["approval"]["state"], &approved["approval"]["decided_by"]["subject"]),
        (&json!("approved"), &json!("second-security-admin@example"))
    );
    admins.first.post("/v1/access/apply", &with(&body, &id)).await.granted();
    assert_eq!(epoch(&vault).await, before + 1);
    assert_eq!(actions(&vault.leaves_since(start))[..2], [Action::ApprovalGrant, Action::AccessApply]);
    assert_eq!(listed(&admins.second).await[0]["state"], "used");

    // Back again takes rights away: one person, at once.
    let start = vault.log_size();
    let back = json!({ "files": { "access.toml": vault.home().text("access.toml") } });
    admins.second.post("/v1/access/apply", &back).await.granted();
    assert_eq!(actions(&vault.leaves_since(start)), [Action::AccessApply]);
}

/// Recipients are held to what the schema tells of them; a role that is to be one no more is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_passes_for_staff_by_two_people_alone() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let access = vault.home().text("access.toml");
    let told = access.replace("recipient = \"contractor\"\n", "");
    assert_ne!(told, access);
    let body = json!({ "files": { "access.toml": told } });
    let asked = admins.first.post("/v1/access/apply", &body).await.refused(409, "approval_needed").json();
    let words = asked["detail"].as_str().unwrap();
    assert!(words.contains("`contractor` is no recipient, `contractor`, any more"), "{words}");
    approve(&admins.second, &asked["approval"]).await.granted();
    admins.first.post("/v1/access/apply", &with(&body, &asked["approval"])).await.granted();
    // To be one again takes one.
    admins.first.post("/v1/access/apply", &json!({ "files": { "access.toml": access } })).await.granted();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_is_no_second_person_whatever_they_come_with() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let id = admins.ask(&wider(&vault, "intake")).await;
    for name in ["security-admin@example", "Security-Admin@Example"] {
        let same = as_person(&vault, name, "security-admin");
        same.post("/v1/whoami", &json!({})).await.granted();
        let start = vault.log_size();
        let reply = approve(&same, &id).await;
        let own = only(&vault, start, reply, Action::ApprovalGrant, Code::ApprovalOwn).json();
        assert!(own["title"].as_str().unwrap().contains("another person must approve it"), "{own}");
    }
    assert_eq!(listed(&admins.second).await[0]["state"], "asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_do_the_act_may_not_approve_it() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let id = admins.ask(&wider(&vault, "intake")).await;
    for (role, code) in
        [("dpo", Code::ForbiddenRole), ("auditor", Code::ForbiddenRole), ("rents", Code::ForbiddenApplication)]
    {
        let staff = vault.staff(role, "oakvale");
        staff.post("/v1/whoami", &json!({})).await.granted();
        for (action, reply) in [("approve", Action::ApprovalGrant), ("refuse", Action::ApprovalDeny)] {
            let start = vault.log_size();
            let answer = staff.post(&format!("/v1/approvals/{action}"), &json!({ "id": id })).await;
            only(&vault, start, answer, reply, code);
        }
    }
    assert_eq!(listed(&admins.second).await[0]["state"], "asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_does_not_hold_changes_nothing() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let (body, before) = (wider(&vault, "intake"), epoch(&vault).await);
    let apply = async |body: Value| admins.first.post("/v1/access/apply", &body).await;
    let refused = |start, reply, code| only(&vault, start, reply, Action::AccessApply, code);

    // No id; unknown; open; another's; of another body; of another act; refused.
    let start = vault.log_size();
    refused(start, apply(with(&body, &json!("no id"))).await, Code::Malformed);
    let start = vault.log_size();
    refused(start, apply(with(&body, &json!("AAAAAAAAAAAAAAAAAAAAAA"))).await, Code::ApprovalUnknown);
    let id = admins.ask(&body).await;
    let start = vault.log_size();
    let open = refused(start, apply(with(&body, &id)).await, Code::ApprovalNeeded);
    assert_eq!(open.json()["approval"], id);
    let start = vault.log_size();
    let again = refused(start, apply(body.clone()).await, Code::ApprovalNeeded);
    assert_eq!(again.json()["approval"], id, "the same request is asked for once");
    assert_eq!(listed(&admins.first).await.len(), 1);
    approve(&admins.second, &id).await.granted();
    let start = vault.log_size();
    let other = admins.second.post("/v1/access/apply", &with(&body, &id)).await;
    refused(start, other, Code::ApprovalMismatch);
    let start = vault.log_size();
    refused(start, apply(with(&wider(&vault, "rents"), &id)).await, Code::ApprovalMismatch);
    let start = vault.log_size();
    let schema = json!({ "files": vault.home().schema(), "approval": id });
    let reply = admins.first.post("/v1/schema/apply", &schema).await;
    only(&vault, start, reply, Action::SchemaApply, Code::ApprovalMismatch);
    let denied = admins.ask(&wider(&vault, "contractor")).await;
    refuse(&admins.second, &denied).await.granted();
    let start = vault.log_size();
    refused(start, apply(with(&wider(&vault, "contractor"), &denied)).await, Code::ApprovalRefused);
    for (admin, action, code) in [
        ("approve", Action::ApprovalGrant, Code::ApprovalDecided),
        ("refuse", Action::ApprovalDeny, Code::ApprovalDecided),
    ] {
        let start = vault.log_size();
        let reply = admins.second.post(&format!("/v1/approvals/{admin}"), &json!({ "id": denied })).await;
        only(&vault, start, reply, action, code);
    }
    assert_eq!(epoch(&vault).await, before);

    // Used once, it is used.
    apply(with(&body, &id)).await.granted();
    let start = vault.log_size();
    refused(start, apply(with(&body, &id)).await, Code::ApprovalMismatch);
    assert_eq!(epoch(&vault).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_over_one_policy_is_not_for_another() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    let body = wider(&vault, "intake");
    let id = admins.ask(&body).await;
    approve(&admins.second, &id).await.granted();
    // Somebody is revoked meanwhile: what was approved would give it back.
    let access = vault.home().text("access.toml");
    let at = access.find("[revoked]").unwrap();
    let narrower =
        format!("{}{}", &access[..at], access[at..].replace("applications = []", "applications = [\"care-desk\"]"));
    let start = vault.log_size();
    admins.second.post("/v1/access/apply", &json!({ "files": { "access.toml": narrower } })).await.granted();
    assert_eq!(actions(&vault.leaves_since(start)), [Action::AccessApply], "to revoke takes one");
    admins.first.post("/v1/access/apply", &with(&body, &id)).await.refused(422, "approval_mismatch");
    let asked = admins.first.post("/v1/access/apply", &body).await.refused(409, "approval_needed");
    assert!(asked.json()["detail"].as_str().unwrap().contains("`care-desk` is revoked no more"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_about_nothing_is_refused() {
    let vault = Home::new(Store::Memory).serve();
    let admins = Admins::of(&vault).await;
    for (id, code) in [("AAAAAAAAAAAAAAAAAAAAAA", Code::ApprovalUnknown), ("none", Code::Malformed)] {
        for (verb, action) in [("approve", Action::ApprovalGrant), ("refuse", Action::ApprovalDeny)] {
            let start = vault.log_size();
            let reply = admins.second.post(&format!("/v1/approvals/{verb}"), &json!({ "id": id })).await;
            only(&vault, start, reply, action, code);
        }
    }
}

/// A vault whose time stands until the test moves it, and tokens of its time.
struct Timed {
    vault: Running,
    clock: Arc<Manual>,
}

impl Timed {
    fn new() -> Timed {
        let mut home = Home::new(Store::Memory);
        let clock = Arc::new(Manual::new(System.now_ms()));
        home.clock = Arc::<Manual>::clone(&clock);
        Timed { vault: home.serve(), clock }
    }

    fn admins(&self) -> Admins {
        let admin = |person: &str| {
            let wanted = self.vault.home().request(person, &["security-admin"], "console", &["oakvale"]);
            let token = self.vault.home().mint(&wanted, self.clock.now_ms());
            self.vault.staff("security-admin", "oakvale").with_token(token)
        };
        Admins { first: admin("a@example"), second: admin("b@example") }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_days_to_decide_and_not_a_millisecond_more() {
    let timed = Timed::new();
    let (vault, body) = (&timed.vault, wider(&timed.vault, "intake"));
    let [early, late] = [timed.admins().ask(&body).await, timed.admins().ask(&wider(vault, "rents")).await];
    timed.clock.advance(7 * DAY_MS - 1);
    approve(&timed.admins().second, &early).await.granted();
    timed.clock.advance(1);
    approve(&timed.admins().second, &late).await.refused(409, "approval_expired");
    refuse(&timed.admins().first, &late).await.refused(409, "approval_expired");
    // What was approved at the last moment ends with it.
    timed.admins().first.post("/v1/access/apply", &with(&body, &early)).await.refused(409, "approval_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_used_within_a_day() {
    let timed = Timed::new();
    let (vault, body) = (&timed.vault, wider(&timed.vault, "intake"));
    for (wait, code) in [(DAY_MS, Some("approval_expired")), (DAY_MS - 1, None)] {
        let id = timed.admins().ask(&body).await;
        approve(&timed.admins().second, &id).await.granted();
        timed.clock.advance(wait);
        let reply = timed.admins().first.post("/v1/access/apply", &with(&body, &id)).await;
        match code {
            Some(code) => {
                let late = reply.refused(409, code).json();
                assert!(
                    late["title"].as_str().unwrap().contains("send the request without one to ask again"),
                    "{late}"
                );
                let last = vault.leaves_since(vault.log_size() - 1).remove(0);
                assert_eq!((last.action, last.refused), (Action::AccessApply, Some(Code::ApprovalExpired)));
            }
            None => drop(reply.granted()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_request_is_a_leaf_and_later_it_is_forgotten() {
    let timed = Timed::new();
    let vault = &timed.vault;
    let id = timed.admins().ask(&wider(vault, "intake")).await;
    assert_eq!(vault.house().end_approvals().await, 0);
    timed.clock.advance(7 * DAY_MS);
    let start = vault.log_size();
    assert_eq!(vault.house().end_approvals().await, 1);
    let leaves = vault.leaves_since(start);
    assert_eq!(actions(&leaves), [Action::ApprovalDeny]);
    assert_eq!(leaves[0].granted.as_deref(), Some("vault"));
    assert_eq!(vault.house().end_approvals().await, 0, "once");
    assert_eq!(listed(&timed.admins().second).await[0]["state"], "expired");
    approve(&timed.admins().second, &id).await.refused(409, "approval_expired");
    timed.clock.advance(7 * DAY_MS);
    let start = vault.log_size();
    assert_eq!(vault.house().end_approvals().await, 1);
    assert_eq!(vault.log_size(), start);
    approve(&timed.admins().second, &id).await.refused(404, "approval_unknown");
}
