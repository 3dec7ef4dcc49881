//! Why a worker ends without what it was to write.
use super::output::{NotKept, RecordOutput};
use super::plan::ShardPlan;
use crate::console::refusal::Refusal;
use std::io;
use trailproof_core::codes::denial::Denial;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::escape;

/// What a worker writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ToWrite {
    /// The record of this shard.
    Record(u64),
    /// A hash ledger of this shard.
    Ledger(u64),
    /// The survey of this shard.
    Survey(u64),
}

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
}

impl From<NotKept> for WorkError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::Disk(error) => Self::Lost(error),
            NotKept::Store(why) => expiry(&why).map_or(Self::Unstored(why), Self::Expired),
        }
    }
}

/// Returns why a worker did not write `what`, in words.
pub(crate) fn refusal(
    plan: &ShardPlan,
    what: ToWrite,
    to: &RecordOutput,
    why: WorkError,
) -> Refusal {
    let (name, number) = match what {
        ToWrite::Record(number) => (format!("shard {number}"), number),
        ToWrite::Ledger(number) => (format!("a hash ledger of shard {number}"), number),
        ToWrite::Survey(number) => (format!("the survey of shard {number}"), number),
    };
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
            "the credentials expired before {name} was written, so nothing was: {why}\n\nhint: run it again with credentials that last longer"
        )),
        WorkError::Lost(error) => match to.draft_folder() {
            None => {
                Refusal::output_lost(format!("cannot write {name} in `{}`: {error}", to.shown()))
            }
            Some(folder) => Refusal::output_lost(format!(
                "cannot write {name} to a temporary file in `{}`: {error}\n\nhint: set `TMPDIR` to a \
                 directory with more room",
                escape(&folder.to_string_lossy())
            )),
        },
        WorkError::Unstored(why) => {
            Refusal::output_lost(format!("cannot write {name} in `{}`: {why}", to.shown()))
        }
    }
}

/// Returns the failure in words if it means that the credentials have expired.
pub(crate) fn expiry(why: &ReadFailure) -> Option<String> {
    (Denial::behind(why) == Some(Denial::CredentialsExpired)).then(|| why.to_string())
}
