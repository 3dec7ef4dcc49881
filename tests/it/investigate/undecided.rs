//! What the evidence does not decide is told as such: versions that may not be listed, calls that do not
//! name their objects, rules that were replaced, and acts that explain the same equally well.
use super::{FROM, Investigated, WHO, investigate, investigate_at};
use crate::support::program::empty_folder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{
    Attacked, BuiltTrail, Deed, DigestAt, EventSpec, LogAt, TrailSpec, digest_json,
};
use trailproof_testkit::world::Version;

const BUCKET: &str = "example-trail-logs";
const OTHER: &str = "arn:aws:iam::111122223333:user/other";
const LOG: LogAt = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };

fn attacked(trail: BuiltTrail) -> Attacked {
    Attacked { trail, when: 0, ransomed: None }
}

fn call(source: &str, name: &str, by: &str, request: &Value) -> EventSpec {
    let text = format!("{by}{request}");
    let id = format!("{name}-{}", digest_json::sha256(text.as_bytes()));
    EventSpec::new(&format!("{source}.amazonaws.com"), name)
        .id(&id)
        .by(by)
        .request(&request.to_string())
}

fn spec() -> TrailSpec {
    TrailSpec::new().seed(31).hours(24)
}

/// The key of the log file that is deleted.
fn key() -> String {
    spec().build().chains[0].digests[5].logs[0].key.clone()
}

/// A trail whose log file is deleted, with these events of the ninth hour and later ones.
fn without_log(events: &[(u32, EventSpec)]) -> Attacked {
    let spec = events.iter().fold(spec(), |spec, (hour, event)| spec.event(*hour, event.clone()));
    let mut trail = spec.build();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    attacked(trail)
}

/// Technique, confidence and caller of each deed.
fn told(ran: &Investigated) -> BTreeSet<(String, String, String)> {
    let text = |deed: &Value, name: &str| deed[name].as_str().unwrap().to_owned();
    let deeds = ran.deeds();
    let of = |deed: &Value| (text(deed, "technique"), text(deed, "confidence"), text(deed, "who"));
    deeds.iter().map(of).collect()
}

fn set(deeds: &[(&str, &str, &str)]) -> BTreeSet<(String, String, String)> {
    let of = |(a, b, c): &(&str, &str, &str)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned());
    deeds.iter().map(of).collect()
}

/// Without the permission to list versions, the case is made of everything else, and nothing is called lost.
#[test]
fn a_case_is_made_without_the_permission_to_list_versions() {
    let trail = trailproof_testkit::trail::intrusion::intrusion().unwrap();
    let attacked = attacked(trail);
    let access = AccessRules { no_versions: true, ..AccessRules::default() };
    let options = ServerOptions { access, ..ServerOptions::default() };
    let server = LoopbackServer::start(attacked.trail.world.clone(), options).unwrap();
    let ran = investigate_at(&server, "no-versions", &attacked, &[]);
    assert_eq!(ran.ran.status, 1, "{}", ran.ran.stderr);
    let case = ran.case();
    assert_eq!(case["versions_unread"]["code"], "denied", "{case}");
    assert_eq!((&case["verdict_with_versions"], &case["lost"]), (&Value::Null, &Value::Null));
    assert!(case["affected"].as_array().unwrap().iter().all(|it| it["versions"].is_null()));
    let notices = case["notices"].to_string();
    assert!(notices.contains("versions-unlisted"), "{notices}");
    let text = &ran.ran.stdout;
    assert!(text.contains("versions: not known (denied)"), "{text}");
    assert!(text.contains("s3:ListBucketVersions"), "{text}");
    assert!(!text.contains("for good") && !text.contains("gives back"), "{text}");
    // The calls are in log files that are proven, whatever the versions are.
    let stopped = ran.deed("trail-stopped").unwrap();
    assert_eq!((&stopped["who"], &stopped["confidence"]), (&WHO.into(), &"shown".into()));

    // With it, the same case says what is lost and what comes back.
    let ran = investigate("versions-listed", &attacked, &[]);
    assert_eq!(ran.case()["versions_unread"], Value::Null);
    assert!(ran.ran.stdout.contains("lost for good") && ran.ran.stdout.contains("gives back"));
}

