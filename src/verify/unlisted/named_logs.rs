//! What verified digests name and cover, of one account and region: what the search for objects that
//! none names is held against.
use crate::locate::place::Place;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use trailproof_core::bytes::content::Hash;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::digest::document::Digest;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

/// How long after the time in its key a log file may be delivered, and so be named by a digest. In
/// real digests the two differ by less than five minutes; three times that is allowed. Nearer to the
/// end of verified time nothing can be said.
const DELIVERY: i64 = 15 * 60;

/// How long before the time in its key a log file may be delivered: the key is rounded up to five
/// minutes, so that it may lie up to four and a half minutes after the delivery. Twice that is
/// allowed.
const ROUNDED: i64 = 10 * 60;

/// What a verified digest names, as 64-bit hashes under a random key: they take little room, and
/// nobody can choose a key or a content that hides behind another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// The places of its log files.
    places: Vec<u64>,
    /// Those of them that do not lie in a folder of the chain's region.
    elsewhere: Vec<u64>,
    /// What its log files hash to.
    contents: Vec<u64>,
}

impl Names {
    /// The log files of `digest`, which covers `region`.
    pub(crate) fn of(hasher: &RandomState, digest: &Digest, region: &Region) -> Self {
        let folder = format!("/{region}/");
        let mut names = Self::default();
        for log in &digest.logs {
            let place = hasher.hash_one(&log.location);
            names.places.push(place);
            names.contents.push(hasher.hash_one(log.hash));
            if !log.location.key.contains(&folder) {
                names.elsewhere.push(place);
            }
        }
        names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The hashes of log files that do not lie in a folder of the chain's region.
    pub(crate) fn elsewhere(&self) -> &[u64] {
        &self.elsewhere
    }
}

/// Hashes of places.
pub(crate) type Hashes = HashSet<u64, BuildHasherDefault<Hashed>>;

/// Takes what is a hash already as it is.
#[derive(Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers come here; anything else is mixed in as well as may be.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Stretch = (Timestamp, Timestamp);

/// What is known of the log files of one account and region, of all trails.
#[derive(Debug)]
pub(crate) struct NamedLogs {
    hasher: RandomState,
    places: Hashes,
    contents: Vec<u64>,
    /// Proven stretches of the present chain that reach out of the period.
    anchors: Vec<Stretch>,
    /// Verified stretches; anchors reach beyond the period.
    covered: Vec<Stretch>,
    /// From when to when every chain's proven digests reach. Beyond it, what one chain's digests do
    /// not name another's may.
    reach: Option<Stretch>,
    /// Days of the period that have verified time.
    days: BTreeSet<String>,
}

impl NamedLogs {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self {
            hasher,
            places: Hashes::default(),
            contents: Vec::new(),
            anchors: Vec::new(),
            covered: Vec::new(),
            reach: None,
            days: BTreeSet::new(),
        }
    }

    /// Adds names that were hashed by the search's own hasher.
    pub(crate) fn add(&mut self, names: Names) {
        self.places.extend(names.places);
        self.contents.extend(names.contents);
    }

    /// Notes the interval of a proven digest that reaches out of the period.
    pub(crate) fn anchor(&mut self, start: Timestamp, end: Timestamp) {
        self.anchors.push((start, end));
    }

    /// Notes what a chain covers of the period, to which its anchors are joined.
    pub(crate) fn covered(&mut self, segments: &[Segment], period: Period) {
        let (verified, joined) = self.reached(segments, period);
        self.days.extend(verified.iter().flat_map(|stretch| days_of(*stretch)));
        self.covered.extend(joined);
    }

    /// Notes how far the digests of a chain reach; returns its verified stretches, and the same with
    /// the anchors that touch them.
    pub(crate) fn reached(
        &mut self,
        segments: &[Segment],
        period: Period,
    ) -> (Vec<Stretch>, Vec<Stretch>) {
        // A stretch with a contradicted log file has a proven digest all the same.
        let named = |segment: &&Segment| {
            matches!(segment.coverage, Coverage::Verified | Coverage::Contradicted)
        };
        let verified = segments.iter().filter(named).map(|segment| (segment.from, segment.to));
        let verified: Vec<Stretch> = verified.collect();
        let mut all = std::mem::take(&mut self.anchors);
        all.extend(&verified);
        all.sort_unstable();
        // Neighbours are joined, so that an edge within covered time is none.
        let mut joined: Vec<Stretch> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        // What an anchor covers beyond a gap is another period's.
        joined.retain(|(from, to)| *from < period.end && *to > period.start);
        let from = joined.first().map_or(period.start, |(from, _)| period.start.min(*from));
        let to = joined.last().map_or(period.end, |(_, to)| period.end.max(*to));
        let (first, last) = self.reach.unwrap_or((from, to));
        self.reach = Some((first.max(from), last.min(to)));
        (verified, joined)
    }

    /// Brings what was noted into the form in which it is looked up.
    pub(crate) fn settle(&mut self) {
        self.contents.sort_unstable();
        self.contents.dedup();
        self.contents.shrink_to_fit();
        if let Some((first, last)) = self.reach {
            for (from, to) in &mut self.covered {
                (*from, *to) = (first.max(*from), last.min(*to));
            }
        }
    }

    /// Whether a verified digest names the object at this place.
    pub(crate) fn names(&self, at: &ObjectLocation) -> bool {
        self.places.contains(&self.hasher.hash_one(at))
    }

    /// Whether a verified digest names a log file of this content.
    pub(crate) fn has_content(&self, hash: &Hash) -> bool {
        self.contents.binary_search(&self.hasher.hash_one(hash)).is_ok()
    }

    /// Whether a digest of the period or one of its anchors must name what lies at `key`, in the
    /// folder of this day.
    pub(crate) fn must_name(&self, place: &Place, day: &str, key: &str) -> bool {
        let made = log_key_time(key, &place.account, &place.region)
            .filter(|made| made.date_folder() == day);
        // What is read by folder is read whatever its name says: an object that does not bear a
        // time of its folder's day was not delivered there, and lies in verified time all the same.
        let Some(made) = made else { return self.days.contains(day) };
        let (first, last) = (made.plus(-ROUNDED), made.plus(DELIVERY));
        self.covered.iter().any(|(from, to)| *from <= first && last <= *to)
    }

    /// The days that have verified time, beyond the period as far as its anchors reach.
    pub(crate) fn all_days(&self) -> BTreeSet<String> {
        self.covered.iter().flat_map(|stretch| days_of(*stretch)).collect()
    }

    /// Whether any of the period is verified.
    pub(crate) fn is_covered(&self) -> bool {
        !self.days.is_empty()
    }
}

/// The days that a stretch touches.
pub(crate) fn days_of((from, to): Stretch) -> BTreeSet<String> {
    let mut days = BTreeSet::new();
    let mut day = from;
    while day < to {
        days.insert(day.date_folder());
        day = day.plus(DAY);
    }
    // The last second counts, not the one after it.
    days.insert(to.plus(-1).date_folder());
    days
}
