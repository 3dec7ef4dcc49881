//! The case folder: its files, their forms, and what must never be in them.
use super::{investigate, serve};
use crate::support::program::{Ran, connected, empty_folder, scratch};
use serde_json::Value;
use std::fs;
use std::path::Path;
use trailproof_core::bytes::content::Hash;
use trailproof_testkit::trail::{
    Attack, Attacked, Deed, DigestAt, EventSpec, LogAt, Told, TrailSpec,
};

const FILES: [&str; 14] = [
    "SHA256SUMS",
    "case.json",
    "diffs/changes.jsonl",
    "diffs/unproven.jsonl",
    "events/events.jsonl",
    "events/history.jsonl",
    "events/proofs.jsonl",
    "ocsf.jsonl",
    "report.html",
    "report.txt",
    "run.record.zst",
    "timeline.csv",
    "timeline.jsonl",
    "timesketch.jsonl",
];

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &Path, below: &str, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => found.push((name, fs::read(entry.path()).unwrap())),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    found
}

/// A trail with hostile events: credentials in an answer, and texts that a terminal, a page or a
/// spreadsheet could take for its own.
fn hostile() -> Attacked {
    let token = EventSpec::new("s3.amazonaws.com", "DeleteBucketReplication").request(
        "{\"bucketName\":\"example-trail-logs\",\"sessionToken\":\"PLANTED-TOKEN\",\
         \"credentials\":{\"SecretAccessKey\":\"PLANTED-SECRET\"},\
         \"environment\":[{\"name\":\"DB_PASSWORD\",\"value\":\"PLANTED-PAIR\"},\"API_KEY=PLANTED-LINE\"],\
         \"parameters\":[{\"ParameterKey\":\"Password\",\"ParameterValue\":\"PLANTED-PARAMETER\"}],\
         \"headers\":[[\"Authorization\",\"Bearer PLANTED-HEADER\"]],\
         \"command\":\"mysql --password PLANTED-FLAG -h db\"}",
    );
    let markup = EventSpec::new("events.amazonaws.com", "DisableRule")
        .by("=cmd|' /C calc'!A0<script>alert(1)</script>")
        .from_address("\u{1b}]0;owned\u{7}\u{202e}")
        .request("{\"name\":\"<img src=x onerror=alert(1)>\"}");
    let refused = EventSpec::new("cloudtrail.amazonaws.com", "StopLogging")
        .request("{\"name\":\"management-events\"}")
        .refused("AccessDenied");
    let mut trail = TrailSpec::new()
        .seed(41)
        .hours(12)
        .event(3, token)
        .event(4, markup)
        .event(5, refused)
        .build();
    trail
        .apply(Deed::LogDeleted(LogAt { digest: DigestAt { chain: 0, index: 3 }, log: 0 }))
        .unwrap();
    Attacked { trail, when: 0, ransomed: None }
}

#[test]
fn a_case_folder_is_whole_and_the_same_each_time() {
    let attacked = Attack::TrailStopped.built(Told::Recorded).unwrap();
    let one = investigate("folder-one", &attacked, &[]);
    let other = investigate("folder-other", &attacked, &[]);
    let (one, other) = (files(&one.folder), files(&other.folder));
    let names: Vec<&str> = one.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, FILES);
    assert_eq!(one, other);
    let sums = String::from_utf8(one[0].1.clone()).unwrap();
    assert_eq!(sums.lines().count(), FILES.len() - 1);
    for (name, bytes) in &one[1..] {
        use sha2::Digest as _;
        let hash: Hash = sha2::Sha256::digest(bytes).into();
        assert!(sums.contains(&format!("{}  {name}\n", hex::encode(hash))), "{name}");
    }
}

