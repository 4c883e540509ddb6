//! Approvals of what is done to a vault that is not open: asked for in a file, signed with an application's certificate
//! key, and handed to the operator.
//!
//! ```text
//! coffer-approval/1
//! act: adopt-head                    or `succeed`, `restore`
//! home: oakvale-vault
//! old: none                          or the SHA-256 of the head's note
//! checkpoint: Y29mZmVyLm…            base64 of the store's newest signed note; `none` where there is none to be believed
//! detail: damaged                    of what is succeeded or restored, and not of a head that is adopted
//! reason: The head's disk was lost.  from here on in an approval, and not in what asks for one
//! made: 1795320000000                Unix time in milliseconds
//! expires: 1795406400000
//! certificate: MIIB…                 base64 of its DER form
//! signature: MEUC…                   base64, over all above this line
//! ```

use std::fmt::Write as _;

use data_encoding::BASE64;

use crate::{Hash, Name};

/// The first line.
const FORMAT: &str = "coffer-approval/1";
/// What stands for a head or a checkpoint that is not there.
const NONE: &str = "none";
/// Bytes of a detail, at most.
pub const DETAIL_BYTES_MAX: usize = 512;
/// Bytes of a reason, at most.
pub const REASON_BYTES_MAX: usize = 256;
/// Bytes of such a file, at most.
pub const APPROVAL_BYTES_MAX: usize = 64 * 1024;
/// An approval counts for no longer than this, in milliseconds.
pub const APPROVAL_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What may be done to a vault that is not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// The store's newest checkpoint becomes the head. Nothing that was seen is given up.
    AdoptHead,
    /// The log is closed and a successor opened: what was seen and is not there is given up.
    Succeed,
    /// An older copy takes the vault's place.
    Restore,
}

impl Act {
    const ALL: [Act; 3] = [Act::AdoptHead, Act::Succeed, Act::Restore];

    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::AdoptHead => "adopt-head",
            Act::Succeed => "succeed",
            Act::Restore => "restore",
        }
    }

    /// How many must approve it, each with a key of their own: where something that was in the log may be given up, two.
    pub fn approvers(self) -> usize {
        match self {
            Act::AdoptHead => 1,
            Act::Succeed | Act::Restore => 2,
        }
    }

    fn of(text: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.as_str() == text)
    }

    /// Whether what is asked for says more than home, head and checkpoint.
    fn has_detail(self) -> bool {
        self != Act::AdoptHead
    }
}

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What shall be done.
    pub act: Act,
    /// The vault's name.
    pub home: Name,
    /// SHA-256 of the note in the head file; nothing where there is no head.
    pub old: Option<Hash>,
    /// The signed note of the store's newest checkpoint, where there is one to be believed. A head that is adopted is one.
    pub checkpoint: Option<String>,
    /// One line that says what else is approved: why the log is closed, which copy is restored. Empty for
    /// [`Act::AdoptHead`], and for no other.
    pub detail: String,
}

/// What an admin has signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// What was asked for.
    pub request: Request,
    /// Why.
    pub reason: String,
    /// When it was signed, Unix time in milliseconds.
    pub made_ms: u64,
    /// From when on it does not count, Unix time in milliseconds.
    pub expires_ms: u64,
    /// Whose key signed it, DER.
    pub certificate: Vec<u8>,
}

/// Why a file is none of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnApproval {
    /// Another form, another act, or something beside it.
    #[error("the file is no approval, nor what asks for one, of this version")]
    Malformed,
    /// Empty, too long, or not one line.
    #[error("a reason is one line of 1 to {REASON_BYTES_MAX} bytes")]
    Reason,
}

