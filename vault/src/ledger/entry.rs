//! A leaf in the making: all of it but its head, with its private part sealed.

use std::collections::HashSet;
use std::ops::Range;

use coffer_keys::{AuditKey, Context, KeyId, Label};
use coffer_wire::leaf::{Action, Alias, Decision, Tail};
use coffer_wire::private::{Private, SALT_BYTES, commitment};
use coffer_wire::problem::Code;
use coffer_wire::{Hash, Name};
use ring::rand::{SecureRandom, SystemRandom};

use super::figures::Verdict;
use super::remembered::ToRemember;
use super::signers::NewKey;
use crate::admit::Permit;
use crate::clock::Period;
use crate::store::{Batch, Precondition};

/// Private parts are padded to at least this, so that most have one size.
const PRIVATE_BYTES_MIN: usize = 256;

/// A leaf could not be made: randomness failed, or the private part is larger than can be sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a leaf could not be made")]
pub struct NotMade;

/// A leaf without its head, ready for the sequencer.
pub struct Entry {
    pub(super) controller: Name,
    pub(super) tail: Vec<u8>,
    pub(super) private: Vec<u8>,
    pub(super) asked: [u8; 32],
    pub(super) row: Option<Hash>,
    pub(super) shown: Option<Shown>,
    pub(super) verdict: Verdict,
}

/// What the receipt of a grant shows beside the leaf.
pub(super) struct Shown {
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) private: Vec<u8>,
}

/// What is the same for all leaves of a request.
#[derive(Clone)]
pub struct Circumstances {
    /// Whose data it is about; the vault's own where the request names no controller that exists.
    pub controller: Name,
    /// The half-year that aliases are made for.
    pub period: Period,
    /// The application, once it is known.
    pub app: Option<Name>,
    /// The staff member, once known.
    pub actor: Option<Alias>,
    /// The policy epoch.
    pub policy: u32,
    /// The purpose that was named, where the schema in force has it.
    pub purpose: Option<Name>,
    /// What every private part of the request says alike: who, why, from where.
    pub private: Private,
}

