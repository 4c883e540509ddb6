//! What the end-to-end suites, the crash tests and the benches share.

pub mod acts;
pub mod engines;
pub mod harness;
pub mod journal;
pub mod near;
pub mod outsider;
pub mod search;
