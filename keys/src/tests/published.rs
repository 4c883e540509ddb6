//! Published vectors: Wycheproof, RFC 5869, RFC 8032.

use aes_gcm::aead::KeyInit;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, Nonce, Tag};
use data_encoding::HEXLOWER;
use ring::signature::{ED25519, UnparsedPublicKey};
use wycheproof::TestResult;
use wycheproof::{aead, eddsa, hkdf, mac};

use crate::prf::Prf;

const EXPAND_BYTES_MAX: usize = 255 * 32;

#[test]
fn aes_256_gcm_agrees_with_wycheproof() {
    let mut ran = 0;
    let groups = aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups;
    for group in groups.iter().filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)) {
        for test in &group.tests {
            aes_gcm_case(test);
            ring_case(test);
            ran += 1;
        }
    }
    assert!(ran > 60, "only {ran} vectors ran");
}

fn aes_gcm_case(test: &aead::Test) {
    let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
    let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
    let tag = Tag::try_from(&test.tag[..]).unwrap();

    let mut opened = vec![0xAA; test.ct.len()];
    let buffers = InOutBuf::new(&test.ct, &mut opened).unwrap();
    let verdict = cipher.decrypt_inout_detached(&nonce, &test.aad, buffers, &tag);
    if test.result == TestResult::Invalid {
        assert!(verdict.is_err(), "{}", test.tc_id);
        assert!(opened.iter().all(|byte| *byte == 0xAA), "{}: plaintext on a wrong tag", test.tc_id);
        return;
    }
    assert!(verdict.is_ok() && opened == test.pt[..], "{}", test.tc_id);

    let mut sealed = test.pt.to_vec();
    let made = cipher.encrypt_inout_detached(&nonce, &test.aad, InOutBuf::from(&mut sealed[..])).unwrap();
    assert!(sealed == test.ct[..] && made == tag, "{}", test.tc_id);
}

fn ring_case(test: &aead::Test) {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &test.key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
    let mut sealed = [&test.ct[..], &test.tag[..]].concat();
    let verdict = key.open_in_place(nonce, Aad::from(&test.aad[..]), &mut sealed);
    assert_eq!(verdict.is_err(), test.result == TestResult::Invalid, "{}", test.tc_id);
}

#[test]
fn hkdf_expand_agrees_with_wycheproof() {
    let mut ran = 0;
    for group in &hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap().test_groups {
        for test in &group.tests {
            if test.size > EXPAND_BYTES_MAX {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            }
            let mut okm = vec![0; test.size];
            extract(&test.salt, &test.ikm).expand_into(&[&test.info], &mut okm);
            assert_eq!(okm, test.okm[..], "{}", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 80, "only {ran} vectors ran");
}

/// HKDF-Extract, which Coffer has no use for: PRK = HMAC(salt, input).
fn extract(salt: &[u8], input: &[u8]) -> Prf {
    Prf::new(&Prf::of_any_length(salt).mac(&[input]))
}

#[test]
fn hkdf_expand_agrees_with_rfc_5869() {
    // Appendix A.1, from the PRK on.
    let prk = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    let mut okm = [0; 42];
    let info = hex("f0f1f2f3f4f5f6f7f8f9");
    Prf::new(&prk.try_into().unwrap()).expand_into(&[&info[..3], &info[3..]], &mut okm);
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(HEXLOWER.encode(&okm), expected);
}

#[test]
fn hmac_sha_256_agrees_with_wycheproof() {
    let mut ran = 0;
    for group in &mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        for test in &group.tests {
            let made = Prf::of_any_length(&test.key).mac(&[&test.msg]);
            let same = made[..group.tag_size / 8] == test.tag[..];
            assert_eq!(same, test.result != TestResult::Invalid, "{}", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 150, "only {ran} vectors ran");
}

#[test]
fn ed25519_verification_agrees_with_wycheproof() {
    let mut ran = 0;
    for group in &eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let public: [u8; 32] = group.key.pk[..].try_into().unwrap();
        let dalek = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
        for test in &group.tests {
            let valid = test.result != TestResult::Invalid;
            let by_ring = UnparsedPublicKey::new(&ED25519, &public).verify(&test.msg, &test.sig);
            let by_dalek = ed25519_dalek::Signature::from_slice(&test.sig)
                .and_then(|signature| dalek.verify_strict(&test.msg, &signature));
            assert_eq!(by_ring.is_ok(), valid, "{}: ring", test.tc_id);
            assert_eq!(by_dalek.is_ok(), valid, "{}: dalek", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 140, "only {ran} vectors ran");
}

#[test]
fn the_log_key_signs_as_rfc_8032_says() {
    use crate::log::LogKey;
    use crate::wrapped::Kept;
    // Section 7.1, tests 1 to 3: seed, public key, message, signature.
    for [seed, public, message, signature] in [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ] {
        let seed = hex(seed).try_into().unwrap();
        let key = LogKey::from_raw(&seed);
        assert_eq!(HEXLOWER.encode(&key.public()), public);
        assert_eq!(HEXLOWER.encode(&key.sign(&hex(message))), signature);
    }
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}
