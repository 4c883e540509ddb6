//! What changes beside a running vault: certificates and the issuers' keys, in files that somebody
//! replaces. They are looked at every few seconds, and at once on SIGHUP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coffer_vault::listen::{Listener, TlsFiles};
use coffer_vault::serve::{Door, House, Upkeep};

use super::memory;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often what is remembered of requests is looked through for what is over.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// Looks after the files of an open vault.
pub struct Keeper {
    files: TlsFiles,
    next: Instant,
    next_sweep: Instant,
}

impl Keeper {
    pub fn new(files: TlsFiles) -> Keeper {
        Keeper { files, next: Instant::now(), next_sweep: Instant::now() }
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
        house.end_log_keys().await;
        let ended = house.end_approvals().await;
        tracing::info!(ended, "requests for a second person had come to their end");
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

/// Files that could not be taken.
fn issuers(house: &Arc<House>) -> Vec<String> {
    let reloaded = house.reload_issuers();
    if reloaded.changed {
        tracing::warn!("the keys of issuers have changed; every token is verified again");
    }
    reloaded.failed.iter().map(ToString::to_string).collect()
}
