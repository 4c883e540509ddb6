//! The keys of the meta family.

/// The store's format.
pub const FORMAT: &[u8] = b"format";
/// The newest checkpoint.
pub const CHECKPOINT: &[u8] = b"checkpoint";
/// Begins the key of a controller's last number.
pub const NUMBER_PREFIX: &[u8] = b"number:";
/// Begins the key of what is remembered of requests with an idempotency key.
pub const IDEMPOTENCY_PREFIX: &[u8] = b"idempotency:";
/// Begins the key of a note by which the log's key handed on.
pub const HANDOVER_PREFIX: &[u8] = b"handover:";
/// Begins the key of a request for a second person.
pub const APPROVAL_PREFIX: &[u8] = b"approval:";
/// Begins the key of a job, which ends in the position of the leaf that opened it.
pub const JOB_PREFIX: &[u8] = b"job:";
/// The newest leaf that says that no byte of destroyed keys is left, and of which keys.
pub const ERASED_FINAL: &[u8] = b"erased-final";
/// The leaf of the newest act that destroyed a category key.
pub const KEYS_ENDED: &[u8] = b"keys-ended";
/// No row is ever there: its delete is what a write-ahead log holds that is to end.
pub const STIRRED: &[u8] = b"\0stirred";
/// Begins the key of a legal hold.
pub const HOLD_PREFIX: &[u8] = b"hold:";
/// Begins the key of a count of erasures by one person, or of an allowance of more.
pub const ERASURES_PREFIX: &[u8] = b"erasures:";
/// The policy in force, as files.
pub const ACCESS: &[u8] = b"access";
/// The schema in force, as files.
pub const SCHEMA: &[u8] = b"schema";
/// The epoch of both.
pub const EPOCH: &[u8] = b"epoch";
/// The tag that vouches for these three.
pub const IN_FORCE: &[u8] = b"in-force";
/// When the newest drill was that would have opened the vault, with the tag that vouches for it.
pub const DRILL: &[u8] = b"drill";
