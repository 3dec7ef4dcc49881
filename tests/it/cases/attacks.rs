//! Cases in which a person with access to the bucket deletes or plants objects, or narrows the
//! scope.
use super::*;
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{Deed, DigestAt, LogAt, TrailBuilder};

/// Log files whose digests are all gone are in doubt, whatever is in their digest folder. Covers a
/// region of a trail that goes on elsewhere, an account of an organization, and an account whose
/// only trail is gone.
#[test]
fn log_files_without_digests_are_in_doubt_whatever_the_digest_folder_holds() {
    let folder = |root: &str, account: &str, region: &str| {
        format!("AWSLogs/{root}{account}/CloudTrail-Digest/{region}/")
    };
    type Gone = fn(&ChainId) -> bool;
    let region: Gone = |id| id.region == AWAY;
    let account: Gone = |id| id.account == MEMBER;
    let two = TrailBuilder::new().trail(spec(3)).trail(second(3)).build();
    let root = format!("{ORGANIZATION}/");
    let member = [format!("{MEMBER} {AWAY}"), format!("{MEMBER} {HOME}")];
    let logs = format!("AWSLogs/{MEMBER}/CloudTrail/{HOME}/");
    let digests = folder("", MEMBER, HOME);
    for (name, clean, gone, junk, missing, alone) in [
        (
            "a-region",
            spec(3).build(),
            region,
            folder("", OWNER, AWAY),
            &[format!("{OWNER} {AWAY}")][..],
            None,
        ),
        (
            "a-member",
            of_organization(3).build(),
            account,
            folder(&root, MEMBER, AWAY),
            &member[..],
            None,
        ),
        ("an-account", two, account, digests, &[][..], Some(logs)),
    ] {
        let period = period(&clean);
        assert_eq!(online(&clean, LOCATION, &period, &[]).status, 0, "{name}");
        let mut trail = clean;
        delete(&mut trail, gone, 0, false);
        let bare = ("bare", online(&trail, LOCATION, &period, &[]));
        for object in ["x", "2026/03/01/x.json.gz"] {
            plant(&mut trail, &format!("{junk}{object}"));
        }
        for (place, ran) in everywhere(name, &trail, &period).into_iter().chain([bare]) {
            let context = format!("{name} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 3, "{context}");
            assert_eq!(absent(&ran), missing, "{context}");
            assert_eq!(without_digests(&ran), Vec::from_iter(alone.clone()), "{context}");
        }
    }
    // Also by ARN, and in a bucket that contains nothing else.
    let mut trail = spec(3).build();
    trail.world.trails[0].status.clear();
    delete(&mut trail, region, 0, false);
    plant(&mut trail, &format!("{}x", folder("", OWNER, AWAY)));
    let ran = online(&trail, LOCATION, &period(&trail), &["--trail-arn", ARN]);
    assert_eq!((ran.status, absent(&ran)), (3, vec![format!("{OWNER} {AWAY}")]), "{}", ran.stdout);
    delete(&mut trail, |id| id.region == HOME, 0, false);
    plant(&mut trail, &format!("{}x", folder("", OWNER, HOME)));
    let ran = online(&trail, LOCATION, &period(&trail), &[]);
    assert_eq!((ran.status, without_digests(&ran).len()), (3, 2), "{}", ran.stdout);
}

/// A digest folder that holds objects but no digest does not show what was there.
#[test]
fn a_digest_folder_without_a_digest_is_unreadable() {
    let mut trail = TrailBuilder::new().trail(spec(3)).trail(second(3)).build();
    let period = period(&trail);
    delete(&mut trail, |id| id.account == MEMBER, 0, true);
    let folder = format!("AWSLogs/{MEMBER}/CloudTrail-Digest/{HOME}/");
    // The marker of a folder does not count as an object.
    let mut marked = trail.clone();
    plant(&mut marked, &folder);
    assert_eq!(online(&marked, LOCATION, &period, &[]).status, 0);
    plant(&mut trail, &format!("{folder}2026/03/01/x.json.gz"));
    for (place, ran) in everywhere("unreadable", &trail, &period) {
        assert_eq!(ran.status, 3, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(doubts(&ran, "digests-unreadable"), [folder.as_str()], "{place}");
    }
}

/// Digests that end before the period do not account for log files in it.
#[test]
fn a_chain_whose_log_files_go_on_has_not_ended() {
    let clean = TrailBuilder::new().trail(spec(8)).trail(second(8)).build();
    let whole = clean.whole();
    let period = over(whole.from + 4 * 3_600, whole.to);
    let mut trail = clean.clone();
    delete(&mut trail, |id| id.account == MEMBER, whole.from + 2 * 3_600, false);
    for (place, ran) in everywhere("goes-on", &trail, &period) {
        assert_eq!(ran.status, 3, "{place}: {}{}", ran.stdout, ran.stderr);
        let logs = format!("AWSLogs/{MEMBER}/CloudTrail/{HOME}/");
        assert_eq!(without_digests(&ran), [logs], "{place}: {}", ran.stdout);
    }
    // If only that trail is named, the result is not `nothing found`.
    let mut trail = spec(8).build();
    delete(&mut trail, |_| true, whole.from + 2 * 3_600, false);
    for (place, ran) in everywhere("goes-on-alone", &trail, &period) {
        assert_eq!(ran.status, 3, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(without_digests(&ran).len(), 2, "{place}: {}", ran.stdout);
    }
}

/// Pages of other keys around the last digests of a chain do not hide that the chain existed.
#[test]
fn other_keys_do_not_hide_a_digest_before_the_period() {
    let clean = spec(30).build();
    let whole = clean.whole();
    let period = over(whole.from + 25 * 3_600, whole.to);
    let mut trail = clean.clone();
    delete(&mut trail, |id| id.region == AWAY, whole.from + 6 * 3_600, true);
    for day in ["2000/01/01", "2026/02/27", "2026/03/01", "2026/03/02"] {
        for number in 0..12 {
            let folder = format!("AWSLogs/{OWNER}/CloudTrail-Digest/{AWAY}/{day}");
            plant(&mut trail, &format!("{folder}/{number:02}"));
            plant(&mut trail, &format!("{folder}/zz{number:02}"));
        }
    }
    let options = ServerOptions { list_page_size: 5, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let ran = aws(&server, &[&["verify", LOCATION][..], &slices(&period), &JSONL].concat());
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert_eq!(absent(&ran), [format!("{OWNER} {AWAY}")], "{}", ran.stdout);
    for (place, ran) in everywhere("hidden", &trail, &period) {
        assert_eq!((ran.status, absent(&ran).len()), (3, 1), "{place}: {}", ran.stdout);
    }
}

/// A file in a place without digests may have been delivered, so `lookup` does not deny it.
#[test]
fn lookup_does_not_deny_a_file_from_a_place_without_digests() {
    type Gone = fn(&ChainId) -> bool;
    let region: Gone = |id| id.region == AWAY;
    let account: Gone = |id| id.account == MEMBER;
    let two = TrailBuilder::new().trail(spec(3)).trail(second(3)).build();
    for (clean, gone) in [(spec(3).build(), region), (two, account)] {
        let log = clean.logs().find(|(id, _)| gone(id)).unwrap().1.clone();
        let file = fresh("cases-file");
        fs::write(&file, &clean.current(&log.bucket, &log.key).unwrap().body).unwrap();
        let period = period(&clean);
        let look = |trail: &BuiltTrail| {
            let server = serve(trail);
            let arguments = ["lookup", file.to_str().unwrap(), "--in", LOCATION];
            aws(&server, &[&arguments[..], &slices(&period)].concat())
        };
        assert_eq!(look(&clean).status, 0);
        for junk in [false, true] {
            let mut trail = clean.clone();
            delete(&mut trail, gone, 0, false);
            if junk {
                let digests = log.key.replace("/CloudTrail/", "/CloudTrail-Digest/");
                plant(&mut trail, &digests);
            }
            let ran = look(&trail);
            assert_eq!(ran.status, 3, "{}: {}{}", log.key, ran.stdout, ran.stderr);
            assert!(ran.stdout.contains("not searched: "), "{}", ran.stdout);
        }
    }
}

/// A narrower scope never improves the verdict: if the whole run misses a chain, every scope that
/// contains the chain misses it too.
#[test]
fn a_narrower_scope_hides_nothing_that_the_whole_run_misses() {
    let mut trail = of_organization(3).build();
    let period = period(&trail);
    delete(&mut trail, |id| id.account == MEMBER && id.region == AWAY, 0, true);
    let missing = [format!("{MEMBER} {AWAY}")];
    let server = serve(&trail);
    let below = |rest: &str| format!("{LOCATION}/AWSLogs/{ORGANIZATION}/{rest}");
    let verify = |location: &str, more: &[&str]| {
        aws(&server, &[&["verify", location][..], &slices(&period), &JSONL, more].concat())
    };
    for (location, more) in [
        (LOCATION.to_owned(), &[][..]),
        (LOCATION.to_owned(), &["--trail-arn", ARN, "--region", AWAY]),
        (LOCATION.to_owned(), &["--trail", "main-trail", "--account", MEMBER]),
        (below(""), &[]),
        (below(&format!("{MEMBER}/")), &[]),
        (below(&format!("{MEMBER}/CloudTrail/{AWAY}/")), &[]),
    ] {
        let ran = verify(&location, more);
        assert_eq!(ran.status, 3, "{location} {more:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(absent(&ran), missing, "{location} {more:?}: {}", ran.stdout);
    }
    let places = Places::of("narrower", &trail, &period);
    for more in [
        &["--account", MEMBER][..],
        &["--region", AWAY],
        &["--account", MEMBER, "--region", AWAY],
        &["--account", MEMBER, "--account", OWNER, "--region", AWAY],
    ] {
        for (place, ran) in places.verify(more) {
            assert_eq!(ran.status, 3, "{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(absent(&ran), missing, "{place} {more:?}: {}", ran.stdout);
        }
    }
    // Whatever is in scope and intact stays proven.
    for more in [&["--account", OWNER][..], &["--region", HOME]] {
        assert_eq!(verify(LOCATION, more).status, 0, "{more:?}");
    }
}

/// A bucket with its own trail and the replica of a different bucket's trail: each is judged as
/// what it is.
#[test]
fn an_archive_of_two_buckets_yields_no_finding() {
    let other = second(3).bucket("other-bucket", HOME);
    let mut trail = TrailBuilder::new().trail(spec(3)).trail(other).build();
    let period = period(&trail);
    for (key, versions) in trail.world.buckets.remove("other-bucket").unwrap().objects {
        trail.put("example-trail-logs", &key, versions.last().unwrap().clone());
    }
    let known = ["--account", MEMBER, "--bucket", "other-bucket"];
    let places = Places::of("archive", &trail, &period);
    for (more, status, copied) in [
        (&[][..], 3, true),
        (&["--account", OWNER], 0, false),
        (&["--account", MEMBER], 3, true),
        (&known, 0, false),
    ] {
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, ran.findings()), (status, Default::default()), "{context}");
            assert_eq!(ran.stdout.contains("\"digest-copied\""), copied, "{context}");
        }
    }
    let server = serve(&trail);
    let text = aws(&server, &[&["verify", LOCATION][..], &slices(&period)].concat()).stdout;
    let hint = format!("`--bucket other-bucket --account {MEMBER}`");
    assert!(text.contains(&hint), "{text}");
}

/// Anyone who can write to the evidence can plant objects that cannot be parsed or read. The rest
/// is still verified, and tampering is found.
#[test]
fn planted_objects_do_not_stop_a_run() {
    let mut trail = spec(3).build();
    let period = period(&trail);
    let tampered = LogAt { digest: DigestAt { chain: 0, index: 2 }, log: 0 };
    trail.apply(Deed::LogContentChanged(tampered)).unwrap();
    let key = trail.logs().find(|(_, log)| trail.chains[0].digests[2].logs[0].key == log.key);
    let expected = [(key.unwrap().1.key.clone(), "log-hash-mismatch".to_owned())].into();
    let digest = trail.chains[1].digests[1].clone();
    let genuine = trail.current(&digest.bucket, &digest.key).unwrap().clone();
    // A copy of a digest elsewhere, and a digest that names a different bucket.
    let other = second(3).bucket("another-bucket", HOME).build();
    let foreign = other.chains[0].digests[1].clone();
    let forged = other.current(&foreign.bucket, &foreign.key).unwrap().clone();
    for (at, version) in [
        (format!("zz/{}", digest.key), genuine),
        (foreign.key.clone(), forged.clone()),
        (format!("0/{}", foreign.key), forged),
    ] {
        let mut trail = trail.clone();
        let name = bucket(&trail);
        trail.put(&name, &at, version);
        for (place, ran) in everywhere("planted", &trail, &period) {
            let mut found = ran.findings();
            found.retain(|key, _| *key != at);
            let context = format!("{at} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, &found), (1, &expected), "{context}");
        }
    }
    // A folder beside `AWSLogs` that must not be listed.
    plant(&mut trail, "private/x");
    let denied = Matcher::operation(Operation::ListObjectsV2).key_prefix("private/");
    let access =
        AccessRules { denied_list_prefixes: vec!["private/".to_owned()], ..AccessRules::default() };
    for options in [
        ServerOptions { access, ..ServerOptions::default() },
        ServerOptions {
            faults: FaultPlan::new().with(denied, Schedule::always(Fault::InternalError)),
            ..ServerOptions::default()
        },
    ] {
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let mut command =
            command(&server, &[&["verify", LOCATION][..], &slices(&period), &JSONL].concat());
        let ran = Ran::of(command.env("AWS_MAX_ATTEMPTS", "1").output().unwrap());
        assert_eq!((ran.status, ran.findings()), (1, expected.clone()), "{}", ran.stderr);
        let unread = ran.of_kind("listing-unread");
        assert_eq!(unread.len(), 1, "{}", ran.stdout);
        assert_eq!(unread[0]["folder"], "private/");
    }
}

/// A lifecycle rule expires log files a day before the digest that names them. The output mentions
/// this and what to do, and a period that begins a day later is proven.
#[test]
fn the_output_mentions_that_a_lifecycle_rule_looks_the_same() {
    let clean = spec(8).time("2026-03-01T20:04:11Z", 8).regions(&[HOME]).build();
    let midnight =
        trailproof_core::vocab::time::Timestamp::parse("2026-03-02T00:00:00Z").unwrap().unix();
    let mut trail = clean.clone();
    delete(&mut trail, |_| true, 0, true);
    let later = clean.digests().filter(|(_, digest)| digest.end > midnight);
    let later = later.map(|(_, digest)| (digest.bucket.clone(), digest.key.clone()));
    let logs = clean.logs().filter(|(_, log)| log.key.contains("/2026/03/02/"));
    let logs = logs.map(|(_, log)| (log.bucket.clone(), log.key.clone()));
    for (bucket, key) in later.chain(logs) {
        trail.put(&bucket, &key, clean.current(&bucket, &key).unwrap().clone());
    }
    let server = serve(&trail);
    let whole = period(&clean);
    let ran = verify_bucket(&server, &clean);
    let looks = ran.of_kind("log-judged").into_iter().filter(|log| log["outcome"] == "invalid");
    let looks: Vec<Value> = looks.map(|log| log["notices"].clone()).collect();
    assert_eq!(
        (ran.status, looks),
        (1, vec![json!(["lifecycle-looks-the-same"])]),
        "{}",
        ran.stdout
    );
    let text = aws(&server, &[&["verify", LOCATION][..], &slices(&whole)].concat()).stdout;
    assert!(text.contains("begin the period a day later"), "{text}");
    let later = over(midnight + 251, clean.whole().to);
    assert_eq!(online(&trail, LOCATION, &later, &[]).status, 0);
}

/// A log file is found in every folder below `AWSLogs` that a reader of all of it would read, and
/// not only where CloudTrail delivers.
#[test]
fn log_files_in_folders_beside_the_places_are_unlisted() {
    let clean = of_organization(3).build();
    let period = period(&clean);
    let name = format!("{OWNER}_CloudTrail_{HOME}_20260301T0120Z_Abcdefghijklmnop.json.gz");
    let days = format!("{HOME}/2026/03/01/{name}");
    let (root, other) = (format!("AWSLogs/{ORGANIZATION}"), "o-zz99yy88xx");
    let beside = [
        format!("AWSLogs/{other}/{name}"),
        format!("AWSLogs/{other}/{ORGANIZATION}/{OWNER}/CloudTrail/{days}"),
        format!("{root}/{other}/{OWNER}/CloudTrail/{days}"),
        format!("{root}/{other}/{name}"),
        format!("{root}/{OWNER}/{days}"),
        format!("{root}/{OWNER}/Backup/{days}"),
        format!("{root}/{NOBODY}/{days}"),
        format!("{root}/{NOBODY}/{name}"),
        format!("AWSLogs/backup/{name}"),
    ];
    for key in &beside {
        let mut trail = clean.clone();
        plant(&mut trail, key);
        let ran = online(&trail, LOCATION, &period, &[]);
        assert_eq!(ran.status, 3, "{key}: {}{}", ran.stdout, ran.stderr);
        let found = ran.of_kind("log-unlisted");
        assert_eq!(found.len(), 1, "{key}: {}", ran.stdout);
        assert_eq!(found[0]["key"], key.as_str());
    }
    // In a mirror and in a directory, all of them.
    let mut trail = clean.clone();
    beside.iter().for_each(|key| plant(&mut trail, key));
    for (place, ran) in everywhere("beside", &trail, &period) {
        assert_eq!(ran.status, 3, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.of_kind("log-unlisted").len(), beside.len(), "{place}: {}", ran.stdout);
    }
    // Files of other services are theirs.
    let mut trail = clean;
    for key in ["Config/us-east-1/x.json.gz", "vpcflowlogs/x.log.gz", "Backup/x.json.gz"] {
        plant(&mut trail, &format!("{root}/{OWNER}/{key}"));
    }
    for (place, ran) in everywhere("services", &trail, &period) {
        assert_eq!(ran.status, 0, "{place}: {}{}", ran.stdout, ran.stderr);
    }
}

/// What a mirror was not asked to copy it did not look at, even if it holds digests of that time.
#[test]
fn a_mirror_is_not_proven_for_more_than_it_was_made_for() {
    let trail = of_organization(8).build();
    let whole = trail.whole();
    let narrow = over(whole.from + 2 * 3_600, whole.to - 3 * 3_600);
    let wide = over(whole.from + 2 * 3_600, whole.to - 2 * 3_600);
    let places = Places::of("wider", &trail, &narrow);
    let status = |period: &[String], more: &[&str]| {
        let ran = in_directory(&places.mirror, &places.keys, period, more);
        let unread = ran.of_kind("listing-unread");
        (ran.status, unread.iter().filter(|event| event["folder"] == "AWSLogs/").count())
    };
    assert_eq!(status(&narrow, &[]), (0, 0));
    assert_eq!(status(&wide, &[]), (3, 1));
    // A further run makes up for it.
    let (location, path) = (places.location.as_str(), places.mirror.to_str().unwrap());
    let further = over(whole.to - 4 * 3_600, whole.to - 2 * 3_600);
    let account = ["--account", OWNER];
    let mirror = |more: &[&str]| {
        let command = ["mirror", location, path, "--quiet"];
        aws(&places.server, &[&command[..], &slices(&further), more].concat());
    };
    mirror(&account);
    assert_eq!(status(&wide, &[]), (3, 1), "one account is not all");
    assert_eq!(status(&wide, &account), (0, 0));
    mirror(&[]);
    assert_eq!(status(&wide, &[]), (0, 0));
}

/// An account without objects of the period, and a region whose trail ended before it, are searched
/// at all levels too: an old log file or digest hides nothing beside it.
#[test]
fn strays_beside_places_without_verified_time_are_unlisted() {
    let file = |account: &str, region: &str, day: &str| {
        format!("{account}_CloudTrail_{region}_{day}T0120Z_Abcdefghijklmnop.json.gz")
    };
    let logs = format!("AWSLogs/{MEMBER}/CloudTrail/{HOME}");
    let (old, new) = (file(MEMBER, HOME, "20250101"), file(MEMBER, HOME, "20260301"));
    let decoy = format!("{logs}/2025/01/01/{old}");
    let clean = spec(3).build();
    let period = period(&clean);
    let mut trail = clean.clone();
    plant(&mut trail, &decoy);
    assert_eq!(online(&trail, LOCATION, &period, &[]).status, 0);
    for stray in [
        format!("AWSLogs/{MEMBER}/other/{new}"),
        format!("AWSLogs/{MEMBER}/CloudTrail/EU-WEST-1/2026/03/01/{new}"),
        format!("AWSLogs/{MEMBER}/CloudTrail/{new}"),
        format!("{logs}/2026/03/01x/{new}"),
        format!("{logs}/extra/{new}"),
    ] {
        let mut trail = trail.clone();
        plant(&mut trail, &stray);
        for (place, ran) in everywhere("decoy", &trail, &period) {
            assert_eq!(ran.status, 3, "{stray} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.of_kind("log-unlisted").len(), 1, "{stray} {place}: {}", ran.stdout);
        }
    }
    // A region of a trail that ended.
    let ended = TrailBuilder::new().trail(spec(20)).trail(second(20).stopped(4)).build();
    let first = ended.chains[0].digests[0].end;
    let period = over(first + 12 * 3_600, first + 19 * 3_600);
    assert_eq!(online(&ended, LOCATION, &period, &[]).status, 0);
    let new = file(MEMBER, HOME, "20260301").replace("T0120Z", "T1520Z");
    for stray in ["", "2026/", "2026/03/01x/", "extra/2026/", "2026/3/1/"] {
        let mut trail = ended.clone();
        plant(&mut trail, &format!("{logs}/{stray}{new}"));
        let ran = online(&trail, LOCATION, &period, &[]);
        assert_eq!(ran.status, 3, "{stray}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.of_kind("log-unlisted").len(), 1, "{stray}: {}", ran.stdout);
    }
}

/// A mirror in place of the bucket looked at no more than a mirror that is verified itself.
#[test]
fn a_mirror_that_replaces_the_bucket_has_the_same_limits() {
    let trail = of_organization(8).build();
    let whole = trail.whole();
    let narrow = over(whole.from + 2 * 3_600, whole.to - 3 * 3_600);
    let wide = over(whole.from + 2 * 3_600, whole.to - 2 * 3_600);
    let places = Places::of("replaces", &trail, &narrow);
    let moved = format!("{}={}", places.location, places.mirror.to_str().unwrap());
    for (period, status) in [(&narrow, 0), (&wide, 3)] {
        let more = ["--relocate", &moved, "--public-keys", &places.keys];
        let arguments = [&["verify", &places.location][..], &slices(period), &JSONL, &more];
        let ran = aws(&places.server, &arguments.concat());
        assert_eq!(ran.status, status, "{}{}", ran.stdout, ran.stderr);
    }
}
