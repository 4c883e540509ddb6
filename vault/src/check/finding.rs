//! What a check can find, as a closed list.

use std::collections::BTreeMap;

use coffer_keys::KeyId;
use coffer_wire::{ExternalId, Name};
use serde::{Serialize, Serializer};

use crate::cards;
use crate::ledger::Volume;

/// Findings of one code that are kept one by one; of more than these only the number is kept.
const KEPT_OF_A_CODE: usize = 1_000;

macro_rules! codes {
    ($($variant:ident = $text:literal, $what:literal, $advice:literal;)*) => {
        /// What is wrong. The text form is stable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(#[doc = $what] $variant,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// What is wrong, in a sentence.
            pub fn what(self) -> &'static str {
                match self { $(Code::$variant => $what,)* }
            }

            /// What to do.
            pub fn advice(self) -> &'static str {
                match self { $(Code::$variant => $advice,)* }
            }
        }
    };
}

codes! {
    StoreDamaged = "store_damaged", "The store cannot read this family; what depends on it was not compared.",
        "Keep a copy of the home as it is; look at the disk; bring back a copy, data and head together.";
    FamilyMissing = "family_missing", "The store has no such family, though keys for it exist.",
        "Restore from a backup.";
    ForeignEntry = "foreign_entry", "Something lies here that is no entry of this family.",
        "Find out what wrote to the data folder beside the vault.";
    FormatUnsaid = "format_unsaid", "The store does not say which format it has; the rest was looked at as this program's own.",
        "Restore the row from a backup; no vault starts on this store until then.";
    CheckpointMissing = "checkpoint_missing", "The store holds no checkpoint.",
        "Keep a copy of the home; compare it with a backup and with the checkpoints that others hold.";
    CheckpointAltered = "checkpoint_altered", "The newest checkpoint is not signed by the log's key.",
        "Make sure of the log key first (--log-key); then compare with a backup and with the checkpoints that others hold.";
    RootMismatch = "root_mismatch", "The leaves do not give the checkpoint's root; this leaf or one after it is wrong.",
        "Keep a copy of the home; compare its leaves with a backup or with an auditor's copy.";
    LeafMissing = "leaf_missing", "A leaf that the checkpoint covers is not there.",
        "Keep a copy of the home; take the leaf from a backup or an auditor's copy.";
    LeafAltered = "leaf_altered", "A leaf is not the one that the tree holds.",
        "Keep a copy of the home; compare the leaf with a backup or an auditor's copy.";
    LeafMalformed = "leaf_malformed", "The bytes of a leaf are no leaf.",
        "Keep a copy of the home; compare the leaf with a backup or an auditor's copy.";
    LeafBeyond = "leaf_beyond", "A leaf lies behind the end of the log.",
        "Somebody put the checkpoint back or added leaves: keep a copy of the home, and compare with the checkpoints that others hold.";
    TimeFell = "time_fell", "A leaf is older than the one before it.",
        "The vault never writes such a leaf: treat the log key as compromised.";
    NumberGap = "number_gap", "A controller's numbers have a gap or a repetition.",
        "The vault never writes such a leaf: treat the log key as compromised.";
    NumberWrong = "number_wrong", "The stored last number of a controller is not its last leaf's.",
        "The meta family was changed or put back: restore it from a backup of the same moment.";
    TileMissing = "tile_missing", "A tile of the tree is not there.",
        "The leaves are the truth: restore the tile from a backup.";
    TileAltered = "tile_altered", "A tile of the tree does not agree with the leaves.",
        "The leaves are the truth: restore the tile from a backup.";
    HeadMissing = "head_missing", "The head file is missing or holds no whole checkpoint.",
        "Look for it on its own disk; without it nobody here can tell whether leaves were cut off.";
    HeadOfAnotherLog = "head_of_another_log", "The head is not signed by this log's key.",
        "Find out whose head it is; `log.head` in coffer.toml may name another vault's.";
    HeadAhead = "head_ahead", "The head has seen leaves that the store does not hold: leaves were cut off or the store was put back.",
        "Do not start this home. Find the newer store; what was done in the missing leaves is not in this one.";
    HeadOtherHistory = "head_other_history", "The store's leaves are not those that the head has seen.",
        "Do not start this home. Compare with the checkpoints that others hold.";
    ErasuresMissing = "erasures_missing", "There is no erasure ledger.",
        "Look for it on its own disk. Without it the next start makes one from this store, which knows of no erasure that it has not got.";
    ErasuresDamaged = "erasures_damaged", "The erasure ledger is damaged, or holds what this vault did not write.",
        "Keep it; bring back a copy of it, or move it away: the next start makes one from this store.";
    ErasuresForeign = "erasures_foreign", "The erasure ledger belongs to another vault or log.",
        "Find out whose it is; `log.erasures` in coffer.toml may name another vault's.";
    ErasuresAhead = "erasures_ahead", "The erasure ledger has seen leaves that the store does not hold.",
        "Do not start this home. The store was put back: find the newer one, and keep the ledger, which names those who were erased since.";
    ErasureUnmirrored = "erasure_unmirrored", "A key was destroyed, and the erasure ledger does not name it though it says that it is complete.",
        "Keep the ledger; move it away: the next start makes one from this store. Find out who wrote to it.";
    ErasedKeyLives = "erased_key_lives", "A key lives that the erasure ledger names: an erased person is readable again.",
        "An older copy of keys was put back. The next start destroys them again, on record; report it: this is a breach of an erasure.";
    PolicyAltered = "policy_altered", "What is stored of policy or schema is not what was last activated.",
        "Treat every access since as suspect; restore the row from a backup.";
    DrillAltered = "drill_altered", "When the newest drill was is not what this vault has written.",
        "Believe no date of `status`; drill anew, which writes the row anew.";
    ApprovalAltered = "approval_altered", "A request for a second person does not open: it is not what this vault has written.",
        "It approves nothing. Restore the row from a backup, or ask again; find out what wrote to the data folder beside the vault.";
    ApprovalUnlogged = "approval_unlogged", "A request for a second person is there that no leaf asked for.",
        "Only a holder of the keys could write it, or it belongs to another log: remove it, and treat the vault's audit keys as compromised.";
    ApprovalStateWrong = "approval_state_wrong", "A request for a second person is not as far as its leaves say: an older row was put back.",
        "Somebody may use an approval twice: refuse it (`coffer approvals refuse`), or restore the row from a backup.";
    ApprovalMissing = "approval_missing", "A request for a second person that a leaf asked for is not there.",
        "It approves nothing any more: ask again; find out what wrote to the data folder beside the vault.";
    HoldAltered = "hold_altered", "A legal hold does not open, or lies at another person's place.",
        "Restore the row from a backup, or set the hold anew: until then nothing of the person it lies at is erased.";
    HoldUnlogged = "hold_unlogged", "A legal hold is there that no leaf set, or that was lifted.",
        "It keeps a person from being erased: restore the meta family from a backup, or lift it again.";
    HoldMissing = "hold_missing", "A legal hold that was set and not lifted is not there.",
        "Set it anew at once (`coffer hold set`): nothing keeps this person from being erased. The leaf says whom and why.";
    CountAltered = "count_altered", "A count of somebody's erasures does not open: it is not what this vault has written.",
        "It counts for nobody; within the hour somebody may erase more than one person may alone. Find out what wrote to the data folder.";
    HandoverWrong = "handover_wrong", "A note by which the log was handed on is altered, not signed by the log's key, or not the one that the log names.",
        "Compare it with the notes beside the head and with those that clients keep; put the right one back.";
    LogKeyOther = "log_key_other", "The key that signs the log is not the log key that was given.",
        "Compare the log key with the one that was handed out when the vault was made.";
    PrivateMissing = "private_missing", "A leaf has no private part.",
        "Take it from a backup; the log itself stays whole.";
    PrivateMalformed = "private_malformed", "A private part has no head of its own.",
        "Take it from a backup; the log itself stays whole.";
    PrivateUnattributed = "private_unattributed", "No audit key gives the alias of this leaf.",
        "An audit key is missing or altered: restore the keys family from a backup.";
    PrivateAltered = "private_altered", "A private part does not open, or is not the one that its leaf commits to.",
        "Take it from a backup; the log itself stays whole.";
    PrivateIncomplete = "private_incomplete", "A private part opens and does not say what its leaf needs.",
        "The vault never writes such a part: treat the home's keys as compromised.";
    KeyMalformed = "key_malformed", "A row of the keys family cannot be read.",
        "Restore the row from a backup.";
    KeyForeign = "key_foreign", "A key is wrapped by no key that this vault has or had.",
        "Find out what wrote to the data folder beside the vault; restore the row from a backup.";
    KeyAltered = "key_altered", "A wrapped key does not open.",
        "Restore the row from a backup; what lies under this key cannot be read until then.";
    KeyWrapMissing = "key_wrap_missing", "The key that wraps this one, which the log made, is not there.",
        "Restore the wrapping key's row from a backup; what lies under it cannot be read until then.";
    KeyUnderDestroyed = "key_under_destroyed", "A key is wrapped by a destroyed one, and no leaf says that it ended.",
        "Nobody can open it. If its wrapping key was not meant to end, restore that row from a backup.";
    KeyStateWrong = "key_state_wrong", "The state of a key is not the one that its leaves come to.",
        "Restore the row from a backup; until then the vault uses keys that it should not, or does not start.";
    KeyStateAltered = "key_state_altered", "State, version or date of a key are not what this vault wrote of it.",
        "Restore the row from a backup, and find out what wrote to the data folder beside the vault.";
    KeyBelowFloor = "key_below_floor", "A key lies under a version of its wrapping key under which the log says that none was left.",
        "Find out who put the row back: nobody can open it. Restore it from a backup that is younger than the rotation.";
    JobMissing = "job_missing", "A leaf opened a job that is not there.",
        "Rotate the key again: what lies under its old versions is not moved by itself.";
    JobUnlogged = "job_unlogged", "A job is there that no leaf opened, or one has ended and no leaf says so.",
        "Find out what wrote to the data folder beside the vault; rotate the key again.";
    KeyVersions = "key_versions", "The versions of a category's key are not 1, 2, 3 and so on with one of them active.",
        "Restore the keys family from a backup: a version is missing, doubled, or not in its state.";
    KeyMissing = "key_missing", "A key that the log says was made is not there, and no leaf says it was destroyed.",
        "Restore the row from a backup; what lies under this key cannot be read until then.";
    KeyUnlogged = "key_unlogged", "A key is there that no leaf made.",
        "Find out what wrote to the data folder beside the vault.";
    KeyUndestroyed = "key_undestroyed", "A key is there that the log says was destroyed: an erased person is readable again.",
        "Remove what was put back, and report it: this is a breach of an erasure.";
    KeyFormerWrong = "key_former_wrong", "What a key says of those in whose place it came is not what the log says: an erasure would not name them.",
        "Put the row back from a backup before anybody is erased.";
    KeyReplacedThere = "key_replaced_there", "A key is there in whose place the log says that another one came.",
        "Remove what was put back; what lies under it is an older state of a record.";
    TombstoneWrong = "tombstone_wrong", "A destroyed key names a leaf that is no erasure, or that did not destroy it.",
        "The key was taken away without a record: restore its row from a backup.";
    TombstoneMissing = "tombstone_missing", "Nothing is left to say that a key was destroyed, as the log says.",
        "Keep a copy of the home: whoever took the tombstone away may put the key back.";
    IndexMissing = "index_missing", "No index row leads to this key of a person.",
        "Restore the index row from a backup: until then an erasure would pass this key over.";
    IndexDangling = "index_dangling", "An index row leads to a key that is not there or is another's.",
        "Restore keys and index rows from a backup of the same moment.";
    IndexAltered = "index_altered", "An index row was not written by this vault.",
        "Restore keys and index rows from a backup of the same moment.";
    RowMissing = "row_missing", "The log says that this record exists, and it is not there.",
        "Restore the row from a backup that holds this version.";
    RowForeign = "row_foreign", "A row lies where the log put none, or another record's row lies in its place.",
        "Remove it after a copy was kept; find out what wrote to the data folder beside the vault.";
    RowOlder = "row_older", "A row is an older version than the log's last.",
        "Restore the row from a backup that holds the last version.";
    RowUnlogged = "row_unlogged", "A row opens, and no leaf wrote this version of it.",
        "Only a holder of the keys could write it: treat the category's keys as compromised.";
    RowAltered = "row_altered", "A row does not open.",
        "Restore the row from a backup.";
    RowKeyMissing = "row_key_missing", "A row names a key that is not there.",
        "Restore the row, or the key, from a backup.";
    RowKeyDestroyed = "row_key_destroyed", "A row lies under a destroyed key.",
        "Nobody can read it. It was put back after an erasure: remove it.";
    CardNumber = "card_number", "A payment card number is stored here.",
        "Write the field again without it, or erase the record; the old bytes stay until compaction, and a private part stays with its leaf.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where it is, as far as that may be told to everybody. Ids of keys are no secrets.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Place {
    /// The family of the store, or `head`.
    pub family: String,
    /// The log that the leaf or tile is of, from 1, where it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<u16>,
    /// The index of the leaf that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// The tile: its level and its index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<(u8, u64)>,
    /// The row of the meta family; of a record `id`, where its ids are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<&'static str>,
    /// The controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<Name>,
    /// The category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The field, by its number in the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<u16>,
}

