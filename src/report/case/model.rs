//! The result of an investigation.
use crate::report::events::EventsSearched;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::technique::{
    CaseNotice, Confidence, NotCompared, NotTied, Raise, Technique, TimeIs, Witness,
};
use trailproof_core::record::{EvidencePlace, ProvenLog};
use trailproof_core::trail_event::{Comparison, Deed, TrailEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// The result of an investigation.
#[derive(Clone, Debug)]
pub(crate) struct CaseReport {
    /// Where the evidence was delivered and read.
    pub(crate) place: EvidencePlace,
    /// The period of the record.
    pub(crate) period: Period,
    /// Scope of the record; empty lists mean everything.
    pub(crate) trails: Vec<String>,
    pub(crate) accounts: Vec<String>,
    pub(crate) regions: Vec<String>,
    /// SHA-256 of the lines of the record, in hex.
    pub(crate) record_sha256: String,
    /// The verdict of the record.
    pub(crate) verdict: Verdict,
    /// The verdict over the versions that are left, if they were read.
    pub(crate) with_versions: Option<Verdict>,
    /// Why versions, or some of them, could not be listed.
    pub(crate) versions_unread: Option<ReadFailure>,
    /// Lines of access logs about the evidence, and those that can be read in more than one way.
    pub(crate) access_lines: (usize, u64),
    /// What was done, in order of time.
    pub(crate) deeds: Vec<CaseDeed>,
    /// Events with a technique that are not about the evidence: their number, by technique and reason.
    pub(crate) context: BTreeMap<(Technique, NotTied), u64>,
    /// Everything that happened, in order of time.
    pub(crate) timeline: Vec<TimelineEntry>,
    /// Events of proven log files that the case is made of.
    pub(crate) events: Vec<CaseEvent>,
    /// Objects that are affected, in order of their time.
    pub(crate) affected: Vec<AffectedObject>,
    /// Stretches of time without verified coverage.
    pub(crate) spans: Vec<CaseSpan>,
    /// Evidence of other trails that was searched too, by its location.
    pub(crate) also: Vec<(String, EventsSearched)>,
    /// Events of Event history, which nobody signed; `None` if it was not asked.
    pub(crate) history: Option<Vec<HistoryEvent>>,
    /// Stretches that nothing that is left in the bucket proves, if its versions were read.
    pub(crate) lost: Option<Vec<CaseSpan>>,
    /// Log files that were replaced, and how their events differ from those of the proven version.
    pub(crate) diffs: Vec<LogDiff>,
    /// Log files that no digest names, with their events.
    pub(crate) unproven: Vec<UnprovenLog>,
    /// Log files that KMS was asked to encrypt, in time without digests.
    pub(crate) kms: Vec<KmsWrite>,
    /// Who had KMS decrypt log files, as far as the searched events say.
    pub(crate) kms_readers: Vec<KmsReader>,
    /// What was searched for events.
    pub(crate) searched: EventsSearched,
    /// What the reader must know.
    pub(crate) notices: Vec<CaseNotice>,
}

/// One deed: a technique, how sure the case is of it, and everything that it explains. Each is told
/// once, however many objects and chains it affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaseDeed {
    pub(crate) technique: Technique,
    pub(crate) confidence: Confidence,
    /// What the cause rests on.
    pub(crate) witness: Witness,
    /// When it was done, as far as known.
    pub(crate) when: Option<Timestamp>,
    /// Who did it, and from where; empty if not known.
    pub(crate) who: String,
    pub(crate) from_where: String,
    /// Numbers of its events in [`CaseReport::events`].
    pub(crate) events: Vec<usize>,
    /// First and last second of its effect.
    pub(crate) effect: Option<(Timestamp, Timestamp)>,
    /// Affected chains by name, ascending.
    pub(crate) chains: Vec<String>,
    /// Affected objects.
    pub(crate) objects: Vec<ObjectLocation>,
    /// Number of affected objects, of which the first are listed.
    pub(crate) object_count: u64,
    /// Other techniques that would look the same.
    pub(crate) alternatives: Vec<Technique>,
    /// What would make the case surer.
    pub(crate) raise: Vec<Raise>,
    /// Days after which a lifecycle rule acts.
    pub(crate) days: Option<u32>,
    /// Where the trail delivers instead.
    pub(crate) redirected_to: Option<String>,
    /// When logging was started again.
    pub(crate) restarted: Option<Timestamp>,
    /// The lifecycle rules that acted, as they were in force.
    pub(crate) rules: Vec<DeedRule>,
    /// Numbers of other deeds that explain some of the same effect equally well: the evidence does not
    /// decide between them.
    pub(crate) rivals: BTreeSet<usize>,
}

/// A lifecycle rule, as it was in force when it acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeedRule {
    /// Its id; empty if it has none.
    pub(crate) id: String,
    /// The prefix of the keys to which it applies.
    pub(crate) prefix: String,
    /// The days after which it acts; `None` if it acts on a date.
    pub(crate) days: Option<u32>,
    /// When it was put.
    pub(crate) put: Timestamp,
    /// When it was replaced or removed, if it was.
    pub(crate) until: Option<Timestamp>,
}

/// An event of a proven log file.
#[derive(Clone, Debug)]
pub(crate) struct CaseEvent {
    pub(crate) event: TrailEvent,
    pub(crate) log: ProvenLog,
    /// What it did, if it is a deed; `None` for an event that was found by pivoting.
    pub(crate) deed: Option<Deed>,
    /// Whether only an older version of its log file, or of the digest that names that, is proven.
    pub(crate) by_versions: bool,
    /// Why it is not about the evidence; `None` if it is. Such an event names nobody in a deed.
    pub(crate) not_tied: Option<NotTied>,
}

