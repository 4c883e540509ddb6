//! `coffer keys rotate`: new versions at once, and then how far the jobs are that move what lies under the old ones. The jobs are
//! the vault's: who stops waiting leaves them running.

use std::time::Duration;

use coffer_wire::api::{JobInfo, RotateAnswer, RotateRequest};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::args::RotateKeys;
use crate::connect::{Desk, Long, prove};
use crate::failure::Failure;
use crate::output::{faint, grouped, note, plain, red};
use crate::stop::Stop;

/// How often is asked how far they are: each time leaves a leaf in the log.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// A key that has a new version, as JSON.
#[derive(Serialize)]
struct Begun<'a> {
    controller: &'a str,
    category: &'a str,
    version: u32,
    job: u64,
}

pub async fn run(desk: &Desk, args: RotateKeys) -> Result<(), Failure> {
    let wait = !args.no_wait;
    let stop = Stop::watch("the jobs go on in the vault; `coffer keys jobs` shows them")?;
    let mut long = desk.long()?;
    let answer = long.session().rotate_keys(&request(args)).await?;
    prove(&long.vault).await?;
    told(desk, &answer)?;
    if !wait || answer.rotated.is_empty() {
        return Ok(());
    }
    let jobs: Vec<u64> = answer.rotated.iter().map(|rotated| rotated.job).collect();
    follow(desk, &mut long, &stop, &jobs).await
}

fn request(args: RotateKeys) -> RotateRequest {
    let RotateKeys { category, controller, older_than, rate, deep, reason, .. } = args;
    RotateRequest { controller, category, older_than_days: older_than, rate, deep, reason }
}

fn told(desk: &Desk, answer: &RotateAnswer) -> Result<(), Failure> {
    for rotated in &answer.rotated {
        let (controller, category, version) = (rotated.controller, rotated.category, rotated.version);
        if desk.screen.is_json() {
            let (controller, category) = (controller.as_str(), category.as_str());
            desk.screen.json_line(&Begun { controller, category, version, job: rotated.job })?;
            continue;
        }
        let leaf = faint(format!("job {}", grouped(rotated.job)));
        desk.screen
            .line([plain(format!("{category} of {controller}: version {version} wraps what is new; ")), leaf])?;
    }
    for left in &answer.left {
        note(format!("{} of {} was left as it is: {}", left.category, left.controller, left.code.title()));
    }
    if answer.rotated.is_empty() && !desk.screen.is_json() {
        desk.screen.line([faint("no key was old enough")])?;
    }
    Ok(())
}

/// Until all of them have ended, or nobody waits any more.
async fn follow(desk: &Desk, long: &mut Long<'_>, stop: &Stop, jobs: &[u64]) -> Result<(), Failure> {
    let bar = progress();
    loop {
        let answer = long.call(stop, async |session| session.key_jobs().await).await?;
        let mine: Vec<&JobInfo> = answer.jobs.iter().filter(|job| jobs.contains(&job.job)).collect();
        bar.set_length(mine.iter().filter_map(|job| job.total).sum());
        bar.set_position(mine.iter().map(|job| job.done).sum());
        if desk.screen.is_json() {
            mine.iter().try_for_each(|job| desk.screen.json_line(job))?;
        }
        if mine.iter().all(|job| job.state != "running") {
            bar.finish_and_clear();
            return ended(desk, &mine);
        }
        if stop.asked().await {
            bar.finish_and_clear();
            return Ok(());
        }
        stop.pause(ASK_EVERY).await;
    }
}

fn ended(desk: &Desk, jobs: &[&JobInfo]) -> Result<(), Failure> {
    let stuck: u64 = jobs.iter().map(|job| job.left).sum();
    if !desk.screen.is_json() {
        let done = jobs.iter().map(|job| job.done).sum();
        let records: Option<u64> = jobs.iter().map(|job| job.records).sum();
        let moved = match records {
            None => format!("{} keys moved; ", grouped(done)),
            Some(records) => {
                format!("{} records sealed again under new keys, {} keys ended; ", grouped(records), grouped(done))
            }
        };
        let left =
            if stuck == 0 { plain("nothing is left under the old versions") } else { red("not all could be moved") };
        desk.screen.line([plain(moved), left])?;
    }
    match stuck {
        0 => Ok(()),
        _ => Err(Failure::check(
            "job_stuck",
            format!("{} keys do not open and lie where they lay", grouped(stuck)),
            "have the operator run `coffer-vault check`",
        )),
    }
}

/// Drawn on standard error, and only where that is a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} keys, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
