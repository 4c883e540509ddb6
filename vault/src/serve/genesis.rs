//! Policy and schema as files that are proposed, activated and kept; and the first activation, which
//! makes the keys and the log of a new vault.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use coffer_keys::RootKey;
use coffer_wire::Name;
use coffer_wire::api::files_hash;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::note::VerifierKey;
use coffer_wire::private::Private;
use subtle::ConstantTimeEq;

use super::house::{HouseError, controllers, families, log_place};
use crate::admit::{InForce, Policy};
use crate::clock::{Clock, Forward, Period};
use crate::config::{Config, FileError, SCHEMA_DIR};
use crate::keyring::{
    Audited, Created, Keyring, KeyringError, Line, LogKeys, Voucher, audit_category, create_line, create_log_key,
    in_force_tag,
};
use crate::ledger::{About, Circumstances, Detail, Entry, Ledger, Submission, has_leaves};
use crate::schema::Schema;
use crate::store::{Batch, Engine, Family, format, meta};

/// File names and texts.
type Files = BTreeMap<String, String>;

/// The files of a policy and a schema that go together.
#[derive(Clone, Default)]
pub struct Proposal {
    /// Rises by one with each activation.
    pub epoch: u32,
    /// `access.toml`.
    pub access: Files,
    /// One file a category.
    pub schema: Files,
}

/// Why files are no proposal.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// There must be exactly one `access.toml`.
    #[error("a policy is one file, access.toml")]
    Access,
}

impl Proposal {
    /// The files of a home directory: `access.toml` and `schema/*.toml`.
    pub fn of_home(home: &Path) -> Result<Proposal, ProposalError> {
        let access = home.join("access.toml");
        Ok(Proposal {
            epoch: 1,
            access: [("access.toml".to_owned(), read(&access)?)].into(),
            schema: read_folder(&home.join("schema"))?,
        })
    }

    /// What was last activated, if the store is to be believed: [`check`](Proposal::check).
    pub(super) fn stored(engine: &dyn Engine) -> Result<Proposal, HouseError> {
        let get = |key| engine.get(Family::Meta, key)?.ok_or(HouseError::InForce);
        let files = |bytes: Vec<u8>| serde_json::from_slice(&bytes).map_err(|_| HouseError::InForce);
        let epoch = get(meta::EPOCH)?.try_into().map_err(|_| HouseError::InForce)?;
        Ok(Proposal {
            epoch: u32::from_be_bytes(epoch),
            access: files(get(meta::ACCESS)?)?,
            schema: files(get(meta::SCHEMA)?)?,
        })
    }

    /// Reads and checks the files.
    pub(super) fn in_force(&self, config: &Config) -> Result<InForce, HouseError> {
        let files: Vec<(String, String)> = self.schema.clone().into_iter().collect();
        let schema = Schema::read(&files)?;
        let (1, Some((file, text))) = (self.access.len(), self.access.first_key_value()) else {
            return Err(ProposalError::Access.into());
        };
        let policy = Policy::read(text, file, &schema, config)?;
        Ok(InForce { epoch: self.epoch, schema, policy })
    }

    /// What keeps the files from coming into force in an empty vault: the first mistake of each file of
    /// the schema; where there is none, that of the schema as a whole, or of the policy, which can be
    /// read only beside a schema.
    pub fn mistakes(&self, config: &Config) -> Vec<FileError> {
        let named = |(file, text): (&String, &String)| (format!("{SCHEMA_DIR}/{file}"), text.clone());
        let files: Vec<(String, String)> = self.schema.iter().map(named).collect();
        let each: Vec<_> = files.iter().filter_map(|file| Schema::read(std::slice::from_ref(file)).err()).collect();
        if !each.is_empty() {
            return each;
        }
        let policy = |schema: Schema| {
            let mut files = self.access.iter();
            files.try_for_each(|(file, text)| Policy::read(text, file, &schema, config).map(drop))
        };
        Schema::read(&files).and_then(policy).err().into_iter().collect()
    }

    /// The rows that keep it. `vault`: the vault's own audit line, whose locator key vouches for them.
    pub(super) fn put(&self, batch: &mut Batch, vault: &Line) {
        for (key, files) in [(meta::ACCESS, &self.access), (meta::SCHEMA, &self.schema)] {
            batch.put(Family::Meta, key, encode(files));
        }
        batch.put(Family::Meta, meta::EPOCH, self.epoch.to_be_bytes());
        batch.put(Family::Meta, meta::IN_FORCE, self.tag(vault));
    }

    /// Whether it was this vault that put it in force: whoever writes to the disk must not write rights.
    pub(super) fn check(&self, engine: &dyn Engine, vault: &Line) -> Result<(), HouseError> {
        let stored = engine.get(Family::Meta, meta::IN_FORCE)?.ok_or(HouseError::InForce)?;
        let vouched = bool::from(self.tag(vault).as_slice().ct_eq(&stored));
        if vouched { Ok(()) } else { Err(HouseError::InForce) }
    }

    fn tag(&self, vault: &Line) -> [u8; 16] {
        in_force_tag(vault, self.epoch, &files_hash(&self.access), &files_hash(&self.schema))
    }
}

fn encode(files: &Files) -> Vec<u8> {
    serde_json::to_vec(files).unwrap_or_default()
}

fn read(path: &Path) -> Result<String, ProposalError> {
    std::fs::read_to_string(path).map_err(|error| ProposalError::Io(path.display().to_string(), error))
}

