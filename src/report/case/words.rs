//! The words for the codes of a case, in one place. Everything from outside is escaped here.
use super::model::{AffectedObject, CaseDeed, CaseReport, DeedRule, KmsWrite, LogDiff};
use crate::report::numbers::{counted, grouped};
use std::collections::BTreeSet;
use trailproof_core::codes::technique::{
    CaseNotice, Confidence, NotCompared, NotTied, Raise, Technique, Witness,
};
use trailproof_core::trail_event::{Change, EventChange};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// Returns what was done, as a sentence without its end.
pub(super) fn technique(technique: Technique) -> &'static str {
    match technique {
        Technique::TrailStopped => "Logging was stopped",
        Technique::TrailDeleted => "The trail was deleted",
        Technique::TrailNarrowed => "The trail was narrowed: it records less",
        Technique::ValidationOff => "Log file validation was switched off",
        Technique::TrailRedirected => "The trail was redirected to a different place",
        Technique::DeliveryBroken => "Delivery was broken",
        Technique::KeyWithheld => "The key of the evidence was withheld",
        Technique::ObjectsDeleted => "Objects were deleted",
        Technique::VersionsDeleted => "Objects were deleted with their versions",
        Technique::ObjectsReplaced => "Objects were replaced",
        Technique::ObjectsRansomed => {
            "Objects were encrypted with a key that only its holder knows (SSE-C)"
        }
        Technique::ObjectsPlanted => "Objects were planted beside the evidence",
        Technique::LifecycleExpiry => "A lifecycle rule removed objects",
        Technique::LockWeakened => "Object Lock was weakened",
        Technique::ArchiveHidden => "Objects were moved to an archive",
        Technique::ReplicaCut => "Replication was cut",
        Technique::OrgLeft => "An account left the organization's trail",
        Technique::RegionOff => "A region was switched off",
        Technique::WatchersOff => "Monitoring was switched off",
        Technique::EventStarved => "Events lost their parameters because they were too large",
    }
}

/// Returns what the confidence of a deed means.
pub(super) fn confidence(deed: &CaseDeed) -> &'static str {
    match (deed.confidence, deed.events.is_empty()) {
        (Confidence::Shown, _) => "the event and its effect are both proven",
        (Confidence::Likely, true) => {
            "the effect is proven; who or how comes from a witness that is not"
        }
        (Confidence::Likely, false) => "the event is proven; it names only a part of the effect",
        (Confidence::Possible, true) => "it fits what is missing; nothing names it",
        (Confidence::Possible, false) => "the event is proven; that it is the cause is not",
    }
}

/// Returns why an event is not about the evidence.
pub(super) fn not_tied(why: NotTied) -> &'static str {
    match why {
        NotTied::OtherTrail => "about a trail that is not in the record",
        NotTied::OtherKey => "about a key that no object of the record names",
        NotTied::OtherObject => "about no object that is affected",
        NotTied::OtherPlace => "about a place that is not in the record",
        NotTied::OtherResource => "about neither a trail nor the bucket",
    }
}

/// Returns what would make a case surer.
pub(super) fn raise(raise: Raise) -> &'static str {
    match raise {
        Raise::DataEvents => {
            "S3 data events of the bucket in a trail (there are none; `--also` names another trail)"
        }
        Raise::AccessLogs => "server access logs of the bucket (`--access-logs`)",
        Raise::OtherPlaces => {
            "evidence of the account and region in which the call was made (`--also`)"
        }
        Raise::Versions => {
            "the versions of the objects (`s3:ListBucketVersions`, `s3:GetObjectVersion`)"
        }
        Raise::Versioning => "versioning of the bucket, which is not on",
        Raise::LostLogs => "the log files of the hours around it, which are lost themselves",
        Raise::EventHistory => "Event history of the last 90 days (`--event-history`)",
    }
}

/// Returns what a statement rests on.
pub(super) fn witness(witness: Witness) -> &'static str {
    match witness {
        Witness::Proven => "proven",
        Witness::Unproven => "not proven",
        Witness::Unsigned => "unsigned",
        Witness::Store => "the store",
        Witness::Configuration => "configuration now",
    }
}

