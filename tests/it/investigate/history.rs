//! Event history as a second witness: it names who did it, is never enough for a deed to be shown, and
//! accuses nobody of what was done to something else.
use super::{FROM, Investigated, WHO, investigate_at, serve};
use serde_json::{Value, json};
use std::fs;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::location::iso;
use trailproof_testkit::trail::{Attacked, EventSpec, TrailSpec};

const HOUR: i64 = 3_600;

fn spec() -> TrailSpec {
    TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0)
}

/// An event as Event history returns it.
fn event(id: &str, source: &str, name: &str, at: i64, request: &Value) -> Value {
    json!({
        "eventVersion": "1.08", "eventID": id, "eventName": name,
        "eventSource": format!("{source}.amazonaws.com"), "eventTime": iso(at),
        "awsRegion": "us-east-1", "sourceIPAddress": FROM, "userAgent": "aws-cli",
        "userIdentity": {"type": "IAMUser", "arn": WHO, "accountId": "111122223333"},
        "requestParameters": request, "readOnly": true, "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333", "eventCategory": "Management",
    })
}

fn with_history(spec: TrailSpec, mut events: Vec<Value>) -> Attacked {
    let mut trail = spec.build();
    events.sort_by_key(|event| std::cmp::Reverse(event["eventTime"].to_string()));
    let events = events.iter().map(Value::to_string).collect();
    trail.world.history.insert("us-east-1".to_owned(), events);
    Attacked { trail, when: 0, ransomed: None }
}

fn ask(name: &str, attacked: &Attacked, mode: &str) -> Investigated {
    investigate_at(&serve(attacked), &format!("history-{name}"), attacked, &[mode])
}

fn notices(ran: &Investigated) -> String {
    ran.case()["notices"].to_string()
}

