//! A legal hold as it is kept: at the locator of the person in the controller's audit category, so that nothing of it can be
//! joined with the rows of any category, and sealed under the controller's unattributed key, so that whoever writes to the
//! disk makes none up.

use coffer_keys::{Altered, AuditKey, Context, Label};
use coffer_wire::approvals::Person;
use coffer_wire::holds::HoldId;
use coffer_wire::{ExternalId, Name};
use serde::{Deserialize, Serialize};

use crate::clock::Period;
use crate::store::meta;

/// Rows are padded to at least this, so that most have one size.
const BYTES_MIN: usize = 512;
/// Bytes of a locator, and of a hold's name.
const HALF: usize = 16;

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Who is not to be erased.
    pub person: ExternalId,
    /// Why.
    pub reason: String,
    /// Since when, Unix time in milliseconds.
    pub set_ms: u64,
    /// Who set it.
    pub set_by: Person,
    /// When it ends by itself, Unix time in milliseconds.
    pub until_ms: Option<u64>,
}

/// Where a hold lies in the meta family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldAt {
    /// Whose data the person's are.
    pub controller: Name,
    /// The person's locator in the controller's audit category.
    pub locator: [u8; HALF],
    /// Which hold.
    pub id: HoldId,
}

impl HeldAt {
    /// What the keys of all holds of a controller begin with. No name has a colon, so that none begins another's.
    pub fn prefix(controller: Name) -> Vec<u8> {
        [meta::HOLD_PREFIX, controller.as_str().as_bytes(), b":"].concat()
    }

    /// The key.
    pub fn key(&self) -> Vec<u8> {
        [HeldAt::prefix(self.controller), self.locator.to_vec(), self.id.0.to_vec()].concat()
    }

    /// The place that a key names.
    pub fn of(key: &[u8]) -> Option<HeldAt> {
        let (rest, id) = key.strip_prefix(meta::HOLD_PREFIX)?.split_last_chunk::<HALF>()?;
        let (controller, locator) = rest.split_last_chunk::<HALF>()?;
        let controller = Name::new(std::str::from_utf8(controller.strip_suffix(b":")?).ok()?).ok()?;
        Some(HeldAt { controller, locator: *locator, id: HoldId(*id) })
    }
}

impl Held {
    /// The half-year of whose key a stored one is sealed.
    pub fn period(stored: &[u8]) -> Option<Period> {
        Period::of_code(stored.first_chunk()?)
    }

    /// Opens a stored one, under the controller's unattributed key of [`Held::period`].
    pub fn open(at: &HeldAt, key: &AuditKey, stored: &[u8]) -> Result<Held, Altered> {
        let plain = key.open(&context(at), stored.get(3..).ok_or(Altered)?)?;
        serde_json::from_slice(plain.as_bytes()).map_err(|_| Altered)
    }

    /// The row's bytes. None without randomness.
    pub fn seal(&self, at: &HeldAt, key: &AuditKey, period: Period) -> Option<Vec<u8>> {
        let plain = serde_json::to_vec(self).ok()?;
        let sealed = key.seal(&context(at), &plain, BYTES_MIN).ok()?;
        Some([&period.code()[..], &sealed].concat())
    }
}

/// What a hold is sealed to: its place.
fn context(at: &HeldAt) -> Context {
    Context::new(Label::Private).text("hold").part(&at.key())
}
