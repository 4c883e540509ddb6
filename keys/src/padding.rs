//! Sizes that say little about what is inside.
//!
//! A value is stored as its length, itself, zeros, up to the next size of a short list: powers of two from 32 to 1,024,
//! above that the sizes of Padmé, which add at most 12 % and leak O(log log n) bits of a length n (Nikitin and others, PoPETs 2019, section 4).

use crate::aead::OVERHEAD_BYTES;

/// Largest value that can be sealed, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// The length that stands before the value, in bytes: an unsigned 32-bit big-endian number.
pub(crate) const LENGTH_BYTES: usize = 4;

const BUCKET_BYTES_MIN: usize = 32;
const BUCKET_BYTES_MAX: usize = 1024;

/// How long the sealed form of a value of `plain_len` bytes is, when every value up to `pad_to` bytes is to look the same.
/// `None` when either is above [`VALUE_BYTES_MAX`].
pub fn sealed_len(plain_len: usize, pad_to: usize) -> Option<usize> {
    padded_len(plain_len, pad_to).map(|padded| padded + OVERHEAD_BYTES)
}

/// The size to which length and value are padded.
pub(crate) fn padded_len(plain_len: usize, pad_to: usize) -> Option<usize> {
    let wanted = plain_len.max(pad_to);
    (wanted <= VALUE_BYTES_MAX).then(|| bucket(LENGTH_BYTES + wanted))
}

fn bucket(len: usize) -> usize {
    if len <= BUCKET_BYTES_MAX { len.next_power_of_two().max(BUCKET_BYTES_MIN) } else { padme(len) }
}

/// Rounds up so that only as many leading bits of the length stay visible as its exponent has bits itself.
fn padme(len: usize) -> usize {
    let exponent = len.ilog2();
    let visible_bits = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - visible_bits)) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_lengths_round_up_to_powers_of_two() {
        for (len, size) in [(0, 32), (28, 32), (29, 64), (60, 64), (61, 128), (252, 256), (508, 512), (1020, 1024)] {
            assert_eq!(padded_len(len, 0), Some(size), "{len}");
        }
    }

    #[test]
    fn lengths_above_the_buckets_follow_padme() {
        for (len, size) in [(1025, 1088), (1088, 1088), (1089, 1152), (2049, 2176), (1_000_000, 1_015_808)] {
            assert_eq!(padme(len), size, "{len}");
        }
    }

    #[test]
    fn padme_adds_at_most_twelve_per_cent() {
        for len in 1025..200_000 {
            let size = padme(len);
            assert!(size >= len && (size - len) * 100 <= len * 12, "{len} -> {size}");
        }
    }

    #[test]
    fn a_floor_gives_all_choices_of_an_enumeration_one_size() {
        let longest = "prefer not to say".len();
        let sizes: Vec<_> = (0..=longest).map(|len| padded_len(len, longest)).collect();
        assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(padded_len(3, 100), Some(128));
    }

    #[test]
    fn what_is_too_large_has_no_size() {
        assert!(padded_len(VALUE_BYTES_MAX, 0).is_some());
        assert_eq!(padded_len(VALUE_BYTES_MAX + 1, 0), None);
        assert_eq!(padded_len(0, VALUE_BYTES_MAX + 1), None);
    }
}
