//! Roots: nothing that lies in a bucket is passed over without a word, however much lies beside it.
use super::*;
use trailproof_testkit::trail::{Deed, DigestAt, LogAt, SignWith, TrailBuilder};

/// Hundreds of folders beside it, many levels above it, `AWSLogs` in its name or an empty name hide
/// no root: what was done there is found.
#[test]
fn no_root_is_hidden_by_where_it_lies() {
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
            let told = format!("{prefix} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, &finished(&ran)["chains"]), (1, &json!(1)), "{told}");
            let expected = [(changed.clone(), "log-hash-mismatch".to_owned())].into();
            assert_eq!(ran.findings(), expected, "{told}");
        }
    }
}

/// A prefix for each of hundreds of accounts, as landing zones make them: the last one is looked at as
/// the first one is.
#[test]
fn every_prefix_of_hundreds_is_looked_at() {
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

/// A prefix of one empty name cannot be told from none: what lies there was not looked at.
#[test]
fn a_folder_that_cannot_be_looked_into_is_told() {
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

/// Of a root in a copy whose digests cannot be asked where they were delivered, what lies there is
/// judged or told all the same.
#[test]
fn a_root_of_which_no_digest_tells_is_not_forgotten() {
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
