//! A second implementation of every format, written from `docs/FORMAT.md` on ring alone: it opens and remakes the golden vectors.
//! It calls nothing of the crate it checks.
#![allow(clippy::unwrap_used)]

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::signature::{ED25519, UnparsedPublicKey};
use ring::{digest, hkdf, hmac};
use serde_json::Value;

#[test]
fn contexts() {
    for case in cases("context") {
        let parts: Vec<_> = case["parts"].as_array().unwrap().iter().map(hex).collect();
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let encoded = context(case["label"].as_str().unwrap(), &parts);
        assert_eq!(encoded, hex(&case["encoded"]));
        assert_eq!(sha256(&encoded), hex(&case["sha256"])[..]);
    }
}

#[test]
fn sealed_values() {
    for case in cases("sealed-value") {
        let place = context(
            "value",
            &[&[1], b"oakvale", b"bank", b"own subject key.", b"T-1042", b"mandate-1", &number(1), &number(9)],
        );
        assert_eq!(place, hex(&case["context"]));
        let plain = open_value(&hex(&case["key"]), &place, &hex(&case["sealed"]));
        assert_eq!(plain, hex(&case["plain"]));
    }
}

#[test]
fn wrapped_keys() {
    for case in cases("wrapped-key") {
        let place = &case["place"];
        let encoded = context(
            "wrap",
            &[
                &[place["kind"].as_u64().unwrap() as u8],
                place["controller"].as_str().unwrap().as_bytes(),
                place["category"].as_str().unwrap().as_bytes(),
                &number(place["version"].as_u64().unwrap()),
                &hex(&place["id"]),
                &hex(&place["wrapped_by"]),
            ],
        );
        let wrapped = hex(&case["wrapped"]);
        assert_eq!(wrapped.len(), 96);
        assert_eq!(open(&hex(&case["wrapping_key"]), &encoded, &wrapped), hex(&case["key"]));
    }
}

#[test]
fn a_row() {
    let case = file("row");
    let row = hex(&case["row"]);
    let keys = [hex(&case["keys"][0]), hex(&case["keys"][1])];
    let ids = [hex(&case["key_ids"][0]), hex(&case["key_ids"][1])];

    // Head: format 1, suite 1, origin 2, version 9, two keys, three fields of 7 bytes.
    assert_eq!(row[..11], [1, 1, 0, 0, 0, 2, 0, 0, 0, 9, 2]);
    assert_eq!(row[11..43], ids.concat());
    assert_eq!(row[43..45], [0, 3]);
    assert_eq!(row[45..66], [0, 1, 0, 0, 0, 0, 9, 0, 2, 0, 0, 0, 0, 4, 1, 44, 1, 0, 0, 0, 9]);
    let (head, rest) = row.split_at(66);
    let (identity, rest) = blob(rest);
    let (first, rest) = blob(rest);
    let (second, rest) = blob(rest);
    let (third, rest) = blob(rest);
    assert!(rest.is_empty());

    let bound = sha256(&[head, &first[16..48], &second[16..48], &third[16..48]].concat());
    let place = context("row", &[b"oakvale", b"bank", &ids[0], &bound]);
    let identity = open_value(&keys[0], &place, identity);
    let expected = [&hex(&case["row_salt"])[..], &[0, 6], b"T-1042", b"mandate-1"].concat();
    assert_eq!(identity, expected);

    for (index, (sealed, key, field, version)) in
        [(first, 0, 1, 9), (second, 0, 2, 4), (third, 1, 300, 9)].into_iter().enumerate()
    {
        let place = context(
            "value",
            &[&[1], b"oakvale", b"bank", &ids[key], b"T-1042", b"mandate-1", &number(field), &number(version)],
        );
        assert_eq!(open_value(&keys[key], &place, sealed), case["fields"][index].as_str().unwrap().as_bytes());
    }
    assert_eq!(sha256(&[&identity[..32], &row].concat()), hex(&case["salted_hash"])[..]);
}

#[test]
fn names() {
    let case = file("names");
    let key = hex(&case["key"]);
    let name = |label: &str, parts: &[&[u8]]| {
        let message = [&context(label, parts)[..], &[0]].concat();
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message).as_ref()[..16].to_vec()
    };
    let person = name("locator", &[b"T-1042"]);
    let row = [&person[..], &name("locator", &[b"T-1042", b"mandate-1"])].concat();
    assert_eq!(row, hex(&case["row_key"]));
    assert_eq!(name("tag", &[&hex(&case["tagged"])]), hex(&case["tag"]));
    assert_eq!(name("alias", &[b"oakvale", b"bank", b"2026-11"]), hex(&case["alias"]));
    assert_eq!(name("alias", &[b"oakvale", b"bank", b"2026-11", b"T-1042"]), hex(&case["alias_of"]));
}

#[test]
fn a_key_file() {
    let case = file("key-file");
    let line = case["file"].as_str().unwrap().strip_suffix('\n').unwrap();
    let (text, checksum) = line.rsplit_once(' ').unwrap();
    assert_eq!(HEXLOWER.encode(&sha256(text.as_bytes())[..8]), checksum);
    let [format, id, key] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(format, "coffer-root-key-1");
    assert_eq!(BASE64URL_NOPAD.decode(id.as_bytes()).unwrap(), hex(&case["id"]));
    assert_eq!(BASE64URL_NOPAD.decode(key.as_bytes()).unwrap(), hex(&case["key"]));
}

