//! What the document says of each operation. The table of operations names each of these, so there is none without.

use coffer_wire::api::{
    Answer, ApplyAnswer, ApplyRequest, CertificateAnswer, CertificateRequest, DrillAnswer, DrillRequest, Empty,
    EntryAnswer, EntryRequest, EraseItem, EraseSubjectItem, JobsAnswer, KeyAnswer, KeyRequest, KeysAnswer, ListItem,
    ProveAnswer, ProveRequest, ReadItem, RekeyAnswer, RekeyRequest, Request, RotateAnswer, RotateRequest,
    RotateRootAnswer, RotateRootRequest, SealAnswer, ShowAnswer, ShowRequest, Status, SuccessionAnswer, UnsealAnswer,
    UnsealRequest, Whoami, WriteItem,
};
use coffer_wire::approvals::{ApprovalsAnswer, DecideAnswer, DecideRequest};
use coffer_wire::erasures::{AllowErasuresAnswer, AllowErasuresRequest};
use coffer_wire::holds::{HoldAnswer, HoldsAnswer, LiftHoldRequest, ListHoldsRequest, SetHoldRequest};
use coffer_wire::problem::Code;
use coffer_wire::schema::{SchemaAnswer, SchemaRequest};
use serde_json::{Value, json};

use super::codes::{
    ACT, APPROVAL, DECISION, ERASED, FIELDS, FOR_CONTROLLER, FOUND, HOLD, ITEM, KEYS, MORE, ONCE, PROPOSAL, REKEY,
    ROTATED, ROTATES, SHARES, SHOWN, STATES, TWO_PEOPLE, UNSEALED, WRITTEN,
};
use super::{Described, Gives, Takes, example};

/// How the API is used, before its operations.
pub(super) const INTRODUCTION: &str = "\
JSON over mutual TLS 1.3. Every operation that touches data is a POST with a body, since a read is an act that leaves a record, \
and nothing sensitive stands in a URL.

A request is granted where four things meet: what the application may (its client certificate), what the person may (the token), \
the purpose, and the case where the category asks for one. What was granted and what was refused is a leaf of an append-only log \
(docs/LOG.md); the leaf is on disk before the answer leaves.

Requests on records and persons take lists. The HTTP status speaks of the request as a whole; each item has `status` and `code` of \
its own in an answer of 200, and items are independent of each other unless `atomic` is true. Whether somebody exists is not told: \
absent, erased and another controller's are one `not_found`. Errors of the whole request are `application/problem+json` (RFC 9457) with \
a stable `code`.

Members that are not described here are refused, and so are numbers with a fraction or an exponent. Lengths are counted in bytes of UTF-8; a schema can only count characters, so \
where other than ASCII is sent, less fits than it says. A payment card number in any text is refused with `card_number`.

Each answer names its request in `x-request-id`. A `traceparent` (W3C Trace Context) stands beside that id in the operator's log; one \
that is none is passed over.

The examples hang together: they are answered 200, first to last, by a vault whose schema and policy are those of the examples of \
`schema/apply` and `access/apply`, each asked by the role that stands beside it; the id of an approval is whichever the vault has given.";

pub(in crate::serve) const RECORDS_WRITE: Described = Described {
    id: "writeRecords",
    summary: "Writes fields of records.",
    text: "Fields that are not named stay as they are; `null` takes one out. With `expected_version` only over that version; with 0 \
           only where the record does not exist. With `atomic` all items or none.",
    role: "bank-officer",
    takes: Takes::of::<Request<WriteItem>>(example::write),
    gives: Gives::of::<Answer>(),
    codes: &[],
    items: &[ITEM, FIELDS, WRITTEN, ONCE],
};

pub(in crate::serve) const RECORDS_READ: Described = Described {
    id: "readRecords",
    summary: "Reads fields of records, clear or masked.",
    text: "The fields are named one by one; there is no \"all\". An item is granted whole or not at all. A field that the record \
           does not have is not in the answer.",
    role: "bank-officer",
    takes: Takes::less_than::<Request<ReadItem>>(not_atomic, example::read),
    gives: Gives::of::<Answer>(),
    codes: &[],
    items: &[ITEM, FIELDS, SHOWN],
};

