//! `coffer keys …`: states of keys and the steps between them. Nobody ever sees key material.

pub mod change;
pub mod jobs;
pub mod list;
pub mod rotate;
pub mod rotate_log;
