//! `coffer keys rotate-log`: a new key for the log.

use coffer_client::Rekeyed;
use serde::Serialize;

use crate::args::RotateLog;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::plain;
use crate::time::moment;

/// A new key for the log.
pub async fn run(desk: &Desk, args: &RotateLog) -> Result<(), Failure> {
    if args.compromised {
        let message = "a key that others may hold hands nothing on: the log must end, and its successor gets a key that is handed out anew";
        let advice = "stop the vault; `coffer-vault check HOME --request-successor FILE --why compromised`, two admins approve FILE \
                      (`coffer approve`), `coffer-vault check HOME --succeed APPROVAL APPROVAL --yes`; then put the new key into every client.toml";
        return Err(Failure::check("log_key_compromised", message, advice));
    }
    let (_, session) = desk.session()?;
    let Rekeyed { log_key, until_ms, logged } = session.rekey_log().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Rotated { log_key: log_key.to_string(), until_ms, leaf: logged.index });
    }
    desk.screen.pairs(vec![
        ("new log key", plain(&log_key)),
        ("old one", plain(format!("signs too until {}, and is destroyed then", moment(until_ms)))),
        ("leaf", plain(logged.index)),
    ])
}

#[derive(Serialize)]
struct Rotated {
    log_key: String,
    until_ms: u64,
    leaf: u64,
}