fn read_folder(folder: &Path) -> Result<Files, ProposalError> {
    let failed = |error| ProposalError::Io(folder.display().to_string(), error);
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".toml") {
            files.insert(name, read(&path)?);
        }
    }
    Ok(files)
}

/// Makes a new vault in an empty store: all keys, the log with its first leaves, and policy and
/// schema in force, in one batch. The head file must not exist yet. Returns the log's public key.
pub fn init(
    config: &Config,
    engine: &Arc<dyn Engine>,
    clock: &Arc<dyn Clock>,
    root: &RootKey,
    proposal: &Proposal,
) -> Result<VerifierKey, HouseError> {
    let in_force = proposal.in_force(config)?;
    engine.ensure(&families(&in_force))?;
    let clock = Arc::new(Forward::new(Arc::clone(clock)));
    let now_ms = clock.now_ms();
    let mut batch = Batch::new();
    format::mark(&mut batch);
    let mut made = Vec::new();
    let mut audit_lines = Vec::new();
    for controller in controllers(config) {
        for category in categories_of(controller, &in_force) {
            let (line, created) = create_line(root, controller, category, now_ms, &mut batch)?;
            made.extend(created);
            if category == audit_category() {
                audit_lines.push(line);
            }
        }
    }
    let at = audit_lines.iter().position(|line| *line.controller() == VAULT).ok_or(HouseError::NotMade)?;
    let vault = &audit_lines[at];
    let (log_key, created) = create_log_key(root, vault, 1, now_ms, &mut batch)?;
    let keys = LogKeys::new(created.id, created.version, log_key);
    made.insert(0, created);
    proposal.put(&mut batch, vault);
    let period = Period::of(now_ms);
    let first = first_leaves(&audit_lines, period, proposal, &made, batch)?;
    let voucher = Voucher::new(audit_lines.swap_remove(at));
    Ok(Ledger::create(engine, &clock, &log_place(config), (keys, voucher), first)?)
}

/// The categories in which a controller has keys. The vault keeps no data, and has its audit keys alone.
fn categories_of(controller: Name, in_force: &InForce) -> impl Iterator<Item = Name> + '_ {
    in_force.schema.iter().map(|category| category.name).filter(move |_| controller != VAULT).chain([audit_category()])
}

/// Keys for the controllers that were added to coffer.toml since the vault was last opened, with their rows. One of whom the
/// log speaks, or who has some of the keys, had all of them: then they were lost, and new ones would hide that.
pub(super) fn lines_of_new(
    config: &Config,
    in_force: &InForce,
    engine: &dyn Engine,
    keyring: &Keyring,
    (root, now_ms): (&RootKey, u64),
    batch: &mut Batch,
) -> Result<(Vec<Line>, Vec<Created>), HouseError> {
    let (mut lines, mut made) = (Vec::new(), Vec::new());
    for controller in controllers(config) {
        let (there, missing): (Vec<Name>, Vec<Name>) =
            categories_of(controller, in_force).partition(|category| keyring.line(&controller, category).is_some());
        let Some(first) = missing.first() else { continue };
        if !there.is_empty() || has_leaves(engine, &controller)? {
            return Err(KeyringError::LineMissing { controller, category: *first }.into());
        }
        for category in missing {
            let (line, created) = create_line(root, controller, category, now_ms, batch)?;
            lines.push(line);
            made.extend(created);
        }
    }
    Ok((lines, made))
}

/// Leaf 0 opens the log; then a leaf for each key, and one each for policy and schema.
fn first_leaves(
    audit_lines: &[Line],
    period: Period,
    proposal: &Proposal,
    made: &[Created],
    mut batch: Batch,
) -> Result<Submission, HouseError> {
    let vault = audit_lines.iter().find(|line| *line.controller() == VAULT).ok_or(HouseError::NotMade)?;
    let whom = Audited::Unattributed(period.as_str());
    // The store is new: there is nothing in it that this could rely on.
    let (id, key) = vault.make_audit(whom, &mut batch, &mut Vec::new())?;
    let about = About::Unattributed { key: &key, person: None };
    let common = Circumstances::of_the_vault(VAULT, period, proposal.epoch);
    let leaf =
        |action, detail, private| Entry::own(action, &common, about, detail, private).map_err(|_| HouseError::NotMade);
    let note = Private { made: vec![id.to_string()], ..Private::default() };
    let mut submission =
        Submission::unbound(leaf(Action::LogOpen, Detail::default(), note)?).with_rows(batch, Vec::new());
    for created in made {
        let (detail, private) = key_detail(created);
        submission = submission.and(leaf(Action::KeyCreate, detail, private)?);
    }
    for (action, files) in [(Action::SchemaApply, &proposal.schema), (Action::AccessApply, &proposal.access)] {
        let detail = Detail { written: Some(files_hash(files)), ..Detail::default() };
        submission = submission.and(leaf(action, detail, Private::default())?);
    }
    Ok(submission)
}

/// What the leaf of a new key says: category and version in clear, id and use in private.
pub(super) fn key_detail(created: &Created) -> (Detail, Private) {
    let detail = Detail { category: Some(created.category), version: Some(created.version), ..Detail::default() };
    let private = Private {
        made: vec![created.id.to_string()],
        note: Some(format!("{} key of {}", created.usage.as_str(), created.controller)),
        ..Private::default()
    };
    (detail, private)
}
