//! Evidence at unusual places below `AWSLogs`, and answers that a store gives only once.
use super::*;
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};

/// A region at a place that discovery does not reach, and log files beside the account folders.
#[test]
fn no_cloudtrail_object_is_hidden_at_an_unusual_place() {
    let clean = spec(2).build();
    let period = period(&clean);
    let away = |key: &str| key.contains(&format!("/{AWAY}/"));
    let account = format!("AWSLogs/{OWNER}/");
    for odd in [
        format!("AWSLogs//{OWNER}/"),
        format!("AWSLogs/{OWNER}//"),
        "AWSLogs/".to_owned(),
        "AWSLogs/12345/".to_owned(),
        format!("AWSLogs/{OWNER}/Config/"),
        format!("AWSLogs/{OWNER}/Config/x/"),
    ] {
        let mut trail = clean.clone();
        let bucket = trail.world.buckets.get_mut(&bucket(&clean)).unwrap();
        for key in bucket.objects.keys().filter(|key| away(key)).cloned().collect::<Vec<_>>() {
            let object = bucket.objects.remove(&key).unwrap();
            bucket.objects.insert(key.replacen(&account, &odd, 1), object);
        }
        let ran = online(&trail, LOCATION, &period, &[]);
        assert_eq!(ran.status, 3, "{odd}: {}{}", ran.stdout, ran.stderr);
        assert!(!doubts(&ran, "not-looked-at").is_empty(), "{odd}: {}", ran.stdout);
    }
    let log = clean.chains[0].digests[1].logs[0].key.clone();
    let name = log.rsplit('/').next().unwrap();
    for odd in ["AWSLogs/".to_owned(), account.clone()] {
        let mut trail = clean.clone();
        let bucket = trail.world.buckets.get_mut(&bucket(&clean)).unwrap();
        let object = bucket.objects[&log].last().unwrap().clone();
        bucket.put(&format!("{odd}{}", name.replace("_202", "_x202")), object);
        let ran = online(&trail, LOCATION, &period, &[]);
        assert_eq!(
            (ran.status, ran.of_kind("log-unlisted").len()),
            (3, 1),
            "{odd}: {}",
            ran.stdout
        );
    }
}

/// The home region, which every digest of another region names.
#[test]
fn a_missing_home_region_is_reported() {
    let mut trail = spec(2).build();
    let period = period(&trail);
    for bucket in trail.world.buckets.values_mut() {
        bucket.objects.retain(|key, _| !key.contains(&format!("/{HOME}/")));
    }
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(absent(&ran), [format!("{OWNER} {HOME}")]);
}

/// An expectation outside of the scope is rejected instead of silently ignored.
#[test]
fn an_expectation_outside_of_the_scope_is_rejected() {
    let trail = spec(2).build();
    let period = period(&trail);
    for more in [
        ["--account", OWNER, "--expect-accounts", MEMBER],
        ["--region", HOME, "--expect-regions", AWAY],
    ] {
        let ran = online(&trail, LOCATION, &period, &more);
        assert_eq!(ran.status, 2, "{more:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(more[3]), "{}", ran.stderr);
    }
}

/// Before an object is reported as missing, it is requested a second time.
#[test]
fn an_object_that_is_absent_only_once_is_not_a_finding() {
    let trail = spec(2).build();
    let period = period(&trail);
    let digest = &trail.chains[0].digests[1];
    for key in [digest.key.clone(), digest.logs[0].key.clone()] {
        let matcher = Matcher::operation(Operation::GetObject).key(KeyMatcher::Exact(key.clone()));
        let faults = FaultPlan::new().with(matcher, Schedule::first(1, Fault::NoSuchKey));
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let ran = aws(&server, &[&["verify", LOCATION][..], &slices(&period), &JSONL].concat());
        assert_eq!(ran.status, 0, "{key}: {}{}", ran.stdout, ran.stderr);
    }
}

/// Directly in `AWSLogs`, above the organization's folder, and directly in that folder.
#[test]
fn a_log_file_beside_the_accounts_of_an_organization_is_unlisted() {
    let clean = of_organization(2).build();
    let period = period(&clean);
    let log = clean.chains[0].digests[1].logs[0].key.clone();
    let name = log.rsplit('/').next().unwrap();
    for above in ["AWSLogs/".to_owned(), format!("AWSLogs/{ORGANIZATION}/")] {
        let mut trail = clean.clone();
        let bucket = trail.world.buckets.get_mut(&bucket(&clean)).unwrap();
        let object = bucket.objects[&log].last().unwrap().clone();
        bucket.put(&format!("{above}{name}"), object);
        let ran = online(&trail, LOCATION, &period, &[]);
        let unlisted = ran.of_kind("log-unlisted").len();
        assert_eq!((ran.status, unlisted), (3, 1), "{above}: {}", ran.stdout);
    }
}

/// Folders of dates that do not exist.
#[test]
fn a_log_file_in_the_folder_of_an_impossible_date_is_unlisted() {
    let clean = spec(2).build();
    let period = period(&clean);
    let log = clean.chains[0].digests[1].logs[0].key.clone();
    let (name, region) = (log.rsplit('/').next().unwrap(), clean.chains[0].id.region.clone());
    for day in ["0000/00/00", "9999/12/31", "2012/01/01"] {
        let mut trail = clean.clone();
        let bucket = trail.world.buckets.get_mut(&bucket(&clean)).unwrap();
        let object = bucket.objects[&log].last().unwrap().clone();
        let body = trailproof_testkit::trail::gzip::member(b"{\"Records\":[]}").into();
        let added = trailproof_testkit::world::Version { body, ..object };
        bucket.put(&format!("AWSLogs/{OWNER}/CloudTrail/{region}/{day}/{name}"), added);
        let ran = online(&trail, LOCATION, &period, &[]);
        assert_eq!(
            (ran.status, ran.of_kind("log-unlisted").len()),
            (3, 1),
            "{day}: {}",
            ran.stdout
        );
    }
}

/// An invalid statement is printed so that it does not control a terminal.
#[test]
fn an_invalid_statement_is_escaped() {
    let trail = spec(2).build();
    let ran = online(&trail, LOCATION, &period(&trail), &["--known-end", "a\u{9b}X\u{202e}Y=1"]);
    assert_eq!(ran.status, 2, "{}", ran.stdout);
    assert!(!ran.stderr.contains(['\u{9b}', '\u{202e}']), "{}", ran.stderr);
    assert!(ran.stderr.contains("--known-end"), "{}", ran.stderr);
}
