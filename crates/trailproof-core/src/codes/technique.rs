//! Techniques against evidence, how sure a case is of one, and what would make it surer.
//!
//! Ids of MITRE ATT&CK are those of version 19, in which T1562.008 became T1685.002.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The version of MITRE ATT&CK to which the ids belong.
pub const ATTACK_VERSION: &str = "19";

/// Something that is done to a trail or to its evidence, by an attacker or by its owner.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Technique {
    /// Logging was stopped (`StopLogging`).
    TrailStopped,
    /// The trail was deleted (`DeleteTrail`).
    TrailDeleted,
    /// The trail records less: fewer kinds of events, or fewer regions or accounts.
    TrailNarrowed,
    /// Log file validation was switched off, so that nothing attests what is delivered.
    ValidationOff,
    /// The trail delivers to a different bucket or prefix.
    TrailRedirected,
    /// CloudTrail cannot deliver: the bucket or its policy does not let it.
    DeliveryBroken,
    /// The key that encrypts the evidence cannot be used.
    KeyWithheld,
    /// Objects were deleted, and older versions may remain.
    ObjectsDeleted,
    /// Objects were deleted together with their versions.
    VersionsDeleted,
    /// Objects were overwritten with different content.
    ObjectsReplaced,
    /// Objects were overwritten with copies that only the holder of a key can read (SSE-C).
    ObjectsRansomed,
    /// Objects that CloudTrail did not write were put beside the evidence.
    ObjectsPlanted,
    /// A lifecycle rule removed objects by their age.
    LifecycleExpiry,
    /// Object Lock, a retention or a legal hold was weakened.
    LockWeakened,
    /// Objects were moved to an archive from which they must be restored before they can be read.
    ArchiveHidden,
    /// Replication to a second copy was removed or narrowed.
    ReplicaCut,
    /// An account left the organization, or the organization's trail lost its access.
    OrgLeft,
    /// A region was switched off in an account.
    RegionOff,
    /// What watches over the trail was switched off: rules, alarms, recorders, detectors.
    WatchersOff,
    /// CloudTrail left out the parameters of events because they were too large.
    EventStarved,
}

/// A technique of MITRE ATT&CK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Id in this version, such as `T1685.002`.
    pub id: &'static str,
    /// Name of the technique.
    pub name: &'static str,
    /// Name of the technique that it belongs to, if it is a sub-technique.
    pub parent: Option<&'static str>,
    /// Id before version 19, if it differs.
    pub old_id: Option<&'static str>,
    /// Id of the tactic.
    pub tactic: &'static str,
    /// Name of the tactic.
    pub tactic_name: &'static str,
}

const CLOUD_LOG: Attack = Attack {
    id: "T1685.002",
    name: "Disable or Modify Cloud Log",
    parent: Some("Disable or Modify Tools"),
    old_id: Some("T1562.008"),
    tactic: "TA0112",
    tactic_name: "Defense Impairment",
};
const REMOVAL: Attack = Attack {
    id: "T1070",
    name: "Indicator Removal",
    parent: None,
    old_id: None,
    tactic: "TA0005",
    tactic_name: "Stealth",
};
const DESTRUCTION: Attack = Attack {
    id: "T1485",
    name: "Data Destruction",
    parent: None,
    old_id: None,
    tactic: "TA0040",
    tactic_name: "Impact",
};
const LIFECYCLE: Attack = Attack {
    id: "T1485.001",
    name: "Lifecycle-Triggered Deletion",
    parent: Some("Data Destruction"),
    ..DESTRUCTION
};
const ENCRYPTED: Attack = Attack { id: "T1486", name: "Data Encrypted for Impact", ..DESTRUCTION };
const RECOVERY: Attack = Attack { id: "T1490", name: "Inhibit System Recovery", ..DESTRUCTION };
const MANIPULATED: Attack = Attack {
    id: "T1565.001",
    name: "Stored Data Manipulation",
    parent: Some("Data Manipulation"),
    ..DESTRUCTION
};

impl Technique {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns the techniques of MITRE ATT&CK that it is an instance of.
    pub fn attacks(self) -> &'static [Attack] {
        match self {
            Self::TrailStopped
            | Self::TrailDeleted
            | Self::TrailNarrowed
            | Self::ValidationOff
            | Self::TrailRedirected
            | Self::DeliveryBroken
            | Self::LockWeakened
            | Self::ReplicaCut
            | Self::OrgLeft
            | Self::RegionOff
            | Self::WatchersOff
            | Self::EventStarved => &[CLOUD_LOG],
            Self::KeyWithheld => &[ENCRYPTED, RECOVERY],
            Self::ObjectsDeleted => &[REMOVAL],
            Self::VersionsDeleted => &[REMOVAL, DESTRUCTION],
            Self::ObjectsReplaced => &[REMOVAL, MANIPULATED],
            Self::ObjectsRansomed => &[ENCRYPTED],
            Self::ObjectsPlanted => &[MANIPULATED],
            Self::LifecycleExpiry => &[LIFECYCLE, REMOVAL],
            Self::ArchiveHidden => &[],
        }
    }
}

/// How sure a case is of a technique.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Confidence {
    /// It fits the effect, and nothing names it.
    Possible,
    /// The effect is proven, and an unsigned witness or the store names the cause.
    Likely,
    /// The event and its effect are both proven.
    Shown,
}

