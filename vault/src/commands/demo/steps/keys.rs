//! Who looks after the keys sees keys, and no data.

use coffer_client::ask;
use coffer_client::wire::api::KeysAnswer;
use coffer_wire::problem::Code;

use super::super::cast::{Cast, NO_RECORD, OAKVALE};
use super::super::desks::DESKS;
use super::super::stage::Stage;
use super::super::tell::Tell;
use super::super::told::{NotAsTold, expect, refused};

const ADMIN: &str = "security admin";
/// Keys of categories, at the least: one of each for each of two landlords.
const CATEGORY_KEYS_MIN: usize = 2 * DESKS.len();

/// How many keys there are.
pub struct Keys {
    pub listed: usize,
    pub personal: u64,
}

pub async fn told(stage: &Stage, tell: &mut Tell, cast: &Cast) -> Result<Keys, NotAsTold> {
    tell.chapter("Who looks after the keys reads no data");
    tell.step(ADMIN, "lists the keys, without their material");
    let admin = stage.staff("security-admin")?.for_controller(OAKVALE)?;
    let keys = admin.keys().await?;
    expect(of_kind(&keys, "category") >= CATEGORY_KEYS_MIN, "each category of each landlord has a key")?;
    tell.granted(None, format!("{} keys, and {} of persons and staff", keys.keys.len(), keys.personal));

    let bank = || ask::masked("bank", &cast.tenant, NO_RECORD, &["account_number"]);
    tell.step(ADMIN, "reads a record through the console");
    let asked = admin.for_purpose("payments")?.read(bank()?).await;
    tell.refused(&refused(asked, Code::ForbiddenApplication)?);

    tell.step(ADMIN, "tries through the rents desk");
    let admin = stage.somebody("security-admin", "rents-desk", &[OAKVALE])?.for_controller(OAKVALE)?;
    let asked = admin.for_purpose("payments")?.read(bank()?).await;
    tell.refused(&refused(asked, Code::ForbiddenRole)?);
    Ok(Keys { listed: keys.keys.len(), personal: keys.personal })
}

fn of_kind(keys: &KeysAnswer, kind: &str) -> usize {
    keys.keys.iter().filter(|key| key.kind == kind).count()
}
