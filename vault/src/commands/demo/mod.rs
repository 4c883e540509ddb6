//! `coffer-vault demo`: the whole story on sample data. A vault for two landlords is made, filled by
//! the desks that hold the data, used, misused, audited, and at last tampered with; each step is checked as it is told.

mod cast;
mod desks;
mod import;
mod keep;
mod log_copy;
mod sample;
mod stage;
mod steps;
mod summary;
mod tamper;
mod tell;
mod told;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use tempfile::TempDir;

use super::dev::{self, ThrowAway};
use super::exit::{Failure, Status};
use super::{init, memory, serve};
use cast::Cast;
use sample::Sample;
use stage::Stage;
use summary::Figures;
use tell::Tell;
use told::NotAsTold;

#[derive(Args)]
pub struct Demo {
    /// Where to make the vault; it stays there (left out: a temporary folder, removed at the end)
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Leave the vault running until Ctrl-C, and print commands to try on it
    #[arg(long)]
    keep: bool,
}

/// Tells the story; fails at the first step that is not as told.
pub fn run(args: &Demo, json: bool) -> Result<(), Failure> {
    memory::harden().map_err(|error| Failure::io("process limits", error))?;
    let begun = Instant::now();
    let folder = Folder::of(args)?;
    let mut tell = Tell::new(json);
    tell.opening();
    let vault = dev::start(&folder.path().join("home"), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
    dev::tokens(&vault.config, &vault.home.join("tokens"))?;
    let (figures, cast) = perform(&mut tell, async |tell| story(&vault, tell, begun).await)?;
    summary::table(&figures, &tell);
    let port = vault.served.listener.address().port();
    let ThrowAway { home, served, .. } = vault;
    serve::stop(served);
    // On copies: what the story has left stays whole.
    let copies = tempfile::tempdir_in(folder.path()).map_err(|error| Failure::io("folder for copies", error))?;
    perform(&mut tell, async |tell| steps::tampering::told(&home, copies.path(), tell).await)?;
    drop(copies);
    if !args.keep {
        summary::end(&figures, &tell, None);
        return Ok(());
    }
    let vault = dev::reopen(&home, port)?;
    let tries = keep::prepare(&vault, &cast)?;
    summary::end(&figures, &tell, Some((&vault, &tries)));
    keep::until_stopped(vault, &tries, &folder, &tell)
}

/// Where the vault lives: removed at the end, unless the place was chosen.
pub enum Folder {
    Temporary(TempDir),
    Chosen(PathBuf),
}

impl Folder {
    fn of(args: &Demo) -> Result<Folder, Failure> {
        match &args.dir {
            Some(dir) => Ok(Folder::Chosen(init::absolute(dir)?)),
            None => {
                let made = tempfile::Builder::new().prefix("coffer-demo-").tempdir();
                made.map(Folder::Temporary).map_err(|error| Failure::io("temporary folder", error))
            }
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Folder::Temporary(dir) => dir.path(),
            Folder::Chosen(path) => path,
        }
    }
}

/// Tells a part of the story, until its end or Ctrl-C.
fn perform<T>(tell: &mut Tell, part: impl AsyncFnOnce(&mut Tell) -> Result<T, NotAsTold>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("runtime", error))?;
    let told = runtime.block_on(async {
        tokio::select! {
            told = part(tell) => told,
            _ = tokio::signal::ctrl_c() => Err(NotAsTold::new("it was interrupted")),
        }
    });
    told.map_err(|why| Failure::new(Status::Failed, format!("the demo is not as told at \"{}\": {why}", tell.now())))
}

async fn story(vault: &ThrowAway, tell: &mut Tell, begun: Instant) -> Result<(Figures, Cast), NotAsTold> {
    let sample = Sample::read()?;
    let cast = Cast::of(&sample)?;
    let stage = Stage::new(vault)?;
    tell.vault(vault);
    let imported = import::all(&stage, tell, &sample).await?;
    steps::bank::told(&stage, tell, &sample, &cast).await?;
    steps::care::told(&stage, tell, &sample, &cast).await?;
    steps::consent::told(&stage, tell, &sample).await?;
    steps::doors::told(&stage, tell, &cast).await?;
    let twins = steps::landlords::told(&stage, tell, &sample, &cast).await?;
    steps::erasure::told(&stage, tell, &cast).await?;
    let keys = steps::keys::told(&stage, tell, &cast).await?;
    let tally = steps::audit::told(&stage, tell, &sample, twins).await?;
    Ok((Figures::new(tally, keys, imported, begun.elapsed()), cast))
}
