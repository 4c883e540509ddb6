//! Refusals of an application that takes more than its share. They are folded, or a flood of requests would be a flood of
//! leaves: the first is a leaf of its own, those of the minute after it are one leaf that counts them.

use std::num::NonZeroU64;
use std::sync::{Arc, Weak};

use coffer_wire::Name;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::routes::Peer;
use super::{Door, House};
use crate::admit::{FOLD_TIME, Quota, TooMany};
use crate::clock::Period;
use crate::ledger::{Attribution, Circumstances, Entry};

/// Refuses one request, on record where it is the first of its burst. A sealed vault has no log to write to.
pub(super) async fn refuse(
    door: &Door,
    quota: &Arc<Quota>,
    app: Option<Name>,
    action: Action,
    peer: &Peer,
    request: &str,
    too_many: TooMany,
) -> Problem {
    let refused = Problem::new(Code::TooManyRequests).with_detail(format!("over `{}`", too_many.limit.as_str()));
    let Some(house) = door.house() else { return refused };
    if !too_many.is_first {
        return refused;
    }
    fold(Arc::downgrade(&house), Arc::clone(quota), app);
    let private = Private {
        address: Some(peer.address.ip().to_string()),
        request: Some(request.to_owned()),
        note: Some(format!("over {}", too_many.limit.as_str())),
        ..Private::default()
    };
    match house.record_crowd(action, app, private).await {
        problem if problem.code == refused.code => refused,
        problem => problem,
    }
}

/// Records once a minute how many more were refused, until a minute in which none was. It does not keep a house from being
/// taken down, which has recorded them then.
fn fold(house: Weak<House>, quota: Arc<Quota>, app: Option<Name>) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FOLD_TIME).await;
            let Some(house) = house.upgrade() else { return };
            let Some(count) = quota.settle() else { return };
            house.record_folded(app, count).await;
        }
    });
}

impl Door {
    /// Records what is folded, before the vault stops.
    pub async fn settle(&self) {
        if let Some(house) = self.house() {
            house.settle().await;
        }
    }
}

impl House {
    /// Records what is folded.
    pub(super) async fn settle(self: &Arc<Self>) {
        for (app, quota) in self.gate.applications().quotas() {
            if let Some(count) = quota.settle() {
                self.record_folded(app, count).await;
            }
        }
    }

    /// They were many and of many kinds, so that the leaf says no action but that it was none.
    async fn record_folded(self: &Arc<Self>, app: Option<Name>, count: NonZeroU64) {
        let private = Private { note: Some(format!("{count} more over a limit")), ..Private::default() };
        let recorded = self.record_crowd(Action::Unknown, app, private).await;
        if recorded.code != Code::TooManyRequests {
            tracing::warn!(count, code = %recorded.code, "refusals for a limit could not be recorded");
        }
    }

    async fn record_crowd(self: &Arc<Self>, action: Action, app: Option<Name>, private: Private) -> Problem {
        let period = Period::of(self.clock.now_ms());
        let unattributed = match self.unattributed_key(&VAULT, period).await {
            Ok(key) => key,
            Err(problem) => return problem,
        };
        let common = Circumstances::of_the_vault(VAULT, period, self.gate.in_force().epoch);
        let common = Circumstances { app, private: private.clone(), ..common };
        let about = Attribution::nobody(&unattributed);
        let entry = Entry::refused(action, Code::TooManyRequests, &common, about.about(), None, private);
        self.record_and_tell(entry, Code::TooManyRequests).await
    }
}
