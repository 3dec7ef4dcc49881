//! The served content: an organization's trail of a given scale.
use crate::Outcome;
use std::fmt;
use std::str::FromStr;
use trailproof_testkit::trail::LogSizes;
use trailproof_testkit::trail::location::iso;
use trailproof_testkit::trail::scale::Scale;

pub(crate) const ACCOUNT: &str = "100000000001";
pub(crate) const BUCKET: &str = "organization-trail-logs";
pub(crate) const REGION: &str = "us-west-2";
pub(crate) const ARN: &str = "arn:aws:cloudtrail:us-west-2:100000000001:trail/organization-trail";

/// 2026-03-01T00:00:00Z. Logging begins within the next hour, at a different minute in each chain.
pub(crate) const BEGIN: i64 = 1_772_323_200;

/// Returns when a store of listings of so many hours begins. It ends in the past, or a period would be cut.
pub(crate) fn listed_from(hours: u32) -> i64 {
    BEGIN + (2_208 - i64::from(hours)) * HOUR
}
pub(crate) const HOUR: i64 = 3600;

/// A time after everything that is delivered: 2026-06-01T00:00:00Z.
pub(crate) const LATER: i64 = 1_780_272_000;

/// A scale that can be passed on a command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sized(pub(crate) Scale);

impl Sized {
    pub(crate) const fn new(
        accounts: u32,
        regions: usize,
        hours: u32,
        logs: f64,
        sizes: LogSizes,
    ) -> Self {
        Self(Scale { accounts, regions, hours, logs, sizes })
    }

    /// Returns a time before everything that was written, and one after.
    pub(crate) fn around(self) -> (String, String) {
        (iso(BEGIN), iso(BEGIN + i64::from(self.0.hours + 3) * HOUR))
    }

    /// Returns the period over which every chain is proven.
    pub(crate) fn proven(self) -> (String, String) {
        (iso(BEGIN + 2 * HOUR), iso(BEGIN + i64::from(self.0.hours) * HOUR))
    }
}

impl fmt::Display for Sized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scale { accounts, regions, hours, logs, sizes } = self.0;
        let sizes = match sizes {
            LogSizes::Small => "small",
            LogSizes::Realistic => "realistic",
            LogSizes::Repeated => "repeated",
            LogSizes::Mixed => "mixed",
            LogSizes::Large => "large",
        };
        write!(f, "{accounts}x{regions}x{hours}x{logs}x{sizes}")
    }
}

impl FromStr for Sized {
    type Err = Box<dyn std::error::Error>;

    fn from_str(text: &str) -> Outcome<Self> {
        // Limited to five parts: `mixed` contains an `x`.
        let mut parts = text.splitn(5, 'x');
        let mut next = || parts.next().ok_or("too few parts in a scale");
        Ok(Self(Scale {
            accounts: next()?.parse()?,
            regions: next()?.parse()?,
            hours: next()?.parse()?,
            logs: next()?.parse()?,
            sizes: match next()? {
                "small" => LogSizes::Small,
                "realistic" => LogSizes::Realistic,
                "mixed" => LogSizes::Mixed,
                "large" => LogSizes::Large,
                "repeated" => LogSizes::Repeated,
                other => return Err(format!("no sizes `{other}`").into()),
            },
        }))
    }
}
