//! The evidence of another trail: it is verified when it is searched, and what it holds is proven.
use super::{FROM, Investigated, WHO, investigate};
use crate::support::program::empty_folder;
use serde_json::{Value, json};
use std::path::Path;
use trailproof_testkit::trail::{
    Attacked, BuiltTrail, Deed, DigestAt, EventSpec, LogAt, TrailSpec,
};

const LOG: LogAt = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };

/// What is done to the other trail.
type Harm<'h> = &'h dyn Fn(&mut BuiltTrail);

/// A trail of which a log file was deleted, and the key of that.
fn deleted() -> (Attacked, String) {
    let mut trail = TrailSpec::new().seed(31).hours(24).build();
    let key = trail.chains[0].digests[5].logs[0].key.clone();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    (Attacked { trail, when: 0, ransomed: None }, key)
}

/// Another trail, which has this data event, in a directory.
fn other(
    name: &str,
    bucket: &str,
    key: &str,
    harm: impl Fn(&mut BuiltTrail),
) -> std::path::PathBuf {
    let at = empty_folder(name).join("copy");
    let request = json!({"bucketName": bucket, "key": key}).to_string();
    let event = EventSpec::new("s3.amazonaws.com", "DeleteObject").request(&request).data();
    let spec = TrailSpec::new().seed(77).hours(24).trail("data-events", "us-east-1");
    let mut trail = spec.bucket("other-trail-logs", "us-east-1").event(14, event).build();
    harm(&mut trail);
    trail.write_to(&at).unwrap();
    at
}

fn with(name: &str, attacked: &Attacked, copy: &Path) -> Investigated {
    let keys = copy.join("public-keys.json");
    let own = copy.with_extension("own-keys.json");
    std::fs::write(&own, attacked.trail.public_keys().to_string()).unwrap();
    let [copy, keys, own] = [copy, &keys, &own].map(|path| path.to_str().unwrap());
    let more = ["--also", copy, "--public-keys", keys, "--public-keys", own];
    investigate(name, attacked, &more)
}

#[test]
fn another_trail_shows_who_deleted_a_log_file() {
    let (attacked, key) = deleted();
    let copy = other("also-other", "example-trail-logs", &key, |_| {});
    let ran = with("also", &attacked, &copy);
    let deed = ran.deed("objects-deleted").unwrap_or_else(|| panic!("{:#?}", ran.ran));
    assert_eq!((&deed["confidence"], &deed["witness"]), (&"shown".into(), &"proven".into()));
    assert_eq!((&deed["who"], &deed["from_where"]), (&WHO.into(), &FROM.into()));
    let case = ran.case();
    assert!(case["also"][0]["log_files"].as_u64().unwrap() > 0, "{case}");
    assert!(!case["notices"].to_string().contains("no-data-events"), "{case}");
    // Without it, nobody is named.
    let ran = investigate("also-without", &attacked, &[]);
    assert_eq!(ran.deed("objects-deleted").unwrap()["who"], "");
    assert_eq!(ran.case()["also"], json!([]));
}

/// The other trail names a different object or bucket, or its log file is not what its digest names.
#[test]
fn another_trail_accuses_nobody_of_something_else() {
    let (attacked, key) = deleted();
    let kept = attacked.trail.chains[0].digests[7].logs[0].key.clone();
    let nothing = |_: &mut BuiltTrail| {};
    let forged = |trail: &mut BuiltTrail| {
        let at = trail.chains[0].digests.iter().position(|digest| {
            digest.logs.iter().any(|log| {
                let body = &trail.world.buckets[&log.bucket].current(&log.key).unwrap().body;
                let body = trailproof_testkit::trail::gzip::read(body);
                let trailproof_testkit::trail::gzip::Body::Inflated { bytes, .. } = body else {
                    return false;
                };
                String::from_utf8(bytes).unwrap().contains("DeleteObject")
            })
        });
        let index = at.unwrap();
        for log in 0..trail.chains[0].digests[index].logs.len() {
            let digest = DigestAt { chain: 0, index };
            trail.apply(Deed::LogContentChanged(LogAt { digest, log })).unwrap();
        }
    };
    let worlds: [(&str, &str, &str, Harm<'_>); 3] = [
        ("object", "example-trail-logs", &kept, &nothing),
        ("bucket", "another-bucket", &key, &nothing),
        ("forged", "example-trail-logs", &key, &forged),
    ];
    for (name, bucket, key, harm) in worlds {
        let copy = other(&format!("also-{name}-copy"), bucket, key, harm);
        let ran = with(&format!("also-{name}"), &attacked, &copy);
        for deed in ran.deeds() {
            assert_eq!(deed["who"], "", "{name}: {deed}");
            assert_eq!(deed["confidence"], "possible", "{name}: {deed}");
        }
        assert!(!ran.ran.stdout.contains(WHO), "{name}\n{}", ran.ran.stdout);
        let incomplete: &Value = &ran.case()["also"][0]["complete"];
        assert_eq!(incomplete, &Value::Bool(false), "the first hour has no digest");
    }
}
