//! Why a worker ends without what it was to write.
use super::output::{NotKept, RecordOutput};
use super::plan::ShardPlan;
use crate::console::refusal::Refusal;
use std::io;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::escape;

/// Why a worker ends without what it was to write.
#[derive(Debug)]
pub(crate) enum WorkError {
    /// The plan has no such shard.
    NoShard,
    /// A folder of digests that the plan lists could not be listed.
    Unlisted(String, ReadFailure),
    /// The credentials expired.
    Expired(String),
    /// The record could not be written.
    Lost(io::Error),
    /// The record could not be written to S3.
    Unstored(ReadFailure),
    /// There is a different record of the shard.
    Different(Refusal),
}

impl From<NotKept> for WorkError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::Disk(error) => Self::Lost(error),
            NotKept::Store(why) => expiry(&why).map_or(Self::Unstored(why), Self::Expired),
            NotKept::Different(refusal) => Self::Different(refusal),
        }
    }
}

/// Returns why there is no record of shard `number`, in words.
pub(crate) fn refusal(plan: &ShardPlan, number: u64, to: &RecordOutput, why: WorkError) -> Refusal {
    match why {
        WorkError::NoShard => Refusal::usage(format!(
            "the plan has {} shards, and no shard {number}",
            plan.shards.len()
        )),
        WorkError::Unlisted(folder, why) => Refusal::not_started(format!(
            "cannot list `{}`, which the plan lists: {why}",
            escape(&folder)
        )),
        WorkError::Expired(why) => Refusal::not_started(format!(
            "the credentials expired while shard {number} was verified, so nothing was written: \
             {why}\n\nhint: run it again with credentials that last longer"
        )),
        WorkError::Lost(error) => Refusal::output_lost(format!(
            "cannot write shard {number} in `{}`: {error}",
            to.shown()
        )),
        WorkError::Unstored(why) => {
            Refusal::output_lost(format!("cannot write shard {number} in `{}`: {why}", to.shown()))
        }
        WorkError::Different(refusal) => Refusal::output_lost(refusal.words()),
    }
}

/// Returns the failure in words if it means that the credentials have expired.
pub(crate) fn expiry(why: &ReadFailure) -> Option<String> {
    let expired = ["ExpiredToken", "RequestExpired", "TokenRefreshRequired"];
    expired.iter().any(|code| why.detail.contains(code)).then(|| why.to_string())
}
