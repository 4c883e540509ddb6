//! The bytes of a key, outside of `coffer-keys`.
//!
//! error E0599: no method named `as_bytes` found for reference `&RootKey`

use coffer_keys::RootKey;

pub fn bytes(root: &RootKey) -> Vec<u8> {
    #[cfg(feature = "evidence")]
    let root = root.id();
    root.as_bytes().to_vec()
}

fn main() {}