/// Returns what the reader must know.
pub(super) fn notice(notice: CaseNotice) -> &'static str {
    match notice {
        CaseNotice::NoDataEvents => {
            "No S3 data events of this bucket are in the log files that were searched: they do not \
             name who deleted or wrote objects."
        }
        CaseNotice::EventsCapped => "More events were found than a case keeps.",
        CaseNotice::ObjectsCapped => {
            "More objects are affected than a case judges; the record has all."
        }
        CaseNotice::AccessLogsCapped => "More lines of access logs were found than a case keeps.",
        CaseNotice::AccessLinesUnclear => {
            "Lines of access logs can be read in more than one way, or in none: nothing is taken from \
             them. `access_logs` in case.json has their number."
        }
        CaseNotice::VersionsNotRead => {
            "Versions of the affected objects were not read: what survives is not known."
        }
        CaseNotice::VersionsUnlisted => {
            "Versions could not be listed, or not all of them: `s3:ListBucketVersions` and \
             `s3:GetObjectVersion` would settle what survives."
        }
        CaseNotice::VersionsUntried => {
            "Not all versions of some objects were tried, so that one may prove them: \
             `trailproof recover --try-versions` tries more."
        }
        CaseNotice::SearchIncomplete => {
            "Not every log file that may hold a cause could be searched."
        }
        CaseNotice::HoursSearched => {
            "Only log files that were delivered around the effects were searched: deeds at other times \
             are not in the case. `trailproof events` searches all of the period."
        }
        CaseNotice::RecordTrusted => {
            "The case trusts the record: only the log files that were searched, and the digests \
             that name them, were verified again."
        }
        CaseNotice::GapsNotListed => {
            "Not all of the time without digests was searched for log files."
        }
        CaseNotice::AlsoIncomplete => {
            "Not everything could be searched in the evidence of another trail (`--also`)."
        }
        CaseNotice::EventHistoryRead => {
            "Event history was read, of the caller's account alone. Nobody signed it: what rests on it \
             is never shown."
        }
        CaseNotice::EventHistoryUnread => "Event history could not be read, or not all of it.",
        CaseNotice::EventHistoryCapped => "Event history has more events than a case keeps.",
        CaseNotice::EventHistoryTooOld => {
            "A part of the time without evidence is older than the 90 days that Event history keeps."
        }
        CaseNotice::EventHistoryOther => {
            "Event history has events of an account that is not in the record, which were left out."
        }
        CaseNotice::EventsMissing => {
            "Event history has events of verified time that no verified log file has: log files were \
             lost, or the trail does not record them."
        }
        CaseNotice::DiffsCapped => {
            "More events of replaced log files differ from their proven versions than a case lists."
        }
        CaseNotice::UnprovenEvents => {
            "Log files that no digest names hold events. Nothing proves them: they are claims of \
             whoever wrote these files, and name nobody in a deed."
        }
        CaseNotice::KmsWritten => {
            "Calls of KMS show that log files were written to time without digests and are not there \
             now: they existed. Nobody signed that witness."
        }
        CaseNotice::UnprovenCapped => {
            "Log files that no digest names hold more events than a case lists."
        }
    }
}

/// Returns why a log file was not compared with its proven version.
pub(super) fn not_compared(why: NotCompared) -> &'static str {
    match why {
        NotCompared::CurrentUnread => "what lies there now could not be read",
        NotCompared::VersionUnread => "the proven version could not be read again",
        NotCompared::TooLarge => "too large to be compared",
        NotCompared::CurrentNotEvents => "what lies there now is no log file of events",
        NotCompared::VersionNotEvents => "the proven version is no log file of events",
    }
}

/// Returns how the events of a replaced log file differ from those that are proven.
pub(super) fn difference(diff: &LogDiff) -> String {
    let compared = match &diff.compared {
        Ok(compared) => compared,
        Err(why) => return format!("not compared: {}", not_compared(*why)),
    };
    let mut parts = vec![
        format!("{} removed", counted(compared.removed, "event")),
        format!("{} changed", grouped(compared.changed)),
        format!("{} added", grouped(compared.added)),
        format!("{} the same", grouped(compared.same)),
    ];
    if compared.not_compared > 0 {
        parts.push(format!("{} cannot be compared", grouped(compared.not_compared)));
    }
    parts.join(", ")
}

