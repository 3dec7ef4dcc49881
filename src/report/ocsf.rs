//! `--ocsf FILE`: a run as Compliance Findings of the Open Cybersecurity Schema Framework, one JSON
//! object a line, for Security Hub and data lakes.
//!
//! The first event is the run's verdict. One follows for each finding, and one for each reason why
//! something is not proven. Their time is when the run began or, where that is not told, the end of
//! the period.
use super::RunReporter;
use super::collect::{Collected, ToldFinding};
use super::text_lines::{counted, hours, uncovered};
use crate::core::chain_id::ChainId;
use crate::core::coverage::Coverage;
use crate::core::location::{ObjectLocation, escape};
use crate::core::verdict::Verdict;
use crate::event::record::Circumstances;
use crate::event::{RunEvent, RunSummary};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Version of the schema.
const VERSION: &str = "1.6.0";
/// The class Compliance Finding, its activity Create, and both as a type.
const CLASS: u32 = 2003;
const CREATE: u32 = 1;
const TYPE: u32 = CLASS * 100 + CREATE;
/// Resources that one event of many objects names. Security Hub takes 32 with a finding.
const RESOURCES: usize = 32;
/// The observable type of a resource's unique identifier.
const RESOURCE_UID: u32 = 10;

/// See the module's words.
#[derive(Debug)]
pub struct Ocsf<W> {
    out: W,
    collected: Collected,
}

impl<W: Write> Ocsf<W> {
    /// The events onto `out`, once the run is finished.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write + Send> RunReporter for Ocsf<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn circumstances(&mut self, circumstances: &Circumstances) -> io::Result<()> {
        self.collected.circumstances = Some(circumstances.clone());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        // A run that was cut short proves nothing, and there is no event that could say so.
        if let Some(summary) = &self.collected.summary {
            let (run, out) = (&self.collected, &mut self.out);
            write(out, run, verdict(run, summary))?;
            for told in &run.findings.entries {
                write(out, run, finding(told))?;
            }
            for class in not_proven(run) {
                write(out, run, class)?;
            }
        }
        self.out.flush()
    }
}

/// What one event tells beside what is alike in all.
struct Told {
    level: Level,
    code: String,
    title: String,
    words: String,
    chain: Option<ChainId>,
    resources: Vec<Resource>,
    evidence: Value,
}

/// An object of a store or a folder in it.
struct Resource {
    uid: String,
    kind: &'static str,
    name: String,
}

/// How bad it is, in the schema's numbers and captions.
#[derive(Clone, Copy)]
enum Level {
    Pass,
    Warning,
    Fail,
}

impl Level {
    fn severity(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (1, "Informational"),
            Self::Warning => (3, "Medium"),
            Self::Fail => (4, "High"),
        }
    }

    fn status(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (1, "Pass"),
            Self::Warning => (2, "Warning"),
            Self::Fail => (3, "Fail"),
        }
    }
}

fn write(out: &mut impl Write, run: &Collected, told: Told) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Value::Object(event(run, told)))?;
    out.write_all(b"\n")
}

fn event(run: &Collected, told: Told) -> Map<String, Value> {
    let (severity_id, severity) = told.level.severity();
    let (status_id, status) = told.level.status();
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("activity_id", CREATE.into());
    put("activity_name", "Create".into());
    put("category_uid", 2.into());
    put("category_name", "Findings".into());
    put("class_uid", CLASS.into());
    put("class_name", "Compliance Finding".into());
    put("type_uid", TYPE.into());
    put("type_name", "Compliance Finding: Create".into());
    put("severity_id", severity_id.into());
    put("severity", severity.into());
    put("status_id", 1.into());
    put("status", "New".into());
    put("message", told.words.clone().into());
    let start = run.start.as_ref();
    let period = start.map(|start| start.period);
    // When the finding was made: the run's own time where it is told.
    let made = run.circumstances.as_ref().map(|around| around.started.0);
    let time = made.or(period.map(|period| period.end)).map_or(0, |at| at.unix() * 1_000);
    put("time", time.into());
    if let Some(period) = period {
        put("start_time", period.start.unix().saturating_mul(1_000).into());
        put("end_time", period.end.unix().saturating_mul(1_000).into());
    }
    let version = start.map_or(env!("CARGO_PKG_VERSION"), |start| start.tool.version.as_str());
    put(
        "metadata",
        json!({
            "version": VERSION,
            "profiles": ["cloud"],
            "product": {
                "name": "trailproof",
                "uid": "trailproof",
                "vendor_name": "trailproof",
                "version": version,
            },
        }),
    );
    put("cloud", cloud(told.chain.as_ref()));
    put(
        "finding_info",
        json!({
            "uid": uid(run, &told),
            "title": told.title,
            "desc": told.words,
            "types": [told.code],
        }),
    );
    put(
        "compliance",
        json!({
            "control": "CloudTrail log file integrity validation",
            "standards": ["AWS CloudTrail log file integrity"],
            "status_id": status_id,
            "status": status,
            "status_code": told.code,
            "status_detail": told.words,
        }),
    );
    let resources: Vec<Value> = told
        .resources
        .iter()
        .map(|resource| json!({ "uid": resource.uid, "type": resource.kind, "name": resource.name }))
        .collect();
    put("resources", resources.into());
    put("evidences", json!([{ "data": told.evidence }]));
    let observables: Vec<Value> = told
        .resources
        .iter()
        .map(|resource| {
            json!({
                "name": "resources.uid",
                "type_id": RESOURCE_UID,
                "type": "Resource UID",
                "value": resource.uid,
            })
        })
        .collect();
    put("observables", observables.into());
    event
}

