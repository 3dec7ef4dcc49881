//! What a run is to verify.
use super::known::KnownLogs;
use super::seam::Since;
use super::trail_status::StatusOf;
use std::sync::Arc;
use trailproof_core::chain_id::Scope;
use trailproof_core::event::{RunStart, Tool};
use trailproof_core::time::{Period, Timestamp};

/// What to verify.
#[derive(Clone, Debug)]
pub struct VerifyPlan {
    /// Where the evidence lies, for the report.
    pub location: String,
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
    /// The time of the run.
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
}

impl VerifyPlan {
    /// What is told of the plan.
    pub(super) fn start(&self) -> RunStart {
        RunStart {
            tool: Tool::this(),
            location: self.location.clone(),
            bucket: self.bucket.clone(),
            period: self.period,
            end_was_future: self.end_was_future,
            trails: self.scope.trails.iter().map(ToString::to_string).collect(),
            accounts: self.scope.accounts.iter().map(ToString::to_string).collect(),
            regions: self.scope.regions.iter().map(ToString::to_string).collect(),
            unlisted: self.unlisted,
            complete_copy: self.complete_copy,
            follows: self.since.as_ref().map(|since| since.record.clone()),
        }
    }
}
