//! Log files that were replaced, compared with the version that is proven, and log files that no digest
//! names: what they claim is told apart, and accuses nobody.
use super::{FROM, Investigated, WHO, investigate};
use serde_json::{Value, json};
use std::fs;
use trailproof_testkit::trail::gzip::{self, Body};
use trailproof_testkit::trail::{
    Attacked, BuiltTrail, Deed, DigestAt, EventSpec, LogAt, TrailSpec,
};

const INNOCENT: &str = "arn:aws:iam::111122223333:user/innocent";
const LOG: LogAt = LogAt { digest: DigestAt { chain: 0, index: 9 }, log: 0 };

fn attacked(trail: BuiltTrail) -> Attacked {
    Attacked { trail, when: 0, ransomed: None }
}

/// A trail whose logging was stopped between the tenth and the fourteenth hour. The log file that holds
/// the event of that is `LOG`.
fn stopped() -> TrailSpec {
    let spec = TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    let stop = EventSpec::stop_logging(&spec.arn()).at(spec.start + 10 * 3_600 - 300);
    let read = EventSpec::new("s3.amazonaws.com", "ListBuckets").id("read");
    spec.event(9, stop).event(9, read)
}

/// Changes the events of the log file that holds the event `id`, and returns its key.
fn rewrite(trail: &mut BuiltTrail, id: &str, change: impl Fn(&mut Vec<Value>)) -> String {
    let keys: Vec<_> = trail.logs().map(|(_, log)| (log.bucket.clone(), log.key.clone())).collect();
    for (bucket, key) in keys {
        let mut version = trail.world.buckets[&bucket].current(&key).unwrap().clone();
        let Body::Inflated { bytes, .. } = gzip::read(&version.body) else { continue };
        let mut log: Value = serde_json::from_slice(&bytes).unwrap();
        let records = log["Records"].as_array_mut().unwrap();
        if !records.iter().any(|event| event["eventID"] == id) {
            continue;
        }
        change(records);
        version.body = gzip::member(log.to_string().as_bytes()).into();
        version.version_id = format!("{}-rewritten", version.version_id);
        version.last_modified += 7_200;
        trail.world.buckets.get_mut(&bucket).unwrap().put(&key, version);
        return key;
    }
    panic!("no log file holds the event {id}");
}

