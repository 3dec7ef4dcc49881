//! Roots: no root in a bucket is silently skipped, however much lies beside it.
use super::*;
use trailproof_testkit::trail::{Deed, DigestAt, LogAt, SignWith, TrailBuilder};

/// A root is found, with what was done there, even if hundreds of folders lie beside it, many
/// levels lie above it, `AWSLogs` is part of its name, or its name is empty.
#[test]
fn no_location_hides_a_root() {
    for prefix in [
        "zz",
        "a/b/c/d/e/f",
        "AWSLogs",
        "AWSLogs/x",
        "AWSLogs/111122223333",
        "AWSLogs/o-ab12cd34ef",
        "AWSLogs/111122223333/Config/x",
        "zz/",
    ] {
        let mut trail = spec(2).regions(&[HOME]).prefix(prefix).build();
        let log = LogAt { digest: DigestAt { chain: 0, index: 2 }, log: 0 };
        let changed = trail.chains[0].digests[2].logs[0].key.clone();
        trail.apply(Deed::LogContentChanged(log)).unwrap();
        for number in 0..if prefix == "zz" { 510 } else { 2 } {
            plant(&mut trail, &format!("a{number:03}/x"));
        }
        let period = period(&trail);
        let all = match prefix {
            "zz" | "AWSLogs/x" => everywhere("where", &trail, &period),
            _ => vec![("bucket", online(&trail, LOCATION, &period, &[]))],
        };
        for (place, ran) in all {
            let context = format!("{prefix} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, &finished(&ran)["chains"]), (1, &json!(1)), "{context}");
            let expected = [(changed.clone(), "log-hash-mismatch".to_owned())].into();
            assert_eq!(ran.findings(), expected, "{context}");
        }
    }
}

/// A prefix for each of hundreds of accounts, as landing zones create them. The last one is
/// examined like the first.
#[test]
fn every_one_of_hundreds_of_prefixes_is_examined() {
    let account = |number: u64| (111_122_223_333_u64 + number).to_string();
    let mut all = TrailBuilder::new();
    for number in 0..205 {
        let account = account(number);
        let spec = spec(2).seed(number).regions(&[HOME]).sign_with(SignWith::Fast);
        let spec =
            spec.accounts(&[&account]).prefix(&account).logs(LogPlan::Constant(0), LogSizes::Small);
        all = all.trail(spec);
    }
    let mut trail = all.build();
    let period = period(&trail);
    trail.apply(Deed::DigestDeleted(DigestAt { chain: 204, index: 1 })).unwrap();
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!((ran.status, &finished(&ran)["chains"]), (1, &json!(205)), "{}", ran.stderr);
    let missing = trail.chains[204].digests[1].key.clone();
    assert_eq!(ran.findings(), [(missing, "digest-missing".to_owned())].into());
}

/// A prefix with one empty name cannot be distinguished from no prefix, so the folder is reported
/// as not looked at.
#[test]
fn a_folder_that_cannot_be_examined_is_reported() {
    let beside = second(2).prefix("");
    let trail = TrailBuilder::new().trail(spec(2)).trail(beside).build();
    assert!(trail.digests().any(|(_, digest)| digest.key.starts_with("/AWSLogs/")));
    let server = serve(&trail);
    let ran = verify_bucket(&server, &trail);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(doubts(&ran, "not-looked-at"), ["/AWSLogs/"]);
    let at = fresh("cases-empty-name");
    let mirrored = mirror(&server, &trail, &at, &[]);
    assert_eq!((mirrored.status, doubts(&mirrored, "not-looked-at").len()), (3, 1));
    assert_eq!(verify_offline(&trail, &at).events(), mirrored.events());
    let period = period(&trail);
    let text = aws(&server, &[&["verify", LOCATION][..], &slices(&period)].concat()).stdout;
    assert!(text.starts_with("NOT PROVEN") && text.contains("`/AWSLogs/`"), "{text}");
}

/// In a copy, the delivery bucket of a root may be unknown because none of its digests can be read.
/// Its objects are still judged or reported.
#[test]
fn a_root_without_a_readable_digest_is_not_forgotten() {
    let clean = TrailBuilder::new().trail(spec(2)).trail(second(2).prefix("zz")).build();
    let period = period(&clean);
    let chain = clean.chain(MEMBER, HOME, "other-trail").unwrap();
    assert!(everywhere("root", &clean, &period).iter().all(|(_, ran)| ran.status == 0));
    // All of its digests are gone.
    let mut gone = clean.clone();
    delete(&mut gone, |id| id.account == MEMBER, 0, false);
    let folder = format!("zz/AWSLogs/{MEMBER}/CloudTrail/{HOME}/");
    for (place, ran) in everywhere("root-gone", &gone, &period) {
        assert_eq!(ran.status, 3, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(without_digests(&ran), [folder.as_str()], "{place}: {}", ran.stdout);
    }
    // None of them can be read.
    let mut garbled = clean.clone();
    for index in 0..clean.chains[chain].digests.len() {
        garbled.apply(Deed::DigestNotGzip(DigestAt { chain, index })).unwrap();
    }
    for (place, ran) in everywhere("root-garbled", &garbled, &period) {
        assert_eq!(ran.status, 1, "{place}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.findings().values().all(|code| code == "digest-malformed"), "{place}");
    }
}
