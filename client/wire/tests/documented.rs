//! The examples of docs/LOG.md are true: a reader who follows them arrives at the same bytes.
#![allow(clippy::unwrap_used)]

use coffer_wire::Hash;
use coffer_wire::leaf::Leaf;
use coffer_wire::note::{VerifierKey, verify};
use coffer_wire::private::{Private, commitment};
use coffer_wire::succession::{Handover, Trust};
use coffer_wire::tree::{Edge, leaf_hash};

const LOG: &str = include_str!("../../../docs/LOG.md");

/// The fenced blocks of this kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let fence = format!("\n```{kind}\n");
    LOG.split(fence.as_str()).skip(1).map(|rest| rest.split_once("\n```").unwrap().0).collect()
}

#[test]
fn the_documented_checkpoint_is_signed_over_the_documented_leaves() {
    let key: VerifierKey = blocks("vkey")[0].parse().unwrap();
    let checkpoint = verify(&format!("{}\n", blocks("note")[0]), &key).unwrap();
    let mut tree = Edge::new();
    for leaf in blocks("leaf") {
        Leaf::parse(leaf.as_bytes()).unwrap();
        let hash = leaf_hash(leaf.as_bytes());
        assert!(LOG.contains(&format!(": {hash}\n")), "the hash {hash} is told");
        tree.push(hash);
    }
    assert_eq!((tree.size(), tree.root()), (checkpoint.size, checkpoint.root));
}

#[test]
fn the_documented_notes_hand_the_documented_log_on() {
    let key: VerifierKey = blocks("vkey")[0].parse().unwrap();
    let leaf = leaf_hash(blocks("leaf")[0].as_bytes());
    for note in blocks("handover") {
        let note = format!("{note}\n");
        let mut trust = Trust::of(key.clone());
        assert_eq!(trust.follow([note.as_str()]), Ok(1));
        assert_eq!(trust.key(), Handover::parse(&note).unwrap().key());
        // What was kept is the first of the two leaves.
        assert!(trust.kept().iter().all(|kept| (kept.size, kept.root) == (1, leaf)));
        let checkpoint = format!("{}\n", blocks("note")[0]);
        assert_eq!(trust.verify(&checkpoint).unwrap().size, 2);
    }
    assert_eq!(blocks("handover").len(), 2);
}

#[test]
fn the_documented_private_part_is_the_one_that_its_leaf_commits_to() {
    let leaf = Leaf::parse(blocks("leaf")[1].as_bytes()).unwrap();
    let salt: Hash = blocks("salt")[0].parse().unwrap();
    let private = blocks("private")[0].as_bytes();
    assert_eq!(commitment(salt.as_bytes(), private), leaf.commit);
    let read: Private = serde_json::from_slice(private).unwrap();
    assert_eq!(serde_json::to_vec(&read).unwrap(), private);
}

/// The names of a leaf stand in the table in the order in which they are written.
#[test]
fn every_name_of_a_leaf_is_documented_in_its_order() {
    let table: Vec<&str> = LOG.split("\n| `").skip(1).map(|row| row.split('`').next().unwrap()).collect();
    let leaf: serde_json::Value = serde_json::from_str(blocks("leaf")[1]).unwrap();
    assert!(leaf.as_object().unwrap().keys().all(|name| table.contains(&name.as_str())), "{table:?}");
    let mut from = 0;
    for name in &table[..15] {
        if let Some(at) = blocks("leaf")[1].find(&format!("\"{name}\":")) {
            assert!(at >= from, "{name} stands out of order");
            from = at;
        }
    }
    for action in coffer_wire::leaf::Action::ALL {
        assert!(LOG.contains(&format!("`{action}`")), "{action} is not documented");
    }
}
