//! What one trail is to be like.
use super::event::EventSpec;
use super::location::seconds;
use std::collections::BTreeSet;

/// Which implementation signs. Both give the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignWith {
    /// `rsa`, which shares no code with what verifies.
    #[default]
    Reference,
    /// `aws-lc-rs`, for worlds of benchmark size.
    Fast,
}

/// How many log files a digest names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogPlan {
    /// As many in every hour.
    Constant(u32),
    /// `logs` in every hour that `hours` divides, none in the others.
    Every {
        /// The distance between hours with log files.
        hours: u32,
        /// The number of log files in such an hour.
        logs: u32,
    },
    /// So many on average, none now and then.
    Mean(f64),
}

/// How large log files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSizes {
    /// One or two records each: quick to make.
    Small,
    /// Lognormal as in real corpora: compressed median about 2 KB, 95th percentile about 15 KB.
    Realistic,
    /// Realistic sizes, but each chain repeats sixteen bodies: quick for large worlds. Two log
    /// files can then have one content, so replacing one by the other can change nothing.
    Repeated,
}

/// A time without logging: a final digest before it, a starting digest after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The hour before which logging stopped; the last digest covers the hour before it.
    pub stop: u32,
    /// The hour at which logging started again, if it did.
    pub start: Option<u32>,
    /// By how many seconds the digests come later from then on.
    pub phase: u32,
    /// Whether the StopLogging event lies in the last log file, and StartLogging in the first.
    pub explained: bool,
}

/// A backfill digest with log files that were delivered late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The hour that it covers.
    pub hour: u32,
    /// How many log files it names.
    pub logs: u32,
    /// How many hours after the end of that hour it was made.
    pub hours_later: u32,
}

/// A change of bucket or prefix in the middle of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The first hour whose digest lies in the new place.
    pub hour: u32,
    /// The new bucket.
    pub bucket: String,
    /// The region of the new bucket.
    pub bucket_region: String,
    /// The new prefix.
    pub prefix: Option<String>,
}

/// An event in the first log file of one hour. The log file is made where the hour has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// The account; the first one if it is not told.
    pub account: Option<String>,
    /// The region; the home region, or else the first one, if it is not told.
    pub region: Option<String>,
    /// The hour.
    pub hour: u32,
    /// The event.
    pub event: EventSpec,
}

/// One trail. Every field can be set; the methods read better.
#[derive(Clone, Debug)]
pub struct TrailSpec {
    /// Seed of everything that is thrown by dice.
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
    /// Key prefix without a slash at its end.
    pub prefix: Option<String>,
    /// When logging started: the end of the first, starting digest.
    pub start: i64,
    /// Hours from then on; each has a digest unless logging is paused.
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
    /// Changes of place, in order.
    pub relocations: Vec<Relocation>,
    /// Hours at which a new key becomes valid, besides the regular rotation.
    pub rotations: BTreeSet<u32>,
    /// Whether ListPublicKeys returns SubjectPublicKeyInfo, and digests name its fingerprint.
    pub spki_keys: bool,
    /// Whether slashes in digests are written `\/`.
    pub escaped_slashes: bool,
    /// Events to find again.
    pub events: Vec<PlacedEvent>,
    /// Whether the bucket keeps versions, so that deeds leave older versions and delete markers.
    pub versioned: bool,
    /// Who signs.
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
            // Not on the hour, as real digests are not.
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

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl TrailSpec {
    /// A day of one account in one region: a starting digest and 24 digests with two small log
    /// files each.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same trail from another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The trail of an organization.
    #[must_use]
    pub fn organization(self, id: &str) -> Self {
        Self { organization: Some(id.to_owned()), ..self }
    }

    /// With these accounts.
    #[must_use]
    pub fn accounts(self, accounts: &[&str]) -> Self {
        Self { accounts: owned(accounts), ..self }
    }

    /// With these source regions.
    #[must_use]
    pub fn regions(self, regions: &[&str]) -> Self {
        Self { regions: owned(regions), ..self }
    }

    /// With this trail name and home region.
    #[must_use]
    pub fn trail(self, name: &str, home_region: &str) -> Self {
        Self { trail: name.to_owned(), home_region: home_region.to_owned(), ..self }
    }

    /// Into this bucket in this region.
    #[must_use]
    pub fn bucket(self, name: &str, region: &str) -> Self {
        Self { bucket: name.to_owned(), bucket_region: region.to_owned(), ..self }
    }

    /// Under this prefix.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..self }
    }