/// `DeleteObjects` names at most what the keys of its objects begin with. Whether it is about one that is
/// missing is not known, so that it is neither dismissed nor held to be the cause.
#[test]
fn a_bulk_deletion_that_names_no_keys_is_possible() {
    let bulk = |resources: bool| {
        let mut request = json!({"bucketName": BUCKET, "delete": ""});
        request["x-id"] = if resources { "a".into() } else { "b".into() };
        call("s3", "DeleteObjects", OTHER, &request).data()
    };
    let ran = investigate("bulk", &without_log(&[(9, bulk(false))]), &[]);
    assert_eq!(told(&ran), set(&[("objects-deleted", "possible", OTHER)]), "{}", ran.ran.stdout);
    assert_eq!(ran.case()["not_tied"], json!([]));
    assert!(ran.ran.stdout.contains("that it is the cause is not"), "{}", ran.ran.stdout);
    let deed = ran.deed("objects-deleted").unwrap();
    assert_eq!(deed["alternatives"], json!(["versions-deleted", "lifecycle-expiry"]));
    // A call that names the object is the cause, and the other one has nothing to do with it.
    let named = call("s3", "DeleteObject", WHO, &json!({"bucketName": BUCKET, "key": key()}));
    let both = without_log(&[(9, bulk(false)), (10, named.data())]);
    assert_eq!(
        told(&investigate("bulk-named", &both, &[])),
        set(&[("objects-deleted", "shown", WHO)])
    );
    // It was made before the object was delivered.
    let ran = investigate("bulk-early", &without_log(&[(2, bulk(false))]), &[]);
    assert_eq!(told(&ran), set(&[("objects-deleted", "possible", "")]), "{}", ran.ran.stdout);
    // Where nothing is missing, it deleted nothing of the evidence.
    let quiet = attacked(spec().event(9, bulk(false)).build());
    assert_eq!(told(&investigate("bulk-quiet", &quiet, &[])), set(&[]));
}

/// Two calls in the last hour of a chain explain its end equally well.
#[test]
fn two_acts_that_explain_a_gap_equally_well_are_both_told() {
    let spec = spec().unexplained_pause(10, 14, 0);
    let (end, arn) = (spec.start + 10 * 3_600, spec.arn());
    let stop = call("cloudtrail", "StopLogging", WHO, &json!({"name": arn}));
    let deny = json!({"bucketName": BUCKET, "bucketPolicy": {"Statement": [{"Effect": "Deny",
        "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": "*"}]}});
    let deny = call("s3", "PutBucketPolicy", OTHER, &deny);
    let both = |stopped: i64, denied: i64| {
        let spec = spec.clone().event(9, stop.clone().at(end - stopped));
        attacked(spec.event(9, deny.clone().at(end - denied)).build())
    };
    for (name, stopped, denied) in [("one", 300, 1_500), ("other", 1_500, 300)] {
        let ran = investigate(&format!("two-acts-{name}"), &both(stopped, denied), &[]);
        let expected =
            set(&[("trail-stopped", "likely", WHO), ("delivery-broken", "likely", OTHER)]);
        assert_eq!(told(&ran), expected, "{}", ran.ran.stdout);
        let deeds = ran.deeds();
        assert_eq!((&deeds[0]["rivals"], &deeds[1]["rivals"]), (&json!([2]), &json!([1])));
        let words = "the evidence does not decide between this and deed 2";
        assert!(ran.ran.stdout.contains(words), "{}", ran.ran.stdout);
        let page = fs::read_to_string(ran.folder.join("report.html")).unwrap();
        assert!(page.contains(words));
    }
    // Digests went on for hours after the policy, which allowed them.
    let ran = investigate("two-acts-apart", &both(300, 4 * 3_600), &[]);
    assert_eq!(told(&ran), set(&[("trail-stopped", "shown", WHO)]), "{}", ran.ran.stdout);
    assert_eq!(ran.deeds()[0]["rivals"], json!([]));
}

