//! What a key looks like in memory: itself, and what is as good as the key. Computed from the standards, apart from the code
//! that makes them in the vault.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use sha2::block_api::compress256;
use sha2::{Digest, Sha512};

use crate::scan::Needles;

/// Which of its forms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Form {
    /// The 32 bytes themselves, of a signing key its seed.
    Raw,
    /// The first block of HMAC's inner and outer hash (RFC 2104), as far as the key reaches.
    Ipad,
    Opad,
    /// The states of SHA-256 behind these blocks.
    Inner,
    Outer,
    /// The round keys of AES-256 (FIPS 197) behind the key itself.
    Schedule,
    /// What GHASH multiplies by (SP 800-38D), also as POLYVAL has it (RFC 8452, appendix A).
    Ghash,
    /// What signs (RFC 8032, section 5.1.5): the pruned half of the hash, the same reduced, and the half that makes nonces.
    Scalar,
    Prefix,
    /// Of a share, as it is written down.
    Text,
}

/// A key of HMAC.
pub(crate) fn mac<L: Copy + Ord>(needles: &mut Needles<L>, key: &[u8; 32], label: impl Fn(Form) -> L) {
    needles.add(label(Form::Raw), key);
    for (pad, block, state) in [(0x36, Form::Ipad, Form::Inner), (0x5c, Form::Opad, Form::Outer)] {
        let mut whole = [pad; 64];
        whole.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        needles.add(label(block), &whole[..32]);
        let mut words = SHA256_START;
        compress256(&mut words, &[whole]);
        needles.add(label(state), words.map(u32::to_ne_bytes).as_flattened());
    }
}

/// A key of AES-256-GCM.
pub(crate) fn cipher<L: Copy + Ord>(needles: &mut Needles<L>, key: &[u8; 32], label: impl Fn(Form) -> L) {
    needles.add(label(Form::Raw), key);
    needles.add(label(Form::Schedule), &schedule(key)[32..]);
    let mut h = aes_gcm::aes::Block::default();
    Aes256::new(key.into()).encrypt_block(&mut h);
    let mut reversed: [u8; 16] = h.into();
    reversed.reverse();
    needles.add(label(Form::Ghash), &h);
    needles.add(label(Form::Ghash), &reversed);
    needles.add(label(Form::Ghash), &times_x(&reversed));
}

/// A signing key.
pub(crate) fn signing<L: Copy + Ord>(needles: &mut Needles<L>, seed: &[u8; 32], label: impl Fn(Form) -> L) {
    needles.add(label(Form::Raw), seed);
    let hash: [u8; 64] = Sha512::digest(seed).into();
    let (half, prefix) = hash.split_at(32);
    let mut pruned: [u8; 32] = half.try_into().unwrap();
    needles.add(label(Form::Scalar), &pruned[16..]);
    pruned[0] &= 248;
    pruned[31] = pruned[31] & 127 | 64;
    needles.add(label(Form::Scalar), &pruned);
    needles.add(label(Form::Scalar), &reduced(pruned));
    needles.add(label(Form::Prefix), prefix);
}

const SHA256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The round keys, the first two of which are the key.
fn schedule(key: &[u8; 32]) -> Vec<u8> {
    const WORDS: usize = 60;
    let mut words: Vec<[u8; 4]> = key.chunks_exact(4).map(|word| word.try_into().unwrap()).collect();
    let mut round = 1;
    for at in 8..WORDS {
        let mut word = words[at - 1];
        if at % 8 == 0 {
            word.rotate_left(1);
            word = word.map(substituted);
            word[0] ^= round;
            round = doubled(round);
        } else if at % 8 == 4 {
            word = word.map(substituted);
        }
        words.push(std::array::from_fn(|byte| word[byte] ^ words[at - 8][byte]));
    }
    words.concat()
}

fn doubled(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

/// In the field of AES.
pub(crate) fn product(mut a: u8, b: u8) -> u8 {
    let mut sum = 0;
    for bit in 0..8 {
        sum ^= if b >> bit & 1 == 1 { a } else { 0 };
        a = doubled(a);
    }
    sum
}

/// The S-box: the inverse, and an affine map of it.
fn substituted(byte: u8) -> u8 {
    let inverse = (0..=255).find(|other| product(byte, *other) == 1).unwrap_or(0);
    (0..5).fold(0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
}

/// Multiplied by x in POLYVAL's field.
fn times_x(element: &[u8; 16]) -> [u8; 16] {
    let value = u128::from_le_bytes(*element);
    let carry = value >> 127;
    (value << 1 ^ carry ^ carry << 127 ^ carry << 126 ^ carry << 121).to_le_bytes()
}

/// Modulo the order of the group, 2^252 + 27742317777372353535851937790883648493, least byte first.
fn reduced(mut scalar: [u8; 32]) -> [u8; 32] {
    let mut order = [0; 32];
    order[..16].copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
    order[31] = 0x10;
    while scalar.iter().rev().ge(order.iter().rev()) {
        let mut borrow = 0;
        for (byte, taken) in scalar.iter_mut().zip(order) {
            let left = i16::from(*byte) - i16::from(taken) - borrow;
            borrow = i16::from(left < 0);
            *byte = left.rem_euclid(256) as u8;
        }
    }
    scalar
}

#[test]
fn the_round_keys_are_those_of_the_standard() {
    // FIPS 197, appendix A.3.
    let key =
        data_encoding::HEXLOWER.decode(b"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4").unwrap();
    let schedule = schedule(&key.try_into().unwrap());
    assert_eq!(data_encoding::HEXLOWER.encode(&schedule[32..48]), "9ba354118e6925afa51a8b5f2067fcde");
    assert_eq!(data_encoding::HEXLOWER.encode(&schedule[224..]), "fe4890d1e6188d0b046df344706c631e");
}

/// Keys of this process alone: what is found more often while an object lives is in it.
#[test]
fn the_scan_sees_a_mac_a_cipher_and_a_signing_key_that_are_held_and_not_once_they_are_dropped() {
    use aes_gcm::Aes256Gcm;
    use hmac::Hmac;
    let [mac_key, cipher_key, seed] = [1, 2, 3].map(|_| coffer_keys::random::<32>().unwrap());
    let mut needles = Needles::new();
    mac(&mut needles, &mac_key, |form| (0, form));
    cipher(&mut needles, &cipher_key, |form| (1, form));
    signing(&mut needles, &seed, |form| (2, form));
    let before = needles.count("self");
    let held = (
        Box::new(<Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(&mac_key).unwrap()),
        Box::new(<Aes256Gcm as KeyInit>::new((&cipher_key).into())),
        Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)),
    );
    let while_held = needles.count("self");
    for label in [(0, Form::Inner), (0, Form::Outer), (1, Form::Schedule), (1, Form::Ghash), (2, Form::Raw)] {
        let of = |counts: &std::collections::BTreeMap<_, usize>| counts.get(&label).copied().unwrap_or(0);
        assert!(of(&while_held) > of(&before), "{label:?} was not seen: {before:?}, {while_held:?}");
    }
    drop(held);
}
