//! Targets that read documents: of Terraform, of IAM, of CloudTrail, of BagIt, and of runs in shards.
use super::super::pool::demo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use trailproof::fuzzed;
use trailproof::shard::in_process;
use trailproof_core::control::policy::{Caller, Context, Decision, Policy, Request};
use trailproof_core::record::document::{DocumentKind, check_record, document_from, record_from};
use trailproof_core::trail_event::{
    EventFilter, Place, Recorded, causes, compare, deed, events, without_secrets,
};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;

/// Checks that a text of several lines cannot control a terminal.
fn is_safe(words: &str) {
    assert!(!words.contains(|c: char| c.is_control() && c != '\n'), "{words:?}");
}

/// Checks that a document of Terraform is rejected or judged with words that cannot control a terminal,
/// and that the result is read again.
pub(crate) fn terraform(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    match fuzzed::terraform(text) {
        Err(words) => {
            is_safe(&words);
            false
        }
        Ok((trails, shown, json)) => {
            is_safe(&shown);
            assert!(fuzzed::is_result(std::str::from_utf8(&json).unwrap()));
            trails > 0
        }
    }
}

/// Checks that a statement that denies everything denies, that one that allows everything takes back no
/// denial, and that the decisions agree with each other.
pub(crate) fn policy(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(policy) = Policy::parse(text) else { return false };
    let value: Value = serde_json::from_str(text).unwrap();
    let with = |effect: &str| {
        let mut value = value.clone();
        let mut statements = match value.as_object_mut().unwrap().remove("Statement") {
            Some(Value::Array(list)) => list,
            other => other.into_iter().collect(),
        };
        statements
            .push(json!({ "Effect": effect, "Principal": "*", "Action": "*", "Resource": "*" }));
        value["Statement"] = statements.into();
        // It may have become too long.
        Policy::from_value(&value).ok()
    };
    let (denying, allowing) = (with("Deny"), with("Allow"));
    let user =
        Caller::Principal { arn: "arn:aws:iam::111122223333:user/u", account: "111122223333" };
    let callers = [Caller::Service("cloudtrail.amazonaws.com"), user, Caller::Anyone];
    let asked = [
        ("s3:PutObject", "arn:aws:s3:::b/AWSLogs/111122223333/*"),
        ("s3:*", "arn:aws:s3:::b"),
        ("kms:Decrypt", "*"),
    ];
    let contexts = [
        vec![],
        vec![
            ("aws:securetransport", Context::Is(vec!["false"])),
            ("aws:sourcearn", Context::Absent),
        ],
    ];
    for caller in callers {
        for (action, resource) in asked {
            for context in contexts.clone() {
                let request = Request { caller, action, resource, context };
                let decision = policy.decide(&request);
                if let Some(denying) = &denying {
                    assert_eq!(denying.decide(&request), Decision::Denied);
                }
                if let Some(allowing) = &allowing {
                    let allowed = allowing.decide(&request);
                    match decision {
                        Decision::Denied => assert_eq!(allowed, Decision::Denied),
                        Decision::Undecided => assert_ne!(allowed, Decision::NotAllowed),
                        Decision::Allowed => assert_eq!(allowed, Decision::Allowed),
                        // A statement that may deny does so still.
                        Decision::NotAllowed => assert_ne!(allowed, Decision::Denied),
                    }
                }
                assert_eq!(policy.denies(&request) == Some(true), decision == Decision::Denied);
            }
        }
    }
    !policy.statements().is_empty()
}

