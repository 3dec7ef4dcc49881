//! The plan of a run: what to verify, and where.
use super::resume::proven_logs::ProvenLogs;
use super::resume::seam::PreviousRecord;
use super::trail_status::StatusOf;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use trailproof_core::coverage::tail_allowed_from;
use trailproof_core::record::{AcceptedExceptions, EvidencePlace, RunEvent, RunStart, Tool};
use trailproof_core::trail_event::KnownEnd;
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::time::{Period, Timestamp};

/// What to verify, where it is read, and what is expected.
#[derive(Clone, Debug)]
pub struct VerifyPlan {
    /// Where the evidence was delivered, and where it is read.
    pub place: EvidencePlace,
    /// Bucket to which the evidence was delivered.
    pub bucket: String,
    /// Prefixes below which a folder `AWSLogs` was found.
    pub roots: Vec<String>,
    /// Accounts, regions and trails in scope.
    pub scope: Scope,
    /// The period; its end is not in the future.
    pub period: Period,
    /// Whether the requested end was in the future.
    pub end_was_future: bool,
    /// Time of the run, by the later of the machine's clock and the store's clock.
    pub now: Timestamp,
    /// Trail whose status is requested, if a trail is named by its ARN.
    pub status: Option<StatusOf>,
    /// Whether to search for log files that no verified digest names.
    pub unlisted: bool,
    /// Whether the caller asserts that the copy to read is complete.
    pub complete_copy: bool,
    /// Log files that an earlier record proves; they are not read again if they are unchanged.
    pub known: Option<Arc<ProvenLogs>>,
    /// Record of the earlier run that this run continues from.
    pub since: Option<Arc<PreviousRecord>>,
    /// Chains of which a copy that was made earlier has digests of the period. They must not disappear
    /// silently.
    pub copied_earlier: BTreeSet<ChainId>,
    /// Accounts, regions and ends that the caller expects.
    pub expected: Expected,
    /// Exceptions that somebody reviewed and accepted. They change no verdict.
    pub accepted: Option<AcceptedExceptions>,
    /// Events about evidence that could not be located.
    pub left_open: Vec<RunEvent>,
    /// What the run found to read so far, for progress. It decides nothing.
    pub workload: Arc<Workload>,
}

/// Counters of what the walks of a run found to read.
#[derive(Debug, Default)]
pub struct Workload {
    walked: AtomicU64,
    named: AtomicU64,
}

impl Workload {
    /// Counts a digest that a walk reached, and the log files to read that it names.
    pub(super) fn digest(&self, logs: usize) {
        self.walked.fetch_add(1, Ordering::Relaxed);
        self.named.fetch_add(u64::try_from(logs).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the number of digests that the walks reached.
    pub fn walked(&self) -> u64 {
        self.walked.load(Ordering::Relaxed)
    }

    /// Returns the number of log files to read that those name.
    pub fn named(&self) -> u64 {
        self.named.load(Ordering::Relaxed)
    }
}

/// What must be in the bucket according to the caller, and which chains ended. This does not narrow
/// the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Accounts; `None` if not given.
    pub accounts: Option<Vec<AccountId>>,
    /// Names of those accounts, as far as they are known.
    pub names: BTreeMap<AccountId, String>,
    /// Source regions; `None` if not given.
    pub regions: Option<Vec<Region>>,
    /// Stated ends of chains before the period.
    pub known_ends: Vec<KnownEnd>,
}

impl VerifyPlan {
    /// Returns the earliest end of a chain's newest digest after which time counts as pending.
    pub(super) fn tail_allowed_from(&self) -> Option<Timestamp> {
        tail_allowed_from(self.period, self.now)
    }

    /// Returns the first event of the run, which describes the plan.
    pub(crate) fn start(&self) -> RunStart {
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
            account_names: self
                .expected
                .names
                .iter()
                .map(|(account, name)| (account.to_string(), name.clone()))
                .collect(),
            expected_regions: self
                .expected
                .regions
                .as_ref()
                .map(|regions| regions.iter().map(ToString::to_string).collect()),
            known_ends: self.expected.known_ends.clone(),
            accepted: self.accepted.clone(),
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
            copied_earlier: BTreeSet::new(),
            expected: Expected::default(),
            accepted: None,
            left_open: Vec::new(),
            workload: Arc::default(),
        }
    }
}