/// Which record, by the caller's ids. Personal data: filled in on request only, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// The data subject.
    pub person: String,
    /// The record.
    pub record: String,
}

/// One thing that is wrong.
#[derive(Serialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there: a version, a number, a count of leaves, as the code says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<u64>,
    /// What should be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Which record, where that was asked for.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
}

/// All that was found, of each code at most so many one by one.
#[derive(Default)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<Code, u64>,
}

impl Place {
    /// Somewhere in a family.
    pub(super) fn of(family: impl ToString) -> Place {
        Place { family: family.to_string(), ..Place::default() }
    }

    /// By its position.
    pub(super) fn leaf(self, position: u64) -> Place {
        let (volume, index) = Volume::split(position);
        Place { leaf: Some(index), ..self.of_log(volume) }
    }

    pub(super) fn tile(self, volume: Volume, level: u8, index: u64) -> Place {
        Place { tile: Some((level, index)), ..self.of_log(volume) }
    }

    fn of_log(self, volume: Volume) -> Place {
        Place { log: (volume != Volume::FIRST).then_some(volume.number()), ..self }
    }

    pub(super) fn entry(self, entry: &'static str) -> Place {
        Place { entry: Some(entry), ..self }
    }

    pub(super) fn controller(self, controller: Name) -> Place {
        Place { controller: Some(controller), ..self }
    }

