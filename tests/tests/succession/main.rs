//! A log that gets a new key, and one that is closed and followed by another: the vault, its `check`, clients and auditors.
#![allow(clippy::unwrap_used)]

mod lost_key;
mod rekey;
mod scene;
mod successor;