impl Request {
    /// The file that asks.
    pub fn encode(&self) -> String {
        let old = self.old.map_or(NONE.to_owned(), |hash| hash.to_string());
        let checkpoint = self.checkpoint.as_ref().map_or(NONE.to_owned(), |note| BASE64.encode(note.as_bytes()));
        let act = self.act.as_str();
        let mut text = format!("{FORMAT}\nact: {act}\nhome: {}\nold: {old}\ncheckpoint: {checkpoint}\n", self.home);
        if self.act.has_detail() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "detail: {}", self.detail);
        }
        text
    }

    /// Reads a file that asks.
    pub fn parse(text: &str) -> Result<Request, NotAnApproval> {
        let (request, rest) = Request::read(text)?;
        if rest.is_empty() { Ok(request) } else { Err(NotAnApproval::Malformed) }
    }

    fn read(text: &str) -> Result<(Request, &str), NotAnApproval> {
        let rest =
            text.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('\n')).ok_or(NotAnApproval::Malformed)?;
        let (act, rest) = line(rest, "act")?;
        let (home, rest) = line(rest, "home")?;
        let (old, rest) = line(rest, "old")?;
        let (checkpoint, rest) = line(rest, "checkpoint")?;
        let act = Act::of(act).ok_or(NotAnApproval::Malformed)?;
        let (detail, rest) = if act.has_detail() { line(rest, "detail")? } else { ("", rest) };
        let old = match old {
            NONE => None,
            hash => Some(hash.parse().map_err(|_| NotAnApproval::Malformed)?),
        };
        let checkpoint = match checkpoint {
            NONE => None,
            note => Some(String::from_utf8(decoded(note)?).map_err(|_| NotAnApproval::Malformed)?),
        };
        let home = Name::new(home).map_err(|_| NotAnApproval::Malformed)?;
        let request = Request { act, home, old, checkpoint, detail: detail.to_owned() };
        if request.is_sound() { Ok((request, rest)) } else { Err(NotAnApproval::Malformed) }
    }

    /// A head that is adopted is a checkpoint; everything else says what it is about, in one line.
    fn is_sound(&self) -> bool {
        match self.act.has_detail() {
            false => self.checkpoint.is_some() && self.detail.is_empty(),
            true => is_line(&self.detail, DETAIL_BYTES_MAX),
        }
    }
}

impl Approval {
    /// What is signed.
    pub fn signed(&self) -> Result<String, NotAnApproval> {
        if !is_line(&self.reason, REASON_BYTES_MAX) {
            return Err(NotAnApproval::Reason);
        }
        if !self.request.is_sound() {
            return Err(NotAnApproval::Malformed);
        }
        let mut text = self.request.encode();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "reason: {}\nmade: {}\nexpires: {}", self.reason, self.made_ms, self.expires_ms);
        let _ = writeln!(text, "certificate: {}", BASE64.encode(&self.certificate));
        Ok(text)
    }

    /// The file that approves: what is signed, and the signature over it.
    pub fn assemble(signed: &str, signature: &[u8]) -> String {
        format!("{signed}signature: {}\n", BASE64.encode(signature))
    }

    /// Reads a file that approves: what it says, the bytes that were signed, the signature. Nothing is verified here.
    pub fn parse(text: &str) -> Result<(Approval, &str, Vec<u8>), NotAnApproval> {
        if text.len() > APPROVAL_BYTES_MAX {
            return Err(NotAnApproval::Malformed);
        }
        let (request, rest) = Request::read(text)?;
        let (reason, rest) = line(rest, "reason")?;
        let (made, rest) = line(rest, "made")?;
        let (expires, rest) = line(rest, "expires")?;
        let (certificate, rest) = line(rest, "certificate")?;
        let signed = &text[..text.len() - rest.len()];
        let (signature, rest) = line(rest, "signature")?;
        let number = |text: &str| text.parse().map_err(|_| NotAnApproval::Malformed);
        let approval = Approval {
            request,
            reason: reason.to_owned(),
            made_ms: number(made)?,
            expires_ms: number(expires)?,
            certificate: decoded(certificate)?,
        };
        // One approval has one form.
        let same = rest.is_empty() && approval.signed()? == signed;
        if same { Ok((approval, signed, decoded(signature)?)) } else { Err(NotAnApproval::Malformed) }
    }
}

