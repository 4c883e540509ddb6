//! Notes against the published example of signed-note and against the signed_note crate.

#![allow(clippy::unwrap_used)]

use coffer_wire::Hash;
use coffer_wire::note::{Checkpoint, NoteError, VerifierKey, assemble, verify};
use data_encoding::BASE64;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

/// The key pair and note of the documentation of golang.org/x/mod/sumdb/note.
const SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\
                    \n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key() -> VerifierKey {
    VERIFIER.parse().unwrap()
}

fn pair() -> Ed25519KeyPair {
    let seed = BASE64.decode(SIGNER.splitn(5, '+').nth(4).unwrap().as_bytes()).unwrap();
    Ed25519KeyPair::from_seed_unchecked(&seed[1..]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "PeterNeumann".into(), size: 42, root: Hash::sha256(b"root") }
}

fn note() -> String {
    signed(&checkpoint())
}

fn signed(checkpoint: &Checkpoint) -> String {
    assemble(checkpoint, &key(), &pair().sign(checkpoint.body().as_bytes()).as_ref().try_into().unwrap())
}

/// Any text, signed by the oracle as this key.
fn signed_by_oracle(text: &str) -> String {
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SIGNER).unwrap()]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

#[test]
fn the_published_verifier_key_is_read_and_written() {
    assert_eq!(key().to_string(), VERIFIER);
    assert_eq!(key().name(), "PeterNeumann");
    assert_eq!(key().public(), pair().public_key().as_ref());
    assert_eq!(VerifierKey::new("PeterNeumann", *key().public()), Ok(key()));
    let json = serde_json::to_string(&key()).unwrap();
    assert_eq!(serde_json::from_str::<VerifierKey>(&json).unwrap(), key());
}

#[test]
fn the_published_note_verifies_and_is_no_checkpoint() {
    assert_eq!(verify(NOTE, &key()), Err(NoteError::NotACheckpoint));
    assert_eq!(verify(&NOTE.replace("answer", "Answer"), &key()), Err(NoteError::WrongSignature));
}

#[test]
fn a_wrong_verifier_key_is_refused() {
    for wrong in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong:?}");
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b"] {
        assert!(VerifierKey::new(name, [0; 32]).is_err(), "{name:?}");
    }
}

#[test]
fn what_we_assemble_the_oracle_verifies() {
    let (note, verifier) = (note(), StandardVerifier::new(VERIFIER).unwrap());
    let read = Note::from_bytes(note.as_bytes()).unwrap();
    let (known, unknown) = read.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((known.len(), unknown.len()), (1, 0));
    assert_eq!(note, signed_by_oracle(&checkpoint().body()));
    assert_eq!(verify(&note, &key()), Ok(checkpoint()));
}

#[test]
fn lines_of_witnesses_are_passed_over() {
    let witness = format!("\u{2014} witness.example/w {}\n", BASE64.encode(&[7; 76]));
    let with = format!("{}{witness}", note());
    assert_eq!(verify(&with, &key()), Ok(checkpoint()));
    let (text, _) = with.split_once("\u{2014} Peter").unwrap();
    assert_eq!(verify(&format!("{text}{witness}"), &key()), Err(NoteError::NotSigned));
}

#[test]
fn a_second_line_by_our_key_must_verify_too() {
    let other = signed(&Checkpoint { size: 43, ..checkpoint() });
    let bad = other.lines().last().unwrap();
    assert_eq!(verify(&format!("{}{bad}\n", note()), &key()), Err(NoteError::WrongSignature));
}

#[test]
fn another_logs_checkpoint_is_refused_though_the_key_signed_it() {
    let other = signed(&Checkpoint { origin: "PeterNeumann/2".into(), ..checkpoint() });
    assert_eq!(verify(&other, &key()), Err(NoteError::OtherLog));
    let namesake = VerifierKey::new("PeterNeumann", [9; 32]).unwrap();
    assert_eq!(verify(&note(), &namesake), Err(NoteError::NotSigned));
}

#[test]
fn what_is_no_note_is_refused() {
    let note = note();
    for wrong in [
        String::new(),
        note.replace("\n\n", "\n"),
        note.trim_end().to_owned(),
        note.replace('\n', "\r\n"),
        format!("{note}\n"),
        format!("{note}no signature line\n"),
        format!("{note}\u{2014} name-only\n"),
        format!("{note}\u{2014} name !!!!\n"),
        format!("{note}\u{2014} name AAAAAA==\n"),
        format!("{note}\u{2014}  AAAAAAAA\n"),
        format!("{note}{}", "\u{2014} w AAAAAAAA\n".repeat(100)),
        format!("{}{note}", "x".repeat(64 * 1024)),
    ] {
        assert_eq!(verify(&wrong, &key()), Err(NoteError::NotANote), "{wrong:?}");
    }
}

#[test]
fn only_a_checkpoint_is_read_as_one() {
    let body = checkpoint().body();
    assert_eq!(Checkpoint::parse_body(&body), Ok(checkpoint()));
    assert_eq!(verify(&signed_by_oracle(&format!("{body}extension\n")), &key()), Ok(checkpoint()));
    for wrong in [
        String::new(),
        "\n".to_owned(),
        body.trim_end().to_owned(),
        body.replace("PeterNeumann", ""),
        body.replace("42", "042"),
        body.replace("42", "+42"),
        body.replace("42", "-1"),
        body.replace("42", ""),
        body.replace("42", "18446744073709551616"),
        body.replace('=', ""),
        body.replace("42\n", ""),
        format!("{body}\n"),
        format!("{body}\nextension\n"),
    ] {
        assert_eq!(Checkpoint::parse_body(&wrong), Err(NoteError::NotACheckpoint), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn no_byte_of_a_note_can_be_changed(at in 0_usize..10_000, to in 0_u8..0x7f) {
        let mut bytes = note().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(verify(&changed, &key()).is_err());
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}(\n\\PC{0,40}){0,6}") {
        let _ = verify(&text, &key());
        let _ = Checkpoint::parse_body(&text);
        let _ = text.parse::<VerifierKey>();
    }
}
