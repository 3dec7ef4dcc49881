//! Objects that are not in the mirror and are reported as such.
use super::*;
use sha2::Digest as _;

/// Objects that no digest names are copied too, within period and scope. The manifest records what
/// is left out.
#[test]
fn a_scope_copies_its_part_and_the_manifest_records_what_is_missing() {
    let mut trail = trail();
    let name = bucket(&trail);
    let here = |key: &&str| key.contains("/us-east-1/");
    let log = trail.logs().map(|(_, log)| log.key.as_str()).find(here).unwrap().to_owned();
    let added = log.replace(".json.gz", "x.json.gz");
    trail.put(&name, &added, object(b"added"));
    trail.put(&name, "other/things", object(b"nothing of CloudTrail's"));
    let server = serve(&trail);
    let at = fresh("scope");
    let ran = mirror(&server, &trail, &at, &["--region", "us-east-1"]);
    assert!(ran.stderr.contains("0 could not be read"), "{}", ran.stderr);
    let manifest = manifest(&at);
    let copied =
        |key: &str| manifest.iter().any(|line| line["key"] == key && line["copied"].is_object());
    assert!(copied(&added), "an object that no digest names must be copied");
    assert!(trail.logs().all(|(_, log)| copied(&log.key) == log.key.contains("/us-east-1/")));
    assert!(!copied("other/things"));
    drop(server);
    let scoped = verify_more(&trail, &at, &["--region", "us-east-1"]);
    assert_eq!(scoped.events(), ran.events());
    // Without the scope, the mirror does not count as the whole bucket.
    let all = verify_more(&trail, &at, &[]);
    assert_eq!(all.status, 3, "{}", all.stderr);
    let unread: Vec<Value> =
        all.jsonl().into_iter().filter(|event| !event["read_failure"].is_null()).collect();
    let code = |event: &Value| event["read_failure"]["code"].as_str().unwrap().to_owned();
    assert!(unread.iter().filter(|event| code(event) == "not-copied").count() >= 12, "{unread:?}");
    let (objects, folders): (Vec<&Value>, Vec<&Value>) =
        unread.iter().partition(|event| event["key"].is_string());
    assert!(objects.iter().all(|event| event["key"].as_str().unwrap().contains("/eu-west-1/")));
    assert!(folders.iter().any(|event| event["folder"] == "AWSLogs/"), "{folders:?}");
    assert!(all.findings().is_empty());
}

/// In a wider period, objects that were not mirrored are not reported as missing.
#[test]
fn a_wider_period_yields_no_finding() {
    let trail =
        TrailSpec::new().seed(6).time(START, 120).logs(LogPlan::Constant(1), LogSizes::Small);
    let trail = trail.build();
    let server = serve(&trail);
    let at = fresh("period");
    let whole = trail.whole();
    let (from, to) = (iso(whole.from + 50 * 3_600), iso(whole.from + 70 * 3_600));
    let location = format!("s3://{}", bucket(&trail));
    let path = at.to_str().unwrap();
    let part = aws(&server, &["mirror", &location, path, "--start-time", &from, "--end-time", &to]);
    assert_eq!(part.status, 0, "{}", part.stderr);
    drop(server);
    let wide = verify_offline(&trail, &at);
    assert_eq!(wide.status, 3, "{}", wide.stderr);
    assert!(wide.findings().is_empty(), "{:?}", wide.findings());
    let narrow = |from: i64, to: i64| {
        let arguments = ["--start-time", &iso(from), "--end-time", &iso(to)];
        offline(&[&["verify", path, "--public-keys", &keys(&at)][..], &arguments, &JSONL].concat())
    };
    let narrow = narrow(whole.from + 55 * 3_600, whole.from + 60 * 3_600);
    assert_eq!(narrow.status, 0, "{}", narrow.stderr);
}

