//! One hit, and what a search of events covered.
use std::collections::BTreeMap;
use strum::IntoStaticStr;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Finding;
use trailproof_core::record::{CarryingDigest, ProvenLog};
use trailproof_core::trail_event::{EventRate, TrailEvent};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Objects that a result names one by one.
const NAMED: usize = 20;

/// An event in a proven log file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventHit<'a> {
    /// The log file, with the digest that carries its proof.
    pub(crate) log: &'a ProvenLog,
    /// The event.
    pub(crate) event: &'a TrailEvent,
}

/// Why it is not shown that a proven digest names a log file that a record calls proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum NotConfirmed {
    /// The digest is missing or could not be read.
    DigestUnread,
    /// No signature proves the digest.
    DigestNotProven,
    /// The public keys could not be obtained.
    KeysUnavailable,
    /// The digest does not name the log file.
    NotNamed,
}

impl NotConfirmed {
    /// Returns the stable code for machines.
    pub(crate) fn code(self) -> &'static str {
        self.into()
    }

    /// Returns the words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::DigestUnread => "its digest could not be read",
            Self::DigestNotProven => "no signature proves its digest",
            Self::KeysUnavailable => "there are no public keys: name them with `--public-keys`",
            Self::NotNamed => "its digest does not name it",
        }
    }
}

/// What was searched, and what could not be searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventsSearched {
    /// Number of chains.
    pub(crate) chains: u64,
    /// Log files whose content was read and is proven.
    pub(crate) log_files: u64,
    /// Those of them with matching events.
    pub(crate) with_events: u64,
    /// Matching events.
    pub(crate) events: u64,
    /// Proven log files that do not have the form of a log file of events.
    pub(crate) not_events: u64,
    /// Events that may match and cannot be parsed.
    pub(crate) events_unparsed: u64,
    /// The first log files without that form, and the first with such events.
    pub(crate) first_not_parsed: Vec<ObjectLocation>,
    /// Log files that are not proven.
    pub(crate) logs_not_proven: u64,
    /// Digests that are not proven, so that it is not known which log files they name.
    pub(crate) digests_not_proven: u64,
    /// Proven log files that could not be read, and the first of them.
    pub(crate) logs_unread: u64,
    pub(crate) first_unread: Vec<(ObjectLocation, ReadFailure)>,
    /// Log files of a record that no proven digest was found to name, and the first of them.
    pub(crate) logs_not_confirmed: u64,
    pub(crate) first_not_confirmed: Vec<(ObjectLocation, NotConfirmed)>,
    /// SHA-256 of the lines of the record that was searched, in hexadecimal.
    pub(crate) record_sha256: Option<String>,
    /// Whether what was proven comes from a record, of which only the log files that were searched were
    /// verified again.
    pub(crate) record_trusted: bool,
    /// Log files that are not what their proven digest records, and the first of them.
    pub(crate) logs_changed: u64,
    pub(crate) first_changed: Vec<(ObjectLocation, &'static str)>,
    /// Log files that no digest names, as the record says; `None` if nobody looked for them. They are not
    /// searched.
    pub(crate) logs_unlisted: Option<u64>,
    /// Seconds of chain time that are proven, and that are not.
    pub(crate) proven_seconds: i64,
    pub(crate) unproven_seconds: i64,
    /// Seconds of chain time whose digests are not due yet.
    pub(crate) pending_seconds: i64,
    /// Seconds outside of the period that was searched, in which an event that is searched for may
    /// have been delivered.
    pub(crate) outside_seconds: i64,
    /// Places of which it is open what was delivered there.
    pub(crate) places_in_doubt: u64,
    /// Listings that could not be read.
    pub(crate) listings_unread: u64,
    /// Whether the log file to continue after was not met.
    pub(crate) cursor_unknown: bool,
    /// How many events the log files of each proven digest have, by chain and the digest's end, if they
    /// were counted.
    pub(crate) rates: EventRates,
}

/// Numbers of events by chain and the end of the digest that carries them.
pub(crate) type EventRates = BTreeMap<ChainId, BTreeMap<Timestamp, EventRate>>;

