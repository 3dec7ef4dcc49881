//! What a first-time user names, expects and overwrites.
use super::*;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::TrailBuilder;

/// Returns a trail of one account in two regions, and a trail of a different account in one of
/// them.
fn two() -> BuiltTrail {
    TrailBuilder::new().trail(spec(2)).trail(second(2)).build()
}

/// Every named account, region and trail that does not exist is reported by name, alone and beside
/// others that exist, in every source.
#[test]
fn whatever_is_named_but_missing_is_reported_by_name() {
    let trail = two();
    let places = Places::of("named", &trail, &period(&trail));
    let gone = ARN.replace("main-trail", "gone-trail");
    let unknown = ARN.replace(OWNER, NOBODY);
    let pair = format!("{MEMBER} {AWAY}");
    for (more, named, alone) in [
        (&["--account", OWNER, "--account", NOBODY][..], &[NOBODY][..], false),
        (&["--account", NOBODY], &[NOBODY], true),
        (&["--region", HOME, "--region", "sa-east-1"], &["sa-east-1"], false),
        (&["--region", "sa-east-1"], &["sa-east-1"], true),
        (&["--trail", "main-trail", "--trail", "mian-trail"], &["mian-trail"], false),
        (&["--trail", "mian-trail"], &["mian-trail"], true),
        (&["--trail", ARN, "--trail", &gone, "--trail", &unknown], &[&gone, &unknown], false),
        // Each pair, if both are named.
        (
            &["--account", OWNER, "--account", MEMBER, "--region", HOME, "--region", AWAY],
            &[&pair],
            false,
        ),
        (&["--account", NOBODY, "--trail", "mian-trail"], &[NOBODY, "mian-trail"], true),
    ] {
        let mut named: Vec<&str> = named.to_vec();
        named.sort_unstable();
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, if alone { 4 } else { 3 }, "{context}");
            assert_eq!(doubts(&ran, "named-not-found"), named, "{context}");
            assert!(ran.findings().is_empty(), "{context}");
        }
    }
    // Whatever is named and exists stays proven.
    for more in [
        &["--account", OWNER, "--account", MEMBER][..],
        &["--account", OWNER, "--region", HOME, "--region", AWAY],
        &["--trail", "main-trail", "--trail", "other-trail"],
    ] {
        for (place, ran) in places.verify(more) {
            assert_eq!(ran.status, 0, "{place} {more:?}: {}{}", ran.stdout, ran.stderr);
        }
    }
}

/// The whole period of a missing named place is uncovered in every format, and a mirror of it is
/// not complete.
#[test]
fn every_output_names_what_was_requested_but_missing() {
    let trail = two();
    let period = period(&trail);
    let server = serve(&trail);
    let room = fresh("cases-outputs");
    fs::create_dir_all(&room).unwrap();
    let file = |name: &str| room.join(name).to_str().unwrap().to_owned();
    let (page, junit) = (file("page.html"), file("junit.xml"));
    let report = format!("html={page}");
    let named = ["--account", OWNER, "--account", NOBODY];
    let files = ["--report", &report, "--junit", &junit];
    let verify = |format: &str, more: &[&str]| {
        let format = ["--format", format];
        let all = [&["verify", LOCATION][..], &slices(&period), &named, &format, more];
        aws(&server, &all.concat())
    };
    let text = verify("text", &files);
    assert_eq!(text.status, 3, "{}", text.stderr);
    let read = |path: &str| fs::read_to_string(path).unwrap();
    for (name, reported) in [
        ("text", text.stdout.clone()),
        ("json", verify("json", &[]).stdout),
        ("html", read(&page)),
        ("junit", read(&junit)),
    ] {
        assert!(
            reported.contains(NOBODY) && reported.contains("named-not-found"),
            "{name}: {reported}"
        );
    }
    assert!(text.stdout.starts_with("NOT PROVEN"), "{}", text.stdout);
    assert!(text.stdout.contains("check the spelling"), "{}", text.stdout);
    let json: Value = serde_json::from_str(&verify("json", &[]).stdout).unwrap();
    assert_eq!(json["coverage_seconds"]["uncovered"]["absent"], 2 * 3_600, "{json:#}");
    let mirrored = mirror(&server, &trail, &room.join("mirror"), &named);
    assert_eq!((mirrored.status, doubts(&mirrored, "named-not-found").len()), (3, 1));
}

/// In OCSF too: it is all that a SIEM receives.
#[test]
fn an_ocsf_finding_names_what_was_requested_but_missing() {
    let trail = two();
    let server = serve(&trail);
    let room = fresh("cases-ocsf");
    fs::create_dir_all(&room).unwrap();
    let at = room.join("ocsf.jsonl");
    let more = ["--account", OWNER, "--account", NOBODY, "--ocsf", at.to_str().unwrap()];
    let period = period(&trail);
    let ran = aws(&server, &[&["verify", LOCATION][..], &slices(&period), &more].concat());
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    let reported = fs::read_to_string(&at).unwrap();
    assert!(reported.contains(NOBODY) && reported.contains("named-not-found"), "{reported}");
}

