//! The rules about the files of a period, from a run record. Settings of a bucket apply to what is
//! written after them; only the files show what applied to them.
use crate::control::fact::{Fact, Reader, Unread, UnreadWhy};
use crate::control::facts::{Facts, FilesFacts, ObjectLock, Wanted};
use crate::control::operation::Operation;
use crate::control::status::{Judgement, Reason};
use crate::record::LockMode;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{DAY, Period};
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
    // A digest that was not read may name further log files.
    let unknown = files.logs_unread + logs.unknown + files.digests_unread;
    let wrong = logs.known - with_key;
    let judged = match wrong {
        0 => unless_unread(files, logs.known, unknown)?,
        _ => Judgement::fail(Reason::NotAsRequired),
    };
    let others = logs.encryption.by_value.iter();
    let others = others.filter(|(with, _)| with.kms_key.as_deref() != Some(key));
    let others = others.flat_map(|(_, group)| &group.examples).map(ObjectLocation::uri);
    Ok(in_period(judged, files)
        .seen("key", key)
        .seen("log_files", logs.known)
        .seen("encrypted_with_key", with_key)
        .seen("others", others.take(SHOWN).collect::<Vec<_>>()))
}

/// Judges whether every log file and digest is locked in compliance mode for as long as logs must be
/// kept, from the time in its name. A file that shows no lock is without one only if locks are shown: S3
/// leaves them out for a caller who is not allowed to read them.
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
    let without = of(None);
    // Those in a mode that this version does not know are not in compliance mode.
    let other = known - bypassed - compliant - without;
    let locks_are_shown = without < known || has_no_lock(&facts.bucket.lock);
    let unlocked = if locks_are_shown { without + other } else { other };
    let unknown = kinds.iter().map(|(tally, unread)| tally.unknown + unread).sum();
    let judged = match (unlocked, bypassed, too_short) {
        (1.., _, _) => Judgement::fail(Reason::NotAsRequired),
        (0, 1.., _) => Judgement::fail(Reason::RetentionCanBeBypassed),
        (0, 0, true) => Judgement::fail(Reason::RetentionTooShort),
        (0, 0, false) if !locks_are_shown && known > 0 => {
            let hidden = Unread::new(Operation::GetObjectRetention, UnreadWhy::NotShown);
            let mut judged = Judgement::not_available(hidden);
            // A bucket without Object Lock would settle it as well.
            if let Fact::Unread(unread) = &facts.bucket.lock {
                judged.unread.push(unread.clone());
            }
            judged
        }
        (0, 0, false) => unless_unread(files, known, unknown)?,
    };
    let judged = in_period(judged, files).seen("files", known).seen("compliance", compliant);
    let judged = judged.seen("governance", bypassed);
    Ok(match locks_are_shown {
        true => judged
            .seen("not_locked", unlocked)
            .seen("shortest_days", days)
            .seen("shortest", shortest.map(|(_, at)| at.uri())),
        false => judged.seen("lock_not_shown", without),
    })
}

/// Returns whether it was read that Object Lock is off. S3 cannot lock a file then, and cannot turn the
/// setting off again once it is on.
fn has_no_lock(lock: &Fact<ObjectLock>) -> bool {
    match lock {
        Fact::Absent => true,
        Fact::Known(lock) | Fact::ByReference(lock) => !lock.enabled,
        Fact::Unread(_) => false,
    }
}

/// Passes if the run read every file.
fn unless_unread(files: &FilesFacts, known: u64, unknown: u64) -> Judged {
    match (unknown, known, files.complete) {
        (0, 1.., true) => Ok(Judgement::pass()),
        (_, _, false) => Err(Unread::new(Operation::GetObject, UnreadWhy::RecordIncomplete)),
        (0, 0, _) => Err(Unread::new(Operation::GetObject, UnreadWhy::NotFound)),
        // The run read them in a directory, or could not read them.
        _ => Err(Unread::new(Operation::GetObject, UnreadWhy::Failed)),
    }
}

/// Returns a judgement with the period whose files it is about.
fn in_period(judgement: Judgement, files: &FilesFacts) -> Judgement {
    let Period { start, end } = files.period;
    judgement.seen("from", start.to_string()).seen("to", end.to_string())
}

/// Returns the ARN of the trail's key, as the files name it.
fn key_arn<'f>(facts: &'f Facts, named: &'f str) -> Result<&'f str, Unread> {
    let is_arn = |key: &&str| key.starts_with("arn:") && key.contains(":key/");
    let described = facts.key.as_ref().and_then(|key| key.arn.as_deref());
    let arn = Some(named).filter(is_arn).or(described.filter(is_arn));
    arn.ok_or_else(|| Unread::new(Operation::DescribeKey, UnreadWhy::UnknownUntilApplied))
}
