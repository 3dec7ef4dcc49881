//! The digests of one chain in a listing, stored compactly: the common parts of their keys once,
//! and for each digest only its end. A run lists all chains before it walks the first.
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;
use trailproof_core::walk::facts::ListedDigest;

/// Ends of digests, each with the index of its key: the prefix of a trail can change in the middle
/// of its chain.
type Ends = Vec<(Timestamp, u32)>;

/// The digests of one chain that were listed.
#[derive(Clone, Debug, Default)]
pub struct ListedChain {
    keys: Vec<ChainKey>,
    standard: Ends,
    backfill: Ends,
}

impl ListedChain {
    /// Adds digests with the same key parts, in any order.
    pub(crate) fn add(&mut self, chain: &ChainKey, kind: DigestKind, ends: &[Timestamp]) {
        let at = self.keys.iter().position(|key| key == chain).unwrap_or_else(|| {
            self.keys.push(chain.clone());
            self.keys.len() - 1
        });
        // A chain has one key for each prefix that its trail has had.
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let of_kind = match kind {
            DigestKind::Standard => &mut self.standard,
            DigestKind::Backfill => &mut self.backfill,
        };
        of_kind.extend(ends.iter().map(|end| (*end, at)));
        of_kind.sort_unstable();
    }

    /// Adds the digests of a different path of the same chain.
    pub(crate) fn join(&mut self, other: Self) {
        for kind in [DigestKind::Standard, DigestKind::Backfill] {
            for (at, key) in (0..).zip(&other.keys) {
                let of_key = other.ends(kind).iter().filter(|(_, of)| *of == at);
                let ends: Vec<Timestamp> = of_key.map(|(end, _)| *end).collect();
                if !ends.is_empty() {
                    self.add(key, kind, &ends);
                }
            }
        }
    }

    /// Returns the place of the standard digest with this end.
    pub(crate) fn place_of(&self, end: Timestamp, bucket: &str) -> Option<ObjectLocation> {
        let at = self.standard.binary_search_by_key(&end, |(end, _)| *end).ok()?;
        let (_, key) = self.standard.get(at)?;
        let chain = self.keys.get(usize::try_from(*key).ok()?)?;
        Some(ObjectLocation::new(bucket, chain.digest_key(end, DigestKind::Standard)))
    }

    fn ends(&self, kind: DigestKind) -> &Ends {
        match kind {
            DigestKind::Standard => &self.standard,
            DigestKind::Backfill => &self.backfill,
        }
    }

    /// Returns the ends of the digests of a kind, in order.
    pub(crate) fn ends_of(&self, kind: DigestKind) -> impl Iterator<Item = Timestamp> {
        self.ends(kind).iter().map(|(end, _)| *end)
    }

    /// Returns the folders that its digests are in, below each path that the trail has had.
    pub(crate) fn folders(&self) -> Vec<String> {
        self.keys.iter().map(ChainKey::folder).collect()
    }

    /// Returns the ends of the digests of a kind, in order, by the common parts of their keys.
    pub(crate) fn by_key(&self, kind: DigestKind) -> Vec<(ChainKey, Vec<Timestamp>)> {
        let ends_of = |at: u32| {
            let ends = self.ends(kind).iter().filter(move |(_, of)| *of == at);
            ends.map(|(end, _)| *end).collect::<Vec<_>>()
        };
        let keys = (0..).zip(&self.keys).map(|(at, key)| (key.clone(), ends_of(at)));
        keys.filter(|(_, ends)| !ends.is_empty()).collect()
    }

    /// Returns the number of digests of a kind.
    pub fn count(&self, kind: DigestKind) -> usize {
        self.ends(kind).len()
    }

    /// Returns the number of digests of both kinds that ended by this time.
    pub(crate) fn ended_by(&self, time: Timestamp) -> usize {
        let of_kind = |ends: &Ends| ends.partition_point(|(end, _)| *end <= time);
        of_kind(&self.standard) + of_kind(&self.backfill)
    }

    /// Returns the end of the newest standard digest.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.standard.last().map(|(end, _)| *end)
    }

    /// Returns the end of the oldest standard digest.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.standard.first().map(|(end, _)| *end)
    }

    /// Returns the common key parts of some of its digests, if there are any.
    pub(crate) fn any_key(&self) -> Option<&ChainKey> {
        self.keys.last()
    }

    /// Returns the place of one of its digests, if there are any.
    pub(crate) fn any(&self, bucket: &str) -> Option<ObjectLocation> {
        let kinds = [DigestKind::Standard, DigestKind::Backfill];
        kinds.into_iter().find_map(|kind| {
            let (end, at) = self.ends(kind).last()?;
            let chain = self.keys.get(usize::try_from(*at).ok()?)?;
            Some(ObjectLocation::new(bucket, chain.digest_key(*end, kind)))
        })
    }

    /// Returns the ends of the standard digests directly before and after this time.
    pub(crate) fn around(&self, time: Timestamp) -> [Option<Timestamp>; 2] {
        let from = self.standard.partition_point(|(end, _)| *end < time);
        let to = self.standard.partition_point(|(end, _)| *end <= time);
        let older = from.checked_sub(1).and_then(|at| self.standard.get(at));
        [older, self.standard.get(to)].map(|found| found.map(|(end, _)| *end))
    }

    /// Returns the digests of a kind with their places of delivery.
    pub(crate) fn digests(&self, kind: DigestKind, bucket: &str) -> Vec<ListedDigest> {
        let listed = |(end, at): &(Timestamp, u32)| {
            let chain = self.keys.get(usize::try_from(*at).ok()?)?;
            let at = ObjectLocation::new(bucket, chain.digest_key(*end, kind));
            Some(ListedDigest { end: *end, at })
        };
        self.ends(kind).iter().filter_map(listed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::key_layout::DigestKey;

    #[test]
    fn digests_come_back_under_the_keys_they_had() {
        let keys: Vec<String> = [("", 11), ("p/", 13), ("", 12)]
            .map(|(prefix, hour)| {
                format!(
                    "{prefix}AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/03/01/\
                     123456789012_CloudTrail-Digest_us-east-1_t_us-east-1_20260301T{hour}0000Z\
                     .json.gz"
                )
            })
            .to_vec();
        let mut listed = ListedChain::default();
        for key in &keys {
            let parsed = DigestKey::parse(key).unwrap();
            listed.add(&parsed.chain, parsed.kind, &[parsed.end]);
        }
        let digests = listed.digests(DigestKind::Standard, "b");
        let found: Vec<&str> = digests.iter().map(|digest| digest.at.key.as_str()).collect();
        assert_eq!(found, [&keys[0], &keys[2], &keys[1]]);
        let [eleven, twelve, thirteen] = [0, 1, 2].map(|at| Some(digests[at].end));
        assert_eq!(listed.newest(), thirteen);
        assert_eq!(listed.around(digests[1].end), [eleven, thirteen]);
        assert_eq!(listed.around(digests[1].end.plus(1)), [twelve, thirteen]);
        assert_eq!(listed.around(digests[0].end), [None, twelve]);
        assert_eq!(listed.count(DigestKind::Backfill), 0);
    }
}
