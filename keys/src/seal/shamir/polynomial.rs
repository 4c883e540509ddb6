//! A polynomial through a secret, and the secret from points of it (Shamir, "How to Share a Secret", CACM 22 (11), 1979).

use super::field::Gf;

/// The value at `x` of the polynomial whose lowest coefficient is the secret; the others follow, lowest first.
///
/// The others must be uniform, zero included: a highest coefficient that is never zero tells a holder of one share less than the
/// threshold which secrets it cannot be.
pub(super) fn value_at<const BITS: u32, const MODULUS: u16>(
    x: Gf<BITS, MODULUS>,
    secret: Gf<BITS, MODULUS>,
    others: impl DoubleEndedIterator<Item = Gf<BITS, MODULUS>>,
) -> Gf<BITS, MODULUS> {
    others.rev().fold(Gf::default(), |above, coefficient| above.plus(coefficient).times(x)).plus(secret)
}

/// The weights with which the values at these places give the value at zero (Lagrange). The places are public, no two are the same, and none is zero.
pub(super) fn weights_at_zero<const BITS: u32, const MODULUS: u16>(
    places: &[Gf<BITS, MODULUS>],
) -> Vec<Gf<BITS, MODULUS>> {
    let weight = |own: usize| {
        let others = places.iter().enumerate().filter(|(index, _)| *index != own);
        others.fold(Gf::ONE, |weight, (_, other)| weight.times(*other).times(other.plus(places[own]).inverse()))
    };
    (0..places.len()).map(weight).collect()
}

/// The value at zero: the secret.
pub(super) fn value_at_zero<const BITS: u32, const MODULUS: u16>(
    weights: &[Gf<BITS, MODULUS>],
    values: impl Iterator<Item = Gf<BITS, MODULUS>>,
) -> Gf<BITS, MODULUS> {
    weights.iter().zip(values).fold(Gf::default(), |sum, (weight, value)| sum.plus(weight.times(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every list of `count` elements of a field of `1 << BITS`.
    fn lists<const BITS: u32, const MODULUS: u16>(count: usize) -> impl Iterator<Item = Vec<Gf<BITS, MODULUS>>> {
        let all = 1u64 << (BITS as usize * count);
        (0..all).map(move |code| (0..count).map(|place| Gf::new((code >> (BITS as usize * place)) as u8)).collect())
    }

    /// For each list of values at `places`, one fewer than the threshold: how often each secret has it, over every polynomial.
    fn secrets_behind<const BITS: u32, const MODULUS: u16>(places: &[u8]) -> Vec<Vec<u32>> {
        let secrets = 1usize << BITS;
        let mut counts = vec![vec![0; secrets]; secrets.pow(places.len() as u32)];
        for (secret, others) in (0..secrets).flat_map(|secret| lists(places.len()).map(move |others| (secret, others)))
        {
            let seen = places.iter().fold(0, |seen, place| {
                let value = value_at(Gf::<BITS, MODULUS>::new(*place), Gf::new(secret as u8), others.iter().copied());
                seen * secrets + usize::from(value.bits())
            });
            counts[seen][secret] += 1;
        }
        counts
    }

    #[test]
    fn one_share_fewer_than_needed_fits_every_secret_equally_often() {
        for place in 1..16 {
            assert!(secrets_behind::<4, 0x13>(&[place]).iter().flatten().all(|count| *count == 1), "2 of n, {place}");
        }
        for (one, other) in [(1, 2), (1, 3), (2, 3), (7, 15)] {
            assert!(secrets_behind::<4, 0x13>(&[one, other]).iter().flatten().all(|count| *count == 1), "3 of n");
        }
        assert!(secrets_behind::<2, 0x7>(&[1, 2, 3]).iter().flatten().all(|count| *count == 1), "4 of n");
    }

    #[test]
    fn every_polynomial_of_a_small_field_gives_its_secret_back_from_any_points_of_it() {
        for others in lists::<4, 0x13>(2) {
            let secret = Gf::new(others[0].bits() ^ 0b1010);
            for places in [[1, 2, 3], [3, 1, 2], [15, 4, 9]].map(|places| places.map(Gf::<4, 0x13>::new)) {
                let values = places.iter().map(|place| value_at(*place, secret, others.iter().copied()));
                assert_eq!(value_at_zero(&weights_at_zero(&places), values).bits(), secret.bits());
            }
        }
    }
}
