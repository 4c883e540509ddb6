//! Seeded choices, the same on every machine and under every version of the libraries: only the
//! ChaCha20 key stream (RFC 8439) is theirs, all that is made of it is here.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Letters that may end a postcode.
const INWARD: &[&str] =
    &["A", "B", "D", "E", "F", "G", "H", "J", "L", "N", "P", "Q", "R", "S", "T", "U", "W", "X", "Y", "Z"];

/// One stream of choices.
pub(crate) struct Choice(ChaCha20Rng);

impl Choice {
    /// The stream of one purpose, so that a change to one file leaves the others as they are.
    pub(crate) fn new(seed: u64, stream: u64) -> Choice {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha20Rng::from_seed(key);
        rng.set_stream(stream);
        Choice(rng)
    }

    /// A number below `end`, which is not zero. Not exactly even, by less than `end` in 2³².
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let wide = u64::from(self.0.next_u32()) * u64::from(end);
        (wide >> 32) as u32
    }

    /// A number from `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// Yes, in so many of a hundred cases.
    pub(crate) fn percent(&mut self, share: u32) -> bool {
        self.below(100) < share
    }

    /// One of a list that is not empty.
    pub(crate) fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u32) as usize]
    }

    /// One of a list that is not empty, whatever it is of.
    pub(crate) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u32) as usize]
    }

    /// A postcode in an area that there is none of: no postcode of the United Kingdom begins with ZX.
    pub(crate) fn postcode(&mut self) -> String {
        let (district, sector) = (self.between(1, 60), self.below(10));
        format!("ZX{district} {sector}{}{}", self.of(INWARD), self.of(INWARD))
    }

    /// A day, `YYYY-MM-DD`, in years from `first` to `last`; never the 29th, so that it exists.
    pub(crate) fn day(&mut self, first: u32, last: u32) -> String {
        let (year, month, day) = (self.between(first, last), self.between(1, 12), self.between(1, 28));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// An amount in pounds and pence.
    pub(crate) fn amount(&mut self, first_pounds: u32, last_pounds: u32) -> String {
        let (pounds, pence) = (self.between(first_pounds, last_pounds), self.below(100));
        format!("{pounds}.{pence:02}")
    }

    /// A telephone number that nobody has: Ofcom keeps these for drama.
    pub(crate) fn phone(&mut self) -> String {
        let range = if self.percent(70) { "07700 900" } else { "01632 960" };
        format!("{range}{:03}", self.below(1_000))
    }
}