impl CaseEvent {
    /// Returns whether the call was refused, so that it changed nothing.
    pub(crate) fn is_attempt(&self) -> bool {
        !self.event.error.is_empty()
    }

    /// Returns what it did, if it was done and is about the evidence.
    pub(crate) fn done(&self) -> Option<&Deed> {
        self.deed.as_ref().filter(|_| !self.is_attempt() && self.not_tied.is_none())
    }

    /// Returns the technique of what it did, if it was done and is about the evidence.
    pub(crate) fn technique(&self) -> Option<Technique> {
        self.done().and_then(|deed| deed.technique)
    }
}

/// An event of Event history. Nobody signed it.
#[derive(Clone, Debug)]
pub(crate) struct HistoryEvent {
    pub(crate) event: TrailEvent,
    /// The region that was asked.
    pub(crate) region: Region,
    /// A chain of its account.
    pub(crate) chain: ChainId,
    /// What it did, if it is a deed.
    pub(crate) deed: Option<Deed>,
    /// Why it is not about the evidence; `None` if it is.
    pub(crate) not_tied: Option<NotTied>,
    /// Whether it is of verified time, and no verified log file has it.
    pub(crate) missing: bool,
}

impl HistoryEvent {
    /// Returns what it did, if it was done and is about the evidence.
    pub(crate) fn done(&self) -> Option<&Deed> {
        let is_attempt = !self.event.error.is_empty();
        self.deed.as_ref().filter(|_| !is_attempt && self.not_tied.is_none())
    }
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimelineEntry {
    pub(crate) time: Timestamp,
    pub(crate) time_is: TimeIs,
    /// Name of an event, operation or finding.
    pub(crate) what: String,
    pub(crate) who: String,
    pub(crate) from_where: String,
    /// `ok`, an error code, or empty.
    pub(crate) outcome: String,
    pub(crate) target: String,
    pub(crate) witness: Witness,
    /// The log file and the digest that carry it, if it is proven.
    pub(crate) log_file: Option<ObjectLocation>,
    pub(crate) digest: Option<ObjectLocation>,
    pub(crate) technique: Option<Technique>,
    /// Code of the finding or of the coverage.
    pub(crate) finding: Option<&'static str>,
    /// Number of the event in [`CaseReport::events`].
    pub(crate) event: Option<usize>,
    /// Why the event is not about the evidence.
    pub(crate) not_tied: Option<NotTied>,
}

/// A digest or log file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AffectedObject {
    pub(crate) at: ObjectLocation,
    /// Name of its chain.
    pub(crate) chain: String,
    /// Whether it is a digest.
    pub(crate) is_digest: bool,
    /// Its end, or the time in its name.
    pub(crate) time: Option<Timestamp>,
    /// Code of the finding or of the read failure.
    pub(crate) code: &'static str,
    /// SHA-256 of its true content in hex, if a proven digest records it.
    pub(crate) sha256: Option<String>,
    /// The digest that records it.
    pub(crate) digest: Option<ObjectLocation>,
    /// Code of what its versions show, if they were read.
    pub(crate) versions: Option<&'static str>,
    /// Number of the deed that explains it, in [`CaseReport::deeds`].
    pub(crate) deed: Option<usize>,
}

/// A log file that was replaced, and its version that is proven.
#[derive(Clone, Debug)]
pub(crate) struct LogDiff {
    pub(crate) at: ObjectLocation,
    /// The digest that proves the version.
    pub(crate) digest: ObjectLocation,
    /// Hash of the content that is proven.
    pub(crate) proven_hash: Hash,
    /// Hash of the content that lies there now, if it was read.
    pub(crate) current_hash: Option<Hash>,
    /// How they differ, or why they were not compared.
    pub(crate) compared: Result<Comparison, NotCompared>,
}

/// A log file that no digest names. What it holds is a claim of whoever wrote it.
#[derive(Clone, Debug)]
pub(crate) struct UnprovenLog {
    pub(crate) at: ObjectLocation,
    /// Hash of its content, if it was read.
    pub(crate) hash: Option<Hash>,
    /// Number of its events.
    pub(crate) count: u64,
    /// The first of its events.
    pub(crate) events: Vec<TrailEvent>,
}

/// Who had KMS decrypt objects of the evidence, and so read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KmsReader {
    pub(crate) who: String,
    /// The number of calls.
    pub(crate) calls: u64,
    /// The times of the first and the last one.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The source address of the first one.
    pub(crate) from_where: String,
}

/// A call of KMS for a log file that was written to time without digests, or one for an affected object that
/// was not CloudTrail's.
#[derive(Clone, Debug)]
pub(crate) struct KmsWrite {
    pub(crate) at: ObjectLocation,
    /// When the key was asked for.
    pub(crate) time: Timestamp,
    /// Who asked, and from where.
    pub(crate) who: String,
    pub(crate) from_where: String,
    /// Whether the call names a trail, as CloudTrail's own do.
    pub(crate) by_cloudtrail: bool,
    /// Whether the log file is there now; `None` if that is not known.
    pub(crate) is_there: Option<bool>,
    /// The proven log file with the event; `None` if it is from a file that nobody signed.
    pub(crate) log: Option<ProvenLog>,
}

/// A stretch of a chain without verified coverage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaseSpan {
    pub(crate) chain: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Code of its coverage.
    pub(crate) coverage: &'static str,
    /// Number of the deed that explains it.
    pub(crate) deed: Option<usize>,
}