/// Returns an event that differs, in one line.
pub(super) fn change(change: &EventChange) -> String {
    let event = &change.event;
    let time = event.time.map(|time| format!(" at {time}")).unwrap_or_default();
    let who = match event.principal.is_empty() {
        true => String::new(),
        false => format!(" by {}", excerpt(&event.principal, SHOWN)),
    };
    let fields: Vec<String> =
        change.fields.iter().take(3).map(|field| excerpt(&field.pointer, SHOWN)).collect();
    let fields = match fields.is_empty() {
        true => String::new(),
        false => format!(": {}", fields.join(", ")),
    };
    let witness = match change.change {
        Change::Added => ", which nothing proves",
        Change::Removed | Change::Changed => "",
    };
    let name = excerpt(&event.name, SHOWN);
    format!("{} {name}{who}{time}{witness}{fields}", change.change.code())
}

/// Returns how many of the affected objects `recover` gives back, if their versions were read.
pub(super) fn comes_back(affected: &[AffectedObject]) -> Option<String> {
    let count = count_of(affected, &["deleted-recoverable", "replaced-recoverable"])?;
    let open = match count_of(affected, &["unknown"]) {
        Some(open) if open > 0 => format!("; of {} that is not known", grouped(open)),
        _ => String::new(),
    };
    Some(format!("`trailproof recover` gives back {}{open}", counted(count, "object")))
}

/// Returns what is lost for good: objects of which no version proves, and time that nothing that is
/// left in the bucket proves.
pub(super) fn lost(case: &CaseReport) -> Option<String> {
    let classes = ["deleted-for-good", "replaced-for-good", "not-versioned"];
    let objects = count_of(&case.affected, &classes).unwrap_or(0);
    let spans = case.lost.as_deref()?;
    let mut parts = Vec::new();
    if objects > 0 {
        parts.push(counted(objects, "object"));
    }
    parts.extend(
        spans
            .iter()
            .take(3)
            .map(|span| format!("{} to {} of {}", span.from, span.to, excerpt(&span.chain, SHOWN))),
    );
    let more = spans.len().saturating_sub(3);
    if more > 0 {
        parts.push(counted(u64::try_from(more).unwrap_or(u64::MAX), "further gap"));
    }
    Some(match parts.is_empty() {
        true => "nothing".to_owned(),
        false => format!("{}: nothing that is left in the bucket proves it", parts.join("; ")),
    })
}

/// Returns what KMS was asked for, if it was.
pub(super) fn kms(case: &CaseReport) -> Option<String> {
    let count = |of: &dyn Fn(&&KmsWrite) -> bool| {
        u64::try_from(case.kms.iter().filter(of).count()).unwrap_or(u64::MAX)
    };
    let (ours, gone) = (
        count(&|it| it.by_cloudtrail),
        count(&|it| it.by_cloudtrail && it.is_there == Some(false)),
    );
    let foreign = count(&|it| !it.by_cloudtrail);
    let mut parts = Vec::new();
    if ours > 0 {
        parts.push(format!(
            "KMS was asked to encrypt {} of time without digests; {} not there now",
            counted(ours, "log file"),
            grouped(gone)
        ));
    }
    if foreign > 0 {
        let callers = case.kms.iter().filter(|it| !it.by_cloudtrail).map(|it| it.who.as_str());
        parts.push(format!(
            "KMS was asked to encrypt {} not for CloudTrail, by {}",
            counted(foreign, "object"),
            named(callers)
        ));
    }
    if !case.kms_readers.is_empty() {
        let readers = case.kms_readers.iter().map(|reader| reader.who.as_str());
        parts.push(format!("KMS was asked to decrypt log files by {}", named(readers)));
    }
    (!parts.is_empty()).then(|| format!("second witness, unsigned: {}", parts.join("; ")))
}

/// Returns the first of these callers, and how many there are beside them.
fn named<'c>(callers: impl Iterator<Item = &'c str>) -> String {
    let all: BTreeSet<&str> = callers.collect();
    let first: Vec<String> = all.iter().take(3).map(|who| excerpt(who, SHOWN)).collect();
    match all.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!(
            "{} and {}",
            first.join(", "),
            counted(u64::try_from(more).unwrap_or(u64::MAX), "other caller")
        ),
    }
}

