//! The tree against the vectors of RFC 6962's reference implementation and against ct-merkle.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use coffer_wire::Hash;
use coffer_wire::tree::{
    Edge, Nodes, ProofError, consistency_proof, edge_at, empty_root, inclusion_proof, leaf_hash, node_hash, root_at,
    verify_consistency, verify_inclusion, verify_range,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use sha2::Sha256;

/// A tree whose complete nodes lie in a map, as a store would keep them.
#[derive(Default)]
struct Stored {
    edge: Edge,
    nodes: HashMap<(u8, u64), Hash>,
}

impl Stored {
    fn of(leaves: &[Vec<u8>]) -> Stored {
        let mut tree = Stored::default();
        for leaf in leaves {
            let nodes = &mut tree.nodes;
            tree.edge.push_noting(leaf_hash(leaf), |level, index, hash| {
                assert!(nodes.insert((level, index), hash).is_none(), "a node was told twice");
            });
        }
        tree
    }
}

impl Nodes for Stored {
    type Error = (u8, u64);

    fn node(&self, level: u8, index: u64) -> Result<Hash, (u8, u64)> {
        self.nodes.get(&(level, index)).copied().ok_or((level, index))
    }
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn hash(text: &str) -> Hash {
    Hash::from_bytes(hex(text).try_into().unwrap())
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|t| hash(t)).collect()
}

fn numbered(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_be_bytes().to_vec()).collect()
}

/// The leaves and roots of certificate-transparency's `merkle_tree_test.cc`.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn reference() -> Stored {
    Stored::of(&LEAVES.map(hex))
}

#[test]
fn hashes_are_those_of_the_reference_implementation() {
    let leaf = hex("101112131415161718191a1b1c1d1e1f");
    assert_eq!(leaf_hash(&leaf), hash("3bfb960453ebaebf33727da7a1f4db38acc051d381b6da20d6d4e88f0eabfd7a"));
    let left = hash("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let right = hash("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    let node = hash("1a378704c17da31e2d05b6d121c2bb2c7d76f6ee6fa8f983e596c2d034963c57");
    assert_eq!(node_hash(&left, &right), node);
    assert_eq!(empty_root(), hash(ROOTS[0]));
}

#[test]
fn roots_are_those_of_the_reference_implementation() {
    let (stored, mut edge) = (reference(), Edge::new());
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(edge.root(), hash(root), "edge of {size}");
        assert_eq!(root_at(&stored, size as u64).unwrap(), hash(root), "stored, {size}");
        if let Some(leaf) = LEAVES.get(size) {
            edge.push(leaf_hash(&hex(leaf)));
        }
    }
}

#[test]
fn audit_paths_are_those_of_the_reference_implementation() {
    let stored = reference();
    let eight = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    let sixth = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    for (index, size, path) in [(0, 1, &eight[..0]), (0, 8, &eight[..]), (5, 8, &sixth[..])] {
        assert_eq!(inclusion_proof(&stored, index, size), Ok(hashes(path)), "{index} in {size}");
    }
}

