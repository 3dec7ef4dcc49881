//! What counts as one chain, and what explains its end: the program over a loopback AWS.
mod ends;

use crate::support::program::{Ran, connected, serve};
use serde_json::Value;
use trailproof_testkit::trail::{
    BuiltTrail, Deed, DigestAt, EventSpec, LogPlan, LogSizes, TrailBuilder, TrailSpec,
};

const OWNER: &str = "111122223333";
const MEMBER: &str = "444455556666";
const ORGANIZATION: &str = "o-ab12cd34ef";
const LOCATION: &str = "s3://example-trail-logs";

impl Ran {
    /// Returns for each uncovered stretch its chain, its reason and the names of the events that
    /// explain it.
    fn uncovered(&self) -> Vec<(String, String, Vec<String>)> {
        let mut all = Vec::new();
        for chain in self.of_kind("chain-finished") {
            let explained = |from: &Value| {
                let here = |line: &&Value| line["chain"] == chain["chain"] && line["from"] == *from;
                let lines = self.of_kind("gap-explained");
                let names = lines.iter().filter(here);
                names
                    .map(|line| line["explained_by"]["event_name"].as_str().unwrap().to_owned())
                    .collect()
            };
            for segment in chain["coverage"].as_array().unwrap() {
                let why = segment["coverage"].as_str().unwrap();
                if why != "verified" {
                    let account = chain["chain"]["account"].as_str().unwrap();
                    let region = chain["chain"]["source_region"].as_str().unwrap();
                    let name = format!("{account} {region}");
                    all.push((name, why.to_owned(), explained(&segment["from"])));
                }
            }
        }
        all
    }
}

fn run(trail: &BuiltTrail, hours: (&str, &str), more: &[&str]) -> Ran {
    let time = |hour: &str| format!("2026-03-01T{hour}:10:27Z");
    let arguments =
        ["verify", LOCATION, "--start-time", &time(hours.0), "--end-time", &time(hours.1)];
    let ran = Ran::from(connected(&serve(trail), &arguments).args(more));
    print!("{}", ran.stderr);
    ran
}

fn spec(hours: u32) -> TrailSpec {
    TrailSpec::new()
        .seed(16)
        .time("2026-03-01T00:10:27Z", hours)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .trail("main-trail", "us-east-1")
}

fn arn(account: &str, trail: &str) -> String {
    format!("arn:aws:cloudtrail:us-east-1:{account}:trail/{trail}")
}

fn named(name: &str) -> String {
    serde_json::json!({ "name": name }).to_string()
}

/// A trail that becomes an organization trail, or an account trail again, goes on under a different
/// path.
#[test]
fn a_proven_link_to_a_different_path_joins_the_chain() {
    let to_account = spec(6).organization(ORGANIZATION).path_from(3, None);
    let to_organization = spec(6).path_from(3, Some(ORGANIZATION));
    let there_and_back = spec(6).path_from(2, Some(ORGANIZATION)).path_from(4, None);
    let between = spec(6).organization("o-zz12cd34ef").path_from(3, Some(ORGANIZATION));
    for (spec, now) in [
        (to_account, Value::Null),
        (to_organization, ORGANIZATION.into()),
        (there_and_back, Value::Null),
        (between, ORGANIZATION.into()),
    ] {
        let ran = run(&spec.build(), ("01", "05"), &["--format", "jsonl"]);
        assert_eq!(ran.status, 0, "{}", ran.stdout);
        let chains = ran.of_kind("chain-finished");
        let [chain] = chains.as_slice() else { panic!("{}", ran.stdout) };
        assert_eq!(chain["chain"]["organization"], now);
        assert_eq!(chain["counts"]["digests"]["valid"], 4);
        assert_eq!(chain["counts"]["log_files"]["valid"], 8);
    }
}

#[test]
fn a_trail_that_restarts_under_a_different_path_has_one_gap() {
    let spec = spec(6).organization(ORGANIZATION).unexplained_pause(3, 4, 0).path_from(4, None);
    let ran = run(&spec.build(), ("01", "05"), &["--format", "jsonl"]);
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    assert_eq!(
        ran.uncovered(),
        [(format!("{OWNER} us-east-1"), "gap".to_owned(), Vec::new())],
        "{}",
        ran.stdout
    );
    let [summary] = ran.of_kind("run-finished").try_into().unwrap();
    assert_eq!(summary["chains"], 1);
    assert_eq!(summary["coverage_seconds"]["verified"], 3 * 3600);
    assert_eq!(summary["coverage_seconds"]["uncovered"]["gap"], 3600);
}

