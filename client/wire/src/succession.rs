//! Notes by which a log's key hands on: to a new key of the same log, or to a successor log; and what whoever was given the
//! first key comes to believe by following them.
//!
//! ```text
//! coffer-rekey/1                                      coffer-succession/1
//! log: coffer.example/demo                            log: coffer.example/demo
//! size: 41                                            size: 42
//! key: coffer.example/demo+7c1e…+AWhG…                root: CsUYap…
//! made: 1795320000000                                 kept: coffer.example/demo 40 9vDeah…
//! until: 1797912000000                                successor: coffer.example/demo/2+d0a9…+AWhG…
//!                                                     why: damaged
//! — coffer.example/demo 0Km+…                         made: 1795320000000
//!
//!                                                     — coffer.example/demo 0Km+…
//! ```
//!
//! Signed notes (C2SP) like a checkpoint, by the key that hands on. No text is both this and a checkpoint, whose second
//! line is a number.

use std::fmt::Write as _;

use data_encoding::BASE64;

use crate::Hash;
use crate::note::{self, Checkpoint, NoteError, VerifierKey};
use crate::tree::{HASH_BYTES, empty_root};

/// The first line of a note that names a new key.
const REKEY: &str = "coffer-rekey/1";
/// The first line of a note that names a successor.
const SUCCESSION: &str = "coffer-succession/1";
/// Bytes of such a note, at most.
pub const HANDOVER_BYTES_MAX: usize = 4 * 1024;
/// How many such notes a log and its predecessors may have, and a client follows.
pub const HANDOVERS_MAX: usize = 256;

/// Why a log was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// An older copy of the vault took its place.
    Restore,
    /// Leaves or their tree were damaged.
    Damaged,
    /// The head outside the store was lost, or had seen more than the store holds.
    HeadLost,
    /// Whoever should not may hold the log's key: this note proves nothing, and the new key is handed out anew.
    Compromised,
    /// The log's key is no more: an older copy of the vault, from before that key, took its place. The key of before signs
    /// this note, which proves nothing either.
    KeyLost,
}

impl Why {
    const ALL: [Why; 5] = [Why::Restore, Why::Damaged, Why::HeadLost, Why::Compromised, Why::KeyLost];

    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Restore => "restore",
            Why::Damaged => "damaged",
            Why::HeadLost => "head-lost",
            Why::Compromised => "compromised",
            Why::KeyLost => "key-lost",
        }
    }

    /// Whether the log's key hands nothing on any more, so that the successor's is a new one, got by another way.
    pub fn is_without_key(self) -> bool {
        matches!(self, Why::Compromised | Why::KeyLost)
    }

    /// Reads the text form.
    pub fn of(text: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.as_str() == text)
    }
}

/// A new key of the same log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rekey {
    /// The log.
    pub log: String,
    /// No checkpoint of more leaves is signed by the old key alone.
    pub size: u64,
    /// The new key.
    pub key: VerifierKey,
    /// When it was made, Unix time in milliseconds.
    pub made_ms: u64,
    /// Until when the old key signs beside it, Unix time in milliseconds.
    pub until_ms: u64,
}

/// A log that was closed, and the one that follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Succession {
    /// The largest checkpoint of the log that is known to have been signed. It has no more leaves than these.
    pub last: Checkpoint,
    /// Up to which leaf the successor's store holds the logs before it: of this log, or of an earlier one. What comes behind it,
    /// up to the end of `last`, was lost.
    pub kept: Checkpoint,
    /// Origin and key of the successor.
    pub successor: VerifierKey,
    /// Why.
    pub why: Why,
    /// When, Unix time in milliseconds.
    pub made_ms: u64,
}

/// One of the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Handover {
    /// A new key.
    Rekey(Rekey),
    /// A new log.
    Succession(Succession),
}