fn lines(ran: &Investigated, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(ran.folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stop_id(spec: &TrailSpec) -> String {
    EventSpec::stop_logging(&spec.arn()).id
}

/// The event that an intruder took out of a log file is in the version that is proven: it is named, and
/// it shows who stopped logging.
#[test]
fn what_was_taken_out_of_a_log_file_is_named() {
    let spec = stopped().versioned();
    let id = stop_id(&spec);
    let mut trail = spec.build();
    let key = rewrite(&mut trail, &id, |events| {
        events.retain(|event| event["eventID"] != id);
        let read = events.iter_mut().find(|event| event["eventID"] == "read").unwrap();
        read["userAgent"] = "rewritten".into();
        events.push(json!({
            "eventID": "claimed", "eventName": "StopLogging",
            "eventSource": "cloudtrail.amazonaws.com", "eventTime": "2026-03-01T08:31:00Z",
            "userIdentity": {"arn": INNOCENT}, "sourceIPAddress": "192.0.2.9",
            "requestParameters": {"name": "management-events"},
        }));
    });
    let ran = investigate("difference", &attacked(trail), &[]);
    let replaced = &ran.case()["replaced"][0];
    assert!(replaced["log_file"].as_str().unwrap().ends_with(&key), "{replaced}");
    let told = |name: &str| replaced["events"][name].as_u64().unwrap();
    assert_eq!((told("removed"), told("changed"), told("added")), (1, 1, 1), "{replaced}");
    assert_eq!(told("not_compared"), 0);
    let changes = lines(&ran, "diffs/changes.jsonl");
    let of = |change: &str| changes.iter().find(|line| line["change"] == change).unwrap().clone();
    let (removed, changed, added) = (of("removed"), of("changed"), of("added"));
    assert_eq!((&removed["event_id"], &removed["who"]), (&id.as_str().into(), &WHO.into()));
    assert_eq!(removed["witness"], "proven");
    assert_eq!(changed["fields"].as_array().unwrap().len(), 1, "{changed}");
    assert_eq!(changed["fields"][0]["pointer"], "/userAgent");
    assert_eq!(changed["fields"][0]["new"], "\"rewritten\"");
    assert_eq!((&added["event_id"], &added["witness"]), (&"claimed".into(), &"unproven".into()));
    // The proven event names who did it; the one that was put in names nobody.
    let deed = ran.deed("trail-stopped").unwrap_or_else(|| panic!("{}", ran.ran.stdout));
    assert_eq!((&deed["confidence"], &deed["who"]), (&"shown".into(), &WHO.into()), "{deed}");
    assert_eq!(deed["from_where"], FROM);
    assert!(ran.deeds().iter().all(|deed| deed["who"] != INNOCENT), "{}", ran.ran.stdout);
    let proofs = lines(&ran, "events/proofs.jsonl");
    let proof = proofs.iter().find(|line| line["event_id"] == id.as_str()).unwrap();
    assert_eq!(proof["by_versions"], true);
    // The timeline tells what is proven from what is claimed.
    let timeline = lines(&ran, "timeline.jsonl");
    let witness = |who: &str| -> Vec<String> {
        let of = timeline.iter().filter(|line| line["who"] == who);
        of.map(|line| format!("{} {}", line["time_is"], line["witness"])).collect()
    };
    assert_eq!(witness(INNOCENT), ["\"difference\" \"unproven\""]);
    assert!(witness(WHO).contains(&"\"difference\" \"proven\"".to_owned()), "{timeline:?}");
    assert!(ran.ran.stdout.contains("1 event removed, 1 changed, 1 added"), "{}", ran.ran.stdout);
}

/// Without versions nothing is compared, and nobody is named.
#[test]
fn a_bucket_without_versions_gives_no_difference() {
    let spec = stopped();
    let id = stop_id(&spec);
    let mut trail = spec.build();
    let key = rewrite(&mut trail, &id, |events| events.retain(|event| event["eventID"] != id));
    // Only what lies there now is left.
    let bucket = trail.world.buckets.get_mut("example-trail-logs").unwrap();
    let versions = bucket.objects.get_mut(&key).unwrap();
    *versions = versions.split_off(versions.len() - 1);
    let ran = investigate("no-difference", &attacked(trail), &[]);
    assert_eq!(ran.case()["replaced"], json!([]));
    assert!(lines(&ran, "diffs/changes.jsonl").is_empty());
    assert!(ran.deeds().iter().all(|deed| deed["who"] == ""), "{}", ran.ran.stdout);
}

/// A log file that was written anew with the same events is replaced, and its events are the same.
#[test]
fn a_log_file_that_was_written_anew_has_the_same_events() {
    let mut trail = stopped().versioned().build();
    rewrite(&mut trail, "read", |events| events.reverse());
    let ran = investigate("same-events", &attacked(trail), &[]);
    let events = &ran.case()["replaced"][0]["events"];
    for name in ["added", "removed", "changed", "not_compared"] {
        assert_eq!(events[name], 0, "{name}: {events}");
    }
    assert!(events["same"].as_u64().unwrap() > 1, "{events}");
}

/// Whoever deletes the digest of a log file does not take its events out of the case, as long as a
/// version of the digest is left.
#[test]
fn events_below_a_deleted_digest_are_found_by_its_version() {
    let spec = stopped().versioned();
    let mut trail = spec.build();
    let digest = trail.chains[0].digests.iter().position(|digest| {
        digest.logs.iter().any(|log| {
            let body = &trail.world.buckets[&log.bucket].current(&log.key).unwrap().body;
            let Body::Inflated { bytes, .. } = gzip::read(body) else { return false };
            String::from_utf8(bytes).unwrap().contains("StopLogging")
        })
    });
    let index = digest.unwrap();
    trail.apply(Deed::DigestDeleted(DigestAt { chain: 0, index })).unwrap();
    let ran = investigate("below-deleted", &attacked(trail), &[]);
    let deed = ran.deed("trail-stopped").unwrap_or_else(|| panic!("{}", ran.ran.stdout));
    assert_eq!((&deed["confidence"], &deed["who"]), (&"shown".into(), &WHO.into()), "{deed}");
}

/// A planted log file can claim anything of anybody.
#[test]
fn a_planted_log_file_accuses_nobody() {
    let spec = TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0);
    let arn = spec.arn();
    let mut trail = spec.build();
    let log = trail.chains[0].digests[LOG.digest.index].logs[0].clone();
    let mut version = trail.world.buckets[&log.bucket].current(&log.key).unwrap().clone();
    let claimed = json!({
        "eventID": "claimed", "eventName": "StopLogging",
        "eventSource": "cloudtrail.amazonaws.com", "eventTime": "2026-03-01T08:31:00Z",
        "userIdentity": {"arn": INNOCENT}, "sourceIPAddress": "192.0.2.9",
        "requestParameters": {"name": arn, "sessionToken": "PLANTED-TOKEN"},
        "userAgent": "\u{1b}]0;owned\u{7}<script>",
    });
    version.body = gzip::member(json!({"Records": [claimed]}).to_string().as_bytes()).into();
    let planted = log.key.replacen(".json.gz", "Planted.json.gz", 1);
    assert_ne!(planted, log.key);
    trail.world.buckets.get_mut(&log.bucket).unwrap().put(&planted, version);
    let ran = investigate("planted", &attacked(trail), &[]);
    let unproven = &ran.case()["unproven"][0];
    assert_eq!((&unproven["events"], &unproven["events_listed"]), (&1.into(), &1.into()));
    let claims = lines(&ran, "diffs/unproven.jsonl");
    assert_eq!((&claims[0]["who"], &claims[0]["witness"]), (&INNOCENT.into(), &"unproven".into()));
    assert!(ran.deeds().iter().all(|deed| deed["who"] == ""), "{}", ran.ran.stdout);
    assert!(ran.deeds().iter().all(|deed| deed["confidence"] != "shown"), "{}", ran.ran.stdout);
    assert!(!ran.ran.stdout.contains(INNOCENT), "{}", ran.ran.stdout);
    let timeline = lines(&ran, "timeline.jsonl");
    let of: Vec<&Value> = timeline.iter().filter(|line| line["who"] == INNOCENT).collect();
    assert_eq!(of.len(), 1);
    assert_eq!((&of[0]["time_is"], &of[0]["witness"]), (&"claimed".into(), &"unproven".into()));
    assert_eq!((&of[0]["technique"], &of[0]["outcome"]), (&Value::Null, &"unproven".into()));
    assert!(ran.case()["notices"].to_string().contains("unproven-events"));
    for entry in ["diffs/unproven.jsonl", "timeline.jsonl", "report.html", "timesketch.jsonl"] {
        let text = fs::read_to_string(ran.folder.join(entry)).unwrap();
        assert!(!text.contains("PLANTED-TOKEN") && !text.contains('\u{1b}'), "{entry}");
        assert!(!entry.ends_with("html") || !text.contains("<script"), "{entry}");
    }
}
