//! What a run is to verify.
use super::resume::proven_logs::KnownLogs;
use super::resume::seam::Since;
use super::trail_status::StatusOf;
use std::sync::Arc;
use trailproof_core::coverage::tail_allowed_from;
use trailproof_core::record::{EvidencePlace, RunEvent, RunStart, Tool};
use trailproof_core::trail_event::KnownEnd;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::time::{Period, Timestamp};

/// What to verify.
#[derive(Clone, Debug)]
pub struct VerifyPlan {
    /// Where the evidence was delivered, and where it is read.
    pub place: EvidencePlace,
    /// The bucket.
    pub bucket: String,
    /// Prefixes below which there is a folder `AWSLogs`.
    pub roots: Vec<String>,
    /// What to look at.
    pub scope: Scope,
    /// The period; its end is not in the future.
    pub period: Period,
    /// Whether the period was asked for up to a later time than now.
    pub end_was_future: bool,
    /// The time of the run, by the later of the machine's and the store's clock.
    pub now: Timestamp,
    /// The trail whose status is asked, where one is named by its ARN.
    pub status: Option<StatusOf>,
    /// Whether to search for log files that no verified digest names.
    pub unlisted: bool,
    /// Whether the caller asserts that the copy that is read is complete.
    pub complete_copy: bool,
    /// Log files that an earlier record proves, which are not read again where they are unchanged.
    pub known: Option<Arc<KnownLogs>>,
    /// The record that the run joins on to.
    pub since: Option<Arc<Since>>,
    /// What is to be expected beside what is named and found.
    pub expected: Expected,
    /// What finding the evidence left open, as events.
    pub left_open: Vec<RunEvent>,
}

/// What the caller says must be there, and what not any more. It does not narrow what is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Accounts; `None` where nothing was said.
    pub accounts: Option<Vec<AccountId>>,
    /// Source regions; `None` where nothing was said.
    pub regions: Option<Vec<Region>>,
    /// What is stated of chains that ended before the period.
    pub known_ends: Vec<KnownEnd>,
}

impl VerifyPlan {
    /// From when on the newest digest of a chain must end for what follows it to be pending.
    pub(super) fn tail_allowed_from(&self) -> Option<Timestamp> {
        tail_allowed_from(self.period, self.now)
    }

    /// What is told of the plan.
    pub(super) fn start(&self) -> RunStart {
        RunStart {
            tool: Tool::this(),
            place: self.place.clone(),
            period: self.period,
            end_was_future: self.end_was_future,
            tail_allowed_from: self.tail_allowed_from(),
            trails: self.scope.trails.iter().map(ToString::to_string).collect(),
            accounts: self.scope.accounts.iter().map(ToString::to_string).collect(),
            regions: self.scope.regions.iter().map(ToString::to_string).collect(),
            organization: self.scope.organization.as_ref().map(|organization| {
                organization.as_ref().map(ToString::to_string).unwrap_or_default()
            }),
            expected_accounts: self
                .expected
                .accounts
                .as_ref()
                .map(|accounts| accounts.iter().map(ToString::to_string).collect()),
            expected_regions: self
                .expected
                .regions
                .as_ref()
                .map(|regions| regions.iter().map(ToString::to_string).collect()),
            known_ends: self.expected.known_ends.clone(),
            unlisted: self.unlisted,
            complete_copy: self.complete_copy,
            follows: self.since.as_ref().and_then(|since| since.follows.clone()),
        }
    }
}

impl VerifyPlan {
    /// Returns the plan of a run over everything that was delivered to `bucket` without a prefix, in
    /// this period and judged at `now`. Every other field has the value of a run without options.
    pub fn new(bucket: &str, period: Period, now: Timestamp) -> Self {
        Self {
            place: EvidencePlace::original(bucket, ""),
            bucket: bucket.to_owned(),
            roots: vec![String::new()],
            scope: Scope::default(),
            period,
            end_was_future: false,
            now,
            status: None,
            unlisted: true,
            complete_copy: false,
            known: None,
            since: None,
            expected: Expected::default(),
            left_open: Vec::new(),
        }
    }
}
