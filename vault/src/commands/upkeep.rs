//! What changes beside a running vault: certificates and the issuers' keys, in files that somebody
//! replaces. They are looked at every few seconds, and at once on SIGHUP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_vault::listen::{Listener, TlsFiles};
use coffer_vault::serve::{Door, House, Upkeep};
use coffer_vault::store::Family;
use coffer_vault::store::rocks::Rocks;
use tokio::task::JoinHandle;

use super::live::has_copies;

use super::memory;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often what is remembered of requests is looked through for what is over.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long after an erase the store's files are written anew at the latest, and how long after a failure: half of the
/// ten minutes that a certificate may take to say `destroyed`.
const END_BYTES_EVERY: Duration = Duration::from_secs(5 * 60);

/// Looks after the files of an open vault.
pub struct Keeper {
    files: TlsFiles,
    next: Instant,
    next_sweep: Instant,
    next_end: Option<Instant>,
    ending: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn new(files: TlsFiles) -> Keeper {
        Keeper { files, next: Instant::now(), next_sweep: Instant::now(), next_end: None, ending: None }
    }

    /// Forgets requests whose time is over, if it is time to look for them.
    pub async fn sweep_now_and_then(&mut self, door: &Door) {
        let Some(house) = door.house() else { return };
        if Instant::now() < self.next_sweep {
            return;
        }
        self.next_sweep = Instant::now() + SWEEP_EVERY;
        let forgotten = house.forget_requests().await;
        tracing::info!(forgotten, "requests with an idempotency key were forgotten, by their rows");
        house.forget_erasures().await;
        house.end_log_keys().await;
        let ended = house.end_approvals().await;
        tracing::info!(ended, "requests for a second person had come to their end");
    }

    /// Has the store's files written anew that may hold bytes of destroyed keys, if it is time to. On a task of its own: reads
    /// go on meanwhile.
    pub fn end_bytes_now_and_then(&mut self, door: &Door, store: Option<Arc<Rocks>>) {
        let (Some(house), Some(store)) = (door.house(), store) else { return };
        if self.ending.as_ref().is_some_and(|ending| !ending.is_finished()) || !house.has_bytes_to_end() {
            return;
        }
        if Instant::now() < *self.next_end.get_or_insert_with(|| Instant::now() + END_BYTES_EVERY) {
            return;
        }
        self.next_end = None;
        self.ending = Some(tokio::spawn(async move { end_bytes(&house, store).await }));
    }

    /// Looks, if it is time to.
    pub fn look_now_and_then(&mut self, listener: &Listener, door: &Door) {
        if Instant::now() >= self.next {
            self.look(listener, door);
        }
    }

    /// Looks. What has changed and can be used counts from now on; what cannot is told in the log and in `status`.
    pub fn look(&mut self, listener: &Listener, door: &Door) {
        self.next = Instant::now() + LOOK_EVERY;
        door.forget_shares();
        let certificates = self.certificates(listener).err();
        let Some(house) = door.house() else {
            return certificates.iter().for_each(|why| tracing::error!("not taken: {why}"));
        };
        let failed = certificates.into_iter().chain(issuers(&house));
        let not_taken: Vec<String> =
            failed.map(|why| format!("not taken, what was there before still counts: {why}")).collect();
        if not_taken != house.upkeep().not_taken {
            not_taken.iter().for_each(|why| tracing::error!("{why}"));
        }
        house.set_upkeep(Upkeep {
            certificate_not_after_ms: Some(self.files.not_after_ms()),
            not_taken,
            memory: memory::warning(),
        });
    }

    fn certificates(&mut self, listener: &Listener) -> Result<(), String> {
        let Some(tls) = self.files.reload().map_err(|error| error.to_string())? else { return Ok(()) };
        listener.replace_tls(tls);
        tracing::warn!("the certificates have changed; new connections go by them");
        Ok(())
    }
}

async fn end_bytes(house: &Arc<House>, store: Arc<Rocks>) {
    let data = house.config.store.data.clone();
    let rewritten = move |families: Vec<Family>| {
        store.write_anew(&families).map_err(|error| error.to_string())?;
        if has_copies(&data) { Err("a copy of the store is looked at".to_owned()) } else { Ok(()) }
    };
    match house.end_bytes(rewritten).await {
        Ok(Some(before)) => tracing::info!(before, "no byte is left of keys that were destroyed before this leaf"),
        Ok(None) => {}
        Err(problem) => tracing::warn!(code = problem.code.as_str(), "bytes of destroyed keys could not be ended"),
    }
}

/// Files that could not be taken.
fn issuers(house: &Arc<House>) -> Vec<String> {
    let reloaded = house.reload_issuers();
    if reloaded.changed {
        tracing::warn!("the keys of issuers have changed; every token is verified again");
    }
    reloaded.failed.iter().map(ToString::to_string).collect()
}
