//! `coffer log key`: the log key that the one of the configuration leads to.

use coffer_client::Builder;
use serde::Serialize;

use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{count, green, plain};

#[derive(Serialize)]
struct Report {
    log_key: String,
    configured: String,
    is_configured: bool,
    handovers: usize,
}

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let configured = desk.log_key(None)?;
    let vault = desk.configured(Builder::build)?;
    let trust = vault.follow().await?;
    // That it signs now is seen, not believed.
    vault.checkpoint().await?;
    let (key, handovers) = (trust.key(), trust.notes().count());
    let is_configured = *key == configured;
    if desk.screen.is_json() {
        let (log_key, configured) = (key.to_string(), configured.to_string());
        return desk.screen.json(&Report { log_key, configured, is_configured, handovers });
    }
    let state = match is_configured {
        true => green("the one of your configuration"),
        false => plain(format!(
            "your configuration's leads to it by {}; put it there",
            count(handovers as u64, "note", "notes")
        )),
    };
    desk.screen.pairs(vec![("log key", plain(key)), ("", state)])
}
