//! Chains that ended before the period: explained by an event, stated by the caller, or in doubt.
use super::*;
use serde_json::json;
use trailproof_testkit::world::Member;

/// Returns a trail beside one that goes on. Both deliver into one bucket.
fn beside(ended: TrailSpec) -> BuiltTrail {
    let goes_on = TrailSpec { seed: 29, ..spec(12) }.trail("goes-on", "us-east-1");
    TrailBuilder::new().trail(goes_on).trail(ended).build()
}

/// Returns a trail that stops after its sixth digest. Its last log file contains the event for it
/// or does not.
fn stopped(explained: bool) -> TrailSpec {
    let mut ended = spec(12).stopped(6);
    ended.pauses[0].explained = explained;
    ended
}

fn after(trail: &BuiltTrail, more: &[&str]) -> Ran {
    run(trail, ("08", "12"), &[&["--format", "jsonl"], more].concat())
}

/// Returns the accounts, regions and trails whose end nothing explains.
fn doubted(ran: &Ran) -> Vec<String> {
    let doubts = ran.of_kind("place-in-doubt");
    let doubts = doubts.iter().filter(|doubt| doubt["why"] == "ended-unexplained");
    let text = |doubt: &Value, field: &str| doubt[field].as_str().unwrap().to_owned();
    doubts
        .map(|doubt| ["account", "region", "trail"].map(|field| text(doubt, field)).join(" "))
        .collect()
}

#[test]
fn a_trail_that_ended_is_explained_or_stated_or_in_doubt() {
    let ended = |ran: &Ran| {
        let chains = ran.of_kind("chain-finished");
        chains.iter().filter(|chain| chain["presence"] == "ended").count()
    };
    let explained = beside(stopped(true));
    let ran = after(&explained, &[]);
    assert_eq!((ran.status, ended(&ran)), (0, 1), "{}", ran.stdout);
    let [why] = ran.of_kind("gap-explained").try_into().unwrap();
    assert_eq!(why["explained_by"]["event_name"], "StopLogging");
    assert_eq!(why["from"], "2026-03-01T06:10:27Z");
    assert_eq!(ran.of_kind("places-answered")[0]["doubtful"], 0);

    let unexplained = beside(stopped(false));
    let ran = after(&unexplained, &[]);
    assert_eq!((ran.status, ended(&ran)), (3, 1), "{}", ran.stdout);
    assert_eq!(doubted(&ran), [format!("{OWNER} us-east-1 main-trail")]);

    let stated = |end: &str| after(&unexplained, &["--known-end", end]);
    for right in ["", "/us-east-1", "//main-trail", "/us-east-1/main-trail"] {
        let ran = stated(&format!("{OWNER}{right}=2026-03-01T06:30:00Z"));
        assert_eq!((ran.status, doubted(&ran).len()), (0, 0), "{right}: {}", ran.stdout);
    }
    for wrong in [
        format!("{MEMBER}=2026-03-01T06:30:00Z"),
        format!("{OWNER}/eu-west-1=2026-03-01T06:30:00Z"),
        format!("{OWNER}//other=2026-03-01T06:30:00Z"),
        // With that end time there would have to be more digests.
        format!("{OWNER}=2026-03-01T11:00:00Z"),
        format!("{OWNER}=2026-03-01T02:00:00Z"),
    ] {
        assert_eq!(stated(&wrong).status, 3, "{wrong}");
    }
}

/// Missing or changed evidence at the end of a chain explains nothing.
#[test]
fn an_end_with_altered_evidence_is_in_doubt() {
    let chain = beside(stopped(true))
        .chains
        .iter()
        .position(|chain| chain.id.trail == "main-trail")
        .unwrap();
    let last = DigestAt { chain, index: beside(stopped(true)).chains[chain].standard - 1 };
    let log = |log| trailproof_testkit::trail::LogAt { digest: last, log };
    for deed in [
        Deed::DigestByteFlipped(last),
        Deed::DigestMetadataMissing(last),
        Deed::DigestNotGzip(last),
        Deed::NewestDigestsDeleted { chain, count: 2 },
    ] {
        let mut trail = beside(stopped(true));
        trail.apply(deed).unwrap();
        let ran = after(&trail, &[]);
        assert_eq!(ran.status, 3, "{deed:?}: {}", ran.stdout);
        assert_eq!(doubted(&ran), [format!("{OWNER} us-east-1 main-trail")], "{deed:?}");
    }
    // The log file that holds the event.
    let mut trail = beside(stopped(true));
    let logs = trail.chains[chain].digests[last.index].logs.len();
    for number in 0..logs {
        trail.apply(Deed::LogDeleted(log(number))).unwrap();
    }
    let ran = after(&trail, &[]);
    assert_eq!((ran.status, doubted(&ran).len()), (3, 1), "{}", ran.stdout);
}

/// A trail is stopped in its home region, and its other regions end with it.
#[test]
fn an_event_in_the_home_region_explains_the_ends_of_all_regions() {
    let regions = ["us-east-1", "eu-west-1", "ap-south-1"];
    let ran = after(&beside(stopped(true).regions(&regions)), &[]);
    assert_eq!((ran.status, doubted(&ran).len()), (0, 0), "{}", ran.stdout);
    assert_eq!(ran.of_kind("gap-explained").len(), 3);
}

/// Objects under the former path of a trail are not an ended trail.
#[test]
fn a_chain_that_goes_on_under_a_different_path_has_not_ended() {
    let moved = || spec(12).organization(ORGANIZATION).path_from(3, None);
    let ran = after(&moved().build(), &[]);
    assert_eq!((ran.status, ran.of_kind("chain-finished").len()), (0, 1), "{}", ran.stdout);
    // A chain that begins anew there proves nothing about the former one.
    let anew = moved().unexplained_pause(2, 4, 0).path_from(4, None);
    let ran = after(&anew.build(), &[]);
    assert_eq!((ran.status, doubted(&ran).len()), (3, 1), "{}", ran.stdout);
}

/// The accounts of the organization are expected, unless an account has left or joined later.
#[test]
fn the_organizations_accounts_are_expected() {
    let mut trail = spec(12).organization(ORGANIZATION).accounts(&[OWNER, MEMBER]).build();
    let hour = |hour: i64| spec(12).start + hour * 3_600;
    let member = |id: &str, state: &str, joined: i64| Member {
        id: id.to_owned(),
        name: String::new(),
        state: state.to_owned(),
        joined,
    };
    trail.world.organization_id = Some(ORGANIZATION.to_owned());
    trail.world.accounts = vec![
        member(OWNER, "ACTIVE", hour(-1_000)),
        member(MEMBER, "ACTIVE", hour(-1_000)),
        member("777788889990", "CLOSED", hour(-1_000)),
        member("777788889991", "SUSPENDED", hour(-1_000)),
        member("777788889992", "ACTIVE", hour(20)),
    ];
    let expecting = ["--format", "jsonl", "--expect-accounts", "organization"];
    let ran = run(&trail, ("01", "12"), &expecting);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert_eq!(ran.of_kind("run-started")[0]["expected_accounts"], json!([OWNER, MEMBER]));
    trail.world.accounts.push(member("777788889993", "ACTIVE", hour(5)));
    let ran = run(&trail, ("01", "12"), &expecting);
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    let [doubt] = ran.of_kind("place-in-doubt").try_into().unwrap();
    assert_eq!(
        (&doubt["why"], &doubt["account"]),
        (&json!("expected-not-found"), &json!("777788889993"))
    );
}
