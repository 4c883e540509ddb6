//! The construction of sealed values, built a second time on ring, on random input; and what a wrong tag must not reveal.

use proptest::prelude::*;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{digest, hkdf};

use crate::Altered;
use crate::aead::{self, BODY_START, OVERHEAD_BYTES, SALT_BYTES, TAG_BYTES};
use crate::context::{Context, Label};
use crate::prf::Prf;

/// Length of an output for ring's Expand.
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// `salt ‖ c ‖ ct ‖ tag`, without a line of our own cryptography.
fn seal_by_ring(key: &[u8; 32], salt: &[u8; SALT_BYTES], context: &[u8], plain: &[u8]) -> Vec<u8> {
    let binding = digest::digest(&digest::SHA256, context);
    let mut derived = [0; 64];
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key)
        .expand(&[salt, binding.as_ref()], Len(64))
        .and_then(|okm| okm.fill(&mut derived))
        .unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived[..32]).unwrap());
    let mut body = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    cipher.seal_in_place_append_tag(nonce, Aad::from(binding.as_ref()), &mut body).unwrap();
    [&salt[..], &derived[32..], &body].concat()
}

fn seal_by_us(key: &[u8; 32], salt: &[u8; SALT_BYTES], context: &Context, plain: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; plain.len() + OVERHEAD_BYTES];
    buffer[BODY_START..BODY_START + plain.len()].copy_from_slice(plain);
    assert!(aead::seal(&Prf::new(key), salt, context, &mut buffer).is_ok());
    buffer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn ours_and_rings_are_the_same_bytes(
        key: [u8; 32],
        salt: [u8; SALT_BYTES],
        place in proptest::collection::vec(any::<u8>(), 0..200),
        plain in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let context = Context::new(Label::Value).part(&place);
        let ours = seal_by_us(&key, &salt, &context, &plain);
        prop_assert!(ours == seal_by_ring(&key, &salt, context.as_bytes(), &plain));

        let mut opened = vec![0; plain.len()];
        aead::open(&Prf::new(&key), &context, &ours, &mut opened).unwrap();
        prop_assert!(opened == plain);
    }

    #[test]
    fn names_are_hmacs_that_end_in_zero(key: [u8; 32], place in proptest::collection::vec(any::<u8>(), 0..200)) {
        use ring::hmac;
        let context = Context::new(Label::Locator).part(&place);
        let message = [context.as_bytes(), &[0]].concat();
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
        prop_assert_eq!(&Prf::new(&key).name(&context)[..], expected.as_ref());
    }
}

/// RUSTSEC-2023-0096: aes-gcm once left the plaintext in the buffer when the tag was wrong.
#[test]
fn a_wrong_tag_leaves_the_output_untouched() {
    let context = Context::new(Label::Value).text("place");
    let plain = b"sort code 12-34-56, account 12345678";
    let sealed = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, plain);
    let prf = Prf::new(&[3; 32]);

    for position in [BODY_START, BODY_START + plain.len() - 1, sealed.len() - TAG_BYTES, sealed.len() - 1] {
        let mut altered = sealed.clone();
        altered[position] ^= 1;
        let mut out = vec![0xAA; plain.len()];
        assert_eq!(aead::open(&prf, &context, &altered, &mut out), Err(Altered));
        assert!(out.iter().all(|byte| *byte == 0xAA), "byte {position}");
    }
}

#[test]
fn a_wrong_commitment_is_refused_though_the_tag_is_right() {
    let context = Context::new(Label::Value).text("place");
    let mut sealed = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, b"value");
    for position in SALT_BYTES..BODY_START {
        sealed[position] ^= 0x80;
        let mut out = [0xAA; 5];
        assert_eq!(aead::open(&Prf::new(&[3; 32]), &context, &sealed, &mut out), Err(Altered));
        assert_eq!(out, [0xAA; 5], "byte {position}");
        sealed[position] ^= 0x80;
    }
}

#[test]
fn an_output_of_another_length_is_refused() {
    let context = Context::new(Label::Value).text("place");
    let sealed = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, b"value");
    for len in [0, 4, 6] {
        let mut out = vec![0; len];
        assert_eq!(aead::open(&Prf::new(&[3; 32]), &context, &sealed, &mut out), Err(Altered));
    }
}

/// A padding that is not zeros, or a length beyond the end, never comes from `seal`; under the right key it is refused all the same.
#[test]
fn a_padding_that_was_not_written_by_us_is_refused() {
    let context = Context::new(Label::Value).text("place");
    let mut padded = [0; 32];
    padded[3] = 5;
    for (position, byte) in [(31, 1), (9, 1), (0, 1), (3, 29)] {
        let mut wrong = padded;
        wrong[position] = byte;
        let sealed = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, &wrong);
        assert!(crate::sealed::open(&Prf::new(&[3; 32]), &context, &sealed).is_err(), "byte {position}");
    }
    let sealed = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, &padded);
    assert!(crate::sealed::open(&Prf::new(&[3; 32]), &context, &sealed).is_ok());
    let shorter_than_a_length = seal_by_us(&[3; 32], &[4; SALT_BYTES], &context, &[0; 3]);
    assert!(crate::sealed::open(&Prf::new(&[3; 32]), &context, &shorter_than_a_length).is_err());
}
