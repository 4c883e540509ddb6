//! Names the first wrong leaf where each leaf by itself looks right and only the root differs.
//!
//! A consistency proof shows whether the first `n` leaves are those that the signed tree begins with.
//! It holds for every `n` up to the wrong leaf and for none beyond, so a binary search finds the leaf
//! with as many proofs as the size has bits.

use coffer_wire::Hash;
use coffer_wire::tree::Edge;

/// The index of the first leaf by which these differ from the signed tree, of which they are known
/// to differ. `begins` tells whether the signed tree begins with `size` leaves of this root.
pub async fn first_wrong<E>(
    leaves: &[Hash],
    mut begins: impl AsyncFnMut(u64, Hash) -> Result<bool, E>,
) -> Result<u64, E> {
    // Right up to `right`, wrong with `wrong` leaves; the edge is that of `right`.
    let (mut right, mut wrong, mut edge) = (0, leaves.len(), Edge::new());
    while wrong - right > 1 {
        let middle = right + (wrong - right) / 2;
        let mut further = edge.clone();
        leaves[right..middle].iter().for_each(|leaf| further.push(*leaf));
        if begins(middle as u64, further.root()).await? {
            (right, edge) = (middle, further);
        } else {
            wrong = middle;
        }
    }
    Ok(right as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use coffer_wire::tree::{Nodes, consistency_proof, verify_consistency};

    use super::super::synthetic::Log;
    use super::*;

    struct Tree(BTreeMap<(u8, u64), Hash>);

    impl Nodes for Tree {
        type Error = Infallible;

        fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
            Ok(self.0[&(level, index)])
        }
    }

    fn tree(log: &Log) -> Tree {
        let (mut edge, mut nodes) = (Edge::new(), BTreeMap::new());
        for hash in log.hashes() {
            edge.push_noting(hash, |level, index, node| {
                nodes.insert((level, index), node);
            });
        }
        Tree(nodes)
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn the_wrong_leaf_is_found_at_every_index_of_every_size() {
        for size in 1..=40 {
            let log = Log::of(size);
            let (tree, signed) = (tree(&log), log.checkpoint());
            for index in 0..size {
                let mut shown = log.hashes();
                shown[index as usize] = Hash::sha256(b"another leaf");
                let mut asked = 0;
                let found = run(first_wrong(&shown, async |old, root| {
                    asked += 1;
                    let path = consistency_proof(&tree, old, size).unwrap();
                    Ok::<_, Infallible>(verify_consistency(old, &root, size, &signed.root, &path))
                }));
                assert_eq!(found, Ok(index), "of {size}");
                assert!(asked <= size.ilog2() + 1, "{asked} proofs for {size} leaves");
            }
        }
    }

    #[test]
    fn the_first_of_several_wrong_leaves_is_named() {
        let log = Log::of(100);
        let (tree, signed) = (tree(&log), log.checkpoint());
        let mut shown = log.hashes();
        for at in [17, 18, 63, 99] {
            shown[at] = Hash::sha256(b"another leaf");
        }
        let begins = async |old, root| {
            let path = consistency_proof(&tree, old, 100).unwrap();
            Ok::<_, Infallible>(verify_consistency(old, &root, 100, &signed.root, &path))
        };
        assert_eq!(run(first_wrong(&shown, begins)), Ok(17));
    }
}
