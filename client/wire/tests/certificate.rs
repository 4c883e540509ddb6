//! Certificates: what holds, what does not and which check says so; against the signed_note and ct-merkle crates.
#![allow(clippy::unwrap_used)]

use coffer_wire::certificate::{
    Archives, Certificate, CertificateError, KEYS_MAX, Key, Kind, NextKey, Proved, Shown, State,
};
use coffer_wire::leaf::{Action, Alias, Decision, Tail, encode_head};
use coffer_wire::name::VAULT;
use coffer_wire::note::{self, Checkpoint, NOTE_BYTES_MAX, VerifierKey};
use coffer_wire::private::{Private, commitment};
use coffer_wire::succession::{Handover, Rekey, Trust};
use coffer_wire::tree::{Edge, Nodes, inclusion_proof, leaf_hash, node_hash};
use coffer_wire::{Hash, Name};
use ct_merkle::InclusionProof;
use ct_merkle::RootHash;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};

const ORIGIN: &str = "coffer.example/tests";
const START_MS: u64 = 1_763_000_000_000;

/// A log in memory whose key signs whatever it is told to.
struct Log {
    pair: Ed25519KeyPair,
    leaves: Vec<Vec<u8>>,
}

struct Hashes(Vec<Hash>);

impl Nodes for Hashes {
    type Error = std::convert::Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        let first = (index << level) as usize;
        let mut hashes = self.0[first..first + (1 << level)].to_vec();
        while hashes.len() > 1 {
            hashes = hashes.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(hashes[0])
    }
}

impl Log {
    fn key(&self) -> VerifierKey {
        VerifierKey::new(ORIGIN, self.pair.public_key().as_ref().try_into().unwrap()).unwrap()
    }

    fn sign(&self, text: &str) -> [u8; 64] {
        self.pair.sign(text.as_bytes()).as_ref().try_into().unwrap()
    }

    fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    fn checkpoint(&self) -> Checkpoint {
        let mut edge = Edge::new();
        self.hashes().into_iter().for_each(|hash| edge.push(hash));
        Checkpoint { origin: ORIGIN.into(), size: edge.size(), root: edge.root() }
    }

    fn push(&mut self, action: Action, controller: Name, category: Option<Name>, decision: Decision<'_>, commit: Hash) {
        self.push_leaf(action, (controller, category), decision, (None, None), commit);
    }

    /// Of the vault's own, about a version or a row.
    fn push_about(&mut self, action: Action, about: (Option<u32>, Option<Hash>), commit: Hash) {
        self.push_leaf(action, (VAULT, None), Decision::Granted("vault"), about, commit);
    }

    fn push_leaf(
        &mut self,
        action: Action,
        (controller, category): (Name, Option<Name>),
        decision: Decision<'_>,
        (version, row): (Option<u32>, Option<Hash>),
        commit: Hash,
    ) {
        let tail = Tail {
            action,
            category,
            purpose: None,
            decision,
            app: None,
            actor: None,
            subject: Some(Alias([7; 16])),
            version,
            row,
            policy: 1,
            commit,
        };
        let mut leaf = Vec::new();
        let number = self.leaves.len() as u64;
        encode_head(&mut leaf, START_MS + number, &controller, number + 1);
        leaf.extend_from_slice(&tail.encode());
        self.leaves.push(leaf);
    }

    fn proved(&self, index: u64) -> Proved {
        let leaf = String::from_utf8(self.leaves[index as usize].clone()).unwrap();
        let leaf_hash = leaf_hash(leaf.as_bytes());
        let inclusion = inclusion_proof(&Hashes(self.hashes()), index, self.leaves.len() as u64).unwrap();
        Proved { index, leaf, leaf_hash, inclusion, shown: None }
    }

    fn issue(&self, certificate: &Certificate) -> String {
        certificate.assemble(&self.key(), &self.sign(&certificate.body()))
    }
}

fn rekeyed(from: &Log, size: u64, to: &Log) -> Trust {
    let rekey = Rekey { log: ORIGIN.into(), size, key: to.key(), made_ms: START_MS, until_ms: START_MS };
    let body = Handover::Rekey(rekey).body();
    let signature = from.sign(&body);
    let mut trust = Trust::of(from.key());
    trust.follow([note::signed(body, [(&from.key(), &signature)]).as_str()]).unwrap();
    trust
}

