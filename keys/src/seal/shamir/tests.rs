//! Shares against what two other programs make of them, and against each other.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use vsss_rs::Gf256 as Theirs;

use super::field::Gf;
use super::polynomial::{value_at, value_at_zero, weights_at_zero};
use super::*;

const ID: KeyId = KeyId::from_bytes([7; 16]);

/// The field of `blahaj`: x⁸ + x⁴ + x³ + x² + 1. Its shares are no shares of ours, and ours none of its; the arithmetic is the same.
type Blahajs = Gf<8, 0x11d>;

fn split() -> impl Strategy<Value = Split> {
    (2..=8u8).prop_flat_map(|threshold| {
        (Just(threshold), threshold..=SHARES).prop_map(|(threshold, shares)| Split { threshold, shares })
    })
}

const SHARES: u8 = 12;

/// As `vsss-rs` has a share: the index, then its bytes.
fn bytes_of(share: &Share) -> Vec<u8> {
    [&[share.index()], share.body().as_slice()].concat()
}

fn is_same(one: &RootKey, other: &RootKey) -> bool {
    one.check_value(1, 1) == other.check_value(1, 1)
}

proptest! {
    #[test]
    fn any_enough_of_the_shares_give_the_key_in_any_order(raw: [u8; 32], split in split(), order in Just((0..SHARES).collect::<Vec<_>>()).prop_shuffle()) {
        let shares = divide(ID, &raw, split).unwrap();
        let (mut chosen, mut order) = (Vec::new(), order);
        order.retain(|index| *index < split.shares);
        for index in order.into_iter().take(usize::from(split.threshold)) {
            chosen.push(Share::parse(&shares[usize::from(index)].to_text()).unwrap());
        }
        prop_assert!(is_same(&combine(ID, &chosen), &RootKey::from_raw(ID, &raw)));
        chosen.pop();
        prop_assert!(!is_same(&combine(ID, &chosen), &RootKey::from_raw(ID, &raw)), "one too few");
    }

    #[test]
    fn another_program_combines_our_shares(raw: [u8; 32], split in split()) {
        let shares = divide(ID, &raw, split).unwrap();
        let enough: Vec<_> = shares.iter().rev().take(usize::from(split.threshold)).map(bytes_of).collect();
        prop_assert_eq!(Theirs::combine_bytes(&enough).unwrap(), raw);
    }

    #[test]
    fn we_combine_the_shares_of_another_program(raw: [u8; 32], split in split()) {
        let (threshold, limit) = (usize::from(split.threshold), usize::from(split.shares));
        let theirs = Theirs::split_bytes(threshold, limit, raw, rand::rng()).unwrap();
        let ours: Vec<_> = theirs.iter().rev().take(threshold).map(|share| {
            Share::new(ID, share[0], split.threshold, Zeroizing::new(share[1..].try_into().unwrap()))
        }).collect();
        prop_assert!(is_same(&combine(ID, &ours), &RootKey::from_raw(ID, &raw)));
    }

    #[test]
    fn a_third_program_agrees_in_its_own_field(secret: u8, others in prop::collection::vec(any::<u8>(), 1..6)) {
        let coefficients = || others.iter().map(|other| Blahajs::new(*other));
        let ours: Vec<_> = (1..=others.len() as u8 + 1)
            .map(|x| blahaj::Share::try_from(&[x, value_at(Blahajs::new(x), Blahajs::new(secret), coefficients()).bits()][..]).unwrap())
            .collect();
        let sharks = blahaj::Sharks(others.len() as u8 + 1);
        prop_assert_eq!(sharks.recover(&ours).unwrap(), vec![secret]);

        let theirs: Vec<_> = sharks.dealer(&[secret]).take(usize::from(sharks.0)).collect();
        let places: Vec<_> = theirs.iter().map(|share| Blahajs::new(share.x.0)).collect();
        let values = theirs.iter().map(|share| Blahajs::new(share.y[0].0));
        prop_assert_eq!(value_at_zero(&weights_at_zero(&places), values).bits(), secret);
    }
}

#[test]
fn the_coefficients_take_every_value_zero_included() {
    // With one other coefficient a share is secret + coefficient x index: of 4,096 draws of 32 bytes each value comes up about 512 times.
    let raw = [0; 32];
    let mut counts = [0u32; 256];
    for _ in 0..4_096 {
        let shares = divide(ID, &raw, Split { threshold: 2, shares: 2 }).unwrap();
        shares[0].body().iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    }
    // Eight standard deviations: a coefficient that is never zero, or drawn by a remainder, is far outside.
    assert!(counts.iter().all(|count| (332..=692).contains(count)), "{counts:?}");
}
