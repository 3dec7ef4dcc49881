//! Innocent calls beside a real effect: they are neither its cause nor a deed, and name nobody.
use super::{FROM, Investigated, WHO, investigate, investigate_at};
use crate::support::program::{Ran, empty_folder, program, scratch};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{
    Attack, Attacked, BuiltTrail, Deed, DigestAt, EventSpec, LogAt, Told, TrailBuilder, TrailSpec,
};

const INNOCENT: &str = "arn:aws:iam::111122223333:user/innocent";
const BUCKET: &str = "example-trail-logs";
const LOG: LogAt = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };

fn attacked(trail: BuiltTrail) -> Attacked {
    Attacked { trail, when: 0, ransomed: None }
}

fn innocent(source: &str, name: &str, request: &Value) -> EventSpec {
    let id = format!(
        "{name}-{}",
        trailproof_testkit::trail::digest_json::sha256(request.to_string().as_bytes())
    );
    EventSpec::new(&format!("{source}.amazonaws.com"), name)
        .id(&id)
        .by(INNOCENT)
        .request(&request.to_string())
}

/// Asserts that no deed is shown or names anybody.
fn names_nobody(ran: &Investigated, name: &str) {
    for deed in ran.case()["deeds"].as_array().unwrap() {
        assert_eq!(deed["who"], "", "{name}: {deed}");
        assert_eq!(deed["confidence"], "possible", "{name}: {deed}");
    }
    assert!(!ran.ran.stdout.contains(INNOCENT), "{name}\n{}", ran.ran.stdout);
}