#[test]
fn a_key_that_has_handed_on_certifies_nothing_under_a_later_checkpoint() {
    let (first, mut second) = (log(), log());
    second.pair = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let size = first.leaves.len() as u64;
    let (before, after) = (rekeyed(&first, size, &second), rekeyed(&first, size - 1, &second));
    let (by_first, by_second) = (first.issue(&refused(&first)), second.issue(&refused(&second)));
    assert!(Certificate::verify_by(&by_first, &Trust::of(first.key())).is_ok());
    assert!(Certificate::verify_by(&by_second, &Trust::of(first.key())).is_err(), "without the note");
    // Up to the size at which it handed on the first key counts by itself.
    assert!(Certificate::verify_by(&by_first, &before).is_ok());
    assert!(matches!(Certificate::verify_by(&by_first, &after), Err(CertificateError::Checkpoint(_))));
    assert!(Certificate::verify_by(&by_second, &after).is_ok());
}

/// An erase at leaf 5 and, at leaf 9, that no byte of it is left.
fn log() -> Log {
    let mut log = Log { pair: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(), leaves: Vec::new() };
    let (oakvale, bank) = (Name::new("oakvale").unwrap(), Name::new("bank").unwrap());
    for index in 0..12 {
        match index {
            5 => log.push(Action::SubjectsErase, oakvale, Some(bank), Decision::Granted("dpo"), Hash::sha256(b"5")),
            9 => {
                log.push(Action::ErasedFinal, VAULT, None, Decision::Granted("vault"), commitment(&[9; 32], private()))
            }
            _ => log.push(Action::RecordsRead, oakvale, Some(bank), Decision::Granted("rents"), Hash::sha256(b"r")),
        }
    }
    log
}

fn private() -> &'static [u8] {
    let private = Private { before: Some(6), ..Private::default() };
    Box::leak(serde_json::to_vec(&private).unwrap().into_boxed_slice())
}

fn refused(log: &Log) -> Certificate {
    let checkpoint = log.checkpoint();
    let signature = log.sign(&checkpoint.body());
    Certificate {
        kind: Kind::Erasure,
        origin: ORIGIN.into(),
        controller: Name::new("oakvale").unwrap(),
        category: Some(Name::new("bank").unwrap()),
        keys: vec![Key { id: "AAAAAAAAAAAAAAAAAAAAAA".into(), version: None }],
        key_count: 1,
        record_count: Some(2),
        from_ms: START_MS + 5,
        to_ms: START_MS + 5,
        state: State::Refused,
        archives: Some(Archives { generation: 3, final_ms: START_MS + 1_000 }),
        next: None,
        act: log.proved(5),
        last: None,
        checkpoint: note::assemble(&checkpoint, &log.key(), &signature),
        issued_ms: START_MS + 100,
    }
}

fn destroyed(log: &Log) -> Certificate {
    let private = String::from_utf8(private().to_vec()).unwrap();
    let shown = Some(Shown { salt: Hash::from_bytes([9; 32]), private });
    let last = Some(Proved { shown, ..log.proved(9) });
    Certificate { state: State::Destroyed, last, to_ms: START_MS + 9, ..refused(log) }
}

fn failed(log: &Log, certificate: &Certificate) -> CertificateError {
    Certificate::verify(&log.issue(certificate), &log.key()).unwrap_err()
}

