//! `keys/jobs`: how far what rotations have begun is.

use std::sync::Arc;

use coffer_wire::api::{Empty, JobInfo, JobsAnswer};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;

use super::answer::{Answered, body};
use super::{House, Incoming, manage};
use crate::jobs::{self, JobRow, Kind, Progress};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let _: Empty = manage::read(&house, &incoming, Action::KeysJobs, true).await?;
    manage::record(&house, &incoming, Action::KeysJobs, Private::default()).await?;
    let listed = jobs::list(&*house.engine).map_err(manage::unread)?;
    body(&JobsAnswer { jobs: listed.into_iter().map(|job| info(job.id, job.row)).collect() })
}

fn info(job: u64, row: JobRow) -> JobInfo {
    let kind = match row.kind {
        Kind::Rewrap => "rewrap",
        Kind::Reseal => "reseal",
    };
    let state = match row.progress {
        Progress::Running => "running",
        Progress::Done => "done",
        Progress::Stuck => "stuck",
    };
    JobInfo {
        job,
        kind: kind.to_owned(),
        state: state.to_owned(),
        controller: row.controller,
        category: row.category,
        rate: row.rate,
        total: row.total,
        done: row.done,
        records: (row.kind == Kind::Reseal).then_some(row.records),
        left: row.left,
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
    }
}
