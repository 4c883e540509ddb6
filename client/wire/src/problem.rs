//! Stable error codes and the problem document (RFC 9457) that carries them.

use serde::{Deserialize, Serialize};

use crate::approvals::ApprovalId;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, as a closed list. The text form is stable: programs may compare it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable text form, at most 32 bytes.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The HTTP status that goes with the code.
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// One sentence for a person: what is wrong and what to do. Never holds a value.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is not the JSON that the operation takes.
    Malformed = "malformed", 400, "The body is not what this operation takes; see the field named in the detail.";
    /// The request names no purpose.
    PurposeMissing = "purpose_missing", 400, "The request must name its purpose.";
    /// The category asks for a case and the request names none.
    CaseRequired = "case_required", 400, "This category is opened for a case only; name the case.";
    /// The category asks where its values come from and the write does not say.
    SourceRequired = "source_required", 400, "This category asks where its values come from; name the source.";
    /// The vault's seal needs a share and none came.
    ShareMissing = "share_missing", 400, "This vault opens by shares; hand one in.";
    /// The vault's seal needs no shares and one came.
    ShareNotTaken = "share_not_taken", 400, "This vault's seal takes no shares; ask without one.";
    /// What came is no share.
    ShareMalformed = "share_malformed", 400, "This is not a share as it was written down.";
    /// A character of the share is wrong.
    ShareChecksum = "share_checksum", 400, "The share's checksum does not match: a character was lost or mistyped.";
    /// No token came with a request that needs a person.
    CredentialMissing = "credential_missing", 401, "This operation needs a person's token in the Authorization header.";
    /// The token cannot be trusted: signature, issuer, key, audience, application, shape or life.
    CredentialInvalid = "credential_invalid", 401, "The token is not one that this vault accepts.";
    /// The token or the certificate is past its end or before its start.
    CredentialExpired = "credential_expired", 401, "The token or certificate is outside its time; get a new one.";
    /// Certificate, application, person or token was revoked, or the application is suspended.
    CredentialRevoked = "credential_revoked", 401, "This credential has been revoked.";
    /// No application of the configuration has this certificate.
    CredentialUnknown = "credential_unknown", 401, "No application is configured for this certificate.";
    /// The application or the person has no right for this controller.
    ForbiddenController = "forbidden_controller", 403, "You have no right for this controller.";
    /// The application may not do this.
    ForbiddenApplication = "forbidden_application", 403, "The application may not do this.";
    /// No role of the person may do this.
    ForbiddenRole = "forbidden_role", 403, "None of your roles may do this.";
    /// No role of the person may act on this field.
    ForbiddenField = "forbidden_field", 403, "None of your roles may do this with one of the fields asked for.";
    /// The field may be read, but not in this form.
    ForbiddenForm = "forbidden_form", 403, "None of your roles may see one of the fields in this form; masked may be allowed.";
    /// The purpose is not permitted here.
    PurposeNotPermitted = "purpose_not_permitted", 403, "This purpose is not permitted for what was asked.";
    /// The token unites roles that one person may not hold together.
    RolesConflict = "roles_conflict", 403, "Your roles may not be held by one person.";
    /// The agreement under which the application acts for the controller has ended.
    AgreementEnded = "agreement_ended", 403, "The agreement under which this application acts for the controller has ended; listing and erasing remain.";
    /// What was asked for rests on the person's consent, which is not in force.
    NoConsent = "no_consent", 403, "This rests on the person's consent, which was not given or was withdrawn.";
    /// Nothing readable is there: never was, erased, or not this controller's.
    NotFound = "not_found", 404, "There is nothing here.";
    /// No such operation.
    NoSuchOperation = "no_such_operation", 404, "There is no such operation.";
    /// The operation exists with another method.
    MethodNotAllowed = "method_not_allowed", 405, "This operation takes another method.";
    /// The record has another version than the caller expected.
    VersionConflict = "version_conflict", 409, "The record has another version than expected; read it again.";
    /// The category is append-only and the record is there already.
    AppendOnly = "append_only", 409, "Records of this category are not changed; write a new one that corrects this one.";
    /// The vault is open, so there is nothing to unseal.
    AlreadyOpen = "already_open", 409, "The vault is open already.";
    /// The share was handed in already.
    ShareTwice = "share_twice", 409, "This share was handed in already; another officer's is needed.";
    /// The share is of another set.
    ShareOfAnotherSet = "share_of_another_set", 409, "This share is of another set than this vault's; find the one that was given out last.";
    /// No new shares were given out that could be typed back.
    NothingPrepared = "nothing_prepared", 409, "No new shares wait to be typed back; ask for new ones first.";
    /// The operator has declared no next seal.
    NoNextSeal = "no_next_seal", 409, "The operator has declared no seal to change to; it stands under [next_seal] in coffer.toml.";
    /// Something lies in the place of the next seal.
    NextSealTaken = "next_seal_taken", 409, "In the place of the next seal lies something already; the operator declares another place.";
    /// Another item of the atomic request was refused, so this one was not done either.
    NotDone = "not_done", 409, "Another item of this atomic request was refused, so this one was not done.";
    /// The person has as many records in the category as the vault takes.
    TooManyRecords = "too_many_records", 409, "This person has as much in this category as the vault takes: 1,024 records, or 4 MiB of them.";
    /// The act needs a second person, who has not approved it yet. The problem names the request in `approval`.
    ApprovalNeeded = "approval_needed", 409, "This needs a second person; another admin must approve it, then send it again with the approval named here.";
    /// Who asks may not approve.
    ApprovalOwn = "approval_own", 403, "You asked for this yourself; another person must approve it.";
    /// The request for a second person was asked for by nobody, or long ago.
    ApprovalUnknown = "approval_unknown", 404, "There is no such approval; send the request without one to ask for it.";
    /// Nobody approved it in time, or it was not used in time.
    ApprovalExpired = "approval_expired", 409, "This approval is past its time; send the request without one to ask again.";
    /// It was refused.
    ApprovalRefused = "approval_refused", 409, "This was refused by a second person, or taken back.";
    /// It was used before; an approval counts once.
    ApprovalUsed = "approval_used", 409, "This approval was used; each counts once. Send the request without one to ask again.";
    /// It was given for something else.
    ApprovalMismatch = "approval_mismatch", 422, "This approval is for another request: act, body and person must be those that were asked for, and the policy in force the same.";
    /// Somebody decided before.
    ApprovalDecided = "approval_decided", 409, "This was decided by somebody before you; list the approvals to see how.";
    /// Who approved it may not do so any more.
    ApprovalVoid = "approval_void", 409, "Who approved this may no longer do so; send the request without an approval to ask again.";
    /// The person has as many open requests as may be.
    TooManyApprovals = "too_many_approvals", 409, "You have as many open requests as one person may have; take some back, or wait until they are decided.";
    /// The key is the one that wraps what is new.
    KeyActive = "key_active", 409, "This version wraps what is new; rotate the key first (`coffer keys rotate`).";
    /// Something still lies under the key.
    KeyInUse = "key_in_use", 409, "Something still lies under this key; wait for its rotation to end, or look at `coffer keys jobs`.";
    /// The key is in a state from which this step does not go.
    KeyStep = "key_step", 409, "The key is in a state from which this step does not go; see `coffer keys list`.";
    /// The count that was named is not that of what lies under the key.
    CountMismatch = "count_mismatch", 409, "The count is not that of what lies under this key; the detail says how much does.";
    /// The key's last rotation is still under way.
    KeptForLife = "kept_for_life", 409, "Audit keys are for life, since the log's aliases derive from them; rotate `audit` without `deep`.";
    RotationRuns = "rotation_runs", 409, "The last rotation of this key is still under way; see `coffer keys jobs`.";
    /// A legal hold stands on the person.
    OnHold = "on_hold", 409, "A legal hold stands on this person, so nothing of theirs is erased; it must be lifted first.";
    /// The person has erased as much within an hour as one may alone.
    TooManyErasures = "too_many_erasures", 409, "You have erased as much within an hour as one person may alone; wait, or ask a second person to allow more (`erasures/allow`, `coffer erasures allow`).";
    /// The person has as many holds as may be.
    TooManyHolds = "too_many_holds", 409, "As many holds stand on this person as may be; lift one that is over.";
    /// The body did not come in the time that it may take.
    TooSlow = "too_slow", 408, "The body did not come in the time that it may take.";
    /// The body is over the limit.
    TooLarge = "too_large", 413, "The request is over the limit; send less at once.";
    /// The body is not JSON.
    UnsupportedMediaType = "unsupported_media_type", 415, "Send application/json.";
    /// The schema in force has no such category.
    UnknownCategory = "unknown_category", 422, "The schema in force has no such category.";
    /// There is no such version of such a key.
    UnknownKey = "unknown_key", 422, "There is no such version of such a key; see `coffer keys list`.";
    /// The schema in force has no such field.
    UnknownField = "unknown_field", 422, "The category has no such field.";
    /// The record would be without a field that every record of the category has.
    FieldRequired = "field_required", 422, "No record of this category is without this field.";
    /// The value does not fit its field.
    InvalidValue = "invalid_value", 422, "The value does not fit its field.";
    /// The category, or one of the fields, takes no values from this source.
    SourceNotTaken = "source_not_taken", 422, "The category takes no values of this field from this source.";
    /// A payment card number stands in what was sent; none is ever stored.
    CardNumber = "card_number", 422, "A payment card number stands in the request; none is ever stored. Take it out.";
    /// A field about another person came without that person, or the reverse.
    SubjectMismatch = "subject_mismatch", 422, "A field about another person must name that person under `about`, and no other field may.";
    /// The idempotency key was used for another request.
    IdempotencyMismatch = "idempotency_mismatch", 422, "This idempotency key was used for another request; a new request needs a new key.";
    /// Enough shares came, and together they do not open the vault.
    SharesWrong = "shares_wrong", 422, "These shares together do not open the vault, and it cannot be told which is wrong; all are handed in again.";
    /// No set of shares can be of these numbers.
    SplitImpossible = "split_impossible", 422, "At least 2 shares must be needed, at most 16 can be given out, and no more can be needed than there are.";
    /// A proposed schema or policy cannot be activated.
    InvalidProposal = "invalid_proposal", 422, "The proposed files cannot be activated; the detail names file, line and key.";
    /// The log's key before the present one signs still, or clients would follow no further note.
    RekeyUnderWay = "rekey_under_way", 409, "The log cannot get a new key now; the detail says why and until when.";
    /// The application takes more than its share: connections, requests at one time or requests a second. Nothing was done.
    TooManyRequests = "too_many_requests", 429, "The application is over its limit, and nothing was done; come again after the time given.";
    /// What is stored does not open: moved, swapped, altered or of a lost key.
    Altered = "altered", 500, "What is stored here does not open; the operator has been told by the log.";
    /// A fault of the vault that has no code of its own.
    Internal = "internal", 500, "The vault failed; the operator finds the reason under the request id.";
    /// The vault is sealed or its log is not continuous.
    Sealed = "sealed", 503, "The vault is sealed.";
    /// What holds the root key does not give it.
    SealUnavailable = "seal_unavailable", 503, "What holds the root key does not give it; the operator finds the reason under the request id.";
    /// Too much is waiting already.
    Busy = "busy", 503, "The vault is busy; try again after the time given.";
    /// What was asked for lies under a key that is compromised, until it is moved.
    KeyWithheld = "key_withheld", 503, "What was asked for lies under a compromised key and is being moved from there; try again later.";
    /// The access log cannot be written, so nothing is released.
    LogUnwritable = "log_unwritable", 503, "The access log cannot be written, so nothing is released.";
    /// A write or erase whose sync failed: it may have persisted.
    OutcomeUnknown = "outcome_unknown", 503, "The write may or may not have been kept; read it before trying again.";
    /// The head outside the database is too old.
    HeadLate = "head_late", 503, "The log's head cannot be kept outside the database, so nothing is released.";
    /// It is erased and in the log, and the erasure ledger outside the database does not have it yet.
    ErasedNotMirrored = "erased_not_mirrored", 503, "It is erased, and stays so; but the erasure ledger beside the head cannot be written yet. Send the same request again, with its idempotency key, to be told when it is.";
    /// Free space is down to the reserve.
    NoSpace = "no_space", 503, "Free space is down to the reserve; the operator must make room.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The problem document of RFC 9457, sent as `application/problem+json` for a whole envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:coffer:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for a person.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// Which part of the request, where that helps. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request for a second person, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The id under which the operator finds this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Problem {
    /// The media type of the document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// The problem of a code, without detail.
    pub fn new(code: Code) -> Problem {
        Problem {
            kind: format!("urn:coffer:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: None,
            approval: None,
            request: None,
        }
    }

    /// The same with a detail.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into());
        self
    }

    /// The same with the request for a second person.
    pub fn with_approval(mut self, approval: ApprovalId) -> Problem {
        self.approval = Some(approval);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_fit_a_leaf() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(code.as_str().len() <= 32, "{code} is too long for a leaf");
            assert!(seen.insert(code.as_str()), "{code} stands twice");
            assert!((400..600).contains(&code.status()));
        }
    }
}
