//! Judges one log file.
use super::job::ChainJob;
use crate::source::ObjectSource;
use crate::source::fetch::{JudgeLog, fetch_log, fetch_log_and_search};
use std::sync::Arc;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::digest::document::LogFile;
use trailproof_core::record::LogJudged;
use trailproof_core::trail_event::{Cause, KeyName, Recorded, causes};

/// A log file that was judged.
pub(crate) struct Log {
    pub(crate) judged: LogJudged,
    pub(crate) causes: Vec<Cause>,
    /// KMS key with which it is encrypted, if its content was searched.
    pub(crate) kms_key: Option<KeyName>,
}

/// Judges one log file. Next to a gap, its content is searched for events that explain the gap.
pub(crate) async fn judge_log(
    source: Arc<dyn ObjectSource>,
    job: Arc<ChainJob>,
    search: bool,
    LogFile { location: at, hash }: LogFile,
) -> Log {
    if let Some(known) = job.known.as_ref().filter(|_| !search)
        && let Some((proof, seen)) = known.unchanged(source.as_ref(), &at, &hash).await
    {
        let outcome = Outcome::Valid(proof);
        let judged = LogJudged { at, expected: hash, outcome, lifecycle: false, seen };
        return Log { judged, causes: Vec::new(), kms_key: None };
    }
    let (outcome, seen, searched) = if search {
        fetch_log_and_search(source.as_ref(), &at, &hash).await
    } else {
        let (outcome, seen) = fetch_log(source.as_ref(), &at, &hash, JudgeLog::Whole).await;
        (outcome, seen, None)
    };
    let missing = matches!(outcome, Outcome::Invalid(Finding::LogMissing));
    let lifecycle = missing && job.is_at_the_old_edge(&at.key);
    let recorded = Recorded { log: &at, chain: &job.chain, bucket: &job.bucket };
    let causes = searched.as_ref().map(|log| causes(&log.content, recorded)).unwrap_or_default();
    let kms_key = searched.and_then(|log| KeyName::from_arn(&log.kms_key?));
    Log { judged: LogJudged { at, expected: hash, outcome, lifecycle, seen }, causes, kms_key }
}
