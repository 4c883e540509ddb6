//! How a command ends before its end: a sentence with a stable code and what to do, and a status for
//! programs.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use coffer_client::{Error, Invalid, Refusal, SetupError, Standing};
use serde_json::json;

use coffer_wire::approvals::ApprovalId;
use coffer_wire::escape::{clean, clean_json};
use coffer_wire::problem::Code;

/// Exit statuses. Those above 2 are of sysexits(3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Nobody reads what is printed any more; no failure.
    Unread = 0,
    /// Refused, or what was checked is not as it should be.
    Failed = 1,
    /// What was typed makes no sense.
    Usage = 2,
    /// The vault cannot be reached or cannot serve.
    Unavailable = 69,
    /// The configuration or the token cannot be used.
    Config = 78,
}

/// Why a command ended.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    code: &'static str,
    message: String,
    advice: &'static str,
    index: Option<u64>,
    approval: Option<ApprovalId>,
}

impl Failure {
    /// A failure with its code and sentence; `advice` may be empty.
    pub fn new(exit: Exit, code: &'static str, message: impl Display, advice: &'static str) -> Failure {
        Failure { exit, code, message: message.to_string(), advice, index: None, approval: None }
    }

    /// The same, for programs, with the leaf of the log that it is about.
    pub fn at(self, index: u64) -> Failure {
        Failure { index: Some(index), ..self }
    }

    /// What was typed makes no sense.
    pub fn usage(message: impl Display, advice: &'static str) -> Failure {
        Failure::new(Exit::Usage, "usage", message, advice)
    }

    /// A check that did not hold.
    pub fn check(code: &'static str, message: impl Display, advice: &'static str) -> Failure {
        Failure::new(Exit::Failed, code, message, advice)
    }

    /// A file of the configuration that cannot be read or is wrong.
    pub fn config(what: impl Display, error: impl Display) -> Failure {
        Failure::new(
            Exit::Config,
            "configuration",
            format!("{what}: {error}"),
            "`--config` and `--token-file` say which",
        )
    }

    /// A client's configuration, or a file that it names, is missing or wrong; the same whichever command needs it.
    pub fn setup(config: &Path, error: &SetupError) -> Failure {
        let config = config.display();
        match error {
            SetupError::File { path, kind: io::ErrorKind::NotFound }
                if path.as_os_str() == config.to_string().as_str() =>
            {
                let message = format!("there is no client configuration at {config}");
                Failure::new(Exit::Config, "configuration", message, NO_CONFIGURATION)
            }
            SetupError::File { path, kind: io::ErrorKind::NotFound } => {
                let message = format!("{}, which {config} names, is not there", path.display());
                Failure::new(Exit::Config, "configuration", message, "paths in it are relative to it")
            }
            SetupError::File { .. } | SetupError::Config { .. } => {
                Failure::new(Exit::Config, "configuration", error, "see `--config`")
            }
            other => Failure::new(Exit::Config, "configuration", format!("{config}: {other}"), "see `--config`"),
        }
    }

    /// Reading or writing on this machine failed.
    pub fn failed(what: impl Display, error: impl Display) -> Failure {
        Failure::new(Exit::Failed, "io", format!("{what}: {error}"), "")
    }

    /// An input named on the command line that cannot be used.
    pub fn input(what: impl Display, error: impl Display) -> Failure {
        Failure::usage(format!("{what}: {error}"), "")
    }

