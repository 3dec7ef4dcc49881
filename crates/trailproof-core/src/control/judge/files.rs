//! The rules about the files of a period, from a run record. Settings of a bucket apply to what is
//! written after them; only the files show what applied to them.
use crate::control::fact::{Reader, Unread, UnreadWhy};
use crate::control::facts::{Facts, Wanted};
use crate::control::operation::Operation;
use crate::control::status::{Judgement, Reason};
use crate::record::LockMode;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::DAY;
use serde_json::Value;

/// Files that are named as examples.
const SHOWN: usize = 3;

type Judged = Result<Judgement, Unread>;

/// Judges whether every log file is encrypted with the trail's key. CloudTrail encrypts digests with
/// keys of S3.
pub(super) fn encrypted(r: &Reader, facts: &Facts) -> Judged {
    let Some(files) = r.read(&facts.bucket.files)? else {
        return Ok(Judgement::not_applicable(Reason::NotConfigured));
    };
    let Some(named) = r.read(&facts.trail.kms_key)?.filter(|key| !key.is_empty()) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("key", Value::Null));
    };
    let key = key_arn(facts, named)?;
    let logs = &files.stored.logs;
    let with_key = logs.encrypted_with(key);
    let unknown = files.logs_unread + logs.unknown;
    let wrong = logs.known - with_key;
    let judged = judged(wrong, Reason::NotAsRequired, logs.known, unknown)?;
    let others = logs.encryption.by_value.iter();
    let others = others.filter(|(with, _)| with.kms_key.as_deref() != Some(key));
    let others = others.flat_map(|(_, group)| &group.examples).map(ObjectLocation::uri);
    Ok(judged
        .seen("key", key)
        .seen("log_files", logs.known)
        .seen("encrypted_with_key", with_key)
        .seen("others", others.take(SHOWN).collect::<Vec<_>>()))
}

/// Judges whether every log file and digest is locked in compliance mode for as long as logs must be
/// kept, from the time in its name.
pub(super) fn locked(r: &Reader, facts: &Facts, wanted: &Wanted) -> Judged {
    let Some(files) = r.read(&facts.bucket.files)? else {
        return Ok(Judgement::not_applicable(Reason::NotConfigured));
    };
    let kinds =
        [(&files.stored.logs, files.logs_unread), (&files.stored.digests, files.digests_unread)];
    let of = |mode: Option<LockMode>| -> u64 {
        kinds.iter().map(|(tally, _)| tally.lock.count(&mode)).sum()
    };
    let (bypassed, compliant) = (of(Some(LockMode::Governance)), of(Some(LockMode::Compliance)));
    let known: u64 = kinds.iter().map(|(tally, _)| tally.known).sum();
    let shortest = kinds.iter().filter_map(|(tally, _)| tally.shortest_lock.as_ref()).min();
    let days = shortest.map(|(seconds, _)| seconds.div_euclid(DAY));
    let wanted_days = i64::try_from(wanted.retention_days).unwrap_or(i64::MAX);
    let too_short = days.is_some_and(|days| days < wanted_days);
    let unlocked = known - bypassed - compliant;
    let reason = match (unlocked, bypassed) {
        (1.., _) => Reason::NotAsRequired,
        (0, 1..) => Reason::RetentionCanBeBypassed,
        (0, 0) => Reason::RetentionTooShort,
    };
    let wrong = unlocked + bypassed + u64::from(too_short);
    let unknown = kinds.iter().map(|(tally, unread)| tally.unknown + unread).sum();
    Ok(judged(wrong, reason, known, unknown)?
        .seen("files", known)
        .seen("compliance", compliant)
        .seen("governance", bypassed)
        .seen("not_locked", unlocked)
        .seen("shortest_days", days)
        .seen("shortest", shortest.map(|(_, at)| at.uri())))
}

/// Fails if a file is wrong. Passes only if all of them are known.
fn judged(wrong: u64, reason: Reason, known: u64, unknown: u64) -> Judged {
    if wrong > 0 {
        return Ok(Judgement::fail(reason));
    }
    match (unknown, known) {
        (0, 1..) => Ok(Judgement::pass()),
        (0, 0) => Err(Unread::new(Operation::GetObject, UnreadWhy::NotFound)),
        // The run read them in a directory, or could not read them.
        _ => Err(Unread::new(Operation::GetObject, UnreadWhy::Failed)),
    }
}

/// Returns the ARN of the trail's key, as the files name it.
fn key_arn<'f>(facts: &'f Facts, named: &'f str) -> Result<&'f str, Unread> {
    let is_arn = |key: &&str| key.starts_with("arn:") && key.contains(":key/");
    let described = facts.key.as_ref().and_then(|key| key.arn.as_deref());
    let arn = Some(named).filter(is_arn).or(described.filter(is_arn));
    arn.ok_or_else(|| Unread::new(Operation::DescribeKey, UnreadWhy::UnknownUntilApplied))
}
