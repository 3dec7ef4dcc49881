//! Made-up runs, for reports of a size and hostility that would be impractical to build as a trail.
#[path = "hostile_events.rs"]
mod hostile_events;

pub(crate) use hostile_events::hostile;
use std::collections::BTreeMap;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, Malformed, Outcome};
use trailproof_core::codes::notice::Notice;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::record::{
    ChainSummary, Counts, CoverageTotals, DeliveredTo, DigestJudged, EvidencePlace, LogJudged,
    ObjectFacts, Presence, PublicKeyUsed, ReadKind, ReadPlace, RunEvent, RunStart, RunSummary,
    Tool,
};
use trailproof_core::trail_event::ExplainingEvent;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, HOUR, Period, Timestamp};

/// 2026-07-01T00:00:00Z.
const START: i64 = 1_782_864_000;
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

fn chain(account: u64, region: &str) -> ChainId {
    ChainId {
        account: format!("{account:012}").parse().unwrap(),
        source_region: region.parse().unwrap(),
        trail: "organization-trail".parse().unwrap(),
        home_region: "us-east-1".parse().unwrap(),
        organization: Some("o-a1b2c3d4e5".parse().unwrap()),
    }
}

/// Builds the events of a chain and its segments from their ends in hours.
struct RunBuilder {
    events: Vec<RunEvent>,
    summary: RunSummary,
}

impl RunBuilder {
    fn new(location: &str, days: i64) -> Self {
        let period = Period { start: at(0), end: at(days * DAY) };
        let events = vec![RunEvent::RunStarted(Box::new(RunStart {
            tool: Tool { version: "0.0.0".to_owned(), build: None, built: None },
            place: EvidencePlace {
                delivered_to: DeliveredTo {
                    bucket: "example-organization-logs".to_owned(),
                    prefix: String::new(),
                },
                read_from: vec![ReadPlace {
                    kind: ReadKind::Bucket,
                    place: location.to_owned(),
                    as_of: None,
                }],
            },
            period,
            end_was_future: false,
            tail_allowed_from: None,
            trails: Vec::new(),
            accounts: Vec::new(),
            regions: Vec::new(),
            organization: None,
            expected_accounts: None,
            account_names: BTreeMap::new(),
            expected_regions: None,
            known_ends: Vec::new(),
            accepted: None,
            unlisted: true,
            complete_copy: false,
            follows: None,
        }))];
        let summary = RunSummary {
            verdict: Verdict::Proven,
            counts: Counts::default(),
            chains: 0,
            ended: 0,
            coverage: CoverageTotals::default(),
            unlisted: 0,
            listings_unread: 0,
            not_joined: 0,
            places_in_doubt: 0,
            passed_over: 0,
            set_aside: BTreeMap::new(),
        };
        Self { events, summary }
    }

    fn chain(
        &mut self,
        id: ChainId,
        reported: Vec<RunEvent>,
        ends: &[(i64, Coverage)],
        counts: Counts,
    ) {
        let mut from = at(0);
        let mut segments = Vec::new();
        for (hour, coverage) in ends {
            let to = at(hour * HOUR);
            segments.push(Segment { from, to, coverage: *coverage });
            let totals = &mut self.summary.coverage;
            let seconds = to.unix() - from.unix();
            match coverage {
                Coverage::Verified => totals.verified += seconds,
                Coverage::Contradicted => totals.contradicted += seconds,
                Coverage::Unverified => totals.unverified += seconds,
                Coverage::Pending => totals.pending += seconds,
                Coverage::Uncovered(why) => *totals.uncovered.entry(*why).or_default() += seconds,
            }
            from = to;
        }
        self.summary.chains += 1;
        self.summary.counts.add(&counts);
        self.events.push(RunEvent::ChainStarted { chain: id.clone() });
        self.events.extend(reported);
        self.events.push(RunEvent::ChainFinished(ChainSummary {
            chain: id,
            presence: Presence::Present,
            segments,
            counts,
        }));
    }

    fn finish(mut self, verdict: Verdict) -> Vec<RunEvent> {
        self.summary.verdict = verdict;
        self.events.push(RunEvent::RunFinished(self.summary));
        self.events
    }
}

fn missing(id: &ChainId, end: Timestamp) -> RunEvent {
    let (account, region) = (id.account.as_str(), id.source_region.as_str());
    let folder = format!("AWSLogs/o-a1b2c3d4e5/{account}/CloudTrail-Digest/{region}");
    let name = format!("{account}_CloudTrail-Digest_{region}_organization-trail_us-east-1");
    let key = format!("{folder}/{}/{name}_{}.json.gz", end.date_folder(), end.key());
    RunEvent::DigestJudged(DigestJudged {
        at: ObjectLocation::new("example-organization-logs", key),
        kind: DigestKind::Standard,
        end,
        outcome: Outcome::Invalid(Finding::DigestMissing),
        notices: Vec::new(),
        counts: true,
        seen: ObjectFacts::default(),
    })
}

/// Returns a run over 500 accounts in 17 regions and 92 days. Every `exceptions`th chain has a
/// missing digest, a gap and something unreadable.
pub(crate) fn organization(exceptions: usize) -> Vec<RunEvent> {
    let days = 92;
    let mut builder = RunBuilder::new("s3://example-organization-logs", days);
    let hours = days * 24;
    builder.events.push(RunEvent::BucketListed {
        chains: 8_500,
        digests: 8_500 * 2_210,
        left_out: Vec::new(),
    });
    let mut number = 0_usize;
    for account in 0..500_u64 {
        for region in REGIONS {
            number += 1;
            let id = chain(100_000_000_000 + account * 1_234_567, region);
            let all = Tally { valid: 2_208, invalid: 0, unverified: 0 };
            let logs = Tally { valid: 26_496, invalid: 0, unverified: 0 };
            let counts = Counts {
                digests: all,
                logs,
                stored_bytes: 61_000_000,
                inflated_bytes: 580_000_000,
                ..Counts::default()
            };
            if !number.is_multiple_of(exceptions) {
                builder.chain(id, Vec::new(), &[(hours, Coverage::Verified)], counts);
                continue;
            }
            let hour = 24 + i64::try_from(number % 2_000).unwrap();
            let ends = [
                (hour, Coverage::Verified),
                (hour + 1, Coverage::Uncovered(Uncovered::DigestsMissing)),
                (hour + 60, Coverage::Verified),
                (hour + 69, Coverage::Uncovered(Uncovered::Gap)),
                (hour + 100, Coverage::Verified),
                (hour + 102, Coverage::Unverified),
                (hours, Coverage::Verified),
            ];
            let reported = vec![missing(&id, at((hour + 1) * HOUR))];
            let counts =
                Counts { digests: Tally { valid: 2_198, invalid: 1, unverified: 2 }, ..counts };
            builder.chain(id, reported, &ends, counts);
        }
    }
    builder.finish(Verdict::Contradicted)
}

/// Markup that a page could take for its own, in every value that comes from outside.
pub(crate) const MARKS: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{202e}gz.nosj\u{2066}\u{200b}\u{feff}",
];

/// Returns a run that found nothing.
pub(crate) fn empty() -> Vec<RunEvent> {
    let mut builder = RunBuilder::new("s3://example-trail-logs", 3);
    builder.events.push(RunEvent::BucketListed {
        chains: 0,
        digests: 0,
        left_out: vec!["management-events".to_owned()],
    });
    builder.finish(Verdict::NothingFound)
}
