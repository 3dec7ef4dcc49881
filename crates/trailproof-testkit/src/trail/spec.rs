//! The specification of one trail.
use super::event::EventSpec;
use super::location::seconds;
use std::collections::BTreeSet;

/// The implementation that signs. Both give the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignWith {
    /// `rsa`, which shares no code with the verifier.
    #[default]
    Reference,
    /// `aws-lc-rs`, for worlds of benchmark size.
    Fast,
}

/// The number of log files that a digest names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogPlan {
    /// The same number in every hour.
    Constant(u32),
    /// `logs` in every hour that is a multiple of `hours`, none in the others.
    Every {
        /// Distance between hours with log files.
        hours: u32,
        /// Number of log files in such an hour.
        logs: u32,
    },
    /// This many on average, sometimes none.
    Mean(f64),
}

/// The size of log files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSizes {
    /// One or two records each: fast to create.
    Small,
    /// Lognormal as in real corpora: compressed median about 2 KB, 95th percentile about 15 KB.
    Realistic,
    /// Realistic sizes, but each chain repeats sixteen bodies: fast for large worlds. Two log files
    /// can then have the same content, so that replacing one by the other may change nothing.
    Repeated,
    /// Lognormal with a longer tail: compressed median 6 KB, 99th percentile 0.7 MB. Each chain
    /// repeats 400 bodies.
    Mixed,
    /// Some 20 MB compressed each. Each chain repeats two bodies.
    Large,
}

impl LogSizes {
    /// Returns how many bodies a chain repeats, if it repeats any.
    pub(super) fn repeats(self) -> Option<u32> {
        match self {
            Self::Small | Self::Realistic => None,
            Self::Repeated => Some(16),
            Self::Mixed => Some(400),
            Self::Large => Some(2),
        }
    }
}

/// A time without logging: a final digest before it, a starting digest after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The hour before which logging stopped; the last digest covers the preceding hour.
    pub stop: u32,
    /// The hour at which logging started again, if it did.
    pub start: Option<u32>,
    /// Number of seconds by which digests come later from then on.
    pub phase: u32,
    /// Whether the last log file has the StopLogging event, and the first one StartLogging.
    pub explained: bool,
}

/// A backfill digest with log files that were delivered late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The hour that it covers.
    pub hour: u32,
    /// Number of log files that it names.
    pub logs: u32,
    /// Number of hours between the end of that hour and the digest's generation.
    pub hours_later: u32,
}

/// A change of bucket or prefix in the middle of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The first hour whose digest is in the new location.
    pub hour: u32,
    /// The new bucket.
    pub bucket: String,
    /// The region of the new bucket.
    pub bucket_region: String,
    /// The new prefix.
    pub prefix: Option<String>,
    /// The organization in the new path.
    pub organization: Option<String>,
}

/// An event in the first log file of one hour. The log file is created if the hour has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// The account; `None` for the first one.
    pub account: Option<String>,
    /// The region; `None` for the home region, or for the first one if the trail does not cover
    /// that.
    pub region: Option<String>,
    /// The hour.
    pub hour: u32,
    /// The event.
    pub event: EventSpec,
}

/// The specification of one trail. Every field can be set; the methods are easier to read.
#[derive(Clone, Debug)]
pub struct TrailSpec {
    /// Seed of everything random.
    pub seed: u64,
    /// Organization id, for an organization's trail.
    pub organization: Option<String>,
    /// Accounts; the first one owns the trail.
    pub accounts: Vec<String>,
    /// Source regions.
    pub regions: Vec<String>,
    /// Trail name.
    pub trail: String,
    /// Region in the trail's ARN.
    pub home_region: String,
    /// Partition in the trail's ARN.
    pub partition: String,
    /// Bucket.
    pub bucket: String,
    /// Region of the bucket.
    pub bucket_region: String,
    /// Key prefix without a trailing slash.
    pub prefix: Option<String>,
    /// When logging started: the end of the first, starting digest.
    pub start: i64,
    /// Number of hours from then on; each has a digest unless logging is paused.
    pub hours: u32,
    /// Whether each chain has digests at its own minute and second of the hour.
    pub own_phases: bool,
    /// Number of log files.
    pub logs: LogPlan,
    /// Size of log files.
    pub sizes: LogSizes,
    /// Hours whose digests name no log file.
    pub empty_hours: BTreeSet<u32>,
    /// Times without logging, in order.
    pub pauses: Vec<Pause>,
    /// Backfill digests, in order.
    pub backfills: Vec<Backfill>,
    /// Whether backfill digests link to each other.
    pub backfills_linked: bool,
    /// Changes of location, in order.
    pub relocations: Vec<Relocation>,
    /// Hours at which a new key becomes valid, besides the regular rotation.
    pub rotations: BTreeSet<u32>,
    /// Whether ListPublicKeys returns SubjectPublicKeyInfo, and digests name its fingerprint.
    pub spki_keys: bool,
    /// Whether slashes in digests are written as `\/`.
    pub escaped_slashes: bool,
    /// Events for tests to find.
    pub events: Vec<PlacedEvent>,
    /// Whether the bucket keeps versions, so that deeds leave older versions and delete markers.
    pub versioned: bool,
    /// Implementation that signs.
    pub sign_with: SignWith,
}

impl Default for TrailSpec {
    fn default() -> Self {
        Self {
            seed: 1,
            organization: None,
            accounts: vec!["111122223333".to_owned()],
            regions: vec!["us-east-1".to_owned()],
            trail: "management-events".to_owned(),
            home_region: "us-east-1".to_owned(),
            partition: "aws".to_owned(),
            bucket: "example-trail-logs".to_owned(),
            bucket_region: "us-east-1".to_owned(),
            prefix: None,
            // Not on the hour, like real digests.
            start: seconds("2026-03-01T00:04:11Z"),
            hours: 24,
            own_phases: false,
            logs: LogPlan::Constant(2),
            sizes: LogSizes::Small,
            empty_hours: BTreeSet::new(),
            pauses: Vec::new(),
            backfills: Vec::new(),
            backfills_linked: false,
            relocations: Vec::new(),
            rotations: BTreeSet::new(),
            spki_keys: false,
            escaped_slashes: true,
            events: Vec::new(),
            versioned: false,
            sign_with: SignWith::Reference,
        }
    }
}