/// An object that could not be read is reported offline as before, and the next run retries it.
#[test]
fn an_unreadable_object_is_reported_and_fetched_by_the_next_run() {
    let mut trail = trail();
    let name = bucket(&trail);
    let logs: Vec<String> = trail.logs().map(|(_, log)| log.key.clone()).collect();
    let added = logs[0].replace(".json.gz", "x.json.gz");
    trail.put(&name, &added, object(b"added"));
    let faults = FaultPlan::new()
        .with(Matcher::get(&logs[3]), Schedule::always(Fault::SlowDown))
        .with(Matcher::get(&logs[4]), Schedule::always(Fault::BodyCut { after: 100 }));
    let access = AccessRules {
        denied_get_prefixes: vec![logs[2].clone(), added.clone()],
        ..AccessRules::default()
    };
    let options = ServerOptions { access, faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh("unread");
    let ran = mirror(&server, &trail, &at, &[]);
    assert_eq!(ran.status, 3);
    drop(server);
    let offline = verify_offline(&trail, &at);
    assert_eq!(offline.events(), ran.events());
    let codes: BTreeMap<String, String> = manifest(&at)
        .iter()
        .filter_map(|line| {
            let code = line["failed"]["code"].as_str()?;
            Some((line["key"].as_str()?.to_owned(), code.to_owned()))
        })
        .collect();
    let expected = [
        (&logs[2], "denied"),
        (&logs[3], "throttled"),
        (&logs[4], "truncated"),
        (&added, "denied"),
    ];
    let expected = expected.map(|(key, code)| (key.clone(), code.to_owned()));
    assert_eq!(codes, BTreeMap::from(expected));
    let server = serve(&trail);
    let again = mirror(&server, &trail, &at, &[]);
    assert_eq!(server.requests().of(Operation::GetObject), 4);
    assert_eq!(again.events(), verify_bucket(&server, &trail).events());
    assert!(manifest(&at).iter().all(|line| line["failed"].is_null()));
}

/// A file that vanished from the mirror was not deleted in AWS.
#[test]
fn a_file_deleted_from_the_mirror_is_not_missing_from_the_bucket() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("left");
    mirror(&server, &trail, &at, &[]);
    drop(server);
    let log = trail.logs().next().unwrap().1.clone();
    let digest = trail.chains[0].digests[5].clone();
    for (bucket, key) in [(&log.bucket, &log.key), (&digest.bucket, &digest.key)] {
        fs::remove_file(at.join(bucket).join(key)).unwrap();
    }
    let ran = verify_offline(&trail, &at);
    assert_eq!(ran.status, 3);
    assert!(ran.findings().is_empty(), "{:?}", ran.findings());
    let failures: Vec<Value> =
        ran.jsonl().into_iter().filter(|event| !event["read_failure"].is_null()).collect();
    assert!(failures.len() >= 2);
    for event in failures {
        assert_eq!(event["read_failure"]["code"], "not-copied");
        let detail = event["read_failure"]["detail"].as_str().unwrap();
        assert!(detail.contains("is no longer in the mirror"), "{detail}");
    }
    // A file that was added is detected.
    let log = trail.chains[1].digests[7].logs[0].clone();
    let added = at.join(&log.bucket).join(log.key.replace(".json.gz", "x.json.gz"));
    fs::write(added, "x").unwrap();
    assert_eq!(verify_offline(&trail, &at).of_kind("log-unlisted").len(), 1);
}