/// The rule that was in force when the objects went is told with its id, its prefix and its time; a rule
/// that was replaced before is not.
#[test]
fn the_rule_in_force_when_the_objects_went_is_the_act() {
    let put = |id: &str, days: u32, by: &str| {
        let rule = json!({"ID": id, "Status": "Enabled", "Filter": {"Prefix": "AWSLogs/"},
            "Expiration": {"Days": days}});
        let request = json!({"bucketName": BUCKET, "LifecycleConfiguration": {"Rule": rule}});
        call("s3", "PutBucketLifecycle", by, &request)
    };
    let removed = call("s3", "DeleteBucketLifecycle", OTHER, &json!({"bucketName": BUCKET}));
    let long = || TrailSpec::new().seed(31).hours(96).versioned();
    let start = long().start;
    // Markers of the first day, at this time.
    let gone = |spec: TrailSpec, marker: i64| {
        let mut trail = spec.build();
        let first = trail.chains[0].digests.iter().filter(|digest| digest.end < start + 20 * 3_600);
        let keys: Vec<String> = first
            .flat_map(|digest| {
                digest.logs.iter().map(|log| log.key.clone()).chain([digest.key.clone()])
            })
            .collect();
        for key in keys {
            assert!(trail.delete(BUCKET, &key));
            let versions = trail.world.buckets.get_mut(BUCKET).unwrap().objects.get_mut(&key);
            let version: &mut Version = versions.unwrap().last_mut().unwrap();
            version.last_modified = marker;
        }
        attacked(trail)
    };
    let midnight = |day: i64| (start.div_euclid(86_400) + day) * 86_400;
    let spec = long().event(30, put("one-day", 1, WHO)).event(75, put("ten-years", 3_650, OTHER));
    let ran = investigate("rule-then", &gone(spec.clone(), midnight(2)), &[]);
    assert_eq!(
        told(&ran),
        set(&[("lifecycle-expiry", "shown", WHO)]),
        "{}\n{}",
        ran.ran.stdout,
        ran.ran.stderr
    );
    let rules = ran.deeds()[0]["rules"].clone();
    let of = |name: &str| rules[0][name].clone();
    assert_eq!(
        (of("id"), of("prefix"), of("days")),
        ("one-day".into(), "AWSLogs/".into(), 1.into())
    );
    assert!(of("put").is_string() && of("until").is_string(), "{rules}");
    let text = &ran.ran.stdout;
    assert!(text.contains("the rule `one-day` for keys that begin with `AWSLogs/`"), "{text}");
    // The same marker a day after the rule was replaced, or the configuration removed: it was not the rule.
    let removed = long().event(30, put("one-day", 1, WHO)).event(60, removed);
    for (name, spec) in [("replaced", spec), ("removed", removed)] {
        let ran = investigate(&format!("rule-{name}"), &gone(spec, midnight(4)), &[]);
        let named: Vec<_> = told(&ran).into_iter().filter(|(.., who)| !who.is_empty()).collect();
        assert_eq!(named, [], "{name}: {}", ran.ran.stdout);
    }
}