/// Checks that every event of a log file is found or counted as not parsed, that what is shown of it is
/// JSON that cannot control a terminal, and that the content is the same as itself.
pub(crate) fn trail_events(data: &[u8]) -> bool {
    let found = EventFilter::default().search(data);
    let Some(listed) = events(data) else {
        assert!(found.is_none());
        return false;
    };
    let found = found.unwrap();
    let unparsed = usize::try_from(found.unparsed).unwrap();
    assert_eq!(found.events.len() + unparsed, listed.len());
    for event in &found.events {
        assert!(!event.json.contains(char::is_control), "{:?}", event.json);
        assert!(serde_json::from_str::<Value>(&event.json).is_ok(), "{:?}", event.json);
        // A text in it may show `[redacted]` once more, so that only the form is the same.
        let (again, _) = without_secrets(event.json.as_bytes()).unwrap();
        assert!(serde_json::from_str::<Value>(&again).is_ok(), "{again:?}");
    }
    if let Some(first) = found.events.first().filter(|event| !event.name.contains(['*', '?'])) {
        let filter = EventFilter { names: vec![first.name.clone()], ..EventFilter::default() };
        let fewer = filter.search(data).unwrap();
        assert!(fewer.events.contains(first) || first.name.is_empty());
        assert!(fewer.events.iter().all(|event| found.events.contains(event)));
    }
    let same = compare(data, data).unwrap();
    assert_eq!((same.added, same.removed, same.changed), (0, 0, 0));
    let chain = ChainId {
        account: "111122223333".parse().unwrap(),
        source_region: "us-east-1".parse().unwrap(),
        trail: "audit".parse().unwrap(),
        home_region: "us-east-1".parse().unwrap(),
        organization: None,
    };
    let log = ObjectLocation::new("b", "log.json.gz");
    let recorded = Recorded { log: &log, chain: &chain, bucket: "b" };
    causes(data, recorded);
    let folder = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/";
    let place = Place { chain: &chain, bucket: "b", folder };
    for event in &found.events {
        for (subject, _) in
            deed(event, recorded, std::iter::once(place)).unwrap_or_default().effects
        {
            subject.excludes(place);
        }
    }
    !found.events.is_empty()
}

/// Checks that a manifest names only files that a package may have, and that writing it and reading it
/// again gives the same.
pub(crate) fn bag_manifest(data: &[u8]) -> bool {
    let Some((first, lines)) = data.split_first() else { return false };
    let payload = first & 1 == 0;
    let read = fuzzed::bag_manifest(lines, payload);
    for (path, _) in &read.files {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(inside && path.is_ascii() && path.starts_with("data/") == payload, "{path:?}");
    }
    read.wrong.iter().for_each(|words| assert!(!words.contains(char::is_control), "{words:?}"));
    let again = fuzzed::bag_manifest(&read.written, payload);
    assert_eq!(again.files, read.files);
    assert!(again.wrong.is_empty() && again.written == read.written);
    !read.files.is_empty()
}

/// Plans of the demo, and the record and the survey of their only shard: their lines, without the last
/// ones, which hold a hash of the others.
pub(crate) struct InShards {
    pub(crate) plan: Vec<u8>,
    pub(crate) record: Vec<u8>,
    /// The plan of the survey.
    pub(crate) first: Vec<u8>,
    pub(crate) survey: Vec<u8>,
    /// Where records are read from.
    folder: PathBuf,
}