impl Confidence {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why an event is not about the evidence of a case, so that it names nobody.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum NotTied {
    /// It is about a trail that has no chain in the record: name, home region and owner decide.
    OtherTrail,
    /// It is about a key that no object of the record names.
    OtherKey,
    /// It names no object that is affected.
    OtherObject,
    /// It is about an account, organization or region that has no chain in the record.
    OtherPlace,
    /// It names neither a trail nor the bucket of the evidence.
    OtherResource,
}

impl NotTied {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What would make a case surer of a technique.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Raise {
    /// Data events of S3 on the bucket of the evidence, which no trail recorded.
    DataEvents,
    /// Server access logs of the bucket: `--access-logs`.
    AccessLogs,
    /// Evidence of the account and region in which the call was made, which is not in the record.
    OtherPlaces,
    /// Permission to list and read versions.
    Versions,
    /// Versions of objects, which the bucket does not keep.
    Versioning,
    /// The log files of the hours around it, which are lost themselves.
    LostLogs,
    /// Event history of the last 90 days, which nobody can delete.
    EventHistory,
}

impl Raise {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What a statement of a case rests on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Witness {
    /// A log file or digest that is proven.
    Proven,
    /// A log file or digest that is not proven.
    Unproven,
    /// A log or an interface of AWS that nobody signed.
    Unsigned,
    /// What the store reports of objects and versions.
    Store,
    /// The configuration at the time of the investigation.
    Configuration,
}

impl Witness {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What the reader of a case must know about it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum CaseNotice {
    /// No verified log file that was searched holds data events of S3, so they do not name who
    /// deleted or wrote objects.
    NoDataEvents,
    /// More events were found than are kept.
    EventsCapped,
    /// More objects are affected than are judged one by one.
    ObjectsCapped,
    /// More lines of access logs were read than are kept.
    AccessLogsCapped,
    /// Lines of access logs can be read in more than one way, or in none.
    AccessLinesUnclear,
    /// Versions were not read: what survives is not known.
    VersionsNotRead,
    /// Versions could not be listed, or not all of them: what survives is not known.
    VersionsUnlisted,
    /// Not all versions of some objects were tried.
    VersionsUntried,
    /// Not everything that may hold an event could be searched.
    SearchIncomplete,
    /// Only log files that were delivered around the effects, or after them, were searched.
    HoursSearched,
    /// The case is made of a record that was trusted: of what it says, only the log files that were
    /// searched were verified again.
    RecordTrusted,
    /// Log files in time without digests were not all listed.
    GapsNotListed,
    /// Not everything could be searched in the evidence of another trail.
    AlsoIncomplete,
    /// Event history was read, of the caller's account alone. Nobody signed it.
    EventHistoryRead,
    /// Event history could not be read, or not all of it.
    EventHistoryUnread,
    /// More of Event history was found than is kept.
    EventHistoryCapped,
    /// A part of the time without evidence is older than the 90 days that Event history keeps.
    EventHistoryTooOld,
    /// Event history has events of an account that is not in the record: it is that of the caller.
    EventHistoryOther,
    /// Event history has events of verified time that no verified log file has.
    EventsMissing,
    /// Not every replaced log file was compared, or not every event that differs is listed.
    DiffsCapped,
    /// Log files that no digest names hold events. They are listed apart, nothing proves them, and
    /// they name nobody in a deed.
    UnprovenEvents,
    /// Not all events of log files that no digest names are listed.
    UnprovenCapped,
    /// Calls of KMS show that log files were written to time without digests that are not there now.
    KmsWritten,
}

impl CaseNotice {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a log file and its proven version were not compared.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum NotCompared {
    /// The log file that lies there now could not be read.
    CurrentUnread,
    /// The proven version could not be read again.
    VersionUnread,
    /// One of them is larger than is compared.
    TooLarge,
    /// The log file that lies there now does not have the form of a log file of events.
    CurrentNotEvents,
    /// The proven version does not have the form of a log file of events.
    VersionNotEvents,
}

impl NotCompared {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What the time of a line of a timeline is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum TimeIs {
    /// The time of an event.
    Event,
    /// The end of a digest, or the time in the name of a log file.
    Delivery,
    /// The start of a stretch without coverage.
    CoverageFrom,
    /// The end of a stretch without coverage.
    CoverageTo,
    /// When the store wrote an object or a version.
    LastModified,
    /// When the store wrote a delete marker.
    Marker,
    /// When the store received a request.
    Request,
    /// The time of an event of Event history, which nobody signed.
    History,
    /// The time of an event in which a log file and its proven version differ.
    Difference,
    /// The time that an event claims which nothing proves.
    Claimed,
}

impl TimeIs {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;

    #[test]
    fn every_technique_has_a_code_and_valid_ids() {
        let all: Vec<Technique> = Technique::iter().collect();
        assert_eq!(all.len(), 20);
        for technique in all {
            assert_eq!(technique.code().parse(), Ok(technique));
            for attack in technique.attacks() {
                assert_eq!(attack.parent.is_some(), attack.id.contains('.'), "{attack:?}");
                assert!(attack.id.starts_with('T') && attack.tactic.starts_with("TA"));
            }
        }
        assert!(
            Confidence::Shown > Confidence::Likely && Confidence::Likely > Confidence::Possible
        );
    }
}
