//! `coffer keys jobs`: how far what rotations have begun is.

use coffer_wire::api::JobInfo;

use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, faint, green, grouped, maybe, plain, red};
use crate::time::moment;

pub async fn run(desk: &Desk) -> Result<(), Failure> {
    let (_, session) = desk.session()?;
    let answer = session.key_jobs().await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    if answer.jobs.is_empty() {
        return desk.screen.line([faint("no key was rotated yet")]);
    }
    let rows = answer.jobs.iter().map(row).collect();
    desk.screen
        .table(["job", "kind", "controller", "category", "state", "moved", "of", "a second", "begun", "ended"], rows)
}

fn row(job: &JobInfo) -> [Piece; 10] {
    [
        plain(job.job),
        plain(&job.kind),
        plain(job.controller),
        plain(job.category),
        state(&job.state),
        plain(grouped(job.done)),
        maybe(job.total.map(grouped)),
        plain(grouped(job.rate.into())),
        plain(moment(job.started_ms)),
        maybe(job.ended_ms.map(moment)),
    ]
}

fn state(state: &str) -> Piece {
    match state {
        "done" => green(state),
        "stuck" => red(state),
        _ => plain(state),
    }
}