impl InShards {
    pub(crate) fn get() -> &'static Self {
        static MADE: OnceLock<InShards> = OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let temporary = option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from);
        let temporary = temporary.unwrap_or_else(std::env::temp_dir);
        let folder = temporary.join(format!("trailproof-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (plan, keys) = (folder.join("plan.jsonl"), demo().join("public-keys.json"));
        let period = ["--start-time", "2026-03-01T20:00:00Z", "--end-time", "2026-03-02T04:00:00Z"];
        let run = |arguments: &[&std::ffi::OsStr]| {
            let arguments = ["trailproof".as_ref()].into_iter().chain(arguments.iter().copied());
            trailproof::cli::main(arguments.map(OsString::from).collect::<Vec<_>>())
        };
        let period = period.map(std::ffi::OsStr::new);
        let quiet = std::ffi::OsStr::new("--quiet");
        let demo = demo();
        let planned = [
            "plan".as_ref(),
            demo.as_os_str(),
            "--public-keys".as_ref(),
            keys.as_os_str(),
            "--output".as_ref(),
            plan.as_os_str(),
            "--shards".as_ref(),
            "1".as_ref(),
            quiet,
        ];
        let made = |more: &[&std::ffi::OsStr], kind: DocumentKind, name: &str| {
            run(&[&planned[..], &period, &["--force".as_ref()], more].concat());
            let work = [
                "work".as_ref(),
                plan.as_os_str(),
                "--shard".as_ref(),
                "0".as_ref(),
                "--to".as_ref(),
                folder.as_os_str(),
                quiet,
            ];
            run(&work);
            let own = lines(kind, &folder.join(name));
            fs::remove_file(folder.join(name)).unwrap();
            (lines(DocumentKind::ShardPlan, &plan), own)
        };
        let (plan, record) = made(&[], DocumentKind::ShardRecord, "shard-000000.jsonl.zst");
        let surveyed = ["--survey-in-shards".as_ref()];
        let (first, survey) = made(&surveyed, DocumentKind::Survey, "survey-000000.jsonl.zst");
        Self { plan, record, first, survey, folder }
    }
}

/// Returns the lines of a document without the last one.
fn lines(kind: DocumentKind, path: &Path) -> Vec<u8> {
    let mut file = document_from(kind, Box::new(fs::File::open(path).unwrap())).unwrap();
    let mut lines = Vec::new();
    while file.next_name().unwrap().is_some() {
        lines.extend_from_slice(file.bytes());
        if !lines.ends_with(b"\n") {
            lines.push(b'\n');
        }
    }
    lines
}

/// Returns the lines with a last one that fits them, so that what is in them is looked at.
fn whole(lines: &[u8]) -> Vec<u8> {
    let mut lines = lines.to_vec();
    if lines.last().is_some_and(|last| *last != b'\n') {
        lines.push(b'\n');
    }
    let number = lines.iter().filter(|byte| **byte == b'\n').count();
    let sha256 = hex::encode(Sha256::digest(&lines));
    let last = json!({ "event": "record-finished", "lines": number, "sha256": sha256 });
    [lines, format!("{last}\n").into_bytes()].concat()
}

/// Checks that a plan that is accepted is written again as one that is accepted, and then as the same
/// bytes.
pub(crate) fn shard_plan(data: &[u8]) -> bool {
    match fuzzed::shard_plan(&whole(data)) {
        Err(words) => {
            is_safe(&words);
            false
        }
        Ok(written) => {
            let again = fuzzed::shard_plan(&written).unwrap();
            assert!(again == written, "the plan changes when it is written again");
            true
        }
    }
}

/// Checks that the survey of a shard is rejected with words that cannot control a terminal, or made a plan
/// that is read and written again as the same bytes.
pub(crate) fn shard_survey(data: &[u8]) -> bool {
    let made = InShards::get();
    let path = made.folder.join("survey-000000.jsonl");
    fs::write(&path, whole(data)).unwrap();
    match in_process::plan_of_surveys(&whole(&made.first), &[path]) {
        Err(words) => {
            is_safe(&words);
            false
        }
        Ok((plan, _)) => {
            let again = fuzzed::shard_plan(&plan).unwrap();
            assert!(again == plan, "the plan changes when it is written again");
            true
        }
    }
}

/// Checks that the record of a shard is rejected with words that cannot control a terminal, or merged to a
/// record that is whole.
pub(crate) fn shard_record(data: &[u8]) -> bool {
    let made = InShards::get();
    let path = made.folder.join("shard-000000.jsonl");
    fs::write(&path, whole(data)).unwrap();
    let mut merged = Vec::new();
    match in_process::merge(&whole(&made.plan), &[path], &mut merged) {
        Err(words) => {
            is_safe(&words);
            false
        }
        Ok(_) => {
            let mut record = record_from(Box::new(std::io::Cursor::new(merged))).unwrap();
            let checked = check_record(&mut record, |_, _| {});
            assert!(checked.is_ok(), "{checked:?}");
            true
        }
    }
}