/// Returns the number of objects of these classes; `None` if no versions were read.
fn count_of(affected: &[AffectedObject], classes: &[&str]) -> Option<u64> {
    let is_known = |object: &AffectedObject| object.versions.is_some_and(|it| it != "unknown");
    affected.iter().any(is_known).then(|| {
        let has =
            |object: &&AffectedObject| object.versions.is_some_and(|it| classes.contains(&it));
        u64::try_from(affected.iter().filter(has).count()).unwrap_or(u64::MAX)
    })
}

/// Returns who did it, when and from where, as far as known.
pub(super) fn by(deed: &CaseDeed) -> String {
    let mut parts = Vec::new();
    if !deed.who.is_empty() {
        parts.push(format!("by {}", excerpt(&deed.who, SHOWN)));
    }
    if !deed.from_where.is_empty() {
        parts.push(format!("from {}", excerpt(&deed.from_where, SHOWN)));
    }
    if let Some(when) = deed.when {
        parts.push(format!("at {when}"));
    }
    match parts.is_empty() {
        true => "by whom is not known".to_owned(),
        false => parts.join(" "),
    }
}

/// Returns a lifecycle rule as it was in force, as a sentence without its end.
fn rule(rule: &DeedRule) -> String {
    let id = match rule.id.is_empty() {
        true => String::new(),
        false => format!(" `{}`", excerpt(&rule.id, SHOWN)),
    };
    let prefix = match rule.prefix.is_empty() {
        true => "for all keys".to_owned(),
        false => format!("for keys that begin with `{}`", excerpt(&rule.prefix, SHOWN)),
    };
    let acts = match rule.days {
        Some(days) => format!("acts after {}", counted(u64::from(days), "day")),
        None => "acts on a date".to_owned(),
    };
    let until = match rule.until {
        Some(until) => format!("until {until}"),
        None => "and never replaced, as far as the evidence shows".to_owned(),
    };
    format!("the rule{id} {prefix} {acts}; in force from {} {until}", rule.put)
}

/// Returns that other deeds explain the same equally well, if some do.
pub(super) fn undecided(deed: &CaseDeed) -> Option<String> {
    let numbers: Vec<String> = deed.rivals.iter().map(|number| (number + 1).to_string()).collect();
    let others = match numbers.as_slice() {
        [] => return None,
        [only] => format!("deed {only}"),
        more => format!("deeds {}", more.join(", ")),
    };
    Some(format!(
        "the evidence does not decide between this and {others}, which explain it as well"
    ))
}

/// Returns what it did, in sentences without their ends.
pub(super) fn effects(deed: &CaseDeed) -> Vec<String> {
    let mut effects = Vec::new();
    if deed.object_count > 0 {
        effects.push(format!("{} affected", counted(deed.object_count, "object")));
    }
    if let Some((from, to)) = deed.effect {
        effects.push(match from == to {
            true => format!("effect at {from}"),
            false => format!("effect from {from} to {to}"),
        });
    }
    if let Some(restarted) = deed.restarted {
        effects.push(format!("logging started again at {restarted}"));
    }
    effects.extend(deed.rules.iter().map(rule));
    if let Some(days) = deed.days.filter(|_| deed.rules.is_empty()) {
        effects.push(format!("the rule acts after {}", counted(u64::from(days), "day")));
    }
    if let Some(to) = &deed.redirected_to {
        effects.push(format!("delivery goes to {}", excerpt(to, SHOWN)));
    }
    match deed.chains.as_slice() {
        [] => {}
        [only] => effects.push(format!("chain {}", excerpt(only, SHOWN))),
        more => effects.push(counted(u64::try_from(more.len()).unwrap_or(u64::MAX), "chain")),
    }
    effects
}

/// Returns the ids of MITRE ATT&CK, with the ids before version 19.
pub(super) fn attack_ids(technique: Technique) -> Vec<String> {
    let ids = technique.attacks().iter().map(|attack| match attack.old_id {
        Some(old) => format!("{} ({old})", attack.id),
        None => attack.id.to_owned(),
    });
    ids.collect()
}
