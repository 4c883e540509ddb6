//! A leaf is its bytes: what parses says one decision, and no other bytes say the same.
#![no_main]

use coffer_wire::leaf::{Leaf, Tail, encode_head};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(leaf) = Leaf::parse(bytes) else { return };
    let tail = Tail {
        action: leaf.action,
        category: leaf.category,
        purpose: leaf.purpose,
        decision: leaf.decision().unwrap(),
        app: leaf.app,
        actor: leaf.actor,
        subject: leaf.subject,
        version: leaf.version,
        row: leaf.row,
        policy: leaf.policy,
        commit: leaf.commit,
    };
    let mut again = Vec::new();
    encode_head(&mut again, leaf.t, &leaf.controller, leaf.n);
    again.extend(tail.encode());
    assert_eq!(again, bytes);
});