    /// From this RFC 3339 time on, for so many hours.
    #[must_use]
    pub fn time(self, start: &str, hours: u32) -> Self {
        Self { start: seconds(start), hours, ..self }
    }

    /// For so many hours.
    #[must_use]
    pub fn hours(self, hours: u32) -> Self {
        Self { hours, ..self }
    }

    /// With each chain at its own minute and second of the hour.
    #[must_use]
    pub fn own_phases(self) -> Self {
        Self { own_phases: true, ..self }
    }

    /// With so many log files of such sizes.
    #[must_use]
    pub fn logs(self, logs: LogPlan, sizes: LogSizes) -> Self {
        Self { logs, sizes, ..self }
    }

    /// Without log files in these hours.
    #[must_use]
    pub fn empty_hours(self, hours: impl IntoIterator<Item = u32>) -> Self {
        Self { empty_hours: hours.into_iter().collect(), ..self }
    }

    /// With an explained pause: the last digest covers hour `stop - 1`, the starting digest ends
    /// `phase` seconds after hour `start` begins.
    #[must_use]
    pub fn pause(mut self, stop: u32, start: u32, phase: u32) -> Self {
        self.pauses.push(Pause { stop, start: Some(start), phase, explained: true });
        self
    }

    /// With a pause that no event explains.
    #[must_use]
    pub fn unexplained_pause(mut self, stop: u32, start: u32, phase: u32) -> Self {
        self.pauses.push(Pause { stop, start: Some(start), phase, explained: false });
        self
    }

    /// Stopped for good before hour `stop`.
    #[must_use]
    pub fn stopped(mut self, stop: u32) -> Self {
        self.pauses.push(Pause { stop, start: None, phase: 0, explained: true });
        self
    }

    /// With a backfill digest for `hour`.
    #[must_use]
    pub fn backfill(mut self, hour: u32, logs: u32, hours_later: u32) -> Self {
        self.backfills.push(Backfill { hour, logs, hours_later });
        self
    }

    /// With backfill digests that link to each other.
    #[must_use]
    pub fn linked_backfills(self) -> Self {
        Self { backfills_linked: true, ..self }
    }

    /// In another bucket and prefix from `hour` on.
    #[must_use]
    pub fn relocated(
        mut self,
        hour: u32,
        bucket: &str,
        region: &str,
        prefix: Option<&str>,
    ) -> Self {
        self.relocations.push(Relocation {
            hour,
            bucket: bucket.to_owned(),
            bucket_region: region.to_owned(),
            prefix: prefix.map(str::to_owned),
        });
        self
    }

    /// With a new key in every region from `hour` on.
    #[must_use]
    pub fn rotation(mut self, hour: u32) -> Self {
        self.rotations.insert(hour);
        self
    }

    /// With keys that ListPublicKeys returns as SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_keys(self) -> Self {
        Self { spki_keys: true, ..self }
    }

    /// With slashes written as in 2019 and 2020.
    #[must_use]
    pub fn plain_slashes(self) -> Self {
        Self { escaped_slashes: false, ..self }
    }

    /// With `event` in the first account's home region in `hour`.
    #[must_use]
    pub fn event(mut self, hour: u32, event: EventSpec) -> Self {
        self.events.push(PlacedEvent { account: None, region: None, hour, event });
        self
    }

    /// With `event` in one account and region in `hour`.
    #[must_use]
    pub fn event_in(mut self, account: &str, region: &str, hour: u32, event: EventSpec) -> Self {
        let (account, region) = (Some(account.to_owned()), Some(region.to_owned()));
        self.events.push(PlacedEvent { account, region, hour, event });
        self
    }

    /// In a bucket that keeps versions.
    #[must_use]
    pub fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }

    /// Signed by this implementation.
    #[must_use]
    pub fn sign_with(self, sign_with: SignWith) -> Self {
        Self { sign_with, ..self }
    }

    /// Builds this trail into a world of its own.
    pub fn build(self) -> super::BuiltTrail {
        super::TrailBuilder::new().trail(self).build()
    }

    /// The trail's ARN.
    pub fn arn(&self) -> String {
        let owner = self.accounts.first().map_or("", String::as_str);
        let Self { partition, home_region, trail, .. } = self;
        format!("arn:{partition}:cloudtrail:{home_region}:{owner}:trail/{trail}")
    }
}