pub(in crate::serve) const RECORDS_LIST: Described = Described {
    id: "listRecords",
    summary: "Lists the records that a person has in a category.",
    text: "Record ids and versions, and no field.",
    role: "bank-officer",
    takes: Takes::less_than::<Request<ListItem>>(not_atomic, example::list),
    gives: Gives::of::<Answer>(),
    codes: &[],
    items: &[ITEM],
};

pub(in crate::serve) const RECORDS_ERASE: Described = Described {
    id: "eraseRecords",
    summary: "Erases records.",
    text: "Each is unreadable when this returns: the key under which it lay is destroyed, and the person's other records of the \
           category are sealed again under a new one. How much one person erases within an hour is limited: see `erasures/allow`.",
    role: "dpo",
    takes: Takes::less_than::<Request<EraseItem>>(not_atomic, example::erase),
    gives: Gives::of::<Answer>(),
    codes: &[],
    items: &[ITEM, ERASED, ONCE],
};

pub(in crate::serve) const SUBJECTS_ERASE: Described = Described {
    id: "eraseSubjects",
    summary: "Erases persons from categories, or from all.",
    text: "Every key that the person has there is destroyed, also those in other people's records. How much one person erases \
           within an hour is limited: see `erasures/allow`.",
    role: "dpo",
    takes: Takes::less_than::<Request<EraseSubjectItem>>(not_atomic, example::erase_subject),
    gives: Gives::of::<Answer>(),
    codes: &[],
    items: &[ITEM, ERASED, ONCE],
};

