//! The Merkle tree of RFC 6962 §2.1 (the same as in RFC 9162 §2.1): hashes, the right edge that a
//! writer keeps, proofs, and their verification.
//!
//! ```text
//! leaf hash  SHA-256(0x00 ‖ leaf)          empty tree  SHA-256()
//! node hash  SHA-256(0x01 ‖ left ‖ right)
//! ```
//!
//! A node is named by level and index: node (l, i) is the root of the perfect subtree over the
//! leaves i·2ˡ up to but not including (i+1)·2ˡ. Level 0 holds the leaf hashes.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;
/// Characters of a hash in base64url without padding.
const HASH_CHARACTERS: usize = 43;
/// What stands before a leaf when it is hashed.
const LEAF_PREFIX: u8 = 0;
/// What stands before two children when they are hashed.
const NODE_PREFIX: u8 = 1;

/// A SHA-256 hash. As text, and in JSON: 43 characters of base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

/// The hash of a leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(leaf);
    Hash::taken_from(context.finish())
}

/// The hash of a node with two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [NODE_PREFIX; 1 + 2 * HASH_BYTES];
    input[1..=HASH_BYTES].copy_from_slice(&left.0);
    input[1 + HASH_BYTES..].copy_from_slice(&right.0);
    Hash::sha256(&input)
}

/// The right edge of a tree that grows: the roots of its perfect subtrees, largest first. It is all
/// that one needs to add leaves and to name the root, at most 64 hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Edge {
        Edge { size: 0, roots: Vec::with_capacity(64) }
    }

    /// The edge of a tree of `size` leaves, if there are as many roots as such a tree has.
    pub fn from_roots(size: u64, roots: Vec<Hash>) -> Option<Edge> {
        (roots.len() as u64 == u64::from(size.count_ones())).then_some(Edge { size, roots })
    }

    /// The edge of the first `index` leaves, out of the inclusion proof of leaf `index` in a tree of `size` leaves (RFC 9162
    /// §2.1.3): what stands to the left of the way up from that leaf is all that is before it.
    pub fn before(index: u64, size: u64, inclusion: &[Hash]) -> Option<Edge> {
        let (mut node, mut last, mut left) = (index, size.checked_sub(1)?, Vec::new());
        for hash in inclusion {
            if node & 1 == 1 || node == last {
                left.push(*hash);
                while node & 1 == 0 && node != 0 {
                    (node, last) = (node >> 1, last >> 1);
                }
            }
            (node, last) = (node >> 1, last >> 1);
        }
        left.reverse();
        Edge::from_roots(index, left)
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_noting(leaf, |_, _, _| {});
    }

    /// Adds a leaf by its hash and tells every node that this completes, as (level, index, hash),
    /// the leaf itself first. Whoever stores what is told has a [`Nodes`] of the tree.
    pub fn push_noting(&mut self, leaf: Hash, mut note: impl FnMut(u8, u64, Hash)) {
        let (mut node, mut level, mut index) = (leaf, 0, self.size);
        note(level, index, node);
        while index & 1 == 1 {
            let Some(left) = self.roots.pop() else { break };
            node = node_hash(&left, &node);
            level += 1;
            index >>= 1;
            note(level, index, node);
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let folded = self.roots.iter().copied().rev().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}

impl Default for Edge {
    fn default() -> Edge {
        Edge::new()
    }
}

/// Whether these leaves stand side by side from `start` on in a tree of `size` leaves: `inclusion` is the proof of the first
/// of them, `consistency` that of the tree which ends behind the last.
pub fn verify_range(
    start: u64,
    leaves: &[Hash],
    (size, root): (u64, &Hash),
    inclusion: &[Hash],
    consistency: &[Hash],
) -> bool {
    let Some(mut edge) = Edge::before(start, size, inclusion) else { return false };
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    !leaves.is_empty() && verify_consistency(edge.size(), &edge.root(), size, root, consistency)
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    Hash::sha256(b"")
}

/// Where the nodes of a tree are kept.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// The root of the perfect subtree over the leaves from `index << level` up to but not including
    /// `(index + 1) << level`. Asked for complete subtrees only.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Why there is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError<E> {
    /// The leaf or the older tree lies outside the tree of this size.
    #[error("there is no such leaf or tree size in a tree of this size")]
    OutOfRange,
    /// A node could not be had.
    #[error(transparent)]
    Nodes(E),
}

impl<E> From<E> for ProofError<E> {
    fn from(error: E) -> ProofError<E> {
        ProofError::Nodes(error)
    }
}

/// The root of the tree of the first `size` leaves.
pub fn root_at<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range_root(nodes, 0, size) }
}

