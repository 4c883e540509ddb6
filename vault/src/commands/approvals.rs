//! What admins have approved for a vault that is not open: files, each signed with the key of an application's
//! certificate, held against what is about to be done.

use std::path::PathBuf;
use std::time::Duration;

use coffer_keys::RootKey;
use coffer_vault::admit::{Gate, PeerCertificate, approval};
use coffer_vault::cards;
use coffer_vault::clock::{Clock, System};
use coffer_vault::config::Config;
use coffer_vault::listen::is_clients;
use coffer_vault::serve::House;
use coffer_vault::store::Engine;
use coffer_wire::Hash;
use coffer_wire::approval::{APPROVAL_MS_MAX, Approval, Request};
use rustls::pki_types::UnixTime;

use super::exit::{Failure, Status};

/// Clocks of admin and operator may differ by this much, in milliseconds.
const CLOCKS_MS: u64 = 5 * 60 * 1_000;

/// What was approved, by whom and why, for the log.
pub struct Approved {
    /// SHA-256 of the approval files, one after the other.
    pub permitted_by: Hash,
    /// In words: applications and reasons.
    pub words: String,
}

/// What approvals are held against.
pub struct Judge<'a> {
    pub config: &'a Config,
    /// The store whose policy in force says who is an admin.
    pub engine: &'a dyn Engine,
    pub root: &'a RootKey,
}

/// One file as it was read.
struct Signed {
    text: String,
    approval: Approval,
    application: String,
}

impl Judge<'_> {
    /// Holds the files against what is about to be done: each asks for this and no other, counts now, and is signed at an
    /// application at which security admins work; and there are as many keys under them as the act needs.
    pub fn approved(&self, request: &Request, files: &[PathBuf]) -> Result<Approved, Failure> {
        let signed = files.iter().map(|file| self.signed(request, file)).collect::<Result<Vec<_>, _>>()?;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for one in &signed {
            let key = approval::public_key(&one.approval).ok_or_else(unsigned)?;
            if keys.contains(&key) {
                return Err(refused("approval_twice", "two of the approvals are signed with the same key"));
            }
            keys.push(key);
        }
        let needed = request.act.approvers();
        if signed.len() < needed {
            let act = request.act.as_str();
            let why = format!("`{act}` needs the approval of {needed} admins, each with a certificate of their own");
            return Err(refused("approval_needed", &why));
        }
        let texts: Vec<&[u8]> = signed.iter().map(|one| one.text.as_bytes()).collect();
        let words: Vec<String> =
            signed.iter().map(|one| format!("by {}: {}", one.application, one.approval.reason)).collect();
        Ok(Approved { permitted_by: Hash::sha256(&texts.concat()), words: words.join("; ") })
    }

    fn signed(&self, request: &Request, file: &PathBuf) -> Result<Signed, Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| Failure::io(file.display(), error))?;
        let (approval, signed, signature) = Approval::parse(&text).map_err(Failure::config)?;
        let application = self.approver(&approval, signed, &signature)?;
        if approval.request != *request {
            let why = "it was given for another act, home, head or checkpoint than are there now";
            return Err(refused("approval_other", why));
        }
        if cards::found_in(&approval.reason) {
            return Err(refused("card_number", "a payment card number stands in its reason, which the log would keep"));
        }
        Ok(Signed { approval, application, text })
    }

    /// The application whose key signed, if it is one at which security admins work, now as the approval counts.
    fn approver(&self, approval: &Approval, signed: &str, signature: &[u8]) -> Result<String, Failure> {
        let now_ms = System.now_ms();
        let lasts = approval.expires_ms.checked_sub(approval.made_ms).is_some_and(|lasts| lasts <= APPROVAL_MS_MAX);
        let counts = now_ms.saturating_add(CLOCKS_MS) >= approval.made_ms && now_ms < approval.expires_ms;
        if !lasts || !counts {
            let why = "it counts no longer, not yet, or for longer than an approval may";
            return Err(refused("approval_expired", why));
        }
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
        let known = is_clients(&self.config.listen, &approval.certificate, now).map_err(Failure::config)?;
        if !known || !approval::is_signed(approval, signed, signature) {
            return Err(unsigned());
        }
        let in_force = House::in_force(self.config, self.engine, self.root).map_err(Failure::config)?;
        let gate = Gate::new(self.config, in_force).map_err(Failure::config)?;
        let peer = PeerCertificate::parse(&approval.certificate).map_err(|_| unsigned())?;
        let caller = gate.admit(&peer, None, now_ms);
        let caller =
            caller.map_err(|refusal| refused(refusal.code.as_str(), "its certificate is not one that counts"))?;
        if !gate.is_admins(&caller.application()) {
            let why = "its certificate is of an application at which no security admin works";
            return Err(refused("forbidden_application", why));
        }
        Ok(caller.application().to_string())
    }
}

fn unsigned() -> Failure {
    refused("approval_unsigned", "it is not signed with the key of a certificate of this vault's clients")
}

/// Nothing was done, for a reason that programs may compare.
pub fn refused(code: &str, why: &str) -> Failure {
    Failure::new(Status::Failed, format!("{code}: {why}; nothing was changed"))
}
