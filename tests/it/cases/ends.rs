//! Chains that end before the period: what must explain the end, and from which source.
use super::*;
use trailproof_testkit::trail::{Deed, DigestAt, EventSpec, TrailBuilder};

/// Returns a trail that goes on, beside one in a different account that ends after its fourth
/// digest.
fn one_ends(explained: bool, also: Option<(u32, EventSpec)>) -> BuiltTrail {
    let mut ends = second(8).stopped(4);
    ends.pauses[0].explained = explained;
    let goes_on = also.into_iter().fold(spec(8), |spec, (hour, event)| spec.event(hour, event));
    TrailBuilder::new().trail(goes_on).trail(ends).build()
}

/// The last two hours, in which the other chain has no object.
fn after(trail: &BuiltTrail) -> Vec<String> {
    let start = trail.chains[0].digests[0].end;
    over(start + 6 * 3_600, start + 8 * 3_600)
}

fn end_of_second(trail: &BuiltTrail) -> (usize, String) {
    let chain = trail.chain(MEMBER, HOME, "other-trail").unwrap();
    (chain, iso(trail.chains[chain].standard().last().unwrap().end))
}

/// A chain has ended if a verified event explains the end or the caller states it. Otherwise it is
/// in doubt.
#[test]
fn an_end_that_is_neither_explained_nor_stated_is_in_doubt() {
    let doubt = format!("{MEMBER} {HOME} other-trail");
    let unexplained = one_ends(false, None);
    let (_, end) = end_of_second(&unexplained);
    let stated = format!("{MEMBER}={end}");
    let by_name = format!("{MEMBER}/{HOME}/other-trail={end}");
    let of_another = format!("{OWNER}={end}");
    let elsewhere = format!("{MEMBER}/{AWAY}={end}");
    let later =
        iso(trailproof_core::vocab::time::Timestamp::parse(&end).unwrap().unix() + 5 * 3_600);
    let too_late = format!("{MEMBER}={later}");
    let places = Places::of("ends", &unexplained, &after(&unexplained));
    for (more, ended) in [
        (&[][..], false),
        (&["--known-end", &stated], true),
        (&["--known-end", &by_name], true),
        (&["--known-end", &of_another], false),
        (&["--known-end", &elsewhere], false),
        (&["--known-end", &too_late], false),
    ] {
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, if ended { 0 } else { 3 }, "{context}");
            let expected: &[&str] = if ended { &[] } else { &[&doubt] };
            assert_eq!(doubts(&ran, "ended-unexplained"), expected, "{context}");
            assert_eq!(finished(&ran)["chains_ended"], 1, "{context}");
        }
    }
    let explained = one_ends(true, None);
    for (place, ran) in everywhere("ends-explained", &explained, &after(&explained)) {
        assert_eq!(ran.status, 0, "{place}: {}{}", ran.stdout, ran.stderr);
        let events = ran.of_kind("gap-explained");
        assert_eq!(events.len(), 1, "{place}: {}", ran.stdout);
        assert_eq!(events[0]["explained_by"]["event_name"], "StopLogging");
    }
    // The text output names the source of the statement.
    let text = |trail: &BuiltTrail, more: &[&str]| {
        let server = serve(trail);
        let period = after(trail);
        aws(&server, &[&["verify", LOCATION][..], &slices(&period), more].concat()).stdout
    };
    let reported = text(&unexplained, &[]);
    assert!(reported.contains("no verified event explains why"), "{reported}");
    let reported = text(&unexplained, &["--known-end", &stated]);
    assert!(
        reported.contains("as stated by the caller") && reported.contains(&stated),
        "{reported}"
    );
    assert!(text(&explained, &[]).contains("StopLogging ("));
}

