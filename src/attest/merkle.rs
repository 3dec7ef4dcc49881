//! Merkle trees of RFC 6962 over SHA-256, built from a stream of leaves.
//!
//! A tree keeps only the roots of its complete subtrees, which are at most as many hashes as its
//! size has bits. A leaf that is marked when it is pushed keeps its path as well. The tests compare
//! the results with those of `ct-merkle`, which shares no code with this.
use sha2::{Digest as _, Sha256};
use trailproof_core::bytes::content::Hash;

/// Maximum length of a path: a tree has at most 2^64 leaves.
pub const PATH: usize = 64;

/// Returns the hash of a leaf: SHA-256 over a zero byte and the leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(leaf).finalize().into()
}

/// Returns the hash of a node: SHA-256 over a byte of value 1, the left hash and the right hash.
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// Returns the root of the empty tree: SHA-256 over no bytes.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A marked leaf on its way up.
#[derive(Clone, Debug)]
struct Mark {
    index: u64,
    /// Index of the peak that it is below.
    peak: usize,
    path: Vec<Hash>,
}

/// A tree under construction.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Roots of the complete subtrees, the largest first.
    peaks: Vec<Hash>,
    size: u64,
    marks: Vec<Mark>,
}

/// A finished tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Root of the tree.
    pub root: Hash,
    /// Number of leaves.
    pub size: u64,
    /// Positions of the marked leaves, in the order in which they were pushed.
    pub positions: Vec<Position>,
}

/// The position of a leaf in a tree, with which its inclusion is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Number of the leaf, from zero.
    pub index: u64,
    /// Number of leaves of the tree.
    pub size: u64,
    /// Sibling hashes from the leaf up to the root.
    pub path: Vec<Hash>,
}

impl Tree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        self.add(leaf_hash(leaf));
    }

    /// Adds a leaf whose path is required.
    pub fn push_marked(&mut self, leaf: &[u8]) {
        let mark = Mark { index: self.size, peak: self.peaks.len(), path: Vec::new() };
        self.marks.push(mark);
        self.add(leaf_hash(leaf));
    }

    /// Returns the number of marked leaves.
    pub fn marks(&self) -> usize {
        self.marks.len()
    }

    fn add(&mut self, hash: Hash) {
        self.peaks.push(hash);
        // Two subtrees of equal size become one, as in an addition with carry.
        for _ in 0..self.size.trailing_ones() {
            self.join();
        }
        self.size += 1;
    }

    /// Joins the last two peaks.
    fn join(&mut self) {
        let (Some(right), Some(left)) = (self.peaks.pop(), self.peaks.pop()) else { return };
        let joined = self.peaks.len();
        for mark in &mut self.marks {
            if mark.peak == joined {
                mark.path.push(right);
            } else if mark.peak > joined {
                mark.path.push(left);
                mark.peak = joined;
            }
        }
        self.peaks.push(node_hash(&left, &right));
    }

    /// Returns the root and the positions of the marked leaves.
    pub fn finish(mut self) -> Finished {
        while self.peaks.len() > 1 {
            self.join();
        }
        let size = self.size;
        let position = |mark: Mark| Position { index: mark.index, size, path: mark.path };
        Finished {
            root: self.peaks.pop().unwrap_or_else(empty_root),
            size,
            positions: self.marks.into_iter().map(position).collect(),
        }
    }
}

impl Position {
    /// Returns the root of the tree that has a leaf with this hash at this position. Returns `None`
    /// if no tree has this position, or its path would have a different length (RFC 9162, 2.1.3.2).
    pub fn root(&self, leaf: &Hash) -> Option<Hash> {
        if self.index >= self.size {
            return None;
        }
        let (mut node, mut last) = (self.index, self.size - 1);
        let mut hash = *leaf;
        for beside in &self.path {
            if last == 0 {
                return None;
            }
            if node & 1 == 1 || node == last {
                hash = node_hash(beside, &hash);
                if node & 1 == 0 {
                    // Nodes at the right edge without siblings are not part of the path.
                    let levels = node.trailing_zeros().min(63);
                    (node, last) = (node >> levels, last >> levels);
                }
            } else {
                hash = node_hash(&hash, beside);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        (last == 0).then_some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_leaf_and_one_leaf_are_as_the_rfc_has_them() {
        assert_eq!(Tree::default().finish().root, empty_root());
        let mut tree = Tree::default();
        tree.push_marked(b"x");
        let finished = tree.finish();
        assert_eq!(finished.root, leaf_hash(b"x"));
        assert_eq!(finished.positions, [Position { index: 0, size: 1, path: Vec::new() }]);
    }

    #[test]
    fn an_impossible_position_proves_nothing() {
        let leaf = leaf_hash(b"x");
        let at = |index, size, length| Position { index, size, path: vec![[7; 32]; length] };
        assert_eq!(at(0, 1, 0).root(&leaf), Some(leaf));
        for wrong in [at(0, 0, 0), at(1, 1, 0), at(0, 1, 1), at(0, 2, 0), at(2, 3, 2), at(0, 3, 1)]
        {
            assert_eq!(wrong.root(&leaf), None, "{wrong:?}");
        }
        assert!(at(u64::MAX - 1, u64::MAX, 64).root(&leaf).is_none());
    }
}