#[test]
fn what_was_issued_holds_and_says_what_was_put_in() {
    let log = log();
    for certificate in [refused(&log), destroyed(&log)] {
        let (read, checkpoint) = Certificate::verify(&log.issue(&certificate), &log.key()).unwrap();
        assert!(read == certificate && checkpoint == log.checkpoint());
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let log = log();
    let whole = log.issue(&destroyed(&log)).into_bytes();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            let found = match String::from_utf8(flipped) {
                Ok(text) => Certificate::verify(&text, &log.key()).is_err(),
                Err(_) => true,
            };
            assert!(found, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn each_statement_that_its_leaves_do_not_bear_out_is_named() {
    let log = log();
    let (sound, whole) = (refused(&log), destroyed(&log));
    let other = Name::new("other").unwrap();
    let field = |certificate: Certificate| match failed(&log, &certificate) {
        CertificateError::Field(field) => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(Certificate { controller: other, ..sound.clone() }), "controller");
    assert_eq!(field(Certificate { category: None, ..sound.clone() }), "category");
    assert_eq!(field(Certificate { kind: Kind::Destruction, ..sound.clone() }), "kind");
    assert_eq!(field(Certificate { key_count: 2, ..sound.clone() }), "key_count");
    assert_eq!(field(Certificate { from_ms: START_MS + 6, ..sound.clone() }), "from_ms");
    assert_eq!(field(Certificate { to_ms: START_MS + 6, ..sound.clone() }), "to_ms");
    assert_eq!(field(Certificate { issued_ms: START_MS, ..sound.clone() }), "issued_ms");
    assert_eq!(field(Certificate { origin: "coffer.example/other".into(), ..sound.clone() }), "origin");
    assert_eq!(field(Certificate { state: State::Destroyed, ..sound.clone() }), "state");
    // The leaf that says that nothing is left must say so, of keys as old as these, and show that it does.
    let last = whole.last.clone().unwrap();
    assert_eq!(field(Certificate { last: Some(Proved { shown: None, ..last.clone() }), ..whole.clone() }), "state");
    assert_eq!(field(Certificate { last: Some(log.proved(10)), to_ms: START_MS + 10, ..whole.clone() }), "state");
    assert_eq!(field(Certificate { state: State::Refused, ..whole.clone() }), "state");
    let act = log.proved(7);
    let (from_ms, to_ms) = (START_MS + 7, START_MS + 9);
    assert_eq!(field(Certificate { act, from_ms, to_ms, ..whole.clone() }), "kind");
}

/// The end of the log's first key at leaf 3, after another had taken its place at leaf 1.
fn ended_key() -> (Log, Certificate) {
    let (mut log, next) = (log(), VerifierKey::new(ORIGIN, [5; 32]).unwrap());
    let private = Private { destroyed: vec!["BBBBBBBBBBBBBBBBBBBBBB".into()], ..Private::default() };
    let private = serde_json::to_string(&private).unwrap();
    let commit = commitment(&[9; 32], private.as_bytes());
    log.leaves.clear();
    log.push(Action::Status, VAULT, None, Decision::Granted("rule"), Hash::sha256(b"0"));
    let row = Some(Hash::sha256(next.to_string().as_bytes()));
    log.push_about(Action::LogRekey, (Some(2), row), Hash::sha256(b"1"));
    log.push(Action::Status, VAULT, None, Decision::Granted("rule"), Hash::sha256(b"2"));
    log.push_about(Action::KeysDestroy, (Some(1), None), commit);
    let shown = Some(Shown { salt: Hash::from_bytes([9; 32]), private });
    let (act, made) = (Proved { shown, ..log.proved(3) }, log.proved(1));
    let checkpoint = log.checkpoint();
    let signature = log.sign(&checkpoint.body());
    let certificate = Certificate {
        kind: Kind::Destruction,
        controller: VAULT,
        category: None,
        keys: vec![Key { id: "BBBBBBBBBBBBBBBBBBBBBB".into(), version: Some(1) }],
        record_count: None,
        from_ms: START_MS + 1,
        to_ms: START_MS + 3,
        archives: None,
        next: Some(NextKey { key: next, version: 2, made }),
        act,
        last: None,
        checkpoint: note::assemble(&checkpoint, &log.key(), &signature),
        ..refused(&self::log())
    };
    (log, certificate)
}

#[test]
fn the_end_of_a_log_key_holds_and_each_word_of_it_is_held_against_its_leaves() {
    let (log, certificate) = ended_key();
    let (read, _) = Certificate::verify(&log.issue(&certificate), &log.key()).unwrap();
    assert!(read == certificate);
    let with = |change: fn(&mut Certificate)| {
        let mut wrong = certificate.clone();
        change(&mut wrong);
        failed(&log, &wrong)
    };
    fn next(certificate: &mut Certificate) -> &mut NextKey {
        certificate.next.as_mut().unwrap()
    }
    let field = CertificateError::Field;
    for (error, said) in [
        (with(|c| c.keys[0].id = "CCCCCCCCCCCCCCCCCCCCCC".into()), field("keys")),
        (with(|c| c.keys[0].version = Some(2)), field("keys")),
        (with(|c| c.act.shown = None), field("keys")),
        (with(|c| next(c).version = 3), field("next")),
        (with(|c| next(c).key = VerifierKey::new(ORIGIN, [6; 32]).unwrap()), field("next")),
        (with(|c| next(c).made = Proved { shown: None, ..c.act.clone() }), field("next")),
        (with(|c| next(c).made.inclusion.clear()), CertificateError::Inclusion("next")),
        (with(|c| next(c).made.leaf_hash = Hash::sha256(b"x")), CertificateError::Leaf("next")),
        (with(|c| c.from_ms += 1), field("from_ms")),
        (with(|c| c.key_count = 2), field("key_count")),
    ] {
        assert_eq!(error, said);
    }
    // No other certificate speaks of a next key of the log.
    let log = self::log();
    let wrong = Certificate { next: certificate.next.clone(), ..refused(&log) };
    assert_eq!(failed(&log, &wrong), field("next"));
}

#[test]
fn a_leaf_that_is_not_in_the_log_or_not_whole_is_found() {
    let log = log();
    let sound = refused(&log);
    let act = Proved { leaf: sound.act.leaf.replace("oakvale", "oakvals"), ..sound.act.clone() };
    assert!(matches!(failed(&log, &Certificate { act, ..sound.clone() }), CertificateError::Leaf("act")));
    let act = Proved { index: 6, ..sound.act.clone() };
    assert!(matches!(failed(&log, &Certificate { act, ..sound.clone() }), CertificateError::Inclusion("act")));
    let mut whole = destroyed(&log);
    let shown = whole.last.as_mut().unwrap().shown.as_mut().unwrap();
    shown.private = shown.private.replace('6', "9");
    assert!(matches!(failed(&log, &whole), CertificateError::Private("last")));
    // A checkpoint that another key signed is none of this log's.
    let stranger = Log { pair: Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap(), leaves: log.leaves.clone() };
    let checkpoint = refused(&stranger).checkpoint;
    assert!(matches!(failed(&log, &Certificate { checkpoint, ..sound.clone() }), CertificateError::Checkpoint(_)));
    let foreign = Certificate::verify(&log.issue(&sound), &stranger.key()).unwrap_err();
    assert!(matches!(foreign, CertificateError::Signature(_)));
}

#[test]
fn what_else_the_log_key_signs_is_no_certificate_and_the_reverse() {
    let log = log();
    let checkpoint = refused(&log).checkpoint;
    assert!(matches!(Certificate::verify(&checkpoint, &log.key()), Err(CertificateError::Form)));
    assert_eq!(note::verify(&log.issue(&refused(&log)), &log.key()), Err(note::NoteError::NotACheckpoint));
}

#[test]
fn another_encoding_of_the_same_is_refused_though_it_is_signed() {
    let log = log();
    let body = refused(&log).body();
    for other in [body.replacen(":", ": ", 1), body.replacen("{", "{\"x\":1,", 1), body.replacen("/1\n", "/2\n", 1)] {
        assert_ne!(other, body);
        let text = note::signed(other.clone(), [(&log.key(), &log.sign(&other))]);
        assert!(matches!(Certificate::verify(&text, &log.key()), Err(CertificateError::Form)), "{other}");
    }
}

#[test]
fn the_largest_certificate_is_a_note() {
    let log = log();
    let key = Key { id: "A".repeat(22), version: Some(u32::MAX) };
    let certificate = Certificate { keys: vec![key; KEYS_MAX], key_count: KEYS_MAX as u64, ..destroyed(&log) };
    let text = log.issue(&certificate);
    assert!(text.len() < NOTE_BYTES_MAX, "{} bytes", text.len());
    Certificate::verify(&text, &log.key()).unwrap();
    let uncounted = Certificate { keys: Vec::new(), key_count: KEYS_MAX as u64 + 1, ..destroyed(&log) };
    Certificate::verify(&log.issue(&uncounted), &log.key()).unwrap();
}

#[test]
fn strangers_programs_come_to_the_same() {
    let log = log();
    let text = log.issue(&destroyed(&log));
    // The signature, by the signed_note crate.
    let note = Note::from_bytes(text.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&log.key().to_string()).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    // The proof, by the ct-merkle crate.
    let (read, checkpoint) = Certificate::verify(&text, &log.key()).unwrap();
    let proof: Vec<u8> = read.act.inclusion.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let root = RootHash::<Sha256>::new((*checkpoint.root.as_bytes()).into(), checkpoint.size);
    let proof = InclusionProof::<Sha256>::try_from_bytes(proof).unwrap();
    root.verify_inclusion(&read.act.leaf.as_bytes(), read.act.index, &proof).unwrap();
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic(text in ".{0,400}") {
        let log = log();
        prop_assert!(Certificate::verify(&text, &log.key()).is_err());
        let body = format!("coffer-certificate/1\n{text}\n");
        prop_assert!(Certificate::parse_body(&body).is_err());
    }

    #[test]
    fn a_changed_byte_anywhere_is_found(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let log = log();
        let mut bytes = log.issue(&refused(&log)).into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(String::from_utf8(bytes).map_or(true, |text| Certificate::verify(&text, &log.key()).is_err()));
    }
}
