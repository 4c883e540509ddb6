//! `keys/list`: which keys there are and in which state, without their material.

use std::sync::Arc;

use coffer_keys::KeyId;
use coffer_wire::api::{Empty, KeyInfo, KeysAnswer};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::{House, Incoming, manage};
use crate::keyring::record::{RootRow, Use};
use crate::keyring::{self, Under};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::KeysList, true).await?;
    manage::record(&house, &incoming, Action::KeysList, Private::default()).await?;
    let engine = Arc::clone(&house.engine);
    let listed = blocking(move || {
        let rows = keyring::root_rows(&*engine)?;
        Ok::<_, keyring::KeyringError>((rows, Under::count(&*engine)?))
    });
    let listed = listed.await.map_err(|_| Problem::new(Code::Internal))?;
    let (rows, under) = listed.map_err(|error| {
        tracing::error!(%error, "the keys cannot be listed");
        Problem::new(Code::Internal)
    })?;
    let lies_under = |id: &KeyId, row: &RootRow| (row.usage == Use::Category).then(|| under.of(id));
    let info = |(id, row): (KeyId, RootRow)| KeyInfo {
        id: id.to_string(),
        kind: row.usage.as_str().to_owned(),
        controller: row.controller,
        category: Some(row.category),
        version: row.version,
        state: row.state.as_str().to_owned(),
        under: lies_under(&id, &row),
        created_ms: row.created_ms,
    };
    let mut keys: Vec<_> = rows.into_iter().map(info).collect();
    keys.sort_by(|a, b| {
        (a.controller, a.category, &a.kind, a.version).cmp(&(b.controller, b.category, &b.kind, b.version))
    });
    body(&KeysAnswer { keys, personal: under.total })
}