#[test]
fn a_share() {
    let case = file("share");
    let numbers = ["index", "threshold"].map(|name| case[name].as_u64().unwrap() as u8);
    let [format, index, threshold, set, body, checksum] =
        case["share"].as_str().unwrap().split(' ').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((format, index, threshold), ("coffer-share-1", &*numbers[0].to_string(), &*numbers[1].to_string()));
    assert_eq!(crockford(set), hex(&case["set"]));
    assert_eq!(crockford(body), hex(&case["body"]));
    let whole = [b"coffer-share-1", &numbers[..], &hex(&case["set"]), &hex(&case["body"])].concat();
    assert_eq!(crockford(checksum), sha256(&whole)[..5]);
}

/// Base32 in Crockford's alphabet, five bits a character, without the dashes; what is left over at the end is dropped.
fn crockford(text: &str) -> Vec<u8> {
    let digit = |char| "0123456789abcdefghjkmnpqrstvwxyz".find(char).unwrap() as u64;
    let bits: Vec<_> = text
        .chars()
        .filter(|char| *char != '-')
        .flat_map(|char| (0..5).rev().map(move |bit| digit(char) >> bit & 1))
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
}

#[test]
fn a_set_of_shares() {
    let case = file("share");
    let line = case["share_set"].as_str().unwrap().strip_suffix('\n').unwrap();
    let (text, checksum) = line.rsplit_once(' ').unwrap();
    assert_eq!(HEXLOWER.encode(&sha256(text.as_bytes())[..8]), checksum);
    let [format, set, threshold, shares, check] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((format, threshold, shares), ("coffer-share-set-1", "3", "5"));
    assert_eq!(BASE64URL_NOPAD.decode(set.as_bytes()).unwrap(), hex(&case["set"]));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &hex(&case["root"]));
    let place = context("check", &[&hex(&case["set"]), &number(3), &number(5)]);
    let tag = hmac::sign(&key, &[&place[..], &[0]].concat());
    assert_eq!(HEXLOWER.decode(check.as_bytes()).unwrap(), tag.as_ref());
}

#[test]
fn shared_bytes() {
    let case = file("shamir");
    let (secret, rows) = (hex(&case["secret"]), case["coefficients"].as_array().unwrap());
    for (index, body) in case["indices"].as_array().unwrap().iter().zip(case["bodies"].as_array().unwrap()) {
        let x = index.as_u64().unwrap() as u16;
        for (place, byte) in hex(body).iter().enumerate() {
            let terms = [hex(&rows[0])[place], hex(&rows[1])[place]].map(u16::from);
            let value = u16::from(secret[place]) ^ product(terms[0], x) ^ product(terms[1], product(x, x));
            assert_eq!(value, u16::from(*byte));
        }
    }
}

/// In the field of AES, from the products of single bits.
fn product(a: u16, b: u16) -> u16 {
    let times_x = |value: u16| if value & 0x80 == 0 { value << 1 } else { value << 1 ^ 0x11b };
    let mut power = a;
    (0..8).fold(0, |sum, bit| {
        let term = if b >> bit & 1 == 1 { power } else { 0 };
        power = times_x(power);
        sum ^ term
    })
}

#[test]
fn a_signature_of_the_log() {
    let case = file("log");
    let message = case["message"].as_str().unwrap().as_bytes();
    UnparsedPublicKey::new(&ED25519, hex(&case["public"])).verify(message, &hex(&case["signature"])).unwrap();
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&hex(&case["seed"])).unwrap();
    assert_eq!(pair.sign(message).as_ref(), hex(&case["signature"]));
}

/// Opens, then takes length and padding off.
fn open_value(key: &[u8], place: &[u8], sealed: &[u8]) -> Vec<u8> {
    let padded = open(key, place, sealed);
    assert!([32, 64, 128].contains(&padded.len()));
    let (plain, padding) = blob(&padded);
    assert!(padding.iter().all(|byte| *byte == 0));
    plain.to_vec()
}

/// salt 16 ‖ commitment 32 ‖ ciphertext ‖ tag 16.
fn open(key: &[u8], place: &[u8], sealed: &[u8]) -> Vec<u8> {
    struct SixtyFour;
    impl hkdf::KeyType for SixtyFour {
        fn len(&self) -> usize {
            64
        }
    }
    let binding = sha256(place);
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key);
    let mut derived = [0; 64];
    prk.expand(&[&sealed[..16], &binding], SixtyFour).unwrap().fill(&mut derived).unwrap();
    assert_eq!(derived[32..], sealed[16..48], "commitment");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived[..32]).unwrap());
    let mut body = sealed[48..].to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    cipher.open_in_place(nonce, Aad::from(&binding[..]), &mut body).unwrap().to_vec()
}

fn context(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let all = [b"coffer/1", label.as_bytes()].into_iter().chain(parts.iter().copied());
    all.flat_map(|part| [&(part.len() as u32).to_be_bytes()[..], part].concat()).collect()
}

fn blob(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = bytes.split_first_chunk().unwrap();
    rest.split_at(u32::from_be_bytes(*len) as usize)
}

fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    file(name)["cases"].as_array().unwrap().clone()
}

fn file(name: &str) -> Value {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}