#[test]
fn no_secret_and_nothing_hostile_is_in_the_folder() {
    let ran = investigate("folder-hostile", &hostile(), &["--pivot"]);
    assert!(ran.ran.stdout.contains("watchers-off"), "{}\n{}", ran.ran.stdout, ran.ran.stderr);
    let all = files(&ran.folder);
    for (name, bytes) in &all {
        for planted in [
            "PLANTED-TOKEN",
            "PLANTED-SECRET",
            "PLANTED-PAIR",
            "PLANTED-LINE",
            "PLANTED-PARAMETER",
            "PLANTED-HEADER",
            "PLANTED-FLAG",
        ] {
            assert!(
                memchr::memmem::find(bytes, planted.as_bytes()).is_none(),
                "{planted} in {name}"
            );
        }
        if name.ends_with(".zst") {
            continue;
        }
        let text = std::str::from_utf8(bytes).unwrap();
        let unsafe_for = |it: char| (it.is_control() && !"\r\n".contains(it)) || it == '\u{202e}';
        assert_eq!(text.chars().find(|it| unsafe_for(*it)), None, "{name}");
    }
    let of = |name: &str| {
        let found = all.iter().find(|(known, _)| known == name).unwrap();
        String::from_utf8(found.1.clone()).unwrap()
    };
    let page = of("report.html");
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "markup of an event is in the page"
    );
    assert!(page.contains("default-src 'none'"), "the page has no policy");
    let table = of("timeline.csv");
    for row in csv::Reader::from_reader(table.as_bytes()).records().map(Result::unwrap) {
        assert!(!row.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
    // What is beside the secrets is there.
    assert!(of("events/events.jsonl").contains("\"ParameterKey\":\"Password\""));
    // A refused call is an attempt, and no deed.
    let timeline = of("timeline.jsonl");
    let attempt = timeline.lines().find(|line| line.contains("AccessDenied")).unwrap();
    let attempt: Value = serde_json::from_str(attempt).unwrap();
    assert_eq!(
        (&attempt["what"], &attempt["outcome"]),
        (&"StopLogging".into(), &"AccessDenied".into())
    );
    assert!(!ran.ran.stdout.contains("trail-stopped"), "{}", ran.ran.stdout);
}

/// Timesketch's importer demands `message`, `datetime` and `timestamp_desc`; its taggers and plaso's
/// formatter read the other fields, and match inside of the event's compact JSON.
#[test]
fn timesketch_lines_have_the_fields_that_its_importer_and_taggers_read() {
    let attacked = Attack::TrailStopped.built(Told::Recorded).unwrap();
    let ran = investigate("folder-timesketch", &attacked, &[]);
    let text = fs::read_to_string(ran.folder.join("timesketch.jsonl")).unwrap();
    let reserved = ["_id", "_type", "_index", "_source", "__ts_timeline_id"];
    let mut events = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object().unwrap();
        for name in ["message", "datetime", "timestamp_desc", "data_type", "proof"] {
            assert!(fields[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {line}");
        }
        assert!(fields.keys().all(|name| !reserved.contains(&name.as_str())), "{line}");
        assert!(fields.values().filter_map(Value::as_str).all(|text| text.len() <= 32_766));
        let at = chrono::DateTime::parse_from_rfc3339(line["datetime"].as_str().unwrap()).unwrap();
        assert_eq!(line["timestamp"], at.timestamp() * 1_000_000);
        assert_eq!(line["tag"][0], "trailproof");
        if line["data_type"] == "aws:cloudtrail:entry" {
            events += 1;
            assert_eq!(line["timestamp_desc"], "Recorded Time");
            for name in [
                "access_key",
                "account_identifier",
                "event_name",
                "event_source",
                "resources",
                "source_ip",
                "user_identity_arn",
                "username",
                "user_name",
            ] {
                assert!(fields.contains_key(name), "{name}: {line}");
            }
            let inner = line["cloud_trail_event"].as_str().unwrap();
            assert!(inner.contains("\"readOnly\":true"), "{inner}");
            assert!(serde_json::from_str::<Value>(inner).is_ok());
        }
    }
    assert!(events >= 2, "{text}");
    assert!(text.contains("\"T1685.002\""), "{text}");
}

#[test]
fn a_record_and_its_location_give_the_same_case() {
    let attacked = Attack::ObjectsDeleted.built(Told::Recorded).unwrap();
    let first = investigate("record-first", &attacked, &[]);
    let server = serve(&attacked);
    let again = scratch("investigate-record-again");
    let record = first.folder.join("run.record.zst");
    let arguments =
        ["investigate", record.to_str().unwrap(), "--quiet", "--case", again.to_str().unwrap()];
    let ran = Ran::from(&mut connected(&server, &arguments));
    assert_eq!(ran.status, first.ran.status, "{ran:#?}");
    let (mut of_first, mut of_again) = (files(&first.folder), files(&again));
    // A record that was given is trusted, and the case says so.
    let notices = |folder: &Path| {
        let text = fs::read_to_string(folder.join("case.json")).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        case["notices"].to_string().contains("record-trusted")
    };
    assert_eq!((notices(&first.folder), notices(&again)), (false, true));
    let says = |name: &str| ["case.json", "report.txt", "report.html"].contains(&name);
    let kept = |name: &str| name != "run.record.zst" && name != "SHA256SUMS" && !says(name);
    of_first.retain(|(name, _)| kept(name));
    of_again.retain(|(name, _)| kept(name));
    assert!(of_first == of_again, "the files of both cases differ");
    // A record says nothing about a different bucket.
    let elsewhere = scratch("investigate-record-elsewhere");
    let other = ["s3://other-bucket", "--case", elsewhere.to_str().unwrap()];
    let other = [&["investigate", record.to_str().unwrap(), "--quiet"][..], &other].concat();
    let ran = Ran::from(&mut connected(&server, &other));
    assert!(![0, 1].contains(&ran.status) && !elsewhere.exists(), "{ran:#?}");
    assert!(ran.stderr.contains("other-bucket"), "{ran:#?}");
    // A case that exists is never written into.
    Ran::from(&mut connected(&server, &arguments)).is(2, "already exists");
}

#[test]
fn access_logs_name_who_deleted_by_an_unsigned_witness() {
    let attacked = Attack::ObjectsDeleted.built(Told::Lost).unwrap();
    let log = &attacked.trail.chains[0].digests[5].logs[0];
    let key = log.key.replace('%', "%2525");
    let line = format!(
        "79a59df900b949e5 {} [01/Mar/2026:15:00:38 +0000] 192.0.2.3 {} 3E57427F3EXAMPLE \
         REST.DELETE.OBJECT {key} \"DELETE /x HTTP/1.1\" 204 - - 113 7 - \"-\" \"aws-cli\" - host \
         SigV4 TLS AuthHeader host TLSv1.3 - -\n",
        log.bucket, "arn:aws:iam::111122223333:user/trudy"
    );
    let logs = empty_folder("investigate-access-logs");
    fs::write(logs.join("2026-03-01"), line).unwrap();
    let ran = investigate("access", &attacked, &["--access-logs", logs.to_str().unwrap()]);
    // The log files of the lost event's hour are gone too, and no line names who deleted them.
    let named = |deed: &Value| deed["who"] == "arn:aws:iam::111122223333:user/trudy";
    let deed = ran.deeds().into_iter().find(named).unwrap_or_else(|| panic!("{}", ran.case()));
    assert_eq!(deed["technique"], "objects-deleted");
    assert_eq!((&deed["confidence"], &deed["witness"]), (&"likely".into(), &"unsigned".into()));
    assert_eq!(
        (&deed["when"], &deed["from_where"]),
        (&"2026-03-01T15:00:38Z".into(), &"192.0.2.3".into())
    );
}
