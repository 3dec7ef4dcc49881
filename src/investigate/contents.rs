//! Reads log files that are not what a digest names: those that were replaced are compared with the
//! version that is proven, and those that no digest names are listed with the events that they hold.
//!
//! What lies there now is somebody's claim. Nothing here makes it the cause of anything.
use super::facts::Unlisted;
use crate::report::case::model::{LogDiff, UnprovenLog};
use crate::source::fetch::{fetch_log_and_search, fetch_unproven};
use crate::source::many::few_in_order;
use crate::source::{BoxFuture, ObjectSource, ReadError};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::codes::technique::NotCompared;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::record::ProvenLog;
use trailproof_core::trail_event::{Comparison, EventFilter, FoundEvents, compare};
use trailproof_core::vocab::budget::{DIFF_BYTES, DIFF_EVENTS, DIFF_FILES};
use trailproof_core::vocab::location::ObjectLocation;

/// Log files that are read at once; two contents of each are held.
const AT_ONCE: usize = 4;

/// Compares log files that were replaced with their versions that are proven, which `proven` shows.
/// Returns also whether something was left out.
pub(super) async fn diffs(
    proven: &dyn ObjectSource,
    current: &dyn ObjectSource,
    replaced: &[&ProvenLog],
) -> (Vec<LogDiff>, bool) {
    let mut capped = replaced.len() > DIFF_FILES;
    let (mut diffs, mut bytes) = (Vec::new(), 0);
    let mut in_order: Vec<&ProvenLog> = replaced.to_vec();
    in_order.sort_by(|one, other| one.at.cmp(&other.at));
    in_order.truncate(DIFF_FILES);
    // What is not kept is dropped before the next are read.
    for few in in_order.chunks(AT_ONCE) {
        let work = few
            .iter()
            .map(|log| -> BoxFuture<'_, Option<LogDiff>> { Box::pin(diff(proven, current, log)) });
        for mut diff in few_in_order(work, AT_ONCE).await.into_iter().flatten() {
            if let Ok(compared) = &mut diff.compared {
                capped |= keep_changes(compared, &mut bytes);
            }
            diffs.push(diff);
        }
    }
    (diffs, capped)
}

/// Drops changes beyond the budget. Returns whether not all of them are left.
fn keep_changes(compared: &mut Comparison, bytes: &mut usize) -> bool {
    let kept = compared.changes.iter().take_while(|change| {
        let fields = change.fields.iter().map(|field| {
            let value = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            field.pointer.len() + value(&field.old) + value(&field.new)
        });
        *bytes += change.event.json.len() + fields.sum::<usize>();
        *bytes <= DIFF_BYTES
    });
    let kept = kept.count();
    compared.changes.truncate(kept);
    compared.changes.shrink_to_fit();
    let all = [compared.added, compared.removed, compared.changed];
    let all = all.into_iter().fold(0, u64::saturating_add);
    u64::try_from(kept).unwrap_or(u64::MAX) < all
}

/// Compares one log file; `None` if what lies there now is what is proven.
async fn diff(
    proven: &dyn ObjectSource,
    current: &dyn ObjectSource,
    log: &ProvenLog,
) -> Option<LogDiff> {
    let of = |current_hash, compared| {
        let (at, digest, hash) = (log.at.clone(), log.digest.at.clone(), log.hash);
        Some(LogDiff { at, digest, proven_hash: hash, current_hash, compared })
    };
    let (now, hash) = match fetch_unproven(current, &log.at).await {
        Ok((_, hash)) if hash == log.hash => return None,
        Ok(read) => read,
        Err(why) => return of(None, Err(reason(&why, NotCompared::CurrentUnread))),
    };
    let (outcome, _, content) = fetch_log_and_search(proven, &log.at, &log.hash).await;
    let before = match (outcome, content) {
        (Outcome::Valid(_), Some(content)) => content.content,
        (Outcome::Valid(_), None) => return of(Some(hash), Err(NotCompared::TooLarge)),
        _ => return of(Some(hash), Err(NotCompared::VersionUnread)),
    };
    let compared = compare(&before, &now).ok_or_else(|| match compare(&before, &before) {
        Some(_) => NotCompared::CurrentNotEvents,
        None => NotCompared::VersionNotEvents,
    });
    of(Some(hash), compared)
}

fn reason(why: &ReadError, otherwise: NotCompared) -> NotCompared {
    match why {
        ReadError::Failure(why) if why.kind == ReadFailureKind::OverBudget => NotCompared::TooLarge,
        ReadError::Failure(_) | ReadError::Missing => otherwise,
    }
}

/// Reads the events of log files that no digest names. Returns also whether something was left out.
pub(super) async fn unproven(
    source: &dyn ObjectSource,
    unlisted: &[Unlisted],
) -> (Vec<UnprovenLog>, bool) {
    // Where a trail delivers without digests, its log files are nobody's deed.
    let mut foreign: Vec<_> =
        unlisted.iter().filter(|it| it.reason == UnlistedReason::None).map(|it| &it.at).collect();
    let mut capped = foreign.len() > DIFF_FILES;
    foreign.sort();
    foreign.truncate(DIFF_FILES);
    let (mut logs, mut bytes) = (Vec::new(), 0);
    for few in foreign.chunks(AT_ONCE) {
        let work =
            few.iter().map(|at| -> BoxFuture<'_, UnprovenLog> { Box::pin(claims(source, at)) });
        for mut log in few_in_order(work, AT_ONCE).await {
            let kept = log.events.iter().take_while(|event| {
                bytes += event.json.len();
                bytes <= DIFF_BYTES
            });
            let kept = kept.count();
            log.events.truncate(kept);
            log.events.shrink_to_fit();
            capped |= u64::try_from(kept).unwrap_or(u64::MAX) < log.count;
            logs.push(log);
        }
    }
    (logs, capped)
}

/// Reads what one log file claims.
async fn claims(source: &dyn ObjectSource, at: &ObjectLocation) -> UnprovenLog {
    let read = fetch_unproven(source, at).await;
    let hash = read.as_ref().ok().map(|(_, hash)| *hash);
    let filter = EventFilter { most: Some(DIFF_EVENTS), ..EventFilter::default() };
    let found = read.ok().and_then(|(content, _)| filter.search(&content)).unwrap_or_default();
    let FoundEvents { events, unparsed, left_out, .. } = found;
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let count = count.saturating_add(unparsed).saturating_add(left_out);
    UnprovenLog { at: at.clone(), hash, count, events }
}