/// Whom the leaf speaks of, and under whose key its private part is sealed.
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// A person with an audit key.
    Person(&'a AuditKey),
    /// A person without one, or nobody.
    Unattributed {
        /// The controller's key of the half-year.
        key: &'a AuditKey,
        /// The id that was asked for.
        person: Option<&'a str>,
    },
    /// A staff member, seen for the first time.
    Staff(&'a AuditKey),
}

/// How private parts are marked: under which key they lie. docs/FORMAT.md.
const CLASS_PERSON: u8 = 1;
const CLASS_UNATTRIBUTED: u8 = 2;
const CLASS_STAFF: u8 = 3;

/// What differs between the leaves of a request.
#[derive(Clone, Copy, Default)]
pub struct Detail {
    /// The category.
    pub category: Option<Name>,
    /// The version of record or key.
    pub version: Option<u32>,
    /// On writes and activations: the hash that the leaf names.
    pub written: Option<Hash>,
    /// On reads: the hash of what was read. Not in the leaf; compared when it is opened.
    pub read: Option<Hash>,
}

impl Entry {
    /// The leaf of something permitted.
    pub fn granted<A: crate::admit::Act>(
        permit: &Permit<A>,
        common: &Circumstances,
        about: About<'_>,
        detail: Detail,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let mut entry =
            Entry::build(permit.action(), Decision::Granted(permit.rule()), common, about, detail, private)?;
        entry.asked = *permit.digest();
        entry.row = detail.read;
        Ok(entry)
    }

    /// The leaf of a request for a second person, by the rule that permits the act.
    pub fn asking<A: crate::admit::Act>(
        permit: &Permit<A>,
        common: &Circumstances,
        about: About<'_>,
        detail: Detail,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let decision = Decision::Granted(permit.rule());
        let mut entry = Entry::build(Action::ApprovalAsk, decision, common, about, detail, private)?;
        entry.shown = None;
        Ok(entry)
    }

    /// The leaf of something that the vault itself does, such as creating a key.
    pub fn own(
        action: Action,
        common: &Circumstances,
        about: About<'_>,
        detail: Detail,
        private: Private,
    ) -> Result<Entry, NotMade> {
        Entry::build(action, Decision::Granted("vault"), common, about, detail, private)
    }

    /// The leaf of a refusal. Its receipt shows index and hash alone.
    pub fn refused(
        action: Action,
        code: Code,
        common: &Circumstances,
        about: About<'_>,
        category: Option<Name>,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let detail = Detail { category, ..Detail::default() };
        let mut entry = Entry::build(action, Decision::Refused(code), common, about, detail, private)?;
        entry.shown = None;
        Ok(entry)
    }

    /// The leaf of an outcome that is told again. `rule` is what permits the act today. Its receipt shows index and
    /// hash alone: what the caller gets are the receipts of the act itself.
    pub fn replayed(
        rule: &str,
        common: &Circumstances,
        about: About<'_>,
        detail: Detail,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let mut entry = Entry::build(Action::Replay, Decision::Granted(rule), common, about, detail, private)?;
        entry.shown = None;
        Ok(entry)
    }

    /// The second leaf of something permitted and recorded that did not open.
    pub fn failed(
        action: Action,
        code: Code,
        common: &Circumstances,
        about: About<'_>,
        category: Option<Name>,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let detail = Detail { category, ..Detail::default() };
        let mut entry = Entry::build(action, Decision::Failed(code), common, about, detail, private)?;
        entry.shown = None;
        Ok(entry)
    }

    fn build(
        action: Action,
        decision: Decision<'_>,
        common: &Circumstances,
        about: About<'_>,
        detail: Detail,
        private: Private,
    ) -> Result<Entry, NotMade> {
        let private = serde_json::to_vec(&common.complete(private)).map_err(|_| NotMade)?;
        let mut salt = [0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).map_err(|_| NotMade)?;
        let commit = commitment(&salt, &private);
        let tail = Tail {
            action,
            category: detail.category,
            purpose: common.purpose,
            decision,
            app: common.app,
            actor: common.actor,
            subject: about.alias(common, detail.category.as_ref()),
            version: detail.version,
            row: detail.written,
            policy: common.policy,
            commit,
        };
        Ok(Entry {
            controller: common.controller,
            tail: tail.encode(),
            private: about.seal_private(common, &commit, &salt, &private)?,
            asked: [0; 32],
            row: None,
            shown: Some(Shown { salt, private }),
            verdict: decision.into(),
        })
    }
}

impl Circumstances {
    /// Of something that the vault does by itself.
    pub fn of_the_vault(controller: Name, period: Period, policy: u32) -> Circumstances {
        let private = Private::default();
        Circumstances { controller, period, app: None, actor: None, policy, purpose: None, private }
    }

    /// A private part with what the request says of itself.
    fn complete(&self, own: Private) -> Private {
        Private {
            reason: own.reason.or_else(|| self.private.reason.clone()),
            case: own.case.or_else(|| self.private.case.clone()),
            address: self.private.address.clone(),
            request: self.private.request.clone(),
            actor: own.actor.or_else(|| self.private.actor.clone()),
            agreement: own.agreement.or_else(|| self.private.agreement.clone()),
            ..own
        }
    }
}

impl About<'_> {
    fn alias(&self, common: &Circumstances, category: Option<&Name>) -> Option<Alias> {
        let controller = common.controller.as_str();
        let category = category.map_or("", Name::as_str);
        let period = common.period.as_str();
        match self {
            About::Person(key) => Some(Alias(key.alias(controller, category, period))),
            About::Unattributed { key, person } => {
                person.map(|person| Alias(key.alias_of(controller, category, period, person)))
            }
            About::Staff(_) => None,
        }
    }

    fn seal_private(
        &self,
        common: &Circumstances,
        commit: &Hash,
        salt: &[u8; SALT_BYTES],
        private: &[u8],
    ) -> Result<Vec<u8>, NotMade> {
        let (class, key) = match self {
            About::Person(key) => (CLASS_PERSON, key),
            About::Unattributed { key, .. } => (CLASS_UNATTRIBUTED, key),
            About::Staff(key) => (CLASS_STAFF, key),
        };
        let plain = zeroize::Zeroizing::new([&salt[..], private].concat());
        let context = private_context(&common.controller, commit);
        let sealed = key.seal(&context, &plain, PRIVATE_BYTES_MIN).map_err(|_| NotMade)?;
        Ok([&[class][..], &common.period.code(), &sealed].concat())
    }
}

/// What a private part is sealed to: the leaf whose commitment names it.
fn private_context(controller: &Name, commit: &Hash) -> Context {
    Context::new(Label::Private).text(controller.as_str()).part(commit.as_bytes())
}

/// A stored private part, not yet open.
pub struct StoredPrivate<'a> {
    class: u8,
    period: Period,
    sealed: &'a [u8],
}

