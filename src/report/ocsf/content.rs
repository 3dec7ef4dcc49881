//! The content of the events: the verdict, findings, and what is not proven.
use super::shape::{EventContent, Level, Resource};
use crate::report::collect::{Collected, LocatedFinding};
use crate::report::exceptions::{Exceptions, NO_EFFECT};
use crate::report::names::{AccountNames, ChainNames};
use crate::report::numbers::{counted, hours};
use crate::report::places;
use crate::report::words::{self, uncovered};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{PlaceInDoubt, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Maximum number of resources in one event. Security Hub accepts 32 per finding.
const RESOURCES: usize = 32;
/// Returns the event for the verdict of the run.
pub(super) fn verdict(run: &Collected, summary: &RunSummary) -> EventContent {
    let level = match summary.verdict {
        Verdict::Proven => Level::Pass,
        Verdict::Contradicted => Level::Fail,
        Verdict::NotProven | Verdict::NothingFound => Level::Warning,
    };
    let counts = &summary.counts;
    let scope =
        run.start.as_ref().and_then(|start| places::scope(start, &run.not_performed.entries));
    let scope = scope.map(|scope| format!(" ({})", escape(&scope))).unwrap_or_default();
    let exceptions = Exceptions::of(run);
    let accepted = exceptions.map(|exceptions| format!("; {}", exceptions.result()));
    let words = format!(
        "{}{scope}, exit status {}: {} and {} contradicted or missing, {} unverified; {} of {} of chain \
         time verified in {}{}",
        summary.verdict.words(),
        summary.verdict.exit_status(),
        counted(counts.digests.invalid + counts.backfill.invalid, "digest"),
        counted(counts.logs.invalid, "log file"),
        counts.unverified(),
        hours(summary.coverage.verified),
        hours(summary.coverage.total() - summary.coverage.pending),
        counted(summary.chains, "chain"),
        accepted.unwrap_or_default(),
    );
    let bucket = run.start.as_ref().map_or("", |start| &start.place.delivered_to.bucket);
    let chain = run.chains.first().map(|chain| &chain.chain);
    let uncovered: Map<String, Value> = summary
        .coverage
        .uncovered
        .iter()
        .map(|(why, seconds)| (why.code().to_owned(), (*seconds).into()))
        .collect();
    EventContent {
        level,
        code: summary.verdict.words().replace(' ', "-"),
        title: format!("CloudTrail evidence: {}", summary.verdict.words()),
        words,
        chain: None,
        chain_name: String::new(),
        resources: vec![Resource {
            uid: format!("arn:{}:s3:::{bucket}", partition(chain)),
            kind: "AWS::S3::Bucket",
            name: escape(bucket).into_owned(),
        }],
        evidence: json!({
            "verdict": summary.verdict.words(),
            "exit_status": summary.verdict.exit_status(),
            "coverage_seconds": {
                "verified": summary.coverage.verified,
                "contradicted": summary.coverage.contradicted,
                "unverified": summary.coverage.unverified,
                "pending": summary.coverage.pending,
                "uncovered": uncovered,
            },
            "findings_left_out": run.findings.left_out(),
            "complete_copy_asserted": run.complete_copy(),
            "public_key_sources": run.key_sources.iter().map(|source| escape(source)).collect::<Vec<_>>(),
            "checks_not_performed": run
                .not_performed
                .entries
                .iter()
                .map(|one| json!({ "check": one.check.code(), "why": one.why.code(), "words": words::not_made(one) }))
                .collect::<Vec<_>>(),
            "checks_not_performed_left_out": run.not_performed.left_out(),
            "accepted_exceptions": exceptions.map(|exceptions| json!({
                "file_sha256": exceptions.sha256(),
                "objections": exceptions.judged.objections,
                "accepted": exceptions.judged.accepted,
                "all_accepted": exceptions.judged.all_accepted,
            })),
        }),
    }
}

/// Returns the event for a finding.
pub(super) fn finding(content: &LocatedFinding, names: &ChainNames) -> EventContent {
    let (expected, found) = words::expected_and_found(&content.finding);
    let code = content.finding.code();
    EventContent {
        level: Level::Fail,
        code: code.to_owned(),
        title: format!("{code} in {}", names.name(&content.chain)),
        chain_name: names.name(&content.chain),
        words: format!("expected {expected}; found {found}"),
        chain: Some(content.chain.clone()),
        resources: object(&content.at, Some(&content.chain)).into_iter().collect(),
        evidence: json!({
            "bucket": content.at.bucket,
            "key": content.at.key,
            "expected": expected,
            "found": found,
            "lifecycle_rule_looks_the_same": content.lifecycle,
        }),
    }
}

/// Returns one event for each reason why something is not proven.
pub(super) fn not_proven(run: &Collected) -> Vec<EventContent> {
    let mut content = Vec::new();
    let mut class = |code: &str, count: u64, words: String, resources: Vec<Resource>| {
        content.push(EventContent {
            level: Level::Warning,
            code: code.to_owned(),
            title: format!("Not proven: {code}"),
            words,
            chain: None,
            chain_name: String::new(),
            resources,
            evidence: json!({ "count": count }),
        });
    };
    for (kind, count) in &run.unread_by_kind {
        let of_kind = run.unread.entries.iter().filter(|unread| unread.why.kind == *kind);
        let resources = of_kind.filter_map(|unread| object(&unread.at, unread.chain.as_ref()));
        let words = format!("{} could not be checked", counted(*count, "object"));
        class(kind.code(), *count, words, resources.take(RESOURCES).collect());
    }
    let mut times: BTreeMap<_, (u64, i64)> = BTreeMap::new();
    for gap in run.chains.iter().flat_map(|chain| &chain.segments) {
        if let Coverage::Uncovered(why) = gap.coverage {
            let (count, seconds) = times.entry(why).or_default();
            *count += 1;
            *seconds += gap.seconds();
        }
    }
    for (why, (count, seconds)) in times {
        let stretches = match count {
            1 => "1 stretch".to_owned(),
            count => format!("{count} stretches"),
        };
        let mut words = format!("{} in {stretches}: {}", hours(seconds), uncovered(why));
        if why == Uncovered::Absent {
            let names = run.names();
            let absent = run.gaps.entries.iter();
            let absent =
                absent.filter(|gap| gap.segment.coverage == Coverage::Uncovered(Uncovered::Absent));
            let named: Vec<String> =
                absent.take(RESOURCES).map(|gap| names.name(&gap.chain)).collect();
            words = format!("{words}: {}", named.join("; "));
        }
        class(why.code(), count, words, Vec::new());
    }
    if run.unlisted.total > 0 {
        let words = format!(
            "{} in verified time that no verified digest names",
            counted(run.unlisted.total, "log file")
        );
        let resources = run.unlisted.entries.iter().filter_map(|at| object(at, None));
        class("log-unlisted", run.unlisted.total, words, resources.take(RESOURCES).collect());
    }
    if run.listings_unread.total > 0 {
        let words = format!("{} could not be read", counted(run.listings_unread.total, "listing"));
        let resources = run.listings_unread.entries.iter().map(|(name, _)| folder(name));
        let resources = resources.take(RESOURCES).collect();
        class("listing-unread", run.listings_unread.total, words, resources);
    }
    if run.without_digests.total > 0 {
        let words = format!(
            "{} with log files of the period but without digests",
            counted(run.without_digests.total, "folder")
        );
        let resources = run
            .without_digests
            .entries
            .iter()
            .map(|(name, _)| folder(name))
            .take(RESOURCES)
            .collect();
        class("logs-without-digests", run.without_digests.total, words, resources);
    }
    if run.not_joined.total > 0 {
        let words = format!(
            "{} that do not continue from the previous record",
            counted(run.not_joined.total, "chain")
        );
        let seams = run.not_joined.entries.iter();
        let resources = seams.filter_map(|(chain, at)| object(at, Some(chain)));
        class("not-joined", run.not_joined.total, words, resources.take(RESOURCES).collect());
    }
    for (why, count) in &run.doubts {
        let words = format!("{}: {}", counted(*count, "place"), places::why(*why));
        let doubts = run.places_in_doubt.entries.iter().filter(|doubt| doubt.why == *why);
        class(why.code(), *count, words, doubts.filter_map(place).take(RESOURCES).collect());
    }
    content
}

/// Returns one event for each accepted exception.
pub(super) fn accepted(run: &Collected) -> impl Iterator<Item = EventContent> + '_ {
    Exceptions::of(run).into_iter().flat_map(Exceptions::iter).map(|one| EventContent {
        level: Level::Warning,
        code: "accepted-exception".to_owned(),
        title: format!("Accepted exception {}: {}", one.number, one.exception.code.code()),
        words: format!("{}: {}; {NO_EFFECT}", one.outcome(), one.reason()),
        chain: None,
        chain_name: String::new(),
        resources: vec![Resource {
            uid: format!("{} {}", one.exception.code.code(), one.subject()),
            kind: "accepted-exception",
            name: one.subject(),
        }],
        evidence: json!({
            "code": one.exception.code.code(),
            "standing": one.standing.code(),
            "matches": one.matches,
            "reason": one.exception.reason,
            "approved_by": one.exception.approved_by,
            "until": one.exception.until.to_string(),
        }),
    })
}

