//! By which fields a record tells of its person's consent.

/// Two fields of a category, by their numbers. That a record *has* them is what counts, not what they say: which fields
/// a row has stands in its clear head, which the sealed identity vouches for, so nothing is opened to decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consent {
    /// That it was given.
    pub given: u16,
    /// That it was withdrawn.
    pub withdrawn: u16,
}

impl Consent {
    /// Whether it is in force in a record that has these fields.
    pub fn is_in_force(&self, has: impl Fn(u16) -> bool) -> bool {
        has(self.given) && !has(self.withdrawn)
    }
}