/// If account and region are both named, the pair is named: the account may have objects in other
/// regions.
#[test]
fn a_missing_region_of_an_account_is_reported_as_a_pair() {
    let trail = two();
    let more = ["--account", MEMBER, "--region", AWAY];
    let pair = [format!("{MEMBER} {AWAY}")];
    for (place, ran) in Places::of("pair", &trail, &period(&trail)).verify(&more) {
        assert_eq!(ran.status, 4, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(doubts(&ran, "named-not-found"), pair, "{place}: {}", ran.stdout);
    }
}

/// The caller's expectations do not narrow the scope, and a missing expected account or region is
/// reported. This reveals an account that vanished completely.
#[test]
fn whatever_is_expected_but_missing_is_reported_by_name() {
    let mut trail = of_organization(2).build();
    let period = period(&trail);
    delete(&mut trail, |id| id.account == MEMBER, 0, true);
    let room = fresh("cases-expected-list");
    fs::create_dir_all(&room).unwrap();
    let list = room.join("accounts");
    fs::write(&list, format!("# ours\n{OWNER}, {MEMBER}\n")).unwrap();
    let list = list.to_str().unwrap();
    let both = format!("{OWNER},{MEMBER}");
    let pairs = [format!("{OWNER} sa-east-1"), MEMBER.to_owned()];
    let places = Places::of("expected", &trail, &period);
    for (more, missing) in [
        (&[][..], &[][..]),
        (&["--expect-accounts", OWNER], &[]),
        (&["--expect-regions", HOME, "--expect-regions", AWAY], &[]),
        (&["--expect-accounts", OWNER, "--expect-accounts", MEMBER], &[MEMBER]),
        (&["--expect-accounts", &both], &[MEMBER]),
        (&["--expect-accounts", list], &[MEMBER]),
        (&["--expect-regions", "sa-east-1"], &["sa-east-1"]),
        (
            &["--expect-accounts", list, "--expect-regions", HOME, "--expect-regions", "sa-east-1"],
            &[&pairs[0], &pairs[1]],
        ),
    ] {
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, if missing.is_empty() { 0 } else { 3 }, "{context}");
            assert_eq!(doubts(&ran, "expected-not-found"), missing, "{context}");
            assert_eq!(finished(&ran)["chains"], 2, "{context}");
        }
    }
    // Every report states whether expected accounts were given.
    let server = serve(&trail);
    let text = |more: &[&str]| {
        let all = [&["verify", LOCATION][..], &slices(&period), more].concat();
        aws(&server, &all).stdout
    };
    assert!(text(&[]).contains("expected accounts: not given"), "{}", text(&[]));
    assert!(text(&["--expect-accounts", &both]).contains(MEMBER));
    for wrong in ["12", "no-such-file", "organization,111122223333"] {
        let all = [&["verify", LOCATION][..], &slices(&period), &["--expect-accounts", wrong]];
        assert_eq!(aws(&server, &all.concat()).status, 2, "{wrong}");
    }
}

/// If Organizations cannot be queried, no run begins that would look complete.
#[test]
fn an_organization_that_cannot_be_listed_stops_the_run() {
    let trail = of_organization(2).build();
    let period = period(&trail);
    let expect = ["--expect-accounts", "organization"];
    let listing = Matcher::operation(Operation::ListAccounts);
    let faults = FaultPlan::new().with(listing, Schedule::always(Fault::AccessDenied));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let ran = aws(&server, &[&["verify", LOCATION][..], &slices(&period), &expect].concat());
    assert_eq!((ran.status, ran.stdout.as_str()), (5, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("ListAccounts"), "{}", ran.stderr);
    let (at, keys) = copy("asks-nobody", &trail);
    let ran = in_directory(&at, &keys, &period, &expect);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("--expect-accounts FILE"), "{}", ran.stderr);
}

/// A second run does not overwrite a complete record, which may have been attested.
#[test]
fn a_complete_record_is_not_overwritten() {
    let trail = spec(2).build();
    let server = serve(&trail);
    let room = fresh("cases-kept");
    fs::create_dir_all(&room).unwrap();
    let period = period(&trail);
    for name in ["record.jsonl", "record.jsonl.zst"] {
        let at = room.join(name);
        let path = at.to_str().unwrap();
        let run = |more: &[&str]| {
            let record = ["--record", path];
            let all = [&["verify", LOCATION][..], &slices(&period), &record, more].concat();
            aws(&server, &all)
        };
        assert_eq!(run(&[]).status, 0);
        let kept = fs::read(&at).unwrap();
        let ran = run(&["--account", OWNER]);
        assert_eq!(ran.status, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(name) && ran.stderr.contains("--force"), "{}", ran.stderr);
        assert_eq!(fs::read(&at).unwrap(), kept);
        assert_eq!(run(&["--account", OWNER, "--force"]).status, 0);
        assert_ne!(fs::read(&at).unwrap(), kept);
    }
}

/// A named trail that has delivered nothing for months is reported as missing, with its newest
/// digest and its own status. It is not `nothing found`.
#[test]
fn a_silent_trail_is_not_treated_as_a_typing_error() {
    let trail = spec(2).build();
    let newest = trail.whole().to;
    let period = over(newest + 200 * 86_400, newest + 207 * 86_400);
    let server = serve(&trail);
    let verify = |more: &[&str]| {
        let all = [&["verify", "--trail-arn", ARN][..], &slices(&period), more].concat();
        aws(&server, &all)
    };
    let ran = verify(&JSONL);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    let missing = [format!("{OWNER} {AWAY}"), format!("{OWNER} {HOME}")];
    assert_eq!(absent(&ran), missing, "{}", ran.stdout);
    for chain in ran.of_kind("chain-finished") {
        assert_eq!(chain["last_digest_before"], iso(newest));
    }
    let statuses = ran.of_kind("trail-status");
    assert_eq!(statuses.len(), 2, "{}", ran.stdout);
    assert!(statuses.iter().all(|status| status["is_logging"] == true));
    let text = verify(&[]).stdout;
    assert!(text.starts_with("NOT PROVEN"), "{text}");
    assert!(text.contains(&iso(newest)), "{text}");
    assert!(!text.contains("check the bucket, the prefix, the period and the scope"), "{text}");
}
