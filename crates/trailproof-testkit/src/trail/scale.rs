//! Worlds of benchmark size.
use super::build::TrailBuilder;
use super::built::BuiltTrail;
use super::spec::{LogPlan, LogSizes, SignWith, TrailSpec};

/// The regions that are enabled by default; an organization's trail delivers from all of them.
pub const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The size of an organization's world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Number of accounts.
    pub accounts: u32,
    /// Number of regions, at most the number in [`REGIONS`].
    pub regions: usize,
    /// Number of hours.
    pub hours: u32,
    /// Mean number of log files a digest.
    pub logs: f64,
    /// Size of the log files.
    pub sizes: LogSizes,
}

impl Scale {
    /// Returns twenty accounts, all regions, seven days, nearly no log files: some 57,000 digests.
    pub fn organization_week() -> Self {
        Self { accounts: 20, regions: 17, hours: 168, logs: 0.02, sizes: LogSizes::Small }
    }

    /// Returns one account and region with 3,500 objects of realistic size, most of them log files.
    pub fn busy_week() -> Self {
        Self { accounts: 1, regions: 1, hours: 168, logs: 19.8, sizes: LogSizes::Realistic }
    }

    /// Builds the world. Regions share keys if the pool is too small.
    pub fn build(self) -> BuiltTrail {
        let accounts: Vec<_> = (0..self.accounts)
            .map(|at| format!("{:012}", 100_000_000_001 + u64::from(at)))
            .collect();
        let accounts: Vec<_> = accounts.iter().map(String::as_str).collect();
        // The home region is included, however few there are.
        let regions: Vec<_> = REGIONS.iter().rev().copied().take(self.regions).collect();
        let home = regions.first().copied().unwrap_or("us-west-2");
        let spec = TrailSpec::new()
            .seed(7)
            .organization("o-exampleorg1")
            .accounts(&accounts)
            .regions(&regions)
            .trail("organization-trail", home)
            .bucket("organization-trail-logs", home)
            .hours(self.hours)
            .own_phases()
            .logs(LogPlan::Mean(self.logs), self.sizes)
            .sign_with(SignWith::Fast);
        TrailBuilder::new().trail(spec).reuse_keys().build()
    }
}