fn cloud(chain: Option<&ChainId>) -> Value {
    let mut cloud = Map::new();
    cloud.insert("provider".into(), "AWS".into());
    if let Some(chain) = chain {
        cloud.insert("account".into(), json!({ "uid": chain.account.as_str(), "type_id": 10 }));
        cloud.insert("region".into(), chain.source_region.as_str().into());
        if let Some(organization) = &chain.organization {
            cloud.insert("org".into(), json!({ "uid": organization.as_str() }));
        }
    }
    Value::Object(cloud)
}

/// The same for the same finding of the same run, and no other's.
fn uid(run: &Collected, told: &Told) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    if let Some(start) = &run.start {
        add(&start.bucket);
        add(&start.location);
        add(&start.period.start.to_string());
        add(&start.period.end.to_string());
    }
    add(&told.code);
    add(&told.chain.as_ref().map(ToString::to_string).unwrap_or_default());
    told.resources.iter().for_each(|resource| add(&resource.uid));
    hex::encode(hash.finalize())
}

fn verdict(run: &Collected, summary: &RunSummary) -> Told {
    let level = match summary.verdict {
        Verdict::Proven => Level::Pass,
        Verdict::Contradicted => Level::Fail,
        Verdict::NotProven | Verdict::NothingFound => Level::Warning,
    };
    let counts = &summary.counts;
    let words = format!(
        "{}, exit status {}: {} and {} contradicted or missing, {} unverified; {} of {} of chain \
         time verified in {}",
        summary.verdict.words(),
        summary.verdict.exit_status(),
        counted(counts.digests.invalid + counts.backfill.invalid, "digest"),
        counted(counts.logs.invalid, "log file"),
        counts.unverified(),
        hours(summary.coverage.verified),
        hours(summary.coverage.total()),
        counted(summary.chains, "chain"),
    );
    let bucket = run.start.as_ref().map(|start| start.bucket.as_str()).unwrap_or_default();
    let chain = run.chains.first().map(|chain| &chain.chain);
    let uncovered: Map<String, Value> = summary
        .coverage
        .uncovered
        .iter()
        .map(|(why, seconds)| (why.code().to_owned(), (*seconds).into()))
        .collect();
    Told {
        level,
        code: summary.verdict.words().replace(' ', "-"),
        title: format!("CloudTrail evidence: {}", summary.verdict.words()),
        words,
        chain: None,
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
                "uncovered": uncovered,
            },
            "findings_left_out": run.findings.left_out(),
        }),
    }
}

fn finding(told: &ToldFinding) -> Told {
    let (expected, found) = told.finding.expected_and_found();
    let code = told.finding.code();
    Told {
        level: Level::Fail,
        code: code.to_owned(),
        title: format!("{code} in {}", told.chain),
        words: format!("expected {expected}; found {found}"),
        chain: Some(told.chain.clone()),
        resources: object(&told.at, Some(&told.chain)).into_iter().collect(),
        evidence: json!({
            "bucket": told.at.bucket,
            "key": told.at.key,
            "expected": expected,
            "found": found,
            "lifecycle_rule_looks_the_same": told.lifecycle,
        }),
    }
}

/// One event for each reason why something is not proven.
fn not_proven(run: &Collected) -> Vec<Told> {
    let mut told = Vec::new();
    let mut class = |code: &str, count: u64, words: String, resources: Vec<Resource>| {
        told.push(Told {
            level: Level::Warning,
            code: code.to_owned(),
            title: format!("Not proven: {code}"),
            words,
            chain: None,
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
        let words = format!("{} in {stretches}: {}", hours(seconds), uncovered(why));
        class(why.code(), count, words, Vec::new());
    }
    let folder = |name: &String| Resource {
        uid: name.clone(),
        kind: "folder",
        name: escape(name).into_owned(),
    };
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
            "{} with log files of the period and without any digest",
            counted(run.without_digests.total, "folder")
        );
        let resources = run.without_digests.entries.iter().map(folder).take(RESOURCES).collect();
        class("logs-without-digests", run.without_digests.total, words, resources);
    }
    told
}

/// An object; a finding about a chain as a whole has none.
fn object(at: &ObjectLocation, chain: Option<&ChainId>) -> Option<Resource> {
    (!at.bucket.is_empty()).then(|| Resource {
        uid: format!("arn:{}:s3:::{}/{}", partition(chain), at.bucket, at.key),
        kind: "AWS::S3::Object",
        name: escape(&at.key).into_owned(),
    })
}

/// The partition of AWS that a chain's region belongs to.
fn partition(chain: Option<&ChainId>) -> &'static str {
    let region = chain.map(|chain| chain.source_region.as_str()).unwrap_or_default();
    [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b"), ("us-iso-", "aws-iso")]
        .iter()
        .find(|(start, _)| region.starts_with(start))
        .map_or("aws", |(_, partition)| partition)
}