/// The right edge of the tree of the first `size` leaves.
pub fn edge_at<N: Nodes>(nodes: &N, size: u64) -> Result<Edge, N::Error> {
    let mut roots = Vec::with_capacity(64);
    let mut start = 0;
    while start < size {
        let level = (size - start).ilog2() as u8;
        roots.push(nodes.node(level, start >> level)?);
        start += 1 << level;
    }
    Ok(Edge { size, roots })
}

/// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1), leaf to root.
pub fn inclusion_proof<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, ProofError<N::Error>> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    // From the root down to the leaf; the other side is the sibling.
    let (mut start, mut length, mut path) = (0, size, Vec::new());
    while length > 1 {
        let left = left_of(length);
        if index - start < left {
            path.push(range_root(nodes, start + left, length - left)?);
            length = left;
        } else {
            path.push(range_root(nodes, start, left)?);
            (start, length) = (start + left, length - left);
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 §2.1.2).
/// For an empty old tree, and for equal ones, it is empty.
pub fn consistency_proof<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, ProofError<N::Error>> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    // From the root down to where the old tree ends.
    let (mut start, mut length, mut path) = (0, new, Vec::new());
    while old - start != length {
        let left = left_of(length);
        if old - start <= left {
            path.push(range_root(nodes, start + left, length - left)?);
            length = left;
        } else {
            path.push(range_root(nodes, start, left)?);
            (start, length) = (start + left, length - left);
        }
    }
    // An old tree that is one perfect subtree from the left is its own root, which the verifier has.
    if start > 0 {
        path.push(range_root(nodes, start, length)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` shows that the leaf with this hash stands at `index` in the tree of `size` leaves
/// with this root (RFC 9162 §2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut here, mut last) = (*leaf, index, size - 1);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            node = node_hash(sibling, &node);
            // A node at the right edge without a sibling rises unchanged.
            skip_risen(&mut here, &mut last);
        } else {
            node = node_hash(&node, sibling);
        }
        here >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// Whether `path` shows that the tree of `new` leaves begins with the tree of `old` leaves
/// (RFC 9162 §2.1.4.2). Every tree begins with the empty one, by an empty proof.
#[must_use]
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old == 0 {
        return path.is_empty() && *old_root == empty_root() && (new > 0 || new_root == old_root);
    }
    if old >= new {
        return old == new && path.is_empty() && old_root == new_root;
    }
    let (first, rest) = match path {
        _ if old.is_power_of_two() => (old_root, path),
        [first, rest @ ..] => (first, rest),
        [] => return false,
    };
    let (mut here, mut last) = (old - 1, new - 1);
    let whole = here.trailing_ones();
    (here, last) = (here >> whole, last >> whole);
    let (mut old_node, mut new_node) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            skip_risen(&mut here, &mut last);
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        here >>= 1;
        last >>= 1;
    }
    last == 0 && old_node == *old_root && new_node == *new_root
}

/// Leaves of the left subtree of a tree of `length` > 1: the largest power of two below it.
fn left_of(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// The root over `length` > 0 leaves from `start`, which is a multiple of the next power of two.
fn range_root<N: Nodes>(nodes: &N, start: u64, length: u64) -> Result<Hash, N::Error> {
    if length.is_power_of_two() {
        let level = length.ilog2() as u8;
        return nodes.node(level, start >> level);
    }
    let left = left_of(length);
    Ok(node_hash(&range_root(nodes, start, left)?, &range_root(nodes, start + left, length - left)?))
}

/// Up to the next level at which the node is a right child; at the top, nothing is left to skip.
fn skip_risen(here: &mut u64, last: &mut u64) {
    if *here & 1 == 0 {
        let risen = here.trailing_zeros().min(63);
        *here >>= risen;
        *last >>= risen;
    }
}

impl Hash {
    /// SHA-256 of the bytes.
    pub fn sha256(bytes: &[u8]) -> Hash {
        Hash::taken_from(digest::digest(&digest::SHA256, bytes))
    }

    /// The hash that these bytes are.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Hash {
        Hash(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    fn taken_from(digest: digest::Digest) -> Hash {
        let mut bytes = [0; HASH_BYTES];
        bytes.copy_from_slice(digest.as_ref());
        Hash(bytes)
    }
}

/// The text is not 43 characters of base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a hash is 43 characters of base64url without padding")]
pub struct HashError;

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Hash, HashError> {
        let mut bytes = [0; HASH_BYTES];
        if text.len() != HASH_CHARACTERS {
            return Err(HashError);
        }
        match BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes) {
            Ok(HASH_BYTES) => Ok(Hash(bytes)),
            _ => Err(HashError),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; HASH_CHARACTERS];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("43 characters of base64url without padding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hash, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
