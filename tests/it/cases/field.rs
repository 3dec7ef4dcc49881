//! What people have in their buckets and copies, and what they type.
use super::*;
use std::collections::BTreeSet;
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::TrailBuilder;
use trailproof_testkit::world::Trail;

/// The organization, account and region of a location narrow the scope. Whatever they name that
/// does not exist is reported.
#[test]
fn every_part_of_a_location_narrows_the_scope() {
    let trail = of_organization(2).build();
    let period = period(&trail);
    let server = serve(&trail);
    let below = |rest: &str| format!("{LOCATION}/AWSLogs/{rest}");
    let member = format!("{ORGANIZATION}/{MEMBER}");
    for (rest, status, chains, named) in [
        ("".to_owned(), 0, 4, &[][..]),
        (format!("{ORGANIZATION}/"), 0, 4, &[]),
        (format!("{member}/"), 0, 2, &[]),
        (member.clone(), 0, 2, &[]),
        (format!("{member}/CloudTrail/{AWAY}/"), 0, 1, &[]),
        (format!("{member}/CloudTrail-Digest/{AWAY}"), 0, 1, &[]),
        (format!("{ORGANIZATION}/{NOBODY}/"), 4, 0, &[NOBODY]),
        (format!("{NOBODY}/"), 4, 0, &[NOBODY]),
        // The member's folder is inside the organization's folder, so it is not here.
        (format!("{MEMBER}/"), 4, 0, &[MEMBER]),
        ("o-zz12cd34ef/".to_owned(), 4, 0, &["AWSLogs/o-zz12cd34ef/"]),
    ] {
        let location = below(&rest);
        let ran = aws(&server, &[&["verify", &location][..], &slices(&period), &JSONL].concat());
        let context = format!("{location}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.status, status, "{context}");
        assert_eq!(finished(&ran)["chains"], chains, "{context}");
        let doubts = doubts(&ran, "named-not-found");
        assert_eq!(doubts.len(), named.len(), "{context}");
        assert!(named.iter().all(|name| ran.stdout.contains(name)), "{context}");
    }
    // Anything below the region, and any folder that does not belong to CloudTrail, is rejected.
    for rest in
        [format!("{member}/CloudTrail/{AWAY}/2026/03/01/"), format!("{member}/Config/{AWAY}/")]
    {
        let location = below(&rest);
        let ran = aws(&server, &[&["verify", &location][..], &slices(&period)].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{location}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    // What is out of scope is not copied.
    let at = fresh("cases-one-account");
    let (location, path) = (below(&format!("{member}/")), at.to_str().unwrap());
    let ran = aws(&server, &[&["mirror", &location, path][..], &slices(&period), &JSONL].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let files: Vec<String> = tree(&at).keys().map(|at| at.display().to_string()).collect();
    assert!(files.iter().any(|file| file.contains(MEMBER)), "{files:?}");
    assert!(!files.iter().any(|file| file.contains(OWNER)), "{files:?}");
    let digests = trail.digests().filter(|(id, _)| id.account == MEMBER).count();
    let copied = files.iter().filter(|file| file.contains("_CloudTrail-Digest_")).count();
    assert_eq!(copied, digests);
}

/// A member that may list only its own folder, as AWS advises, can verify and mirror it. The run
/// lists nothing above or beside the folder, or does not need that listing.
#[test]
fn permission_to_list_one_account_is_enough_to_verify_it() {
    let trail = of_organization(2).build();
    let period = period(&trail);
    let folder = format!("AWSLogs/{ORGANIZATION}/{MEMBER}/");
    let mut faults = FaultPlan::new();
    let above = ["", "AWSLogs", "AWSLogs/", "AWSLogs/o-"].map(str::to_owned);
    let organization = format!("AWSLogs/{ORGANIZATION}");
    for prefix in above.into_iter().chain([organization.clone(), format!("{organization}/")]) {
        let listing = Matcher::operation(Operation::ListObjectsV2).key(KeyMatcher::Exact(prefix));
        faults.add(listing, Schedule::always(Fault::AccessDenied));
    }
    let others = format!("{organization}/{OWNER}");
    let others = Matcher::operation(Operation::ListObjectsV2).key_prefix(&others);
    faults.add(others, Schedule::always(Fault::AccessDenied));
    let options = ServerOptions { faults, log_requests: true, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh("cases-member");
    let location = format!("{LOCATION}/{folder}");
    let region = format!("{location}CloudTrail/{HOME}/");
    for (arguments, chains) in [
        (vec!["verify", &location], 2),
        (vec!["verify", &region], 1),
        (vec!["verify", "--trail-arn", ARN, "--account", MEMBER], 2),
        (vec!["verify", "--trail-arn", ARN, "--account", MEMBER, "--region", AWAY], 1),
        (vec!["mirror", &location, at.to_str().unwrap()], 2),
    ] {
        server.forget();
        let ran = aws(&server, &[&arguments[..], &slices(&period), &JSONL].concat());
        assert_eq!(ran.status, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(finished(&ran)["chains"], chains, "{arguments:?}");
        // The output reports that siblings were not checked.
        let unmade = ran.of_kind("check-not-performed");
        let siblings = unmade.iter().filter(|event| event["check"] == "expected-places");
        assert_eq!(siblings.count(), 1, "{arguments:?}: {}", ran.stdout);
        let read = server.log().into_iter().filter(|request| request.status == 200);
        let lists = read.filter(|request| request.operation == Operation::ListObjectsV2);
        let elsewhere: BTreeSet<String> =
            lists.map(|request| request.key).filter(|key| !key.starts_with(&folder)).collect();
        assert!(elsewhere.is_empty(), "{arguments:?}: {elsewhere:?}");
    }
}

/// A scope whose siblings could not be checked is not presented as one whose siblings are all
/// there.
#[test]
fn the_headline_reports_that_siblings_were_not_checked() {
    let trail = of_organization(2).build();
    let period = period(&trail);
    let location = format!("{LOCATION}/AWSLogs/{ORGANIZATION}/{MEMBER}/");
    let above = KeyMatcher::Exact(format!("AWSLogs/{ORGANIZATION}/"));
    let above = Matcher::operation(Operation::ListObjectsV2).key(above);
    let denied = FaultPlan::new().with(above, Schedule::always(Fault::AccessDenied));
    let headlines = [FaultPlan::new(), denied].map(|faults| {
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let ran = aws(&server, &[&["verify", &location][..], &slices(&period)].concat());
        assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
        ran.stdout.lines().next().unwrap().to_owned()
    });
    assert!(headlines.iter().all(|line| line.starts_with("PROVEN") && line.contains(MEMBER)));
    assert_ne!(headlines[0], headlines[1]);
}

/// Files that desktops and copiers leave beside every file are not reported as added, in a
/// directory either.
#[test]
fn files_left_by_desktops_and_copiers_do_not_change_the_verdict() {
    let trail = spec(2).build();
    let period = period(&trail);
    let (at, keys) = copy("handled", &trail);
    let clean = in_directory(&at, &keys, &period, &[]);
    assert_eq!(clean.status, 0, "{}", clean.stderr);
    let double = [&[0, 5, 0x16, 7, 0, 2, 0, 0][..], b"Mac OS X"].concat();
    let name = bucket(&trail);
    for key in trail.world.buckets[&name].objects.keys() {
        let (folder, file) = key.rsplit_once('/').unwrap();
        let folder = at.join(&name).join(folder);
        fs::write(folder.join(format!("._{file}")), &double).unwrap();
        for left in [".DS_Store", "Thumbs.db", "desktop.ini"] {
            fs::write(folder.join(left), &double).unwrap();
        }
    }
    let handled = in_directory(&at, &keys, &period, &[]);
    assert_eq!(handled.status, 0, "{}{}", handled.stdout, handled.stderr);
    assert_eq!(handled.of_kind("log-unlisted").len(), 0);
    let aside = &finished(&handled)["set_aside"];
    // Two folders of log files with two log files each.
    assert_eq!(aside["desktop"], 4, "{aside}");
    assert_eq!(aside["hidden-name"], 4 + 2, "{aside}");
    // Whatever a reader takes for data is reported.
    let log = trail.logs().next().unwrap().1;
    fs::write(at.join(&log.bucket).join(format!("{}.json.gz", log.key)), &double).unwrap();
    assert_eq!(in_directory(&at, &keys, &period, &[]).status, 3);
}

/// A trail without log file validation is reported as such, not as an empty place.
#[test]
fn a_trail_without_validation_is_reported_as_such() {
    let mut trail = spec(2).build();
    let period = period(&trail);
    delete(&mut trail, |_| true, 0, false);
    let validates = |trail: &Trail, validates| Trail { validates, ..trail.clone() };
    trail.world.trails = vec![validates(&trail.world.trails[0], false)];
    trail.world.trails[0].status.clear();
    let by_location = online(&trail, LOCATION, &period, &[]);
    assert_eq!((by_location.status, without_digests(&by_location).len()), (3, 2));
    let server = serve(&trail);
    let verify = |more: &[&str]| {
        let all = [&["verify", "--trail-arn", ARN][..], &slices(&period), more].concat();
        aws(&server, &all)
    };
    let ran = verify(&JSONL);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(without_digests(&ran), without_digests(&by_location));
    let text = verify(&[]).stdout;
    assert!(text.contains("validation is off"), "{text}");
    assert!(!text.contains("check the bucket, the prefix, the period and the scope"), "{text}");
}

/// If two trails share folders, the log files of the trail out of scope are not reported as added.
#[test]
fn two_trails_in_shared_folders_are_distinguished_in_every_source() {
    let trail = TrailBuilder::new()
        .trail(spec(2).regions(&[HOME]))
        .trail(spec(2).regions(&[HOME]).seed(43).trail("second-trail", HOME))
        .build();
    let period = period(&trail);
    let second = ARN.replace("main-trail", "second-trail");
    let places = Places::of("beside", &trail, &period);
    for more in [&[][..], &["--trail", "second-trail"], &["--trail", &second]] {
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, ran.of_kind("log-unlisted").len()), (0, 0), "{context}");
            let listed = &ran.of_kind("bucket-listed")[0]["trails_left_out"];
            let left_out = if more.is_empty() { json!([]) } else { json!(["main-trail"]) };
            assert_eq!(*listed, left_out, "{context}");
        }
    }
}

/// Returns the places that the run reports as not searched.
fn not_searched(ran: &Ran) -> Vec<String> {
    let not_made = ran.of_kind("check-not-performed");
    let others = not_made.iter().filter(|event| event["check"] == "other-places");
    others.map(|event| event["detail"].as_str().unwrap().to_owned()).collect()
}

/// A moved trail is followed along its links. The output cannot account for other objects at its
/// former location, and the headline says so.
#[test]
fn the_former_location_of_a_chain_is_named_as_not_searched() {
    let trail = spec(8).relocated(4, "newer-logs", AWAY, Some("p")).build();
    let period = over(trail.whole().from + 3_600, trail.whole().to);
    let ran = online(&trail, "s3://newer-logs", &period, &[]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(not_searched(&ran), ["s3://example-trail-logs"]);
    let server = serve(&trail);
    let text = aws(&server, &[&["verify", "s3://newer-logs"][..], &slices(&period)].concat());
    let headline = text.stdout.lines().next().unwrap();
    assert!(headline.contains("`s3://example-trail-logs` not searched"), "{headline}");
    // If the chain never left the bucket, no place is reported.
    let trail = spec(8).build();
    assert_eq!(not_searched(&online(&trail, LOCATION, &period, &[])), Vec::<String>::new());
    // A different prefix of the same bucket is no more searched than a different bucket.
    let trail = spec(8).relocated(4, "example-trail-logs", HOME, Some("p")).build();
    let ran = online(&trail, "s3://example-trail-logs/p", &period, &[]);
    assert_eq!((ran.status, not_searched(&ran)), (0, vec![LOCATION.to_owned()]));
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!((ran.status, not_searched(&ran)), (0, vec![]));
    // So is the path that the trail had before it became its organization's.
    let trail = spec(8).path_from(4, Some(ORGANIZATION)).build();
    let ran = online(&trail, &format!("{LOCATION}/AWSLogs/{ORGANIZATION}/"), &period, &[]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(not_searched(&ran), [format!("{LOCATION}/AWSLogs/")]);
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!((ran.status, not_searched(&ran)), (0, vec![]));
}

/// A copy of two buckets: the named one is verified, and links into the other are followed. The folder
/// of the other was not searched and forbids "proven", because only unproven digests say whose it is.
#[test]
fn the_second_bucket_of_a_copy_is_never_silently_left_out() {
    let trail = spec(8).relocated(4, "newer-logs", AWAY, None).build();
    let period = over(trail.whole().from + 3_600, trail.whole().to);
    let (at, keys) = copy("two-buckets", &trail);
    let named = in_directory(&at, &keys, &period, &["--bucket", "newer-logs"]);
    assert_eq!(named.status, 3, "{}{}", named.stdout, named.stderr);
    assert_eq!(not_searched(&named), ["s3://example-trail-logs"]);
    assert_eq!(doubts(&named, "not-looked-at").len(), 1, "{}", named.stdout);
    let covered = |ran: &Ran| finished(ran)["coverage_seconds"]["verified"].clone();
    let whole = trail.whole();
    assert_eq!(covered(&named), 2 * (whole.to - whole.from - 3_600), "{}", finished(&named));
    assert_eq!(in_directory(&at, &keys, &period, &[]).status, 3);
    // The assertion that the copy is complete applies to the bucket that is verified.
    fs::remove_dir_all(at.join("example-trail-logs")).unwrap();
    let ran = in_directory(&at, &keys, &period, &["--bucket", "newer-logs", "--complete-copy"]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.of_kind("digest-judged").iter().all(|event| event["outcome"] != "invalid"));
}