/// A digest deleted at the change of path is missed like any other.
#[test]
fn a_digest_deleted_at_a_change_of_path_is_missed() {
    for index in [3, 4] {
        let mut trail = spec(6).organization(ORGANIZATION).path_from(3, None).build();
        trail.apply(Deed::DigestDeleted(DigestAt { chain: 0, index })).unwrap();
        let ran = run(&trail, ("01", "05"), &["--format", "jsonl"]);
        assert_eq!(ran.status, 1, "{}", ran.stdout);
        assert!(ran.stdout.contains("digest-missing"), "{}", ran.stdout);
    }
}

/// Two trails with the same name beside each other are two chains, and each is judged by itself.
#[test]
fn concurrent_trails_with_the_same_name_are_not_joined() {
    let build = || {
        TrailBuilder::new()
            .trail(spec(6).organization(ORGANIZATION))
            .trail(TrailSpec { start: spec(6).start + 700, seed: 17, ..spec(6) })
            .build()
    };
    let ran = run(&build(), ("01", "05"), &["--format", "jsonl"]);
    assert_eq!((ran.status, ran.of_kind("chain-finished").len()), (0, 2), "{}", ran.stdout);
    // The older digests of one trail and the newer digests of the other do not form a complete
    // chain.
    let mut halves = build();
    for index in 3..7 {
        halves.apply(Deed::DigestDeleted(DigestAt { chain: 0, index })).unwrap();
    }
    for index in 0..4 {
        halves.apply(Deed::DigestDeleted(DigestAt { chain: 1, index })).unwrap();
    }
    let ran = run(&halves, ("01", "05"), &["--format", "jsonl"]);
    assert_ne!(ran.status, 0, "{}", ran.stdout);
    assert_eq!(ran.of_kind("chain-finished").len(), 2, "{}", ran.stdout);
}

