//! `coffer unseal`: a sealed vault is opened, or is handed a share.

use coffer_client::{Builder, Error, Value, Vault};
use coffer_wire::api::{Shares, UnsealAnswer};
use coffer_wire::problem::Code;

use crate::args::Share;
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, count, faint, green, plain};

pub async fn run(desk: &Desk, args: &Share) -> Result<(), Failure> {
    let vault = desk.configured(Builder::build)?;
    let given = args.share_file.as_deref().map(|path| desk.inputs.share(path)).transpose()?;
    let answer = unseal(desk, &vault, given).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    match &answer.shares {
        None => desk.screen.line([green("The vault is open.")]),
        Some(shares) => desk.screen.line(gathered(shares)),
    }
}

/// What the vault is given: first nothing, where no share was named, as most seals need none; then what is typed.
async fn unseal(desk: &Desk, vault: &Vault, given: Option<Value>) -> Result<UnsealAnswer, Failure> {
    let named = given.is_some();
    match vault.unseal(given).await {
        Err(error) if !named && needs_share(&error) => Ok(vault.unseal(Some(desk.inputs.typed_share().await?)).await?),
        answer => Ok(answer?),
    }
}

/// Whether the vault wants a share and was given none.
pub fn needs_share(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| refusal.code == Code::ShareMissing)
}

/// How far shares are gathered.
pub fn gathered(shares: &Shares) -> Vec<Piece> {
    let missing = u64::from(shares.needed.saturating_sub(shares.have));
    let set = shares.set.as_ref().map_or_else(String::new, |set| format!("  set {set}"));
    vec![
        plain(format!("{} of {} shares are there, ", shares.have, shares.needed)),
        plain(format!("{} missing.", count(missing, "is", "are"))),
        faint(set),
    ]
}
