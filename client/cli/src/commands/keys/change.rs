//! `coffer keys compromised`, `destroy` and `shred`: one version of a key comes into another state.

use coffer_wire::api::{KeyRequest, NewState};
use serde::Serialize;

use crate::args::{DestroyKey, OneKey, ShredKey};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{count, faint, plain};

pub async fn compromised(desk: &Desk, args: OneKey) -> Result<(), Failure> {
    let request = KeyRequest { state: Some(NewState::Compromised), ..request(args) };
    change(desk, request, async |session, request| session.set_key_state(request).await).await
}

pub async fn destroy(desk: &Desk, args: DestroyKey) -> Result<(), Failure> {
    let request = KeyRequest { approval: args.approval, ..request(args.key) };
    change(desk, request, async |session, request| session.destroy_key(request).await).await
}

pub async fn shred(desk: &Desk, args: ShredKey) -> Result<(), Failure> {
    let request = KeyRequest { approval: args.approval, count: Some(args.count), ..request(args.key) };
    change(desk, request, async |session, request| session.shred_key(request).await).await
}

fn request(key: OneKey) -> KeyRequest {
    let OneKey { category, controller, version, reason } = key;
    KeyRequest { controller, category, version, reason, count: None, state: None, approval: None }
}

async fn change(
    desk: &Desk,
    request: KeyRequest,
    ask: impl AsyncFnOnce(&coffer_client::Session, &KeyRequest) -> Result<coffer_wire::api::KeyAnswer, coffer_client::Error>,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Report {
        state: String,
        under: u64,
        leaf: u64,
    }
    let (vault, session) = desk.session()?;
    let answer = ask(&session, &request).await?;
    prove(&vault).await?;
    let (state, under, leaf) = (answer.state, answer.under, answer.receipt.index);
    if desk.screen.is_json() {
        return desk.screen.json(&Report { state, under, leaf });
    }
    let KeyRequest { controller, category, version, .. } = request;
    desk.screen.line([
        plain(format!("version {version} of the key of {category} of {controller} is {state}; ")),
        plain(format!("{} lay under it; ", count(under, "key", "keys"))),
        faint(format!("leaf {leaf} of the log")),
    ])
}
