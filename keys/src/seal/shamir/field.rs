//! Arithmetic in a field of 2ⁿ elements, n up to 8, in a time that does not depend on the elements: no tables, no branches.

use subtle::{Choice, ConditionallySelectable};
use zeroize::DefaultIsZeroes;

/// An element of the field of 2^`BITS` elements that the irreducible polynomial `MODULUS` makes, its bits the coefficients.
///
/// Addition is the same in all of them, and so is subtraction.
#[derive(Clone, Copy, Default)]
pub(super) struct Gf<const BITS: u32, const MODULUS: u16>(u8);

/// The field of the shares: x⁸ + x⁴ + x³ + x + 1, that of AES (FIPS 197, section 4.2).
pub(super) type Gf256 = Gf<8, 0x11b>;

impl<const BITS: u32, const MODULUS: u16> DefaultIsZeroes for Gf<BITS, MODULUS> {}

impl<const BITS: u32, const MODULUS: u16> Gf<BITS, MODULUS> {
    pub(super) const ONE: Self = Self(1);

    /// The element of these bits; there are 2^`BITS`, and higher bits are cut off.
    pub(super) fn new(bits: u8) -> Self {
        Self(bits & (0xff >> (8 - BITS)))
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// Multiplies bit by bit, and reduces after each shift.
    pub(super) fn times(self, other: Self) -> Self {
        let (mut shifted, mut product) = (u16::from(self.0), 0);
        for place in 0..BITS {
            product ^= where_set(other.0 >> place, shifted);
            let carry = (shifted >> (BITS - 1)) as u8;
            shifted = (shifted << 1) ^ where_set(carry, MODULUS);
        }
        Self(product as u8)
    }

    /// The element by which this one gives 1; 0 for 0. It is the power 2^`BITS` - 2.
    pub(super) fn inverse(self) -> Self {
        let (mut square, mut power) = (self, Self::ONE);
        for _ in 1..BITS {
            square = square.times(square);
            power = power.times(square);
        }
        power
    }
}

/// The value where the lowest bit is set, else 0.
fn where_set(bit: u8, value: u16) -> u16 {
    u16::conditional_select(&0, &value, Choice::from(bit & 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication as one learns it: all products of powers, then long division.
    fn by_long_division(a: u8, b: u8, modulus: u16) -> u8 {
        let mut product = 0u16;
        for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
            product ^= ((u16::from(a) >> i & 1) * (u16::from(b) >> j & 1)) << (i + j);
        }
        let degree = modulus.ilog2();
        while product != 0 && product.ilog2() >= degree {
            product ^= modulus << (product.ilog2() - degree);
        }
        product as u8
    }

    #[test]
    fn every_product_of_the_field_of_256_is_what_long_division_gives() {
        for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
            assert_eq!(Gf256::new(a).times(Gf256::new(b)).bits(), by_long_division(a, b, 0x11b), "{a} x {b}");
        }
    }

    #[test]
    fn every_product_of_a_small_field_is_what_long_division_gives() {
        for (a, b) in (0..16).flat_map(|a| (0..16).map(move |b| (a, b))) {
            assert_eq!(Gf::<4, 0x13>::new(a).times(Gf::new(b)).bits(), by_long_division(a, b, 0x13), "{a} x {b}");
        }
    }

    #[test]
    fn every_element_but_zero_has_its_inverse() {
        assert_eq!(Gf256::new(0).inverse().bits(), 0);
        assert!((1..=255).all(|a| Gf256::new(a).times(Gf256::new(a).inverse()).bits() == 1));
        assert!((1..16).all(|a| Gf::<4, 0x13>::new(a).times(Gf::new(a).inverse()).bits() == 1));
    }

    #[test]
    fn the_example_of_the_standard() {
        // FIPS 197, section 4.2: {57} x {83} = {c1}, {57} x {13} = {fe}.
        assert_eq!(Gf256::new(0x57).times(Gf256::new(0x83)).bits(), 0xc1);
        assert_eq!(Gf256::new(0x57).times(Gf256::new(0x13)).bits(), 0xfe);
    }
}