/// A key is withheld by the call that leads to the very refusal which the reader meets.
#[test]
fn a_call_of_a_different_effect_is_not_the_refusal() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/0d990263-018e-428e-a701-31b6de3a4d52";
    let kms = |name: &str, request: Value| {
        let mut request = request;
        request["keyId"] = key.into();
        call("kms", name, WHO, &request)
    };
    let deny = json!({"policyName": "default", "policy": "{\"Statement\":[]}"});
    let answer = |code: &str, status: u16, message: &str| Fault::Answer {
        status,
        content_type: "application/xml".to_owned(),
        body: format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        ),
    };
    let pending =
        || answer("KMS.KMSInvalidStateException", 400, &format!("{key} is pending deletion."));
    let denied = || {
        let message = format!(
            "User: arn:aws:iam::111122223333:user/auditor is not authorized to perform: kms:Decrypt \
             on resource: {key} because no resource-based policy allows the kms:Decrypt action"
        );
        answer("AccessDenied", 403, &message)
    };
    let bucket = || answer("AccessDenied", 403, "Access Denied");
    let schedule = || kms("ScheduleKeyDeletion", json!({"pendingWindowInDays": 7}));
    let (shown, nobody) = (("key-withheld", "shown", WHO), ("key-withheld", "possible", ""));
    for (number, (fault, event, expected)) in [
        (pending(), schedule(), set(&[shown])),
        (pending(), kms("DisableKey", json!({})), set(&[nobody])),
        (Fault::KmsDisabled, schedule(), set(&[nobody])),
        (denied(), kms("PutKeyPolicy", deny), set(&[("key-withheld", "likely", WHO)])),
        (denied(), kms("DisableKey", json!({})), set(&[nobody])),
        // The bucket refuses: no key has anything to do with it.
        (bucket(), kms("DisableKey", json!({})), set(&[])),
    ]
    .into_iter()
    .enumerate()
    {
        let trail = spec().event(16, event).build();
        let log = trail.chains[0].digests[5].logs[0].key.clone();
        let faults = FaultPlan::new().with(Matcher::get(&log), Schedule::always(fault));
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let ran = investigate_at(&server, &format!("refusal-{number}"), &attacked(trail), &[]);
        assert_eq!(told(&ran), expected, "{number}\n{}", ran.ran.stdout);
    }
}

/// Two callers who wrote an object within the same minute.
#[test]
fn two_writes_at_the_time_of_the_object_are_both_told() {
    let request = json!({"bucketName": BUCKET, "key": key()});
    let at = spec().start + 15 * 3_600;
    let write = |by: &str, at: i64| call("s3", "PutObject", by, &request).data().at(at);
    let replaced = |events: &[EventSpec]| {
        let spec = events.iter().fold(spec(), |spec, event| spec.event(15, event.clone()));
        let mut trail = spec.build();
        trail.apply(Deed::LogContentChanged(LOG)).unwrap();
        let versions = trail.world.buckets.get_mut(BUCKET).unwrap().objects.get_mut(&key());
        versions.unwrap().last_mut().unwrap().last_modified = at;
        attacked(trail)
    };
    let ran = investigate("two-writes", &replaced(&[write(WHO, at), write(OTHER, at + 40)]), &[]);
    let likely = |who| ("objects-replaced", "likely", who);
    assert_eq!(told(&ran), set(&[likely(WHO), likely(OTHER)]), "{}", ran.ran.stdout);
    let ran = investigate("one-write", &replaced(&[write(WHO, at), write(OTHER, at + 900)]), &[]);
    assert_eq!(told(&ran), set(&[("objects-replaced", "shown", WHO)]), "{}", ran.ran.stdout);
}