fn lines(ran: &Investigated) -> Vec<Value> {
    let text = fs::read_to_string(ran.folder.join("events/history.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn it_names_who_stopped_the_trail_and_does_not_show_it() {
    let spec = spec();
    let at = spec.start + 10 * HOUR - 300;
    let stop = event("s", "cloudtrail", "StopLogging", at, &json!({"name": spec.arn()}));
    let attacked = with_history(spec, vec![stop]);
    let ran = ask("stop", &attacked, "--event-history");
    let deed = ran.deed("trail-stopped").unwrap_or_else(|| panic!("{}", ran.ran.stdout));
    assert_eq!((&deed["confidence"], &deed["witness"]), (&"likely".into(), &"unsigned".into()));
    assert_eq!((&deed["who"], &deed["from_where"]), (&WHO.into(), &FROM.into()));
    assert_eq!(deed["when"], iso(at));
    assert_eq!(deed["event_ids"], json!([]), "it is no verified event");
    assert!(notices(&ran).contains("event-history-read"), "{}", ran.case());
    let timeline = fs::read_to_string(ran.folder.join("timeline.jsonl")).unwrap();
    let line = timeline.lines().find(|line| line.contains("\"StopLogging\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["witness"], &line["time_is"]), (&"unsigned".into(), &"history".into()));
    assert_eq!(line["outcome"], "unsigned");
    assert_eq!(ran.ran.status, 3, "{}", ran.ran.stdout);
    // Without the option, nothing is asked.
    let server = serve(&attacked);
    let ran = investigate_at(&server, "history-not-asked", &attacked, &[]);
    assert_eq!(server.requests().of(Operation::LookupEvents), 0);
    assert_eq!(ran.case()["event_history"], Value::Null);
    assert_eq!(ran.deed("trail-stopped").unwrap()["who"], "");
}

/// Calls about a different trail, a refused one, one long before, and one in an account that is not in
/// the record.
#[test]
fn what_was_done_to_something_else_names_nobody() {
    let at = spec().start + 10 * HOUR - 300;
    let stop = |id: &str, name: &str, at| {
        event(id, "cloudtrail", "StopLogging", at, &json!({"name": name}))
    };
    let other = "arn:aws:cloudtrail:us-east-1:444455556666:trail/management-events";
    let mut refused = stop("b", &spec().arn(), at);
    refused["errorCode"] = "AccessDenied".into();
    let mut elsewhere = stop("d", &spec().arn(), at);
    elsewhere["recipientAccountId"] = "444455556666".into();
    for (name, event, reason) in [
        ("other-trail", stop("a", other, at), Some("other-trail")),
        ("refused", refused, None),
        ("early", stop("c", &spec().arn(), at - 2 * HOUR), None),
        ("other-account", elsewhere, None),
    ] {
        let ran = ask(name, &with_history(spec(), vec![event]), "--event-history");
        for deed in ran.deeds() {
            assert_eq!((&deed["who"], &deed["confidence"]), (&"".into(), &"possible".into()));
        }
        assert!(!ran.ran.stdout.contains(WHO), "{name}\n{}", ran.ran.stdout);
        assert_eq!(notices(&ran).contains("event-history-other"), name == "other-account");
        if let Some(reason) = reason {
            assert_eq!(lines(&ran)[0]["not_tied"], reason);
        }
    }
}

/// The keys of an organization's trail do not name its owner: an unsigned witness names nobody there.
#[test]
fn a_trail_of_an_organization_is_not_named_by_it() {
    let spec = spec().organization("o-a1b2c3d4e5");
    let at = spec.start + 10 * HOUR - 300;
    let stop = event("s", "cloudtrail", "StopLogging", at, &json!({"name": spec.arn()}));
    let ran = ask("organization", &with_history(spec, vec![stop]), "--event-history");
    let deed = ran.deed("trail-stopped").unwrap();
    assert_eq!((&deed["confidence"], &deed["who"]), (&"possible".into(), &"".into()), "{deed}");
}

/// An event is called missing only where verified log files have its kind, long enough before time
/// without digests, and do not have it.
#[test]
fn events_that_no_verified_log_file_has_are_told_apart() {
    let spec = spec();
    let start = spec.start;
    let read =
        EventSpec::new("s3.amazonaws.com", "ListBuckets").id("kept").at(start + 2 * HOUR - 600);
    let of = |id: &str, source: &str, at: i64| event(id, source, "ListBuckets", at, &Value::Null);
    let mut insight = of("insight", "s3", start + 2 * HOUR - 600);
    insight["eventCategory"] = "Insight".into();
    let mut written = of("written", "s3", start + 2 * HOUR - 600);
    written["readOnly"] = false.into();
    let events = vec![
        of("kept", "s3", start + 2 * HOUR - 600),
        of("gone", "s3", start + 2 * HOUR - 600),
        of("unrecorded", "rdsdata", start + 2 * HOUR - 600),
        of("late", "s3", start + 10 * HOUR - 600),
        of("hole", "s3", start + 12 * HOUR),
        insight,
        written,
    ];
    let attacked = with_history(spec.event(1, read), events);
    let ran = ask("all", &attacked, "--event-history=all");
    let told = lines(&ran);
    assert_eq!(told.len(), 7, "{told:?}");
    let missing: Vec<&str> = told
        .iter()
        .filter(|line| line["missing_in_log_files"] == true)
        .map(|line| line["event_id"].as_str().unwrap())
        .collect();
    assert_eq!(missing, ["gone"]);
    assert!(notices(&ran).contains("events-missing"), "{}", ran.case());
    assert_eq!(ran.case()["event_history"], json!({"events": 7, "missing": 1}));
    // Nothing is missing if nothing is gone.
    let read =
        EventSpec::new("s3.amazonaws.com", "ListBuckets").id("kept").at(start + 2 * HOUR - 600);
    let spec = TrailSpec::new().seed(31).hours(24).unexplained_pause(10, 14, 0).event(1, read);
    let attacked = with_history(spec, vec![of("kept", "s3", start + 2 * HOUR - 600)]);
    let ran = ask("none-missing", &attacked, "--event-history=all");
    assert_eq!(ran.case()["event_history"], json!({"events": 1, "missing": 0}));
    assert!(!notices(&ran).contains("events-missing"));
}

/// More than a page of events; texts that are hostile; a refusal.
#[test]
fn it_is_read_to_its_end_and_a_refusal_is_said() {
    let base = spec();
    let at = base.start + 10 * HOUR - 300;
    let request = json!({"name": base.arn(), "sessionToken": "PLANTED-TOKEN"});
    let mut events: Vec<Value> = (0..120)
        .map(|number| {
            let at = at - number % 60;
            event(&number.to_string(), "cloudtrail", "StopLogging", at, &request)
        })
        .collect();
    events[0]["userAgent"] = "\u{1b}]0;owned\u{7}<script>".into();
    let attacked = with_history(base, events);
    let ran = ask("pages", &attacked, "--event-history");
    assert_eq!(ran.case()["event_history"]["events"], 120);
    for name in ["events/history.jsonl", "timeline.jsonl", "timesketch.jsonl", "report.html"] {
        let text = fs::read_to_string(ran.folder.join(name)).unwrap();
        assert!(!text.contains("PLANTED-TOKEN") && !text.contains('\u{1b}'), "{name}");
    }
    let fault = Fault::Answer {
        status: 400,
        content_type: "application/x-amz-json-1.1".to_owned(),
        body: "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}".to_owned(),
    };
    let faults =
        FaultPlan::new().with(Matcher::operation(Operation::LookupEvents), Schedule::always(fault));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(attacked.trail.world.clone(), options).unwrap();
    let ran = investigate_at(&server, "history-refused", &attacked, &["--event-history"]);
    assert!(notices(&ran).contains("event-history-unread"), "{}", ran.case());
    assert_eq!(ran.deed("trail-stopped").unwrap()["who"], "");
}