    /// Standard output cannot be written to.
    pub fn printing(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Exit::Unread, "unread", "nobody reads on", ""),
            _ => Failure::failed("standard output", error),
        }
    }

    /// The stable code.
    #[cfg(test)]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence on standard error, or the same as JSON, and the status.
    pub fn report(&self, json: bool) -> ExitCode {
        if self.exit != Exit::Unread {
            eprintln!("{}", if json { self.json() } else { self.sentence() });
        }
        ExitCode::from(self.exit as u8)
    }

    fn sentence(&self) -> String {
        let (message, code) = (clean(self.message.trim_end_matches('.')), self.code);
        match self.advice {
            "" => format!("coffer: {message} ({code})"),
            advice => format!("coffer: {message} ({code}); {advice}"),
        }
    }

    fn json(&self) -> String {
        let mut error = json!({ "code": self.code, "message": self.message, "exit": self.exit as u8 });
        if !self.advice.is_empty() {
            error["advice"] = self.advice.into();
        }
        if let Some(index) = self.index {
            error["index"] = index.into();
        }
        if let Some(approval) = self.approval {
            error["approval"] = approval.to_string().into();
        }
        clean_json(&json!({ "error": error }).to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let code = error.code();
        let message = match &error {
            Error::Refused(refusal) => refused(refusal),
            Error::Invalid(Invalid::NoController) => "nobody said whose data is meant".to_owned(),
            other => other.to_string(),
        };
        let exit = match &error {
            Error::Invalid(_) => Exit::Usage,
            Error::Unreachable(_) | Error::Interrupted(_) | Error::OutcomeUnknown(_) => Exit::Unavailable,
            Error::Refused(refusal) if [429, 503].contains(&refusal.code.status()) => Exit::Unavailable,
            _ => Exit::Failed,
        };
        let leaf = error.refusal().and_then(|refusal| refusal.logged().first()).map(|logged| logged.index);
        let approval = error.refusal().and_then(|refusal| refusal.approval.as_deref().copied());
        let advice = match error {
            Error::Invalid(Invalid::NoController) => "give `--controller`, or `controller` in the configuration",
            _ => advice(code),
        };
        let failure = Failure { approval, ..Failure::new(exit, code, message, advice) };
        match leaf {
            Some(index) => failure.at(index),
            None => failure,
        }
    }
}

/// The vault's words, without the code, which the sentence names itself.
fn refused(refusal: &Refusal) -> String {
    let words = refusal.detail.as_deref().unwrap_or(refusal.code.title());
    let mut message = words.trim_end_matches('.').replace('\n', "; ");
    if let Some(field) = refusal.field {
        message = format!("field {field}: {message}");
    }
    if let Some(version) = refusal.version {
        message.push_str(&format!(", its version is {version}"));
    }
    if let (Code::ApprovalNeeded, Some(id)) = (refusal.code, refusal.approval.as_deref()) {
        message.push_str(&second_person(id));
    }
    if let Some(request) = &refusal.request {
        message.push_str(&format!(", request {request}"));
    } else if refusal.standing == Standing::Unreceipted {
        message.push_str(", without a receipt");
    }
    if let Some(seconds) = refusal.retry_after_seconds {
        message.push_str(&format!(", ask again in {seconds} s"));
    }
    message
}

/// What happens next where one person alone is not enough: who decides, how, and how to go on.
fn second_person(id: &ApprovalId) -> String {
    format!(
        ". This takes a second person. Another who may do it looks at it with `coffer approvals show {id}` and decides with \
         `coffer approvals approve {id}`; then send the same again with `--approval {id}`"
    )
}

/// What somebody does who has none.
const NO_CONFIGURATION: &str = "`--config FILE` says where it is; `coffer-vault dev` prints one, and a vault's operator has one for each application";

