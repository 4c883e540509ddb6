//! A vault that is sealed and unsealed while its process runs: what it answers, what it records, and what is left in its memory.
#![allow(clippy::unwrap_used)]

mod cycle;
mod forms;
mod load;
mod memory;
mod scan;
mod shares;
mod tree;
