//! The commitment beside two other implementations: `ct-merkle` for the trees, and twenty lines of
//! Python for all three levels.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use ct_merkle::InclusionProof;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use trailproof::evidence::merkle::{Tree, leaf_hash};

/// A leaf of any length, the empty one too.
fn leaf(number: usize) -> Vec<u8> {
    vec![u8::try_from(number % 251).unwrap(); number % 7 * 13]
}

#[test]
fn trees_are_those_of_ct_merkle() {
    for size in 0..=200 {
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut tree = Tree::default();
        for number in 0..size {
            other.push(leaf(number));
            tree.push_marked(&leaf(number));
        }
        let finished = tree.finish();
        let root = other.root();
        assert_eq!(finished.root.as_slice(), root.as_bytes().as_slice(), "{size}");
        assert_eq!(finished.size, u64::try_from(size).unwrap());
        for (number, at) in finished.positions.iter().enumerate() {
            assert_eq!(at.index, u64::try_from(number).unwrap());
            assert_eq!(at.root(&leaf_hash(&leaf(number))), Some(finished.root), "{size} {number}");
            let theirs = other.prove_inclusion(number);
            assert_eq!(at.path.concat(), theirs.as_bytes(), "{size} {number}");
            // Theirs checks ours.
            let ours = InclusionProof::<Sha256>::try_from_bytes(at.path.concat()).unwrap();
            root.verify_inclusion(&leaf(number), at.index, &ours).unwrap();
        }
    }
}

/// Every change of a position or of a leaf must show.
#[test]
fn a_changed_position_proves_nothing() {
    for size in 1..=33 {
        let mut tree = Tree::default();
        (0..size).for_each(|number| tree.push_marked(&leaf(number)));
        let finished = tree.finish();
        for (number, at) in finished.positions.iter().enumerate() {
            let hash = leaf_hash(&leaf(number));
            let proves = |at: &trailproof::evidence::merkle::Position, hash| {
                at.root(&hash) == Some(finished.root)
            };
            assert!(!proves(at, leaf_hash(b"another")));
            let mut changed = at.clone();
            changed.index = (at.index + 1) % at.size;
            assert!(size == 1 || !proves(&changed, hash), "{size} {number}");
            let mut changed = at.clone();
            changed.size = at.size * 4;
            assert!(!proves(&changed, hash), "{size} {number}");
            let mut changed = at.clone();
            changed.path.push([0; 32]);
            assert!(!proves(&changed, hash), "{size} {number}");
            for level in 0..at.path.len() {
                let mut changed = at.clone();
                changed.path[level][31] ^= 1;
                assert!(!proves(&changed, hash), "{size} {number} {level}");
                let mut changed = at.clone();
                changed.path.remove(level);
                assert!(!proves(&changed, hash), "{size} {number} {level}");
            }
        }
    }
}
