//! The builder methods of [`TrailSpec`].
use super::event::EventSpec;
use super::location::seconds;
use super::spec::{
    Backfill, LogPlan, LogSizes, Pause, PlacedEvent, Relocation, SignWith, TrailSpec,
};

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl TrailSpec {
    /// Creates a day of one account in one region: a starting digest and 24 digests with two small
    /// log files each.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Makes it the trail of an organization.
    #[must_use]
    pub fn organization(self, id: &str) -> Self {
        Self { organization: Some(id.to_owned()), ..self }
    }

    /// Sets the accounts.
    #[must_use]
    pub fn accounts(self, accounts: &[&str]) -> Self {
        Self { accounts: owned(accounts), ..self }
    }

    /// Sets the source regions.
    #[must_use]
    pub fn regions(self, regions: &[&str]) -> Self {
        Self { regions: owned(regions), ..self }
    }

    /// Sets the trail's name and home region.
    #[must_use]
    pub fn trail(self, name: &str, home_region: &str) -> Self {
        Self { trail: name.to_owned(), home_region: home_region.to_owned(), ..self }
    }

    /// Sets the bucket and its region.
    #[must_use]
    pub fn bucket(self, name: &str, region: &str) -> Self {
        Self { bucket: name.to_owned(), bucket_region: region.to_owned(), ..self }
    }

    /// Sets the key prefix.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..self }
    }

    /// Sets the start, in RFC 3339, and the number of hours.
    #[must_use]
    pub fn time(self, start: &str, hours: u32) -> Self {
        Self { start: seconds(start), hours, ..self }
    }

    /// Sets the number of hours.
    #[must_use]
    pub fn hours(self, hours: u32) -> Self {
        Self { hours, ..self }
    }

    /// Gives each chain its own minute and second of the hour.
    #[must_use]
    pub fn own_phases(self) -> Self {
        Self { own_phases: true, ..self }
    }

    /// Sets the number and size of log files.
    #[must_use]
    pub fn logs(self, logs: LogPlan, sizes: LogSizes) -> Self {
        Self { logs, sizes, ..self }
    }

    /// Leaves these hours without log files.
    #[must_use]
    pub fn empty_hours(self, hours: impl IntoIterator<Item = u32>) -> Self {
        Self { empty_hours: hours.into_iter().collect(), ..self }
    }

    /// Adds an explained pause: the last digest covers hour `stop - 1`, the starting digest ends
    /// `phase` seconds after hour `start` begins.
    #[must_use]
    pub fn pause(mut self, stop: u32, start: u32, phase: u32) -> Self {
        self.pauses.push(Pause { stop, start: Some(start), phase, explained: true });
        self
    }

    /// Adds a pause that no event explains.
    #[must_use]
    pub fn unexplained_pause(mut self, stop: u32, start: u32, phase: u32) -> Self {
        self.pauses.push(Pause { stop, start: Some(start), phase, explained: false });
        self
    }

    /// Stops logging permanently before hour `stop`.
    #[must_use]
    pub fn stopped(mut self, stop: u32) -> Self {
        self.pauses.push(Pause { stop, start: None, phase: 0, explained: true });
        self
    }

    /// Adds a backfill digest for `hour`.
    #[must_use]
    pub fn backfill(mut self, hour: u32, logs: u32, hours_later: u32) -> Self {
        self.backfills.push(Backfill { hour, logs, hours_later });
        self
    }

    /// Makes backfill digests link to each other.
    #[must_use]
    pub fn linked_backfills(self) -> Self {
        Self { backfills_linked: true, ..self }
    }

    /// Moves to a different bucket and prefix from `hour` on.
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
            organization: self.organization.clone(),
        });
        self
    }

    /// Moves to the path of this organization, or of none, from `hour` on.
    #[must_use]
    pub fn path_from(mut self, hour: u32, organization: Option<&str>) -> Self {
        self.relocations.push(Relocation {
            hour,
            bucket: self.bucket.clone(),
            bucket_region: self.bucket_region.clone(),
            prefix: self.prefix.clone(),
            organization: organization.map(str::to_owned),
        });
        self
    }

    /// Adds a new key in every region from `hour` on.
    #[must_use]
    pub fn rotation(mut self, hour: u32) -> Self {
        self.rotations.insert(hour);
        self
    }

    /// Makes ListPublicKeys return keys as SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_keys(self) -> Self {
        Self { spki_keys: true, ..self }
    }

    /// Writes slashes as in 2019 and 2020.
    #[must_use]
    pub fn plain_slashes(self) -> Self {
        Self { escaped_slashes: false, ..self }
    }

    /// Adds `event` in the first account's home region in `hour`.
    #[must_use]
    pub fn event(mut self, hour: u32, event: EventSpec) -> Self {
        self.events.push(PlacedEvent { account: None, region: None, hour, event });
        self
    }

    /// Adds `event` in one account and region in `hour`.
    #[must_use]
    pub fn event_in(mut self, account: &str, region: &str, hour: u32, event: EventSpec) -> Self {
        let (account, region) = (Some(account.to_owned()), Some(region.to_owned()));
        self.events.push(PlacedEvent { account, region, hour, event });
        self
    }

    /// Puts the trail into a bucket that keeps versions.
    #[must_use]
    pub fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }

    /// Signs with this implementation.
    #[must_use]
    pub fn sign_with(self, sign_with: SignWith) -> Self {
        Self { sign_with, ..self }
    }

    /// Builds this trail in its own world.
    pub fn build(self) -> super::BuiltTrail {
        super::TrailBuilder::new().trail(self).build()
    }

    /// Returns the trail's ARN.
    pub fn arn(&self) -> String {
        let owner = self.accounts.first().map_or("", String::as_str);
        let Self { partition, home_region, trail, .. } = self;
        format!("arn:{partition}:cloudtrail:{home_region}:{owner}:trail/{trail}")
    }
}
