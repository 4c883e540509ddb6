//! An act made into one that ends records, from outside.
//!
//! error E0117: only traits defined in the current crate can be implemented for types defined outside of the crate

#[cfg(not(feature = "evidence"))]
impl coffer_vault::seal::Ends for coffer_vault::admit::Read {}

pub fn ends<A: coffer_vault::seal::Ends>() {}

fn main() {
    ends::<coffer_vault::admit::Erase>();
}