/// A file that changed after it was copied is damaged, whatever it contains now: the manifest has
/// the hash of what the store returned. Bytes that the store returned and that do not prove are a
/// finding, in a mirror too.
#[test]
fn a_file_changed_since_it_was_copied_is_damaged_and_not_a_finding() {
    let mut trail = trail();
    let logs: Vec<_> = trail.logs().map(|(_, log)| log.clone()).collect();
    trail.put(&logs[9].bucket, &logs[9].key, object(b"tampered with in the bucket"));
    let server = serve(&trail);
    let at = fresh("damaged");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 1);
    drop(server);
    let clean = verify_offline(&trail, &at);
    assert_eq!(clean.findings(), [(logs[9].key.clone(), "log-malformed".to_owned())].into());
    let digest = trail.chains[0].digests[5].clone();
    let file = |bucket: &str, key: &str| at.join(bucket).join(key);
    let zipped = |text: &[u8]| {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut zip, text).unwrap();
        zip.finish().unwrap()
    };
    type Damage<'d> = Box<dyn Fn(&[u8]) -> Vec<u8> + 'd>;
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    let damages: Vec<Damage<'_>> = vec![
        Box::new(flip),
        Box::new(|bytes| bytes[..bytes.len() / 2].to_vec()),
        Box::new(|_| Vec::new()),
        Box::new(|bytes| [bytes, b"more"].concat()),
        Box::new(|_| zipped(b"{\"Records\":[]}")),
        Box::new(|_| b"not at all".to_vec()),
    ];
    for (bucket, key) in [(&logs[0].bucket, &logs[0].key), (&digest.bucket, &digest.key)] {
        let whole = fs::read(file(bucket, key)).unwrap();
        for (number, damage) in damages.iter().enumerate() {
            let damaged = damage(&whole);
            fs::write(file(bucket, key), &damaged).unwrap();
            let ran = verify_offline(&trail, &at);
            assert_eq!(ran.findings(), clean.findings(), "{number} {key}");
            let judged = ran.jsonl();
            let is_it = |event: &&Value| {
                event["key"] == **key && event["read_failure"]["code"] == "copy-damaged"
            };
            let event = judged.iter().find(is_it).unwrap_or_else(|| panic!("{number} {key}"));
            let detail = event["read_failure"]["detail"].as_str().unwrap();
            for bytes in [&whole, &damaged] {
                let hash = hex::encode(sha2::Sha256::digest(bytes));
                assert!(detail.contains(&hash), "{number}: {detail}");
            }
        }
        fs::write(file(bucket, key), &whole).unwrap();
    }
    // Damage alone: not proven, with a hint about the copy and none about the bucket.
    let mut sound = trail.clone();
    let (_, genuine) =
        self::trail().logs().nth(9).map(|(id, log)| (id.clone(), log.clone())).unwrap();
    let body = self::trail().current(&genuine.bucket, &genuine.key).unwrap().clone();
    sound.put(&genuine.bucket, &genuine.key, body);
    let server = serve(&sound);
    let at = fresh("damaged-alone");
    assert_eq!(mirror(&server, &sound, &at, &[]).status, 0);
    drop(server);
    let path = at.join(&logs[0].bucket).join(&logs[0].key);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, flip(&whole)).unwrap();
    let (path, keys, period) = (at.to_str().unwrap(), keys(&at), period(&sound));
    let text = offline(&[&["verify", path, "--public-keys", &keys][..], &slices(&period)].concat());
    assert_eq!(text.status, 3, "{}", text.stdout);
    assert!(text.stdout.contains("mirror again or take another copy"), "{}", text.stdout);
    assert!(!text.stdout.contains("preserve the bucket"), "{}", text.stdout);
    // If the manifest records that the store returned these very bytes, they are a finding.
    let manifest = at.join("trailproof-manifest.jsonl");
    let hash = |bytes: &[u8]| hex::encode(sha2::Sha256::digest(bytes));
    let lines = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, lines.replace(&hash(&whole), &hash(&flip(&whole)))).unwrap();
    let ran = verify_offline(&sound, &at);
    assert_eq!((ran.status, ran.findings().len()), (1, 1));
}

/// The header names the bucket that is read. Other folders in the directory are not silently
/// skipped.
#[test]
fn folders_beside_the_mirror_are_named() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("beside");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    assert!(!verify_offline(&trail, &at).stderr.contains("not looked at"));
    let other = at.join("victim-bucket/AWSLogs");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("x"), "").unwrap();
    let ran = verify_offline(&trail, &at);
    assert!(ran.stderr.contains("not looked at: `victim-bucket`"), "{}", ran.stderr);
}

/// A mirror that stands in for a bucket provides its signatures too.
#[test]
fn a_relocation_to_a_mirror_reads_it_as_one() {
    let trail = trail();
    let server = serve(&trail);
    let (at, other) = (fresh("relocated"), fresh("relocated-from"));
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    // A part of the same trail. By itself it proves nothing.
    fs::create_dir_all(&other).unwrap();
    let log = trail.logs().next().unwrap().1.key.clone();
    let name = bucket(&trail);
    let digest = trail.chains[0].digests[0].key.clone();
    for key in [&log, &digest] {
        let to = other.join(key);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(at.join(&name).join(key), to).unwrap();
    }
    let rule = format!("s3://{name}={}", at.display());
    let words = [
        vec!["verify".to_owned(), other.display().to_string(), "--relocate".to_owned(), rule],
        vec!["--public-keys".to_owned(), keys(&at)],
        JSONL.map(str::to_owned).into(),
        period(&trail),
    ]
    .concat();
    let ran = offline(&slices(&words));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.findings(), BTreeMap::new());
}