/// Chains with the same account, region and trail name are shown differently in every format.
#[test]
fn chains_that_look_alike_are_shown_differently() {
    let trail = TrailBuilder::new()
        .trail(spec(6).organization(ORGANIZATION))
        .trail(TrailSpec { start: spec(6).start + 700, seed: 17, ..spec(6) })
        .trail(
            TrailSpec { start: spec(6).start + 1_300, seed: 18, ..spec(6) }
                .regions(&["us-east-1", "eu-west-1"])
                .trail("main-trail", "eu-west-1"),
        )
        .build();
    let names = [
        format!("{OWNER} us-east-1 main-trail (home us-east-1, organization {ORGANIZATION})"),
        format!("{OWNER} us-east-1 main-trail (home us-east-1)"),
        format!("{OWNER} us-east-1 main-trail (home eu-west-1)"),
    ];
    let room = tempfile::tempdir().unwrap();
    let file = |name: &str| room.path().join(name).to_str().unwrap().to_owned();
    let (junit, page) = (file("junit.xml"), file("page.html"));
    let report = format!("html={page}");
    let ran = run(&trail, ("01", "05"), &["--junit", &junit, "--report", &report]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let (junit, page) = (read(&junit), read(&page));
    for name in &names {
        assert!(ran.stdout.contains(name), "{name}: {}", ran.stdout);
        assert_eq!(junit.matches(&format!("<testsuite name=\"{name}\"")).count(), 1, "{junit}");
        assert!(page.contains(name), "{name}");
    }
}

/// Returns an organization in which a member ends after its sixth digest, with the recorded event.
fn member_ends(event: EventSpec) -> BuiltTrail {
    let mut member = spec(12).organization(ORGANIZATION).accounts(&[MEMBER]).stopped(6);
    member.pauses[0].explained = false;
    let owner = spec(12).organization(ORGANIZATION).event(5, event);
    TrailBuilder::new().trail(owner).trail(member).build()
}

/// An event in the management account explains the end of a member's chain. It does not if the
/// operation failed, or if it is about a different account or none.
#[test]
fn an_event_in_the_management_account_explains_a_members_end() {
    let organizations = |name: &str, request: &str| {
        EventSpec::new("organizations.amazonaws.com", name).request(request)
    };
    let of = |account: &str| serde_json::json!({ "accountId": account }).to_string();
    let update = |change: &str| {
        let request = format!("{{\"name\":\"{}\",{change}}}", arn(OWNER, "main-trail"));
        EventSpec::new("cloudtrail.amazonaws.com", "UpdateTrail").request(&request)
    };
    let access = |service: &str| {
        let request = serde_json::json!({ "servicePrincipal": service }).to_string();
        organizations("DisableAWSServiceAccess", &request)
    };
    for (event, explains) in [
        (organizations("CloseAccount", &of(MEMBER)), true),
        (organizations("RemoveAccountFromOrganization", &of(MEMBER)), true),
        (organizations("CloseAccount", &of("777788889999")), false),
        // The owner leaves, not the member.
        (organizations("LeaveOrganization", "null"), false),
        (access("cloudtrail.amazonaws.com"), true),
        (access("config.amazonaws.com"), false),
        (update("\"isOrganizationTrail\":false"), true),
        (update("\"isOrganizationTrail\":true"), false),
        (update("\"isMultiRegionTrail\":false"), false),
        (EventSpec::stop_logging("main-trail"), true),
        (EventSpec::stop_logging(&arn(OWNER, "main-trail")), true),
        (EventSpec::stop_logging(&arn(OWNER, "other-trail")), false),
        (EventSpec::stop_logging(&arn("777788889999", "other-trail")), false),
    ] {
        let name = event.name.clone();
        let words = format!("{name} {}", event.request);
        let ran = run(&member_ends(event), ("01", "12"), &["--format", "jsonl"]);
        assert_eq!(ran.status, 3, "{words}: {}", ran.stdout);
        let expected = if explains { vec![name] } else { Vec::new() };
        assert_eq!(
            ran.uncovered(),
            [(format!("{MEMBER} us-east-1"), "tail".to_owned(), expected)],
            "{words}: {}",
            ran.stdout
        );
    }
}

/// An update that narrows a trail to its home region is recorded there and explains the end of the
/// other regions.
#[test]
fn an_update_in_the_home_region_explains_the_end_in_other_regions() {
    let request =
        format!("{{\"name\":\"{}\",\"isMultiRegionTrail\":false}}", arn(OWNER, "main-trail"));
    let update = EventSpec::new("cloudtrail.amazonaws.com", "UpdateTrail").request(&request);
    let home = spec(12).event(5, update);
    let mut away = spec(12).regions(&["eu-west-1"]).stopped(6);
    away.pauses[0].explained = false;
    let trail = TrailBuilder::new().trail(home).trail(away).build();
    let ran = run(&trail, ("01", "12"), &["--format", "jsonl"]);
    let expected = vec!["UpdateTrail".to_owned()];
    let away = format!("{OWNER} eu-west-1");
    assert_eq!(ran.uncovered(), [(away, "tail".to_owned(), expected)], "{}", ran.stdout);
}

/// A restart is explained by events at both ends, and never by events that only look similar.
#[test]
fn a_gap_is_explained_by_a_stop_before_it_and_a_start_after_it() {
    let policy = |statement: &str| {
        let request = format!(
            "{{\"bucketName\":\"example-trail-logs\",\"Host\":\"h\",\"policy\":\"\",\
             \"bucketPolicy\":{{\"Statement\":[{statement}]}}}}"
        );
        EventSpec::new("s3.amazonaws.com", "PutBucketPolicy").request(&request)
    };
    let allow = "{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"cloudtrail.amazonaws.com\"},\
                 \"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::example-trail-logs/*\"}";
    let deny = "{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\",\
                \"Resource\":\"arn:aws:s3:::example-trail-logs/*\"}";
    let selectors = |management: bool| {
        let request = format!(
            "{{\"trailName\":\"main-trail\",\"eventSelectors\":[{{\"readWriteType\":\"All\",\
             \"includeManagementEvents\":{management}}}]}}"
        );
        EventSpec::new("cloudtrail.amazonaws.com", "PutEventSelectors").request(&request)
    };
    let cloudtrail =
        |name: &str| EventSpec::new("cloudtrail.amazonaws.com", name).request(&named("main-trail"));
    for (hour, event, explains) in [
        (3, policy(&format!("{allow},{deny}")), true),
        (3, policy(allow), false),
        // Digests are delivered whatever a trail records.
        (3, selectors(false), false),
        (3, selectors(true), false),
        (3, cloudtrail("DeleteTrail"), true),
        (3, cloudtrail("UpdateTrail"), false),
        (3, cloudtrail("PutInsightSelectors"), false),
        (3, cloudtrail("StartLogging"), false),
        (3, EventSpec::new("kms.amazonaws.com", "DisableKey").request("{\"keyId\":\"k\"}"), false),
        (8, cloudtrail("CreateTrail").at(spec(12).start + 8 * 3_600), true),
        (8, cloudtrail("StopLogging"), false),
    ] {
        let words = format!("{} {}", event.name, event.request);
        let expected = if explains { vec![event.name.clone()] } else { Vec::new() };
        let trail = spec(12).unexplained_pause(4, 8, 0).event(hour, event).build();
        let ran = run(&trail, ("01", "12"), &["--format", "jsonl"]);
        let gap = (format!("{OWNER} us-east-1"), "gap".to_owned(), expected);
        assert_eq!(ran.uncovered(), [gap], "{words}: {}", ran.stdout);
    }
}
