//! A log that gets a new key, and one that is closed and followed by another: the vault, its `check`, clients and auditors.
#![allow(clippy::unwrap_used)]

mod rekey;
mod scene;
mod successor;