    pub(super) fn category(self, category: Name) -> Place {
        Place { category: Some(category), ..self }
    }

    pub(super) fn key(self, id: &KeyId) -> Place {
        Place { key: Some(id.to_string()), ..self }
    }

    pub(super) fn field(self, number: u16) -> Place {
        Place { field: Some(number), ..self }
    }
}

impl Who {
    /// From the ids of a private part, where it has both.
    pub(super) fn of(person: Option<&ExternalId>, record: Option<&ExternalId>) -> Option<Who> {
        Some(Who { person: person?.as_str().to_owned(), record: record?.as_str().to_owned() })
    }
}

impl Finding {
    /// A finding that has a place and nothing else.
    pub(super) fn new(code: Code, place: Place) -> Finding {
        Finding { code, place, found: None, expected: None, who: None }
    }

    /// What is there, and what should be.
    pub(super) fn against(self, found: u64, expected: u64) -> Finding {
        Finding { found: Some(found), expected: Some(expected), ..self }
    }

    /// Which record. An id with a card number in it is told to nobody.
    pub(super) fn about(self, who: Option<Who>) -> Finding {
        let who = who.filter(|who| !cards::found_in(&who.person) && !cards::found_in(&who.record));
        Finding { who, ..self }
    }
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= KEPT_OF_A_CODE as u64 {
            self.kept.push(finding);
        }
    }

    /// Those that were kept one by one, in the order in which they were found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there are of each code.
    pub fn counts(&self) -> &BTreeMap<Code, u64> {
        &self.counts
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_text_of_its_own() {
        let texts: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            assert!(code.what().ends_with('.') && code.advice().ends_with('.'), "{text}");
        }
    }

    #[test]
    fn a_wrecked_home_does_not_fill_the_memory_with_findings() {
        let mut findings = Findings::default();
        for index in 0..5_000 {
            findings.add(Finding::new(Code::LeafMissing, Place::of("leaves").leaf(index)));
        }
        assert_eq!((findings.kept().len(), findings.total()), (KEPT_OF_A_CODE, 5_000));
    }
}