/// Calls about a trail, key, object or service that is not that of the evidence, minutes before its
/// chain has a gap, and after which an object is missing.
#[test]
fn calls_about_other_things_name_nobody() {
    let arn = |region: &str, owner: &str| {
        format!("arn:aws:cloudtrail:{region}:{owner}:trail/management-events")
    };
    let key = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000";
    let selectors = json!([{"readWriteType": "All", "includeManagementEvents": false}]);
    let log_of = TrailSpec::new().seed(31).hours(24).build();
    let other_log = log_of.chains[0].digests[7].logs[0].key.clone();
    for (number, (source, name, request, reason)) in [
        ("cloudtrail", "StopLogging", json!({"name": arn("us-east-1", "444455556666")}), "other-trail"),
        ("cloudtrail", "StopLogging", json!({"name": arn("eu-west-1", "111122223333")}), "other-trail"),
        ("cloudtrail", "DeleteTrail", json!({"name": arn("us-east-1", "444455556666")}), "other-trail"),
        (
            "cloudtrail",
            "PutEventSelectors",
            json!({"trailName": arn("us-east-1", "444455556666"), "eventSelectors": selectors}),
            "other-trail",
        ),
        ("cloudtrail", "UpdateTrail", json!({"name": "management-events", "kmsKeyId": key}), ""),
        ("kms", "DisableKey", json!({"keyId": key}), "other-key"),
        ("elasticloadbalancing", "DeleteRule", json!({"ruleArn": "x"}), ""),
        ("logs", "DeleteLogStream", json!({"logGroupName": "/aws/lambda/f"}), "other-resource"),
        ("s3", "DeleteObject", json!({"bucketName": BUCKET, "key": other_log}), "other-object"),
        (
            "s3",
            "PutObjectRetention",
            json!({"bucketName": BUCKET, "key": other_log, "Retention":
                {"Mode": "COMPLIANCE", "RetainUntilDate": "2036-01-01T00:00:00Z"}}),
            "",
        ),
        (
            "s3",
            "PutBucketObjectLockConfiguration",
            json!({"bucketName": BUCKET, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}),
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut trail = TrailSpec::new()
            .seed(31)
            .hours(24)
            .unexplained_pause(10, 14, 0)
            .event(9, innocent(source, name, &request))
            .build();
        trail.apply(Deed::LogDeleted(LOG)).unwrap();
        let ran = investigate(&format!("innocent-{number}"), &attacked(trail), &[]);
        names_nobody(&ran, &format!("{name} {request}"));
        let reasons = ran.case()["not_tied"].as_array().unwrap().clone();
        let reasons: Vec<&str> = reasons.iter().map(|it| it["reason"].as_str().unwrap()).collect();
        let expected: Vec<&str> = Some(reason).filter(|it| !it.is_empty()).into_iter().collect();
        assert_eq!(reasons, expected, "{name} {request}");
    }
}

/// Rules that cannot have removed what is missing.
#[test]
fn a_lifecycle_rule_that_did_not_act_names_nobody() {
    let rule = |rules: Value| {
        let request = json!({"bucketName": BUCKET, "LifecycleConfiguration": {"Rule": rules}});
        innocent("s3", "PutBucketLifecycle", &request)
    };
    let days = |prefix: &str, days: u32| json!({"Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}});
    let large = json!({"Status": "Enabled", "Filter": {"ObjectSizeGreaterThan": 1_000_000_000},
        "Expiration": {"Days": 1}});
    let old = json!({"Status": "Enabled", "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1}});
    let later = json!({"Status": "Enabled", "Filter": {"Prefix": ""},
        "Expiration": {"Date": "2033-01-01T00:00:00Z"}});
    let two = json!([days("tmp/", 1), days("AWSLogs/", 2_555)]);
    let spec = || TrailSpec::new().seed(31).hours(72);
    let day = |mut trail: BuiltTrail| {
        let time = trail.chains[0].digests[0].end;
        trail.apply(Deed::DayDeleted { time }).unwrap();
        trail
    };
    for (number, rules) in [old, large, later, two].into_iter().enumerate() {
        let ran = investigate(
            &format!("rule-{number}"),
            &attacked(day(spec().event(30, rule(rules.clone())).build())),
            &[],
        );
        assert!(!ran.case()["deeds"].as_array().unwrap().is_empty(), "{rules}");
        names_nobody(&ran, &rules.to_string());
    }
    // It was replaced before it could act.
    let put = spec().event(30, rule(days("AWSLogs/", 1))).event(31, rule(days("tmp/", 1)));
    names_nobody(&investigate("rule-replaced", &attacked(day(put.build())), &[]), "replaced");
    // It would have removed what is older too.
    let mut trail = spec().event(30, rule(days("AWSLogs/", 1))).build();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    let ran = investigate("rule-survivors", &attacked(trail), &[]);
    names_nobody(&ran, "survivors");
    let deed = ran.deed("lifecycle-expiry").unwrap();
    assert_eq!(deed["alternatives"], json!(["objects-deleted"]));
}

/// What was done before an object was delivered, or to different bytes, did not change it.
#[test]
fn a_call_before_its_effect_names_nobody() {
    let built = TrailSpec::new().seed(31).hours(24).build();
    let log = built.chains[0].digests[5].logs[0].clone();
    let request = json!({"bucketName": BUCKET, "key": log.key});
    let before = log.time - 600;
    let event = |name: &str, at: i64| innocent("s3", name, &request).data().at(at);
    let mut deleted =
        TrailSpec::new().seed(31).hours(24).event(14, event("DeleteObject", before)).build();
    deleted.apply(Deed::LogDeleted(LOG)).unwrap();
    names_nobody(&investigate("early-delete", &attacked(deleted), &[]), "delete");
    // Restored by one call, and corrupted later by somebody else.
    let restored = log.time + 3_600;
    let mut replaced =
        TrailSpec::new().seed(31).hours(24).event(14, event("PutObject", restored)).build();
    replaced.apply(Deed::LogContentChanged(LOG)).unwrap();
    let versions = replaced.world.buckets.get_mut(BUCKET).unwrap().objects.get_mut(&log.key);
    versions.unwrap().last_mut().unwrap().last_modified = restored + 7_200;
    let ran = investigate("restored", &attacked(replaced), &[]);
    names_nobody(&ran, "restored");
    // The request of an access log is older than the object too.
    let iso = Timestamp::from_unix(before).to_string();
    let line = format!(
        "79a59df900b949e5 {BUCKET} [01/Mar/2026:{} +0000] 192.0.2.3 {INNOCENT} 3E57427F3EXAMPLE \
         REST.DELETE.OBJECT {} \"DELETE /x HTTP/1.1\" 204 - - 113 7 - \"-\" \"aws-cli\" - host \
         SigV4 TLS AuthHeader host TLSv1.3 - -\n",
        &iso[11..19],
        log.key
    );
    let logs = empty_folder("investigate-early-access-logs");
    fs::write(logs.join("2026-03-01"), line).unwrap();
    let mut lost = TrailSpec::new().seed(31).hours(24).build();
    lost.apply(Deed::LogDeleted(LOG)).unwrap();
    let ran =
        investigate("early-access", &attacked(lost), &["--access-logs", logs.to_str().unwrap()]);
    names_nobody(&ran, "access");
}

/// A different trail that starts does not end the stop of this one.
#[test]
fn a_start_of_a_different_trail_is_no_restart() {
    let other = "arn:aws:cloudtrail:us-east-1:444455556666:trail/management-events";
    let spec = TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    let stop = EventSpec::stop_logging(&spec.arn()).at(spec.start + 10 * 3_600 - 300);
    let start = EventSpec::start_logging(other).at(spec.start + 12 * 3_600);
    let trail = spec.event(9, stop).event(14, start).build();
    let ran = investigate("restart", &attacked(trail), &[]);
    let deed = ran.deed("trail-stopped").unwrap();
    assert_eq!((&deed["confidence"], &deed["restarted"]), (&"shown".into(), &Value::Null));
}

/// Names in a gap are only names: they are listed, and their explanation is one of several.
#[test]
fn log_files_in_a_gap_do_not_decide_what_made_it() {
    let attacked = Attack::ValidationOff.built(Told::Lost).unwrap();
    let deed = investigate("gap-names", &attacked, &[]).deed("validation-off").unwrap();
    assert_eq!(deed["confidence"], "possible");
    assert_eq!(deed["alternatives"], json!(["trail-stopped", "objects-planted"]));
    assert_eq!((&deed["object_count"], deed["objects"].as_array().unwrap().len()), (&1.into(), 1));
}

/// Data events of other buckets say nothing about this one.
#[test]
fn data_events_of_other_buckets_do_not_count() {
    let of = |bucket: &str| {
        let request = json!({"bucketName": bucket, "key": "x/y"});
        let event = innocent("s3", "PutObject", &request).data();
        let mut trail = TrailSpec::new().seed(31).hours(24).event(9, event).build();
        trail.apply(Deed::LogDeleted(LOG)).unwrap();
        let case = investigate(&format!("data-{bucket}"), &attacked(trail), &[]).case();
        case["notices"].as_array().unwrap().contains(&"no-data-events".into())
    };
    assert_eq!((of("other-bucket"), of(BUCKET)), (true, false));
}

/// Where a copy ends, nobody stopped anything. It is not written into either.
#[test]
fn the_end_of_a_copy_is_no_deed() {
    let at = empty_folder("investigate-copy");
    TrailSpec::new().seed(31).hours(6).build().write_to(&at.join("copy")).unwrap();
    let (copy, keys) = (at.join("copy"), at.join("copy/public-keys.json"));
    let run = |case: &str| {
        let arguments = [
            "investigate",
            copy.to_str().unwrap(),
            "--public-keys",
            keys.to_str().unwrap(),
            "--start-time",
            "2026-03-01T00:04:11Z",
            "--end-time",
            "2026-03-02",
            "--quiet",
            "--case",
            case,
        ];
        Ran::from(&mut program(&arguments))
    };
    let case = scratch("investigate-copy-case");
    let ran = Investigated { ran: run(case.to_str().unwrap()), folder: case.clone() };
    assert_eq!(ran.case()["deeds"], json!([]), "{}", ran.ran.stdout);
    assert_eq!(ran.case()["uncovered"][0]["coverage"], "tail", "{}", ran.case());
    let mode = |name: &str| fs::metadata(case.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("run.record.zst"), mode("case.json"));
    for inside in ["case", "new/case"] {
        let inside = copy.join(inside);
        run(inside.to_str().unwrap()).is(2, "would be written into the evidence");
        assert!(!copy.join("new").exists());
    }
}

/// A key that cannot be used names only who withheld that very key. A permission that the reader lacks
/// is nobody's deed.
#[test]
fn a_key_names_only_who_withheld_it() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/0d990263-018e-428e-a701-31b6de3a4d52";
    let other = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000";
    let call = |name: &str, key: &str, hour: i64| {
        let at = TrailSpec::new().start + hour * 3_600;
        EventSpec::new("kms.amazonaws.com", name).request(&json!({"keyId": key}).to_string()).at(at)
    };
    let shown = Some(("key-withheld", "shown", WHO));
    let possible = Some(("key-withheld", "possible", ""));
    for (number, (fault, events, expected)) in [
        (Fault::KmsDisabled, vec![call("DisableKey", key, 14)], shown),
        (Fault::KmsDisabled, vec![call("DisableKey", other, 14)], possible),
        (
            Fault::KmsDisabled,
            vec![call("DisableKey", key, 14), call("EnableKey", key, 15)],
            possible,
        ),
        (Fault::KmsDenied, vec![call("DisableKey", key, 14)], None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut spec = TrailSpec::new().seed(31).hours(24);
        for event in events {
            spec = spec.event(16, event);
        }
        let trail = spec.build();
        let log = trail.chains[0].digests[5].logs[0].key.clone();
        let options = ServerOptions {
            faults: FaultPlan::new().with(Matcher::get(&log), Schedule::always(fault)),
            ..ServerOptions::default()
        };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let ran = investigate_at(&server, &format!("key-{number}"), &attacked(trail), &[]);
        let deeds = ran.deeds();
        let deeds: Vec<_> = deeds
            .iter()
            .map(|deed| {
                let text = |name: &str| deed[name].as_str().unwrap();
                (text("technique"), text("confidence"), text("who"))
            })
            .collect();
        assert_eq!(deeds, Vec::from_iter(expected), "{number}\n{}", ran.ran.stdout);
        assert_eq!(ran.case()["affected"][0]["code"], "kms-denied");
    }
}

/// The keys of an organization's trail do not name its owner, so that a call about a trail of its name
/// may be about a different one.
#[test]
fn a_trail_of_an_organization_is_named_with_less_confidence() {
    let spec = TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    let spec = spec.organization("o-a1b2c3d4e5");
    let stop = EventSpec::stop_logging(&spec.arn()).at(spec.start + 10 * 3_600 - 300);
    let ran = investigate("organization", &attacked(spec.event(9, stop).build()), &[]);
    let deed = ran.deed("trail-stopped").unwrap();
    assert_eq!((&deed["confidence"], &deed["who"]), (&"likely".into(), &WHO.into()));
    assert!(ran.ran.stdout.contains("it names only a part of the effect"), "{}", ran.ran.stdout);
}

/// A deed of several effects is as sure as the weakest, and rests on its witness.
#[test]
fn a_deed_rests_on_its_weakest_witness() {
    // The newest object is judged first, and is shown.
    let second = LogAt { digest: DigestAt { chain: 0, index: 6 }, log: 0 };
    let built = TrailSpec::new().seed(31).hours(24).build();
    let log = |index: usize| built.chains[0].digests[index].logs[0].key.clone();
    let request = json!({"bucketName": BUCKET, "key": log(6)}).to_string();
    let at = built.chains[0].digests[14].end;
    let event = EventSpec::new("s3.amazonaws.com", "DeleteObject").request(&request).data().at(at);
    let mut trail = TrailSpec::new().seed(31).hours(24).event(14, event).build();
    trail.apply_all(&[Deed::LogDeleted(LOG), Deed::LogDeleted(second)]).unwrap();
    let line = format!(
        "79a59df900b949e5 {BUCKET} [01/Mar/2026:20:00:00 +0000] {FROM} {WHO} 3E57427F3EXAMPLE \
         REST.DELETE.OBJECT {} \"DELETE /x HTTP/1.1\" 204 - - 113 7 - \"-\" \"aws-cli\" - host \
         SigV4 TLS AuthHeader host TLSv1.3 - -\n",
        log(5)
    );
    let logs = empty_folder("investigate-weakest-logs");
    fs::write(logs.join("2026-03-01"), line).unwrap();
    let ran = investigate("weakest", &attacked(trail), &["--access-logs", logs.to_str().unwrap()]);
    let deeds = ran.deeds();
    assert_eq!(deeds.len(), 1, "{}", ran.ran.stdout);
    assert_eq!(
        (&deeds[0]["confidence"], &deeds[0]["witness"], &deeds[0]["object_count"]),
        (&"likely".into(), &"unsigned".into(), &2.into())
    );
}

/// A call that was undone before the chain ended.
#[test]
fn what_was_undone_names_nobody() {
    let update = |bucket: &str| {
        let request = json!({"name": "management-events", "s3BucketName": bucket});
        innocent("cloudtrail", "UpdateTrail", &request)
    };
    let switch = |on: bool| {
        let request = json!({"name": "management-events", "enableLogFileValidation": on});
        innocent("cloudtrail", "UpdateTrail", &request)
    };
    let named = |name: &str| innocent("cloudtrail", name, &json!({"name": TrailSpec::new().arn()}));
    let spec = || TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    for (name, first, second) in [
        ("redirected", update("elsewhere"), update(BUCKET)),
        ("validation", switch(false), switch(true)),
        ("stopped", named("StopLogging"), named("StartLogging")),
        ("deleted", named("DeleteTrail"), named("StartLogging")),
    ] {
        let once = spec().event(9, first.clone()).build();
        let ran = investigate(&format!("undone-{name}-once"), &attacked(once), &[]);
        assert_eq!(ran.case()["deeds"][0]["who"], INNOCENT, "{name}: the call alone explains it");
        let trail = spec().event(7, first).event(8, second).build();
        names_nobody(&investigate(&format!("undone-{name}"), &attacked(trail), &[]), name);
    }
}

/// The cause is not acquitted by a call that sets something else, and a call whose effect was taken back is
/// none.
#[test]
fn only_the_same_setting_undoes_a_call() {
    let update = |what: Value| {
        let mut request = json!({"name": "management-events"});
        request.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        innocent("cloudtrail", "UpdateTrail", &request)
    };
    let spec = || TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    let trail = spec()
        .event(7, update(json!({"s3BucketName": "elsewhere"})).at(spec().start + 9 * 3_600 + 60))
        .event(8, update(json!({"enableLogFileValidation": true})));
    let trail = trail.build();
    let ran = investigate("undone-other-setting", &attacked(trail), &[]);
    assert_eq!(ran.deed("trail-redirected").unwrap()["who"], INNOCENT, "{}", ran.ran.stdout);
    // A call that names the prefix alone leaves the bucket as it was, and many that set nothing hide nothing.
    let away = update(json!({"s3BucketName": "elsewhere"})).at(spec().start + 9 * 3_600 + 60);
    let mut many = spec().event(7, away);
    for number in 0..80 {
        let same = update(json!({"s3KeyPrefix": ""})).id(&format!("same-{number}"));
        many = many.event(9, same);
    }
    let ran = investigate("undone-half", &attacked(many.build()), &[]);
    assert_eq!(ran.deed("trail-redirected").unwrap()["who"], INNOCENT, "{}", ran.ran.stdout);
    let payer = |who: &str| {
        let request = json!({"bucketName": BUCKET, "RequestPaymentConfiguration": {"Payer": who}});
        innocent("s3", "PutBucketRequestPayment", &request)
    };
    let once = spec().event(9, payer("Requester")).build();
    let ran = investigate("undone-payer-once", &attacked(once), &[]);
    assert_eq!(ran.deed("delivery-broken").unwrap()["confidence"], "shown");
    let trail = spec().event(7, payer("Requester")).event(8, payer("BucketOwner")).build();
    names_nobody(&investigate("undone-payer", &attacked(trail), &[]), "payer");
}

/// A policy denies deliveries, or it does not, or that cannot be decided; and one that denies them to a whole
/// bucket does not end one trail of it alone.
#[test]
fn a_policy_is_shown_to_stop_only_what_it_denies() {
    let allow = json!({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{BUCKET}/*")});
    let put = |denial: Value| {
        let policy = json!({"Version": "2012-10-17", "Statement": [allow, denial]});
        innocent("s3", "PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": policy}))
    };
    let all = format!("arn:aws:s3:::{BUCKET}/*");
    let deny = |more: Value| {
        let mut denial = json!({"Effect": "Deny", "Action": "s3:*", "Resource": all});
        denial.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        denial
    };
    let spec = || TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    for (name, denial, expected) in [
        ("denied", deny(json!({"Principal": "*"})), Some("shown")),
        (
            "tls",
            deny(
                json!({"Principal": "*", "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}),
            ),
            Some("possible"),
        ),
        (
            "all-but",
            deny(json!({"NotPrincipal": {"Service": "cloudtrail.amazonaws.com"}})),
            Some("possible"),
        ),
        (
            "deputy",
            deny(json!({"Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}})),
            None,
        ),
    ] {
        let trail = spec().event(9, put(denial)).build();
        let ran = investigate(&format!("policy-{name}"), &attacked(trail), &[]);
        let found = ran.deed("delivery-broken").map(|deed| deed["confidence"].clone());
        assert_eq!(found, expected.map(Value::from), "{name}: {}", ran.ran.stdout);
    }
    // What replaced it cannot be decided, so that it may have been in force no longer.
    let tls =
        deny(json!({"Principal": "*", "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}));
    let replaced = spec().event(7, put(deny(json!({"Principal": "*"})))).event(9, put(tls)).build();
    let ran = investigate("policy-replaced", &attacked(replaced), &[]);
    assert_ne!(ran.deed("delivery-broken").unwrap()["confidence"], "shown", "{}", ran.ran.stdout);
    // Another trail of the bucket goes on.
    let first = spec().event(9, put(deny(json!({"Principal": "*"}))));
    let second = TrailSpec::new().seed(32).hours(24).trail("second", "us-east-1");
    let trail = TrailBuilder::new().reuse_keys().trail(first).trail(second).build();
    let ran = investigate("policy-spares", &attacked(trail), &[]);
    assert_eq!(ran.deed("delivery-broken").unwrap()["confidence"], "possible");
}

/// A deletion whose delete marker was removed again is not what removed the object.
#[test]
fn a_deletion_that_was_taken_back_removed_nothing() {
    let clean = TrailSpec::new().seed(31).hours(24).build();
    let key = clean.chains[0].digests[5].logs[0].key.clone();
    let marker =
        |id: &str| json!({"x-amz-delete-marker": "true", "x-amz-version-id": id}).to_string();
    let call = |by: &str, id: &str, version: Option<&str>| {
        let mut request = json!({"bucketName": BUCKET, "key": key});
        if let Some(version) = version {
            request["versionId"] = version.into();
        }
        let event = EventSpec::new("s3.amazonaws.com", "DeleteObject").data().by(by);
        event.id(&format!("delete-{by}")).request(&request.to_string()).response(&marker(id))
    };
    let second = "arn:aws:iam::111122223333:user/second";
    let keeper = "arn:aws:iam::111122223333:user/keeper";
    let spec = TrailSpec::new().seed(31).hours(24);
    let mut trail = spec
        .event(9, call(INNOCENT, "m1", None))
        .event(10, call(keeper, "m1", Some("m1")))
        .event(11, call(second, "m2", None))
        .build();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    let ran = investigate("taken-back", &attacked(trail), &[]);
    let who: Vec<_> = ran.deeds().iter().map(|deed| deed["who"].clone()).collect();
    assert_eq!(who, [second], "{}", ran.ran.stdout);
    // Where versions are not kept, each marker has the same id, and removing one brings nothing back.
    let spec = TrailSpec::new().seed(31).hours(24);
    let mut trail = spec
        .event(9, call(second, "null", None))
        .event(10, call(keeper, "null", Some("null")))
        .build();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    let ran = investigate("taken-back-null", &attacked(trail), &[]);
    let who: Vec<_> = ran.deeds().iter().map(|deed| deed["who"].clone()).collect();
    assert_eq!(who, [second], "{}", ran.ran.stdout);
}

/// Selectors that were in force already narrow nothing.
#[test]
fn putting_the_same_selectors_again_narrows_nothing() {
    let put = |hour: u32| {
        let request = json!({"trailName": "management-events", "eventSelectors":
            [{"readWriteType": "WriteOnly", "includeManagementEvents": true}]});
        innocent("cloudtrail", "PutEventSelectors", &request).id(&format!("put-{hour}"))
    };
    let spec = || TrailSpec::new().seed(31).hours(30).empty_hours(18..30);
    let once = investigate("same-once", &attacked(spec().event(17, put(17)).build()), &[]);
    assert_eq!(once.deed("trail-narrowed").unwrap()["confidence"], "shown");
    let again = spec().event(2, put(2)).event(17, put(17)).build();
    let ran = investigate("same-again", &attacked(again), &[]);
    let deed = ran.deed("trail-narrowed").unwrap();
    assert_ne!(deed["confidence"], "shown", "{deed}");
}

/// A case that searched only hours says so.
#[test]
fn a_search_of_some_hours_is_named() {
    let spec = || TrailSpec::new().seed(31).hours(40);
    for (name, spec, expected) in
        [("hours", spec().unexplained_pause(30, 34, 0), true), ("whole", spec(), false)]
    {
        let ran = investigate(&format!("searched-{name}"), &attacked(spec.build()), &[]);
        let case = ran.case();
        let notices: Vec<&str> =
            case["notices"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(notices.contains(&"hours-searched"), expected, "{name}: {notices:?}");
    }
}

/// Whoever deletes what is gone already removed nothing.
#[test]
fn the_first_of_two_deletions_removed_the_object() {
    let clean = TrailSpec::new().seed(31).hours(24).build();
    let key = clean.chains[0].digests[5].logs[0].key.clone();
    let first = "arn:aws:iam::111122223333:user/first";
    let delete = |by: &str| {
        let request = json!({"bucketName": BUCKET, "key": key});
        let event = EventSpec::new("s3.amazonaws.com", "DeleteObject").data().by(by);
        event.id(&format!("delete-{by}")).request(&request.to_string())
    };
    let spec = TrailSpec::new().seed(31).hours(24);
    let mut trail = spec.event(9, delete(first)).event(11, delete(INNOCENT)).build();
    assert_eq!(trail.chains[0].digests[5].logs[0].key, key);
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    let ran = investigate("two-deletions", &attacked(trail), &[]);
    let deeds = ran.case()["deeds"].as_array().unwrap().clone();
    assert_eq!(deeds.len(), 1, "{deeds:?}");
    assert_ne!(deeds[0]["who"], INNOCENT, "{deeds:?}");
}
