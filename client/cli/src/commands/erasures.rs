//! `coffer erasures`: to erase more than one person may alone.

use coffer_wire::erasures::AllowErasuresRequest;
use serde::Serialize;

use crate::args::AllowErasures;
use crate::commands::{InLog, in_log};
use crate::connect::{Desk, prove};
use crate::failure::Failure;
use crate::output::{count, green, plain};
use crate::time::moment;

pub async fn allow(desk: &Desk, args: AllowErasures) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Report {
        count: u32,
        until_ms: u64,
        log: InLog,
    }
    let (vault, session) = desk.session()?;
    let AllowErasures { controller, categories, purpose, case, count: number, hours, reason, approval } = args;
    let request =
        AllowErasuresRequest { controller, categories, purpose, case, count: number, hours, reason, approval };
    let allowed = session.allow_erasures(&request).await?;
    prove(&vault).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&Report {
            count: allowed.count,
            until_ms: allowed.until_ms,
            log: allowed.logged.into(),
        });
    }
    let more = count(allowed.count.into(), "more erasure", "more erasures");
    desk.screen.line([
        green("Allowed"),
        plain(format!(" {more} until {}.  ", moment(allowed.until_ms))),
        in_log(&allowed.logged),
    ])
}