/// A caller who writes quotation marks into the agent moves no field, and a line that can be read in two ways
/// says nothing.
#[test]
fn a_line_of_an_access_log_says_what_s3_wrote() {
    let line = |agent: &str, tail: &str| {
        format!(
            "79a59df900b949e5 {BUCKET} [01/Mar/2026:20:00:00 +0000] {FROM} {WHO} 3E57427F3EXAMPLE \
             REST.DELETE.OBJECT {} \"DELETE /x HTTP/1.1\" 403 AccessDenied - - 113 7 \"-\" \
             \"{agent}\" - host SigV4 TLS AuthHeader host TLSv1.3 - -{tail}\n",
            key()
        )
    };
    let forged = "x\" 204 - - - 113 7 \"-\" \"y";
    let shifted = "y\" v1 host SigV4 TLS AuthHeader host TLSv1.3 - -";
    for (number, (text, unclear, lines)) in [
        (line("aws-cli", ""), 0, 1),
        (line(forged, ""), 0, 1),
        (line(shifted, ""), 0, 1),
        (line(forged, " \"new\""), 1, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let logs = empty_folder(&format!("access-quotes-{number}"));
        fs::write(logs.join("2026-03-01"), &text).unwrap();
        let more = ["--access-logs", logs.to_str().unwrap()];
        let ran = investigate(&format!("quotes-{number}"), &without_log(&[]), &more);
        let case = ran.case();
        assert_eq!(case["access_logs"], json!({"lines": lines, "unclear": unclear}), "{text}");
        // The request was refused, whatever its agent says.
        assert_eq!(told(&ran), set(&[("objects-deleted", "possible", "")]), "{text}");
        let notices = case["notices"].to_string();
        assert_eq!(notices.contains("access-lines-unclear"), unclear > 0, "{notices}");
    }
    // The innocent twin of the refusal: the request did it.
    let logs = empty_folder("access-quotes-done");
    let text = line(shifted, "").replace("403 AccessDenied", "204 -");
    fs::write(logs.join("2026-03-01"), text).unwrap();
    let more = ["--access-logs", logs.to_str().unwrap()];
    let ran = investigate("quotes-done", &without_log(&[]), &more);
    assert_eq!(told(&ran), set(&[("objects-deleted", "likely", WHO)]), "{}", ran.ran.stdout);
}

/// A trail that goes on to deliver, but records no call that writes any more: the call that narrowed it is
/// lost, and nobody is named. A trail that rarely records such a call is not narrowed.
#[test]
fn a_trail_that_falls_to_reading_may_be_narrowed() {
    let write = |hour: u32| {
        let request = json!({"resourcesSet": hour});
        (hour, call("ec2", "CreateTags", OTHER, &request).writes())
    };
    let of = |hours: &[u32], name: &str| {
        let events = hours.iter().map(|hour| write(*hour));
        let spec = events.fold(spec(), |spec, (hour, event)| spec.event(hour, event));
        investigate(name, &attacked(spec.build()), &[])
    };
    let every: Vec<u32> = (1..12).collect();
    let ran = of(&every, "reading");
    assert_eq!(told(&ran), set(&[("trail-narrowed", "possible", "")]), "{}", ran.ran.stdout);
    let deed = ran.deed("trail-narrowed").unwrap();
    assert!(deed["raise"].to_string().contains("event-history"), "{deed}");
    for (hours, name) in [(&[1, 5, 9, 10][..], "reading-rarely"), (&[][..], "reading-only")] {
        let ran = of(hours, name);
        assert_eq!(told(&ran), set(&[]), "{name}: {}", ran.ran.stdout);
    }
    // The call is there, and the log files go on: what stopped is what it left out.
    let arn = TrailSpec::new().arn();
    let selectors = json!({"trailName": arn, "eventSelectors": [
        {"readWriteType": "ReadOnly", "includeManagementEvents": true}]});
    let put = call("cloudtrail", "PutEventSelectors", WHO, &selectors).writes();
    let events = every.iter().map(|hour| write(*hour)).chain([(11, put)]);
    let spec = events.fold(spec(), |spec, (hour, event)| spec.event(hour, event));
    let ran = investigate("reading-told", &attacked(spec.build()), &[]);
    assert_eq!(told(&ran), set(&[("trail-narrowed", "shown", WHO)]), "{}", ran.ran.stdout);
}

/// What comes hours after a stretch began found the digests missing, and is not why they are.
#[test]
fn a_call_after_the_effect_is_not_its_cause() {
    let start = spec().start;
    let arn = TrailSpec::new().arn();
    let stop = |after: i64| {
        let at = start + 9 * 3_600 + after;
        call("cloudtrail", "StopLogging", WHO, &json!({"name": arn})).at(at)
    };
    for (after, expected) in
        [(1_800, ("trail-stopped", "shown", WHO)), (5 * 3_600, ("trail-stopped", "possible", ""))]
    {
        let spec = spec().unexplained_pause(9, 16, 0).event(16, stop(after));
        let ran = investigate(&format!("after-{after}"), &attacked(spec.build()), &[]);
        assert_eq!(told(&ran), set(&[expected]), "{after}: {}", ran.ran.stdout);
    }
}