fn folder(name: &str) -> Resource {
    Resource { uid: name.to_owned(), kind: "folder", name: escape(name).into_owned() }
}

/// Returns the folder, account, region or trail of a place in doubt.
fn place(doubt: &PlaceInDoubt) -> Option<Resource> {
    if let Some(name) = &doubt.folder {
        return Some(folder(name));
    }
    let (kind, name) = match (&doubt.trail, &doubt.account, &doubt.region) {
        (Some(_), ..) => ("AWS::CloudTrail::Trail", places::place(doubt, &AccountNames::default())),
        (None, Some(_), _) => ("AWS::::Account", places::place(doubt, &AccountNames::default())),
        (None, None, Some(_)) => ("AWS::::Region", places::place(doubt, &AccountNames::default())),
        (None, None, None) => return None,
    };
    Some(Resource { uid: name.clone(), kind, name })
}

/// Returns an object as a resource; `None` for a finding about a chain as a whole.
fn object(at: &ObjectLocation, chain: Option<&ChainId>) -> Option<Resource> {
    (!at.bucket.is_empty()).then(|| Resource {
        uid: format!("arn:{}:s3:::{}/{}", partition(chain), at.bucket, at.key),
        kind: "AWS::S3::Object",
        name: escape(&at.key).into_owned(),
    })
}

/// Returns the AWS partition of a chain's region.
fn partition(chain: Option<&ChainId>) -> &'static str {
    chain.map_or("aws", |chain| chain.source_region.partition())
}