impl EventsSearched {
    /// Returns whether everything was searched.
    pub(crate) fn is_complete(&self) -> bool {
        self.logs_not_proven == 0
            && self.not_events == 0
            && self.events_unparsed == 0
            && self.digests_not_proven == 0
            && self.logs_unread == 0
            && self.logs_changed == 0
            && self.logs_not_confirmed == 0
            && self.unproven_seconds == 0
            && self.outside_seconds == 0
            && self.places_in_doubt == 0
            && self.listings_unread == 0
            && self.chains > 0
    }

    /// Returns whether every log file that is proven was searched.
    pub(crate) fn is_whole(&self) -> bool {
        self.logs_unread == 0
            && self.logs_not_confirmed == 0
            && self.not_events == 0
            && self.events_unparsed == 0
    }

    /// Counts a log file that is not what its digest records.
    pub(crate) fn changed(&mut self, at: &ObjectLocation, finding: &Finding) {
        self.logs_changed += 1;
        if self.first_changed.len() < NAMED {
            self.first_changed.push((at.clone(), finding.code()));
        }
    }

    /// Counts events of a log file that cannot be parsed.
    pub(crate) fn unparsed(&mut self, at: &ObjectLocation, events: u64) {
        if events > 0 {
            self.events_unparsed += events;
            self.not_parsed(at);
        }
    }

    /// Counts a proven log file that does not have the form of a log file of events.
    pub(crate) fn without_form(&mut self, at: &ObjectLocation) {
        self.not_events += 1;
        self.not_parsed(at);
    }

    fn not_parsed(&mut self, at: &ObjectLocation) {
        if self.first_not_parsed.len() < NAMED {
            self.first_not_parsed.push(at.clone());
        }
    }

    /// Counts a log file of a record that no proven digest was found to name.
    pub(crate) fn not_confirmed(&mut self, at: &ObjectLocation, why: NotConfirmed) {
        self.logs_not_confirmed += 1;
        if self.first_not_confirmed.len() < NAMED {
            self.first_not_confirmed.push((at.clone(), why));
        }
    }

    /// Counts a log file that could not be read.
    pub(crate) fn unread(&mut self, at: &ObjectLocation, why: &ReadFailure) {
        self.logs_unread += 1;
        if self.first_unread.len() < NAMED {
            self.first_unread.push((at.clone(), why.clone()));
        }
    }

    /// Adds what a second search of log files found, of which the first one counted where they are.
    pub(crate) fn add_contents(&mut self, second: Self) {
        self.log_files += second.log_files;
        self.with_events += second.with_events;
        self.events += second.events;
        self.not_events += second.not_events;
        self.events_unparsed += second.events_unparsed;
        self.logs_unread += second.logs_unread;
        self.logs_changed += second.logs_changed;
        self.first_not_parsed.extend(second.first_not_parsed);
        self.first_unread.extend(second.first_unread);
        self.first_changed.extend(second.first_changed);
        self.first_not_parsed.truncate(NAMED);
        self.first_unread.truncate(NAMED);
        self.first_changed.truncate(NAMED);
        for (chain, rates) in second.rates {
            let of_chain = self.rates.entry(chain).or_default();
            rates.into_iter().for_each(|(end, rate)| of_chain.entry(end).or_default().add(rate));
        }
    }

    /// Adds the events of a log file.
    pub(crate) fn rate(&mut self, digest: &CarryingDigest, rate: EventRate) {
        if rate == EventRate::default() || digest.kind != DigestKind::Standard {
            return;
        }
        if !self.rates.contains_key(&digest.chain) {
            self.rates.insert(digest.chain.clone(), BTreeMap::new());
        }
        if let Some(of_chain) = self.rates.get_mut(&digest.chain) {
            of_chain.entry(digest.end).or_default().add(rate);
        }
    }

    /// Adds what the side that names log files counted.
    pub(crate) fn add(&mut self, named: &Self) {
        self.chains += named.chains;
        self.logs_not_proven += named.logs_not_proven;
        self.digests_not_proven += named.digests_not_proven;
        self.proven_seconds += named.proven_seconds;
        self.unproven_seconds += named.unproven_seconds;
        self.pending_seconds += named.pending_seconds;
        self.outside_seconds += named.outside_seconds;
        self.places_in_doubt += named.places_in_doubt;
        self.listings_unread += named.listings_unread;
        self.cursor_unknown |= named.cursor_unknown;
    }
}