impl Handover {
    /// The text that is signed.
    pub fn body(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = match self {
            Handover::Rekey(Rekey { log, size, key, made_ms, until_ms }) => {
                writeln!(text, "{REKEY}\nlog: {log}\nsize: {size}\nkey: {key}\nmade: {made_ms}\nuntil: {until_ms}")
            }
            Handover::Succession(Succession { last, kept, successor, why, made_ms }) => {
                let (root, kept_root) = (encoded(&last.root), encoded(&kept.root));
                let (log, size, kept) = (&last.origin, last.size, format!("{} {} {kept_root}", kept.origin, kept.size));
                let why = why.as_str();
                writeln!(
                    text,
                    "{SUCCESSION}\nlog: {log}\nsize: {size}\nroot: {root}\nkept: {kept}\nsuccessor: {successor}\nwhy: {why}\nmade: {made_ms}"
                )
            }
        };
        text
    }

    /// SHA-256 of the text that is signed: what the leaf names that says the same inside the log.
    pub fn hash(&self) -> Hash {
        Hash::sha256(self.body().as_bytes())
    }

    /// The log whose key hands on.
    pub fn log(&self) -> &str {
        match self {
            Handover::Rekey(rekey) => &rekey.log,
            Handover::Succession(succession) => &succession.last.origin,
        }
    }

    /// The key that counts from then on.
    pub fn key(&self) -> &VerifierKey {
        match self {
            Handover::Rekey(rekey) => &rekey.key,
            Handover::Succession(succession) => &succession.successor,
        }
    }

    /// Reads a note, without looking at its signatures. One note has one form.
    pub fn parse(note: &str) -> Result<Handover, NoteError> {
        if note.len() > HANDOVER_BYTES_MAX {
            return Err(NoteError::NotANote);
        }
        let text = note::text_of(note)?;
        let handover = read(text).ok_or(NoteError::NotAHandover)?;
        if handover.is_sound() && handover.body() == text { Ok(handover) } else { Err(NoteError::NotAHandover) }
    }

    /// What cannot be, whoever signs it: a new key of another log, a successor that does not follow, more kept than was.
    fn is_sound(&self) -> bool {
        match self {
            Handover::Rekey(rekey) => rekey.key.name() == rekey.log && rekey.made_ms <= rekey.until_ms,
            Handover::Succession(Succession { last, kept, successor, .. }) => {
                let follows = ordinal(&last.origin)
                    .1
                    .checked_add(1)
                    .is_some_and(|next| *successor.name() == origin_of(ordinal(&last.origin).0, next));
                let (base, kept_in) = ordinal(&kept.origin);
                let (of, closed) = ordinal(&last.origin);
                let same = kept.origin == last.origin && kept.size <= last.size;
                follows && (same || (base == of && kept_in < closed))
            }
        }
    }
}

/// The origin of a log and its place among those that follow each other, from 1: `name` is the first, `name/2` the second.
pub fn ordinal(origin: &str) -> (&str, u16) {
    let split = origin.rsplit_once('/');
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number >= 2 && number.to_string() == text);
    split.and_then(|(name, text)| Some((name, number(text)?))).unwrap_or((origin, 1))
}

/// The origin of the log of this place.
pub fn origin_of(name: &str, ordinal: u16) -> String {
    if ordinal <= 1 { name.to_owned() } else { format!("{name}/{ordinal}") }
}

fn read(text: &str) -> Option<Handover> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let kind = lines.next()?;
    let mut line = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
    let handover = match kind {
        REKEY => Handover::Rekey(Rekey {
            log: line("log")?.to_owned(),
            size: line("size")?.parse().ok()?,
            key: line("key")?.parse().ok()?,
            made_ms: line("made")?.parse().ok()?,
            until_ms: line("until")?.parse().ok()?,
        }),
        SUCCESSION => Handover::Succession(Succession {
            last: Checkpoint {
                origin: line("log")?.to_owned(),
                size: line("size")?.parse().ok()?,
                root: decoded(line("root")?)?,
            },
            kept: checkpoint_of(line("kept")?)?,
            successor: line("successor")?.parse().ok()?,
            why: Why::of(line("why")?)?,
            made_ms: line("made")?.parse().ok()?,
        }),
        _ => return None,
    };
    lines.next().is_none().then_some(handover)
}