/// The value of the line that must come next, and what follows it.
fn line<'a>(text: &'a str, name: &str) -> Result<(&'a str, &'a str), NotAnApproval> {
    let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).ok_or(NotAnApproval::Malformed)?;
    value.split_once('\n').ok_or(NotAnApproval::Malformed)
}

fn is_line(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.contains(char::is_control)
}

fn decoded(text: &str) -> Result<Vec<u8>, NotAnApproval> {
    BASE64.decode(text.as_bytes()).map_err(|_| NotAnApproval::Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn approval() -> Approval {
        let request = Request {
            act: Act::AdoptHead,
            home: Name::new("tests").unwrap(),
            old: Some(Hash::sha256(b"head")),
            checkpoint: Some("coffer.example/tests\n7\nroot\n\n\u{2014} x y\n".to_owned()),
            detail: String::new(),
        };
        let reason = "The head's disk was lost: replaced on Monday.".to_owned();
        Approval { request, reason, made_ms: 5, expires_ms: 9, certificate: vec![1, 2, 3] }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let approval = approval();
        assert_eq!(Request::parse(&approval.request.encode()), Ok(approval.request.clone()));
        let signed = approval.signed().unwrap();
        let file = Approval::assemble(&signed, b"signature");
        assert_eq!(Approval::parse(&file), Ok((approval, signed.as_str(), b"signature".to_vec())));
    }

    /// An approval of an act that says what it is about.
    fn of(act: Act, checkpoint: Option<String>, detail: &str) -> Approval {
        let request = Request { act, checkpoint, detail: detail.to_owned(), ..approval().request };
        Approval { request, ..approval() }
    }

    #[test]
    fn each_act_is_read_as_what_it_is_and_an_older_file_as_before() {
        for act in [Act::Succeed, Act::Restore] {
            for checkpoint in [None, approval().request.checkpoint] {
                let approval = of(act, checkpoint, "damaged");
                let signed = approval.signed().unwrap();
                assert_eq!(Approval::parse(&Approval::assemble(&signed, b"s")).unwrap().0, approval);
            }
            for detail in ["", "two\nlines", &"a".repeat(DETAIL_BYTES_MAX + 1)] {
                assert_eq!(of(act, None, detail).signed(), Err(NotAnApproval::Malformed));
            }
        }
        assert_eq!(of(Act::AdoptHead, None, "").signed(), Err(NotAnApproval::Malformed));
        let before = "coffer-approval/1\nact: adopt-head\nhome: tests\nold: none\ncheckpoint: eA==\n";
        assert_eq!(Request::parse(before).unwrap().encode(), before);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String, cut in 0usize..400) {
            let file = Approval::assemble(&approval().signed().unwrap(), b"signature");
            let _ = Approval::parse(&text);
            let _ = Request::parse(&text);
            let _ = Approval::parse(&format!("{}{text}", file.get(..cut).unwrap_or_default()));
        }
    }

    #[test]
    fn one_approval_has_one_form() {
        let approval = approval();
        let file = Approval::assemble(&approval.signed().unwrap(), b"signature");
        for (from, to) in [
            ("made: 5", "made: 05"),
            ("made: 5", "made: +5"),
            ("act: adopt-head", "act: restore"),
            ("coffer-approval/1", "coffer-approval/2"),
            ("reason: ", "reason:"),
            ("expires: 9\n", ""),
            ("signature: ", "also: x\nsignature: "),
        ] {
            assert!(file.contains(from));
            assert!(Approval::parse(&file.replacen(from, to, 1)).is_err(), "{from} to {to}");
        }
        assert!(Approval::parse(&format!("{file}\n")).is_err());
        assert!(Request::parse(&file).is_err());
        for reason in ["", "two\nlines", &"a".repeat(REASON_BYTES_MAX + 1)] {
            assert!(Approval { reason: reason.to_owned(), ..approval.clone() }.signed().is_err());
        }
    }
}