/// What a person can do about it, where the vault's own words do not say it already.
fn advice(code: &str) -> &'static str {
    match code {
        "unreachable" => "is it running, and is `url` of the configuration right?",
        "interrupted" => "try again; the access may stand in the log",
        "outcome_unknown" => "nothing else should be tried first",
        "unexpected_answer" => "does `url` of the configuration lead to a vault of this version?",
        "log_inconsistent" => "keep what you have and call the auditor: this must not happen",
        "credential_missing" => "give `--token-file`",
        "credential_invalid" => "is it of an issuer of this vault, and for the application of the configuration?",
        "credential_revoked" => "ask the security admin",
        "credential_expired" => "put a new one where `--token-file` points",
        "credential_unknown" => "is `certificate` of the configuration this application's?",
        "forbidden_controller" | "roles_conflict" => "`coffer whoami` shows roles and controllers",
        "forbidden_application" | "forbidden_role" | "forbidden_field" | "purpose_not_permitted" => {
            "`coffer access who-can` shows who may, for which purpose and through which application"
        }
        "forbidden_form" => "leave out `--clear` or `--form`",
        "agreement_ended" => {
            "`coffer schema show` names the agreements and their last days; the operator declares a new one"
        }
        "purpose_missing" => "give `--purpose`",
        "source_required" => "give `--source`",
        "source_not_taken" => "the file of the category names the sources that it takes",
        "case_required" => "give `--case`",
        "no_consent" => "what tells of the consent can still be read, and the consent be recorded",
        "field_required" => "`coffer schema show` marks the fields that each record has",
        "append_only" => "write a new record that names this one as the one it corrects",
        "version_conflict" => "then write with `--expected-version`",
        "approval_own" => "`coffer approvals list` shows who asked for what",
        "approval_mismatch" | "approval_void" | "approval_expired" | "approval_used" | "approval_unknown" => {
            "leave out `--approval` to ask for it anew"
        }
        "approval_decided" | "too_many_approvals" => "`coffer approvals list` shows them",
        "on_hold" => "`coffer hold list` shows the holds, and `coffer hold lift` lifts one, by two people",
        "card_number" => "if it is none, put a word or a comma between its groups",
        "subject_mismatch" => "give `--about FIELD=PERSON`",
        "unknown_category" | "unknown_field" => "`coffer status` lists the categories",
        "not_found" => "it never was, was erased, or is not for you to know of",
        "sealed" => "`coffer status` says why; `coffer unseal` opens it",
        "already_open" => "there is nothing to do",
        "share_missing" => "give `--share-file FILE`, or type it",
        "share_not_taken" => "leave out `--share-file`",
        "share_malformed" | "share_checksum" => "compare it with what was written down",
        "shares_wrong" => "`coffer drill` shows beforehand whether shares are right",
        "no_next_seal" => "the operator declares it in coffer.toml and starts the vault again",
        "next_seal_taken" => "`coffer status` says whether the change was made already",
        "seal_unavailable" => "tell the operator",
        "busy" | "head_late" | "too_slow" => "try again in a moment",
        "too_many_requests" => "the operator sets how much this application may take",
        "altered" | "internal" | "log_unwritable" | "no_space" => "tell the operator",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use coffer_wire::problem::Problem;

    use super::*;

    fn of(code: Code) -> Failure {
        Failure::from(Error::Refused(Refusal::from(Problem::new(code))))
    }

    #[test]
    fn a_refusal_is_one_sentence_with_its_code_and_what_to_do() {
        let sentence = of(Code::CaseRequired).sentence();
        assert_eq!(
            sentence,
            "coffer: This category is opened for a case only; name the case, without a receipt (case_required); give `--case`"
        );
    }

    #[test]
    fn what_needs_two_says_who_decides_and_how_to_go_on() {
        let id = ApprovalId([7; 16]);
        let problem = Problem::new(Code::ApprovalNeeded).with_approval(id);
        let failure = Failure::from(Error::Refused(Refusal::from(problem)));
        for says in [format!("approvals approve {id}"), format!("--approval {id}"), "another admin".to_owned()] {
            assert!(failure.sentence().contains(&says), "{says}: {}", failure.sentence());
        }
        assert!(failure.json().contains(&format!("\"approval\":\"{id}\"")), "{}", failure.json());
    }

    #[test]
    fn statuses_tell_refused_from_unavailable_from_misused() {
        assert_eq!(of(Code::NotFound).exit, Exit::Failed);
        assert_eq!(of(Code::CredentialExpired).exit, Exit::Failed);
        assert_eq!(of(Code::Sealed).exit, Exit::Unavailable);
        assert_eq!(of(Code::TooManyRequests).exit, Exit::Unavailable);
        assert_eq!(Failure::from(Error::Unreachable("refused".into())).exit, Exit::Unavailable);
        assert_eq!(Failure::setup(Path::new("client.toml"), &SetupError::Url).exit, Exit::Config);
        assert_eq!(Failure::usage("x", "").exit, Exit::Usage);
    }

    #[test]
    fn a_missing_configuration_is_told_from_a_file_that_it_names() {
        let missing = |path: &str| SetupError::File { path: path.into(), kind: io::ErrorKind::NotFound };
        let said = |path| Failure::setup(Path::new("client.toml"), &missing(path)).sentence();
        assert_eq!(
            said("client.toml"),
            format!("coffer: there is no client configuration at client.toml (configuration); {NO_CONFIGURATION}")
        );
        assert!(said("client.key").starts_with("coffer: client.key, which client.toml names, is not there"));
    }

    #[test]
    fn what_the_vault_says_is_printed_without_its_control_characters() {
        let mut problem = Problem::new(Code::Malformed).with_detail("\u{1b}[2Jbroken");
        problem.request = Some("\u{9b}1m".to_owned());
        let failure = Failure::from(Error::Refused(Refusal::from(problem)));
        for printed in [failure.sentence(), failure.json()] {
            assert!(!printed.contains(char::is_control), "{printed}");
        }
    }

    #[test]
    fn a_reader_that_stops_reading_is_no_failure() {
        let failure = Failure::printing(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit, Exit::Unread);
    }
}
