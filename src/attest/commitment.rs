//! The commitment: one hash for all results of a run. It is a Merkle tree in three levels over the
//! evidence lines of the record, byte for byte.
//!
//! `docs/src/format/commitment.md` defines it so that anyone can recompute it. The first level has
//! the line of a digest and those of its log files, the second the digests of one chain, kind and
//! UTC day, the third all of these days. It is computed while the record is read.
use super::line::{DayId, Evidence, LineError, is_plain};
use super::merkle::{Position, Tree, leaf_hash};
use trailproof_core::bytes::content::Hash;

/// Name of the method by which the hash is computed.
pub const METHOD: &str = "trailproof-commitment-v1";

/// Returns the leaf of the second level, which describes a digest's tree.
pub fn digest_leaf(end: &str, size: u64, root: &Hash) -> Vec<u8> {
    format!("digest\n{end}\n{size}\n{}\n", hex::encode(root)).into_bytes()
}

/// Returns the leaf of the third level, which describes a day's tree.
pub fn day_leaf(day: &DayId, size: u64, root: &Hash) -> Vec<u8> {
    let fields = day.fields().join("\n");
    format!("day\n{fields}\n{size}\n{}\n", hex::encode(root)).into_bytes()
}

/// The finished commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Root of the third level.
    pub root: Hash,
    /// Number of leaves of the third level: days of chains.
    pub days: u64,
    /// Number of leaves of all second levels: digests.
    pub digests: u64,
    /// Number of leaves of all first levels: evidence lines.
    pub lines: u64,
}

/// The position of a line among those of its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestPosition {
    /// The line itself.
    pub line: Vec<u8>,
    /// Position of the line.
    pub at: Position,
    /// Line of the digest, which is the first of them.
    pub digest_line: Vec<u8>,
    /// Position of the digest's line.
    pub digest_at: Position,
    /// End of the digest's interval.
    pub end: String,
}

/// The position of a line in all three levels, with which its inclusion is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position in the first level.
    pub in_digest: DigestPosition,
    /// Position of the digest in its day.
    pub in_day: Position,
    /// The day.
    pub day: DayId,
    /// Position of the day among all days.
    pub in_all: Position,
}

/// The digest whose lines are being read.
#[derive(Clone, Debug)]
struct OpenDigest {
    end: String,
    line: Vec<u8>,
    /// Tree of the lines. The digest's line is always marked, as a log file is proven with its
    /// digest.
    tree: Tree,
    /// Requested lines, each with the number of its mark.
    sought: Vec<(Vec<u8>, usize)>,
}

/// The day whose digests are being read.
#[derive(Clone, Debug)]
struct OpenDay {
    id: DayId,
    tree: Tree,
    sought: Vec<(DigestPosition, usize)>,
}

/// Computes the commitment from evidence lines in canonical order.
#[derive(Clone, Debug, Default)]
pub struct Committer {
    digest: Option<OpenDigest>,
    day: Option<OpenDay>,
    all: Tree,
    sought: Vec<(DigestPosition, Position, DayId, usize)>,
    digests: u64,
    lines: u64,
}

impl Committer {
    /// Takes the next evidence line. The position of a line that is `sought` is returned at the
    /// end.
    ///
    /// # Errors
    ///
    /// Returns an error for a log file's line before any digest's, and for a digest's line that has
    /// control characters in a field.
    pub fn push(&mut self, of: &Evidence, line: &[u8], sought: bool) -> Result<(), LineError> {
        match of {
            Evidence::Digest { day, end } => {
                if !day.is_plain() || !is_plain(end) {
                    return Err(LineError::new("has a field with control characters"));
                }
                self.close_digest();
                if self.day.as_ref().is_some_and(|open| open.id != *day) {
                    self.close_day();
                }
                if self.day.is_none() {
                    let (id, tree, sought) = (day.clone(), Tree::default(), Vec::new());
                    self.day = Some(OpenDay { id, tree, sought });
                }
                let mut tree = Tree::default();
                tree.push_marked(line);
                let wanted = if sought { vec![(line.to_vec(), 0)] } else { Vec::new() };
                let (end, line) = (end.clone(), line.to_vec());
                self.digest = Some(OpenDigest { end, line, tree, sought: wanted });
                self.digests += 1;
            }
            Evidence::Log => {
                let Some(digest) = &mut self.digest else {
                    return Err(LineError::new("is that of a log file but precedes any digest"));
                };
                if sought {
                    digest.sought.push((line.to_vec(), digest.tree.marks()));
                    digest.tree.push_marked(line);
                } else {
                    digest.tree.push(line);
                }
            }
        }
        self.lines += 1;
        Ok(())
    }

    /// Notes that a chain begins or ends: no later log file belongs to the previous digest.
    pub fn chain_border(&mut self) {
        self.close_digest();
    }

    fn close_digest(&mut self) {
        let (Some(digest), Some(day)) = (self.digest.take(), &mut self.day) else { return };
        let finished = digest.tree.finish();
        let leaf = digest_leaf(&digest.end, finished.size, &finished.root);
        if digest.sought.is_empty() {
            day.tree.push(&leaf);
            return;
        }
        let mark = day.tree.marks();
        day.tree.push_marked(&leaf);
        for (line, number) in digest.sought {
            let at = |number: usize| finished.positions.get(number).cloned();
            let (Some(at), Some(digest_at)) = (at(number), at(0)) else { continue };
            let (digest_line, end) = (digest.line.clone(), digest.end.clone());
            day.sought.push((DigestPosition { line, at, digest_line, digest_at, end }, mark));
        }
    }

    fn close_day(&mut self) {
        let Some(day) = self.day.take() else { return };
        let finished = day.tree.finish();
        let leaf = day_leaf(&day.id, finished.size, &finished.root);
        if day.sought.is_empty() {
            self.all.push(&leaf);
            return;
        }
        let mark = self.all.marks();
        self.all.push_marked(&leaf);
        for (in_digest, number) in day.sought {
            let Some(in_day) = finished.positions.get(number).cloned() else { continue };
            self.sought.push((in_digest, in_day, day.id.clone(), mark));
        }
    }

    /// Returns the commitment, and the positions of the requested lines.
    pub fn finish(mut self) -> (Commitment, Vec<Place>) {
        self.close_digest();
        self.close_day();
        let finished = self.all.finish();
        let mut places = Vec::new();
        for (in_digest, in_day, day, number) in self.sought {
            let Some(in_all) = finished.positions.get(number).cloned() else { continue };
            places.push(Place { in_digest, in_day, day, in_all });
        }
        let (digests, lines) = (self.digests, self.lines);
        (Commitment { root: finished.root, days: finished.size, digests, lines }, places)
    }
}

impl Place {
    /// Returns the root of the tree that contains the line, if the digest's line and all three
    /// paths are consistent.
    pub fn root(&self) -> Option<Hash> {
        let DigestPosition { line, at, digest_line, digest_at, end } = &self.in_digest;
        let digest = at.root(&leaf_hash(line))?;
        let of_digest = digest_at.root(&leaf_hash(digest_line))?;
        if digest != of_digest || digest_at.index != 0 || digest_at.size != at.size {
            return None;
        }
        if !self.day.is_plain() || !is_plain(end) {
            return None;
        }
        let day = self.in_day.root(&leaf_hash(&digest_leaf(end, at.size, &digest)))?;
        self.in_all.root(&leaf_hash(&day_leaf(&self.day, self.in_day.size, &day)))
    }
}
