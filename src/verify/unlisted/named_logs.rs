//! The log files that verified digests name, and the time that they cover, for one account and
//! region. The search for unlisted objects compares its listings with this.
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

/// Maximum time after the time in its key at which a log file is delivered, and so is named by a
/// digest. In real digests the two differ by less than five minutes; three times that is allowed.
/// Nearer to the end of verified time, a log file may still be named by a later digest.
const DELIVERY: i64 = 15 * 60;

/// Maximum time before the time in its key at which a log file is delivered. The time in the key is
/// rounded up to five minutes, so it may be up to four and a half minutes after the delivery. About
/// twice that is allowed.
const ROUNDED: i64 = 10 * 60;

/// The names in a verified digest, as 64-bit hashes under a random key. They take little memory,
/// and an attacker cannot choose a key or a content that collides with another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Hashes of the locations of its log files.
    places: Vec<u64>,
    /// Locations of those outside the folders of the chain's region. Real digests name none.
    elsewhere: Vec<ObjectLocation>,
    /// Hashes of the contents of its log files.
    contents: Vec<u64>,
}

impl Names {
    /// Returns the names in `digest`, which covers `region`.
    pub(crate) fn of(hasher: &RandomState, digest: &Digest, region: &Region) -> Self {
        let folder = format!("/{region}/");
        let mut names = Self::default();
        for log in &digest.logs {
            let place = hasher.hash_one(&log.location);
            names.places.push(place);
            names.contents.push(hasher.hash_one(log.hash));
            if !log.location.key.contains(&folder) {
                names.elsewhere.push(log.location.clone());
            }
        }
        names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the locations of log files outside the folders of the chain's region.
    pub(crate) fn elsewhere(&self) -> &[ObjectLocation] {
        &self.elsewhere
    }
}

/// A set of location hashes.
type Hashes = HashSet<u64, BuildHasherDefault<Hashed>>;

/// A hasher that returns its input, which is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        // Only `u64` values are hashed; other input is merely mixed in.
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

/// What is known about the log files of one account and region, for all trails.
#[derive(Debug)]
pub(crate) struct NamedLogs {
    hasher: RandomState,
    places: Hashes,
    contents: Vec<u64>,
    /// Proven stretches of the current chain that extend beyond the period.
    anchors: Vec<Stretch>,
    /// Verified stretches; with anchors they extend beyond the period.
    covered: Vec<Stretch>,
    /// Time that the proven digests of every chain cover. Outside it, a log file that one chain's
    /// digests do not name may be named by a different chain.
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

    /// Adds log files that verified digests of the account's regions name outside their folders.
    pub(crate) fn add_elsewhere(&mut self, elsewhere: &BTreeSet<ObjectLocation>) {
        self.places.extend(elsewhere.iter().map(|at| self.hasher.hash_one(at)));
    }

    /// Notes the interval of a proven digest that extends beyond the period.
    pub(crate) fn anchor(&mut self, start: Timestamp, end: Timestamp) {
        self.anchors.push((start, end));
    }

    /// Notes what a chain covers of the period, and extends it by its anchors.
    pub(crate) fn covered(&mut self, segments: &[Segment], period: Period) {
        let (verified, joined) = self.reached(segments, period);
        self.days.extend(verified.iter().flat_map(|stretch| days_of(*stretch)));
        self.covered.extend(joined);
    }

    /// Notes how far the digests of a chain reach. Returns its verified stretches, without and with
    /// the anchors that touch them.
    pub(crate) fn reached(
        &mut self,
        segments: &[Segment],
        period: Period,
    ) -> (Vec<Stretch>, Vec<Stretch>) {
        // A stretch with a contradicted log file still has a proven digest.
        let named = |segment: &&Segment| {
            matches!(segment.coverage, Coverage::Verified | Coverage::Contradicted)
        };
        let verified = segments.iter().filter(named).map(|segment| (segment.from, segment.to));
        let verified: Vec<Stretch> = verified.collect();
        let mut all = std::mem::take(&mut self.anchors);
        all.extend(&verified);
        all.sort_unstable();
        // Adjacent stretches are joined, so that there is no edge within covered time.
        let mut joined: Vec<Stretch> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        // An anchor beyond a gap does not belong to this period.
        joined.retain(|(from, to)| *from < period.end && *to > period.start);
        let from = joined.first().map_or(period.start, |(from, _)| period.start.min(*from));
        let to = joined.last().map_or(period.end, |(_, to)| period.end.max(*to));
        let (first, last) = self.reach.unwrap_or((from, to));
        self.reach = Some((first.max(from), last.min(to)));
        (verified, joined)
    }

    /// Prepares the notes for look-ups.
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

    /// Returns whether a verified digest names the object at this location.
    pub(crate) fn names(&self, at: &ObjectLocation) -> bool {
        self.places.contains(&self.hasher.hash_one(at))
    }

    /// Returns whether a verified digest names a log file with this content.
    pub(crate) fn has_content(&self, hash: &Hash) -> bool {
        self.contents.binary_search(&self.hasher.hash_one(hash)).is_ok()
    }

    /// Returns whether a digest of the period, or one of its anchors, must name the object at `key`
    /// in the folder of this day.
    pub(crate) fn must_name(&self, place: &Place, day: &str, key: &str) -> bool {
        let made = log_key_time(key, &place.account, &place.region)
            .filter(|made| made.date_folder() == day);
        // Readers that read by folder ignore the time in the name. An object whose name has no time
        // of its folder's day was not delivered there, but it counts as in verified time.
        let Some(made) = made else { return self.days.contains(day) };
        let (first, last) = (made.plus(-ROUNDED), made.plus(DELIVERY));
        self.covered.iter().any(|(from, to)| *from <= first && last <= *to)
    }

    /// Returns the days with verified time, including those that the anchors add.
    pub(crate) fn all_days(&self) -> BTreeSet<String> {
        self.covered.iter().flat_map(|stretch| days_of(*stretch)).collect()
    }

    /// Returns whether any part of the period is verified.
    pub(crate) fn is_covered(&self) -> bool {
        !self.days.is_empty()
    }
}

/// Returns the days that a stretch touches.
pub(crate) fn days_of((from, to): Stretch) -> BTreeSet<String> {
    let mut days = BTreeSet::new();
    let mut day = from;
    while day < to {
        days.insert(day.date_folder());
        day = day.plus(DAY);
    }
    // The end itself is excluded.
    days.insert(to.plus(-1).date_folder());
    days
}
