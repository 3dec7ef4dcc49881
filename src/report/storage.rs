//! How the objects of a run are stored, in sentences and as JSON. None of it affects the verdict.
use super::numbers::counted;
use serde_json::{Map, Value, json};
use trailproof_core::record::{
    EncryptedWith, Encryption, Group, LATE, StorageTallies, StorageTally, Values,
};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};
use trailproof_core::vocab::time::{DAY, HOUR};

/// Objects that a sentence names; the JSON document names more of them.
const NAMED: usize = 3;

/// Returns what is worth knowing about how the objects are stored, escaped. Nothing, if the store
/// reports neither encryption nor locks and nothing is odd.
pub(super) fn sentences(tallies: &StorageTallies) -> Vec<String> {
    let mut sentences = Vec::new();
    for (tally, noun) in [(&tallies.logs, "log file"), (&tallies.digests, "digest")] {
        sentences.extend(encryption(tally, noun));
        sentences.extend(lock(tally, noun));
        sentences.extend(others(&tally.storage_class, noun, "storage class", |it| it.code()));
        sentences.extend(others(&tally.replication, noun, "replication", |it| it.code()));
        if tally.late.count > 0 {
            let hours = LATE / HOUR;
            let what = format!("written {hours} hours or more after the time in the name");
            let verb = if tally.late.count == 1 { "was" } else { "were" };
            let late = counted(tally.late.count, noun);
            sentences.push(format!("{late} {verb} {what}: {}", named(&tally.late)));
        }
        for (what, group) in odd(tally) {
            let group_named = named(group);
            sentences.push(format!("{} unlike nearly all others ({what}): {group_named}", {
                are(group, noun)
            }));
        }
    }
    sentences
}

/// `3 log files are`.
fn are(group: &Group, noun: &str) -> String {
    let verb = if group.count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(group.count, noun))
}

fn named(group: &Group) -> String {
    let shown = group.examples.iter().take(NAMED);
    let mut names: Vec<String> = shown.map(ObjectLocation::excerpt).collect();
    let left = group.count.saturating_sub(u64::try_from(names.len()).unwrap_or(u64::MAX));
    if left > 0 {
        names.push(format!("{left} more"));
    }
    names.join(", ")
}

/// Returns how many objects are encrypted with the most frequent key, or in the most frequent way.
fn encryption(tally: &StorageTally, noun: &str) -> Option<String> {
    let encrypted = tally.encryption.by_value.iter().filter(|(with, _)| **with != none());
    let (most, group) = encrypted.rev().max_by_key(|(_, group)| group.count)?;
    let how = match &most.kms_key {
        Some(key) => format!("with key `{}`", excerpt(key, SHOWN)),
        None => match most.encryption {
            Some(Encryption::S3) => "with keys of S3 (SSE-S3)".to_owned(),
            Some(Encryption::Kms | Encryption::KmsTwice) => "with a key of KMS".to_owned(),
            Some(Encryption::Other) | None => "in a way that trailproof does not know".to_owned(),
        },
    };
    let rest = tally.known - group.count;
    let all = counted(tally.known, noun);
    Some(match rest {
        0 => format!("all {all} of the period are encrypted {how}"),
        1 => format!("of {all} of the period, {} are encrypted {how}, 1 is not", group.count),
        rest => {
            format!("of {all} of the period, {} are encrypted {how}, {rest} are not", group.count)
        }
    })
}

fn none() -> EncryptedWith {
    EncryptedWith::default()
}

/// Returns how many objects are locked, and for how long at least.
fn lock(tally: &StorageTally, noun: &str) -> Option<String> {
    let locked = tally.locked();
    if locked == 0 {
        return None;
    }
    let modes = tally.lock.by_value.iter().filter_map(|(mode, group)| {
        mode.map(|mode| format!("{} in {} mode", group.count, mode.code()))
    });
    let modes: Vec<String> = modes.collect();
    let shortest = tally.shortest_lock.as_ref().map(|(seconds, at)| {
        let days = seconds.saturating_mul(10) / DAY;
        let (days, tenth) = (days / 10, (days % 10).abs());
        format!("; the shortest lock lasts {days}.{tenth} days: {}", at.excerpt())
    });
    let all = counted(tally.known, noun);
    let shortest = shortest.unwrap_or_default();
    Some(format!("of {all} of the period, {locked} are locked ({}){shortest}", modes.join(", ")))
}