impl<'a> StoredPrivate<'a> {
    /// Reads the clear head of a row of the private family.
    pub fn parse(row: &'a [u8]) -> Option<StoredPrivate<'a>> {
        let (class, rest) = row.split_first()?;
        let (code, sealed) = rest.split_first_chunk::<3>()?;
        Some(StoredPrivate { class: *class, period: Period::of_code(code)?, sealed })
    }

    /// The half-year whose keys and aliases it was made with.
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// Whether it lies under the audit key of the person whom the leaf's alias names.
    pub fn is_of_a_person(&self) -> bool {
        self.class == CLASS_PERSON
    }

    /// Whether it lies under the controller's unattributed key of the half-year.
    pub fn is_unattributed(&self) -> bool {
        self.class == CLASS_UNATTRIBUTED
    }

    /// Opens it and holds it against the leaf's commitment.
    pub fn open(&self, key: &AuditKey, controller: &Name, commit: &Hash) -> Option<Private> {
        serde_json::from_slice(self.show(key, controller, commit)?.1.as_bytes()).ok()
    }

    /// The same as a receipt shows it: the commitment's salt, and the bytes.
    pub fn show(&self, key: &AuditKey, controller: &Name, commit: &Hash) -> Option<([u8; SALT_BYTES], String)> {
        let plain = key.open(&private_context(controller, commit), self.sealed).ok()?;
        let (salt, private) = plain.as_bytes().split_first_chunk::<SALT_BYTES>()?;
        if commitment(salt, private) != *commit {
            return None;
        }
        Some((*salt, String::from_utf8(private.to_vec()).ok()?))
    }
}

/// What stands or falls together: leaves, the rows they speak of, and what these rely on.
pub struct Submission {
    pub(super) entries: Vec<Entry>,
    pub(super) batch: Batch,
    pub(super) needs: Vec<Precondition>,
    pub(super) keys: Vec<KeyId>,
    pub(super) destroys: Vec<KeyId>,
    pub(super) policy: Option<u32>,
    pub(super) activates: Option<u32>,
    pub(super) rekeys: Option<NewKey>,
    pub(super) is_urgent: bool,
    pub(super) tells_again: bool,
    pub(super) ends_before: Option<u64>,
    pub(super) remembers: Vec<ToRemember>,
    pub(super) buries: Vec<KeyId>,
    pub(super) replaces: Vec<KeyId>,
    /// Where keys end that leave no tombstone, those of them that the erasure ledger names: of persons, with a category key.
    pub(super) ends: Option<Vec<KeyId>>,
    /// Rows of jobs, each with the place of the leaf that opens it.
    pub(super) opens: Vec<(u64, Vec<u8>)>,
    pub(super) born: std::time::Instant,
}

impl Submission {
    /// A submission of one leaf, decided under a policy epoch at `born`, when the request began to look.
    pub fn new(entry: Entry, policy: u32, born: std::time::Instant) -> Submission {
        Submission {
            entries: vec![entry],
            batch: Batch::new(),
            needs: Vec::new(),
            keys: Vec::new(),
            destroys: Vec::new(),
            policy: Some(policy),
            activates: None,
            rekeys: None,
            is_urgent: false,
            tells_again: false,
            ends_before: None,
            remembers: Vec::new(),
            buries: Vec::new(),
            replaces: Vec::new(),
            ends: None,
            opens: Vec::new(),
            born,
        }
    }

    /// A submission that holds under every policy and relies on no key: a refusal of a whole
    /// request, or an act of the vault itself.
    pub fn unbound(entry: Entry) -> Submission {
        Submission { policy: None, ..Submission::new(entry, 0, std::time::Instant::now()) }
    }

    /// Rows that go or come without a leaf, since they tell nobody anything: housekeeping.
    pub fn housekeeping(batch: Batch, needs: Vec<Precondition>) -> Submission {
        Submission {
            entries: Vec::new(),
            batch,
            needs,
            keys: Vec::new(),
            destroys: Vec::new(),
            policy: None,
            activates: None,
            rekeys: None,
            is_urgent: false,
            tells_again: false,
            ends_before: None,
            remembers: Vec::new(),
            buries: Vec::new(),
            replaces: Vec::new(),
            ends: None,
            opens: Vec::new(),
            born: std::time::Instant::now(),
        }
    }

    /// One more leaf.
    pub fn and(mut self, entry: Entry) -> Submission {
        self.entries.push(entry);
        self
    }

    /// The rows that become durable with the leaves, and what must hold of the store when they do.
    pub fn with_rows(mut self, batch: Batch, needs: Vec<Precondition>) -> Submission {
        self.batch.extend(batch);
        self.needs.extend(needs);
        self
    }