fn checkpoint_of(text: &str) -> Option<Checkpoint> {
    let mut parts = text.split(' ');
    let kept = Checkpoint {
        origin: parts.next()?.to_owned(),
        size: parts.next()?.parse().ok()?,
        root: decoded(parts.next()?)?,
    };
    parts.next().is_none().then_some(kept)
}

fn encoded(root: &Hash) -> String {
    BASE64.encode(root.as_bytes())
}

fn decoded(text: &str) -> Option<Hash> {
    Some(Hash::from_bytes(<[u8; HASH_BYTES]>::try_from(BASE64.decode(text.as_bytes()).ok()?).ok()?))
}

/// How far the leaves of each of these logs, which followed each other and ended, are still there: the last tree of each that can
/// be held against a root.
pub fn kept<'s>(ended: impl IntoIterator<Item = &'s Succession>) -> Vec<Checkpoint> {
    let mut kept: Vec<Checkpoint> = Vec::new();
    for end in ended {
        kept.push(Checkpoint { origin: end.last.origin.clone(), size: 0, root: empty_root() });
        let at = kept.iter().position(|log| log.origin == end.kept.origin);
        if let Some(at) = at.filter(|at| at + 1 == kept.len() || end.kept.size < kept[*at].size) {
            kept[at] = end.kept.clone();
        }
        for lost in &mut kept[at.map_or(0, |at| at + 1)..] {
            (lost.size, lost.root) = (0, empty_root());
        }
    }
    kept
}

/// Why a note is not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotFollowed {
    /// It is none, or not signed by the key that counts.
    #[error("what should hand the log on does not: {0}")]
    Note(#[from] NoteError),
    /// It hands on another log than the one that it follows on.
    #[error("a note hands on another log than the one before it names")]
    OtherLog,
    /// Another note than the one that was followed before stands in its place: the key signed two.
    #[error("the log's key has handed the log on twice, to different keys or logs")]
    Twice,
    /// Notes that were followed before are not shown any more.
    #[error("a note that was followed before is not shown any more")]
    Missing,
    /// The key that would hand on is one that others may hold.
    #[error("the log's key was compromised: get the new log key from the vault's operator, by a way that you trust")]
    Compromised,
    /// The key that would hand on is lost.
    #[error("the log's key was lost: get the new log key from the vault's operator, by a way that you trust")]
    KeyLost,
    /// More notes than are followed.
    #[error("there are more notes than the {HANDOVERS_MAX} that are followed")]
    TooMany,
}

/// A log of the line, as far as it is known.
#[derive(Clone, Debug)]
struct Known {
    origin: String,
    /// Its keys; each beyond how many leaves a checkpoint must bear its signature.
    keys: Vec<(u64, VerifierKey)>,
    end: Option<Succession>,
}

/// What whoever holds a log's key believes: that key, what follows from it by notes, and nothing else.
#[derive(Clone, Debug)]
pub struct Trust {
    logs: Vec<Known>,
    notes: Vec<(String, Handover)>,
}

impl Trust {
    /// A key that was handed out.
    pub fn of(key: VerifierKey) -> Trust {
        let known = Known { origin: key.name().to_owned(), keys: vec![(0, key)], end: None };
        Trust { logs: vec![known], notes: Vec::new() }
    }

