//! Has one log file judged.
use super::chain_job::ChainJob;
use super::fetch::{fetch_log, fetch_log_and_search};
use crate::source::ObjectSource;
use std::sync::Arc;
use trailproof_core::digest::LogFile;
use trailproof_core::event::LogJudged;
use trailproof_core::explain::{ExplainingEvent, explaining_events};
use trailproof_core::finding::{Finding, Outcome};

/// A log file that was judged.
pub(super) struct Log {
    pub(super) judged: LogJudged,
    pub(super) events: Vec<ExplainingEvent>,
}

/// Judges one log file. Next to a gap its content is searched for what explains that.
pub(super) async fn judge_log(
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
        return Log { judged, events: Vec::new() };
    }
    let (outcome, seen, content) = if search {
        fetch_log_and_search(source.as_ref(), &at, &hash).await
    } else {
        let (outcome, seen) = fetch_log(source.as_ref(), &at, &hash).await;
        (outcome, seen, None)
    };
    let events = content
        .map(|content| explaining_events(&content, &at, &job.bucket, job.chain.trail.as_str()))
        .unwrap_or_default();
    let missing = matches!(outcome, Outcome::Invalid(Finding::LogMissing));
    let lifecycle = missing && job.is_at_the_old_edge(&at.key);
    Log { judged: LogJudged { at, expected: hash, outcome, lifecycle, seen }, events }
}