/// An end is unknown if its last digest is not proven, if the event differs from what was
/// delivered, or if log files go on.
#[test]
fn nothing_explains_an_unknown_end() {
    let clean = one_ends(true, None);
    let (chain, end) = end_of_second(&clean);
    let index = clean.chains[chain].standard - 1;
    let newest = DigestAt { chain, index };
    let stated = format!("{MEMBER}={end}");
    let folder = format!("AWSLogs/{MEMBER}/CloudTrail/{HOME}/");
    let gone = Deed::NewestDigestsDeleted { chain, count: 3 };
    for deed in [Deed::DigestForged(newest), Deed::DigestNotGzip(newest), gone] {
        let mut trail = clean.clone();
        trail.apply(deed).unwrap();
        for more in [&[][..], &["--known-end", &stated]] {
            let ran = online(&trail, LOCATION, &after(&trail), more);
            assert_eq!(ran.status, 3, "{deed:?} {more:?}: {}", ran.stdout);
            assert_eq!(doubts(&ran, "ended-unexplained").len(), 1, "{deed:?}: {}", ran.stdout);
        }
    }
    // The log file that holds the event.
    let mut trail = clean.clone();
    for log in &clean.chains[chain].digests[index].logs {
        trail.delete(&log.bucket, &log.key);
    }
    let ran = online(&trail, LOCATION, &after(&trail), &[]);
    assert_eq!((ran.status, doubts(&ran, "ended-unexplained").len()), (3, 1), "{}", ran.stdout);
    // A log file of the period.
    let mut trail = clean.clone();
    let log = clean.logs().find(|(id, _)| id.account == MEMBER).unwrap().1;
    let version = clean.current(&log.bucket, &log.key).unwrap().clone();
    let later = format!(
        "{folder}2026/03/01/{MEMBER}_CloudTrail_{HOME}_20260301T0720Z_Abcdefghijklmnop.json.gz"
    );
    trail.put(&log.bucket, &later, version);
    for more in [&[][..], &["--known-end", &stated]] {
        let ran = online(&trail, LOCATION, &after(&trail), more);
        assert_eq!(
            (ran.status, without_digests(&ran)),
            (3, vec![folder.clone()]),
            "{}",
            ran.stdout
        );
    }
}

/// Returns a trail of an organization in which a member's chain ends after the fourth digest, with
/// the event that the management account records.
fn member_ends(event: Option<EventSpec>) -> BuiltTrail {
    let here = || spec(8).organization(ORGANIZATION).regions(&[HOME]);
    let mut member = here().accounts(&[MEMBER]).stopped(4);
    member.pauses[0].explained = false;
    let owner = event.into_iter().fold(here(), |owner, event| owner.event(3, event));
    TrailBuilder::new().trail(owner).trail(member).build()
}

