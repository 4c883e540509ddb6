//! Tests that need what is not public: chosen keys and salts, the PRF and the cipher by themselves. All
//! others stand in `keys/tests/`.
#![allow(clippy::unwrap_used)]

mod against_ring;
mod golden;
mod published;
mod secrets;