pub(in crate::serve) const LOG_ENTRY: Described = Described {
    id: "readLog",
    summary: "Reads leaves of the access log.",
    text: "This call is a leaf itself, and stands in the log before it is answered.",
    role: "auditor",
    takes: Takes::of::<EntryRequest>(example::entry),
    gives: Gives::of::<EntryAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const LOG_CHECKPOINT: Described = Described {
    id: "checkpoint",
    summary: "Gives the log's newest checkpoint.",
    text: "Shows hashes alone, so it needs no person and leaves no leaf.",
    role: "bank-officer",
    takes: None,
    gives: Gives::Text("A C2SP signed note: origin, number of leaves, root, signature."),
    codes: &[],
    items: &[],
};

pub(in crate::serve) const LOG_SUCCESSION: Described = Described {
    id: "succession",
    summary: "Gives the notes by which the log was handed on, to a new key or to a successor.",
    text: "Whoever holds an earlier log key follows them from there, and trusts nothing else of the answer (docs/LOG.md). Shows nothing of \
           anybody, so it needs no person and leaves no leaf.",
    role: "bank-officer",
    takes: None,
    gives: Gives::of::<SuccessionAnswer>(),
    codes: &[],
    items: &[],
};

pub(in crate::serve) const LOG_REKEY: Described = Described {
    id: "rekeyLog",
    summary: "Gives the log a new key.",
    text: "The old key signs for it, and signs checkpoints too for 30 days; then it is destroyed. Refused while that lasts.",
    role: "security-admin",
    takes: Takes::of::<RekeyRequest>(example::empty),
    gives: Gives::of::<RekeyAnswer>(),
    codes: &[ACT, REKEY],
    items: &[],
};

pub(in crate::serve) const LOG_PROVE: Described = Described {
    id: "proveLog",
    summary: "Proves that a leaf is in the log, and that the log continues an older one.",
    text: "Proofs of RFC 6962, sections 2.1.1 and 2.1.2. Shows hashes alone, so it needs no person and leaves no leaf. `index` < `size` \
           and `from` <= `size` <= the newest size must hold.",
    role: "bank-officer",
    takes: Takes::of::<ProveRequest>(example::prove),
    gives: Gives::of::<ProveAnswer>(),
    codes: &[],
    items: &[],
};

pub(in crate::serve) const CERTIFICATES_ISSUE: Described = Described {
    id: "issueCertificate",
    summary: "Issues the certificate of an erase, of a rotation that has ended, or of the end of a category's key or of the log's.",
    text: "A note signed with the log's key, which `coffer log verify --certificate` checks offline. It says nothing that tells who was erased. \
           State `refused`: the keys are unusable and their wrapped bytes may still lie in the store's files; `destroyed`: they no \
           longer do. `leaf` is that of the erase, of `keys.rewrap`, `keys.reseal`, `keys.destroy` or `keys.shred`; of any other there is none, 404.",
    role: "dpo",
    takes: Takes::of::<CertificateRequest>(example::certificate),
    gives: Gives::of::<CertificateAnswer>(),
    codes: &[ACT, FOUND],
    items: &[],
};

pub(in crate::serve) const KEYS_LIST: Described = Described {
    id: "listKeys",
    summary: "Lists the keys and their states, without key material.",
    text: "Keys of persons and staff are counted alone.",
    role: "security-admin",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<KeysAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const KEYS_ROTATE: Described = Described {
    id: "rotateKeys",
    summary: "Gives category keys a new version.",
    text: "It wraps what is new at once; the version before only opens. A job for each key moves what lies under the old versions, and a \
           leaf `keys.rewrap` says when nothing is left there. With `deep` the job seals every record again under new keys of the people in it, \
           and its leaf is `keys.reseal`. Needs a right for the controller.",
    role: "security-admin",
    takes: Takes::of::<RotateRequest>(example::rotate),
    gives: Gives::of::<RotateAnswer>(),
    codes: &[ACT, KEYS, ROTATES],
    items: &[],
};

pub(in crate::serve) const KEYS_JOBS: Described = Described {
    id: "listJobs",
    summary: "Tells how far the jobs of rotations are.",
    text: "A job goes on without whoever began it, also over a restart of the vault.",
    role: "security-admin",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<JobsAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const KEY_STATE: Described = Described {
    id: "setKeyState",
    summary: "Marks a version of a category key as compromised.",
    text: "From here on it opens for the job alone that moves what lies under it; until that is moved, it is answered `key_withheld`. \
           The version that wraps what is new is rotated first.",
    role: "security-admin",
    takes: Takes::less_than::<KeyRequest>(of_a_state, example::state),
    gives: Gives::of::<KeyAnswer>(),
    codes: &[ACT, KEYS, STATES],
    items: &[],
};

pub(in crate::serve) const KEYS_DESTROY: Described = Described {
    id: "destroyKey",
    summary: "Destroys a version of a category key under which nothing is left.",
    text: "Its wrapped bytes are overwritten. Refused with the exact count while anything lies under it. Needs two people: without an \
           approval it asks for one.",
    role: "security-admin",
    takes: Takes::less_than::<KeyRequest>(of_a_destruction, example::destroy),
    gives: Gives::of::<KeyAnswer>(),
    codes: &[ACT, KEYS, STATES, TWO_PEOPLE, &[Code::KeyInUse]],
    items: &[],
};

pub(in crate::serve) const KEYS_SHRED: Described = Described {
    id: "shredKey",
    summary: "Destroys a version of a category key with all that lies under it.",
    text: "`count` is how many keys of persons lie under it; with another count nothing is done. What they protected is erased: every \
           record under them is answered `not_found`. Nothing brings it back. Needs two people.",
    role: "security-admin",
    takes: Takes::less_than::<KeyRequest>(of_a_shredding, example::shred),
    gives: Gives::of::<KeyAnswer>(),
    codes: &[ACT, KEYS, STATES, TWO_PEOPLE, &[Code::CountMismatch]],
    items: &[],
};

pub(in crate::serve) const STATUS: Described = Described {
    id: "status",
    summary: "Tells the state of the vault.",
    text: "A sealed vault answers this and `vault/unseal`, whoever asks, and then says only that it is sealed and why, and how far shares \
           are gathered.",
    role: "auditor",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<Status>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const WHOAMI: Described = Described {
    id: "whoami",
    summary: "Tells for whom the vault takes the caller.",
    text: "Needs no right.",
    role: "bank-officer",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<Whoami>(),
    codes: &[],
    items: &[],
};

pub(in crate::serve) const ACCESS_SHOW: Described = Described {
    id: "showAccess",
    summary: "Shows who may do what under the policy in force.",
    text: "Cell by cell: role, category, field, action, form, purpose, with the rule that says so.",
    role: "auditor",
    takes: Takes::of::<ShowRequest>(example::show),
    gives: Gives::of::<ShowAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const ACCESS_APPLY: Described = Described {
    id: "applyAccess",
    summary: "Puts a policy in force.",
    text: "One file, `access.toml`, checked whole against the schema in force. Its hash stands in the leaf. One that permits what is \
           not permitted now needs a second person; one that only takes away does not.",
    role: "security-admin",
    takes: Takes::less_than::<ApplyRequest>(one_file, example::access),
    gives: Gives::of::<ApplyAnswer>(),
    codes: &[ACT, PROPOSAL, TWO_PEOPLE],
    items: &[],
};

pub(in crate::serve) const SCHEMA_APPLY: Described = Described {
    id: "applySchema",
    summary: "Puts a schema in force.",
    text: "All its files, one a category; what was in force and is missing here is refused, since what is stored in it could not be \
           reached. One that drops a protection needs a second person: a new purpose of a field, a mask that shows more, no case, \
           no consent, no mark.",
    role: "security-admin",
    takes: Takes::less_than::<ApplyRequest>(some_files, example::schema),
    gives: Gives::of::<ApplyAnswer>(),
    codes: &[ACT, PROPOSAL, TWO_PEOPLE],
    items: &[],
};

pub(in crate::serve) const APPROVALS_LIST: Described = Described {
    id: "listApprovals",
    summary: "Lists what waits for a second person, and what became of it.",
    text: "The caller's own requests, and those for acts that the caller may do. Needs no right of its own.",
    role: "security-admin",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<ApprovalsAnswer>(),
    codes: &[],
    items: &[],
};

pub(in crate::serve) const APPROVALS_APPROVE: Described = Described {
    id: "approve",
    summary: "Approves what another person asked for.",
    text: "Needs the very right that the act needs, and another person than the one who asked: one subject is one person, at \
           whichever issuer and application, in whichever role. Who asked then does the act within a day, naming the approval.",
    role: "security-admin",
    takes: Takes::of::<DecideRequest>(example::decide),
    gives: Gives::of::<DecideAnswer>(),
    codes: &[DECISION, APPROVAL],
    items: &[],
};

pub(in crate::serve) const APPROVALS_REFUSE: Described = Described {
    id: "refuse",
    summary: "Refuses what another person asked for, or takes the caller's own request back.",
    text: "Needs the very right that the act needs; to take one's own request back, none.",
    role: "security-admin",
    takes: Takes::of::<DecideRequest>(example::decide),
    gives: Gives::of::<DecideAnswer>(),
    codes: &[DECISION],
    items: &[],
};

pub(in crate::serve) const HOLDS_SET: Described = Described {
    id: "setHold",
    summary: "Puts a legal hold on a person.",
    text: "While it stands, `subjects/erase` and `records/erase` of that person answer `on_hold`. It takes any id, whether or not \
           anything is held of it. With `until_ms` it ends by itself.",
    role: "dpo",
    takes: Takes::of::<SetHoldRequest>(example::set_hold),
    gives: Gives::of::<HoldAnswer>(),
    codes: &[ACT, FOR_CONTROLLER, HOLD],
    items: &[],
};

pub(in crate::serve) const HOLDS_LIFT: Described = Described {
    id: "liftHold",
    summary: "Lifts a legal hold.",
    text: "Needs a second person who may do so too: what is erased afterwards does not come back.",
    role: "dpo",
    takes: Takes::of::<LiftHoldRequest>(example::lift_hold),
    gives: Gives::of::<HoldAnswer>(),
    codes: &[ACT, FOR_CONTROLLER, FOUND, TWO_PEOPLE],
    items: &[],
};

pub(in crate::serve) const HOLDS_LIST: Described = Described {
    id: "listHolds",
    summary: "Lists the legal holds of a controller, or on one person.",
    text: "Also those that have ended by themselves, until they are lifted.",
    role: "dpo",
    takes: Takes::of::<ListHoldsRequest>(example::list_holds),
    gives: Gives::of::<HoldsAnswer>(),
    codes: &[ACT, FOR_CONTROLLER],
    items: &[],
};

pub(in crate::serve) const ERASURES_ALLOW: Described = Described {
    id: "allowErasures",
    summary: "Allows the caller to erase more than one person may alone within an hour.",
    text: "Beyond `[limits] erasures_an_hour` of coffer.toml, `records/erase` and `subjects/erase` answer `too_many_erasures`. Needs \
           what erasing in these categories for this purpose needs, and a second person who may do so too. Each record and each \
           person that is erased counts as one, first of the hour's number and then of what was allowed, until its time ends.",
    role: "dpo",
    takes: Takes::of::<AllowErasuresRequest>(example::allow_erasures),
    gives: Gives::of::<AllowErasuresAnswer>(),
    codes: &[MORE, TWO_PEOPLE],
    items: &[],
};

pub(in crate::serve) const SCHEMA_SHOW: Described = Described {
    id: "showSchema",
    summary: "Shows what the schema in force declares.",
    text: "What is kept, why, whence and for how long, and whose data it is.",
    role: "auditor",
    takes: Takes::of::<SchemaRequest>(example::show_schema),
    gives: Gives::of::<SchemaAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const OPENAPI_JSON: Described = Described {
    id: "openapi",
    summary: "Gives this document.",
    text: "`coffer-vault openapi` prints it without a vault. Needs no right.",
    role: "bank-officer",
    takes: None,
    gives: Gives::Document,
    codes: &[],
    items: &[],
};

/// `atomic` is for writes.
fn not_atomic() -> Value {
    json!({ "properties": { "atomic": { "const": false } } })
}

/// One type stands for three acts on keys, each of which takes its own of it.
fn of_a_state() -> Value {
    json!({ "required": ["state"], "properties": { "count": { "type": "null" }, "approval": { "type": "null" } } })
}

fn of_a_destruction() -> Value {
    json!({ "properties": { "count": { "type": "null" }, "state": { "type": "null" } } })
}

fn of_a_shredding() -> Value {
    json!({ "required": ["count"], "properties": { "count": { "type": "integer" }, "state": { "type": "null" } } })
}

fn one_file() -> Value {
    json!({ "properties": { "files": { "minProperties": 1, "maxProperties": 1 } } })
}

fn some_files() -> Value {
    json!({ "properties": { "files": { "minProperties": 1 } } })
}

pub(in crate::serve) const ROOT_ROTATE: Described = Described {
    id: "rotateRoot",
    summary: "Has another root key follow the present one.",
    text: "Every key under it is wrapped again, in one batch with one leaf. With a key file or a token one call without fields does it. \
           Where the vault opens by shares, a call with `split` gives out new ones, which do not count yet; then each is typed back by a call \
           with `share`, and the call that brings enough of them rotates. From then on the old shares open nothing. With `to_next_seal` the new \
           root key is held by the seal that the operator has declared, which takes a second person; the seal before opens nothing any more.",
    role: "security-admin",
    takes: Takes::of::<RotateRootRequest>(example::empty),
    gives: Gives::of::<RotateRootAnswer>(),
    codes: &[ACT, SHARES, ROTATED, TWO_PEOPLE],
    items: &[],
};

pub(in crate::serve) const VAULT_DRILL: Described = Described {
    id: "drillVault",
    summary: "Shows that shares, key file or token would open the vault.",
    text: "The vault stays open and nothing changes. Where it opens by shares, each officer hands in theirs by a call of its own; the last \
           one is told whether they would open it. They are gathered apart from those of `vault/unseal`.",
    role: "security-admin",
    takes: Takes::of::<DrillRequest>(example::empty),
    gives: Gives::of::<DrillAnswer>(),
    codes: &[ACT, SHARES],
    items: &[],
};

pub(in crate::serve) const VAULT_SEAL: Described = Described {
    id: "sealVault",
    summary: "Seals the vault.",
    text: "The leaf stands first. What is under way may go on for five seconds and is cut then: a read with `sealed`, a write with \
           `outcome_unknown`. This is answered when no key is left in the vault's memory. From then on it is open to `status` and \
           `vault/unseal` alone.",
    role: "security-admin",
    takes: Takes::of::<Empty>(example::empty),
    gives: Gives::of::<SealAnswer>(),
    codes: &[ACT],
    items: &[],
};

pub(in crate::serve) const VAULT_UNSEAL: Described = Described {
    id: "unsealVault",
    summary: "Opens a sealed vault, or hands in a share for it.",
    text: "Any application of the configuration may try, 40 times a minute; no token is needed, and an open vault answers \
           `already_open`. A vault with a key file or a token opens at once. One that opens by shares answers how many it has, until the last \
           one opens it; shares are forgotten an hour after the last. The leaf of the opening names through which applications they came.",
    role: "security-admin",
    takes: Takes::of::<UnsealRequest>(example::empty),
    gives: Gives::of::<UnsealAnswer>(),
    codes: &[SHARES, UNSEALED],
    items: &[],
};