/// Returns how many objects have values that the store reported, other than the most frequent one of
/// all.
fn others<V: Copy + Ord>(
    values: &Values<Option<V>>,
    noun: &str,
    what: &str,
    code: impl Fn(V) -> &'static str,
) -> Option<String> {
    let reported = values.by_value.iter();
    let reported = reported.filter_map(|(value, group)| value.map(|value| (value, group)));
    let counts: Vec<String> =
        reported.map(|(value, group)| format!("{} {}", group.count, code(value))).collect();
    (!counts.is_empty()).then(|| format!("{noun}s by {what}: {}", counts.join(", ")))
}

/// Returns the groups of objects that are unlike nearly all others, and in what.
fn odd(tally: &StorageTally) -> Vec<(String, &Group)> {
    let mut odd = Vec::new();
    for (with, group) in tally.encryption.odd() {
        let how = with.encryption.map_or("none", Encryption::code);
        let key = with.kms_key.as_ref().map(|key| format!(" {}", excerpt(key, SHOWN)));
        odd.push((format!("encryption {how}{}", key.unwrap_or_default()), group));
    }
    let code = |what: &str, code: Option<&str>| format!("{what} {}", code.unwrap_or("none"));
    for (mode, group) in tally.lock.odd() {
        odd.push((code("lock mode", mode.map(|it| it.code())), group));
    }
    for (class, group) in tally.storage_class.odd() {
        odd.push((code("storage class", class.map(|it| it.code())), group));
    }
    for (state, group) in tally.replication.odd() {
        odd.push((code("replication", state.map(|it| it.code())), group));
    }
    odd
}

/// Returns how the objects are stored as a part of the JSON document.
pub(super) fn json(tallies: &StorageTallies) -> Value {
    json!({ "log_files": tally(&tallies.logs), "digests": tally(&tallies.digests) })
}

fn tally(tally: &StorageTally) -> Value {
    let encryption = tally.encryption.by_value.iter().map(|(with, group)| {
        json!({
            "encryption": with.encryption.map(Encryption::code),
            "kms_key": with.kms_key.as_deref(),
            "count": group.count,
        })
    });
    let shortest = tally
        .shortest_lock
        .as_ref()
        .map(|(seconds, at)| json!({ "seconds": seconds, "bucket": at.bucket, "key": at.key }));
    let odd: Vec<Value> = odd(tally)
        .into_iter()
        .map(|(what, group)| {
            let mut entry = objects(group);
            entry.insert("what".into(), what.into());
            entry.into()
        })
        .collect();
    json!({
        "known": tally.known,
        "unknown": tally.unknown,
        "encryption": encryption.collect::<Vec<_>>(),
        "lock_mode": counts(&tally.lock, |it| it.code()),
        "storage_class": counts(&tally.storage_class, |it| it.code()),
        "replication": counts(&tally.replication, |it| it.code()),
        "legal_hold": tally.legal_hold,
        "bucket_key": tally.bucket_key,
        "shortest_lock": shortest,
        "late": objects(&tally.late),
        "odd": odd,
    })
}

/// Returns the number of objects of each value; those for which the store reported none have the
/// name `none`.
fn counts<V: Copy>(values: &Values<Option<V>>, code: impl Fn(V) -> &'static str) -> Value {
    let counts = values.by_value.iter();
    let counts = counts
        .map(|(value, group)| (value.map_or("none", &code).to_owned(), Value::from(group.count)));
    counts.collect::<Map<String, Value>>().into()
}

fn objects(group: &Group) -> Map<String, Value> {
    let examples = group.examples.iter();
    let examples = examples.map(|at| json!({ "bucket": at.bucket, "key": at.key }));
    Map::from_iter([
        ("count".to_owned(), group.count.into()),
        ("examples".to_owned(), examples.collect()),
    ])
}
