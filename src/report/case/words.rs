//! The words for the codes of a case, in one place. Everything from outside is escaped here.
use super::model::{AffectedObject, CaseDeed};
use crate::report::numbers::{counted, grouped};
use trailproof_core::codes::technique::{
    CaseNotice, Confidence, NotTied, Raise, Technique, Witness,
};
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
        Raise::DataEvents => "S3 data events of the bucket in a trail (there are none)",
        Raise::AccessLogs => "server access logs of the bucket (`--access-logs`)",
        Raise::OtherPlaces => "evidence of the account and region in which the call was made",
        Raise::Versions => "older versions of the objects, which this command does not read yet",
        Raise::Versioning => "versioning of the bucket, which is not on",
        Raise::LostLogs => "the log files of the hours around it, which are lost themselves",
        Raise::EventHistory => "Event history of the last 90 days (`aws cloudtrail lookup-events`)",
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
        CaseNotice::VersionsNotRead => {
            "Versions of the affected objects were not read: what survives is not known."
        }
        CaseNotice::SearchIncomplete => {
            "Not every log file that may hold a cause could be searched."
        }
        CaseNotice::RecordTrusted => {
            "The case trusts the record: only the log files that were searched, and the digests \
             that name them, were verified again."
        }
        CaseNotice::GapsNotListed => {
            "Not all of the time without digests was searched for log files."
        }
    }
}

/// Returns how many of the affected objects `recover` gives back, and how many are lost for good, if
/// their versions were read.
pub(super) fn survivors(affected: &[AffectedObject]) -> Option<String> {
    let of = |classes: &[&str]| {
        let has =
            |object: &&AffectedObject| object.versions.is_some_and(|it| classes.contains(&it));
        u64::try_from(affected.iter().filter(has).count()).unwrap_or(u64::MAX)
    };
    affected.iter().any(|object| object.versions.is_some()).then(|| {
        format!(
            "`trailproof recover` gives back {}; {} lost for good",
            counted(of(&["deleted-recoverable", "replaced-recoverable"]), "object"),
            match of(&["deleted-for-good", "replaced-for-good", "not-versioned"]) {
                0 => "none is".to_owned(),
                1 => "1 is".to_owned(),
                more => format!("{} are", grouped(more)),
            },
        )
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
    if let Some(days) = deed.days {
        effects.push(format!("the rule acts after {}", counted(u64::from(days), "day")));
    }
    if let Some(to) = &deed.redirected_to {
        effects.push(format!("delivery goes to {}", excerpt(to, SHOWN)));
    }
    if !deed.chains.is_empty() {
        effects.push(counted(u64::try_from(deed.chains.len()).unwrap_or(u64::MAX), "chain"));
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
