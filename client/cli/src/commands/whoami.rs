//! `coffer whoami`: for whom the vault takes this person and application.

use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{list, plain};
use crate::time::moment;

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let whoami = session.whoami().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&whoami);
    }
    desk.screen.pairs(vec![
        ("person", plain(&whoami.subject)),
        ("issuer", plain(&whoami.issuer)),
        ("application", plain(whoami.application)),
        ("roles", list(&whoami.roles)),
        ("controllers", list(&whoami.controllers)),
        ("token ends", plain(moment(whoami.expires_ms))),
    ])
}