    /// Ids of keys that were used, wrapping keys too.
    pub fn using(mut self, keys: impl IntoIterator<Item = KeyId>) -> Submission {
        self.keys.extend(keys);
        self
    }

    /// Ids of keys that end with this.
    pub fn destroying(mut self, keys: impl IntoIterator<Item = KeyId>) -> Submission {
        self.destroys.extend(keys);
        self
    }

    /// Ids of wrapping keys that end with this: whoever has used one and comes later starts again. Their rows are in the batch.
    pub fn ending(mut self, keys: impl IntoIterator<Item = KeyId>) -> Submission {
        self.buries.extend(keys);
        self
    }

    /// Ids of keys of persons in whose place others come: whoever has used one and comes later starts again. Nobody is erased, so
    /// that the erasure ledger does not name them; their bytes end like those of a category key.
    pub fn replacing(mut self, keys: impl IntoIterator<Item = KeyId>) -> Submission {
        self.replaces.extend(keys);
        self.ends.get_or_insert_default();
        self
    }

    /// With this a category key is destroyed, and these keys of persons with it: the erasure ledger names them, though their rows
    /// stay as they are.
    pub fn ending_under(mut self, keys: Vec<KeyId>) -> Submission {
        self.ends.get_or_insert_default().extend(keys);
        self
    }

    /// Its newest leaf opens a job, whose row is this and whose number is the leaf's index.
    pub fn opening(mut self, job: Vec<u8>) -> Submission {
        self.opens.push(((self.entries.len() as u64).saturating_sub(1), job));
        self
    }

    /// Remembers in a row of the meta family where these of its leaves will stand.
    pub fn remembering(mut self, key: Vec<u8>, until_ms: u64, leaves: Range<usize>) -> Submission {
        let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        self.remembers.push(ToRemember { key, until_ms, offset: leaves.start as u64, leaves: count });
        self
    }

    /// From this batch on the log is signed with a new key, and for a while with the one before it too.
    pub fn rekeying(mut self, new: NewKey) -> Submission {
        self.rekeys = Some(new);
        self
    }

    /// Puts a new policy epoch into force.
    pub fn activating(mut self, epoch: u32) -> Submission {
        self.activates = Some(epoch);
        self
    }

    /// Its first leaf says that no byte is left of keys that were destroyed before this leaf.
    pub fn ending_before(mut self, leaf: u64) -> Submission {
        self.ends_before = Some(leaf);
        self
    }

    /// Its answer tells of what was done before, perhaps of an erasure: that must be in the erasure ledger first.
    pub fn telling_again(mut self) -> Submission {
        self.tells_again = true;
        self
    }

    /// It goes through when room is scarce: what revokes, what erases, and what these need.
    pub fn urgent(mut self) -> Submission {
        self.is_urgent = true;
        self
    }

    /// All of them as one: all leaves and rows, or none. Each was prepared with the rows of those before it laid over the
    /// store, so what it relies on there holds by that. `None` of none.
    pub fn join(all: impl IntoIterator<Item = Submission>) -> Option<Submission> {
        let mut all = all.into_iter();
        let mut whole = all.next()?;
        let rows = |batch: &Batch| batch.iter().map(|c| (c.family, c.key.clone())).collect::<Vec<_>>();
        let mut written: HashSet<_> = rows(&whole.batch).into_iter().collect();
        for next in all {
            let is_new = |need: &Precondition| !need.is_on(|family, key| written.contains(&(family, key.to_vec())));
            whole.needs.extend(next.needs.into_iter().filter(is_new));
            written.extend(rows(&next.batch));
            let before = whole.entries.len() as u64;
            let moved = next.remembers.into_iter().map(|one| ToRemember { offset: one.offset + before, ..one });
            whole.remembers.extend(moved);
            whole.buries.extend(next.buries);
            whole.replaces.extend(next.replaces);
            whole.ends =
                next.ends.into_iter().fold(whole.ends, |whole, keys| Some([whole.unwrap_or_default(), keys].concat()));
            whole.opens.extend(next.opens.into_iter().map(|(offset, job)| (offset + before, job)));
            whole.entries.extend(next.entries);
            whole.batch.extend(next.batch);
            whole.keys.extend(next.keys);
            whole.destroys.extend(next.destroys);
            whole.is_urgent &= next.is_urgent;
            whole.tells_again |= next.tells_again;
            whole.born = whole.born.min(next.born);
        }
        Some(whole)
    }

    /// How many leaves it has.
    pub fn leaves(&self) -> usize {
        self.entries.len()
    }

    /// The rows, for a view that lays them over the store.
    pub fn rows(&self) -> &Batch {
        &self.batch
    }
}