    /// Follows the notes of the whole line, oldest first. Those before the key that was handed out are passed over; those that
    /// were followed before must stand there again. How many were new.
    pub fn follow<'n>(&mut self, notes: impl IntoIterator<Item = &'n str>) -> Result<usize, NotFollowed> {
        let notes: Vec<&str> = notes.into_iter().take(HANDOVERS_MAX + 1).collect();
        if notes.len() > HANDOVERS_MAX {
            return Err(NotFollowed::TooMany);
        }
        let start = notes.iter().position(|note| self.begins_with(note)).unwrap_or(notes.len());
        let (mut followed, mut new) = (self.clone(), 0);
        let mut line = notes[start..].iter();
        for (_, before) in &self.notes {
            let again = Handover::parse(line.next().ok_or(NotFollowed::Missing)?)?;
            if again != *before {
                return Err(NotFollowed::Twice);
            }
        }
        for note in line {
            followed.take(note)?;
            new += 1;
        }
        *self = followed;
        Ok(new)
    }

    /// Whether a note is the first that hands on from the key that was handed out.
    fn begins_with(&self, note: &str) -> bool {
        let first = &self.logs[0].keys[0].1;
        note::signed_by(note, first).is_ok() && Handover::parse(note).is_ok_and(|h| h.log() == first.name())
    }

    fn take(&mut self, note: &str) -> Result<(), NotFollowed> {
        let handover = Handover::parse(note)?;
        let present = self.present_log();
        if handover.log() != present.origin {
            return Err(NotFollowed::OtherLog);
        }
        // Nobody can have signed it with the key that is lost; it is followed by nobody.
        if matches!(&handover, Handover::Succession(Succession { why: Why::KeyLost, .. })) {
            return Err(NotFollowed::KeyLost);
        }
        note::signed_by(note, self.key())?;
        match &handover {
            Handover::Rekey(rekey) => {
                let last = self.logs.len() - 1;
                self.logs[last].keys.push((rekey.size, rekey.key.clone()));
            }
            Handover::Succession(Succession { why: Why::Compromised, .. }) => return Err(NotFollowed::Compromised),
            Handover::Succession(succession) => {
                let last = self.logs.len() - 1;
                self.logs[last].end = Some(succession.clone());
                let key = succession.successor.clone();
                self.logs.push(Known { origin: key.name().to_owned(), keys: vec![(0, key)], end: None });
            }
        }
        self.notes.push((note.to_owned(), handover));
        Ok(())
    }

    fn present_log(&self) -> &Known {
        &self.logs[self.logs.len() - 1]
    }

    /// The key that counts now.
    pub fn key(&self) -> &VerifierKey {
        let keys = &self.present_log().keys;
        &keys[keys.len() - 1].1
    }

    /// All keys that count or counted, the first handed out first.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().flat_map(|log| &log.keys).map(|(_, key)| key)
    }

    /// The origin of the log that is open.
    pub fn origin(&self) -> &str {
        &self.present_log().origin
    }

    /// The notes that were followed, oldest first.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|(note, _)| note.as_str())
    }

    /// The same as what they say.
    pub fn handovers(&self) -> impl Iterator<Item = &Handover> {
        self.notes.iter().map(|(_, handover)| handover)
    }

    /// How each log that was closed ended, oldest first.
    pub fn ended(&self) -> impl Iterator<Item = &Succession> {
        self.logs.iter().filter_map(|log| log.end.as_ref())
    }

    /// The leaves that are still there of each log that was closed, oldest first.
    pub fn kept(&self) -> Vec<Checkpoint> {
        kept(self.ended())
    }

    /// The checkpoint of a note, of the log that is open or of one before it, signed by a key that counted for its size. One
    /// behind the end of a log that was closed is none of it.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, NoteError> {
        // Wherever the newer keys have signed too, so much the better; an older one alone is not enough.
        let mut fault = NoteError::NotSigned;
        for key in self.keys_for(note)? {
            match note::verify(note, key) {
                Err(NoteError::NotSigned) => {}
                Err(error) => fault = error,
                sound => return sound,
            }
        }
        Err(fault)
    }

    /// Whether no key that counts for it has signed a note, as far as its signatures say: whoever meets one asks how the log
    /// was handed on. Verifies nothing.
    pub fn is_strange(&self, note: &str) -> bool {
        self.keys_for(note).is_ok_and(|keys| keys.iter().all(|key| note::bears(note, key) == Ok(false)))
    }

    /// The keys that count for the checkpoint of a note, the newest first.
    fn keys_for(&self, note: &str) -> Result<Vec<&VerifierKey>, NoteError> {
        let checkpoint = Checkpoint::parse_body(note::text_of(note)?)?;
        let Some(log) = self.logs.iter().find(|log| log.origin == checkpoint.origin) else {
            return Ok(vec![self.key()]);
        };
        if let Some(end) = &log.end
            && (checkpoint.size > end.last.size
                || (checkpoint.size == end.last.size && checkpoint.root != end.last.root))
        {
            return Err(NoteError::Closed);
        }
        let needed = log.keys.iter().rposition(|(from, _)| checkpoint.size > *from).unwrap_or(0);
        Ok(log.keys[needed..].iter().rev().map(|(_, key)| key).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    const NAME: &str = "coffer.example/tests";

    struct Signer(Ed25519KeyPair, VerifierKey);

    fn signer(seed: u8, origin: &str) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let key = VerifierKey::new(origin, pair.public_key().as_ref().try_into().unwrap()).unwrap();
        Signer(pair, key)
    }

    fn signature(text: &str, by: &Signer) -> [u8; 64] {
        by.0.sign(text.as_bytes()).as_ref().try_into().unwrap()
    }

    fn sign(text: String, by: &[&Signer]) -> String {
        let signatures: Vec<_> = by.iter().map(|by| (&by.1, signature(&text, by))).collect();
        note::signed(text, signatures.iter().map(|(key, signature)| (*key, signature)))
    }

    fn checkpoint(origin: &str, size: u64) -> Checkpoint {
        Checkpoint { origin: origin.to_owned(), size, root: Hash::sha256(&size.to_be_bytes()) }
    }

    fn rekey(from: &Signer, size: u64, to: &Signer) -> String {
        let (log, key) = (from.1.name().to_owned(), to.1.clone());
        sign(Handover::Rekey(Rekey { log, size, key, made_ms: 5, until_ms: 9 }).body(), &[from])
    }

    fn succession(from: &Signer, (size, kept): (u64, u64), why: Why, to: &Signer) -> String {
        let (last, kept) = (checkpoint(from.1.name(), size), checkpoint(from.1.name(), kept));
        let succession = Succession { last, kept, successor: to.1.clone(), why, made_ms: 5 };
        sign(Handover::Succession(succession).body(), &[from])
    }

    /// `name` under two keys, `name/2` under the second of them, `name/3` under a third.
    fn line() -> ([Signer; 4], Vec<String>) {
        let signers = [
            signer(1, NAME),
            signer(2, NAME),
            signer(2, "coffer.example/tests/2"),
            signer(3, "coffer.example/tests/3"),
        ];
        let notes = vec![
            rekey(&signers[0], 10, &signers[1]),
            succession(&signers[1], (20, 15), Why::Damaged, &signers[2]),
            succession(&signers[2], (7, 7), Why::HeadLost, &signers[3]),
        ];
        (signers, notes)
    }

    fn followed(key: &VerifierKey, notes: &[String]) -> Result<Trust, NotFollowed> {
        let mut trust = Trust::of(key.clone());
        trust.follow(notes.iter().map(String::as_str)).map(|_| trust)
    }

    #[test]
    fn what_is_written_is_read_again_and_one_note_has_one_form() {
        for note in line().1 {
            let handover = Handover::parse(&note).unwrap();
            assert!(note.starts_with(&handover.body()));
            for (from, to) in [("size: ", "size: 0"), ("made: 5", "made: +5"), ("log: ", "log:"), ("/1\n", "/2\n")] {
                assert!(note.contains(from));
                assert!(Handover::parse(&note.replacen(from, to, 1)).is_err(), "{from} to {to}");
            }
            assert!(Handover::parse(&note.replacen("\n\n", "\nmore: x\n\n", 1)).is_err());
        }
    }

    #[test]
    fn the_line_is_followed_from_each_of_its_keys_and_from_no_other() {
        let (signers, notes) = line();
        for (at, signer) in signers.iter().enumerate() {
            let trust = followed(&signer.1, &notes).unwrap();
            assert_eq!((trust.key(), trust.notes().count()), (&signers[3].1, 3 - at));
        }
        let stranger = signer(9, NAME);
        let trust = followed(&stranger.1, &notes).unwrap();
        assert_eq!((trust.key(), trust.notes().count()), (&stranger.1, 0));
    }

    #[test]
    fn each_flipped_byte_of_a_note_is_found() {
        let (signers, notes) = line();
        let mut flipped = 0;
        for (at, note) in notes.iter().enumerate() {
            for byte in 0..note.len() {
                for bits in [0x01, 0x20] {
                    let mut wrong = note.clone().into_bytes();
                    wrong[byte] ^= bits;
                    let Ok(wrong) = String::from_utf8(wrong) else { continue };
                    let shown: Vec<String> = notes
                        .iter()
                        .enumerate()
                        .map(|(n, note)| if n == at { wrong.clone() } else { note.clone() })
                        .collect();
                    let reached = followed(&signers[0].1, &shown).map(|trust| trust.notes().count());
                    assert!(!matches!(reached, Ok(count) if count > at), "byte {byte} of note {at}");
                    flipped += 1;
                }
            }
        }
        assert!(flipped > 1_000);
    }

    #[test]
    fn strange_is_what_verifying_says_that_nobody_signed() {
        let (signers, notes) = line();
        let trust = followed(&signers[0].1, &notes).unwrap();
        let (origins, mut strange, mut all) = ([NAME, "coffer.example/tests/2", "coffer.example/tests/3"], 0, 0);
        let stranger = signer(9, NAME);
        for by in signers.iter().chain([&stranger]) {
            for (origin, size) in origins.into_iter().flat_map(|origin| [3, 10, 12, 20, 25].map(|size| (origin, size)))
            {
                let note = sign(checkpoint(origin, size).body(), &[by]);
                // Right, with a signature that is wrong, and with one that is cut.
                let wrong = note.replacen(&format!("\n{size}\n"), &format!("\n0{size}\n"), 1);
                let altered = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
                for note in [&note, &wrong, &altered, &note[..note.len() - 9].to_owned()] {
                    let nobody = trust.verify(note) == Err(NoteError::NotSigned);
                    assert_eq!(trust.is_strange(note), nobody, "{note}");
                    (strange, all) = (strange + u32::from(nobody), all + 1);
                }
            }
        }
        assert!(strange > 20 && all - strange > 20, "{strange} of {all}");
    }

    #[test]
    fn a_note_by_another_key_or_of_another_log_is_not_followed() {
        let (signers, notes) = line();
        let stranger = signer(9, NAME);
        let forged = succession(&stranger, (20, 20), Why::Damaged, &signers[2]);
        assert!(matches!(
            followed(&signers[0].1, &[notes[0].clone(), forged]),
            Err(NotFollowed::Note(NoteError::NotSigned))
        ));
        // The old key alone hands on no more once there is a new one.
        let old = succession(&signers[0], (20, 20), Why::Damaged, &signers[2]);
        assert!(matches!(
            followed(&signers[0].1, &[notes[0].clone(), old]),
            Err(NotFollowed::Note(NoteError::NotSigned))
        ));
        let skips = [notes[0].clone(), notes[2].clone()];
        assert!(matches!(followed(&signers[0].1, &skips), Err(NotFollowed::OtherLog)));
        let far = succession(&signers[1], (20, 20), Why::Damaged, &signers[3]);
        assert!(matches!(
            followed(&signers[0].1, &[notes[0].clone(), far]),
            Err(NotFollowed::Note(NoteError::NotAHandover))
        ));
        let more = succession(&signers[1], (20, 21), Why::Damaged, &signers[2]);
        assert!(followed(&signers[0].1, &[notes[0].clone(), more]).is_err());
        let many = vec![notes[0].clone(); HANDOVERS_MAX + 1];
        assert!(matches!(followed(&signers[0].1, &many), Err(NotFollowed::TooMany)));
    }

    #[test]
    fn a_line_that_was_followed_is_shown_again_or_is_caught() {
        let (signers, notes) = line();
        let mut trust = followed(&signers[0].1, &notes[..2]).unwrap();
        let shown = |notes: &[&str]| trust.clone().follow(notes.iter().copied());
        assert_eq!(shown(&[&notes[0], &notes[1]]), Ok(0));
        assert_eq!(shown(&[&notes[0]]), Err(NotFollowed::Missing));
        assert_eq!(shown(&[]), Err(NotFollowed::Missing));
        let other = succession(&signers[1], (21, 15), Why::Damaged, &signers[2]);
        assert_eq!(shown(&[&notes[0], &other]), Err(NotFollowed::Twice));
        assert_eq!(trust.follow(notes.iter().map(String::as_str)), Ok(1));
    }

    #[test]
    fn a_compromised_key_hands_nothing_on() {
        let (signers, notes) = line();
        let last = succession(&signers[1], (20, 20), Why::Compromised, &signers[2]);
        assert_eq!(followed(&signers[0].1, &[notes[0].clone(), last]).unwrap_err(), NotFollowed::Compromised);
    }

    #[test]
    fn a_checkpoint_is_held_against_the_key_and_the_end_that_count_for_it() {
        let (signers, notes) = line();
        let trust = followed(&signers[0].1, &notes).unwrap();
        let signed = |checkpoint: &Checkpoint, by: &[&Signer]| trust.verify(&sign(checkpoint.body(), by)).is_ok();
        let of = |size| checkpoint(NAME, size);
        // Up to the change the old key alone is enough; beyond it, it is not.
        assert!(signed(&of(10), &[&signers[0]]) && !signed(&of(11), &[&signers[0]]));
        assert!(signed(&of(11), &[&signers[0], &signers[1]]) && signed(&of(11), &[&signers[1]]));
        // The log ends at 20 leaves, and with those.
        assert!(signed(&of(20), &[&signers[1]]) && !signed(&of(21), &[&signers[1]]));
        assert!(!signed(&Checkpoint { root: Hash::sha256(b"other"), ..of(20) }, &[&signers[1]]));
        assert!(signed(&checkpoint("coffer.example/tests/3", 900), &[&signers[3]]));
        assert!(!signed(&checkpoint("coffer.example/tests/3", 900), &[&signers[2]]));
        let kept: Vec<_> = trust.kept().iter().map(|kept| (kept.origin.clone(), kept.size)).collect();
        assert_eq!(kept, [(NAME.to_owned(), 15), ("coffer.example/tests/2".to_owned(), 7)]);
    }

    #[test]
    fn a_later_loss_takes_what_an_earlier_end_had_kept() {
        let (signers, mut notes) = line();
        let last = checkpoint("coffer.example/tests/2", 7);
        let lost = Succession {
            last,
            kept: checkpoint(NAME, 4),
            successor: signers[3].1.clone(),
            why: Why::Restore,
            made_ms: 5,
        };
        notes[2] = sign(Handover::Succession(lost).body(), &[&signers[2]]);
        let kept: Vec<_> = followed(&signers[0].1, &notes).unwrap().kept().iter().map(|kept| kept.size).collect();
        assert_eq!(kept, [4, 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String, cut in 0usize..500, which in 0usize..3) {
            let (signers, notes) = line();
            let _ = Handover::parse(&text);
            let mixed = format!("{}{text}", notes[which].get(..cut).unwrap_or_default());
            let _ = Handover::parse(&mixed);
            let _ = followed(&signers[0].1, &[mixed]);
        }
    }

    #[test]
    fn a_log_has_its_place_in_its_origin() {
        for (origin, name, place) in
            [("a/b", "a/b", 1), ("a/b/2", "a/b", 2), ("a/b/1", "a/b/1", 1), ("a/02", "a/02", 1), ("x", "x", 1)]
        {
            assert_eq!(ordinal(origin), (name, place));
            assert_eq!(origin_of(name, place), origin);
        }
    }
}