#[test]
fn consistency_proofs_are_those_of_the_reference_implementation() {
    let stored = reference();
    let from_six = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    let from_two = [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    let from_four = ["6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"];
    for (old, new, path) in [(1, 1, &from_six[..0]), (6, 8, &from_six), (2, 5, &from_two), (4, 8, &from_four)] {
        assert_eq!(consistency_proof(&stored, old, new), Ok(hashes(path)), "{old} to {new}");
    }
}

#[test]
fn every_proof_of_small_trees_verifies_and_equals_the_oracles() {
    let leaves = numbered(34);
    let stored = Stored::of(&leaves);
    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=leaves.len() as u64 {
        oracle.push(leaves[size as usize - 1].clone());
        let root = root_at(&stored, size).unwrap();
        assert_eq!(root.as_bytes()[..], oracle.root().as_bytes()[..]);
        assert_eq!(edge_at(&stored, size).unwrap().root(), root);
        for index in 0..size {
            let path = inclusion_proof(&stored, index, size).unwrap();
            assert_eq!(bytes(&path), oracle.prove_inclusion(index as usize).as_bytes());
            assert!(verify_inclusion(&leaf_hash(&leaves[index as usize]), index, size, &path, &root));
        }
        for old in 1..=size {
            let path = consistency_proof(&stored, old, size).unwrap();
            let old_root = root_at(&stored, old).unwrap();
            assert!(verify_consistency(old, &old_root, size, &root, &path), "{old} to {size}");
            if old < size {
                assert_eq!(bytes(&path), oracle.prove_consistency((size - old) as usize).as_bytes());
            }
        }
    }
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn only_what_lies_in_the_tree_is_proved() {
    let stored = reference();
    assert_eq!(inclusion_proof(&stored, 8, 8), Err(ProofError::OutOfRange));
    assert_eq!(inclusion_proof(&stored, 0, 0), Err(ProofError::OutOfRange));
    assert_eq!(consistency_proof(&stored, 9, 8), Err(ProofError::OutOfRange));
    assert!(matches!(inclusion_proof(&stored, 0, 9), Err(ProofError::Nodes(_))));
}

#[test]
fn the_empty_tree_begins_every_tree_and_nothing_else_does_so_by_an_empty_proof() {
    let stored = reference();
    let (empty, root) = (empty_root(), hash(ROOTS[8]));
    assert_eq!(consistency_proof(&stored, 0, 8), Ok(vec![]));
    assert!(verify_consistency(0, &empty, 8, &root, &[]));
    assert!(verify_consistency(0, &empty, 0, &empty, &[]));
    assert!(!verify_consistency(0, &root, 8, &root, &[]));
    assert!(!verify_consistency(0, &empty, 0, &root, &[]));
    assert!(!verify_consistency(0, &empty, 8, &root, &[root]));
    assert!(!verify_consistency(3, &hash(ROOTS[3]), 8, &root, &[]));
    assert!(!verify_consistency(8, &root, 7, &hash(ROOTS[7]), &[]));
    assert!(!verify_consistency(8, &root, 8, &root, &[root]));
}

#[test]
fn an_edge_is_taken_up_where_it_was_left() {
    for size in 0..40 {
        let (before, mut whole) = (Stored::of(&numbered(size)).edge, Stored::of(&numbered(size + 9)).edge);
        let mut again = Edge::from_roots(size, before.roots().to_vec()).unwrap();
        for leaf in &numbered(size + 9)[size as usize..] {
            again.push(leaf_hash(leaf));
        }
        assert_eq!(again, whole);
        assert_eq!(
            Edge::from_roots(size + 1, again.roots().to_vec()).is_some(),
            again.roots().len() as u32 == (size + 1).count_ones()
        );
        whole.push(empty_root());
        assert_ne!(again.root(), whole.root());
    }
}

#[test]
fn a_hash_crosses_json_as_base64url() {
    let zero = Hash::from_bytes([0xfb; 32]);
    let text = serde_json::to_string(&zero).unwrap();
    assert_eq!(text.len(), 45);
    assert!(text.contains('-') || text.contains('_'));
    assert_eq!(serde_json::from_str::<Hash>(&text).unwrap(), zero);
    assert_eq!(zero.to_string().parse(), Ok(zero));
    // 43 characters hold two bits too many; they must be zero, so that a hash has one text only.
    for wrong in ["", "AAAA", &"A".repeat(44), &format!("{}B", "A".repeat(42)), &"+".repeat(43), &"é".repeat(43)] {
        assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_changed_inclusion_proof_does_not_verify(size in 2_u64..300, seed in any::<u64>(), bit in 0_usize..256) {
        let leaves = numbered(size);
        let stored = Stored::of(&leaves);
        let index = seed % size;
        let (leaf, root) = (leaf_hash(&leaves[index as usize]), stored.edge.root());
        let path = inclusion_proof(&stored, index, size).unwrap();
        prop_assert!(verify_inclusion(&leaf, index, size, &path, &root));
        for at in 0..path.len() {
            let mut changed = path.clone();
            changed[at] = flipped(&changed[at], bit);
            prop_assert!(!verify_inclusion(&leaf, index, size, &changed, &root));
        }
        prop_assert!(!verify_inclusion(&flipped(&leaf, bit), index, size, &path, &root));
        prop_assert!(!verify_inclusion(&leaf, index, size, &path, &flipped(&root, bit)));
        prop_assert!(!verify_inclusion(&leaf, index, size, &path[1..], &root));
        prop_assert!(!verify_inclusion(&leaf, index, size, &[&path[..], &[root]].concat(), &root));
        prop_assert!(!verify_inclusion(&leaf, (index + 1) % size, size, &path, &root));
        prop_assert!(!verify_inclusion(&leaf, size, size, &path, &root));
    }

    #[test]
    fn a_changed_consistency_proof_does_not_verify(new in 2_u64..300, seed in any::<u64>(), bit in 0_usize..256) {
        let stored = Stored::of(&numbered(new));
        let old = 1 + seed % (new - 1);
        let (old_root, new_root) = (root_at(&stored, old).unwrap(), stored.edge.root());
        let path = consistency_proof(&stored, old, new).unwrap();
        prop_assert!(verify_consistency(old, &old_root, new, &new_root, &path));
        for at in 0..path.len() {
            let mut changed = path.clone();
            changed[at] = flipped(&changed[at], bit);
            prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &changed));
        }
        prop_assert!(!verify_consistency(old, &flipped(&old_root, bit), new, &new_root, &path));
        prop_assert!(!verify_consistency(old, &old_root, new, &flipped(&new_root, bit), &path));
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &path[1..]));
        prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &[&path[..], &[new_root]].concat()));
    }

    #[test]
    fn no_numbers_and_no_proof_make_verification_panic(
        index in any::<u64>(), size in any::<u64>(), length in 0_usize..70,
    ) {
        let (hash, path) = (empty_root(), vec![empty_root(); length]);
        prop_assert!(!verify_inclusion(&hash, index, size, &path, &hash) || size == 1);
        let _ = verify_consistency(index, &hash, size, &hash, &path);
    }
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

#[test]
fn leaves_in_a_row_stand_in_the_tree_and_no_others_do() {
    for size in 1..=40u64 {
        let leaves: Vec<Vec<u8>> = (0..size).map(|n| format!("leaf {n}").into_bytes()).collect();
        let (tree, hashes) = (Stored::of(&leaves), leaves.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<_>>());
        let root = tree.edge.root();
        for start in 0..size {
            let inclusion = inclusion_proof(&tree, start, size).unwrap();
            for end in start + 1..=size {
                let consistency = consistency_proof(&tree, end, size).unwrap();
                let shown = &hashes[start as usize..end as usize];
                assert!(
                    verify_range(start, shown, (size, &root), &inclusion, &consistency),
                    "{start} to {end} of {size}"
                );
                for at in 0..shown.len() {
                    let mut other = shown.to_vec();
                    other[at] = leaf_hash(b"another leaf");
                    assert!(!verify_range(start, &other, (size, &root), &inclusion, &consistency), "{at}");
                }
                assert!(!verify_range(start, &shown[1..], (size, &root), &inclusion, &consistency));
                assert!(!verify_range(start + 1, shown, (size, &root), &inclusion, &consistency));
            }
        }
    }
}
