//! Which codes an operation may answer with: those of every request, and its own.

use std::collections::BTreeMap;

use coffer_wire::problem::Code;

/// Of whoever may not come in, or not like this.
const CALLER: &[Code] = &[
    Code::CredentialInvalid,
    Code::CredentialExpired,
    Code::CredentialRevoked,
    Code::CredentialUnknown,
    Code::ForbiddenRole,
    Code::RolesConflict,
    Code::TooLarge,
    Code::TooManyRequests,
];
/// Where a person's token is needed.
const PERSON: &[Code] = &[Code::CredentialMissing];
/// Of a body that cannot be taken.
const BODY: &[Code] = &[Code::Malformed, Code::TooSlow, Code::UnsupportedMediaType, Code::CardNumber];
/// Of a vault that cannot answer.
const VAULT: &[Code] = &[
    Code::Altered,
    Code::Internal,
    Code::Sealed,
    Code::Busy,
    Code::LogUnwritable,
    Code::OutcomeUnknown,
    Code::HeadLate,
    Code::NoSpace,
    Code::ErasedNotMirrored,
];
/// Said of requests that are no operation, or not one of this method.
pub(super) const OF_NO_OPERATION: &[Code] = &[Code::NoSuchOperation, Code::MethodNotAllowed];

/// Of acts that touch no record.
pub(super) const ACT: &[Code] = &[Code::ForbiddenApplication, Code::ForbiddenRole];
/// Of an act on a controller's keys.
pub(super) const KEYS: &[Code] = &[Code::ForbiddenController, Code::UnknownCategory];
/// Of a rotation.
pub(super) const ROTATES: &[Code] = &[Code::RotationRuns, Code::KeptForLife];
/// Of one version that is to come into another state.
pub(super) const STATES: &[Code] = &[Code::UnknownKey, Code::KeyActive, Code::KeyStep];
/// Of a proposal.
pub(super) const PROPOSAL: &[Code] = &[Code::InvalidProposal];
/// Of what takes a share, or has the seal give the root key.
pub(super) const SHARES: &[Code] = &[
    Code::ShareMissing,
    Code::ShareNotTaken,
    Code::ShareMalformed,
    Code::ShareChecksum,
    Code::ShareTwice,
    Code::ShareOfAnotherSet,
    Code::SharesWrong,
    Code::SealUnavailable,
];
/// Of a rotation of the root key.
pub(super) const ROTATED: &[Code] =
    &[Code::NothingPrepared, Code::SplitImpossible, Code::NoNextSeal, Code::NextSealTaken];
/// Of what opens the vault.
pub(super) const UNSEALED: &[Code] = &[Code::AlreadyOpen];
/// Of a new key of the log.
pub(super) const REKEY: &[Code] = &[Code::RekeyUnderWay];
/// Of an act that needs two people, and of its approval.
pub(super) const TWO_PEOPLE: &[Code] = &[
    Code::ApprovalNeeded,
    Code::ApprovalUnknown,
    Code::ApprovalExpired,
    Code::ApprovalRefused,
    Code::ApprovalUsed,
    Code::ApprovalMismatch,
    Code::ApprovalVoid,
    Code::TooManyApprovals,
];
/// Of a second person's decision: those of the act itself, and of the request.
pub(super) const DECISION: &[Code] = &[
    Code::ForbiddenController,
    Code::ForbiddenApplication,
    Code::ForbiddenRole,
    Code::PurposeNotPermitted,
    Code::ApprovalUnknown,
    Code::ApprovalExpired,
    Code::ApprovalDecided,
];
/// Of an approval alone.
pub(super) const APPROVAL: &[Code] = &[Code::ApprovalOwn];
/// Of an act for one controller.
pub(super) const FOR_CONTROLLER: &[Code] = &[Code::ForbiddenController];
/// Of setting a hold.
pub(super) const HOLD: &[Code] = &[Code::TooManyHolds];
/// Of what is looked for by its name.
pub(super) const FOUND: &[Code] = &[Code::NotFound];
/// Of an erase.
pub(super) const ERASED: &[Code] = &[Code::OnHold, Code::TooManyErasures];
/// Of asking to erase more: what the policy says of the erasures.
pub(super) const MORE: &[Code] = &[
    Code::ForbiddenController,
    Code::ForbiddenApplication,
    Code::ForbiddenRole,
    Code::PurposeNotPermitted,
    Code::CaseRequired,
    Code::UnknownCategory,
];
/// Of every item.
pub(super) const ITEM: &[Code] = &[
    Code::ForbiddenController,
    Code::AgreementEnded,
    Code::ForbiddenApplication,
    Code::ForbiddenRole,
    Code::PurposeMissing,
    Code::PurposeNotPermitted,
    Code::CaseRequired,
    Code::UnknownCategory,
    Code::NotFound,
    Code::CardNumber,
    Code::TooLarge,
    Code::Altered,
    Code::Internal,
    Code::Busy,
    Code::KeyWithheld,
    Code::LogUnwritable,
    Code::OutcomeUnknown,
    Code::HeadLate,
    Code::NoSpace,
];
/// Of an item that names fields.
pub(super) const FIELDS: &[Code] = &[Code::Malformed, Code::UnknownField, Code::ForbiddenField];
/// Of a read.
pub(super) const SHOWN: &[Code] = &[Code::ForbiddenForm, Code::NoConsent];
/// Of what takes an idempotency key.
pub(super) const ONCE: &[Code] = &[Code::IdempotencyMismatch, Code::ErasedNotMirrored];
/// Of a write.
pub(super) const WRITTEN: &[Code] = &[
    Code::NoConsent,
    Code::FieldRequired,
    Code::SourceRequired,
    Code::SourceNotTaken,
    Code::InvalidValue,
    Code::SubjectMismatch,
    Code::VersionConflict,
    Code::AppendOnly,
    Code::NotDone,
    Code::TooManyRecords,
];

/// What the envelope of an operation may say, by HTTP status.
pub(super) fn by_status(person: bool, posted: bool, own: &[&[Code]]) -> BTreeMap<u16, Vec<Code>> {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    let (person, body) = (if person { PERSON } else { &[] }, if posted { BODY } else { &[] });
    for code in sorted(&[&[CALLER, person, body, VAULT], own].concat()) {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status
}

/// Each once, in the order of the table of codes.
pub(super) fn sorted(groups: &[&[Code]]) -> Vec<Code> {
    let said = |code: &&Code| groups.iter().any(|group| group.contains(code));
    Code::ALL.iter().filter(said).copied().collect()
}