/// An account is missed while the other accounts of its organization go on, until the caller states
/// that the account is gone.
#[test]
fn a_member_whose_chain_ends_is_missed_until_its_end_is_stated() {
    let trail = member_ends(None);
    let chain = trail.chain(MEMBER, HOME, "main-trail").unwrap();
    let stated = format!("{MEMBER}={}", iso(trail.chains[chain].standard().last().unwrap().end));
    let name = [format!("{MEMBER} {HOME}")];
    let places = Places::of("member", &trail, &after(&trail));
    for (more, status, missing) in [(&[][..], 3, &name[..]), (&["--known-end", &stated], 0, &[])] {
        for (place, ran) in places.verify(more) {
            let context = format!("{place} {more:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!((ran.status, &absent(&ran)[..]), (status, missing), "{context}");
        }
    }
}

/// An event in the member's own log files explains its end; an event about a different account does
/// not. Beside siblings that go on, the member is missed all the same, because it may have come
/// back.
#[test]
fn an_event_in_the_members_log_files_explains_that_it_left() {
    let organizations = |name: &str, request: &str| {
        EventSpec::new("organizations.amazonaws.com", name).request(request)
    };
    let of = json!({ "accountId": NOBODY }).to_string();
    for (event, explains) in [
        (organizations("LeaveOrganization", "null"), true),
        (organizations("CloseAccount", &of), false),
    ] {
        let here = || spec(8).organization(ORGANIZATION).regions(&[HOME]);
        let mut member = here().accounts(&[MEMBER]).stopped(4).event(3, event.clone());
        member.pauses[0].explained = false;
        let trail = TrailBuilder::new().trail(here()).trail(member).build();
        for (place, ran) in everywhere("member-left", &trail, &after(&trail)) {
            let context = format!("{} {place}: {}{}", event.name, ran.stdout, ran.stderr);
            assert_eq!(ran.of_kind("gap-explained").len(), usize::from(explains), "{context}");
            assert_eq!(ran.status, 3, "{context}");
        }
    }
}

/// A trail was stopped and started again later, and one region was deleted from the stop on. The
/// stop does not explain the end of the region.
#[test]
fn a_stop_does_not_explain_the_end_of_a_region_if_the_trail_went_on() {
    let mut trail = spec(16).regions(&[HOME, AWAY]).pause(4, 10, 0).build();
    let start = trail.chains[0].digests[0].end;
    let away = |key: &str| key.contains(&format!("/{AWAY}/"));
    let late: Vec<String> = trail
        .digests()
        .filter(|(chain, digest)| chain.region == AWAY && digest.end > start + 5 * 3_600)
        .flat_map(|(_, digest)| {
            digest.logs.iter().map(|log| log.key.clone()).chain([digest.key.clone()])
        })
        .collect();
    assert!(late.len() > 4 && late.iter().all(|key| away(key)));
    for bucket in trail.world.buckets.values_mut() {
        bucket.objects.retain(|key, _| !late.contains(key));
    }
    let period = over(start + 12 * 3_600, start + 16 * 3_600);
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(absent(&ran), [format!("{OWNER} {AWAY}")]);
}

/// In a narrower scope, the home region's log files are not read. The headline says so.
#[test]
fn a_narrower_scope_reports_that_it_does_not_search_for_restarts() {
    let event = EventSpec::new("cloudtrail.amazonaws.com", "StartLogging");
    let started = event.request(&json!({ "name": "other-trail" }).to_string());
    let main = spec(20).event(16, started);
    let stopped = second(20).accounts(&[OWNER]).regions(&[HOME, AWAY]).stopped(4);
    let trail = TrailBuilder::new().trail(main).trail(stopped).build();
    let first = trail.chains[0].digests[0].end;
    let period = over(first + 12 * 3_600, first + 19 * 3_600);
    assert_eq!(online(&trail, LOCATION, &period, &[]).status, 3);
    let narrow = online(&trail, LOCATION, &period, &["--region", AWAY]);
    let skipped = |ran: &Ran| -> Vec<Value> {
        let all = ran.of_kind("check-not-performed").into_iter();
        all.filter(|event| event["check"] == "restarts").collect()
    };
    assert_eq!(skipped(&narrow).len(), 1, "{}", narrow.stdout);
    assert_eq!(skipped(&narrow)[0]["region"], HOME);
    let server = serve(&trail);
    let text =
        aws(&server, &[&["verify", LOCATION][..], &slices(&period), &["--region", AWAY]].concat());
    let headline = text.stdout.lines().next().unwrap_or_default();
    assert!(headline.contains("restarts of ended trails not searched for"), "{headline}");
    // Nothing is said where the home region is searched.
    let home = online(&trail, LOCATION, &period, &["--region", HOME]);
    assert!(home.status == 3 && skipped(&home).is_empty(), "{}", home.stdout);
}

/// A trail was stopped, and started again at any time of the period: what it delivered since is
/// missing. The start of a different trail means nothing.
#[test]
fn a_stop_does_not_explain_an_end_if_the_trail_was_started_again_in_the_period() {
    let start = |trail: &str| {
        let event = EventSpec::new("cloudtrail.amazonaws.com", "StartLogging");
        event.request(&json!({ "name": trail }).to_string())
    };
    for (started, goes_on) in [("other-trail", true), ("third-trail", false)] {
        // Well after the hours around the end, which are searched anyway.
        let main = spec(20).regions(&[HOME]).event(16, start(started));
        let stopped = second(20).accounts(&[OWNER]).stopped(4);
        let trail = TrailBuilder::new().trail(main).trail(stopped).build();
        let first = trail.chains[0].digests[0].end;
        let period = over(first + 12 * 3_600, first + 19 * 3_600);
        for (place, ran) in everywhere(&format!("started-{started}"), &trail, &period) {
            let context = format!("{started} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, if goes_on { 3 } else { 0 }, "{context}");
            let doubted = doubts(&ran, "ended-unexplained").len();
            assert_eq!(doubted, usize::from(goes_on), "{context}");
        }
    }
}
